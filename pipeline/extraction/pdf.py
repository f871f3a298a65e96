"""The text layer of a PDF (ISO 32000) as paragraphs, read with PDFium; scanned pages have none.

PDFium gives characters in the order in which the page sets them, with their places. Lines become paragraphs by these:
a line goes on where the one before had no room for its first word. Words that were divided at a line's end are put
together, and what stands at the top or foot of many pages (running titles, page numbers) is left out.
"""

from __future__ import annotations

import ctypes
import statistics
import unicodedata
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple

from pipeline.extraction.facts import day, language_tag

MOST_CHARACTERS = 20_000_000  # of one file; more is an error
_HYPHEN = 2  # PDFium's code for a hyphen that divides a word at the end of a line
_SENTENCE_ENDS = tuple('.!?:;"”’)]。！？…')
_BULLETS = frozenset("•◦▪‣–—*·●○■□➢✓")
_LEADING = 1.35  # times the usual distance of lines: more is a gap
_WIDTH = 0.5  # of an average character, in its size
_TITLE_CHARACTERS = 1000
_FEWEST_PAGES = 4  # for what they share to be a running title
_SPACES = "\t\u00a0\u2002\u2003\u2009\u202f"


class PdfError(ValueError):
    """A file that PDFium cannot open (broken, or encrypted with a password), or that holds too much text."""


class PdfContent(NamedTuple):
    """What a PDF holds: `text` is empty without a text layer; the rest is None where its metadata does not say."""

    text: str
    title: str | None = None
    published: str | None = None  # YYYY-MM-DD, when the file was made
    language: str | None = None


class _Line(NamedTuple):
    text: str
    left: float  # points from the left, of the first character's origin
    right: float
    base: float  # points from the foot of the page
    size: float  # of the font, in points
    divided: bool = False  # ends inside a word


def read_pdf(data: bytes) -> PdfContent:
    """The text and metadata of a PDF, about 5 ms a page. Raises PdfError where there is nothing to read.

    A page that PDFium cannot load is passed over. Deterministic.
    """
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        raise PdfError(str(error)) from None
    try:
        pages = list(_pages(document))
        known = document.get_metadata_dict()
        language = _language(document)
    finally:
        document.close()
    return PdfContent(
        _flow(_without_running(pages)), _title(known), _date(known.get("CreationDate", "")), language
    )


def _pages(document: Any) -> Iterator[list[_Line]]:
    import pypdfium2

    left, unreadable = MOST_CHARACTERS, 0
    for number in range(len(document)):
        try:
            page = document[number]
        except pypdfium2.PdfiumError:
            unreadable += 1
            continue
        text = page.get_textpage()
        left -= text.count_chars()
        if left < 0:
            raise PdfError(f"more than {MOST_CHARACTERS:,} characters")
        yield list(_lines(text))
        text.close()
        page.close()
    if unreadable and unreadable == len(document):
        raise PdfError("none of its pages can be read")


def _lines(page: Any) -> Iterator[_Line]:
    import pypdfium2.raw as pdfium

    start = 0
    characters: list[str] = []
    for index in range(page.count_chars() + 1):
        code = pdfium.FPDFText_GetUnicode(page, index) if index < page.count_chars() else 10
        if code not in (_HYPHEN, 10, 13):
            characters.append(chr(code) if code < 0x110000 else "")
            continue
        text = _plain("".join(characters))
        if text:
            yield _placed(page, text, start, index - 1, code == _HYPHEN)
        start, characters = index + 1, []


def _placed(page: Any, text: str, first: int, last: int, divided: bool) -> _Line:
    import pypdfium2.raw as pdfium

    x, y, right, ignored = (ctypes.c_double() for _ in range(4))
    pdfium.FPDFText_GetCharOrigin(page, first, x, y)
    seen = first  # the first character may be a bullet of another size
    for index in range(last, max(first, last - 3) - 1, -1):  # spaces at the end have no place
        if pdfium.FPDFText_GetUnicode(page, index) > 32:
            pdfium.FPDFText_GetCharBox(page, index, ignored, right, ignored, ignored)
            seen = index
            break
    size = pdfium.FPDFText_GetFontSize(page, seen)
    return _Line(text, x.value, right.value, y.value, size, divided)


def _plain(text: str) -> str:
    """Text without control characters and typesetters' ligatures, white space collapsed."""
    for space in _SPACES:
        text = text.replace(space, " ")
    if not text.isascii():
        text = "".join(
            unicodedata.normalize("NFKC", character) if "\ufb00" <= character <= "\ufb06" else character
            for character in text
        )
    shown = "".join(character for character in text if character == " " or character.isprintable())
    return " ".join(shown.split(" ")).strip() if "  " not in shown else " ".join(shown.split())


def _without_running(pages: list[list[_Line]]) -> list[list[_Line]]:
    """Pages without first and last lines that are the same on three pages and a tenth of them, digits aside."""
    pages = [page for page in pages if page]
    for end in (0, -1):
        keys = Counter(_key(page[end].text) for page in pages if len(page) > 1)
        shared = {
            key
            for key, count in keys.items()
            if count >= max(3, len(pages) / 10) and len(pages) >= _FEWEST_PAGES
        }
        pages = [
            (page[1:] if end == 0 else page[:-1])
            if len(page) > 1 and _key(page[end].text) in shared
            else page
            for page in pages
        ]
    return pages


def _key(text: str) -> str:
    return (
        "".join("#" if character.isdigit() else character for character in text)
        .replace("##", "#")
        .replace("##", "#")
    )


def _flow(pages: list[list[_Line]]) -> str:
    """Lines to paragraphs, one a line."""
    words = _words(pages)
    distance = _usual_distance(pages)
    out: list[str] = []
    before: _Line | None = None
    for page in pages:
        edges = _edges(page)
        for number, line in enumerate(page):
            if before is None:
                out.append(line.text)
            elif number == 0 or line.base > before.base + line.size:  # another page or column
                _append(out, before, line, _goes_on(before, line), words)
            else:
                _append(out, before, line, not _breaks(before, line, edges[number - 1], distance), words)
            before = line
    return "\n".join(out)


def _append(out: list[str], before: _Line, line: _Line, together: bool, words: frozenset[str]) -> None:
    if not together:
        out.append(line.text)
    elif before.divided or (out[-1].endswith("-") and line.text[0].islower()):
        out[-1] = _rejoined(out[-1].removesuffix("-"), line.text, words)
    else:
        out[-1] += " " + line.text


def _rejoined(left: str, right: str, words: frozenset[str]) -> str:
    """Two parts of a divided word; its hyphen stays where the word is written so elsewhere, or no plain word."""
    first = left.rpartition(" ")[2].lower()
    second = _bare(right.partition(" ")[0].lower())
    plain = first.isalpha() and right[:1].islower()
    if f"{first}{second}" not in words and (f"{first}-{second}" in words or not plain):
        return f"{left}-{right}"
    return left + right


def _bare(word: str) -> str:
    return word.strip(".,;:!?()[]\"'“”’")


def _words(pages: list[list[_Line]]) -> frozenset[str]:
    # The last word of a line may be half of one.
    found = (word for page in pages for line in page for word in line.text.lower().split()[:-1])
    return frozenset(_bare(word) for word in found)


def _usual_distance(pages: list[list[_Line]]) -> float:
    """The most common distance of a line from the one above, in points."""
    steps = [
        round(above.base - line.base, 1)
        for page in pages
        for above, line in pairwise(page)
        if 0 < above.base - line.base < 3 * max(line.size, 1.0)
    ]
    return statistics.mode(steps) if steps else 0.0


def _edges(page: list[_Line]) -> list[float]:
    """For each line the right edge of its column: of the lines that stand below each other without a break."""
    edges: list[float] = []
    start = 0
    for number in range(1, len(page) + 1):
        if number == len(page) or page[number].base > page[number - 1].base + page[number].size:
            edges += [max(line.right for line in page[start:number])] * (number - start)
            start = number
    return edges


def _goes_on(before: _Line, line: _Line) -> bool:
    """Whether a paragraph goes on at the top of a page or column."""
    if before.divided:
        return True
    return (
        not before.text.endswith(_SENTENCE_ENDS)
        and line.text[0].islower()
        and abs(before.size - line.size) < 1
    )


def _breaks(before: _Line, line: _Line, edge: float, distance: float) -> bool:
    """Whether a line begins a paragraph, a heading or an item below the one before."""
    if before.divided:
        return False
    if abs(before.size - line.size) > 0.15 * max(before.size, line.size):
        return True
    gap = before.base - line.base
    if abs(gap) < 0.3 * line.size:
        return False  # the next cell of a row
    if distance and gap > _LEADING * distance:
        return True
    if _is_item(line.text):
        return True
    if line.left > before.left + line.size and before.text.endswith(_SENTENCE_ENDS):
        return True  # indented
    room = edge - before.right
    first = line.text.partition(" ")[0]
    return room > (len(first) + 1) * line.size * _WIDTH + line.size


def _is_item(text: str) -> bool:
    first, space, _ = text.partition(" ")
    if first in _BULLETS or text[0] in "•◦▪‣●":
        return True
    number = first.rstrip(".)").lstrip("(")
    return bool(space) and first != number and number.isdecimal() and len(number) < 4


def _title(known: dict[str, str]) -> str | None:
    title = " ".join(known.get("Title", "")[:_TITLE_CHARACTERS].split()).removeprefix("Microsoft Word - ")
    return None if title.lower() in ("", "untitled") else title


def _date(value: str) -> str | None:
    """The day of a PDF date, `D:YYYYMMDDHHmmSS` (ISO 32000-1, 7.9.4)."""
    digits = value.removeprefix("D:")[:8]
    return day(f"{digits[:4]}-{digits[4:6]}-{digits[6:]}") if len(digits) == 8 else None


def _language(document: Any) -> str | None:
    import pypdfium2.raw as pdfium

    size = pdfium.FPDFCatalog_GetLanguage(document, None, 0)
    if not 2 < size < 200:
        return None
    buffer = (ctypes.c_ushort * ((size + 1) // 2))()
    pdfium.FPDFCatalog_GetLanguage(document, buffer, size)
    return language_tag(bytes(buffer)[: size - 2].decode("utf-16-le", "ignore"))
