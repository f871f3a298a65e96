"""The end of a process."""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
from typing import NoReturn


def leave(code: int) -> NoReturn:
    """End this process with an exit code, after what was registered for its end.

    The interpreter is not torn down: threads of native libraries (Arrow's) outlive what they stand on there, and now
    and then abort a process that has done its work.
    """
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)
