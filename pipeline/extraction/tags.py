"""Tags of a page that may state something about it, found in linear time over the raw HTML, without a tree.

The HTML standard (section 13.2.5, tokenization) decides what is a tag at all: comments and the bodies of script, style,
title, textarea, noscript, iframe, noframes, noembed and xmp hold none, nor does a quoted value; attributes come in any
order and quoting; what is never closed swallows the rest of the page (a title ends at the next tag instead). It is not
followed where that would cost time or harm: nothing inside `<svg>` counts; what stands behind a `<` or `>` within a
value is seen in the tags `<meta>`, `<base>` and `<html>` only; after `MOST_STEPS` the scan ends.

One search finds the tags that are wanted; what opens a comment or a body is looked for only as far as the last of them.
Most pages state nothing behind their head, so that most of their comments and scripts are never looked at.
"""

from __future__ import annotations

import functools
import html
from collections.abc import Iterator
from typing import Any, NamedTuple

MOST_STEPS = 10_000  # tags, comments and oddly written attributes of one page: some 20 ms
MOST_VALUE = 8192  # bytes of a value or body that are decoded
_WANTED_STEPS = 3  # that a wanted tag costs, and an attribute of a tag that is read the long way
_PLAIN_TAG = 4096  # bytes of a tag that is read the short way
_SPACE = b" \t\n\r\f"
_NAME = b"abcdefghijklmnopqrstuvwxyz0123456789-_:."
_REFERENCE = 33  # characters of the longest named character reference, `&` and `;` included

# All of these are looked for in the page's bytes in lower case.
_WANTED = (
    rb"<(?:(?:meta|html|base|title)[\s/>]|link[\s/][^<>]*(?:canonical|license)"
    rb"|script[\s/][^<>]*(?:ld(?:\+|&#x2b;)json|rsl\+xml)"
)
# Any element, looked for where one of these words stands: RE2 finds a plain word with vector instructions.
_STATED = (
    rb"|[a-z][a-z0-9]*[\s/][^<>]*(?:(?:rel|itemprop)\s*=\s*[\"']?[^\"'<>]*(?:license|datepublished)|pubdate)"
)
_STATED_WORDS = (rb"license", rb"datepublished", rb"pubdate")
# One of these stands in every `<meta>` that states something: most do not, and are passed over.
_META = (
    rb"bot|date|publi|issued|created|og:url|license|tdm-res|language|crawler|spider|extended|anthropic|claude|cohere"
    rb"|facebookexternalhit|googleother|externalagent|slurp|teoma|&#"
)
_RAW = frozenset((b"script", b"title"))  # bodies that are wanted
_OPENS = rb"<(?:!--|(?:script|style|title|textarea|noscript|iframe|noframes|noembed|xmp|svg)[\s/>])"


class Tag(NamedTuple):
    """A start tag: its name and attributes, lower-case names, the first of each; `body` is what a raw element holds.

    Values and body are bytes of UTF-8 as written: `text` and `attribute` decode them.
    """

    name: bytes
    attributes: dict[bytes, bytes]
    body: bytes = b""

    def attribute(self, name: bytes) -> str:
        """The value of an attribute with its character references decoded, without white space around it."""
        value = self.attributes.get(name)
        return _unescaped(value[:MOST_VALUE].decode("utf-8", "ignore")).strip() if value else ""

    def text(self) -> str:
        """The first `MOST_VALUE` bytes of the body with character references decoded."""
        return html.unescape(self.body[:MOST_VALUE].decode("utf-8", "ignore"))


@functools.cache
def _pattern(source: bytes) -> Any:
    import re2

    # Latin-1: on bytes of UTF-8 every pattern here means the same, and decoding costs time.
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    return re2.compile(source, options)


def tags(page: str) -> Iterator[Tag]:
    """The tags of a page that may state something, in order. Time: linear, a quarter of a parse."""
    scan = _Scan(page.encode("utf-8", "replace"))
    stated = any(_pattern(word).search(scan.lower) for word in _STATED_WORDS)
    pattern = _pattern(_WANTED + (_STATED if stated else b"") + b")")
    for match in pattern.finditer(scan.lower):
        scan.steps -= _WANTED_STEPS
        if scan.steps < 0:
            return
        at = match.start()
        if at >= scan.at and not scan.is_idle(at) and scan.reach(at):
            yield scan.tag(at)


class _Scan:
    """A page and how far it is known what is text, what a comment, a body or a tag: `at` is outside of all of them."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.lower = data.lower()
        self.at = 0
        self.steps = MOST_STEPS
        self._opens = -1  # the next opening of a comment or body, if it is known
        self._endless: set[bytes] = set()  # names of which no closing tag follows

    def is_idle(self, start: int) -> bool:
        """Whether the tag at `start` is a `<meta>` that states nothing."""
        if not self.lower.startswith(b"meta", start + 1):
            return False
        inside = self.lower[start : self.lower.find(b">", start, start + _PLAIN_TAG) + 1]
        whole = inside and not inside.count(b'"') % 2 and not inside.count(b"'") % 2
        return bool(whole) and _pattern(_META).search(inside) is None

    def reach(self, place: int) -> bool:
        """Goes on to the tag at `place`; False if that stands inside a comment, a body or another tag."""
        while self.at <= place and self.steps >= 0:
            if self._opens < self.at:
                found = _pattern(_OPENS).search(self.lower, self.at)
                self._opens = found.start() if found else len(self.data)
            upto = min(self._opens, place)
            outer = self._enclosing(upto)
            if outer >= 0:
                self.at = self._tag_end(outer)
                continue
            if self._opens >= place:
                return self.at <= place
            self.steps -= 1
            self._pass_over(self._opens)
        return False

    def tag(self, start: int) -> Tag:
        """The tag at `start`, with its body if it has one; goes on behind it."""
        name = self._name(start)
        attributes = self._attributes(start)
        body = self.at
        if name in _RAW and body < len(self.data):
            self.at = self._closing(name)
            return Tag(name, attributes, self.data[body : self.at])
        return Tag(name, attributes)

    def _enclosing(self, place: int) -> int:
        """Where the tag begins that `place` stands inside of, as far as the marks just before it show; else -1."""
        before = self.lower.rfind(b"<", self.at, place)
        if before < 0 or self.lower.find(b">", before, place) >= 0:
            return -1
        return before if self.lower[before + 1 : before + 2].isalpha() else -1

    def _pass_over(self, start: int) -> None:
        """Goes on behind the comment or body that opens at `start`."""
        if self.lower.startswith(b"<!--", start):
            end = self.lower.find(b"-->", start + 2)  # `<!-->` is a whole comment
            other = self.lower.find(b"--!>", start + 4, end if end >= 0 else len(self.lower))
            self.at = other + 4 if other >= 0 else end + 3 if end >= 0 else len(self.data)
            return
        name = self._name(start)
        self.at = self._tag_end(start)
        self.at = self._closing(name)

    def _name(self, start: int) -> bytes:
        head = self.lower[start + 1 : start + 33]
        return head[: len(head) - len(head.lstrip(_NAME))]

    def _closing(self, name: bytes) -> int:
        """Where the closing tag of a body begins; without one, where such a body ends."""
        closing, at = b"</" + name, self.at
        while name not in self._endless:
            at = self.lower.find(closing, at)
            after = at + len(closing)
            if at < 0:
                self._endless.add(name)
            elif self.lower[after : after + 1] in (b">", b" ", b"/", b"\n", b"\t", b"\r", b"\f"):
                return at
            else:
                at = after
        if name == b"svg":
            return self.at
        at = self.lower.find(b"<", self.at) if name == b"title" else -1
        return at if at >= 0 else len(self.data)

    def _tag_end(self, start: int) -> int:
        """Behind the tag at `start`."""
        end = self.lower.find(b">", start)
        if 0 < end - start <= _PLAIN_TAG:
            inside = self.lower[start:end]
            if not inside.count(b'"') % 2 and not inside.count(b"'") % 2:
                return end + 1
        self._attributes(start)
        return self.at

    def _attributes(self, start: int) -> dict[bytes, bytes]:
        """The attributes of the tag at `start`; goes on behind it."""
        at = start + 1 + len(self._name(start))
        end = self.lower.find(b">", at)
        if end < 0:
            self.at = len(self.data)
            return {}
        plain = _plain_attributes(self.data[at:end]) if end - at <= _PLAIN_TAG else None
        if plain is not None:
            self.at = end + 1
            return plain
        found, self.at, self.steps = _odd_attributes(self.data, at, self.steps)
        return found


def _plain_attributes(tag: bytes) -> dict[bytes, bytes] | None:
    """The attributes of a tag that quotes all values with one kind of quote; None for any other."""
    parts = tag.split(b'"' if b'"' in tag else b"'")
    if not len(parts) % 2:
        return None
    found: dict[bytes, bytes] = {}
    for index in range(0, len(parts) - 1, 2):
        name = parts[index].strip(_SPACE)
        if name[-1:] != b"=":
            return None
        name = name[:-1].rstrip(_SPACE).lower()
        if name.translate(None, _NAME):
            *bare, name = name.split() or [b""]
            if b"".join((*bare, name)).translate(None, _NAME):
                return None
            for one in bare:
                found.setdefault(one, b"")
        if not name:
            return None
        found.setdefault(name, parts[index + 1])
    for one in parts[-1].lower().split():
        if one != b"/":
            if one.translate(None, _NAME):
                return None
            found.setdefault(one, b"")
    return found


def _odd_attributes(data: bytes, at: int, steps: int) -> tuple[dict[bytes, bytes], int, int]:
    """Attributes from `at` on of a tag written in any way; where it ends, and the steps that are left."""
    found: dict[bytes, bytes] = {}
    size = len(data)
    while steps > 0:
        steps -= _WANTED_STEPS
        start = _find(rb"[^\s/]", data, at)
        at = _find(rb"[\s/>=]", data, start + 1) if data[start : start + 1] != b">" else start
        name, value = data[start:at].lower(), b""
        after = _find(rb"[^\s]", data, at)
        if name and data[after : after + 1] == b"=":
            at = _find(rb"[^\s]", data, after + 1)
            quote = data[at : at + 1]
            if quote in (b'"', b"'"):
                end = data.find(quote, at + 1)
                if end < 0:
                    return found, size, steps
                value, at = data[at + 1 : end], end + 1
            else:
                end = _find(rb"[\s>]", data, at)
                value, at = data[at:end], end
        if name:
            found.setdefault(name, value)
        if at >= size:
            return found, size, steps
        if data[at : at + 1] == b">":
            return found, at + 1, steps
    return found, at, steps


def _find(characters: bytes, data: bytes, at: int) -> int:
    """Where the first of these characters stands from `at` on; the end of the data if none does."""
    found = _pattern(characters).search(data, at)
    return found.start() if found else len(data)


def _unescaped(value: str) -> str:
    """An attribute's value with its references decoded; one without `;` is none (`?a=1&copy=2` is an address)."""
    if "&" not in value:
        return value
    first, *pieces = value.split("&")
    found = [first]
    for piece in pieces:
        end = piece.find(";", 0, _REFERENCE)
        name = piece[: end + 1]
        whole = end > 0 and name[:-1].lstrip("#").isalnum()
        found.append((html.unescape("&" + name) + piece[end + 1 :]) if whole else "&" + piece)
    return "".join(found)
