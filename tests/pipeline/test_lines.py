"""Keys of lines, the copies that go, and texts without them, against plain Python."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from itertools import accumulate

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters import c4
from filters.batch import Batch
from filters.ccnet import normal_form
from pipeline.dedup.cut_lines import CUTS, emptied, lines_to_cut, sentences, without, without_lines
from pipeline.dedup.lines import part_keys, ranks, repeated
from pipeline.dedup.runs import Entries
from pipeline.dedup.settings import DedupSettings, LinesSettings

LETTERS = "abcXYZ 0129.,éÉßΣσς—…“”１２٣\u00a0\t\r中文😀\x01\x85\u2028İ-"


def key(form: str) -> int:
    """cc_net's: the first 8 bytes of the SHA-1."""
    return int.from_bytes(hashlib.sha1(form.encode()).digest()[:8], "little")


def paragraphs(text: str) -> list[tuple[int, str]]:
    """Runs of lines that are not blank, with the number of the first line of each."""
    found: list[tuple[int, list[str]]] = []
    inside = False
    for number, line in enumerate(text.split("\n")):
        if line.strip() and inside:
            found[-1][1].append(line)
        elif line.strip():
            found.append((number, [line]))
        inside = bool(line.strip())
    return [(number, "\n".join(lines)) for number, lines in found]


def texts() -> list[str]:
    """Lines of all lengths around SHA-1's blocks of 64 bytes, and texts without lines."""
    draw = random.Random(1)
    sizes = [0, 1, 5, *range(53, 66), 119, 120, 200]
    made = [
        "\n".join("".join(draw.choices(LETTERS, k=draw.choice(sizes))) for _ in range(draw.randint(0, 8)))
        for _ in range(300)
    ]
    return [*made, "", "\n\n", " \r\n\t", "a", "one\r\ntwo\r\n\r\nthree\r\n"]


@pytest.mark.parametrize("unit", ["lines", "paragraphs"])
@pytest.mark.parametrize("variant", ["c4", "ccnet"])
def test_keys_are_those_of_hashlib(variant: str, unit: str) -> None:
    found = part_keys(texts(), variant, unit)  # type: ignore[arg-type]
    compared = 0
    for number, text in enumerate(texts()):
        parts = (
            [(at, line) for at, line in enumerate(text.split("\n")) if line.strip()]
            if unit == "lines"
            else paragraphs(text)
        )
        forms = [
            (at, normal_form(part) if variant == "ccnet" else part.strip().lower()) for at, part in parts
        ]
        start, end = found.offsets[number : number + 2]
        mine = list(zip(found.lines[start:end].tolist(), found.keys[start:end].tolist(), strict=True))
        assert mine == [(at, key(form)) for at, form in forms], repr(text)
        compared += len(mine)
    assert compared == len(found.keys) > 200


def test_a_line_of_ten_megabytes() -> None:
    line = "Long é " * 1_500_000
    found = part_keys([line, "short", line + "\nshort"], "c4", "lines")
    assert found.keys.tolist() == [key(one.strip().lower()) for one in (line, "short", line, "short")]


def test_no_texts_at_all() -> None:
    found = part_keys([], "ccnet", "paragraphs")
    assert found.offsets.tolist() == [0]
    assert len(found.keys) == len(found.lines) == 0


@pytest.mark.parametrize(
    ("one", "other", "variant", "same"),
    [
        ("  Read MORE\r", "read more", "c4", True),
        ("Read more!", "Read more", "c4", False),
        ("Seen 1,204 times", "seen 9,377 times", "ccnet", True),
        ("Seen 1,204 times", "seen 9,377 times", "c4", False),
        ("“Café”", "café", "ccnet", True),
        ("café", "cafe", "ccnet", False),  # normalize_for_dedup leaves accents
    ],
)
def test_what_is_the_same_line(one: str, other: str, variant: str, same: bool) -> None:
    first, second = part_keys([one, other], variant, "lines").keys  # type: ignore[arg-type]
    assert (first == second) == same


def entries(documents: Sequence[Sequence[int]], order: Sequence[int] | None) -> Entries:
    """What a block hands over, sorted by key; `order` is each document's rank."""
    rows = [
        (key_, row, line, *([] if order is None else [order[row] >> 32, order[row] & 0xFFFFFFFF]))
        for row, keys in enumerate(documents)
        for line, key_ in enumerate(keys)
    ]
    rows.sort(key=lambda one: one[0])
    array = np.array(rows, np.uint64).reshape(len(rows), 3 if order is None else 5)
    return Entries(array[:, 0], array[:, 1:].astype(np.uint32))


@settings(max_examples=150, deadline=None)
@given(
    blocks=st.lists(st.lists(st.lists(st.integers(0, 5), max_size=4), max_size=4), min_size=1, max_size=3),
    ranked=st.booleans(),
    seed=st.integers(0, 99),
)
def test_one_copy_is_kept(blocks: list[list[list[int]]], ranked: bool, seed: int) -> None:
    draw = random.Random(seed)
    order = [[draw.choice([3, 1 << 40, (1 << 64) - 1]) for _ in block] for block in blocks]
    parts = [entries(block, order[at] if ranked else None) for at, block in enumerate(blocks)]
    found = repeated(parts, range(len(parts)))
    copies: dict[int, list[tuple[int, int, int, int]]] = {}
    for at, block in enumerate(blocks):
        for row, keys in enumerate(block):
            for line, one in enumerate(keys):
                copies.setdefault(one, []).append((order[at][row] if ranked else 0, at, row, line))
    gone = sorted(copy[1:] for same in copies.values() for copy in sorted(same)[1:])
    assert list(zip(*(column.tolist() for column in found), strict=True)) == gone


def test_ranks_are_those_of_the_md5_of_the_address() -> None:
    urls = [f"https://a.example/{number}" for number in range(50)]
    by_md5 = sorted(range(50), key=lambda one: hashlib.md5(urls[one].encode()).hexdigest())
    assert np.argsort(ranks(urls, [""] * 50)).tolist() == by_md5
    assert ranks([None, ""], ["one", "two"]).tolist() == ranks(["one", "two"], ["", ""]).tolist()


@pytest.mark.parametrize(
    ("text", "firsts", "unit", "left"),
    [
        ("a\nb\nc", [1], "lines", "a\nc"),
        ("a\n\nb\n\nc", [2], "lines", "a\n\nc"),
        ("a\n\nb\n\nc", [4], "lines", "a\n\nb"),  # no blank lines at the end
        ("a\n\nb\n\nc", [0], "lines", "b\n\nc"),
        ("a\n\nb\n\nc", [2, 4], "lines", "a"),
        ("a\nb\n", [1], "lines", "a"),
        ("a\n\n\nb\n", [0], "lines", "b\n"),
        ("a\r\nb\r\nc\r\n", [1], "lines", "a\r\nc\r\n"),
        ("a", [0], "lines", ""),
        ("a\nb\n\nc\nd\n \ne", [3], "paragraphs", "a\nb\n\ne"),
        ("a\nb\n\nc\nd\n \ne", [0, 6], "paragraphs", "c\nd"),
        ("a\nb", [0], "paragraphs", ""),
    ],
)
def test_texts_without_lines(text: str, firsts: list[int], unit: str, left: str) -> None:
    lines = text.split("\n")
    assert without(lines, lines_to_cut(lines, firsts, unit)) == left  # type: ignore[arg-type]


def test_sentences_are_counted_as_the_filter_counts_them() -> None:
    made = ["One. Two here! Three?\nFour\n\nFive, e.g. this.", "No mark", "", "\n \n", "A.\nB.\nC."]
    kept = c4.Settings(
        min_words_per_line=1, max_word_length=None, filter_javascript=False, filter_policy=False
    )
    assert sentences(made).tolist() == c4.measure(Batch(made), kept, {})["c4_sentences"].tolist()
    assert sentences(made).tolist() == [5, 1, 0, 0, 3]
    assert emptied(made, 0) == [False, False, True, True, False]
    assert emptied(made, 3) == [False, True, True, True, False]


def test_how_many_sentences_have_to_be_left() -> None:
    assert LinesSettings().fewest == 3
    assert LinesSettings(variant="ccnet").fewest == 0
    assert LinesSettings(min_sentences=0).fewest == 0
    assert LinesSettings(variant="ccnet", min_sentences=2).fewest == 2


def test_where_lines_are_cut() -> None:
    lines = LinesSettings()
    assert DedupSettings().lines_at is None
    assert DedupSettings(lines=lines).lines_at == "last"
    assert DedupSettings(lines=lines, order=("lines", "exact", "minhash")).lines_at == "first"
    assert DedupSettings(lines=LinesSettings(before="filters")).lines_at == "filters"


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()], ids=str)
def test_documents_without_lines(kind: pa.DataType) -> None:
    ids, old = ["a", "b", "c", "d"], ["1\n2\n3", "1\n2", None, "4"]
    table = pa.table({"id": ids, "text": pa.array(old, kind), "url": ids})
    cuts = pa.Table.from_pylist(
        [
            {"id": "b", "row": 1, "lines": [0, 1], "characters": 2, "emptied": True},
            {"id": "a", "row": 0, "lines": [0, 2], "characters": 2, "emptied": False},
            {"id": "elsewhere", "row": 9, "lines": [0], "characters": 1, "emptied": False},
        ],
        schema=CUTS,
    )
    found = without_lines(table, cuts)
    assert found.schema == table.schema
    assert found.to_pydict() == {"id": ids, "text": ["2", None, None, "4"], "url": ids}
    assert without_lines(table, cuts.slice(2)) is table
    assert without_lines(table, CUTS.empty_table()) is table
    pieces = [without_lines(table.slice(at, 1), cuts) for at in accumulate([0, 1, 1, 1])]
    assert pa.concat_tables(pieces).to_pydict() == found.to_pydict()
