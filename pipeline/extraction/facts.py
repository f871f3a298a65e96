"""What a page states about itself, whatever extractor reads its text: title, date, language, address, licence, opt-out.

Only a date that the page states in its metadata counts; guessing one from the text costs more and depends on the day on
which it is guessed. Nothing here builds a tree: see `pipeline.extraction.tags` for what counts as a tag.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import urldefrag, urljoin

from pipeline.extraction import statements
from pipeline.extraction.tags import Tag, tags

MOST_LICENSES = 4
_TITLE_CHARACTERS = 1000
_URL_CHARACTERS = 2048
_RSL = "application/rsl+xml"
# In order of trust; JSON-LD stands between the third and the fourth.
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
    language: str | None = None  # as <html lang> states it, else <meta http-equiv=content-language>
    canonical: str | None = None  # absolute http(s) address, without a fragment
    license: str | None = None  # absolute http(s) addresses in order, with a space between them
    opt_out: str | None = None  # see `pipeline.extraction.statements`


def facts(html: str, url: str = "") -> Facts:
    """The facts of one page, whose relative addresses start from `url`. Cost: a quarter of a parse by lxml."""
    found = _Page(url)
    for tag in tags(html):
        reader = _READERS.get(tag.name, _read_other)
        reader(found, tag)
    dates = found.dates
    ordered = (*_DATE_NAMES[:3], "json-ld", *_DATE_NAMES[3:])
    licenses = dict.fromkeys(filter(None, map(found.absolute, found.licenses)))
    return Facts(
        found.title,
        next((dates[name] for name in ordered if name in dates), None),
        found.language,
        found.absolute(found.canonical) or found.absolute(found.og_url),
        " ".join(list(licenses)[:MOST_LICENSES]) or None,
        statements.joined(found.statements),
    )


class _Page:
    """What has been found of a page so far."""

    def __init__(self, url: str) -> None:
        self.base = url
        self.has_base = False
        self.title: str | None = None
        self.language: str | None = None
        self.canonical = ""
        self.og_url = ""
        self.licenses: list[str] = []
        self.statements: list[str] = []
        self.dates: dict[str, str] = {}

    def absolute(self, address: str) -> str | None:
        """An address as an absolute http(s) one, or None if it is none or too long to be one."""
        if not address or len(address) > _URL_CHARACTERS:
            return None
        whole = address.partition("#")[0]
        if not whole.startswith(("http://", "https://")) or "[" in whole:
            try:
                whole = urldefrag(urljoin(self.base, address)).url
            except ValueError:
                return None
        plain = whole.isprintable() and " " not in whole
        scheme, _, rest = whole.partition("://")
        return whole if plain and scheme.lower() in ("http", "https") and rest.strip("/") else None

    def date(self, name: str, value: str) -> None:
        """Keeps the first valid date under a name."""
        if name not in self.dates and (date := day(value)):
            self.dates[name] = date

    def license(self, address: str) -> None:
        """Keeps the address of a licence."""
        if len(self.licenses) < 4 * MOST_LICENSES:
            self.licenses.append(address)


def _read_meta(page: _Page, tag: Tag) -> None:
    stated = tag.attributes
    key = b"property" if b"property" in stated else b"name" if b"name" in stated else b"itemprop"
    name = tag.attribute(key).lower() if key in stated else ""
    if name in _DATE_NAMES:
        page.date(name, tag.attribute(b"content"))
    elif name == "og:url":
        page.og_url = page.og_url or tag.attribute(b"content")
    elif name == "license":
        page.license(tag.attribute(b"content"))
    elif name and statements.is_metadata(name):
        page.statements += statements.of_metadata(name, tag.attribute(b"content"))
    elif b"http-equiv" in stated and tag.attribute(b"http-equiv").lower() == "content-language":
        page.language = page.language or language_tag(tag.attribute(b"content"))


def _read_link(page: _Page, tag: Tag) -> None:
    relations = tag.attribute(b"rel").lower().split()
    if "canonical" in relations:
        page.canonical = page.canonical or tag.attribute(b"href")
    elif "license" in relations or tag.attribute(b"itemprop").lower() == "license":
        page.license(tag.attribute(b"href"))
        if tag.attribute(b"type").lower() == _RSL:
            page.statements.append(statements.RSL)


def _read_html(page: _Page, tag: Tag) -> None:
    stated = language_tag(tag.attribute(b"lang") or tag.attribute(b"xml:lang"))
    page.language = page.language or stated


def _read_base(page: _Page, tag: Tag) -> None:
    if not page.has_base and tag.attribute(b"href"):
        page.base = page.absolute(tag.attribute(b"href")) or page.base
        page.has_base = True


def _read_title(page: _Page, tag: Tag) -> None:
    page.title = page.title or _short(tag.text())


def _read_script(page: _Page, tag: Tag) -> None:
    kind = tag.attribute(b"type").lower().partition(";")[0].strip()
    if kind == _RSL:
        page.statements.append(statements.RSL)
    elif kind == "application/ld+json":
        page.date("json-ld", _linked_data(tag.body, b'"datePublished"'))
        license_ = _linked_data(tag.body, b'"license"')
        if license_.startswith(("http://", "https://")):
            page.license(license_)


def _read_other(page: _Page, tag: Tag) -> None:
    """An element of the body: a licence link, or a date in microdata."""
    item = tag.attribute(b"itemprop").lower().split()
    if "license" in tag.attribute(b"rel").lower().split() or "license" in item:
        page.license(tag.attribute(b"href"))
    value = tag.attribute(b"datetime") or tag.attribute(b"content")
    if "datepublished" in item:
        page.date("datepublished", value)
    elif tag.name == b"time" and b"pubdate" in tag.attributes:
        page.date("pubdate", value)


def _ignore(page: _Page, tag: Tag) -> None:
    pass


_READERS: dict[bytes, Callable[[_Page, Tag], None]] = {
    b"meta": _read_meta,
    b"link": _read_link,
    b"html": _read_html,
    b"base": _read_base,
    b"title": _read_title,
    b"script": _read_script,
    **dict.fromkeys(
        (b"style", b"textarea", b"noscript", b"iframe", b"noframes", b"noembed", b"xmp"), _ignore
    ),
}


def _short(title: str) -> str | None:
    return " ".join(title[: 4 * _TITLE_CHARACTERS].split())[:_TITLE_CHARACTERS].strip() or None


def _linked_data(script: bytes, key: bytes) -> str:
    """The string that first stands under `key` in JSON-LD, which is often not quite JSON; empty if there is none."""
    value = script.partition(key)[2][:_URL_CHARACTERS].decode("utf-8", "ignore")
    value = value.lstrip().removeprefix(":").lstrip()
    if not value.startswith('"'):
        return ""
    try:
        found, _ = json.JSONDecoder().raw_decode(value)
    except ValueError:
        return ""
    return str(found).strip()


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
