"""The order of a mix: exact shares, no gap and no repeat in an epoch, the same wherever it is asked."""

from __future__ import annotations

import contextlib
import random
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixes.errors import MixError
from mixes.mix import Mix, MixSettings, Phase
from mixes.order import shares
from mixes.weights import fit_weights

SUPPLY = {"code": 641, "web": 2001, "books": 1000}


def build(sequences: int, supply: dict[str, int] | None = None, **kept: object) -> Mix:
    return Mix.build(
        supply or SUPPLY,
        MixSettings(**{"block": 16, **kept}),
        sequence=10,
        sequences=sequences,  # type: ignore[arg-type]
    )


def order(mix: Mix) -> list[tuple[int, int]]:
    domain, sequence = mix.locate(np.arange(mix.planned))
    return list(zip(domain.tolist(), sequence.tolist(), strict=True))


def test_one_natural_epoch_reads_every_sequence_once() -> None:
    for block in (1, 16, 33, 500):  # 363 = 99 + 64 + 200 sequences, in whole blocks or not
        mix = build(363, block=block, max_epochs=1)
        assert set(Counter(order(mix)).values()) == {1}
        assert len(order(mix)) == 363


def test_no_sequence_twice_before_all_were_read_once() -> None:
    mix = build(900, weights={"code": 0.5, "web": 0.3, "books": 0.2}, max_epochs=10)
    for number, size in enumerate(mix.plan.sizes):
        own = [sequence for domain, sequence in order(mix) if domain == number]
        for first in range(0, len(own), size):
            epoch = own[first : first + size]
            assert len(set(epoch)) == len(epoch)
            assert len(epoch) < size or sorted(epoch) == list(range(size))


def test_epochs_differ_in_their_order() -> None:
    mix = build(128, {"code": 641}, max_epochs=4)
    own = [sequence for _, sequence in order(mix)]
    assert own[:64] != own[64:]


def test_shares_are_exact_at_every_whole_block() -> None:
    mix = build(800, weights={"code": 0.25, "web": 0.5, "books": 0.25}, max_epochs=10)
    for block in range(51):
        assert mix.counts(16 * block).tolist() == [4 * block, 4 * block, 8 * block]


@given(
    n=st.integers(1, 700),
    weights=st.tuples(*[st.floats(0.01, 1)] * 3),
    cut=st.integers(0, 700),
    seed=st.integers(0, 9),
)
@settings(max_examples=40, deadline=None)
def test_counts_are_those_of_the_order(n: int, weights: tuple[float, ...], cut: int, seed: int) -> None:
    named = dict(zip(SUPPLY, weights, strict=True))
    mix = build(n, weights=named, max_epochs=1000, seed=seed)
    cut = min(cut, n)
    domains = [domain for domain, _ in order(mix)][:cut]
    assert mix.counts(cut).tolist() == [domains.count(number) for number in range(3)]


def test_any_piece_of_the_order_can_be_asked_alone() -> None:
    mix, fresh = build(700), build(700)
    whole = order(mix)
    domain, sequence = fresh.locate(np.array([[699, 0], [333, 16]]))
    assert list(zip(domain.flat, sequence.flat, strict=True)) == [whole[i] for i in (699, 0, 333, 16)]
    assert domain.shape == (2, 2)
    with pytest.raises(IndexError):
        mix.locate(np.array([700]))


def test_a_longer_run_begins_as_the_shorter_one() -> None:
    short, long = build(300), build(1000)
    for index in (100, 288):  # of 18 whole blocks and 12 sequences more
        assert order(long)[:index] == order(short)[:index]
        assert long.order_digest(0, index) == short.order_digest(0, index)
        assert long.prefix_digest(index) == short.prefix_digest(index)
    # The last block of the shorter one is apportioned for its end.
    assert order(long)[:300] != order(short)
    assert long.prefix_digest(300) != short.prefix_digest(300)
    # What was cut off, or goes on in another phase, keeps the order it was made for.
    assert short.prefix_digest(300) == short.then_same("more", 50).prefix_digest(300)
    assert long.prefix_digest(295) == long.until(295).prefix_digest(295) != short.prefix_digest(295)


def test_the_prefix_digest_sees_whatever_changes_the_order() -> None:
    digest = build(300).prefix_digest(100)
    assert build(300, seed=1).prefix_digest(100) != digest
    assert build(300, weights={"web": 1.0}, max_epochs=9).prefix_digest(100) != digest
    assert build(300, {**SUPPLY, "code": 651}).prefix_digest(100) != digest
    assert build(300, max_epochs=7).prefix_digest(100) == digest


def test_phases_follow_each_other_without_repeating() -> None:
    phases = (
        Phase(name="early", weights={"web": 1.0}, tokens=1000),
        Phase(name="late", weights={"web": 1, "code": 3}),
    )
    mix = build(180, phases=phases)
    pairs = order(mix)
    assert {domain for domain, _ in pairs[:100]} == {mix.domains.index("web")}
    assert len(set(pairs)) == len(pairs)
    assert mix.counts(180).tolist() == [0, 60, 120]
    rows = {(row["phase"], row["domain"]): row for row in mix.exposure()}
    assert rows["early", "web"]["tokens"] == 1000
    assert rows["late", "code"]["share"] == 0.75
    assert rows["total", "code"]["epochs"] == pytest.approx(60 / 64)
    assert rows["total", "books"]["tokens"] == 0


@pytest.mark.parametrize("at", [96, 101])
def test_a_branch_goes_on_where_the_trunk_was_left(at: int) -> None:
    trunk = build(160)
    branch = trunk.until(at).then("better", {"books": 0.8, "web": 0.2}, 60)
    assert order(branch)[:at] == order(trunk)[:at]
    assert len(set(order(branch))) == at + 60
    same = trunk.until(at).then_same("more", 60)
    assert len(set(order(same))) == at + 60


def test_unknown_domains_name_their_neighbour() -> None:
    with pytest.raises(MixError, match=r"no domain 'boks' .*did you mean 'books'"):
        build(10, weights={"boks": 1.0})


@pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf")])
def test_weights_must_be_weights(weight: float) -> None:
    with pytest.raises(MixError, match="'web' must be a number of at least 0"):
        build(10, weights={"web": weight, "code": 1.0})


def test_all_zero_weights_are_refused() -> None:
    with pytest.raises(MixError, match="above 0"):
        build(10, weights={"web": 0.0})


def test_a_domain_without_a_sequence() -> None:
    supply = {**SUPPLY, "tiny": 10}
    assert build(100, supply).counts(100)[2] == 0
    with pytest.raises(MixError, match="'tiny' has too few tokens"):
        build(10, supply, weights={"tiny": 1.0})


def test_the_epoch_cap_names_domain_epochs_and_the_largest_weight() -> None:
    with pytest.raises(
        MixError, match=r"'code' at weight 0\.9 needs 5\.62 epochs, the cap is 4; .* is 0\.64"
    ):
        build(400, weights={"code": 0.9, "web": 0.1})
    build(400, weights={"code": 0.64, "web": 0.36})


def seen(mix: Mix) -> dict[str, int]:
    """How often the sequences of each domain are read, counted in the order itself."""
    domain, sequence = mix.locate(np.arange(mix.planned))
    counts = np.bincount(domain, minlength=len(mix.domains))
    assert counts.tolist() == mix.counts(mix.planned).tolist()
    for number, size in enumerate(mix.plan.sizes):
        own = sequence[domain == number]
        for first in range(0, len(own), max(size, 1)):
            epoch = own[first : first + size].tolist()
            assert len(set(epoch)) == len(epoch)
            assert set(epoch) <= set(range(size))
    return dict(zip(mix.domains, counts.tolist(), strict=True))


def within(mix: Mix) -> bool:
    cap = mix.plan.settings.max_epochs
    counts = mix.counts(mix.planned).tolist()
    return all(count <= cap * size for count, size in zip(counts, mix.plan.sizes, strict=True))


NAMED = st.dictionaries(st.sampled_from("abcd"), st.sampled_from([0.0, 0.1, 0.25, 1.0, 3.0, 0.7213]))
MIXES = {
    "sizes": st.tuples(*[st.integers(0, 60)] * 4),
    "parts": st.lists(
        st.tuples(st.one_of(st.just("natural"), NAMED), st.integers(1, 90)), min_size=1, max_size=3
    ),
    "cap": st.sampled_from([0.5, 1.0, 1.5, 4.0]),
    "over": st.sampled_from(["refuse", "water-fill"]),
    "block": st.sampled_from([1, 7, 16, 128]),
    "cut": st.floats(0.01, 1),
    "branch": st.tuples(st.one_of(st.just("natural"), NAMED), st.integers(1, 60)),
}


@given(**MIXES)  # type: ignore[arg-type]
@settings(max_examples=300, deadline=None)
def test_no_domain_is_ever_read_beyond_its_cap(
    sizes: tuple[int, ...],
    parts: list[tuple[Any, int]],
    cap: float,
    over: Any,
    block: int,
    cut: float,
    branch: tuple[Any, int],
) -> None:
    kept = MixSettings(
        phases=tuple(
            Phase(name=str(n), weights=weights, tokens=2 * count) for n, (weights, count) in enumerate(parts)
        ),
        max_epochs=cap,
        over_cap=over,
        block=block,
    )
    supply = {name: 2 * size + 1 for name, size in zip("abcd", sizes, strict=True)}
    try:
        mix = Mix.build(supply, kept, sequence=2, sequences=sum(count for _, count in parts))
    except MixError:
        return
    seen(mix)
    assert within(mix)
    for phase in mix.plan.phases:  # exact at every end, whatever the block
        read = mix.counts(phase.end) - mix.counts(phase.start)
        assert read.tolist() == shares(phase.length, phase.weights)
    at = max(1, round(cut * mix.planned))
    trunk = mix.until(at)
    assert order(trunk) == order(mix)[:at]
    assert trunk.prefix_digest(at) == mix.prefix_digest(at)
    assert trunk.counts(at).tolist() == mix.counts(at).tolist()
    try:
        longer = trunk.then("branch", *branch)
    except MixError:
        return
    seen(longer)
    assert within(longer)
    assert order(longer)[:at] == order(mix)[:at]
    assert longer.prefix_digest(at) == mix.prefix_digest(at)


def test_thousands_of_mixes_stay_within_their_cap() -> None:
    draw = random.Random(5)
    made = 0
    for _ in range(6000):
        supply = {name: 16 * draw.choice([draw.randint(1, 60), draw.randint(1, 3000)]) + 1 for name in "abc"}
        kept = MixSettings(
            weights={name: draw.random() for name in supply},
            max_epochs=draw.choice([1, 1.5, 4]),
            over_cap=draw.choice(["refuse", "water-fill"]),
            seed=draw.randrange(5),
        )
        with contextlib.suppress(MixError):
            mix = Mix.build(supply, kept, sequence=16, sequences=draw.randint(10, 1500))
            made += 1
            assert within(mix)
    assert made > 2000


def test_where_only_rounding_is_over_the_cap_the_odd_sequence_goes_elsewhere() -> None:
    sizes = {"a": 9, "b": 100, "c": 100, "d": 100}
    refusing = MixSettings(max_epochs=1)
    assert fit_weights([5, 3, 3, 4], sizes, 15, sizes, refusing) == [5, 3, 3, 4]
    assert shares(10, [90, 3, 3, 4])[0] == 10  # the share is 9.0, and so are the sequences that there are
    fitted = fit_weights([90, 3, 3, 4], sizes, 10, sizes, refusing)
    assert shares(10, fitted) == fitted
    assert (fitted[0], sum(fitted)) == (9, 10)
    with pytest.raises(MixError, match=r"'a' at weight 0\.91 needs 1\.01 epochs"):
        fit_weights([91, 3, 2, 4], sizes, 10, sizes, refusing)


def test_water_filling_caps_and_shares_the_rest_in_proportion() -> None:
    mix = build(800, weights={"code": 0.8, "web": 0.15, "books": 0.05}, over_cap="water-fill")
    books, code, web = mix.counts(800).tolist()
    assert abs(code - 256) <= 1
    assert web == pytest.approx(3 * books, abs=3)
    later = mix.then("more", {"books": 1.0}, 200)
    assert later.counts(1000).tolist() == [books + 200, code, web]


def test_water_filling_cannot_make_tokens() -> None:
    with pytest.raises(MixError, match="together reach 46%"):
        build(2000, weights={"code": 0.5, "web": 0.5, "books": 0}, max_epochs=3.5, over_cap="water-fill")


def test_phases_and_weights_exclude_each_other() -> None:
    with pytest.raises(MixError, match="either weights or phases"):
        build(10, weights={"web": 1.0}, phases=(Phase(name="x"),))
    with pytest.raises(MixError, match="only the last phase"):
        build(10, phases=(Phase(name="x"), Phase(name="y")))
