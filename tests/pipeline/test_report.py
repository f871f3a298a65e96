"""The report: its numbers are the ledger's and add up, hostile text is inert, a run stopped anywhere has one."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shlex
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import fsspec
import lxml.html
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from lxml.html import HtmlElement

from pipeline.dedup.settings import DEDUP_STAGES
from pipeline.errors import UserError
from pipeline.ledger import Ledger
from pipeline.report import write_report
from pipeline.report.axes import short, ticks
from pipeline.report.charts import Bin, Panel, Score, Series, bar, histogram, line_chart, score_chart
from pipeline.report.provenance import without_credentials
from pipeline.report.run import open_run
from pipeline.report.signals import histograms
from pipeline.road import read_inputs
from pipeline.stages import STAGES
from pipeline.stages.filter import bin_labels
from pipeline.stats import stats
from pipeline.store import open_folder
from pipeline.store.parquet import read_table
from tests.pipeline.conftest import ROOT, sets, sluice
from tests.pipeline.conftest import rows as documents

pytestmark = pytest.mark.xdist_group("cli")  # shares the clean run of the session

ATTACK = (
    "<script>alert(1)</script> {{ 7*7 }} {% raw %} </pre></style></title><img src=x onerror=alert(1)> "
    "\x1b[31mred \x1b]0;owned\x07 \u202edesrever\u2066 \x00 http://evil.example/ &lt;b&gt; mail me@corporate-mail.de "
)
PROSE = """
The council of the old harbour town met on Tuesday to decide what should be done about the bridge.
It was built more than a century ago, and heavy traffic has worn its stones with every passing winter.
Engineers who looked at the arches reported that two of them have moved by the width of a thumb.
Repairing them would close the road for most of the summer, which shopkeepers fear.
A second plan, favoured by younger members, would send lorries around the hills instead.
Nobody knows yet who is going to pay, since the county has promised only half of the sum.
The mayor said that people will be asked for their opinion before anything is signed.
"""


def written(run: Path) -> HtmlElement:
    write_report(open_folder(run))
    return lxml.html.document_fromstring((run / "report.html").read_bytes().decode())


def key(page: HtmlElement, name: str) -> str:
    (found,) = page.xpath(f"//*[@data-key='{name}']")
    return str(found.text_content())


def number(text: str) -> int:
    return int(text.replace(",", "").replace("−", "-"))


def rows(page: HtmlElement, attribute: str) -> dict[str, list[str]]:
    """Rows that carry a data attribute: its value to the cells' texts, the head of the row apart."""
    found = page.xpath(f".//tr[@{attribute}]")
    return {row.get(attribute): [cell.text_content().strip() for cell in row.xpath("./td")] for row in found}


@pytest.fixture(scope="module")
def page(clean: Path) -> HtmlElement:
    return written(clean)


@pytest.fixture(scope="module")
def counts(clean: Path) -> dict[str, Any]:
    return stats(open_folder(clean))


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run over documents that attack whoever looks at them: one is kept, one dropped, one cannot be read."""
    folder = tmp_path_factory.mktemp("hostile")
    documents = [
        {"id": "a<b>&'\"", "url": "javascript:alert(1)//<svg onload=x>", "title": ATTACK, "text": ATTACK * 3},
        {
            "id": "kept",
            "url": "https://good.example/\u202e\x1b]0;x",
            "title": f"</title>{ATTACK}",
            "text": ATTACK + PROSE,
        },
    ]
    lines = [json.dumps(one) for one in documents] + ["{<script>alert(2)</script>"]
    (folder / "docs.jsonl").write_text("\n".join(lines) + "\n")
    # A third of the documents fail, which is more than a run accepts without exit code 3.
    options = ["max_failed=1", "filters.gopher_quality.min_alphabetic_words=0.7"]
    options += ["filters.c4.max_curly_bracket_lines=9"]
    command = ["run", "tiny", "--input", folder / "docs.jsonl", "--out", folder / "run", "--until", "corpus"]
    sluice(*command, *sets(options))
    return folder / "run"


def test_headline_and_lists_are_the_ledgers(page: HtmlElement, counts: dict[str, Any]) -> None:
    assert number(key(page, "records")) == counts["records"]
    assert number(key(page, "corpus")) == counts["corpus"]
    assert number(key(page, "tokens")) == sum(counts["tokens"].values())
    assert number(key(page, "train")) == counts["tokens"]["train"]
    assert key(page, "digest") == counts["digest"]
    assert key(page, "core-hours") == f"{sum(counts['core_seconds'].values()) / 3600:.3f}"
    for name, group in (("failed", "failed"), ("duplicates", "duplicates"), ("masked", "masked")):
        shown = {kind: number(cells[0]) for kind, cells in rows(page, f"data-{name}").items()}
        assert shown == {kind: count for kind, count in counts[group].items() if count or name != "failed"}
    (table,) = page.xpath("//caption[.='The corpus by domain']/..")
    shown = {row.get("data-domain"): row.xpath("./td") for row in table.xpath(".//tr[@data-domain]")}
    assert {name: number(cells[0].text_content()) for name, cells in shown.items()} == counts["domains"]
    assert sum(number(cells[2].text_content()) for cells in shown.values()) == counts["tokens"]["train"]
    assert sum(number(cells[3].text_content()) for cells in shown.values()) == counts["tokens"]["heldout"]


def test_the_cost_is_the_receipts_in_hours_bytes_and_money(clean: Path, tmp_path: Path) -> None:
    receipts = [one for name in STAGES for one in Ledger(open_folder(clean)).closed(name)]
    seconds = sum(one.cost.core_seconds for one in receipts)
    shutil.copytree(clean, tmp_path / "run")
    for price, words in ((0.04, ()), (1.5, ("--price", "1.5"))):
        sluice("report", tmp_path / "run", *words)
        page = lxml.html.document_fromstring((tmp_path / "run/report.html").read_bytes().decode())
        assert key(page, "price") == f"{seconds / 3600 * price:,.4f}"
        assert f"at {price} a core-hour" in page.text_content()
    written_bytes = sum(output.bytes for one in receipts for output in one.outputs)
    for name, of in (("bytes-in", sum(one.cost.bytes_in for one in receipts)), ("bytes-out", written_bytes)):
        assert page.xpath(f"//*[@data-key='{name}']/@data-bytes") == [str(of)]
    assert sluice("verify", tmp_path / "run").returncode == 0  # the new page's digest is in the root


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("https://me:pw@host.example/a.warc.gz", "https://host.example/a.warc.gz"),
        ("https://host.example/a.warc.gz?X-Amz-Signature=1&b=2", "https://host.example/a.warc.gz"),
        ("https://host.example/get?file=a.warc.gz", "https://host.example/get?file=a.warc.gz"),
        ("s3://bucket/a.warc.gz", "s3://bucket/a.warc.gz"),
        ("/home/a@b/c?token=1.warc", "/home/a@b/c?token=1.warc"),
    ],
)
def test_no_credentials_in_the_commands(path: str, shown: str) -> None:
    assert without_credentials(path) == shown


def test_the_funnel_adds_up(page: HtmlElement, clean: Path, counts: dict[str, Any]) -> None:
    steps = page.xpath("//tr[@data-step]")
    left = [int(step.xpath("./td/@data-left")[0]) for step in steps]
    removed = [int(step.xpath("./td/@data-removed")[0]) for step in steps]
    assert left[0] == counts["records"]
    assert left[-1] == counts["corpus"]
    assert all(
        before - gone == after for before, gone, after in zip(left, removed[1:], left[1:], strict=False)
    )
    for step, gone in zip(steps, removed, strict=True):
        why = "".join(step.xpath(".//span[@class='why']/text()"))
        assert sum(int(one.replace(",", "")) for one in re.findall(r" ([\d,]+)(?:, |$)", why)) == gone
    sizes = [int(size) for size in page.xpath("//tr[@data-step]/td/@data-bytes")]
    assert sizes == sorted(sizes, reverse=True)
    texts = (row["text"] for row in documents(clean, "corpus").values())
    assert sizes[-1] == sum(len(text.encode()) for text in texts)
    assert steps[-1].xpath("./td")[4].text_content() == f"{sum(counts['tokens'].values()):,}"
    by_name = {step.get("data-step"): value for step, value in zip(steps, left, strict=True)}
    assert by_name["responses"] == counts["responses"]
    names = [step.get("data-step") for step in steps]
    filters = ["url", "language", "gopher_repetition", "gopher_quality", "c4", "fineweb"]
    assert [
        name.removeprefix("after ") for name in names if name.removeprefix("after ") in filters
    ] == filters


def test_rules_count_first_and_all_failures(page: HtmlElement, clean: Path, counts: dict[str, Any]) -> None:
    failing: Counter[str] = Counter()
    for receipt in Ledger(open_folder(clean)).closed("filter"):
        failing.update(receipt.counts["failing"])
    shown = rows(page, "data-rule")
    assert {rule: number(cells[1]) for rule, cells in shown.items() if number(cells[1])} == counts["dropped"]
    assert {rule: number(cells[2]) for rule, cells in shown.items()} == failing
    assert all(number(cells[2]) >= number(cells[1]) for cells in shown.values())


@pytest.mark.parametrize("tallest", [0.02, 0.06, 0.08, 0.13, 0.36, 0.5, 0.99])
def test_a_histogram_says_its_scale_and_has_ticks_enough_to_read_it_by(tallest: float) -> None:
    bins = [Bin(0, 1, tallest, tallest / 9)]
    drawn = lxml.html.fromstring(str(histogram("title", "description", bins, [], [], "words")))
    texts = drawn.xpath(".//text")
    assert "share of each side, square-root scale" in [one.text for one in texts]
    above = {
        float(one.text.rstrip("%")) / 100: 98 + 4 - float(one.get("y"))
        for one in texts
        if one.text.endswith("%") and float(one.get("y")) < 98 + 4
    }
    assert len(above) >= 3
    assert sorted(above.values()) == list(above.values())
    assert min(b - a for a, b in zip([0.0, *above.values()], above.values(), strict=False)) >= 11
    (kept,) = drawn.xpath(".//rect[@class='kept']")
    for share, height in above.items():  # four times the share is twice as high
        assert height == pytest.approx(float(kept.get("height")) * (share / tallest) ** 0.5, abs=0.2)


def test_histograms_show_every_measured_document_and_the_threshold(clean: Path) -> None:
    """Of a page that the cascade screened most signals were not measured."""
    run = open_run(open_folder(clean))
    shown = histograms(run)
    tables = [read_table(run.folder, output.name) for _, output in run.files("filter", "dropped")]
    dropped = pa.concat_tables(tables)
    assert 4 <= len(shown) <= 8
    assert len({one.column for one in shown}) == len(shown)
    for one in shown:
        svg = lxml.html.fragment_fromstring(str(one.chart))
        said = svg.xpath("string(./desc)")
        assert one.failing > 0
        assert re.findall(r"[\d,]+(?= kept| dropped)", said) == [
            f"{sum(r.counts['out'] for r in run.closed['filter']):,}",
            f"{dropped.num_rows - dropped[one.column].null_count:,}",
        ]
        assert svg.xpath("./line[@class='threshold']")
        assert svg.xpath("./rect[@class='kept']")
        assert svg.xpath("./rect[@class='dropped']")


def test_bins_depend_on_the_value_alone() -> None:
    values = np.array([0.0, 0.02, 0.29, 0.57, 0.58, 1.0, 1.5, 2.0, 50.0, float("nan")])
    together = bin_labels(values, True)
    assert together.tolist() == [bin_labels(values[at : at + 1], True)[0] for at in range(len(values))]
    assert together.tolist() == ["0", "0.02", "0.28", "0.56", "0.58", "1", "1.414", "2", "45.25", "0"]
    assert bin_labels(np.array([0.0, 1.0, 2.0, 4.0, 5.0]), False).tolist() == ["0", "1", "2", "4", "4.757"]


def test_planted_cases_are_scored(page: HtmlElement, clean: Path) -> None:
    truth = Path(read_inputs(open_folder(clean))[0].path + ".truth.jsonl").read_text().splitlines()
    planted = Counter(json.loads(line)["case"] for line in truth if "group" not in json.loads(line)["expect"])
    shown = {case: [number(cells[0]), number(cells[1])] for case, cells in rows(page, "data-case").items()}
    assert {case: of for case, (_, of) in shown.items() if case in planted} == planted
    assert set(shown) - set(planted) == {"exact_duplicate", "near_duplicate", "mirror", "boilerplate"}
    for case in ("exact_duplicate", "mirror", "keyword_spam", "not_ok", "not_html", "hostile", "phone"):
        assert shown[case][0] == shown[case][1] > 0, case
    sums = [
        sum(one[at] for case, one in shown.items() if case not in {"plain", "boilerplate"}) for at in (0, 1)
    ]
    assert f"{sums[0]} of {sums[1]} planted cases" in page.text_content()


def test_training_and_scores_are_the_receipts(page: HtmlElement, clean: Path) -> None:
    ledger = Ledger(open_folder(clean))
    models = [*ledger.closed("train"), *ledger.closed("anneal")]
    scores = {receipt.shard: receipt.values["scores"] for receipt in ledger.closed("eval")}
    shown = rows(page, "data-model")
    assert (
        list(shown) == [one.shard for one in models] == ["stable", "no_decay", "decay_same", "decay_better"]
    )
    for one in models:
        cells = shown[one.shard]
        overall = scores[one.shard]["overall"]
        assert number(cells[1]) == one.values["tokens"]
        parts, plan = one.cost.parts, models[0].values["plan"]
        speed = parts["trained_tokens"] / parts["train_seconds"]
        utilisation = speed * plan["flops_per_token"] / parts["peak_flops"]
        assert cells[2:4] == [f"{speed:,.0f}", f"{100 * utilisation:,.1f} %"]
        assert cells[4:] == [
            f"{one.values['last_loss']:,.4f}",
            f"{overall['bits_per_byte']:,.4f}",
            f"{overall['perplexity']:,.2f}",
        ]
    assert len({shown[arm][1] for arm in list(shown)[1:]}) == 1  # equal tokens
    assert key(page, "loss") == f"{models[-1].values['last_loss']:.3f}"
    (table,) = page.xpath("//table[@class='evaluation']")
    by_domain = rows(table, "data-domain")
    assert set(by_domain) == set(scores["stable"]["domains"])
    for domain, cells in by_domain.items():
        row = scores["decay_same"]["domains"][domain]
        assert [number(cells[0]), number(cells[1])] == [row["documents"], row["tokens"]]
        assert cells[6:8] == [f"{row['bits_per_byte']:.3f}", f"{row['perplexity']:,.1f}"]
    change = (
        scores["decay_better"]["overall"]["bits_per_byte"] - scores["decay_same"]["overall"]["bits_per_byte"]
    )
    signed = f"{change:+.4f}".replace("-", "−")
    assert f"decay_better − decay_same: {signed} bits per byte" in page.text_content()


def test_loss_curves_end_at_the_logged_steps(page: HtmlElement, clean: Path) -> None:
    lines = [json.loads(line) for line in (clean / "model/stable/metrics.jsonl").read_text().splitlines()]
    (whole,) = page.xpath("//svg[starts-with(title, 'Training loss')]")
    faint = [line.get("points").split() for line in whole.xpath("./polyline[contains(@class, 'faint')]")]
    assert len([points for points in faint if points]) == 4
    assert len(faint[0]) == len(lines)
    ends = [float(points[-1].split(",")[0]) for points in faint[1:]]
    assert len(set(ends)) == 1  # the arms end together, at the right edge
    assert float(faint[0][-1].split(",")[0]) < ends[0]
    assert page.xpath("//svg[title='The annealing arms']")


def test_planned_tokens_are_read(page: HtmlElement, clean: Path) -> None:
    (heading,) = page.xpath("//h2[@id='mix']/..")
    cells = [[cell.text_content() for cell in row.xpath("./*")] for row in heading.xpath(".//tbody/tr")]
    plan = Ledger(open_folder(clean)).closed("train")[0].values["plan"]
    assert sum(number(row[4]) for row in cells) == plan["tokens"] + 3 * plan["arm_tokens"]
    assert all(row[4] == row[5] for row in cells)


def test_nothing_crawled_acts(hostile: Path) -> None:
    page = written(hostile)
    raw = (hostile / "report.html").read_text("utf-8")
    assert not page.xpath("//script | //iframe | //object | //embed | //form | //img | //base | //*[@src]")
    assert not [
        name for one in page.iter() for name in one.attrib if name.lower().startswith("on") or name == "style"
    ]
    links = [one for one in page.xpath("//@href") if not str(one).startswith("#")]
    assert links == ["data:,"]
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u206f]", raw)
    assert not re.search(r"url\(|@import", raw)
    text = page.text_content()
    for shown in ("<script>alert(1)</script>", "{{ 7*7 }}", "\\u001b", "\\u202e", "javascript:alert(1)"):
        assert shown in text
    assert "</title>" in text.partition("Kept")[2].partition("Dropped")[0]  # the kept one is there to be seen
    assert "corporate-mail" not in raw
    assert "email@example.com" in text


def test_policy_allows_its_own_style_alone(page: HtmlElement) -> None:
    (policy,) = page.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")
    style = page.xpath("string(//style)")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy.startswith("default-src 'none'; ")
    assert f"style-src 'sha256-{digest}';" in policy
    assert "script" not in policy
    assert "unsafe" not in policy


def test_the_printed_command_repeats_the_run(hostile: Path) -> None:
    page = written(hostile)
    local, job = (shlex.split(one.text_content()) for one in page.xpath("//pre[@class='command']"))
    assert job[:4] == ["ray", "job", "submit", "--working-dir"]
    assert job[job.index("--") + 1 :][:4] == ["python", "-m", "pipeline", "run"]
    assert local[:2] == ["sluice", "run"]
    again = Path(local[local.index("--out") + 1])
    subprocess.run([sys.executable, "-m", "pipeline", *local[1:]], cwd=ROOT, check=True, capture_output=True)
    assert stats(open_folder(again))["digest"] == key(page, "digest")


def test_a_run_without_documents(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": pa.array([], pa.string())}), tmp_path / "none.parquet")
    sluice(
        "run", "tiny", "--input", tmp_path / "none.parquet", "--out", tmp_path / "run", "--until", "tokens"
    )
    page = written(tmp_path / "run")
    assert key(page, "records") == key(page, "corpus") == "0"
    assert "nan" not in page.text_content()


# Of a WARC file, with a recipe that names no robots.txt, ranks no pages and cuts no lines.
OTHERS = ("ids", "robots", "hosts", "sample", "calibrate", "line_keys", "repeated_lines", "cut_lines")
STAGES_OF_CLEAN = [name for name in STAGES if name not in OTHERS]


@pytest.mark.parametrize("last", [None, *STAGES_OF_CLEAN])
def test_a_run_stopped_anywhere(clean: Path, tmp_path: Path, last: str | None) -> None:
    run = tmp_path / "run"
    shutil.copytree(clean, run)
    stages = STAGES_OF_CLEAN
    kept = stages[: stages.index(last) + 1] if last else []
    for name in set(stages) - set(kept):
        shutil.rmtree(run / "ledger" / name)
    page = written(run)
    there = page.xpath("//h2/@id")
    assert ("rules" in there) == ("filter" in kept)
    assert ("training" in there) == ("train" in kept)
    assert ("evaluation" in there) == ("eval" in kept)
    notice = page.xpath("string(//p[@class='notice'])")
    assert all(name in notice for name in stages if name not in kept)
    assert bool(notice) == (last != stages[-1])
    command = page.xpath("string(//pre[@class='command'])")
    if last and last != stages[-1]:
        assert command.endswith(f"--until {'dedup' if last in DEDUP_STAGES else last}")
    else:
        assert "--until" not in command


def test_files_and_truth_that_are_gone(clean: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(clean, run)
    inputs = json.loads((run / "inputs.json").read_text())
    (run / "inputs.json").write_text(json.dumps([one | {"path": "/nowhere/x.warc.gz"} for one in inputs]))
    for under in ("extracted", "dropped", "corpus", "failed", "model"):
        shutil.rmtree(run / under)
    page = written(run)
    assert "planted" not in page.xpath("//h2/@id")
    assert not page.xpath("//article")
    assert rows(page, "data-model")


def test_an_object_store_gets_the_same_page(clean: Path) -> None:
    store = fsspec.filesystem("memory")
    store.put(str(clean), "/report-run", recursive=True)
    here, there = open_folder(clean), open_folder("memory://report-run")
    try:
        write_report(here)
        write_report(there)
        page = there.read("report.html").decode()
        assert page.replace("memory://report-run", here.url) == here.read("report.html").decode()
    finally:
        store.rm("/report-run", recursive=True)


def test_no_run_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no run folder"):
        write_report(open_folder(tmp_path))


def test_importing_the_report_is_light() -> None:
    code = "import sys, pipeline.report; print({'jinja2', 'pyarrow', 'torch'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_ticks_are_round_and_inside() -> None:
    assert ticks(0, 1, 5) == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1.0])
    assert ticks(5.3, 8.4, 4) == [6, 7, 8]
    assert ticks(3, 3) == [3]
    assert [short(value) for value in (0, 0.003, 950, 20_000, 1_500_000)] == [
        "0",
        "0.003",
        "950",
        "20k",
        "1.5M",
    ]


def test_charts_escape_what_they_are_given() -> None:
    hostile = '</svg><script>alert("1")</script>'
    series = Series(hostile, "c0", [(0.0, 1.0), (10.0, float("nan")), (20.0, 0.0)])
    charts = [
        line_chart(hostile, hostile, [Panel(hostile, 100, [series])], hostile),
        score_chart(hostile, hostile, [(hostile, "c0")], [(hostile, [Score(1.0, None)])], hostile),
    ]
    for chart in charts:
        assert "<script" not in str(chart)
        assert lxml.html.fragment_fromstring(str(chart)).xpath("string(./title)") == hostile
    assert "nan" not in str(charts[0]).replace(hostile, "")
    assert str(line_chart("", "", [], "")) == str(score_chart("", "", [], [], "")) == ""


def test_bars_stay_inside_their_cell() -> None:
    for share, lost in ((0.0, 0.0), (0.4, 0.2), (1.7, 0.5)):
        svg = lxml.html.fragment_fromstring(str(bar(share, lost)))
        widths = [float(rect.get("width")) for rect in svg.xpath("./rect")]
        assert widths[0] == pytest.approx(100 * min(share, 1.0))
        assert all(0 <= width <= 100 for width in widths)
