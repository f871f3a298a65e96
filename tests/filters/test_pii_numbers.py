"""Cards, accounts, social security and other identity numbers: both sides of every check."""

from __future__ import annotations

import pytest

from filters.pii import find
from filters.pii.cards import issuer
from filters.pii.checksums import base58check, bech32, iso11_10, luhn, mod97, verhoeff
from filters.pii.national_ids import SCHEMES


def found(text: str) -> list[tuple[str, str]]:
    return [(one.kind, one.value) for one in find(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("card 4111111111111111", ["4111111111111111"]),
        ("4111 1111 1111 1111, 4111-1111-1111-1111", ["4111 1111 1111 1111", "4111-1111-1111-1111"]),
        ("3782 822463 10005 and 3056 930902 5904", ["3782 822463 10005", "3056 930902 5904"]),
        (
            "4111111111111111 needs no word, nor does 5555555555554444",
            ["4111111111111111", "5555555555554444"],
        ),
        ("my card 675983000000", ["675983000000"]),
        ("675983000000 or card 675983000001", []),
        ("card number 4222222222222 is lost", ["4222222222222"]),
        ("4222222222222 may be an article's number", []),
        ("credit card 060426070011", ["060426070011"]),
        ("4111111111111112, 4111 1111 1111 1112", []),  # Luhn
        ("card 9111111111111110 of no issuer", ["9111111111111110"]),
        ("9111111111111110", []),
        ("id=4111111111111111, 4111111111111111.5, x4111111111111111, order no. 4111111111111111", []),
        ("4111  1111-1111 1111", []),
    ],
)
def test_cards(text: str, expected: list[str]) -> None:
    assert found(text) == [("cards", value) for value in expected]


def test_issuers() -> None:
    numbers = {
        "4111111111111111": "visa", "5555555555554444": "mastercard", "2221000000000009": "mastercard",
        "2720999999999999": "mastercard", "2721000000000000": None, "371449635398431": "amex",
        "30569309025904": "diners",
        "6011111111111117": "discover", "3530111333300000": "jcb", "6221260000000000": "discover",
        "411111111111111": None, "2204000000000000": "mir", "676770000000": "maestro",
    }  # fmt: skip
    assert {number: issuer(number) for number in numbers} == numbers


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("GB82WEST12345698765432", ["GB82WEST12345698765432"]),
        ("IBAN GB82 WEST 1234 5698 7654 32 and more", ["GB82 WEST 1234 5698 7654 32"]),
        ("gb82west12345698765432; DE89370400440532013000", ["gb82west12345698765432", "DE89370400440532013000"]),
        ("NO93 8601 1117 947, FR14 2004 1010 0505 0001 3M02 606",
         ["NO93 8601 1117 947", "FR14 2004 1010 0505 0001 3M02 606"]),
        ("GB83WEST12345698765432, GB82WEST1234569876543", []),  # check digits, length
        ("xGB82WEST12345698765432, GB82WEST12345698765432x, ZZ82WEST12345698765432", []),
    ],
)  # fmt: skip
def test_ibans(text: str, expected: list[str]) -> None:
    assert found(text) == [("ibans", value) for value in expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SSN 219-45-1123, 899-99-9999, 001-01-0001", ["219-45-1123", "899-99-9999", "001-01-0001"]),
        ("my social security number is 219451123", ["219451123"]),
        ("ssn 219 45 1123", ["219 45 1123"]),
        ("219 45 1123 and 219451123 say nothing", []),
        ("SSN 000-45-1123, 666-45-1123, 900-45-1123, 219-00-1123, 219-45-0000", []),
        ("078-05-1120", []),  # printed on a wallet's sample card
        ("part no. 219-45-1123, sku: 219-45-1123, 219-45-1123-9, 8.219-45-1123", []),
        ("+81 158-23-2012", []),
    ],
)
def test_ssns(text: str, expected: list[str]) -> None:
    assert [one.value for one in find(text, ("ssns",))] == expected


IDS = {  # scheme: a valid number as it stands in a text, and the same with a wrong check
    "br_cpf": ("529.982.247-25", "529.982.247-26"),
    "br_cnpj": ("11.222.333/0001-81", "11.222.333/0001-82"),
    "fr_nir": ("2 55 08 14 168 025 38", "2 55 08 14 168 025 39"),
    "it_cf": ("RSSMRA85T10A562S", "RSSMRA85T10A562T"),
    "fi_hetu": ("131052-308T", "131052-308U"),
    "be_nrn": ("85.07.30-033.28", "85.07.30-033.29"),
    "ch_ahv": ("756.9217.0769.85", "756.9217.0769.86"),
    "cn_id": ("11010519491231002X", "110105194912310021"),
    "mx_curp": ("BOXW310820HNERXN09", "BOXW310820HNERXN08"),
    "ar_cuit": ("20-05536168-2", "20-05536168-3"),
    "cl_rut": ("12.531.909-2", "12.531.909-3"),
    "ru_snils": ("112-233-445 95", "112-233-445 96"),
    "uk_nino": ("AB 12 34 56 C", "GB 12 34 56 C"),
    "se_pnr": ("19811228-9874", "19811228-9875"),
    "uk_nhs": ("NHS number 943 476 5919", "NHS number 943 476 5918"),
    "es_dni": ("DNI 54362315K", "DNI 54362315A"),
    "de_tin": ("Steuer-ID: 36 574 261 809", "Steuer-ID: 36 574 261 808"),
    "nl_bsn": ("BSN 1112.22.333", "BSN 1112.52.333"),
    "pl_pesel": ("PESEL 44051401359", "PESEL 44051401358"),
    "in_aadhaar": ("Aadhaar 2341 2341 2346", "Aadhaar 2341 2341 2347"),
    "in_pan": ("PAN: ACUPA7085R", "PAN: ACUQA7085R"),
    "ca_sin": ("SIN: 123-456-782", "SIN: 123-456-783"),
    "au_tfn": ("TFN 123 456 782", "TFN 123 456 783"),
    "dk_cpr": ("CPR 211062-5629", "CPR 212062-5629"),
    "no_fnr": ("fødselsnummer 151086 95088", "fødselsnummer 151086 95077"),
    "tr_tckn": ("TC kimlik no 17291716060", "TC kimlik no 17291716050"),
    "kr_rrn": ("971013-1019901", "971013-1019902"),
    "jp_mynumber": ("マイナンバー 1234 5678 9018", "マイナンバー 1234 5678 9017"),
    "sg_nric": ("NRIC S0000001I", "NRIC S0000001J"),
    "za_id": ("ID number 750330 5044 089", "ID number 750330 5044 088"),
    "il_id": ("ת.ז. 039337423", "ת.ז. 039337424"),
    "pt_nif": ("NIF 123456789", "NIF 123456788"),
    "gr_amka": ("AMKA 01013099997", "AMKA 01013099998"),
    "cz_rc": ("rodné číslo 710319/2745", "rodné číslo 710319/2746"),
    "ro_cnp": ("CNP 1630615123457", "CNP 1630615123458"),
    "bg_egn": ("ЕГН 7523169263", "ЕГН 7523169264"),
    "ru_inn": ("ИНН 500100732259", "ИНН 500100732258"),
    "us_itin": ("ITIN 912-90-3456", "ITIN 912-93-3456"),
}


@pytest.mark.parametrize("scheme", sorted(IDS))
def test_identity_numbers(scheme: str) -> None:
    good, bad = IDS[scheme]
    assert [one.detail for one in find(f"{good}, he said", ("national_ids",))] == [scheme]
    assert find(f"{bad}, he said", ("national_ids",)) == []


def test_every_scheme_has_an_example() -> None:
    assert {scheme.name for scheme in SCHEMES} == set(IDS)


@pytest.mark.parametrize(
    "text", ["943 476 5919", "54362315K", "2341 2341 2346", "44051401359", "ACUPA7085R", "S0000001I"]
)
def test_forms_that_say_nothing_need_a_word(text: str) -> None:
    assert find(f"the number {text} is here", ("national_ids",)) == []


def test_checksums() -> None:
    assert luhn("79927398713")
    assert not luhn("79927398710")
    assert mod97("3214282912345698765432161182") == 1
    assert verhoeff("2363")
    assert not verhoeff("2364")
    assert iso11_10("07945")
    assert not iso11_10("07946")
    assert base58check("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa") is not None
    assert base58check("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb") is None
    assert base58check("0OIl") is None
    assert bech32("bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq")
    assert bech32("bc1p5cyxnuxmeuwuvkwfem96lqzszd02n6xdcjrs20cac6yqjjwudpxqkedrcr")
    assert not bech32("bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdp")
    assert not bech32("Bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq")
