"""The contract of the command line: exit codes, one-line errors, counts that add up, resuming, single stages."""

from __future__ import annotations

import gzip
import json
import resource
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipeline.cli.arguments import spread
from tests.pipeline.conftest import SMALL, sets, sluice, stats

pytestmark = pytest.mark.xdist_group("cli")


def total(counts: dict[str, int]) -> int:
    return sum(counts.values())


def test_counts_add_up(clean: Path) -> None:
    found = stats(clean)
    fates = sum(total(found[name]) for name in ("skipped", "failed", "dropped", "duplicates", "removed"))
    assert found["records"] == fates + found["corpus"]
    assert found["corpus"] == total(found["domains"]) > 100
    assert found["responses"] == 200
    assert found["tokens"]["train"] > found["tokens"]["heldout"] > 0
    rows = {under: sum(pq.read_metadata(path).num_rows for path in (clean / under).glob("*.parquet")) for under in
            ("extracted", "documents", "dropped", "failed", "duplicates", "corpus")}  # fmt: skip
    assert rows["corpus"] == found["corpus"]
    assert rows["dropped"] == total(found["dropped"])
    assert rows["failed"] == total(found["failed"])
    assert rows["duplicates"] == total(found["duplicates"])
    assert rows["extracted"] == rows["documents"] + rows["dropped"]
    assert set(found["core_seconds"]) >= {
        "extract",
        "filter",
        "dedup",
        "corpus",
        "tokens",
        "train",
        "anneal",
        "eval",
    }
    assert found["bytes_in"] == json.loads((clean / "inputs.json").read_text())[0]["size"]


def test_the_run_folder_holds_what_the_contract_says(clean: Path) -> None:
    for name in (
        "recipe.yaml",
        "report.html",
        "tokenizer/tokenizer.json",
        "model/model.safetensors",
        "model/metrics.jsonl",
    ):
        assert (clean / name).is_file(), name
    for arm in ("no_decay", "decay_same", "decay_better"):
        assert (clean / "model" / "anneal" / arm / "model.safetensors").is_file()
    final = (clean / "model" / "model.safetensors").read_bytes()
    assert final == (clean / "model" / "anneal" / "decay_better" / "model.safetensors").read_bytes()


def test_running_again_recomputes_nothing(sample: Path, clean: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in clean.rglob("*") if path.is_file()}
    started = processor_time()
    done = sluice("run", "tiny", "--input", sample, "--out", clean, *sets(SMALL))
    assert "nothing to compute" in done.stderr
    assert {path: path.stat().st_mtime_ns for path in clean.rglob("*") if path.is_file()} == before
    assert processor_time() - started < 3  # seconds, whatever else the machine does


def processor_time() -> float:
    """Of all processes that this one has started and waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_a_changed_threshold_recomputes_from_the_filter_on(sample: Path, clean: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(clean, run)
    extracted = {path: path.stat().st_mtime_ns for path in (run / "extracted").iterdir()}
    words = [
        "--input",
        sample,
        "--out",
        run,
        "--until",
        "corpus",
        *sets([*SMALL, "filters.gopher_quality.max_words=200"]),  # no rule by which the cascade screens
    ]
    done = sluice("run", "tiny", *words)
    assert "extract:" not in done.stderr
    assert "filter: 1 shard" in done.stderr
    assert {path: path.stat().st_mtime_ns for path in (run / "extracted").iterdir()} == extracted
    assert stats(run)["corpus"] < stats(clean)["corpus"]
    fresh = tmp_path / "fresh"
    sluice("run", "tiny", "--input", sample, "--out", fresh, *words[4:])
    for under in ("documents", "dropped", "duplicates", "corpus"):
        names = [sorted(path.name for path in (folder / under).iterdir()) for folder in (run, fresh)]
        assert names[0] == names[1]  # names hold digests


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["run", "finweb", "--input", "x.warc"], 2, "did you mean `fineweb`"),
        (["run", "tiny", "--input", "nowhere.warc.gz"], 2, "nowhere.warc.gz: no such file"),
        (["run", "tiny"], 2, "no input"),
        (["run", "tiny", "--input", "SAMPLE", "--until", "dedupe"], 2, "did you mean `dedup`"),
        (["run", "tiny", "--input", "SAMPLE", "--engine", "spark"], 2, "local or ray"),
        (["run", "tiny", "--input", "SAMPLE", "--set", "dedup.minhash.bnds=3"], 2, "did you mean `bands`"),
        (["run", "tiny", "--inputt", "x"], 2, "No such option"),
        (["status", "nowhere"], 1, "is no run folder"),
        (["why", "CLEAN", "nothing@1"], 1, "no document with the id or URL nothing@1"),
        (["eval", "nowhere", "--documents", "x.jsonl"], 2, "is no model folder"),
        (["plan", "tiny", "--input", "nowhere.warc.gz"], 2, "no such file"),
    ],
)
def test_errors(words: list[str], code: int, message: str, sample: Path, clean: Path, tmp_path: Path) -> None:
    words = [{"SAMPLE": str(sample), "CLEAN": str(clean)}.get(word, word) for word in words]
    if words[0] == "run":
        words += ["--out", str(tmp_path / "run")]
    done = sluice(*words, check=False)
    assert done.returncode == code, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()


def test_damaged_and_missing_inputs_end_with_3(sample: Path, tmp_path: Path) -> None:
    data = sample.read_bytes()
    (tmp_path / "cut.warc.gz").write_bytes(data[: len(data) // 2])
    (tmp_path / "page.warc.gz").write_bytes(b"<html><body>503 slow down</body></html>")
    paths = [tmp_path / name for name in ("cut.warc.gz", "page.warc.gz", "gone.warc.gz")]
    done = sluice(
        "run", "tiny", "--input", *paths, "--out", tmp_path / "run", "--until", "corpus", check=False
    )
    assert done.returncode == 3
    assert "damaged or missing input" in done.stderr
    found = stats(tmp_path / "run")
    assert found["failed"]["missing"] == found["failed"]["not_warc"] == 1
    assert found["corpus"] > 40
    assert found["records"] == found["corpus"] + sum(
        total(found[name]) for name in ("skipped", "failed", "dropped", "duplicates", "removed")
    )


def test_an_input_that_changed_is_refused(sample: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.warc.gz"
    shutil.copy(sample, path)
    words = ["run", "tiny", "--input", path, "--out", tmp_path / "run", "--until", "extract"]
    sluice(*words)
    path.write_bytes(sample.read_bytes() + sample.read_bytes())
    done = sluice(*words, check=False)
    assert done.returncode == 1
    assert "--accept-changed" in done.stderr
    sluice(*words, "--accept-changed")
    assert stats(tmp_path / "run")["responses"] == 400


def test_documents_as_input(tmp_path: Path) -> None:
    prose = "The committee met in the morning and agreed that the harbour should be opened to all the ships. "
    rows = [
        {
            "id": "a",
            "text": prose * 5 + "It closed at noon. Nobody objected to the plan.",
            "url": "https://x.example/a",
        },
        {"id": "a", "text": "again"},
        {"id": "b", "text": "too short"},
        {"text": None},
        {"id": "c", "text": "\ud800 lone"},
    ]
    lines = [json.dumps(row) for row in rows] + ["{broken", "[1]", ""]
    with gzip.open(tmp_path / "d.jsonl.gz", "wt") as file:
        file.write("\n".join(lines) + "\n")
    done = sluice("filter", "--input", tmp_path / "d.jsonl.gz", "--out", tmp_path / "out", check=False)
    assert done.returncode == 3 or done.returncode == 0, done.stderr
    found = stats(tmp_path / "out")
    assert found["failed"] == {"bad_json": 2, "duplicate_id": 1, "no_text": 1}
    assert found["records"] == 7
    folders = {
        path.name for path in (tmp_path / "out").iterdir() if path.is_dir() and not path.name.startswith("_")
    }
    assert folders == {"ledger", "documents", "dropped"}
    again = sluice("filter", "--input", tmp_path / "d.jsonl.gz", "--out", tmp_path / "out", check=False)
    assert "nothing to compute" in again.stderr


def test_dedup_alone(sample: Path, tmp_path: Path) -> None:
    text = " ".join(f"word{chr(97 + n % 26)}{chr(97 + n // 26)}" for n in range(200))
    rows = [
        {"id": "first", "text": text},
        {"id": "second", "text": text.upper()},
        {"id": "third", "text": text + " end"},
    ]
    rows.append({"id": "other", "text": " ".join(reversed(text.split()))})
    path = tmp_path / "d.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows))
    sluice("dedup", "--input", path, "--out", tmp_path / "out")
    (file,) = (tmp_path / "out" / "duplicates").iterdir()
    found = pq.read_table(file).to_pylist()
    assert [(row["id"], row["duplicate_of"], row["kind"]) for row in found] == [
        ("second", "first", "exact"),
        ("third", "first", "minhash"),
    ]
    assert found[0]["similarity"] == 1.0
    assert 0.9 < found[1]["similarity"] <= 1.0


def test_why(clean: Path) -> None:
    dropped = pq.read_table(next((clean / "dropped").iterdir())).to_pylist()[0]
    story = json.loads(sluice("why", clean, dropped["url"], "--json").stdout)
    assert (story["id"], story["fate"], story["reason"]) == (dropped["id"], "dropped", dropped["reason"])
    failing = [rule["rule"] for rule in story["rules"] if rule["failed"]]
    assert failing == dropped["reasons"]
    assert failing[0] == dropped["reason"]
    shown = sluice("why", clean, dropped["id"]).stdout
    assert f"fate        dropped: {dropped['reason']}" in shown
    kept = pq.read_table(next((clean / "corpus").iterdir())).to_pylist()[0]
    story = json.loads(sluice("why", clean, kept["id"], "--json").stdout)
    assert story["fate"] == "corpus"
    assert story["tokens"]["length"] > 0
    assert not [rule for rule in story["rules"] if rule["failed"]]
    repeated = pq.read_table(next((clean / "duplicates").iterdir())).to_pylist()[0]
    story = json.loads(sluice("why", clean, repeated["id"], "--json").stdout)
    assert story["fate"] == "duplicate"
    assert story["duplicate"]["duplicate_of"] == repeated["duplicate_of"]


def test_records(sample: Path) -> None:
    lines = [json.loads(line) for line in sluice("records", sample, "--json").stdout.splitlines()]
    assert len(lines) == 601
    assert set(lines[0]) >= {"file", "offset", "length", "type", "url", "status", "payload_sha1", "problem"}
    assert sum(line["length"] for line in lines) == sample.stat().st_size


def test_every_flipped_byte_is_found_and_repaired(sample: Path, clean: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(clean, run)
    before = json.loads(sluice("verify", run, "--json").stdout)
    assert before["ok"]
    assert before["digest"] == stats(run)["digest"]
    hurt = [next((run / under).glob("*.parquet")) for under in ("extracted", "documents", "corpus")]
    for path in hurt:
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(bytes(data))
    done = sluice("verify", run, "--json", check=False)
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert sorted(one["file"] for one in found["bad"]) == sorted(str(path.relative_to(run)) for path in hurt)
    sluice("repair", run)
    after = json.loads(sluice("verify", run, "--json").stdout)
    assert after["ok"]
    assert after["digest"] == before["digest"]


def test_gc_removes_what_no_receipt_names(clean: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(clean, run)
    (run / "documents" / "stray.parquet").write_bytes(b"half written")
    assert "removed 1 file" in sluice("gc", run).stdout
    assert json.loads(sluice("verify", run, "--json").stdout)["ok"]


def test_read_only_folder(sample: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = sluice("run", "tiny", "--input", sample, "--out", tmp_path / "file" / "run", check=False)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.strip().count("\n") <= 1


def test_spread() -> None:
    words = ["run", "fineweb", "--input", "a", "b", "--out", "x", "--set", "k=1", "l=2", "--quiet"]
    expected = [
        "run",
        "fineweb",
        "--input",
        "a",
        "--input",
        "b",
        "--out",
        "x",
        "--set",
        "k=1",
        "--set",
        "l=2",
        "--quiet",
    ]
    assert spread(words) == expected
    assert spread(["run", "--input"]) == ["run", "--input"]


def test_a_page_under_a_wrong_checksum_is_kept_and_told(sample: Path, tmp_path: Path) -> None:
    data = bytearray(sample.read_bytes())
    second = data.index(b"\x1f\x8b\x08", 10)
    third = data.index(b"\x1f\x8b\x08", second + 10)
    fourth = data.index(b"\x1f\x8b\x08", third + 10)
    assert b"WARC-Type: response" in gzip.decompress(data[third:fourth])
    data[fourth - 8] ^= 1
    (tmp_path / "x.warc.gz").write_bytes(data)
    done = sluice("extract", "--input", tmp_path / "x.warc.gz", "--out", tmp_path / "out", check=False)
    assert (done.returncode, stats(tmp_path / "out")["problems"]) == (3, {"bad_crc": 1})
    assert "bad_crc 1" in done.stderr
    sluice("report", tmp_path / "out")
    assert '<tr data-problem="bad_crc">' in (tmp_path / "out/report.html").read_text()
