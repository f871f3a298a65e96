"""The language of the Universal Declaration of Human Rights, for the languages that lid.176 knows."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from benchmarks.language import PREFIX, accuracy, declarations, score
from pipeline import assets


def test_score_of_known_pairs() -> None:
    found = score([("en", "en"), ("en", "en"), ("en", "de"), ("de", "de"), ("fr", "en")])
    assert (found.texts, found.languages, found.accuracy) == (5, 3, 0.6)
    # F1: en 2*2/(3+3), de 2*1/(1+2), fr 0
    assert found.macro_f1 == pytest.approx((2 / 3 + 2 / 3 + 0) / 3)
    assert found.confused == Counter({("en", "de"): 1, ("fr", "en"): 1})


def test_accuracy_does_not_fall(data_dir: Path) -> None:
    whole, paragraphs = accuracy(assets.load("lid176"), data_dir)
    assert (whole.texts, whole.languages) == (178, 130)
    assert whole.accuracy >= 0.758
    assert whole.macro_f1 >= 0.709
    assert paragraphs.texts > 9_000
    assert paragraphs.accuracy >= 0.70
    assert paragraphs.macro_f1 >= 0.67


def test_large_languages_are_named_right(data_dir: Path) -> None:
    model = assets.load("lid176")
    large = set(
        "ar bg bn cs da de el en es fa fi fr he hi hu id it ja ko nl no pl pt ro ru sv th tr uk vi zh".split()
    )
    found = Counter[bool]()
    for one in declarations(data_dir):
        variant = (
            "Welche" in one.name or "Han nom" in one.name
        )  # a dialect, and a script that is no longer written
        if one.code in large and not variant:
            found[model.predict("\n".join(one.paragraphs))[0][PREFIX:] == one.code] += 1
    assert found[True] >= 40
    assert found[False] == 0
