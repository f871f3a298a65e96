"""A token set is one stream a split and domain, over all its shards."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mixes.errors import ShardError
from mixes.shards import write_shard
from mixes.tokens import TokenSet

VOCAB, EOS = 300, 0  # as in conftest.py
Pairs = list[tuple[Path, Path]]
Stream = Callable[[str, str], list[int]]
Documents = Callable[[int, int], tuple[pa.Table, list[np.ndarray]]]


@pytest.fixture
def stream(documents: Documents) -> Stream:
    """The tokens of a domain and split, straight from the documents."""

    def tokens_of(domain: str, split: str) -> list[int]:
        ids: list[int] = []
        for first, count in ((0, 60), (60, 1), (61, 40)):
            table, tokens = documents(first, count)
            for row, document in zip(table.to_pylist(), tokens, strict=True):
                if (row["domain"], row["split"]) == (domain, split):
                    ids += [*document.tolist(), EOS]
        return ids

    return tokens_of


def test_supply_counts_every_token_once(pairs: Pairs, stream: Stream) -> None:
    opened = TokenSet.open(pairs, VOCAB, EOS)
    for split in ("train", "heldout"):
        assert opened.supply(split) == {domain: len(stream(domain, split)) for domain in "abc"}
    sizes = sum(np.load(npy).size for npy, _ in pairs)
    assert sum(opened.supply("train").values()) + sum(opened.supply("heldout").values()) == sizes
    counts = opened.counts("heldout")
    assert sum(row["documents"] for row in counts.values()) == 21
    assert all(row["bytes"] == 3 * (row["tokens"] - row["documents"]) for row in counts.values())


@given(start=st.integers(0, 400), length=st.integers(0, 400), domain=st.sampled_from("abc"))
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_reading_crosses_shards(pairs: Pairs, start: int, length: int, domain: str, stream: Stream) -> None:
    opened = TokenSet.open(pairs, VOCAB, EOS)
    expected = stream(domain, "train")
    if start + length > len(expected):
        with pytest.raises(IndexError):
            opened.read(domain, start, length)
    else:
        assert opened.read(domain, start, length).tolist() == expected[start : start + length]


def test_heldout_documents_are_whole_and_in_order(pairs: Pairs, stream: Stream) -> None:
    opened = TokenSet.open(pairs, VOCAB, EOS)
    found = list(opened.heldout())
    assert sorted(int(one.id.split("@")[1]) for one in found) == list(range(0, 101, 5))
    for domain in "abc":
        joined = [
            token for one in found if one.domain == domain for token in opened.document_tokens(one).tolist()
        ]
        assert joined == stream(domain, "heldout")


def test_only_some_arrays_stay_mapped(pairs: Pairs, monkeypatch: pytest.MonkeyPatch, stream: Stream) -> None:
    monkeypatch.setattr("mixes.tokens.OPEN_ARRAYS", 1)
    opened = TokenSet.open(pairs, VOCAB, EOS)
    whole = opened.supply()["a"]
    assert opened.read("a", 0, whole).tolist() == stream("a", "train")
    assert len(opened._mapped) == 1


def test_the_digest_knows_content_and_order(
    pairs: Pairs, write: Callable[[str, int, int], tuple[Path, Path]]
) -> None:
    digest = TokenSet.open(pairs, VOCAB, EOS).digest
    assert TokenSet.open(pairs, VOCAB, EOS).digest == digest
    assert TokenSet.open(pairs[::-1], VOCAB, EOS).digest != digest
    assert TokenSet.open([*pairs[:2], write("other", 61, 39)], VOCAB, EOS).digest != digest


def test_mismatched_files_are_refused(pairs: Pairs) -> None:
    with pytest.raises(ShardError, match="its documents have"):
        TokenSet.open([(pairs[0][0], pairs[2][1])], VOCAB, EOS)
    with pytest.raises(ShardError, match="outside the vocabulary"):
        TokenSet.open(pairs, VOCAB, VOCAB)


def test_verify_finds_every_flipped_token(pairs: Pairs) -> None:
    TokenSet.open(pairs, VOCAB, EOS).verify()
    npy = pairs[2][0]
    whole = npy.read_bytes()
    for position in range(128, len(whole), 37):
        npy.write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
        with pytest.raises(ShardError, match=r"three\.npy"):
            TokenSet.open(pairs, VOCAB, EOS).verify()


def test_a_token_outside_the_vocabulary_is_never_delivered(pairs: Pairs) -> None:
    npy = pairs[0][0]
    whole = npy.read_bytes()
    npy.write_bytes(whole[:128] + b"\xff\xff" + whole[130:])
    with pytest.raises(ShardError, match="outside the vocabulary of 300"):
        TokenSet.open(pairs, VOCAB, EOS).read("a", 0, 5)


def test_the_end_token_inside_a_document_is_found(tmp_path: Path, documents: Documents) -> None:
    table, _ = documents(1, 1)
    pair = write_shard(tmp_path / "odd", table, [np.array([5, 7, 6])], vocab_size=VOCAB, eos=EOS)
    # As another program might write it, with the digest of what it wrote.
    np.save(pair[0], np.array([5, EOS, 6, EOS], dtype="<u2"))
    rows = pq.read_table(pair[1])
    sha = hashlib.sha256(pair[0].read_bytes()).hexdigest().encode()
    pq.write_table(
        rows.replace_schema_metadata({**rows.schema.metadata, b"sluice.tokens_sha256": sha}), pair[1]
    )
    with pytest.raises(ShardError, match="does not end every document"):
        TokenSet.open([pair], VOCAB, EOS).verify()
