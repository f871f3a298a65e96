"""What the model sees of each block: its text, its place in the tree and on the page, and its neighbours.

A page becomes float32[blocks, columns], named by `columns.NAMES`. Sums over the subtree of an element are differences
of running sums, as the blocks of an element follow one another; so the cost is linear in elements and blocks.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from filters.compiled import compiled
from pipeline.extraction.blocks import characters as char
from pipeline.extraction.blocks import counts as text
from pipeline.extraction.blocks.columns import AT, NAMES, NEAR, SHARES, STEPS, WITHIN
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

_MOST_OF_PAGE = 0.7
_REACH = 4  # blocks on either side of the surroundings
_LONG = 60  # characters outside of links that a block of running text has at least
_NEAR = np.array(
    [getattr(AT, name, AT.parent + 4) for name in NEAR]
)  # `parent_share` is the fifth of its group
_STEPS, _SHARES = np.array(STEPS), np.array(SHARES)
_WITHIN_TAGS = np.array([NUMBER[name] for name in WITHIN], np.int32)
_KINDS = kinds_table()
_ABOUT_TEXT = np.int64(1 << list(KINDS).index("body"))

# Columns of the running sums.
S_CHARACTERS, S_LINKED, S_STOPS, S_LONG, S_BLOCKS = range(5)


def measure(
    scan: Scan, counted: Counts, words: Lexicon, classes: Lexicon, *, comments: bool, title: bool = True
) -> Array:
    """All columns of a page: float32[blocks, columns], C-contiguous.

    `words` weighs the words of the text, `classes` those of class, id, role and itemprop attributes. `comments` and
    `title` say what counts as main text: corpora of marked pages differ in it, and the model learns from each what it
    says.
    """
    blocks, elements = scan.blocks, scan.elements
    rows = np.empty((len(blocks), len(NAMES)), np.float32)
    if not len(blocks):
        return rows
    sums = running_sums(blocks, counted.counts)
    scores = np.zeros((len(elements), 4), np.float32)
    within = np.zeros((len(elements), len(WITHIN) + len(KINDS)), np.int32)
    _inherit(elements, scan.words, sums, *classes, *_KINDS, _WITHIN_TAGS, scores, within)
    alike, akin = (groups(_signatures(blocks, elements, levels)) for levels in (3, 1))
    _of_text(blocks, counted.counts, weigh(counted, blocks, words), groups(counted.letters), rows)
    _of_place(blocks, elements, sums, scores, within, rows)
    _of_containers(blocks, elements, sums, _SHARES, rows)
    _of_alike(sums, alike, AT.alike, rows)
    _of_alike(sums, akin, AT.akin, rows)
    _of_neighbours(blocks, elements, sums, _NEAR, _STEPS, rows)
    rows[:, AT.wants_comments], rows[:, AT.wants_title] = comments, title
    return rows


@compiled("float64(int32[:, ::1], int64)")
def _linked(blocks: Array, i: Any) -> Any:
    """The share of a block's text in links; spaces are not counted as linked, hence a little more."""
    width = max(blocks[i, END] - blocks[i, START], 1)
    return min(blocks[i, LINK_BYTES] / width * 1.05, 1.0)


@compiled("float64[:, ::1](int32[:, ::1], int32[:, ::1])")
def running_sums(blocks: Array, counts: Array) -> Array:
    """float64[blocks + 1, 5]: characters, those in links, full stops, characters of long blocks, and blocks before."""
    sums = np.zeros((len(blocks) + 1, 5))
    for i in range(len(blocks)):
        sums[i + 1] = sums[i]
        if blocks[i, IS_TITLE]:
            continue
        size = counts[i, text.CHARACTERS]
        linked = size * _linked(blocks, i)
        stops = counts[i, char.FULL_STOP] + counts[i, char.COMMA]
        sums[i + 1, S_CHARACTERS] += size
        sums[i + 1, S_LINKED] += linked
        sums[i + 1, S_STOPS] += stops
        if size - linked > _LONG and stops > 0:
            sums[i + 1, S_LONG] += size - linked
        sums[i + 1, S_BLOCKS] += 1
    return sums


@compiled("void(int32[:, ::1], int32[:, ::1], float32[:, ::1], int32[::1], float32[:, ::1])")
def _of_text(blocks: Array, counts: Array, weights: Array, same: Array, rows: Array) -> None:
    """What a block says of itself; `same` numbers the blocks by their letters."""
    title_words = 0
    repeats = np.zeros(len(blocks), np.int32)
    for i in range(len(blocks)):
        repeats[same[i]] += 1
        if blocks[i, IS_TITLE]:
            title_words += counts[i, text.WORDS]
    for i in range(len(blocks)):
        n, row = counts[i], rows[i]
        size, words = max(n[text.CHARACTERS], 1), max(n[text.WORDS], 1)
        letters = max(n[char.SMALL] + n[char.CAPITAL] + n[char.LETTER], 1)
        row[AT.characters] = np.log1p(np.float32(n[text.CHARACTERS]))
        row[AT.words] = np.log1p(np.float32(n[text.WORDS]))
        row[AT.word_length] = n[text.WORD_CHARACTERS] / words
        row[AT.longest_word] = n[text.LONGEST]
        row[AT.short_words] = n[text.SHORT] / words
        row[AT.capital_words] = n[text.CAPITAL_WORDS] / words
        row[AT.full_stops] = n[char.FULL_STOP] / words
        row[AT.many_full_stops] = min(n[char.FULL_STOP], 8)
        row[AT.commas] = min(n[char.COMMA], 20)
        row[AT.comma_share] = n[char.COMMA] / words
        row[AT.ends_full_stop] = n[text.LAST] == char.FULL_STOP
        row[AT.last] = n[text.LAST]
        row[AT.first] = n[text.FIRST]
        row[AT.digits] = n[char.DIGIT] / size
        row[AT.capitals] = n[char.CAPITAL] / letters
        row[AT.separators] = n[char.SEPARATOR] / size
        row[AT.some_separators] = min(n[char.SEPARATOR], 5)
        row[AT.marks] = (n[char.MARK] + n[char.OTHER]) / size
        row[AT.colons] = min(n[char.COLON], 5)
        row[AT.quotes] = n[char.QUOTE] / size
        row[AT.ideographs] = n[char.IDEOGRAPH] / size
        row[AT.uncased] = n[char.LETTER] / size
        row[AT.linked] = _linked(blocks, i)
        row[AT.links] = min(blocks[i, LINKS], 20)
        row[AT.strong] = blocks[i, STRONG_BYTES] / max(blocks[i, END] - blocks[i, START], 1)
        row[AT.years] = min(n[text.YEARS], 3)
        row[AT.at_sign] = min(n[text.AT_SIGN], 2)
        row[AT.copyright] = min(n[text.COPYRIGHT], 2)
        row[AT.weight] = weights[i, text.SUM] / words
        row[AT.weight_least] = weights[i, text.LEAST]
        row[AT.weight_most] = weights[i, text.MOST]
        row[AT.weight_sum] = min(max(weights[i, text.SUM], -40), 40)
        row[AT.from_title] = weights[i, text.FROM_TITLE] / words
        row[AT.title_covered] = weights[i, text.TITLE_COVERED] / max(1, title_words)
        row[AT.repeats] = min(repeats[same[i]], 10)


@compiled(
    "void(int32[:, ::1], int32[:, ::1], float64[:, ::1], float32[:, ::1], int32[:, ::1], float32[:, ::1])"
)
def _of_place(blocks: Array, elements: Array, sums: Array, scores: Array, within: Array, rows: Array) -> None:
    """Where a block stands: its element, what that is within, and how far down the page it comes."""
    count, whole = len(blocks), sums[len(blocks)]
    total = max(1.0, whole[S_CHARACTERS])
    headings, first = 0, -1
    for i in range(count):
        if elements[blocks[i, ELEMENT], TAG] == H1:
            headings += 1
            first = i if first < 0 else first
    last_heading = -1
    for i in range(count):
        row, own = rows[i], blocks[i, ELEMENT]
        parent = elements[own, PARENT]
        grand, tag = elements[parent, PARENT], elements[own, TAG]
        heading = tag - H1 + 1 if H1 <= tag <= H6 else 0
        last_heading = i if heading else last_heading
        row[AT.tag] = tag
        row[AT.place_tag] = elements[parent, TAG]
        row[AT.grand_tag] = elements[grand, TAG]
        row[AT.heading] = heading
        row[AT.depth] = elements[own, LEVEL]
        row[AT.broken] = min(blocks[i, BROKEN], 3)
        row[AT.broken_after] = min(blocks[i + 1, BROKEN], 3) if i + 1 < count else 0
        row[AT.pre] = blocks[i, IN_PRE]
        row[AT.hidden] = elements[own, HIDDEN]
        row[AT.own_class] = scores[own, 0]
        row[AT.parent_class] = scores[parent, 0]
        row[AT.grand_class] = scores[grand, 0]
        row[AT.class_sum : AT.class_most + 1] = scores[own, 1:]
        row[AT.number] = i / count
        row[AT.before] = sums[i, S_CHARACTERS] / total
        row[AT.characters_before] = np.log1p(sums[i, S_CHARACTERS])
        row[AT.characters_after] = np.log1p(total - sums[i + 1, S_CHARACTERS])
        row[AT.page_blocks] = np.log1p(np.float64(count))
        row[AT.page_characters] = np.log1p(total)
        row[AT.page_linked] = whole[S_LINKED] / total
        row[AT.page_long] = whole[S_LONG] / total
        row[AT.since_heading] = min(i - last_heading, 50) if last_heading >= 0 else 60
        row[AT.from_h1] = min(max(i - first, -60), 60) if first >= 0 else -80
        row[AT.headings_1] = min(headings, 5)
        row[AT.within : AT.within + within.shape[1]] = within[own]


@compiled("void(float64[::1], float64[::1], float64[::1], float32[::1])")
def _ratios(before: Array, after: Array, whole: Array, out: Array) -> None:
    """`columns.RATIOS` of a run of blocks, given the running sums at its ends and those of the whole page."""
    size = after[S_CHARACTERS] - before[S_CHARACTERS]
    linked = after[S_LINKED] - before[S_LINKED]
    stops = after[S_STOPS] - before[S_STOPS]
    long = after[S_LONG] - before[S_LONG]
    out[0] = np.log1p(size)
    out[1] = linked / max(size, 1.0)
    out[2] = stops / max(size, 1.0)
    out[3] = long / max(size, 1.0)
    out[4] = size / max(1.0, whole[S_CHARACTERS])
    out[5] = long / max(1.0, whole[S_LONG])
    out[6] = np.log1p(after[S_BLOCKS] - before[S_BLOCKS])


@compiled("void(int32[:, ::1], int32[:, ::1], float64[:, ::1], float64[::1], float32[:, ::1])")
def _of_containers(blocks: Array, elements: Array, sums: Array, shares: Array, rows: Array) -> None:
    """Text and links of the elements around a block, and whether the bulk of the page's long text is in them."""
    whole = sums[len(blocks)]
    # Of each element that a block asks for, once: many blocks share their containers.
    known = np.zeros(len(elements), np.bool_)
    ratios = np.empty((len(elements), 7), np.float32)
    holders = np.zeros(len(shares), np.int64)
    for element in range(len(elements)):
        first, end = elements[element, FIRST_BLOCK], elements[element, END_BLOCK]
        long = (sums[end, S_LONG] - sums[first, S_LONG]) / max(1.0, whole[S_LONG])
        for at in range(len(shares)):
            # The deepest element with that share of the long text: there is one at most on each level.
            if long >= shares[at] and elements[element, LEVEL] > elements[holders[at], LEVEL]:
                holders[at] = element
    for i in range(len(blocks)):
        row = rows[i]
        around: Any = np.int64(blocks[i, ELEMENT])
        level = elements[around, LEVEL]
        for at in (AT.own, AT.parent, AT.grand, AT.great):
            if not known[around]:
                known[around] = True
                first, end = elements[around, FIRST_BLOCK], elements[around, END_BLOCK]
                _ratios(sums[first], sums[end], whole, ratios[around])
            row[at : at + 7] = ratios[around]
            around = np.int64(elements[around, PARENT])
        for at in range(len(shares)):
            holder = holders[at]
            first, end = elements[holder, FIRST_BLOCK], elements[holder, END_BLOCK]
            row[AT.main + 3 * at] = first <= i < end
            row[AT.main + 3 * at + 1] = min(max((i - first) / max(1, end - first), -1.0), 2.0)
            row[AT.main + 3 * at + 2] = level - elements[holder, LEVEL]


@compiled("void(float64[:, ::1], int32[::1], int64, float32[:, ::1])")
def _of_alike(sums: Array, group: Array, at: Any, rows: Array) -> None:
    """The blocks of the page that stand in elements of the same names and classes, which have the same number."""
    count = len(group)
    totals = np.zeros((count, 5))
    nothing, ratios = np.zeros(5), np.empty((count, 7), np.float32)
    for i in range(count):
        for j in range(5):
            totals[group[i], j] += sums[i + 1, j] - sums[i, j]
    for number in range(group.max() + 1):
        _ratios(nothing, totals[number], sums[count], ratios[number])
    for i in range(count):
        rows[i, at : at + 7] = ratios[group[i]]


@compiled("void(int32[:, ::1], int32[:, ::1], float64[:, ::1], int64[::1], int64[::1], float32[:, ::1])")
def _of_neighbours(
    blocks: Array, elements: Array, sums: Array, near: Array, steps: Array, rows: Array
) -> None:
    """The same of the blocks before and after, and means over the surroundings."""
    count, wide = len(blocks), len(near) + 1
    for i in range(count):
        row, parent = rows[i], elements[blocks[i, ELEMENT], PARENT]
        for step in range(len(steps)):
            other, at = i + steps[step], AT.near + step * wide
            there = 0 <= other < count
            for j in range(len(near)):
                row[at + j] = rows[other, near[j]] if there else -1
            row[at + len(near)] = there and elements[blocks[other, ELEMENT], PARENT] == parent
        first, end = max(i - _REACH, 0), min(i + _REACH + 1, count)
        _ratios(sums[first], sums[end], sums[count], row[AT.around : AT.around + 7])


@compiled(
    "void(int32[:, ::1], uint64[::1], float64[:, ::1], uint64[::1], int32[::1], float32[::1], uint64[::1], int32[::1], "
    "int32[::1], int32[::1], float32[:, ::1], int32[:, ::1])"
)
def _inherit(
    elements: Array,
    words: Array,
    sums: Array,
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
    whole = sums[len(sums) - 1, S_CHARACTERS]
    for i in range(1, len(elements)):
        parent, own, found = elements[i, PARENT], np.float32(0), np.int64(0)
        for at in range(elements[i, FIRST_WORD], elements[i, END_WORD]):
            position = find(words[at], keys, positions)
            if position >= 0:
                own += weights[position]
            position = find(words[at], kind_keys, kind_positions)
            if position >= 0:
                found |= kinds[position]
        held = sums[elements[i, END_BLOCK], S_CHARACTERS] - sums[elements[i, FIRST_BLOCK], S_CHARACTERS]
        if held > _MOST_OF_PAGE * whole:
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
