"""The ledger as the only truth: what counts after a change of recipe, and every flipped byte found."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from pipeline.ledger import (
    Cost,
    Input,
    Ledger,
    Manifest,
    NondeterminismError,
    Output,
    Receipt,
    is_whole,
    sealed,
)
from pipeline.store import open_folder
from tests.pipeline.conftest import SMALL, sets, sluice, stats

pytestmark = pytest.mark.xdist_group("ledger")


def receipt(sha256: str = "a" * 64, core_seconds: float = 1.0, key: str = "k") -> Receipt:
    return Receipt(
        stage="filter",
        shard="s",
        key=key,
        fingerprint="f",
        inputs=[Input(name="extracted", digest="d")],
        outputs=[Output(name="documents/s.parquet", rows=1, bytes=2, sha256=sha256)],
        counts={"in": 1},
        histograms={},
        values={},
        cost=Cost(core_seconds=core_seconds, wall_seconds=2.0),
    )


def test_the_first_committer_wins(tmp_path: Path) -> None:
    ledger = Ledger(open_folder(tmp_path))
    first = sealed(receipt(core_seconds=1.0))
    assert is_whole(first)
    assert ledger.commit(first) == first
    assert Ledger(open_folder(tmp_path)).commit(receipt(core_seconds=9.0)) == first
    with pytest.raises(NondeterminismError, match="computed twice with different results"):
        Ledger(open_folder(tmp_path)).commit(receipt(sha256="b" * 64))


def test_seals() -> None:
    parts: dict[str, Any] = {"keys": ["k"], "receipts": ["s-k.json"], "receipt_sha256": ["x"], "digest": "d"}
    manifest = sealed(Manifest(stage="filter", fingerprint="f", settings={"a": [1, 2]}, **parts))
    assert is_whole(manifest)
    changed = Manifest(stage="filter", fingerprint="f", settings={"a": [1, 3]}, **parts, seal=manifest.seal)
    assert not is_whole(changed)


@pytest.fixture
def run(clean: Path, tmp_path: Path) -> Path:
    shutil.copytree(clean, tmp_path / "run")
    return tmp_path / "run"


def adds_up(run: Path) -> dict[str, Any]:
    found = stats(run)
    fates = ("skipped", "failed", "dropped", "duplicates", "removed")
    assert found["records"] == found["corpus"] + sum(sum(found[name].values()) for name in fates)
    assert json.loads(sluice("verify", run, "--json").stdout)["ok"]
    return found


def test_a_stage_that_the_recipe_drops_no_longer_counts(sample: Path, run: Path) -> None:
    before = stats(run)
    assert sum(before["duplicates"].values()) > 0
    words = [
        "run",
        "tiny",
        "--input",
        sample,
        "--out",
        run,
        "--until",
        "corpus",
        *sets([*SMALL, "dedup=null"]),
    ]
    sluice(*words)
    after = adds_up(run)
    assert after["duplicates"] == {}
    assert after["corpus"] == before["corpus"] + sum(before["duplicates"].values())
    assert not (run / "duplicates").exists() or not list((run / "duplicates").iterdir())
    assert after["tokens"] == {"train": 0, "heldout": 0}


def test_what_follows_a_changed_stage_no_longer_counts(sample: Path, run: Path) -> None:
    changed = [*SMALL, "extract.page_bytes=3000000"]
    sluice("run", "tiny", "--input", sample, "--out", run, "--until", "extract", *sets(changed))
    found = adds_up(run)
    assert found["dropped"] == {}
    states = {
        one["stage"]: one["closed"] for one in json.loads(sluice("status", run, "--json").stdout)["stages"]
    }
    assert states["extract"]
    assert not any(closed for name, closed in states.items() if name != "extract")


def test_until_an_earlier_stage_leaves_the_later_ones(sample: Path, clean: Path, run: Path) -> None:
    done = sluice("run", "tiny", "--input", sample, "--out", run, "--until", "corpus", *sets(SMALL))
    assert "nothing to compute" in done.stderr
    assert stats(run)["digest"] == stats(clean)["digest"]


def test_an_arm_that_is_gone_leaves_nothing(sample: Path, run: Path) -> None:
    sluice(
        "run", "tiny", "--input", sample, "--out", run, *sets([*SMALL, "train.anneal.arms=[{name: only}]"])
    )
    assert sorted(path.name for path in (run / "model" / "anneal").iterdir() if any(path.iterdir())) == [
        "only"
    ]
    adds_up(run)


def test_every_file_is_covered(run: Path) -> None:
    """A flipped bit in any file is found: outputs, receipts, manifests, root, recipe, inputs, report."""
    from pipeline.verify import verify

    files = sorted(
        path for path in run.rglob("*") if path.is_file() and path.parts[-2] not in ("_tmp", "_work")
    )
    unseen = []
    for path in files:
        whole = path.read_bytes()
        if not whole:
            continue
        at = len(whole) * 2 // 3
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x04]) + whole[at + 1 :])
        try:
            if verify(open_folder(run))["ok"]:
                unseen.append(str(path.relative_to(run)))
        finally:
            path.write_bytes(whole)
    assert not unseen
    assert len(files) > 60
    assert json.loads(sluice("verify", run, "--json").stdout)["ok"]


def test_a_high_byte_in_the_ledger_is_no_crash(run: Path) -> None:
    for path in [
        run / "ledger" / "filter" / "manifest.json",
        next((run / "ledger" / "corpus").glob("s*.json")),
    ]:
        path.write_bytes(path.read_bytes().replace(b"stage", b"st\xffge", 1))
    done = sluice("verify", run, "--json", check=False)
    assert done.returncode == 1
    assert len(json.loads(done.stdout)["bad"]) == 2
    sluice("repair", run)
    adds_up(run)


def test_a_lost_manifest_is_found_and_made_again(clean: Path, run: Path) -> None:
    (run / "ledger" / "corpus" / "manifest.json").unlink()
    assert sluice("verify", run, check=False).returncode == 1
    sluice("repair", run)
    assert adds_up(run)["digest"] == stats(clean)["digest"]


def test_repair_from_another_place_and_of_one_stage(sample: Path, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "there").mkdir()
    shutil.copy(sample, tmp_path / "here" / "sample.warc.gz")
    before = Path.cwd()
    os.chdir(tmp_path / "here")
    try:
        sluice("filter", "--input", tmp_path / "here" / "sample.warc.gz", "--out", tmp_path / "out")
    finally:
        os.chdir(before)
    digest = stats(tmp_path / "out")["digest"]
    path = next((tmp_path / "out" / "documents").iterdir())
    path.write_bytes(path.read_bytes()[:-1])
    sluice("repair", tmp_path / "out")
    assert stats(tmp_path / "out")["digest"] == digest
    folders = {
        path.name for path in (tmp_path / "out").iterdir() if path.is_dir() and not path.name.startswith("_")
    }
    assert folders == {"ledger", "documents", "dropped", "signals"}


def test_names_that_look_alike_stay_apart(tmp_path: Path) -> None:
    for name, rows in (("a b.jsonl", 5), ("a_b.jsonl", 7), ("\u0436.jsonl", 2), ("\u0438.jsonl", 3)):
        lines = [json.dumps({"id": f"{name}{row}", "text": f"text {row}"}) for row in range(rows)]
        (tmp_path / name).write_text("\n".join(lines))
    sluice("extract", "--input", tmp_path, "--out", tmp_path / "out")
    assert stats(tmp_path / "out")["records"] == 17


def test_another_recipe_at_the_same_time_is_refused(sample: Path, tmp_path: Path) -> None:
    from pipeline.errors import UserError
    from pipeline.lock import refuse_if_running, working

    folder = open_folder(tmp_path)
    with working(folder, "first" * 5), working(folder, "first" * 5):
        with pytest.raises(UserError, match="another run with other settings"), working(folder, "second" * 5):
            pass
        with pytest.raises(UserError, match="a run is at work"):
            refuse_if_running(folder)
    with working(folder, "second" * 5):
        pass
    refuse_if_running(folder)
