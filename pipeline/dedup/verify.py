"""From candidate groups to verified clusters and survivors: a pair counts only when its true similarity says so.

Locality-sensitive hashing proposes pairs; a chain of wrong ones would swallow a corpus. Here every proposed pair is
measured on the documents' sets of shingle hashes, clusters are the connected components of the pairs that pass, and
a document is removed only for a survivor that is itself similar to it, not for being in the same cluster.

Work is bounded: a group of more than `EXACT` documents is passed through once, each document compared with at most
`LOOKS` earlier ones of other clusters, so time is linear in the size of the groups.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from pipeline.dedup.grouping import Groups
from pipeline.dedup.settings import VerifySettings
from pipeline.dedup.union_find import root

Array = np.ndarray

LOOKS = 64  # comparisons of one document within one group, or with the survivors of its cluster
EXACT = LOOKS + 1  # documents of a group of which every pair is looked at
_CACHE = 1 << 20  # pairs that were rejected and are remembered, 8 bytes each; a power of two
_HASHES = "Array(uint32, 1, 'C', readonly=True)"
_WHOLE = "Array(int64, 1, 'C', readonly=True)"
_REAL = "Array(float64, 1, 'C', readonly=True)"


class Members(NamedTuple):
    """The `n` documents of one partition, ascending by number."""

    numbers: Array  # (n,) int64
    scores: Array  # (n,) float64; the lowest survives, ties by number
    hashes: Array  # uint32, of member i `hashes[offsets[i]:offsets[i + 1]]`, ascending and distinct
    offsets: Array  # (n + 1,) int64


class Settled(NamedTuple):
    """What becomes of the `n` members."""

    survivor: Array  # (n,) int64, the member that survives for it (itself if it survives)
    similarity: Array  # (n,) float64 to that survivor, 1 for itself
    cluster: Array  # (n,) int64, the first member of its cluster
    compared: int  # candidate pairs that were measured
    rejected: int  # of these, pairs under the threshold
    capped: int  # pairs that were not looked at since a group (or a cluster's survivors) were too many


@njit(f"float64({_HASHES}, int64, int64, int64, int64, boolean, float64)", cache=True)
def _similarity(
    hashes: Array, one: int, one_end: int, two: int, two_end: int, contain: bool, least: float
) -> float:
    """Exact similarity of two ascending runs of `hashes`, or -1 as soon as it can not reach `least`."""
    left, right = one_end - one, two_end - two
    small, both = min(left, right), left + right
    if both == 0:
        return 1.0  # two empty sets are equal
    if small == 0:
        return 0.0 if least <= 0 else -1.0
    # The fewest common shingles with which the quotient, as it is rounded below, is at least `least`.
    need = int(least * small) if contain else int(least / (1.0 + least) * both)
    need = max(need - 1, 0)
    while need <= small and need / (small if contain else both - need) < least:
        need += 1
    if need > small:
        return -1.0
    common = 0
    while one < one_end and two < two_end:
        if common + min(one_end - one, two_end - two) < need:
            return -1.0
        # Thirty-two steps without a question: branches on unlike sets are guessed wrong half of the time.
        for _ in range(32):
            first, second = hashes[one], hashes[two]
            common += first == second
            step = first <= second
            two += second <= first
            one += step
            if one == one_end or two == two_end:
                break
    if common < need:
        return -1.0
    return common / (small if contain else both - common)


@njit(f"float64({_HASHES}, {_WHOLE}, int64, int64, boolean, float64)", cache=True)
def pair_similarity(hashes: Array, offsets: Array, one: int, two: int, contain: bool, least: float) -> float:
    """Exact Jaccard similarity (or containment) of two members, or -1 if it is less than `least`."""
    return _similarity(hashes, offsets[one], offsets[one + 1], offsets[two], offsets[two + 1], contain, least)


@njit("uint64(uint64, uint64)", cache=True)
def mix(state: Any, value: Any) -> Any:
    """A 64-bit hash of two 64-bit numbers (MurmurHash3's finalizer on their combination)."""
    value = (state * np.uint64(0x9E3779B97F4A7C15)) ^ value
    value = (value ^ (value >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    value = (value ^ (value >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    return value ^ (value >> np.uint64(33))


@njit(f"void(int64[::1], {_WHOLE}, int64[::1], uint64[::1])", cache=True)
def _tidy(members: Array, offsets: Array, sizes: Array, digests: Array) -> None:
    # In place: each group ascending, its distinct members first; `sizes` counts them, `digests` hashes them.
    for group in range(sizes.shape[0]):
        part = members[offsets[group] : offsets[group + 1]]
        part.sort()
        size = 0
        digest = np.uint64(0)
        for index in range(part.shape[0]):
            if index == 0 or part[index] != part[size - 1]:
                part[size] = part[index]
                digest = mix(digest, np.uint64(part[index]))
                size += 1
        sizes[group] = size
        digests[group] = digest


@njit(f"int64({_WHOLE}, {_WHOLE}, {_WHOLE}, {_WHOLE}, int64[::1], int64[::1])", cache=True)
def _gather(
    members: Array, offsets: Array, sizes: Array, order: Array, out: Array, out_offsets: Array
) -> int:
    # Copies the groups in order, without those of one member and those equal to the one before; returns their count.
    kept = 0
    for group in order:
        size = sizes[group]
        if size < 2:
            continue
        start = out_offsets[kept]
        same = kept > 0 and start - out_offsets[kept - 1] == size
        if same:
            for index in range(size):
                if out[start - size + index] != members[offsets[group] + index]:
                    same = False
                    break
        if not same:
            out[start : start + size] = members[offsets[group] : offsets[group] + size]
            kept += 1
            out_offsets[kept] = start + size
    return kept


def canonical(groups: Groups) -> Groups:
    """The distinct groups of two or more, small ones first, members ascending: the same for any order of the input."""
    members = np.array(groups.members, dtype=np.int64)
    offsets = np.asarray(groups.offsets, dtype=np.int64)
    count = len(offsets) - 1
    sizes, digests = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.uint64)
    _tidy(members, offsets, sizes, digests)
    filled = np.flatnonzero(sizes)
    first = members[offsets[filled]]
    order = filled[np.lexsort((digests[filled], first, sizes[filled]))]
    out, out_offsets = np.empty(len(members), dtype=np.int64), np.zeros(count + 1, dtype=np.int64)
    kept = _gather(members, offsets, sizes, order, out, out_offsets)
    return Groups(out[: out_offsets[kept]].copy(), out_offsets[: kept + 1].copy())


@njit("void(int64[::1], int64, int64)", cache=True)
def _unite(parent: Array, one: Any, other: Any) -> None:
    # The smaller index is the root, whatever the order of the joins.
    one, other = root(parent, one), root(parent, other)
    parent[max(one, other)] = min(one, other)


@njit(
    f"boolean({_HASHES}, {_WHOLE}, boolean, float64, int64[::1], uint64[::1], int64[::1], int64, int64)",
    cache=True,
)
def _look(
    hashes: Array,
    offsets: Array,
    contain: bool,
    threshold: float,
    parent: Array,
    cache: Array,
    counts: Array,
    one: int,
    two: int,
) -> bool:
    # Whether the pair (one < two, of different clusters) counts; if so they are one cluster now.
    key = np.uint64(one) * np.uint64(parent.shape[0]) + np.uint64(two)
    slot = mix(np.uint64(1), key) & np.uint64(cache.shape[0] - 1)
    if cache[slot] == key:
        return False
    counts[0] += 1
    if pair_similarity(hashes, offsets, one, two, contain, threshold) < 0:
        cache[slot] = key
        counts[1] += 1
        return False
    _unite(parent, one, two)
    return True


@njit(
    f"void({_HASHES}, {_WHOLE}, boolean, float64, int64[::1], uint64[::1], int64[::1], int64[::1], {_WHOLE})",
    cache=True,
)
def _pass_through(
    hashes: Array,
    offsets: Array,
    contain: bool,
    threshold: float,
    parent: Array,
    cache: Array,
    counts: Array,
    inside: Array,
    group: Array,
) -> None:
    """One large group: each member against the first and the latest member of the `LOOKS` clusters seen last.

    `inside` is all zeros before and after: here it counts, at a cluster's root, the members passed so far.
    """
    firsts, lasts, used = np.empty(LOOKS, np.int64), np.empty(LOOKS, np.int64), np.empty(LOOKS, np.int64)
    looked = np.empty(LOOKS, np.int64)
    filled, place = 0, 0
    for position in range(group.shape[0]):
        member = group[position]
        looks = 0
        for turn in range(2):
            for slot in range(filled):
                other = firsts[slot] if turn == 0 else lasts[slot]
                if turn == 1 and other == firsts[slot]:
                    continue
                mine, theirs = root(parent, member), root(parent, other)
                if looks == LOOKS or mine == theirs:
                    continue
                looked[looks] = other
                looks += 1
                if _look(hashes, offsets, contain, threshold, parent, cache, counts, other, member):
                    inside[min(mine, theirs)] = inside[mine] + inside[theirs]
        mine = root(parent, member)
        unseen = position - inside[mine]
        for index in range(looks):
            unseen -= root(parent, looked[index]) != mine
        counts[2] += unseen
        inside[mine] += 1
        place = -1
        for slot in range(filled):
            if root(parent, firsts[slot]) == mine:
                place = slot
                break
        if place < 0:
            place = filled if filled < LOOKS else int(np.argmin(used))
            filled = max(filled, place + 1)
            firsts[place] = member
        lasts[place] = member
        used[place] = position
    for member in group:
        inside[root(parent, member)] = 0


@njit(
    f"void({_HASHES}, {_WHOLE}, boolean, float64, {_WHOLE}, {_WHOLE}, int64[::1], uint64[::1], int64[::1])",
    cache=True,
)
def _cluster(
    hashes: Array,
    offsets: Array,
    contain: bool,
    threshold: float,
    members: Array,
    starts: Array,
    parent: Array,
    cache: Array,
    counts: Array,
) -> None:
    # Unites in `parent` the members of every candidate pair that counts; counts: compared, rejected, capped.
    inside = np.zeros(parent.shape[0], dtype=np.int64)
    for index in range(starts.shape[0] - 1):
        group = members[starts[index] : starts[index + 1]]
        if group.shape[0] > EXACT:
            _pass_through(hashes, offsets, contain, threshold, parent, cache, counts, inside, group)
            continue
        for later in range(1, group.shape[0]):
            for earlier in range(later):
                one, two = group[earlier], group[later]
                if root(parent, one) != root(parent, two):
                    _look(hashes, offsets, contain, threshold, parent, cache, counts, one, two)


@njit(f"void({_WHOLE}, {_WHOLE}, int64[::1])", cache=True)
def _join_all(members: Array, starts: Array, parent: Array) -> None:
    for index in range(starts.shape[0] - 1):
        for place in range(starts[index] + 1, starts[index + 1]):
            _unite(parent, members[place - 1], members[place])


@njit("void(int64[::1])", cache=True)
def _flatten(parent: Array) -> None:
    for item in range(parent.shape[0]):
        parent[item] = root(parent, item)


@njit(
    f"int64({_HASHES}, {_WHOLE}, boolean, float64, boolean, {_WHOLE}, {_WHOLE}, int64[::1], float64[::1])",
    cache=True,
)
def _survive(
    hashes: Array,
    offsets: Array,
    contain: bool,
    floor: float,
    one_each: bool,
    cluster: Array,
    order: Array,
    survivor: Array,
    similarity: Array,
) -> int:
    """Goes through clusters in the order of the policy; returns how many survivors were not looked at.

    A member is compared with the survivors so far, of more than `LOOKS` with the first and the latest half of that.
    """
    chosen = np.empty(order.shape[0], dtype=np.int64)
    count, capped = 0, 0
    for place in range(order.shape[0]):
        member = order[place]
        if place == 0 or cluster[member] != cluster[order[place - 1]]:
            count = 0
        survivor[member] = member
        similarity[member] = 1.0
        for turn in range(min(count, LOOKS)):
            index = turn if turn < LOOKS // 2 or count <= LOOKS else count - LOOKS + turn
            found = pair_similarity(hashes, offsets, chosen[index], member, contain, floor)
            if found >= 0:
                survivor[member] = chosen[index]
                similarity[member] = found
                break
        if survivor[member] == member:
            capped += max(0, count - LOOKS)
            if count == 0 or not one_each:
                chosen[count] = member
                count += 1
    return capped


def settle(members: Members, groups: Groups, verify: VerifySettings | None) -> Settled:
    """Clusters and survivors of one partition, which holds whole components of candidate groups.

    A candidate pair (two members of one group) counts if its true similarity is at least `verify.threshold`; clusters
    are components of pairs that count. In the order of the policy each member of a cluster is removed for the first
    survivor that is at least `verify.floor` similar, and survives where there is none. With `verify` null every
    candidate pair counts, one member of a cluster survives, and the similarity (Jaccard) is only told. Two empty sets
    are equal. The result depends on what the groups contain, not on their order.
    """
    count = len(members.numbers)
    hashes = np.ascontiguousarray(np.asarray(members.hashes), dtype=np.uint32)
    offsets = np.ascontiguousarray(members.offsets, dtype=np.int64)
    tidy = canonical(groups)
    cluster = np.arange(count, dtype=np.int64)
    counts = np.zeros(3, dtype=np.int64)
    contain = verify is not None and verify.measure == "containment"
    if verify is None:
        _join_all(tidy.members, tidy.offsets, cluster)
    else:
        size = 1 << min(_CACHE.bit_length() - 1, (4 * len(tidy.members)).bit_length())
        # The key of no pair: of a pair one < two, the key is under the square of the count.
        cache = np.full(size, np.uint64(0xFFFFFFFFFFFFFFFF), dtype=np.uint64)
        _cluster(
            hashes, offsets, contain, verify.threshold, tidy.members, tidy.offsets, cluster, cache, counts
        )
    _flatten(cluster)
    order = np.lexsort((members.numbers, members.scores, cluster)).astype(np.int64)
    survivor, similarity = np.empty(count, dtype=np.int64), np.empty(count, dtype=np.float64)
    floor = 0.0 if verify is None else verify.floor
    unseen = _survive(hashes, offsets, contain, floor, verify is None, cluster, order, survivor, similarity)
    compared, rejected, capped = counts.tolist()
    return Settled(survivor, similarity, cluster, compared, rejected, capped + unseen)
