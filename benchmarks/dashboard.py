"""How long the dashboard takes to answer: over real runs, and over a ledger of ten thousand shards.

    python benchmarks/dashboard.py RUN... [--synthetic DIR] [--json]
    python benchmarks/dashboard.py --synthetic DIR [--base RUN] [--shards N] [--documents N] [--live] [--exact]

The second form makes a run folder in DIR, if there is none yet (`benchmarks/synthetic_run.py` says what of it is made
up), and times it with the others. The server is started as a user would start it; every view is asked over HTTP, as a
page and as JSON, a few questions each, `TIMES` times: the first answer, the median and the 95th percentile. While the
runs are still being read one page is asked all the time; how long that takes, and how much memory the server had at
its peak, is told too. Floors: every view in .3 s at the median on a run, in 1 s on the synthetic ledger, a slider in
.15 s on both a run and a million documents; exit code 1 where one is missed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

TIMES = 15
SLIDERS = 20  # values that a slider is moved to
FLOOR, SYNTHETIC_FLOOR, SLIDER_FLOOR = 0.3, 1.0, 0.15  # seconds, of the median
LONGEST = 1800.0  # seconds until a run must have been read
SLIDER, SLIDES = "filters.gopher_quality.min_words", "gopher_quality.short"  # a setting, and its rule


class Timed(NamedTuple):
    """One question: seconds of the first answer, and of `TIMES` ones after it."""

    run: str
    question: str
    status: int
    bytes: int
    first: float
    median: float
    p95: float
    floor: float

    @property
    def passed(self) -> bool:
        """True if it was answered in time; what a run does not have is refused, which takes time, too."""
        return self.median <= self.floor and self.status < 500


class Answer(NamedTuple):
    """An HTTP answer."""

    status: int
    body: bytes
    seconds: float


def ask(address: str) -> Answer:
    """Ask once; answers that are errors are answers."""
    began = time.perf_counter()
    try:
        with urllib.request.urlopen(address, timeout=120) as answer:
            body, status = answer.read(), answer.status
    except urllib.error.HTTPError as error:
        body, status = error.read(), error.code
    return Answer(status, body, time.perf_counter() - began)


def told(root: str, view: str, **parameters: str) -> dict[str, Any]:
    """The JSON of a view, or nothing where it is refused."""
    answer = ask(f"{root}/{view}.json?{urllib.parse.urlencode(parameters)}")
    found: dict[str, Any] = json.loads(answer.body)
    return found if answer.status == 200 else {}


def questions(root: str, others: list[str]) -> dict[str, list[dict[str, str]]]:
    """Typical parameters by view; ids and names are taken from what the run answers."""
    from pipeline.dashboard.views import VIEWS

    found: dict[str, list[dict[str, str]]] = {name: [{}] for name in VIEWS}
    border = (told(root, "signals").get("outcome") or {}).get("border") or []
    rules = told(root, "rules").get("rules") or []
    clusters = told(root, "duplicates").get("clusters") or []
    more: dict[str, list[dict[str, str]]] = {
        "funnel": [{"by": by} for by in ("host", "language", "crawl")],
        "rules": [{"sort": "fires", "top": "40"}],
        "shards": [{"stage": "filter", "sort": "started"}, {"sort": "memory", "offset": "100"}],
        "failures": [{"kind": "timeout"}],
        "samples": [{"text": "the"}],
        "mix": [{"budget": "1000000000"}],
        "compare": [{"other": other} for other in others[:1]] + [{"set": f"{SLIDER}=100"}],
    }
    if border:
        more["why"] = [{"id": border[0]["id"]}, {"id": border[-1]["url"]}]
    if rules:
        most = max(rules, key=lambda one: one.get("first") or 0)
        more["samples"].append({"rule": most["rule"]})
    if clusters:
        more["duplicates"] = [{"cluster": clusters[0].get("cluster") or clusters[0].get("id") or ""}]
        members = told(root, "duplicates", **more["duplicates"][0]).get("members") or []
        if len(members) > 1:
            more["duplicates"].append({"a": members[0]["id"], "b": members[1]["id"]})
    return {name: asked + more.get(name, []) for name, asked in found.items()}


def timed(run: str, root: str, others: list[str], floor: float) -> Iterator[Timed]:
    """Every view of one run, as a page and as JSON, and a moved slider."""
    for view, asked in questions(root, others).items():
        for parameters in asked:
            for ending in ("", ".json"):
                words = urllib.parse.urlencode(parameters)
                addresses = [f"{root}/{view}{ending}?{words}"] * (TIMES + 1)
                yield _timed(run, f"{view}{ending}?{words}".rstrip("?"), addresses, floor)
    signals = told(root, "signals").get("signals") or []
    own = next((one["signal"] for one in signals if SLIDES in one["rules"]), "")
    moves = [f"set={SLIDER}={value}" for value in range(30, 30 + 10 * SLIDERS, 10)]
    for ending in ("", ".json"):
        addresses = [f"{root}/signals{ending}?signal={own}&{one}" for one in moves]
        if ask(addresses[0]).status == 200:
            yield _timed(run, f"signals{ending}, slider at {SLIDERS} values", addresses, SLIDER_FLOOR)


def _timed(run: str, question: str, addresses: list[str], floor: float) -> Timed:
    answers = [ask(address) for address in addresses]
    seconds = [answer.seconds for answer in answers]
    later = seconds[1:]
    worst = max(answer.status for answer in answers)
    median, p95 = float(np.median(later)), float(np.quantile(later, 0.95))
    return Timed(run, question, worst, len(answers[0].body), seconds[0], median, p95, floor)


class Reading(NamedTuple):
    """How a run was read: seconds until all was, and the slowest of the pages that were asked for meanwhile."""

    run: str
    seconds: float
    pages: int
    slowest: float


def read(run: str, root: str) -> Reading:
    """Ask for the funnel again and again until the run is read."""
    began, slowest, pages = time.perf_counter(), 0.0, 0
    while json.loads(ask(f"{root}/state.json").body)["reading"]:
        slowest = max(slowest, ask(f"{root}/funnel").seconds)
        pages += 1
        if time.perf_counter() - began > LONGEST:
            raise SystemExit(f"{run} is not read after {LONGEST:.0f} s")
        time.sleep(0.2)
    return Reading(run, time.perf_counter() - began, pages, slowest)


def serve(runs: list[Path]) -> tuple[subprocess.Popen[str], str]:
    """The server and its address."""
    words = [sys.executable, "-m", "pipeline", "dashboard", *map(str, runs), "--port", "0"]
    server = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    root = server.stdout.readline().strip().rstrip("/")
    began = time.monotonic()
    while server.poll() is None and time.monotonic() - began < 60:
        try:
            ask(f"{root}/shapes.json")  # which asks nothing of a run
            return server, root
        except urllib.error.URLError:
            time.sleep(0.05)
    raise SystemExit("the server did not begin to answer")


def measure(runs: list[Path], synthetic: Path | None) -> dict[str, Any]:
    """Everything, as it is printed."""
    from pipeline.dashboard.serve import names_of

    every = [*runs, *([synthetic] if synthetic else [])]
    names = list(names_of([str(one) for one in every]))
    server, root = serve(every)
    try:
        readings = [read(name, f"{root}/{name}") for name in names]
        rows: list[Timed] = []
        for name, path in zip(names, every, strict=True):
            floor = SYNTHETIC_FLOOR if path == synthetic else FLOOR
            others = [other for other in names if other != name]
            rows += timed(name, f"{root}/{name}", others, floor)
        status = Path(f"/proc/{server.pid}/status").read_text()
        peak = next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))
        ticks = [_ticks(server.pid)]
        time.sleep(10)
        ticks.append(_ticks(server.pid))
    finally:
        server.terminate()
        server.wait()
    return {
        "reading": [one._asdict() for one in readings],
        "peak_rss_bytes": peak,
        "idle_cores": (ticks[1] - ticks[0]) / 10,
        "views": [{**one._asdict(), "passed": one.passed} for one in rows],
        "passed": all(one.passed for one in rows),
    }


def _ticks(pid: int) -> float:
    """Seconds of processor time of a process so far."""
    import os

    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def show(found: dict[str, Any]) -> None:
    """Print a table."""
    for one in found["reading"]:
        print(
            f"{one['run']}: read in {one['seconds']:.1f} s; {one['pages']} pages meanwhile, "
            f"the slowest in {one['slowest']:.2f} s"
        )
    print(
        f"server: {found['peak_rss_bytes'] / 1e9:.2f} GB at the peak, {found['idle_cores']:.1%} of a core idle"
    )
    print(f"{'run':12} {'question':60} {'code':>4} {'KB':>7} {'first':>7} {'median':>7} {'p95':>7}  ms")
    for row in found["views"]:
        times = " ".join(f"{1000 * row[name]:7.0f}" for name in ("first", "median", "p95"))
        mark = "" if row["passed"] else f"  over {1000 * row['floor']:.0f}"
        print(
            f"{row['run'][:12]:12} {row['question'][:60]:60} {row['status']:4} {row['bytes'] / 1e3:7.1f} {times}{mark}"
        )
    print("all in time" if found["passed"] else "TOO SLOW")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("runs", nargs="*", type=Path)
    parser.add_argument("--synthetic", type=Path, metavar="DIR")
    parser.add_argument("--base", type=Path, help="a run whose shards are repeated; default: of the sample")
    parser.add_argument("--shards", type=int, default=10_000)
    parser.add_argument("--documents", type=int, default=100_000_000)
    parser.add_argument("--live", action="store_true", help="as if `filter` was half done")
    parser.add_argument("--exact", action="store_true", help="with the files of all documents")
    parser.add_argument("--only-make", action="store_true", help="time nothing")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    if asked.synthetic and not (asked.synthetic / "recipe.yaml").exists():
        from benchmarks.synthetic_run import Asked, make

        with tempfile.TemporaryDirectory() as scratch:
            base = asked.base or _base(Path(scratch))
            made = make(Asked(base, asked.shards, asked.documents, asked.live, asked.exact), asked.synthetic)
        print(json.dumps(made), file=sys.stderr)
    if asked.only_make:
        return
    found = measure(asked.runs, asked.synthetic)
    print(json.dumps(found, indent=1)) if asked.json else show(found)
    sys.exit(0 if found["passed"] else 1)


def _base(folder: Path) -> Path:
    """The embedded sample through the recipe `fineweb`."""
    sample = folder / "sample.warc.gz"
    for words in (
        ["sample", sample],
        ["run", "fineweb", "--input", sample, "--out", folder / "run", "--until", "corpus"],
    ):
        subprocess.run([sys.executable, "-m", "pipeline", *map(str, words)], cwd=ROOT, check=True, stdout=2)
    return folder / "run"


if __name__ == "__main__":
    main()
