"""How well and how fast `filters.pii` finds personal data.

    python -m benchmarks.pii                 precision and recall by kind on the labelled set, time, growth
    python -m benchmarks.pii --verbose       also every miss and every false alarm
    python -m benchmarks.pii --sample 200    instead: so many finds of each kind in web pages, to be judged

A find and a label match where their spans overlap. Data: `$SLUICE_DATA/pii/synth_dataset_v2.json` (Presidio's generated
sentences) and the pages of `$SLUICE_DATA/web` as resiliparse extracts them.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # before this folder, whose filters.py hides the package

from filters.pii import KINDS, Settings, find, mask  # noqa: E402

SEED = 0
LABELS = {
    "emails": "EMAIL_ADDRESS",
    "phones": "PHONE_NUMBER",
    "ips": "IP_ADDRESS",
    "cards": "CREDIT_CARD",
    "ibans": "IBAN_CODE",
    "ssns": "US_SSN",
}
HOSTILE = ("a-", "a.", "1.1.1.", "aB3+/", "x@a-", "+1 ", "12 34 ", "0494 92 82 32 ", "4111 1111 1111 1111 ", "(212) ",
           "2a00:1:", "00:1a:", "call 1", "tel ", "nhs 943 476 5919 ", "eyJ", "sk-", "-----BEGIN PRIVATE KEY-----",
           "9", "GB82 WEST ", "+44 20 7946 0958 ")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--verbose", action="store_true", help="print misses and false alarms")
    parser.add_argument("--sample", type=int, metavar="N", help="print N finds of each kind in web pages")
    parser.add_argument("--kind", choices=KINDS, help="sample this kind alone")
    parser.add_argument("--pages", type=int, default=3000, help="web pages that are timed")
    words = parser.parse_args()
    data = Path(os.environ.get("SLUICE_DATA", "../shared/data"))
    if words.sample:
        sample(list(pages(data)), words.sample, [words.kind] if words.kind else list(KINDS))
        return
    labelled(data / "pii" / "synth_dataset_v2.json", words.verbose)
    timed([text for _, text in zip(range(words.pages), pages(data), strict=False)])
    growth()


def labelled(path: Path, verbose: bool) -> dict[str, tuple[float, float]]:
    """Precision and recall of each kind that has labels; prints a line a kind."""
    documents = json.loads(path.read_text(encoding="utf-8"))
    scores = {}
    found = [find(document["full_text"]) for document in documents]
    print(f"{'kind':8} {'labels':>7} {'finds':>6} {'precision':>10} {'recall':>7}")
    for kind, label in LABELS.items():
        hits = misses = alarms = good = 0
        for document, pieces in zip(documents, found, strict=True):
            wanted = [s for s in document["spans"] if s["entity_type"] == label]
            mine = [one for one in pieces if one.kind == kind]
            for span in wanted:
                hit = any(
                    one.start < span["end_position"] and span["start_position"] < one.end for one in mine
                )
                hits, misses = hits + hit, misses + (not hit)
                if verbose and not hit:
                    print(
                        "  miss ",
                        kind,
                        beside(document["full_text"], span["start_position"], span["end_position"]),
                    )
            for one in mine:
                fits = any(one.start < s["end_position"] and s["start_position"] < one.end for s in wanted)
                good, alarms = good + fits, alarms + (not fits)
                if verbose and not fits:
                    print("  alarm", kind, beside(document["full_text"], one.start, one.end))
        scores[kind] = (good / max(1, good + alarms), hits / max(1, hits + misses))
        print(f"{kind:8} {hits + misses:7} {good + alarms:6} {scores[kind][0]:10.3f} {scores[kind][1]:7.3f}")
    other = Counter(one.kind for pieces in found for one in pieces if one.kind not in LABELS)
    print("other kinds, which have no labels:", dict(other))
    return scores


def pages(data: Path) -> Iterator[str]:
    """The texts of the web pages."""
    from resiliparse.extract.html2text import extract_plain_text
    from resiliparse.parse.encoding import bytes_to_str, detect_encoding
    from warcio.archiveiterator import ArchiveIterator

    for path in sorted((data / "web").glob("*.warc.gz")):
        with path.open("rb") as file:
            for record in ArchiveIterator(file):
                if record.rec_type == "response":
                    body = record.content_stream().read()
                    yield extract_plain_text(bytes_to_str(body, detect_encoding(body)))


def timed(texts: list[str]) -> None:
    """Processor time a page, best of three, of masking the default kinds while all are counted."""
    column = pa.array(texts, pa.large_string())
    lengths = np.fromiter(map(len, texts), np.int64)
    best = float("inf")
    for _ in range(3):
        began = time.process_time()
        mask(column, Settings())
        best = min(best, time.process_time() - began)
    mean = best / len(texts) * 1e6
    print(f"web pages: {mean:.0f} us a page, {mean / lengths.mean() * 4500:.0f} us for 4,500 characters")
    counts: Counter[str] = Counter(one.kind for text in texts for one in find(text))
    print("finds a thousand pages:", {kind: round(1000 * counts[kind] / len(texts), 1) for kind in KINDS})


def growth() -> None:
    """Milliseconds on hostile text of 2,000 and 16,000 units; linear work takes eight times as long."""
    for unit in HOSTILE:
        times = []
        for count in (2_000, 16_000):
            text = unit * count
            best = float("inf")
            for _ in range(3):
                began = time.process_time()
                mask(pa.array([text]), Settings(mask=KINDS))
                best = min(best, time.process_time() - began)
            times.append(best)
        print(f"{unit!r:32} {times[0] * 1e3:8.1f} ms {times[1] * 1e3:8.1f} ms  x{times[1] / times[0]:.1f}")


def sample(texts: list[str], count: int, kinds: list[Any]) -> None:
    """Finds in web pages, drawn by a fixed seed, at most two a page, to be judged by eye."""
    by_kind: dict[str, list[str]] = defaultdict(list)
    for text in texts:
        seen: Counter[str] = Counter()
        for one in find(text):
            seen[one.kind] += 1
            if seen[one.kind] <= 2:
                by_kind[one.kind].append(f"{one.detail:10} {beside(text, one.start, one.end)}")
    for kind in kinds:
        drawn = random.Random(SEED).sample(by_kind[kind], min(count, len(by_kind[kind])))
        print(f"== {kind}: {len(by_kind[kind])} finds, {len(drawn)} shown")
        print("\n".join(drawn))


def beside(text: str, start: int, end: int) -> str:
    """A find in brackets with what stands beside it, on one line."""
    return repr(f"{text[max(0, start - 40) : start]}⟦{text[start:end]}⟧{text[end : end + 20]}")


if __name__ == "__main__":
    main()
