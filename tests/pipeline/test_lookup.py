"""Single documents are found by id and URL, with few files opened, also where files are gone."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pipeline.ledger import Ledger
from pipeline.lookup import closed_files, files_of, place_of, places_of, rows_of, rows_where, shard_named
from pipeline.report.run import open_run
from pipeline.store import open_folder
from tests.pipeline.conftest import rows

pytestmark = pytest.mark.xdist_group("cli")  # shares the clean run of the session

SHARDS = [
    "a.warc.gz-000000000000",
    "a.warc.gz-000004194304",
    "b.warc.gz-000000000000",
    "d.jsonl-000000000000",
]


@pytest.mark.parametrize(
    ("id_", "shard"),
    [
        ("a.warc.gz@0", SHARDS[0]),
        ("a.warc.gz@4194303", SHARDS[0]),
        ("a.warc.gz@4194304", SHARDS[1]),
        ("a.warc.gz@99999999", SHARDS[1]),
        ("b.warc.gz@7", SHARDS[2]),
        ("d.jsonl#12", SHARDS[3]),
        ("c.warc.gz@7", None),
        ("http://a@b/", None),
        ("a.warc.gz@²", None),
        ("plain", None),
        ("", None),
    ],
)
def test_an_id_names_its_shard(id_: str, shard: str | None) -> None:
    assert shard_named(id_, SHARDS) == shard


def test_rows_are_those_with_the_value_and_the_columns_that_there_are(clean: Path) -> None:
    folder = open_folder(clean)
    name = f"extracted/{folder.names('extracted')[0]}"
    ids = list(rows(clean, "extracted"))
    wanted = {ids[3], ids[150]}
    found = rows_where(folder, name, "id", wanted, ["id", "url", "nothing"])
    assert {row["id"] for row in found} == wanted
    assert list(found[0]) == ["id", "url"]
    assert rows_where(folder, name, "nothing", wanted) == []


def test_closed_stages_and_an_open_run_hold_the_same(clean: Path) -> None:
    files, run = closed_files(Ledger(open_folder(clean))), files_of(open_run(open_folder(clean)))
    for id_, row in list(rows(clean, "corpus").items())[:5]:
        places = place_of(files, id_)
        assert list(places) == [id_]
        assert places == place_of(run, id_) == places_of(files, id_)
        assert id_ in places_of(files, row["url"])
        found = rows_of(files, id_, places[id_])
        assert found == rows_of(run, id_, places[id_])
        assert set(found) >= {"corpus", "documents", "extracted", "tokens"}
        assert found["corpus"][1]["text"] == row["text"]


def test_documents_are_found_when_extracted_texts_are_gone(clean: Path, tmp_path: Path) -> None:
    shutil.copytree(clean, tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "extracted")
    files = closed_files(Ledger(open_folder(tmp_path / "run")))
    for under in ("dropped", "corpus", "failed"):
        id_, row = next(iter(rows(clean, under).items()))
        assert id_ in places_of(files, id_)
        assert id_ in places_of(files, row["url"])
