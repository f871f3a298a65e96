"""External links out of Wikipedia's dumps: `externallinks.sql` of both schemas, and page XML with its references.

Streams: a dump of any size needs the memory of its longest line or page. Patterns are RE2's, so that no text can make
them slow.
"""

from __future__ import annotations

import functools
import html
from collections.abc import Iterator
from typing import IO, Any

_LONGEST = 64 << 20  # bytes of a line; mysqldump writes a megabyte a line

# (el_id,el_from,'el_to','el_index',... or (el_id,el_from,'el_to_domain_index','el_to_path'); quotes inside are escaped.
_ROW = rb"\(\d+,\d+,'((?:[^'\\]|\\.)*)'(?:,(?:'((?:[^'\\]|\\.)*)'|NULL))?"
_COMMENT = r"(?s)<!--.*?-->"
_REFERENCE = r"(?is)<ref(?:\s[^>]*[^>/]|\s*)>(.*?)</ref\s*>"
_TEMPLATE = r"(?i)\|\s*(?:url|chapter-url|article-url|entry-url)\s*=\s*(https?://[^\s|{}<>\[\]\"]+)"
_ADDRESS = r"(?i)(?:https?:)?//[^\s|{}<>\[\]\"]+"


@functools.cache
def _pattern(source: str | bytes) -> Any:
    import re2

    options = re2.Options()
    if isinstance(source, bytes):
        options.encoding = re2.Options.Encoding.LATIN1
    options.max_mem = 64 << 20
    return re2.compile(source, options)


def sql_links(file: IO[bytes]) -> Iterator[str]:
    """The addresses of an `externallinks` table: el_to, or what el_to_domain_index and el_to_path spell."""
    row = _pattern(_ROW)
    while line := file.readline(_LONGEST):
        if line.startswith((b"INSERT INTO", b"(")) or b"INSERT INTO `externallinks`" in line[:200]:
            for match in row.finditer(line):
                first, second = match.group(1), match.group(2)
                yield _joined(_unquoted(first), None if second is None else _unquoted(second))


def _unquoted(value: bytes) -> str:
    """A MySQL string: a backslash stands before quotes and backslashes, which is all that addresses can hold."""
    if b"\\" in value:
        value = b"\\".join(part.replace(b"\\", b"") for part in value.split(b"\\\\"))
    return value.decode("utf-8", "replace")


def _joined(first: str, second: str | None) -> str:
    """`https://org.example.www.` and `/a` are https://www.example.org/a; an el_to stands as it is."""
    scheme, _, rest = first.partition("://")
    name, _, port = rest.partition(":")
    if not name.endswith(".") or "/" in rest or (second is not None and "://" in second):
        return first
    labels = name.strip(".").split(".")
    host = ".".join(labels[1:] if labels[0] == "V4" else reversed(labels))
    return f"{scheme}://{host}{':' + port if port else ''}{second or ''}"


def xml_links(file: IO[bytes]) -> Iterator[str]:
    """The addresses that articles (namespace 0) of a page dump cite: in references of any number of lines, named or
    not, and as `url=` of templates outside of them."""
    from lxml import etree

    pages = etree.iterparse(
        file,
        events=("end",),
        tag="{*}page",
        resolve_entities=False,
        no_network=True,
        recover=True,
        huge_tree=True,
    )
    for _, page in pages:
        if (page.findtext("{*}ns") or "0").strip() == "0":
            for text in page.iterfind(".//{*}text"):
                yield from cited(text.text or "")
        page.clear()
        while page.getprevious() is not None:
            del page.getparent()[0]


def cited(wikitext: str) -> Iterator[str]:
    """The addresses that a page's wikitext cites, each where it stands; those in comments are left out."""
    text = _pattern(_COMMENT).sub("", wikitext)
    references = _pattern(_REFERENCE)
    for reference in references.finditer(text):
        for found in _pattern(_ADDRESS).finditer(reference.group(1)):
            yield _trimmed(found.group(0))
    for found in _pattern(_TEMPLATE).finditer(references.sub(" ", text)):
        yield _trimmed(found.group(1))


def _trimmed(address: str) -> str:
    """Without the marks that end a sentence and a bracket that was opened before it, as MediaWiki reads addresses."""
    address = html.unescape(address).partition("''")[0]
    marks = ".,;:!?" if "(" in address else ".,;:!?)"
    return address.rstrip(marks)
