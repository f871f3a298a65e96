"""Failures: every failed record is listed once with its place, damaged and missing inputs are named, pages add up."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import msgspec
import pytest
from starlette.testclient import TestClient

from pipeline.dashboard.app import make_app
from pipeline.dashboard.view import BadQuestion, House
from pipeline.dashboard.views import failures
from pipeline.dashboard.views.failures import FailuresAnswer, FailuresQuestion, FailuresRecord, answer
from pipeline.dashboard.watch import Seen, Watched
from pipeline.ledger import GivenUp, Ledger
from pipeline.record import _MESSAGES
from pipeline.report.fault_kinds import FAILED, PROBLEMS
from pipeline.store import open_folder
from tests.dashboard.conftest import seen_of
from tests.pipeline.conftest import rows, sluice, stats

pytestmark = pytest.mark.xdist_group("dashboard")
HOLES = (100_000, 250_000)  # bytes of the WARC where zeros are written


@pytest.fixture(scope="module")
def hurt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run over a WARC with two broken members that ends inside a record, rows that are none, and a missing file."""
    folder = tmp_path_factory.mktemp("hurt")
    sluice("sample", folder / "whole.warc.gz", "--pages", "60")
    data = bytearray((folder / "whole.warc.gz").read_bytes())
    for at in HOLES:
        data[at : at + 60] = bytes(60)
    (folder / "broken.warc.gz").write_bytes(data[:-300])
    inputs = [folder / "broken.warc.gz", folder / "absent.warc.gz"]
    done = sluice(
        "run", "tiny", "--input", *inputs, "--out", folder / "run", "--until", "extract", check=False
    )
    assert done.returncode == 3, done.stderr
    return folder / "run"


@pytest.fixture(scope="module")
def seen(hurt: Path) -> Seen:
    return seen_of(hurt)


def asked(seen: Seen, **question: Any) -> FailuresAnswer:
    return answer(House({"run": seen}, 0.04), seen, FailuresQuestion(**question))


def test_kinds_are_those_of_stats_and_are_explained(hurt: Path, seen: Seen) -> None:
    found, counts = asked(seen), stats(hurt)
    assert {one.kind: one.number for one in found.kinds} == counts["failed"]
    assert {"missing", "corrupt_member", "truncated"} <= set(counts["failed"])
    assert found.failed == sum(counts["failed"].values())
    assert all(one.meaning for one in found.kinds)
    assert {one.kind: one.number for one in found.problems} == counts["problems"]


def test_every_kind_of_damage_is_explained() -> None:
    assert set(_MESSAGES) <= set(FAILED)
    assert all(one and not one.endswith(".") for one in (FAILED | PROBLEMS).values())


def test_every_failed_record_is_listed_once_with_its_place(hurt: Path, seen: Seen) -> None:
    stored = rows(hurt, "failed")
    found = asked(seen, limit=200).records
    assert sorted(one.id for one in found) == sorted(stored)
    for one in found:
        row = stored[one.id]
        assert (one.kind, one.offset, one.length) == (row["kind"], row["warc_offset"], row["warc_length"])
        assert one.file in ("broken.warc.gz", "absent.warc.gz")
    places = [(one.offset, one.length) for one in found if one.kind == "corrupt_member"]
    for hole in HOLES:
        assert any(at is not None and length and at <= hole < at + length for at, length in places)


def test_inputs_that_are_missing_or_damaged_are_named(seen: Seen) -> None:
    found = {one.file: one for one in asked(seen).files}
    assert found["absent.warc.gz"].missing
    assert found["absent.warc.gz"].size == -1
    assert found["absent.warc.gz"].records == 1
    assert not found["broken.warc.gz"].missing
    assert sum(one.records for one in found.values()) == asked(seen).matching


def test_pages_and_filters_add_up(seen: Seen) -> None:
    everything = asked(seen, limit=200)
    paged: list[FailuresRecord] = []
    for offset in itertools.count(0, 2):
        page = asked(seen, limit=2, offset=offset)
        assert page.matching == everything.matching
        if not page.records:
            break
        paged += page.records
    assert paged == everything.records
    for kind in {one.kind for one in everything.records}:
        own = [one for one in everything.records if one.kind == kind]
        found = asked(seen, kind=kind, limit=200)
        assert (found.records, found.matching, found.complete) == (own, len(own), True)
        assert asked(seen, kind=kind, offset=1, limit=1).records == own[1:2]
    own = [one for one in everything.records if one.file == "broken.warc.gz"]
    assert asked(seen, file="broken.warc.gz", limit=200).records == own
    assert asked(seen, file="absent.warc.gz", kind="corrupt_member").records == []


def test_only_so_many_files_are_searched_for_a_kind(seen: Seen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failures, "SCANNED", 1)
    found = asked(seen, kind="corrupt_member")
    assert (found.looked_at, found.complete) == (1, False)
    assert asked(seen).complete


def test_shards_that_were_given_up_are_listed(hurt: Path, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(hurt, tmp_path / "run")
    ledger = Ledger(open_folder(tmp_path / "run"))
    manifest = ledger.manifest("extract")
    assert manifest is not None
    lost = GivenUp(shard="other.warc.gz-000000000000", reason="MemoryError <b>\x1b[31m")
    ledger.write_manifest(msgspec.structs.replace(manifest, given_up=[lost]))
    found = asked(seen_of(tmp_path / "run"))
    assert [(one.stage, one.shard) for one in found.given_up] == [("extract", lost.shard)]
    assert next(one.number for one in found.kinds if one.kind == "shard_given_up") == 1
    watched = Watched(open_folder(tmp_path / "run"), "run")
    watched.look_to_the_end()
    page = TestClient(make_app({"run": watched}, {"testserver"})).get("/run/failures").text
    assert "MemoryError &lt;b&gt;\\u001b[31m" in page
    assert "\x1b" not in page


def test_what_is_not_there_is_refused(hurt: Path, seen: Seen) -> None:
    with pytest.raises(BadQuestion, match=r"no record failed as `corupt_member`.*corrupt_member"):
        asked(seen, kind="corupt_member")
    with pytest.raises(BadQuestion, match="no input file"):
        asked(seen, file="../../etc/passwd")
    watched = Watched(open_folder(hurt), "run")
    watched.look_to_the_end()
    client = TestClient(make_app({"run": watched}, {"testserver"}))
    assert client.get("/run/failures?kind=missing&limit=1").status_code == 200
    assert client.get("/run/failures.json?offset=-1").status_code == 400
    assert client.get("/run/failures?limit=201").status_code == 400


def test_a_run_without_failures_says_none(small_run: Path) -> None:
    found = asked(seen_of(small_run))
    assert found.failed == sum(stats(small_run)["failed"].values())
    assert len(found.records) == found.failed
    assert found.given_up == []
