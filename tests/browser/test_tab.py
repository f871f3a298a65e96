"""What is asserted of every page fails for a page that breaks it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Route

from tests.browser.tab import NARROW, Tab, assert_fits, assert_inert, assert_keyboard, assert_policy, open_tab

pytestmark = pytest.mark.xdist_group("hostile")

Show = Callable[..., Tab]
HERE = "http://sluice.test/page"
STRICT = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'"


@pytest.fixture(scope="module")
def show(chromium: Browser) -> Iterator[Show]:
    """Shows a body, in the same tab each time; other paths of its host answer nothing, no other host is asked."""
    context = chromium.new_context(viewport={"width": NARROW[0], "height": NARROW[1]})
    tab = open_tab(context)
    shown = {"body": "", "policy": ""}

    def answer(route: Route) -> None:
        if route.request.url == HERE:
            headers = {"Content-Type": "text/html; charset=utf-8"}
            if shown["policy"]:
                headers["Content-Security-Policy"] = shown["policy"]
            page = f"<!DOCTYPE html><title>Page</title><link rel=icon href='data:,'><body>{shown['body']}"
            route.fulfill(body=page, headers=headers)
        elif route.request.url.startswith("http://sluice.test/"):
            route.fulfill(body="", headers={"Content-Type": "text/javascript"})
        else:
            route.abort()

    def make(body: str, policy: str = "") -> Tab:
        shown.update(body=body, policy=policy)
        tab.page.goto("about:blank")
        tab.forget()
        tab.page.goto(HERE)
        return tab

    tab.page.route("**/*", answer)
    yield make
    context.close()


GOOD = """
<script src=/ours.js></script><h1>A page</h1><p>&lt;script>alert(1)&lt;/script> {{7*7}}</p>
<a href=/other>other</a> <a href=#here>here</a> <form action=/search><input name=q><button>Go</button></form>
<label><input type=radio name=r checked>1</label><label><input type=radio name=r>2</label>
<details><summary>More</summary><a href=/hidden>not shown</a></details>
<div style-less hidden><button>not shown</button></div>
"""


def test_a_good_page_passes(show: Show) -> None:
    tab = show(GOOD, STRICT)
    assert_inert(tab, ("/ours.js",))
    assert_fits(tab)
    assert_keyboard(tab)
    assert_policy(tab)


@pytest.mark.parametrize(
    "body",
    [
        "<script>window.__pwned = 1</script>",
        "<script src=/theirs.js></script>",
        "<img src=/x onerror=1>",
        "<p onclick=1>",
        "<svg><a xlink:href='javascript:1'><text>x</text></a></svg>",
        "<svg><script></script></svg>",
        "<a href='javascript:1'>x</a>",
        "<a href='http://evil.example/'>x</a>",
        "<a href='data:text/html,x'>x</a>",
        "<form action=//evil.example/></form>",
        "<button formaction=//evil.example/>x</button>",
        "<img src=http://evil.example/x>",
        "<img srcset='/x 1x'>",
        "<link rel=stylesheet href=//evil.example/x.css>",
        "<style>@import '//evil.example/x.css'</style>",
        "<p style='color: red'>",
        "<iframe srcdoc=x></iframe>",
        "<object data=/x></object>",
        "<base href=/x/>",
        "<meta http-equiv=refresh content=9999>",
        "<x-y></x-y>",
        "<b data-pwned>x</b>",
        "<p>pwnedpwned",
        "<p>\u202ereversed",
        "<p title='zero\u200bwidth'>",
        "<p>\x1b[31m",
        "<p>one\u2028two",
    ],
)
def test_an_active_page_fails(show: Show, body: str) -> None:
    with pytest.raises(AssertionError):
        assert_inert(show(body))


@pytest.mark.parametrize(
    "code",
    [
        "alert(1)",
        "__pwned = 1",
        "throw Error('x')",
        "console.error('x')",
        "open('/x')",
    ],
)
def test_what_a_script_does_is_seen(show: Show, code: str) -> None:
    tab = show("<p>still")
    assert_inert(tab)
    tab.page.evaluate("code => void setTimeout(code)", code)
    with pytest.raises(AssertionError):
        assert_inert(tab)


def test_a_request_of_a_script_is_seen(show: Show) -> None:
    tab = show("<p>still")
    with tab.page.expect_request("http://evil.example/"):
        tab.page.evaluate("() => void fetch('http://evil.example/').catch(() => 0)")
    with pytest.raises(AssertionError, match="evil"):
        assert_inert(tab)


def test_a_broken_policy_is_seen(show: Show) -> None:
    tab = show("<style>p { color: red }</style><p>text", STRICT)
    tab.settle()
    assert [line.split()[:2] for line in tab.violations] == [["style-src-elem", "inline"]]
    with pytest.raises(AssertionError):
        assert_inert(tab)


@pytest.mark.parametrize(
    "policy",
    [
        "",
        STRICT.replace("script-src 'self'", "script-src 'self' 'unsafe-inline'"),
        STRICT.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'"),
        STRICT.replace("img-src 'self'", "img-src *"),
        STRICT.replace("connect-src 'self'", "connect-src *"),
        STRICT.replace("script-src 'self'", "script-src *"),
    ],
)
def test_a_loose_policy_fails(show: Show, policy: str) -> None:
    with pytest.raises(AssertionError):
        assert_policy(show("<p>text", policy))


@pytest.mark.parametrize("body", ["<p style='width: 500px'>x", f"<p>{'W' * 300}", "<pre>" + "word " * 100])
def test_a_wide_page_fails(show: Show, body: str) -> None:
    with pytest.raises(AssertionError, match="<p"):
        assert_fits(show(body))
    assert_fits(show(f"<div style='overflow-x: auto'>{body}</div>"))


@pytest.mark.parametrize(
    "body",
    [
        "<button tabindex=-1>x</button>",
        "<button>x</button><style>button:focus { outline: none }</style>",
        "<div onkeydown='event.preventDefault()'><a href=/1>one</a><a href=/2>two</a></div>",
    ],
)
def test_a_page_that_the_keyboard_does_not_reach_fails(show: Show, body: str) -> None:
    with pytest.raises(AssertionError):
        assert_keyboard(show(body))
