"""Sums over receipts do not depend on their order, and a watched ledger ends with what reading it at once gives."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from pipeline.errors import UserError
from pipeline.ledger import Ledger, Receipt
from pipeline.store import open_folder
from pipeline.sums import StageSum, advance, closed_sum, named, plain
from tests.dashboard.conftest import small_run  # noqa: F401 (a fixture)


def receipts_of(run: Path, stage: str) -> list[Receipt]:
    return Ledger(open_folder(run)).closed(stage)


def same(one: StageSum, other: StageSum) -> bool:
    return (one.counts, one.named, one.histograms) == (other.counts, other.named, other.histograms)


def test_order_does_not_matter(small_run: Path) -> None:  # noqa: F811
    receipts = receipts_of(small_run, "filter")
    mixed = list(receipts)
    random.Random(3).shuffle(mixed)
    one, other = StageSum("filter", receipts), StageSum("filter", mixed)
    assert same(one, other)
    assert [each.shard for each in other.in_order([each.name for each in receipts])] == [
        each.shard for each in receipts
    ]


def test_sums_are_those_of_the_whole_receipts(small_run: Path) -> None:  # noqa: F811
    receipts, found = receipts_of(small_run, "filter"), StageSum("filter", receipts_of(small_run, "filter"))
    assert plain(found, "in") == sum(int(str(one.counts["in"])) for one in receipts) > 0
    assert named(found, "dropped") == named(receipts, "dropped")
    words = [one.histograms["gopher_quality_words"]["kept"] for one in receipts]
    for edge, number in found.histograms["gopher_quality_words"]["kept"].items():
        assert number == sum(side.get(edge, 0) for side in words)


def test_a_receipt_counts_once(small_run: Path) -> None:  # noqa: F811
    receipts = receipts_of(small_run, "filter")
    assert same(StageSum("filter", [*receipts, *receipts]), StageSum("filter", receipts))


def test_a_copy_stays_as_it_was(small_run: Path) -> None:  # noqa: F811
    first, *rest = receipts_of(small_run, "extract")
    found = StageSum("extract", [first])
    before = found.copy()
    for one in rest:
        found.add(one)
    assert same(before, StageSum("extract", [first]))


def test_receipts_of_other_settings_do_not_count_while_a_stage_is_open(small_run: Path) -> None:  # noqa: F811
    ledger = Ledger(open_folder(small_run))
    seen: set[str] = set()
    found = StageSum("filter")
    assert advance(found, ledger, None, "another fingerprint", seen)
    assert len(found) == 0
    assert len(seen) == len(receipts_of(small_run, "filter"))
    own = receipts_of(small_run, "filter")[0].fingerprint
    assert advance(found, ledger, None, own, set())
    assert same(found, closed_sum(ledger, "filter"))


def test_damage_is_told_with_what_mends_it(small_run: Path, tmp_path: Path) -> None:  # noqa: F811
    import shutil

    copy = Path(shutil.copytree(small_run, tmp_path / "copy"))
    path = sorted((copy / "ledger" / "filter").glob("*0*.json"))[0]
    path.write_bytes(path.read_bytes().replace(b'"out"', b'"tuo"', 1))
    with pytest.raises(UserError, match="is damaged: run `sluice repair"):
        closed_sum(Ledger(open_folder(copy)), "filter")
