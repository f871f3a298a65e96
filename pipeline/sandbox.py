"""Extraction that can be killed: a batch of pages goes to a forked child, and the clock of each page is watched.

Limits inside the process do not hold: parsers written in C return to Python only when they are done. So a zygote
(`pipeline.zygote`, a fresh interpreter without Ray or threads) forks a child for every batch. Pages go through a shared
file, results come back through a pipe, and the child notes in shared memory which page it is at and since when. At the
limit it is killed, that page has failed, and the pages after it go to a new child. A child that dies by itself has the
page run again as the first of a new child, so that no page fails for what another one left behind; then it has failed.
"""

from __future__ import annotations

import contextlib
import json
import math
import mmap
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any, NamedTuple

import msgspec

from pipeline.extraction import Extraction
from pipeline.zygote import DONE, FRAME, OUT_OF_MEMORY, PAGE, PROGRESS_SIZE, RUN, Progress

_START_SECONDS = 120.0  # until the zygote has imported the extractor
_KILL_SECONDS = 5.0  # until a killed child is reported
_STARVED = 20  # times the limit by the clock on the wall, after which nothing excuses a page
_OVERSLEPT_SECONDS = 0.1  # that a busy machine wakes us late
_LOOK_SECONDS = 0.1  # between two looks at the clock, so that we know how long the machine stood still
_TORN_SECONDS = 0.01  # until a child has written what it was writing
_IDLE_SECONDS = 0.25  # without processor time, after which a late child waits for nothing that will come
_READ = 1 << 18
_OWN_VARIABLES = ("PATH", "LD_LIBRARY_PATH", "TMPDIR", "HOME")
_COMMAND = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])["path"]
from pipeline.zygote import main
main(sys.argv[1])
"""


class Page(NamedTuple):
    """A page to extract: valid Unicode without lone surrogates, or the bytes of a PDF."""

    html: str
    url: str
    pdf: bytes | None = None


class Failure(NamedTuple):
    """Why a page has no extraction: `timeout`, `memory`, `crash` or `extractor_error`."""

    kind: str
    message: str


class _ZygoteGoneError(Exception):
    pass


class Sandbox:
    """Runs one extractor over batches of pages in killable children of one zygote.

    `target` is `module:function`, called as `function(html or pdf, url, **options)` for an `Extraction`. `timeout` is
    seconds of processor time a page, `memory` bytes of address space that a child may add to the zygote's. Use by one
    thread at a time; `close` (or the end of this process, however it ends) stops the zygote and its child.
    """

    def __init__(
        self,
        target: str,
        options: Mapping[str, Any] | None = None,
        *,
        timeout: float = 10.0,
        memory: int = 1 << 30,
    ) -> None:
        self._target = target
        self._options = dict(options or {})
        self._timeout = timeout
        self._memory = memory
        self._process: subprocess.Popen[bytes] | None = None
        self._shared: IO[bytes]
        self._control: socket.socket
        self._results = -1
        self._received = bytearray()
        self._stalls: list[tuple[float, float]] = []  # when the machine went on, and after how many seconds
        # A late page that waits: its number, processor seconds so far, and since when.
        self._idle = (-1, 0.0, 0.0)

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def process_id(self) -> int | None:
        """The zygote's process id while it runs."""
        return None if self._process is None else self._process.pid

    def extract(self, pages: Sequence[Page]) -> list[Extraction | Failure]:
        """The extraction or failure of each page, in order. Raises RuntimeError if the extractor cannot be loaded."""
        results: list[Extraction | Failure | None] = [None] * len(pages)
        at = restarts = 0
        loaded = False
        while at < len(pages):
            try:
                if self._process is None:
                    self._start()
                    loaded = False
                if not loaded:
                    self._load(pages)
                    loaded = True
                page, failure = self._run(at, results)
            except _ZygoteGoneError:
                self.close()
                restarts += 1
                if restarts > 2:
                    raise RuntimeError(f"the process that runs {self._target} ends again and again") from None
                continue
            first, restarts = at, 0
            while at < len(pages) and results[at] is not None:
                at += 1
            # A page that was killed just as its result came is done; one that died behind others gets a second try.
            if at < len(pages) and at == (page if failure.kind == "timeout" else first):
                results[at] = failure
                at += 1
        return [result for result in results if result is not None]

    def close(self) -> None:
        """Ends the zygote and what it has forked."""
        process, self._process = self._process, None
        if process is None:
            return
        self._control.close()
        os.close(self._results)
        self._shared.close()
        try:
            process.wait(_KILL_SECONDS)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.kill()
            process.wait()

    def _start(self) -> None:
        self._control, theirs = socket.socketpair()
        self._results, write_end = os.pipe()
        os.set_blocking(self._results, False)
        self._shared = _shared_file()
        passed = (theirs.fileno(), write_end, self._shared.fileno())
        settings = {
            "parent": os.getpid(),
            "target": self._target,
            "options": self._options,
            "memory": self._memory,
            "control": passed[0],
            "results": passed[1],
            "pages": passed[2],
            "path": [os.path.abspath(entry) for entry in sys.path],  # noqa: PTH100 ("" means the current folder)
        }
        # A fixed hash seed and time zone: what the extractor returns must not depend on them.
        variables = {key: os.environ[key] for key in _OWN_VARIABLES if key in os.environ}
        self._process = subprocess.Popen(
            [sys.executable, "-c", _COMMAND, json.dumps(settings)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=passed,
            env=variables
            | {"PYTHONHASHSEED": "0", "TZ": "UTC", "LC_ALL": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}
            | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},  # a zygote with threads must not fork
            start_new_session=True,  # an interrupt from the terminal is for this process alone
        )
        theirs.close()
        os.close(write_end)
        self._received.clear()
        self._control.settimeout(_START_SECONDS)
        try:
            ready = self._control.recv(1)
        except OSError:
            ready = b""
        if ready != b"+":
            self.close()
            raise RuntimeError(f"the extractor {self._target} could not be loaded in a process of its own")
        self._control.settimeout(None)

    def _load(self, pages: Sequence[Page]) -> None:
        """Writes the batch into the shared file: progress, count, table of places, then the pages."""
        table = bytearray(PROGRESS_SIZE) + len(pages).to_bytes(4, "little")
        offset = len(table) + len(pages) * PAGE.size
        blobs: list[bytes] = []
        for page in pages:
            content = page.html.encode("utf-8") if page.pdf is None else page.pdf
            url = page.url.encode("utf-8", "replace")
            table += PAGE.pack(offset, len(content), len(url), page.pdf is not None)
            blobs += (content, url)
            offset += len(content) + len(url)
        self._shared.seek(0)
        self._shared.truncate(0)
        self._shared.write(table + b"".join(blobs))
        self._shared.flush()

    def _run(self, first: int, results: list[Extraction | Failure | None]) -> tuple[int, Failure]:
        """One child from page `first` on; fills `results` and returns where it was and what ended it, if too early."""
        self._stalls.clear()
        self._idle = (-1, 0.0, 0.0)
        with mmap.mmap(self._shared.fileno(), PROGRESS_SIZE) as shared:
            at = Progress(first, time.monotonic(), 0.0, 0)
            at.write(shared)
            self._command(RUN.pack(b"R", first))
            killed: float | None = None
            looked = time.monotonic()
            while True:
                deadline = killed + _KILL_SECONDS if killed is not None else self._deadline(at)
                wait = min(max(0.0, deadline - time.monotonic()), _LOOK_SECONDS)
                control = self._control.fileno()
                ready, _, _ = select.select([self._results, control], [], [], wait)
                if self._results in ready:
                    self._receive(results)
                if control in ready:
                    done = self._answer()
                    self._receive(results)
                    self._received.clear()  # half a frame of a child that was killed
                    return at.page, self._verdict(done, killed is not None)
                looked = self._note_stall(looked, wait)
                if killed is not None:
                    if time.monotonic() >= deadline:
                        raise _ZygoteGoneError
                    continue
                noted = Progress.read(shared)
                if noted is None:
                    time.sleep(_TORN_SECONDS)
                    continue
                at = noted
                if time.monotonic() >= self._deadline(at) and results[at.page] is None:
                    killed = time.monotonic()
                    self._command(RUN.pack(b"K", 0))

    def _note_stall(self, looked: float, wait: float) -> float:
        """Notes whether much more than `wait` seconds have gone since `looked`; returns the time of this look."""
        now = time.monotonic()
        overslept = now - looked - wait
        if overslept > _OVERSLEPT_SECONDS:
            self._stalls.append((now, overslept))
        return now

    def _deadline(self, at: Progress) -> float:
        """When the page under way is late, as the clock stands now.

        The limit is of processor time, so that a busy machine decides no page's fate. A child that waits is late by
        the clock on the wall once it has been seen idle for a while: it may wait for us to read its results, or for a
        disk. Where the machine stood still, as when it is moved or saved, a page is charged for what nobody worked:
        we overslept for as long.
        """
        limit = self._timeout + sum(seconds for until, seconds in self._stalls if until > at.since)
        now, late = time.monotonic(), at.since + limit
        if not at.process:  # the child has not begun: on a busy machine a fork may take seconds
            return at.since + limit * _STARVED
        if now < late or now >= at.since + limit * _STARVED:
            return late
        used, waits = _processor_seconds(at.process)
        left = limit - (used - at.processor)
        if not waits:
            return now + left if left > 0 else late
        if self._idle[:2] != (at.page, used):
            self._idle = (at.page, used, now)
        return late if left <= 0 else self._idle[2] + _IDLE_SECONDS

    def _command(self, command: bytes) -> None:
        try:
            self._control.sendall(command)
        except OSError as error:
            raise _ZygoteGoneError from error

    def _answer(self) -> bytes:
        try:
            answer = self._control.recv(DONE.size, socket.MSG_WAITALL)
        except OSError:
            answer = b""
        if len(answer) < DONE.size:
            raise _ZygoteGoneError
        return answer

    def _verdict(self, done: bytes, killed: bool) -> Failure:
        _, status, peak = DONE.unpack(done)
        if killed:
            return Failure("timeout", f"not done after {self._timeout:g} s")
        if os.WIFEXITED(status):
            code = os.WEXITSTATUS(status)
            if code == OUT_OF_MEMORY:
                return Failure("memory", f"needs more than {self._memory >> 20} MiB")
            return Failure("crash", f"the parser's process ended with status {code}")
        name = signal.Signals(os.WTERMSIG(status)).name
        # Parsers that do not check an allocation crash instead of saying that memory was short.
        if peak * 1024 > self._memory * 0.8:
            return Failure("memory", f"{name} at {peak >> 10} MiB")
        return Failure("crash", f"the parser's process ended by {name}")

    def _receive(self, results: list[Extraction | Failure | None]) -> None:
        while True:
            try:
                data = os.read(self._results, _READ)
            except BlockingIOError:
                break
            if not data:
                raise _ZygoteGoneError
            self._received += data
        for index, error, *fields in _frames(self._received):
            if index < len(results) and results[index] is None:
                results[index] = Failure("extractor_error", error) if error else Extraction(*fields)


def _processor_seconds(process: int) -> tuple[float, bool]:
    """Processor time of a process, and whether it waits for something; infinite if it is gone or cannot be asked."""
    try:
        with open(f"/proc/{process}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return math.inf, True
    # proc(5): state, then utime and stime as fields 14 and 15.
    used = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return (used, fields[0] not in "RD") if fields[0] != "Z" else (math.inf, True)


def _frames(received: bytearray) -> Iterator[list[Any]]:
    """The whole frames at the start of `received`, which is left with what follows them."""
    at = 0
    while len(received) >= at + FRAME.size:
        (size,) = FRAME.unpack_from(received, at)
        if len(received) < at + FRAME.size + size:
            break
        yield msgspec.msgpack.decode(received[at + FRAME.size : at + FRAME.size + size], type=list)
        at += FRAME.size + size
    del received[:at]


def _shared_file() -> IO[bytes]:
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("pages"), "w+b")
    return tempfile.TemporaryFile()
