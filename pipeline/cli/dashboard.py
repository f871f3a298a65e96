"""The verb `dashboard`: the web page over one or more runs."""

from __future__ import annotations

import os
import secrets
import socket
import string
import sys
from typing import Annotated

import typer

from pipeline.errors import Stopped, UsageError, UserError
from pipeline.show import show_text
from pipeline.store import open_folder

TOKEN = "SLUICE_DASHBOARD_TOKEN"
SHORTEST = 16  # characters of it
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def dashboard(
    runs: Annotated[list[str], typer.Argument(metavar="RUN...", help="run folders: paths or URLs")],
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 takes any that is free")] = 8300,
    host: Annotated[
        str,
        typer.Option(
            "--host", metavar="ADDRESS", help="address to listen on; other than loopback: with a token"
        ),
    ] = "127.0.0.1",
    allow_host: Annotated[
        list[str],
        typer.Option("--allow-host", metavar="NAME", help="a further name that this server may be called by"),
    ] = [],  # noqa: B006 (typer copies it)
    price: Annotated[float, typer.Option("--price", min=0, help="dollars, for what a run cost")] = 0.04,
) -> None:
    """Serve the statistics of runs as a local web page, live while they go on. Ctrl-C ends it.

    A path that leads to nothing yet, or to an empty folder, is waited for: its page appears when the run has begun.

    On the loopback address no token is asked for. Elsewhere the printed address holds one; SLUICE_DASHBOARD_TOKEN sets
    it. Nothing is written into the runs, and the page loads nothing from elsewhere.

    Example: sluice dashboard run --port 8300
    """
    from pipeline.dashboard.awaited import Awaited, followed
    from pipeline.dashboard.serve import names_of, serve

    watched = {name: followed(open_folder(run), name) for name, run in names_of(runs).items()}
    local = host in _LOOPBACK
    token = None if local else _token()
    listening = _listen(host, port)
    bound = listening.getsockname()[1]
    hosts = {*_LOOPBACK, *allow_host, *(() if local else (host, socket.gethostname(), socket.getfqdn()))}
    shown = host if host not in ("0.0.0.0", "::") else socket.gethostname()
    place = f"[{shown}]" if ":" in shown else shown
    print(f"http://{place}:{bound}/" + (f"?token={token}" if token else ""), flush=True)
    print(f"{len(watched)} run(s): {', '.join(map(show_text, watched))}. Ctrl-C ends this.", file=sys.stderr)
    for one in watched.values():
        if isinstance(one, Awaited):
            print(
                f"{show_text(one.folder.url)}: no run there yet; waiting for `sluice run` to begin.",
                file=sys.stderr,
            )
    try:
        serve(watched, listening, hosts, token, price)
    except Stopped as stop:  # the way to end it
        raise typer.Exit(stop.exit_code) from None


def _token() -> str:
    found = os.environ.get(TOKEN) or secrets.token_urlsafe(24)
    if len(found) < SHORTEST or not set(found) <= set(f"{string.ascii_letters}{string.digits}-_"):
        raise UsageError(
            f"{TOKEN}: at least {SHORTEST} letters, digits, `-` or `_`; without it one is made up"
        )
    return found


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(128)  # the address is printed before the server starts: whoever comes waits
    except socket.gaierror as error:
        raise UsageError(f"--host {host}: {error.strerror}") from None
    except OSError as error:
        raise UserError(f"--port {port}: {error.strerror}; --port 0 takes one that is free") from None
    return listening
