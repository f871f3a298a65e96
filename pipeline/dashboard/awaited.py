"""A run that has not begun when the dashboard is started: its folder is looked for, and watched once it is a run's."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path

from pipeline.dashboard.view import House
from pipeline.dashboard.watch import PAUSE, Seen, Watched
from pipeline.errors import UserError
from pipeline.store import Folder


class Awaited:
    """A folder that is no run folder yet. `seen` is None until its recipe is written, then as of a `Watched`.

    `problem` says why what was found there cannot be watched, or is empty.
    """

    def __init__(self, folder: Folder, name: str) -> None:
        self.folder, self.name, self.problem = folder, name, ""
        self._run: Watched | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def seen(self) -> Seen | None:
        """The last snapshot of the run, or None as long as there is none."""
        return self._run.seen if self._run else None

    def look(self) -> bool:
        """Look once whether the run has begun; true from then on."""
        try:
            if self._run is None and self.folder.exists("recipe.yaml"):
                self._run, self.problem = Watched(self.folder, self.name), ""
        except (UserError, OSError) as error:
            self.problem = str(error)
        return self._run is not None

    def start(self) -> None:
        """Look again and again in a thread, then watch the run in one of its own, until `stop`."""

        def wait() -> None:
            while not self.look():
                if self._stop.wait(PAUSE):
                    return
            assert self._run is not None
            self._run.start()

        self._thread = threading.Thread(target=wait, name=f"await {self.name}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the threads; the last snapshot stays."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        if self._run is not None:
            self._run.stop()


Followed = Watched | Awaited


def house_of(runs: Mapping[str, Followed], price: float) -> House:
    """The last snapshots of these runs, and where those that have not begun are looked for."""
    seen = {name: one.seen for name, one in runs.items()}
    awaited = {
        name: one.folder.url + (f" ({one.problem})" if one.problem else "")
        for name, one in runs.items()
        if isinstance(one, Awaited) and seen[name] is None
    }
    return House({name: one for name, one in seen.items() if one is not None}, price, awaited)


def followed(folder: Folder, name: str) -> Followed:
    """The run in `folder`, or what waits for it where a path leads to nothing yet, or to an empty folder.

    Raises UserError for what is something else: a file, a folder with other things in it, nothing in an object store.
    """
    return Awaited(folder, name) if _may_become_one(folder) else Watched(folder, name)


def _may_become_one(folder: Folder) -> bool:
    if "://" in folder.url:
        return False
    path = Path(folder.url)
    if not path.is_dir():
        return not path.exists()
    # Scratch may be there a moment before the recipe.
    return all(one.name.startswith((".", "_")) for one in path.iterdir())
