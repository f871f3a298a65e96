from __future__ import annotations

from typing import Any

import pytest

from filters import c4
from filters.chain import Chain, chain_steps
from filters.document import from_rows
from filters.text.words import WordSplitter

PAGE = "\n".join(
    [
        "  A first line with enough words.  ",
        "Too short",
        "Please enable JavaScript to see this.",
        "This site uses cookies to improve things",
        "A claim[12] that needs[citation needed] a source[] here[edit].",
        "A line without an end",
        "Another that trails off...",
        "x" * 1001 + " is a long word",
    ]
)


def clean(make_batch: Any, text: str, **values: Any) -> tuple[str, dict[str, int]]:
    batch, settings = make_batch(text), c4.Settings(**values)
    found = {
        name.removeprefix("c4_"): int(v[0])
        for name, v in c4.measure(batch, settings, {}).items()
        if v[0] and name != "c4_characters"
    }
    return c4.edit(batch, settings)[0], found


def test_lines_are_cleaned_by_hand(make_batch: Any) -> None:
    text, found = clean(make_batch, PAGE)
    assert text.split("\n") == [
        "A first line with enough words.",
        "A claim that needs a source here.",
        "A line without an end",
        "Another that trails off...",
    ]
    assert found == {
        "sentences": 4,
        "lines_short": 1,
        "lines_javascript": 1,
        "lines_policy": 1,
        "lines_long_word": 1,
        "words_removed": 2 + 6 + 7 + 5,
    }


def test_terminal_punctuation_is_a_choice(make_batch: Any) -> None:
    text, found = clean(make_batch, PAGE, filter_no_terminal_punct=True)
    assert text.split("\n") == ["A first line with enough words.", "A claim that needs a source here."]
    assert found["lines_no_end"] == 4  # the short line, the notice on cookies, and the last two


def test_variants_differ_in_numbers_and_the_apostrophe(make_batch: Any) -> None:
    text = "three words here\nHe said so 'quite often'\nfive words are in here."
    assert clean(make_batch, text)[0] == text
    assert clean(make_batch, text, variant="paper")[0] == "He said so 'quite often'\nfive words are in here."
    strict = {"variant": "paper", "filter_no_terminal_punct": True}
    assert clean(make_batch, text, **strict)[0] == "five words are in here."
    assert c4.Settings(variant="paper").sentences == 3
    assert c4.Settings().sentences == 5
    assert c4.Settings(min_sentences=None).sentences is None
    assert c4.Settings(variant="paper", min_words_per_line=1).words_per_line == 1


def test_a_rule_that_is_off_leaves_its_lines_in(make_batch: Any) -> None:
    text, found = clean(make_batch, "void main() { return; }\nlorem ipsum dolor sit amet.")
    assert text.count("\n") == 1
    assert (found["curly_bracket"], found["lorem_ipsum"]) == (1, 1)


def test_later_filters_measure_the_edited_text(splitter: WordSplitter) -> None:
    chain = Chain(chain_steps(["c4", "fineweb"]))
    chain._splitter = splitter
    kept = "One line that stays is this one."
    table = from_rows([{"id": "x", "url": "", "text": kept + "\nok\nok\n" + "no\n" * 5}])
    documents = chain.apply(table).documents
    assert documents["text"].to_pylist() == [kept]
    assert documents["fineweb_short_lines"].to_pylist() == [0.0]
    assert documents["fineweb_line_punct"].to_pylist() == [1.0]


def test_blank_page(make_batch: Any) -> None:
    assert clean(make_batch, "") == ("", {})
    assert clean(make_batch, "\n \n") == ("", {"lines_short": 2})


@pytest.mark.parametrize("unit", ["[1", "[", "{", "lorem ipsum ", "a. "])
def test_hostile_lines_take_linear_time(make_batch: Any, unit: str) -> None:
    import time

    text = "some words here " + unit * (80_000 // len(unit))
    begin = time.process_time()
    clean(make_batch, text)
    assert time.process_time() - begin < 3
