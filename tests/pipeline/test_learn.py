"""The learning half of a run: what retrains and what does not, arms without data, nothing held out, generating."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet as pq
import pytest

from filters.pii import EMAIL, PHONE
from mixes.errors import MixError
from mixes.mix import Mix, MixSettings, sequences_of
from pipeline.cli.learn import _lines
from pipeline.recipe import load
from pipeline.road import fingerprints
from pipeline.stages.learn import fitting
from tests.pipeline.conftest import ROOT, SMALL, sets, sluice, stats
from train.config import AnnealSettings, Arm, TrainSettings, decisive

pytestmark = pytest.mark.xdist_group("learn")

SUPPLY = {"general": 40_000, "law": 100, "software": 90_000}  # law: less than one sequence of 256
FILLING, REFUSING = MixSettings(over_cap="water-fill"), MixSettings(over_cap="refuse")


def arms(*weights: Any) -> TrainSettings:
    named = tuple(Arm(name=f"arm{number}", weights=one) for number, one in enumerate(weights))
    return TrainSettings(anneal=AnnealSettings(arms=named))


def used(train: TrainSettings) -> list[Any]:
    return [arm.weights for arm in train.anneal.arms]


def receipts(run: Path, stage: str) -> dict[str, dict[str, Any]]:
    found = {}
    for path in sorted((run / "ledger" / stage).glob("*.json")):
        if path.name != "manifest.json":
            receipt = json.loads(path.read_text())
            found[receipt["shard"]] = receipt
    return found


def written(run: Path) -> dict[str, int]:
    """When each file of the learning stages and its receipt was written."""
    names = ("ledger/tokens", "ledger/train", "ledger/anneal", "ledger/eval", "model", "eval")
    files = [path for name in names for path in (run / name).rglob("*") if path.is_file()]
    return {str(path): path.stat().st_mtime_ns for path in files if path.name != "manifest.json"}


@pytest.fixture
def copy(clean: Path, tmp_path: Path) -> Path:
    """A finished run of one's own."""
    return Path(shutil.copytree(clean, tmp_path / "run"))


def test_an_arm_keeps_the_weights_that_the_corpus_can_feed() -> None:
    given = arms("stable", "natural", {"law": 1.0, "software": 2.0}, {"software": 1.0, "general": 0.0})
    assert used(fitting(given, FILLING, SUPPLY)) == [
        "stable",
        "natural",
        {"software": 2.0},
        {"software": 1.0, "general": 0.0},
    ]


def test_an_arm_that_the_corpus_cannot_feed_goes_on_with_the_stable_mix() -> None:
    given = arms({"software": 1.0}, {"science": 0.5, "reference": 0.5}, {"law": 1.0, "general": 0.0})
    assert used(fitting(given, FILLING, SUPPLY)) == [{"software": 1.0}, "stable", "stable"]


@pytest.mark.parametrize(
    ("name", "words"), [("science", "no domain 'science'"), ("law", "'law' has too few")]
)
def test_a_mix_that_refuses_names_the_arm_and_the_domains(name: str, words: str) -> None:
    with pytest.raises(MixError, match=rf"^train\.anneal\.arms\[2\]\.weights: .*{words}") as caught:
        fitting(arms("stable", {"software": 1.0}, {name: 1.0}), REFUSING, SUPPLY)
    assert "there are general, law, software" in str(caught.value)


@pytest.mark.parametrize("mix", [FILLING, REFUSING])
def test_a_misspelt_domain_is_a_mistake_under_any_mix(mix: MixSettings) -> None:
    with pytest.raises(MixError, match=r"train\.anneal\.arms\[0\]\.weights: .* did you mean 'software'"):
        fitting(arms({"sofware": 1.0}), mix, SUPPLY)


def test_sequences_are_those_of_the_mix() -> None:
    sizes = sequences_of(SUPPLY, 256)
    assert sizes == {"general": 156, "law": 0, "software": 351}
    mix = Mix.build(SUPPLY, MixSettings(), sequence=256, sequences=4)
    assert dict(zip(mix.domains, mix.plan.sizes, strict=True)) == sizes


def test_what_decides_no_byte_is_in_no_fingerprint() -> None:
    def train(*changes: str) -> str:
        return fingerprints(load("tiny", list(changes)), ("tokens", "train"))["train"]

    same = ("train.checkpoint_steps=7", "train.keep_checkpoints=9", "train.when_short=refuse")
    assert train(*same) == train()
    for change in ("train.log_steps=3", "train.seed=5", "train.depth=3", "train.tokens=1000", "mix.seed=1"):
        assert train(change) != train(), change
    decided = decisive(TrainSettings())
    assert set(msgspec.to_builtins(TrainSettings())) - set(decided) == {
        "checkpoint_steps",
        "keep_checkpoints",
        "when_short",
        "anneal",
    }


def test_how_often_a_finished_run_would_be_saved_recomputes_nothing(sample: Path, copy: Path) -> None:
    before = written(copy)
    others = [*SMALL, "train.checkpoint_steps=7", "train.keep_checkpoints=5", "train.when_short=refuse"]
    done = sluice("run", "tiny", "--input", sample, "--out", copy, *sets(others))
    assert written(copy) == before
    assert "train: done" not in done.stderr


def _wait_for(found: Iterator[bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not next(found):
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_killed_training_resumes_under_another_number_of_checkpoints(sample: Path, copy: Path) -> None:
    longer = [*SMALL, "train.tokens=60000", "train.checkpoint_steps=10", "train.anneal.arms=[]"]
    command = [sys.executable, "-m", "pipeline", "run", "tiny", "--input", str(sample), "--out", str(copy)]
    process = subprocess.Popen(
        [*command, *sets(longer)], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _wait_for(any((copy / "_work").glob("train-*/checkpoints/step-*")) for _ in iter(int, 1))
    process.send_signal(signal.SIGKILL)
    process.wait()
    (lines,) = (copy / "_work").glob("train-*/metrics.jsonl")
    first, rest = lines.read_bytes().split(b"\n", 1)
    marked = msgspec.json.encode({**msgspec.json.decode(first), "loss": 99.0})
    lines.write_bytes(marked + b"\n" + rest)
    others = [*longer, "train.keep_checkpoints=7", "train.checkpoint_steps=13"]
    sluice("run", "tiny", "--input", sample, "--out", copy, *sets(others))
    # Only a run that went on from its checkpoint keeps the line that it had written before.
    metrics = (copy / "model" / "stable" / "metrics.jsonl").read_text().splitlines()
    assert json.loads(metrics[0])["loss"] == 99.0
    assert [json.loads(line)["step"] for line in metrics] == list(range(1, len(metrics) + 1))


def test_nothing_held_out_and_an_arm_without_data(sample: Path, copy: Path) -> None:
    lonely = "[{name: no_decay, decay: none}, {name: better, weights: {health: 0.5, books: 0.5}}]"
    others = [*SMALL, "tokenize.heldout=0", f"train.anneal.arms={lonely}"]
    sluice("run", "tiny", "--input", sample, "--out", copy, *sets(others))
    assert stats(copy)["tokens"]["heldout"] == 0
    (path,) = (copy / "eval").glob("better-*.json")
    scores = json.loads(path.read_text())
    assert scores["domains"] == {}
    assert (scores["overall"]["documents"], scores["overall"]["bits_per_byte"]) == (0, None)
    made = receipts(copy, "anneal")
    assert made["better"]["values"]["fallback"] == {
        "weights": "stable",
        "no_tokens_of": ["books", "health"],
    }
    assert "fallback" not in made["no_decay"]["values"]
    page = (copy / "report.html").read_text()
    assert 'data-model="better"' in page
    assert "the corpus holds no tokens of books, health" in page
    assert "due to the data alone" not in page
    assert ">nan<" not in page.lower()


def test_titles_are_masked_with_their_text(tmp_path: Path) -> None:
    prose = (
        "The harbour was opened in the morning and nobody objected to the noise of the ships that came in."
    )
    rows = [
        {
            "id": "a",
            "text": f"{prose} Write to ann@mail.org.",
            "title": "Ann (ann@mail.org), tel 0494 92 82 32",
        },
        {"id": "b", "text": f"{prose} It stayed so.", "title": "Plain"},
        {"id": "c", "text": f"{prose} There was no title."},
    ]
    (tmp_path / "d.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "plain.yaml").write_text("name: plain\npii: {phones: true}\n")
    run = tmp_path / "run"
    sluice("run", tmp_path / "plain.yaml", "--input", tmp_path / "d.jsonl", "--out", run, "--until", "corpus")
    (path,) = (run / "corpus").glob("*.parquet")
    found = {row["id"]: row for row in pq.read_table(path).to_pylist()}
    first = next(row for row in found.values() if "Write to" in row["text"])
    assert first["title"] == f"Ann ({EMAIL}), tel {PHONE}"
    assert first["text"].endswith(f"Write to {EMAIL}.")
    assert (first["pii_emails"], first["pii_phones"]) == (2, 1)
    assert sorted(str(row["title"]) for row in found.values())[1:] == ["None", "Plain"]


def test_generated_lines_and_tabs_are_printed_and_nothing_else_acts() -> None:
    assert _lines("a\tb\n\n\x1b[31mc\u202e\r") == "a\tb\n\n\\u001b[31mc\\u202e\\u000d"


def test_generate(clean: Path) -> None:
    done = sluice("generate", clean / "model", "--prompt", "def open():\n\treturn", "--tokens", "3")
    assert done.stdout.startswith("def open():\n\treturn")
    bad = sluice("generate", clean / "model", "--prompt", os.fsdecode(b"caf\xe9"), check=False)
    assert bad.returncode == 2
    assert "is not UTF-8" in bad.stderr
    assert bad.stderr.count("\n") == 1
