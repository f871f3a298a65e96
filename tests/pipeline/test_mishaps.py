"""What people and machines do to a run folder, and what the next command says."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipeline.engine.task import Event, Failed, Task, describe
from pipeline.inputs import find_inputs
from pipeline.ledger import Ledger
from pipeline.recipe import load
from pipeline.road import Road, stages_of
from pipeline.stages.stage import Shard
from pipeline.store import open_folder
from tests.pipeline.conftest import ROOT, SMALL, sets, sluice, stats

pytestmark = pytest.mark.xdist_group("mishaps")


@pytest.fixture(scope="module")
def filtered(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("filtered") / "run"
    sluice("run", "tiny", "--input", sample, "--out", run, "--until", "corpus")
    return run


@pytest.fixture
def run(filtered: Path, tmp_path: Path) -> Path:
    shutil.copytree(filtered, tmp_path / "run")
    return tmp_path / "run"


def again(sample: Path, run: Path, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    return sluice("run", "tiny", "--input", sample, "--out", run, "--until", "corpus", *words, check=check)


def of_two_files(sample: Path, folder: Path) -> list[str | Path]:
    """A run on two copies of the sample into `folder`/run."""
    copies = [folder / "a.warc.gz", folder / "b.warc.gz"]
    for copy in copies:
        shutil.copy(sample, copy)
    return ["run", "tiny", "--input", *copies, "--out", folder / "run"]


def edit(path: Path, pattern: str, replacement: str) -> None:
    text = path.read_text()
    changed = re.sub(pattern, replacement, text, count=1)
    assert changed != text
    path.write_text(changed)


def test_a_damaged_receipt_is_not_taken_for_the_truth(sample: Path, run: Path, filtered: Path) -> None:
    receipt = next((run / "ledger/filter").glob("sample*.json"))
    edit(receipt, r'("in": \d)', r"\g<1>7")
    done = again(sample, run, check=False)
    assert done.returncode == 1
    assert "sluice repair" in done.stderr
    assert sluice("verify", run, check=False).returncode == 1
    sluice("repair", run)
    assert stats(run)["digest"] == stats(filtered)["digest"]


@pytest.mark.parametrize("verb", ["run", "filter"])
def test_repair_without_the_root_goes_no_further_than_the_run_did(
    verb: str, sample: Path, run: Path, tmp_path: Path
) -> None:
    folder = run
    if verb == "filter":
        folder = tmp_path / "alone"
        sluice("filter", "tiny", "--input", sample, "--out", folder)
    before = sorted(path.name for path in folder.iterdir() if path.is_dir())
    digest = stats(folder)["digest"]
    edit(folder / "ledger/root.json", "stages", "stagez")
    sluice("repair", folder)
    assert sorted(path.name for path in folder.iterdir() if path.is_dir()) == before
    assert stats(folder)["digest"] == digest
    sluice("verify", folder)


def test_repair_reads_no_input_that_it_does_not_need(sample: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    sluice(*of_two_files(sample, tmp_path), "--until", "filter")
    digest = stats(folder)["digest"]
    (tmp_path / "b.warc.gz").unlink()
    next((folder / "documents").glob("b*")).unlink()
    sluice("repair", folder)
    assert stats(folder)["digest"] == digest
    next((folder / "extracted").glob("b*")).unlink()
    there = sorted(path for path in folder.rglob("*") if path.is_file())
    refused = sluice("repair", folder, check=False)
    assert (refused.returncode, "put it back" in refused.stderr) == (1, True)
    assert sorted(path for path in folder.rglob("*") if path.is_file()) == there
    shutil.copy(sample, tmp_path / "b.warc.gz")
    sluice("repair", folder)
    assert stats(folder)["digest"] == digest


def test_a_damaged_list_of_inputs_is_written_again(sample: Path, run: Path, filtered: Path) -> None:
    edit(
        run / "inputs.json", r'"digest": "(.)', lambda found: f'"digest": "{"1" if found[1] == "0" else "0"}'
    )  # type: ignore[arg-type]
    assert sluice("verify", run, check=False).returncode == 1
    assert "nothing to compute" in again(sample, run).stderr
    sluice("verify", run)
    assert stats(run)["digest"] == stats(filtered)["digest"]


def test_a_missing_file_of_an_earlier_stage_names_the_repair(sample: Path, run: Path) -> None:
    for path in (run / "documents").iterdir():
        path.unlink()
    done = again(sample, run, "--set", "dedup.minhash.seed=5", check=False)
    assert done.returncode == 1
    assert f"sluice repair {run}" in done.stderr


def test_a_full_disk_stops_the_run_and_publishes_nothing_half(sample: Path, tmp_path: Path) -> None:
    def small_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (200 << 10, 200 << 10))

    words = ["run", "tiny", "--input", str(sample), "--out", str(tmp_path / "run"), "--until", "corpus"]
    command = [sys.executable, "-m", "pipeline", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, preexec_fn=small_files)
    assert done.returncode == 1, done.stderr
    assert "no space left" in done.stderr
    assert "given up" not in done.stderr
    assert not list((tmp_path / "run").glob("ledger/*/manifest.json"))


@pytest.mark.parametrize("number", [28, 27, 122])
def test_no_space_ends_every_shard(number: int, tmp_path: Path) -> None:
    task = Task(
        run=str(tmp_path), stage="filter", fingerprint="", recipe=b"", shard=Shard(name="s", inputs=[])
    )
    assert describe(OSError(number, "full"), task).startswith("!no space left")
    assert describe(OSError(5, "broken"), task).startswith("OSError")


def test_what_another_run_has_committed_is_not_given_up(sample: Path, run: Path) -> None:
    """A run that finds its input released by a faster one takes what that one made of it."""
    recipe, files = load("tiny"), find_inputs([str(sample)])
    active = stages_of(recipe, files, None, "corpus")
    road = Road(folder=open_folder(run), recipe=recipe, files=files, active=active, whole=active)
    before = stats(run)["digest"]
    receipts = {path.name: path.read_bytes() for path in (run / "ledger/filter").glob("sample*.json")}

    class Late:
        """An engine whose workers come too late, as another run commits the same shards."""

        name = "late"

        def run(self, tasks: list[Task], on_event: Callable[[Event], None], alone: bool = False) -> None:
            for name, data in receipts.items():
                (run / "ledger/filter" / name).write_bytes(data)
            for task in tasks:
                on_event(Failed(task=task, reason="FileNotFoundError"))

    for name in receipts:
        (run / "ledger/filter" / name).unlink()
    Ledger(open_folder(run)).reopen("filter")
    outcome = road.walk(lambda: Late(), Silent())  # type: ignore[arg-type, return-value]
    assert not outcome.given_up
    assert stats(run)["digest"] == before


class Silent:
    """A watcher that draws nothing."""

    def stage(self, name: str, shards: int, done: Any) -> None: ...

    def event(self, event: Event) -> None: ...

    def closed(self, name: str) -> None: ...


def test_duplicates_in_a_lost_corpus_shard_are_counted_once(sample: Path, tmp_path: Path) -> None:
    words = of_two_files(sample, tmp_path)
    sluice(*words, "--until", "corpus")
    lost = next((tmp_path / "run/documents").glob("b*"))
    data = bytearray(lost.read_bytes())
    data[len(data) // 3] ^= 0xFF
    lost.write_bytes(data)
    done = sluice(*words, "--until", "corpus", "--set", "pii.phones=false", check=False)
    assert done.returncode == 3, done.stderr
    found = stats(tmp_path / "run")
    rows = sum(pq.read_metadata(path).num_rows for path in (tmp_path / "run/corpus").glob("*.parquet"))
    assert found["corpus"] == rows == sum(found["domains"].values())


@pytest.mark.parametrize("delay", [0.05, 0.2, 0.5, 1.0])
def test_an_early_interrupt_leaves_no_traceback(delay: float, sample: Path, tmp_path: Path) -> None:
    words = ["run", "tiny", "--input", str(sample), "--out", str(tmp_path / "run"), "--until", "corpus"]
    code = "import pipeline.cli, sys; print('up', flush=True); pipeline.cli.main()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, *words],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(delay)  # the moment is the parameter
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert "Traceback" not in said
    assert process.returncode == 130, said


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["recipes", b"x\xff"], "is not UTF-8"),
        (["why", "RUN", b"a\xff"], "is not UTF-8"),
        (["run", "tiny", "--input", b"x\xff.warc.gz"], "is not UTF-8"),
    ],
)
def test_words_that_are_not_utf8(words: list[str | bytes], message: str) -> None:
    command = [os.fsencode(sys.executable), b"-m", b"pipeline", *(os.fsencode(word) for word in words)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True)
    assert done.returncode == 2
    assert message in done.stderr.decode()
    assert b"details" not in done.stderr


def test_why_knows_what_was_skipped(sample: Path, run: Path) -> None:
    lines = [json.loads(line) for line in sluice("records", sample, "--json").stdout.splitlines()]
    missing = next(line for line in lines if line["status"] == 404)
    for key in (missing["url"], f"{missing['file']}@{missing['offset']}"):
        story = json.loads(sluice("why", run, key, "--json").stdout)
        assert (story["fate"], story["reason"], story["url"]) == ("skipped", "not_ok", missing["url"])
    request = next(line for line in lines if line["type"] == "request")
    said = sluice("why", run, f"{request['file']}@{request['offset']}").stdout
    assert "skipped: request" in said
    assert (
        "no document with the id or URL" in sluice("why", run, "https://nowhere.example/", check=False).stderr
    )


def test_why_finds_tokens_where_there_is_nothing_else(sample: Path, tmp_path: Path) -> None:
    sluice("tokenize", "tiny", "--input", sample, "--out", tmp_path / "t", "--set", "tokenize.vocabulary=512")
    table = next((tmp_path / "t/tokens").glob("*.parquet"))
    id_ = pq.read_table(table, columns=["id"])["id"][0].as_py()
    story = json.loads(sluice("why", tmp_path / "t", id_, "--json").stdout)
    assert story["tokens"]["length"] > 0


def test_plan_and_status_count_what_is_done_before_a_stage_is_closed(sample: Path, run: Path) -> None:
    (run / "ledger/filter/manifest.json").unlink()
    next((run / "ledger/filter").glob("sample*.json")).unlink()
    found = {one["stage"]: one for one in json.loads(sluice("status", run, "--json").stdout)["stages"]}
    shards = found["extract"]["shards"]
    assert (found["filter"]["shards"], found["filter"]["shards_done"]) == (shards, shards - 1)
    assert (found["train"]["shards"], found["train"]["shards_done"]) == (None, 0)
    (run / "ledger/extract/manifest.json").unlink()
    plan = json.loads(
        sluice("plan", "tiny", "--input", sample, "--out", run, "--pages", "5", "--json").stdout
    )
    assert plan["extract_shards_done"] == plan["extract_shards"] == shards


def test_what_a_narrower_recipe_removes_is_said(sample: Path, run: Path) -> None:
    done = sluice("extract", "tiny", "--input", sample, "--out", run)
    assert re.search(r"^corpus: removed", done.stderr, re.MULTILINE)
    assert not (run / "corpus").exists() or not list((run / "corpus").iterdir())


def test_checkpoints_of_an_abandoned_training_go(sample: Path, clean: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(clean, folder)
    old = folder / "_work" / "train-stable-0123456789ab"
    old.mkdir(parents=True)
    (old / "weights").write_bytes(b"x" * 100)
    sluice("run", "tiny", "--input", sample, "--out", folder, *sets(SMALL))
    assert not (folder / "_work").exists()


def test_repair_leaves_the_recipe_as_it_was(run: Path) -> None:
    before = (run / "recipe.yaml").read_bytes()
    next((run / "documents").glob("*.parquet")).unlink()
    sluice("repair", run)
    assert (run / "recipe.yaml").read_bytes() == before


def test_a_run_folder_behind_a_file_system_with_real_folders(sample: Path, run: Path, tmp_path: Path) -> None:
    url = f"local://{tmp_path}/a/b/remote"
    sluice("run", "tiny", "--input", sample, "--out", url, "--until", "corpus")
    assert stats(url)["digest"] == stats(run)["digest"]


def test_a_closed_pipe_is_not_the_input_s_fault(sample: Path) -> None:
    command = f"{sys.executable} -m pipeline records {sample} {sample} | head -1"
    done = subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""
