"""Language identification: agreement with fastText's own library, its accuracy, and the splitting of any script.

    python benchmarks/language.py [--data DATA] [--model FILE]

Prints four things. How fast the filter's reading of a model is beside fastText's library on the marked pages of the
test data, with the labels that differ and the largest difference of a probability; words are remembered from text to
text, as in a run. How often the model names the language of the Universal Declaration of Human Rights, by whole
declaration and by paragraph, for the languages that it knows, with the pairs that it confuses. What the measures by
line and stop words cost. What splitting words costs by script, and how often it is ICU's.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

PREFIX = len("__label__")
TRIES = 5


class Declaration(NamedTuple):
    """One translation of the declaration, and the code of lid.176 for its language."""

    code: str
    name: str
    paragraphs: list[str]


def declarations(data: Path) -> Iterator[Declaration]:
    """The translations into languages of lid.176, in any script.

    Languages with a code of their own that the model lacks are left out, also where they belong to a group that it
    has (Dari, Northern Pashto).
    """
    from filters.language_codes import code_of, codes

    known = set(codes())
    with gzip.open(data / "language" / "udhr.jsonl.gz", "rt", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            label = f"{row['iso639_3']}_{row['script']}"
            code = code_of(label)
            if code == label and row["iso639_3"] not in known:  # another script of a known language
                code = code_of(row["iso639_3"])
            elif code == label and row["iso639_3"] != "als":  # to ISO Albanian, to the model Alemannic
                code = row["iso639_3"]
            if code in known:
                yield Declaration(code, row["name"], row["paragraphs"])


class Score(NamedTuple):
    """How well labels were named: texts, share named right, mean F1 over languages, wrong pairs by count."""

    texts: int
    languages: int
    accuracy: float
    macro_f1: float
    confused: Counter[tuple[str, str]]


def score(pairs: Iterable[tuple[str, str]]) -> Score:
    """The score of pairs of (language, language named)."""
    counts = Counter(pairs)
    wanted, named = Counter[str](), Counter[str]()
    for (language, label), count in counts.items():
        wanted[language] += count
        named[label] += count
    total = sum(counts.values())
    f1 = [2 * counts[code, code] / (wanted[code] + named[code]) for code in wanted]
    wrong = Counter({pair: count for pair, count in counts.items() if pair[0] != pair[1]})
    return Score(
        total, len(wanted), sum(counts[code, code] for code in wanted) / total, sum(f1) / len(f1), wrong
    )


def accuracy(model: Any, data: Path) -> tuple[Score, Score]:
    """By whole declaration, and by paragraph of at least 40 characters."""
    from filters.language_codes import code_of

    def named(text: str) -> str:
        return code_of(model.predict(text)[0][PREFIX:])

    found = list(declarations(data))
    return (
        score((one.code, named("\n".join(one.paragraphs))) for one in found),
        score((one.code, named(line)) for one in found for line in one.paragraphs if len(line) >= 40),
    )


def main() -> None:
    """Print the four parts."""
    from filters.models.fasttext_model import Model
    from pipeline import assets

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", type=Path, default=os.environ.get("SLUICE_DATA"), help="default: $SLUICE_DATA"
    )
    parser.add_argument("--model", type=Path, default=assets.paths("lid176")[0], help="default: lid.176.ftz")
    options = parser.parse_args()
    if options.data is None:
        parser.error("name the folder of real pages with --data or SLUICE_DATA")
    data = Path(options.data)
    model = Model(options.model.read_bytes())
    _agreement(model, options.model, data)
    for unit, found in zip(("declaration", "paragraph"), accuracy(model, data), strict=True):
        worst = ", ".join(f"{a}>{b} {count}" for (a, b), count in found.confused.most_common(25))
        print(
            f"by {unit}: {found.texts} in {found.languages} languages, accuracy {found.accuracy:.3f}, "
            f"macro F1 {found.macro_f1:.3f}; confused: {worst}"
        )
    _measures(model, data)
    _splitting(data)


def _agreement(ours: Any, path: Path, data: Path) -> None:
    from fasttext.FastText import _FastText

    from benchmarks.extraction.gold import gold_pages

    library = _FastText(model_path=str(path)).f
    texts = [page.text for page in gold_pages(data) if page.text.strip()]
    spent, differing, furthest = [0.0, 0.0], 0, 0.0
    for text in texts:
        began = time.process_time()
        ((chance, label),) = library.predict(text.replace("\n", " ") + "\n", 1, 0.0, "strict")
        between = time.process_time()
        found, probability = ours.predict(text)
        spent[0] += between - began
        spent[1] += time.process_time() - between
        differing += found != label
        furthest = max(furthest, abs(probability - chance))
    for name, seconds in zip(("fastText's library", "here"), spent, strict=True):
        print(f"{name:20}{1000 * seconds / len(texts):8.3f} ms a text")
    print(
        f"{spent[0] / spent[1]:.1f} times as fast; {differing} of {len(texts)} labels differ, probabilities by at most "
        f"{furthest:.1e}"
    )


def _best(work: Callable[[], object]) -> float:
    """The fastest of some tries, in seconds of processor time."""
    times = []
    for _ in range(TRIES):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return min(times)


def _measures(model: Any, data: Path) -> None:
    """Milliseconds a document of 4,500 characters, of Common Crawl texts."""
    from filters import language, line_languages, stop_words
    from filters.batch import Batch
    from pipeline import assets

    with gzip.open(data / "text" / "web_topics.jsonl.gz", "rt", encoding="utf-8") as lines:
        texts = [text[:4500] for text in (json.loads(line)["text"] for line in lines) if len(text) >= 4500][
            :200
        ]
    given = {name: assets.load(name) for name in stop_words.assets(stop_words.Settings())} | {"lid176": model}

    def ready() -> Batch:
        """A batch with the parts that other filters have found, and the language."""
        batch = Batch(texts)
        _ = batch.chunks, batch.lines
        return batch

    for filter_ in (language, line_languages, stop_words):
        settings = filter_.Settings()  # type: ignore[attr-defined]
        times = []
        for _ in range(TRIES):
            batch = ready()
            if filter_ is not language:
                language.identified(batch, language.INSTALLED, "none", given)
            began = time.process_time()
            filter_.measure(batch, settings, given)  # type: ignore[attr-defined]
            times.append(time.process_time() - began)
        name = filter_.__name__.removeprefix("filters.")
        print(f"{name:20}{1000 * min(times) / len(texts):8.3f} ms a document of 4,500 characters")


def _splitting(data: Path) -> None:
    """Nanoseconds a character and the share of ICU's words, by article."""
    from filters.text import layout, segment

    for path in sorted((data / "language" / "articles").glob("*.txt")):
        text = path.read_text(encoding="utf-8")
        codes, bounds = layout.code_points([text] * 20)
        parts = segment.word_parts(*layout.code_points([text]))
        ours = set(zip(parts.starts.tolist(), parts.ends.tolist(), strict=True))
        theirs = [(a, b) for a, b in segment.icu_words(text) if not text[a:b].isspace()]
        seconds = _best(lambda codes=codes, bounds=bounds: segment.word_parts(codes, bounds))  # type: ignore[misc]
        print(
            f"{path.stem:20}{1e9 * seconds / len(codes):8.1f} ns a character, {len(ours)} words, "
            f"{sum(span in ours for span in theirs)} of ICU's {len(theirs)}"
        )


if __name__ == "__main__":
    main()
