"""What a page says, before it is set in a page template: titles, headings and paragraphs.

An article is five to seven paragraphs of one distribution, in the order in which they were written, with the
distribution as its host. Everything that looks chosen is drawn from a generator seeded by the page's own name.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from pipeline.sample.docstrings import Passage

PARAGRAPHS = (5, 6, 6, 7, 7, 7)
"""The lengths of articles, as often as each is drawn."""

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SLUG = re.compile(r"[^a-z0-9]+")


class Article(NamedTuple):
    """One page's content."""

    host: str
    path: str  # starts with a slash
    title: str
    sections: tuple[tuple[str, str], ...]  # (heading or "", paragraph)
    published: str  # an ISO date
    language: str = "en"

    @property
    def url(self) -> str:
        """The address of the page."""
        return f"https://{self.host}{self.path}"

    @property
    def paragraphs(self) -> list[str]:
        """The paragraphs alone."""
        return [text for _, text in self.sections]


def articles(passages: Iterable[Passage]) -> Iterator[Article]:
    """Articles of one distribution's passages, each passage once; what is left over at the end is not used."""
    taken: list[Passage] = []
    number = 0
    size = PARAGRAPHS[-1]
    for passage in passages:
        if not taken:
            size = seeded(passage.host, "size", number).choice(PARAGRAPHS)
        taken.append(passage)
        if len(taken) == size:
            yield _article(taken, number)
            taken = []
            number += 1


def seeded(*name: object) -> random.Random:
    """A generator whose draws depend on `name` alone."""
    return random.Random("/".join(str(part) for part in name))


def day(rng: random.Random) -> str:
    """A date between 2018 and 2023."""
    return f"{rng.randint(2018, 2023)}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}"


def slug(text: str) -> str:
    """Text as a part of a path: lower-case letters and digits, joined by hyphens."""
    return _SLUG.sub("-", text.lower()).strip("-")


def words(name: str) -> str:
    """An identifier as words: `_GradScaler.un_scale` is `Grad scaler un scale`."""
    parts = re.sub(r"[^A-Za-z0-9]+", " ", _CAMEL.sub(" ", name)).split()
    return " ".join([part if part.isupper() else part.lower() for part in parts]).strip().capitalize()


def _article(taken: list[Passage], number: int) -> Article:
    first = taken[0]
    rng = seeded(first.host, "article", number)
    parts = [part for part in first.module.split("/") if part.strip("_")]
    topic = words(parts[-1]) or words(first.host)
    subject = words(first.owner)
    title = rng.choice(
        [
            f"{topic}: {subject.lower()}" if subject else f"{topic}, an overview",
            f"{topic} in {words(first.host)}, part {number + 1}",
            f"Notes on {subject.lower() or topic.lower()}",
            f"How {topic.lower()} works",
        ]
    )
    sections: list[tuple[str, str]] = []
    headed = rng.random() < 0.6
    for at, passage in enumerate(taken):
        heading = words(passage.owner) if headed and at % 3 == 2 else ""
        if heading in (title, *(used for used, _ in sections)):
            heading = ""
        sections.append((heading, passage.text))
    folder = "/".join(slug(part) for part in parts[:-1][:3] if slug(part))
    name = f"{slug(title)[:60].strip('-')}-{number + 1}"
    path = rng.choice([f"/{folder}/{name}.html", f"/{folder}/{name}", f"/{folder}/{name}/"])
    return Article(f"{slug(first.host)}.example", path.replace("//", "/"), title, tuple(sections), day(rng))
