"""A retune ends with the bytes of a fresh run with the same settings, and reads again only what it has to."""

from __future__ import annotations

import gzip
import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import UsageError, UserError
from pipeline.ledger import Ledger
from pipeline.record import ReadLimits, Record
from pipeline.reread import Place, records_at
from pipeline.retune import retuning
from pipeline.stages import STAGES
from pipeline.store import open_folder
from pipeline.store.parquet import read_table
from pipeline.warc import read_records
from tests.pipeline.conftest import ROOT, sets, sluice, stats
from tests.pipeline.test_meter import costs

# Two groups for two workers: tests over the sample, and those over real pages, marked so.
pytestmark = pytest.mark.xdist_group("retune")
REAL = pytest.mark.xdist_group("real")

LOOSE = (
    "filters.language.min_score=0.2",
    "filters.gopher_quality.min_words=20",
    "filters.gopher_quality.min_alphabetic_words=0.5",
    "filters.url.min_subwords=null",
)
TIGHT = (
    "filters.language.min_score=0.9",
    "filters.gopher_quality.min_words=150",
    "filters.url.min_soft_words=1",
    "filters.c4.min_sentences=8",
)
FAST = ("extract.page_timeout=2",)


def made(
    recipe: str, source: Path, run: Path, *pairs: str, until: str = "corpus", check: bool = True
) -> Path:
    sluice("run", recipe, "--input", source, "--out", run, "--until", until, *sets(pairs), check=check)
    return run


def retuned(
    run: Path, out: Path, *pairs: str, words: tuple[str, ...] = (), check: bool = True
) -> dict[str, Any]:
    done = sluice("retune", run, "--out", out, "--json", *sets(pairs), *words, check=check)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def digests(run: Path) -> dict[str, list[str]]:
    """Digests of all receipts, which cover outputs, counts and histograms, by stage."""
    ledger = Ledger(open_folder(run))
    return {stage: [receipt.digest() for receipt in ledger.closed(stage)] for stage in STAGES}


def files(run: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(run)): path.read_bytes()
        for path in sorted(run.rglob("*"))
        if path.is_file() and "_tmp" not in path.parts
    }


def failures(run: Path) -> list[tuple[str, str, str]]:
    """Failed pages with kind and message: the first thing to know when two runs differ."""
    folder = open_folder(run)
    rows = [
        row for name in folder.names("failed") for row in read_table(folder, f"failed/{name}").to_pylist()
    ]
    return [(row["id"], row["kind"], row["message"]) for row in rows]


def assert_same(run: Path, fresh: Path) -> None:
    assert failures(run) == failures(fresh)
    assert digests(run) == digests(fresh)
    assert stats(run)["digest"] == stats(fresh)["digest"]
    for name, found in files(fresh).items():
        if "ledger" not in name and name != "inputs.json":
            assert files(run)[name] == found, name
    checked = json.loads(sluice("verify", run, "--json").stdout)
    assert checked["ok"]
    assert checked["stray"] == []


@pytest.fixture(scope="module")
def base(piece: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Real pages, to the corpus."""
    return made("fineweb", piece, tmp_path_factory.mktemp("base") / "run")


@pytest.fixture(scope="module")
def small(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample's pages, one of them hostile, to the corpus."""
    return made("tiny", sample, tmp_path_factory.mktemp("small") / "run", *FAST)


@REAL
@pytest.mark.parametrize("change", [LOOSE, TIGHT], ids=["loose", "tight"])
def test_the_bytes_of_a_fresh_run(base: Path, piece: Path, tmp_path: Path, change: tuple[str, ...]) -> None:
    before = files(base)
    done = retuned(base, tmp_path / "new", *change)
    assert files(base) == before
    fresh = made("fineweb", piece, tmp_path / "fresh", *change)
    assert_same(tmp_path / "new", fresh)
    counts = stats(fresh)
    assert done["kept_after"] == counts["corpus"] + sum(counts["duplicates"].values())
    assert (done["kept_after"] > done["kept_before"]) == (change is LOOSE)
    assert (done["reread"] > 0) == (change is LOOSE)
    pages = sum(counts["dropped"].values()) + done["kept_after"]
    assert done["reread"] < pages / 10
    assert done["decided"] >= pages - done["reread"]


def test_conditions_and_settings_by_language_are_decided_again(
    small: Path, sample: Path, tmp_path: Path
) -> None:
    change = (
        "filters.c4.unless=gopher_quality_words >= 300",
        "filters.gopher_repetition.unless=gopher_quality_words >= 30",
        "filters.fineweb.by_language={en: {max_char_dup: 0.3}}",
    )
    done = retuned(small, tmp_path / "new", *change, *FAST)
    fresh = made("tiny", sample, tmp_path / "fresh", *change, *FAST)
    assert_same(tmp_path / "new", fresh)
    assert sum(stats(fresh)["excused"].values()) > 0
    assert done["kept_after"] > done["kept_before"]


@REAL
def test_the_cascade_itself_can_be_loosened(base: Path, piece: Path, tmp_path: Path) -> None:
    """Switched off, every screened page is read again; then there is nothing to read again any more."""
    done = retuned(base, tmp_path / "off", "extract.cascade=null")
    assert done["reread"] >= sum(stats(base)["screened"].values()) > 20
    assert_same(tmp_path / "off", made("fineweb", piece, tmp_path / "fresh", "extract.cascade=null"))
    without = retuned(tmp_path / "off", tmp_path / "loose", *LOOSE)
    assert without["reread"] == 0
    assert_same(
        tmp_path / "loose", made("fineweb", piece, tmp_path / "again", "extract.cascade=null", *LOOSE)
    )
    with pytest.raises(UsageError, match="did not look at before"):
        retuning(open_folder(tmp_path / "off"), ["extract.cascade.words=0.9"])


@REAL
def test_addresses_alone_are_screened_with_a_cheap_extractor(piece: Path, tmp_path: Path) -> None:
    cheap = "extract.extractor=resiliparse"
    run = made("fineweb", piece, tmp_path / "run", cheap)
    assert retuned(run, tmp_path / "tight", "filters.url.min_soft_words=1")["reread"] == 0
    assert_same(
        tmp_path / "tight", made("fineweb", piece, tmp_path / "a", cheap, "filters.url.min_soft_words=1")
    )
    off = "extract.cascade.url=false"
    assert retuned(tmp_path / "tight", tmp_path / "off", off)["reread"] > 0
    again = made("fineweb", piece, tmp_path / "b", cheap, "filters.url.min_soft_words=1", off)
    assert_same(tmp_path / "off", again)


def test_pages_that_failed_are_read_again(small: Path, sample: Path, tmp_path: Path) -> None:
    """A look comes before the failure: the hostile page is screened where more words are asked for than it has."""
    assert stats(small)["failed"] == {"timeout": 1}
    done = retuned(small, tmp_path / "new", *TIGHT)
    assert done["reread"] == 1
    assert_same(tmp_path / "new", made("tiny", sample, tmp_path / "fresh", *FAST, *TIGHT))
    assert stats(tmp_path / "new")["failed"] == {}
    loose = ("filters.gopher_quality.min_words=20",)
    assert retuned(small, tmp_path / "loose", *loose)["reread"] >= 1
    assert stats(tmp_path / "loose")["failed"] == {"timeout": 1}


@REAL
def test_inputs_are_needed_only_for_what_is_read_again(base: Path, piece: Path, tmp_path: Path) -> None:
    gone = piece.with_name("gone")
    piece.rename(gone)
    try:
        retuned(base, tmp_path / "tight", *TIGHT)
        done = sluice("retune", base, "--out", tmp_path / "loose", *sets(LOOSE), check=False)
        assert done.returncode == 1
        assert done.stderr.strip().endswith("and it is gone: put it back first")
        shutil.copy(gone, piece)
        with piece.open("ab") as file:
            file.write(b"\n")
        with pytest.raises(UserError, match="has changed since"):
            retuning(open_folder(base), LOOSE)
        retuning(open_folder(base), ["filters.c4.min_sentences=2"])
    finally:
        gone.replace(piece)
    retuned(base, tmp_path / "loose", *LOOSE)  # what was refused goes on where it was


@REAL
def test_text_that_was_not_kept_is_read_again_where_it_is_needed(
    base: Path, piece: Path, tmp_path: Path
) -> None:
    """Without `extracted/` only documents that are kept now are read; another screen needs all of them."""
    run = made("fineweb", piece, tmp_path / "run", "keep_text=false")
    assert not (run / "extracted").exists()
    kept = stats(run)
    change = "filters.gopher_quality.min_alphabetic_words=0.5"
    done = retuned(run, tmp_path / "new", change)
    assert 0 < done["reread"] == done["kept_after"] - done["kept_before"]
    assert_same(tmp_path / "new", made("fineweb", piece, tmp_path / "fresh", "keep_text=false", change))
    more = "filters.gopher_quality.min_alphabetic_words=0.9"
    assert retuned(run, tmp_path / "less", more)["reread"] == 0
    done = retuned(run, tmp_path / "all", "filters.language.min_score=0.9")
    pages = kept["corpus"] + sum(kept["dropped"].values()) + sum(kept["duplicates"].values())
    assert done["reread"] == pages
    assert_same(
        tmp_path / "all",
        made("fineweb", piece, tmp_path / "f", "keep_text=false", "filters.language.min_score=0.9"),
    )


def test_streams_are_read_through(sample: Path, tmp_path: Path) -> None:
    """One gzip member for the whole file: records are found by reading on, and a failed page is among them."""
    stream = tmp_path / "stream.warc.gz"
    stream.write_bytes(gzip.compress(gzip.decompress(sample.read_bytes())))
    run = made("tiny", stream, tmp_path / "run", *FAST, until="filter")
    done = retuned(run, tmp_path / "new", *LOOSE, "filters.language.languages=null")
    assert done["reread"] > 1
    fresh = made(
        "tiny", stream, tmp_path / "fresh", *FAST, *LOOSE, "filters.language.languages=null", until="filter"
    )
    assert_same(tmp_path / "new", fresh)


def test_documents_that_were_text_already(tmp_path: Path) -> None:
    lines = [
        {"id": str(number), "text": f"Words of text number {number}. " * (number % 60)}
        for number in range(300)
    ]
    lines.append(lines[0])
    source = tmp_path / "texts.jsonl"
    source.write_text("\n".join(json.dumps(line) for line in lines))
    run = made("tiny", source, tmp_path / "run", until="filter")
    loose = ("filters.gopher_repetition.dup_5_gram=1", *LOOSE)
    assert retuned(run, tmp_path / "new", *loose)["reread"] == 0
    assert_same(tmp_path / "new", made("tiny", source, tmp_path / "fresh", *loose, until="filter"))
    released = made("tiny", source, tmp_path / "released", "keep_text=false", until="corpus")
    retuned(released, tmp_path / "other", *loose)
    fresh = made("tiny", source, tmp_path / "last", "keep_text=false", *loose, until="corpus")
    assert_same(tmp_path / "other", fresh)


def test_a_run_of_one_stage(sample: Path, tmp_path: Path) -> None:
    words = ["filter", "tiny", "--input", sample, *sets(FAST)]
    sluice(*words, "--out", tmp_path / "run")
    change = ("filters.gopher_repetition.top_2_gram=1", "filters.gopher_repetition.top_3_gram=1")
    retuned(tmp_path / "run", tmp_path / "new", *change)
    sluice(*words, "--out", tmp_path / "fresh", *sets(change))
    assert_same(tmp_path / "new", tmp_path / "fresh")


@REAL
def test_robots_are_not_parsed_again(piece: Path, tmp_path: Path) -> None:
    """The table of robots.txt stands between extraction and filters, and no threshold touches it."""
    with piece.open("rb") as file:
        urls = [
            event.url for event in read_records(file, 0, 1 << 20) if isinstance(event, Record) and event.url
        ]
    rules = tmp_path / "rules.jsonl"
    lines = [{"url": url, "text": "User-agent: *\nDisallow: /"} for url in urls]
    rules.write_text("\n".join(map(json.dumps, lines)))
    recipe = tmp_path / "optout.yaml"
    recipe.write_text(
        f"name: optout\nrobots: {rules}\nextract: {{extractor: resiliparse}}\n"
        "filters: [url, language, optout, gopher_quality]\n"
    )
    run = made(str(recipe), piece, tmp_path / "run", until="filter")
    change = ("filters.optout.drop=[noindex, robots]", "filters.url.min_soft_words=1")
    done = retuned(run, tmp_path / "new", *change)
    assert done["kept_after"] < done["kept_before"]
    fresh = made(str(recipe), piece, tmp_path / "fresh", *change, until="filter")
    assert_same(tmp_path / "new", fresh)
    loose = ("filters.optout.drop=[]", "extract.cascade=null")
    assert retuned(fresh, tmp_path / "loose", *loose)["reread"] > 0
    assert_same(
        tmp_path / "loose", made(str(recipe), piece, tmp_path / "again", *change[1:], *loose, until="filter")
    )
    with pytest.raises(UsageError, match="--set robots: "):
        retuning(open_folder(run), ["robots=[]"])


@REAL
def test_killed_and_resumed(base: Path, piece: Path, tmp_path: Path) -> None:
    """Killed once a shard is done, then resumed by `retune` or finished by `run`: the same bytes."""
    fresh = made("fineweb", piece, tmp_path / "fresh", *LOOSE)
    for number, resume in enumerate(("retune", "run")):
        new = tmp_path / str(number)
        command = [sys.executable, "-m", "pipeline", "retune", str(base), "--out", str(new), *sets(LOOSE)]
        process = subprocess.Popen([*command, "--workers", "1"], cwd=ROOT, stderr=subprocess.DEVNULL)
        ledger = Ledger(open_folder(new))
        while not ledger.names("extract"):
            assert process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert ledger.manifest("corpus") is None
        if resume == "retune":
            retuned(base, new, *LOOSE)
        else:
            made("fineweb", piece, new, *LOOSE)
        assert_same(new, fresh)


@REAL
def test_on_ray(base: Path, tmp_path: Path) -> None:
    retuned(base, tmp_path / "local", *LOOSE)
    retuned(base, tmp_path / "ray", *LOOSE, words=("--engine", "ray", "--workers", "2"))
    assert digests(tmp_path / "ray") == digests(tmp_path / "local")


def test_nothing_changed_is_a_copy(small: Path, tmp_path: Path) -> None:
    done = retuned(small, tmp_path / "new", "pii.phones=true")
    assert done["reread"] == 0
    assert digests(tmp_path / "new") == digests(small)
    last = max(one.started + one.wall_seconds for one in costs(small))
    assert all(one.started >= last and one.peak_memory > 20 << 20 for one in costs(tmp_path / "new"))


def test_what_comes_later_may_change_too(small: Path, sample: Path, tmp_path: Path) -> None:
    retuned(small, tmp_path / "new", "dedup.minhash=null")
    assert_same(tmp_path / "new", made("tiny", sample, tmp_path / "fresh", *FAST, "dedup.minhash=null"))


@pytest.mark.parametrize(
    ("pair", "key"),
    [
        ("filters.gopher_quality.stop_words=[a, b]", "filters.gopher_quality.stop_words"),
        ("extract.favor=recall", "extract.favor"),
        ("extract.page_timeout=9", "extract.page_timeout"),
        ("id_column=name", "id_column"),
        ("filters=null", "filters"),
    ],
)
def test_what_is_no_threshold_is_refused(small: Path, pair: str, key: str) -> None:
    with pytest.raises(UsageError, match=rf"--set {key}: .* use `sluice run`"):
        retuning(open_folder(small), [pair])


def test_other_refusals(small: Path, sample: Path, tmp_path: Path) -> None:
    done = sluice("retune", small, "--set", "filters.gopher_quality.min_wrds=3", check=False)
    assert done.returncode == 2
    assert "min_words" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert sluice("retune", small, check=False).returncode == 2
    same = sluice("retune", small, "--out", small, *sets(LOOSE), check=False)
    assert same.returncode == 2
    assert "RUN itself" in same.stderr
    assert sluice("retune", tmp_path / "nothing", *sets(LOOSE), check=False).returncode == 1
    short = made("tiny", sample, tmp_path / "short", *FAST, until="extract")
    with pytest.raises(UserError, match="not been filtered to the end"):
        retuning(open_folder(short), LOOSE)


def test_a_run_by_other_versions_is_refused(small: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(small, copy)
    ledger = Ledger(open_folder(copy))
    manifest = ledger.manifest("filter")
    assert manifest is not None
    import msgspec

    ledger.write_manifest(msgspec.structs.replace(manifest, fingerprint="0" * 64))
    with pytest.raises(UserError, match="other versions"):
        retuning(open_folder(copy), LOOSE)


@pytest.mark.parametrize("under", ["extracted", "documents"])
def test_damage_in_the_earlier_run_is_found(small: Path, tmp_path: Path, under: str) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(small, copy)
    victim = next((copy / under).iterdir())
    data = bytearray(victim.read_bytes())
    data[len(data) // 2] ^= 1
    victim.write_bytes(data)
    done = sluice("retune", copy, "--set", "filters.c4.min_sentences=2", check=False)
    assert done.returncode == 1
    assert f"run `sluice repair {copy}`" in done.stderr


@REAL
def test_records_by_offset(piece: Path) -> None:
    with piece.open("rb") as file:
        found = [event for event in read_records(file, 0, 1 << 20) if event.offset]
    chosen = found[1::7]
    places = [Place(one.offset, one.length, "file") for one in chosen]
    again = list(records_at(str(piece), 0, 1 << 20, places, ReadLimits()))
    assert again == chosen
    # Where one of them cannot be read alone, the range is read through.
    through = [place._replace(length=0) for place in places]
    assert list(records_at(str(piece), 0, 1 << 20, through, ReadLimits())) == chosen
    with pytest.raises(UserError, match="does not hold"):
        list(records_at(str(piece), 0, 1 << 20, [Place(places[0].offset + 1, 9, "file")], ReadLimits()))
    with pytest.raises(UserError, match="gone"):
        list(records_at(f"{piece}.gone", 0, 1, places, ReadLimits()))
