"""Both engines run the same stages and give the same bytes; a dead worker costs its shard one attempt."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pipeline.conftest import ROOT, SMALL, sets, sluice, stats
from tests.pipeline.test_meter import costs

pytestmark = pytest.mark.xdist_group("engines")

TOKEN = "an-access-token-of-these-tests-only-0123456789"


def test_one_worker_and_four(sample: Path, clean: Path, tmp_path: Path) -> None:
    expected = stats(clean)["digest"]
    for workers in ("1", "4"):
        run = tmp_path / workers
        sluice("run", "tiny", "--input", sample, "--out", run, "--workers", workers, *sets(SMALL))
        assert stats(run)["digest"] == expected


def test_hash_seed_and_thread_variables_change_nothing(sample: Path, clean: Path, tmp_path: Path) -> None:
    env = {"PYTHONHASHSEED": "77", "OMP_NUM_THREADS": "3", "TZ": "Asia/Tokyo", "LC_ALL": "C"}
    sluice("run", "tiny", "--input", sample, "--out", tmp_path / "run", *sets(SMALL), env=env)
    assert stats(tmp_path / "run")["digest"] == stats(clean)["digest"]


def test_ray_on_a_cluster_of_its_own(sample: Path, clean: Path, tmp_path: Path) -> None:
    words = ["--input", sample, "--out", tmp_path / "run", "--engine", "ray", "--workers", "2"]
    sluice("run", "tiny", *words, *sets(SMALL))
    assert stats(tmp_path / "run")["digest"] == stats(clean)["digest"]
    assert all(cost.started > 0 and cost.peak_memory > 20 << 20 for cost in costs(tmp_path / "run"))


def _free_ports(count: int) -> list[int]:
    # Ray gives 10002 to 19999 to its workers; the system's own range lies above.
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


@pytest.fixture(scope="module")
def head() -> Iterator[tuple[str, dict[str, str]]]:
    """A Ray head with token authentication, started and ended by this module alone."""
    port, dashboard, agent, metrics, client = _free_ports(5)
    folder = Path(tempfile.mkdtemp(prefix="r"))  # socket paths have at most 107 characters
    env = {
        **os.environ,
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": TOKEN,
        "RAY_USAGE_STATS_ENABLED": "0",
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
    }
    ports = {
        "port": port,
        "dashboard-port": dashboard,
        "dashboard-agent-listen-port": agent,
        "metrics-export-port": metrics,
        "ray-client-server-port": client,
    }
    command = ["ray", "start", "--head", "--block", "--num-cpus=2", f"--temp-dir={folder}"]
    command += [f"--{name}={number}" for name, number in ports.items()]
    with open(folder / "head.log", "wb") as log:
        process = subprocess.Popen(command, env=env, stdout=log, stderr=log, start_new_session=True)
    address = f"http://127.0.0.1:{dashboard}"
    try:
        for _ in range(60):
            up = subprocess.run(
                ["ray", "job", "list", "--address", address], env=env, capture_output=True, timeout=60
            )
            if up.returncode == 0:
                break
            assert process.poll() is None, (folder / "head.log").read_text()
        else:
            pytest.fail((folder / "head.log").read_text())
        yield address, env
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
        shutil.rmtree(folder, ignore_errors=True)


def _submit(head: tuple[str, dict[str, str]], *words: str | Path) -> subprocess.CompletedProcess[str]:
    address, env = head
    command = [
        "ray",
        "job",
        "submit",
        "--address",
        address,
        "--working-dir",
        ".",
        "--",
        "python",
        "-m",
        "pipeline",
    ]
    limit = time.monotonic() + 60
    while True:
        done = subprocess.run(
            [*command, *map(str, words)], cwd=ROOT, env=env, capture_output=True, text=True, timeout=400
        )
        # Ray's head answers before the agent that takes jobs has come up.
        if "No available agent" not in done.stderr or time.monotonic() > limit:
            return done


def test_ray_job_submit(head: tuple[str, dict[str, str]], sample: Path, clean: Path, tmp_path: Path) -> None:
    done = _submit(
        head, "run", "tiny", "--input", sample, "--out", tmp_path / "run", "--engine", "ray", *sets(SMALL)
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert stats(tmp_path / "run")["digest"] == stats(clean)["digest"]


def test_relative_paths_inside_a_job_are_refused(head: tuple[str, dict[str, str]], sample: Path) -> None:
    done = _submit(head, "run", "tiny", "--input", sample, "--out", "relative", "--engine", "ray")
    assert done.returncode != 0
    assert "--out relative: relative, but inside a Ray job" in done.stdout + done.stderr
    assert "exit code 2" in done.stdout + done.stderr


def test_the_head_refuses_a_client_without_the_token(head: tuple[str, dict[str, str]]) -> None:
    address, env = head
    wrong = {**env, "RAY_AUTH_TOKEN": "not-the-token-of-this-head-0123456789abcdef"}
    done = subprocess.run(
        ["ray", "job", "list", "--address", address], env=wrong, capture_output=True, text=True, timeout=60
    )
    assert done.returncode != 0


def test_no_cluster_there(sample: Path, tmp_path: Path) -> None:
    (port,) = _free_ports(1)
    words = [
        "--input",
        sample,
        "--out",
        tmp_path / "run",
        "--engine",
        "ray",
        "--address",
        f"127.0.0.1:{port}",
    ]
    done = sluice("run", "tiny", *words, check=False, env={"RAY_gcs_rpc_server_reconnect_timeout_s": "2"})
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1].startswith(f"sluice: no Ray cluster at 127.0.0.1:{port}")
    assert "Traceback" not in done.stderr
