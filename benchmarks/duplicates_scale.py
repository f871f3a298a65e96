"""What duplicates cost as documents grow in number, and how many of the planted ones are found.

    python benchmarks/duplicates_scale.py [--documents 1000000 3000000 10000000] [--workers 2] [--engine local]
    python benchmarks/duplicates_scale.py --paper        from the results in the folder: 3 billion pages

For each number the documents are generated (`benchmarks/synthetic.py`, not timed, kept in the folder) and `sluice
dedup` runs on them as a process of its own, with the duplicates of a recipe (FineWeb's). Reading Parquet (`ids`,
`extract`) is told apart from the stages that look for duplicates. A planted copy counts as found when the links of
`duplicates/` and `clusters/` join it with its source; the similarity of every reported pair is computed again, exactly,
from the documents' numbers. Memory is that of every process of the run, pages that they share counted in each. Linux
only: it reads /proc.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numba import njit

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # before this folder, whose filters.py hides the package

from benchmarks.synthetic import Asked, Synthetic, generate, present  # noqa: E402
from pipeline.dedup.settings import DedupSettings  # noqa: E402
from pipeline.ledger import Ledger  # noqa: E402
from pipeline.recipe import read_resolved  # noqa: E402
from pipeline.stages import STAGES  # noqa: E402
from pipeline.store import open_folder  # noqa: E402

Array = np.ndarray
NUMBERS = [1_000_000, 3_000_000, 10_000_000]
READING = ("ids", "extract")  # what it takes to have documents at all
EDGES = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 1.0)  # of bins of true Jaccard
WARM = 2000  # documents of a run that is not measured
EVERY = 0.2  # seconds between looks at the processes
DISK = 4000  # bytes that a document may take, itself and in the run folder, to be on the safe side
PAGES = 3_000_000_000  # of one snapshot of Common Crawl
PAGE_WORDS = 700  # of a page's main text, on average
BY_WORDS = ("signatures", "members", "verify")  # stages whose work grows with the length of a document
ORDER = list(STAGES)
LEAST_GROWTH = 20  # megabytes: below, a process's own ups and downs are as large
TASK = "components"  # the stage that holds something for every document


class Watch(threading.Thread):
    """The peak memory (bytes) of each process of a run, in all and by stage, while it goes on.

    The kernel keeps a process's peak itself (VmHWM), so none is missed between two looks. It is set back whenever a
    stage closes, so that each stage has its own; where that is not allowed, a stage has the peak up to its end.
    """

    def __init__(self, pid: int, ledger: Path) -> None:
        super().__init__(daemon=True)
        self.pid, self.ledger = pid, ledger
        self.peaks: dict[int, int] = {}
        self.by_stage: dict[str, dict[int, int]] = {}
        self.ends: dict[str, float] = {}  # seconds since the epoch
        self.growth: dict[str, int] = {}  # by stage, what a worker came to hold beside what it held before
        self.ended = threading.Event()
        self._open: dict[int, int] = {}
        self._begun: dict[int, int] = {}
        self._last: dict[int, int] = {}

    def run(self) -> None:
        """Look until `ended` is set."""
        while not self.ended.wait(EVERY):
            self.look()

    def look(self) -> None:
        """One look at every process, and at which stages are closed by now."""
        alive = family(self.pid)
        for pid in alive:
            peak = status(pid, "VmHWM")
            self.peaks[pid] = max(peak, self.peaks.get(pid, 0))
            self._open[pid] = max(peak, self._open.get(pid, 0))
        # A manifest is written when its stage closes, and again when files are released at the end.
        closed = {
            path.parent.name: path.stat().st_mtime
            for path in self.ledger.glob("*/manifest.json")
            if path.parent.name not in self.ends
        }
        if closed:
            self.ends |= closed
            self.by_stage |= dict.fromkeys(closed, self._open)
            grown = [peak - self._begun.get(pid, 0) for pid, peak in self._open.items() if pid != self.pid]
            self.growth |= dict.fromkeys(closed, max(grown, default=0))
            self._open = {}
            # The next stage may have begun before this look: what was held at the one before counts if it is less.
            now = {pid: status(pid, "VmRSS") for pid in alive}
            self._begun = {pid: min(size, self._last.get(pid, size)) for pid, size in now.items()}
            for pid in alive:
                with contextlib.suppress(OSError):
                    Path(f"/proc/{pid}/clear_refs").write_text("5")
        self._last = {pid: status(pid, "VmRSS") for pid in alive}

    def largest(self, stage: str | None = None) -> tuple[float, float, float]:
        """Megabytes: the driver, the largest other process, the sum of all peaks."""
        peaks = self.peaks if stage is None else self.by_stage.get(stage, {})
        others = [peak for pid, peak in peaks.items() if pid != self.pid]
        return peaks.get(self.pid, 0) / 1e6, max(others, default=0) / 1e6, sum(peaks.values()) / 1e6


def family(pid: int) -> list[int]:
    """A process and all that it and its children started and that are alive."""
    children = defaultdict(list)
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                # The name, in brackets, may hold anything.
                parent = (entry / "stat").read_text().rpartition(")")[2].split()[1]
                children[int(parent)].append(int(entry.name))
    found = [pid]
    for one in found:
        found += children[one]
    return found


def status(pid: int, name: str) -> int:
    """Bytes of one line of /proc/PID/status; 0 where the process is gone."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * 1024
    return 0


# --- One run --------------------------------------------------------------------------------------------------------


def deduplicate(documents: Path, run: Path, options: argparse.Namespace) -> Watch:
    """`sluice dedup` on the folder of documents, watched; exits where it fails."""
    command = [sys.executable, "-m", "pipeline", "dedup", options.recipe, "--quiet"]
    command += ["--input", str(documents / "*.parquet"), "--out", str(run), "--engine", options.engine]
    command += ["--workers", str(options.workers)]
    for setting in options.set:
        command += ["--set", setting]
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": path})
    watch = Watch(process.pid, run / "ledger")
    watch.start()
    code = process.wait()
    watch.ended.set()
    watch.join()
    watch.look()  # the last stage may have closed after the last look
    if code:
        sys.exit(f"sluice dedup ended with {code}: {' '.join(command)}")
    return watch


def costs(run: Path, began: float, watch: Watch) -> dict[str, dict[str, Any]]:
    """By stage in order: seconds, core-seconds, bytes written by folder, megabytes of the largest processes.

    A stage lasts from the end of the one before to its own, when its manifest was written; so the first one has the
    start of the program, too.
    """
    ledger = Ledger(open_folder(str(run)))
    found = {}
    for stage, end in sorted(watch.ends.items(), key=lambda closed: (closed[1], ORDER.index(closed[0]))):
        written: dict[str, int] = defaultdict(int)
        receipts = ledger.closed(stage)
        for receipt in receipts:
            for output in receipt.outputs:
                written[output.folder] += output.bytes
        driver, worker, _ = watch.largest(stage)
        found[stage] = {
            "seconds": end - began,
            "core_seconds": sum(receipt.cost.core_seconds for receipt in receipts),
            "bytes": dict(sorted(written.items())),
            "driver_mb": driver,
            "worker_mb": worker,
            "growth_mb": watch.growth[stage] / 1e6,
        }
        began = end
    return found


# --- Against what was planted ---------------------------------------------------------------------------------------


class Links(NamedTuple):
    """What is said of the removed documents, and of those that stand for them, all by document number."""

    removed: Array  # int64
    kept: Array  # int64
    similarity: Array  # float64
    exact: Array  # bool
    standing: Array = np.empty(0, np.int64)  # survivors,
    cluster: Array = np.empty(0, np.int64)  # and the first one of each one's cluster


def published(run: Path, folder: str, columns: list[str], named: str) -> list[pa.Table]:
    """The tables of one folder that `dedup` wrote, without rows whose column `named` is null."""
    receipts = Ledger(open_folder(str(run))).closed("dedup")
    names = [one.name for receipt in receipts for one in receipt.outputs if one.folder == folder]
    tables = [pq.read_table(run / name, columns=columns) for name in names]
    return [table.filter(pc.is_valid(table[named])) for table in tables]


def numbers(tables: list[pa.Table], column: str) -> Array:
    """Ids as numbers (int64)."""
    return np.concatenate(
        [np.empty(0, np.int64), *(pc.cast(one[column], "int64").to_numpy() for one in tables)]
    )


def read_links(run: Path) -> Links:
    """All of `duplicates/`, and which survivors `clusters/` says to be in one cluster."""
    tables = published(run, "duplicates", ["id", "duplicate_of", "kind", "similarity"], "duplicate_of")
    stands = published(run, "clusters", ["id", "cluster"], "cluster")
    similarity = [pc.fill_null(one["similarity"], 1.0).to_numpy() for one in tables]
    exact = [pc.equal(one["kind"], "exact").to_numpy() for one in tables]
    return Links(
        numbers(tables, "id"),
        numbers(tables, "duplicate_of"),
        np.concatenate([np.empty(0), *similarity]),
        np.concatenate([np.empty(0, bool), *exact]),
        numbers(stands, "id"),
        numbers(stands, "cluster"),
    )


@njit("int64[::1](int64, int64[::1], int64[::1])", cache=True)
def joined(documents, one, other):  # type: ignore[no-untyped-def]
    """For every document the smallest number of its cluster, by union-find over links; 8 bytes a document."""
    parent = np.arange(documents)
    for link in range(one.shape[0]):
        first, second = one[link], other[link]
        while parent[first] != first:
            parent[first] = parent[parent[first]]
            first = parent[first]
        while parent[second] != second:
            parent[second] = parent[parent[second]]
            second = parent[second]
        parent[max(first, second)] = min(first, second)
    for item in range(documents):
        parent[item] = parent[parent[item]]  # smaller numbers are done
    return parent


def judge(documents: Path, asked: Asked, links: Links, settings: DedupSettings) -> dict[str, Any]:
    """Recall of planted copies by true Jaccard, and what is wrong with the reported pairs."""
    truth = pq.read_table(documents / "truth" / "truth.parquet")
    near, exact, boilerplate = (
        pc.equal(truth["kind"], kind).to_numpy() for kind in ("near", "exact", "boilerplate")
    )
    ids, sources, jaccard = (truth[name].to_numpy() for name in ("id", "source", "jaccard"))
    ones, others = (
        np.concatenate([links.removed, links.standing]),
        np.concatenate([links.kept, links.cluster]),
    )
    cluster = joined(asked.documents, ones, others)
    found = cluster[ids] == cluster[sources]
    left = np.ones(asked.documents, bool)
    left[links.removed] = False
    both = left[ids] & left[sources]
    bins = []
    for low, high in itertools.pairwise(EDGES):
        mine = near & (jaccard >= low) & (jaccard < high)
        bins.append(recall(f"[{low:g}, {high:g})", jaccard[mine], found[mine], both[mine], settings))
    bins.append(recall("exact", jaccard[exact], found[exact], both[exact], settings))
    high = near & (jaccard >= 0.85)
    return {
        "bins": bins,
        "high": recall("[0.85, 1)", jaccard[high], found[high], both[high], settings),
        **pairs(asked, links, ids, sources, boilerplate, settings),
    }


def recall(name: str, jaccard: Array, found: Array, both: Array, settings: DedupSettings) -> dict[str, Any]:
    """Share of pairs found, share of those of which both survive, and what hashing finds: 1 - (1 - s^rows)^bands.

    `verified` is the same for the pairs alone whose similarity passes the threshold. More can be found than either:
    through a third document that resembles both.
    """
    share = {
        "bin": name,
        "pairs": len(jaccard),
        "found": float(found.mean()) if len(found) else 1.0,
        "both_left": float(both.mean()) if len(both) else 0.0,
    }
    minhash = settings.minhash
    if minhash is None or not len(jaccard):
        return {**share, "theory": None, "verified": None}
    theory = 1 - (1 - jaccard**minhash.rows) ** minhash.bands
    passes = jaccard >= (minhash.verify.threshold if minhash.verify else 0)
    return {**share, "theory": float(theory.mean()), "verified": float((theory * passes).mean())}


def pairs(
    asked: Asked, links: Links, ids: Array, sources: Array, boilerplate: Array, settings: DedupSettings
) -> dict[str, Any]:
    """Reported pairs: how many, how many of no planted cluster, and their true similarity."""
    planted = np.arange(asked.documents)
    planted[ids[~boilerplate]] = sources[~boilerplate]
    other = planted[links.removed] != planted[links.kept]
    trap = np.zeros(asked.documents, bool)
    trap[ids[boilerplate]] = trap[sources[boilerplate]] = True
    both = np.stack([links.removed, links.kept], axis=1)
    synthetic = Synthetic(asked)
    true = np.concatenate(
        [np.empty(0)]
        + [synthetic.jaccard(both[at : at + 1_000_000]) for at in range(0, len(both), 1_000_000)]
    )
    verify = settings.minhash.verify if settings.minhash else None
    floor = verify.floor if verify else 0.6
    near = ~links.exact
    return {
        "reported": len(both),
        "exact": int(links.exact.sum()),
        "unplanted": int(other.sum()),
        "unplanted_boilerplate": int((other & trap[links.removed] & trap[links.kept]).sum()),
        "floor": floor,
        "below_floor": int((true < floor).sum()),
        "least": float(true.min()) if len(true) else None,
        "similarity_error": float(np.abs(links.similarity - true)[near].max()) if near.any() else 0.0,
    }


# --- Told -----------------------------------------------------------------------------------------------------------


def warm_up(options: argparse.Namespace) -> None:
    """One small run that is not measured: functions are compiled once and cached, which takes a minute."""
    with tempfile.TemporaryDirectory(prefix="duplicates-scale-") as folder:
        generate(Asked(WARM, options.words, options.seed), Path(folder) / "documents")
        deduplicate(Path(folder) / "documents", Path(folder) / "run", options)


def measure(number: int, options: argparse.Namespace) -> dict[str, Any]:
    """Generate, run, judge; the result is printed and lies in `result.json` beside the documents."""
    asked = Asked(number, options.words, options.seed)
    place = options.folder / str(number)
    documents, run = place / "documents", place / "run"
    shutil.rmtree(run, ignore_errors=True)
    options.folder.mkdir(parents=True, exist_ok=True)
    if not present(asked, documents) and shutil.disk_usage(options.folder).free < number * DISK:
        sys.exit(
            f"{options.folder}: {number:,} documents and their run take up to {number * DISK / 1e9:.0f} GB"
        )
    generate(asked, documents, options.workers)
    began, clock = time.time(), time.perf_counter()
    watch = deduplicate(documents, run, options)
    seconds = time.perf_counter() - clock
    settings = read_resolved((run / "recipe.yaml").read_text(), str(run / "recipe.yaml")).dedup
    assert settings is not None
    driver, worker, total = watch.largest()
    result = {
        "documents": number,
        "words": options.words,
        "workers": options.workers,
        "engine": options.engine,
        "seconds": seconds,
        "stages": costs(run, began, watch),
        "driver_mb": driver,
        "worker_mb": worker,
        "sum_mb": total,
        **judge(documents, asked, read_links(run), settings),
    }
    (place / "result.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    if not options.keep:
        shutil.rmtree(run)
    show(result)
    return result


def summed(result: dict[str, Any], name: str, reading: bool = False) -> float:
    """Seconds or core-seconds of the stages that look for duplicates, or of those that read."""
    return float(sum(cost[name] for stage, cost in result["stages"].items() if (stage in READING) == reading))


def shuffled(result: dict[str, Any]) -> int:
    """Bytes that these stages wrote."""
    kept = [cost for stage, cost in result["stages"].items() if stage not in READING]
    return sum(size for cost in kept for size in cost["bytes"].values())


def show(result: dict[str, Any]) -> None:
    """One run in full."""
    number = result["documents"]
    print(
        f"\n{number:,} documents, {result['workers']} workers, {result['engine']}: {result['seconds']:.1f} s"
    )
    print(
        f"{'stage':14}{'s':>8}{'core-s':>9}{'us/doc':>8}{'core-us/doc':>12}{'driver MB':>11}{'worker MB':>11}"
        "  bytes/doc by folder"
    )
    for stage, cost in result["stages"].items():
        written = ", ".join(f"{name} {size / number:.1f}" for name, size in cost["bytes"].items())
        print(
            f"{stage:14}{cost['seconds']:8.1f}{cost['core_seconds']:9.1f}{1e6 * cost['seconds'] / number:8.1f}"
            f"{1e6 * cost['core_seconds'] / number:12.1f}{cost['driver_mb']:11.0f}{cost['worker_mb']:11.0f}"
            f"  {written}"
        )
    print(
        f"\n{'true Jaccard':14}{'pairs':>10}{'found':>8}{'theory':>8}{'and verified':>14}{'both survive':>14}"
    )
    for row in (*result["bins"], result["high"]):
        theory = "".join(
            f"{row[name]:{width}.3f}" if row[name] is not None else f"{'-':>{width}}"
            for name, width in (("theory", 8), ("verified", 14))
        )
        print(f"{row['bin']:14}{row['pairs']:10,}{row['found']:8.3f}{theory}{row['both_left']:14.3f}")
    print(
        f"{result['reported']:,} reported pairs ({result['exact']:,} exact), {result['unplanted']:,} of no planted "
        f"cluster ({result['unplanted_boilerplate']:,} share boilerplate); truly below {result['floor']:g}: "
        f"{result['below_floor']:,}, the least alike {result['least'] or 0:.3f}; a stated similarity is off by up to "
        f"{result['similarity_error']:.3f}",
        flush=True,
    )


def table(results: list[dict[str, Any]]) -> None:
    """A line for each number of documents, and how flat they are."""
    print(
        f"\n{'documents':>12}{'seconds':>9}{'reading':>9}{'us/doc':>8}{'core-us/doc':>12}{'all us/doc':>11}"
        f"{'driver MB':>11}{'worker MB':>11}{'sum MB':>8}{'B/doc':>7}{'recall .85+':>12}{'exact':>7}{'precision':>10}"
    )
    for result in results:
        number, seconds = result["documents"], summed(result, "seconds")
        precision = 1 - result["unplanted"] / max(1, result["reported"])
        print(
            f"{number:12,}{seconds:9.1f}{summed(result, 'seconds', True):9.1f}{1e6 * seconds / number:8.1f}"
            f"{1e6 * summed(result, 'core_seconds') / number:12.1f}{1e6 * result['seconds'] / number:11.1f}"
            f"{result['driver_mb']:11.0f}{result['worker_mb']:11.0f}{result['sum_mb']:8.0f}"
            f"{shuffled(result) / number:7.0f}{result['high']['found']:12.4f}{result['bins'][-1]['found']:7.4f}"
            f"{precision:10.5f}"
        )
    for name, what in (("seconds", "time"), ("core_seconds", "core-seconds")):
        each = [summed(result, name) / result["documents"] for result in results]
        print(f"{what} per document flat within {max(each) / min(each):.2f} times")


def paper(results: list[dict[str, Any]]) -> None:
    """Worked out for a snapshot: what was measured per document at the largest number, times the pages.

    core-hours  = sum over stages of core-seconds per document * f * pages / 3600
    bytes       = sum over stages of bytes written per document * f * pages
    where f = (words of a page) / (words of a document) for the hours of stages that go through texts or shingles and
    for the bytes of `members`, which writes shingles; else it is 1, since keys are of one size. That is too much for
    what a stage spends on a document whatever its length, so the hours are an upper bound.
    """
    most = results[-1]
    number, factor = most["documents"], PAGE_WORDS / most["words"]
    print(
        f"\nWorked out for {PAGES:,} pages of {PAGE_WORDS} words from {number:,} documents of {most['words']}:\n"
        "core-hours = core-us/doc * f * pages / 3.6e9, TB = bytes/doc * g * pages / 1e12, "
        f"f and g 1 or {PAGE_WORDS} / {most['words']} = {factor:.1f}"
    )
    print(f"{'stage':14}{'core-us/doc':>12}{'f':>6}{'core-hours':>12}{'bytes/doc':>11}{'g':>6}{'TB':>8}")
    hours = terabytes = 0.0
    for stage, cost in most["stages"].items():
        if stage in READING:
            continue
        longer = factor if stage in BY_WORDS else 1.0
        wider = factor if stage == "members" else 1.0
        core, size = cost["core_seconds"] / number, sum(cost["bytes"].values()) / number
        hours += core * longer * PAGES / 3600
        terabytes += size * wider * PAGES / 1e12
        print(
            f"{stage:14}{1e6 * core:12.2f}{longer:6.1f}{core * longer * PAGES / 3600:12,.0f}{size:11.1f}{wider:6.1f}"
            f"{size * wider * PAGES / 1e12:8.2f}"
        )
    print(f"{'all':14}{'':18}{hours:12,.0f}{'':17}{terabytes:8.2f}")
    memory(results[0], most)


def memory(least: dict[str, Any], most: dict[str, Any]) -> None:
    """The memory of a worker, and of the one task that holds something for every document.

    A reduce sorts one range of keys at a time; more documents make more ranges, not larger ones, so what a worker
    holds stays. Of the one task counts what it came to hold beside what its process held before (its modules, and what
    earlier stages did not give back), and of that the slope:
    gigabytes = (growth at the largest number - growth at the smallest) / (documents more) * pages / 1e9.
    """
    for stage, cost in most["stages"].items():
        if stage not in (*READING, TASK):
            before = least["stages"].get(stage, cost)["worker_mb"]
            print(
                f"memory of a worker in `{stage}`: {before:.0f} MB at {least['documents']:,} documents, "
                f"{cost['worker_mb']:.0f} MB at {most['documents']:,}"
            )
    more = most["documents"] - least["documents"]
    if TASK in most["stages"] and TASK in least["stages"] and more:
        before, grown = (one["stages"][TASK]["growth_mb"] for one in (least, most))
        if grown - before < LEAST_GROWTH:
            print(f"memory of the task `{TASK}`: {grown:.0f} MB; too few documents to tell what each takes")
            return
        each = 1e6 * (grown - before) / more
        print(
            f"memory of the task `{TASK}`: {before:.0f} MB for {least['documents']:,} documents, {grown:.0f} MB for "
            f"{most['documents']:,}, so {each:.1f} bytes for each more, times {PAGES:,} = {each * PAGES / 1e9:.0f} GB "
            f"(bound: 32 bytes, {32 * PAGES / 1e9:.0f} GB)"
        )


def main() -> None:
    """Parse the command line; measure, or work out."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--documents", type=int, nargs="+", default=NUMBERS, metavar="N")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--engine", choices=["local", "ray"], default="local")
    parser.add_argument("--recipe", default="fineweb")
    parser.add_argument("--set", action="append", default=[], metavar="a.b=c", help="as of `sluice dedup`")
    parser.add_argument("--words", type=int, default=90, help="of a document on average (default 90)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path(tempfile.gettempdir()) / "duplicates-scale",
        metavar="DIR",
        help="for documents, runs and results (default: in the folder for temporary files)",
    )
    parser.add_argument("--keep", action="store_true", help="keep the run folders")
    parser.add_argument("--paper", action="store_true", help="measure nothing, read the folder's results")
    options = parser.parse_args()
    if min(*options.documents, options.workers) < 1:
        parser.error("--documents and --workers are at least 1")
    if options.paper:
        found = [json.loads(path.read_text()) for path in options.folder.glob("*/result.json")]
        results = sorted(found, key=lambda result: result["documents"])
        if not results:
            sys.exit(f"{options.folder} holds no result: call this without --paper first")
    else:
        warm_up(options)
        results = [measure(number, options) for number in sorted(set(options.documents))]
    table(results)
    paper(results)


if __name__ == "__main__":
    main()
