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
from typing import NoReturn

from pipeline.errors import Stopped, UsageError, UserError
from pipeline.leave import leave


def main() -> NoReturn:
    """Entry point: no traceback reaches a person."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _noted)
    try:
        code = _run(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    leave(code)


def _run(words: list[str]) -> int:
    """Do what the words say; returns the exit code."""
    try:
        _refuse_other_bytes(words)
        from pipeline.cli.app import app
        from pipeline.cli.arguments import spread

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _stopped)
        if _signals:
            raise Stopped(_signals[0])
        app(args=spread(words), prog_name="sluice")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(bool(end.code))
    except BrokenPipeError:
        raise
    except UserError as error:
        return _say(str(error), error.exit_code)
    except Exception as error:
        if _signals:  # see `_noted`
            stopped = Stopped(_signals[0])
            return _say(str(stopped), stopped.exit_code)
        return _say(_in_words(error), 1)
    return 0


def _in_words(error: Exception) -> str:
    from pipeline.show import show_text
    from pipeline.store import CommitError

    if isinstance(error, CommitError):
        return str(error)
    if isinstance(error, OSError) and error.strerror and isinstance(error.filename, str | bytes):
        return f"{os.fsdecode(error.filename)}: {error.strerror}"
    return f"{type(error).__name__}: {show_text(str(error), 300)} (details: {_details()})"


def _refuse_other_bytes(words: list[str]) -> None:
    for word in words:
        try:
            word.encode()
        except UnicodeEncodeError:
            raise UsageError(f"{word!r} is not UTF-8") from None


_signals: list[int] = []


def _noted(number: int, frame: FrameType | None) -> None:
    # An error raised inside an import may be swallowed there, or come out as another one.
    _signals.append(number)


def _stopped(number: int, frame: FrameType | None) -> None:
    _signals.append(number)
    raise Stopped(number)


def _say(message: str, code: int) -> int:
    from pipeline.show import show_text

    print(f"sluice: {show_text(message, 2000)}", file=sys.stderr)
    return code


def _details() -> str:
    descriptor, name = tempfile.mkstemp(prefix="sluice-error-", suffix=".txt")
    with os.fdopen(descriptor, "w") as file:
        traceback.print_exc(file=file)
    return str(Path(name))
