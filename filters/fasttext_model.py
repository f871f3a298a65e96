"""Predictions of quantised fastText models (Joulin et al. 2016, 2017), the sum of each word remembered.

fastText adds up the vectors of a text's words and of their character n-grams. A word's sum is the same wherever it
stands, so that known words cost one addition; fastText's own library hashes and decodes all n-grams of every word.
Probabilities agree with its to five digits (`benchmarks/language.py`): sums are in 64 bits here, in 32 there.

Reads files of `fasttext quantize`: version 12, any output quantisation, hierarchical softmax or softmax.
"""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

import numpy as np

from filters.compiled import compiled

Array = np.ndarray[Any, Any]

_MAGIC, _VERSION = 793712314, 12
_HS, _SOFTMAX = 1, 3
_LABEL = 1
_END = b"</s>"
_END_BYTES, _LABEL_BYTES = tuple(_END), tuple(b"__label__")
_REMEMBERED = 1 << 14  # words; a new one takes the place of an old one with the same last bits


class FastTextError(ValueError):
    """The file is no model that can be read here; the message says why."""


class Words(NamedTuple):
    """What a text's vector is made of. Hash tables have -1 where they are empty; keys are 32-bit FNV-1a hashes."""

    vectors: Array  # float32[words + n-grams, dimension]
    word_keys: Array  # int32[power of 2]: places in `word_bytes`
    word_starts: Array  # int64[words + 1]
    word_bytes: Array  # uint8
    grams: Array  # int32[power of 2, 2]: bucket and row
    limits: Array  # int64[3]: least and most characters of an n-gram, buckets


class Tree(NamedTuple):
    """Hierarchical softmax: children of inner nodes (int32[nodes, 2]), labels first; the last node is the root."""

    children: Array
    labels: int


class Model:
    """A quantised supervised model; `predict` remembers words, which changes no result."""

    def __init__(self, data: bytes) -> None:
        """From a model's file. FastTextError says what is wrong with it, or cannot be read here."""
        self.labels, self._words, self._output, self._tree = _Reader(data).model()
        self._keys = np.zeros(_REMEMBERED, np.uint64)
        self._sums = np.zeros((_REMEMBERED, self._words.vectors.shape[1] + 1))
        end = _find(self._words, _END)
        self._end = self._words.vectors[end].astype(np.float64) if end >= 0 else None

    def predict(self, text: str) -> tuple[str, float]:
        """The label of the highest probability and that probability, of a text taken as one line.

        A text without a known word or n-gram has no label: `("", 0.0)`.
        """
        total = np.zeros(self._words.vectors.shape[1] + 1)
        _add_words(_bytes(text.encode()), *self._words, self._keys, self._sums, total)
        if self._end is not None:
            total[:-1] += self._end
            total[-1] += 1
        if not total[-1]:
            return "", 0.0
        scores = self._output @ (total[:-1] / total[-1]).astype(np.float32)
        if self._tree is None:
            exponents = np.exp(scores - scores.max())
            best = int(np.argmax(exponents))
            return self.labels[best], float(exponents[best] / exponents.sum())
        best, score = _best_leaf(self._tree.children, self._tree.labels, scores)
        return self.labels[best], float(np.exp(score))


class _Reader:
    """The file format of fastText's `FastText::saveModel`, little endian."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def _take(self, layout: str) -> tuple[Any, ...]:
        try:
            found = struct.unpack_from(f"<{layout}", self.data, self.at)
        except struct.error:
            raise FastTextError("the file ends early") from None
        self.at += struct.calcsize(f"<{layout}")
        return found

    def _array(self, kind: Any, count: int) -> Array:
        try:
            found = np.frombuffer(self.data, kind, count, self.at)
        except ValueError:
            raise FastTextError("the file ends early") from None
        self.at += found.nbytes
        return found

    def model(self) -> tuple[list[str], Words, Array, Tree | None]:
        """Labels, what vectors are made of, the output matrix (float32[nodes or labels, dimension]) and the tree."""
        if self._take("ii") != (_MAGIC, _VERSION):
            raise FastTextError(f"no fastText model of version {_VERSION}")
        *arguments, _ = self._take("12id")
        word_grams, loss, buckets, least, most = (arguments[at] for at in (5, 6, 8, 9, 10))
        if word_grams > 1 or loss not in (_HS, _SOFTMAX):
            raise FastTextError("word n-grams, or a loss that is neither hs nor softmax")
        words, labels, counts, pruned = self._dictionary()
        if not self._take("?")[0]:
            raise FastTextError("not quantised")
        vectors = self._quantised()
        output = self._quantised() if self._take("?")[0] else self._dense()
        grams = np.array(
            [len(words) + row for row in pruned.values()] if pruned else (), np.int32
        )  # rows of n-grams
        table_of_grams = _gram_table(np.array(list(pruned), np.int32), grams)
        starts = np.append(0, np.cumsum([len(word) for word in words])).astype(np.int64)
        text = _bytes(b"".join(words))
        table = Words(
            vectors,
            _word_table(starts, text),
            starts,
            text,
            table_of_grams,
            np.array([least, most, buckets], np.int64),
        )
        return labels, table, output, _tree(counts) if loss == _HS else None

    def _dictionary(self) -> tuple[list[bytes], list[str], list[int], dict[int, int]]:
        """Words, labels, their counts, and rows of n-grams by bucket."""
        size, _, _, _, pruned = self._take("iiiqq")
        words: list[bytes] = []
        labels: list[str] = []
        counts: list[int] = []
        for _ in range(size):
            end = self.data.find(b"\0", self.at)
            if end == -1:
                raise FastTextError("the file ends early")
            word = self.data[self.at : end]
            self.at = end + 1
            count, kind = self._take("qb")
            if kind == _LABEL:
                labels.append(word.decode())
                counts.append(count)
            else:
                words.append(word)
        if pruned < 0:
            raise FastTextError("quantised without a cutoff")
        pairs = self._array("<i4", 2 * pruned).reshape(-1, 2)
        return words, labels, counts, dict(pairs.tolist())

    def _dense(self) -> Array:
        rows, columns = self._take("qq")
        return self._array("<f4", rows * columns).reshape(rows, columns)

    def _quantised(self) -> Array:
        """A matrix by product quantisation (Jegou et al. 2011), decoded: float32[rows, columns]."""
        norms, rows, _, size = self._take("?qqi")
        codes = self._array(np.uint8, size).reshape(rows, -1)
        found = self._centroids(codes)
        if norms:
            found *= self._centroids(self._array(np.uint8, rows)[:, None])
        return found

    def _centroids(self, codes: Array) -> Array:
        dimension, parts, width, last = self._take("iiii")
        table = self._array("<f4", 256 * dimension)
        found = np.empty((len(codes), dimension), np.float32)
        for part in range(parts):
            wide = last if part == parts - 1 else width
            start = part * 256 * width
            centroids = table[start : start + 256 * wide].reshape(256, wide)
            found[:, part * width : part * width + wide] = centroids[codes[:, part]]
        return found


def _tree(counts: list[int]) -> Tree:
    """The Huffman tree of `HierarchicalSoftmaxLoss::buildTree`; labels come by falling count."""
    labels = len(counts)
    weights = [*counts, *([10**15] * (labels - 1))]
    children = np.full((2 * labels - 1, 2), -1, np.int32)
    leaf, node = labels - 1, labels
    for inner in range(labels, 2 * labels - 1):
        for side in (0, 1):
            if leaf >= 0 and weights[leaf] < weights[node]:
                children[inner, side], leaf = leaf, leaf - 1
            else:
                children[inner, side], node = node, node + 1
        weights[inner] = sum(weights[child] for child in children[inner])
    return Tree(children, labels)


def _find(words: Words, word: bytes) -> int:
    """The row of a word, -1 if the model does not know it."""
    place: int = _word_row(_bytes(word), words.word_keys, words.word_starts, words.word_bytes)
    return place


def _bytes(data: bytes) -> Array:
    return np.frombuffer(bytearray(data), np.uint8)  # writable, as the compiled loops expect it


def _power(count: int) -> int:
    return 1 << max(4, int(2 * count).bit_length())


@compiled("uint32(uint8[::1])")
def _hash(word: Array) -> Any:
    """FNV-1a as fastText has it: bytes above 127 are taken as negative numbers."""
    value = np.uint32(2166136261)
    for byte in word:
        value = np.uint32((value ^ np.uint32(np.int32(np.int8(byte)))) * np.uint32(16777619))
    return value


@compiled("int64(uint8[::1], int32[::1], int64[::1], uint8[::1])")
def _word_row(word: Array, keys: Array, starts: Array, text: Array) -> Any:
    at = np.int64(_hash(word)) & (len(keys) - 1)
    while keys[at] >= 0:
        row = np.int64(keys[at])
        if starts[row + 1] - starts[row] == len(word):
            same = True
            for i in range(len(word)):
                same = same and text[starts[row] + i] == word[i]
            if same:
                return row
        at = (at + 1) & (len(keys) - 1)
    return np.int64(-1)


def _word_table(starts: Array, text: Array) -> Array:
    keys = np.full(_power(len(starts)), -1, np.int32)
    _fill_words(keys, starts, text)
    return keys


@compiled("void(int32[::1], int64[::1], uint8[::1])")
def _fill_words(keys: Array, starts: Array, text: Array) -> None:
    for row in range(len(starts) - 1):
        at = np.int64(_hash(text[starts[row] : starts[row + 1]])) & (len(keys) - 1)
        while keys[at] >= 0:
            at = (at + 1) & (len(keys) - 1)
        keys[at] = row


@compiled("int64(uint32)")
def _gram_place(bucket: Any) -> Any:
    return np.int64(np.uint32(bucket * np.uint32(2654435761)) >> np.uint32(8))


@compiled("int32[:, ::1](int32[::1], int32[::1])")
def _gram_table(buckets: Array, rows: Array) -> Array:
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


@compiled(
    "void(uint8[::1], int64, float32[:, ::1], int32[::1], int64[::1], uint8[::1], int32[:, ::1], int64[::1], "
    "float64[::1])"
)
def _word_sum(
    whole: Array,
    size: Any,
    vectors: Array,
    keys: Array,
    starts: Array,
    text: Array,
    grams: Array,
    limits: Array,
    total: Array,
) -> None:
    """Adds the vectors of a word and of its n-grams to `total`, whose last place counts them.

    The word stands between `<` and `>` in the first `size` bytes of `whole`.
    """
    columns = vectors.shape[1]
    row = _word_row(whole[1 : size - 1], keys, starts, text)
    if row >= 0:
        for j in range(columns):
            total[j] += vectors[row, j]
        total[columns] += 1
    least, most, buckets = limits[0], limits[1], np.uint32(limits[2])
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
                at = _gram_place(bucket) & (len(grams) - 1)
                while grams[at, 0] >= 0 and grams[at, 0] != bucket:
                    at = (at + 1) & (len(grams) - 1)
                if grams[at, 0] >= 0:
                    row = np.int64(grams[at, 1])
                    for column in range(columns):
                        total[column] += vectors[row, column]
                    total[columns] += 1
            n += 1


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


@compiled(
    "void(uint8[::1], float32[:, ::1], int32[::1], int64[::1], uint8[::1], int32[:, ::1], int64[::1], "
    "uint64[::1], float64[:, ::1], float64[::1])"
)
def _add_words(
    data: Array,
    vectors: Array,
    keys: Array,
    starts: Array,
    text: Array,
    grams: Array,
    limits: Array,
    known: Array,
    sums: Array,
    total: Array,
) -> None:
    """Adds all words of a text: parts between the characters that fastText takes for white space.

    As in its `Dictionary::getLine`, labels are no words, and `</s>` ends the line.
    """
    size, start = len(data), 0
    whole = np.empty(size + 2, np.uint8)
    whole[0] = 60
    while start < size:
        byte = data[start]
        if byte == 32 or byte == 0 or 9 <= byte <= 13:
            start += 1
            continue
        end, value = start, np.uint64(14695981039346656037)
        while end < size and not (data[end] == 32 or data[end] == 0 or 9 <= data[end] <= 13):
            value = (value ^ np.uint64(data[end])) * np.uint64(1099511628211)
            end += 1
        if _ends_line(data, start, end):
            return
        if _is_label(data, start, end):
            start = end
            continue
        value |= np.uint64(1)  # 0 says that a place is free
        # The last bits of a product depend on the last bits of its factors alone: the first ones choose the place.
        at = np.int64(value >> np.uint64(20)) & (len(known) - 1)
        if known[at] != value:
            known[at] = value
            sums[at] = 0.0
            whole[1 : end - start + 1] = data[start:end]
            whole[end - start + 1] = 62
            _word_sum(whole, end - start + 2, vectors, keys, starts, text, grams, limits, sums[at])
        for j in range(len(total)):
            total[j] += sums[at, j]
        start = end


@compiled("Tuple((int64, float64))(int32[:, ::1], int64, float32[::1])")
def _best_leaf(children: Array, labels: Any, scores: Array) -> Any:
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
