"""All text of a page outside of its tags, without a parse: what the cascade looks at.

One pass over the raw HTML in the states of the HTML standard's tokenizer (13.2.5): comments, tags with quoted values,
and the bodies of raw text elements end where a browser ends them. Only the tree is missing, which text does not need:
a line begins where the tag of an element stands that is displayed as a block.
"""

from __future__ import annotations

import html as entities
from typing import Any

import numpy as np

from filters.compiled import compiled
from pipeline.extraction.blocks.names import BLOCK, BREAK, element_table, name_hash
from pipeline.extraction.blocks.scan import find, find_byte

Array = np.ndarray[Any, Any]

_KEYS, _POSITIONS, _VALUES = element_table()
_FNV, _PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
# Elements whose bodies hold no tags (13.2.5.2 to 13.2.5.4), and no text that a reader of the page sees.
_CLOSED = np.array(
    [name_hash(name) for name in "style title textarea iframe noembed noframes".split()], np.uint64
)
_SCRIPT, _PLAINTEXT, _SVG, _MATH = (
    np.uint64(name_hash(name)) for name in ("script", "plaintext", "svg", "math")
)


def visible_text(html: str) -> str:
    """The text of a page, navigation included, a line a block. Cost: some 2 ns a byte of the page."""
    source = np.frombuffer(bytearray(html.encode("utf-8", "replace")), np.uint8)
    text = np.empty(len(source) + 1, np.uint8)
    size = _visible(source, _KEYS, _POSITIONS, _VALUES, _CLOSED, text)
    found = text[:size].tobytes().decode("utf-8", "replace")
    return entities.unescape(found) if "&" in found else found


@compiled("boolean(uint8)")
def _is_letter(byte: Any) -> Any:
    return 97 <= byte | 32 <= 122


@compiled("boolean(uint8)")
def _is_space(byte: Any) -> Any:
    return byte == 32 or 9 <= byte <= 13


@compiled("int64(uint8[::1], int64)")
def _end_of_comment(source: Array, at: Any) -> Any:
    """Behind the comment whose `<!--` starts at `at`: at `-->` or `--!>`; `<!-->` and `<!--->` are whole ones."""
    size = len(source)
    at += 4
    if at < size and source[at] == 62:
        return at + 1
    if at + 1 < size and source[at] == 45 and source[at + 1] == 62:
        return at + 2
    while at + 2 < size:
        if source[at] == 45 and source[at + 1] == 45:
            if source[at + 2] == 62:
                return at + 3
            if source[at + 2] == 33 and at + 3 < size and source[at + 3] == 62:
                return at + 4
        at += 1
    return size


@compiled("int64(uint8[::1], int64)")
def _end_of_tag(source: Array, at: Any) -> Any:
    """Behind the tag whose name ends at `at`: the `>` outside of quoted values, which only a `=` begins."""
    size = len(source)
    while at < size and source[at] != 62:
        # The first character of a name may be `=`.
        if _is_space(source[at]) or source[at] == 47:
            at += 1
            continue
        at += 1
        while at < size and not (
            _is_space(source[at]) or source[at] == 47 or source[at] == 62 or source[at] == 61
        ):
            at += 1
        after = at
        while after < size and _is_space(source[after]):
            after += 1
        if after >= size or source[after] != 61:
            continue
        at = after + 1
        while at < size and _is_space(source[at]):
            at += 1
        if at >= size:
            break
        if source[at] == 34 or source[at] == 39:
            at = find_byte(source, at + 1, np.int64(source[at])) + 1
        else:
            while at < size and not (_is_space(source[at]) or source[at] == 62):
                at += 1
    return min(at + 1, size)


@compiled("boolean(uint8[::1], int64, uint8[::1], int64, int64)")
def _named(source: Array, at: Any, name: Array, start: Any, end: Any) -> Any:
    """Whether at `at` the name `name[start:end]` stands, in small or capital letters, and ends there."""
    length = end - start
    if at + length >= len(source):
        return False
    for i in range(length):
        if source[at + i] | 32 != name[start + i] | 32:
            return False
    after = source[at + length]
    return _is_space(after) or after == 47 or after == 62


@compiled("int64(uint8[::1], int64, int64, int64)")
def _end_of_body(source: Array, name: Any, end: Any, at: Any) -> Any:
    """Where the end tag starts of the raw text element whose name is `source[name:end]`; the body begins at `at`."""
    while True:
        at = find_byte(source, at, 60)
        if at + 1 >= len(source):
            return len(source)
        if source[at + 1] == 47 and _named(source, at + 2, source, name, end):
            return at
        at += 1


@compiled("int64(uint8[::1], int64, int64, int64)")
def _end_of_script(source: Array, name: Any, end: Any, at: Any) -> Any:
    """As `_end_of_body`; within `<!-- <script>` an end tag ends the inner script only (13.2.5.20 to 13.2.5.31)."""
    size, depth = len(source), 0  # 1: behind `<!--`; 2: behind `<script` in that
    while at < size:
        if source[at] == 60 and at + 1 < size:
            if source[at + 1] == 47 and _named(source, at + 2, source, name, end):
                if depth < 2:
                    return at
                depth = 1
            elif depth == 1 and _named(source, at + 1, source, name, end):
                depth = 2
            elif (
                depth == 0
                and at + 3 < size
                and source[at + 1] == 33
                and source[at + 2] == 45
                and source[at + 3] == 45
            ):
                depth = 1
                at += 1  # `<!-->` closes what it opens
        elif depth and source[at] == 45 and at + 2 < size and source[at + 1] == 45 and source[at + 2] == 62:
            depth = 0
        at += 1
    return size


@compiled("int64(uint8, int64, uint8[::1], int64)")
def _put(byte: Any, waiting: Any, text: Array, out: Any) -> Any:
    """Appends a byte behind the white space that waits, a line end if it is 2; returns where the next one goes."""
    if waiting and out:
        text[out] = 10 if waiting > 1 else 32
        out += 1
    text[out] = byte
    return out + 1


@compiled("int64(uint8[::1], uint64[::1], int32[::1], int32[:, ::1], uint64[::1], uint8[::1])")
def _visible(source: Array, keys: Array, positions: Array, values: Array, closed: Array, text: Array) -> Any:
    """Writes the text into `text`; returns its length. White space collapses, to a line end where a block begins."""
    at, out, waiting = 0, 0, 0  # waiting: the white space before the next character, 0 where there is none
    size, plain, foreign = len(source), False, False
    while at < size:
        byte = source[at]
        if byte != 60 or plain or at + 1 >= size:
            if byte <= 32:
                waiting = max(waiting, 1)
            else:
                out, waiting = _put(byte, waiting, text, out), 0
            at += 1
            continue
        following = source[at + 1]
        closing = following == 47
        if following == 33 and at + 3 < size and source[at + 2] == 45 and source[at + 3] == 45:
            at = _end_of_comment(source, at)
            continue
        if (
            following == 33
            or following == 63
            or (closing and at + 2 < size and not _is_letter(source[at + 2]))
        ):
            at = find_byte(source, at, 62) + 1
            continue
        if not closing and not _is_letter(following):
            out, waiting = _put(byte, waiting, text, out), 0
            at += 1
            continue
        start = at = at + 2 if closing else at + 1
        name = _FNV
        while at < size and not (_is_space(source[at]) or source[at] == 62 or source[at] == 47):
            letter = source[at] | 32 if 65 <= source[at] <= 90 else source[at]
            name = (name ^ np.uint64(letter)) * _PRIME
            at += 1
        end = at
        position = find(name, keys, positions)
        if position >= 0 and values[position, 1] & (BLOCK | BREAK):
            waiting = 2
        at = _end_of_tag(source, at)
        if name == _SVG or name == _MATH:
            foreign = not closing
        if closing or (foreign and source[at - 2] == 47):
            continue  # in SVG and MathML `<title/>` is whole
        if name == _SCRIPT:
            at = _end_of_script(source, start, end, at)
        elif name == _PLAINTEXT:
            plain = True
        else:
            for other in closed:
                if name == other:
                    at = _end_of_body(source, start, end, at)
    return out
