"""Other texts that the installation carries: licences, and spaCy's example sentences for many languages."""

from __future__ import annotations

import ast
import re
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from pipeline.sample.article import Article, day, seeded, slug
from pipeline.sample.docstrings import DISTRIBUTIONS, STDLIB, distribution_files
from pipeline.sample.prose import Novelty

MIN_FOREIGN_CHARS = 240
"""Pages shorter than this hardly survive main-text extraction, whatever their language."""

_LICENCE = re.compile(r"\.dist-info/(?:[\w./-]*/)?(?:LICEN[CS]E|COPYING)[\w.-]*\Z", re.IGNORECASE)
_NOT_TEXT = re.compile(r"[@{}<>|]|https?:|www\.|\(c\)|©|copyright \d|[-=*_]{3,}|\.\.\.", re.IGNORECASE)
_OTHER_THAN_ENGLISH = re.compile(r"spacy/lang/(?!en/|xx/)([a-z]{2,3})/examples\.py\Z")


def licences() -> Iterator[Article]:
    """The licence texts of the named distributions, without copyright lines and addresses; each wording once."""
    novelty = Novelty()
    named = [(name, entry, path) for name in DISTRIBUTIONS for entry, path in distribution_files(name, "")
             if _LICENCE.search(entry)]  # fmt: skip
    own = Path(sysconfig.get_path("stdlib")) / "LICENSE.txt"
    for name, entry, path in [(STDLIB, "LICENSE.txt", own), *named]:
        try:
            blocks = re.split(r"\n\s*\n", path.read_text("utf-8", errors="replace"))
        except OSError:
            continue
        kept: list[str] = []
        for block in blocks:
            text = " ".join(block.split())
            ends = text.endswith((".", ";", ":"))
            if len(text) >= 80 and ends and not _NOT_TEXT.search(text) and novelty.accept(text):
                kept.append(text)
        sections = tuple(("", text) for text in kept[:12])
        if len(sections) >= 4:
            host = f"{slug(name)}.example"
            published = day(seeded("licence", name, entry))
            title = f"Licence of {name}" if entry.count("/") < 3 else f"Licences that {name} includes"
            yield Article(
                host, f"/legal/{slug(entry.split('.dist-info/')[-1])}.html", title, sections, published
            )


def foreign() -> Iterator[Article]:
    """One page for each language but English that spaCy has enough example sentences for."""
    for entry, path in distribution_files("spacy", "/examples.py"):
        found = _OTHER_THAN_ENGLISH.search(entry)
        sentences = example_sentences(path) if found else []
        if not found or len(sentences) < 4 or sum(map(len, sentences)) < MIN_FOREIGN_CHARS:
            continue
        code = found[1]
        title, rest = sentences[0], sentences[1:]
        third = (len(rest) + 2) // 3
        sections = tuple(("", " ".join(rest[at : at + third])) for at in range(0, len(rest), third))
        rng = seeded("foreign", code)
        yield Article(
            f"{code}-news.example",
            f"/{code}/{rng.randrange(1000, 9999)}.html",
            title,
            sections,
            day(rng),
            code,
        )


def example_sentences(path: Path) -> list[str]:
    """The strings of the list `sentences` in a module of examples."""
    for node in ast.parse(path.read_bytes()).body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.List):
            return [text for item in node.value.elts if isinstance(text := ast.literal_eval(item), str)]
    return []
