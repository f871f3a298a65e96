"""Which pages the sample has, and writing them.

The number of each planted case is given for the default size and scaled with the size that is asked for, at least
one of each; the rest are plain pages. Every article is used once. The pages are put in the order of a digest of
their address, so that hosts and cases are spread over the file as in a crawl.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from itertools import islice, pairwise
from pathlib import Path
from typing import NamedTuple

from pipeline.sample import junk, planted
from pipeline.sample.article import Article, articles
from pipeline.sample.docstrings import DISTRIBUTIONS, STDLIB, passages
from pipeline.sample.page import Page, article_page, dropped, kept, plain_page
from pipeline.sample.prose import Novelty
from pipeline.sample.records import write_truth, write_warc
from pipeline.sample.templates import Links
from pipeline.sample.texts import foreign, licences

DEFAULT_PAGES = 2800
MIN_PAGES = 60
LARGEST = ("numpy", "networkx", "python", "scipy", "sympy", "ray", "torch")
"""The distributions with the most prose, the least of them first."""
RELATED = 6

PLANTED: dict[str, tuple[int, Callable[[Article, int, Links], list[Page]]]] = {
    "exact_duplicate": (40, planted.exact_duplicates),
    "near_duplicate": (40, planted.near_duplicates),
    "mirror": (40, planted.mirrors),
    "email": (40, planted.emails),
    "phone": (30, planted.phones),
    "ip_address": (15, planted.addresses),
    "charset": (12, planted.charsets),
    "encoding": (12, planted.encodings),
    "broken_markup": (8, planted.broken_markup),
}
"""How often each case is planted in a good article at the default size, and by what."""
SPAM, FARMS, EMPTY = 40, 30, 40

_WORD = re.compile(r"\w+")
_TOKEN = re.compile(r"\w+|[^\w\s]")


class Summary(NamedTuple):
    """What was written."""

    warc: Path
    truth: Path
    pages: int  # responses, each with a line of truth
    cases: dict[str, int]  # pages by case
    prose_bytes: int  # of the paragraphs, each counted once
    missing: tuple[str, ...]  # distributions that are named but not installed


def truth_path(out: Path) -> Path:
    """Where the truth file of a sample lies: beside it, `x.warc.gz.truth.jsonl` for `x.warc.gz`."""
    return out.with_name(f"{out.name}.truth.jsonl")


def write_sample(out: Path, pages: int | None = None) -> Summary:
    """Write the sample WARC to `out` and its truth file beside it.

    `pages` is the number of responses (default `DEFAULT_PAGES`, at least `MIN_PAGES`, or ValueError); fewer are made
    where the installation has less prose. The same Python and dependencies give the same bytes. It takes about
    20 s on one core at the default size, of which parsing the sources is most.
    """
    wanted = DEFAULT_PAGES if pages is None else pages
    if wanted < MIN_PAGES:
        raise ValueError(f"a sample has at least {MIN_PAGES} pages to hold each planted case, not {wanted}")
    scale = min(1.0, wanted / DEFAULT_PAGES)
    special = _special_pages(scale)
    groups = {case: max(1, round(count * scale)) for case, (count, _) in PLANTED.items()}
    # a group of copies has its article, and one or two pages more
    copies = (
        groups["near_duplicate"]
        + groups["mirror"]
        + groups["exact_duplicate"]
        + groups["exact_duplicate"] // 2
    )
    pool, missing = _collect(wanted - len(special) - copies)
    made = _article_pages(pool, groups) + special
    made.sort(key=lambda page: hashlib.sha256(page.url.encode()).digest())
    _name_neighbours(made)
    out.parent.mkdir(parents=True, exist_ok=True)
    write_truth(truth_path(out), made)
    write_warc(out, made)
    cases = Counter(page.truth["case"] for page in made)
    prose = sum(len(text.encode()) for article in pool for text in article.paragraphs)
    return Summary(out, truth_path(out), len(made), dict(sorted(cases.items())), prose, missing)


def _collect(number: int) -> tuple[list[Article], tuple[str, ...]]:
    """`number` articles from all distributions, and the names of those that gave none.

    Each small distribution gives what it has, up to a limit; the large ones share the rest equally.
    """
    small = sorted({STDLIB, *DISTRIBUTIONS} - set(LARGEST))
    limit = max(2, number // 32)
    novelty = Novelty()
    pool: list[Article] = []
    missing: list[str] = []
    for name in (*small, *LARGEST):
        share = limit if name in small else -(-(number - len(pool)) // (len(LARGEST) - LARGEST.index(name)))
        found = list(islice(articles(passages(name, novelty)), min(share, number - len(pool))))
        pool += found
        if not found and len(pool) < number:
            missing.append(name)
    return pool, tuple(missing)


def _article_pages(pool: list[Article], groups: dict[str, int]) -> list[Page]:
    """Plain pages of all articles but those that planted cases are made of."""
    hosts: dict[str, list[Article]] = defaultdict(list)
    for article in pool:
        hosts[article.host].append(article)
    related = {article.url: links for host in hosts.values() for article, links in _siblings(host)}
    steady = sorted(
        filter(_is_steady, pool), key=lambda article: hashlib.sha256(article.url.encode()).digest()
    )
    chosen = iter(steady)
    made: list[Page] = []
    used: set[str] = set()
    for case, (_, plant) in PLANTED.items():
        for number, article in enumerate(islice(chosen, groups[case])):
            used.add(article.url)
            made += plant(article, number, related[article.url])
    made += [plain_page(article, related[article.url]) for article in pool if article.url not in used]
    return made


def _siblings(host: list[Article]) -> Iterator[tuple[Article, Links]]:
    """Each article of a host with links to the next ones."""
    for at, article in enumerate(host):
        others = [host[(at + step) % len(host)] for step in range(1, min(RELATED, len(host) - 1) + 1)]
        yield article, [(other.path, other.title) for other in others]


def _is_steady(article: Article) -> bool:
    """Whether the common filters surely keep an article: long enough, no phrase twice, few marks."""
    text = " ".join(article.paragraphs)
    words = _WORD.findall(text.lower())
    pairs = Counter(pairwise(words))
    spans = [tuple(words[at : at + 4]) for at in range(len(words) - 3)]
    tokens = _TOKEN.findall(text)
    alphabetic = sum(1 for token in tokens if any(char.isalpha() for char in token))
    return (
        len(words) >= 160
        and len(set(spans)) >= len(spans) - 2
        and max(pairs.values()) <= len(words) // 40
        and alphabetic >= 0.84 * len(tokens)
    )


def _special_pages(scale: float) -> list[Page]:
    """Pages that need no docstrings."""

    def some(count: int) -> int:
        return max(1, round(count * scale))

    tongues = list(foreign())
    texts = list(licences())
    made = [
        article_page(article, "language", dropped("language."), [])
        for article in tongues[: some(len(tongues))]
    ]
    made += [article_page(article, "licence", kept(), []) for article in texts[: some(len(texts))]]
    made += [junk.keyword_spam(number) for number in range(some(SPAM))]
    made += [junk.link_farm(number) for number in range(some(FARMS))]
    made += [junk.nearly_empty(number) for number in range(some(EMPTY))]
    made += junk.code_listings(junk.MODULES[: some(len(junk.MODULES))])
    return [*made, junk.hostile(), *junk.other_responses()]


def _name_neighbours(pages: list[Page]) -> None:
    """Tell the hostile page's truth which pages lie before and after it."""
    for at, page in enumerate(pages):
        if "neighbours" in page.truth["expect"]:
            page.truth["expect"]["neighbours"] = [
                other.url for other in pages[max(0, at - 1) : at + 2] if other is not page
            ]
