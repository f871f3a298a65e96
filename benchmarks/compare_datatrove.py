"""Compares Sluice with datatrove's FineWeb pipeline: time on one core, and decisions on the same text.

Time: both go from one WARC file to MinHash signatures (URL, trafilatura, language, Gopher repetition and quality,
C4, FineWeb), each in a process of its own that is bound to one core; Sluice (which also removes duplicates) with
trafilatura and with its own extractor. What either takes for a file of one page is its start, and is subtracted.
Decisions: every text that Sluice extracted is given to each filter of both, one filter at a time, and to the FineWeb
filters as C4's cleaning left it; rates of agreement are printed, and every disagreement with both sides' reasons.
datatrove's language filter gets the same local model (lid.176.ftz), by fastText's own library, instead of the one that
it would download, its URL filter the bundled suffix list.

    python benchmarks/compare_datatrove.py [--file WARC] [--pages N] [--skip-timing]
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

# datatrove's reasons in the words of this project's rules.
REASONS = {
    "domain": "domain",
    "subdomain": "subdomain",
    "url": "address",
    "hard_blacklisted": "banned_words",
    "soft_blacklisted": "soft_words",
    "blacklisted_subword": "subwords",
    "gopher_short_doc": "short",
    "gopher_long_doc": "long",
    "gopher_below_avg_threshold": "short_words",
    "gopher_above_avg_threshold": "long_words",
    "gopher_too_many_hashes": "hashes",
    "gopher_too_many_ellipsis": "ellipses",
    "gopher_too_many_bullets": "bullet_lines",
    "gopher_too_many_end_ellipsis": "ellipsis_lines",
    "gopher_below_alpha_threshold": "alphabetic_words",
    "gopher_enough_stop_words": "stop_words",
    "too_few_sentences": "sentences",
    "line_punct_ratio": "line_punct",
    "short_line_ratio": "short_lines",
    "char_dup_ratio": "char_dup",
    "list_ratio": "newline_ratio",
    **{f"duplicated_{n}_n_grams": f"dup_{n}_gram" for n in range(5, 11)},
}


def main() -> None:
    """Parse the command line and run what it asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--file", type=Path, help="a WARC file; default the first of $SLUICE_DATA/web")
    parser.add_argument("--pages", type=int, help="use only the first N pages")
    parser.add_argument("--skip-timing", action="store_true", help="compare decisions only")
    parser.add_argument("--role", choices=["datatrove"], help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.role:
        run_datatrove(chosen.file, chosen.out)
        return
    file = chosen.file or Path(os.environ["SLUICE_DATA"]) / "web" / "TEST-PUBLIC-00000.warc.gz"
    with tempfile.TemporaryDirectory(prefix="compare-") as folder:
        work = Path(folder)
        os.environ["HF_HOME"] = str(work / "hf")  # datatrove unpacks its lists there
        warc = first_pages(file, chosen.pages, work / file.name) if chosen.pages else file
        if not chosen.skip_timing:
            compare_times(warc, work)
        texts = work / "texts"
        sluice(warc, texts, "extract", "--set", "extract.cascade=null")
        compare_decisions(texts)


def first_pages(file: Path, pages: int, out: Path) -> Path:
    """Copies the file up to the end of its `pages`-th response; members are gzip members, so a prefix is a WARC."""
    from warcio.archiveiterator import ArchiveIterator

    end = file.stat().st_size
    with file.open("rb") as stream:
        records = ArchiveIterator(stream)
        for record in records:
            if record.rec_type == "response":
                pages -= 1
                if pages == 0:
                    record.content_stream().read()
                    end = records.get_record_offset() + records.get_record_length()
                    break
    with file.open("rb") as stream, out.open("wb") as copy:
        copy.write(stream.read(end))
    return out


def on_one_core(command: list[str]) -> float:
    """Runs a command bound to one core and returns its seconds."""
    core = sorted(os.sched_getaffinity(0))[-1]
    begin = time.perf_counter()
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "ARROW_NUM_THREADS": "1"}
    subprocess.run(
        command,
        check=True,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        preexec_fn=lambda: os.sched_setaffinity(0, {core}),
    )
    return time.perf_counter() - begin


def sluice(warc: Path, out: Path, until: str, *settings: str) -> float:
    """Seconds of the recipe `fineweb` up to a stage."""
    command = [sys.executable, "-m", "pipeline", "run", "fineweb", "--input", str(warc), "--out", str(out)]
    return on_one_core([*command, "--until", until, "--workers", "1", "--engine", "local", *settings])


def compare_times(warc: Path, work: Path) -> None:
    """Prints the seconds of both roads, without what each takes for a file of one page: its start."""
    this = [sys.executable, str(Path(__file__))]
    one = first_pages(warc, 1, work / f"one-{warc.name}")

    def datatrove(file: Path, name: str) -> float:
        return on_one_core([*this, "--file", str(file), "--role", "datatrove", "--out", str(work / name)])

    subprocess.run(
        [*this, "--file", str(one), "--role", "datatrove", "--out", str(work / "warm")],
        check=True,
        env={**os.environ, "COMPARE_WARM_UP": "1"},
    )  # unpacks the block list, which is not part of the work
    times = {"datatrove 0.10.1, trafilatura": (datatrove(warc, "signatures"), datatrove(one, "start"))}
    for extractor in ("trafilatura", "blocks"):
        chosen = ("--extractor", extractor)
        whole = sluice(warc, work / f"run-{extractor}", "dedup", *chosen)
        times[f"sluice, {extractor}"] = whole, sluice(one, work / f"start-{extractor}", "dedup", *chosen)
    print(
        f"\n{'WARC to MinHash signatures, one core':40}{'seconds':>9}{'start':>8}{'without':>9}{'ratio':>8}"
    )
    theirs = None
    for name, (whole, start) in times.items():
        theirs = theirs or whole - start
        print(f"{name:40}{whole:9.1f}{start:8.1f}{whole - start:9.1f}{theirs / (whole - start):8.2f}")
    print()


@functools.cache
def _fasttext_model() -> Any:
    from fasttext.FastText import _FastText

    from pipeline import assets

    return _FastText(model_path=str(assets.paths("lid176")[0]))


def local_language_model() -> Any:
    """datatrove's language model class over the installed file; its executor copies steps, so it holds no model."""
    from datatrove.utils.lid import FT176LID

    class Installed(FT176LID):
        @property
        def model(self) -> Any:
            return _fasttext_model()

    return Installed(["en"])


def datatrove_filters() -> dict[str, Any]:
    """datatrove's filters with FineWeb's settings, by this project's names; no network."""
    from datatrove.pipeline.filters import (
        C4QualityFilter,
        FineWebQualityFilter,
        GopherQualityFilter,
        GopherRepetitionFilter,
        LanguageFilter,
        URLFilter,
    )
    from tldextract import TLDExtract

    language = LanguageFilter(languages="en")
    language.model = local_language_model()
    url = URLFilter()
    url.tldextractor = TLDExtract(suffix_list_urls=(), cache_dir=None)
    return {
        "url": url,
        "language": language,
        "gopher_repetition": GopherRepetitionFilter(),
        "gopher_quality": GopherQualityFilter(),
        "c4": C4QualityFilter(filter_no_terminal_punct=False),
        "fineweb": FineWebQualityFilter(),
    }


def run_datatrove(file: Path, out: Path) -> None:
    """datatrove's FineWeb pipeline over one file, in its published order, up to MinHash signatures."""
    import warnings

    from datatrove.executor.local import LocalPipelineExecutor
    from datatrove.pipeline.dedup import MinhashDedupSignature
    from datatrove.pipeline.dedup.minhash import MinhashConfig
    from datatrove.pipeline.extractors import Trafilatura
    from datatrove.pipeline.readers import WarcReader
    from datatrove.utils.hashing import HashConfig

    warnings.simplefilter("ignore", DeprecationWarning)
    filters = datatrove_filters()
    if os.environ.get("COMPARE_WARM_UP"):
        filters["url"].download_data()
        return
    config = MinhashConfig(
        hash_config=HashConfig(hash_fc="sha1", precision=64), num_buckets=14, hashes_per_bucket=8
    )
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(out)
    LocalPipelineExecutor(
        pipeline=[
            WarcReader(str(file.parent), glob_pattern=file.name),
            filters.pop("url"),
            Trafilatura(favour_precision=True),
            *filters.values(),
            MinhashDedupSignature(output_folder=str(out / "signatures"), config=config),
        ],
        tasks=1,
        logging_dir=str(out / "logs"),
    ).run()


def extracted(run: Path) -> pa.Table:
    """Documents with text, in order of file and offset."""
    tables = [pq.read_table(path) for path in sorted((run / "extracted").glob("*.parquet"))]
    table = pa.concat_tables(tables).sort_by([("warc_file", "ascending"), ("warc_offset", "ascending")])
    return table.filter(pa.array([bool(text and text.strip()) for text in table["text"].to_pylist()]))


def compare_decisions(run: Path) -> None:
    """Prints agreement and time for each filter, then every disagreement."""
    import warnings

    from filters.chain import Chain, asset_names, chain_steps
    from pipeline import assets

    warnings.simplefilter("ignore", DeprecationWarning)
    documents = extracted(run)
    print(
        f"{documents.num_rows} texts\n{'filter':20}{'same':>8}{'reason':>8}{'text':>8}{'us here':>10}{'us there':>10}"
    )
    disagreements: list[str] = []
    for name, theirs in datatrove_filters().items():
        steps = chain_steps([name])
        chain = Chain(steps, {asset: assets.load(asset) for asset in asset_names(steps)})
        chain.apply(documents.slice(0, 1))  # loads what is loaded once
        decide_there(theirs, documents.slice(0, 1))
        ours, here = timed(lambda chain=chain, table=documents: in_batches(chain, table))
        answers, there = timed(lambda theirs=theirs, table=documents: decide_there(theirs, table))
        same, reasons, texts = rates(name, ours, answers, documents, disagreements)
        pages = documents.num_rows / 1e6
        print(f"{name:20}{same:8.2%}{reasons:8.2%}{texts:8.2%}{here / pages:10.0f}{there / pages:10.0f}")
        if name == "c4":
            documents = documents.set_column(documents.schema.get_field_index("text"), "text", ours[2])
    print("\n" + ("\n".join(disagreements) or "no document was decided differently"))


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """What `work` returns, and its seconds."""
    begin = time.perf_counter()
    return work(), time.perf_counter() - begin


def in_batches(chain: Any, documents: pa.Table) -> tuple[list[bool], list[str | None], pa.ChunkedArray]:
    """Keep, first reason and text by Sluice."""
    keep: list[bool] = []
    reason: list[str | None] = []
    texts: list[pa.Array] = []
    for begin in range(0, documents.num_rows, 512):
        applied = chain.apply(documents.slice(begin, 512))
        keep += applied.verdict.keep.tolist()
        reason += applied.verdict.reason.to_pylist()
        texts += applied.documents["text"].chunks
    return keep, reason, pa.chunked_array(texts)


def decide_there(theirs: Any, documents: pa.Table) -> list[tuple[bool, str | None, str]]:
    """Keep, reason and text by datatrove."""
    from datatrove.data import Document
    from datatrove.pipeline.filters.base_filter import get_filter_result

    found = []
    for text, url in zip(documents["text"].to_pylist(), documents["url"].to_pylist(), strict=True):
        document = Document(text=text, id="", metadata={"url": url})
        keep, reason = get_filter_result(theirs.filter(document)) if text else (False, "empty")
        found.append((bool(keep), reason, document.text))
    return found


def rates(
    name: str,
    ours: Any,
    answers: list[tuple[bool, str | None, str]],
    documents: pa.Table,
    disagreements: list[str],
) -> tuple[float, float, float]:
    """Shares of equal decisions, of equal first reasons where both drop, and of equal texts where both keep."""
    same, reasons, texts = [], [], []
    rows = zip(*ours, answers, documents["id"].to_pylist(), strict=True)
    for keep, reason, text, (kept, why, edited), identity in rows:
        same.append(keep == kept)
        rule = (reason or "").partition(".")[2]
        if keep and kept:
            texts.append(text.as_py() == edited)
        elif not keep and not kept and why:
            reasons.append(rule == REASONS.get(why, why))
        elif keep != kept:
            disagreements.append(f"{identity}  {name}: here {reason or 'kept'}, datatrove {why or 'kept'}")
    return tuple(sum(part) / len(part) if part else 1.0 for part in (same, reasons, texts))  # type: ignore[return-value]


if __name__ == "__main__":
    main()
