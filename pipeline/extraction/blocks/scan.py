"""One pass over a serialised HTML tree: its elements, and its text cut into blocks.

The input is what an HTML5 parser wrote out again, so that every tag is closed, every attribute is `name="value"` and
only `&amp; &lt; &gt; &nbsp; &quot;` are left of the references (HTML standard, 13.3). A block is the text between two
places where a line begins: the start or end of an element displayed as a block, or `<br>`; a `<pre>` is one block.
Time is linear.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from filters.compiled import compiled
from pipeline.extraction.blocks.names import (
    BLOCK,
    BREAK,
    LI,
    LINK,
    PRE,
    RAW,
    SKIP,
    STRONG,
    TITLE,
    VOID,
    element_table,
    name_hash,
)

Array = np.ndarray[Any, Any]

# Columns of an element. CONTAINER: the nearest element displayed as a block, itself included. SIGNATURE: of its name
# and classes. ITEMS: list items opened in it so far. ITEM: its own number among them.
(
    PARENT,
    TAG,
    LEVEL,
    FIRST_BLOCK,
    END_BLOCK,
    SIGNATURE,
    HIDDEN,
    CONTAINER,
    ITEMS,
    ITEM,
    FIRST_WORD,
    END_WORD,
) = range(12)
ELEMENT_COLUMNS = 12
# Columns of a block. START, END: its text. BROKEN: how many `<br>` and nothing else stand before it.
START, END, ELEMENT, BROKEN, LINK_BYTES, LINKS, STRONG_BYTES, IN_PRE, IS_TITLE = range(9)
BLOCK_COLUMNS = 9

_KEYS, _POSITIONS, _VALUES = element_table()
_FNV, _PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
_DEEPEST = 400  # elements below this depth count as their ancestor there
_CLASS, _ID, _ROLE, _ITEMPROP, _STYLE, _HIDDEN, _ARIA_HIDDEN = (
    np.uint64(name_hash(name))
    for name in ("class", "id", "role", "itemprop", "style", "hidden", "aria-hidden")
)
_TRUE = np.uint64(name_hash("true"))
# The scanner's state.
(
    _OUT,
    _BLOCKS,
    _ELEMENTS,
    _CURRENT,
    _LINK,
    _STRONG,
    _PRE,
    _SPACE,
    _WORDS,
    _BROKE,
    _IN_TITLE,
    _HID,
    _SIGNED,
) = range(13)
_STATE = 13


class Scan(NamedTuple):
    """A page as scanned.

    `elements` is int32[elements, ELEMENT_COLUMNS] in document order (a parent before its children), `blocks`
    int32[blocks, BLOCK_COLUMNS] in document order with START and END into `text` (UTF-8), and `words` the hashes of the
    words in class, id, role and itemprop attributes, of which each element has a range.
    """

    text: Array  # uint8
    elements: Array
    blocks: Array
    words: Array  # uint64


def scan(html: bytes) -> Scan:
    """Elements and blocks of a serialised tree. Cost: about 3 ns a byte."""
    source = np.frombuffer(bytearray(html), np.uint8)
    most = int(np.count_nonzero(source == 60)) + 2
    text = np.empty(2 * len(source) + 2, np.uint8)
    elements = np.zeros((most, ELEMENT_COLUMNS), np.int32)
    blocks = np.zeros((most, BLOCK_COLUMNS), np.int32)
    names = np.zeros(most, np.uint64)
    words = np.empty(len(source) + 2, np.uint64)
    state = np.zeros(_STATE, np.int64)
    _scan(source, _KEYS, _POSITIONS, _VALUES, text, elements, blocks, names, words, state)
    return Scan(
        text[: state[_OUT]], elements[: state[_ELEMENTS]], blocks[: state[_BLOCKS]], words[: state[_WORDS]]
    )


@compiled("int64(uint64, uint64[::1], int32[::1])")
def find(key: Any, keys: Array, positions: Array) -> Any:
    """Position of a hash in a table of `names.hash_table`, or -1."""
    mask = np.uint64(len(keys) - 1)
    at = key & mask
    while keys[at] != 0:
        if keys[at] == key:
            return np.int64(positions[at])
        at = (at + np.uint64(1)) & mask
    return np.int64(-1)


@compiled("int64(uint8[::1], int64, int64)")
def find_byte(source: Array, at: Any, byte: Any) -> Any:
    """Where a byte stands from `at` on; the length of the source where it does not."""
    while at < len(source) and source[at] != byte:
        at += 1
    return at


@compiled("int64(uint8[::1], int64, int64, int64)")
def _end_of_raw(source: Array, name: Any, end: Any, at: Any) -> Any:
    """Where the end tag of the raw text element starts whose name lies at [`name`, `end`)."""
    length = end - name
    while at + length + 2 <= len(source):
        if source[at] == 60 and source[at + 1] == 47:
            same = 0
            while same < length and source[at + 2 + same] | 32 == source[name + same]:
                same += 1
            if same == length:
                return at
        at += 1
    return len(source)


@compiled("int64(uint8[::1], int64)")
def _end_of_declaration(source: Array, at: Any) -> Any:
    """Behind the comment or document type that starts at `at`."""
    if at + 3 < len(source) and source[at + 2] == 45 and source[at + 3] == 45:
        at += 4
        while at + 2 < len(source):
            if source[at] == 45 and source[at + 1] == 45 and source[at + 2] == 62:
                return at + 3
            at += 1
        return len(source)
    return find_byte(source, at, 62) + 1


@compiled("uint64(uint8[::1], int64, int64)")
def _hash(source: Array, at: Any, end: Any) -> Any:
    value = _FNV
    for i in range(at, end):
        value = (value ^ np.uint64(source[i])) * _PRIME
    return value


@compiled("void(uint8[::1], int64, int64, uint64[::1], int64[::1])")
def _attribute_words(source: Array, at: Any, end: Any, words: Array, state: Array) -> None:
    """Hashes of a value's words in small letters, of at least two letters, cut where a capital follows a small one."""
    word, length = _FNV, 0
    before: Any = 0
    for i in range(at, end + 1):
        byte = np.int64(source[i]) if i < end else 32
        capital = 65 <= byte <= 90
        letter = capital or 97 <= byte <= 122 or byte >= 128
        if length and (not letter or (capital and 97 <= before <= 122)):
            if length > 1:
                words[state[_WORDS]] = word
                state[_WORDS] += 1
            word, length = _FNV, 0
        if letter:
            word = (word ^ np.uint64(byte | 32 if capital else byte)) * _PRIME
            length += 1
        before = byte


@compiled("boolean(uint8[::1], int64, int64)")
def _styled_away(source: Array, at: Any, end: Any) -> Any:
    """Whether a style says `display: none`."""
    for i in range(at, end - 6):
        if source[i] == 100 and source[i + 1] == 105 and source[i + 6] == 121:  # d i .... y
            j = i + 7
            while j < end and (source[j] == 32 or source[j] == 58):
                j += 1
            if j + 3 < end + 1 and source[j] == 110 and source[j + 1] == 111 and source[j + 2] == 110:
                return True
    return False


@compiled("int64(uint8[::1], int64, uint64[::1], int64[::1])")
def _attributes(source: Array, at: Any, words: Array, state: Array) -> Any:
    """Reads attributes from `at` to behind the tag's `>`; notes words, the hash of the classes and what hides it."""
    signature, hidden = _FNV, 0
    while at < len(source) and source[at] != 62:
        if source[at] == 32 or source[at] == 10 or source[at] == 47:
            at += 1
            continue
        name = at
        at += 1
        while at < len(source) and source[at] != 61 and source[at] != 62 and source[at] != 32:
            at += 1
        key = _hash(source, name, at)
        value = end = at
        if at + 1 < len(source) and source[at] == 61 and source[at + 1] == 34:
            value = at + 2
            end = find_byte(source, value, 34)
            at = end + 1
        if key == _CLASS or key == _ID or key == _ROLE or key == _ITEMPROP:
            first = state[_WORDS]
            _attribute_words(source, value, end, words, state)
            if key == _CLASS:
                for i in range(first, state[_WORDS]):
                    signature = (signature ^ words[i]) * _PRIME
        elif (
            key == _HIDDEN
            or (key == _STYLE and _styled_away(source, value, end))
            or (key == _ARIA_HIDDEN and _hash(source, value, end) == _TRUE)
        ):
            hidden = 1
    state[_HID], state[_SIGNED] = hidden, np.int64(signature >> np.uint64(34))
    return at + 1


@compiled("void(uint8[::1], int32[:, ::1], int32[:, ::1], int64[::1])")
def _flush(text: Array, elements: Array, blocks: Array, state: Array) -> None:
    """Ends the block under way."""
    block = state[_BLOCKS]
    start, end = np.int64(blocks[block, START]), state[_OUT]
    while end > start and (text[end - 1] == 32 or text[end - 1] == 10):
        end -= 1
    state[_OUT] = end
    if end > start:
        blocks[block, END] = end
        state[_BLOCKS] += 1
        state[_BROKE] = 0
    block = state[_BLOCKS]
    if block < len(blocks):
        blocks[block] = 0
        blocks[block, START] = end
    state[_SPACE] = 0


@compiled("void(uint8[::1], int32[:, ::1], int32[:, ::1], int64[::1], int64)")
def _boundary(text: Array, elements: Array, blocks: Array, state: Array, breaks: Any) -> None:
    """A place where a line begins: by `<br>` (1) or by an element (0); inside `<pre>` it is a line end."""
    if state[_PRE]:
        start = blocks[state[_BLOCKS], START]
        if breaks or (state[_OUT] > start and text[state[_OUT] - 1] != 10):
            text[state[_OUT]] = 10
            state[_OUT] += 1
        return
    _flush(text, elements, blocks, state)
    state[_BROKE] = state[_BROKE] + 1 if breaks and state[_BROKE] >= 0 else -1


@compiled("void(int64, uint8[::1], int32[:, ::1], int32[:, ::1], int64[::1])")
def _put(byte: Any, text: Array, elements: Array, blocks: Array, state: Array) -> None:
    """Appends a byte that is no white space."""
    block, out = state[_BLOCKS], state[_OUT]
    if out == blocks[block, START]:
        blocks[block, ELEMENT] = elements[state[_CURRENT], CONTAINER]
        blocks[block, BROKEN] = max(state[_BROKE], 0)
        blocks[block, IN_PRE] = state[_PRE] > 0
        blocks[block, IS_TITLE] = state[_IN_TITLE]
    elif state[_SPACE]:
        text[out] = 32
        out += 1
    state[_SPACE] = 0
    text[out] = byte
    state[_OUT] = out + 1
    if state[_LINK]:
        blocks[block, LINK_BYTES] += 1
    if state[_STRONG]:
        blocks[block, STRONG_BYTES] += 1


@compiled("int64(uint8[::1], int64)")
def _reference(source: Array, at: Any) -> Any:
    """What the reference at `at` stands for and its length: byte << 8 | length; itself where it is none."""
    left = len(source) - at
    if left >= 5 and source[at + 1] == 97 and source[at + 2] == 109 and source[at + 3] == 112:
        return 38 << 8 | 5
    if left >= 4 and source[at + 1] == 108 and source[at + 2] == 116 and source[at + 3] == 59:
        return 60 << 8 | 4
    if left >= 4 and source[at + 1] == 103 and source[at + 2] == 116 and source[at + 3] == 59:
        return 62 << 8 | 4
    if left >= 6 and source[at + 1] == 110 and source[at + 2] == 98 and source[at + 5] == 59:
        return 32 << 8 | 6
    if left >= 6 and source[at + 1] == 113 and source[at + 2] == 117 and source[at + 5] == 59:
        return 34 << 8 | 6
    return 38 << 8 | 1


@compiled("int64(uint8[::1], int64)")
def _unseen(source: Array, at: Any) -> Any:
    """Length of a character at `at` that no reader sees: soft hyphen, zero width space, byte order mark; else 0."""
    if at + 1 < len(source) and source[at] == 0xC2 and source[at + 1] == 0xAD:
        return 2
    if at + 2 < len(source) and source[at] == 0xE2 and source[at + 1] == 0x80 and source[at + 2] == 0x8B:
        return 3
    if at + 2 < len(source) and source[at] == 0xEF and source[at + 1] == 0xBB and source[at + 2] == 0xBF:
        return 3
    return 0


@compiled("int64(uint8[::1], int64, uint8[::1], int32[:, ::1], int32[:, ::1], int64[::1])")
def _text(source: Array, at: Any, text: Array, elements: Array, blocks: Array, state: Array) -> Any:
    """Appends text from `at` to the next tag; white space collapses but inside `<pre>`."""
    while at < len(source) and source[at] != 60:
        byte = np.int64(source[at])
        if byte == 38:
            found = _reference(source, at)
            byte = found >> 8
            at += found & 255
        elif byte >= 0xC2:
            unseen = _unseen(source, at)
            if unseen:
                at += unseen
                continue
            at += 1
        else:
            at += 1
        if byte > 32:
            _put(byte, text, elements, blocks, state)
        elif state[_PRE] and (byte == 32 or byte == 10 or byte == 9):
            block, out = state[_BLOCKS], state[_OUT]
            if out > blocks[block, START] or byte != 10:
                if out == blocks[block, START]:
                    _put(32, text, elements, blocks, state)
                    out = state[_OUT] - 1
                text[out] = byte
                state[_OUT] = out + 1
        elif byte == 32 or 9 <= byte <= 13:
            state[_SPACE] = 1
    return at


@compiled("int64(uint64, int64, int64, int32[:, ::1], uint64[::1], int64[::1])")
def _open(name: Any, number: Any, properties: Any, elements: Array, names: Array, state: Array) -> Any:
    """A new element below the current one; returns it, or -1 where the tree is too deep."""
    parent = state[_CURRENT]
    if elements[parent, LEVEL] >= _DEEPEST:
        return -1
    new = state[_ELEMENTS]
    state[_ELEMENTS] += 1
    elements[new, PARENT], elements[new, TAG] = parent, number
    elements[new, LEVEL] = elements[parent, LEVEL] + 1
    elements[new, HIDDEN] = elements[parent, HIDDEN] | state[_HID]
    elements[new, SIGNATURE] = state[_SIGNED] ^ (number * 40503)
    elements[new, CONTAINER] = new if properties & BLOCK else elements[parent, CONTAINER]
    elements[new, FIRST_BLOCK] = elements[new, END_BLOCK] = state[_BLOCKS]
    if number == LI:
        elements[parent, ITEMS] += 1
        elements[new, ITEM] = elements[parent, ITEMS]
    names[new] = name
    state[_CURRENT] = new
    return new


@compiled("void(uint64, int64, uint8[::1], int32[:, ::1], int32[:, ::1], uint64[::1], int64[::1])")
def _close(
    name: Any, properties: Any, text: Array, elements: Array, blocks: Array, names: Array, state: Array
) -> None:
    """The end tag of an open element ends it and what is open inside; any other means nothing."""
    if properties & LINK and state[_LINK]:
        state[_LINK] -= 1
    if properties & STRONG and state[_STRONG]:
        state[_STRONG] -= 1
    if properties & PRE and state[_PRE]:
        state[_PRE] -= 1
    if properties & BLOCK:
        _boundary(text, elements, blocks, state, 0)
    at = state[_CURRENT]
    while at > 0 and names[at] != name:
        at = elements[at, PARENT]
    if at == 0:
        return
    while state[_CURRENT] != at:
        elements[state[_CURRENT], END_BLOCK] = state[_BLOCKS]
        state[_CURRENT] = elements[state[_CURRENT], PARENT]
    elements[at, END_BLOCK] = state[_BLOCKS] + (state[_OUT] > blocks[state[_BLOCKS], START])
    state[_CURRENT] = elements[at, PARENT]
    if elements[at, TAG] == TITLE:
        state[_IN_TITLE] = 0


@compiled(
    "void(uint64, int64, int64, int64, uint8[::1], int32[:, ::1], int32[:, ::1], uint64[::1], int64[::1])"
)
def _start(
    name: Any,
    number: Any,
    properties: Any,
    first_word: Any,
    text: Array,
    elements: Array,
    blocks: Array,
    names: Array,
    state: Array,
) -> None:
    """A start tag whose attributes have been read."""
    if properties & BREAK:
        _boundary(text, elements, blocks, state, 1)
    elif properties & BLOCK:
        _boundary(text, elements, blocks, state, 0)
    if properties & VOID:
        state[_WORDS] = first_word
        return
    new = _open(name, number, properties, elements, names, state)
    if new >= 0:
        elements[new, FIRST_WORD], elements[new, END_WORD] = first_word, state[_WORDS]
        if number == TITLE:
            state[_IN_TITLE] = 1
    if properties & LINK:
        state[_LINK] += 1
        blocks[state[_BLOCKS], LINKS] += 1
    if properties & STRONG:
        state[_STRONG] += 1
    if properties & PRE:
        state[_PRE] += 1


@compiled(
    "void(uint8[::1], uint64[::1], int32[::1], int32[:, ::1], uint8[::1], int32[:, ::1], int32[:, ::1], uint64[::1], "
    "uint64[::1], int64[::1])"
)
def _scan(
    source: Array,
    keys: Array,
    positions: Array,
    values: Array,
    text: Array,
    elements: Array,
    blocks: Array,
    names: Array,
    words: Array,
    state: Array,
) -> None:
    state[_ELEMENTS] = 1  # the document itself
    at, skipped, skipped_depth = 0, np.uint64(0), 0
    while at < len(source):
        if source[at] != 60:
            if skipped_depth:
                at = find_byte(source, at, 60)
            else:
                at = _text(source, at, text, elements, blocks, state)
            continue
        following = source[at + 1] if at + 1 < len(source) else 62
        if following == 33 or following == 63:
            at = _end_of_declaration(source, at)
            continue
        name_start = at + 2 if following == 47 else at + 1
        at = name_start
        while at < len(source) and source[at] > 32 and source[at] != 62 and source[at] != 47:
            at += 1
        name_end = at
        name = _hash(source, name_start, name_end)
        position = find(name, keys, positions)
        number = np.int64(values[position, 0]) if position >= 0 else 0
        properties = np.int64(values[position, 1]) if position >= 0 else 0
        if following == 47:
            at = find_byte(source, at, 62) + 1
            if not skipped_depth:
                _close(name, properties, text, elements, blocks, names, state)
            elif name == skipped:
                skipped_depth -= 1
            continue
        first_word = state[_WORDS]
        at = _attributes(source, at, words, state)
        if properties & RAW:
            at = _end_of_raw(source, name_start, name_end, at)
        if skipped_depth or properties & SKIP:
            state[_WORDS] = first_word
            if not skipped_depth:
                skipped = name
            skipped_depth += name == skipped
            continue
        _start(name, number, properties, first_word, text, elements, blocks, names, state)
    _flush(text, elements, blocks, state)
    while state[_CURRENT] > 0:
        elements[state[_CURRENT], END_BLOCK] = state[_BLOCKS]
        state[_CURRENT] = elements[state[_CURRENT], PARENT]
    elements[0, END_BLOCK] = state[_BLOCKS]
