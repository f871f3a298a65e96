"""Bounded retries for what an object store or a network file system may refuse for a moment."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

ATTEMPTS = 5
_FIRST_PAUSE = 0.2  # seconds, doubled each time: 3 s in all, then the shard is given up

# A missing name, a refused permission, a full disk or a bad address does not mend itself by asking again.
_FINAL = {
    errno.EINVAL,
    errno.ENOENT,
    errno.EEXIST,
    errno.EACCES,
    errno.EPERM,
    errno.ENOSPC,
    errno.EISDIR,
    errno.ENOTDIR,
    errno.EROFS,
}


def is_final(error: OSError) -> bool:
    """True when trying again cannot help."""
    return isinstance(error, FileNotFoundError | FileExistsError | PermissionError) or error.errno in _FINAL


def retried(action: Callable[[], T], pause: Callable[[float], object] = time.sleep) -> T:
    """Run `action`, again after a transient OSError, at most `ATTEMPTS` times; the last error is raised."""
    for attempt in range(ATTEMPTS - 1):
        try:
            return action()
        except OSError as error:
            if is_final(error):
                raise
            pause(_FIRST_PAUSE * 2**attempt)
    return action()
