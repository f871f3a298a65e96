"""Opt-outs end to end: headers, pages and robots.txt records of real WARC files, through the stages to the counts."""

from __future__ import annotations

import gzip
import io
import json
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet as pq
import pytest
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from filters.robots import Rules, Site
from pipeline.card.judged import opt_outs
from pipeline.errors import UsageError
from pipeline.recipe import load, located
from pipeline.report.run import open_run
from pipeline.robots import HOPS, HostRules, RobotsTable, TableBuilder, host_key, read_robots, robots_files
from pipeline.stages.robots import agents, table_of
from pipeline.store import open_folder
from tests.pipeline.conftest import sluice, stats

SAYING = (
    "The ferry to the island leaves at noon and comes back before the evening, and nobody has minded that. "
)
Entry = tuple[str, str, list[tuple[str, str]], bytes]
TEXT = [("Content-Type", "text/plain")]


def write_warc(path: Path, entries: list[Entry], date: str = "2024-05-06T07:08:09Z") -> Path:
    """Responses as a crawler stores them."""
    with path.open("wb") as file:
        writer = WARCWriter(file, gzip=True)
        for url, status, headers, body in entries:
            http = StatusAndHeaders(status, headers, protocol="HTTP/1.1")
            record = writer.create_warc_record(
                url,
                "response",
                payload=io.BytesIO(body),
                http_headers=http,
                warc_headers_dict={"WARC-Date": date},
            )
            writer.write_record(record)
    return path


def page(url: str, *headers: tuple[str, str], head: str = "") -> Entry:
    body = "".join(f"<p>{SAYING}{url} {number}.</p>" for number in range(8))
    text = f"<html><head><title>t</title>{head}</head><body><article>{body}</article></body></html>"
    return url, "200 OK", [("Content-Type", "text/html"), *headers], text.encode()


def robots(host: str, text: str | bytes, status: str = "200 OK", *headers: tuple[str, str]) -> Entry:
    body = text.encode() if isinstance(text, str) else text
    return f"http://{host}/robots.txt", status, [*TEXT, *headers], body


def read(path: Path, kind: str = "warc") -> tuple[dict[str, HostRules], Counter[str]]:
    counts: Counter[str] = Counter()
    found = read_robots(
        str(path), kind, 0, None if kind == "warc" else path.stat().st_size, ("gptbot",), counts
    )
    return {one.host: one for one in found}, counts


def closed(found: HostRules) -> bool:
    """Whether the agent may not read the site."""
    return bool(Site(msgspec.msgpack.decode(found.rules, type=Rules)).ask("/a").disallowed)


NO = "User-agent: *\nDisallow: /\n"


def test_records_of_robots(tmp_path: Path) -> None:
    path = write_warc(
        tmp_path / "r.warc.gz",
        [
            robots("no.example", NO),
            robots("packed.example", gzip.compress(NO.encode()), "200 OK", ("Content-Encoding", "gzip")),
            robots("missing.example", "not found", "404 Not Found"),
            robots("broken.example", "", "503 Unavailable"),
            robots("moved.example", "", "301 Moved", ("Location", "https://no.example/robots.txt")),
            robots("same.example", "", "302 Found", ("Location", "https://same.example/robots.txt")),
            robots("lost.example", "", "302 Found", ("Location", "/login")),
            ("http://page.example/a", "200 OK", TEXT, NO.encode()),
        ],
    )
    found, counts = read(path)
    assert counts == {"records": 7, "used": 4, "unknown": 3}
    assert set(found) == {"no.example", "packed.example", "missing.example", "moved.example"}
    assert closed(found["no.example"])
    assert closed(found["packed.example"])
    assert not closed(found["missing.example"])
    assert (found["moved.example"].moved, found["moved.example"].rules) == ("no.example", b"")
    path.write_bytes(path.read_bytes()[:-40] + b"x" * 40)
    assert read(path)[1]["damaged"] == 1


def test_rows_of_rules(tmp_path: Path) -> None:
    rows = [
        {"url": "https://a.example/robots.txt", "text": NO},
        {"url": "b.example", "text": ""},
        {"url": "c.example"},
        {"text": NO},
        "no object",
    ]
    path = tmp_path / "rules.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    found, counts = read(path, "jsonl")
    assert counts == {"records": 5, "used": 2, "damaged": 3}
    assert {host: closed(one) for host, one in found.items()} == {"a.example": True, "b.example": False}


def table(tmp_path: Path, rows: list[tuple[str, str, str, str]], batches: int = 1) -> RobotsTable:
    """A table of (host, date, text, moved) rows."""

    def rules(text: str) -> bytes:
        (found,) = read_robots(*_rows(tmp_path, text), ("gptbot",), Counter())
        return found.rules

    with (tmp_path / "blob").open("w+b") as blob:
        builder = TableBuilder(blob)
        for part in range(batches):
            mine = rows[part::batches] if batches > 1 else rows
            builder.add(
                [host_key(host) for host, *_ in mine],
                [date for _, date, _, _ in mine],
                [b"" if moved else rules(text) for _, _, text, moved in mine],
                [host_key(moved) if moved else 0 for *_, moved in mine],
            )
        builder.write(tmp_path / "table")
    return RobotsTable(tmp_path / "table")


def _rows(folder: Path, text: str) -> tuple[str, str, int, int]:
    path = folder / "one.jsonl"
    path.write_text(json.dumps({"url": "x.example", "text": text}))
    return str(path), "jsonl", 0, path.stat().st_size


def says_no(found: RobotsTable, host: str) -> bool | None:
    site = found.site(host)
    return None if site is None else bool(site.ask("/a").disallowed)


@pytest.mark.parametrize("ready", [0, 1 << 20])
def test_the_latest_record_of_a_host_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ready: int
) -> None:
    monkeypatch.setattr("pipeline.robots._READY_BYTES", ready)
    rows = [
        ("a", "2024-01-02T00:00:00Z", NO, ""),
        ("a", "2024-01-01T00:00:00Z", "", ""),
        ("b", "2024-01-01", NO, ""),
        ("b", "2024-01-01", "", ""),
        ("c", "", NO, ""),
    ]
    found = table(tmp_path, rows)
    assert len(found) == 3
    assert [says_no(found, host) for host in "abcd"] == [True, False, True, None]
    assert [says_no(found, host) for host in "aabbaddc"] == [True, True, False, False, True, None, None, True]


def test_redirections_are_followed_and_end(tmp_path: Path) -> None:
    chain = [(f"h{number}", "", "", f"h{number + 1}") for number in range(HOPS + 2)]
    loop = [("x", "", "", "y"), ("y", "", "", "x"), ("gone", "", "", "nowhere")]
    found = table(tmp_path, [*chain, (f"h{HOPS + 2}", "", NO, ""), *loop])
    assert says_no(found, "h2") is True
    assert says_no(found, "h0") is None
    assert [says_no(found, host) for host in ("x", "y", "gone")] == [None, None, None]


def test_a_table_is_the_same_however_it_was_handed_over_and_any_damage_shows(tmp_path: Path) -> None:
    rows = [(f"host{number}", "", NO if number % 2 else "", "") for number in range(50)]
    found = table(tmp_path, rows)
    assert all(says_no(found, host) is bool(text) for host, _, text, _ in rows)
    assert len(table(tmp_path, [])) == 0
    assert table(tmp_path, []).site("a") is None
    table(tmp_path, rows, batches=1)
    whole = (tmp_path / "table").read_bytes()
    for place in (0, 8, 41, len(whole) // 2, len(whole) - 1):
        flipped = bytearray(whole)
        flipped[place] ^= 1
        (tmp_path / "table").write_bytes(flipped)
        with pytest.raises(OSError, match="damaged"):
            RobotsTable(tmp_path / "table")


RECIPE = """
name: optouts
extract: {{extractor: resiliparse}}
robots: {robots}
filters:
  - optout: {{drop: [noai, tdm, robots, content_usage], agents: [GPTBot]}}
dedup: null
"""
PAGES = [
    page("http://open.example/1"),
    page("http://open.example/2", ("X-Robots-Tag", "gptbot: noindex, otherbot: noai")),
    page("http://open.example/3", ("Content-Usage", "train-ai=n")),
    page("http://closed.example/private/4"),
    page("http://closed.example/5"),
    page("https://moved.example/private/6"),
    page("http://plain.example/7", head="<meta content=noai name=robots>"),
    page("http://plain.example/8", ("TDM-Reservation", "1"), head="<meta name=tdm-reservation content=0>"),
    page("http://plain.example/9", ("TDM-Reservation", "1")),
    page("http://plain.example/10", head="<link rel=canonical href=/ten><link rel=license href=/terms>"),
]
ROBOTS = [
    robots("open.example", "User-agent: *\nContent-Signal: ai-train=no\n"),
    robots("closed.example", "User-agent: gptbot\nDisallow: /private/\nUser-agent: *\nDisallow: /\n"),
    robots("moved.example", "", "301 Moved", ("Location", "http://closed.example/robots.txt")),
]
EXPECTED = {
    "http://open.example/3": "optout.content_usage",
    "http://closed.example/private/4": "optout.robots",
    "https://moved.example/private/6": "optout.robots",
    "http://plain.example/7": "optout.noai",
    "http://plain.example/9": "optout.tdm",
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run over the pages, with a recipe that names the crawl's robots.txt."""
    folder = tmp_path_factory.mktemp("optout")
    write_warc(folder / "pages.warc.gz", PAGES)
    write_warc(folder / "robots.warc.gz", ROBOTS)
    (folder / "r.yaml").write_text(RECIPE.format(robots=folder / "robots.warc.gz"))
    run_folder = folder / "run"
    sluice(
        "run",
        folder / "r.yaml",
        "--input",
        folder / "pages.warc.gz",
        "--out",
        run_folder,
        "--until",
        "corpus",
    )
    return run_folder


def rows(run_folder: Path, under: str) -> dict[str, dict[str, Any]]:
    return {
        row["url"]: row for path in (run_folder / under).iterdir() for row in pq.read_table(path).to_pylist()
    }


def test_opted_out_pages_are_removed_and_all_others_kept(run: Path) -> None:
    dropped = rows(run, "dropped")
    assert {url: row["reason"] for url, row in dropped.items()} == EXPECTED
    kept = rows(run, "corpus")
    assert set(kept) == {url for url, *_ in PAGES} - set(EXPECTED)
    noindex = kept["http://open.example/2"]
    assert (noindex["opt_out"], noindex["optout_noindex"]) == (
        "header@gptbot:noindex header@otherbot:noai",
        1,
    )
    assert noindex["optout_content_signal"] == noindex["optout_robots_known"] == 1
    ten = kept["http://plain.example/10"]
    assert (ten["canonical"], ten["license"]) == ("http://plain.example/ten", "http://plain.example/terms")
    assert (ten["opt_out"], ten["optout_robots_known"]) == (None, 0)
    assert kept["http://plain.example/8"]["opt_out"] == "header:tdm=1 page:tdm=0"


def test_the_counts_tell_opt_outs_apart_and_add_up(run: Path) -> None:
    found = stats(run)
    assert found["removed"] == {"contaminated": 0, "opt_out": 5, "takedown": 0}
    assert found["dropped"] == {}
    assert found["opted_out"] == dict(Counter(EXPECTED.values()).most_common())
    fates = ("skipped", "failed", "dropped", "duplicates", "removed")
    assert found["records"] == 10 == sum(sum(found[fate].values()) for fate in fates) + found["corpus"]
    assert found["robots"] == {"records": 3, "used": 3, "unknown": 0, "damaged": 0, "hosts": 3}
    assert "opt-out: robots 2, " in " ".join(sluice("stats", run).stdout.split())
    assert "hosts       done, 1 of 1 shard(s)" in sluice("status", run).stdout
    assert json.loads(sluice("verify", run, "--json").stdout)["ok"]


def test_the_card_counts_those_of_the_documents_that_passed(run: Path) -> None:
    passed = rows(run, "documents").values()
    found = opt_outs(open_run(open_folder(run)))
    assert found == {name: sum(row[f"optout_{name}"] > 0 for row in passed) for name in found}
    assert found["noindex"] > 0


def test_why_and_report_tell_it(run: Path) -> None:
    told = sluice("why", run, "http://plain.example/9").stdout
    assert "fate        removed: optout.tdm" in told
    assert "opt-out     header:tdm=1" in told
    assert "measured only" in told
    sluice("report", run)
    report = (run / "report.html").read_text()
    assert "after optout" in report
    assert "optout.robots" in report


def test_other_rules_need_only_what_follows_them(run: Path, tmp_path: Path) -> None:
    folder = run.parent
    words = [
        "run",
        folder / "r.yaml",
        "--input",
        folder / "pages.warc.gz",
        "--out",
        tmp_path / "run",
        "--until",
    ]
    sluice(*words, "corpus", "--workers", "1")
    assert stats(tmp_path / "run")["digest"] == stats(run)["digest"]
    assert "up to date" in sluice(*words, "corpus").stderr
    rules = tmp_path / "rules.jsonl"
    rules.write_text(json.dumps({"url": "http://plain.example/", "text": NO}))
    again = sluice(*words, "corpus", "--set", f"robots={rules}").stderr
    assert "extract: done" not in again
    assert stats(tmp_path / "run")["opted_out"]["optout.robots"] == 2
    without = sluice(*words, "corpus", "--set", "robots=[]", "--set", "filters.optout.drop=[]").stderr
    assert "hosts: removed" in without
    assert stats(tmp_path / "run")["corpus"] == 10
    assert not list((tmp_path / "run").glob("hosts/*"))


def test_the_filter_stage_alone_reads_robots_too(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "filtered"
    sluice("filter", run.parent / "r.yaml", "--input", run.parent / "pages.warc.gz", "--out", out)
    assert {url: row["reason"] for url, row in rows(out, "dropped").items()} == EXPECTED
    assert not [*out.glob("extracted/*"), *out.glob("robots/*"), *out.glob("hosts/*")]


def test_damaged_robots_are_told(run: Path, tmp_path: Path) -> None:
    whole = (run.parent / "robots.warc.gz").read_bytes()
    (tmp_path / "cut.warc.gz").write_bytes(whole[:-30])
    words = ["run", run.parent / "r.yaml", "--input", run.parent / "pages.warc.gz", "--out", tmp_path / "run"]
    done = sluice(*words, "--until", "corpus", "--set", f"robots={tmp_path / 'cut.warc.gz'}", check=False)
    assert (done.returncode, "1 range(s) or row(s) of the files under `robots`" in done.stderr) == (3, True)


def test_a_wrong_file_is_refused_before_anything_is_read(run: Path, tmp_path: Path) -> None:
    words = ["run", run.parent / "r.yaml", "--input", run.parent / "pages.warc.gz", "--out", tmp_path / "run"]
    done = sluice(*words, "--set", f"robots={tmp_path}/none.warc.gz", check=False)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "robots: " in done.stderr
    assert not (tmp_path / "run").exists()
    with pytest.raises(UsageError, match=r"robots: .*nothing matches"):
        robots_files(f"{tmp_path}/*.warc.gz")
    done = sluice(*words, "--set", "filters=[]", check=False)
    assert (done.returncode, "without the filter `optout`" in done.stderr) == (2, True)


def test_the_recipe_says_what_is_kept_and_where_it_lies(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(run.parent)
    recipe = load(str(run.parent / "r.yaml"), ["robots=robots.warc.gz"])
    assert recipe.robots == (str(run.parent / "robots.warc.gz"),) == located("robots.warc.gz")
    assert located(["s3://b/*.gz"]) == ("s3://b/*.gz",)
    assert agents(recipe) == ("gptbot",)
    assert agents(load("fineweb", ["filters=[url]"])) == ()
    (name,) = (path.name for path in (run / "hosts").iterdir())
    assert len(table_of(str(run), f"hosts/{name}")) == 3
