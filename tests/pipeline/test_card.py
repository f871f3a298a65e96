"""The dataset card: its numbers are the ledger's, loaders read what its header names, nothing crawled gets into it."""

from __future__ import annotations

import itertools
import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
import yaml

from pipeline.card import CARD, CROISSANT, card_of, write_card
from pipeline.card.contents import license_name
from pipeline.card.header import features, iso_code, languages, size_category
from pipeline.card.markdown import OTHER, code, fenced, inert, labels
from pipeline.errors import UsageError, UserError
from pipeline.ledger import CORE_HOUR_PRICE, Ledger
from pipeline.recipe import load
from pipeline.report.funnel import funnel
from pipeline.report.run import open_run
from pipeline.stages import STAGES
from pipeline.stats import stats
from pipeline.store import open_folder
from tests.pipeline.conftest import ROOT, sets, sluice

pytestmark = pytest.mark.xdist_group("card")

ATTACK = "<script>alert(1)</script>|`x`\n\n# Owned [a](javascript:evil) ![b](http://evil.example/p.png) \x1b[31m \u202e"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small sample as far as its corpus, with its card."""
    folder = tmp_path_factory.mktemp("card")
    sluice("sample", folder / "sample.warc.gz", "--pages", "60")
    words = ["--input", folder / "sample.warc.gz", "--out", folder / "run", "--until", "corpus"]
    sluice("run", "tiny", *words, *sets(["max_failed=1"]))
    done = sluice("card", folder / "run")
    assert done.stdout.splitlines() == [str(folder / "run" / name) for name in (CARD, CROISSANT)]
    return folder / "run"


@pytest.fixture(scope="module")
def counts(run: Path) -> dict[str, Any]:
    return stats(open_folder(run))


def parts(text: str) -> tuple[dict[str, Any], str]:
    """The header, read as YAML 1.1 as the hub does, and the body."""
    found = re.fullmatch(r"---\n(.*?)\n---\n(.*)", text, re.DOTALL)
    assert found
    header: dict[str, Any] = yaml.safe_load(found[1])
    return header, found[2]


def card(run: Path) -> tuple[dict[str, Any], str]:
    return parts((run / CARD).read_text("utf-8"))


def tables(body: str) -> dict[str, list[list[str]]]:
    """Rows of each table by the head of its first column."""
    found: dict[str, list[list[str]]] = {}
    for block in re.findall(r"(?:^\|.*\n)+", body, re.MULTILINE):
        rows = [[cell.strip().strip("`") for cell in line.split("|")[1:-1]] for line in block.splitlines()]
        assert len({len(row) for row in rows}) == 1, rows
        found[rows[0][0]] = rows[2:]
    return found


def number(text: str) -> int:
    return int(text.replace(",", ""))


FENCED = re.compile(r"^(`{3,})([a-z]*)\n(.*?)^\1$", re.MULTILINE | re.DOTALL)


def blocks(body: str, language: str = "") -> list[str]:
    """What stands in the blocks of code of one language, in order."""
    return [text for _, name, text in FENCED.findall(body) if name == language]


def test_the_header_is_the_hubs_and_its_numbers_are_the_ledgers(run: Path, counts: dict[str, Any]) -> None:
    header, _ = card(run)
    files = sorted((run / "corpus").glob("*.parquet"))
    (info,) = [header["dataset_info"]]
    (split,) = info["splits"]
    assert split["num_examples"] == counts["corpus"] == sum(pq.read_metadata(one).num_rows for one in files)
    assert info["download_size"] == sum(one.stat().st_size for one in files)
    assert split["num_bytes"] == info["dataset_size"] > info["download_size"]
    assert [one["name"] for one in info["features"]] == pq.read_schema(files[0]).names
    assert header["size_categories"] == ["n<1K"]
    assert header["language"] == ["en"]
    assert header["license"] == "other"
    assert header["task_categories"] == ["text-generation"]
    assert header["pretty_name"] == "tiny corpus"


def test_what_the_header_names_loads(run: Path, counts: dict[str, Any]) -> None:
    header, body = card(run)
    (config,) = header["configs"]
    (files,) = config["data_files"]
    assert (config["config_name"], config["default"], files["split"]) == ("corpus", True, "train")
    found = ds.dataset(sorted(run.glob(files["path"])), format="parquet").to_table()
    assert found.num_rows == counts["corpus"]
    (snippet,) = [one for one in blocks(body, "python") if "duckdb" in one]
    code_ = (
        snippet.replace(".show()", ".fetchall()").replace("files.aggregate", "print(files.aggregate") + ")"
    )
    done = subprocess.run(
        [sys.executable, "-c", code_], cwd=run.parent, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == str([("en", counts["corpus"])])


def test_the_library_datasets_reads_the_folder(run: Path, counts: dict[str, Any], tmp_path: Path) -> None:
    import datasets

    found = datasets.load_dataset(str(run), split="train", cache_dir=str(tmp_path))
    assert found.num_rows == counts["corpus"]
    header, _ = card(run)
    written = datasets.Features._from_yaml_list(header["dataset_info"]["features"])
    schema = pq.read_schema(next((run / "corpus").glob("*.parquet")))
    assert written == datasets.Features.from_arrow_schema(schema)


def test_croissant_says_it_to_machines(run: Path, counts: dict[str, Any], tmp_path: Path) -> None:
    import mlcroissant

    found = json.loads((run / CROISSANT).read_text("utf-8"))
    assert found["conformsTo"] == "http://mlcommons.org/croissant/1.1"
    assert found["description"].startswith(f"{counts['corpus']:,} documents")
    (files,), (records,) = found["distribution"], found["recordSet"]
    assert len(list(run.glob(files["includes"]))) == 1
    flat = [
        one.name
        for one in pq.read_schema(next((run / "corpus").glob("*")))
        if not pa.types.is_nested(one.type)
    ]
    assert [one["source"]["extract"]["column"] for one in records["field"]] == flat
    assert any("not checked for benchmarks" in one.lower() for one in found["rai:dataLimitations"])
    read = mlcroissant.Dataset(jsonld=str(run / CROISSANT))
    assert sum(1 for _ in read.records(records["@id"])) == counts["corpus"]


def test_the_body_says_what_the_ledger_says(run: Path, counts: dict[str, Any]) -> None:
    _, body = card(run)
    found = tables(body)
    steps = [(row[0], number(row[1] or "0"), number(row[2])) for row in found["step"]]
    assert steps == [(one.name, one.removed, one.left) for one in funnel(open_run(open_folder(run)))]
    for (_, _, before), (_, removed, left) in itertools.pairwise(steps):
        assert before - removed == left
    assert (steps[0][2], steps[-1][2]) == (counts["records"], counts["corpus"])
    first = {row[0]: number(row[2]) for row in found["rule"] if row[2] != "0"}
    assert first == counts["dropped"]
    assert {row[0]: number(row[1]) for row in found["domain"]} == counts["domains"]
    assert {row[0]: number(row[1]) for row in found["kind"]} == {
        kind: of for kind, of in counts["personal_data"].items() if of
    }
    assert {row[0]: number(row[2]) for row in found["kind"]} == counts["masked"]
    assert sum(number(row[1]) for row in found["stated licence"]) == counts["corpus"]
    assert f"{counts['corpus']:,}" == dict(found[""])["documents"]
    assert dict(found[""])["digest"] == counts["digest"]
    dates = [row["date"] for row in ds.dataset(run / "corpus").to_table(columns=["date"]).to_pylist()]
    assert dict(found[""])["pages crawled"] == f"{min(dates)[:10]} to {max(dates)[:10]}"


def test_cost_and_price(run: Path) -> None:
    receipts = [one for name in STAGES for one in Ledger(open_folder(run)).closed(name)]
    hours = sum(one.cost.core_seconds for one in receipts) / 3600
    read = sum(one.cost.bytes_in for one in receipts)
    written = sum(output.bytes for one in receipts for output in one.outputs)
    for price in (CORE_HOUR_PRICE, 25.0):
        words = ["--price", str(price)] if price != CORE_HOUR_PRICE else []
        text = sluice("card", run, "--out", "-", *words).stdout
        assert (
            f"{hours:,.4f} core-hours on 1 machine: **{hours * price:,.4f}** at {price} a core-hour" in text
        )
        assert f"{read:,} bytes read" in text
        assert f"{written:,} written" in text


def test_the_printed_command_repeats_the_run(run: Path, counts: dict[str, Any]) -> None:
    _, body = card(run)
    local, job, digest = blocks(body)[:3]
    assert digest.strip() == counts["digest"]
    words, submitted = shlex.split(local), shlex.split(job)
    assert submitted[:5] == ["ray", "job", "submit", "--working-dir", "."]
    asked = submitted[submitted.index("--") + 1 :]
    assert asked[:4] == ["python", "-m", "pipeline", "run"]
    assert [one for one in asked[4:] if one not in ("--engine", "ray")] == words[2:]
    assert words[:2] == ["sluice", "run"]
    again = Path(words[words.index("--out") + 1])
    sluice(*words[1:])
    assert stats(open_folder(again))["digest"] == counts["digest"]


def test_a_card_for_many_inputs_names_a_path_list(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "run")
    (one,) = json.loads((run / "inputs.json").read_text())
    paths = [
        f"https://me:secret@host.example/crawl-data/CC-MAIN-2024-10/{index}.warc.gz" for index in range(30)
    ]
    many = [one | {"path": path, "name": path.rpartition("/")[2]} for path in paths]
    (tmp_path / "run/inputs.json").write_text(json.dumps(many))
    write_card(open_folder(tmp_path / "run"))
    header, body = card(tmp_path / "run")
    local = shlex.split(blocks(body)[0])
    listed = Path(local[local.index("--input") + 1])
    assert listed.read_text().splitlines() == [path.replace("me:secret@", "") for path in paths]
    assert "secret" not in body
    assert "without the passwords" in body
    assert dict(tables(body)[""])["crawls"] == "CC-MAIN-2024-10 (30 files)"
    assert "CC-MAIN-2024-10" in header["tags"]
    assert header["license_link"].startswith("https://commoncrawl.org/")


@pytest.mark.parametrize("last", [None, "extract", "filter", "signatures"])
def test_a_run_stopped_early(run: Path, tmp_path: Path, last: str | None) -> None:
    stages = [
        "extract",
        "filter",
        "signatures",
        "groups",
        "components",
        "members",
        "verify",
        "dedup",
        "corpus",
    ]
    kept = stages[: stages.index(last) + 1] if last else []
    shutil.copytree(run, tmp_path / "run")
    for name in set(stages) - set(kept):
        shutil.rmtree(tmp_path / "run/ledger" / name)
    write_card(open_folder(tmp_path / "run"))
    header, body = card(tmp_path / "run")
    (notice,) = re.findall(r"^\*\*Not finished\.\*\*.*$", body, re.MULTILINE)
    assert all(f"`{name}`" in notice for name in stages if name not in kept)
    assert "Nothing is masked yet" in body
    if "filter" in kept:
        assert header["configs"][0]["config_name"] == "documents"
        assert "**personal data is not masked**" in body
        assert "hf upload" not in body
    else:
        assert "configs" not in header
        assert "dataset_info" not in header
        assert "load_dataset" not in body


def test_files_that_are_gone_or_that_are_no_outputs(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "run")
    (file,) = (tmp_path / "run/corpus").glob("*.parquet")
    shutil.copy(file, file.with_name("earlier.parquet"))
    write_card(open_folder(tmp_path / "run"))
    header, _ = card(tmp_path / "run")
    assert header["configs"][0]["data_files"][0]["path"] == [f"corpus/{file.name}"]
    data = bytearray(file.read_bytes())
    data[-9:] = bytes(9)
    file.write_bytes(data)
    with pytest.raises(UserError, match="sluice repair"):
        card_of(open_folder(tmp_path / "run"))
    shutil.rmtree(tmp_path / "run/corpus")
    write_card(open_folder(tmp_path / "run"))
    header, body = card(tmp_path / "run")
    assert not (tmp_path / "run" / CROISSANT).exists()
    assert "configs" not in header
    assert "The documents are not in this folder" in body


def test_nothing_crawled_gets_into_the_card(tmp_path: Path) -> None:
    page = ATTACK.replace("Owned", "Planted")
    documents = [
        {"id": f"{index}{page}", "url": f"https://evil.example/{page}", "title": page, "date": page,
         "language": page, "license": f"javascript:evil {page}", "text": f"{page} words {index} of a page"}
        for index in range(3)
    ]  # fmt: skip
    lines = [json.dumps(one) for one in documents] + [
        json.dumps({"id": "plain", "text": "y", "language": "nob_Latn"})
    ]
    file = tmp_path / "a|b `c` <img src=x>.jsonl"
    file.write_text("\n".join(lines) + "\n")
    options = [
        "filters=[url]",
        "dedup=null",
        "train=null",
        f"name={ATTACK}",
        f"description={ATTACK}",
        "pii=null",
    ]
    sluice("run", "tiny", "--input", file, "--out", tmp_path / "run", "--until", "corpus", *sets(options))
    sluice("card", tmp_path / "run")
    text = (tmp_path / "run" / CARD).read_text("utf-8")
    header, body = card(tmp_path / "run")
    assert header["language"] == ["no"]  # Norwegian, in quotes: no truth value
    assert header["dataset_info"]["splits"][0]["num_examples"] == 4
    # No title, address, text or label of a page.
    assert "Planted" not in text + (tmp_path / "run" / CROISSANT).read_text("utf-8")
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u206f]", text)
    prose = FENCED.sub("", body)
    plain = re.sub(r"`[^`\n]*`", "", prose)
    assert set(re.findall(r"<[^>]*>?", plain)) == {"<details>", "<summary>", "</summary>", "</details>"}
    assert re.findall(r"\]\((.*?)\)", plain) == ["#versions"]
    assert "`" not in plain
    assert [row[:2] for row in tables(body)["language"]] == [["nob_Latn", "1"], [OTHER, "3"]]
    assert [row[:2] for row in tables(body)["stated licence"]] == [["another one", "3"], ["none stated", "1"]]
    assert "pages crawled" not in dict(tables(body)[""])
    assert "**Personal data is not masked**" in body
    assert "The recipe looks for none" in body


def test_an_object_store_gets_the_same_card(run: Path) -> None:
    store = fsspec.filesystem("memory")
    store.put(str(run), "/stored/run", recursive=True)
    here, there = open_folder(run), open_folder("memory://stored/run")
    try:
        write_card(there)
        assert there.read(CROISSANT) == here.read(CROISSANT)
        assert there.read(CARD).decode().replace("memory://stored/run", here.url) == card_of(here)
        recipe = shlex.split(blocks(there.read(CARD).decode())[0])[2]
        assert load(recipe) == load(f"{run}/recipe.yaml")  # the command works where the run lies
    finally:
        store.rm("/stored", recursive=True)
    with pytest.raises(UsageError, match=r"recipe memory://stored/run/recipe\.yaml: "):
        load("memory://stored/run/recipe.yaml")


def test_where_the_card_goes(run: Path, tmp_path: Path) -> None:
    assert (
        sluice("card", f"file://{run}", "--out", tmp_path / "card.md").stdout == f"{tmp_path / 'card.md'}\n"
    )
    assert (tmp_path / "card.md").read_text("utf-8") == (run / CARD).read_text("utf-8")
    done = sluice("card", tmp_path, check=False)
    assert done.returncode == 1
    assert "no run folder" in done.stderr
    done = sluice("card", run, "--out", tmp_path / "nowhere/card.md", check=False)
    assert done.returncode == 2
    assert "there is no folder" in done.stderr
    assert sluice("verify", run).stdout.startswith("ok")


@pytest.mark.parametrize(
    ("count", "category"),
    [
        (0, "n<1K"),
        (999, "n<1K"),
        (1000, "1K<n<10K"),
        (10**6, "1M<n<10M"),
        (10**9 - 1, "100M<n<1B"),
        (10**12, "n>1T"),
    ],
)
def test_size_categories(count: int, category: str) -> None:
    assert size_category(count) == category


@pytest.mark.parametrize(
    ("label", "iso"),
    [("en", "en"), ("eng_Latn", "en"), ("als", "gsw"), ("als_Latn", "sq"), ("nob_Latn", "no"), ("ceb", "ceb"),
     ("und", None), ("zxx", None), ("<b>", None), ("EN", None), ("x" * 9, None)],
)  # fmt: skip
def test_iso_codes(label: str, iso: str | None) -> None:
    assert iso_code(label) == iso


def test_languages_of_the_header_have_a_share() -> None:
    assert languages({"en": 980, "deu_Latn": 8, "de": 2, "fr": 9, "und": 1}) == ["en", "de"]
    assert languages({}) == []


@pytest.mark.parametrize(
    ("stated", "name"),
    [
        (None, "none stated"),
        ("  ", "none stated"),
        ("https://creativecommons.org/licenses/by-sa/4.0/deed.de http://x.example", "CC BY-SA 4.0"),
        ("http://www.creativecommons.org/licenses/by-nc-nd/2.5", "CC BY-NC-ND 2.5"),
        ("https://creativecommons.org/publicdomain/zero/1.0/", "CC0 1.0"),
        ("https://creativecommons.org.evil.example/licenses/by/4.0/", "another one"),
        ("https://creativecommons.org/licenses/by<script>/4.0", "another one"),
    ],
)
def test_license_names(stated: str | None, name: str) -> None:
    assert license_name(stated) == name


def test_types_that_loaders_name_otherwise_are_left_to_them() -> None:
    plain = pa.schema(
        [("a", pa.float32()), ("b", pa.list_(pa.string())), ("c", pa.list_(pa.struct([("d", pa.int8())])))]
    )
    assert features(plain) == [
        {"name": "a", "dtype": "float32"},
        {"name": "b", "list": "string"},
        {"name": "c", "list": [{"name": "d", "dtype": "int8"}]},
    ]
    for kind in (
        pa.dictionary(pa.int8(), pa.string()),
        pa.list_(pa.list_(pa.int8())),
        pa.decimal128(9),
        pa.null(),
    ):
        assert features(pa.schema([("a", kind)])) is None


def test_text_in_markdown_stays_text() -> None:
    shown = inert(ATTACK + " www.evil.example a_b _c_ key: value")
    assert not set(str(shown)) & set("<>|`[]*!\\\x1b\n\u202e")
    assert "www.evil" not in shown
    assert "a_b" in shown
    assert " _c_" not in shown
    assert "key: value" in shown
    assert code("language ≤ 0.65") == "`language ≤ 0.65`"
    assert not set(str(code(ATTACK))) & set("<>|`")
    block = fenced("a\n````\n<b>\x1b")
    assert block.splitlines() == ["`````", "a", "````", "<b>\\u001b", "`````"]


def test_labels_are_plain_words_or_counted_together() -> None:
    counts = {"law": 5, "<b>": 4, "real estate": 3, "x" * 60: 2, "http://evil": 1, "art": 3}
    assert labels(counts, 2) == [("law", 5), ("art", 3), (OTHER, 10)]
    assert labels({"law": 1}, 5) == [("law", 1)]


def test_importing_the_card_is_light() -> None:
    code_ = "import sys, pipeline.card; print({'jinja2', 'pyarrow', 'torch', 'duckdb'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code_], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
