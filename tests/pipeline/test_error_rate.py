"""The estimated numbers of false and missed pairs are right on average, and their intervals hold what they should."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.dedup.error_rate import chosen, error_sums
from pipeline.dedup.grouping import Groups
from pipeline.dedup.minhash import band_keys, signature_of_hashes
from pipeline.dedup.pair_rates import ErrorSums, rates, total
from pipeline.dedup.settings import MinHashSettings, VerifySettings
from pipeline.dedup.verify import Members
from pipeline.interval import wilson
from tests.pipeline.test_verified import groups, members, true_similarity

FINEWEB = MinHashSettings()


def found_probability(jaccard: float, minhash: MinHashSettings) -> float:
    return 1 - (1 - jaccard**minhash.rows) ** minhash.bands


def brute_force(sets: list[set[int]], parts: list[list[int]], minhash: MinHashSettings) -> dict[str, float]:
    verify = minhash.verify or VerifySettings()
    pairs = {pair for part in parts for pair in itertools.combinations(sorted(set(part)), 2)}
    out = dict.fromkeys(("pairs", "false", "true", "missed", "missed_variance"), 0.0)
    for one, other in pairs:
        out["pairs"] += 1
        if true_similarity(sets[one], sets[other], verify.measure) < verify.threshold:
            out["false"] += 1
            continue
        out["true"] += 1
        chance = found_probability(true_similarity(sets[one], sets[other]), minhash)
        out["missed"] += (1 - chance) / chance
        out["missed_variance"] += (1 - chance) / chance**2
    return out


@settings(max_examples=200, deadline=None)
@given(
    data=st.data(),
    sets=st.lists(st.sets(st.integers(0, 11)), min_size=1, max_size=14),
    verify=st.sampled_from([None, VerifySettings(), VerifySettings(threshold=0.3, floor=0.3)]),
)
def test_the_whole_counted_is_exact_in_any_order(
    data: st.DataObject, sets: list[set[int]], verify: VerifySettings | None
) -> None:
    minhash = MinHashSettings(bands=5, rows=2, verify=verify)
    index = st.integers(0, len(sets) - 1)
    parts = data.draw(st.lists(st.lists(index, max_size=8), max_size=8))
    sums = error_sums(members(sets), groups(*parts), minhash)
    expected = brute_force(sets, parts, minhash)
    assert {name: getattr(sums, name) for name in expected} == pytest.approx(expected, abs=1e-9)
    assert sums.looked == pytest.approx(expected["pairs"])
    mixed = [data.draw(st.permutations(part)) for part in data.draw(st.permutations(parts))]
    assert error_sums(members(sets), groups(*mixed), minhash) == sums


def test_containment_is_measured_but_found_by_jaccard() -> None:
    minhash = MinHashSettings(bands=20, rows=2, verify=VerifySettings(measure="containment"))
    sets = [set(range(100)), set(range(50)), set(range(40, 140))]
    sums = error_sums(members(sets), groups([0, 1, 2]), minhash)
    assert (sums.pairs, sums.true, sums.false) == (3, 1, 2)
    chance = found_probability(0.5, minhash)
    assert sums.missed == pytest.approx((1 - chance) / chance)


def corpus() -> tuple[list[set[int]], list[list[int]]]:
    """Pairs, cliques and a chain of overlapping groups, in part similar; a group of 150 that has to be drawn from."""
    sets: list[set[int]] = []
    parts: list[list[int]] = []
    for index in range(150):
        start = 1_000 * index
        sets += [set(range(start, start + 100)), set(range(start + index % 14, start + index % 14 + 100))]
        parts.append([2 * index, 2 * index + 1])
    for index in range(0, 300, 30):
        parts += [list(range(index, index + 12)), list(range(index + 6, index + 18))]
    big = len(sets)
    sets += [set(range(10**6, 10**6 + 100 + index // 4)) for index in range(150)]
    parts += [list(range(big, big + 150)), list(range(big - 20, big + 90))]
    return sets, parts


def test_sampling_is_unbiased() -> None:
    sets, parts = corpus()
    minhash = MinHashSettings(bands=6, rows=9)
    expected = brute_force(sets, parts, minhash)
    rounds = 400
    estimates = []
    for step in range(rounds):
        numbers = list(range(step * 10_000, step * 10_000 + len(sets)))
        sums = error_sums(members(sets, numbers=numbers), groups(*parts), minhash, sample=60, partners=16)
        estimates.append([getattr(sums, name) for name in expected])
    found = np.array(estimates)
    errors = (found.mean(axis=0) - list(expected.values())) / (found.std(axis=0) / math.sqrt(rounds))
    assert (found.std(axis=0) > 0).all()
    assert np.abs(errors).max() < 3.5, dict(zip(expected, errors, strict=True))


def test_the_interval_of_false_pairs_holds_the_truth() -> None:
    """Pairs of one document go along here, so an interval that took them as independent would be too narrow."""
    sets, parts = corpus()
    truth = brute_force(sets, parts, FINEWEB)
    share = truth["false"] / truth["pairs"]
    inside, naive = 0, 0
    for step in range(300):
        numbers = list(range(step * 10_000, step * 10_000 + len(sets)))
        sums = error_sums(members(sets, numbers=numbers), groups(*parts), FINEWEB, sample=120)
        false = rates(sums).false
        assert false is not None
        inside += false.low <= share <= false.high
        without = wilson(false.share, sums.looked)
        naive += without.low <= share <= without.high
    assert inside >= 0.92 * 300
    assert naive < inside


def hashed(sets: list[set[int]], minhash: MinHashSettings) -> list[list[int]]:
    """The groups that the bands of real signatures make."""
    rows = np.array([signature_of_hashes(np.array(sorted(one), dtype=np.uint32), minhash) for one in sets])
    parts: list[list[int]] = []
    for keys in band_keys(rows, minhash).T:
        order = np.argsort(keys, kind="stable")
        for part in np.split(order, np.flatnonzero(np.diff(keys[order])) + 1):
            if len(part) > 1:
                parts.append(part.tolist())
    return parts


def test_missed_pairs_are_estimated_from_those_found() -> None:
    """Three hundred planted pairs of Jaccard .6 to .9, hashed with 40 seeds; the truth is what hashing lost."""
    random = np.random.default_rng(7)
    sets: list[set[int]] = []
    true = 0
    for index in range(300):
        values = random.integers(0, 1 << 32, 300, dtype=np.uint64).tolist()
        overlap = int(200 * (1.2 + 0.6 * index / 300) / (1.6 + 0.3 * index / 300))
        sets += [set(values[:200]), set(values[200 - overlap : 400 - overlap])]
        true += true_similarity(sets[-2], sets[-1]) >= 0.75
    errors, inside = [], 0
    for seed in range(40):
        minhash = MinHashSettings(bands=8, rows=8, seed=seed)
        sums = error_sums(members(sets), groups(*hashed(sets, minhash)), minhash)
        missed = true - sums.true
        errors.append(sums.missed - missed)
        estimate = rates(sums).missed
        assert estimate is not None
        inside += estimate.low <= missed / true <= estimate.high
    assert abs(np.mean(errors)) < 3 * np.std(errors) / math.sqrt(40)
    assert inside >= 34


def test_partitions_add_up() -> None:
    sets, parts = corpus()
    first, second = [part for part in parts if max(part) < 300], [part for part in parts if min(part) >= 300]
    one = error_sums(members(sets[:300]), groups(*first), FINEWEB)
    other = error_sums(
        members(sets[300:], numbers=list(range(300, len(sets)))),
        groups(*[[member - 300 for member in part] for part in second]),
        FINEWEB,
    )
    whole = error_sums(members(sets), groups(*first, *second), FINEWEB)
    assert list(total([one, other])) == pytest.approx(list(whole))
    assert total([one, other]) == total([other, one])
    assert total([]) == ErrorSums()


def test_documents_are_chosen_by_number_alone() -> None:
    numbers = np.arange(0, 10**6, 7, dtype=np.int64)
    taken, probability = chosen(numbers, 2_000)
    assert probability == 2_000 / len(numbers)
    assert abs(int(taken.sum()) - 2_000) < 4 * math.sqrt(2_000)
    assert (chosen(numbers[::-1], 2_000)[0][::-1] == taken).all()
    everyone, certain = chosen(numbers[:50], 50)
    assert everyone.all()
    assert certain == 1


def test_no_pairs_no_rates() -> None:
    empty = rates(error_sums(members([]), groups(), FINEWEB))
    assert empty.false is empty.missed is None
    apart = rates(error_sums(members([{1}, {2}]), groups([0, 1]), FINEWEB))
    assert apart.missed is None
    assert apart.false is not None
    assert apart.false.share == apart.false.high == 1
    assert 0 < apart.false.low < 0.25


def test_a_pair_found_by_unlikely_luck_stays_finite() -> None:
    minhash = MinHashSettings(
        bands=1, rows=400, verify=VerifySettings(measure="containment", threshold=0.0, floor=0.0)
    )
    sums = error_sums(members([{1, 2, 3, 4}, {4, 5, 6, 7}]), groups([0, 1]), minhash)
    assert all(math.isfinite(value) for value in sums)
    missed = rates(sums).missed
    assert missed is not None
    assert missed.low == 0 < missed.share <= missed.high <= 1


def test_a_mega_group_is_drawn_from() -> None:
    """Every document shares one key; of 4,000 others 64 are drawn for each sampled one."""
    count = 4_001
    sets = [{index} if index % 4 else {10**6} for index in range(count)]
    everyone = Members(*members(sets))
    sums = error_sums(everyone, Groups(np.arange(count), np.array([0, count])), FINEWEB, sample=500)
    assert sums.looked < 64 * 600
    alike = math.comb(1_001, 2) / math.comb(count, 2)
    false = rates(sums).false
    assert false is not None
    assert false.low < 1 - alike < false.high
    assert false.high - false.low < 0.05
