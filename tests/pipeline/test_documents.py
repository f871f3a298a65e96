"""Files of documents: every row is delivered or fails alone, and what ails a file is one failed record."""

from __future__ import annotations

import gzip
import json
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from filters.document import SCHEMA
from pipeline import documents
from pipeline import rows as files_of_rows
from pipeline.errors import UserError
from pipeline.estimate import estimate
from pipeline.extract import Tally
from pipeline.inputs import kind_of
from pipeline.recipe import load
from pipeline.rows import MAX_LINE
from tests.pipeline.conftest import sluice, stats

Rows = list[dict[str, Any]]


def read(path: Path, id_column: str = "id") -> tuple[Rows, Rows, Tally]:
    """The documents, the failures, and the counts, which add up."""
    tally = Tally()
    parts = list(documents.read(str(path), kind_of(str(path)), id_column, tally))
    assert all(part.documents.schema == SCHEMA for part in parts)
    assert tally.records == tally.documents + sum(tally.failed.values())
    assert tally.bytes_in == path.stat().st_size
    rows = [row for part in parts for row in part.documents.to_pylist()]
    assert len(rows) == tally.documents
    return rows, [row for part in parts for row in part.failed.to_pylist()], tally


def lines(count: int, first: int = 0) -> bytes:
    # Text that packs badly, so that a file has many blocks.
    rows = ({"id": f"d{n}", "text": f"{n * 7919 % 10007:x} " * 60} for n in range(first, first + count))
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def parquet(path: Path, **columns: Any) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


def column(found: Rows, name: str) -> list[Any]:
    return [row[name] for row in found]


@pytest.mark.parametrize("share", [0.3, 0.7, 0.999])
def test_a_cut_off_zstd_file_gives_its_whole_lines_and_says_so(tmp_path: Path, share: float) -> None:
    plain = lines(6000)
    packed = zstandard.ZstdCompressor().compress(plain)
    path = tmp_path / "d.jsonl.zst"
    path.write_bytes(packed[: int(len(packed) * share)])
    rows, failures, tally = read(path)
    assert tally.failed == {"damaged_file": 1}
    assert failures[0]["id"] == f"d.jsonl.zst#{len(rows)}"
    assert "ends inside a zstd frame" in failures[0]["message"]
    assert 0 < len(rows) < 6000
    assert rows[-1]["text"] == json.loads(plain.splitlines()[len(rows) - 1])["text"]


def test_all_frames_of_a_zstd_file_are_read(tmp_path: Path) -> None:
    skippable = struct.pack("<II", 0x184D2A50, 3) + b"abc"
    frames = [zstandard.ZstdCompressor().compress(lines(700, first)) for first in (0, 700, 1400)]
    path = tmp_path / "d.jsonl.zst"
    path.write_bytes(frames[0] + skippable + frames[1] + frames[2])
    rows, failures, _ = read(path)
    assert column(rows, "id") == [f"d{n}" for n in range(2100)]
    assert not failures
    path.write_bytes(frames[0] + frames[1] + frames[2][:-4])
    rows, _, tally = read(path)
    assert len(rows) >= 1400
    assert tally.failed == {"damaged_file": 1}


def test_a_zstd_block_that_explodes_is_read_in_pieces(tmp_path: Path) -> None:
    path = tmp_path / "d.jsonl.zst"
    path.write_bytes(zstandard.ZstdCompressor().compress(b" " * (MAX_LINE + 100) + b"\n" + lines(2)))
    rows, _, tally = read(path)
    assert column(rows, "id") == ["d0", "d1"]
    assert tally.failed == {"oversize": 1}


def damaged_gzip() -> bytes:
    packed = bytearray(gzip.compress(lines(6000), mtime=0))
    packed[len(packed) // 2] ^= 0xFF
    return bytes(packed)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("d.jsonl.zst", b"this is no zstd frame\n" * 20),
        ("d.jsonl.zst", zstandard.ZstdCompressor().compress(lines(5)) + b"garbage after the frame"),
        ("d.jsonl.gz", b"this is no gzip member\n"),
        ("d.jsonl.gz", gzip.compress(lines(6000))[:-2000]),
        ("d.jsonl.gz", damaged_gzip()),
        ("D.JSONL.GZ", gzip.compress(lines(5))[:-9]),
        ("d.parquet", b"this is no Parquet file"),
        ("d.parquet", b"PAR1" + b"\0" * 40 + b"PAR1"),
    ],
    ids=[
        "no-zstd",
        "zstd-rest",
        "no-gzip",
        "gzip-cut",
        "gzip-flipped",
        "gzip-end",
        "no-parquet",
        "no-footer",
    ],
)
def test_a_damaged_file_is_one_failed_record(tmp_path: Path, name: str, data: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    _, failures, tally = read(path)
    # A line that is garbled before the checksum is reached is a bad line as well.
    assert tally.failed["damaged_file"] == 1
    assert set(tally.failed) <= {"damaged_file", "bad_json", "bad_encoding"}
    assert failures[-1]["kind"] == "damaged_file"
    assert "\n" not in failures[-1]["message"]


def test_a_flipped_bit_costs_the_rows_after_it(tmp_path: Path) -> None:
    path = tmp_path / "d.parquet"
    texts = [f"text {n} " * 30 for n in range(300)]
    pq.write_table(
        pa.table({"text": texts}), path, row_group_size=100, use_dictionary=False, write_page_checksum=True
    )
    data = bytearray(path.read_bytes())
    hurt = pq.read_metadata(path).row_group(1).column(0)
    data[hurt.data_page_offset + hurt.total_compressed_size - 9] ^= 4
    path.write_bytes(data)
    rows, _, tally = read(path)
    assert column(rows, "text") == texts[:100]
    assert tally.failed == {"damaged_file": 1}


@pytest.mark.parametrize(
    "score", ["1e400", str(10**400), "NaN", "true", '"0.5"', "[1]", "null"], ids=range(7)
)
def test_an_odd_score_costs_the_score_alone(tmp_path: Path, score: str) -> None:
    path = tmp_path / "d.jsonl"
    path.write_text('{"text": "a", "language_score": ' + score + '}\n{"text": "b", "language_score": 1}\n')
    rows, failures, _ = read(path)
    assert [(row["text"], row["language_score"]) for row in rows] == [("a", None), ("b", 1.0)]
    assert not failures


def test_bad_lines_cost_one_row_each(tmp_path: Path) -> None:
    path = tmp_path / "d.jsonl"
    given = [
        b'{"id": 7, "text": "whole"}',
        b'{"id": "x", "text": "\xff\xfe"}',
        b'{"id": "n", "text": null}',
        b'{"id": %s, "text": "an endless id"}' % (b"9" * 5000),
        b'{"id": {"a": 1}, "text": "a nested id", "url": "http://x.example/\\ud800"}',
        b"[" * 100_000,
    ]
    path.write_bytes(b"\n".join(given))
    rows, failures, tally = read(path)
    assert [(row["id"], row["text"]) for row in rows] == [("7", "whole"), ("d.jsonl#4", "a nested id")]
    assert rows[1]["url"] == "http://x.example/?"
    assert tally.failed == {"bad_encoding": 1, "no_text": 1, "bad_json": 2}
    assert column(failures, "id") == ["d.jsonl#1", "n", "d.jsonl#3", "d.jsonl#5"]


def invalid_strings(values: list[bytes | None]) -> pa.Array:
    """A string column that holds bytes which are not UTF-8, as careless writers make them."""
    made = pa.array(values, pa.binary())
    return pa.Array.from_buffers(pa.string(), len(made), made.buffers())


def test_a_parquet_row_that_is_not_utf8_fails_alone(tmp_path: Path) -> None:
    text = invalid_strings([b"whole", b"\xff\xfe", "gr\u00fcn".encode(), None])
    url = invalid_strings([b"http://x.example/\xff", b"", None, None])
    rows, failures, tally = read(parquet(tmp_path / "d.parquet", id=["a", "b", "c", "d"], text=text, url=url))
    assert [(row["id"], row["text"]) for row in rows] == [("a", "whole"), ("c", "gr\u00fcn")]
    assert rows[0]["url"] == "http://x.example/\ufffd"
    assert tally.failed == {"bad_encoding": 1, "no_text": 1}
    assert column(failures, "id") == ["b", "d"]


@pytest.mark.parametrize(
    "type_",
    [
        pa.string(),
        pa.large_string(),
        pa.string_view(),
        pa.binary(),
        pa.large_binary(),
        pa.dictionary(pa.int32(), pa.string()),
        pa.dictionary(pa.int8(), pa.large_string()),
    ],
    ids=str,
)
def test_text_is_read_as_any_arrow_type_of_text(tmp_path: Path, type_: pa.DataType) -> None:
    texts = ["one", "zwei \u00e4", None, "one"]
    plain = pa.array(texts)
    text = plain.dictionary_encode().cast(type_) if pa.types.is_dictionary(type_) else plain.cast(type_)
    rows, failures, _ = read(parquet(tmp_path / "d.parquet", id=["a", "b", "c", "d"], text=text, url=text))
    assert [(row["id"], row["text"], row["url"]) for row in rows] == [
        ("a", "one", "one"),
        ("b", "zwei \u00e4", "zwei \u00e4"),
        ("d", "one", "one"),
    ]
    assert [(row["id"], row["kind"]) for row in failures] == [("c", "no_text")]


def test_columns_of_other_types_do_no_harm(tmp_path: Path) -> None:
    nanoseconds = pa.array([1, 2_000_000_001, None], pa.timestamp("ns"))
    path = parquet(
        tmp_path / "d.parquet",
        text=["a", "b", "c"],
        date=nanoseconds,
        title=[["nested"], [], None],
        language_score=pa.array([0.5, None, float("inf")], pa.float16()),
        fetched=nanoseconds,
        raw=invalid_strings([b"\xff", b"", None]),
        spans=[[{"a": 1}], [], None],
    )
    rows, failures, _ = read(path)
    assert column(rows, "text") == ["a", "b", "c"]
    assert column(rows, "language_score") == [0.5, None, None]
    assert column(rows, "date") == column(rows, "title") == [None] * 3
    assert not failures


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        (pa.array([3, None, 2**62]), ["3", "d.parquet#1", str(2**62)]),
        (pa.array([b"k", b"\xff\x00", b""]), ["k", "ff00", "d.parquet#2"]),
        (
            pa.array([1, 2_000_000_001, None], pa.timestamp("ns")),
            ["1970-01-01 00:00:00.000000001", "1970-01-01 00:00:02.000000001", "d.parquet#2"],
        ),
        (pa.array([[1], [2], None]), ["d.parquet#0", "d.parquet#1", "d.parquet#2"]),
        (pa.array(["x", "y", "x"]).dictionary_encode(), ["x", "y", "x"]),
    ],
    ids=["integer", "binary", "nanoseconds", "list", "dictionary"],
)
def test_ids_of_any_type(tmp_path: Path, ids: pa.Array, expected: Sequence[str]) -> None:
    rows, _, tally = read(parquet(tmp_path / "d.parquet", key=ids, text=["a", "b", "c"]), "key")
    assert column(rows, "id") == expected
    assert not tally.failed


def test_a_parquet_file_without_text_is_one_failed_record(tmp_path: Path) -> None:
    for number, columns in enumerate(
        [{"body": ["a", "b"]}, {"text": [1, 2]}, {"text": [["a"], ["b"]]}, {"meta": [{"text": "a"}]}]
    ):
        rows, failures, tally = read(parquet(tmp_path / f"{number}.parquet", **columns))
        assert (rows, tally.failed) == ([], {"no_text_column": 1})
        assert "column `text`" in failures[0]["message"]
    rows, failures, _ = read(parquet(tmp_path / "null.parquet", text=pa.nulls(2)))
    assert (rows, column(failures, "kind")) == ([], ["no_text", "no_text"])


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("d.jsonl", b""),
        ("d.jsonl.gz", b""),
        ("d.jsonl.zst", b""),
        ("d.parquet", b""),
        ("d.jsonl", b"\n  \r\n\n"),
        ("d.jsonl.gz", gzip.compress(b"")),
        ("d.jsonl.zst", zstandard.ZstdCompressor().compress(b"\n\n")),
    ],
    ids=["jsonl", "gzip", "zstd", "parquet", "blank", "gzip-of-nothing", "zstd-of-blank"],
)
def test_an_empty_file_is_one_failed_record(tmp_path: Path, name: str, data: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    rows, failures, tally = read(path)
    assert (rows, column(failures, "id"), tally.failed) == ([], [f"{name}#0"], {"empty_file": 1})


def test_a_parquet_file_of_no_rows_is_fine(tmp_path: Path) -> None:
    rows, failures, tally = read(parquet(tmp_path / "d.parquet", text=pa.array([], pa.string())))
    assert (rows, failures, tally.records) == ([], [], 0)


@pytest.mark.parametrize("name", ["d.jsonl", "d.parquet"])
def test_batches_change_no_row(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / name
    if name == "d.jsonl":
        path.write_bytes(lines(30) + b"{broken\n" + lines(5, 28) + b'{"text": 1}\n')
    else:
        texts = invalid_strings([b"a", None, b"\xff", b"b"] * 9)
        parquet(path, id=[str(n % 30) for n in range(36)], text=texts)
    expected = read(path)
    for size in (1, 7):
        monkeypatch.setattr(documents, "ROWS", size)
        monkeypatch.setattr(files_of_rows, "ROWS", size)
        assert read(path)[:2] == expected[:2]


def test_bytes_in_grows_with_what_was_read(tmp_path: Path) -> None:
    path = tmp_path / "d.parquet"
    pq.write_table(pa.table({"text": ["some text"] * 5000}), path)
    size, tally = path.stat().st_size, Tally()
    first = next(documents.read(str(path), "parquet", "id", tally))
    assert tally.bytes_in == size * first.documents.num_rows // 5000


def test_the_run_goes_on_with_the_other_files(tmp_path: Path) -> None:
    given = tmp_path / "given"
    given.mkdir()
    (given / "a.jsonl").write_bytes(lines(3))
    (given / "b.jsonl").write_bytes(b"")
    (given / "c.parquet").write_bytes(b"no Parquet")
    parquet(given / "d.parquet", body=["a"])
    parquet(given / "e.parquet", text=["a", "b"], at=pa.array([1, 2], pa.timestamp("ns")))
    done = sluice("extract", "--input", given, "--out", tmp_path / "out", check=False)
    assert done.returncode == 3, done.stderr
    found = stats(tmp_path / "out")
    assert found["failed"] == {"damaged_file": 1, "empty_file": 1, "no_text_column": 1}
    assert (found["records"], found["responses"], found["given_up"]) == (8, 5, [])


def test_estimate_measures_the_first_file_that_holds_something(tmp_path: Path) -> None:
    recipe = load("tiny", [])
    blank, empty, full = (tmp_path / name for name in ("a.jsonl", "b.jsonl", "c.jsonl"))
    blank.write_bytes(b"\n\n")
    empty.write_bytes(b"")
    with pytest.raises(UserError, match=r"a\.jsonl and 1 more: holds nothing to measure"):
        estimate(recipe, [str(blank), str(empty)], None, 10, 0.04)
    with pytest.raises(UserError, match=r"b\.jsonl: holds nothing to measure"):
        estimate(recipe, [str(empty)], None, 10, 0.04)
    full.write_bytes(lines(5000))
    found = estimate(recipe, [str(blank), str(empty), str(full)], None, 10, 0.04)
    assert found["sample_pages"] == 1024
    assert found["pages"] == pytest.approx(5000, rel=0.05)
