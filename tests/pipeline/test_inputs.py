"""From what a person types to an ordered list of files."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from pipeline.errors import UsageError
from pipeline.inputs import LARGE_RANGE, SMALL, SMALL_RANGE, find_inputs, kind_of, ranges


def test_order_and_kinds(tmp_path: Path) -> None:
    for name in ("b.warc.gz", "a.warc"):
        (tmp_path / name).write_bytes(name.encode())
    for patterns in (["b.warc.gz", "a.warc"], ["a.warc", "b.warc.gz"], ["*.warc*"], ["."]):
        files = find_inputs([str(tmp_path / pattern) for pattern in patterns])
        assert [file.name for file in files] == ["a.warc", "b.warc.gz"]
    assert kind_of("x/y.JSONL.zst") == "jsonl"
    assert kind_of("s3://b/y.parquet") == "parquet"
    assert kind_of("odd.bin") == "warc"


def test_the_digest_is_of_the_content(tmp_path: Path) -> None:
    (tmp_path / "a.warc").write_bytes(b"1")
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "a.warc").write_bytes(b"1")
    first, second = (find_inputs([str(tmp_path / name)])[0] for name in ("a.warc", "x/a.warc"))
    assert first.digest == second.digest
    (tmp_path / "a.warc").write_bytes(b"2")
    assert find_inputs([str(tmp_path / "a.warc")])[0].digest != first.digest


def test_refusals(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    for name in ("a.warc", "x/a.warc", "d.jsonl"):
        (tmp_path / name).write_bytes(b"{}")
    with pytest.raises(UsageError, match=r"two inputs are called a\.warc"):
        find_inputs([str(tmp_path / "a.warc"), str(tmp_path / "x" / "a.warc")])
    with pytest.raises(UsageError, match="not both"):
        find_inputs([str(tmp_path / "a.warc"), str(tmp_path / "d.jsonl")])
    with pytest.raises(UsageError, match="no such file"):
        find_inputs([str(tmp_path / "nowhere.warc.gz")])
    with pytest.raises(UsageError, match="nothing matches"):
        find_inputs([str(tmp_path / "*.zip")])
    with pytest.raises(UsageError, match="no input"):
        find_inputs([])
    missing = find_inputs([str(tmp_path / "a.warc"), str(tmp_path / "gone.warc")])[1]
    assert (missing.size, missing.digest) == (-1, "missing")


@pytest.mark.parametrize("size", [1, SMALL_RANGE, SMALL_RANGE + 1, SMALL - 1, SMALL, 5 * LARGE_RANGE + 3])
def test_ranges_cover_a_file_once(size: int) -> None:
    found = ranges(size)
    assert found[0][0] == 0
    assert found[-1][1] == size
    assert all(a[1] == b[0] for a, b in pairwise(found))
    step = SMALL_RANGE if size < SMALL else LARGE_RANGE
    assert all(end - start <= step for start, end in found)
    assert ranges(0) == [(0, 0)]
