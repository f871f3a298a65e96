"""The compiled loops of the fastText models: words looked up, rows of the input matrix added up, leaves compared.

Hashes, n-grams and line ends are those of fastText's `Dictionary`. Arrays that may lie in a mapped file are taken
read-only and at any address.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from filters.compiled import compiled

Array = np.ndarray[Any, Any]

END = b"</s>"
LABEL = b"__label__"  # what fastText's library takes for a label, whatever the model was trained with
_NO_WORD = 1 << 40  # instead of a 32-bit hash: the word is a label
_END_BYTES, _LABEL_BYTES = tuple(END), tuple(LABEL)

_BYTES = "Array(uint8, 1, 'C', readonly=True)"
_FLOATS = "Array(float32, 1, 'C', readonly=True, aligned=False)"
_ROWS = "Array(float32, 2, 'C', readonly=True, aligned=False)"
_CODES = "Array(uint8, 2, 'C', readonly=True)"
_MATRIX = f"{_ROWS}, {_CODES}, {_FLOATS}, {_FLOATS}, {_BYTES}, int64"  # fasttext_format.Matrix
_TABLES = f"int32[::1], int64[::1], {_BYTES}, int32[:, ::1], int64[::1]"  # fasttext_format.Tables
_MEMORY = "uint64[::1], int64[::1], float64[:, ::1]"  # fasttext_model.Memory


@compiled("uint32(uint8[::1])")
def hash_word(word: Array) -> Any:
    """FNV-1a as fastText has it: bytes above 127 are taken as negative numbers."""
    value = np.uint32(2166136261)
    for byte in word:
        value = np.uint32((value ^ np.uint32(np.int32(np.int8(byte)))) * np.uint32(16777619))
    return value


@compiled(f"int64({_BYTES}, int64, int64[::1], int64[::1])")
def read_entries(data: Array, at: int, starts: Array, counts: Array) -> Any:
    """Where each entry of a dictionary begins, and the counts of the labels, which stand last.

    Returns the place after the dictionary; -1 if the file ends early, -2 if a label stands among the words.
    """
    size, words = len(data), len(starts) - len(counts)
    for entry in range(len(starts)):
        starts[entry] = at
        while at < size and data[at] != 0:
            at += 1
        if at + 10 > size:
            return np.int64(-1)
        if (data[at + 9] == 1) != (entry >= words):
            return np.int64(-2)
        if entry >= words:
            count = np.uint64(0)
            for i in range(8):
                count |= np.uint64(data[at + 1 + i]) << np.uint64(8 * i)
            counts[entry - words] = np.int64(count)
        at += 10
    return at


@compiled(f"void(int32[::1], int64[::1], {_BYTES})")
def fill_words(keys: Array, starts: Array, text: Array) -> None:
    """Enters the words and labels, which end at a zero byte, into a hash table whose places hold -1."""
    for row in range(len(starts)):
        value, i = np.uint32(2166136261), starts[row]
        while text[i] != 0:
            value = np.uint32((value ^ np.uint32(np.int32(np.int8(text[i])))) * np.uint32(16777619))
            i += 1
        at = np.int64(value) & (len(keys) - 1)
        while keys[at] >= 0:
            at = (at + 1) & (len(keys) - 1)
        keys[at] = row


@compiled(f"int64(uint8[::1], uint32, int32[::1], int64[::1], {_BYTES})")
def find_word(word: Array, value: Any, keys: Array, starts: Array, text: Array) -> Any:
    """The entry of a word of this hash, -1 if the model does not know it. No word contains a zero byte."""
    at = np.int64(value) & (len(keys) - 1)
    while keys[at] >= 0:
        start, i = starts[keys[at]], 0
        while i < len(word) and text[start + i] == word[i]:
            i += 1
        if i == len(word) and text[start + i] == 0:
            return np.int64(keys[at])
        at = (at + 1) & (len(keys) - 1)
    return np.int64(-1)


@compiled("int64(uint32)")
def _gram_place(bucket: Any) -> Any:
    return np.int64(np.uint32(bucket * np.uint32(2654435761)) >> np.uint32(8))


@compiled("int32[:, ::1](int32[::1], int32[::1])")
def gram_table(buckets: Array, rows: Array) -> Array:
    """A hash table from n-gram buckets to rows, -1 where it is empty: int32[power of 2, 2]."""
    size = 16
    while size < 4 * len(buckets):
        size *= 2
    grams = np.full((size, 2), -1, np.int32)
    for i in range(len(buckets)):
        at = _gram_place(np.uint32(buckets[i])) & (size - 1)
        while grams[at, 0] >= 0:
            at = (at + 1) & (size - 1)
        grams[at, 0], grams[at, 1] = buckets[i], rows[i]
    return grams


@compiled("int64(uint32, int32[:, ::1], int64[::1])")
def _gram_row(bucket: Any, grams: Array, limits: Array) -> Any:
    """The row of an n-gram's bucket, -1 if it was cut off when the model was quantised."""
    if limits[3]:
        return limits[4] + np.int64(bucket)
    at = _gram_place(bucket) & (len(grams) - 1)
    while grams[at, 0] >= 0 and np.uint32(grams[at, 0]) != bucket:
        at = (at + 1) & (len(grams) - 1)
    return np.int64(grams[at, 1])


@compiled(f"void(int64, float64[::1], {_CODES}, {_FLOATS}, {_FLOATS}, {_BYTES}, int64)")
def _add_coded(
    row: Any, total: Array, codes: Array, centroids: Array, norms: Array, norm_codes: Array, width: Any
) -> None:
    """Adds a quantised row to all but the last place of `total`."""
    columns = len(total) - 1
    norm = norms[norm_codes[row]] if len(norms) else np.float32(1)
    for part in range(codes.shape[1]):
        first = part * width
        wide = min(width, columns - first)
        at = first * 256 + np.int64(codes[row, part]) * wide
        for j in range(wide):
            total[first + j] += np.float32(centroids[at + j] * norm)


@compiled(f"void(int64, float64[::1], {_MATRIX})")
def _add_row(
    row: Any,
    total: Array,
    dense: Array,
    codes: Array,
    centroids: Array,
    norms: Array,
    norm_codes: Array,
    width: Any,
) -> None:
    """Adds a row to `total`, whose last place counts them; a quantised row is decoded on the way."""
    columns = len(total) - 1
    if len(dense):
        for j in range(columns):
            total[j] += dense[row, j]
    else:
        _add_coded(row, total, codes, centroids, norms, norm_codes, width)
    total[columns] += 1


@compiled(f"void(float32[:, ::1], {_MATRIX})")
def decode(
    out: Array,
    dense: Array,
    codes: Array,
    centroids: Array,
    norms: Array,
    norm_codes: Array,
    width: Any,
) -> None:
    """All rows of a matrix."""
    total = np.zeros(out.shape[1] + 1)
    for row in range(len(out)):
        total[:] = 0.0
        _add_row(row, total, dense, codes, centroids, norms, norm_codes, width)
        for j in range(out.shape[1]):
            out[row, j] = total[j]


@compiled(f"void(uint8[::1], int64, int64, int32[:, ::1], int64[::1], float64[::1], {_MATRIX})")
def _add_word(
    whole: Array,
    size: Any,
    row: Any,
    grams: Array,
    limits: Array,
    total: Array,
    dense: Array,
    codes: Array,
    centroids: Array,
    norms: Array,
    norm_codes: Array,
    width: Any,
) -> None:
    """Adds the row of a word, if it has one, and those of its character n-grams.

    The word stands between `<` and `>` in the first `size` bytes of `whole`.
    """
    if row >= 0:
        _add_row(row, total, dense, codes, centroids, norms, norm_codes, width)
    least, most, buckets, direct, words = limits[0], limits[1], np.uint32(limits[2]), limits[3], limits[4]
    columns = len(total) - 1
    if most <= 0:
        return
    for i in range(size):
        if whole[i] & 0xC0 == 0x80:
            continue
        value, j, n = np.uint32(2166136261), i, 1
        while j < size and n <= most:
            first = True
            while j < size and (first or whole[j] & 0xC0 == 0x80):
                value = np.uint32((value ^ np.uint32(np.int32(np.int8(whole[j])))) * np.uint32(16777619))
                first = False
                j += 1
            if n >= least and not (n == 1 and (i == 0 or j == size)):
                bucket = np.uint32(value % buckets)
                found = words + np.int64(bucket)
                if not direct:  # a call here would double the time
                    at = _gram_place(bucket) & (len(grams) - 1)
                    while grams[at, 0] >= 0 and grams[at, 0] != bucket:
                        at = (at + 1) & (len(grams) - 1)
                    found = np.int64(grams[at, 1])
                if found >= 0 and len(dense):
                    for column in range(columns):
                        total[column] += dense[found, column]
                    total[columns] += 1
                elif found >= 0:
                    _add_row(found, total, dense, codes, centroids, norms, norm_codes, width)
            n += 1


@compiled(f"void(int64[::1], int64, int32[:, ::1], int64[::1], float64[::1], {_MATRIX})")
def _add_word_grams(
    hashes: Array,
    count: Any,
    grams: Array,
    limits: Array,
    total: Array,
    dense: Array,
    codes: Array,
    centroids: Array,
    norms: Array,
    norm_codes: Array,
    width: Any,
) -> None:
    """Adds the rows of all n-grams of 2 words and more: `Dictionary::addWordNgrams`, with its signed hashes."""
    buckets, most = np.uint64(limits[2]), limits[5]
    for i in range(count):
        value = np.uint64(hashes[i])
        for j in range(i + 1, min(i + most, count)):
            value = value * np.uint64(116049371) + np.uint64(hashes[j])
            found = _gram_row(np.uint32(value % buckets), grams, limits)
            if found >= 0:
                _add_row(found, total, dense, codes, centroids, norms, norm_codes, width)


@compiled("boolean(uint8[::1], int64, int64)")
def _ends_line(data: Array, start: Any, end: Any) -> Any:
    same = end - start == len(_END_BYTES)
    for i in range(len(_END_BYTES)):
        same = same and data[start + i] == _END_BYTES[i]
    return same


@compiled("boolean(uint8[::1], int64, int64)")
def _is_label(data: Array, start: Any, end: Any) -> Any:
    same = end - start >= len(_LABEL_BYTES)
    for i in range(len(_LABEL_BYTES)):
        same = same and data[start + i] == _LABEL_BYTES[i]
    return same


@compiled(f"int64(uint8[::1], int64, int64, float64[::1], {_TABLES}, {_MATRIX})")
def _remember(
    data: Array,
    start: Any,
    end: Any,
    total: Array,
    keys: Array,
    starts: Array,
    text: Array,
    grams: Array,
    limits: Array,
    dense: Array,
    codes: Array,
    centroids: Array,
    norms: Array,
    norm_codes: Array,
    width: Any,
) -> Any:
    """Makes `total` the sum of a word that is not remembered; returns fastText's hash of it, `_NO_WORD` of a label."""
    total[:] = 0.0
    word = data[start:end]
    hashed = hash_word(word)
    row = find_word(word, hashed, keys, starts, text)
    if row >= limits[4] or (row < 0 and _is_label(data, start, end)):
        return np.int64(_NO_WORD)
    whole = np.empty(end - start + 2, np.uint8)
    whole[0], whole[-1] = 60, 62
    whole[1:-1] = word
    _add_word(whole, len(whole), row, grams, limits, total, dense, codes, centroids, norms, norm_codes, width)
    return np.int64(np.int32(hashed))


@compiled(f"void(uint8[::1], float64[::1], {_MEMORY}, {_TABLES}, {_MATRIX})")
def add_line(
    data: Array,
    total: Array,
    known: Array,
    kinds: Array,
    sums: Array,
    keys: Array,
    starts: Array,
    text: Array,
    grams: Array,
    limits: Array,
    dense: Array,
    codes: Array,
    centroids: Array,
    norms: Array,
    norm_codes: Array,
    width: Any,
) -> None:
    """Adds all rows of a text that is one line: parts between the characters that fastText takes for white space.

    As in its `Dictionary::getLine`, labels are no words, and `</s>` ends the line, as does the end of the text.
    """
    size, start, count, ended = len(data), 0, 0, False
    hashes = np.empty(size // 2 + 2 if limits[5] > 1 else 0, np.int64)
    while start < size and not ended:
        byte = data[start]
        if byte == 32 or byte == 0 or 9 <= byte <= 13:
            start += 1
            continue
        end, value = start, np.uint64(14695981039346656037)
        while end < size and not (data[end] == 32 or data[end] == 0 or 9 <= data[end] <= 13):
            value = (value ^ np.uint64(data[end])) * np.uint64(1099511628211)
            end += 1
        if _ends_line(data, start, end):
            ended = True
            continue
        value |= np.uint64(1)  # 0 says that a place is free
        # The last bits of a product depend on the last bits of its factors alone: the first ones choose the place.
        at = np.int64(value >> np.uint64(20)) & (len(known) - 1)
        if known[at] != value:
            known[at] = value
            kinds[at] = _remember(
                data, start, end, sums[at], keys, starts, text, grams, limits,
                dense, codes, centroids, norms, norm_codes, width,
            )  # fmt: skip
        start = end
        if kinds[at] == _NO_WORD:
            continue
        for j in range(len(total)):
            total[j] += sums[at, j]
        if limits[5] > 1:
            hashes[count] = kinds[at]
            count += 1
    if limits[6] >= 0:
        _add_row(limits[6], total, dense, codes, centroids, norms, norm_codes, width)
    if limits[5] > 1:
        hashes[count] = limits[7]
        _add_word_grams(
            hashes, count + 1, grams, limits, total, dense, codes, centroids, norms, norm_codes, width
        )


@compiled("Tuple((int64, float64))(int32[:, ::1], int64, float32[::1])")
def best_leaf(children: Array, labels: Any, scores: Array) -> Any:
    """The label with the highest probability and its logarithm, as `HierarchicalSoftmaxLoss::dfs` adds it up."""
    nodes = np.empty(len(children), np.int64)
    sums = np.empty(len(children), np.float64)
    nodes[0], sums[0] = len(children) - 1, 0.0
    waiting, best, most = 1, np.int64(0), -np.inf
    while waiting:
        waiting -= 1
        node, total = nodes[waiting], sums[waiting]
        if total < most:
            continue
        if node < labels:
            best, most = node, total
            continue
        chance = 1.0 / (1.0 + np.exp(-np.float64(scores[node - labels])))
        nodes[waiting], sums[waiting] = children[node, 0], total + np.log(1.0 - chance + 1e-5)
        nodes[waiting + 1], sums[waiting + 1] = children[node, 1], total + np.log(chance + 1e-5)
        waiting += 2
    return best, most


@compiled("float64[::1](int32[:, ::1], int64, float32[::1])")
def all_leaves(children: Array, labels: Any, scores: Array) -> Array:
    """The probability of every label. Children stand before their node, so that one pass from the root reaches all."""
    chances = np.zeros(len(children))
    chances[len(children) - 1] = 1.0
    for node in range(len(children) - 1, labels - 1, -1):
        chance = 1.0 / (1.0 + np.exp(-np.float64(scores[node - labels])))
        chances[children[node, 0]] = chances[node] * (1.0 - chance + 1e-5)
        chances[children[node, 1]] = chances[node] * (chance + 1e-5)
    return chances[:labels].copy()
