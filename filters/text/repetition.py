"""What repeats on a page, by the definitions of dolma, DCLM and datamap-rs: n-grams of words, lines and paragraphs.

datatrove's definitions, which differ, are in `filters/text/ngrams.py`. Here every member of a group of equal parts
counts as a duplicate, the first one included. An n-gram occurs more than once only if both its halves do, so after the
pairs of words only the few positions that still repeat are looked at. Cost: linear in words for every text, some
20 ns a word for all n together; no false matches (ids are compared, not hashes).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from filters.compiled import compiled
from filters.text.layout import Parts

Array = np.ndarray[Any, Any]

SIZES = range(2, 11)  # words of an n-gram
# Columns of `ngrams`, in units of the given sizes.
TOP_FIRST, TOP_LONGEST, TOP_COVERED, REPEATED, ALL, COVERED = range(6)


@compiled("void(int64, int64[::1], int64[::1], int64[:, ::1], int64[::1], int64, int64, int64[::1])")
def _summarise(
    n: int, counts: Array, firsts: Array, found: Array, prefix: Array, distinct: int, left: int, out: Array
) -> None:
    """Measures of one text and n: `found` holds positions and groups of the repeated n-grams, in order."""
    best = longest = wanted = 0
    for group in range(distinct):
        size = prefix[firsts[group] + n] - prefix[firsts[group]]
        if counts[group] > best:
            best, longest, wanted = counts[group], size, group
            out[TOP_FIRST] = best * size
        elif counts[group] == best and size > longest:
            longest, wanted = size, group
    if best < 2:
        out[TOP_FIRST] = prefix[n]  # all occur once: the first of the page
        return
    out[TOP_LONGEST] = best * longest
    end = top_end = 0
    for k in range(left):
        start = found[k, 0]
        stop = start + n
        out[REPEATED] += prefix[stop] - prefix[start]
        out[COVERED] += prefix[stop] - prefix[max(start, end)]
        end = stop
        if found[k, 1] == wanted:
            out[TOP_COVERED] += prefix[stop] - prefix[max(start, top_end)]
            top_end = stop


@compiled("void(int64[::1], int32[::1], int64[::1], int64, int64[:, :, ::1])")
def _ngrams(offsets: Array, ids: Array, sizes: Array, distinct_words: int, out: Array) -> None:
    most = 1
    for text in range(len(offsets) - 1):
        most = max(most, offsets[text + 1] - offsets[text])
    bits = 4
    while (1 << bits) < 2 * most:
        bits += 1
    slots, stamps = np.zeros(1 << bits, np.int32), np.full(1 << bits, -1, np.int64)
    seen = np.zeros(distinct_words, np.int32)
    prefix, sums = np.zeros(most + 1, np.int64), np.zeros(most + 1, np.int64)
    found = np.zeros((most, 2), np.int64)  # positions and groups of the (n-1)-grams that repeat
    counts, firsts = np.zeros(most, np.int64), np.zeros(most, np.int64)
    heads, tails = np.zeros(most, np.int64), np.zeros(most, np.int64)
    for text in range(len(offsets) - 1):
        base, words = offsets[text], offsets[text + 1] - offsets[text]
        bits = 4
        while (1 << bits) < 2 * words:
            bits += 1
        shift, mask = np.uint64(64 - bits), (1 << bits) - 1
        for i in range(words):
            prefix[i + 1] = prefix[i] + sizes[base + i]
            sums[i + 1] = sums[i] + prefix[i + 1]
            seen[ids[base + i]] += 1
        left = 0
        for i in range(words):
            if seen[ids[base + i]] > 1:
                found[left, 0], found[left, 1] = i, ids[base + i]
                left += 1
        for i in range(words):
            seen[ids[base + i]] = 0
        for n in range(2, min(words, 10) + 1):
            distinct, stamp, kept = 0, text * 16 + n, 0
            for k in range(left):
                start, head = found[k, 0], found[k, 1]
                if start + n > words:
                    break
                tail = np.int64(ids[base + start + n - 1])
                key = np.uint64(head) * np.uint64(11400714819323198485) + np.uint64(tail)
                key = (key ^ (key >> np.uint64(29))) * np.uint64(14029467366897019727)
                slot = np.int64(key >> shift)
                while stamps[slot] == stamp and (heads[slots[slot]] != head or tails[slots[slot]] != tail):
                    slot = (slot + 1) & mask
                if stamps[slot] != stamp:
                    stamps[slot], slots[slot] = stamp, distinct
                    heads[distinct], tails[distinct] = head, tail
                    counts[distinct], firsts[distinct] = 0, start
                    distinct += 1
                group = np.int64(slots[slot])
                counts[group] += 1
                found[kept, 0], found[kept, 1] = start, group
                kept += 1
            left = 0
            for k in range(kept):
                if counts[found[k, 1]] > 1:
                    found[left, 0], found[left, 1] = found[k, 0], found[k, 1]
                    left += 1
            line = out[text, n - 2]
            line[ALL] = sums[words] - sums[n - 1] - sums[words - n]
            _summarise(n, counts, firsts, found, prefix, distinct, left, line)


def ngrams(words: Parts, ids: Array, sizes: Array) -> Array:
    """For each text and each n of `SIZES` six sums of the sizes of words, int64 [texts, 9, 6].

    `ids` are equal where words are; `sizes` (int64, one a word) is what is summed: characters or bytes.
    TOP_FIRST: the most frequent n-gram times its occurrences, the first seen where several are as frequent.
    TOP_LONGEST: the same of the largest n-gram among the most frequent, 0 where nothing repeats.
    TOP_COVERED: words in occurrences of that n-gram, overlap counted once.
    REPEATED: all occurrences of n-grams that repeat, overlap counted as often as it occurs.
    ALL: the same of all n-grams.
    COVERED: words in n-grams that repeat, each once.
    """
    out = np.zeros((len(words.offsets) - 1, len(SIZES), 6), np.int64)
    distinct = int(ids.max()) + 1 if len(ids) else 0
    _ngrams(words.offsets, ids, sizes, distinct, out)
    return out


@compiled("void(int64[::1], int32[::1], int64[::1], boolean, int64, int64[:, ::1])")
def _duplicates(offsets: Array, ids: Array, sizes: Array, blank: bool, distinct: int, out: Array) -> None:
    seen = np.zeros(distinct, np.int32)
    for text in range(len(offsets) - 1):
        for part in range(offsets[text], offsets[text + 1]):
            seen[ids[part]] += 1
        for part in range(offsets[text], offsets[text + 1]):
            if sizes[part] == 0 and not blank:
                continue
            out[text, 0] += 1
            out[text, 1] += sizes[part]
            if seen[ids[part]] > 1:
                out[text, 2] += 1
                out[text, 3] += sizes[part]
        for part in range(offsets[text], offsets[text + 1]):
            seen[ids[part]] = 0


def duplicates(parts: Parts, ids: Array, sizes: Array, blank: bool = False) -> Array:
    """Of each text: parts, their sizes, parts that occur more than once, their sizes; int64 [texts, 4].

    Parts of size 0 count only if `blank`.
    """
    out = np.zeros((len(parts.offsets) - 1, 4), np.int64)
    distinct = int(ids.max()) + 1 if len(ids) else 0
    _duplicates(parts.offsets, ids, sizes, blank, distinct, out)
    return out


@compiled("int64(uint32[::1], int64[::1], int64[::1], int64[::1], int64[::1])")
def _paragraphs(codes: Array, bounds: Array, offsets: Array, starts: Array, ends: Array) -> int:
    count = 0
    for text in range(len(bounds) - 1):
        start, i, last = bounds[text], bounds[text], bounds[text + 1]
        while i < last:
            run = i
            while run < last and codes[run] == 10:
                run += 1
            if run - i >= 2:
                if i > start:
                    starts[count], ends[count] = start, i
                    count += 1
                start = run
            i = max(run, i + 1)
        if last > start:
            starts[count], ends[count] = start, last
            count += 1
        offsets[text + 1] = count
    return count


def paragraphs(codes: Array, bounds: Array) -> Parts:
    """The parts between runs of two or more newlines; none is empty."""
    offsets = np.zeros(len(bounds), np.int64)
    most = int(np.count_nonzero(codes == 10)) + len(bounds)
    starts, ends = np.empty(most, np.int64), np.empty(most, np.int64)
    count = _paragraphs(codes, bounds, offsets, starts, ends)
    return Parts(offsets, starts[:count].copy(), ends[:count].copy())


@compiled("void(uint32[::1], int64[::1])")
def _bytes_before(codes: Array, out: Array) -> None:
    for i in range(len(codes)):
        code = codes[i]
        out[i + 1] = out[i] + 1 + (code > 0x7F) + (code > 0x7FF) + (code > 0xFFFF)


def byte_sizes(codes: Array, parts: Parts) -> Array:
    """Bytes of each part in UTF-8."""
    before = np.zeros(len(codes) + 1, np.int64)
    _bytes_before(codes, before)
    return np.asarray(before[parts.ends] - before[parts.starts])
