"""Every view's JSON is the documented struct, field for field, and a link on a page never leads nowhere."""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec
import pytest
from lxml.html import document_fromstring
from starlette.testclient import TestClient

from pipeline.dashboard.app import SHAPES, State, make_app
from pipeline.dashboard.views import VIEWS
from tests.served import watched

pytestmark = pytest.mark.xdist_group("dashboard")

LINKS = 40  # addresses of a view that are followed


@pytest.fixture(scope="module")
def client(small_run: Path, quality_run: Path) -> TestClient:
    """Two runs, so that they can be compared."""
    return TestClient(make_app(watched({"run": small_run, "quality": quality_run}), ["testserver"]))


@pytest.fixture(scope="module")
def again(small_run: Path, quality_run: Path) -> TestClient:
    """The same, read once more."""
    return TestClient(make_app(watched({"run": small_run, "quality": quality_run}), ["testserver"]))


def twin_of(address: str) -> str:
    path, mark, query = address.partition("?")
    return f"{path}.json{mark}{query}"


def linked(page: str) -> Iterator[str]:
    """Addresses of our own views that a page names."""
    document = document_fromstring(page)
    for link in document.xpath("//main//a/@href | //nav//a/@href"):
        if re.fullmatch(r"/[^/]+/[^/.]+", urlsplit(link).path):
            yield link


class Walk(NamedTuple):
    """Addresses that links lead to, with the page, by view; and links that lead nowhere, by the page they are on."""

    found: dict[str, list[tuple[str, str]]]
    lost: dict[str, list[str]]


@pytest.fixture(scope="module")
def walk(client: TestClient) -> Walk:
    """From the first page of each view along all links, up to a number of addresses of each view."""
    found: dict[str, list[tuple[str, str]]] = {name: [] for name in VIEWS}
    lost: dict[str, list[str]] = {}
    waiting = deque((f"/run/{name}", "") for name in VIEWS)
    seen = {address for address, _ in waiting}
    while waiting:
        address, page = waiting.popleft()
        name = urlsplit(address).path.split("/")[2]
        if len(found.get(name, ())) >= LINKS:
            continue
        answer = client.get(address)
        if answer.status_code != 200:
            lost.setdefault(page, []).append(
                f"{address}: {document_fromstring(answer.text).findtext('.//p[2]')}"
            )
            continue
        found[name].append((address, answer.text))
        for link in linked(answer.text):
            if link not in seen:
                seen.add(link)
                waiting.append((link, name))
    return Walk(found, lost)


@pytest.mark.parametrize("name", sorted(VIEWS))
def test_links_lead_somewhere(walk: Walk, name: str) -> None:
    assert walk.found[name]
    assert not walk.lost.get(name)


@pytest.mark.parametrize("name", sorted(VIEWS))
def test_the_twin_is_the_struct_and_the_same_each_time(
    client: TestClient, again: TestClient, walk: Walk, name: str
) -> None:
    for address, _ in walk.found[name]:
        answer = client.get(twin_of(address))
        assert answer.status_code == 200, (address, answer.text)
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["cache-control"] == "no-store"
        assert "etag" not in answer.headers
        decoded = msgspec.json.decode(answer.content, type=VIEWS[name].answer_type, strict=True)
        assert json.loads(msgspec.json.encode(decoded)) == answer.json()  # and nothing beside it
    for address, page in walk.found[name][:8]:
        assert again.get(twin_of(address)).content == client.get(twin_of(address)).content
        assert again.get(address).text == page


@pytest.mark.parametrize("name", sorted(VIEWS))
def test_a_page_names_its_twin_and_itself(walk: Walk, name: str) -> None:
    for address, text in walk.found[name][:8]:
        document = document_fromstring(text)
        twins = document.xpath("//footer//a[contains(@href, '.json')]/@href")
        assert urlsplit(twins[0]).path == f"/{address.split('/')[1]}/{name}.json"
        assert document.xpath("//nav//a[@aria-current='page']/@href") == [f"/{address.split('/')[1]}/{name}"]
        assert len(document.xpath("//h1")) == 1
        assert VIEWS[name].title in document.findtext(".//title")
        assert not document.xpath(
            "//@style | //@*[starts-with(name(), 'on')] | //script[not(@src)] | //style"
        )
        ids = document.xpath("//@id")
        assert len(ids) == len(set(ids))
        assert all(document.xpath("//svg[not(@aria-hidden)]/title") for _ in document.xpath("//svg[@role]"))
        for heading in document.xpath("//th[not(@scope)]"):
            raise AssertionError(f"a heading of a table that does not say of what: {heading.text_content()}")


def test_keys_and_titles_are_their_own() -> None:
    assert len({view.key for view in VIEWS.values()}) == len(VIEWS)
    assert len({view.title for view in VIEWS.values()}) == len(VIEWS)
    assert all(view.name == name and len(view.key) == 1 for name, view in VIEWS.items())


def test_shapes_name_every_view(client: TestClient) -> None:
    shapes = client.get("/shapes.json").json()
    assert shapes == json.loads(msgspec.json.encode(SHAPES))
    assert list(shapes["views"]) == list(VIEWS)
    for name, view in VIEWS.items():
        answer = shapes["views"][name]["answer"]["$ref"].rpartition("/")[2]
        assert answer == view.answer_type.__name__
        assert shapes["views"][name]["question"]["$ref"].endswith(f"/{view.question.__name__}")
    state = msgspec.json.decode(client.get("/run/state.json").content, type=State)
    assert (state.run, state.live, state.reading, state.damage) == ("run", False, False, "")


@pytest.mark.parametrize("name", sorted(SHAPES["$defs"]))
def test_every_field_is_documented(name: str) -> None:
    """The description of a struct speaks of each of its fields by name."""
    shape: dict[str, Any] = SHAPES["$defs"][name]
    words = set(re.findall(r"\w+", shape.get("description", "").lower()))
    assert words
    assert not [field for field in shape.get("properties", {}) if field not in words]
