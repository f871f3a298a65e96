"""Main-text extractors: each a function from a page's HTML to its text, and a table that names them.

`trafilatura` is called with the settings that FineWeb's published pipeline uses (precision, no comments, tables kept),
except that its own deduplication stays off: that drops text which an earlier page of the same process had, so that
the result would depend on the order of the pages.

Title, declared language and publication date are read from the same parse. Only a date that the page states in its
metadata counts; guessing one from the text costs more and depends on the day on which it is guessed.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
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


class Extraction(NamedTuple):
    """What an extractor found: `text` is empty where there is no main text; the rest is None where not stated."""

    text: str
    title: str | None = None
    published: str | None = None  # YYYY-MM-DD
    language: str | None = None  # as <html lang> states it


def trafilatura(html: str, url: str, favor: str = "precision") -> Extraction:
    """Main text by trafilatura, about 15 ms a page; `favor` is `precision`, `balanced` or `recall`."""
    from trafilatura import extract
    from trafilatura.utils import load_html

    _lighten_lxml()
    tree = load_html(html)
    if tree is None:
        return Extraction("")
    facts = _facts(tree)
    text = extract(
        tree,
        favor_precision=favor == "precision",
        favor_recall=favor == "recall",
        include_comments=False,
        deduplicate=False,
    )
    return Extraction(text or "", *facts)


def resiliparse(html: str, url: str, favor: str = "precision") -> Extraction:
    """Main text by resiliparse, about 2 ms a page; `recall` keeps all visible text."""
    from resiliparse.extract.html2text import extract_plain_text
    from resiliparse.parse.html import HTMLTree

    tree = HTMLTree.parse(html)
    text = extract_plain_text(
        tree,
        preserve_formatting=True,
        main_content=favor != "recall",
        list_bullets=True,
        links=False,
        comments=False,
    )
    root = tree.document.query_selector("html") if tree.document is not None else None
    language = root.getattr("lang") if root is not None else None
    return Extraction(text, _short(tree.title), None, language_tag(language))


EXTRACTORS: dict[str, Callable[..., Extraction]] = {"trafilatura": trafilatura, "resiliparse": resiliparse}


@functools.cache
def _lighten_lxml() -> None:
    """Spares trafilatura some 8 % of its time and changes no text.

    Its parser asks a Python function for the class of every element it touches, to tell form fields from others, and
    its XPath expressions build strings that remember where they came from. It uses neither.
    """
    from lxml import etree
    from lxml.html import HtmlComment, HtmlElement, HtmlEntity, HtmlProcessingInstruction
    from trafilatura import utils, xpaths

    utils.HTML_PARSER.set_element_class_lookup(
        etree.ElementDefaultClassLookup(
            element=HtmlElement, comment=HtmlComment, pi=HtmlProcessingInstruction, entity=HtmlEntity
        )
    )
    for name, expressions in vars(xpaths).items():
        if name.endswith("_XPATH") and isinstance(expressions, list):
            expressions[:] = [
                etree.XPath(expression.path, namespaces={"re": xpaths.REGEXP_NS}, smart_strings=False)
                for expression in expressions
            ]


def _facts(tree: Any) -> tuple[str | None, str | None, str | None]:
    title = tree.find(".//title")
    language = (
        tree.get("lang") or tree.get("xml:lang") or tree.get("{http://www.w3.org/XML/1998/namespace}lang")
    )
    return (
        _short(title.text_content() if title is not None else None),
        _published(tree),
        language_tag(language),
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
