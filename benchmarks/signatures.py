"""Milliseconds from text to MinHash signature and band keys, beside datasketch and datatrove, on one core.

Documents of about 4,500 bytes, from real pages in $SLUICE_DATA/web or from docstrings of this installation. Sluice:
`signed` with FineWeb's settings (form, 128-bit hash, 5-grams, 112 rows, 14 keys). datasketch: its defaults (128 rows,
SHA-1) on the words of the normal form, which it is given for nothing. datatrove: shingles and signature of
MinhashDedupSignature with its defaults. Times are the processor's, of interleaved tries; medians are told. On the way
the rows of `affine32` are compared with datasketch's for the same shingles.

    python benchmarks/signatures.py [--documents N] [--tries N] [--warc FILE]
"""

from __future__ import annotations

import argparse
import importlib
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # before this folder, whose filters.py hides the package

SIZE = 4500
SETTINGS = {
    "words, affine32": {},
    "words, legacy": {"variant": "legacy"},
    "24 characters, 20 x 13": {"unit": "characters", "ngram": 24, "bands": 20, "rows": 13},
    "datatrove's variant": {"variant": "datatrove"},
}


def main() -> None:
    """Parse the command line, measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--documents", type=int, default=300, help="how many documents a try takes")
    parser.add_argument("--tries", type=int, default=7)
    parser.add_argument("--warc", type=Path, help="pages to use; default the first of $SLUICE_DATA/web")
    chosen = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    texts = documents(chosen.warc, chosen.documents)
    sizes = [len(text.encode()) for text in texts]
    print(f"{len(texts)} documents of {statistics.mean(sizes):.0f} bytes, {chosen.tries} tries")
    compare(texts)
    report(measured(works(texts), chosen.tries, len(texts)))


def documents(warc: Path | None, count: int) -> list[str]:
    """Texts of about 4,500 bytes."""
    if warc is None and (data := os.environ.get("SLUICE_DATA")):
        warc = Path(data) / "web" / "TEST-PUBLIC-00000.warc.gz"
    found: list[str] = []
    for text in page_texts(warc) if warc and warc.is_file() else passages():
        for start in range(0, len(text.encode()) - SIZE + 1, SIZE):
            found.append(text.encode()[start : start + SIZE].decode("utf-8", "ignore"))
            if len(found) == count:
                return found
    return found


def page_texts(warc: Path) -> Iterator[str]:
    """Visible text of the pages of a WARC."""
    from resiliparse.extract.html2text import extract_plain_text
    from warcio.archiveiterator import ArchiveIterator

    with warc.open("rb") as stream:
        for record in ArchiveIterator(stream):
            html = record.content_stream().read() if record.rec_type == "response" else b""
            if 0 < len(html) < 500_000:
                yield extract_plain_text(html.decode("utf-8", "replace"), main_content=True)


def passages() -> Iterator[str]:
    """Docstrings of installed distributions."""
    from pipeline.sample.docstrings import DISTRIBUTIONS
    from pipeline.sample.docstrings import passages as of
    from pipeline.sample.prose import Novelty

    novelty = Novelty()
    for name in DISTRIBUTIONS:
        yield "\n".join(passage.text for passage in of(name, novelty))


def works(texts: list[str]) -> dict[str, Callable[[], Any]]:
    """What is measured, by name."""
    import pyarrow as pa

    from pipeline.dedup.normal import normal_form
    from pipeline.dedup.settings import DedupSettings, MinHashSettings
    from pipeline.dedup.sign import signed

    column = pa.array(texts)
    normal = normal_form(column).to_pylist()
    found: dict[str, Callable[[], Any]] = {}
    for name, values in SETTINGS.items():
        settings = DedupSettings(minhash=MinHashSettings(**values))  # type: ignore[arg-type]
        found[name] = lambda settings=settings: signed(column, settings)
    found["datasketch"] = lambda: datasketch_signatures(normal)
    step, hash_name = datatrove_step()
    found[f"datatrove, {hash_name}"] = lambda: [step.get_signature(step.get_shingles(text)) for text in texts]
    return found


def datasketch_signatures(normal: list[str]) -> list[Any]:
    """Signatures as datasketch makes them of word 5-grams; all share the permutations of one."""
    from datasketch import MinHash

    def ngrams(text: str) -> list[bytes]:
        words = text.split()
        return [" ".join(words[at : at + 5]).encode() for at in range(max(len(words) - 4, 1))]

    return list(MinHash.generator(map(ngrams, normal)))


def datatrove_step() -> tuple[Any, str]:
    """datatrove's step, with SHA-1 where xxhash, its default, is not installed or (4.0 and later) refuses text."""
    from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupSignature
    from datatrove.utils.hashing import HashConfig

    try:
        importlib.import_module("xxhash").xxh64_intdigest("")
        name = "xxhash"
    except (ImportError, TypeError):
        name = "sha1"
    config = MinhashConfig(hash_config=HashConfig(hash_fc=name))  # type: ignore[arg-type]
    return MinhashDedupSignature(tempfile.gettempdir(), config), name


def compare(texts: list[str]) -> None:
    """Prints whether the rows of `affine32` are datasketch's for the same shingles."""
    import pyarrow as pa
    from datasketch import MinHash

    from pipeline.dedup.settings import MinHashSettings
    from pipeline.dedup.sign import shingle_sets, signatures

    settings = MinHashSettings()
    column = pa.array(texts)
    hashes, offsets = shingle_sets(column, settings)
    same = 0
    for number, row in enumerate(signatures(column, settings)):
        theirs = MinHash(num_perm=len(row), seed=settings.seed, hashfunc=lambda value: value)
        theirs.update_batch(hashes[offsets[number] : offsets[number + 1]])
        same += bool((theirs.hashvalues == row).all())
    print(f"{same} of {len(texts)} signatures equal datasketch's of the same shingles")


def measured(found: dict[str, Callable[[], Any]], tries: int, count: int) -> dict[str, float]:
    """Milliseconds a document, medians of interleaved tries."""
    took: dict[str, list[float]] = {name: [] for name in found}
    for attempt in range(tries + 1):
        for name, work in found.items():
            begin = time.process_time()
            work()
            if attempt:  # the first one loads
                took[name].append((time.process_time() - begin) * 1000 / count)
    return {name: statistics.median(values) for name, values in took.items()}


def report(medians: dict[str, float]) -> None:
    """Prints a line for each, with how many times faster `affine32` is."""
    ours = next(iter(medians.values()))
    for name, median in medians.items():
        print(f"{name:26}{median:9.4f} ms a document{median / ours:9.1f} x")


if __name__ == "__main__":
    main()
