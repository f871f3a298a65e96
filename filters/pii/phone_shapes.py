"""The written forms of telephone numbers that need no word beside them."""

from __future__ import annotations

from functools import partial

from filters.pii import metadata
from filters.pii import phone_cues as cues
from filters.pii.patterns import BLANKS, DASHES, compiled, digits

WINDOW = 36  # characters that the longest written form takes

_GAP = rf"[{BLANKS}.{DASHES}/]"
_INTERNATIONAL = rf"\(?(?:\+ ?|00{_GAP}?)\(?[1-9][0-9]{{0,14}}\)?(?:{_GAP}{{0,3}}\(?[0-9]{{1,12}}\)?){{0,8}}"
_DASHED = rf"(?:[{BLANKS}]?[.{DASHES}/][{BLANKS}]?)"
_NORTH_AMERICAN = (
    rf"(?:(?:1|001)[{BLANKS}.{DASHES}]{{0,2}})?"
    rf"(?:\([1-9][0-9]{{2}}\)[{BLANKS}]?[.{DASHES}]?[{BLANKS}]?|[2-9][0-9]{{2}}{_DASHED})"
    rf"[0-9]{{3}}(?:{_DASHED}|[{BLANKS}])[0-9]{{4}}"
)
_NORTH_AMERICAN_SPACES = r"(?:1 [2-9][0-9]{2}|8(?:00|88|77|66|55|44|33)) [2-9][0-9]{2} [0-9]{4}"
_TRUNK = (
    rf"\(?0[1-9][0-9]{{0,4}}(?:\){_GAP}{{0,2}}|{_GAP}{{1,3}})[0-9]{{2,8}}(?:{_GAP}{{1,3}}[0-9]{{2,8}}){{0,4}}"
)
_BRACKETS = (
    rf"(?:[78][{BLANKS}{DASHES}]?)?\([1-9][0-9]{{1,3}}\)[{BLANKS}{DASHES}]?[0-9]{{2,5}}"
    rf"(?:[{BLANKS}.{DASHES}][0-9]{{2,5}}){{1,3}}"
)
_BRACKET_REGIONS = ("BR", "RU", "MX", "HU", "PL", "CL", "CO", "GR", "PH", "KZ", "CZ", "PT", "ES", "AR", "LT")
_NATIONAL = (  # shapes without a leading zero that little else has, and where they must be valid
    (rf"[6-9][0-9]{{2}}(?:[{BLANKS}.{DASHES}][0-9]{{2}}){{3}}", ("ES",)),
    (r"1[3-9][0-9][ \-][0-9]{4}[ \-][0-9]{4}", ("CN",)),
    (r"1[38]00[ \-][0-9]{3}[ \-][0-9]{3}", ("AU",)),
    (r"8[ \-][0-9]{3}[ \-][0-9]{3}[ \-][0-9]{2}[ \-]?[0-9]{2}", ("RU", "KZ")),
    (r"[3-9][0-9]{2} [0-9]{3}-[0-9]{2}-[0-9]{2}", ("RU", "KZ")),
    (r"[1-9][0-9] 9[0-9]{4}-[0-9]{4}", ("BR",)),
    (r"\(?06\)?[ \-/]?[0-9]{1,2}[ /\-][0-9]{3}[ \-]?[0-9]{3,4}", ("HU",)),
    (r"[2-9][0-9]{2}[.\-][0-9]{3}[.\-][0-9]{4}", ("MX",)),
)
_DAY = r"(?:0?[1-9]|[12][0-9]|3[01])"
_DATE = (
    rf"(?:(?:1[89]|20)[0-9]{{2}}[.\-/ ]{_DAY}[.\-/ ]{_DAY}|{_DAY}[.\-/ ]{_DAY}[.\-/ ](?:1[89]|20)[0-9]{{2}})"
    r"(?:[ .\-/].*)?"
)
_YEARS = r"\(?(?:1[5-9]|20)[0-9]{2}\)? ?[\-\x{2010}-\x{2015}/] ?\(?(?:1[5-9]|20)[0-9]{2}\)?"
_AMOUNT = r"[1-9][0-9]{0,2}(?:([ .])[0-9]{3})+"
_CURRENCY = (
    r"(?i)[ \x{a0}]?(?:[€£$¥%‰]|(?:eur|usd|euros?|dollars?|kr|chf|rub|million|billion|mio|km|kg|m[²2])\b)"
)
_EXTENSION = r"(?i)[ ,(]{0,2}(?:x|ext|extn|extension|durchwahl|poste)[.:]? ?[0-9]{1,6}\b\)?"
_OTHER_NUMBER = (  # ZIP+4, EIN, a docket, a coordinate
    r"[0-9]{5}-[0-9]{4}|[0-9]{2}-[0-9]{7}|[0-9]{2}-[0-9]{2}-[0-9]{5}|[0-9]+\.[0-9]+"
)
_BEFORE = "_=#$€£¥@&%\\"


class Shapes:
    """Shapes of telephone numbers against the numbering plans, for one text: at most `asked` numbers are looked up."""

    def __init__(self, asked: int):
        self._left = asked

    def end(self, text: str, start: int, cued: bool) -> int:
        """Where a number of a known shape that begins at `start` ends, or -1. `cued`: a word says what it is."""
        window = text[start : start + WINDOW]
        if window[:1] == "+" or window[:2] in ("(+", "00"):
            end = self._international(text, start, window, cued)
            if end >= 0 or window[:1] != "0":
                return end
        for first, shape in (
            ("(0123456789", _north_american),
            ("(0", self._trunk),
            ("(78", self._brackets),
            ("(0123456789", self._national),
            ("1", partial(_chinese_mobile, text, start)),
        ):
            length = shape(window) if window[:1] in first else 0
            if length and alone_after(text, start + length):
                return start + length
        return -1

    def _ask(self) -> bool:
        self._left -= 1
        return self._left >= 0

    def _international(self, text: str, start: int, window: str, cued: bool) -> int:
        match = compiled(_INTERNATIONAL).match(window)
        if match is None:
            return -1
        number = match.group()
        possible = -1
        for length in _ends(number):
            part = number[:length]
            plain = digits(part.replace("(0)", "", 1)).removeprefix("00" if window[:1] != "+" else "")
            if not 8 <= len(plain) <= 15 or part.count("(") > part.count(")"):
                continue
            if not alone_after(text, start + length):
                continue
            verdict = metadata.international(plain) if self._ask() else "possible"
            if verdict == "valid":
                return start + length
            sure = window[:1] != "0" and (cued or _pieces(part) >= 3 or len(plain) >= 10)
            if verdict and possible < 0 and (sure or cued):
                possible = start + length
        return possible

    def _trunk(self, window: str) -> int:
        if window[:1] != "0" and window[:2] != "(0":
            return 0
        match = compiled(_TRUNK).match(window)
        if match is None:
            return 0
        number = match.group()
        for length in _ends(number):
            part = number[:length]
            plain = digits(part)
            if not 9 <= len(plain) <= 12 or part.count("(") != part.count(")") or is_date(part):
                continue
            if not _uniform(part) or _ascending(part) or compiled(_OTHER_NUMBER).fullmatch(part):
                continue
            if not self._ask() or _first(part) in metadata.first_group(plain):
                return length
        return 0

    def _brackets(self, window: str) -> int:
        match = compiled(_BRACKETS).match(window)
        if match is None:
            return 0
        plain = digits(match.group())
        if match.group()[0] != "(":
            plain = plain[1:]
        area = window[window.index("(") + 1 : window.index(")")]
        if not 8 <= len(plain) <= 12 or (len(area) == 4 and area[:2] in ("19", "20")):
            return 0
        abroad = (
            len(plain) > 10 and self._ask() and metadata.international(plain) == "valid"
        )  # `(351) 934 999 622`
        return match.end() if abroad or metadata.valid_in(plain, _BRACKET_REGIONS) else 0

    def _national(self, window: str) -> int:
        for source, regions in _NATIONAL:
            match = compiled(source).match(window)
            if match is not None:
                plain = digits(match.group())
                plain = plain[1:] if len(plain) == 11 and regions[0] == "RU" else plain
                plain = plain[2:] if regions[0] == "HU" else plain
                if metadata.valid_in(plain, regions):
                    return int(match.end())
        return 0


def _north_american(window: str) -> int:
    match = compiled(_NORTH_AMERICAN).match(window)
    if match is not None:
        exchange = digits(match.group())[-7]
        sure = "(" in match.group() or compiled(_EXTENSION).match(window[match.end() :]) is not None
        return int(match.end()) if exchange in "23456789" or sure else 0
    match = compiled(_NORTH_AMERICAN_SPACES).match(window)
    if match is not None and metadata.valid_in(digits(match.group())[-10:], ("US", "CA")):
        return int(match.end())
    return 0


def _chinese_mobile(text: str, start: int, window: str) -> int:
    """The length of a Chinese mobile number, written without a gap, in Chinese text."""
    match = compiled(r"1[3-9][0-9]{9}").match(window)
    if match is None or compiled(r"\p{Han}").search(text[max(0, start - 16) : start] + window[11:24]) is None:
        return 0
    return 11 if metadata.valid_in(match.group(), ("CN",)) else 0


def alone_before(text: str, start: int) -> bool:
    """Whether nothing runs into a number from the left: no letter, digit, currency or part of a longer number."""
    before = text[max(0, start - 2) : start]
    last = before[-1:]
    if last.isalnum() and ord(last) < 0x2E80:  # scripts without spaces may stand right before it
        return False
    if last and last in _BEFORE:
        return False
    if last == "/":
        return before[:1] in (" ", "\n", ")")
    return not (last in (".", ",", "-", ":", "+") and before[:-1].isdigit())


def alone_after(text: str, end: int) -> bool:
    """Whether nothing runs into a number from the right; an extension may."""
    after = text[end : end + 2]
    first = after[:1]
    if first in ("x", "e") and compiled(_EXTENSION).match(text[end : end + 16]):
        return True
    if (first.isalnum() and ord(first) < 0x2E80) or first in ("_", "%", "@"):
        return False
    if first == "-" and after[1:].isalpha():
        return cues.after(text, end)  # `28-64-66-98-Office`, but not `04-23-00828-CV`
    return not (first in (".", ",", "-", "/", ":") and after[1:].isdigit())


def extension(text: str, end: int) -> int:
    """Where a number ends with its extension, if it has one."""
    match = compiled(_EXTENSION).match(text[end : end + 22])
    return end + match.end() if match else end


def is_date(number: str) -> bool:
    """Whether digits and signs are a date, with or without a time, or two years."""
    return compiled(_DATE).fullmatch(number) is not None or compiled(_YEARS).fullmatch(number) is not None


def is_amount(text: str, start: int, end: int) -> bool:
    """Whether a number is one of thousands, or has a currency or a unit after it."""
    thousands = compiled(_AMOUNT).fullmatch(text[start:end]) is not None and text[end - 3 : end] == "000"
    return thousands or compiled(_CURRENCY).match(text[end : end + 10]) is not None


def _ends(number: str) -> list[int]:
    """Where a written number can end, the longest first: after each group of digits."""
    return [
        place + (number[place : place + 1] == ")")
        for place in range(len(number), 0, -1)
        if number[place - 1].isdigit() and not number[place : place + 1].isdigit()
    ]


def _pieces(number: str) -> int:
    return len("".join(c if c.isdigit() else " " for c in number).split())


def _first(number: str) -> int:
    return len("".join(c if c.isdigit() else " " for c in number).split()[0])


def _uniform(number: str) -> bool:
    """Whether all groups but the first are separated alike."""
    gaps, gap, groups = [], "", 0
    for character in number.lstrip("("):
        if character.isdigit():
            if gap or not groups:
                groups += 1
                if groups > 2:
                    gaps.append(gap)
            gap = ""
        else:
            gap += character
    return len(set(gaps)) <= 1 and "/" not in "".join(gaps)


def _ascending(number: str) -> bool:
    """Whether a number is a row of rising pairs of digits, as a draw of a lottery is."""
    groups = "".join(c if c.isdigit() else " " for c in number).split()
    return len(groups) >= 4 and all(len(g) == 2 for g in groups) and groups == sorted(groups)
