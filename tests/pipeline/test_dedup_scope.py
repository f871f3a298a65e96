"""Who is compared with whom: a document's crawl and language, and the year that its crawl belongs to."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from pipeline.dedup.scope import crawl_labels, crawl_of, crawl_year, crawls, scope_keys, shard_labels
from pipeline.inputs import find_inputs
from pipeline.ledger import Cost, Input, Receipt

FILE = "CC-MAIN-20240718191321-20240718221321-00123.warc.gz"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (
            f"https://data.commoncrawl.org/crawl-data/CC-MAIN-2024-30/segments/1/warc/{FILE}",
            "CC-MAIN-2024-30",
        ),
        ("/data/CC-MAIN-2013-20.parquet", "CC-MAIN-2013-20"),
        ("/data/CC-MAIN-2013-20-part-1.jsonl.gz", "CC-MAIN-2013-20"),
        ("s3://commoncrawl/crawl-data/CC-MAIN-2008-2009/segments/a.arc.gz", "CC-MAIN-2008-2009"),
        ("/CC-MAIN-2012/a.arc.gz", "CC-MAIN-2012"),
        ("/from/CC-MAIN-2023-50/to/CC-MAIN-2024-10/a.warc", "CC-MAIN-2024-10"),
        (f"/data/{FILE}", ""),
        ("CC-MAIN-20130516092621-00000-ip-10-60-113-184.ec2.internal.warc.gz", ""),
        ("/data/CC-NEWS-20240718-00001.warc.gz", ""),
        ("/data/pages.warc.gz", ""),
    ],
)
def test_a_crawl_stands_in_the_path(path: str, expected: str) -> None:
    assert crawl_of(path) == expected


def test_inputs_and_their_shards_have_the_crawl_of_their_folder(tmp_path: Path) -> None:
    paths = []
    for folder, name in (
        ("CC-MAIN-2024-10", "a.warc"),
        ("CC-MAIN-2024-30", "b: 1.warc"),
        ("other", "c.warc"),
    ):
        path = tmp_path / folder / name
        path.parent.mkdir()
        path.write_bytes(b"WARC/1.0\r\n")
        paths.append(str(path))
    files = find_inputs(paths)
    labels = {"a.warc": "CC-MAIN-2024-10", "b: 1.warc": "CC-MAIN-2024-30", "c.warc": ""}
    assert crawl_labels(files) == labels
    receipts = [
        Receipt(
            stage="extract",
            shard=f"shard-{number}",
            key="k",
            fingerprint="f",
            inputs=[Input(name=f"{file.name}:0-10", digest="d"), Input(name="repeated", digest="e")],
            outputs=[],
            counts={},
            histograms={},
            values={},
            cost=Cost(core_seconds=0, wall_seconds=0, bytes_in=0, documents=0, host=""),
        )
        for number, file in enumerate(files)
    ]
    assert shard_labels(receipts, files) == dict(
        zip(["shard-0", "shard-1", "shard-2"], labels.values(), strict=True)
    )


def table(**columns: list[str | None]) -> pa.Table:
    return pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})


def test_a_row_may_name_its_own_crawl() -> None:
    rows = table(warc_file=["CC-MAIN-2019-04/x", "s3://cc/CC-MAIN-2020-05/segments/y.warc.gz", FILE, None])
    assert crawls(rows, "mine").to_pylist() == ["CC-MAIN-2019-04", "CC-MAIN-2020-05", "mine", "mine"]
    assert crawls(table(text=["a", "b"]), "mine").to_pylist() == ["mine", "mine"]


def test_documents_meet_within_their_scope_alone() -> None:
    old, new = "CC-MAIN-2013-20/a.warc", "CC-MAIN-2024-10/a.warc"
    rows = table(language=["en", "de", "en", None, "", None], warc_file=[old, new, None, FILE, new, old])
    everyone = scope_keys(rows, "global", "CC-MAIN-2024-10")
    assert everyone.tolist() == [0] * 6
    languages = scope_keys(rows, "language", "b")
    assert languages[0] == languages[2]
    assert languages[3] == languages[5]
    assert len(set(languages.tolist())) == 4
    crawl = scope_keys(rows, "crawl", "CC-MAIN-2024-10")
    assert crawl[0] == crawl[5]
    assert set(crawl[1:5].tolist()) == {crawl[1]}
    assert crawl[0] != crawl[1]
    assert (scope_keys(rows.slice(1, 3), "language", "b") == languages[1:4]).all()


def test_keys_are_the_same_in_every_table() -> None:
    # Stages of one run make keys in different processes from different blocks.
    one = scope_keys(table(language=["en", "de"]), "language", "")
    other = scope_keys(table(language=[None, "de", "en"]), "language", "x")
    assert one.tolist() == [other[2], other[1]]
    by_path = scope_keys(table(text=["a"]), "crawl", "CC-MAIN-2024-10")
    by_row = scope_keys(table(warc_file=["CC-MAIN-2024-10/a.warc"]), "crawl", "")
    assert by_path.tolist() == by_row.tolist()


def test_the_year_is_the_crawls_or_the_documents() -> None:
    rows = table(
        date=["2012-05-01T00:00:00Z", "2014-05-01", None, "soon", " 2011 "],
        warc_file=[f"CC-MAIN-2013-20/{FILE}", FILE, FILE, "a.warc", None],
    )
    years = crawl_year(rows, "")
    assert years.dtype == "int32"
    assert years.tolist() == [2013, 2014, 2024, 0, 2011]
    assert crawl_year(rows, "CC-MAIN-2008-2009").tolist() == [2013, 2008, 2008, 2008, 2008]
    assert crawl_year(table(text=["a"]), "").tolist() == [0]
