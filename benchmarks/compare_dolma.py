"""Compares the filters `gopher_dolma` and `c4_dolma` with dolma's own taggers: every column, every decision, and time.

dolma wants older versions of packages than this project, so it lives in an environment of its own, and only the two
modules of taggers are imported there (the package as a whole needs some thirty others):

    python -m venv DOLMA
    DOLMA/bin/pip install --no-deps dolma==1.2.1
    DOLMA/bin/pip install msgspec necessary smart-open nltk anyascii uniseg numpy regex pygments
    python benchmarks/compare_dolma.py --python DOLMA/bin/python [--files 2]

Texts are those that resiliparse finds in the first files of $SLUICE_DATA/web. Every page and column that differs by
more than 1e-12 is listed; decisions are those of Dolma v1.5's thresholds, with the rules on top n-grams applied.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
TAGS = {
    "words": "word_count",
    "word_length": "median_word_length",
    "symbol_words": "symbol_to_word_ratio",
    "alphabetic_words": "fraction_of_words_with_alpha_character",
    "required_words": "required_word_count",
    "bullet_lines": "fraction_of_lines_starting_with_bullet_point",
    "ellipsis_lines": "fraction_of_lines_ending_with_ellipsis",
    "dup_lines": "fraction_of_duplicate_lines",
    "dup_line_chars": "fraction_of_characters_in_duplicate_lines",
    **{f"top_{n}_gram": f"fraction_of_characters_in_most_common_{n}grams" for n in (2, 3, 4)},
    **{f"dup_{n}_gram": f"fraction_of_characters_in_duplicate_{n}grams" for n in range(5, 11)},
}
FLAGS = {"lorem_ipsum": "has_lorem_ipsum", "curly_bracket": "has_curly_brace", "javascript": "has_javascript"}
LINES = {"lines_no_end": "lines_with_no_ending_punctuation", "lines_short": "lines_with_too_few_words"}


def main() -> None:
    """Parse the command line, ask dolma and compare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--python", type=Path, help="an interpreter that has dolma")
    parser.add_argument("--files", type=int, default=2, help="WARC files of $SLUICE_DATA/web")
    parser.add_argument("--role", choices=["dolma"], help=argparse.SUPPRESS)
    parser.add_argument("--texts", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.role:
        ask_dolma(chosen.texts, chosen.out)
        return
    if chosen.python is None:
        parser.error("--python: the interpreter that has dolma")
    texts = [text for file in web_files(chosen.files) for text in page_texts(file)]
    with tempfile.TemporaryDirectory(prefix="compare-") as folder:
        given, answered = Path(folder) / "texts.json", Path(folder) / "tags.json"
        given.write_text(json.dumps(texts))
        command = [chosen.python, __file__, "--role", "dolma", "--texts", given, "--out", answered]
        subprocess.run([str(part) for part in command], check=True)
        compare(texts, json.loads(answered.read_text()))


def web_files(count: int) -> list[Path]:
    """The first WARC files of the data."""
    return sorted((Path(os.environ["SLUICE_DATA"]) / "web").glob("*.warc.gz"))[:count]


def page_texts(file: Path) -> Iterator[str]:
    """Visible text of the pages of a file, pages of more than 300 KB left out."""
    from resiliparse.extract.html2text import extract_plain_text
    from warcio.archiveiterator import ArchiveIterator

    with file.open("rb") as stream:
        for record in ArchiveIterator(stream):
            html = record.content_stream().read() if record.rec_type == "response" else b""
            if 0 < len(html) < 300_000:
                text = extract_plain_text(html.decode("utf-8", "replace"), main_content=True)
                if text.strip():
                    yield text


def ask_dolma(texts: Path, out: Path) -> None:
    """In dolma's environment: the tags of every text, and processor seconds of each tagger."""
    from importlib.util import find_spec

    spec = find_spec("dolma")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    where = spec.submodule_search_locations[0]
    for name in (
        "dolma",
        "dolma.core",
        "dolma.taggers",
    ):  # packages without their __init__, which imports all
        package = types.ModuleType(name)
        package.__path__ = [str(Path(where).joinpath(*name.split(".")[1:]))]
        sys.modules[name] = package
    from dolma.core.data_types import Document  # type: ignore[import-not-found]
    from dolma.taggers.c4 import C4Tagger, FasterC4Tagger  # type: ignore[import-not-found]
    from dolma.taggers.gopher import GopherTagger, GopherTaggerV2  # type: ignore[import-not-found]

    documents = [
        Document(source="", id=str(i), text=text) for i, text in enumerate(json.loads(texts.read_text()))
    ]
    taggers = {
        "gopher_v1": GopherTagger(),
        "gopher_v2": GopherTaggerV2(),
        "c4_v1": C4Tagger(),
        "c4_v2": FasterC4Tagger(),
    }
    answers: dict[str, Any] = {"seconds": {}}
    for name, tagger in taggers.items():
        began = time.process_time()
        found = [tagger.predict(document).spans for document in documents]
        answers["seconds"][name] = time.process_time() - began
        answers[name] = [[(span.type, span.score) for span in spans] for spans in found]
    out.write_text(json.dumps(answers))


def expected(name: str, spans: list[tuple[str, float]]) -> dict[str, float]:
    """The columns of one page by dolma's tags; a tag that is not there is 0."""
    if name.startswith("gopher"):
        found = dict(spans)
        return {column: found.get(tag, 0.0) for column, tag in TAGS.items()}
    kinds = [kind for kind, _ in spans]
    lines = dict(spans)["line_count"]
    columns = {column: kinds.count(tag) / lines for column, tag in LINES.items()}
    return {"lines": lines, **columns, **{column: float(tag in kinds) for column, tag in FLAGS.items()}}


def compare(texts: list[str], answers: dict[str, Any]) -> None:
    """Prints differences by column and rule, and time."""
    import numpy as np

    sys.path.insert(0, str(ROOT))
    from filters import FILTERS
    from filters.batch import Batch
    from filters.decide import fails

    print(f"{len(texts)} pages, {sum(map(len, texts)) / len(texts):.0f} characters each\n")
    heads = f"{'tagger':12}{'columns':>8}{'values that differ':>20}{'decisions':>11}{'that differ':>13}"
    print(f"{heads}{'us here':>9}{'there':>8}")
    for name, tags in ((name, answers[name]) for name in ("gopher_v1", "gopher_v2", "c4_v1", "c4_v2")):
        kind, variant = name.split("_")
        spec = FILTERS[f"{kind}_dolma"]
        more = {"top_ngrams": "intended"} if kind == "gopher" else {}
        settings = spec.settings(variant=variant, **more)
        spec.measure(Batch(texts[:1]), settings, {})
        began = time.process_time()
        ours: dict[str, Any] = {}
        for start in range(0, len(texts), 100):
            for column, values in spec.measure(Batch(texts[start : start + 100]), settings, {}).items():
                ours.setdefault(column, []).extend(values.tolist())
        seconds = time.process_time() - began
        theirs = [expected(name, spans) for spans in tags]
        differ = [
            (row, column, ours[f"{spec.name}_{column}"][row], value)
            for row, page in enumerate(theirs)
            for column, value in page.items()
            if abs(ours[f"{spec.name}_{column}"][row] - value) > 1e-12
        ]
        decided = opposite = 0
        for rule in spec.rules(settings):
            column = rule.signal.removeprefix(f"{spec.name}_")
            mine = fails(np.array(ours[rule.signal]), rule)
            other = fails(np.array([page[column] for page in theirs]), rule)
            decided += len(mine)
            opposite += int((mine != other).sum())
        here, there = (1e6 * each / len(texts) for each in (seconds, answers["seconds"][name]))
        print(f"{name:12}{len(theirs[0]):8}{len(differ):20}{decided:11}{opposite:13}{here:9.0f}{there:8.0f}")
        for row, column, mine, other in differ[:50]:
            print(f"    page {row}: {column} {mine} here, {other} by dolma")


if __name__ == "__main__":
    main()
