"""The local engine: worker processes on this machine, one shard at a time each, no service needed.

Each worker is a fresh interpreter with its own pipe, so the death of one (out of memory, a crash in native code) is
seen at once and costs its shard one attempt; the others go on. Workers die with the driver.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.connection import Connection, wait
from typing import Any

import msgspec

from pipeline.engine.task import (
    ATTEMPTS,
    Done,
    Event,
    Failed,
    Progress,
    Task,
    describe,
    perform,
    prepare_worker,
)
from pipeline.errors import Stopped, UserError
from pipeline.ledger import Receipt

GRACE = 20.0  # seconds that running shards get after a signal before they are ended


_COMMAND = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from pipeline.engine.local import serve
from pipeline.leave import leave
serve(int(sys.argv[2]), int(sys.argv[3]))
leave(0)
"""


class _Worker:
    """One process, and the task that it holds."""

    def __init__(self) -> None:
        self.pipe, theirs = multiprocessing.Pipe()
        end = theirs.fileno()
        words = [sys.executable, "-c", _COMMAND, json.dumps(sys.path), str(end), str(os.getpid())]
        # In a session of its own, as the driver decides what Ctrl-C means.
        self.process = subprocess.Popen(
            words, pass_fds=[end], stdin=subprocess.DEVNULL, start_new_session=True
        )
        theirs.close()
        self.task: Task | None = None

    def give(self, task: Task) -> None:
        self.task = task
        with contextlib.suppress(OSError):  # it is dead already: that is seen when its pipe is read
            self.pipe.send_bytes(msgspec.msgpack.encode(task))

    def end(self, force: bool = False) -> None:
        with contextlib.suppress(OSError):
            self.pipe.close()
        if force:
            self.process.terminate()
        try:
            self.process.wait(5.0)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class _Message(msgspec.Struct):
    """What a worker says: progress, a receipt, a problem for the user, or a defect."""

    progress: dict[str, Any] | None = None
    receipt: Receipt | None = None
    stop: str | None = None
    error: str | None = None
    transient: bool = False  # another try may fare better


def serve(end: int, driver: int) -> None:
    """A worker's life: take tasks from the pipe with descriptor `end`, answer with receipts, until it is closed."""
    pipe = Connection(end)
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: no work goes on without a driver
    if os.getppid() != driver:
        return
    prepare_worker()
    encoder = msgspec.msgpack.Encoder()

    def say(message: _Message) -> None:
        with contextlib.suppress(BrokenPipeError):
            pipe.send_bytes(encoder.encode(message))

    while True:
        try:
            task = msgspec.msgpack.decode(pipe.recv_bytes(), type=Task)
        except (EOFError, OSError):
            return
        try:
            receipt = perform(task, lambda data: say(_Message(progress=dict(data))))
            say(_Message(receipt=receipt))
        except UserError as error:
            say(_Message(stop=str(error)))
        except Exception as error:
            say(_Message(error=describe(error, task), transient=isinstance(error, OSError)))


class LocalEngine:
    """Runs tasks on `workers` processes of this machine."""

    name = "local"

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._pool: list[_Worker] = []
        self._stop: int | None = None

    def stop(self, signal_number: int) -> None:
        """Ask for an end: no new shards; a second call ends the running ones."""
        if self._stop is not None:
            self._kill()
        self._stop = signal_number

    def run(self, tasks: Sequence[Task], on_event: Callable[[Event], None], alone: bool = False) -> None:
        """Run all tasks; every one ends as Done or Failed, in any order. Raises UserError when none can go on."""
        waiting = deque(tasks)
        tries: dict[str, int] = {}
        width = 1 if alone else min(self.workers, len(tasks))
        deadline: float | None = None
        try:
            while waiting or any(worker.task for worker in self._pool):
                if self._stop is not None:
                    waiting.clear()
                    deadline = deadline or time.monotonic() + GRACE
                    if time.monotonic() > deadline:
                        break
                self._hand_out(waiting, width)
                self._listen(waiting, tries, on_event)
            if self._stop is not None:
                raise Stopped(self._stop)
        except BaseException:
            self._kill()
            raise

    def _hand_out(self, waiting: deque[Task], width: int) -> None:
        busy = sum(worker.task is not None for worker in self._pool)
        while waiting and busy < width:
            worker = next((one for one in self._pool if one.task is None), None)
            if worker is None:
                worker = _Worker()
                self._pool.append(worker)
            worker.give(waiting.popleft())
            busy += 1

    def _listen(self, waiting: deque[Task], tries: dict[str, int], on_event: Callable[[Event], None]) -> None:
        ready = wait([worker.pipe for worker in self._pool if worker.task is not None], timeout=0.5)
        for worker in [one for one in self._pool if one.pipe in ready]:
            task = worker.task
            assert task is not None
            try:
                message = msgspec.msgpack.decode(worker.pipe.recv_bytes(), type=_Message)
            except (EOFError, OSError):
                self._bury(worker)
                self._again(
                    task, f"its worker died ({_cause(worker.process.returncode)})", waiting, tries, on_event
                )
                continue
            if message.progress is not None:
                on_event(Progress(task=task, data=message.progress))
                continue
            worker.task = None
            if message.receipt is not None:
                on_event(Done(task=task, receipt=message.receipt))
            elif message.stop is not None:
                raise UserError(message.stop)
            elif message.error is not None and message.error.startswith("!"):
                raise UserError(message.error[1:])
            elif message.transient:
                self._again(task, str(message.error), waiting, tries, on_event)
            else:
                on_event(Failed(task=task, reason=str(message.error)))

    def _again(
        self,
        task: Task,
        reason: str,
        waiting: deque[Task],
        tries: dict[str, int],
        on_event: Callable[[Event], None],
    ) -> None:
        tries[task.shard.name] = tries.get(task.shard.name, 0) + 1
        if tries[task.shard.name] < ATTEMPTS and self._stop is None:
            waiting.append(task)
        else:
            on_event(Failed(task=task, reason=reason))

    def _bury(self, worker: _Worker) -> None:
        self._pool.remove(worker)
        worker.end()

    def _kill(self) -> None:
        for worker in self._pool:
            worker.end(force=True)
        self._pool.clear()

    def close(self) -> None:
        """End the workers; they are idle."""
        for worker in self._pool:
            worker.end()
        self._pool.clear()


def _cause(exit_code: int | None) -> str:
    if exit_code is not None and exit_code < 0:
        with contextlib.suppress(ValueError):
            return f"signal {signal.Signals(-exit_code).name}" + (
                ", most often for lack of memory" if exit_code == -signal.SIGKILL else ""
            )
    return f"exit code {exit_code}"


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def ignore_progress(data: Mapping[str, Any]) -> None:
    """A report for nobody."""
