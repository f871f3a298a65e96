"""What the cascade saves and what it costs in documents: every page extracted, and only those a cheap look leaves open.

Usage: python benchmarks/cascade.py WARC... [--recipe fineweb]

Each file is extracted and filtered twice in this process, with the cascade and without, in turns, so that a busy
machine slows both alike. Seconds are processor time, the extractor's processes included, start-up left out.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # before this folder, whose filters.py hides the package

from filters.cascade import REASON, Screen  # noqa: E402
from filters.chain import Chain  # noqa: E402
from pipeline.cascade import screen_for  # noqa: E402
from pipeline.engine.meter import core_seconds  # noqa: E402
from pipeline.engine.task import prepare_worker  # noqa: E402
from pipeline.extract import ExtractSettings, Tally, extract_range  # noqa: E402
from pipeline.inputs import ranges  # noqa: E402
from pipeline.recipe import load  # noqa: E402

BATCH = 512


class Walked(NamedTuple):
    """A file after extraction and filters: seconds of both, and for each document its reason and what screened it."""

    extract: float
    filter: float
    fates: dict[str, tuple[str | None, str | None]]


def walk(path: str, settings: ExtractSettings, chain: Chain, screen: Screen | None) -> Walked:
    """One file, range by range as a run reads it."""
    began = core_seconds()
    tables: list[pa.Table] = []
    for start, end in ranges(Path(path).stat().st_size):
        tables += [part.documents for part in extract_range(path, start, end, settings, Tally(), screen)]
    extracted = core_seconds()
    table = pa.concat_tables(tables)
    fates: dict[str, tuple[str | None, str | None]] = {}
    for at in range(0, table.num_rows, BATCH):
        batch = table.slice(at, BATCH)
        verdict = chain.apply(batch).verdict
        rules = batch[REASON].to_pylist() if screen is not None else [None] * len(batch)
        fates.update(
            zip(batch["id"].to_pylist(), zip(verdict.reason.to_pylist(), rules, strict=True), strict=True)
        )
    return Walked(extracted - began, core_seconds() - extracted, fates)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("warc", nargs="+")
    parser.add_argument("--recipe", default="fineweb")
    parser.add_argument("--extractor", default="trafilatura")
    options = parser.parse_args()
    compare(options.warc, options.recipe, options.extractor)


def compare(paths: Sequence[str], name: str, extractor: str) -> None:
    """Both roads over the files, and what came of it."""
    prepare_worker()
    # A slow page near the limit must not fail in one arm alone because the machine is busy.
    recipe = load(name, ["extract.page_timeout=300", f"extract.extractor={extractor}"])
    screen = screen_for(recipe)
    if screen is None:
        sys.exit(f"the recipe {recipe.name} screens nothing")
    chain = recipe.loaded_chain()
    full, cascaded = [], []
    for number, path in enumerate(paths):
        arms = [(None, full), (screen, cascaded)]
        for one, found in arms if number % 2 else arms[::-1]:
            start_up(path, recipe.extract, chain, one)
            found.append(walk(path, recipe.extract, chain, one))
            print(
                f"{Path(path).name} {'with' if one else 'without'}: {found[-1].extract:.1f} s",
                file=sys.stderr,
            )
    report(full, cascaded)


def start_up(path: str, settings: ExtractSettings, chain: Chain, screen: Screen | None) -> None:
    """Starts the extractor's process and loads models, outside the clock."""
    for part in extract_range(path, 0, 1 << 16, settings, Tally(), screen):
        chain.apply(part.documents)


def report(full: list[Walked], cascaded: list[Walked]) -> None:
    before = {id_: fate for walked in full for id_, fate in walked.fates.items()}
    after = {id_: fate for walked in cascaded for id_, fate in walked.fates.items()}
    kept = {id_ for id_, (reason, _) in before.items() if reason is None}
    print(f"{len(before):,} pages, {len(kept):,} kept by the full road\n")
    print(f"{'core-seconds':<28}{'without':>10}{'with':>10}{'saved':>9}")
    for name in ("extract", "filter"):
        line(name, *(sum(getattr(walked, name) for walked in arm) for arm in (full, cascaded)))
    line("both", *(sum(walked.extract + walked.filter for walked in arm) for arm in (full, cascaded)))
    screened = Counter(rule for _, rule in after.values() if rule is not None)
    lost = Counter(rule for id_, (_, rule) in after.items() if rule is not None and id_ in kept)
    other = Counter(
        rule
        for id_, (_, rule) in after.items()
        if rule is not None and before.get(id_, (None, None))[0] != rule
    )
    print(f"\n{'screened by':<28}{'pages':>10}{'lost':>10}{'another reason on the full road':>34}")
    for rule, number in screened.most_common():
        print(f"{rule:<28}{number:>10,}{lost[rule]:>10,}{other[rule] - lost[rule]:>34,}")
    total, gone = sum(screened.values()), sum(lost.values())
    print(f"{'all':<28}{total:>10,}{gone:>10,}{sum(other.values()) - gone:>34,}")
    gained = sum(reason is None and id_ not in kept for id_, (reason, _) in after.items())
    print(f"\nlost: {gone:,} of {len(kept):,} ({100 * gone / max(1, len(kept)):.2f} %), gained: {gained:,}")


def line(name: str, without: float, with_: float) -> None:
    print(f"{name:<28}{without:>10.1f}{with_:>10.1f}{100 * (1 - with_ / without):>7.0f} %")


if __name__ == "__main__":
    main()
