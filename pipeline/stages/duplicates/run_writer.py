"""How map tasks publish their keys: as sorted runs, one whenever enough wait."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from pipeline.stages.stage import Attempt

if TYPE_CHECKING:
    from pipeline.dedup.runs import Entries

RUN = ".run"  # how the names of runs end


class RunWriter:
    """Keys of one block, by kind."""

    def __init__(self, attempt: Attempt, under: str, block: str, widths: Mapping[str, int]) -> None:
        """Publish in the folder `under`; `widths` are the kinds, and how many values each key has."""
        self._attempt, self._under, self._block, self._widths = attempt, under, block, widths
        self._waiting: dict[str, list[Entries]] = {kind: [] for kind in widths}
        self._entries = self._runs = 0

    def add(self, kind: str, keys: np.ndarray, values: np.ndarray) -> None:
        """Take keys (n,) and their values (n, width); the values' first column, rows, must ascend from call to call."""
        from pipeline.dedup.runs import RUN_ENTRIES, Entries

        for start in range(0, len(keys), RUN_ENTRIES):  # a batch of long texts may hold more than one run
            part = Entries(keys[start : start + RUN_ENTRIES], values[start : start + RUN_ENTRIES])
            if self._entries + len(part.keys) > RUN_ENTRIES:
                self.flush()
            self._waiting[kind].append(part)
            self._entries += len(part.keys)

    def flush(self) -> None:
        """Write what waits as a run."""
        from pipeline.dedup.runs import Entries, write_run

        if not self._entries:
            return
        whole = {
            kind: Entries(
                np.concatenate([np.empty(0, np.uint64), *(one.keys for one in parts)]),
                np.concatenate(
                    [np.empty((0, self._widths[kind]), np.uint32), *(one.values for one in parts)]
                ),
            )
            for kind, parts in self._waiting.items()
        }
        path = self._attempt.scratch / f"run.{self._runs}"
        write_run(path, whole)
        name = f"{self._block}.{self._runs:06d}{RUN}"
        self._attempt.add_file(path, self._under, name, self._entries)
        self._runs += 1
        self._entries = 0
        for parts in self._waiting.values():
            parts.clear()
