"""Distances from a reference: computed by hand, equal to their formulas, and right on real word lists."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters import outliers
from filters.batch import Batch
from filters.models import unigrams
from filters.outliers import Settings
from pipeline import assets
from tests.growth import assert_linear

PRIVATE = Settings(model="mine")


def measured(reference: unigrams.Unigrams, *texts: str) -> list[dict[str, float]]:
    columns = outliers.measure(Batch(texts), PRIVATE, {"models.mine": reference})
    assert list(columns) == [signal.column for signal in outliers.signals(PRIVATE)]
    assert all(np.isfinite(column).all() for column in columns.values())
    return [
        {name.removeprefix("outliers_"): column[i] for name, column in columns.items()}
        for i in range(len(texts))
    ]


# a: 1/2, b: 1/4, c: 1/8, d: 1/8; an unknown word counts 1/16
REFERENCE = unigrams.of_words(["a", "b", "c", "d"], [4, 2, 1, 1])


def test_by_hand() -> None:
    assert REFERENCE.floor == 1 / 16
    row = measured(REFERENCE, "A, b! 12 x9 zebra a")[0]  # words: a b zebra a; numbers are none
    assert row["tokens"] == 4
    assert row["unknown_share"] == 1 / 4
    assert row["cross_entropy"] == pytest.approx((1 + 2 + 4 + 1) / 4)
    assert row["kl"] == pytest.approx(2 - 1.5)  # less the entropy of 1/2, 1/4, 1/4
    # a and b agree with the reference; zebra is 1/4 here alone, c and d are 1/4 there alone
    assert row["divergence"] == pytest.approx(1 / 4)


def test_the_same_distribution_is_at_no_distance() -> None:
    row = measured(REFERENCE, "a a a a b b c d")[0]
    assert row["divergence"] == pytest.approx(0, abs=1e-7)
    assert row["kl"] == pytest.approx(0, abs=1e-7)
    assert row["cross_entropy"] == pytest.approx(1.75)


def test_nothing_in_common() -> None:
    row = measured(REFERENCE, "x y")[0]
    assert row["divergence"] == pytest.approx(1)
    assert row["unknown_share"] == 1
    assert row["cross_entropy"] == 4


def test_a_text_without_words_is_all_zero() -> None:
    assert set(measured(REFERENCE, "12 -- !")[0].values()) == {0}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("don’t DON'T", ["don't", "don't"]),
        ("'quoted' rock'n'roll'", ["quoted", "rock'n'roll"]),
        ("well-known a_b", ["well", "known", "a", "b"]),
        ("covid19 x2y 3d", []),
        ("Ça ça", ["ça", "c\u0327a"]),  # composed or not
        ("ΟΔΟΣ", ["οδος"]),  # a final sigma is a sigma
        ("हिन्दी", ["हिन्दी"]),
        ("", []),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    offsets, found = unigrams.tokens(*unigrams.code_points([text, *words]))
    assert offsets[1] == len(words)
    assert found[: offsets[1]].tolist() == found[offsets[1] :].tolist()


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=40),
    st.lists(st.sampled_from("abcdef"), min_size=1),
)
def test_equals_the_formulas(page: list[str], corpus: list[str]) -> None:
    row = measured(unigrams.of_texts([" ".join(corpus)]), " ".join(page))[0]
    q = {word: count / len(corpus) for word, count in Counter(corpus).items()}
    p = {word: count / len(page) for word, count in Counter(page).items()}
    floor = min(q.values()) / 2
    cross = -sum(share * math.log2(q.get(word, floor)) for word, share in p.items())
    entropy = -sum(share * math.log2(share) for share in p.values())
    middle = {word: (p.get(word, 0) + q.get(word, 0)) / 2 for word in p | q}
    js = sum(share / 2 * math.log2(share / middle[word]) for one in (p, q) for word, share in one.items())
    assert row["cross_entropy"] == pytest.approx(cross, abs=1e-5)
    assert row["kl"] == pytest.approx(cross - entropy, abs=1e-5)
    assert row["divergence"] == pytest.approx(js, abs=1e-5)


def test_the_reference_of_texts_does_not_depend_on_their_order() -> None:
    one, two = unigrams.of_texts(["a b c", "c d"]), unigrams.of_texts(["d c", "c b a"])
    assert all(np.array_equal(x, y) for x, y in zip(one, two, strict=True))


def test_no_words_are_no_reference() -> None:
    with pytest.raises(ValueError, match="no words"):
        unigrams.of_texts(["12", ""])


def test_real_word_lists() -> None:
    english, german = (assets.load(f"unigrams_{language}") for language in ("en", "de"))
    texts = (
        "The council said on Monday that it would open the new library in the spring, after years of delay.",
        "Der Rat sagte am Montag, dass er die neue Bibliothek nach Jahren im Frühling öffnen werde.",
        "Lorem ipsum dolor sit amet, consetetur sadipscing elitr, sed diam nonumy eirmod tempor.",
    )
    in_english, in_german = measured(english, *texts), measured(german, *texts)
    assert in_english[0]["cross_entropy"] < 11 < 15 < in_english[1]["cross_entropy"]
    assert in_german[1]["cross_entropy"] < 12 < 14 < in_german[0]["cross_entropy"]
    assert in_english[2]["cross_entropy"] > 18
    assert in_english[0]["unknown_share"] == 0


def test_every_language_of_the_settings_has_a_list() -> None:
    from typing import get_args

    languages = get_args(outliers.Language)
    assert sorted(name for name in assets.ASSETS if name.startswith("unigrams_")) == sorted(
        f"unigrams_{language}" for language in languages
    )
    for language in languages:
        assert assets.paths(f"unigrams_{language}")[0].is_file()


def test_assets() -> None:
    assert outliers.assets(Settings(language="de")) == ("unigrams_de",)
    assert outliers.assets(PRIVATE) == ("models.mine",)


def test_every_threshold_has_one_rule_and_none_is_on() -> None:
    assert all(rule.threshold is None for rule in outliers.rules(Settings()))
    for name in outliers.SPEC.thresholds:
        on = [rule for rule in outliers.rules(Settings(**{name: 1})) if rule.threshold is not None]
        assert len(on) == 1
        assert on[0].drop_when == ("<" if name.startswith("min") else ">")


def test_same_in_any_batch() -> None:
    texts = ["a b", "", "a x", "b b b c"]
    assert measured(REFERENCE, *texts) == [measured(REFERENCE, text)[0] for text in texts]


@pytest.mark.parametrize("unit", ["word ", "a'", "\u0301", "a"])
def test_linear(unit: str) -> None:
    assert_linear(lambda size: measured(REFERENCE, unit * size), 20_000)


def test_linear_in_distinct_words() -> None:
    def work(size: int) -> Any:
        return measured(
            REFERENCE,
            " ".join(str(i).translate(str.maketrans("0123456789", "abcdefghij")) for i in range(size)),
        )

    assert_linear(work, 5_000)
