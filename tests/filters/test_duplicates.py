from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters import gopher_repetition
from filters.text import duplicates, layout
from tests.growth import assert_linear

TEXTS = st.lists(st.sampled_from(["a", "bb", "c d", "\n", "\n\n", " ", "\t", "é", "\r"]), max_size=20).map(
    "".join
)


def plain(parts: list[str]) -> tuple[int, int]:
    """Copies and their characters, as datatrove's `find_duplicates` counts them."""
    seen: set[str] = set()
    copies = [part for part in parts if part in seen or seen.add(part)]  # type: ignore[func-returns-value]
    return len(copies), sum(map(len, copies))


@settings(deadline=None)
@given(st.lists(TEXTS, max_size=4))
def test_shares_of_lines_and_paragraphs_are_datatroves(make_batch: Any, texts: list[str]) -> None:
    found = gopher_repetition.measure(make_batch(*texts), gopher_repetition.Settings(), {})
    for row, text in enumerate(texts):
        for what, parts in (("line", re.split("\n+", text)), ("para", re.split(r"\n{2,}", text.strip()))):
            copies, characters = plain(parts)
            assert found[f"gopher_repetition_dup_{what}_frac"][row] == copies / len(parts)
            share = characters / len(text) if text else 0
            assert found[f"gopher_repetition_dup_{what}_char_frac"][row] == share


def test_paragraphs_by_hand() -> None:
    text = "\n\n one\ntwo\n\n\nthree \n \nfour\n\nfive \n"
    parts = duplicates.paragraphs(*layout.code_points([text, " \n"]))
    found = [text[start:end] for start, end in zip(parts.starts, parts.ends, strict=True)]
    assert found == ["one\ntwo", "three \n \nfour", "five"]
    assert parts.counts().tolist() == [3, 0]


@pytest.mark.parametrize("lines", range(1, 40))
def test_every_number_of_lines(lines: int) -> None:
    codes, bounds = layout.code_points(["\n".join("ab"[i % 2] for i in range(lines))])
    parts = layout.lines(codes, bounds)
    copies, characters = duplicates.copies(codes, parts, np.ones(lines, np.bool_))
    assert copies.tolist() == characters.tolist() == [max(0, lines - 2)]


@pytest.mark.parametrize("line", ["same line", "different line {}", "{0:>400}"])
def test_many_lines_take_linear_time(line: str) -> None:
    def work(size: int) -> None:
        codes, bounds = layout.code_points(["\n".join(line.format(i) for i in range(size))])
        parts = layout.lines(codes, bounds)
        duplicates.copies(codes, parts, np.ones(size, np.bool_))
        duplicates.paragraphs(codes, bounds)

    assert_linear(work, 2_000)
