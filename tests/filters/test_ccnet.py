"""CCNet's length, lines and normal form of lines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters import ccnet
from filters.batch import Batch
from filters.loops import ccnet_loops
from tests.filters.golden import decision
from tests.growth import assert_linear


def test_length_on_both_sides() -> None:
    for characters, fails in ((300, False), (299, True)):
        row, reasons = decision("ccnet", "a" * (characters - 2) + "\nb")
        assert (row["length"], row["lines"]) == (characters, 2)
        assert reasons == ["short"] * fails


@pytest.mark.parametrize(
    ("line", "form"),
    [
        ("  A Line, with 12.5 Words! ", "a line, with 00.0 words!"),
        ("“Quoted” – and…", "quoted  and"),
        ("٣１", "00"),
        ("a\tb\x7f\x85c", "abc"),
        ("İ", "i\u0307"),
        ("„»«", ""),
    ],
)
def test_normal_forms_by_hand(line: str, form: str) -> None:
    assert ccnet.normal_form(line) == form


@given(lines=st.lists(st.text(alphabet="aÀΣς İ\t12٣１“–.\x85\u2028", max_size=8), max_size=5))
def test_forms_of_a_batch_are_those_of_single_lines(lines: list[str]) -> None:
    batch = Batch(["\n".join(lines), "x", ""])
    codes, parts = ccnet_loops.normal_lines(batch)
    joined = codes.astype("<u4").tobytes().decode("utf-32-le")
    found = [joined[start:end] for start, end in zip(parts.starts, parts.ends, strict=True)]
    assert found == [ccnet.normal_form(line) for text in batch.texts for line in text.split("\n")]


def test_repeated_lines() -> None:
    text = "Page 1 of 9\nsomething else\n\nPAGE 2 of 8 \n\n“”\n“”"
    row, reasons = decision("ccnet", text, min_characters=None, max_repeated_lines=1 / 7)
    assert row["repeated_lines"] == 1 / 7  # blank lines, and those without a form, repeat nothing
    assert row["repeated_chars"] == 12 / (11 + 14 + 12 + 4)
    assert reasons == []
    assert decision("ccnet", text + "\npage 3 of 7", max_repeated_lines=1 / 7)[1] == [
        "short",
        "repeated_lines",
    ]
    assert ccnet.measure(Batch(["a", "a"]), ccnet.Settings(), {})["ccnet_repeated_lines"].tolist() == [0, 0]


@pytest.mark.parametrize("unit", ["a\n", "“", "İ\n", "1 "])
def test_hostile_text_costs_linear_time(unit: str) -> None:
    assert_linear(lambda size: ccnet.measure(Batch([unit * size]), ccnet.Settings(), {}), 20_000)
