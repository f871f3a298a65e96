"""Personal data on the road: masked as the recipe says, counted whatever it says, its places kept in `corpus/`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from filters.pii import EMAIL, IP, KINDS
from tests.pipeline.conftest import sluice

PROSE = "The harbour was built of granite and lead, and it stood for a hundred and twenty years in the storm."
TEXT = f"{PROSE} Write to ann@mail.org or 9.9.9.9, call 212-736-5000, SSN 219-45-1123."
ROWS = [
    {"id": "a", "text": TEXT, "title": "Ann (ann@mail.org)"},
    {"id": "b", "text": f"{PROSE} It stayed so.", "title": "Plain"},
]


def corpus(folder: Path, recipe: str) -> tuple[dict[str, dict[str, Any]], Path]:
    (folder / "d.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    (folder / "own.yaml").write_text(f"name: own\ndedup: null\n{recipe}\n")
    run = folder / "run"
    sluice("run", folder / "own.yaml", "--input", folder / "d.jsonl", "--out", run, "--until", "corpus")
    (path,) = (run / "corpus").glob("*.parquet")
    return {row["title"]: row for row in pq.read_table(path).to_pylist()}, run


@pytest.mark.parametrize("filters", ["", "filters: [pii]"])
def test_columns_of_the_corpus(filters: str, tmp_path: Path) -> None:
    """The same with the filter `pii`, whose columns have the same names and tell of the text alone."""
    rows, run = corpus(tmp_path, filters)
    first, second = rows[f"Ann ({EMAIL})"], rows["Plain"]
    assert first["text"] == TEXT.replace("ann@mail.org", EMAIL).replace("9.9.9.9", IP)
    counts = {kind: first[f"pii_{kind}"] for kind in KINDS}
    assert counts == dict.fromkeys(KINDS, 0) | {"emails": 2, "ips": 1, "phones": 1, "ssns": 1}
    places = [(s["kind"], first["text"][s["start"] : s["end"]], s["masked"]) for s in first["pii_spans"]]
    assert places == [
        ("emails", EMAIL, True),
        ("ips", IP, True),
        ("phones", "212-736-5000", False),
        ("ssns", "219-45-1123", False),
    ]
    assert second["pii_spans"] == []
    assert not any(second[f"pii_{kind}"] for kind in KINDS)
    stats = json.loads(sluice("stats", run, "--json").stdout)
    assert stats["masked"] == {"emails": 2, "ips": 1}
    assert {kind: n for kind, n in stats["personal_data"].items() if n} == {
        "emails": 2, "ips": 1, "phones": 1, "ssns": 1,
    }  # fmt: skip
    story = json.loads(sluice("why", run, first["id"], "--json").stdout)
    assert story["masked"] == {"emails": 2, "ips": 1}
    assert story["personal_data"]["ssns"] == 1


def test_a_recipe_says_what_is_masked_and_how(tmp_path: Path) -> None:
    rows, _ = corpus(tmp_path, "pii: {mask: [emails, ssns], style: tags, phones: true}")
    text = rows["Ann (<EMAIL>)"]["text"]
    assert text.endswith("Write to <EMAIL> or 9.9.9.9, call <PHONE>, SSN <US_SSN>.")


def test_no_section_masks_and_counts_nothing(tmp_path: Path) -> None:
    rows, _ = corpus(tmp_path, "pii: null")
    first = rows["Ann (ann@mail.org)"]
    assert first["text"] == TEXT
    assert not any(name.startswith("pii_") for name in first)


@pytest.mark.parametrize("value", ["{mask: [emails, telefax]}", "{style: stars}", "{masks: [emails]}"])
def test_a_wrong_setting_is_refused(value: str, tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(f"name: own\npii: {value}\n")
    (tmp_path / "d.jsonl").write_text("{}\n")
    done = sluice(
        "run", tmp_path / "own.yaml", "--input", tmp_path / "d.jsonl", "--out", tmp_path / "run", check=False
    )
    assert done.returncode == 2
    assert "pii" in done.stderr
