"""How two texts differ, word by word, in time that no text can blow up.

A longest common subsequence of words by the bit-parallel recurrence of Hyyrö (2004): a whole number a word, a bit for
every word of the other text, so at most `WORDS` times a few operations on `WORDS` bits, whatever the texts are. White
space belongs to the word before it and is not compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

CHARACTERS = 20_000  # of each text that are compared, from its beginning
WORDS = 8_000  # of each text at most
CONTEXT = 1  # equal lines shown around changed ones
_STRAY = 3  # common words between two changes that are longer read as changed
_END = "\0"  # of a word, while words are told apart
_ALONE = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"


class Piece(NamedTuple):
    """A run of text that stands in both texts, or in this one only."""

    text: str
    changed: bool


class Row(NamedTuple):
    """Lines side by side; of equal lines that are left out only their number is told."""

    left: list[Piece]
    right: list[Piece]
    left_out: int

    @property
    def same(self) -> bool:
        """True if nothing differs here."""
        return not any(piece.changed for piece in (*self.left, *self.right))


class Difference(NamedTuple):
    """Two texts side by side, and how many words of each stand in both, or in one."""

    rows: list[Row]
    common: int
    only_left: int
    only_right: int
    left_characters: int  # of the left text that were compared
    right_characters: int


class _Run(NamedTuple):
    same: bool
    left: tuple[int, int]
    right: tuple[int, int]


def difference(left: str, right: str, whole: bool = False) -> Difference:
    """Two texts side by side; without `whole`, equal lines far from any change are left out."""
    one, two = _words(left), _words(right)
    runs = _tidy(_runs([word.rstrip() for word in one], [word.rstrip() for word in two]))
    rows = _rows(runs, one, two)
    common = sum(run.left[1] - run.left[0] for run in runs if run.same)
    return Difference(
        rows if whole else _folded(rows),
        common,
        len(one) - common,
        len(two) - common,
        sum(map(len, one)),
        sum(map(len, two)),
    )


def _words(text: str) -> list[str]:
    """Words, signs, and characters of scripts without spaces, each with the white space after it."""
    import pyarrow as pa
    import pyarrow.compute as pc

    pattern = rf"([{_ALONE}]\s*|[\p{{L}}\p{{M}}\p{{N}}_]+\s*|[^\s]\s*|\s+)"
    column = pa.array([text[:CHARACTERS].replace(_END, "\ufffd")], pa.large_string())
    marked = pc.replace_substring_regex(column, pattern=pattern, replacement=rf"\1{_END}")
    found: list[str] = marked[0].as_py().split(_END)[:-1]
    return found[:WORDS]


def common_words(one: Sequence[str], two: Sequence[str]) -> list[tuple[int, int]]:
    """Positions in both lists of a longest common subsequence, ascending."""
    rows = _bits(one, two)
    pairs = []
    at, to = len(one), len(two)
    while at and to:
        if one[at - 1] == two[to - 1]:
            at, to = at - 1, to - 1
            pairs.append((at, to))
        elif rows[at - 1] >> (to - 1) & 1:
            to -= 1
        else:
            at -= 1
    return pairs[::-1]


def _bits(one: Sequence[str], two: Sequence[str]) -> list[int]:
    """A number for each word of `one`: bit j is 0 where word j of `two` makes the longest subsequence longer."""
    places: dict[str, int] = {}
    for number, word in enumerate(two):
        places[word] = places.get(word, 0) | 1 << number
    full = (1 << len(two)) - 1
    row, rows = full, []
    for word in one:
        hits = row & places.get(word, 0)
        row = (row + hits | row - hits) & full
        rows.append(row)
    return rows


def _runs(one: Sequence[str], two: Sequence[str]) -> list[_Run]:
    """Runs of common and of other words, by turns."""
    first = 0
    while first < min(len(one), len(two)) and one[first] == two[first]:
        first += 1
    last = 0
    while last < min(len(one), len(two)) - first and one[-1 - last] == two[-1 - last]:
        last += 1
    middle = common_words(one[first : len(one) - last], two[first : len(two) - last])
    pairs = [(at, at) for at in range(first)]
    pairs += [(first + at, first + to) for at, to in middle]
    pairs += [(len(one) - back, len(two) - back) for back in range(last, 0, -1)]
    runs: list[_Run] = []
    at = to = 0
    for here, there in pairs:
        if here > at or there > to:
            runs.append(_Run(False, (at, here), (to, there)))
        if runs and runs[-1].same:
            runs[-1] = _Run(True, (runs[-1].left[0], here + 1), (runs[-1].right[0], there + 1))
        else:
            runs.append(_Run(True, (here, here + 1), (there, there + 1)))
        at, to = here + 1, there + 1
    if at < len(one) or to < len(two):
        runs.append(_Run(False, (at, len(one)), (to, len(two))))
    return runs


def _tidy(runs: Sequence[_Run]) -> list[_Run]:
    """Without stray common words inside of a change: sentences are read, not words."""
    found: list[_Run] = []
    for number, run in enumerate(runs):
        inside = run.same and 0 < number < len(runs) - 1
        stray = inside and _length(run) <= min(_STRAY, *(_length(runs[number + side]) for side in (-1, 1)))
        same = run.same and not stray
        if found and found[-1].same == same:
            run = _Run(same, (found[-1].left[0], run.left[1]), (found.pop().right[0], run.right[1]))
        found.append(run._replace(same=same))
    return found


def _length(run: _Run) -> int:
    return max(run.left[1] - run.left[0], run.right[1] - run.right[0])


def _rows(runs: Sequence[_Run], one: Sequence[str], two: Sequence[str]) -> list[Row]:
    """Lines side by side: a new row wherever both texts begin a new line behind a common word."""
    rows = [Row([], [], 0)]

    def put(same: bool, left: Sequence[str], right: Sequence[str]) -> None:
        for pieces, words in ((rows[-1].left, left), (rows[-1].right, right)):
            if words:
                before = pieces.pop().text if pieces and pieces[-1].changed != same else ""
                pieces.append(Piece(before + "".join(words), not same))

    for run in runs:
        first, second = run.left[0], run.right[0]
        for at, to in zip(range(*run.left), range(*run.right), strict=True) if run.same else ():
            if "\n" in one[at] and "\n" in two[to]:
                put(True, one[first : at + 1], two[second : to + 1])
                first, second = at + 1, to + 1
                rows.append(Row([], [], 0))
        put(run.same, one[first : run.left[1]], two[second : run.right[1]])
    return [row for row in rows if row.left or row.right]


def _folded(rows: Sequence[Row]) -> list[Row]:
    """With only the nearest `CONTEXT` equal lines around changes."""
    changed = [number for number, row in enumerate(rows) if not row.same]
    near = {number + step for number in changed for step in range(-CONTEXT, CONTEXT + 1)}
    if not changed:
        near = set(range(2 * CONTEXT + 1))
    found: list[Row] = []
    for number, row in enumerate(rows):
        if number in near:
            found.append(row)
        elif found and found[-1].left_out:
            found[-1] = Row([], [], found[-1].left_out + 1)
        else:
            found.append(Row([], [], 1))
    return found
