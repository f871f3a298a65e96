"""Identity, insurance and tax numbers of persons, by country: a written form, a check, and where needed a word.

A check digit alone says little of nine to thirteen bare digits: one number in ten passes. Such a scheme needs a word
that names it in the 48 characters before the number. Forms that little else has need none (`123.456.789-09`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import NamedTuple

from filters.pii import identity_checks as checks
from filters.pii.kinds import Found
from filters.pii.patterns import compiled, said_before, stands_alone
from filters.pii.runs import Run


class Scheme(NamedTuple):
    """One number scheme. `cue` is the word that it needs before it, empty where its form is enough."""

    name: str
    form: str
    check: Callable[[str], bool]
    cue: str = ""


_S = r"[ \-.]?"  # a separator or none
SCHEMES: tuple[Scheme, ...] = (
    # forms that little else has
    Scheme("br_cpf", r"[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}", checks.cpf),
    Scheme("br_cnpj", r"[0-9]{2}\.[0-9]{3}\.[0-9]{3}/[0-9]{4}-[0-9]{2}", checks.cnpj),
    Scheme("fr_nir", r"[12] ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}", checks.nir),
    Scheme("it_cf", r"(?i:[A-Z]{6}[0-9]{2}[ABCDEHLMPRST][0-9]{2}[A-Z][0-9]{3}[A-Z])", checks.codice_fiscale),
    Scheme("fi_hetu", r"[0-9]{6}[-+][0-9]{3}[0-9A-Y]", checks.hetu),
    Scheme("be_nrn", r"[0-9]{2}\.[0-9]{2}\.[0-9]{2}-[0-9]{3}\.[0-9]{2}", checks.rijksregister),
    Scheme("ch_ahv", r"756\.?[0-9]{4}\.?[0-9]{4}\.?[0-9]{2}", checks.ahv),
    Scheme("cn_id", r"[1-8][0-9]{16}[0-9Xx]", checks.resident_id),
    Scheme("kr_rrn", r"[0-9]{6}-[1-8][0-9]{6}", checks.rrn),
    Scheme("mx_curp", r"[A-Z]{4}[0-9]{6}[HMX][A-Z]{5}[0-9A-Z][0-9]", checks.curp),
    Scheme("ar_cuit", r"2[034567]-[0-9]{8}-[0-9]", checks.cuit),
    Scheme("cl_rut", r"[1-9][0-9]?\.[0-9]{3}\.[0-9]{3}-[0-9Kk]", checks.rut),
    Scheme("ru_snils", r"[0-9]{3}-[0-9]{3}-[0-9]{3}[ \-][0-9]{2}", checks.snils),
    Scheme("uk_nino", r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] [0-9]{2} [0-9]{2} [0-9]{2} [A-D]", checks.nino),
    Scheme("fr_nir", r"[12] ?[0-9]{2} ?[0-9]{2} ?2[AB] ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}", checks.nir),
    Scheme("fi_hetu", r"[0-9]{6}[A-FU-Y][0-9]{3}[0-9A-Y]", checks.hetu),
    Scheme("se_pnr", r"(?:19|20)[0-9]{6}-[0-9]{4}", checks.personnummer),
    # forms that need a word
    Scheme("uk_nhs", rf"[0-9]{{3}}{_S}[0-9]{{3}}{_S}[0-9]{{4}}", checks.nhs, r"\bnhs\b|national health"),
    Scheme("uk_nino", r"[A-Z]{2} ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-DT]", checks.any_of_its_form,
           r"national insurance|\bnino?\b|\bni (?:no|num)"),
    Scheme("br_cpf", rf"[0-9]{{3}}{_S}[0-9]{{3}}{_S}[0-9]{{3}}{_S}[0-9]{{2}}", checks.cpf, r"\bcpf\b"),
    Scheme("br_cnpj", r"[0-9]{14}", checks.cnpj, r"\bcnpj\b"),
    Scheme("es_dni", rf"[XYZ0-9][0-9]{{7}}{_S}[A-HJ-NP-TV-Z]", checks.dni,
           r"\bd\.?n\.?i\b|\bn\.?i\.?[ef]\b|documento|identidad"),
    Scheme("de_tin", rf"[1-9][0-9]{_S}[0-9]{{3}}{_S}[0-9]{{3}}{_S}[0-9]{{3}}", checks.steuer_id,
           r"steuer|\btin\b|\bidnr|id-?nr|tax[ -]?(?:id|no|num)"),
    Scheme("nl_bsn", rf"[0-9]{{4}}{_S}[0-9]{{2}}{_S}[0-9]{{3}}|[0-9]{{3}}{_S}[0-9]{{3}}{_S}[0-9]{{3}}", checks.bsn,
           r"\bbsn\b|burgerservice|sofi"),
    Scheme("pl_pesel", r"[0-9]{11}", checks.pesel, r"pesel"),
    Scheme("in_aadhaar", rf"[2-9][0-9]{{3}}{_S}[0-9]{{4}}{_S}[0-9]{{4}}", checks.aadhaar,
           r"aa?dh?aa?r|uidai|\buid\b|आधार"),
    Scheme("in_pan", r"[A-Z]{5}[0-9]{4}[A-Z]", checks.pan,
           r"\bpan\b(?: ?(?:no|card|num|is|:|#))|permanent account"),
    Scheme("ca_sin", rf"[1-9][0-9]{{2}}{_S}[0-9]{{3}}{_S}[0-9]{{3}}", checks.sin,
           r"\bsin ?(?:no|num|is|:|#)|\bSIN\b|social insurance|assurance sociale"),
    Scheme("au_tfn", rf"[0-9]{{3}}{_S}[0-9]{{3}}{_S}[0-9]{{3}}", checks.tfn, r"\btfn\b|tax file"),
    Scheme("se_pnr", r"(?:19|20)?[0-9]{6}[-+ ]?[0-9]{4}", checks.personnummer,
           r"person(?:al)?[ -]?(?:nummer|number|nr)|\bpnr\b|samordning"),
    Scheme("be_nrn", r"[0-9]{2}[.\- ]?[0-9]{2}[.\- ]?[0-9]{2}[.\- ]?[0-9]{3}[.\- ]?[0-9]{2}", checks.rijksregister,
           r"rijksregister|registre national|national number|\bnrn\b|insz|niss"),
    Scheme("dk_cpr", r"[0-9]{6}[\- ]?[0-9]{4}", checks.cpr, r"\bcpr\b|personnummer"),
    Scheme("no_fnr", r"[0-9]{6} ?[0-9]{5}", checks.fodselsnummer, r"f[øo]dselsn|personnummer|\bfnr\b"),
    Scheme("tr_tckn", r"[1-9][0-9]{10}", checks.tckn,
           r"kimlik|\bt\.?c\.?(?: ?no| kimlik)|tckn"),
    Scheme("kr_rrn", r"[0-9]{6} ?-? ?[1-8][0-9]{6}", checks.rrn_date, r"주민|\brrn\b|resident regist"),
    Scheme("jp_mynumber", rf"[0-9]{{4}}{_S}[0-9]{{4}}{_S}[0-9]{{4}}", checks.my_number,
           r"マイナンバー|個人番号|my ?number"),
    Scheme("sg_nric", r"[STFG][0-9]{7}[A-Z]", checks.nric, r"\bnric\b|\bfin ?(?:no|num|:|#)|singapore"),
    Scheme("za_id", r"[0-9]{6} ?[0-9]{4} ?[0-9]{3}", checks.said,
           r"\bid ?(?:no|num|nr|:|#|is)|identity (?:no|num|doc)|south african id"),
    Scheme("il_id", r"[0-9]{9}", checks.teudat_zehut, r"ת\.?ז|תעודת זהות|teudat|israeli? id"),
    Scheme("ar_cuit", r"2[034567][\- ]?[0-9]{8}[\- ]?[0-9]", checks.cuit, r"\bcui[lt]\b"),
    Scheme("cl_rut", r"[1-9][0-9]{6,7}-?[0-9Kk]", checks.rut, r"\brut\b"),
    Scheme("pt_nif", rf"[1-3][0-9]{{2}}{_S}[0-9]{{3}}{_S}[0-9]{{3}}", checks.nif, r"\bnif\b|contribuinte"),
    Scheme("gr_amka", r"[0-9]{11}", checks.amka, r"amka|αμκα"),
    Scheme("cz_rc", r"[0-9]{6}/?[0-9]{4}", checks.rodne_cislo, r"rodn[ée] [čc][íi]slo|\br\.?[čc]\b|birth number"),
    Scheme("ro_cnp", r"[1-9][0-9]{12}", checks.cnp, r"\bcnp\b|cod numeric"),
    Scheme("bg_egn", r"[0-9]{10}", checks.egn, r"\begn\b|егн"),
    Scheme("ru_snils", r"[0-9]{11}", checks.snils, r"снилс|snils"),
    Scheme("ru_inn", r"[0-9]{12}", checks.inn, r"инн|\binn\b"),
    Scheme("us_itin", r"9[0-9]{2}[\- ]?[0-9]{2}[\- ]?[0-9]{4}", checks.itin, r"\bitin\b|taxpayer|tax id"),
)  # fmt: skip
_LETTERED = tuple(  # no run of seven digits is in these
    scheme
    for scheme in SCHEMES
    if scheme.name in ("it_cf", "mx_curp", "uk_nino", "in_pan")
    or "[AB] ?" in scheme.form
    or "[A-FU-Y]" in scheme.form
)
_NUMERIC = tuple(scheme for scheme in SCHEMES if scheme not in _LETTERED)
_CUES = "(?i)" + "|".join(dict.fromkeys(scheme.cue for scheme in _NUMERIC if scheme.cue))
_OWN_FORM = "|".join(f"(?:{scheme.form})" for scheme in _NUMERIC if not scheme.cue)
REACH = 48  # characters between the beginning of a word and its number
LONGEST = 28  # characters of a written number

GATE = (
    r"[A-Z]{4}[0-9]{6}[HMX]|[A-Za-z]{6}[0-9]{2}[A-Za-z][0-9]{2}|[A-Za-z][0-9]{3}[A-Za-z]|[A-Z]{5}[0-9]{4}[A-Z]"
    r"|[A-Z]{2} ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-DT]|[0-9]{2} ?2[AB] ?[0-9]{3}|[0-9]{6}[A-FU-Y][0-9]{3}[0-9A-Y]"
)


def find_lettered(text: str) -> Iterator[Found]:
    """The identity numbers of a text that begin with letters."""
    for scheme in _LETTERED:
        for match in compiled(scheme.form).finditer(text):
            start, end = match.span()
            if not scheme.cue or said_before(text, start, f"(?i){scheme.cue}", REACH):
                yield from _checked(text, start, end, scheme)


def find(text: str, runs: Iterable[Run]) -> Iterator[Found]:
    """The identity numbers among the runs of digits of a text: by their form, or after a word that names a scheme."""
    for run in runs:
        start = run.groups[0][0]
        if start and text[start - 1] in "XYZSTFG":
            start -= 1  # a letter that belongs to the number
        if run.end - start < 8:
            continue
        window = text[start : start + LONGEST]
        named = compiled(_CUES).search(text[max(0, start - REACH) : start]) is not None
        if not named and compiled(_OWN_FORM).match(window) is None:
            continue
        yield from islice(_fitting(text, start, window), 1)


def _fitting(text: str, start: int, window: str) -> Iterator[Found]:
    for scheme in _NUMERIC:
        match = compiled(scheme.form).match(window)
        if match is not None and (not scheme.cue or said_before(text, start, f"(?i){scheme.cue}", REACH)):
            yield from _checked(text, start, start + match.end(), scheme)


def _checked(text: str, start: int, end: int, scheme: Scheme) -> Iterator[Found]:
    value = text[start:end]
    plain = "".join(filter(str.isalnum, value)).upper()
    if stands_alone(text, start, end) and not _joined(text, start, end) and scheme.check(plain):
        yield Found("national_ids", start, end, value, scheme.name)


def _joined(text: str, start: int, end: int) -> bool:
    """Whether a hyphen, a point or a slash joins the number to more."""
    before, after = text[max(0, start - 2) : start], text[end : end + 2]
    left = before[-1:] in ("-", ".", "/", "=") and before[:1].isalnum()
    return left or (after[:1] in ("-", ".", "/") and after[1:].isalnum())
