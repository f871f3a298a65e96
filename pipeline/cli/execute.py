"""From a recipe, inputs and a folder to an exit code: what `run`, `demo` and the one-stage verbs share."""

from __future__ import annotations

import contextlib
import hashlib
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import Any

import msgspec
from rich.console import Console

from pipeline.dedup.settings import SHUFFLED
from pipeline.errors import Stopped, UsageError
from pipeline.inputs import InputFile
from pipeline.ledger import CORE_HOUR_PRICE, Ledger
from pipeline.lock import working
from pipeline.named_assets import require_fitting
from pipeline.progress import Display, summary
from pipeline.recipe import Recipe
from pipeline.road import PUBLIC, Earlier, Engine, Outcome, Road, stages_of
from pipeline.robots import robots_files
from pipeline.show import show_text
from pipeline.stages import STAGES
from pipeline.stats import stats
from pipeline.store import Folder, open_folder

FINISHED_WITH_DAMAGE = 3

# Failures of an input or a shard, not of a single page: a run that met one finishes with exit code 3.
_PAGE_FAILURES = {
    "timeout",
    "crash",
    "memory",
    "oversize",
    "extractor_error",
    "bad_http",
    "bad_encoding",
    "bad_pdf",
}
_PAGE_FAILURES |= {"bad_json", "no_text", "duplicate_id"}  # rows of documents


def make_engine(name: str, address: str | None, workers: int | None) -> Engine:
    """The engine by its name; raises UsageError for another word."""
    if name == "local":
        from pipeline.engine.local import LocalEngine, cores

        return LocalEngine(workers or cores())
    if name == "ray":
        from pipeline.engine.ray import RayEngine

        return RayEngine(address, workers)
    raise UsageError(f"--engine {name}: local or ray")


@contextlib.contextmanager
def _signals(engines: list[Engine], display: Display) -> Iterator[None]:
    """SIGINT and SIGTERM: no new shards, running ones may finish; a second one ends them."""

    def stop(number: int, frame: FrameType | None) -> None:
        if not engines:
            raise Stopped(number)
        display.say("stopping after the shards that are running; again to end them now")
        for engine in engines:
            engine.stop(number)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def execute(
    recipe: Recipe,
    files: tuple[InputFile, ...],
    out: str,
    *,
    until: str | None = None,
    only: Sequence[str] | None = None,
    engine_name: str = "local",
    address: str | None = None,
    workers: int | None = None,
    accept_changed: bool = False,
    keep: bool = False,
    quiet: bool = False,
    earlier: Earlier | None = None,
) -> int:
    """Run a recipe's stages; returns the exit code (0 or 3). `only` keeps the folders of these stages alone."""
    if engine_name not in ("local", "ray"):
        raise UsageError(f"--engine {engine_name}: local or ray")
    active = stages_of(recipe, files, only, until)
    _require_files(recipe, active)
    whole = stages_of(recipe, files, only, until if only is not None else None)
    folder = open_folder(out)
    chosen = tuple(only) if only is not None else None
    road = Road(
        folder=folder,
        recipe=recipe,
        files=files,
        active=active,
        whole=whole,
        only=chosen,
        keep=keep,
        earlier=earlier,
    )
    with working(folder, road.identity), Display(active, quiet=quiet) as display:
        for name in road.prepare(accept_changed):
            display.say(f"{name}: removed what an earlier recipe left, which this one leaves out")
        display.say(f"{recipe.name}: {len(files)} input file{'s' if len(files) != 1 else ''} -> {folder.url}")
        for one in recipe.left_out if "filter" in active else ():
            display.say(str(one))
        outcome = _walk(road, display, lambda: make_engine(engine_name, address, workers))
        _release(road)
        counts = stats(folder)
        if only is None and until in (None, "report") and (outcome.ran or not folder.exists("report.html")):
            publish_report(folder)
        if not outcome.ran:
            display.say("nothing to compute: everything is up to date")
    if not quiet:
        console = Console(file=sys.stderr)
        summary(counts, console)
        if folder.exists("report.html"):
            console.print(f"report: {folder.url}/report.html", markup=False, highlight=False, soft_wrap=True)
    listed = folder.names("failed")
    where = (
        f"see {folder.url}/failed/"
        if listed
        else "`sluice extract` with the same inputs lists them in failed/"
    )
    return exit_code(counts, recipe, where)


def _require_files(recipe: Recipe, active: Sequence[str]) -> None:
    """Tell now, not after extraction, what is wrong with files that the recipe names."""
    if "robots" in active:
        robots_files(recipe.robots)
    if "filter" in active:
        require_fitting(recipe)


def _walk(road: Road, display: Display, make: Callable[[], Engine]) -> Outcome:
    engines: list[Engine] = []

    def engine() -> Engine:
        if not engines:
            engines.append(make())
        return engines[0]

    with _signals(engines, display):
        try:
            return road.walk(engine, display)
        finally:
            for one in engines:
                one.close()


def _release(road: Road) -> None:
    """Remove what the run does not keep: checkpoints, what stages only hand on, extracted text if so asked."""
    road.forget_work()
    if road.only is not None:
        kept = [name for name in road.only if name in PUBLIC]
        kept += [
            name for name in road.active if name == "cut_lines" and "dedup" in kept
        ]  # it lists duplicates too
        road.release([name for name in road.active if name not in kept], _not_of(kept))
        return
    if {"dedup", "cut_lines"} & set(road.active):
        road.release(SHUFFLED)
    if not road.recipe.keep_text and "corpus" in road.active:
        road.release(["extract"], ["extracted"])


def publish_report(folder: Folder, price: float = CORE_HOUR_PRICE) -> None:
    """Write `report.html`, its cost at `price` a core-hour, and its digest into the root of the ledger."""
    from pipeline.report import write_report

    write_report(folder, price)
    ledger = Ledger(folder)
    root = ledger.root()
    if root is not None:
        sha256 = hashlib.sha256(folder.read("report.html")).hexdigest()
        ledger.write_root(msgspec.structs.replace(root, report_sha256=sha256))


def _not_of(only: Sequence[str]) -> list[str]:
    wanted = {under for name in only for under in STAGES[name].folders}
    return [under for stage in STAGES.values() for under in stage.folders if under not in wanted]


def exit_code(counts: dict[str, Any], recipe: Recipe, where: str) -> int:
    """0, or 3 when an input was damaged, a shard given up, or too many pages failed; says why, and `where` to look."""
    damaged = {kind: number for kind, number in counts["failed"].items() if kind not in _PAGE_FAILURES}
    pages = sum(number for kind, number in counts["failed"].items() if kind in _PAGE_FAILURES)
    problems = []
    if wrong := counts["problems"].get("bad_crc"):
        damaged["bad_crc"] = wrong  # kept: the text may have been altered
    if damaged:
        problems.append(
            "damaged or missing input: " + ", ".join(f"{kind} {number}" for kind, number in damaged.items())
        )
    if lost := counts["robots"].get("damaged"):
        problems.append(f"damaged: {lost} range(s) or row(s) of the files under `robots`")
    if counts["given_up"]:
        first = counts["given_up"][0]
        problems.append(
            f"{len(counts['given_up'])} shard(s) given up ({first['shard']}: {show_text(first['reason'])})"
        )
    # A page that was delivered whole and failed later is among the responses already.
    delivered = (
        pages
        + counts["corpus"]
        + sum(sum(counts[fate].values()) for fate in ("dropped", "duplicates", "removed"))
    )
    total = max(counts["responses"], delivered)
    if total and pages / total > recipe.max_failed:
        problems.append(f"{pages} of {total} pages failed, more than max_failed {recipe.max_failed}")
    for problem in problems:
        print(f"sluice: finished, but {problem}; {where}", file=sys.stderr)
    return FINISHED_WITH_DAMAGE if problems else 0
