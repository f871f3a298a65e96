"""What reading a page's own statements costs, beside parsing it, and what looking up robots.txt costs.

`python benchmarks/page_facts.py WARC... [--hosts 1000000]`: milliseconds a page by its size, the best of five; what
hostile pages of 5 MB take; and the time and memory of a table of robots.txt rules for that many hosts.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import msgspec

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # before this folder, whose filters.py hides the package

from filters.robots import parse, place  # noqa: E402
from pipeline.charset import decode  # noqa: E402
from pipeline.extraction.facts import facts  # noqa: E402
from pipeline.extraction.statements import content_signal, content_usage  # noqa: E402
from pipeline.http import decode_body  # noqa: E402
from pipeline.page import response_of, why_no_page  # noqa: E402
from pipeline.record import Record  # noqa: E402
from pipeline.robots import RobotsTable, TableBuilder, host_key  # noqa: E402
from pipeline.warc import read_records  # noqa: E402

SIZES = (0, 20_000, 50_000, 70_000, 200_000, 5 << 20)
HOSTILE = ("<", "<meta", "<meta ", "<title>", "<!--", '<meta a="', "<svg>", "&", "/")


def pages(path: str) -> list[tuple[str, str]]:
    """Address and HTML of the pages of a WARC."""
    found = []
    with open(path, "rb") as file:
        for record in read_records(file):
            if isinstance(record, Record) and record.type == "response":
                response = response_of(record)
                body = decode_body(response, 5 << 20)
                if why_no_page(record, response) is None and not body.fault:
                    found.append((record.url or "", decode(body.data, None).text))
    return found


def best(work: Callable[[], object]) -> float:
    """Milliseconds, the best of five."""
    took = []
    for _ in range(5):
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return min(took) * 1000


def by_size(found: list[tuple[str, str]]) -> None:
    """A line for each class of page sizes."""
    from trafilatura.utils import load_html

    print(f"{'characters':<22} {'pages':>6} {'facts, ms':>10} {'lxml parse, ms':>15}")
    for low, high in pairwise(SIZES):
        chosen = [one for one in found if low <= len(one[1]) < high][:300]
        if chosen:
            ours = statistics.mean(best(lambda one=one: facts(one[1], one[0])) for one in chosen)
            tree = statistics.mean(best(lambda one=one: load_html(one[1])) for one in chosen[:50])
            print(f"{low:>9,} to {high:>9,} {len(chosen):>6} {ours:>10.3f} {tree:>15.3f}")


def robots(hosts: int) -> None:
    """Build a table in which every third host has rules of its own, and ask it."""
    template = "User-agent: *\nDisallow: /admin/{}\nDisallow: /*?s=\nUser-agent: GPTBot\nDisallow: /\n"
    with tempfile.TemporaryDirectory() as folder, open(Path(folder) / "blob", "w+b") as blob:
        began = time.perf_counter()
        builder = TableBuilder(blob)
        for start in range(0, hosts, 4096):
            some = range(start, min(start + 4096, hosts))
            texts = [template.format(number if number % 3 == 0 else "").encode() for number in some]
            packed = [
                msgspec.msgpack.encode(parse(t, ("gptbot",), content_signal, content_usage)) for t in texts
            ]
            keys = [host_key(f"host{number}.example") for number in some]
            builder.add(keys, [""] * len(texts), packed, [0] * len(texts))
        path = Path(folder) / "table"
        builder.write(path)
        built = time.perf_counter() - began
        table = RobotsTable(path)
        asked = [f"http://host{number * 7919 % hosts}.example/a/page?x={number}" for number in range(20_000)]
        began = time.perf_counter()
        for url in asked:
            host, at = place(url)
            site = table.site(host)
            assert site is not None
            site.ask(at)
        took = (time.perf_counter() - began) / len(asked)
        size = path.stat().st_size
    print(
        f"robots.txt of {hosts:,} hosts: {built:.1f} s, {size / hosts:.0f} bytes a host, {took * 1e6:.0f} us a page"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("warc", nargs="*")
    parser.add_argument("--hosts", type=int, default=200_000)
    chosen = parser.parse_args()
    by_size([one for path in chosen.warc for one in pages(path)])
    for piece in HOSTILE:
        page = piece * (5_000_000 // len(piece))
        print(f"5 MB of {piece:<10} {best(lambda page=page: facts(page)):>8.1f} ms")
    robots(chosen.hosts)


if __name__ == "__main__":
    main()
