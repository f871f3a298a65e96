"""A run in an object store, against a server that speaks S3's protocol (conditional PUT included)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.store import open_folder
from tests.pipeline.conftest import ROOT, SMALL, sets, sluice, stats
from tests.pipeline.s3_server import s3_server

pytestmark = pytest.mark.xdist_group("s3")


@pytest.fixture(scope="module", autouse=True)
def server() -> Iterator[None]:
    with s3_server("sluice"):
        yield


@pytest.fixture(scope="module")
def uploaded(sample: Path, server: None) -> str:
    import s3fs

    s3fs.S3FileSystem().put_file(str(sample), f"sluice/in/{sample.name}")
    return f"s3://sluice/in/{sample.name}"


def test_the_whole_road_from_and_to_s3(uploaded: str, clean: Path) -> None:
    run = "s3://sluice/runs/whole"
    words = ["run", "tiny", "--input", uploaded, "--out", run, *sets(SMALL)]
    sluice(*words)
    assert stats(run)["digest"] == stats(clean)["digest"]
    assert "nothing to compute" in sluice(*words).stderr
    sluice("verify", run)
    folder = open_folder(run)
    assert folder.exists("report.html")
    name = folder.names("corpus")[0]
    folder.remove(f"corpus/{name}")
    assert sluice("verify", run, check=False).returncode == 1
    sluice("repair", run)
    sluice("verify", run)
    assert stats(run)["digest"] == stats(clean)["digest"]


def test_killed_on_s3(uploaded: str, clean: Path, tmp_path: Path) -> None:
    run = "s3://sluice/runs/killed"
    words = ["run", "tiny", "--input", uploaded, "--out", run, "--until", "tokens", *sets(SMALL)]
    command = [sys.executable, "-m", "pipeline", *words]
    for stage in ("extract", "filter", "corpus"):
        process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
        while process.poll() is None and not open_folder(run).names(f"ledger/{stage}"):
            pass
        process.send_signal(signal.SIGKILL)
        process.wait()
    sluice(*words)
    whole = tmp_path / "clean"
    sluice("run", "tiny", "--input", uploaded, "--out", whole, "--until", "tokens", *sets(SMALL))
    assert stats(run)["digest"] == stats(whole)["digest"]


def test_one_creator_wins() -> None:
    folder = open_folder("s3://sluice/race")
    won: list[int] = []
    start = threading.Barrier(8)

    def create(number: int) -> None:
        start.wait()
        if folder.create("receipt.json", b"%d" % number):
            won.append(number)

    threads = [threading.Thread(target=create, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert folder.read("receipt.json") == b"%d" % won[0]
    assert len(won) == 1


def test_many_files_are_listed_whole() -> None:
    folder = open_folder("s3://sluice/many")
    for number in range(1100):  # S3 lists a thousand at a time
        folder.replace(f"x/{number:05}", b"")
    assert folder.names("x") == [f"{number:05}" for number in range(1100)]
    assert folder.names("y") == []


def test_a_bucket_that_is_not_there(sample: Path) -> None:
    for words in (
        ["run", "tiny", "--input", "s3://nowhere/x.warc.gz", "--out", "s3://sluice/n"],
        ["run", "tiny", "--input", sample, "--out", "s3://nowhere/run", "--until", "extract"],
    ):
        done = sluice(*words, check=False, env={"AWS_ENDPOINT_URL": os.environ["AWS_ENDPOINT_URL"]})
        assert done.returncode in (1, 2), done.stderr
        assert "nowhere" in done.stderr
        assert "Traceback" not in done.stderr
        assert "details" not in done.stderr
