"""MADLAD-400's questionable sentences: both sides of every limit, by hand."""

from __future__ import annotations

from typing import Any

import pytest

from filters import madlad
from filters.batch import Batch
from filters.loops import madlad_loops
from filters.text import layout
from tests.filters.golden import decision
from tests.growth import assert_linear

PLAIN = "This is a sentence without any fault"


def shares(sentence: str) -> dict[str, bool]:
    """Which of the rules 2 to 5 apply to a sentence among others."""
    row, _ = decision("madlad", f"{PLAIN}. {sentence}. {PLAIN}. {PLAIN}!")
    assert row["sentences"] == 4
    return {name: row[name] > 0 for name in ("list_case", "abnormal_length", "technical", "cursed")}


def test_sentences_by_hand() -> None:
    text = "One. Two?!  Three 3.5 four... \n . five\nsix"
    codes, bounds = layout.code_points([text, "", " . ", "a."])
    found = madlad_loops.sentences(codes, bounds)
    cut = [text[start:end] for start, end in zip(found.starts[:4], found.ends[:4], strict=True)]
    assert cut == ["One", "Two", "Three 3.5 four", "five\nsix"]
    assert found.counts().tolist() == [4, 0, 0, 1]


@pytest.mark.parametrize(
    ("sentence", "rule"),
    [
        ("One Two Three Four Five Six seven eight nine ten eleven twelve", None),  # 6 of 12
        ("One Two Three Four Five Six Seven eight nine ten eleven twelve", "list_case"),  # 7 of 12
        ("One Two Three Four Five Six Seven Eight Nine Ten Eleven", None),  # 11 words
        ("a" * 20, None),
        ("a" * 19, "abnormal_length"),
        ("a" * 500, None),
        ("a" * 501, "abnormal_length"),
        ("ab cdef ghij klmnopq 0/9+", None),  # 5 of 25
        ("ab cdef ghij klmnop {}()>9", "technical"),  # 6 of 26
        ("You can download it right here today", "cursed"),
        ("See the Episode that was shown first", "cursed"),
        ("It costs № twelve in all the shops", "cursed"),
        ("It costs№ twelve in all the shops", None),  # without the space before it
        ("A lot of sex on the very first line", "cursed"),
        ("A lot of sexism on the very first line", None),
        ("It is spelled a b c d e f g h i here", "cursed"),  # nine single characters
        ("It is spelled a b c d e f g here", None),
        ("now the cat sat for you and one old big dog", "cursed"),  # nine groups of three
        ("now the cat sat for you and old dogs", None),
        ("now the cat sat for you\nand one old big dog", None),  # the groups are on one line
        ("it four five nine must some many them with none", "cursed"),  # nine groups of four
        ("it four five nine must some many them none", None),
        ("these are, ab, cd, ef,, gh, and so on", "cursed"),
        ("these are, ab, cd, ef, g, and so on", None),
        ("the last cell of a row in a table | ", "cursed"),
        ("the last | cell of a row in a table", None),
        ("all of it weighs twelve кг", None),
    ],
)
def test_rules_on_both_sides(sentence: str, rule: str | None) -> None:
    assert shares(sentence) == {
        name: name == rule for name in ("list_case", "abnormal_length", "technical", "cursed")
    }


@pytest.mark.parametrize("string", madlad.CURSED)
def test_every_cursed_string(string: str) -> None:
    found = decision("madlad", f"{PLAIN}. some words and{string}more words here.")[0]
    assert found["cursed"] > 0


@pytest.mark.parametrize("ending", [" г.", " кг.", " nr."])
def test_cursed_at_the_end_of_the_page(ending: str) -> None:
    assert decision("madlad", f"{PLAIN}. some more words are here{ending}")[0]["cursed"] == pytest.approx(
        1 / 2
    )
    assert decision("madlad", f"{PLAIN}. some more words{ending.rstrip()}x")[0]["cursed"] == 0


def test_a_fifth_of_questionable_sentences_drops() -> None:
    bad = "You can download it right here today"
    exact, less = f"{PLAIN}. " * 8 + f"{bad}. " * 2, f"{PLAIN}. " * 9 + f"{bad}. " * 2
    row, reasons = decision("madlad", exact)
    assert (row["sentences"], row["questionable"], reasons) == (10, 0.2, ["questionable"])
    assert decision("madlad", exact, at_threshold="keep")[1] == []
    row, reasons = decision("madlad", less)
    assert (row["questionable"], reasons) == (2 / 11, [])
    assert decision("madlad", f"{PLAIN}. " * 7 + f"{bad}. " * 2, at_threshold="keep")[1] == ["questionable"]
    assert decision("madlad", exact, apply=[2, 3, 4])[0]["questionable"] == 0
    assert decision("madlad", exact, max_questionable=None)[1] == []


def test_fewer_than_five_sentences_drop() -> None:
    assert decision("madlad", f"{PLAIN}. " * 5)[1] == []
    assert decision("madlad", f"{PLAIN}. " * 4)[1] == ["sentences"]
    assert decision("madlad", "word", min_sentences=None)[1] == []


def test_a_sentence_counts_once_for_several_rules() -> None:
    both = "Download One Two Three Four Five Six Seven Eight Nine Ten Eleven"
    row, _ = decision("madlad", f"{PLAIN}. {both}. {PLAIN}. {PLAIN}.")
    assert (row["list_case"], row["cursed"], row["questionable"]) == (0.25, 0.25, 0.25)


class Spy:
    """A language model that knows German by one word, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def predict(self, text: str) -> tuple[str, float]:
        self.asked.append(text)
        return ("__label__de" if "und" in text and "the" not in text else "__label__en"), 1.0


def test_document_consistency_asks_the_model_only_if_it_is_chosen() -> None:
    text = "The dog and the cat are here. Hund und Katze sind da. And the bird is there"
    settings, model = madlad.Settings(apply=(1, 2)), Spy()
    assert madlad.assets(settings) == ("lid176",)
    found = madlad.measure(Batch([text, ""]), settings, {"lid176": model})
    assert found["madlad_consistency"].tolist() == [pytest.approx(1 / 3), 0]
    assert found["madlad_questionable"].tolist() == [pytest.approx(1 / 3), 0]
    assert model.asked == [text, *(part.rstrip(".") for part in text.split(". "))]
    assert madlad.assets(madlad.Settings()) == ()
    assert "madlad_consistency" not in madlad.measure(Batch([text]), madlad.Settings(), {})
    assert "madlad_consistency" not in {signal.column for signal in madlad.signals(madlad.Settings())}
    assert "madlad_consistency" in {signal.column for signal in madlad.signals(settings)}


@pytest.mark.parametrize("unit", ["a ", "a. ", ", ab", ", ab,", " ...", "Ep", "| ", "?", "orem ipsum"])
def test_hostile_text_costs_linear_time(unit: str) -> None:
    settings: Any = madlad.Settings()
    assert_linear(lambda size: madlad.measure(Batch([unit * size]), settings, {}), 10_000)
