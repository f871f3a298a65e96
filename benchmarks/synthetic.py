"""Synthetic documents with planted near-duplicates, exact copies and boilerplate, and the truth about them.

    python benchmarks/synthetic.py --documents 1000000 --out DIR [--words 90] [--seed 1] [--shard 50000] [--workers 2]

Writes `DIR/documents-00000.parquet` and on (columns id, url, date, text), `DIR/truth/truth.parquet` (for every copy its
id, its kind, the id of its source and the true Jaccard of both sets of word 5-grams) and last `DIR/synthetic.json`,
what was asked for; a folder that holds the same already is kept. Ids are 0, 1, 2, ... in the order of the files.

Of all documents 20 % are in clusters of near-duplicates (a source and copies of it with words substituted, deleted or
inserted; sizes follow a power law from 2 to 500, and one cluster is .1 % of all), 10 % are pairs of equal words (half
of the copies with other sentences), and 2 % share a paragraph of a third of their words and nothing else: a half of
them all the same one, the other half one for each hundred. Everything else is drawn on its own, from 200,000 made-up
words whose k-th has a probability of about 1/k. A document follows from the seed, the number of documents and its own
number, so that the bytes are the same for any number of workers.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numba import njit

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # what was compiled under the name benchmarks.synthetic is found as such again

Array = np.ndarray
NGRAM = 5
VOCABULARY = 200_000
SINGLE, NEAR, EXACT, BOILERPLATE = range(4)
KINDS = ("single", "near", "exact", "boilerplate")
TRUTH = pa.schema(
    [("id", pa.int64()), ("kind", pa.string()), ("source", pa.int64()), ("jaccard", pa.float64())]
)
LEAST_WORDS = 30  # of --words: below, a copy has too few 5-grams to be cut finely

_STEP = np.uint64(0x9E3779B97F4A7C15)
_CELLS = 1 << 16
_SENTENCE, _LINE = 11, 33  # words
_ROUNDS = 4


# --- Numbers that follow from numbers -------------------------------------------------------------------------------


@njit("uint64(uint64)", cache=True)
def _mix(value):  # type: ignore[no-untyped-def]
    # The output function of splitmix64 (Steele, Lea and Flood 2014).
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


@njit("uint64(uint64, uint64, int64)", cache=True)
def _key(seed, stream, number):  # type: ignore[no-untyped-def]
    """The start of a stream of draws: `stream` says what for, `number` which one."""
    return _mix(_mix(seed * _STEP + stream) ^ _mix(np.uint64(number) + _STEP))


@njit("uint64(uint64, int64)", cache=True)
def _draw(key, index):  # type: ignore[no-untyped-def]
    return _mix(key + np.uint64(index) * _STEP)


@njit("int64(uint64, int64, int64)", cache=True)
def _below(key, index, limit):  # type: ignore[no-untyped-def]
    # 32 bits times the limit, so no division; the bias of 2^-32 is of no account here.
    return np.int64(((_draw(key, index) >> np.uint64(32)) * np.uint64(limit)) >> np.uint64(32))


@njit("int64[::1](int64[::1], int64, uint64, boolean)", cache=True)
def _permute(numbers, size, seed, back):  # type: ignore[no-untyped-def]
    """A permutation of [0, size) by a Feistel network whose values beyond the end are walked on, or its inverse."""
    half = np.uint64(1)
    while (np.int64(1) << np.int64(half + half)) < size:
        half += np.uint64(1)
    low = (np.uint64(1) << half) - np.uint64(1)
    out = np.empty(numbers.shape[0], np.int64)
    for index in range(numbers.shape[0]):
        value = np.uint64(numbers[index])
        while True:
            left, right = value >> half, value & low
            for turn in range(_ROUNDS):
                if back:
                    key = _key(seed, np.uint64(_ROUNDS - 1 - turn), np.int64(left))
                    left, right = right ^ (key & low), left
                else:
                    key = _key(seed, np.uint64(turn), np.int64(right))
                    left, right = right, left ^ (key & low)
            value = (left << half) | right
            if value < np.uint64(size):
                break
        out[index] = np.int64(value)
    return out


# --- Words ----------------------------------------------------------------------------------------------------------


def vocabulary() -> list[str]:
    """Made-up words, all different, the frequent ones short: syllables of onset and vowel, and a last consonant."""
    onsets = "b d f g h j k l m n p r s t v z br ch dr fl gr kl pl sh st th tr sk sp pr".split()
    syllables = [onset + vowel for onset in onsets for vowel in "aeiou"]
    count = len(syllables)
    words = []
    for rank in range(VOCABULARY):
        length, number = 1, rank
        while number >= count**length:
            number -= count**length
            length += 1
        # A stride prime to their number shuffles the words of one length.
        number = (number * 7919 + 31) % count**length
        parts = [syllables[number // count**place % count] for place in range(length)]
        words.append("".join(parts) + ("", "n", "r", "s", "l", "t", "m")[number % 7])
    return words


def _cells() -> Array:
    """Ranks (int64, cells + 1) that cut the probability ln(1 + 1/k) / ln(words + 1) of the k-th word evenly."""
    edges = np.floor((VOCABULARY + 1.0) ** (np.arange(_CELLS + 1) / _CELLS)).astype(np.int64) - 1
    edges[-1] = VOCABULARY
    return edges


@njit("int64(uint64, int64, int64[::1])", cache=True)
def _word(key, index, cells):  # type: ignore[no-untyped-def]
    value = _draw(key, index)
    low = cells[np.int64(value >> np.uint64(48))]
    wide = cells[np.int64(value >> np.uint64(48)) + 1] - low
    return low + np.int64(((value & np.uint64(0xFFFFFFFF)) * np.uint64(wide)) >> np.uint64(32))


@njit("int64(uint64, int64, int64, int64[::1], int64[::1], int64)", cache=True)
def _original(seed, slot, words, cells, out, shared):  # type: ignore[no-untyped-def]
    """The words of a document that is no copy; `shared` is the number of its boilerplate paragraph, or -1."""
    key = _key(seed, np.uint64(16), slot)
    count = 3 * words // 4 + _below(key, -1, words // 2 + 1)
    for index in range(count):
        out[index] = _word(key, index, cells)
    if shared >= 0:
        paragraph = _key(seed, np.uint64(17), shared)
        width = words // 3
        start = _below(key, -2, count - width + 1)
        for index in range(width):
            out[start + index] = _word(paragraph, index, cells)
    return count


@njit("int64(uint64, int64[::1], int64, int64[::1])", cache=True)
def _edit(key, out, count, cells):  # type: ignore[no-untyped-def]
    """Change words in place so that up to d of the n 5-grams change, d uniform in 1 to n/3; returns the new count.

    A run of r words that is substituted, deleted or inserted takes at most r + 4 5-grams away and brings at most as
    many, so the Jaccard is at least (n - d) / (n + d), which is .5 or more.
    """
    grams = count - (NGRAM - 1)
    left = 1 + _below(key, 0, grams // 3)
    at = 1
    while left > 0:
        if left < NGRAM:  # the word so far from the end is in as many 5-grams
            start, run, kind = count - left, 1, 0
            left = 0
        else:
            run = 1 + _below(key, at, min(left - (NGRAM - 1), 4))
            kind = _below(key, at + 1, 3)
            start = _below(key, at + 2, count - run + 1)
            left -= run + NGRAM - 1
            at += 3
        if kind == 1:
            for index in range(start, count - run):
                out[index] = out[index + run]
            count -= run
            continue
        if kind == 2:
            for index in range(count - 1, start - 1, -1):
                out[index + run] = out[index]
            count += run
        for index in range(start, start + run):
            before = out[index] if kind == 0 else np.int64(-1)
            while True:
                out[index] = _word(key ^ _STEP, at, cells)
                at += 1
                if out[index] != before:
                    break
    return count


@njit("int64(uint64, int64, int64, int64, int64, int64[::1], int64[::1])", cache=True)
def _document(seed, slot, source, kind, words, cells, out):  # type: ignore[no-untyped-def]
    """The words of any document (numbers of the vocabulary, into `out`); returns how many."""
    if kind == BOILERPLATE:
        return _original(seed, slot, words, cells, out, source)
    count = _original(seed, source, words, cells, out, np.int64(-1))
    if kind == NEAR and slot != source:
        count = _edit(_key(seed, np.uint64(18), slot), out, count, cells)
    return count


# --- 5-grams --------------------------------------------------------------------------------------------------------


@njit("int64(int64[::1], int64, uint64[::1])", cache=True)
def _grams(words, count, out):  # type: ignore[no-untyped-def]
    """The sorted set of 64-bit hashes of 5-grams; the chance that two of a pair of documents collide is 10^-15."""
    total = count - (NGRAM - 1)
    for first in range(total):
        value = np.uint64(0)
        for step in range(NGRAM):
            value = _mix(value * _STEP + np.uint64(words[first + step]))
        out[first] = value
    out[:total].sort()
    kept = 0
    for index in range(total):
        if kept == 0 or out[index] != out[kept - 1]:
            out[kept] = out[index]
            kept += 1
    return kept


@njit("float64(uint64[::1], int64, uint64[::1], int64)", cache=True)
def _jaccard(one, ones, other, others):  # type: ignore[no-untyped-def]
    first, second, both = 0, 0, 0
    while first < ones and second < others:
        if one[first] == other[second]:
            both += 1
            first += 1
            second += 1
        elif one[first] < other[second]:
            first += 1
        else:
            second += 1
    return both / (ones + others - both)


@njit(
    "float64[::1](uint64, int64, int64[::1], int64[:,::1], int64[:,::1], int64[:,::1])",
    cache=True,
)
def _jaccards(seed, words, cells, slots, sources, kinds):  # type: ignore[no-untyped-def]
    numbers = np.empty(2 * words, np.int64)
    sets = np.empty((2, 2 * words), np.uint64)
    sizes = np.empty(2, np.int64)
    out = np.empty(slots.shape[0], np.float64)
    for pair in range(slots.shape[0]):
        for side in range(2):
            slot, source, kind = slots[pair, side], sources[pair, side], kinds[pair, side]
            count = _document(seed, slot, source, kind, words, cells, numbers)
            sizes[side] = _grams(numbers, count, sets[side])
        out[pair] = _jaccard(sets[0], sizes[0], sets[1], sizes[1])
    return out


# --- Texts ----------------------------------------------------------------------------------------------------------


@njit(
    "int64(uint64, int64, int64[::1], int64[::1], int64[::1], int64[::1], uint8[::1], int64[::1], uint8[::1],"
    "int64[::1])",
    cache=True,
)
def _texts(seed, words, cells, slots, sources, kinds, letters, ends, data, offsets):  # type: ignore[no-untyped-def]
    """Render documents into `data` and `offsets` (documents + 1); returns the bytes of them all."""
    numbers = np.empty(2 * words, np.int64)
    at = 0
    offsets[0] = 0
    for index in range(slots.shape[0]):
        slot, source, kind = slots[index], sources[index], kinds[index]
        count = _document(seed, slot, source, kind, words, cells, numbers)
        # An exact copy has the same words; every second one has them in other sentences.
        sentence = _SENTENCE
        if kind == EXACT and slot != source and _below(_key(seed, np.uint64(19), slot), 0, 2) == 1:
            sentence = _SENTENCE - 2
        spoken, written = 0, 0  # words of the sentence and of the line
        for place in range(count):
            begin, end = ends[numbers[place]], ends[numbers[place] + 1]
            for letter in range(begin, end):
                data[at + letter - begin] = letters[letter]
            if spoken == 0:
                data[at] -= np.uint8(32)  # a capital
            at += end - begin
            spoken += 1
            written += 1
            if spoken == sentence or place == count - 1:
                data[at] = 46
                at += 1
                spoken = 0
            if place < count - 1:
                data[at] = 10 if written == _LINE else 32
                at += 1
            if written == _LINE:
                written = 0
        offsets[index + 1] = at
    return at


# --- Which document is what -----------------------------------------------------------------------------------------


class Asked(NamedTuple):
    """What a folder of synthetic documents was made from."""

    documents: int
    words: int = 90  # of a document on average; they have 3/4 to 5/4 of it
    seed: int = 1
    shard: int = 50_000  # documents of a file


class Synthetic:
    """Documents by their numbers. 8 bytes for each planted group, nothing for a document.

    A document's number is its place in the files; its slot, which a permutation of all numbers gives, says what it is.
    Groups are ranges of slots, and a group's source is its first one.
    """

    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        total = asked.documents
        near, exact, boilerplate = total // 5, total // 10 // 2 * 2, total // 50
        self._until = np.cumsum([near, exact, boilerplate])
        common = boilerplate // 2
        self._starts = np.concatenate(
            [
                _near_starts(near, total, asked.seed),
                np.arange(near, near + exact, 2),
                np.arange(near + exact, near + exact + common, max(1, common)),
                np.arange(near + exact + common, self._until[-1], 100),
                self._until[-1:],
            ]
        )
        self._cells = _cells()

    def slots(self, numbers: Array) -> Array:
        """Slots (int64) of documents by number."""
        whole = np.ascontiguousarray(numbers, dtype=np.int64)
        return _permute(whole, self.asked.documents, np.uint64(self.asked.seed), False)

    def numbers(self, slots: Array) -> Array:
        """The inverse of `slots`."""
        whole = np.ascontiguousarray(slots, dtype=np.int64)
        return _permute(whole, self.asked.documents, np.uint64(self.asked.seed), True)

    def groups(self, slots: Array) -> tuple[Array, Array]:
        """Kinds, and the slots of the sources (a document that is in no group is its own), int64 both."""
        kinds = np.array([NEAR, EXACT, BOILERPLATE, SINGLE])[
            np.searchsorted(self._until, slots, side="right")
        ]
        group = np.searchsorted(self._starts, slots, side="right") - 1
        return kinds, np.where(kinds == SINGLE, slots, self._starts[group])

    def jaccard(self, pairs: Array) -> Array:
        """True Jaccard of the 5-grams of pairs (pairs, 2) of documents by number."""
        slots = self.slots(pairs.reshape(-1))
        kinds, sources = self.groups(slots)
        shaped = [part.reshape(-1, 2) for part in (slots, sources, kinds)]
        return _jaccards(np.uint64(self.asked.seed), self.asked.words, self._cells, *shaped)

    def texts(self, numbers: Array, words: Words) -> pa.Array:
        """The texts (large_string) of documents by number."""
        slots = self.slots(numbers)
        kinds, sources = self.groups(slots)
        data = np.empty(len(numbers) * 2 * self.asked.words * (words.longest + 2), np.uint8)
        offsets = np.empty(len(numbers) + 1, np.int64)
        size = _texts(
            np.uint64(self.asked.seed),
            self.asked.words,
            self._cells,
            slots,
            sources,
            kinds,
            words.letters,
            words.ends,
            data,
            offsets,
        )
        return pa.LargeStringArray.from_buffers(
            len(numbers), pa.py_buffer(offsets), pa.py_buffer(data[:size].copy())
        )

    def tables(self, start: int, end: int, words: Words) -> tuple[pa.Table, pa.Table]:
        """Documents `start` to `end`, and what is true of the copies among them."""
        numbers = np.arange(start, end)
        slots = self.slots(numbers)
        kinds, sources = self.groups(slots)
        days = pa.array([str(np.datetime64("2024-01-01") + day) for day in range(366)])
        documents = {
            "id": pa.array([str(number) for number in range(start, end)]),
            "url": pa.array(
                [
                    f"https://site{site}.example/{number}"
                    for site, number in zip((slots % 9973).tolist(), range(start, end), strict=True)
                ]
            ),
            "date": days.take(pa.array(slots % 366)),
            "text": self.texts(numbers, words),
        }
        copies = np.flatnonzero(sources != slots)
        of = self.numbers(sources[copies])
        truth = {
            "id": numbers[copies],
            "kind": pa.array(KINDS).take(pa.array(kinds[copies])),
            "source": of,
            "jaccard": self.jaccard(np.stack([numbers[copies], of], axis=1)),
        }
        return pa.table(documents), pa.table(truth, schema=TRUTH)


def _near_starts(near: int, documents: int, seed: int) -> Array:
    """First slots of the clusters in [0, near): one of documents/1000, then sizes k of probability about k^-2.5."""
    largest = max(2, min(500, documents // 200))
    uniform = np.random.Generator(np.random.PCG64(seed)).random(near // 2 + 1)
    sizes = np.minimum(np.floor(2 * (1 - uniform) ** (-1 / 1.5)), largest).astype(np.int64)
    starts = np.cumsum(np.concatenate([[0, max(2, documents // 1000)], sizes]))
    return starts[starts < near]


class Words(NamedTuple):
    """The vocabulary as bytes: word k is `letters[ends[k] : ends[k + 1]]`."""

    letters: Array
    ends: Array
    longest: int

    @classmethod
    def load(cls) -> Words:
        """All of them."""
        words = vocabulary()
        ends = np.cumsum([0, *map(len, words)])
        return cls(np.frombuffer("".join(words).encode(), np.uint8).copy(), ends, max(map(len, words)))


# --- Files ----------------------------------------------------------------------------------------------------------

_made: tuple[Synthetic, Words] | None = None


def _make(task: tuple[Asked, str, int]) -> pa.Table:
    """Write one file; returns what is true of its copies."""
    global _made
    asked, out, index = task
    if _made is None or _made[0].asked != asked:
        _made = Synthetic(asked), Words.load()
    documents, words = _made
    start = index * asked.shard
    table, truth = documents.tables(start, min(start + asked.shard, asked.documents), words)
    name = f"documents-{index:05d}.parquet"
    unfinished = Path(out) / f".{name}"
    pq.write_table(table, unfinished, compression="zstd", compression_level=1, row_group_size=10_000)
    unfinished.rename(Path(out) / name)
    return truth


def present(asked: Asked, out: Path) -> bool:
    """True if the folder holds what was asked for; exits with what to do if it holds anything else."""
    note = out / "synthetic.json"
    if note.exists():
        if json.loads(note.read_text(encoding="utf-8")) == asked._asdict():
            return True
        sys.exit(f"{out} holds other documents (see synthetic.json): remove it or name another folder")
    return False


def generate(asked: Asked, out: Path, workers: int = 1) -> None:
    """Write documents and truth into a folder; nothing is done where they are there."""
    if present(asked, out):
        return
    (out / "truth").mkdir(parents=True, exist_ok=True)
    for left in out.glob("documents-*.parquet"):  # of a call that did not come to its end
        left.unlink()
    tasks = [(asked, str(out), index) for index in range(-(-asked.documents // asked.shard))]
    with pq.ParquetWriter(out / "truth" / "truth.parquet", TRUTH, compression="zstd") as writer:
        for truth in _mapped(tasks, workers):
            writer.write_table(truth)
    (out / "synthetic.json").write_text(json.dumps(asked._asdict()) + "\n", encoding="utf-8")


def _mapped(tasks: list[tuple[Asked, str, int]], workers: int) -> Iterator[pa.Table]:
    if workers == 1 or len(tasks) == 1:
        yield from map(_make, tasks)
        return
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        yield from pool.imap(_make, tasks)


def main() -> None:
    """Parse the command line and generate."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--documents", type=int, required=True, metavar="N")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--words", type=int, default=90, help="of a document on average (default 90)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--shard", type=int, default=50_000, help="documents of a file (default 50000)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    chosen = parser.parse_args()
    if chosen.words < LEAST_WORDS:
        parser.error(f"--words: at least {LEAST_WORDS}")
    if min(chosen.documents, chosen.shard, chosen.workers) < 1 or chosen.seed < 0:
        parser.error("--documents, --shard and --workers are at least 1, --seed at least 0")
    began = time.perf_counter()
    generate(Asked(chosen.documents, chosen.words, chosen.seed, chosen.shard), chosen.out, chosen.workers)
    seconds = time.perf_counter() - began
    size = sum(path.stat().st_size for path in chosen.out.glob("*.parquet"))
    print(
        f"{chosen.documents:,} documents in {seconds:.1f} s, {size / chosen.documents:.0f} bytes each on disk"
    )


if __name__ == "__main__":
    main()
