"""Signatures estimate similarity."""

from __future__ import annotations

import random

import pyarrow as pa

from pipeline.dedup.settings import MinHashSettings
from pipeline.dedup.sign import signatures


def _ngrams(words: list[str]) -> set[tuple[str, ...]]:
    return {tuple(words[start : start + 5]) for start in range(len(words) - 4)}


def test_similarity_estimates_jaccard() -> None:
    draw = random.Random(3)
    vocabulary = ["".join(draw.choices("abcdefghijklmnop", k=6)) for _ in range(3000)]
    settings_ = MinHashSettings(bands=32, rows=16)
    errors = []
    for changed in (0, 2, 5, 10, 30):
        one = draw.choices(vocabulary, k=400)
        other = list(one)
        for position in draw.sample(range(400), changed):
            other[position] = draw.choice(vocabulary)
        rows = signatures(pa.array([" ".join(one), " ".join(other)], pa.large_string()), settings_)
        true = len(_ngrams(one) & _ngrams(other)) / len(_ngrams(one) | _ngrams(other))
        errors.append(abs((rows[0] == rows[1]).mean() - true))
    assert max(errors) < 0.08  # three standard errors at 512 rows
