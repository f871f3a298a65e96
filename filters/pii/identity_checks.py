"""Whether digits can be an identity number: one function a scheme, over its digits and letters without separators.

Sources are the issuing authorities' descriptions, as Wikipedia's article on each scheme restates them.
"""

from __future__ import annotations

from filters.pii.checksums import iso11_10, luhn, verhoeff, weighted

_DNI = "TRWAGMYFPDXBNJZSQVHLCKE"
_NRIC = {"S": "JZIHGFEDCBA", "T": "GFEDCBAJZIH", "F": "XWUTRQPNMLK", "G": "RTUWXKLMNPQ"}
_HETU = "0123456789ABCDEFHJKLMNPRSTUVWXY"
_ODD = dict(
    zip(
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16,
         10, 22, 25, 24, 23),
        strict=True,
    )
)  # fmt: skip
_CURP = "0123456789ABCDEFGHIJKLMNÑOPQRSTUVWXYZ"


def _date(year: str, month: str, day: str) -> bool:
    return 1 <= int(month) <= 12 and 1 <= int(day) <= 31 and len(year) > 0


def _repeats(n: str) -> bool:
    return len(set(n)) == 1


def nhs(n: str) -> bool:
    """United Kingdom, NHS number: modulo 11."""
    check = 11 - weighted(n, range(10, 1, -1)) % 11
    return not _repeats(n) and check % 11 == int(n[9]) and check != 10


def cpf(n: str) -> bool:
    """Brazil, CPF: two check digits modulo 11."""
    first = weighted(n, range(10, 1, -1)) * 10 % 11 % 10
    second = weighted(n, range(11, 1, -1)) * 10 % 11 % 10
    return not _repeats(n) and n[9:] == f"{first}{second}"


def cnpj(n: str) -> bool:
    """Brazil, CNPJ: two check digits modulo 11."""
    weights = (6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)
    first = weighted(n[:12], weights[1:]) % 11
    second = weighted(n[:13], weights) % 11
    return not _repeats(n) and n[12:] == "".join(str(0 if r < 2 else 11 - r) for r in (first, second))


def dni(n: str) -> bool:
    """Spain, DNI and NIE: a letter by the number modulo 23."""
    number = str("XYZ".index(n[0])) + n[1:8] if n[0] in "XYZ" else n[:8]
    return _DNI[int(number) % 23] == n[-1]


def nir(n: str) -> bool:
    """France, NIR: 97 less the first 13 digits modulo 97; Corsica's departments 2A and 2B count as 19 and 18."""
    body = n[:13].replace("2A", "19").replace("2B", "18")
    month = int(n[3:5])
    return (
        body.isdigit()
        and (month <= 12 or 20 <= month <= 42 or month >= 50)
        and 97 - int(body) % 97 == int(n[13:])
    )


def steuer_id(n: str) -> bool:
    """Germany, tax id: modulo 11,10; of the first ten digits one or two are repeated, at most three times."""
    counts = [n[:10].count(digit) for digit in set(n[:10])]
    return n[0] != "0" and max(counts) in (2, 3) and iso11_10(n)


def bsn(n: str) -> bool:
    """Netherlands, BSN: modulo 11."""
    return not _repeats(n) and weighted(n, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0


def pesel(n: str) -> bool:
    """Poland, PESEL: a date, modulo 10."""
    month = int(n[2:4]) % 20
    return (
        1 <= month <= 12
        and 1 <= int(n[4:6]) <= 31
        and (10 - weighted(n, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3)) % 10) % 10 == int(n[10])
    )


def codice_fiscale(n: str) -> bool:
    """Italy, codice fiscale: a letter by the sum of odd and even places modulo 26."""
    total = sum(_ODD[c] for c in n[:15:2])
    total += sum(int(c) if c.isdigit() else ord(c) - 65 for c in n[1:15:2])
    return chr(65 + total % 26) == n[15]


def aadhaar(n: str) -> bool:
    """India, Aadhaar: Verhoeff."""
    return n[0] not in "01" and not _repeats(n) and verhoeff(n)


def sin(n: str) -> bool:
    """Canada, SIN: Luhn."""
    return n[0] not in "08" and luhn(n)


def tfn(n: str) -> bool:
    """Australia, TFN: modulo 11."""
    return not _repeats(n) and weighted(n, (1, 4, 3, 7, 5, 8, 6, 9, 10)) % 11 == 0


def personnummer(n: str) -> bool:
    """Sweden, personnummer: a date (a day over 60 for a co-ordination number), Luhn over the last ten digits."""
    n = n[-10:]
    return _date(n[:2], n[2:4], str(int(n[4:6]) % 60)) and luhn(n)


def hetu(n: str) -> bool:
    """Finland, HETU: a date, a sign by the nine digits modulo 31."""
    return _date(n[4:6], n[2:4], n[:2]) and _HETU[int(n[:6] + n[-4:-1]) % 31] == n[-1]


def rijksregister(n: str) -> bool:
    """Belgium, national number: 97 less the first nine digits modulo 97, a 2 before them for births from 2000."""
    if int(n[2:4]) > 52 or int(n[4:6]) > 31:
        return False
    return int(n[9:]) in (97 - int(n[:9]) % 97, 97 - int("2" + n[:9]) % 97)


def ahv(n: str) -> bool:
    """Switzerland, AHV number: the check digit of an EAN."""
    return n.startswith("756") and (10 - weighted(n, (1, 3) * 6) % 10) % 10 == int(n[12])


def cpr(n: str) -> bool:
    """Denmark, CPR: a date; the check digit has been given up."""
    return _date(n[4:6], n[2:4], n[:2])


def fodselsnummer(n: str) -> bool:
    """Norway, fødselsnummer: two check digits modulo 11."""
    first = -weighted(n, (3, 7, 6, 1, 8, 9, 4, 5, 2)) % 11
    second = -weighted(n[:10], (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return n[9:] == f"{first}{second}"


def tckn(n: str) -> bool:
    """Turkey, T.C. kimlik numarası: two check digits modulo 10."""
    figures = [int(c) for c in n]
    tenth = (7 * sum(figures[0:9:2]) - sum(figures[1:8:2])) % 10
    return n[0] != "0" and figures[9] == tenth and sum(figures[:10]) % 10 == figures[10]


def resident_id(n: str) -> bool:
    """China, resident identity number: a date, ISO 7064 modulo 11,2."""
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    born = n[6:8] in ("19", "20") and _date(n[6:10], n[10:12], n[12:14])
    return n[0] not in "09" and born and "10X98765432"[weighted(n[:17], weights) % 11] == n[17]


def rrn(n: str) -> bool:
    """South Korea, resident registration number: a date, a check digit modulo 11."""
    check = (11 - weighted(n, (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)) % 11) % 10
    return _date(n[:2], n[2:4], n[4:6]) and n[6] in "12345678" and check == int(n[12])


def rrn_date(n: str) -> bool:
    """South Korea, resident registration number: a date alone; numbers given since October 2020 have no check digit."""
    return _date(n[:2], n[2:4], n[4:6])


def any_of_its_form(n: str) -> bool:
    """A number that has no check digit and that a word announces."""
    return True


def my_number(n: str) -> bool:
    """Japan, individual number: a check digit modulo 11."""
    rest = weighted(n, (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return not _repeats(n) and (0 if rest <= 1 else 11 - rest) == int(n[11])


def curp(n: str) -> bool:
    """Mexico, CURP: a date, a check digit modulo 10."""
    total = sum(_CURP.index(c) * (18 - i) for i, c in enumerate(n[:17]))
    return _date(n[4:6], n[6:8], n[8:10]) and n[17].isdigit() and -total % 10 == int(n[17])


def nric(n: str) -> bool:
    """Singapore, NRIC and FIN: a letter modulo 11."""
    return _NRIC[n[0]][weighted(n[1:8], (2, 7, 6, 5, 4, 3, 2)) % 11] == n[8]


def said(n: str) -> bool:
    """South Africa, identity number: a date, Luhn."""
    return _date(n[:2], n[2:4], n[4:6]) and luhn(n)


def teudat_zehut(n: str) -> bool:
    """Israel, identity number: Luhn from the left."""
    return not _repeats(n) and luhn(n)


def cuit(n: str) -> bool:
    """Argentina, CUIL and CUIT: modulo 11."""
    check = 11 - weighted(n, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return n[:2] in ("20", "23", "24", "25", "26", "27") and {11: 0, 10: 9}.get(check, check) == int(n[10])


def rut(n: str) -> bool:
    """Chile, RUT: modulo 11 with K for ten."""
    rest = -sum(int(c) * (2 + i % 6) for i, c in enumerate(reversed(n[:-1]))) % 11
    return "0123456789K"[rest] == n[-1]


def nif(n: str) -> bool:
    """Portugal, NIF: modulo 11."""
    check = 11 - weighted(n, range(9, 1, -1)) % 11
    return n[0] in "123" and (0 if check >= 10 else check) == int(n[8])


def amka(n: str) -> bool:
    """Greece, AMKA: a date, Luhn."""
    return _date(n[4:6], n[2:4], n[:2]) and luhn(n)


def rodne_cislo(n: str) -> bool:
    """Czechia and Slovakia, rodné číslo of ten digits: a date (months of women plus 50), divisible by 11."""
    month = int(n[2:4]) % 50
    return 1 <= (month - 20 if month > 20 else month) <= 12 and 1 <= int(n[4:6]) <= 31 and int(n) % 11 == 0


def cnp(n: str) -> bool:
    """Romania, CNP: a date, modulo 11."""
    rest = weighted(n, (2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9)) % 11
    return n[0] != "0" and _date(n[1:3], n[3:5], n[5:7]) and (1 if rest == 10 else rest) == int(n[12])


def egn(n: str) -> bool:
    """Bulgaria, EGN: a date (months plus 20 or 40), modulo 11."""
    return 1 <= int(n[2:4]) % 20 <= 12 and weighted(n, (2, 4, 8, 5, 10, 9, 7, 3, 6)) % 11 % 10 == int(n[9])


def snils(n: str) -> bool:
    """Russia, SNILS: modulo 101."""
    return weighted(n, range(9, 0, -1)) % 101 % 100 == int(n[9:]) and not _repeats(n[:9])


def inn(n: str) -> bool:
    """Russia, INN of a person: two check digits modulo 11."""
    first = weighted(n, (7, 2, 4, 10, 3, 5, 9, 4, 6, 8)) % 11 % 10
    second = weighted(n[:11], (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)) % 11 % 10
    return n[10:] == f"{first}{second}"


def nino(n: str) -> bool:
    """United Kingdom, National Insurance number: it has no check digit, but pairs of letters that are never given."""
    return n[:2] not in ("BG", "GB", "KN", "NK", "NT", "TN", "ZZ")


def pan(n: str) -> bool:
    """India, PAN: no published check; the fourth letter says what its holder is."""
    return n[3] in "ABCFGHLJPT"


def itin(n: str) -> bool:
    """United States, ITIN: nine digits that begin with 9, and with 50-65, 70-88, 90-92 or 94-99 in the middle."""
    middle = int(n[3:5])
    return n[0] == "9" and (
        50 <= middle <= 65 or 70 <= middle <= 88 or 90 <= middle <= 92 or 94 <= middle <= 99
    )
