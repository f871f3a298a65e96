"""N-gram language models (ARPA's back-off form), scored in a compiled loop over hash tables.

A model has a table for each order: the 64-bit key of an n-gram, its log10 probability and its log10 back-off weight.
A token's probability is that of the longest n-gram ending with it that the tables have, times the back-off weights of
the longer contexts. So a model in ARPA's format is scored as KenLM scores it (to float32), and one trained here as any
other.

Each line of a text is a sentence from `<s>` to `</s>`; lines without a token are none. The perplexity of a text is
10 ** (-log10 p(text) / tokens), `</s>` counted as CCNet does. Unknown words are `<unk>`.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import numpy as np

from filters.compiled import compiled
from filters.models.tensors_file import TensorsError, pack, unpack
from filters.text import layout
from filters.text.token_hashes import BEGIN, END, UNKNOWN, Scheme, extended, tokens

Array = np.ndarray[Any, Any]

KIND = "ngrams"
VERSION = 1
UNKNOWN_LOG10 = -100.0  # of an unknown word where a model says nothing of `<unk>` (KenLM)
MOST = 8  # orders
_MOST_LOG10 = 300.0  # of a perplexity: more is no float64


class Ngrams(NamedTuple):
    """The n-grams of one order."""

    keys: Array  # uint64, each once
    log10: Array  # float32: of the last token after the others
    backoff: Array  # float32: log10 of the weight of shorter contexts after this n-gram


@dataclass(frozen=True)
class NgramModel:
    """Tables of all orders, one after the other. A slot is a key (0: empty) and two float32, as in `Ngrams`."""

    table: Array  # uint64 [slots, 2]
    slots: Array  # int64 [orders + 1]: where each order's slots begin; their number is a power of 2
    scheme: Scheme  # how text is cut into tokens; `words` in lower case

    @property
    def order(self) -> int:
        """Tokens of the longest n-gram."""
        return len(self.slots) - 1

    def log_probabilities(self, texts: Sequence[str]) -> tuple[Array, Array, Array]:
        """Of each text log10 of its probability, its tokens with one `</s>` a line, and its unknown words."""
        codes, bounds = layout.code_points([t.lower() for t in texts] if self.scheme == "words" else texts)
        found = tokens(codes, bounds, self.scheme, True)
        sums, unknown = np.zeros(len(texts)), np.zeros(len(texts), np.int64)
        special = np.array([BEGIN, END, UNKNOWN], np.uint64)
        floats = self.table.view(np.float32)
        _score(*found, self.table, floats, self.slots, special, UNKNOWN_LOG10, sums, unknown)
        return sums, np.diff(found.offsets), unknown

    def perplexities(self, texts: Sequence[str]) -> tuple[Array, Array]:
        """Of each text its perplexity, 0 if it has no token, and the share of unknown words among its tokens."""
        sums, counts, unknown = self.log_probabilities(texts)
        some = np.maximum(counts, 1)
        return np.where(counts > 0, 10.0 ** np.minimum(-sums / some, _MOST_LOG10), 0.0), unknown / some

    def file(self) -> bytes:
        """The model as a file's bytes."""
        settings = {"kind": KIND, "version": VERSION, "scheme": self.scheme}
        return pack({"slots": self.slots, "table": self.table}, settings)


@compiled("int64(uint64[:, ::1], int64, int64, uint64)")
def _place(table: Array, first: int, size: int, key: Any) -> Any:
    """The slot of a key among `size` slots from `first`, or -1."""
    slot = np.int64(key & np.uint64(size - 1))
    while table[first + slot, 0] != key:
        if table[first + slot, 0] == 0:
            return -1
        slot = (slot + 1) & (size - 1)
    return first + slot


@compiled(
    "void(int64[::1], uint64[::1], uint64[:, ::1], float32[:, ::1], int64[::1], uint64[::1], float64,"
    "float64[::1], int64[::1])"
)
def _score(
    offsets: Array,
    hashes: Array,
    table: Array,
    floats: Array,
    slots: Array,
    special: Array,
    missing: float,
    sums: Array,
    unknown: Array,
) -> None:
    order = len(slots) - 1
    begin, end, unk = special[0], special[1], special[2]
    history = np.zeros(order, np.uint64)  # the tokens before, the last one first
    backoffs = np.zeros(order)  # of the contexts of 1, 2, ... tokens
    following = np.zeros(order)
    at_begin = _place(table, 0, slots[1], begin)
    for text in range(len(offsets) - 1):
        known = 0  # tokens in `history`
        for i in range(offsets[text], offsets[text + 1]):
            if not known:
                history[0] = begin
                backoffs[:] = 0.0
                backoffs[0] = floats[at_begin, 3] if at_begin >= 0 else 0.0
                known = 1
            token = hashes[i]
            place = _place(table, 0, slots[1], token)
            if place < 0:
                unknown[text] += 1
                token = unk
                place = _place(table, 0, slots[1], token)
            best, value = 0, missing
            if place >= 0:
                value = floats[place, 2]
            following[0] = floats[place, 3] if place >= 0 else 0.0
            key = token
            longest = min(order, known + 1)
            for size in range(2, longest + 1):
                key = extended(key, history[size - 2])
                place = _place(table, slots[size - 1], slots[size] - slots[size - 1], key)
                if place >= 0:
                    best, value = size - 1, floats[place, 2]
                following[size - 1] = floats[place, 3] if place >= 0 else 0.0
            for size in range(best, longest - 1):
                value += backoffs[size]
            sums[text] += value
            if token == end:
                known = 0
                continue
            for size in range(order - 1, 0, -1):
                history[size] = history[size - 1]
            history[0] = token
            backoffs[:] = following
            backoffs[longest:] = 0.0
            known = min(known + 1, order - 1)


@compiled("void(uint64[:, ::1], float32[:, ::1], int64, int64, uint64[::1], float32[::1], float32[::1])")
def _fill(
    table: Array, floats: Array, first: int, size: int, keys: Array, log10: Array, backoff: Array
) -> None:
    for i in range(len(keys)):
        slot = np.int64(keys[i] & np.uint64(size - 1))
        while table[first + slot, 0] != 0:
            slot = (slot + 1) & (size - 1)
        table[first + slot, 0] = keys[i]
        floats[first + slot, 2] = log10[i]
        floats[first + slot, 3] = backoff[i]


def make_model(orders: Sequence[Ngrams], scheme: Scheme) -> NgramModel:
    """A model of n-grams by order, the unigrams first. 21 to 43 bytes an n-gram."""
    sizes = [1 << max(2, (4 * len(one.keys) // 3).bit_length()) for one in orders]
    slots = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    table = np.zeros((int(slots[-1]), 2), np.uint64)
    floats = table.view(np.float32)
    for first, size, one in zip(slots, sizes, orders, strict=False):
        _fill(table, floats, first, size, one.keys, one.log10, one.backoff)
    return NgramModel(table, slots, scheme)


def read_model(data: Any) -> NgramModel:
    """The model of a file's bytes; a mapped file stays mapped. TensorsError says what is wrong with them."""
    arrays, settings = unpack(data, KIND)
    if settings.get("version") != VERSION:
        raise TensorsError(f"an n-gram model of version {settings.get('version')!r}, not {VERSION}")
    table, slots, scheme = arrays.get("table"), arrays.get("slots"), settings.get("scheme")
    if table is None or slots is None or scheme not in ("words", "spaces"):
        raise TensorsError("an n-gram model has `table`, `slots` and a scheme that is words or spaces")
    sizes = np.diff(slots)
    sound = slots.ndim == 1 and 2 <= len(slots) <= MOST + 1 and slots[0] == 0 and (sizes > 0).all()
    if not sound or (sizes & (sizes - 1)).any() or table.shape != (int(slots[-1]), 2):
        raise TensorsError("an n-gram model whose tables are not as long as it says")
    for first, last in itertools.pairwise(slots.tolist()):
        if table[first:last, 0].all():  # a look-up ends at an empty slot
            raise TensorsError("an n-gram model with a table that is full")
    if table.dtype != np.uint64 or not np.isfinite(table.view(np.float32)[:, 2:]).all():
        raise TensorsError("an n-gram model with probabilities that are no numbers")
    return NgramModel(table, slots.copy(), cast(Scheme, scheme))
