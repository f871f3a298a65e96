"""Chromium for the tests of this folder, and tabs in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.tab import LAUNCH, NARROW, WIDE, Tab, chromium_path, open_tab
from tests.conftest import missing

Scheme = Literal["light", "dark"]
PageFactory = Callable[..., Tab]
VIEWS: list[tuple[tuple[int, int], Scheme]] = [
    (size, scheme) for size in (WIDE, NARROW) for scheme in ("light", "dark")
]


# Not of the session: while it is open an event loop runs in this thread, and other folders' tests start their own.
@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """The machine's Chromium without a window; Playwright's own download is never used."""
    path = chromium_path()
    if path is None:
        missing("no Chromium: install Debian's chromium, or name one with CHROMIUM")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=LAUNCH)
        yield browser
        browser.close()


@pytest.fixture
def page_factory(chromium: Browser) -> Iterator[PageFactory]:
    """Makes blank tabs that record: `page_factory(size=NARROW, scheme="dark")`, each with a profile of its own."""
    contexts = []

    def make(size: tuple[int, int] = WIDE, scheme: Scheme = "light") -> Tab:
        width, height = size
        context = chromium.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, service_workers="block"
        )
        contexts.append(context)
        return open_tab(context)

    yield make
    for context in contexts:
        context.close()
