"""Payment card numbers: issuer ranges and lengths (ISO/IEC 7812), Luhn's check digit, written whole or in groups."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise

from filters.pii.checksums import luhn
from filters.pii.kinds import Found
from filters.pii.patterns import digits, said_before
from filters.pii.runs import Run

_ISSUERS: tuple[tuple[str, int, int, tuple[int, ...]], ...] = (
    # network, first and last prefix, lengths
    ("visa", 4, 4, (13, 16, 19)),
    ("mastercard", 51, 55, (16,)),
    ("mastercard", 2221, 2720, (16,)),
    ("amex", 34, 34, (15,)),
    ("amex", 37, 37, (15,)),
    ("diners", 300, 305, (14, 16)),
    ("diners", 3095, 3095, (14, 16)),
    ("diners", 36, 36, (14, 16)),
    ("diners", 38, 39, (14, 16)),
    ("discover", 6011, 6011, (16, 19)),
    ("discover", 622126, 622925, (16, 19)),
    ("discover", 644, 649, (16, 19)),
    ("discover", 65, 65, (16, 19)),
    ("jcb", 35, 35, (16, 19)),
    ("jcb", 1800, 1800, (15,)),
    ("jcb", 2131, 2131, (15,)),
    ("unionpay", 62, 62, (16, 17, 18, 19)),
    ("mir", 2200, 2204, (16, 17, 18, 19)),
    ("elo", 636368, 636368, (16,)),
    ("maestro", 50, 50, (12, 13, 14, 15, 16, 17, 18, 19)),
    ("maestro", 56, 58, (12, 13, 14, 15, 16, 17, 18, 19)),
    ("maestro", 60, 69, (12, 13, 14, 15, 16, 17, 18, 19)),
)
_GROUPS = frozenset(
    [(4, 4, 4, 4), (4, 4, 4, 4, 3), (4, 6, 5), (4, 6, 4), (6, 13), (4, 4, 4, 3), (4, 4, 4, 1), (4, 4, 4)]
)
_CUE = (
    r"(?i)(?:\b(?:cards?|cc|ccn|visa|mastercard|master card|amex|american express|maestro|discover|diners|jcb|unionpay"
    r"|credit|debit|pan|carte|karte|kreditkarte|kartennummer|tarjeta|cart[ãa]o|carta|kaart|kort|cvv|cvc"
    r"|payment|pay with|charged?)\b"
    r"|карт|カード|卡号|信用卡)"
)
_WEAK_LENGTHS = (12, 13, 17, 18)  # one number in ten passes Luhn: these need a word


def find(text: str, runs: Iterable[Run]) -> Iterator[Found]:
    """The card numbers among the runs of digits of a text."""
    for run in runs:
        index = 0 if run.end - run.start >= 12 else len(run.groups)
        while index < len(run.groups):
            taken = _card(text, run, index)
            if taken:
                start, end = run.groups[index][0], run.groups[index + taken - 1][1]
                yield Found("cards", start, end, text[start:end], issuer(digits(text[start:end])) or "")
            index += max(taken, 1)


def issuer(number: str) -> str | None:
    """The network that issues numbers with these first digits and this length, None if none does."""
    for network, first, last, lengths in _ISSUERS:
        if len(number) in lengths and first <= int(number[: len(str(first))]) <= last:
            return network
    return None


def _card(text: str, run: Run, index: int) -> int:
    """How many groups from `index` on are a card number; 0 if they are none."""
    start = run.groups[index][0]
    sizes: list[int] = []
    best = 0
    for first, last in run.groups[index : index + 5]:
        sizes.append(last - first)
        alone = len(sizes) == 1 and 12 <= sizes[0] <= 19
        if not alone and tuple(sizes) not in _GROUPS:
            continue
        if _is_card(text, start, last, whole=alone) and _even(text, run, index, len(sizes)):
            best = len(sizes)
    return best


def _even(text: str, run: Run, index: int, count: int) -> bool:
    """Whether groups are separated alike, by one space or hyphen."""
    groups = run.groups[index : index + count]
    gaps = {text[one[1] : two[0]] for one, two in pairwise(groups)}
    return len(gaps) <= 1 and gaps <= {" ", "-", "\xa0", "."}


def _is_card(text: str, start: int, end: int, whole: bool) -> bool:
    number = digits(text[start:end])
    network = issuer(number)
    if not luhn(number) or not _alone(text, start, end) or len(set(number)) == 1:
        return False
    if not whole and len(number) in (15, 16):
        return network is not None
    weak = (
        network in (None, "maestro")
        or len(number) in _WEAK_LENGTHS
        or (len(number) >= 16 and network == "unionpay")
    )
    return said_before(text, start, _CUE, 64) if weak else not said_before(text, start, _OTHER, 24)


_OTHER = (
    r"(?i)\b(?:isbn|ean|upc|gtin|imei|iccid|tracking|order|invoice|id|ids|serial|sku|ref|reference|uid|item|lot|barcode"
    r"|account|tweet|status|video)(?:[ _\-]?(?:no|nr|number|id|code))?[.:=# \"']{1,4}\z"
)


def _alone(text: str, start: int, end: int) -> bool:
    before, after = text[max(0, start - 2) : start], text[end : end + 2]
    if (
        before[-1:].isalnum()
        or before[-1:] in tuple("_=/+@&%.")
        or after[:1].isalnum()
        or after[:1] in tuple("_/@%&=")
    ):
        return False
    if before[-1:] in ("-", ",") and before[:-1].isalnum():
        return False
    return not (after[:1] in (".", ",", "-") and after[1:].isalnum())
