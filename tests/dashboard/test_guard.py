"""Who may ask the dashboard, and how: headers, methods, names, the token, addresses; nothing else gets an answer."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from starlette.testclient import TestClient

from pipeline.dashboard.app import make_app
from pipeline.dashboard.guard import LONGEST
from pipeline.dashboard.serve import names_of
from pipeline.dashboard.view import View
from pipeline.dashboard.views import VIEWS
from pipeline.dashboard.watch import Watched
from tests.pipeline.conftest import sluice
from tests.served import command, served, watched

pytestmark = pytest.mark.xdist_group("dashboard")

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}
TOKEN = "a-token-of-this-test_0123"
Answer = tuple[int, Mapping[str, str], bytes]
Ask = Callable[..., Answer]


@pytest.fixture(scope="module")
def runs(quality_run: Path) -> dict[str, Watched]:
    return watched({"run": quality_run})


@pytest.fixture(scope="module")
def address(runs: dict[str, Watched]) -> Iterator[str]:
    with served(runs, hosts=("127.0.0.1", "localhost", "::1", "Friendly.Example")) as found:
        yield found


@pytest.fixture(scope="module")
def guarded(runs: dict[str, Watched]) -> Iterator[str]:
    with served(runs, TOKEN) as found:
        yield found


def ask(address: str, target: str, method: str = "GET", **headers: str) -> Answer:
    """One request whose target is sent as it stands; names of headers have `_` for `-`."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=30)
    connection.putrequest(method, target, skip_host="Host" in headers)
    for name, value in headers.items():
        connection.putheader(name.replace("_", "-"), value)
    connection.endheaders()
    answer = connection.getresponse()
    found = answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    connection.close()
    return found


def raw(address: str, data: bytes) -> bytes:
    """What the server says to these bytes."""
    where = urlsplit(address)
    with socket.create_connection((str(where.hostname), where.port or 0), timeout=30) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def assert_guarded(headers: Mapping[str, str]) -> None:
    assert {name: headers.get(name) for name in HEADERS} == HEADERS
    assert "server" not in headers


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/", 200),
        *((f"/run/{name}", 200) for name in VIEWS),
        *((f"/run/{name}.json", 200) for name in VIEWS),
        ("/run/state.json", 200),
        ("/shapes.json", 200),
        ("/static/dashboard.js", 200),
        ("/static/dashboard.css", 200),
        ("/static/icon.svg", 200),
        ("/run/signals.yaml?set=filters.gopher_quality.min_words=50", 200),
        ("/run/signals.yaml", 404),
        ("/none/funnel", 404),
        ("/none", 404),
        ("/none/", 404),
        ("/static", 404),
        ("/run/none.json", 404),
        ("/static/none.js", 404),
        ("/run/funnel/", 404),
        ("/run/funnel?none=1", 400),
        ("/run/funnel?" + "x" * LONGEST, 414),
    ],
)
def test_every_answer_has_the_headers_and_head_has_no_body(address: str, target: str, status: int) -> None:
    for method in ("GET", "HEAD"):
        found, headers, body = ask(address, target, method)
        assert (found, headers.get("location")) == (status, None)
        assert_guarded(headers)
        assert bool(body) == (method == "GET")
        assert headers["content-type"].endswith(("charset=utf-8", "application/json"))


@pytest.mark.parametrize("name", ["run", "<b>a & b", "..run\\x", "ünï?#%"])
def test_a_run_alone_leads_to_its_funnel(runs: dict[str, Watched], name: str) -> None:
    with served({name: runs["run"]}, TOKEN) as found:
        for target in (f"/{quote(name, safe='')}", f"/{quote(name, safe='')}/"):
            assert ask(found, target)[0] == 401
            assert ask(found, target, "POST", Authorization=f"Bearer {TOKEN}")[0] == 405
            status, headers, _ = ask(found, target, Authorization=f"Bearer {TOKEN}")
            assert (status, headers["location"]) == (303, f"/{quote(name, safe='')}/funnel")
            assert_guarded(headers)
            first, headers, _ = ask(found, f"{target}?token={TOKEN}")
            assert first == 303
            assert TOKEN not in headers["location"]


@pytest.mark.parametrize(
    "method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get"]
)
def test_only_get_and_head(address: str, method: str) -> None:
    status, headers, body = ask(address, "/run/funnel.json", method)
    assert (status, headers["allow"]) == (405, "GET, HEAD")
    assert json.loads(body)["status"] == 405
    assert_guarded(headers)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.0.0.1:1", "localhost:8300", "LOCALHOST", "[::1]", "[::1]:80", "friendly.example:99"],
)
def test_names_that_the_server_goes_by(address: str, host: str) -> None:
    assert ask(address, "/", Host=host)[0] == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8300",
        "127.0.0.1.evil.example",
        "localhost.evil.example:8300",
        "evil.example:127.0.0.1",
        "127.0.0.1:80:evil.example",
        "localhost:evil.example",
        "localhost:80@evil.example",
        "evil.example#localhost",
        "localhost.",
        "localhost,evil.example",
        "[::1]evil.example",
        "[::1]:evil",
        "[::1",
        "[::2]:80",
        "[::ffff:127.0.0.1]",
        "::1",
        "0.0.0.0",
        "169.254.169.254",
        "",
        ":80",
        "user@localhost",
        "xn--lcalhost-d4a",
    ],
)
def test_other_names_are_refused_so_that_none_can_be_rebound(address: str, host: str) -> None:
    status, headers, body = ask(address, "/run/state.json", Host=host)
    assert status == 421
    assert_guarded(headers)
    assert "--allow-host" in json.loads(body)["error"]
    assert b"quality" not in body


@pytest.mark.parametrize(
    "lines",
    [
        b"Host: localhost\r\nHost: evil.example",
        b"Host: evil.example\r\nHost: localhost",
        b"Host: localhost\r\nHost: localhost",
        b"X-Forwarded-Host: localhost",
        b"Host: evil.example\r\nX-Forwarded-Host: localhost",
        b"Host: evil.example\r\nForwarded: host=localhost",
        b"Host : localhost",
        b"Host: localhost\r\n Host: evil.example\r\nHost: evil.example",
    ],
)
def test_one_host_header_counts_and_no_other(address: str, lines: bytes) -> None:
    answer = raw(address, b"GET /run/funnel HTTP/1.1\r\n" + lines + b"\r\nConnection: close\r\n\r\n")
    assert status_of(answer) in (400, 421)
    assert b"quality" not in answer


def test_a_request_without_a_host_is_refused(address: str) -> None:
    assert status_of(raw(address, b"GET /run/funnel HTTP/1.0\r\n\r\n")) == 421
    assert status_of(raw(address, b"GET /run/funnel HTTP/1.1\r\n\r\n")) == 400


def test_a_host_in_the_target_is_none(address: str) -> None:
    """As a proxy is asked, with a name of ours beside it and without."""
    for host, expected in ((b"localhost", 404), (b"evil.example", 421)):
        request = b"GET http://evil.example/run/funnel HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n"
        answer = raw(address, request % host)
        assert status_of(answer) == expected
        assert b"Location" not in answer.title()


@pytest.mark.parametrize(
    "target",
    [
        "/static/../../../../etc/passwd",
        "/static/..%2f..%2f..%2fguard.py",
        "/static/%2e%2e/guard.py",
        "/static/%252e%252e%252fguard.py",
        "/static/..%5c..%5cguard.py",
        "/static/dashboard.css%00.js",
        "/static/%00",
        "/static/",
        "/static//etc/passwd",
        "/static/dashboard.js/",
        "/run/../../etc/passwd.json",
        "/run/%2e%2e%2f%2e%2e%2fetc%2fpasswd.json",
        "/run/..%252f..%252fetc%252fpasswd.json",
        "/../run/funnel",
        "/%2e%2e/funnel",
        "/run%00/funnel",
        "/run/funnel%00.json",
        "/run/%ff%fe",
        "/%c0%ae%c0%ae/funnel",
        "/run/{{7*7}}",
        "/<script>alert(1)</script>/funnel",
        "/run/ledger/filter/manifest.json",
        "/run/recipe.yaml",
        "/run/inputs.json",
        "/etc/passwd",
        "//evil.example/funnel",
        "//evil.example/",
        "/\\evil.example/",
        "/%5cevil.example/%2f..",
        "/%0d%0aSet-Cookie:x=y/funnel",
        "/.json",
        "/run/.json",
        "*",
    ],
)
def test_addresses_reach_the_views_and_nothing_else(address: str, target: str) -> None:
    status, headers, body = ask(address, target)
    assert status == 404
    assert not {"location", "set-cookie"} & set(headers)
    assert_guarded(headers)
    text = body.decode()
    assert not re.search(r"root:|import |<script>alert|49|gopher_quality", text)
    if target.endswith(".json"):
        assert set(json.loads(text)) == {"error", "status"}


def test_an_address_is_at_most_so_long(address: str) -> None:
    long = "/run/funnel.json?limit=" + "1" * (LONGEST - len("/run/funnel.json") - len("limit="))
    assert len(long) == LONGEST + 1  # the `?` is in neither part
    assert ask(address, long)[0] == 400
    status, headers, body = ask(address, long + "1")
    assert status == json.loads(body)["status"] == 414
    assert_guarded(headers)
    assert status_of(raw(address, b"GET /" + b"x" * 40_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")) == 414
    assert ask(address, "/run/funnel")[0] == 200


@pytest.mark.parametrize(
    "data",
    [
        b"\r\n\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcde",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /\x00\xff HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
def test_what_is_no_request_does_no_harm(address: str, data: bytes) -> None:
    assert b"Traceback" not in raw(address, data)
    assert ask(address, "/run/state.json")[0] == 200


def test_without_the_token_nothing_is_told(guarded: str) -> None:
    wrong: list[dict[str, str]] = [
        {},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Bearer {TOKEN}x"},
        {"Authorization": f"Bearer {TOKEN[:-1]}"},
        {"Authorization": TOKEN},
        {"Authorization": f"Basic {TOKEN}"},
        {"Cookie": "sluice_token="},
        {"Cookie": "sluice_token=wrong"},
        {"Cookie": f"other={TOKEN}"},
        {"Cookie": "sluice_token=\xff; ;;=,\x01".encode("latin-1").decode("latin-1")[:-1]},
        {"Token": TOKEN},
    ]
    for headers in wrong:
        for target in ("/", "/run/funnel", "/run/funnel.json", "/shapes.json", "/static/dashboard.js", "/no"):
            status, given, body = ask(guarded, target, **headers)
            assert status == 401, headers
            assert_guarded(given)
            assert "set-cookie" not in given
            assert b"quality" not in body
    for query in ("token=", "token=wrong", f"token={TOKEN}x", f"Token={TOKEN}", "token=%00", "token=%ff"):
        assert ask(guarded, f"/?{query}")[0] == 401


def test_the_token_in_an_address_becomes_a_cookie_and_leaves_it(guarded: str) -> None:
    status, headers, body = ask(guarded, f"/run/rules?filter=a%26b&token={TOKEN}&top=4")
    assert (status, headers["location"]) == (303, "/run/rules?filter=a%26b&top=4")
    assert TOKEN.encode() not in body
    assert_guarded(headers)
    cookie, *attributes = headers["set-cookie"].split("; ")
    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(attributes)
    assert cookie == f"sluice_token={TOKEN}"
    assert ask(guarded, "/run/funnel", Cookie=cookie)[0] == 200
    assert ask(guarded, "/run/funnel", Authorization=f"Bearer {TOKEN}")[0] == 200
    assert ask(guarded, "/run/funnel", Authorization=f"bearer  {TOKEN}")[0] == 200
    # The printed address once more, in a browser that has the cookie.
    status, headers, _ = ask(guarded, f"/run/funnel?token={TOKEN}", Cookie=cookie)
    assert (status, headers["location"]) == (303, "/run/funnel")


@pytest.mark.parametrize(
    "path",
    [
        "//evil.example/",
        "///evil.example",
        "/\\evil.example",
        "/\\/evil.example",
        "/%5cevil.example",
        "/%2fevil.example",
        "/%09/evil.example",
        "/%0d%0aLocation:%20http://evil.example",
        "/..//evil.example",
        "/run/funnel/",
        "/http://evil.example",
        "/@evil.example",
        "/%E2%80%AE",
    ],
)
def test_the_redirect_stays_here(guarded: str, path: str) -> None:
    for query in (f"token={TOKEN}", f"a=1&token={TOKEN}&token={TOKEN}", f"token={TOKEN}&token=x"):
        status, headers, _ = ask(guarded, f"{path}?{query}")
        assert status == 303
        location = headers["location"]
        assert re.match(r"/(?![/\\])", location)
        assert not re.search(r"[\\\x00-\x20]", location)
        assert TOKEN not in location
        assert not urlsplit(location).netloc


def test_a_view_that_fails_gives_one_sentence_and_one_line(
    runs: dict[str, Watched], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("what\x1b[31m no page\nshould tell")

    funnel = VIEWS["funnel"]
    broken = View("funnel", "Funnel", "f", funnel.question, funnel.answer_type, fail)
    monkeypatch.setitem(VIEWS, "funnel", broken)
    with served(runs, TOKEN) as address:
        bearer = {"Authorization": f"Bearer {TOKEN}"}
        status, headers, page = ask(address, "/run/funnel", **bearer)
        assert status == 500
        assert_guarded(headers)
        status, headers, twin = ask(address, "/run/funnel.json", **bearer)
        assert status == 500
        assert_guarded(headers)
        assert json.loads(twin)["status"] == 500
        assert ask(address, f"/run/funnel?token={TOKEN}", **bearer)[0] == 303
        assert ask(address, "/run/rules", **bearer)[0] == 200
    for told in (page, twin):
        assert not re.search(rb"Traceback|ZeroDivision|no page|\.py", told)
    said = capfd.readouterr().err.splitlines()
    assert len(said) == 2
    for line in said:
        assert line.startswith("sluice: /run/funnel")
        assert "ZeroDivisionError" in line
        assert "\x1b" not in line


def test_busy_is_told_as_such(runs: dict[str, Watched], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.dashboard.app.AT_ONCE", 0)
    monkeypatch.setattr("pipeline.dashboard.app.WAIT", 0.01)
    client = TestClient(make_app(runs, ["testserver"]))
    answer = client.get("/run/funnel.json")
    assert (answer.status_code, answer.json()["status"]) == (503, 503)
    assert answer.headers["retry-after"]
    assert "busy" in client.get("/run/funnel").text


def test_names_in_addresses() -> None:
    assert names_of(["a/run", "b/run/", "s3://bucket/run", "static", "/", "..", "a/.."]) == {
        "run": "a/run",
        "run-2": "b/run/",
        "run-3": "s3://bucket/run",
        "static-2": "static",
        "run-4": "/",
        "run-5": "..",
        "run-6": "a/..",
    }


def test_the_command_on_the_loopback(quality_run: Path) -> None:
    with command(quality_run, "--allow-host", "crawl.example") as (line, log):
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", line)
        assert ask(line, "/run/funnel")[0] == 200
        assert ask(line, "/run/funnel", Host="localhost")[0] == 200
        assert ask(line, "/run/funnel", Host="Crawl.Example:80")[0] == 200
        assert ask(line, "/run/funnel", Host="evil.example")[0] == 421
        assert len(log.read_text().splitlines()) == 1


def test_the_command_elsewhere_demands_a_token(quality_run: Path) -> None:
    with command("--host", "0.0.0.0", quality_run) as (line, log):
        found = re.fullmatch(r"http://([^/:]+):(\d+)/\?token=([\w-]{32,})", line)
        assert found is not None
        here = f"http://127.0.0.1:{found[2]}/"
        assert ask(here, "/run/funnel")[0] == 401
        assert ask(here, "/run/funnel?token=wrong")[0] == 401
        status, headers, _ = ask(here, f"/run/funnel?token={found[3]}", Host=f"{found[1]}:{found[2]}")
        assert status == 303
        cookie = headers["set-cookie"].split(";")[0]
        assert ask(here, headers["location"], Cookie=cookie)[0] == 200
        assert ask(here, "/run/funnel", Cookie=cookie, Host="evil.example")[0] == 421
        raw(here, f"GET /?token={found[3]} \xff HTTP/1.1\r\n\r\n".encode("latin-1"))
        assert found[3] not in log.read_text()


@pytest.mark.parametrize("token", ["short", "é" * 20, "x" * 20 + "\r\nA: b&"])
def test_a_token_that_cannot_go_into_an_address_is_refused(quality_run: Path, token: str) -> None:
    done = sluice(
        "dashboard",
        quality_run,
        "--host",
        "0.0.0.0",
        check=False,
        env={"SLUICE_DASHBOARD_TOKEN": token},
    )
    assert done.returncode == 2
    assert "SLUICE_DASHBOARD_TOKEN" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert token not in done.stderr


def test_a_token_of_ones_own(quality_run: Path) -> None:
    assert TOKEN not in os.environ.get("SLUICE_DASHBOARD_TOKEN", "")
    with command(quality_run, "--host", "0.0.0.0", env={"SLUICE_DASHBOARD_TOKEN": TOKEN}) as (line, _):
        assert line.endswith(f"?token={TOKEN}")


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["--host", "no.such.host.invalid"], 2, "--host"),
        (["--host", "192.0.2.1"], 1, "--port"),
        (["--port", "70000"], 2, "--port"),
    ],
)
def test_what_cannot_be_listened_on_is_one_line(
    quality_run: Path, words: list[str], code: int, says: str
) -> None:
    done = sluice("dashboard", quality_run, *words, check=False)
    assert done.returncode == code
    assert says in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("kind", ["a file", "a folder of something else", "an object store"])
def test_no_run_folder_is_one_line(quality_run: Path, tmp_path: Path, kind: str) -> None:
    """Also beside a run, and beside one that has not begun."""
    (tmp_path / "a file").write_text("no run")
    (tmp_path / "a folder of something else").mkdir()
    (tmp_path / "a folder of something else" / "notes.txt").write_text("no run")
    wrong = "memory://none/run" if kind == "an object store" else tmp_path / kind
    done = sluice("dashboard", quality_run, wrong, tmp_path / "none", check=False)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert str(wrong) in done.stderr
    assert "sluice run" in done.stderr


@pytest.mark.parametrize("there", [False, True])
def test_a_run_that_has_not_begun_is_waited_for(quality_run: Path, tmp_path: Path, there: bool) -> None:
    """The command says so, its page too; it is taken up by the same server when the recipe is there."""
    run = tmp_path / "later"
    if there:
        run.mkdir()
    with command(run, quality_run) as (line, log):
        status, headers, body = ask(line, "/later/funnel")
        assert status == 404
        assert_guarded(headers)
        assert b"there is no run here yet" in body
        assert b" data-waits>" in body
        assert json.loads(ask(line, "/later/state.json")[2])["status"] == 404
        index = ask(line, "/")[2]
        assert b"there is no run here yet" in index
        assert b" data-waits>" in index
        assert ask(line, "/run/funnel")[0] == 200
        assert f"{run}: no run there yet" in log.read_text()
        assert run.exists() == there  # nothing is made by waiting
        shutil.copytree(quality_run, run, dirs_exist_ok=True)
        deadline = time.monotonic() + 120
        while (
            ask(line, "/later/state.json")[0] != 200 or json.loads(ask(line, "/later/state.json")[2])["live"]
        ):
            assert time.monotonic() < deadline
            time.sleep(0.1)  # there is no event to wait for
        assert ask(line, "/later")[1]["location"] == "/later/funnel"
        own, other = (json.loads(ask(line, f"/{name}/funnel.json")[2]) for name in ("later", "run"))
        assert own["steps"] == other["steps"]
        assert b"data-waits" not in ask(line, "/later/funnel")[2] + ask(line, "/")[2]
