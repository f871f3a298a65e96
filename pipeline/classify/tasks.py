"""Where examples come from: two sets of documents, one labelled set, or what Wikipedia cites of a crawl."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any, NamedTuple

from pipeline.classify.examples import Example, Lowest, Reading, read, sampled
from pipeline.classify.job import Talk, Task
from pipeline.classify.matching import WIKIMEDIA, domain_of, length_matched
from pipeline.errors import UsageError
from pipeline.wikipedia.links import Level, Links, read_links

CITED, OTHER = "cited", "other"
_BLOCK = 4096


class Limits(NamedTuple):
    """How many documents are taken, and which."""

    most: int = 200_000  # of each label
    crawl: int = 20_000  # pages for the curves
    least: int = 200  # characters of a text, of every label
    match_length: bool = False


def contrast(positives: Sequence[str], negatives: Sequence[str], limits: Limits, talk: Talk) -> Task:
    """Two sets of documents: `--positives` and `--negatives`."""
    reading = Reading([], Counter())
    rows = chain(
        read("--positives", positives, reading, label="positive", least=limits.least),
        read("--negatives", negatives, reading, label="negative", least=limits.least),
    )
    classes = sampled(rows, limits.most, talk)
    for label, option in (("positive", "--positives"), ("negative", "--negatives")):
        if not classes.get(label):
            raise UsageError(f"{option}: no document with {limits.least} characters or more")
    return _task("the positives among these documents", "positive", classes, [], limits, reading, {})


def labelled(paths: Sequence[str], column: str, positive: str | None, limits: Limits, talk: Talk) -> Task:
    """One set with a label in a column: all labels, or one against the rest."""
    reading = Reading([], Counter())
    rows: Iterable[Example] = read("--labelled", paths, reading, label_column=column, least=limits.least)
    if positive is not None:
        rest = "rest" if positive != "rest" else "other"
        rows = (row if row.label == positive else row._replace(label=rest) for row in rows)
    classes = sampled(rows, limits.most, talk)
    if positive is not None and positive not in classes:
        raise UsageError(f"--positive-label {positive}: no such value in the column `{column}`")
    what = f"the value of `{column}`" if positive is None else f"`{column}` {positive} against the rest"
    return _task(what, positive, classes, [], limits, reading, {"column": column})


def cited(
    wikipedia: Sequence[str],
    pages: Sequence[str],
    level: Level | None,
    least: int,
    limits: Limits,
    talk: Talk,
) -> Task:
    """Pages of a crawl: cited by Wikipedia, or not. Lengths are matched whatever the limits say."""
    links = read_links(wikipedia, level, least)
    talk(f"level: {links.level}; {len(links.hashes):,} different {links.level}s that Wikipedia cites")
    reading = Reading([], Counter())
    crawl = Lowest(limits.crawl)
    found = read("--pages", pages, reading, label=OTHER, least=limits.least)
    classes = sampled(_joined(found, links, reading.counts, crawl), limits.most, talk)
    if not classes.get(CITED):
        raise UsageError(f"no page of --pages is cited (level: {links.level}): no positives to learn from")
    if not classes.get(OTHER):
        raise UsageError(f"all pages of --pages are cited (level: {links.level}): no negatives to learn from")
    facts = {
        "level": links.level,
        "cited_names": len(links.hashes),
        "least_citations": least,
        "links": [source._asdict() for source in links.sources],
    }
    what = f"whether a page would be referenced by Wikipedia (level: {links.level})"
    return _task(what, CITED, classes, crawl.examples(), limits._replace(match_length=True), reading, facts)


def _joined(pages: Iterator[Example], links: Links, counts: Counter[str], crawl: Lowest) -> Iterator[Example]:
    """The pages with their label, each added to `crawl`, but none without an address or of Wikimedia's sites."""
    while block := list(islice(pages, _BLOCK)):
        for page, found in zip(block, links.cites_all([page.url for page in block]), strict=True):
            domain = domain_of(page)
            if domain.startswith("#"):
                counts["no_address"] += 1
            elif domain in WIKIMEDIA:
                counts["of_wikimedia"] += 1
            else:
                counts["cited" if found else "not_cited"] += 1
                page = page._replace(label=CITED) if found else page
                crawl.add(page)
                yield page


def _task(
    what: str,
    positive: str | None,
    classes: dict[str, list[Example]],
    crawl: list[Example],
    limits: Limits,
    reading: Reading,
    facts: dict[str, Any],
) -> Task:
    before = {label: len(examples) for label, examples in classes.items()}
    chosen = length_matched(classes) if limits.match_length else classes
    if positive is not None and not chosen[positive]:
        raise UsageError("no length is shared by positives and negatives: nothing to compare")
    examples = sorted(example for part in chosen.values() for example in part)
    return Task(
        what,
        positive,
        examples,
        crawl,
        {
            **facts,
            "files": [file._asdict() for file in reading.files],
            "rows": dict(sorted(reading.counts.items())),
            "sampled": before,
            "length_matched": limits.match_length,
            "limits": limits._asdict(),
        },
    )
