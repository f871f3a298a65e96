"""dolma's measures of C4's rules, by hand."""

from __future__ import annotations

from typing import Any

import pytest

from filters import c4_dolma
from filters.batch import Batch
from tests.filters.golden import decision
from tests.growth import assert_linear


def test_lines_by_hand() -> None:
    text = 'It ends. \nIt does not\n\nIs it?\n"So it is" \nNo!\ndots...'
    row, reasons = decision("c4_dolma", text)
    assert (row["lines"], row["lines_no_end"], row["lines_short"]) == (7, 2 / 7, 5 / 7)
    assert row["text"] == text
    assert reasons == []
    assert decision("c4_dolma", text, min_words_per_line=2)[0]["lines_short"] == 3 / 7


def test_removed_lines_take_their_newline_along() -> None:
    text = "It ends. \nIt does not\n\nIs it a line?\nNo!\nthe end"
    assert decision("c4_dolma", text, remove_lines=["no_end"])[0]["text"] == "It ends. \nIs it a line?\nNo!\n"
    assert decision("c4_dolma", text, remove_lines=["short"])[0]["text"] == "It does not\nIs it a line?\n"
    both = decision("c4_dolma", text, remove_lines=["short", "no_end"])[0]
    assert both["text"] == "Is it a line?\n"
    assert both["lines"] == 6  # measured before the edit
    assert decision("c4_dolma", "", remove_lines=["short"])[0]["text"] == ""


@pytest.mark.parametrize(
    ("rule", "kept", "dropped"),
    [
        ("curly_bracket", "a }", "a {"),
        ("lorem_ipsum", "lorem  ipsum", "A Lorem IPSUM"),
        ("javascript", "java script", "use.JavaScripts"),
    ],
)
def test_pages_are_dropped(rule: str, kept: str, dropped: str) -> None:
    for text, fails in ((kept, False), (dropped, True)):
        row, reasons = decision("c4_dolma", text)
        assert row[rule] == int(fails)
        assert reasons == [rule] * fails


def test_v1_wants_the_whole_word() -> None:
    for text, first, second in (
        ("a JavaScript b", 1, 1),
        ("javascript", 1, 1),
        ("javascript.", 0, 1),
        ("xjavascript", 0, 1),
    ):
        assert decision("c4_dolma", text, variant="v1")[0]["javascript"] == first
        assert decision("c4_dolma", text)[0]["javascript"] == second


def test_shares_of_lines_can_drop_too() -> None:
    one, two = "It ends here.\nIt does not", "It ends here.\nIt does not\nnor this"
    assert decision("c4_dolma", one, max_lines_no_end=0.5)[1] == []
    assert decision("c4_dolma", two, max_lines_no_end=0.5)[1] == ["lines_no_end"]
    assert decision("c4_dolma", "a b c\na", max_lines_short=0.5)[1] == []
    assert decision("c4_dolma", "a b c\na\nb", max_lines_short=0.5)[1] == ["lines_short"]


def test_texts_of_a_batch_do_not_touch() -> None:
    texts = ["java", "script lorem", " ipsum", "", "javascript"]
    for variant in ("v1", "v2"):
        settings = c4_dolma.Settings(variant=variant)
        found = c4_dolma.measure(Batch(texts), settings, {})
        assert found["c4_dolma_javascript"].tolist() == [0, 0, 0, 0, 1]
        assert found["c4_dolma_lorem_ipsum"].tolist() == [0] * 5


def test_spans_show_what_drops() -> None:
    settings = c4_dolma.Settings()
    assert c4_dolma.spans("a {\nLorem Ipsum", "curly_bracket", settings) == [(2, 3)]
    assert c4_dolma.spans("a {\nLorem Ipsum", "lorem_ipsum", settings) == [(4, 15)]
    assert c4_dolma.spans("JavaScript", "javascript", settings) == [(0, 10)]
    assert c4_dolma.spans("a", "lines_short", settings) == []


@pytest.mark.parametrize("unit", ["lorem ipsu", "javascrip", "a\n", " "])
def test_hostile_text_costs_linear_time(unit: str) -> None:
    settings: Any = c4_dolma.Settings(remove_lines=("no_end",))

    def work(size: int) -> None:
        batch = Batch([unit * size])
        c4_dolma.measure(batch, settings, {})
        c4_dolma.edit(batch, settings)

    assert_linear(work, 10_000)
