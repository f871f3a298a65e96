"""Generated sentences with personal data in them: seeded, so that a failure can be repeated.

`sentences(kind, count, seed)` gives texts with the one piece of data that each holds. `harmless(count, seed)` gives
texts with numbers that are nobody's: dates, prices, versions, ISBN, coordinates, part numbers, wrong check digits.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import NamedTuple

import phonenumbers
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from filters.pii.checksums import luhn, mod97

COUNTRIES = (
    "US CA GB IE AU NZ DE AT CH FR BE NL LU IT ES PT PL CZ SK HU RO BG GR HR RS SI SE NO DK FI IS EE LV LT UA RU TR IL "
    "ZA NG KE EG MA IN PK BD LK CN HK TW JP KR SG MY TH VN ID PH BR AR MX CL CO PE"
).split()
SAYING = (
    "Tel: {}", "Phone: {}", "phone number is {}", "Call us on {} today.", "You can reach me at {}.", "Fax {}",
    "Mobile: {}\nEmail below", "WhatsApp {}", "Phone:\n{}\n", "please ring {} after six", "text me at {}!",
    "{} (mobile)", "{} fax\n", "Tel. {}, fax on request", "Telefon: {}", "Tél. : {}", "Teléfono {}", "тел. {}",
    "电话：{}",
    "Cell: {};", "My number is {}", "contact the office at {} for details", "Hotline: {}", "ph {}", "T: {}",
)  # fmt: skip
PLAIN = (
    "Anna Berg, 12 Main Street, {}, open daily", "{}", "Our office in town ({}) is closed.", "• {} •",
    "Write or visit us.\n{}\nThank you", "| {} | Contact |", "Smith & Sons - {}", "Reception, {}.",
)  # fmt: skip
AROUND = (
    "My {0} {1} was used yesterday.",
    "Please note {0}: {1}.",
    "{0} {1}",
    "The {0} is {1}, thanks",
    "{0}: {1}\n",
    "{0} = {1};",
)
NAMES = (
    "anna",
    "j.smith",
    "maria_lopez",
    "k-lee",
    "o.neill",
    "info",
    "first.last+tag",
    "x9",
    "Jean-Luc",
    "support",
)
HOSTS = ("mail", "my-company", "uni-bonn", "example-shop", "sub.domain", "a1")
TOPS = ("com", "org", "de", "co.uk", "fr", "io", "museum", "com.br", "info", "technology")
_IBANS = {"DE": "{18d}", "GB": "{4a}{14d}", "FR": "{10d}{11c}{2d}", "ES": "{20d}", "IT": "{1a}{10d}{12c}",
          "NL": "{4a}{10d}",
          "CH": "{5d}{12c}", "NO": "{11d}", "PL": "{24d}", "BE": "{12d}", "SE": "{20d}", "PT": "{21d}", "AT": "{16d}",
          "MT": "{4a}{5d}{18c}", "SA": "{2d}{18c}", "TR": "{6d}{16c}"}  # fmt: skip
_CARDS = ((("4",), 16), (("51", "52", "55", "2221", "2720"), 16), (("34", "37"), 15), (("6011", "65", "644"), 16),
          (("36", "38", "300", "305"), 14), (("3528", "3589"), 16), (("4",), 13), (("62",), 16))  # fmt: skip
CARD_NAMES = ("credit card", "card number", "Visa card", "debit card", "cc", "card")


class Sentence(NamedTuple):
    """A text and the piece of data in it."""

    text: str
    start: int
    end: int
    note: str


def sentences(kind: str, count: int, seed: int = 0) -> list[Sentence]:
    """So many sentences with one piece of a kind each."""
    draw = random.Random(f"{kind} {seed}")
    made = _MAKERS[kind]
    found = []
    while len(found) < count:
        value, pattern, note = made(draw)
        before, after = pattern.split("\0")
        head = draw.choice(("", "", "Dear all,\n", "It is 2024-05-17 and 12:30. ", "Order 15 of 20.\n"))
        text = head + before + value + after
        found.append(Sentence(text, len(head + before), len(head + before + value), note))
    return found


def _phone(draw: random.Random) -> tuple[str, str, str]:
    country = draw.choice(COUNTRIES)
    number = _valid_number(draw, country)
    style = draw.choice(("international", "e164", "national", "messy", "national_said"))
    if style == "international":
        value = phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)
    elif style == "e164":
        value = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    elif style == "messy":
        value = _messy(draw, phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL))
    else:
        value = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
        if draw.random() < 0.3:
            value = _messy(draw, value)
    said = style.startswith("national") or draw.random() < 0.5
    pattern = draw.choice(SAYING if said else PLAIN).replace("{}", "\0")
    return value, pattern, f"{country} {style}"


def _valid_number(draw: random.Random, country: str) -> phonenumbers.PhoneNumber:
    kind = draw.choice((PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE))
    example = phonenumbers.example_number_for_type(country, kind)
    assert example is not None
    text = phonenumbers.national_significant_number(example)
    for _ in range(50):
        tail = "".join(draw.choice("0123456789") for _ in range(4))
        number = phonenumbers.parse(f"+{example.country_code}{text[:-4]}{tail}", None)
        if phonenumbers.is_valid_number(number):
            return number
    return example


def _messy(draw: random.Random, value: str) -> str:
    gap = draw.choice(("-", ".", " ", "\u00a0", "–"))
    return "".join(gap if c in " -" else c for c in value)


def _email(draw: random.Random) -> tuple[str, str, str]:
    value = f"{draw.choice(NAMES)}{draw.randrange(100)}@{draw.choice(HOSTS)}.{draw.choice(TOPS)}"
    return (
        value,
        draw.choice(
            ("Write to \0.", "<\0>", "mailto:\0", "E-mail: \0, or call", "(\0)", "\0", "name=\0&x", "‘\0’")
        ),
        "",
    )


def _ip(draw: random.Random) -> tuple[str, str, str]:
    if draw.random() < 0.25:
        value = ":".join(
            ["2a0" + draw.choice("0123456789abcdef")] + [f"{draw.randrange(1 << 16):x}" for _ in range(7)]
        )
    else:
        first = draw.choice((5, 23, 45, 62, 81, 91, 104, 131, 185, 193, 212))
        value = ".".join(
            str(n) for n in (first, draw.randrange(256), draw.randrange(256), draw.randrange(1, 255))
        )
    return (
        value,
        draw.choice(
            (
                "from \0 to here",
                "IP: \0",
                "\0",
                "host (\0) is up",
                "http://\0/",
                "address \0, port 80",
                "[\0]",
            )
        ),
        "",
    )


def _card(draw: random.Random) -> tuple[str, str, str]:
    prefixes, length = draw.choice(_CARDS)
    body = draw.choice(prefixes)
    body += "".join(draw.choice("0123456789") for _ in range(length - 1 - len(body)))
    value = next(body + digit for digit in "0123456789" if luhn(body + digit))
    if length == 16 and draw.random() < 0.5:
        gap = draw.choice(" -")
        value = gap.join(value[i : i + 4] for i in range(0, 16, 4))
    return value, draw.choice(AROUND).format(draw.choice(CARD_NAMES), "\0"), ""


def _iban(draw: random.Random) -> tuple[str, str, str]:
    country = draw.choice(sorted(_IBANS))
    body = ""
    for part in _IBANS[country].strip("{}").split("}{"):
        letters = {"d": "0123456789", "a": "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "c": "0123456789ABCDEFGHIJ"}[
            part[-1]
        ]
        body += "".join(draw.choice(letters) for _ in range(int(part[:-1])))
    value = f"{country}{98 - mod97(body + country + '00'):02}{body}"
    if draw.random() < 0.4:
        value = " ".join(value[i : i + 4] for i in range(0, len(value), 4))
    return (
        value,
        draw.choice(AROUND).format(draw.choice(("IBAN", "account", "bank account no.")), "\0"),
        country,
    )


def _ssn(draw: random.Random) -> tuple[str, str, str]:
    area = draw.choice([n for n in range(1, 900) if n != 666])
    gap = draw.choice(("-", "-", "-", " ", ""))
    value = gap.join((f"{area:03}", f"{draw.randrange(1, 100):02}", f"{draw.randrange(1, 10000):04}"))
    return (
        value,
        draw.choice(AROUND).format(
            draw.choice(("SSN", "social security number", "Social Security No.")), "\0"
        ),
        "",
    )


_MAKERS: dict[str, Callable[[random.Random], tuple[str, str, str]]] = {
    "phones": _phone,
    "emails": _email,
    "ips": _ip,
    "cards": _card,
    "ibans": _iban,
    "ssns": _ssn,
}


def harmless(count: int, seed: int = 0) -> Iterator[str]:
    """So many texts with numbers that are nobody's."""
    draw = random.Random(f"harmless {seed}")
    for _ in range(count):
        yield draw.choice(_HARMLESS)(draw)


def _n(draw: random.Random, size: int) -> str:
    return "".join(draw.choice("0123456789") for _ in range(size))


_HARMLESS: tuple[Callable[[random.Random], str], ...] = (
    lambda d: f"on {d.randrange(1, 29):02}.{d.randrange(1, 13):02}.{d.randrange(1900, 2030)} at 12:30:45",
    lambda d: (
        f"{d.randrange(1900, 2030)}-{d.randrange(1, 13):02}-{d.randrange(1, 29):02}T10:15:00.{_n(d, 6)}Z"
    ),
    lambda d: (
        f"seasons {d.randrange(1900, 2000)}-{d.randrange(2000, 2030)}, pp. {d.randrange(100, 900)}-{_n(d, 3)}"
    ),
    lambda d: (
        f"${d.randrange(1, 999)},{_n(d, 3)},{_n(d, 3)}.00 and {d.randrange(1, 999)} {_n(d, 3)} {_n(d, 3)} euros"
    ),
    lambda d: f"version {d.randrange(20)}.{d.randrange(300)}.{d.randrange(300)}.{d.randrange(300)} is out",
    lambda d: f"Chrome/{d.randrange(40, 120)}.0.{d.randrange(1000, 6000)}.{d.randrange(255)} Safari/537.36",
    lambda d: f"ISBN 978-{_n(d, 1)}-{_n(d, 2)}-{_n(d, 6)}-{_n(d, 1)}, ISSN {_n(d, 4)}-{_n(d, 4)}",
    lambda d: f"ISBN-10: {_n(d, 1)}-{_n(d, 3)}-{_n(d, 5)}-{_n(d, 1)}; ISBN: {_n(d, 13)}",
    lambda d: f"doi:10.{_n(d, 4)}/{_n(d, 3)}-{_n(d, 3)}-{_n(d, 4)}",
    lambda d: f"at {_n(d, 2)}.{_n(d, 6)}, -{_n(d, 3)}.{_n(d, 6)} degrees",
    lambda d: f"order no. {_n(d, 10)} and part number {_n(d, 3)}-{_n(d, 3)}-{_n(d, 4)}",
    lambda d: f"timestamp {d.randrange(10**9, 2 * 10**9)}, id {_n(d, 18)}, 0x{_n(d, 8)}",
    lambda d: (
        f"10.{d.randrange(256)}.{d.randrange(256)}.1 and 192.168.{d.randrange(256)}.{d.randrange(256)} behind 127.0.0.1"
    ),
    lambda d: (
        f"{d.randrange(2, 99)} {_n(d, 3)} 000 people, {_n(d, 2)},{_n(d, 3)} votes, {_n(d, 4)}/{_n(d, 4)} done"
    ),
    lambda d: f"3 12 14 25 33 48 and {_n(d, 1)}:{_n(d, 2)}:{_n(d, 2)}",
    lambda d: f"card {_wrong_card(d)} fails its check",
    lambda d: f"logo@{d.randrange(2, 4)}x.png, user@host, @handle{_n(d, 2)}, a@b",
    lambda d: f"IBAN DE{_n(d, 2)}{'0' * 17}1 is wrong, GB{_n(d, 2)}ABCD",
    lambda d: f"SSN 000-{_n(d, 2)}-{_n(d, 4)} and 9{_n(d, 2)}-00-0000 and 666-12-3456",
    lambda d: f"12:34:{_n(d, 2)}, 00:00:00:00:00:00, ff:ff:ff:ff:ff:ff",
    lambda d: (
        f"Section {d.randrange(1, 9)}.{d.randrange(1, 9)}.{d.randrange(1, 9)}.{d.randrange(1, 9)} and § 1.2.3.4"
    ),
)


def _wrong_card(draw: random.Random) -> str:
    body = "4" + _n(draw, 14)
    return next(body + digit for digit in "0123456789" if not luhn(body + digit))
