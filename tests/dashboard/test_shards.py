"""Shards: numbers are the receipts', curves keep every sum, a large ledger is drawn in a bounded number of marks."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import lxml.html
import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from pipeline.dashboard import shard_charts
from pipeline.dashboard.app import make_app
from pipeline.dashboard.timeline import BINS, clock, curves, most_at_once, per_bin, read_work
from pipeline.dashboard.view import BadQuestion, House
from pipeline.dashboard.views.shards import ACROSS, UP, ShardsAnswer, ShardsQuestion, answer
from pipeline.dashboard.watch import Seen, Watched
from pipeline.ledger import Cost, Ledger, Receipt
from pipeline.store import open_folder
from pipeline.sums import StageSum
from tests.dashboard.conftest import seen_of
from tests.pipeline.conftest import stats

pytestmark = pytest.mark.xdist_group("dashboard")
BEGAN = 1_700_000_000.0


@pytest.fixture(scope="module")
def seen(small_run: Path) -> Seen:
    return seen_of(small_run)


def asked(seen: Seen, **question: Any) -> ShardsAnswer:
    return answer(House({"run": seen}, 0.04), seen, ShardsQuestion(**question))


def receipts(run: Path) -> list[Receipt]:
    ledger = Ledger(open_folder(run))
    names = [path.name for path in (run / "ledger").iterdir() if path.is_dir()]
    return [receipt for name in names for receipt in ledger.closed(name)]


def test_stages_are_those_of_the_ledger(small_run: Path, seen: Seen) -> None:
    found, counts = asked(seen), stats(small_run)
    assert {one.stage: one.done for one in found.stages if one.done} == counts["stages"]
    for one in found.stages:
        assert one.core_seconds == pytest.approx(counts["core_seconds"].get(one.stage, 0.0), abs=2e-3)
    stored = receipts(small_run)
    assert found.matching == len(stored)
    assert sum(one.shards for one in found.hosts) == len(stored)
    assert sum(one.core_seconds for one in found.hosts) == pytest.approx(
        sum(counts["core_seconds"].values()), abs=0.05
    )
    extract = next(one for one in found.stages if one.stage == "extract")
    (own,) = [one for one in stored if one.stage == "extract"]
    assert (extract.started, extract.ended) == (own.cost.started, own.cost.started + own.cost.wall_seconds)
    assert extract.memory_median == extract.memory_max == own.cost.peak_memory > 0
    assert (extract.documents, extract.bytes) == (own.cost.documents, counts["bytes_in"])
    assert extract.documents_per_second == pytest.approx(own.cost.documents / own.cost.wall_seconds, rel=1e-3)


def test_rows_are_the_receipts_filtered_sorted_and_paged(small_run: Path, seen: Seen) -> None:
    stored = {(one.stage, one.shard): one for one in receipts(small_run)}
    found = asked(seen, limit=200)
    assert {(one.stage, one.shard) for one in found.rows} == set(stored)
    for one in found.rows:
        cost = stored[one.stage, one.shard].cost
        assert (one.started, one.wall_seconds, one.memory, one.host) == (
            cost.started,
            cost.wall_seconds,
            cost.peak_memory,
            cost.host,
        )
    for sort, key in (("wall", "wall_seconds"), ("core", "core_seconds"), ("documents", "documents")):
        values = [getattr(one, key) for one in asked(seen, sort=sort, limit=200).rows]
        assert values == sorted(values, reverse=True)
    begun = [one.started for one in asked(seen, sort="started", limit=200).rows]
    assert begun == sorted(begun, key=lambda one: one or 0)
    paged = [one for at in range(0, found.matching, 3) for one in asked(seen, limit=3, offset=at).rows]
    assert paged == found.rows
    assert {one.stage for one in asked(seen, stage="filter").rows} == {"filter"}
    with pytest.raises(BadQuestion, match=r"no stage `filtr`.*filter"):
        asked(seen, stage="filtr")


def made(stage: str, at: int, started: float, wall: float, memory: int = 1 << 20) -> Receipt:
    cost = Cost(
        core_seconds=wall / 2,
        wall_seconds=wall,
        documents=100,
        bytes_in=1000,
        started=started,
        peak_memory=memory,
        host=f"node{at % 7}",
    )
    return Receipt(
        stage=stage, shard=f"s{at:06d}", key="k", fingerprint="f", inputs=[], outputs=[], counts={},
        histograms={}, values={}, cost=cost,
    )  # fmt: skip


def with_receipts(seen: Seen, found: dict[str, list[Receipt]], planned: int | None = None) -> Seen:
    """The snapshot of a run whose receipts are these; `filter` is under way if so many shards are planned."""
    import dataclasses

    closed = {name: StageSum(name, found.get(name, [])) for name in seen.run.closed}
    folder = (
        dataclasses.replace(seen.run.folder) if dataclasses.is_dataclass(seen.run.folder) else seen.run.folder
    )
    run = dataclasses.replace(seen.run, closed=closed, folder=folder)
    stages = [
        {
            "stage": name,
            "closed": not (name == "filter" and planned is not None),
            "shards": planned if name == "filter" and planned is not None else len(closed[name]),
            "shards_done": len(closed[name]),
            "given_up": 0,
        }
        for name in ("extract", "filter")
    ]
    version = f"{len(found.get('extract', []))} {len(found.get('filter', []))} {planned}"
    return dataclasses.replace(seen, run=run, status=seen.status | {"stages": stages}, version=version)


def test_stragglers_and_the_expected_end(seen: Seen) -> None:
    extract = [made("extract", at, BEGAN + 10 * at, 10.0) for at in range(20)]
    extract[7] = made("extract", 7, BEGAN + 70, 80.0, memory=1 << 30)
    filtered = [made("filter", at, BEGAN + 300 + 4 * at, 4.0) for at in range(10)]
    found = asked(with_receipts(seen, {"extract": extract, "filter": filtered}, planned=40), limit=1)
    first, second = found.stages
    assert (first.wall_median, first.wall_max, first.slowest) == (10.0, 80.0, "s000007")
    assert (first.memory_median, first.memory_max) == (1 << 20, 1 << 30)
    assert (found.rows[0].shard, found.rows[0].slowness) == ("s000007", 8.0)
    assert first.expected_end is None
    # Ten shards took 40 seconds one after another, so thirty more take 120.
    assert (second.done, second.planned) == (10, 40)
    assert second.seconds_left == pytest.approx(120)
    assert second.expected_end == pytest.approx(BEGAN + 340 + 120)


def test_long_pauses_are_left_out_of_the_time(seen: Seen) -> None:
    day = 86_400.0
    extract = [made("extract", at, BEGAN + 10 * at + (day if at >= 5 else 0), 10.0) for at in range(10)]
    time = asked(with_receipts(seen, {"extract": extract})).timeline
    assert time is not None
    assert (time.pauses, time.began) == (1, BEGAN)
    assert time.seconds == pytest.approx(100)
    (one,) = time.curves
    assert one.most_at_once == 1
    assert one.at_work == pytest.approx([1.0] * BINS, abs=0.02)
    assert one.documents == pytest.approx([10.0] * BINS, rel=0.02)


Spans = st.lists(st.tuples(st.floats(0, 1000), st.floats(0, 200), st.floats(0, 50)), min_size=1, max_size=40)


@given(Spans)
@settings(max_examples=100, deadline=None)
def test_curves_hold_every_sum_and_agree_with_counting(spans: list[tuple[float, float, float]]) -> None:
    starts = np.array([one[0] for one in spans])
    ends = starts + np.array([one[1] for one in spans])
    amounts = np.array([one[2] for one in spans])
    edges = np.linspace(starts.min(), max(ends.max(), starts.min() + 1e-3), 31)
    found = per_bin(starts, ends, amounts, edges)
    assert found.sum() == pytest.approx(amounts.sum(), rel=1e-6, abs=1e-6)
    long = ends - starts > edges[1] - edges[0]
    for low, high, value in zip(
        edges[:-1], edges[1:], per_bin(starts[long], ends[long], amounts[long], edges), strict=True
    ):
        inside = np.clip(np.minimum(ends[long], high) - np.maximum(starts[long], low), 0, None)
        assert value == pytest.approx((amounts[long] * inside / (ends - starts)[long]).sum(), abs=1e-6)
    brute = max(int(((starts <= at) & ((ends > at) | (starts == at))).sum()) for at in starts)
    assert most_at_once(starts, ends) <= brute
    assert most_at_once(starts, ends) >= max(int(((starts <= at) & (ends > at)).sum()) for at in starts)


@given(Spans)
@settings(max_examples=100, deadline=None)
def test_working_time_is_never_longer_than_the_time_between(spans: list[tuple[float, float, float]]) -> None:
    starts = np.array([one[0] for one in spans])
    ends = starts + np.array([one[1] for one in spans])
    time = clock(starts, ends)
    assert 0 <= time.length <= ends.max() - starts.min() + 1e-9
    at = time.at(np.sort(np.concatenate([starts, ends])))
    assert (np.diff(at) >= 0).all()
    assert at[0] == 0
    assert at[-1] == pytest.approx(time.length)
    assert (time.at(ends) - time.at(starts) == pytest.approx(ends - starts)) or time.pauses == 0


def test_nothing_noted_is_no_timeline(seen: Seen) -> None:
    extract = [made("extract", at, 0.0, 10.0, memory=0) for at in range(3)]
    found = asked(with_receipts(seen, {"extract": extract}))
    assert found.timeline is None
    assert found.rows[0].started is None
    assert found.rows[0].memory is None
    assert found.stages[0].memory_median is None
    assert found.stages[0].ended is None
    assert asked(with_receipts(seen, {})).rows == []


def test_a_large_ledger_is_drawn_in_a_bounded_number_of_marks(seen: Seen) -> None:
    rng = np.random.default_rng(1)
    walls = rng.lognormal(3, 1, 20_000)
    extract = [made("extract", at, BEGAN + 3 * at, float(walls[at])) for at in range(20_000)]
    filtered = [made("filter", at, BEGAN + 70_000 + at, float(walls[at] / 9)) for at in range(20_000)]
    found = asked(with_receipts(seen, {"extract": extract, "filter": filtered}))
    time = found.timeline
    assert time is not None
    assert len(time.cells) <= 2 * ACROSS * UP
    for stage in ("extract", "filter"):
        assert sum(one.number for one in time.cells if one.stage == stage) == 20_000
    assert len(found.rows) == 30
    for chart in (shard_charts.at_work, shard_charts.documents, shard_charts.megabytes, shard_charts.began):
        drawn = lxml.html.fromstring(str(chart(time)))
        assert len(drawn.xpath(".//*")) < 2 * (2 * ACROSS * UP) + 100
    total = sum(sum(one.documents) for one in time.curves) * time.seconds / time.bins
    assert total == pytest.approx(4_000_000, rel=1e-3)


def test_a_stage_is_drawn_beside_its_name_however_few_its_shards_are(seen: Seen) -> None:
    """Many shards of one stage do not hide those of another, and no colour has to be told from another."""
    extract = [made("extract", at, BEGAN + at, 2.0) for at in range(500)]
    filtered = [made("filter", at, BEGAN + 100 + at, 2.0 + 5 * (at == 1)) for at in range(2)]
    time = asked(with_receipts(seen, {"extract": extract, "filter": filtered})).timeline
    assert time is not None
    assert [one.number for one in time.cells if one.stage == "filter"] == [1, 1]
    told = {one.stage: (one.wall_least, one.wall_most) for one in time.curves}
    assert told == {"extract": (2.0, 2.0), "filter": (2.0, 7.0)}
    for chart in (shard_charts.at_work, shard_charts.documents, shard_charts.megabytes, shard_charts.began):
        drawn = lxml.html.fromstring(str(chart(time)))
        assert {"extract", "filter"} <= set(drawn.xpath(".//text/text()"))
        kinds = {one.get("class") for one in drawn.xpath(".//circle | .//polygon")}
        assert len(kinds) == 1
    circles = lxml.html.fromstring(str(shard_charts.began(time))).xpath(".//circle")
    assert len(circles) == len(time.cells)


def test_charts_name_what_they_show_and_moments_are_utc(seen: Seen) -> None:
    time = asked(seen).timeline
    assert time is not None
    for chart in (shard_charts.at_work, shard_charts.documents, shard_charts.megabytes, shard_charts.began):
        drawn = lxml.html.fromstring(str(chart(time)))
        assert drawn.xpath("./title")[0].text
        assert drawn.xpath("./desc")[0].text
    names = lxml.html.fromstring(str(shard_charts.at_work(time))).xpath(".//text/text()")
    assert {one.stage for one in time.curves} <= set(names)
    assert shard_charts.moment(BEGAN) == "2023-11-14 22:13:20"
    assert shard_charts.moment(None) == "–"


def test_work_is_read_once_a_snapshot(seen: Seen) -> None:
    from pipeline.dashboard.timeline import work_of

    assert work_of(seen) is work_of(seen)
    other = with_receipts(seen, {"extract": [made("extract", 0, BEGAN, 1.0)]})
    assert len(work_of(other).receipts) == 1
    assert len(read_work(other.run).receipts) == 1
    edges, found = curves(read_work(other.run), {"n": np.array([5.0])})
    assert found["n"]["extract"].sum() * (edges[1] - edges[0]) == pytest.approx(5.0)


def test_a_stage_without_a_shard_has_no_numbers(small_run: Path, tmp_path: Path) -> None:
    """The next stage of a run that was stopped is planned, but nothing was measured of it."""
    shutil.copytree(small_run, tmp_path / "run")
    for path in sorted((tmp_path / "run" / "ledger" / "filter").iterdir()):
        path.unlink()
    watched = Watched(open_folder(tmp_path / "run"), "run")
    stages = {one.stage: one for one in asked(watched.look_to_the_end()).stages}
    assert (stages["filter"].done, stages["filter"].planned) == (0, 1)
    page = lxml.html.fromstring(
        TestClient(make_app({"run": watched}, {"testserver"})).get("/run/shards").text
    )
    (row,) = page.xpath("//tr[@data-stage='filter']")
    cells = [cell.text_content().strip() for cell in row.xpath("./td")]
    assert cells == ["0 of 1", *["–"] * 9, "none done"]
    (note,) = (text for text in page.xpath("//p/text()") if text.startswith("Not begun"))
    assert "filter" not in note


def test_the_page_and_its_twin(small_run: Path, tmp_path: Path) -> None:
    shutil.copytree(small_run, tmp_path / "run")
    watched = Watched(open_folder(tmp_path / "run"), "run")
    watched.look_to_the_end()
    client = TestClient(make_app({"run": watched}, {"testserver"}))
    for query in ("", "?stage=filter", "?sort=memory&limit=1&offset=2", "?stage=tokens"):
        page = client.get(f"/run/shards{query}")
        assert page.status_code == 200
        assert not re.search(r"<[^>]* (style|on\w+)=", page.text)
        told = client.get(f"/run/shards.json{query}").json()
        assert msgspec.convert(told, ShardsAnswer)
    assert client.get("/run/shards?stage=nowhere").status_code == 404
    assert client.get("/run/shards?sort=name").status_code == 400
