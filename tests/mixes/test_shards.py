"""The bytes of a token shard are what its specification says."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mixes.errors import ShardError
from mixes.shards import open_tokens, read_documents, token_dtype, write_shard

VOCAB, EOS = 300, 0  # as in conftest.py
Pairs = list[tuple[Path, Path]]
Documents = Callable[[int, int], tuple[pa.Table, list[np.ndarray]]]


def test_any_numpy_and_parquet_reader_can_read_it(pairs: Pairs, documents: Documents) -> None:
    npy, parquet = pairs[0]
    array = np.load(npy, mmap_mode="r", allow_pickle=False)
    rows = pq.read_table(parquet, page_checksum_verification=True).to_pylist()
    table, tokens = documents(0, 60)
    given = {row["id"]: (row, ids) for row, ids in zip(table.to_pylist(), tokens, strict=True)}
    assert array.dtype.str == "<u2"
    assert [row["split"] for row in rows] == ["train"] * 48 + ["heldout"] * 12
    assert rows == sorted(
        rows, key=lambda r: (r["split"] == "heldout", r["domain"], int(r["id"].split("@")[1]))
    )
    position = 0
    for row in rows:
        source, ids = given[row["id"]]
        assert array[row["offset"] : row["offset"] + row["length"]].tolist() == [*ids.tolist(), EOS]
        assert (row["domain"], row["bytes"], row["quality"]) == (
            source["domain"],
            source["bytes"],
            source["quality"],
        )
        assert row["offset"] == position
        position += row["length"]
    assert position == array.size


def test_the_same_documents_give_the_same_bytes(tmp_path: Path, pairs: Pairs, documents: Documents) -> None:
    table, tokens = documents(0, 60)
    again = write_shard(tmp_path / "again" / "one", table, tokens, vocab_size=VOCAB, eos=EOS)
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in pairs[0]]


def test_large_vocabularies_take_four_bytes(tmp_path: Path, documents: Documents) -> None:
    assert token_dtype(65_536) == np.dtype("<u2")
    table, _ = documents(0, 1)
    npy, _ = write_shard(tmp_path / "big", table, [np.array([70_000])], vocab_size=70_001, eos=1)
    assert np.load(npy).dtype.str == "<u4"
    assert np.load(npy).tolist() == [70_000, 1]


def test_an_empty_shard_is_a_shard(tmp_path: Path, documents: Documents) -> None:
    table, _ = documents(0, 0)
    types = pa.schema(
        [("id", pa.string()), ("domain", pa.string()), ("split", pa.string()), ("bytes", pa.int64())]
    )
    npy, parquet = write_shard(
        tmp_path / "none", table.select(types.names).cast(types), [], vocab_size=VOCAB, eos=EOS
    )
    assert open_tokens(npy, VOCAB).size == 0
    assert read_documents(parquet, VOCAB, EOS).num_rows == 0


@pytest.mark.parametrize("token", [-1, VOCAB])
def test_a_token_outside_the_vocabulary_is_refused(tmp_path: Path, token: int, documents: Documents) -> None:
    table, _ = documents(0, 1)
    with pytest.raises(ShardError, match="doc@0 is outside the vocabulary of 300"):
        write_shard(tmp_path / "bad", table, [np.array([token])], vocab_size=VOCAB, eos=EOS)


def test_an_end_of_document_inside_a_document_is_refused(tmp_path: Path, documents: Documents) -> None:
    table, _ = documents(0, 1)
    with pytest.raises(ShardError, match="token 0 stands inside document doc@0"):
        write_shard(tmp_path / "bad", table, [np.array([5, EOS, 6])], vocab_size=VOCAB, eos=EOS)
    assert not (tmp_path / "bad.npy").exists()


@pytest.mark.parametrize("eos", [-1, VOCAB])
def test_an_end_of_document_outside_the_vocabulary_is_refused(
    tmp_path: Path, eos: int, documents: Documents
) -> None:
    table, tokens = documents(0, 1)
    with pytest.raises(ShardError, match=f"token {eos} is outside the vocabulary of 300"):
        write_shard(tmp_path / "bad", table, tokens, vocab_size=VOCAB, eos=eos)


def test_the_array_has_the_bytes_of_numpy(pairs: Pairs, tmp_path: Path) -> None:
    for number, (npy, _) in enumerate(pairs):
        again = tmp_path / f"{number}.npy"
        with open(again, "wb") as file:
            np.lib.format.write_array(file, np.load(npy), version=(1, 0), allow_pickle=False)
        assert npy.read_bytes() == again.read_bytes()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("length", [1, 1 << 20])
def test_a_full_disk_keeps_its_errno(tmp_path: Path, length: int, documents: Documents) -> None:
    table, _ = documents(0, 1)
    (tmp_path / "full.npy").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left") as caught:
        write_shard(tmp_path / "full", table, [np.ones(length)], vocab_size=VOCAB, eos=EOS)
    assert caught.value.errno == errno.ENOSPC


def test_an_unknown_split_is_refused(tmp_path: Path, documents: Documents) -> None:
    table, tokens = documents(0, 1)
    table = table.set_column(table.column_names.index("split"), "split", pa.array(["test"]))
    with pytest.raises(ShardError, match="'test'"):
        write_shard(tmp_path / "bad", table, tokens, vocab_size=VOCAB, eos=EOS)


def test_another_tokenizer_is_noticed(pairs: Pairs) -> None:
    with pytest.raises(ShardError, match="vocabulary of 300 and end token 0, expected 301 and 0"):
        read_documents(pairs[0][1], VOCAB + 1, EOS)


def test_a_truncated_array_is_noticed(pairs: Pairs) -> None:
    npy = pairs[0][0]
    for size in (0, 50, npy.stat().st_size - 1):
        npy.write_bytes(npy.read_bytes()[:size])
        with pytest.raises(ShardError, match=r"one\.npy"):
            open_tokens(npy, VOCAB)


def test_a_pickle_is_never_loaded(tmp_path: Path) -> None:
    np.save(tmp_path / "evil.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(ShardError, match=r"evil\.npy"):
        open_tokens(tmp_path / "evil.npy", VOCAB)


def test_every_flipped_bit_of_the_documents_is_noticed_or_harmless(pairs: Pairs) -> None:
    parquet = pairs[1][1]
    whole, wanted = parquet.read_bytes(), read_documents(parquet, VOCAB, EOS)
    noticed = 0
    for position in range(4, len(whole) - 8, 7):
        parquet.write_bytes(whole[:position] + bytes([whole[position] ^ 16]) + whole[position + 1 :])
        try:
            table = read_documents(parquet, VOCAB, EOS)
        except ShardError:
            noticed += 1
            continue
        assert table.to_pylist() == wanted.to_pylist()
    assert noticed > 20
