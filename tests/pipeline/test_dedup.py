"""Signatures estimate similarity, clusters agree with brute force, and the first document survives."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.dedup.cluster import Clusters
from pipeline.dedup.minhash import similarity
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
        errors.append(abs(similarity(rows[:1], rows[1:])[0] - true))
    assert max(errors) < 0.08  # three standard errors at 512 rows


@settings(max_examples=60, deadline=None)
@given(
    columns=st.lists(st.lists(st.integers(0, 6), min_size=8, max_size=8), min_size=1, max_size=4),
    seed=st.integers(0, 99),
)
def test_clusters_equal_brute_force(columns: list[list[int]], seed: int) -> None:
    clusters = Clusters(8)
    order = list(columns)
    random.Random(seed).shuffle(order)
    for column in order:
        clusters.join_equal(np.array(column, dtype=np.uint64))
    reach = {n: {n} for n in range(8)}
    for _ in range(8):
        for column, (a, b) in itertools.product(columns, itertools.permutations(range(8), 2)):
            if column[a] == column[b]:
                merged = reach[a] | reach[b]
                for n in merged:
                    reach[n] = merged
    assert clusters.survivors().tolist() == [min(reach[n]) for n in range(8)]


def test_only_members_are_joined() -> None:
    clusters = Clusters(4)
    clusters.join_equal(np.zeros(4, dtype=np.uint64), np.array([1, 3]))
    assert clusters.survivors().tolist() == [0, 1, 2, 1]
