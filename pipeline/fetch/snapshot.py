"""Whole files of a snapshot: its list of paths, a sample of it, and every file of the sample in one folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from pipeline.errors import UserError
from pipeline.fetch.crawls import COLLECTIONS, Crawl, list_path, local_names, read_crawls, read_paths
from pipeline.fetch.download import Fetched, Tools, download, obtain, read_small
from pipeline.fetch.place import explained, open_place
from pipeline.fetch.pool import Breaker, work
from pipeline.fetch.sampling import sample
from pipeline.fetch.source import Gone, Refused


class Chosen(msgspec.Struct, frozen=True, kw_only=True):
    """Files of a snapshot: path and the name that each gets here, in the order of being picked; `total` on the list."""

    files: list[tuple[str, str]]
    total: int


def list_crawls(tools: Tools) -> list[Crawl]:
    """The crawls that the index server knows, newest first as it lists them."""
    try:
        return read_crawls(read_small(COLLECTIONS, tools))
    except Refused as error:
        raise UserError(f"{tools.source.url(COLLECTIONS)}: {error}") from error


def choose(crawl: str, kind: str, count: int, seed: int, folder: Path | None, tools: Tools) -> Chosen:
    """A sample of `count` files of a snapshot; its list is kept in the folder, so that going on needs it no more.

    The sample depends on the crawl's name, the seed and how many files there are: the same positions for every kind,
    so that WET files are those of the WARC files.
    """
    path = list_path(crawl, kind)
    try:
        packed = read_small(path, tools) if folder is None else _kept(path, crawl, kind, folder, tools)
    except Gone as error:
        raise UserError(
            f"{tools.source.url(path)}: not there; `sluice fetch --list` names the crawls"
        ) from error
    except Refused as error:
        raise UserError(f"{tools.source.url(path)}: {error}") from error
    paths = read_paths(packed, kind)
    names = local_names(paths)
    picked = sample(len(paths), count, f"{crawl}\n{seed}")
    return Chosen(files=[(paths[index], names[paths[index]]) for index in picked], total=len(paths))


def _kept(path: str, crawl: str, kind: str, folder: Path, tools: Tools) -> bytes:
    place = open_place(folder, f"{crawl.replace('/', '-')}.{kind}.paths.gz", visible=False)
    obtain(path, place, tools)
    with explained(folder):
        return place.final.read_bytes()


def fetch_files(
    files: Sequence[tuple[str, str]], folder: Path, tools: Tools, connections: int
) -> list[Fetched]:
    """What became of each file, in the order given. What another command is fetching is waited for at the end."""
    breaker = Breaker()
    results: dict[str, Fetched] = {}

    def one(job: tuple[str, str, bool]) -> Fetched | None:
        path, name, wait = job
        if breaker.open:
            return Fetched(path=path, name=name, state="failed", why=breaker.why)
        found = download(path, open_place(folder, name), tools, wait)
        if found is not None:
            breaker.count(found.state == "failed")
        return found

    tools.display.plan(len(files))
    for wait in (False, True):
        jobs = [(path, name, wait) for path, name in files if path not in results]
        for (path, name, _), found in work(jobs, one, connections, tools.gate):
            if found is not None:
                results[path] = found
                tools.display.end(name)
    return [results[path] for path, _ in files]
