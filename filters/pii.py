"""Masks personal data in text: e-mail addresses, public IPv4 and IPv6 addresses, telephone numbers.

FineWeb masked e-mail and public IP addresses; telephone numbers follow C4-derived corpora. Every address becomes the
same reserved one (RFC 2606, RFC 5737, RFC 3849, the fictional 555-01xx numbers), so that a replacement depends on
nothing but what it replaces, and a second pass changes nothing. All patterns run in RE2, which takes linear time on any
text; what RE2 cannot say (what stands before and after, number ranges) is checked on each candidate.

Telephone numbers: the international form with a known country code, the North American form, and national forms of any
grouping where a word says so before them (`Tel:`, `call me on`, also on the line before) or after them (`fax`,
`(mobile)`).

Left alone: private and reserved IP ranges, versions such as v1.2.3.4, dates, times, prices, plain whole numbers, ISBN,
DOI, national numbers that no word announces, and the replacements themselves.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

VERSION = 3  # of what is masked and with what
EMAIL = "email@example.com"
IP = "192.0.2.1"  # TEST-NET-1
IPV6 = "2001:db8::1"  # the documentation prefix
PHONE = "+1-202-555-0100"
PASSES = 8  # a replacement can complete another number at most a few times

_EMAIL = r"[\p{Latin}0-9_][\p{Latin}0-9._%+'\-]*@(?:[\p{Latin}0-9\-]+\.)+[\p{Latin}]{2,24}"
_IP = r"(?:[0-9]+\.)+[0-9]+"
_IPV6 = r"[0-9A-Fa-f]{4}:[0-9A-Fa-f:]{2,}(?:[0-9A-Fa-f]|::)"
_INTERNATIONAL = r"\+ ?[1-9][0-9]{0,2}(?:[ .\-/]{0,2}\(?[0-9]{1,11}\)?){1,7}"
_NORTH_AMERICAN = r"(?:\([2-9][0-9]{2}\) ?[.\-]?|[2-9][0-9]{2}[.\-])[2-9][0-9]{2}[ .\-][0-9]{4}"
_TRUNK_PREFIXES = ("001-", "001 ", "001.", "1-", "1 ", "1.")
_NATIONAL = r"([(]?[0-9][0-9 .\-/()]{5,18}[0-9])"
_NAMED = (
    r"(?i)\b(?:(?:tel|telephone|telefono?|téléphone|teléfono|tél|phone|ph|fax|mobile|mob|cell|call|whatsapp|hotline)\b"
    r"(?: ?(?:no|number|nr|us|me|at|on|to)\b){0,2}[.:]{0,2}(?:[ \x{a0}]:)?"
    r"|(?:office|desk|home|work):|(?:messages?|sms|answering) (?:at|on|to)\b)"
    r"[ \t\x{a0}]{0,2}(?:\r?\n[ \t\x{a0}]{0,2})?" + _NATIONAL
)
_NAMED_AFTER = (
    r"(?i)" + _NATIONAL + r"[ \-]{0,2}(?:\((?:tel|phone|fax|office|mobile|cell|home|work)\)|(?:fax|office)\b)"
)
_DATE = r"(?:[0-9]{4}([.\-/ ])[0-9]{1,2}[.\-/ ][0-9]{1,2}|[0-9]{1,2}([.\-/ ])[0-9]{1,2}[.\-/ ][0-9]{4})"
_EXTENSION = r"(?: ?(?:x|ext\.?) ?[0-9]{1,5})?"

_PRIVATE = (  # first address, prefix length: not reachable on the public Internet (IANA special-purpose registry)
    ("0.0.0.0", 8),
    ("10.0.0.0", 8),
    ("100.64.0.0", 10),
    ("127.0.0.0", 8),
    ("169.254.0.0", 16),
    ("172.16.0.0", 12),
    ("192.0.0.0", 24),
    ("192.0.2.0", 24),
    ("192.168.0.0", 16),
    ("198.18.0.0", 15),
    ("198.51.100.0", 24),
    ("203.0.113.0", 24),
    ("224.0.0.0", 3),
)
_TWO_DIGIT_CODES = frozenset(
    [20, 27, 36, 39, 40, 41, 81, 82, 84, 86, 98]
    + [
        code
        for first, last in ((30, 34), (43, 49), (51, 58), (60, 66), (90, 95))
        for code in range(first, last + 1)
    ]
)
_THREE_DIGIT_CODES = frozenset(  # by their first two digits
    (21, 22, 23, 24, 25, 26, 29, 35, 37, 38, 42, 50, 59, 67, 68, 69, 80, 85, 87, 88, 96, 97, 99)
)
_VERSION_WORDS = (
    "version",
    "ver",
    "v",
    "release",
    "build",
    "firmware",
    "driver",
    "rev",
    "section",
    "chapter",
)


_Test = Callable[[str, int, int], int]  # where what is to be replaced begins, or -1


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is masked. FineWeb: e-mail and IP addresses alone."""

    emails: bool = True
    ips: bool = True
    phones: bool = True


def mask(texts: pa.Array, settings: Settings) -> tuple[pa.Array, dict[str, np.ndarray[Any, Any]]]:
    """The texts with personal data replaced, and how many replacements each text has: emails, ips, phones.

    Nulls stay null. Idempotent: masking the result again changes nothing and counts nothing.
    """
    combined = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
    counts = {name: np.zeros(len(combined), np.int64) for name in ("emails", "ips", "phones")}
    rows = _candidates(combined, settings)
    if not len(rows):
        return combined, counts
    values = combined.to_pylist()
    for row in rows.tolist():
        values[row], found = _mask_text(values[row], settings)
        for name, count in found.items():
            counts[name][row] = count
    return pa.array(values, combined.type), counts


def _candidates(texts: pa.Array, settings: Settings) -> np.ndarray[Any, Any]:
    """Rows that may hold something to mask."""
    import pyarrow.compute as pc

    patterns = [r"[0-9]@|\pL@|_@|[.%+'\-]@"] if settings.emails else []
    patterns += [r"[0-9]\.[0-9]+\.[0-9]+\.[0-9]", _IPV6] if settings.ips else []
    patterns += (
        [r"[0-9][ .\-/()]*[0-9][ .\-/()]*[0-9][ .\-/()]*[0-9][ .\-/()]*[0-9]"] if settings.phones else []
    )
    if not patterns:
        return np.zeros(0, np.int64)
    hit = pc.fill_null(pc.match_substring_regex(texts, "|".join(patterns)), False)
    return np.flatnonzero(np.asarray(hit))


def _mask_text(text: str, settings: Settings) -> tuple[str, dict[str, int]]:
    counts = {"emails": 0, "ips": 0, "phones": 0}
    for _ in range(PASSES):
        before = text
        if settings.emails and "@" in text:
            text, found = _replace(text, EMAIL, "email")
            counts["emails"] += found
        if settings.ips:
            text, found = _replace(text, IP, "ip", _public_ip)
            text, more = _replace(text, IPV6, "ipv6", _public_ipv6)
            counts["ips"] += found + more
        if settings.phones:
            for kind, test in _PHONES:
                text, found = _replace(text, PHONE, kind, test)
                counts["phones"] += found
        if text == before:
            break
    return text, counts


def _replace(text: str, replacement: str, kind: str, test: _Test | None = None) -> tuple[str, int]:
    """Replaces the candidates, where there is a test those that pass it, from where it says."""
    parts, position, count = [], 0, 0
    for match in _pattern(kind).finditer(text):
        start, end = match.span(match.re.groups)
        if test is not None:
            start = test(text, start, end)
        if start < position or text[start:end] == replacement:
            continue
        parts += [text[position:start], replacement]
        position = end
        count += 1
    return ("".join([*parts, text[position:]]), count) if count else (text, 0)


@functools.cache
def _pattern(kind: str) -> Any:
    import re2

    sources = {
        "email": _EMAIL,
        "ip": _IP,
        "ipv6": _IPV6,
        "international": _INTERNATIONAL + _EXTENSION,
        "north_american": _NORTH_AMERICAN + _EXTENSION,
        "named": _NAMED,
        "named_after": _NAMED_AFTER,
        "date": _DATE,
    }
    options = re2.Options()
    options.log_errors = False
    return re2.compile(sources[kind], options)


def _public_ip(text: str, start: int, end: int) -> int:
    parts = text[start:end].split(".")
    if len(parts) != 4 or any(
        len(part) > 3 or int(part) > 255 or (part[0] == "0" and part != "0") for part in parts
    ):
        return -1
    before, after = text[max(0, start - 12) : start], text[end : end + 2]
    if before[-1:].isalnum() or before[-1:] in ("_", ".") or after[:1].isalnum() or after[:1] == "_":
        return -1
    if (before[-1:] == "-" and before[-2:-1].isalpha()) or (after[:1] == "-" and after[1:].isalpha()):
        return -1  # a package such as name-1.2.3.4 or 1.2.3.4-beta
    words = before.lower().replace(":", " ").replace(".", " ").split()
    if words and words[-1] in _VERSION_WORDS:
        return -1
    return -1 if _is_private(parts) else start


def _public_ipv6(text: str, start: int, end: int) -> int:
    import ipaddress

    before, after = text[max(0, start - 1) : start], text[end : end + 2]
    groups = [group for group in text[start:end].split(":") if group]
    whole = len(groups) == 8
    if before.isalnum() or before in ("_", ":", ".") or after[:1].isalnum() or after[:1] == "_":
        return -1
    if after[:1] in (".", ":") and after[1:].isalnum():
        return -1
    if not whole and (len(groups) < 3 or text[start] not in "23"):
        return -1  # compressed ones only from the range that is handed out (2000::/3)
    try:
        address = ipaddress.IPv6Address(text[start:end])
    except ValueError:
        return -1
    return start if address.is_global else -1


def _is_private(parts: list[str]) -> bool:
    value = _number(parts)
    return any(value >> (32 - bits) == _number(first.split(".")) >> (32 - bits) for first, bits in _PRIVATE)


def _number(parts: list[str]) -> int:
    first, second, third, fourth = map(int, parts)
    return first << 24 | second << 16 | third << 8 | fourth


def _digits(text: str) -> str:
    return "".join(character for character in text if character in "0123456789")


def _bounded(text: str, start: int, end: int) -> bool:
    """Whether a number stands alone: no letter, digit, currency sign or identifier runs into it."""
    before, after = text[max(0, start - 12) : start], text[end : end + 2]
    if not _starts_alone(text, start):
        return False
    if after[:1].isalnum() or after[:1] in ("_", "%", "@"):
        return False
    if after[:1] in (".", ",", "-", "/", ":") and after[1:].isdigit():
        return False
    return not any(word in before.lower() for word in ("isbn", "issn", "doi", "sku"))


def _international(text: str, start: int, end: int) -> int:
    number = text[start:end].partition("x")[0].partition("ext")[0]
    digits = _digits(number)
    if not _bounded(text, start, end) or number.count("(") != number.count(")"):
        return -1
    if digits[0] in "17":
        return start if len(digits) == 11 else -1
    known = int(digits[:2]) in _TWO_DIGIT_CODES or int(digits[:2]) in _THREE_DIGIT_CODES
    return start if known and 9 <= len(digits) <= 15 else -1


def _north_american(text: str, start: int, end: int) -> int:
    for prefix in _TRUNK_PREFIXES:
        first = start - len(prefix)
        if first >= 0 and text[first:start] == prefix and _bounded(text, first, end):
            return first
    return start if _bounded(text, start, end) else -1


def _named(text: str, start: int, end: int) -> int:
    number = text[start:end]
    after = text[end : end + 1]
    alone = not (after.isalnum() or after in ("_", "%", "@"))
    return start if alone and _national(number) else -1


def _named_after(text: str, start: int, end: int) -> int:
    after = text[end : end + 12].lower().lstrip(" -")
    for word in ("fax", "office"):
        if after.startswith(word) and after.removeprefix(word).lstrip(" \xa0")[:1] in (":", "."):
            return -1  # there the word announces the number that follows it
    return start if _starts_alone(text, start) and _national(text[start:end]) else -1


def _starts_alone(text: str, start: int) -> bool:
    before = text[max(0, start - 2) : start]
    if before[-1:].isalnum() or before[-1:] in tuple("_/=#$€£¥+@&%"):
        return False
    return not (before[-1:] in (".", ",", "-", ":") and before[-2:-1].isdigit())


def _national(number: str) -> bool:
    """Whether a number that a word announces can be one: its digits and brackets, and that it is no date."""
    balanced = number.count("(") == number.count(")")
    return balanced and 7 <= len(_digits(number)) <= 13 and not _pattern("date").fullmatch(number)


_PHONES: tuple[tuple[str, _Test], ...] = (
    ("international", _international),
    ("north_american", _north_american),
    ("named", _named),
    ("named_after", _named_after),
)
