"""The funnel: sums are exact in documents and bytes, groups are what the files hold, and a sample has intervals."""

from __future__ import annotations

import itertools
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from lxml.html import HtmlElement, document_fromstring
from starlette.testclient import TestClient

from pipeline.dashboard.app import make_app
from pipeline.dashboard.breakdown import breakdown
from pipeline.dashboard.documents import Documents, hosts
from pipeline.dashboard.page import render
from pipeline.dashboard.view import House, question
from pipeline.dashboard.views.funnel import VIEW, FunnelAnswer, FunnelQuestion, FunnelStep, answer
from pipeline.dashboard.watch import Seen, Watched
from pipeline.store import open_folder
from tests.dashboard.conftest import seen_of
from tests.pipeline.conftest import rows, sets, sluice, stats

pytestmark = pytest.mark.xdist_group("dashboard")
PRICE = 0.05


@pytest.fixture(scope="module")
def seen(small_run: Path) -> Seen:
    return seen_of(small_run)


def asked(seen: Seen, **question: Any) -> FunnelAnswer:
    return answer(House({"run": seen}, PRICE), seen, FunnelQuestion(**question))


def size(row: dict[str, Any]) -> int:
    return len((row["text"] or "").encode())


def adds_up(steps: list[FunnelStep]) -> None:
    """Every step is the one before less what it says that it took, in documents and in bytes."""
    for before, step in itertools.pairwise(steps):
        assert step.left == before.left - step.removed
        assert step.removed == sum(one.documents for one in step.why)
        if before.bytes is not None and step.bytes is not None:
            assert step.removed_bytes is not None
            assert step.bytes == before.bytes - step.removed_bytes - step.changed_bytes
            assert step.removed_bytes == sum(one.bytes or 0 for one in step.why)


def test_sums_are_exact_from_records_to_the_corpus(small_run: Path, seen: Seen) -> None:
    found, counts = asked(seen), stats(small_run)
    adds_up(found.steps)
    by_name = {step.name: step for step in found.steps}
    assert found.steps[0].left == counts["records"] == found.head.records
    assert by_name["responses"].left == counts["responses"] == found.head.responses
    assert found.steps[-1].left == counts["corpus"] == found.head.corpus
    extracted, corpus = rows(small_run, "extracted"), rows(small_run, "corpus")
    assert by_name["extracted"].left == len(extracted)
    assert by_name["extracted"].bytes == sum(map(size, extracted.values()))
    assert found.steps[-1].bytes == sum(map(size, corpus.values())) == found.head.text_bytes
    fired = {one.rule: one.documents for step in found.steps for one in step.why if one.rule}
    assert fired == counts["dropped"] != {}
    sizes: Counter[str] = Counter()
    for id_, row in rows(small_run, "dropped").items():
        sizes[row["reason"]] += size(extracted[id_])
    assert {one.rule: one.bytes for step in found.steps for one in step.why if one.rule} == sizes


def test_edits_and_masks_show_the_bytes_that_they_take(small_run: Path, seen: Seen) -> None:
    found = {step.name: step for step in asked(seen).steps}
    extracted, documents = rows(small_run, "extracted"), rows(small_run, "documents")
    edited = sum(size(extracted[id_]) - size(row) for id_, row in documents.items())
    assert found["after edits"].changed_bytes == edited > 0
    corpus = rows(small_run, "corpus")
    masked = sum(size(documents[id_]) - size(row) for id_, row in corpus.items())
    assert found["after masking"].changed_bytes == masked != 0
    assert found["after edits"].removed == found["after masking"].removed == 0


def test_cost_is_that_of_the_ledger(small_run: Path, seen: Seen) -> None:
    found, counts = asked(seen), stats(small_run)
    assert {stage: cost for one in found.costs for stage, cost in one.stages.items()} == counts[
        "core_seconds"
    ]
    hours = sum(counts["core_seconds"].values()) / 3600
    assert found.head.core_hours == pytest.approx(hours, abs=1e-6)
    assert found.head.price == pytest.approx(hours * PRICE, abs=1e-6)
    assert {step.group for step in found.steps} == {"extract", "filter", "dedup", "corpus"}
    assert found.screened.rules == counts["screened"] != {}


def test_tokens_are_estimates_until_they_are_counted(small_run: Path, seen: Seen, tmp_path: Path) -> None:
    found = asked(seen)
    assert not found.measured
    assert not found.head.tokens_exact
    assert found.head.tokens == round((found.head.text_bytes or 0) / found.bytes_per_token)
    source = tmp_path / "docs.jsonl"
    source.write_text("".join(f'{{"text": "The ferry number {at} leaves at noon. "}}\n' for at in range(40)))
    off = sets(["filters=null", "dedup=null", "pii=null", "tokenize.vocabulary=300"])
    sluice("run", "tiny", "--input", source, "--out", tmp_path / "run", "--until", "tokens", *off)
    told, counts = asked(seen_of(tmp_path / "run")), stats(tmp_path / "run")
    adds_up(told.steps)
    exact = sum(counts["tokens"].values())
    assert told.head.tokens_exact
    assert told.measured
    assert (told.steps[-1].name, told.steps[-1].tokens, told.head.tokens) == ("tokens", exact, exact)
    assert told.split == counts["tokens"]
    assert told.bytes_per_token == pytest.approx((told.head.text_bytes or 0) / exact)
    extracted = next(step for step in told.steps if step.name == "extracted")
    assert not extracted.tokens_exact
    assert extracted.tokens == exact  # nothing was removed, so the estimate has to agree


def test_lines_that_are_cut_are_told_where_they_are_cut(sample_cut: dict[str, Path]) -> None:
    for place, run in sample_cut.items():
        found = asked(seen_of(run))
        adds_up(found.steps)
        names = [step.name for step in found.steps]
        step = found.steps[names.index("after repeated lines")]
        assert step.changed_bytes > 0, place
        assert step.group == "lines"
        assert (names.index("after language") > names.index("after repeated lines")) == (place == "filters")
        assert found.steps[-1].bytes == sum(map(size, rows(run, "corpus").values()))
        # Without masking nothing is left over that no step accounts for.
        assert "after masking" not in names


@pytest.fixture(scope="module")
def sample_cut(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Documents that share lines, cut before the filters and after them."""
    folder = tmp_path_factory.mktemp("cut")
    shared = "This line about the old harbour stands in every one of the documents here.\n"
    own = "The council of town number {0} met on a Tuesday and wrote {0} pages about its own bridge.\n"
    lines = [
        f'{{"text": {(shared + "".join(own.format(100 * at + n) for n in range(6)))!r}}}'.replace("'", '"')
        for at in range(12)
    ]
    (folder / "docs.jsonl").write_text("\n".join(lines) + "\n")
    found = {}
    for place, before in (("filters", "filters"), ("last", "null")):
        options = sets(
            [
                "pii=null",
                "filters=[language]",
                f"dedup={{lines: {{before: {before}}}, exact: false, minhash: null}}",
            ]
        )
        command = [
            "run",
            "tiny",
            "--input",
            folder / "docs.jsonl",
            "--out",
            folder / place,
            "--until",
            "corpus",
        ]
        sluice(*command, *options)
        found[place] = folder / place
    return found


@pytest.mark.parametrize("by", ["language", "host", "domain", "crawl"])
def test_groups_are_what_the_files_hold(by: str, small_run: Path, seen: Seen) -> None:
    answered = asked(seen, by=by, limit=500)
    found = answered.by
    assert found is not None
    assert found.exact
    judged = {**rows(small_run, "documents"), **rows(small_run, "dropped")}
    duplicates, extracted = rows(small_run, "duplicates"), rows(small_run, "extracted")
    corpus = rows(small_run, "corpus")
    host = dict(
        zip(
            judged,
            hosts(pa.chunked_array([[row["url"] for row in judged.values()]])).to_pylist(),
            strict=True,
        )
    )
    label = {
        "language": lambda id_: judged[id_]["language"],
        "host": host.get,
        "domain": lambda id_: judged[id_].get("domain") or corpus.get(id_, {}).get("domain"),
        "crawl": lambda id_: None,
    }[by]
    wanted: dict[str, Counter[str]] = {}
    reasons: dict[str, Counter[str]] = {}
    for id_, row in judged.items():
        own = label(id_) or "(unknown)"
        into = wanted.setdefault(own, Counter())
        into["seen"] += 1
        into["bytes"] += row["extract_bytes"] or 0
        if "reason" in row:
            into["dropped"] += 1
            reasons.setdefault(own, Counter())[row["reason"]] += 1
        elif id_ in duplicates:
            into["duplicate"] += 1
        else:
            into["kept"] += 1
            into["kept_bytes"] += size(extracted[id_])
    assert found.labels == len(wanted) == len(found.groups)
    for one in found.groups:
        own = wanted[one.label]
        told = {
            name: getattr(one, name)
            for name in ("seen", "bytes", "dropped", "duplicate", "kept", "kept_bytes")
        }
        share: float | None = own["kept"] / own["seen"]
        if found.corpus_labels and one.label != "(unknown)":
            assert (told.pop("dropped"), told.pop("duplicate"), own["kept"]) == (None, None, own["seen"])
            share = None
        assert told == {name: own[name] for name in told}
        assert one.share == one.share_low == one.share_high == share
        assert one.kept_tokens == pytest.approx(one.kept_bytes / answered.bytes_per_token, abs=0.51)
        most = reasons.get(one.label, Counter())
        assert one.reason_documents == max(most.values(), default=0)
        assert most[one.reason] == one.reason_documents if one.reason else not most
    assert sum(one.seen for one in found.groups) == len(judged)


def test_the_largest_groups_come_first_and_the_others_are_counted(seen: Seen) -> None:
    for order, key in (("seen", "seen"), ("bytes", "kept_bytes"), ("dropped", "dropped"), ("share", "share")):
        everything = asked(seen, by="host", order=order, limit=500).by
        few = asked(seen, by="host", order=order, limit=3).by
        assert everything is not None
        assert few is not None
        values = [getattr(one, key) for one in everything.groups]
        assert values == sorted(values, reverse=True)
        assert [one.label for one in few.groups] == [one.label for one in everything.groups[:3]]
        assert few.labels == everything.labels > 3


def page_of(seen: Seen, **question: Any) -> HtmlElement:
    house, values = House({"run": seen}, PRICE), FunnelQuestion(**question)
    return document_fromstring(render(house, seen, VIEW, values, answer(house, seen, values)))


def test_responses_are_the_step_of_that_name_also_where_one_was_cut_short(
    small_run: Path, tmp_path: Path
) -> None:
    whole = (small_run.parent / "sample.warc.gz").read_bytes()
    (tmp_path / "cut.warc.gz").write_bytes(whole[: len(whole) * 2 // 3])
    words = [
        "run",
        "tiny",
        "--input",
        tmp_path / "cut.warc.gz",
        "--out",
        tmp_path / "run",
        "--until",
        "extract",
    ]
    assert sluice(*words, check=False).returncode == 3  # finished, but damaged
    seen, counts = seen_of(tmp_path / "run"), stats(tmp_path / "run")
    assert sum(counts["failed"].values()) > 0
    found = asked(seen)
    steps = {step.name: step.left for step in found.steps}
    assert (found.head.responses, found.head.pages) == (steps["responses"], steps["pages"])
    assert found.head.pages <= found.head.responses
    (said,) = page_of(seen).xpath("//*[@data-key='pages']/following-sibling::dd/text()")
    assert said == f"of {steps['responses']:,} responses"


def test_pages_that_were_never_extracted_are_told_beside_those_that_were(small_run: Path, seen: Seen) -> None:
    screened = sum(row["screened"] is not None for row in rows(small_run, "dropped").values())
    assert sum(asked(seen).screened.rules.values()) == screened > 0
    (row,) = page_of(seen).xpath("//tr[@data-step='extracted']")
    assert f"of these {screened:,} were screened by a cheap look and never extracted" in row.text_content()


def test_a_label_that_only_the_corpus_gives_says_nothing_of_what_was_dropped(tmp_path: Path) -> None:
    """Of such a domain all documents are kept; whoever fell before is one row, and is no domain's loss."""
    texts = ["The ferry to the island leaves with the post and comes back at night. " * 9, "Short."] * 4
    file = tmp_path / "d.jsonl"
    file.write_text("".join(f'{{"text": "{at} {text}"}}\n' for at, text in enumerate(texts)))
    ends = {}
    for name, filters in (("corpus", "[gopher_quality]"), ("measured", "[domain, gopher_quality]")):
        options = sets([f"filters={filters}", "dedup=null", "pii=null"])
        sluice("run", "tiny", "--input", file, "--out", tmp_path / name, "--until", "corpus", *options)
        ends[name] = seen_of(tmp_path / name)
    found = asked(ends["corpus"], by="domain").by
    assert found is not None
    assert found.corpus_labels
    told = {one.label: (one.seen, one.dropped, one.share) for one in found.groups}
    assert told == {"general": (4, None, None), "(unknown)": (4, 4, 0.0)}
    names = [row.findtext("th") for row in page_of(ends["corpus"], by="domain").xpath("//tr[@data-label]")]
    assert sorted(names) == ["general", "no label (did not reach the corpus)"]
    cells = page_of(ends["corpus"], by="domain").xpath("//tr[@data-label='general']/td")
    assert [cell.text_content() for cell in cells][1:5] == ["–", "–", "4", "–"]
    found = asked(ends["measured"], by="domain").by
    assert found is not None
    assert not found.corpus_labels
    assert [(one.label, one.seen, one.dropped, one.share) for one in found.groups] == [("general", 8, 4, 0.5)]


def test_choosing_a_group_leads_to_its_answer(seen: Seen) -> None:
    (section,) = page_of(seen, by="host").xpath("//section[@id='by']")
    (form,) = section.findall("form")
    assert form.get("data-action") == "/run/funnel#by"
    links = section.xpath(".//noscript//a/@href")
    assert links[1:3] == ["/run/funnel?by=host#by", "/run/funnel?by=domain#by"]
    assert section.xpath(".//table//tr[@data-label]")


def sampled(rows: int, share: float, total: int) -> Documents:
    """Documents of two languages, 4 to 1; of each every third was dropped."""
    number = np.arange(rows)
    kept = number % 3 > 0
    table = pa.table(
        {
            "language": pa.array(np.where(number % 5 > 0, "en", "de")),
            "fate": pa.array(np.where(kept, "corpus", "dropped")),
            "reason": pa.array(np.where(kept, None, "gopher_quality.short"), pa.string()),
            "bytes": pa.array(np.full(rows, 100)),
            "kept": pa.array(kept),
        }
    )
    return Documents(table, total, share, False)


def test_a_sample_is_scaled_up_and_has_intervals() -> None:
    found = breakdown(sampled(15_000, 1 / 64, 960_000), "language", "seen", 10, 0.25)
    assert not found.exact
    assert not found.fates
    english, german = found.groups
    assert (english.label, english.seen, german.seen) == ("en", 768_000, 192_000)
    assert english.low < 768_000 < english.high
    assert english.high - english.low < 15_000
    assert english.share_low < 2 / 3 < english.share_high
    assert german.share_high - german.share_low > english.share_high - english.share_low
    assert english.duplicate is None
    assert english.bytes == 76_800_000
    assert (english.kept_bytes, english.kept_tokens) == (51_200_000, 12_800_000)
    assert (english.reason, english.reason_documents) == ("gopher_quality.short", 256_000)


def test_no_documents_at_all_are_no_groups() -> None:
    assert breakdown(sampled(0, 1.0, 0), "language", "seen", 10, 0.25).groups == []


def test_a_run_under_way_says_so(small_run: Path, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(small_run, tmp_path / "run")
    for stage in ("filter", "corpus"):
        (tmp_path / "run" / "ledger" / stage / "manifest.json").unlink()
    (tmp_path / "run" / "ledger" / "root.json").unlink()
    for receipt in (tmp_path / "run" / "ledger" / "corpus").iterdir():
        receipt.unlink()
    found = asked(seen_of(tmp_path / "run"))
    adds_up(found.steps)
    assert [(one.stage, one.done, one.planned) for one in found.open] == [("filter", 1, 1)]
    assert found.steps[-1].name == "left so far"


def test_the_page_and_its_twin(small_run: Path) -> None:
    watched = Watched(open_folder(small_run), "run")
    watched.look_to_the_end()
    client = TestClient(make_app({"run": watched}, {"testserver"}, price=PRICE))
    for query in ("", "?by=language", "?by=host&order=share&limit=50", "?by=domain", "?by=crawl"):
        assert client.get(f"/run/funnel{query}").status_code == 200
        told = client.get(f"/run/funnel.json{query}")
        assert told.status_code == 200
        assert FunnelAnswer.__struct_fields__ == tuple(told.json())
    for query in ("?by=planet", "?limit=0", "?limit=501", "?order=name", "?colour=red"):
        assert client.get(f"/run/funnel{query}").status_code == 400
    assert question(VIEW.question, [("by", "host")]).by == "host"
