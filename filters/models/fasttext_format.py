"""fastText's model file: versions 11 and 12, dense or quantised, read where it lies.

No input matrix of some size is copied or decoded: of a mapped file, processes share the pages that they
touch. What is made here is a hash table of the words (some 20 bytes a word). Every size in the file is checked against
the file's length before anything is allocated.
"""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

import numpy as np

from filters.models import fasttext_loops as loops

Array = np.ndarray[Any, Any]

_MAGIC, _VERSIONS = 793712314, (11, 12)
_SUPERVISED = 3
LOSSES = {1: "hs", 2: "ns", 3: "softmax", 4: "ova"}
_MOST_GRAM = 64  # characters or words of an n-gram: cost of a text is linear with a factor of this
_SMALL = 1 << 24  # bytes of a quantised matrix that is decoded at once: lid.176's, a third faster
_MOST_GROWTH = 64  # times the file's length: a decoded output matrix


class FastTextError(ValueError):
    """The file is no model that can be read here; the message says why."""


class Matrix(NamedTuple):
    """A dense matrix, or a product-quantised one (Jegou et al. 2011): then `dense` has no rows unless it is small."""

    dense: Array  # float32[rows, columns]
    codes: Array  # uint8[rows, parts]
    centroids: Array  # float32[256 * columns]: of each part 256 vectors
    norms: Array  # float32[256], empty if rows have their own length
    norm_codes: Array  # uint8[rows]
    width: int  # columns of a part; the last may have fewer


class Tables(NamedTuple):
    """Where rows of the input matrix are found. Hash tables have -1 where they are empty."""

    keys: Array  # int32[power of 2]: entries of the dictionary, words first
    starts: Array  # int64[entries]: places in `text`; each ends at a zero byte
    text: Array  # uint8: the file
    grams: Array  # int32[power of 2, 2]: bucket and row of n-grams that quantising kept
    limits: Array  # int64[8]: least and most characters of an n-gram, buckets, whether rows of n-grams are
    # those of their buckets, words, most words of an n-gram, row and hash of the end of a line


class Tree(NamedTuple):
    """Hierarchical softmax: children of inner nodes (int32[nodes, 2]), labels first; the last node is the root."""

    children: Array
    labels: int


class Parts(NamedTuple):
    """All of a model."""

    labels: list[str]
    matrix: Matrix
    tables: Tables
    output: Array  # float32[labels, dimension]: of the loss hs the first labels - 1 rows are nodes
    loss: str
    tree: Tree | None


class _Arguments(NamedTuple):
    version: int
    dimension: int
    word_grams: int
    loss: int
    buckets: int
    least: int
    most: int


def read(data: Any) -> Parts:
    """A supervised model from its file's bytes, which stay in use. FastTextError says what is wrong with them."""
    try:
        whole = np.frombuffer(data, np.uint8) if len(data) else np.zeros(0, np.uint8)
    except (TypeError, ValueError, BufferError) as error:
        raise FastTextError(f"not a buffer of bytes: {error}") from None
    whole = whole.view()
    whole.flags.writeable = False
    return _Reader(whole).model()


class _Reader:
    """The file format of fastText's `FastText::saveModel`, little endian."""

    def __init__(self, data: Array) -> None:
        self.data, self.at = data, 0

    def _take(self, layout: str) -> tuple[Any, ...]:
        try:
            found = struct.unpack_from(f"<{layout}", self.data.data, self.at)
        except struct.error:
            raise FastTextError("the file ends early") from None
        self.at += struct.calcsize(f"<{layout}")
        return found

    def _array(self, kind: str, count: int) -> Array:
        """`count` numbers where they lie: read-only, perhaps at an odd address."""
        size = np.dtype(kind).itemsize * count
        if count < 0 or size > len(self.data) - self.at:
            raise FastTextError("the file ends early")
        found = np.frombuffer(self.data.data, kind, count, self.at) if count else np.zeros(0, kind)
        self.at += size
        return found

    def model(self) -> Parts:
        arguments = self._arguments()
        starts, labels, counts, pruned = self._dictionary()
        words = len(starts) - len(labels)
        quantised = self._take("?")[0]
        if pruned is not None and not quantised:
            raise FastTextError("n-grams are cut off, but it is not quantised")
        matrix, rows = self._quantised(arguments) if quantised else self._dense(arguments)
        buckets = _gram_rows(arguments, words, rows, pruned)
        whole_output = self._take("?")[0] and quantised
        output = self._output(arguments, whole_output, len(labels))
        keys = np.full(1 << max(4, int(2 * len(starts)).bit_length()), -1, np.int32)
        loops.fill_words(keys, starts, self.data)
        end = np.frombuffer(bytearray(loops.END), np.uint8)
        hashed = loops.hash_word(end)
        end_row = loops.find_word(end, hashed, keys, starts, self.data)
        limits = [arguments.least, arguments.most, arguments.buckets, pruned is None, words]
        limits += [
            arguments.word_grams,
            end_row if end_row < words else -1,
            int(np.uint32(hashed).view(np.int32)),
        ]
        tables = Tables(keys, starts, self.data, buckets, np.array(limits, np.int64))
        loss = LOSSES[arguments.loss]
        return Parts(labels, matrix, tables, output, loss, _tree(counts) if loss == "hs" else None)

    def _arguments(self) -> _Arguments:
        magic, version = self._take("ii")
        if magic != _MAGIC or version not in _VERSIONS:
            raise FastTextError("no fastText model of version 11 or 12")
        dimension, _, _, _, _, word_grams, loss, model, buckets, least, most, _, _ = self._take("12id")
        if model != _SUPERVISED:
            raise FastTextError("word vectors, no classifier")
        if loss not in LOSSES:
            raise FastTextError(f"loss {loss} is none of fastText's")
        if version == 11:
            most = 0  # old classifiers have no character n-grams, whatever they say
        if dimension < 1 or max(word_grams, most) > _MOST_GRAM or buckets < 0:
            raise FastTextError(
                f"dimension {dimension}, n-grams up to {max(word_grams, most)}, {buckets} buckets"
            )
        return _Arguments(version, dimension, word_grams, loss, buckets, least, most)

    def _dictionary(self) -> tuple[Array, list[str], list[int], Array | None]:
        """Places of all entries, the labels and their counts, and (bucket, row) of n-grams if some were cut off."""
        size, words, labels, _, pruned = self._take("iiiqq")
        if words < 0 or labels < 1 or size != words + labels:
            raise FastTextError(f"{size} entries, but {words} words and {labels} labels")
        if 10 * size > len(self.data) - self.at:
            raise FastTextError("the file ends early")
        starts, counts = np.zeros(size, np.int64), np.zeros(labels, np.int64)
        at = loops.read_entries(self.data, self.at, starts, counts)
        if at < 0:
            raise FastTextError("the file ends early" if at == -1 else "words and labels are mixed up")
        ends = [*starts[words + 1 :].tolist(), at]
        entries = zip(starts[words:].tolist(), ends, strict=True)
        try:
            names = [self.data[start : end - 10].tobytes().decode() for start, end in entries]
        except UnicodeDecodeError:
            raise FastTextError("a label is not UTF-8") from None
        self.at = at
        if pruned < 0:
            return starts, names, counts.tolist(), None
        return starts, names, counts.tolist(), self._array("<i4", 2 * pruned).reshape(-1, 2).copy()

    def _dense(self, arguments: _Arguments) -> tuple[Matrix, int]:
        rows, columns = self._take("qq")
        if rows < 0 or columns != arguments.dimension:
            raise FastTextError(
                f"a matrix of {rows} times {columns}, but the dimension is {arguments.dimension}"
            )
        dense = self._array("<f4", rows * columns).reshape(rows, columns)
        return Matrix(dense, np.zeros((0, 0), np.uint8), *_NO_FLOATS, np.zeros(0, np.uint8), 1), rows

    def _quantised(self, arguments: _Arguments) -> tuple[Matrix, int]:
        normed, rows, columns, size = self._take("?qqi")
        if rows < 0 or columns != arguments.dimension:
            raise FastTextError(
                f"a matrix of {rows} times {columns}, but the dimension is {arguments.dimension}"
            )
        codes = self._array("u1", size)
        centroids, parts, width = self._centroids(columns)
        if size != rows * parts:
            raise FastTextError(f"{size} codes for {rows} rows of {parts}")
        norms, norm_codes = np.zeros(0, np.float32), np.zeros(0, np.uint8)
        if normed:
            norm_codes = self._array("u1", rows)
            norms, _, _ = self._centroids(1)
        codes = codes.reshape(rows, parts)
        matrix = Matrix(np.zeros((0, columns), np.float32), codes, centroids, norms, norm_codes, width)
        if 0 < 4 * rows * columns <= _SMALL:
            dense = np.zeros((rows, columns), np.float32)
            loops.decode(dense, *matrix)
            return matrix._replace(dense=dense), rows
        return matrix, rows

    def _centroids(self, columns: int) -> tuple[Array, int, int]:
        """The vectors of all parts, how many parts there are, and how many columns each has."""
        dimension, parts, width, last = self._take("iiii")
        fits = dimension == columns and parts > 0 and 0 < last <= width
        if not fits or (parts - 1) * width + last != dimension:
            raise FastTextError(f"{parts} parts of {width} columns, the last of {last}, for {columns}")
        return self._array("<f4", 256 * dimension), parts, width

    def _output(self, arguments: _Arguments, quantised: bool, labels: int) -> Array:
        matrix, rows = self._quantised(arguments) if quantised else self._dense(arguments)
        if rows != labels:
            raise FastTextError(f"{rows} rows of output for {labels} labels")
        if len(matrix.dense):
            return np.array(matrix.dense)  # aligned
        if 4 * rows * arguments.dimension > max(1 << 26, _MOST_GROWTH * len(self.data)):
            raise FastTextError("the output is too large for the file")
        found = np.zeros((rows, arguments.dimension), np.float32)
        loops.decode(found, *matrix)
        return found


_NO_FLOATS = (np.zeros(0, np.float32), np.zeros(0, np.float32))


def _gram_rows(arguments: _Arguments, words: int, rows: int, pruned: Array | None) -> Array:
    """The table of n-grams that quantising kept; FastTextError if a row would lie outside the matrix."""
    used = arguments.most > 0 or arguments.word_grams > 1
    if used and pruned is None and (arguments.buckets < 1 or rows < words + arguments.buckets):
        raise FastTextError(f"{rows} rows for {words} words and {arguments.buckets} buckets")
    if used and pruned is not None and len(pruned) and arguments.buckets < 1:
        raise FastTextError("n-grams without buckets")
    if rows < words:
        raise FastTextError(f"{rows} rows for {words} words")
    if pruned is None or not len(pruned):
        return loops.gram_table(np.zeros(0, np.int32), np.zeros(0, np.int32))
    if pruned.min() < 0 or words + int(pruned[:, 1].max()) >= rows:
        raise FastTextError(f"{rows} rows for {words} words and n-grams up to {pruned[:, 1].max()}")
    table: Array = loops.gram_table(
        np.ascontiguousarray(pruned[:, 0]), np.ascontiguousarray(pruned[:, 1] + np.int32(words))
    )
    return table


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
        if children[inner].max() >= inner:
            raise FastTextError("the counts of the labels give no tree")
        weights[inner] = sum(weights[child] for child in children[inner])
    return Tree(children, labels)
