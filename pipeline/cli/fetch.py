"""The verb that reads from the network: whole files of a crawl, or single records that an index names."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from pipeline.cli.arguments import Json, Quiet
from pipeline.errors import UsageError
from pipeline.fetch.crawls import BASE, KINDS, LIST_BASE
from pipeline.show import show_text, size

_SHOWN = 20  # failures that are printed one by one

CrawlName = Annotated[str | None, typer.Argument(metavar="[CRAWL]", help="such as CC-MAIN-2024-10")]
List = Annotated[bool, typer.Option("--list", help="list the crawls")]
Files = Annotated[int | None, typer.Option("--files", min=1, metavar="N", help="how many files of the crawl")]
Out = Annotated[str | None, typer.Option("--out", metavar="DIR", help="where the files go")]
Kind = Annotated[str, typer.Option("--kind", metavar="|".join(KINDS), help="which files")]
Seed = Annotated[int, typer.Option("--seed", help="another seed, another sample")]
Cdx = Annotated[
    str | None, typer.Option("--cdx", metavar="FILE", help="records that these lines of an index name")
]
Where = Annotated[
    str | None, typer.Option("--where", metavar="SQL", help="records of pages that this holds for")
]
Index = Annotated[list[str], typer.Option("--index", metavar="PATH...", help="Parquet of the columnar index")]
Hosts = Annotated[
    str | None,
    typer.Option("--hosts", metavar="FILE", help="host ranks: harmonicc_pos, pr_pos, ... for --where"),
]
Limit = Annotated[int | None, typer.Option("--limit", min=1, metavar="N", help="at most N pages of --where")]
Repeats = Annotated[bool, typer.Option("--repeats", help="fetch records of equal digest too")]
Gap = Annotated[str, typer.Option("--gap", metavar="BYTES", help="records this close share a request")]
Base = Annotated[
    str,
    typer.Option(
        "--base", metavar="URL", envvar="SLUICE_FETCH_BASE", help="or s3://commoncrawl/, or a mirror"
    ),
]
ListBase = Annotated[
    str, typer.Option("--list-base", metavar="URL", envvar="SLUICE_FETCH_LIST_BASE", help="for --list")
]
Connections = Annotated[int, typer.Option("--connections", min=1, max=64, help="files at once")]
Rate = Annotated[
    str | None, typer.Option("--rate", metavar="BYTES", help="at most so many a second: 20MB, 512KiB")
]
Requests = Annotated[float, typer.Option("--requests", min=0.001, help="at most so many a second")]
Tries = Annotated[int, typer.Option("--tries", min=1, help="attempts in a row without progress")]
Backoff = Annotated[
    float, typer.Option("--backoff", min=0, metavar="S", help="first wait; it doubles up to 60 s")
]
Timeout = Annotated[
    float, typer.Option("--timeout", min=0.01, metavar="S", help="silence after which to ask again")
]
Check = Annotated[str, typer.Option("--check", metavar="ends|all", help="the last gzip member, or every one")]
Contact = Annotated[
    str | None, typer.Option("--contact", metavar="TEXT", help="told to servers, such as an address")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="say what would be fetched")]


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What was typed, beyond what is wanted."""

    base: str
    connections: int
    rate: str | None
    requests: float
    tries: int
    backoff: float
    timeout: float
    check: str
    contact: str | None
    seed: int
    quiet: bool
    json: bool


def fetch(
    crawl: CrawlName = None,
    list_: List = False,
    files: Files = None,
    out: Out = None,
    kind: Kind = "warc",
    cdx: Cdx = None,
    where: Where = None,
    index: Index = [],  # noqa: B006 (typer copies it)
    hosts: Hosts = None,
    limit: Limit = None,
    repeats: Repeats = False,
    gap: Gap = "128KiB",
    seed: Seed = 0,
    base: Base = BASE,
    list_base: ListBase = LIST_BASE,
    connections: Connections = 4,
    rate: Rate = None,
    requests: Requests = 10.0,
    tries: Tries = 6,
    backoff: Backoff = 1.0,
    timeout: Timeout = 30.0,
    check: Check = "ends",
    contact: Contact = None,
    dry_run: DryRun = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Files of a Common Crawl snapshot, or single records of it, resumed, checked and politely.

    Example: sluice fetch CC-MAIN-2024-10 --files 2 --out crawl
    """
    wants = [list_, files is not None, cdx is not None, where is not None]
    if sum(wants) != 1:
        raise UsageError("one of --list, CRAWL with --files N, --cdx FILE, --where SQL with --index PATH")
    options = Options(
        base=list_base if list_ else base,
        connections=connections,
        rate=rate,
        requests=requests,
        tries=tries,
        backoff=backoff,
        timeout=timeout,
        check=check,
        contact=contact,
        seed=seed,
        quiet=quiet,
        json=json,
    )
    if where is None and (index or hosts is not None or limit is not None):
        raise UsageError("--index, --hosts and --limit go with --where")
    if crawl is not None and (list_ or cdx is not None):
        raise UsageError("CRAWL goes with --files or --where")
    if list_:
        _list(options)
        return
    if files is not None:
        raise typer.Exit(_files(crawl, files, kind, out, dry_run, options))
    found = _named(cdx) if cdx is not None else _chosen(str(where), index, hosts, crawl, limit, seed)
    raise typer.Exit(_records(found, out, repeats, bytes_of(gap, "--gap"), dry_run, options))


_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30}
_UNITS |= {"b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9}


def bytes_of(text: str, option: str) -> int:
    """`20MB`, `512KiB`, `1.5G`, `1000` as bytes; raises UsageError for anything else."""
    digits = text.strip().rstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ ")
    unit = text.strip()[len(digits) :].strip().lower()
    try:
        value = float(digits) * _UNITS[unit]
    except (ValueError, KeyError):
        raise UsageError(f"{option} {text}: bytes, such as 20MB or 512KiB") from None
    if not math.isfinite(value) or value < 0:
        raise UsageError(f"{option} {text}: bytes, such as 20MB or 512KiB")
    return int(value)


def agent(contact: str | None) -> str:
    """How the program calls itself; raises UsageError for a contact that cannot stand in a header."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        name = f"sluice/{version('sluice')}"
    except PackageNotFoundError:  # shipped as a folder
        name = "sluice"
    if contact is None:
        return name
    if not contact.isascii() or not contact.isprintable():
        raise UsageError("--contact: printable ASCII only")
    return f"{name} ({contact})"


@contextmanager
def _tools(options: Options) -> Iterator[Any]:
    from pipeline.fetch.display import Display
    from pipeline.fetch.download import Tools
    from pipeline.fetch.http_source import HttpSource
    from pipeline.fetch.patience import Gate, Patience
    from pipeline.fetch.source import Source
    from pipeline.fetch.store_source import StoreSource

    if options.check not in ("ends", "all"):
        raise UsageError(f"--check {options.check}: ends or all")
    byte_rate = bytes_of(options.rate, "--rate") if options.rate is not None else None
    if byte_rate == 0:
        raise UsageError("--rate 0: nothing would ever come")
    gate = Gate(byte_rate=byte_rate, request_rate=options.requests)
    source: Source
    if options.base.startswith(("http://", "https://")):
        source = HttpSource(options.base, gate, agent(options.contact), options.timeout, options.connections)
    else:
        source = StoreSource(options.base, gate)
    with Display(quiet=options.quiet) as display:
        yield Tools(
            source=source,
            gate=gate,
            patience=Patience(tries=options.tries, first=options.backoff, seed=options.seed),
            display=display,
            whole=options.check == "all",
        )


def _print_json(value: Any) -> None:
    print(msgspec.json.encode(value).decode())


def _list(options: Options) -> None:
    from pipeline.fetch.snapshot import list_crawls

    with _tools(options) as tools:
        crawls = list_crawls(tools)
    if options.json:
        _print_json(crawls)
        return
    for crawl in crawls:
        span = f"{crawl.from_[:10]} to {crawl.to[:10]}" if crawl.from_ else ""
        print("\t".join(show_text(text) for text in (crawl.id, crawl.name, span)).rstrip())


def _folder(out: str | None) -> Path:
    from pipeline.fetch.place import local_folder

    if out is None:
        raise UsageError("--out DIR is missing: where should the files go?")
    return local_folder(out)


def _files(crawl: str | None, count: int, kind: str, out: str | None, dry: bool, options: Options) -> int:
    from pipeline.fetch.snapshot import choose, fetch_files

    if crawl is None:
        raise UsageError(
            "which crawl? `sluice fetch --list` names them: sluice fetch CC-MAIN-2024-10 --files N"
        )
    folder = None if dry else _folder(out)
    with _tools(options) as tools:
        chosen = choose(crawl, kind, count, options.seed, folder, tools)
        tools.display.say(f"{crawl}: {len(chosen.files)} of {chosen.total} {kind} files")
        if folder is None:
            urls = [tools.source.url(path) for path, _ in chosen.files]
            if options.json:
                _print_json({"crawl": crawl, "kind": kind, "total": chosen.total, "urls": urls})
            else:
                print("\n".join(urls))
            return 0
        results = fetch_files(chosen.files, folder, tools, options.connections)
    failed = [one for one in results if one.state == "failed"]
    if options.json:
        counts = {word: sum(one.state == word for one in results) for word in ("fetched", "had", "failed")}
        _print_json(
            {"crawl": crawl, "kind": kind, "seed": options.seed, "total": chosen.total, **counts}
            | {"bytes": sum(one.bytes or 0 for one in results), "files": results}
        )
    else:
        for one in results:
            if one.state != "failed":
                print(folder / one.name)
    return _finished([f"{one.path}: {one.why}" for one in failed], len(results), "files")


def _finished(failures: Sequence[str], total: int, what: str) -> int:
    """The exit code, after saying what could not be had."""
    if not failures:
        return 0
    for line in failures[:_SHOWN]:
        print(f"sluice: {show_text(line, 400)}", file=sys.stderr)
    if len(failures) > _SHOWN:
        print(f"sluice: and {len(failures) - _SHOWN} more", file=sys.stderr)
    print(
        f"sluice: finished, but {len(failures)} of {total} {what} could not be had; run the command again to go on",
        file=sys.stderr,
    )
    return 3


def _named(cdx: str) -> list[Any]:
    from pipeline.fetch.cdx import read_cdx_file

    return list(read_cdx_file(cdx))


def _chosen(
    where: str, index: Sequence[str], hosts: str | None, crawl: str | None, limit: int | None, seed: int
) -> list[Any]:
    from pipeline.fetch.index import Question, select

    if not index:
        raise UsageError(
            "--where needs --index PATH: Parquet of the columnar index "
            "(`sluice fetch CRAWL --kind cc-index-table --files N --out index` fetches some)"
        )
    question = Question(where=where, index=tuple(index), hosts=hosts, crawl=crawl, limit=limit, seed=seed)
    return list(select(question))


def _records(found: list[Any], out: str | None, repeats: bool, gap: int, dry: bool, options: Options) -> int:
    from pipeline.fetch.cdx import Unread, Wanted
    from pipeline.fetch.records import cost, fetch_records

    records = [one for one in found if isinstance(one, Wanted)]
    costs = cost(records, repeats, gap)
    told = (
        f"{costs.records} records ({costs.wanted} named) in {costs.requests} requests "
        f"to {costs.files} files, {size(costs.bytes)}"
    )
    if dry:
        unread = [f"line {one.line}: {one.why}" for one in found if isinstance(one, Unread)]
        if options.json:
            _print_json({**msgspec.to_builtins(costs), "unread": len(unread)})
        else:
            print(told)
        return _finished(unread, len(found), "records")
    folder = _folder(out)
    with _tools(options) as tools:
        tools.display.say(told)
        outcome = fetch_records(found, folder, tools, options.connections, repeats, gap)
    if options.json:
        _print_json(
            {**outcome.counts, "warcs": outcome.warcs, "listing": outcome.listing, "failures": outcome.failed}
        )
    else:
        for name in [*outcome.warcs, outcome.listing]:
            print(folder / name)
    failures = [
        f"{row.file} at {row.offset}: {row.why}" if row.file else f"line {row.line}: {row.why}"
        for row in outcome.failed
    ]
    return _finished(failures, len(found), "records")
