"""Training: the same bytes from the same examples, however small, and a text in one form for training and judging."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.models.fasttext_text import one_line
from pipeline import classifiers
from pipeline.classifiers import PRESETS, Settings, TrainingError, label_word, train
from pipeline.fasttext_file import open_model


def examples(count: int, words: int = 20) -> list[tuple[str, str]]:
    draw = random.Random(1)
    own = {"good": ["pa", "pb", "pc"], "bad": ["na", "nb"]}
    return [
        (label, " ".join(draw.choices([*own[label], "x", "y", f"w{draw.randrange(50)}"], k=words)))
        for label in ("good", "bad") * (count // 2)
    ]


@pytest.mark.parametrize(
    ("count", "settings", "quantize"),
    [
        (2, Settings(), False),  # the fewest that there are: fastText alone meets NaN here
        (40, Settings(), False),
        (40, Settings(wordNgrams=2, bucket=500, loss="ova"), False),
        (600, Settings(minn=2, maxn=3, bucket=2000, dim=16, loss="hs"), True),
    ],
)
def test_equal_examples_give_equal_bytes(
    count: int, settings: Settings, quantize: bool, tmp_path: Path
) -> None:
    for name in ("first", "second"):
        trained = train(examples(count), settings, tmp_path / name, quantize)
        assert trained == (settings.lr, 1)
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()
    train(examples(count), Settings(dim=12, bucket=50, epoch=1), tmp_path / "other")
    assert (tmp_path / "other").read_bytes() != (tmp_path / "first").read_bytes()
    assert [path.name for path in sorted(tmp_path.iterdir())] == [
        "first",
        "other",
        "second",
    ]  # nothing is left over


def test_it_learns_what_it_is_shown(tmp_path: Path) -> None:
    train(examples(200), PRESETS["small"], tmp_path / "model")
    model = open_model(tmp_path / "model")
    assert sorted(model.labels) == ["__label__bad", "__label__good"]
    assert model.score("pa pb x", "good") > 0.9
    assert model.score("na nb x", "good") < 0.1


def test_presets_are_the_published_parameters() -> None:
    wikiref, dclm = PRESETS["wikiref"], PRESETS["dclm"]
    assert (wikiref.lr, wikiref.dim, wikiref.epoch, wikiref.wordNgrams, wikiref.loss) == (
        0.1,
        100,
        5,
        1,
        "softmax",
    )
    assert (dclm.lr, dclm.dim, dclm.epoch, dclm.wordNgrams, dclm.bucket) == (0.1, 100, 5, 2, 2_000_000)


def test_texts_that_would_name_labels_or_end_lines(tmp_path: Path) -> None:
    """What a page says cannot make a label of its own, nor hide the rest of it."""
    tricky = [
        ("good", "pa __label__evil pb\n__label__bad pc </s> pd"),
        ("bad", "na\0nb\u2028nc\r\n__label__good nd"),
        ("a b\tc", "ordinary words"),
    ]
    train(tricky * 5, Settings(dim=4), tmp_path / "model")
    model = open_model(tmp_path / "model")
    assert sorted(model.labels) == ["__label__a_b_c", "__label__bad", "__label__good"]
    data = (tmp_path / "model").read_bytes()
    for word in (b"pa\0", b"pb\0", b"pc\0", b"pd\0", b"na\0", "nb\u2028nc\0".encode(), b"nd\0"):
        assert word in data


def test_a_training_that_cannot_be_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TrainingError, match="fastText could not train: "):
        train([], Settings(), tmp_path / "model")
    assert not (tmp_path / "model").exists()
    monkeypatch.setattr(classifiers, "TRIES", 3)
    with pytest.raises(TrainingError, match="met NaN 3 times, down to a rate of 25"):
        train([*examples(200), ("good", "pa")], Settings(lr=100, epoch=200, dim=5), tmp_path / "model")


@given(st.text())
def test_one_line_is_one_line_without_labels(text: str) -> None:
    line = one_line(text)
    assert "\n" not in line
    assert "</s>" not in line.split()
    assert not any(word.startswith("__label__") for word in line.split())
    assert one_line(line) == line


def test_one_line_joins_with_spaces() -> None:
    assert one_line("good science\narticle") == "good science article"
    assert one_line("Kept: CASE, 1.5 and é!") == "Kept: CASE, 1.5 and é!"
    assert label_word("Science & Tech.") == "Science_&_Tech."
