"""What a retune takes over of documents that both runs keep, after the filters: with the bytes of a fresh run."""

from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pipeline import recipe as recipes
from pipeline.engine.task import Done, Event, Task, perform
from pipeline.errors import UserError
from pipeline.inputs import InputFile, find_inputs
from pipeline.ledger import Ledger
from pipeline.retune import retuning
from pipeline.road import Earlier, Outcome, Road, stages_of
from pipeline.stages import STAGES
from pipeline.store import open_folder
from tests.pipeline.conftest import ROOT, sets, sluice

pytestmark = pytest.mark.xdist_group("retune")

RECIPE = """
name: kept
filters:
  - gopher_quality: {min_words: 40, max_words: null, min_stop_words: null, min_alphabetic_words: null}
dedup: {url: {}}
"""
MORE, FEWER = "filters.gopher_quality.min_words=20", "filters.gopher_quality.min_words=60"
PERSONAL = (
    "Write to {0}@mail.example.net now.",
    "Call +1 415 555 26{0:02d} today.",
    "The host is 93.184.216.{0}.",
)


def written(folder: Path) -> list[Path]:
    """Texts of two crawls in three files, some of them repeated exactly, nearly, or at the same address."""
    draw = random.Random(7)
    words = [
        f"{a}{b}"
        for a in ("ba", "ko", "mi", "ru", "tel", "van")
        for b in ("lo", "ne", "sti", "dra", "mo", "pi")
    ]
    topics = ["software python function variable compiler code", "court judge law attorney statute", ""]
    texts: list[list[str]] = []
    paths = []
    for number, crawl in enumerate(("CC-MAIN-2023-14", "CC-MAIN-2023-14", "CC-MAIN-2024-30")):
        rows = []
        for row in range(150):
            text = [draw.choice(words) for _ in range(draw.randrange(5, 90))]
            if texts and row % 5 == 0:
                text = list(draw.choice(texts))  # an exact copy
            elif texts and row % 7 == 0:
                text = list(draw.choice(texts))
                text[len(text) // 2] = "changed"
            texts.append(text)
            said = PERSONAL[row % 3].format(row % 90) if row % 4 == 0 else draw.choice(topics)
            rows.append(
                {
                    "id": f"{number}-{row}",
                    "url": f"http://site{draw.randrange(120)}.example/page",
                    "date": f"2023-0{1 + row % 9}-11T00:00:00Z" if row % 6 else None,
                    "title": PERSONAL[(row + 1) % 3].format(row % 90) if row % 9 == 0 else f"Title {row}",
                    "language": draw.choice(["en", "de", None]),
                    "text": " ".join([*text, said]),
                }
            )
        path = folder / crawl / f"texts-{number}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(map(json.dumps, rows)))
        paths.append(path)
    return paths


class Inline:
    """An engine that does every task in this process, one after the other, until `stop` of them are done."""

    name = "inline"

    def __init__(self, stop: tuple[str, int] | None = None) -> None:
        self._stop = stop

    def run(self, tasks: Sequence[Task], on_event: Callable[[Event], None], alone: bool = False) -> None:
        for number, task in enumerate(tasks):
            if (task.stage, number) == self._stop:
                raise KeyboardInterrupt
            on_event(Done(task=task, receipt=perform(task, _ignore)))

    def stop(self, signal_number: int) -> None:
        raise AssertionError

    def close(self) -> None:
        """Nothing to release."""


class Silent:
    """Watches nothing."""

    def stage(self, name: str, shards: int, done: Sequence[Any]) -> None:
        """Nothing."""

    def event(self, event: Event) -> None:
        """Nothing."""

    def closed(self, name: str) -> None:
        """Nothing."""


def _ignore(data: Mapping[str, Any]) -> None:
    """A report for nobody."""


def walked(
    recipe: recipes.Recipe,
    files: tuple[InputFile, ...],
    out: Path,
    earlier: Earlier | None = None,
    stop: tuple[str, int] | None = None,
) -> Outcome:
    active = stages_of(recipe, files, None, "corpus")
    road = Road(open_folder(out), recipe, files, active, stages_of(recipe, files, None), earlier=earlier)
    road.prepare(False)
    return road.walk(lambda: Inline(stop), Silent())


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> tuple[InputFile, ...]:
    return tuple(find_inputs([str(path) for path in written(tmp_path_factory.mktemp("texts"))]))


def made(files: tuple[InputFile, ...], out: Path, *pairs: str, recipe: str = RECIPE) -> Path:
    walked(recipes.read(recipe, "kept.yaml", pairs), files, out)
    return out


def retuned(run: Path, out: Path, *pairs: str, stop: tuple[str, int] | None = None) -> Path:
    found = retuning(open_folder(run), pairs)
    walked(found.recipe, found.files, out, found, stop)
    return out


def digests(run: Path) -> dict[str, list[str]]:
    ledger = Ledger(open_folder(run))
    return {stage: [receipt.digest() for receipt in ledger.closed(stage)] for stage in STAGES}


def files_of(run: Path) -> dict[str, bytes]:
    named = {path.relative_to(run): path for path in sorted(run.rglob("*")) if path.is_file()}
    return {
        str(name): path.read_bytes()
        for name, path in named.items()
        if name.parts[0] not in ("ledger", "_tmp")
    }


def assert_same(run: Path, fresh: Path) -> None:
    assert digests(run) == digests(fresh)
    assert files_of(run) == files_of(fresh)


def count(run: Path, stage: str, name: str) -> int:
    counts = [receipt.counts[name] for receipt in Ledger(open_folder(run)).closed(stage)]
    return sum(number for number in counts if isinstance(number, int))


def anew(run: Path, stage: str, what: str) -> int | None:
    """Documents of which a stage took nothing over; None where it took no look at the earlier run."""
    parts = [receipt.cost.parts.get(what) for receipt in Ledger(open_folder(run)).closed(stage)]
    return None if None in parts else sum(int(part) for part in parts if part is not None)


CASES = {
    "as it is": (),
    "one scope for all": ("dedup.scope=global", "dedup.keep=longest"),
    "by language": ("dedup.scope=language", "dedup.keep=newest", "dedup.order=[minhash, exact, url]"),
    "by a signal": ("dedup.keep=best(gopher_quality_words)", "dedup.minhash.bands=5"),
    "exact alone": ("dedup.minhash=null", "dedup.url=null", "pii.style=tags"),
    "minhash alone": ("dedup.exact=false", "dedup.url=null", "dedup.minhash.variant=legacy", "pii=null"),
    "few kinds masked": ("pii.ips=false", "dedup.minhash.unit=characters", "dedup.minhash.ngram=12"),
    "no duplicates": ("dedup=null",),
    "a filter that labels": (
        "filters=[domain, {gopher_quality: {min_words: 40, min_stop_words: null, min_alphabetic_words: null}}]",
    ),
}


@pytest.mark.parametrize("case", list(CASES))
def test_the_bytes_of_a_fresh_run(texts: tuple[InputFile, ...], tmp_path: Path, case: str) -> None:
    run = made(texts, tmp_path / "run", *CASES[case])
    for number, change in enumerate((MORE, FEWER)):
        new = retuned(run, tmp_path / f"new-{number}", change)
        fresh = made(texts, tmp_path / f"fresh-{number}", *CASES[case], change)
        assert_same(new, fresh)
        kept, before = count(new, "filter", "out"), count(run, "filter", "out")
        assert kept > before + 30 if change is MORE else kept < before - 30
        fewest = max(0, kept - before)
        if "dedup=null" not in CASES[case]:
            assert anew(new, "signatures", "signed_anew") == fewest
        if case != "a filter that labels":
            labelled = anew(new, "corpus", "labelled_anew")
            assert labelled is not None
            assert (1 if change is MORE else 0) <= labelled < count(new, "corpus", "out") / 2
        if case == "as it is":
            back = retuned(new, tmp_path / f"back-{number}", "filters.gopher_quality.min_words=40")
            assert_same(back, run)


def test_personal_data_is_there_to_be_masked(texts: tuple[InputFile, ...], tmp_path: Path) -> None:
    """In texts that are taken over, in new ones, and in titles; else the counts would prove nothing."""
    run = made(texts, tmp_path / "run")
    new = retuned(run, tmp_path / "new", MORE)
    counts = [receipt.counts["masked"] for receipt in Ledger(open_folder(new)).closed("corpus")]
    for kind in ("emails", "ips"):
        assert sum(one[kind] for one in counts if isinstance(one, dict)) > 10


def test_what_is_made_otherwise_is_made_anew(texts: tuple[InputFile, ...], tmp_path: Path) -> None:
    run = made(texts, tmp_path / "run")
    for number, change in enumerate(("dedup.scope=global", "dedup.minhash.seed=3", "dedup.keep=longest")):
        new = retuned(run, tmp_path / f"signed-{number}", MORE, change)
        assert anew(new, "signatures", "signed_anew") is None
        assert anew(new, "corpus", "labelled_anew") is not None
        assert_same(new, made(texts, tmp_path / f"fresh-{number}", MORE, change))
    new = retuned(run, tmp_path / "masked", MORE, "pii.style=dolma")
    assert anew(new, "signatures", "signed_anew") is not None
    assert anew(new, "corpus", "labelled_anew") is None
    assert_same(new, made(texts, tmp_path / "fresh", MORE, "pii.style=dolma"))


@pytest.mark.parametrize("order", ["[lines, url, exact, minhash]", "[url, exact, minhash, lines]"])
def test_texts_without_repeated_lines_are_made_anew(
    texts: tuple[InputFile, ...], tmp_path: Path, order: str
) -> None:
    """Which lines are repeated depends on all documents that are kept."""
    lines = ("dedup.lines={min_sentences: 0}", f"dedup.order={order}")
    run = made(texts, tmp_path / "run", *lines)
    new = retuned(run, tmp_path / "new", MORE)
    assert anew(new, "corpus", "labelled_anew") is None
    assert_same(new, made(texts, tmp_path / "fresh", *lines, MORE))
    without = retuned(
        run, tmp_path / "without", MORE, "dedup.lines=null", "dedup.order=[url, exact, minhash]"
    )
    assert_same(without, made(texts, tmp_path / "bare", MORE, "dedup.order=[url, exact, minhash]"))


@pytest.mark.parametrize("under", ["signatures", "corpus"])
def test_files_that_are_gone_are_not_missed_and_damage_is_told(
    texts: tuple[InputFile, ...], tmp_path: Path, under: str
) -> None:
    run = made(texts, tmp_path / "run")
    fresh = made(texts, tmp_path / "fresh", MORE)
    for number, victim in enumerate(sorted((run / under).iterdir())[:2]):
        data = victim.read_bytes()
        flipped = bytearray(data)
        flipped[100] ^= 4  # of a table, where the ids stand
        victim.write_bytes(flipped)
        with pytest.raises(UserError, match=f"run `sluice repair {run}`"):
            retuned(run, tmp_path / f"damaged-{number}", MORE)
        victim.unlink()
        assert_same(retuned(run, tmp_path / f"gone-{number}", MORE), fresh)
        victim.write_bytes(data)
    ledger = Ledger(open_folder(run))
    manifest = ledger.manifest(under)
    assert manifest is not None
    ledger.write_manifest(msgspec.structs.replace(manifest, fingerprint="0" * 64))
    new = retuned(run, tmp_path / "other", MORE)
    assert anew(new, under, "signed_anew" if under == "signatures" else "labelled_anew") is None
    assert_same(new, fresh)


@pytest.mark.parametrize("stop", [("filter", 1), ("signatures", 2), ("groups", 0), ("corpus", 1)])
def test_stopped_and_resumed(texts: tuple[InputFile, ...], tmp_path: Path, stop: tuple[str, int]) -> None:
    run = made(texts, tmp_path / "run")
    with pytest.raises(KeyboardInterrupt):
        retuned(run, tmp_path / "new", FEWER, stop=stop)
    assert Ledger(open_folder(tmp_path / "new")).manifest(stop[0]) is None
    assert_same(retuned(run, tmp_path / "new", FEWER), made(texts, tmp_path / "fresh", FEWER))


def test_the_commands(texts: tuple[InputFile, ...], tmp_path: Path) -> None:
    """A patch or `--set`, one worker or four, killed in between: the same bytes."""
    run = made(texts, tmp_path / "run")
    fresh = made(texts, tmp_path / "fresh", MORE)
    patch = tmp_path / "patch.yaml"
    patch.write_text("filters:\n  - gopher_quality: {min_words: 20}\n")
    sluice("retune", run, "--patch", patch, "--out", tmp_path / "patched", "--workers", "4", "--quiet")
    assert_same_but_shuffled(tmp_path / "patched", fresh)
    patch.write_text("filters:\n  - gopher_quality: {min_words: 3}\n")
    words = ("--patch", str(patch), *sets([MORE]), "--workers", "1", "--quiet")
    new = tmp_path / "killed"
    command = [sys.executable, "-m", "pipeline", "retune", str(run), "--out", str(new), *words]
    process = subprocess.Popen(command, cwd=ROOT)
    ledger = Ledger(open_folder(new))
    while not ledger.names("signatures"):
        assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    sluice("retune", run, "--out", new, *words)
    assert_same_but_shuffled(new, fresh)


def assert_same_but_shuffled(run: Path, fresh: Path) -> None:
    """A command removes what stages only hand to the next; here it is still there in the fresh run."""
    assert digests(run) == digests(fresh)
    found, expected = files_of(run), files_of(fresh)
    assert found == {name: expected[name] for name in found}
    assert {name.partition("/")[0] for name in found} >= {"documents", "dropped", "signatures", "corpus"}


def test_refusals_of_a_patch(texts: tuple[InputFile, ...], tmp_path: Path) -> None:
    run = made(texts, tmp_path / "run")
    patch = tmp_path / "patch.yaml"
    for text, message in (
        (
            "filters:\n  - gopher_qualty: {min_words: 3}\n",
            "patch.yaml:2:5 filters[0].gopher_qualty: the recipe has",
        ),
        (
            "filters:\n  - gopher_quality: {min_wrds: 3}\n",
            "patch.yaml:2:22 filters[0].gopher_quality.min_wrds: no",
        ),
        (
            "filters:\n  - gopher_quality: {stop_words: [a]}\n",
            "patch.yaml:2:22 filters.gopher_quality.stop_words: it decides what is read or measured",
        ),
        (
            "filters: {gopher_quality: {by_language: {de: {stop_words: [a]}}}}\n",
            "patch.yaml:1:28 filters.gopher_quality.by_language: it decides what is read or measured",
        ),
    ):
        patch.write_text(text)
        done = sluice("retune", run, "--patch", patch, "--out", tmp_path / "new", check=False)
        assert done.returncode == 2
        assert message in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "new").exists()
    shutil.rmtree(run)
