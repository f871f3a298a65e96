"""report.html of a run over hostile pages, in Chromium: nothing acts, it fits, the keyboard reaches everything."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.report import write_report
from pipeline.store import open_folder
from tests.browser.conftest import VIEWS, PageFactory, Scheme
from tests.browser.tab import Tab, assert_fits, assert_inert, assert_keyboard, assert_policy

pytestmark = pytest.mark.xdist_group("hostile")


@pytest.fixture
def report(hostile_run: Path) -> str:
    """The address of the report."""
    if not (hostile_run / "report.html").exists():
        write_report(open_folder(hostile_run))
    return (hostile_run / "report.html").as_uri()


def opened(tab: Tab, report: str) -> Tab:
    tab.page.goto(report)
    tab.page.evaluate("() => document.querySelectorAll('details').forEach(one => { one.open = true })")
    return tab


@pytest.mark.parametrize(("size", "scheme"), VIEWS)
def test_nothing_acts_and_it_fits(
    report: str, page_factory: PageFactory, size: tuple[int, int], scheme: Scheme
) -> None:
    tab = opened(page_factory(size, scheme), report)
    assert_inert(tab)
    assert_fits(tab)
    text = tab.page.inner_text("body")
    assert "<script" in text  # the attacks are there to be seen
    assert "__pwned" in text


def test_the_keyboard_reaches_everything(report: str, page_factory: PageFactory) -> None:
    assert_keyboard(opened(page_factory(), report))


def test_its_policy_stops_what_would_slip_through(report: str, page_factory: PageFactory) -> None:
    assert_policy(opened(page_factory(), report))
