"""Every verb has help with an example, and every example and README command runs as it stands."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from pipeline.cli.app import GROUPS, VERBS
from tests.pipeline.conftest import ROOT, SMALL, sets, sluice
from tests.pipeline.mirror import write_layout

pytestmark = pytest.mark.xdist_group("commands")

README = (ROOT / "README.md").read_text(encoding="utf-8")
ALL = {
    **VERBS,
    **{f"{group} {name}": verb for group, verbs in GROUPS.items() for name, verb in verbs.items()},
}


def example(verb: str) -> str:
    found = re.search(r"Example: (sluice .*)", ALL[verb].__doc__ or "")
    assert found, f"{verb} has no example in its help"
    return found.group(1)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the examples speak of: sample.warc.gz and a finished run called `run`."""
    folder = tmp_path_factory.mktemp("desk")
    sluice("sample", folder / "sample.warc.gz", "--pages", "200")
    words = ["--input", folder / "sample.warc.gz", "--out", folder / "run"]
    sluice("run", "tiny", *words, *sets(SMALL))
    return folder


@pytest.fixture(scope="module")
def offline(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A mirror in a folder for the verb that reads from the network: the settings that name it."""
    folder = tmp_path_factory.mktemp("mirror")
    write_layout(folder)
    return {"SLUICE_FETCH_BASE": str(folder), "SLUICE_FETCH_LIST_BASE": str(folder)}


def run_line(line: str, folder: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    words = shlex.split(line)
    assert words[0] == "sluice"
    return subprocess.run(
        [sys.executable, "-m", "pipeline", *words[1:]],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=600,
        env={**os.environ, "PYTHONPATH": str(ROOT), **env},
    )


def serves(line: str, folder: Path) -> None:
    """The verb that does not end: it prints its address, answers there, and ends at Ctrl-C without a word of alarm."""
    words = [sys.executable, "-m", "pipeline", *shlex.split(line)[1:]]
    words[words.index("--port") + 1] = "0"
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(words, cwd=folder, env=env, **pipes) as server:
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        with urllib.request.urlopen(address, timeout=60) as answer:
            assert answer.status == 200
        server.send_signal(signal.SIGINT)
        _, said = server.communicate(timeout=60)
        assert server.returncode == 130, said
        assert "Traceback" not in said


@pytest.mark.parametrize("verb", sorted(ALL))
def test_help(verb: str) -> None:
    done = sluice(*verb.split(), "--help")
    assert "Example:" in done.stdout
    assert f"sluice {verb}" in done.stdout


@pytest.mark.parametrize("verb", sorted(ALL))
def test_example(verb: str, desk: Path, tmp_path: Path, offline: dict[str, str]) -> None:
    line = example(verb)
    folder = desk
    if verb in ("demo", "sample", "run", "extract", "filter", "dedup", "tokenize", "plan", "fetch"):
        folder = tmp_path
        shutil.copy(desk / "sample.warc.gz", tmp_path)
    if "why" in line:
        from pipeline.stages.examples import example_id

        line = line.replace("sample.warc.gz@0", str(example_id(str(desk / "run"))))
    if verb == "dashboard":
        serves(line, folder)
        return
    done = run_line(line, folder, offline)
    assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr


def test_readme_commands_exist() -> None:
    lines = [
        line
        for block in re.findall(r"```(?:sh|console)\n(.*?)```", README, re.S)
        for line in block.splitlines()
    ]
    named = [line.lstrip("$ ") for line in lines if line.lstrip("$ ").startswith("sluice ")]
    assert named
    for line in named:
        words = shlex.split(line)[1:3]
        verb = " ".join(words if words[0] in GROUPS else words[:1])
        assert verb in ALL, line
        known = sluice(*verb.split(), "--help").stdout
        for option in re.findall(r"(?<!\S)--[a-z-]+", line):
            assert option in known, f"{line}: {verb} has no {option}"


def test_readme_names_the_two_commands() -> None:
    for target in ("demo", "test"):
        assert f"make {target}" in README
        assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.M)


def test_readme_lists_every_verb() -> None:
    missing = [verb for verb in ALL if f"`{verb}" not in README and f"sluice {verb}" not in README]
    assert not missing
