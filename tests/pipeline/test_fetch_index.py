"""Choosing pages by a condition over the columnar index, before anything is downloaded."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.errors import UsageError
from pipeline.fetch.cdx import Unread, Wanted
from pipeline.fetch.condition import check, one_line
from pipeline.fetch.index import Question, closed_database, select
from tests.pipeline.conftest import sluice
from tests.pipeline.mirror import CRAWL, Mirror, serving
from tests.pipeline.test_fetch import QUICK
from tests.pipeline.test_fetch_records import ALL, FILES

LANGUAGES = ("eng", "isl", "deu,eng", None)


def table(records: list[Wanted]) -> pa.Table:
    """The columns of cc-index-table that matter here, with its types."""
    count = range(len(records))
    hosts = [f"{'www.' if number % 2 else ''}host{number % 7}.example.com" for number in count]
    return pa.table(
        {
            "url_surtkey": [f"com,example)/{number}" for number in count],
            "url": [one.url for one in records],
            "url_host_name": hosts,
            "url_host_registered_domain": ["example.com" for _ in count],
            "fetch_time": pa.array([1708463455 + number for number in count], pa.timestamp("s")),
            "fetch_status": pa.array([200 if number % 3 else 404 for number in count], pa.int16()),
            "content_digest": [one.digest for one in records],
            "content_mime_type": ["text/html" for _ in count],
            "content_mime_detected": ["text/html" if number % 10 else "application/pdf" for number in count],
            "content_charset": ["UTF-8" for _ in count],
            "content_languages": [LANGUAGES[number % 4] for number in count],
            "warc_filename": [one.file for one in records],
            "warc_record_offset": pa.array([one.offset for one in records], pa.int32()),
            "warc_record_length": pa.array([one.length for one in records], pa.int32()),
            "warc_segment": ["1707947473347.0" for _ in count],
        }
    )


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three Parquet files in the layout of the index, and a ranks file."""
    folder = tmp_path_factory.mktemp("index")
    parts = folder / f"crawl={CRAWL}" / "subset=warc"
    parts.mkdir(parents=True)
    for number in range(3):
        pq.write_table(table(ALL).slice(number * 17, 17), parts / f"part-{number:05}.gz.parquet")
    lines = ["#harmonicc_pos\t#harmonicc_val\t#pr_pos\t#pr_val\t#host_rev"]
    lines += [
        f"{9 - number}\t{1e7 - number}\t{number}\t{1e-5 / (number + 1)}\tcom.example.host{number}"
        for number in range(5)
    ]
    lines += [f'{100 + number}\t1.0\t{number}\t1e-9\torg."quoted.h{number}' for number in range(200)]
    (folder / "ranks.txt.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    (folder / "domains.txt").write_text(
        "#harmonicc_pos\t#harmonicc_val\t#pr_pos\t#pr_val\t#host_rev\t#n_hosts\n1\t2.0\t3\t0.5\tcom.example\t7\n"
    )
    return folder


def chosen(index: Path, where: str, **more: Any) -> list[int]:
    """Which of ALL are selected, by number."""
    found = select(Question(where=where, index=(str(index),), **more))
    places = [(one.file, one.offset) for one in found if isinstance(one, Wanted)]
    return sorted(number for number, one in enumerate(ALL) if (one.file, one.offset) in places)


def test_conditions_on_every_kind_of_column(index: Path) -> None:
    everything = range(len(ALL))
    for where, expected in (
        ("true", list(everything)),
        ("fetch_status = 200", [n for n in everything if n % 3]),
        ("content_languages LIKE '%eng%'", [n for n in everything if n % 4 in (0, 2)]),
        ("content_languages IS NULL", [n for n in everything if n % 4 == 3]),
        (
            "content_mime_detected = 'application/pdf' AND fetch_status = 404",
            [n for n in everything if n % 30 == 0],
        ),
        (f"content_digest IN ('{ALL[4].digest}', '{ALL[44].digest}')", [4, 44]),
        (
            "regexp_matches(url_host_name, '^www\\.host[12]\\.')",
            [n for n in everything if n % 2 and n % 7 in (1, 2)],
        ),
        ("fetch_time >= TIMESTAMP '2024-02-20 21:11:30'", [n for n in everything if n >= 35]),
        ("list_contains(string_split(content_languages, ','), 'deu')", [n for n in everything if n % 4 == 2]),
        ("url_host_name = 'nothing' -- a remark", []),
        ("NULL", []),
    ):
        assert chosen(index, where) == expected, where


def test_records_come_as_an_index_names_them(index: Path) -> None:
    found = select(Question(where="fetch_status = 200", index=(str(index),)))
    assert found == sorted(
        (one for number, one in enumerate(ALL) if number % 3), key=lambda one: (one.file, one.offset)
    )


def test_a_limit_is_spread_and_grows_without_changing(index: Path) -> None:
    ten, twenty = chosen(index, "true", limit=10), chosen(index, "true", limit=20)
    assert len(ten) == 10
    assert set(ten) < set(twenty)
    assert ten != list(range(10))
    assert chosen(index, "true", limit=10) == ten
    assert chosen(index, "true", limit=10, seed=1) != ten


def test_one_crawl_alone(index: Path) -> None:
    assert chosen(index, "true", crawl=CRAWL) == list(range(len(ALL)))
    assert chosen(index, "true", crawl="CC-MAIN-2024-1") == []


def test_ranks_of_hosts(index: Path) -> None:
    ranks = str(index / "ranks.txt.gz")
    assert chosen(index, "harmonicc_pos <= 6", hosts=ranks) == [n for n in range(len(ALL)) if n % 7 in (3, 4)]
    assert chosen(index, "pr_pos < 1 AND pr_val > 1e-6", hosts=ranks) == [
        n for n in range(len(ALL)) if n % 7 == 0
    ]
    assert chosen(index, "harmonicc_pos IS NULL", hosts=ranks) == [n for n in range(len(ALL)) if n % 7 > 4]
    assert len(chosen(index, "harmonicc_pos = 1", hosts=str(index / "domains.txt"))) == len(ALL)


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("", "an expression such as"),
        ("fetch_status =", "syntax error"),
        ("fetch_status = 200; DROP TABLE x", "Only SELECT"),
        ("true; SELECT 2", "one expression, not 2"),
        ("true, true", "one expression, not 2"),
        ("true) UNION SELECT (true", "syntax error"),
        ("true FROM range(9)", "without FROM"),
        ("true WHERE false", "without WHERE"),
        ("true ORDER BY 1", "without FROM, ORDER BY"),
        ("true LIMIT 1", "LIMIT"),
        ("DISTINCT true", "without"),
        ("true AS x", "no name"),
        ("1 + 1", "not true or false"),
        ("url", "VARCHAR"),
        ("nosuch = 1", "nosuch"),
        ("nosuch(url)", "nosuch"),
        ("*", "`*`"),
        ("COLUMNS('url') = 'x'", "`*`"),
        ("$1", "a parameter"),
        ("url IN (SELECT url FROM pages)", "a subquery"),
        ("EXISTS (FROM read_text('/etc/passwd'))", "a subquery"),
        ("url = (SELECT content FROM read_text('/etc/passwd'))", "a subquery"),
        ("count(*) > 1", "same answer"),
        ("row_number() OVER () < 3", "a window function"),
        ("random() < 0.5", "same answer"),
        ("gen_random_uuid()::VARCHAR < '8'", "same answer"),
        ("now() > fetch_time", "same answer"),
        ("getenv('HOME') = 'x'", "getenv"),
        ("current_setting('threads') = 1", "same answer"),
        ("/* unclosed", "comment"),
        ("url = 'unclosed", "unterminated"),
        ("a\0b", "an expression such as"),
        ("(SELECT 1", "syntax error"),
        ("url::INTEGER = 5", "Could not convert"),
    ],
)
def test_what_is_no_condition(index: Path, where: str, said: str) -> None:
    with pytest.raises(UsageError) as error:
        chosen(index, where)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM read_csv('http://127.0.0.1:9/')",
        "COPY (SELECT 1) TO 'written.csv'",
        "ATTACH 'written.duckdb'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "RESET lock_configuration",
        "SELECT * FROM python_variable",
    ],
)
def test_the_database_opens_nothing_whatever_it_is_told(
    statement: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind the check of the condition stands a second wall."""
    monkeypatch.chdir(tmp_path)
    python_variable = pa.table({"x": [1]})
    assert python_variable.num_rows == 1
    with closed_database() as connection, pytest.raises(duckdb.Error):
        connection.execute(statement).fetchall()
    assert not list(tmp_path.iterdir())


def test_a_condition_is_put_in_parentheses() -> None:
    with closed_database() as connection:
        assert check("url = 'x' -- no end", connection) == "(url = 'x' -- no end\n)"
    assert one_line("Binder Error: no\n\nLINE 1: SELECT\n        ^") == "Binder Error: no"


def test_rows_that_name_no_record_are_told(tmp_path: Path) -> None:
    bad = [
        Wanted(file="../../etc/passwd", offset=1, length=2),
        Wanted(file="a.gz", offset=5, length=0),
        ALL[0],
    ]
    pq.write_table(table(bad), tmp_path / "bad.parquet")
    found = select(Question(where="true", index=(str(tmp_path / "bad.parquet"),)))
    assert sorted(type(one).__name__ for one in found) == ["Unread", "Unread", "Wanted"]
    assert any(isinstance(one, Unread) and "no path" in one.why for one in found)


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("/nowhere/*.parquet", "no such Parquet file"),
        ("text", "--index"),
        ("other", "not laid out as cc-index-table"),
    ],
)
def test_an_index_that_is_none(tmp_path: Path, where: str, said: str) -> None:
    (tmp_path / "text").write_text("no parquet")
    pq.write_table(pa.table({"x": [1]}), tmp_path / "other")
    path = where if where.startswith("/") else str(tmp_path / where)
    with pytest.raises(UsageError, match=said):
        select(Question(where="true", index=(path,)))


@pytest.mark.parametrize("text", ["", "no ranks\n1\n", "#harmonicc_pos\t#host_rev\n1\tcom.example\n"])
def test_ranks_that_are_none(index: Path, tmp_path: Path, text: str) -> None:
    (tmp_path / "ranks.txt").write_text(text)
    with pytest.raises(UsageError, match="--hosts"):
        chosen(index, "true", hosts=str(tmp_path / "ranks.txt"))
    with pytest.raises(UsageError, match="--hosts"):
        chosen(index, "true", hosts=str(tmp_path / "nowhere.txt"))


def test_ranks_that_break_off(index: Path, tmp_path: Path) -> None:
    data = (index / "ranks.txt.gz").read_bytes()
    (tmp_path / "ranks.txt.gz").write_bytes(data[: len(data) // 2])
    with pytest.raises(UsageError, match="--hosts"):
        chosen(index, "true", hosts=str(tmp_path / "ranks.txt.gz"))


# the command


@pytest.fixture
def server() -> Iterator[Mirror]:
    with serving() as running:
        running.files |= FILES
        yield running


def test_pages_are_chosen_then_fetched(server: Mirror, index: Path, tmp_path: Path) -> None:
    words = ["fetch", CRAWL, "--where", "content_languages = 'isl' AND harmonicc_pos < 9", "--index", index]
    words += ["--hosts", index / "ranks.txt.gz", "--base", server.base, *QUICK]
    expected = [n for n in range(len(ALL)) if n % 4 == 1 and n % 7 in (1, 2, 3, 4)]
    dry = json.loads(sluice(*words, "--dry-run", "--json").stdout)
    assert dry["wanted"] == len(expected)
    assert not server.asked
    told = json.loads(sluice(*words, "--out", tmp_path, "--json").stdout)
    assert told["fetched"] + told["repeat"] == len(expected)
    listed = [json.loads(line) for line in (tmp_path / told["listing"]).read_text().splitlines()]
    assert sorted(row["url"] for row in listed) == sorted(str(ALL[n].url) for n in expected)
    assert (
        len(sluice("records", *[tmp_path / name for name in told["warcs"]]).stdout.splitlines())
        == told["fetched"]
    )


def test_an_index_over_http_and_in_several_words(server: Mirror, index: Path) -> None:
    parts = sorted(index.rglob("*.parquet"))
    for part in parts:
        server.files[part.name] = part.read_bytes()
    urls = [server.base + part.name for part in parts]
    dry = [
        json.loads(sluice("fetch", "--where", "true", "--index", *words, "--dry-run", "--json").stdout)
        for words in (urls, parts, [index], [f"{parts[0].parent}/*.parquet"])
    ]
    assert dry[0]["wanted"] == len(ALL)
    assert dry[0] == dry[1] == dry[2] == dry[3]


def test_errors_of_the_command_are_one_line(index: Path) -> None:
    for words, said in (
        (["--where", "true"], "--where needs --index"),
        (["--where", "url =", "--index", index], "syntax error"),
        (["--where", "true", "--index", "http://127.0.0.1:9/x.parquet"], "--index"),
        (["--where", "true", "--cdx", "x", "--index", index], "one of --list"),
        (["--where", "true", "--index", index, "--gap", "wide", "--dry-run"], "--gap"),
    ):
        done = sluice("fetch", *words, check=False)
        assert done.returncode == 2, done.stderr
        assert said in done.stderr
        assert len(done.stderr.splitlines()) == 1
        assert "details" not in done.stderr
