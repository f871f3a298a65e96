"""The same over S3's protocol: `--base s3://commoncrawl/`, an index and ranks that lie there."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipeline.errors import UsageError
from pipeline.fetch.display import Display
from pipeline.fetch.download import Tools, download
from pipeline.fetch.patience import Gate, Patience
from pipeline.fetch.place import State, note, open_place
from pipeline.fetch.source import Gone, PastEnd, Trouble
from pipeline.fetch.store_source import StoreSource
from tests.pipeline.conftest import sluice
from tests.pipeline.mirror import CRAWL, FILES, layout, warc, warc_path
from tests.pipeline.s3_server import s3_server
from tests.pipeline.test_fetch import NAME, PATH, listing
from tests.pipeline.test_fetch_index import table
from tests.pipeline.test_fetch_records import ALL, line
from tests.pipeline.test_fetch_records import FILES as WARCS

pytestmark = pytest.mark.xdist_group("s3")

BASE = "s3://commoncrawl/"
QUICK = ["--base", BASE, "--backoff", "0.001", "--requests", "1000"]


@pytest.fixture(scope="module", autouse=True)
def store() -> Iterator[None]:
    with s3_server("commoncrawl"):
        for path, data in {**layout(), **WARCS}.items():
            put(path, data)
        yield


def put(path: str, data: bytes) -> None:
    import s3fs

    s3fs.S3FileSystem().pipe_file(f"commoncrawl/{path}", data)


def test_files_of_a_snapshot(tmp_path: Path) -> None:
    words = ["fetch", CRAWL, "--files", "24", "--out", tmp_path, *QUICK, "--json"]
    told = json.loads(sluice(*words).stdout)
    assert told["fetched"] == FILES
    for number in range(FILES):
        assert (tmp_path / warc_path(number).rpartition("/")[2]).read_bytes() == warc(number)
    assert json.loads(sluice(*words).stdout)["had"] == FILES


def test_a_part_is_resumed_only_as_the_same_version(tmp_path: Path) -> None:
    gate = Gate()
    source = StoreSource(BASE, gate)
    shared = Tools(source=source, gate=gate, patience=Patience(tries=1), display=Display(io.StringIO()))
    with source.open(PATH) as answer:
        mark = answer.mark
    altered = bytes(1000)  # tells whether the part was kept: only the last member is checked
    for kept, expected in ((mark, altered + warc(0)[1000:]), ('"another"', warc(0))):
        place = open_place(tmp_path / str(kept == mark), NAME)
        place.part.write_bytes(altered)
        note(place, State(url=source.url(PATH), mark=kept, size=len(warc(0))))
        found = download(PATH, place, shared)
        assert found is not None
        assert found.state == "fetched"
        assert place.final.read_bytes() == expected


def test_ranges_and_what_is_not_there() -> None:
    source = StoreSource(BASE, Gate())
    with source.open(PATH, start=10, stop=20) as answer:
        assert (answer.start, b"".join(answer.blocks)) == (10, warc(0)[10:20])
    with source.open(PATH, start=10, stop=10**9) as answer:
        assert b"".join(answer.blocks) == warc(0)[10:]
    with pytest.raises(PastEnd), source.open(PATH, start=10**6, stop=10**6 + 1):
        pass
    for path in ("nothing", "crawl-data"):
        with pytest.raises(Gone), source.open(path):
            pass


def test_a_file_that_changes_while_it_is_read() -> None:
    source = StoreSource(BASE, Gate())
    put("changing.warc.gz", b"a" * 100)
    with pytest.raises(Trouble, match="changed"), source.open("changing.warc.gz") as answer:  # noqa: PT012
        put("changing.warc.gz", b"b" * 100)
        list(answer.blocks)


def test_records_chosen_through_an_index_there(tmp_path: Path) -> None:
    import s3fs

    bucket = s3fs.S3FileSystem()
    pq.write_table(table(ALL), tmp_path / "part.parquet")
    bucket.put_file(
        str(tmp_path / "part.parquet"), f"commoncrawl/cc-index/crawl={CRAWL}/subset=warc/part.parquet"
    )
    ranks = "#harmonicc_pos\t#harmonicc_val\t#pr_pos\t#pr_val\t#host_rev\n1\t2.0\t3\t0.5\tcom.example.host3\n"
    bucket.pipe_file("commoncrawl/ranks.txt", ranks.encode())
    words = ["fetch", "--where", "harmonicc_pos = 1", "--hosts", f"{BASE}ranks.txt", *QUICK]
    words += [
        "--index",
        f"{BASE}cc-index/crawl={CRAWL}/subset=warc/*.parquet",
        "--out",
        str(tmp_path / "where"),
    ]
    told = json.loads(sluice(*words, "--json").stdout)
    assert told["fetched"] + told["repeat"] == sum(number % 7 == 3 for number in range(len(ALL)))
    (tmp_path / "lines").write_text("\n".join(line(one) for number, one in enumerate(ALL) if number % 7 == 3))
    sluice("fetch", "--cdx", tmp_path / "lines", *QUICK, "--out", tmp_path / "cdx")
    assert listing(tmp_path / "cdx") == listing(tmp_path / "where")


def test_errors_name_the_place(tmp_path: Path) -> None:
    words = ["fetch", CRAWL, "--files", "1", "--out", tmp_path, "--tries", "1"]
    done = sluice(*words, "--base", "s3://nowhere/", check=False)
    assert done.returncode == 1
    assert f"s3://nowhere/crawl-data/{CRAWL}/warc.paths.gz: not there" in done.stderr
    unknown = dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "")
    done = sluice(
        *words,
        "--base",
        BASE,
        check=False,
        env={**unknown, "AWS_CONFIG_FILE": "/nowhere", "HOME": "/nowhere"},
    )
    assert done.returncode == 1
    assert "credentials" in done.stderr
    assert "Traceback" not in done.stderr
    with pytest.raises(UsageError, match="nosuch"):
        StoreSource("nosuch://x/", Gate())
