"""A small real run that the views are asked about."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.dashboard.watch import Seen, Watched
from pipeline.store import open_folder
from tests.pipeline.conftest import PAGES, sluice


@pytest.fixture(scope="session")
def small_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The embedded sample, 200 pages, through the recipe `tiny` to the corpus."""
    folder = tmp_path_factory.mktemp("dashboard")
    sluice("sample", folder / "sample.warc.gz", "--pages", str(PAGES))
    sluice("run", "tiny", "--input", folder / "sample.warc.gz", "--out", folder / "run", "--until", "corpus")
    return folder / "run"


def seen_of(path: Path) -> Seen:
    """The last snapshot of a run folder."""
    return Watched(open_folder(path), "run").look_to_the_end()
