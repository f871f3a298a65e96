"""Clusters are the components of truly similar pairs, survivors are similar to what they stand for, work is bounded."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.dedup.grouping import Groups
from pipeline.dedup.settings import VerifySettings
from pipeline.dedup.verify import LOOKS, Members, Settled, canonical, pair_similarity, settle

JACCARD = VerifySettings()
CONTAINMENT = VerifySettings(measure="containment")


def members(
    sets: list[set[int]], scores: list[float] | None = None, numbers: list[int] | None = None
) -> Members:
    offsets = np.cumsum([0, *map(len, sets)]).astype(np.int64)
    hashes = np.array([value for one in sets for value in sorted(one)], dtype=np.uint32)
    return Members(
        np.array(numbers or range(len(sets)), dtype=np.int64),
        np.array(scores or [0.0] * len(sets), dtype=np.float64),
        hashes,
        offsets,
    )


def groups(*parts: list[int]) -> Groups:
    flat = np.array([member for part in parts for member in part], dtype=np.int64)
    return Groups(flat, np.cumsum([0, *map(len, parts)]).astype(np.int64))


def true_similarity(one: set[int], other: set[int], measure: str = "jaccard") -> float:
    if not one and not other:
        return 1.0
    if measure == "jaccard":
        return len(one & other) / len(one | other)
    return len(one & other) / min(len(one), len(other)) if one and other else 0.0


def brute_force(
    sets: list[set[int]], scores: list[float], parts: list[list[int]], verify: VerifySettings | None
) -> tuple[list[int], list[float], list[int]]:
    """Survivors, similarities and clusters, from the definition."""
    measure = verify.measure if verify else "jaccard"
    threshold, floor = (verify.threshold, verify.floor) if verify else (0.0, 0.0)
    cluster = list(range(len(sets)))
    for part in parts:
        for one, other in itertools.combinations(part, 2):
            if true_similarity(sets[one], sets[other], measure) >= threshold:
                old, new = sorted((cluster[one], cluster[other]), reverse=True)
                cluster = [new if root == old else root for root in cluster]
    survivor, similarity = list(range(len(sets))), [1.0] * len(sets)
    alive: dict[int, list[int]] = {}
    for member in sorted(range(len(sets)), key=lambda index: (scores[index], index)):
        chosen = alive.setdefault(cluster[member], [])
        for one in chosen:
            if (found := true_similarity(sets[one], sets[member], measure)) >= floor:
                survivor[member], similarity[member] = one, found
                break
        else:
            chosen.append(member)
    return survivor, similarity, cluster


def equal(one: Settled, other: Settled) -> bool:
    return all(np.array_equal(left, right) for left, right in zip(one, other, strict=True))


SETS = st.lists(st.sets(st.integers(0, 11)), min_size=1, max_size=14)
VERIFY = st.sampled_from(
    [None, JACCARD, CONTAINMENT]
    + [
        VerifySettings(measure=measure, threshold=threshold, floor=floor)
        for measure in ("jaccard", "containment")
        for threshold, floor in ((0.5, 0.5), (0.5, 0.2), (0.0, 0.0), (1.0, 0.7), (2 / 3, 1 / 3))
    ]
)


@settings(max_examples=400, deadline=None)
@given(data=st.data(), sets=SETS, verify=VERIFY)
def test_equals_brute_force_in_any_order(
    data: st.DataObject, sets: list[set[int]], verify: VerifySettings
) -> None:
    index = st.integers(0, len(sets) - 1)
    parts = data.draw(st.lists(st.lists(index, max_size=8), max_size=8))
    scores = data.draw(st.lists(st.sampled_from([0.0, 1.0, 2.5]), min_size=len(sets), max_size=len(sets)))
    settled = settle(members(sets, scores), groups(*parts), verify)
    expected = brute_force(sets, scores, parts, verify)
    assert (settled.survivor.tolist(), settled.similarity.tolist(), settled.cluster.tolist()) == expected
    assert settled.capped == 0
    mixed = [data.draw(st.permutations(part)) for part in data.draw(st.permutations(parts))]
    assert equal(settled, settle(members(sets, scores), groups(*mixed, *mixed), verify))


@settings(max_examples=300, deadline=None)
@given(
    one=st.sets(st.integers(0, 200), max_size=120),
    other=st.sets(st.integers(0, 200), max_size=120),
    least=st.floats(0, 1),
    measure=st.sampled_from(["jaccard", "containment"]),
)
def test_similarity_is_exact(one: set[int], other: set[int], least: float, measure: str) -> None:
    both = members([one, other])
    expected = true_similarity(one, other, measure)
    for bound in (least, expected, min(1.0, float(np.nextafter(expected, 2)))):
        found = pair_similarity(both.hashes, both.offsets, 0, 1, measure == "containment", bound)
        assert found == (expected if expected >= bound else -1)


@pytest.mark.parametrize("common", range(1, 400, 7))
def test_a_quotient_equal_to_the_threshold_counts(common: int) -> None:
    both = members([set(range(400)), set(range(common))])
    share = common / 400
    assert pair_similarity(both.hashes, both.offsets, 0, 1, False, share) == share
    assert pair_similarity(both.hashes, both.offsets, 0, 1, False, float(np.nextafter(share, 1))) == -1


CHAIN = [
    set(range(100)),
    set(range(12, 112)),
    set(range(24, 124)),
]  # .786 between neighbours, .613 at the ends


def test_a_chain_is_one_cluster() -> None:
    settled = settle(members(CHAIN), groups([0, 1], [1, 2]), JACCARD)
    assert settled.cluster.tolist() == [0, 0, 0]
    assert settled.survivor.tolist() == [0, 0, 0]
    assert settled.similarity.tolist() == [1.0, 88 / 112, 76 / 124]


def test_nothing_is_removed_under_the_floor() -> None:
    settled = settle(members(CHAIN), groups([0, 1, 2]), VerifySettings(floor=0.7))
    assert settled.cluster.tolist() == [0, 0, 0]
    assert settled.survivor.tolist() == [0, 0, 2]
    assert settled.similarity.tolist() == [1.0, 88 / 112, 1.0]


def test_the_policy_chooses_and_numbers_break_ties() -> None:
    same = [set(range(50))] * 3
    assert settle(members(same, [2, 1, 1]), groups([0, 1, 2]), JACCARD).survivor.tolist() == [1, 1, 1]
    middle_first = settle(members(CHAIN, [1, 0, 1]), groups([0, 1], [1, 2]), VerifySettings(floor=0.7))
    assert middle_first.survivor.tolist() == [1, 1, 1]


def test_a_pair_that_no_group_proposes_does_not_count() -> None:
    same = [set(range(50))] * 4
    settled = settle(members(same), groups([0, 1], [2, 3]), JACCARD)
    assert settled.cluster.tolist() == [0, 0, 2, 2]


def test_a_part_is_contained() -> None:
    whole, part = set(range(1000)), set(range(100))
    assert settle(members([whole, part]), groups([0, 1]), JACCARD).survivor.tolist() == [0, 1]
    settled = settle(members([whole, part]), groups([0, 1]), CONTAINMENT)
    assert settled.survivor.tolist() == [0, 0]
    assert settled.similarity.tolist() == [1.0, 1.0]


def test_without_verification_every_candidate_pair_counts() -> None:
    sets = [set(range(100)), set(range(50, 150)), {7_000}, {9_000}]
    settled = settle(members(sets, [3, 2, 1, 0]), groups([0, 1], [1, 2]), None)
    assert settled.cluster.tolist() == [0, 0, 0, 3]
    assert settled.survivor.tolist() == [2, 2, 2, 3]
    assert settled.similarity.tolist() == [0.0, 0.0, 1.0, 1.0]
    assert (settled.compared, settled.rejected, settled.capped) == (0, 0, 0)


def test_nothing_at_all() -> None:
    for verify in (JACCARD, None):
        settled = settle(members([]), groups(), verify)
        assert [len(column) for column in settled[:3]] == [0, 0, 0]
        alone = settle(members([{1}, set()]), groups([], [1], [1, 1]), verify)
        assert alone.survivor.tolist() == [0, 1]
        assert alone.compared == 0


def unrelated(count: int, size: int = 40) -> list[set[int]]:
    return [set(range(index * size, (index + 1) * size)) for index in range(count)]


@pytest.mark.parametrize("count", [5_000, 10_000])
def test_a_mega_group_of_unrelated_documents_is_not_merged_in_linear_work(count: int) -> None:
    everyone = list(range(count))
    settled = settle(members(unrelated(count)), groups(*[everyone] * 14), JACCARD)
    assert settled.survivor.tolist() == settled.cluster.tolist() == everyone
    assert settled.compared == settled.rejected == LOOKS * count - LOOKS * (LOOKS + 1) // 2
    assert settled.capped == count * (count - 1) // 2 - settled.compared


def test_a_mega_group_of_equal_documents_costs_one_comparison_each() -> None:
    settled = settle(members([set(range(50))] * 5_000), groups(list(range(5_000))), JACCARD)
    assert not settled.survivor.any()
    assert (settled.compared, settled.rejected, settled.capped) == (4_999, 0, 0)


def test_clusters_within_a_mega_group_are_found() -> None:
    """Thirty kinds of near-equal documents, in turn, among as many unrelated ones; any order of the group."""
    sets = unrelated(3_000)
    for index in range(0, 3_000, 2):
        sets[index] = set(range(10**6 + index % 60 * 100, 10**6 + index % 60 * 100 + 40)) | {10**7 + index}
    everyone = np.arange(3_000)
    settled = settle(members(sets), groups(everyone.tolist()), JACCARD)
    kinds = np.where(everyone % 2 == 0, everyone % 60, everyone)
    assert settled.cluster.tolist() == settled.survivor.tolist() == kinds.tolist()
    assert settled.compared <= LOOKS * 3_000
    mixed = np.random.default_rng(5).permutation(everyone).tolist()
    assert equal(settled, settle(members(sets), groups(mixed, mixed), JACCARD))


def test_rejected_pairs_are_not_measured_again() -> None:
    parts = [[0, 1, 2, other] for other in range(3, 20)]
    settled = settle(members(unrelated(20)), groups(*parts), JACCARD)
    assert settled.compared == settled.rejected == 3 + 3 * 17
    assert settled.capped == 0


def test_a_cluster_of_many_survivors_is_bounded() -> None:
    """A chain in which only neighbours are alike: everyone survives the floor but those next to a survivor."""
    sets = [set(range(index * 12, index * 12 + 100)) for index in range(2_000)]
    pairs = [[index, index + 1] for index in range(1_999)]
    settled = settle(members(sets), groups(*pairs), VerifySettings(floor=0.7))
    assert not settled.cluster.any()
    assert settled.survivor.tolist() == [index - index % 2 for index in range(2_000)]
    assert settled.capped == sum(max(0, index - LOOKS) for index in range(1_000))


def test_hashes_may_lie_in_a_file(tmp_path: Path) -> None:
    chain = members(CHAIN)
    chain.hashes.tofile(tmp_path / "hashes")
    mapped = chain._replace(hashes=np.memmap(tmp_path / "hashes", dtype=np.uint32, mode="r"))
    whole = groups([0, 1, 2])
    assert equal(settle(chain, whole, JACCARD), settle(mapped, whole, JACCARD))


def test_groups_are_told_once_in_one_order() -> None:
    tidy = canonical(groups([5, 3], [1], [2, 1, 2], [], [3, 5], [0, 1, 2], [3, 3]))
    parts = [tidy.members[a:b].tolist() for a, b in itertools.pairwise(tidy.offsets)]
    assert parts == [[1, 2], [3, 5], [0, 1, 2]]
