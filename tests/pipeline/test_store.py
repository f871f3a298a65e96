"""The ground floor: publish once, replace whole, digests, retries, on a disk and on an object store's interface."""

from __future__ import annotations

import errno
import os
import uuid
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pytest

from pipeline.store import CommitError, Folder, canonical, fingerprint, open_folder, sha256_file
from pipeline.store.parquet import ROW_GROUP, TableWriter, iterate, read_table
from pipeline.store.retry import ATTEMPTS, retried


@pytest.fixture(params=["disk", "object store"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Folder:
    return open_folder(tmp_path / "run" if request.param == "disk" else f"memory://{uuid.uuid4().hex}")


def test_first_creator_wins(folder: Folder) -> None:
    assert folder.create("ledger/a.json", b"one")
    assert not folder.create("ledger/a.json", b"two")
    assert folder.read("ledger/a.json") == b"one"
    folder.replace("ledger/a.json", b"three")
    assert folder.read("ledger/a.json") == b"three"
    assert folder.names("ledger") == ["a.json"]
    assert folder.names("nothing") == []
    assert folder.size("ledger/a.json") == 5
    folder.remove("ledger/a.json")
    folder.remove("ledger/a.json")
    assert not folder.exists("ledger/a.json")


def test_put_moves_a_finished_file(folder: Folder) -> None:
    scratch = folder.scratch()
    (scratch / "x").write_bytes(b"content")
    folder.put(scratch / "x", "public/x")
    assert not (scratch / "x").exists()
    assert folder.local("public/x", scratch).read_bytes() == b"content"
    with folder.open("public/x") as file:
        file.seek(3)
        assert file.read() == b"tent"


def test_one_winner_among_many(tmp_path: Path) -> None:
    folder = open_folder(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda index: folder.create("one", str(index).encode()), range(40)))
    assert sum(won) == 1
    assert folder.read("one") == str(won.index(True)).encode()
    assert [path.name for path in (tmp_path / "_tmp").iterdir()] == []


def test_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "no hard links here")

    monkeypatch.setattr(os, "link", refuse)
    folder = open_folder(tmp_path)
    assert folder.create("one", b"1")
    assert not folder.create("one", b"2")
    assert folder.read("one") == b"1"


def test_no_space_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    folder = open_folder(tmp_path)
    (tmp_path / "file").write_bytes(b"x")
    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(CommitError, match=f"no space left in {tmp_path}"):
        folder.put(tmp_path / "file", "public/file")
    assert folder.names("public") == []


def test_fingerprint_ignores_order_and_nothing_else() -> None:
    assert fingerprint({"a": 1, "b": [1, 2]}) == fingerprint({"b": [1, 2], "a": 1})
    assert (
        len({fingerprint(value) for value in ({"a": 1}, {"a": 1.0}, {"a": "1"}, {"a": [1]}, {"b": 1}, {})})
        == 6
    )
    assert canonical({"b": 1, "a": None}) == b'{"a":null,"b":1}'


def test_retries_are_bounded() -> None:
    calls: list[int] = []
    pauses: list[float] = []

    def flaky() -> str:
        calls.append(1)
        if len(calls) < 3:
            raise OSError(errno.ECONNRESET, "reset")
        return "fine"

    assert retried(flaky, pauses.append) == "fine"
    assert len(calls) == 3
    assert pauses == sorted(pauses)
    calls.clear()

    def broken() -> None:
        calls.append(1)
        raise OSError(errno.ECONNRESET, "reset")

    with pytest.raises(OSError, match="reset"):
        retried(broken, pauses.append)
    assert len(calls) == ATTEMPTS
    calls.clear()

    def missing() -> None:
        calls.append(1)
        raise FileNotFoundError

    with pytest.raises(FileNotFoundError):
        retried(missing, pauses.append)
    assert len(calls) == 1


def _write(path: Path, pieces: list[pa.Table]) -> bytes:
    writer = TableWriter(path, pieces[0].schema)
    for piece in pieces:
        writer.write(piece)
    writer.close()
    return path.read_bytes()


def test_parquet_bytes_do_not_depend_on_batches(tmp_path: Path) -> None:
    table = pa.table(
        {"n": list(range(3 * ROW_GROUP + 7)), "s": [f"row {n}" for n in range(3 * ROW_GROUP + 7)]}
    )
    whole = _write(tmp_path / "a.parquet", [table])
    cuts = [0, 1, 500, ROW_GROUP, 2 * ROW_GROUP + 3, table.num_rows]
    parts = [table.slice(a, b - a) for a, b in pairwise(cuts)]
    assert _write(tmp_path / "b.parquet", parts) == whole
    assert sha256_file(tmp_path / "a.parquet") == sha256_file(tmp_path / "b.parquet")
    folder = open_folder(tmp_path)
    assert read_table(folder, "a.parquet") == table
    assert pa.concat_tables(iterate(folder, "a.parquet", ["n"], 100))["n"].to_pylist() == list(
        range(table.num_rows)
    )


def test_a_flipped_bit_is_an_error(tmp_path: Path) -> None:
    content = bytearray(
        _write(tmp_path / "a.parquet", [pa.table({"s": [os.urandom(40).hex() for _ in range(200)]})])
    )
    content[300] ^= 1
    (tmp_path / "a.parquet").write_bytes(bytes(content))
    with pytest.raises((OSError, pa.ArrowException)):
        read_table(open_folder(tmp_path), "a.parquet")
