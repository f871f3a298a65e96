"""The dashboard in Chromium: every view of hostile and plain runs, the sliders, and a run that goes on meanwhile."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from pipeline.dashboard.awaited import followed
from pipeline.dashboard.views import VIEWS
from pipeline.store import open_folder
from pipeline.warc import read_records
from tests.browser.conftest import VIEWS as LOOKS
from tests.browser.conftest import PageFactory, Scheme
from tests.browser.tab import NARROW, Tab, assert_fits, assert_inert, assert_keyboard, assert_policy
from tests.pipeline.conftest import ROOT, sets, sluice, stats
from tests.served import run_quality, served, watched

pytestmark = pytest.mark.xdist_group("hostile")

SCRIPTS = ("/static/dashboard.js",)
FILES = 4  # that the live run reads
PAGES = 60
WAIT = 240_000  # milliseconds for a run to end, far more than it takes


@pytest.fixture(scope="module")
def plain_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_quality(tmp_path_factory.mktemp("plain"))


@pytest.fixture(scope="module")
def hostile(hostile_run: Path, plain_run: Path) -> Iterator[str]:
    """Both runs, so that they can be compared."""
    with served(watched({"<b>run & co": hostile_run, "plain": plain_run})) as address:
        yield f"{address}/%3Cb%3Erun%20%26%20co"


@pytest.fixture(scope="module")
def plain(plain_run: Path) -> Iterator[str]:
    with served(watched({"run": plain_run})) as address:
        yield f"{address}/run"


def opened(tab: Tab, address: str) -> Tab:
    answer = tab.page.goto(address)
    assert answer is not None
    assert answer.status == 200, tab.page.inner_text("main")
    tab.page.evaluate("() => document.querySelectorAll('details').forEach(one => { one.open = true })")
    return tab


def deeper(tab: Tab, name: str) -> list[str]:
    """Some addresses of the same view with parameters, as the page links to them."""
    links: list[str] = tab.page.evaluate(
        """name => [...document.querySelectorAll('main a')].map(one => one.href)
          .filter(one => new URL(one).pathname.endsWith('/' + name) && new URL(one).search)""",
        name,
    )
    return links[:1] + links[-1:] if len(links) > 1 else links


@pytest.mark.parametrize("name", sorted(VIEWS))
def test_a_view_of_hostile_pages(
    request: pytest.FixtureRequest, hostile: str, page_factory: PageFactory, name: str
) -> None:
    # The same pages from JSON lines differ in what they hold, not in how it is laid out and worked with.
    whole = "[warc-" in request.node.name
    for size, scheme in LOOKS if whole else (LOOKS[0], LOOKS[-1]):
        tab = opened(page_factory(size, scheme), f"{hostile}/{name}")
        assert_inert(tab, SCRIPTS)
        assert_fits(tab)
    for address in deeper(tab, name):
        opened(tab, address)
        assert_inert(tab, SCRIPTS)
        assert_fits(tab)
    if whole:
        opened(tab, f"{hostile}/{name}")
        assert_keyboard(tab)
        assert_policy(tab)


def test_hostile_pages_are_shown_with_what_they_say(hostile: str, page_factory: PageFactory) -> None:
    """Not left out: an attack can be read, as text, where a document is shown."""
    tab = opened(page_factory(), f"{hostile}/signals")
    assert "<b onmouseover" in tab.page.inner_text("header")
    links = tab.page.locator("main a[href*='/why?']")
    shown = ""
    for at in range(links.count()):
        link = links.nth(at).get_attribute("href")
        assert link is not None
        other = opened(page_factory(), f"{hostile.rpartition('/')[0]}{link}")
        assert_inert(other, SCRIPTS)
        shown += other.page.inner_text("main")
    assert re.search(r"<script|onerror|onload|\{\{|javascript:|DROP TABLE", shown)


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_the_list_of_runs_and_refusals(
    hostile: str, page_factory: PageFactory, size: tuple[int, int], scheme: Scheme
) -> None:
    base = hostile.rpartition("/")[0]
    tab = opened(page_factory(size, scheme), base)
    assert_inert(tab, SCRIPTS)
    assert_fits(tab)
    tab = page_factory(size, scheme)
    tab.page.goto(f"{base}/%3Cimg%20src%3Dx%20onerror%3D__pwned%3D1%3E/funnel?a=%22%3E%3Cscript%3E")
    tab.console.clear()  # the status, 404, is told there
    assert_inert(tab, SCRIPTS)
    assert_fits(tab)
    assert "<img" in tab.page.inner_text("main")


@pytest.mark.parametrize("name", sorted(VIEWS))
def test_a_view_of_a_plain_run(plain: str, page_factory: PageFactory, name: str) -> None:
    for size, scheme in (LOOKS[0], LOOKS[-1]):
        tab = opened(page_factory(size, scheme), f"{plain}/{name}")
        assert_inert(tab, SCRIPTS)
        assert_fits(tab)
    assert_keyboard(tab)
    assert_policy(tab)


def test_a_telephone_shows_captions_and_verdicts_whole(
    hostile: str, plain: str, page_factory: PageFactory
) -> None:
    """A caption that does not wrap makes its table as wide as itself, and pushes columns out of sight."""
    page = opened(page_factory(NARROW), f"{hostile}/duplicates").page
    wide = """() => [...document.querySelectorAll('.scroll caption')]
      .map(one => [one.textContent, one.scrollWidth - one.closest('.scroll').clientWidth])"""
    captions = page.evaluate(wide)
    assert any(len(caption) > 45 for caption, _ in captions)
    assert [caption for caption, over in captions if over > 0] == []
    opened(Tab(page), f"{plain}/why?id=d0")  # of one sentence
    lines = """() => [...document.querySelectorAll('.rulings td:first-child')].map(one => {
      const range = document.createRange();
      range.selectNodeContents(one);
      return [one.textContent, range.getClientRects().length];
    })"""
    found = page.evaluate(lines)
    assert ["DROPS", 1] in found
    assert {number for _, number in found} == {1}


@pytest.mark.parametrize("name", sorted(VIEWS))
def test_the_key_of_a_view_opens_it(plain: str, page_factory: PageFactory, name: str) -> None:
    start = "rules" if name != "rules" else "funnel"
    tab = opened(page_factory(), f"{plain}/{start}")
    tab.page.keyboard.press(VIEWS[name].key)
    tab.page.wait_for_url(f"**/run/{name}")


def headline(page: Page) -> dict[str, str]:
    """The numbers of the sliders' view by what they are."""
    found: dict[str, str] = page.evaluate(
        """() => Object.fromEntries([...document.querySelectorAll('#outcome .headline > div')]
          .map(one => [one.querySelector('dt').innerText, one.querySelector('dd').innerText]))"""
    )
    return found


def twin(tab: Tab) -> dict[str, Any]:
    """The answer that the page's own link to JSON gives."""
    link = tab.page.locator("footer a[href*='.json']").first.get_attribute("href")
    assert link is not None
    found: dict[str, Any] = tab.page.request.get(
        f"{re.match('https?://[^/]+', tab.page.url)[0]}{link}"  # type: ignore[index]
    ).json()
    return found


def kept(page: Page) -> int:
    return int(headline(page)["kept now"].replace(",", ""))


WORDS = "filters-gopher_quality-min_words"


def test_moving_a_slider_changes_the_numbers_at_once(plain: str, page_factory: PageFactory) -> None:
    tab = opened(page_factory(), f"{plain}/signals?signal=gopher_quality_words")
    page = tab.page
    before = headline(page)
    assert before["kept now"] == before["kept by the recipe"]
    loads = len([one for one in tab.requests if one.endswith("dashboard.js")])
    now = page.locator("#outcome .headline dd").first
    slider = page.locator(f"#{WORDS}")

    slider.focus()
    page.keyboard.press("Home")  # to its lowest value, as the arrow keys do step by step
    expect(now).not_to_have_text(before["kept now"])
    lowest = kept(page)
    assert lowest > int(before["kept now"])
    for _ in range(12):
        page.keyboard.press("ArrowRight")
    expect(page).to_have_url(re.compile("min_words%3D12$"))
    expect(page.locator(f"#{WORDS}-exact")).to_have_value("12")

    box = slider.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.7, box["y"] + box["height"] / 2, steps=5)
    page.mouse.up()
    value = page.input_value(f"#{WORDS}")
    assert int(value) > 120
    expect(page).to_have_url(re.compile(f"min_words%3D{value}$"))
    expect(page.locator("pre.command")).to_contain_text(f"min_words={value}")
    assert kept(page) < int(before["kept now"])
    assert_inert(tab, SCRIPTS)
    assert len([one for one in tab.requests if one.endswith("dashboard.js")]) == loads  # no page was loaded

    moved, answer = headline(page), twin(tab)
    assert answer["outcome"]["now"]["number"] == kept(page)
    assert answer["outcome"]["lost"]["number"] == int(moved["lost"].replace(",", ""))
    assert f"{answer['outcome']['tokens_now']:,}" == moved["tokens kept"]
    page.reload()
    assert headline(page) == moved
    assert page.input_value(f"#{WORDS}") == value
    assert twin(tab) == answer
    assert_fits(tab)


def test_a_value_that_is_refused_is_said_and_the_numbers_stay(plain: str, page_factory: PageFactory) -> None:
    tab = opened(page_factory(), f"{plain}/signals?signal=gopher_quality_words")
    before, address = headline(tab.page), tab.page.url
    slider, exact = tab.page.locator(f"#{WORDS}"), tab.page.locator(f"#{WORDS}-exact")
    other = tab.page.locator("input[type=number][data-setting]").nth(1)
    for value in ("-5", "1.5"):  # refused by the server, and by the browser
        exact.fill(value)
        expect(exact).to_have_attribute("aria-invalid", "true")
        expect(tab.page.locator(f"#{WORDS}-exact-refused")).to_contain_text("The numbers are those of 120.")
        expect(slider).to_have_value("120")
        assert headline(tab.page) == before
        assert tab.page.url == address
        if value == "-5":
            said = tab.page.inner_text("#pulse")
            assert "min_words" in said
            assert not re.search("To the content|The runs", said)
    # Another setting can be moved meanwhile: the one that was refused counts as it did.
    key = other.get_attribute("data-setting")
    assert key is not None
    other.fill(str(int(other.input_value()) + 1))
    expect(tab.page).to_have_url(re.compile(f"{key}%3D"))
    assert "min_words%3D1.5" not in tab.page.url
    exact.fill("40")
    expect(tab.page.locator("#pulse")).to_have_text("")
    expect(tab.page).to_have_url(re.compile("min_words%3D40"))
    expect(exact).not_to_have_attribute("aria-invalid", "true")
    expect(tab.page.locator(".refused")).to_have_count(0)
    expect(slider).to_have_value("40")


def test_an_emptied_number_is_the_recipes(plain: str, page_factory: PageFactory) -> None:
    tab = opened(page_factory(), f"{plain}/signals?signal=gopher_quality_words")
    before, slider = headline(tab.page), tab.page.locator(f"#{WORDS}")
    exact = tab.page.locator(f"#{WORDS}-exact")
    exact.fill("40")
    expect(tab.page).to_have_url(re.compile("min_words%3D40$"))
    exact.fill("")
    expect(tab.page).not_to_have_url(re.compile("min_words"))
    expect(slider).to_have_value("120")
    assert headline(tab.page) == before
    exact.blur()
    expect(exact).to_have_value("120")


def test_controls_say_what_the_address_says_after_going_back(plain: str, page_factory: PageFactory) -> None:
    """Browsers remember what controls said when a page was left, and put it back over what was sent anew."""
    page = opened(page_factory(), f"{plain}/signals?signal=gopher_quality_words").page
    page.select_option("select[name=signal]", "c4_sentences")
    page.wait_for_url("**signal=c4_sentences**")
    page.go_back()
    page.wait_for_url("**signal=gopher_quality_words")
    expect(page.locator("h1")).to_have_text("gopher_quality_words")
    expect(page.locator("select[name=signal]")).to_have_value("gopher_quality_words")
    page.goto(f"{plain}/samples")
    page.select_option("select[name=rule]", "gopher_quality.short")
    page.locator("form.ask").evaluate("form => form.requestSubmit()")
    page.wait_for_url("**rule=gopher_quality.short**")
    page.go_back()
    page.wait_for_url("**/samples")
    expect(page.locator("select[name=rule]")).to_have_value("")


def test_two_signals_moved_together(plain: str, page_factory: PageFactory) -> None:
    tab = opened(page_factory(), f"{plain}/signals?signal=gopher_quality_words")
    page = tab.page
    page.fill(f"#{WORDS}-exact", "60")
    expect(page).to_have_url(re.compile("min_words%3D60$"))
    page.select_option("select[name=signal]", "c4_sentences")
    page.wait_for_url("**signal=c4_sentences**")
    page.fill("#filters-c4-min_sentences-exact", "7")
    expect(page).to_have_url(re.compile("min_sentences%3D7"))
    assert "min_words%3D60" in page.url
    settings = {one["key"]: one["now"] for one in [*twin(tab)["sliders"], *twin(tab)["elsewhere"]]}
    assert settings == {"filters.gopher_quality.min_words": 60, "filters.c4.min_sentences": 7}


def test_the_saved_patch_gives_the_numbers_of_the_page(
    plain: str, plain_run: Path, page_factory: PageFactory, tmp_path: Path
) -> None:
    tab = opened(page_factory(), f"{plain}/signals?signal=gopher_quality_words")
    tab.page.fill(f"#{WORDS}-exact", "200")
    expect(tab.page).to_have_url(re.compile("min_words%3D200$"))
    promised = twin(tab)["outcome"]
    assert kept(tab.page) == promised["now"]["number"]
    with tab.page.expect_download() as coming:
        tab.page.get_by_role("link", name="save patch.yaml").click()
    assert coming.value.suggested_filename == "patch.yaml"
    coming.value.save_as(tmp_path / "patch.yaml")
    run = Path(shutil.copytree(plain_run, tmp_path / "run"))
    sluice("retune", run, "--patch", tmp_path / "patch.yaml", "--out", tmp_path / "new", "--workers", "1")
    counts = stats(tmp_path / "new")
    assert counts["corpus"] == promised["now"]["number"] < promised["before"]["number"]
    assert promised["before"]["number"] == stats(run)["corpus"]


def split(source: Path, folder: Path, files: int) -> Path:
    """The records of a WARC file in several, so that a run has several shards."""
    with open(source, "rb") as file:
        records = [(event.offset, event.length) for event in read_records(file, 0, None)]
        folder.mkdir()
        for number in range(files):
            data = b""
            for offset, length in records[number::files]:
                file.seek(offset)
                data += file.read(length)
            (folder / f"part-{number}.warc.gz").write_bytes(data)
    return folder


@contextlib.contextmanager
def running(inputs: Path, run: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`sluice run` in a process group of its own, which is killed whatever happens."""
    words = ["run", "tiny", "--input", str(inputs / "*.warc.gz"), "--out", str(run), "--until", "filter"]
    words += sets(["max_failed=1"])  # a busy machine may have no time for a page
    with open(run.with_suffix(".log"), "ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "pipeline", *words, "--workers", "1"],
            cwd=ROOT,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_a_run_is_followed_from_before_it_begins_through_a_kill_to_its_end(
    page_factory: PageFactory, tmp_path: Path
) -> None:
    sluice("sample", tmp_path / "sample.warc.gz", "--pages", str(PAGES))
    inputs, run = split(tmp_path / "sample.warc.gz", tmp_path / "parts", FILES), tmp_path / "run"
    page = None
    with contextlib.ExitStack() as stack:
        address = stack.enter_context(served({"run": followed(open_folder(run), "run")}))
        tab = page_factory()
        page = tab.page
        page.goto(f"{address}/run/funnel")
        expect(page.locator("main")).to_contain_text("there is no run here yet")
        tab.console.clear()  # the status, 404, is told there
        assert_inert(tab, SCRIPTS)
        assert_fits(tab)
        with running(inputs, run) as first:
            pulse, records = page.locator("#pulse"), page.locator("[data-key=records]")
            expect(pulse).to_have_text(re.compile("live|reading"), timeout=WAIT)
            tab.console.clear()  # by the page that waited, too
            expect(records).to_have_text(re.compile("^[1-9]"), timeout=WAIT)
            assert first.poll() is None
        killed = int(records.inner_text().replace(",", ""))
        expect(pulse).to_have_text("live")
        with running(inputs, run) as second:
            assert second.wait(WAIT / 1000) == 0, run.with_suffix(".log").read_text(errors="replace")
        expect(pulse).to_have_text("", timeout=WAIT)
        counts = stats(run)
        assert killed < counts["records"]
        expect(records).to_have_text(f"{counts['records']:,}")
        assert_inert(tab, SCRIPTS)
        shown = page.inner_text("main")
        told = json.loads(page.request.get(f"{address}/run/funnel.json").body())
        assert told["head"]["corpus"] == counts["corpus"]
        assert told["head"]["records"] == counts["records"]
        assert not told["open"]
        page.reload()
        assert page.inner_text("main") == shown
        assert "data-live" not in page.content().partition("<header")[0]
