"""The process that parses pages, so that a page which hangs or crashes the parser takes only itself along.

`main` runs in a fresh interpreter with one thread and one task: import the extractor once, then fork a child for every
batch that is asked for and report how it ended. The child starts from the same clean state each time, reads pages from
the shared file, notes in its first bytes which page it is at and since when, and writes one frame a page into the
results pipe. `pipeline.sandbox` is the other side. Commands on the control socket: `R` and the index of the first
page (run), `K` (kill the child). Answers: `+` once ready, then for each run `D`, the child's wait status and its peak
memory.

Only modules that are cheap to keep in memory may be imported here: every child inherits them.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import json
import logging
import mmap
import os
import resource
import select
import signal
import socket
import struct
import sys
import time
import zlib
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

_PROGRESS = struct.Struct("<qddq")
_CHECK = struct.Struct("<I")
PROGRESS_SIZE = _PROGRESS.size + _CHECK.size
PAGE = struct.Struct("<QII?")  # offset in the shared file, bytes of content and of URL, whether it is a PDF
FRAME = struct.Struct("<I")  # bytes of the result that follows
RUN = struct.Struct("<cI")
DONE = struct.Struct("<ciQ")  # "D", wait status, peak resident KiB
OUT_OF_MEMORY = 77  # exit status of a child that met a MemoryError
_PARENT_CHECK_SECONDS = 1.0
_PR_SET_PDEATHSIG = 1


class Progress(NamedTuple):
    """Where a child is: the first bytes of the shared file, written by the child and read by the sandbox.

    `process` is its process id, 0 before it has begun; `since` is `time.monotonic()` and `processor` its processor
    time when it began `page`, both in seconds. A checksum goes with them, as neither process waits for the other.
    """

    page: int
    since: float
    processor: float
    process: int

    def write(self, shared: mmap.mmap) -> None:
        """Notes this in the shared file."""
        packed = _PROGRESS.pack(*self)
        shared[:PROGRESS_SIZE] = packed + _CHECK.pack(zlib.crc32(packed))

    @classmethod
    def read(cls, shared: mmap.mmap) -> Progress | None:
        """What was noted last; None while it is being written."""
        packed, check = shared[: _PROGRESS.size], shared[_PROGRESS.size : PROGRESS_SIZE]
        return cls(*_PROGRESS.unpack(packed)) if _CHECK.pack(zlib.crc32(packed)) == check else None


def main(arguments: str) -> None:
    """Serves one sandbox until its control socket closes or its parent is gone."""
    settings = json.loads(arguments)
    parent = settings["parent"]
    module, _, name = settings["target"].partition(":")
    function = getattr(importlib.import_module(module), name)
    logging.disable(logging.CRITICAL)  # messages quote crawled bytes
    with contextlib.suppress(
        Exception
    ):  # load what the function imports; what it thinks of this page is no matter
        function(
            "<html><head><title>t</title></head><body><p>text</p></body></html>", "", **settings["options"]
        )
    gc.collect()
    gc.freeze()
    control = socket.socket(fileno=settings["control"])
    wake, wake_end = os.pipe()
    os.set_blocking(wake_end, False)
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake_end, warn_on_full_buffer=False)
    control.sendall(b"+")
    child = 0
    while os.getppid() == parent:
        ready, _, _ = select.select([control.fileno(), wake], [], [], _PARENT_CHECK_SECONDS)
        if control.fileno() in ready:
            command = control.recv(RUN.size, socket.MSG_WAITALL)
            if not command:
                break
            if command[:1] == b"R":
                child = _fork(function, settings, RUN.unpack(command)[1], control, (wake, wake_end))
            elif child:
                _kill(child)
        if wake in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(wake, 4096)
        if child and (ended := _reap(child)):
            _kill(child)  # whatever it may have started
            child = 0
            control.sendall(ended)
    if child:
        _kill(child)


def _kill(child: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)


def _reap(child: int) -> bytes | None:
    try:
        pid, status, usage = os.wait4(child, os.WNOHANG)
    except ChildProcessError:
        return DONE.pack(b"D", 1 << 8, 0)
    return DONE.pack(b"D", status, usage.ru_maxrss) if pid else None


def _fork(
    function: Callable[..., Any],
    settings: dict[str, Any],
    first: int,
    control: socket.socket,
    wake: tuple[int, int],
) -> int:
    child = os.fork()
    if child:
        with contextlib.suppress(OSError):
            os.setpgid(child, child)
        return child
    status = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        control.close()
        for descriptor in wake:
            os.close(descriptor)
        _confine(settings["memory"])
        _work(function, settings, first)
        status = 0
    except MemoryError:
        status = OUT_OF_MEMORY
    finally:
        os._exit(status)  # no clean-up of the zygote's state in its copy


def _confine(memory: int) -> None:
    """Limits on the child: address space, no core file; it ends with the zygote, and first when memory is short."""
    with contextlib.suppress(OSError):
        os.setpgid(0, 0)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
            file.write("1000")
        with open("/proc/self/statm") as file:
            used = int(file.read().split()[0]) * resource.getpagesize()
        _limit(resource.RLIMIT_AS, used + memory)
    _limit(resource.RLIMIT_CORE, 0)
    gc.disable()  # a batch is short, and the parsers' trees are freed by reference counting: 5 % faster


def _limit(what: int, value: int) -> None:
    _, most = resource.getrlimit(what)
    value = value if most == resource.RLIM_INFINITY else min(value, most)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(what, (value, most))


def _work(function: Callable[..., Any], settings: dict[str, Any], first: int) -> None:
    process = os.getpid()
    pages, results, options = settings["pages"], settings["results"], settings["options"]
    with mmap.mmap(pages, 0) as shared:
        start = PROGRESS_SIZE
        count = int.from_bytes(shared[start : start + 4], "little")
        for index in range(first, count):
            offset, size, url_size, is_pdf = PAGE.unpack_from(shared, start + 4 + index * PAGE.size)
            Progress(index, time.monotonic(), time.process_time(), process).write(shared)
            data = shared[offset : offset + size]
            content = data if is_pdf else str(data, "utf-8")
            url = str(shared[offset + size : offset + size + url_size], "utf-8")
            try:
                result = [index, None, *function(content, url, **options)]
            except MemoryError:
                raise
            except Exception as error:
                result = [index, f"{type(error).__name__}: {error}"[:200].encode("utf-8", "replace").decode()]
            if os.getpid() != process:
                return  # the extractor forked: its copy has no say
            _send(results, _encode(result))


def _encode(result: list[Any]) -> bytes:
    try:
        return msgspec.msgpack.encode(result)
    except UnicodeEncodeError:
        # JSON-LD and character references can spell lone surrogates.
        return msgspec.msgpack.encode(_sound(result))


def _sound(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return [_sound(one) for one in value]
    return {key: _sound(one) for key, one in value.items()} if isinstance(value, dict) else value


def _send(results: int, frame: bytes) -> None:
    data = memoryview(FRAME.pack(len(frame)) + frame)
    while data:
        data = data[os.write(results, data) :]
