"""C4's cleaning against datatrove's own filter, and what is known of the edited texts without looking again."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from filters import c4
from filters.batch import Batch, EditedTexts
from filters.loops.c4_phrases import BRACKET, JAVASCRIPT, LOREM_IPSUM, POLICY, phrases, search
from filters.text import layout
from filters.text.words import Words, WordSplitter

PIECES = [
    *(
        "a",
        "word",
        "Two words",
        "ends.",
        "ends...",
        "why?",
        '"',
        "'",
        " ",
        "  ",
        "\n",
        "\n",
        "\n",
        "\r\n",
        "\u2028",
        "\t",
    ),
    *(
        "[1]",
        "[",
        "]",
        "[edit]",
        "[citation needed]",
        "[12",
        "[٣]",
        "java[1]script",
        "JavaScript",
        "Lorem Ipsum",
        "{",
    ),
    *("uses cookies", "Terms of Use", "coo\u212aie policy", "x" * 12, "\xa0", ":)", "foo:)", "don't", "\x1f"),
]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=40).map("".join)


def words_by_text(words: Words) -> list[list[str]]:
    texts = [words.texts[number] for number in words.ids]
    return [texts[begin:end] for begin, end in zip(words.offsets[:-1], words.offsets[1:], strict=True)]


@pytest.mark.parametrize("ask_end", [False, True])
@settings(max_examples=400, deadline=None)
@given(st.lists(TEXTS, max_size=3))
@example(["two words here. [1]\n[1] [2] [3]\n [edit] three words here"])
def test_texts_and_counts_are_datatroves(splitter: WordSplitter, ask_end: bool, texts: list[str]) -> None:
    from datatrove.data import Document
    from datatrove.pipeline.filters import C4QualityFilter

    batch = Batch(texts, None, splitter)
    chosen = c4.Settings(filter_no_terminal_punct=ask_end, max_word_length=11)
    found, edited = c4.measure(batch, chosen, {}), c4.edit(batch, chosen)
    for row, text in enumerate(texts):
        sentences = int(found["c4_sentences"][row])
        for fewest, kept in ((sentences, True), (sentences + 1, False)):
            oracle = C4QualityFilter(
                filter_no_terminal_punct=ask_end, max_word_length=11, min_num_sentences=fewest
            )
            document = Document(text=text, id="")
            result = oracle.filter(document)
            if found["c4_lorem_ipsum"][row] or found["c4_curly_bracket"][row]:
                assert result in ((False, "lorem_ipsum"), (False, "curly_bracket"))
            else:
                assert (result is True) == kept
                assert not kept or document.text == edited[row]


@settings(max_examples=300, deadline=None)
@given(st.lists(TEXTS, max_size=4), st.integers(0, 3))
def test_what_is_known_of_edited_texts_is_what_is_found_again(
    splitter: WordSplitter, texts: list[str], fewest: int
) -> None:
    batch = Batch(texts, None, splitter)
    edited = c4.edit(batch, c4.Settings(min_words_per_line=fewest))
    known = batch.edited(edited)
    again = Batch(list(edited), None, splitter)
    assert known.texts == again.texts
    assert known.codes.tolist() == again.codes.tolist()
    assert known.bounds.tolist() == again.bounds.tolist()
    assert words_by_text(known.words) == words_by_text(again.words)


def test_only_texts_of_an_edit_bring_what_is_known(splitter: WordSplitter) -> None:
    edited = c4.edit(Batch(["one line that is kept"], None, splitter), c4.Settings())
    assert isinstance(edited, EditedTexts)
    other = Batch(["x"], None, splitter).edited(["other words"])
    assert words_by_text(other.words) == [["other", "words"]]


def test_phrases_are_found_as_python_finds_them_in_lower_case() -> None:
    automaton = phrases(c4.POLICY)
    lines = [
        "javascript",
        "JAVAJAVASCRIPT",
        "lorem ipsum",
        "a{b",
        "use of use cookies",
        "privacy  policy",
        "terms of use",
    ]
    lines += [
        "coo\u212aie policy",
        "javascr\u0130pt",
        "LOREM IPSUM uses cookies",
        "javascrip t",
        "loremlorem ipsum",
        "",
    ]
    for line in lines:
        codes, lowered = layout.code_points([line])[0], line.lower()
        expected = LOREM_IPSUM * ("lorem ipsum" in lowered) | JAVASCRIPT * ("javascript" in lowered)
        expected |= BRACKET * ("{" in line) | POLICY * any(phrase in lowered for phrase in c4.POLICY)
        assert search(codes, 0, len(line), *automaton) == expected, line


def test_no_other_character_has_ascii_letters_in_lower_case() -> None:
    found = [code for code in range(128, 0x110000) if chr(code).lower().isascii()]
    assert found == [0x212A]
    assert [
        code for code in range(128, 0x110000) if not set(chr(code).lower()).isdisjoint(map(chr, range(128)))
    ] == [0x130, 0x212A]
