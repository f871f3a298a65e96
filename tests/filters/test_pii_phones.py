from __future__ import annotations

import pytest

from filters.pii import find
from filters.pii.metadata import first_group, international, valid_in
from filters.pii.phones import ASKED
from tests.filters.personal_data import harmless, sentences


def phones(text: str) -> list[str]:
    return [one.value for one in find(text, ("phones",))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("call +1 (212) 736-5000 or +44 20 7946 0958", ["+1 (212) 736-5000", "+44 20 7946 0958"]),
        ("+46 (0)8 928 571 38, +4930123456, +7 495 504-37-01",
         ["+46 (0)8 928 571 38", "+4930123456", "+7 495 504-37-01"]),
        ("0049 30 12345678, 001-518-640-0854, 00 44 20 7946 0958",
         ["0049 30 12345678", "001-518-640-0854", "00 44 20 7946 0958"]),
        ("(+44 20 7946 0958) in brackets, (351) 934 999 622", ["+44 20 7946 0958", "(351) 934 999 622"]),
        ("(212) 736-5000 or 212-736-5000 or 212.736.5000", ["(212) 736-5000", "212-736-5000", "212.736.5000"]),
        ("1-800-736-5000 x12, 800 736 5000", ["1-800-736-5000 x12", "800 736 5000"]),
        ("212-736-5000, ext. 7071", ["212-736-5000, ext. 7071"]),
        # national ones by their groups
        ("Paris 01 84 17 61 18, London 020 7946 0958, Berlin (030) 2345 6789",
         ["01 84 17 61 18", "020 7946 0958", "(030) 2345 6789"]),
        ("8 (495) 504-37-01 и (495) 725-89-08", ["8 (495) 504-37-01", "(495) 725-89-08"]),
        ("138-1234-5678, 1300 123 456, 11 98765-4321, (11) 4426-9000",
         ["138-1234-5678", "1300 123 456", "11 98765-4321", "(11) 4426-9000"]),
        ("联系13719183610即可", ["13719183610"]),
        # by a word before them
        ("Tel: 0494 92 82 32; Fax 060-8747-6301", ["0494 92 82 32", "060-8747-6301"]),
        ("Phone:\n60-56-85-91\nFax\r\n(08) 8747 6301", ["60-56-85-91", "(08) 8747 6301"]),
        ("call me at 0494 92 82 32 or on 9472 7916", ["0494 92 82 32", "9472 7916"]),
        ("messages to 699 956 915, answering at 78 651 450", ["699 956 915", "78 651 450"]),
        ("Tél. : 04.66.93.80.04, Tél\xa0: 04 76 40 63 62", ["04.66.93.80.04", "04 76 40 63 62"]),
        ("Office:\xa0076 501 2505, Desk: 5403926876", ["076 501 2505", "5403926876"]),
        ("my registered 668 5702. T: 5123 6689", ["668 5702", "5123 6689"]),
        ("тел. 60-10-48-1, 电话：6123456, هاتف 5123 6689", ["60-10-48-1", "6123456", "5123 6689"]),
        # by a word after them
        ("28-64-66-98 office\n930 167 394-Fax, 655 437 108 (mobile)", ["28-64-66-98", "930 167 394", "655 437 108"]),
        ("5272868387 is my new number", ["5272868387"]),
        ("781 1704 office\n(579)888-3058 fax\n", ["781 1704", "(579)888-3058"]),
    ],
)  # fmt: skip
def test_numbers_by_hand(text: str, expected: list[str]) -> None:
    assert phones(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "box 5020052 Fax: see below; $3000000 fax machines; id_5020052 office",
        "the phone of 11/01/2012, phone 11/01/2012, call 2012-05-17, mobile 5 000 000 000 000 000",
        "office 5020052, home 1234567 and work 7654321",
        "call 100 people, cell\n12.5, tel\nv 10",
        "Phone:\n\n60-56-85-91",
        "ISBN 978-3-16-148410-0, ISBN 0-306-40615-2, ISSN 0317-8471",
        "doi:10.1000/212-736-5000 and 10.1093/ajae/aaq063",
        "2012-05-17, 17.05.2012, 05/17/2012 12:30:45, 1999-2004, 20120517 123045",
        "$212-736-5000, 3,500,000, 1234567890, 12 345 678, 2127365000",
        "+10 %, +5.3, +12 345 678, a+1 212 736 5000",
        "212 736 5000 is three numbers",
        "id_212-736-5000 and 212-736-5000-9 and 99.212-736-5000",
        "part number 212-736-5000, order no. 212-736-5000, invoice 020 7946 0958",
        "No. 04-23-00828-CV, EIN 05-1669863, Vermont 05302-0676, 65.204554, -091.568296",
        "winning numbers 05 12 23 34 45",
        "J. Foo 12 (1999) 123-456, pp. 123-134",
        "the sold phones: 5 000 000, phone 12 million, tel 1500000 EUR",
    ],
)
def test_what_is_no_telephone_number(text: str) -> None:
    assert phones(text) == []


def test_generated_numbers_of_many_countries() -> None:
    """National, international and messy forms of 64 countries, with a word and without one."""
    made = sentences("phones", 800)
    missed = [
        (s.note, s.text) for s in made if (s.start, s.end) not in {(f.start, f.end) for f in find(s.text)}
    ]
    assert len(missed) <= 0.02 * len(made), missed[:10]
    assert len({s.note.split()[0] for s in made}) > 55


@pytest.mark.parametrize("kind", ["emails", "ips", "cards", "ibans", "ssns"])
def test_generated_data_of_other_kinds(kind: str) -> None:
    made = sentences(kind, 300)
    found = [[(f.kind, f.start, f.end) for f in find(s.text)] for s in made]
    missed = [s.text for s, each in zip(made, found, strict=True) if (kind, s.start, s.end) not in each]
    assert len(missed) <= 0.02 * len(made), missed[:10]
    assert [each for each in found if len(each) > 1] == []


def test_generated_numbers_that_are_nobodys() -> None:
    texts = list(harmless(800))
    wrong = [text for text in texts if find(text)]
    assert len(wrong) <= 0.01 * len(texts), wrong[:10]


def test_numbering_plans() -> None:
    assert international("442079460958") == "valid"
    assert international("19841820190") == "possible"  # no exchange begins with 1
    assert international("999123") == ""
    assert first_group("02079460958") >= {3}
    assert first_group("0000000000") == frozenset()
    assert valid_in("4955043701", ("RU",))
    assert not valid_in("1", ("RU", "BR"))


def test_a_page_of_numbers_asks_the_metadata_a_bounded_number_of_times() -> None:
    numbers = [f"+44 20 7946 {n:04}" for n in range(2 * ASKED)]
    international.cache_clear()
    assert phones("\n".join(numbers)) == numbers
    assert international.cache_info().misses <= ASKED
