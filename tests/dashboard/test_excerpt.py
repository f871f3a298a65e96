"""Excerpts show the first place that matters, masked, with the marks where they belong."""

from __future__ import annotations

import pytest

from pipeline.dashboard.excerpt import LIMIT, excerpt, merged


def whole(text: str, spans: list[tuple[int, int]], limit: int = LIMIT) -> str:
    return "".join(piece.text for piece in excerpt(text, spans, limit).pieces)


def test_a_short_text_is_shown_whole_with_its_marks() -> None:
    found = excerpt("one two three", [(4, 7)])
    assert [(piece.text, piece.marked) for piece in found.pieces] == [
        ("one ", False),
        ("two", True),
        (" three", False),
    ]
    assert (found.before, found.after, found.places) == (0, 0, 1)


def test_it_begins_a_little_before_the_first_place() -> None:
    text = "\n".join(f"line number {i}" for i in range(500))
    at = text.index("line number 300")
    found = excerpt(text, [(at, at + 15)])
    shown = "".join(piece.text for piece in found.pieces)
    assert found.before > 0
    assert shown.startswith("line number ")
    assert text[found.before :].startswith(shown)
    assert found.before + len(shown) + found.after == len(text)
    assert len(shown) == LIMIT
    assert [piece.text for piece in found.pieces if piece.marked] == ["line number 300"]


def test_spans_that_overlap_are_one_place() -> None:
    assert merged([(5, 9), (0, 3), (3, 4), (8, 12), (20, 20)]) == [(0, 4), (5, 12)]


@pytest.mark.parametrize("at", [0, 5, 890, 895, 905])
def test_personal_data_is_masked_wherever_the_edge_falls(at: int) -> None:
    text = "x" * at + " mail jo.smith@corporate-mail.de today " + "y " * 600
    shown = whole(text, [])
    assert "corporate-mail" not in shown
    assert "smith" not in shown


def test_a_mask_is_marked_where_what_it_hides_was() -> None:
    text = "write to jo.smith@corporate-mail.de, please"
    begin = text.index("jo")
    found = excerpt(text, [(begin, begin + 5)])
    (piece,) = [piece for piece in found.pieces if piece.marked]
    assert "@" in piece.text
    assert "smith" not in piece.text
    assert [piece.text for piece in found.pieces if not piece.marked] == ["write to ", ", please"]


def test_empty() -> None:
    found = excerpt("", [])
    assert (found.pieces, found.before, found.after) == ([], 0, 0)
