"""A browser tab that remembers what its pages did, and what is asserted of any page of ours."""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Dialog, Page, Request

LAUNCH = [
    "--no-sandbox",  # which cannot be had as root
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
]
WIDE, NARROW = (1280, 900), (390, 844)

# Runs before anything of the page, in every frame. Writing the sentinel is told at once, so no reload forgets it.
_WATCH = """
(() => {
  const tell = window.__tell;
  addEventListener('securitypolicyviolation', event =>
    tell('violation', `${event.effectiveDirective} ${event.blockedURI} ${event.sample}`), true);
  window.open = (...words) => { tell('pwned', `open ${words[0]}`); return null; };
  Object.defineProperty(window, '__pwned', {get: () => undefined, set: value => tell('pwned', String(value))});
})();
"""

# Everything in the page that could act or load, as far as markup shows it.
_ACTIVE = """
(scripts) => {
  const found = [];
  const here = location.href.split('#')[0];
  const ours = url => url.protocol === 'file:' ? url.href.split('#')[0] === here : url.origin === location.origin;
  const say = (why, one) => found.push(`${why}: ${one.outerHTML.slice(0, 160)}`);
  for (const one of document.querySelectorAll('*')) {
    const name = one.localName.toLowerCase();
    if (name === 'script' && !(one.src && !one.text && scripts.includes(new URL(one.src).pathname)))
      say('script', one);
    if (['iframe', 'frame', 'object', 'embed', 'applet', 'base', 'portal', 'foreignobject'].includes(name))
      say('element', one);
    if (name === 'meta' && /refresh|set-cookie/i.test(one.httpEquiv)) say('meta', one);
    if (one.shadowRoot || name.includes('-')) say('element', one);
    for (const {name: attribute, value} of one.attributes) {
      const local = attribute.toLowerCase().replace(/^.*:/, '');
      if (local.startsWith('on') || local === 'style' || local === 'srcdoc' || local.startsWith('data-pwned'))
        say('attribute', one);
      if (!['href', 'src', 'action', 'formaction', 'poster', 'data', 'ping', 'background'].includes(local)) continue;
      if (name === 'link' && value === 'data:,') continue;
      let url = null;
      try { url = new URL(value, document.baseURI); } catch { say('address', one); continue; }
      if (!ours(url)) say('address', one);
    }
    if (one.hasAttribute('srcset') || one.hasAttribute('imagesrcset')) say('address', one);
  }
  return found;
}
"""

# Everything but tab and line feed that draws nothing or turns the direction of what follows.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f]"
)

_SETTLED = (
    "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))"
)

_OUTSIDE = """
() => [...document.querySelectorAll('body *')]
  .filter(one => {
    const box = one.getBoundingClientRect();
    return Math.max(box.right, box.left + one.scrollWidth) > document.scrollingElement.clientWidth + 1;
  })
  .filter(one => {
    for (let at = one.parentElement; at; at = at.parentElement)
      if (at !== document.documentElement && at !== document.body && getComputedStyle(at).overflowX !== 'visible')
        return false;
    return true;
  })
  .slice(0, 5).map(one => one.outerHTML.slice(0, 160))
"""

# The elements that a person works with, and how each looks without the focus.
_WORKED = """
() => {
  document.activeElement?.blur();
  const look = one => { const s = getComputedStyle(one);
    return [s.outlineStyle, s.outlineWidth, s.outlineColor, s.boxShadow, s.borderColor, s.backgroundColor,
            s.textDecoration, s.color].join('|'); };
  const kinds = 'a[href], button, input, select, textarea, summary, area[href], [tabindex], [contenteditable=true]';
  const all = [...document.querySelectorAll(kinds)].filter(one =>
    one.checkVisibility({visibilityProperty: true}) && one.getClientRects().length && !one.matches(':disabled')
    && !(one.matches('[tabindex="-1"]') && !one.matches('a, button, input, select, textarea, summary'))
    && !(one.localName === 'summary' && one.parentElement?.localName !== 'details'));
  const group = one => one.type === 'radio' && one.name
    ? all.findIndex(other => other.type === 'radio' && other.name === one.name && other.form === one.form)
    : all.indexOf(one);
  const before = all.map(look);
  window.__reached = () => {
    const at = document.activeElement;
    const place = all.indexOf(at);
    if (place < 0) return {place, group: -1, seen: true, tail: at === document.body || at === null};
    const s = getComputedStyle(at);
    const ring = s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) > 0;
    return {place, group: group(at), seen: ring || look(at) !== before[place], tail: false};
  };
  return all.map(one => [group(one), one.outerHTML.slice(0, 160)]);
}
"""


def chromium_path() -> str | None:
    """The Chromium to use: what CHROMIUM names, else Debian's, else one on the PATH; None where there is none."""
    if named := os.environ.get("CHROMIUM"):
        return shutil.which(named)
    names = ("/usr/bin/chromium", "chromium", "google-chrome")
    return next((found for name in names if (found := shutil.which(name))), None)


@dataclass
class Tab:
    """A page with all that it asked for and did, from its first navigation on; dialogs are dismissed."""

    page: Page
    requests: list[str] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)  # those of them that the page's policy held back
    console: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    pwned: list[str] = field(default_factory=list)

    def forget(self) -> None:
        """Empty the records."""
        for one in (
            self.requests,
            self.stopped,
            self.console,
            self.errors,
            self.dialogs,
            self.violations,
            self.pwned,
        ):
            one.clear()

    def settle(self) -> None:
        """Return once the page has drawn what it has, and all that it told has arrived."""
        self.page.evaluate(_SETTLED)


def open_tab(context: BrowserContext) -> Tab:
    """A blank tab that records."""
    tab = Tab(context.new_page())
    kinds = {"violation": tab.violations, "pwned": tab.pwned}

    def tell(_: Any, kind: str, what: str) -> None:
        kinds[kind].append(what)

    def dialog(one: Dialog) -> None:
        tab.dialogs.append(f"{one.type} {one.message}")
        one.dismiss()

    def console(one: ConsoleMessage) -> None:
        tab.console.append(f"{one.type} {one.text}")

    def request(one: Request) -> None:
        tab.requests.append(one.url)

    def failed(one: Request) -> None:
        if one.failure == "csp":
            tab.stopped.append(one.url)

    tab.page.expose_binding("__tell", tell)
    tab.page.add_init_script(_WATCH)
    tab.page.on("request", request)
    tab.page.on("requestfailed", failed)
    tab.page.on("console", console)
    tab.page.on("pageerror", lambda one: tab.errors.append(str(one)))
    tab.page.on("dialog", dialog)
    return tab


def assert_inert(tab: Tab, scripts: tuple[str, ...] = ()) -> None:
    """Nothing that the page shows acted or could: `scripts` are the paths of our own scripts, all else is foreign.

    No dialog, error, violated policy or request to another origin; no foreign script, handler, frame, inline style
    or address; no template evaluated, no invisible character in the document.
    """
    tab.settle()
    assert not tab.dialogs
    assert not tab.pwned
    foreign = [url for url in tab.requests if not _same_origin(url, tab.page.url)]
    assert not foreign
    assert not tab.violations
    assert not tab.errors
    assert not [line for line in tab.console if not line.startswith(("log ", "info ", "debug "))]
    active = tab.page.evaluate(_ACTIVE, list(scripts))
    assert not active
    whole = tab.page.evaluate("() => document.documentElement.outerHTML")
    assert "pwnedpwned" not in whole  # {{ 2*'pwned' }} in crawled text
    hidden = sorted({f"U+{ord(found):04X}" for found in _HIDDEN.findall(whole)})
    assert not hidden


def assert_policy(tab: Tab) -> None:
    """Even markup that slips through cannot act: the page's policy stops script, handler, style, frame and request.

    It leaves the tab's records and document spoilt: ask it last.
    """
    tab.settle()
    tab.page.evaluate(
        """async () => {
          const box = document.body.appendChild(document.createElement('div'));
          const put = (name, more) => box.appendChild(Object.assign(document.createElement(name), more));
          const load = (name, more) => new Promise(done => put(name, {...more, onload: done, onerror: done}));
          put('script', {textContent: "__pwned = 'script'"});
          put('style', {textContent: 'body { display: none }'});
          const handler = put('div', {innerHTML: `<p onclick="__pwned = 'handler'">`});
          handler.firstChild.click();
          await Promise.all([
            load('iframe', {srcdoc: "<script>parent.__pwned = 'frame'</script>"}),
            load('img', {src: 'http://elsewhere.invalid/image'}),
            load('script', {src: 'http://elsewhere.invalid/script'}),
            load('link', {rel: 'stylesheet', href: 'http://elsewhere.invalid/style'}),
            fetch('http://elsewhere.invalid/fetch').catch(() => 0),
          ]);
        }"""
    )
    tab.settle()
    assert not tab.pwned
    assert not [url for url in tab.requests if "elsewhere.invalid" in url and url not in tab.stopped]
    assert tab.page.evaluate("() => getComputedStyle(document.body).display") != "none"
    rules = {line.split()[0] for line in tab.violations}
    assert rules >= {"script-src-elem", "script-src-attr", "style-src-elem", "img-src", "connect-src"}


def assert_fits(tab: Tab) -> None:
    """The page is no wider than the window, so nobody scrolls sideways; tables may scroll inside their box."""
    tab.settle()
    size = tab.page.viewport_size
    assert size is not None
    width = tab.page.evaluate("() => document.scrollingElement.scrollWidth")
    assert width <= size["width"], tab.page.evaluate(_OUTSIDE)


def assert_keyboard(tab: Tab) -> None:
    """The Tab key reaches everything that can be worked with, and what has the focus shows it.

    One button of a radio group stands for all, which the arrow keys reach.
    """
    worked: list[tuple[int, str]] = [(group, html) for group, html in tab.page.evaluate(_WORKED)]
    wanted = {group for group, _ in worked}
    reached: set[int] = set()
    unseen: list[str] = []
    for _ in range(2 * len(worked) + 50):  # boxes that scroll are stops as well
        if wanted <= reached:
            break
        tab.page.keyboard.press("Tab")
        at = tab.page.evaluate("() => __reached()")
        if at["place"] >= 0 and at["group"] not in reached:
            reached.add(at["group"])
            if not at["seen"]:
                unseen.append(worked[at["place"]][1])
    assert not [worked[group][1] for group in sorted(wanted - reached)]
    assert not unseen


def _same_origin(url: str, page: str) -> bool:
    if url.startswith("data:"):
        return True
    here, there = urlsplit(page), urlsplit(url)
    if here.scheme == "file":
        return url.partition("#")[0] == page.partition("#")[0]
    return (here.scheme, here.netloc) == (there.scheme, there.netloc)


def describe(tab: Tab) -> str:
    """What the tab recorded, for a person who looks into a failure."""
    return json.dumps({name: value for name, value in vars(tab).items() if name != "page"}, indent=1)
