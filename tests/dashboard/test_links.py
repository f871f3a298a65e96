"""Pages about rules and documents lead to pages that there are."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from lxml.html import document_fromstring
from starlette.testclient import TestClient

from pipeline.dashboard.app import make_app
from pipeline.dashboard.watch import Watched
from pipeline.store import open_folder
from tests.pipeline.conftest import rows

pytestmark = pytest.mark.xdist_group("dashboard")
FOLLOWED = 8  # links of each page to each view


def test_every_link_has_an_answer(small_run: Path) -> None:
    watched = Watched(open_folder(small_run), "run")
    watched.look_to_the_end()
    client = TestClient(make_app({"run": watched}, {"testserver"}))
    pages = [("/run/rules", {}), ("/run/samples", {}), ("/run/samples", {"rule": "gopher_quality.short"})]
    pages += [
        ("/run/why", {"id": next(iter(rows(small_run, under)))}) for under in ("duplicates", "clusters")
    ]
    pages += [("/run/why", {"id": next(iter(rows(small_run, "dropped")))})]
    wanted: set[str] = set()
    for path, question in pages:
        found = client.get(path, params=question)
        assert found.status_code == 200
        by_view: dict[str, list[str]] = {}
        for link in document_fromstring(found.content.decode()).iter("a"):
            href = str(link.get("href"))
            by_view.setdefault(urlsplit(href).path, []).append(href)
        # The last ones, too: rules of labels and of switched off filters stand at either end.
        wanted |= {href for links in by_view.values() for href in (*links[:FOLLOWED], *links[-FOLLOWED:])}
    wanted -= {"#main"}
    assert {urlsplit(href).path for href in wanted} >= {
        "/run/signals",
        "/run/samples",
        "/run/why",
        "/run/duplicates",
    }
    assert {href: code for href in sorted(wanted) if (code := client.get(href).status_code) != 200} == {}
