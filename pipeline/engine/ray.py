"""The Ray engine: one Ray Core task a shard. Tasks write to the run folder and return receipts only.

The object store never holds data. A lost worker or node is retried by Ray; a shard that dies on every attempt is given
up, and the others go on. In-flight tasks are bounded, and a request the cluster cannot satisfy is refused at once.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import ray

from pipeline.engine.local import ignore_progress
from pipeline.engine.task import ATTEMPTS, Done, Event, Failed, Task, describe, perform, prepare_worker
from pipeline.errors import Stopped, UserError
from pipeline.ledger import Receipt


class _Answer(msgspec.Struct):
    receipt: Receipt | None = None
    stop: str | None = None
    error: str | None = None
    transient: bool = False  # another try may fare better


def _work(encoded: bytes) -> bytes:
    prepare_worker()
    task = msgspec.msgpack.decode(encoded, type=Task)
    try:
        answer = _Answer(receipt=perform(task, ignore_progress))
    except UserError as error:
        answer = _Answer(stop=str(error))
    except Exception as error:
        answer = _Answer(error=describe(error, task), transient=isinstance(error, OSError))
    return msgspec.msgpack.encode(answer)


def _require_listener(address: str | None) -> None:
    """Refuse an address where nobody listens: Ray itself would try for half a minute and say little."""
    host, colon, port = (address or "").rpartition("://")[2].rpartition(":")
    if not colon or not port.isdigit():
        return
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except OSError as error:
        raise UserError(f"no Ray cluster at {address}: {error.strerror or error}") from error


class RayEngine:
    """Runs tasks on a Ray cluster: the one at `address`, the one this job runs in, or a new one on this machine."""

    name = "ray"

    def __init__(self, address: str | None, workers: int | None) -> None:
        self._stop: int | None = None
        inside = "RAY_JOB_ID" in os.environ or "RAY_ADDRESS" in os.environ or address
        options: dict[str, Any] = {"log_to_driver": False, "logging_level": "warning"}
        if inside:
            _require_listener(address)
            options["address"] = address or "auto"
        else:
            options |= {"num_cpus": workers, "include_dashboard": False, "address": "local"}
            # Workers of a cluster of our own find the code where this process found it.
            paths = [path for path in (os.environ.get("PYTHONPATH"), os.getcwd()) if path]  # noqa: PTH109
            options["runtime_env"] = {"env_vars": {"PYTHONPATH": os.pathsep.join(paths)}}
        try:
            with contextlib.suppress(RuntimeError):
                ray.shutdown()
            ray.init(**options)
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise UserError(f"no Ray cluster at {address or 'auto'}: {str(error).splitlines()[0]}") from error
        self._cores = int(ray.cluster_resources().get("CPU", 0))
        if self._cores < 1:
            raise UserError("this Ray cluster has no CPU to run on (`ray status` shows its resources)")
        self.workers = min(workers, self._cores) if workers else self._cores
        self._remote = ray.remote(num_cpus=1, max_retries=ATTEMPTS - 1)(_work)

    def stop(self, signal_number: int) -> None:
        """Ask for an end: no new shards."""
        self._stop = signal_number

    def run(self, tasks: Sequence[Task], on_event: Callable[[Event], None], alone: bool = False) -> None:
        """Run all tasks; every one ends as Done or Failed, in any order."""
        waiting = deque((task, 1) for task in tasks)
        running: dict[Any, tuple[Task, int]] = {}
        limit = 1 if alone else self.workers
        while waiting or running:
            if self._stop is not None:
                for reference in running:
                    ray.cancel(reference, force=True)
                raise Stopped(self._stop)
            while waiting and len(running) < limit:
                task, attempt = waiting.popleft()
                reference = self._remote.remote(msgspec.msgpack.encode(task))
                running[reference] = (task, attempt)
            ready, _ = ray.wait(list(running), num_returns=1, timeout=0.5)
            for reference in ready:
                task, attempt = running.pop(reference)
                event = _event(reference, task)
                if isinstance(event, str):
                    if attempt < ATTEMPTS:
                        waiting.append((task, attempt + 1))
                        continue
                    event = Failed(task=task, reason=event)
                on_event(event)

    def close(self) -> None:
        """Leave the cluster; one that was started here ends."""
        ray.shutdown()


def _event(reference: Any, task: Task) -> Event | str:
    """What became of a task: an event, or the reason why it should be tried again."""
    try:
        answer = msgspec.msgpack.decode(ray.get(reference), type=_Answer)
    except (
        ray.exceptions.WorkerCrashedError,
        ray.exceptions.NodeDiedError,
        ray.exceptions.OutOfMemoryError,
    ) as error:
        return Failed(task=task, reason=f"its worker died ({type(error).__name__})")
    except ray.exceptions.RayTaskError as error:
        return describe(error, task)
    except (ray.exceptions.RayError, ConnectionError) as error:
        raise UserError(
            f"the Ray cluster is gone: {str(error).splitlines()[0]}; run again to resume"
        ) from error
    if answer.stop is not None:
        raise UserError(answer.stop)
    if answer.error is not None and answer.error.startswith("!"):
        raise UserError(answer.error[1:])
    if answer.receipt is None:
        return str(answer.error) if answer.transient else Failed(task=task, reason=str(answer.error))
    return Done(task=task, receipt=answer.receipt)
