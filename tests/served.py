"""A run that is made quickly, and the dashboard over runs: in a thread, or as the command starts it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pipeline.dashboard.awaited import Followed
from pipeline.dashboard.serve import make_server
from pipeline.dashboard.watch import Watched
from pipeline.store import open_folder
from tests.hostile_run import prose
from tests.pipeline.conftest import ROOT, sluice

DOCUMENTS = 300
RECIPE = """
name: quality
filters:
  - gopher_quality: {min_words: 120, min_stop_words: 2}
  - c4: {min_sentences: 4}
"""


def write_documents(path: Path, documents: int = DOCUMENTS) -> Path:
    """JSON lines of plain English, from one sentence to twenty-three."""
    rows = [
        {
            "id": f"d{number}",
            "url": f"http://host{number % 7}.example/{number}",
            "title": f"Page {number}",
            "text": "\n\n".join(prose(f"{path.stem} {number}", 1 + number % 23)),
        }
        for number in range(documents)
    ]
    path.write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")
    return path


def run_quality(folder: Path) -> Path:
    """A run over such documents up to the filters, in `folder`/run."""
    folder.mkdir(exist_ok=True)
    recipe = folder / "quality.yaml"
    recipe.write_text(RECIPE, encoding="utf-8")
    source = write_documents(folder / "documents.jsonl")
    sluice("run", recipe, "--input", source, "--out", folder / "run", "--until", "filter", "--workers", "1")
    return folder / "run"


def watched(runs: Mapping[str, Path]) -> dict[str, Watched]:
    """The runs, read to their end."""
    found = {name: Watched(open_folder(path), name) for name, path in runs.items()}
    for one in found.values():
        one.look_to_the_end()
    return found


@contextmanager
def served(
    runs: Mapping[str, Followed], token: str | None = None, hosts: Collection[str] = ("127.0.0.1",)
) -> Iterator[str]:
    """The dashboard in a thread on a port that was free, while the runs are watched; its address."""
    server = make_server(runs, hosts, token, 0.04)
    listening = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    for one in runs.values():
        one.start()
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        for one in runs.values():
            one.stop()


@contextmanager
def command(*words: str | Path, env: dict[str, str] | None = None) -> Iterator[tuple[str, Path]]:
    """`sluice dashboard` with these words on a port that was free: the line that it prints, and where stderr goes."""
    log = Path(os.environ.get("TMPDIR", "/tmp")) / f"dashboard-{os.getpid()}-{threading.get_ident()}.log"
    with open(log, "wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "pipeline", "dashboard", *map(str, words), "--port", "0"],
            cwd=ROOT,
            env={**os.environ, **(env or {})},
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip(), log
    finally:
        process.terminate()
        code = process.wait(60)
        said = log.read_text(errors="replace")
        log.unlink()
        assert code == 143, said
        assert "Traceback" not in said
