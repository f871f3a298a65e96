"""How a run goes, for the person who started it: bars in a terminal, plain lines anywhere else; the table at the end.

Talk goes to stderr, so that stdout stays for data.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import Any, TextIO

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from pipeline.bands import Judged
from pipeline.contamination import report as contamination
from pipeline.engine.task import Done, Event, Failed
from pipeline.engine.task import Progress as Running
from pipeline.ledger import Receipt
from pipeline.show import duration, show_text, size
from pipeline.stats import REMOVING

PLAIN_EVERY = 10.0  # seconds between plain lines


def _line(data: dict[str, Any]) -> str:
    """What a stage that trains says of itself."""
    parts = []
    for name in ("step", "steps", "loss", "tokens_per_second"):
        if name in data:
            value = data[name]
            parts.append(
                f"{name.replace('_', ' ')} {value:.3f}" if isinstance(value, float) else f"{name} {value}"
            )
    return ", ".join(parts)


class Meter:
    """What one stage has done so far: shards, documents, bytes, failures, and a guess of what is left."""

    def __init__(self, name: str, shards: int, done: Sequence[Receipt]) -> None:
        self.name, self.shards, self.skipped = name, shards, len(done)
        self.finished = len(done)
        self.documents = self.bytes = self.failed = self.given_up = 0
        self.running: dict[str, dict[str, Any]] = {}
        self.started = time.monotonic()

    def take(self, event: Event) -> None:
        """Follow one event."""
        shard = event.task.shard.name
        if isinstance(event, Running):
            self.running[shard] = event.data
            return
        self.running.pop(shard, None)
        self.finished += 1
        if isinstance(event, Failed):
            self.given_up += 1
            return
        if isinstance(event, Done):
            receipt = event.receipt
            self.documents += receipt.cost.documents
            self.bytes += receipt.cost.bytes_in
            failed = receipt.counts.get("failed")
            self.failed += sum(failed.values()) if isinstance(failed, dict) else 0

    @property
    def share(self) -> float:
        """Shards done, running ones counted by what they said of their steps."""
        partial = sum(data["step"] / data["steps"] for data in self.running.values() if data.get("steps"))
        return min(self.finished + partial, self.shards)

    def describe(self) -> str:
        """One line: documents and bytes a second, time left, failures."""
        elapsed = max(time.monotonic() - self.started, 1e-6)
        documents = self.documents + sum(data.get("documents", 0) for data in self.running.values())
        failed = self.failed + sum(data.get("failed", 0) for data in self.running.values())
        parts = []
        if documents:
            parts.append(f"{documents:,} documents, {documents / elapsed:,.0f}/s")
        if self.bytes:
            parts.append(f"{size(self.bytes / elapsed)}/s")
        parts += [text for data in self.running.values() if (text := _line(data))]
        done = self.share - self.skipped
        if done > 0 and self.share < self.shards:
            parts.append(f"{duration(elapsed / done * (self.shards - self.share))} left")
        if failed:
            parts.append(f"{failed:,} failed")
        if self.given_up:
            parts.append(f"{self.given_up} shards given up")
        return ", ".join(parts)


class Display:
    """A watcher of `pipeline.road`: draws bars in a terminal, prints lines elsewhere."""

    def __init__(self, stages: Sequence[str], stream: TextIO | None = None, quiet: bool = False) -> None:
        self.stream = stream or sys.stderr
        self.quiet = quiet
        self.stages = list(stages)
        self.meter: Meter | None = None
        self._last = 0.0
        self._bars: Progress | None = None
        self._overall: TaskID | None = None
        self._bar: TaskID | None = None

    def __enter__(self) -> Display:
        console = Console(file=self.stream)
        if console.is_terminal and not self.quiet:
            self._bars = Progress(
                TextColumn("{task.description:<11}"),
                BarColumn(bar_width=24),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TextColumn("{task.fields[talk]}", markup=False),
                console=console,
            )
            self._bars.start()
            self._overall = self._bars.add_task("all stages", total=len(self.stages), talk="")
        return self

    def __exit__(self, *_: object) -> None:
        if self._bars is not None:
            self._bars.stop()

    def say(self, text: str) -> None:
        """One line for the person."""
        if self.quiet:
            return
        if self._bars is not None:
            self._bars.console.print(text, markup=False, highlight=False, soft_wrap=True)
        else:
            print(text, file=self.stream, flush=True)

    def stage(self, name: str, shards: int, done: Sequence[Receipt]) -> None:
        """A stage begins."""
        self.meter = Meter(name, shards, done)
        if self._bars is not None:
            self._bar = self._bars.add_task(name, total=shards, completed=len(done), talk="")
        elif len(done) < shards:
            had = f", {len(done)} done before" if done else ""
            self.say(f"{name}: {shards} shard{'s' if shards != 1 else ''}{had}")
        self._last = time.monotonic()

    def event(self, event: Event) -> None:
        """Something happened to a shard."""
        assert self.meter is not None
        self.meter.take(event)
        if isinstance(event, Failed):
            self.say(
                f"{self.meter.name}: shard {event.task.shard.name} given up: {show_text(event.reason, 400)}"
            )
        if self._bars is not None and self._bar is not None:
            self._bars.update(self._bar, completed=self.meter.share, talk=self.meter.describe())
        elif time.monotonic() - self._last >= PLAIN_EVERY:
            self._last = time.monotonic()
            self.say(
                f"{self.meter.name}: {self.meter.finished}/{self.meter.shards} shards, {self.meter.describe()}"
            )

    def closed(self, name: str) -> None:
        """A stage is closed."""
        assert self.meter is not None
        ran = self.meter.finished - self.meter.skipped
        if self._bars is not None and self._bar is not None and self._overall is not None:
            self._bars.update(self._bar, completed=self.meter.shards)
            self._bars.advance(self._overall)
        elif ran:
            took = duration(time.monotonic() - self.meter.started)
            talk = self.meter.describe()
            self.say(f"{name}: done in {took}" + (f", {talk}" if talk else ""))


def summary(counts: dict[str, Any], console: Console) -> None:
    """The table at the end, whose numbers add up to the records."""
    table = Table(title="What became of every record", title_justify="left", box=None, pad_edge=False)
    table.add_column("fate")
    table.add_column("why")
    table.add_column("records", justify="right")
    table.add_column("share", justify="right")
    records = max(counts["records"], 1)

    def row(fate: str, why: str, number: int) -> None:
        table.add_row(fate, show_text(why), f"{number:,}", f"{100 * number / records:.1f} %")

    for fate in ("skipped", "failed", "dropped", "duplicates", "removed"):
        for why, number in counts[fate].items():
            if number and fate == "removed" and why in REMOVING:
                rules = counts[REMOVING[why][1]].items()
                by = ", ".join(f"{rule.partition('.')[2]} {hits:,}" for rule, hits in rules)
                why = f"{why.replace('_', '-')}: {by}"
            if number:
                row(fate, why, number)
    row(
        "corpus",
        ", ".join(f"{name} {number:,}" for name, number in counts["domains"].items()),
        counts["corpus"],
    )
    table.add_section()
    row("all", "", counts["records"])
    console.print(table)
    _duplicates(counts, console)
    for name, found in counts["contamination"].items():
        if found["matched"]:
            console.print(contamination.line(name, found), highlight=False, markup=False)
    if counts["problems"]:
        kept = ", ".join(f"{name} {number:,}" for name, number in counts["problems"].items())
        console.print(f"extracted in spite of a fault: {kept}", highlight=False)
    if number := sum(counts["screened"].values()):
        spared = counts["spared_core_seconds"]
        talk = f", which spared about {spared:,.0f} core-seconds" if spared and spared > 1 else ""
        console.print(f"of the dropped, {number:,} were screened by a cheap look{talk}", highlight=False)
    for band in counts["bands"]:
        if band["inside"] is False:
            console.print(str(msgspec.convert(band, Judged)), highlight=False, markup=False)
    if counts["excused"]:
        spared = ", ".join(f"{show_text(rule)} {number:,}" for rule, number in counts["excused"].items())
        console.print(f"spared by conditions: {spared}", highlight=False)
    tokens = counts["tokens"]
    if tokens["train"]:
        console.print(
            f"tokens: {tokens['train']:,} to train on, {tokens['heldout']:,} held out", highlight=False
        )
    seconds = ", ".join(f"{name} {value:.1f}" for name, value in counts["core_seconds"].items())
    console.print(f"core-seconds: {seconds}", highlight=False)


def _duplicates(counts: dict[str, Any], console: Console) -> None:
    """Clusters, how far the comparison can be trusted, and whose tokens were lost."""
    from pipeline.dedup.lost import YearLoss, lines

    def say(text: str) -> None:
        console.print(text, highlight=False, markup=False, soft_wrap=True)

    if sizes := {int(size): number for size, number in counts["clusters"].items()}:
        say(f"clusters of duplicates: {sum(sizes.values()):,}, the largest of {max(sizes):,} documents")
    if pairs := counts["pairs"]:
        rates = ", ".join(
            f"{what} {100 * rate['share']:.2f} % ({100 * rate['low']:.2f} to {100 * rate['high']:.2f})"
            for name, what in (("false", "false candidates"), ("missed", "missed pairs"))
            if (rate := pairs[name]) is not None
        )
        estimated = f"; {rates}, estimated with 95 % intervals" if rates else ""
        say(f"near pairs compared: {pairs['compared']:,}, {pairs['rejected']:,} rejected{estimated}")
    lost = [msgspec.convert(row, YearLoss) for row in counts["lost_by_year"]]
    if lost and lost[-1].lost:
        say("tokens lost to duplicates, estimated, by the crawl's year:")
        for line in lines({"lost": lost}):
            say(f"  {line}")
