"""Signatures equal datasketch's and datatrove's; band keys and sets of shingles are those of the definition."""

from __future__ import annotations

import importlib
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from datasketch import MinHash
from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupSignature
from datatrove.utils.hashing import HashConfig
from datatrove.utils.text import PUNCTUATION, simplify_text
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.text.punctuation import MARKS
from pipeline.dedup.datatrove_variant import simplified
from pipeline.dedup.minhash import band_keys, permutations
from pipeline.dedup.settings import DedupSettings, MinHashSettings
from pipeline.dedup.sign import shingle_sets, signature_of_hashes, signatures, signed
from tests.conftest import missing
from tests.pipeline.real_texts import real_texts

FINEWEB = MinHashSettings()
SHAPES = st.sampled_from([(14, 8), (1, 1), (20, 13), (3, 5)])
HASHES = st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=50)


def datasketch_signature(hashes: list[int], scheme: str, count: int, seed: int) -> np.ndarray[Any, Any]:
    theirs = MinHash(num_perm=count, seed=seed, scheme=scheme, hashfunc=lambda value: value)
    theirs.update_batch(hashes)
    return theirs.hashvalues


@pytest.mark.parametrize("variant", ["affine32", "legacy"])
@settings(max_examples=80, deadline=None)
@given(hashes=HASHES, shape=SHAPES, seed=st.integers(0, 2**32 - 1))
def test_signatures_equal_datasketch(
    variant: Any, hashes: list[int], shape: tuple[int, int], seed: int
) -> None:
    chosen = MinHashSettings(bands=shape[0], rows=shape[1], seed=seed, variant=variant)
    ours = signature_of_hashes(np.array(hashes, np.uint64), chosen)
    theirs = datasketch_signature(hashes, variant, shape[0] * shape[1], seed)
    assert ours.dtype == theirs.dtype
    assert ours.tolist() == theirs.tolist()


@pytest.mark.parametrize("variant", ["affine32", "legacy"])
@pytest.mark.parametrize("count", [1, 112, 260, 1395])
@pytest.mark.parametrize("seed", [0, 1, 42, 2**32 - 1])
def test_permutations_are_datasketchs(variant: str, count: int, seed: int) -> None:
    ours = permutations(count, seed, variant)
    theirs = MinHash(num_perm=count, seed=seed, scheme=variant).permutations
    assert (np.array(ours) == theirs).all()


@pytest.mark.parametrize("variant", ["affine32", "legacy"])
def test_signatures_of_texts_equal_datasketchs_of_their_shingles(variant: Any, data_dir: Path) -> None:
    chosen = MinHashSettings(variant=variant)
    texts = pa.array(real_texts(data_dir, 40, 30))
    hashes, offsets = shingle_sets(texts, chosen)
    ours = signatures(texts, chosen)
    assert len(ours) > 80
    for number, row in enumerate(ours):
        part = hashes[offsets[number] : offsets[number + 1]].tolist()
        assert row.tolist() == datasketch_signature(part, variant, 112, 1).tolist()


@settings(max_examples=60, deadline=None)
@given(
    hashes=st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=50),
    shape=SHAPES,
    seed=st.integers(0, 99),
)
def test_datatroves_permutations(hashes: list[int], shape: tuple[int, int], seed: int) -> None:
    theirs = datatrove_step("sha1", num_buckets=shape[0], hashes_per_bucket=shape[1], seed=seed)
    chosen = MinHashSettings(bands=shape[0], rows=shape[1], seed=seed, variant="datatrove")
    values = np.array(hashes, np.uint64)
    expected = theirs.get_signature(values.reshape(-1, 1))
    assert signature_of_hashes(values, chosen).tolist() == [value for band in expected for value in band]


def datatrove_step(hash_name: Any, **config: int) -> MinhashDedupSignature:
    return MinhashDedupSignature(
        "/nowhere", MinhashConfig(hash_config=HashConfig(hash_fc=hash_name), **config)
    )


def test_texts_are_simplified_as_datatrove_does(data_dir: Path) -> None:
    every = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    pieces = [f"a{character}  1{character}2{character}" for character in every]
    texts = ["\n".join(pieces[at : at + 100]) for at in range(0, len(pieces), 100)]
    texts += ["1,5 1.5.5 ٣٫٤ ½", " ΟΔΟΣ. ΣΑΣ İ", "\u1b44\u302e x \u0301 y", "", " \u0301 "]
    for text in texts + real_texts(data_dir, 12, 8):
        assert simplified(text) == simplify_text(text)
    assert set(PUNCTUATION) == MARKS


def test_signatures_equal_datatroves(data_dir: Path) -> None:
    try:
        xxhash = importlib.import_module("xxhash")
        xxhash.xxh64_intdigest("")  # datatrove gives it text, which 4.0 and later refuse
    except (ImportError, TypeError):
        missing("datatrove's default hash needs xxhash, older than 4.0")
    texts = [*real_texts(data_dir, 40, 25), "", "one two three four", "I don't know: it's 5km.", "... !"]
    theirs = datatrove_step("xxhash")
    rows = signatures(pa.array(texts), MinHashSettings(variant="datatrove"))
    compared = 0
    for text, row in zip(texts, rows.tolist(), strict=True):
        shingles = theirs.get_shingles(text)
        if shingles.size:
            assert row == [value for band in theirs.get_signature(shingles) for value in band]
            compared += 1
        else:
            assert set(row) == {2**64 - 1}
    assert compared > 80
    found = signed(pa.array(texts), DedupSettings(minhash=MinHashSettings(variant="datatrove")))
    assert found.has_shingles.sum() == compared


@pytest.mark.parametrize("variant", ["affine32", "legacy", "datatrove"])
def test_signed_puts_the_parts_together(variant: Any) -> None:
    chosen = MinHashSettings(variant=variant, ngram=3)
    texts = pa.array(["one two three four", "ONE, two: three four", "three four five", "?!", None, ""])
    found = signed(texts, DedupSettings(minhash=chosen))
    rows = signatures(texts, chosen)
    assert found.text_hashes.shape == (6, 2)
    assert found.band_keys.tolist() == band_keys(rows, chosen).tolist()
    assert found.has_shingles.tolist() == [True, True, True, False, False, False]
    assert (found.text_hashes[0] == found.text_hashes[1]).all()
    assert (found.text_hashes[4] == found.text_hashes[5]).all()
    assert len(np.unique(found.text_hashes, axis=0)) == 4
    none = signed(texts, DedupSettings(minhash=None))
    assert (none.text_hashes == found.text_hashes).all()
    assert none.band_keys.shape == (6, 0)
    assert not none.has_shingles.any()
    empty = signed(texts.slice(0, 0), DedupSettings(minhash=chosen))
    assert empty.text_hashes.shape == (0, 2)
    assert empty.band_keys.shape == (0, 14)


@pytest.mark.parametrize("unit", ["words", "characters"])
def test_a_signature_depends_on_the_set_of_ngrams_alone(unit: Any) -> None:
    words = [f"w{chr(97 + n)}" for n in range(12)]
    text = " ".join(words)
    again = " ".join(words + words)  # all of its n-grams but those across the seam repeat
    thrice = " ".join(words + words + words)
    chosen = MinHashSettings(unit=unit)
    rows = signatures(pa.array([text, text.upper(), again, thrice]), chosen)
    assert (rows[0] == rows[1]).all()
    assert not (rows[0] == rows[2]).all()
    assert (rows[2] == rows[3]).all()


@pytest.mark.parametrize("variant", ["affine32", "datatrove"])
def test_sets_of_shingles_give_the_true_similarity(variant: Any, data_dir: Path) -> None:
    chosen = MinHashSettings(variant=variant, longest=50)
    texts = real_texts(data_dir, 100, 100)
    halves = [text[: len(text) // 2] for text in texts]
    hashes, offsets = shingle_sets(pa.array(texts + halves + [""]), chosen)
    assert offsets[-1] == len(hashes)
    assert offsets[-2] == offsets[-1]
    sets = [hashes[start:end] for start, end in pairwise(offsets)]
    for part in sets:
        assert (np.diff(part.astype(np.int64)) > 0).all()
        assert len(part) <= 50
    if variant == "affine32":
        for text, part in zip(texts + halves, sets, strict=False):
            words = simplified_words(text)
            assert len(part) == len({tuple(words[at : at + 5]) for at in range(len(words) - 4)[:50]} or {()})


def simplified_words(text: str) -> list[str]:
    from pipeline.dedup.normal import normal_form

    return str(normal_form(pa.array([text]))[0].as_py()).split()


def test_bands_meet_exactly_when_their_rows_do() -> None:
    draw = np.random.default_rng(1)
    rows = draw.integers(0, 2, (200, 112), dtype=np.uint32)
    keys = band_keys(rows, FINEWEB)
    assert keys.shape == (200, 14)
    for band in range(14):
        part = rows[:, band * 8 : band * 8 + 8]
        same = (part[:, None] == part[None]).all(axis=2)
        assert ((keys[:, None, band] == keys[None, :, band]) == same).all()
    assert not set(keys[:, 0].tolist()) & set(keys[:, 1].tolist())


@pytest.mark.parametrize("variant", ["affine32", "legacy", "datatrove"])
def test_arrays_that_cannot_be_written_are_taken(variant: Any) -> None:
    chosen = MinHashSettings(variant=variant)
    hashes = np.arange(9, dtype=np.uint32 if variant == "affine32" else np.uint64)
    row = signature_of_hashes(hashes, chosen)
    keys = band_keys(row[None], chosen)
    hashes.flags.writeable = row.flags.writeable = False
    assert signature_of_hashes(hashes, chosen).tolist() == row.tolist()
    assert band_keys(row[None], chosen).tolist() == keys.tolist()
