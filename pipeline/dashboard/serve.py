"""The server: uvicorn on a socket that is bound already, and a thread a run that watches it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Collection, Mapping, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from pipeline.dashboard.awaited import Followed
from pipeline.dashboard.warm import warm

if TYPE_CHECKING:
    import uvicorn


def names_of(runs: Sequence[str]) -> dict[str, str]:
    """Run folders by names for addresses: the last part of the path, with a number where that is taken."""
    found: dict[str, str] = {}
    for run in runs:
        own = PurePosixPath(run.rstrip("/")).name
        if own in ("", ".."):  # a path such as `..`, which a browser would take as a step up
            own = "run"
        name, number = own, 2
        while name in found or name == "static":
            name, number = f"{own}-{number}", number + 1
        found[name] = run
    return found


def make_server(
    runs: Mapping[str, Followed], hosts: Collection[str], token: str | None, price: float
) -> uvicorn.Server:
    """The server, not started; `should_exit` ends it."""
    import uvicorn

    from pipeline.dashboard.app import make_app

    config = uvicorn.Config(
        make_app(runs, hosts, token, price),
        http="h11",
        ws="none",
        proxy_headers=False,
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        limit_concurrency=64,
        timeout_keep_alive=20,
        timeout_graceful_shutdown=2,
        h11_max_incomplete_event_size=32768,
    )
    return uvicorn.Server(config)


def serve(
    runs: Mapping[str, Followed],
    listening: socket.socket,
    hosts: Collection[str],
    token: str | None,
    price: float,
) -> None:
    """Watch the runs and serve them until a signal ends it."""
    server = make_server(runs, hosts, token, price)
    for one in runs.values():
        one.start()
    ended = threading.Event()
    threading.Thread(target=warm, args=(runs, price, ended), name="warm", daemon=True).start()
    try:
        server.run(sockets=[listening])
    finally:
        ended.set()
        for one in runs.values():
            one.stop()
