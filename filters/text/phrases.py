"""Words and phrases of a list found in texts by one compiled walk along a tree of their characters.

The cost is linear in the text: a place costs as many steps as the list has prefixes that begin there, two or three in
prose, and never more than the longest phrase. `Phrases` is made once for a list.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from filters.compiled import compiled
from filters.text.layout import PUNCTUATION, SPACE, SYMBOL

Array = np.ndarray[Any, Any]

LONGEST = 200  # characters of a phrase


@dataclass(frozen=True)
class WordLists:
    """Words by language, as their files have them; the language "" stands for all."""

    languages: Mapping[str, tuple[str, ...]]

    def words(self, language: str) -> tuple[str, ...]:
        """The words of a language. ValueError names the languages that there are."""
        found = self.languages.get(language, self.languages.get(""))
        if found is None:
            known = ", ".join(sorted(self.languages))
            raise ValueError(f"the list has no words for the language {language!r}; it has: {known}")
        return found


class Phrases(NamedTuple):
    """A tree of characters as a hash table: (node, character) -> node. Its root is 0."""

    keys: Array  # int64[power of 2]: node << 21 | character, -1 where empty
    nodes: Array  # int32[power of 2]: the node that the key leads to
    entries: Array  # int32[nodes]: which phrase ends at a node, -1 for none
    size: int  # phrases


@functools.lru_cache(maxsize=64)
def phrases(listed: tuple[str, ...]) -> Phrases:
    """The tree of some phrases. ValueError if one is longer than `LONGEST`."""
    edges: dict[tuple[int, int], int] = {}
    entries = [-1]
    count = 0
    for phrase in listed:
        if len(phrase) > LONGEST:
            raise ValueError(f"a phrase of {len(phrase)} characters in a list: {phrase[:40]!r}...")
        node = 0
        for character in phrase:
            node = edges.setdefault((node, ord(character)), len(entries))
            if node == len(entries):
                entries.append(-1)
        if phrase and entries[node] < 0:
            entries[node] = count
            count += 1
    size = 1 << max(4, (2 * len(edges)).bit_length())
    keys, nodes = np.full(size, -1, np.int64), np.zeros(size, np.int32)
    packed = np.array([node << 21 | code for node, code in edges], np.int64)
    _fill(keys, nodes, packed, np.fromiter(edges.values(), np.int32, len(edges)))
    return Phrases(keys, nodes, np.array(entries, np.int32), count)


@compiled("int64(int64)")
def _slot(key: int) -> Any:
    value = np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)
    return np.int64(value >> np.uint64(32))


@compiled("void(int64[::1], int32[::1], int64[::1], int32[::1])")
def _fill(keys: Array, nodes: Array, packed: Array, targets: Array) -> None:
    mask = len(keys) - 1
    for i in range(len(packed)):
        slot = _slot(packed[i]) & mask
        while keys[slot] >= 0:
            slot = (slot + 1) & mask
        keys[slot] = packed[i]
        nodes[slot] = targets[i]


@compiled(
    "void(uint32[::1], boolean[::1], int64[::1], int64[::1], int64[::1], boolean, boolean,"
    "int64[::1], int32[::1], int32[::1], int64, int64[::1], int64[::1])"
)
def _find(
    codes: Array,
    inner: Array,
    offsets: Array,
    starts: Array,
    ends: Array,
    bounded: bool,
    edges: bool,
    keys: Array,
    nodes: Array,
    entries: Array,
    count: int,
    hits: Array,
    distinct: Array,
) -> None:
    mask = len(keys) - 1
    seen = np.full(count, -1, np.int64)
    for text in range(len(offsets) - 1):
        for part in range(offsets[text], offsets[text + 1]):
            first, end = starts[part], ends[part]
            for start in range(first, end):
                if bounded and ((start == first and not edges) or (start > first and inner[start - 1])):
                    continue
                node = 0
                for at in range(start, end):
                    key = node << 21 | np.int64(codes[at])
                    slot = _slot(key) & mask
                    while keys[slot] >= 0 and keys[slot] != key:
                        slot = (slot + 1) & mask
                    if keys[slot] < 0:
                        break
                    node = nodes[slot]
                    entry = entries[node]
                    if entry < 0 or (bounded and at + 1 < end and inner[at + 1]):
                        continue
                    if bounded and at + 1 == end and not edges:
                        continue
                    hits[text] += 1
                    if seen[entry] != text:
                        seen[entry] = text
                        distinct[text] += 1


def find(
    codes: Array, inner: Array, parts: Any, listed: Phrases, bounded: bool = True, edges: bool = True
) -> tuple[Array, Array]:
    """Occurrences of phrases in each text, and how many different ones: int64 [texts], twice.

    `parts` (`filters.text.layout.Parts`) are searched one by one. If `bounded`, a phrase counts only between two
    characters that are not `inner` (bool [codes]), or at a part's ends if `edges`. Occurrences may overlap.
    """
    hits = np.zeros(len(parts.offsets) - 1, np.int64)
    distinct = np.zeros(len(parts.offsets) - 1, np.int64)
    tree = (listed.keys, listed.nodes, listed.entries, listed.size)
    _find(codes, inner, *parts, bounded, edges, *tree, hits, distinct)
    return hits, distinct


@compiled("int64(uint32[::1], int64[::1], uint16[::1], uint32[::1], int64[::1])")
def _squeeze(codes: Array, bounds: Array, table: Array, out: Array, out_bounds: Array) -> int:
    count = 0
    for text in range(len(bounds) - 1):
        first = count
        for i in range(bounds[text], bounds[text + 1]):
            code = codes[i]
            if code < 128 and table[code] & (PUNCTUATION | SYMBOL):
                continue
            if not table[code] & SPACE:
                out[count] = code
                count += 1
            elif count > first and out[count - 1] != 32:
                out[count] = 32
                count += 1
        if count > first and out[count - 1] == 32:
            count -= 1
        out_bounds[text + 1] = count
    return count


def squeezed(codes: Array, bounds: Array, traits: Array) -> tuple[Array, Array]:
    """Texts without ASCII punctuation and with one space between words: code points and bounds as those given."""
    out, out_bounds = np.zeros(len(codes), np.uint32), np.zeros(len(bounds), np.int64)
    count = _squeeze(codes, bounds, traits, out, out_bounds)
    return out[:count].copy(), out_bounds
