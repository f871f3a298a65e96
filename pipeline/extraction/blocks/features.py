"""What the model sees of each block: its text, its place in the tree and on the page, and its neighbours.

Each group is a function from a page to named columns, one value a block; columns that are computed together have one
key, a tuple of their names, and one array. Sums over the subtree of an element are differences of running sums, as the
blocks of an element follow one another.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from filters.compiled import compiled
from pipeline.extraction.blocks import characters as char
from pipeline.extraction.blocks import counts as text
from pipeline.extraction.blocks.counts import Counts, Lexicon, groups, weigh
from pipeline.extraction.blocks.names import H1, H6, KINDS, NUMBER, kinds_table
from pipeline.extraction.blocks.scan import (
    BROKEN,
    ELEMENT,
    END,
    END_BLOCK,
    END_WORD,
    FIRST_BLOCK,
    FIRST_WORD,
    HIDDEN,
    IN_PRE,
    IS_TITLE,
    LEVEL,
    LINK_BYTES,
    LINKS,
    PARENT,
    SIGNATURE,
    START,
    STRONG_BYTES,
    TAG,
    Scan,
    find,
)

Array = np.ndarray[Any, Any]
Columns = dict[str | tuple[str, ...], Array]  # float[blocks], or float[blocks, names]

WITHIN = (
    "nav header footer aside article main form figure blockquote section li table button dl figcaption"
).split()
_NEAR = (
    "characters linked ends_full_stop weight own_class tag commas parent_share capital_words digits place_tag"
).split()
_SHARES = (0.4, 0.6, 0.8)
_MOST_OF_PAGE = 0.7
_REACH = 4  # blocks on either side of the surroundings
_STEPS = (-2, -1, 1, 2)  # to the neighbours whose columns a block has, too
_AROUND = ("own", "parent", "grand", "great")
_RATIOS = ("characters", "linked", "stops", "long", "share", "long_share", "blocks")


def _named(*groups: str) -> tuple[str, ...]:
    return tuple(f"{group}_{name}" for group in groups for name in _RATIOS)


_OF_AROUND, _OF_ALIKE, _OF_REACH = _named(*_AROUND), _named("alike", "akin"), _named("around")
_OF_NEIGHBOURS = tuple(f"{name}{step:+d}" for step in _STEPS for name in (*_NEAR, "same_parent"))
_OF_MAIN = tuple(f"main_{share:.0%}{what}" for share in _SHARES for what in ("", "_place", "_below"))
_OF_WITHIN = tuple(f"in_{name}" for name in (*WITHIN, *(f"{kind}_kind" for kind in KINDS)))


class Page(NamedTuple):
    """A scan with its counts, and running sums over blocks (float64[blocks + 1]): see `running_sums`."""

    scan: Scan
    counts: Array
    weights: Array
    letters: Array
    sums: Array


# Columns of the running sums.
S_CHARACTERS, S_LINKED, S_STOPS, S_LONG, S_BLOCKS = range(5)


def measure(scan: Scan, counted: Counts, words: Lexicon, classes: Lexicon) -> Columns:
    """All columns of a page.

    `words` weighs the words of the text, `classes` those of class, id, role and itemprop attributes.
    """
    sums = running_sums(scan.blocks, counted.counts)
    page = Page(scan, counted.counts, weigh(counted, scan.blocks, words), counted.letters, sums)
    columns = of_text(page)
    columns |= of_place(page, columns, classes)
    columns |= of_containers(page)
    columns |= of_alike(page)
    columns |= of_neighbours(page, columns)
    return columns


def running_sums(blocks: Array, counts: Array) -> Array:
    """float64[blocks + 1, 5]: characters, those in links, full stops, characters of long blocks, and blocks before."""
    shown = blocks[:, IS_TITLE] == 0
    size = counts[:, text.CHARACTERS] * shown
    width = np.maximum(blocks[:, END] - blocks[:, START], 1)
    linked = size * np.minimum(blocks[:, LINK_BYTES] / width * 1.05, 1.0)
    stops = (counts[:, char.FULL_STOP] + counts[:, char.COMMA]) * shown
    long = np.where((size - linked > 60) & (stops > 0), size - linked, 0)
    sums = np.zeros((len(blocks) + 1, 5))
    np.cumsum(np.stack([size, linked, stops, long, shown], axis=1), axis=0, out=sums[1:])
    return sums


def of_text(page: Page) -> Columns:
    """What a block says of itself."""
    n = page.counts.astype(np.float32).T
    blocks = page.scan.blocks
    size, words = np.maximum(n[text.CHARACTERS], 1), np.maximum(n[text.WORDS], 1)
    letters = np.maximum(n[char.SMALL] + n[char.CAPITAL] + n[char.LETTER], 1)
    width = np.maximum(blocks[:, END] - blocks[:, START], 1)
    title_words = max(1.0, float((n[text.WORDS] * (blocks[:, IS_TITLE] > 0)).sum()))
    same = groups(page.letters)
    repeats = np.bincount(same)[same]
    return {
        "characters": np.log1p(n[text.CHARACTERS]),
        "words": np.log1p(n[text.WORDS]),
        "word_length": n[text.WORD_CHARACTERS] / words,
        "longest_word": n[text.LONGEST],
        "short_words": n[text.SHORT] / words,
        "capital_words": n[text.CAPITAL_WORDS] / words,
        "full_stops": n[char.FULL_STOP] / words,
        "many_full_stops": np.minimum(n[char.FULL_STOP], 8),
        "commas": np.minimum(n[char.COMMA], 20),
        "comma_share": n[char.COMMA] / words,
        "ends_full_stop": (n[text.LAST] == char.FULL_STOP).astype(np.float32),
        "last": n[text.LAST],
        "first": n[text.FIRST],
        "digits": n[char.DIGIT] / size,
        "capitals": n[char.CAPITAL] / letters,
        "separators": n[char.SEPARATOR] / size,
        "some_separators": np.minimum(n[char.SEPARATOR], 5),
        "marks": (n[char.MARK] + n[char.OTHER]) / size,
        "colons": np.minimum(n[char.COLON], 5),
        "quotes": n[char.QUOTE] / size,
        "ideographs": n[char.IDEOGRAPH] / size,
        "uncased": n[char.LETTER] / size,
        "linked": np.minimum(blocks[:, LINK_BYTES] / width * 1.05, 1.0),
        "links": np.minimum(blocks[:, LINKS], 20),
        "strong": blocks[:, STRONG_BYTES] / width,
        "years": np.minimum(n[text.YEARS], 3),
        "at_sign": np.minimum(n[text.AT_SIGN], 2),
        "copyright": np.minimum(n[text.COPYRIGHT], 2),
        "weight": page.weights[:, text.SUM] / words,
        "weight_least": page.weights[:, text.LEAST],
        "weight_most": page.weights[:, text.MOST],
        "weight_sum": np.clip(page.weights[:, text.SUM], -40, 40),
        "from_title": page.weights[:, text.FROM_TITLE] / words,
        "title_covered": page.weights[:, text.TITLE_COVERED] / title_words,
        "repeats": np.minimum(repeats, 10),
    }


def of_place(page: Page, known: Columns, classes: Lexicon) -> Columns:
    """Where a block stands: its element, what that is within, and how far down the page it comes."""
    blocks, elements, sums = page.scan.blocks, page.scan.elements, page.sums
    own = blocks[:, ELEMENT]
    scores = np.zeros((len(elements), 4), np.float32)
    within = np.zeros((len(elements), len(WITHIN) + len(KINDS)), np.int32)
    held = sums[elements[:, END_BLOCK], S_CHARACTERS] - sums[elements[:, FIRST_BLOCK], S_CHARACTERS]
    most = held > _MOST_OF_PAGE * sums[-1, S_CHARACTERS]
    _inherit(elements, page.scan.words, most, *classes, *_KINDS, _WITHIN_TAGS, scores, within)
    parent = elements[own, PARENT]
    grand = elements[parent, PARENT]
    tag = elements[own, TAG]
    number, total = np.arange(len(blocks)), max(1.0, sums[-1, S_CHARACTERS])
    heading = np.where((tag >= H1) & (tag <= H6), tag - H1 + 1, 0)
    last_heading = np.maximum.accumulate(np.where(heading > 0, number, -1))
    firsts = np.flatnonzero(heading == 1)
    first = int(firsts[0]) if len(firsts) else -1
    broken = blocks[:, BROKEN].astype(np.float32)
    return {
        "tag": tag,
        "place_tag": elements[parent, TAG],
        "grand_tag": elements[grand, TAG],
        "heading": heading,
        "depth": elements[own, LEVEL],
        "broken": np.minimum(broken, 3),
        "broken_after": np.minimum(np.append(broken[1:], 0), 3),
        "pre": blocks[:, IN_PRE],
        "hidden": elements[own, HIDDEN],
        "own_class": scores[own, 0],
        "parent_class": scores[parent, 0],
        "grand_class": scores[grand, 0],
        "class_sum": scores[own, 1],
        "class_least": scores[own, 2],
        "class_most": scores[own, 3],
        "number": number / len(blocks),
        "before": sums[:-1, S_CHARACTERS] / total,
        "characters_before": np.log1p(sums[:-1, S_CHARACTERS]),
        "characters_after": np.log1p(total - sums[1:, S_CHARACTERS]),
        "page_blocks": np.full(len(blocks), np.log1p(len(blocks))),
        "page_characters": np.full(len(blocks), np.log1p(total)),
        "page_linked": np.full(len(blocks), sums[-1, S_LINKED] / total),
        "page_long": np.full(len(blocks), sums[-1, S_LONG] / total),
        "since_heading": np.where(last_heading >= 0, np.minimum(number - last_heading, 50), 60),
        "from_h1": np.clip(number - first, -60, 60) if first >= 0 else np.full(len(blocks), -80),
        "headings_1": np.full(len(blocks), min(len(firsts), 5)),
        _OF_WITHIN: within[own],
    }


def _ratios(sums: Array, whole: Array) -> Array:
    """`_RATIOS` of elements: float32[blocks, elements x 7], given the sums over their blocks, [blocks, elements, 5]."""
    size = np.maximum(sums[..., S_CHARACTERS], 1.0)
    found = np.empty((*sums.shape[:2], len(_RATIOS)), np.float32)
    found[..., 0] = np.log1p(sums[..., S_CHARACTERS])
    found[..., 1] = sums[..., S_LINKED] / size
    found[..., 2] = sums[..., S_STOPS] / size
    found[..., 3] = sums[..., S_LONG] / size
    found[..., 4] = sums[..., S_CHARACTERS] / max(1.0, whole[S_CHARACTERS])
    found[..., 5] = sums[..., S_LONG] / max(1.0, whole[S_LONG])
    found[..., 6] = np.log1p(sums[..., S_BLOCKS])
    return found.reshape(len(sums), -1)


def of_containers(page: Page) -> Columns:
    """Text and links of the elements around a block, and whether the bulk of the page's long text is in them."""
    blocks, elements, sums = page.scan.blocks, page.scan.elements, page.sums
    subtree = sums[elements[:, END_BLOCK]] - sums[elements[:, FIRST_BLOCK]]
    around = np.empty((len(blocks), len(_AROUND)), np.int64)
    around[:, 0] = blocks[:, ELEMENT]
    for level in range(1, len(_AROUND)):
        around[:, level] = elements[around[:, level - 1], PARENT]
    long = subtree[:, S_LONG] / max(1.0, sums[-1, S_LONG])
    number = np.arange(len(blocks))
    level = elements[blocks[:, ELEMENT], LEVEL]
    main = np.empty((len(blocks), len(_OF_MAIN)), np.float32)
    for at, share in enumerate(_SHARES):
        # The deepest element with that share of the long text: there is one at most on each level.
        holders = np.flatnonzero(long >= share)
        holder = holders[np.argmax(elements[holders, LEVEL])] if len(holders) else 0
        first, end = elements[holder, FIRST_BLOCK], elements[holder, END_BLOCK]
        main[:, 3 * at] = (number >= first) & (number < end)
        main[:, 3 * at + 1] = np.clip((number - first) / max(1, end - first), -1, 2)
        main[:, 3 * at + 2] = level - elements[holder, LEVEL]
    return {_OF_AROUND: _ratios(subtree[around], sums[-1]), _OF_MAIN: main}


def of_alike(page: Page) -> Columns:
    """The blocks of the page that stand in elements of the same names and classes."""
    blocks, elements, sums = page.scan.blocks, page.scan.elements, page.sums
    own = np.diff(sums, axis=0)
    total = np.empty((len(blocks), 2, own.shape[1]))
    for at, levels in enumerate((3, 1)):
        group = groups(_signatures(blocks, elements, levels))
        for column in range(own.shape[1]):
            total[:, at, column] = np.bincount(group, own[:, column])[group]
    return {_OF_ALIKE: _ratios(total, sums[-1])}


def of_neighbours(page: Page, known: Columns) -> Columns:
    """The same of the blocks before and after, and means over the surroundings."""
    count, reach = len(page.scan.blocks), max(_STEPS)
    parent = page.scan.elements[page.scan.blocks[:, ELEMENT], PARENT]
    wide = len(_NEAR) + 1
    near = np.full((count + 2 * reach, wide), -1, np.float32)
    for at, name in enumerate(_NEAR):
        near[reach : reach + count, at] = known[name] if name in known else _column(known, name)
    found = np.empty((count, len(_STEPS) * wide), np.float32)
    parents = np.full(count + 2 * reach, -1)
    parents[reach : reach + count] = parent
    for at, step in enumerate(_STEPS):
        there = slice(reach + step, reach + step + count)
        found[:, at * wide : (at + 1) * wide] = near[there]
        found[:, (at + 1) * wide - 1] = parents[there] == parent
    first = np.maximum(np.arange(count) - _REACH, 0)
    end = np.minimum(np.arange(count) + _REACH + 1, count)
    surroundings = _ratios((page.sums[end] - page.sums[first])[:, None], page.sums[-1])
    return {_OF_NEIGHBOURS: found, _OF_REACH: surroundings}


def _column(columns: Columns, name: str) -> Array:
    """One of several columns that were computed together."""
    together = next(key for key in columns if isinstance(key, tuple) and name in key)
    return columns[together][:, together.index(name)]


_WITHIN_TAGS = np.array([NUMBER[name] for name in WITHIN], np.int32)
_KINDS = kinds_table()
_ABOUT_TEXT = np.int64(1 << list(KINDS).index("body"))


@compiled(
    "void(int32[:, ::1], uint64[::1], boolean[::1], uint64[::1], int32[::1], float32[::1], uint64[::1], int32[::1], "
    "int32[::1], int32[::1], float32[:, ::1], int32[:, ::1])"
)
def _inherit(
    elements: Array,
    words: Array,
    most: Array,
    keys: Array,
    positions: Array,
    weights: Array,
    kind_keys: Array,
    kind_positions: Array,
    kinds: Array,
    tags: Array,
    scores: Array,
    within: Array,
) -> None:
    """Of each element the weight of its own attribute words, then sum, least and most over it and its ancestors.

    `within` counts the ancestors (itself included) with each of `tags`, then those of each kind. What holds most of the
    page says something of the page, not of a part: only `body` counts there.
    """
    for i in range(1, len(elements)):
        parent, own, found = elements[i, PARENT], np.float32(0), np.int64(0)
        for at in range(elements[i, FIRST_WORD], elements[i, END_WORD]):
            position = find(words[at], keys, positions)
            if position >= 0:
                own += weights[position]
            position = find(words[at], kind_keys, kind_positions)
            if position >= 0:
                found |= kinds[position]
        if most[i]:
            found &= _ABOUT_TEXT
        if elements[i, LEVEL] <= 2:  # <html>, <body>
            own = np.float32(0)
        scores[i, 0] = own
        scores[i, 1] = scores[parent, 1] + own
        scores[i, 2], scores[i, 3] = min(scores[parent, 2], own), max(scores[parent, 3], own)
        for j in range(len(tags)):
            within[i, j] = within[parent, j] + (elements[i, TAG] == tags[j])
        for j in range(len(tags), within.shape[1]):
            within[i, j] = within[parent, j] + (found >> (j - len(tags)) & 1)


@compiled("uint64[::1](int32[:, ::1], int32[:, ::1], int64)")
def _signatures(blocks: Array, elements: Array, levels: Any) -> Array:
    """A hash of the names and classes of a block's element and of `levels` - 1 ancestors."""
    found = np.empty(len(blocks), np.uint64)
    for i in range(len(blocks)):
        at, value = np.int64(blocks[i, ELEMENT]), np.uint64(1469598103934665603)
        for _ in range(levels):
            value = (value ^ np.uint64(elements[at, SIGNATURE])) * np.uint64(0x100000001B3)
            at = elements[at, PARENT]
        found[i] = value
    return found


def of_wishes(count: int, comments: bool, title: bool = True) -> Columns:
    """What counts as main text: corpora of marked pages differ in it, and the model learns from each what it says."""
    return {
        "wants_comments": np.full(count, float(comments), np.float32),
        "wants_title": np.full(count, float(title), np.float32),
    }


def names_of(columns: Columns) -> tuple[str, ...]:
    """The names of all columns, in order."""
    return tuple(name for key in columns for name in ((key,) if isinstance(key, str) else key))


def matrix(columns: Columns, names: Sequence[str]) -> Array:
    """float32[blocks, names], contiguous."""
    there = names_of(columns)
    found = np.empty((len(next(iter(columns.values()))), len(there)), np.float32)
    at = 0
    for values in columns.values():
        width = 1 if values.ndim == 1 else values.shape[1]
        found[:, at : at + width] = values[:, None] if values.ndim == 1 else values
        at += width
    if there == tuple(names):
        return found
    places = {name: place for place, name in enumerate(there)}
    return np.ascontiguousarray(found[:, [places[name] for name in names]])
