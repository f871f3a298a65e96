"""The command line: `sluice VERB`, the same as `python -m pipeline VERB`.

Data goes to stdout, talk to stderr. Exit codes: 0 done; 1 could not finish or found damage; 2 wrong usage or recipe;
3 finished, but an input was damaged or missing, a shard was given up or too many pages failed; 130, 143 by a signal.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import traceback
from pathlib import Path
from types import FrameType

from pipeline.errors import Stopped, UserError


def main() -> None:
    """Entry point: no traceback reaches a person."""
    from pipeline.cli.app import app
    from pipeline.cli.arguments import spread
    from pipeline.store import CommitError

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stopped)
    try:
        app(args=spread(sys.argv[1:]), prog_name="sluice")
    except UserError as error:
        _leave(str(error), error.exit_code)
    except CommitError as error:
        _leave(str(error), 1)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        _leave(f"{_one_line(error)} (details: {_details()})", 1)


def _stopped(number: int, frame: FrameType | None) -> None:
    raise Stopped(number)


def _one_line(error: Exception) -> str:
    from pipeline.show import show_text

    return f"{type(error).__name__}: {show_text(str(error), 300)}"


def _leave(message: str, code: int) -> None:
    from pipeline.show import show_text

    print(f"sluice: {show_text(message, 2000)}", file=sys.stderr)
    sys.exit(code)


def _details() -> str:
    descriptor, name = tempfile.mkstemp(prefix="sluice-error-", suffix=".txt")
    with os.fdopen(descriptor, "w") as file:
        traceback.print_exc(file=file)
    return str(Path(name))
