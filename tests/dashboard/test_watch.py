"""A run folder while it is watched: just begun, without filters, damaged, gone; the page says it, other runs go on."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from pipeline.dashboard.app import make_app
from pipeline.dashboard.awaited import Awaited, Followed, followed
from pipeline.dashboard.views import VIEWS
from pipeline.dashboard.watch import Watched
from pipeline.report.page import visible
from pipeline.stats import stats
from pipeline.store import open_folder
from tests.pipeline.conftest import sluice
from tests.served import RECIPE, watched, write_documents

pytestmark = pytest.mark.xdist_group("dashboard")


@pytest.fixture
def copied(quality_run: Path, tmp_path: Path) -> Path:
    """A run that may be spoilt."""
    return Path(shutil.copytree(quality_run, tmp_path / "copied", symlinks=True))


def client_of(runs: Mapping[str, Followed]) -> TestClient:
    return TestClient(make_app(runs, ["testserver"]))


def assert_answers(client: TestClient, run: str) -> None:
    """Every view has an answer or says in a sentence why it has none; nothing fails."""
    assert client.get("/").status_code == 200
    for name in VIEWS:
        page, twin = client.get(f"/{run}/{name}"), client.get(f"/{run}/{name}.json")
        assert page.status_code == twin.status_code
        assert page.status_code in (200, 404, 409), (name, page.text)
        if page.status_code != 200:
            assert set(twin.json()) == {"error", "status"}
            assert visible(twin.json()["error"])[:20] in page.text.replace("&#39;", "'").replace("&#34;", '"')


def receipt_of(run: Path, stage: str) -> Path:
    return next(path for path in (run / "ledger" / stage).iterdir() if path.name != "manifest.json")


def begun(run: Path, like: Path, *names: str) -> Path:
    """A run folder that has only these files of another."""
    for name in names:
        (run / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(like / name, run / name)
    return run


@pytest.mark.parametrize(
    "names",
    [
        ("recipe.yaml",),
        ("recipe.yaml", "inputs.json"),
        ("recipe.yaml", "ledger/root.json"),
        ("recipe.yaml", "inputs.json", "ledger/root.json"),
    ],
)
def test_a_run_that_has_just_begun(quality_run: Path, tmp_path: Path, names: tuple[str, ...]) -> None:
    """No receipts; inputs and the ledger's root are written one after the other, so either may be missing."""
    found = watched({"run": begun(tmp_path / "run", quality_run, *names)})
    client = client_of(found)
    assert_answers(client, "run")
    assert client.get("/run/state.json").json()["damage"] == ""
    assert client.get("/run/funnel").status_code == 200


def test_a_run_that_was_opened_as_it_began_is_followed_to_its_end(quality_run: Path, tmp_path: Path) -> None:
    run = begun(tmp_path / "run", quality_run, "recipe.yaml")
    one = Watched(open_folder(run), "run")
    versions = [one.look_to_the_end().version]
    assert one.seen.live
    for names in (
        ["inputs.json"],
        ["ledger/root.json"],
        [str(path.relative_to(quality_run)) for path in sorted(quality_run.rglob("*")) if path.is_file()],
    ):
        begun(run, quality_run, *names)
        versions.append(one.look_to_the_end().version)
    whole = watched({"run": quality_run})["run"].seen
    assert one.seen.run.inputs == whole.run.inputs
    assert one.seen.run.counts == whole.run.counts == stats(open_folder(quality_run))
    assert one.seen.documents.rows == whole.documents.rows
    assert not one.seen.live
    assert len(set(versions[1:])) == 3  # a page that asks for what is new notices each


def test_a_run_that_has_not_begun(quality_run: Path, tmp_path: Path) -> None:
    """Other runs are shown meanwhile; a recipe that cannot be read is told, and looked at again."""
    (tmp_path / "<i>run").mkdir()
    one = followed(open_folder(tmp_path / "<i>run"), "<i>run")
    assert isinstance(one, Awaited)
    client = client_of({"<i>run": one, **watched({"sound": quality_run})})
    assert not one.look()
    for name in ("", *VIEWS):
        page = client.get(f"/%3Ci%3Erun/{name}")
        assert page.status_code == 404
        assert "there is no run here yet" in page.text
        assert "<i>" not in page.text
    assert "no run here yet" in client.get("/sound/compare.json?other=%3Ci%3Erun").json()["error"]
    assert_answers(client, "sound")
    (tmp_path / "<i>run" / "recipe.yaml").write_text("filters: 7")
    assert not one.look()
    assert "recipe.yaml" in client.get("/%3Ci%3Erun/funnel.json").json()["error"]
    begun(tmp_path / "<i>run", quality_run, "recipe.yaml")
    assert one.look()
    assert one.problem == ""
    assert_answers(client, "%3Ci%3Erun")
    assert client.get("/%3Ci%3Erun/funnel").status_code == 200
    assert client.get("/%3Ci%3Erun/state.json").json()["live"]


def test_a_version_changes_when_reading_has_ended(quality_run: Path) -> None:
    one = Watched(open_folder(quality_run), "run")
    first = one.seen
    assert first.reading
    assert first.live
    last = one.look_to_the_end()
    assert not last.reading
    assert not last.live
    assert last.version != first.version


def test_a_run_without_filters(tmp_path: Path) -> None:
    source = write_documents(tmp_path / "documents.jsonl", 20)
    sluice("dedup", "--input", source, "--out", tmp_path / "run", "--set", "dedup.exact=true")
    client = client_of(watched({"run": tmp_path / "run"}))
    assert_answers(client, "run")
    assert client.get("/run/signals").status_code == 404
    assert "filters" in client.get("/run/signals.json").json()["error"]


def test_a_damaged_receipt_is_told_with_what_mends_it_and_others_go_on(
    quality_run: Path, copied: Path
) -> None:
    receipt = receipt_of(copied, "filter")
    before = receipt.read_bytes()
    receipt.write_bytes(before.replace(b'"in"', b'"ni"'))
    found = watched({"sound": quality_run, "<i>spoilt": copied})
    client = client_of(found)
    state = client.get("/%3Ci%3Espoilt/state.json").json()
    assert f"run `sluice repair {copied}`" in state["damage"]
    assert receipt.name in state["damage"]
    for address in ("/%3Ci%3Espoilt/funnel", "/"):
        page = client.get(address).text
        assert f"sluice repair {copied}" in page
        assert "<i>" not in page
    assert_answers(client, "%3Ci%3Espoilt")
    # What was read before it counts: `extract` comes first.
    assert found["<i>spoilt"].seen.run.counts["records"] == stats(open_folder(quality_run))["records"]
    assert client.get("/sound/state.json").json()["damage"] == ""
    assert "repair" not in client.get("/sound/funnel").text
    # It was mended in the meantime.
    receipt.write_bytes(before)
    last = found["<i>spoilt"].look_to_the_end()
    assert last.damage == ""
    assert last.version != state["version"]
    assert last.run.counts == stats(open_folder(quality_run))
    assert last.documents.rows == found["sound"].seen.documents.rows


@pytest.mark.parametrize("under", ["documents", "dropped"])
def test_a_damaged_table_is_told(copied: Path, under: str) -> None:
    table = next((copied / under).iterdir())
    table.write_bytes(table.read_bytes()[:-40])
    found = watched({"run": copied})
    client = client_of(found)
    assert "sluice verify" in client.get("/run/state.json").json()["damage"]
    assert_answers(client, "run")
    assert client.get("/run/funnel").status_code == 200


@pytest.mark.parametrize("data", [b"", b"{", b"\xff\xfe", b"name: [", b"name: x\nfilters: 7\n"])
def test_files_that_are_spoilt_while_they_are_watched(copied: Path, data: bytes) -> None:
    found = watched({"run": copied})
    client = client_of(found)
    pages = {name: client.get(f"/run/{name}").text for name in VIEWS}
    for name in ("recipe.yaml", "inputs.json", "ledger/root.json", "ledger/filter/manifest.json"):
        path = copied / name
        whole = path.read_bytes()
        path.write_bytes(data)
        found["run"]._looked = 0.0  # as if the time had passed after which manifests are read again
        found["run"].look_to_the_end()
        assert_answers(client, "run")
        path.write_bytes(whole)
        found["run"]._looked = 0.0
        found["run"].look_to_the_end()
        state: dict[str, Any] = client.get("/run/state.json").json()
        assert state["damage"] == ""
        assert not state["live"]
    assert {name: client.get(f"/run/{name}").text for name in VIEWS} == pages


def test_a_run_that_is_removed_while_it_is_watched(quality_run: Path, copied: Path) -> None:
    found = watched({"gone": copied, "there": quality_run})
    client = client_of(found)
    before = client.get("/gone/funnel.json").text
    shutil.rmtree(copied)
    found["gone"].look_to_the_end()
    damage = client.get("/gone/state.json").json()["damage"]
    assert "is gone" in damage
    assert str(copied) in damage
    assert client.get("/gone/funnel.json").text == before
    assert "is gone" in client.get("/gone/funnel").text
    assert "is gone" in client.get("/").text
    assert_answers(client, "gone")
    assert_answers(client, "there")


def test_only_reading(quality_run: Path) -> None:
    """Nothing is written into a run, whatever is asked."""

    def files() -> dict[str, tuple[int, int]]:
        return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in quality_run.rglob("*")}

    before = files()
    client = client_of(watched({"run": quality_run}))
    assert_answers(client, "run")
    client.get("/run/signals.yaml?set=filters.gopher_quality.min_words=9")
    assert files() == before


def test_a_further_call_with_more_stages_is_followed(tmp_path: Path) -> None:
    """The watch goes on after the run has ended; what a second call closes is seen."""
    recipe = tmp_path / "quality.yaml"
    recipe.write_text(RECIPE)
    source = write_documents(tmp_path / "documents.jsonl", 40)
    words = ["run", recipe, "--input", source, "--out", tmp_path / "run", "--workers", "1"]
    sluice(*words, "--until", "extract")
    one = Watched(open_folder(tmp_path / "run"), "run")
    first = one.look_to_the_end()
    assert not first.live
    assert first.documents.rows == 0
    sluice(*words, "--until", "filter")
    last = one.look_to_the_end()
    assert last.version != first.version
    assert last.documents.rows == 40
    assert json.loads(sluice("stats", tmp_path / "run", "--json").stdout) == last.run.counts


def test_what_cannot_be_read_once_is_read_again(copied: Path) -> None:
    """A store that fails for a moment loses nothing: damage is told, and gone when the files can be read."""
    (path,) = (copied / "dropped").iterdir()
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    seen = Watched(open_folder(copied), "run")
    for _ in range(3):
        assert not seen.look()
        assert "run `sluice" in seen.seen.damage
        assert seen.seen.documents.reading
    path.write_bytes(data)
    seen.look_to_the_end()
    assert seen.seen.damage == ""
    assert seen.seen.documents.exact
    assert seen.seen.documents.rows == seen.seen.documents.total


def test_files_that_are_gone_are_told_and_the_rest_is_not_called_exact(copied: Path) -> None:
    (path,) = (copied / "dropped").iterdir()
    path.unlink()
    seen = Watched(open_folder(copied), "run").look_to_the_end()
    lost = seen.documents.total - seen.documents.rows
    assert lost > 0
    assert seen.damage.startswith(f"{lost:,} of {seen.documents.total:,} documents are no longer in")
    assert not seen.documents.exact
    client = client_of({"run": Watched(open_folder(copied), "run")})
    assert_answers(client, "run")
