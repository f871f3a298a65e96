"""The metrics of a run, a JSON line a logged step.

`metrics.jsonl` holds what the data and the seed decide (step, tokens, phase, lr, loss, gradient_norm), so a run that
was killed and resumed leaves the same bytes as one that was not; `timing.jsonl` holds what the machine decides
(seconds, tokens_per_second) and differs every time. `place.json` says where it is trained, and what the device could do
at its best.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

import msgspec

from train import publish

METRICS, TIMING, PLACE = "metrics.jsonl", "timing.jsonl", "place.json"


class Metrics:
    """Appends to both files; opening them again at a step forgets what lies after it."""

    def __init__(self, folder: Path, done: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._files = {}
        for name in (METRICS, TIMING):
            _truncate(folder / name, done)
            self._files[name] = open(folder / name, "ab")  # noqa: SIM115 (closed by __exit__)

    def __enter__(self) -> Metrics:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        for file in self._files.values():
            file.close()

    def write(self, metrics: dict[str, object], timing: dict[str, object]) -> None:
        """One line in each file; both begin with the step."""
        for name, line in ((METRICS, metrics), (TIMING, timing)):
            self._files[name].write(msgspec.json.encode(line) + b"\n")
            self._files[name].flush()

    def sync(self) -> None:
        """Force both to the disk, before a checkpoint counts on them."""
        for file in self._files.values():
            file.flush()
            os.fsync(file.fileno())


def write_place(folder: Path, place: Mapping[str, object]) -> None:
    """Say where the steps that follow are trained; replaces what another process said."""
    folder.mkdir(parents=True, exist_ok=True)
    publish.write_file(folder / PLACE, msgspec.json.format(msgspec.json.encode(place)) + b"\n")


def _truncate(path: Path, done: int) -> None:
    """Keep the whole lines of steps up to `done`; a killed process may have left half a line, or later steps."""
    if not path.exists():
        return
    kept = 0
    with open(path, "rb") as file:
        for line in file:
            try:
                step = msgspec.json.decode(line)["step"]
            except (msgspec.DecodeError, KeyError, TypeError):
                break
            if not line.endswith(b"\n") or step > done:
                break
            kept += len(line)
    os.truncate(path, kept)
