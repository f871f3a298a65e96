"""What a page states about itself, whatever extractor reads its text: title, declared language, publication date.

Only a date that the page states in its metadata counts; guessing one from the text costs more and depends on the day on
which it is guessed.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

_TITLE_CHARACTERS = 1000
_DATE_NAMES = (
    "article:published_time",
    "og:published_time",
    "datepublished",
    "dc.date.issued",
    "dcterms.issued",
    "dcterms.created",
    "dc.date",
    "citation_publication_date",
    "pubdate",
    "publishdate",
    "publish_date",
    "date",
)


class Facts(NamedTuple):
    """What a page states about itself; None where it does not."""

    title: str | None = None
    published: str | None = None  # YYYY-MM-DD
    language: str | None = None  # as <html lang> states it


def facts(html: str) -> Facts:
    """The facts of one page. Cost: one parse."""
    from trafilatura.utils import load_html

    tree = load_html(html)
    if tree is None:
        return Facts()
    title = tree.find(".//title")
    language = (
        tree.get("lang") or tree.get("xml:lang") or tree.get("{http://www.w3.org/XML/1998/namespace}lang")
    )
    return Facts(
        _short(title.text_content() if title is not None else None), _published(tree), language_tag(language)
    )


def _short(title: str | None) -> str | None:
    return " ".join((title or "")[: 4 * _TITLE_CHARACTERS].split())[:_TITLE_CHARACTERS] or None


def _published(tree: Any) -> str | None:
    found: dict[str, str] = {}
    for element in tree.iter("meta"):
        name = (element.get("property") or element.get("name") or element.get("itemprop") or "").lower()
        if name in _DATE_NAMES and (date := day(element.get("content"))):
            found.setdefault(name, date)
    for name in _DATE_NAMES[:3]:
        if name in found:
            return found[name]
    for element in tree.iter("script"):
        if element.get("type") == "application/ld+json" and (date := _linked_data_date(element.text or "")):
            return date
    return next((found[name] for name in _DATE_NAMES if name in found), None)


def _linked_data_date(script: str) -> str | None:
    """The value of the first `datePublished` in JSON-LD, which is often not quite JSON."""
    value = script.partition('"datePublished"')[2][:100].lstrip().removeprefix(":").lstrip()
    try:
        found, _ = json.JSONDecoder().raw_decode(value)
    except (ValueError, RecursionError):
        return None
    return day(found) if isinstance(found, str) else None


def day(value: str | None) -> str | None:
    """The `YYYY-MM-DD` that begins `value`, or None."""
    head = (value or "").strip()[:10].replace("/", "-")
    if len(head) != 10 or not head.isascii() or head[4] != "-" or head[7] != "-":
        return None
    digits = head[:4] + head[5:7] + head[8:]
    valid = (
        digits.isdigit()
        and "1900" <= head[:4] <= "2100"
        and "01" <= head[5:7] <= "12"
        and "01" <= head[8:] <= "31"
    )
    return head if valid else None


def language_tag(value: str | None) -> str | None:
    """The first language tag in `value` if it has the form of one (letters, then letters and digits), or None."""
    tag = (value or "").partition(",")[0].strip().replace("_", "-")
    first, *others = tag.split("-")
    well_formed = 2 <= len(first) <= 8 and first.isascii() and first.isalpha()
    if not well_formed or len(tag) > 35 or not all(part.isascii() and part.isalnum() for part in others):
        return None
    return tag
