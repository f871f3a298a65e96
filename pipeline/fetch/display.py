"""How a fetch goes, on stderr: bars in a terminal, a line now and then anywhere else."""

from __future__ import annotations

import sys
import threading
import time
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from pipeline.progress import PLAIN_EVERY
from pipeline.show import show_text, size


class Display:
    """What several connections tell a person. Every method may be called from any thread."""

    def __init__(self, stream: TextIO | None = None, quiet: bool = False) -> None:
        self.stream, self.quiet = stream or sys.stderr, quiet
        self._lock = threading.Lock()
        self._bars: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._overall: TaskID | None = None
        self._units = self._done = self._bytes = 0
        self._started = self._last = time.monotonic()

    def __enter__(self) -> Display:
        console = Console(file=self.stream)
        if console.is_terminal and not self.quiet:
            self._bars = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(bar_width=24),
                TextColumn("{task.fields[talk]}", markup=False),
                console=console,
            )
            self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bars is not None:
            self._bars.stop()

    def say(self, text: str) -> None:
        """One line for the person."""
        if self.quiet:
            return
        line = show_text(text, 400)
        with self._lock:
            if self._bars is not None:
                self._bars.console.print(line, markup=False, highlight=False, soft_wrap=True)
            else:
                print(line, file=self.stream, flush=True)

    def plan(self, units: int) -> None:
        """So many files, or ranges of files, are to come."""
        with self._lock:
            self._units, self._done = units, 0
            if self._bars is not None:
                if self._overall is None:
                    self._overall = self._bars.add_task("all", talk="")
                self._bars.update(self._overall, total=units, completed=0)

    def _told(self) -> str:
        speed = size(self._bytes / max(time.monotonic() - self._started, 1e-6))
        return f"{self._done}/{self._units} done, {size(self._bytes)} received, {speed}/s"

    def begin(self, name: str, total: int | None, had: int) -> None:
        """A file is being received; `had` bytes of it are here already."""
        if self._bars is None:
            return
        with self._lock:
            if name not in self._tasks:
                self._tasks[name] = self._bars.add_task(show_text(name, 60), total=None, talk="")
            self._bars.update(self._tasks[name], total=total, completed=had)

    def got(self, name: str, count: int) -> None:
        """More bytes came."""
        with self._lock:
            self._bytes += count
            if self._bars is not None:
                if name in self._tasks:
                    self._bars.advance(self._tasks[name], count)
                if self._overall is not None:
                    self._bars.update(self._overall, talk=self._told())
                return
            now = time.monotonic()
            if self.quiet or now - self._last < PLAIN_EVERY:
                return
            self._last = now
            print(self._told(), file=self.stream, flush=True)

    def lost(self, name: str) -> None:
        """What was received of a file is of no use."""
        with self._lock:
            if self._bars is not None and name in self._tasks:
                self._bars.update(self._tasks[name], completed=0)

    def end(self, name: str) -> None:
        """Nothing more comes of a file."""
        with self._lock:
            self._done += 1
            task = self._tasks.pop(name, None)
            if self._bars is not None:
                if task is not None:
                    self._bars.remove_task(task)
                if self._overall is not None:
                    self._bars.update(self._overall, completed=self._done, talk=self._told())
