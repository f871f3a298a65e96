"""The stored sample of judged documents: which ones it holds, what of them, and that it lives as other files do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from pipeline.signal_sample import FOLDER, SAMPLED, is_sampled, sample_of
from pipeline.store import open_folder
from pipeline.store.parquet import read_table
from tests.pipeline.conftest import rows, sets, sluice, stats
from tests.pipeline.test_retune import assert_same

pytestmark = pytest.mark.xdist_group("signal_sample")

FILTERS = sets(
    ["filters=[{ccnet: {min_characters: 60}}, gopher_quality]", "filters.gopher_quality.min_words=20"]
)
BODY = "The ferry {} leaves at noon and comes back with the mail. "


def published_hash(text: str) -> int:
    """FNV-1a of 64 bits, then the last step of SplitMix64, by the books."""
    value, mask = 0xCBF29CE484222325, (1 << 64) - 1
    for byte in text.encode():
        value = ((value ^ byte) * 0x100000001B3) & mask
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & mask
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & mask
    return value ^ (value >> 31)


def test_membership_is_by_the_hash_of_the_id_alone() -> None:
    ids = [f"file.warc.gz@{number}" for number in range(20_000)] + ["", "ä"]
    found = is_sampled(ids)
    assert found.tolist() == [published_hash(f"signals {id_}") < 2**64 // SAMPLED for id_ in ids]
    assert abs(found.sum() / len(ids) * SAMPLED - 1) < 0.2
    assert is_sampled(ids[::-1]).tolist() == found[::-1].tolist()
    assert is_sampled([]).tolist() == []


def test_the_sample_has_reasons_of_what_was_dropped_alone() -> None:
    ids = [str(number) for number in range(2000)]
    keep = [number % 3 > 0 for number in range(2000)]
    judged = pa.table(
        {
            "id": ids,
            "words": list(range(2000)),
            "reason": [None if one else "c4.short" for one in keep],
            "reasons": pa.array([[] if one else ["c4.short"] for one in keep], pa.list_(pa.string())),
        }
    )
    found = sample_of(judged, pa.array(keep)).to_pylist()
    assert [row["id"] for row in found] == [id_ for id_, one in zip(ids, is_sampled(ids), strict=True) if one]
    assert {row["kept"] for row in found} == {True, False}
    for row in found:
        assert row["kept"] == keep[int(row["id"])]
        assert (row["reason"], row["reasons"]) == (
            (None, None) if row["kept"] else ("c4.short", ["c4.short"])
        )
    assert sample_of(judged.slice(0, 0), pa.array([], pa.bool_())).num_rows == 0


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two thousand documents of all lengths in one file, and one whose few are not in the sample."""
    folder = tmp_path_factory.mktemp("texts")
    many = [{"id": f"m{at}", "text": BODY.format(at) * (at % 9)} for at in range(2000)]
    few = [{"id": f"f{at}", "text": BODY.format(at) * 9} for at in range(5)]
    files = []
    for name, found in (("many", many), ("none", few)):
        files.append(folder / f"{name}.jsonl")
        files[-1].write_text("".join(json.dumps(row) + "\n" for row in found))
    assert not is_sampled([str(row["id"]) for row in few]).any()
    return files


@pytest.fixture(scope="module")
def run(texts: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return filtered(texts, tmp_path_factory.mktemp("filtered") / "run")


def filtered(texts: list[Path], out: Path, *words: str) -> Path:
    inputs = [word for path in texts for word in ("--input", path)]
    sluice("filter", "tiny", *inputs, "--out", out, *FILTERS, *words)
    return out


def test_what_filter_publishes(run: Path) -> None:
    kept, dropped, sample = (rows(run, under) for under in ("documents", "dropped", FOLDER))
    everything: dict[str, Any] = {**kept, **dropped}
    expected = [f"m{at}" for at in range(2000) if is_sampled([f"m{at}"])[0]]
    assert list(sample) == expected
    assert 5 < sum(row["kept"] for row in sample.values()) < len(sample) - 5
    folder = open_folder(run)
    (name,) = folder.names(FOLDER)  # none of the shard that has no sampled document
    of_dropped = read_table(folder, f"dropped/{folder.names('dropped')[0]}").schema.remove_metadata()
    assert read_table(folder, f"{FOLDER}/{name}").schema.remove_metadata() == of_dropped.append(
        pa.field("kept", pa.bool_())
    )
    for id_, row in sample.items():
        whole = {"reason": None, "reasons": None, "screened": None} | everything[id_]
        assert row == {column: whole[column] for column in of_dropped.names} | {"kept": id_ in kept}


def test_damage_is_found_and_repaired(texts: list[Path], tmp_path: Path) -> None:
    run = filtered(texts, tmp_path / "run")
    before = stats(run)["digest"]
    (file,) = (run / FOLDER).iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert sluice("verify", run, check=False).returncode == 1
    sluice("repair", run)
    assert file.read_bytes() == whole
    (run / FOLDER / "stray.parquet").write_bytes(b"x")
    sluice("gc", run)
    assert [one.name for one in (run / FOLDER).iterdir()] == [file.name]
    assert stats(run)["digest"] == before
    # Filtered anew with other thresholds, the folder holds the new sample alone.
    filtered(texts, run, "--set", "filters.ccnet.min_characters=100")
    (other,) = (run / FOLDER).iterdir()
    assert other.name != file.name
    assert json.loads(sluice("verify", run, "--json").stdout)["ok"]


def test_a_retune_gives_the_same_sample(run: Path, texts: list[Path], tmp_path: Path) -> None:
    change = ["--set", "filters.ccnet.min_characters=200"]
    sluice("retune", run, "--out", tmp_path / "new", *change)
    fresh = filtered(texts, tmp_path / "fresh", *change)
    assert_same(tmp_path / "new", fresh)
    now, before = rows(fresh, FOLDER), rows(run, FOLDER)
    assert list(now) == list(before)
    assert sum(row["kept"] for row in now.values()) < sum(row["kept"] for row in before.values())
