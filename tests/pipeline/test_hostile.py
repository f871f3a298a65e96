"""A run over hostile pages: each has the fate that its prose earns it, and nothing acts in a terminal."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pipeline.cli.app import app
from tests.hostile_run import ATTACKS, LINE, LONG_URL, attacks_in, pages
from tests.pipeline.conftest import rows, sluice, stats

pytestmark = pytest.mark.xdist_group("hostile")

# Everything but the line feed that moves a cursor, draws nothing, or turns the direction of what follows.
ACTS = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e007f]"
)


@pytest.fixture(scope="module")
def extracted(hostile_run: Path) -> dict[str, dict[str, Any]]:
    return rows(hostile_run, "extracted")


def test_every_page_has_its_fate(hostile_run: Path) -> None:
    counts = stats(hostile_run)
    wanted = Counter(page.fate for page in pages())
    assert counts["corpus"] == wanted["corpus"]
    assert sum(counts["dropped"].values()) == wanted["dropped"]
    assert set(counts["dropped"]) == {"gopher_quality.short", "c4.lorem_ipsum"}
    assert sum(counts["duplicates"].values()) == wanted["duplicates"]
    assert counts["responses"] == wanted.total()


def test_the_attacks_reach_whoever_looks(extracted: dict[str, dict[str, Any]], hostile_run: Path) -> None:
    """Extraction may clean white space and control characters away; JSON lines carry every attack as it is."""
    columns = (
        ("text", "title") if "warc" in str(hostile_run) else ("text", "title", "id", "language", "canonical")
    )
    least = len(ATTACKS) if "lines" in str(hostile_run) else 15
    for column in columns:
        kinds = {kind for row in extracted.values() for kind in attacks_in(str(row[column]))}
        assert len(kinds - {"wide"}) >= least - 1, column
    assert any("__pwned" in row["url"] for row in extracted.values())
    assert max(len(row["url"]) for row in extracted.values()) >= LONG_URL
    assert (
        max(len(line) for row in extracted.values() for line in (row["text"] or "").split("\n")) > LINE // 2
    )
    assert all("__pwned=1" in id_ for id_ in extracted) or "lines" in str(hostile_run)


def test_nothing_acts_in_a_terminal(hostile_run: Path, extracted: dict[str, dict[str, Any]]) -> None:
    runner = CliRunner()
    for at, (id_, row) in enumerate(list(extracted.items())[::2]):  # those that are kept, and copies
        done = runner.invoke(app, ["why", str(hostile_run), "--", row["url"] if at % 3 == 0 else id_])
        assert done.exit_code == 0, done.output
        assert not ACTS.findall(done.output)
    for verb in ("stats", "status", "report", "verify"):
        said = sluice(verb, hostile_run)
        assert not ACTS.findall(said.stdout + said.stderr)
    source = next(path for path in hostile_run.parent.iterdir() if path.suffix in (".gz", ".jsonl"))
    if source.suffix == ".gz":
        assert not ACTS.findall(sluice("records", source).stdout.replace("\t", ""))


def test_json_gives_back_what_was_there(hostile_run: Path, extracted: dict[str, dict[str, Any]]) -> None:
    runner = CliRunner()
    for id_, row in list(extracted.items())[1::6]:
        story = json.loads(runner.invoke(app, ["why", str(hostile_run), "--json", "--", id_]).stdout)
        assert (story["id"], story["url"]) == (id_, row["url"])
