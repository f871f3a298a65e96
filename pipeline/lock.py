"""Who works in a run folder: any number of runs of one recipe on one input, never two different ones at once.

Each run holds a shared lock on a file named after what it does; the kernel lets go of it when the process dies. Object
stores have no such locks: there the user keeps different recipes in different folders.
"""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

from pipeline.errors import UserError
from pipeline.store import CommitError, Folder


def _held_by_others(folder: Folder, own: str) -> bool:
    for path in (Path(folder.url) / "_tmp").glob("running.*"):
        if path.name == own:
            continue
        with open(path, "rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return True
            path.unlink(missing_ok=True)
    return False


@contextlib.contextmanager
def working(folder: Folder, what: str) -> Iterator[None]:
    """Hold the folder for `what` (a fingerprint); raises UserError while another run does something else in it."""
    if "://" in folder.url:
        yield
        return
    name = f"running.{what[:12]}"
    try:
        (Path(folder.url) / "_tmp").mkdir(parents=True, exist_ok=True)
        file = open(Path(folder.url) / "_tmp" / name, "ab")  # noqa: SIM115 (closed below, after the check)
    except OSError as error:
        raise CommitError(f"{folder.url} cannot be written: {error.strerror}") from error
    with file:
        fcntl.flock(file, fcntl.LOCK_SH)
        if _held_by_others(folder, name):
            raise UserError(
                f"another run with other settings or inputs is at work in {folder.url}: wait, or use another --out"
            )
        yield


def refuse_if_running(folder: Folder) -> None:
    """Raise UserError while any run is at work in the folder."""
    if "://" not in folder.url and _held_by_others(folder, ""):
        raise UserError(f"a run is at work in {folder.url}: wait until it is done")
