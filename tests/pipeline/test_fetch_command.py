"""`sluice fetch` for whole files, as a user types it: killed, doubled, refused, without a network."""

from __future__ import annotations

import datetime
import gzip
import ipaddress
import json
import os
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.pipeline import mirror
from tests.pipeline.conftest import ROOT, sluice
from tests.pipeline.mirror import CRAWL, FILES, Mirror, Request, refuse, serving, warc, warc_path
from tests.pipeline.test_fetch import PATH, QUICK, listing


@pytest.fixture
def server() -> Iterator[Mirror]:
    with serving() as running:
        yield running


def command(server: Mirror, *words: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    return sluice("fetch", *words, "--base", server.base, *QUICK, check=check)


def test_the_command_fetches_a_sample_that_grows(server: Mirror, tmp_path: Path) -> None:
    first = json.loads(command(server, CRAWL, "--files", "4", "--out", tmp_path, "--json").stdout)
    assert (first["fetched"], first["had"], first["failed"], first["total"]) == (4, 0, 0, FILES)
    more = command(server, CRAWL, "--files", "8", "--out", tmp_path, "--connections", "3").stdout.splitlines()
    names = [file["name"] for file in first["files"]]
    assert [Path(line).name for line in more[:4]] == names
    assert len(set(more)) == 8
    for number in range(FILES):
        path = tmp_path / warc_path(number).rpartition("/")[2]
        if path.exists():
            assert path.read_bytes() == warc(number)
    assert len(list(tmp_path.glob("*.warc.gz"))) == 8
    lists = [path for path, _ in server.asked if path.endswith("paths.gz")]
    assert len(lists) == 1
    agent = server.asked[0][1]["User-Agent"]
    assert agent.startswith("sluice/")


def test_wet_files_are_those_of_the_warc_files(server: Mirror) -> None:
    found = [
        command(server, CRAWL, "--files", "5", "--kind", kind, "--dry-run").stdout.splitlines()
        for kind in ("warc", "wet")
    ]
    numbers = [[line.rpartition("-")[2].partition(".")[0] for line in lines] for lines in found]
    assert numbers[0] == numbers[1]
    assert len(numbers[0]) == 5
    other = command(server, CRAWL, "--files", "5", "--seed", "1", "--dry-run").stdout.splitlines()
    assert other != found[0]


def test_a_missing_file_is_told_and_the_rest_is_had(server: Mirror, tmp_path: Path) -> None:
    gone = [warc_path(3), warc_path(9)]
    data = {path: server.files.pop(path) for path in gone}
    words = [CRAWL, "--files", "24", "--out", tmp_path]
    done = command(server, *words, "--json", check=False)
    assert done.returncode == 3
    assert "2 of 24 files could not be had" in done.stderr
    assert all(path in done.stderr for path in gone)
    told = json.loads(done.stdout)
    assert sorted(file["path"] for file in told["files"] if file["state"] == "failed") == sorted(gone)
    assert (told["fetched"], told["failed"]) == (22, 2)
    server.files |= data
    again = json.loads(command(server, *words, "--json").stdout)
    assert (again["fetched"], again["had"], again["failed"]) == (2, 22, 0)


def test_a_server_that_refuses_everything_is_soon_left_in_peace(server: Mirror, tmp_path: Path) -> None:
    for number in range(FILES):
        server.always[warc_path(number)] = refuse(403)
    done = command(server, CRAWL, "--files", "24", "--out", tmp_path, "--connections", "2", check=False)
    assert done.returncode == 3
    assert "not asked for: 8 requests in a row had failed" in done.stderr
    assert len(server.asked) <= 1 + 8 + 2


def test_list(server: Mirror) -> None:
    words = ["fetch", "--list", "--list-base", server.base, *QUICK]
    assert sluice(*words).stdout.splitlines()[0].split("\t")[0] == CRAWL
    assert json.loads(sluice(*words, "--json").stdout)[1]["id"] == "CC-MAIN-2023-50"
    server.files["collinfo.json"] = b"<html>"
    done = sluice(*words, check=False)
    assert done.returncode == 1
    assert "no list of crawls" in done.stderr


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["CC-MAIN-2024-99", "--files", "1", "--out", "OUT"], 1, "sluice fetch --list"),
        (["../../etc", "--files", "1", "--out", "OUT"], 2, "no crawl's name"),
        ([CRAWL, "--files", "1"], 2, "--out DIR is missing"),
        ([CRAWL, "--files", "1", "--out", "s3://bucket/x"], 2, "a local folder"),
        ([CRAWL, "--files", "1", "--out", "OUT", "--kind", "war"], 2, "one of warc"),
        ([CRAWL, "--files", "1", "--out", "OUT", "--rate", "fast"], 2, "20MB"),
        ([CRAWL, "--files", "1", "--out", "OUT", "--rate", "0"], 2, "nothing would ever come"),
        ([CRAWL, "--files", "1", "--out", "OUT", "--check", "some"], 2, "ends or all"),
        ([CRAWL, "--files", "1", "--out", "OUT", "--contact", "a\nb"], 2, "printable"),
        ([CRAWL, "--out", "OUT"], 2, "one of --list"),
        (["--files", "1", "--out", "OUT"], 2, "which crawl?"),
        ([CRAWL, "--list"], 2, "CRAWL goes with"),
        ([CRAWL, "--cdx", "x", "--out", "OUT"], 2, "CRAWL goes with"),
        ([CRAWL, "--files", "1", "--out", "OUT", "--limit", "3"], 2, "go with --where"),
        ([CRAWL, "--files", "1", "--out", "/dev/null/x"], 1, "cannot be written"),
    ],
)
def test_errors_are_one_line(server: Mirror, tmp_path: Path, words: list[str], code: int, said: str) -> None:
    done = command(server, *[str(tmp_path) if word == "OUT" else word for word in words], check=False)
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert "details" not in done.stderr
    assert done.stdout == ""


def test_no_network_is_said_so(tmp_path: Path) -> None:
    words = [CRAWL, "--files", "1", "--out", tmp_path, "--tries", "2", "--backoff", "0.001"]
    for base, said in (("http://127.0.0.1:9/", "127.0.0.1:9"), ("http://data.invalid/", "data.invalid")):
        done = sluice("fetch", *words, "--base", base, check=False)
        assert done.returncode == 1
        assert said in done.stderr
        assert "is there a network?" in done.stderr
        assert "Traceback" not in done.stderr


def test_a_list_of_paths_that_lead_elsewhere(server: Mirror, tmp_path: Path) -> None:
    for line in ("../../etc/passwd", "/etc/passwd", "a\x1b[2J.warc.gz", "x" * 2000):
        server.files[f"crawl-data/{CRAWL}/warc.paths.gz"] = gzip.compress(line.encode())
        done = command(server, CRAWL, "--files", "1", "--out", tmp_path / str(len(line)), check=False)
        assert done.returncode == 1
        assert "is no path" in done.stderr
        assert "\x1b" not in done.stderr


def test_a_folder_as_mirror_gives_the_same_files(server: Mirror, tmp_path: Path) -> None:
    mirror.write_layout(tmp_path / "mirror")
    words = [CRAWL, "--files", "6", "--out"]
    command(server, *words, tmp_path / "http")
    sluice("fetch", *words, tmp_path / "local", "--base", str(tmp_path / "mirror"))
    sluice("fetch", *words, tmp_path / "url", "--base", (tmp_path / "mirror").as_uri(), *QUICK)
    found = [
        {name: digest for name, digest in listing(tmp_path / out).items() if not name.startswith("_fetch")}
        for out in ("http", "local", "url")
    ]
    assert len(found[0]) == 6
    assert found[0] == found[1] == found[2]


def _start(server: Mirror, *words: str | Path) -> subprocess.Popen[bytes]:
    line = [sys.executable, "-m", "pipeline", "fetch", *map(str, words), "--base", server.base, *QUICK]
    return subprocess.Popen(line, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_killed_at_any_request_it_ends_with_the_same_bytes(
    server: Mirror, tmp_path: Path, number: signal.Signals
) -> None:
    """The server kills its client in the middle of the first body, then of the second, and so on."""
    words = [CRAWL, "--files", "5", "--connections", "2", "--out"]
    command(server, *words, tmp_path / "clean")
    victim: list[subprocess.Popen[bytes]] = []
    died: list[int] = []
    out = tmp_path / "out"

    def kill(request: Request) -> None:
        path = request.path.lstrip("/")
        data = server.files[path]
        request.serve(data, cut=len(data) // 2)
        part = out / "_fetch" / f"{path.rpartition('/')[2].replace('warc.paths', f'{CRAWL}.warc.paths')}.part"
        while victim[-1].poll() is None and (not part.exists() or part.stat().st_size < len(data) // 2):
            pass
        died.append(victim[-1].pid)
        os.kill(victim[-1].pid, number)
        victim[-1].wait()

    asked = [path for path, _ in server.asked]
    server.asked.clear()
    for path in asked:
        server.faults[path] = [kill]
    while any(server.faults.values()):
        with server.lock:
            victim.append(_start(server, *words, out))
        victim[-1].wait(60)
        code = victim[-1].returncode
        assert code == (-9 if number == signal.SIGKILL else 128 + number), code
        assert victim[-1].stderr is not None
        said = victim[-1].stderr.read().decode()
        victim[-1].stderr.close()
        assert "Traceback" not in said
        if number != signal.SIGKILL:
            assert "run the same command again to resume" in said
        unfinished = {file: digest for file, digest in listing(out).items() if not file.startswith("_fetch")}
        assert unfinished.items() <= listing(tmp_path / "clean").items()
    assert len(set(died)) >= 4
    command(server, *words, out)
    assert listing(out) == listing(tmp_path / "clean")
    resumed = [headers["Range"] for _, headers in server.asked if "Range" in headers]
    assert resumed


def test_two_at_once_in_one_folder(server: Mirror, tmp_path: Path) -> None:
    words = [CRAWL, "--files", "24", "--connections", "4", "--out"]
    command(server, *words, tmp_path / "clean")
    server.asked.clear()
    both = [_start(server, *words, tmp_path / "out") for _ in range(2)]
    assert [process.wait(60) for process in both] == [0, 0]
    assert listing(tmp_path / "out") == listing(tmp_path / "clean")
    assert [server.count(warc_path(number)) for number in range(FILES)] == [1] * FILES
    for process in both:
        assert process.stderr is not None
        process.stderr.close()


def test_no_space_left_is_said_so(server: Mirror, tmp_path: Path) -> None:
    """A limit on the size of files stands in for a full disk: parts stay, nothing half is published."""
    limit = "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
    limit += "resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000)); from pipeline.cli import main; main()"
    words = [CRAWL, "--files", "2", "--out", str(tmp_path), "--base", server.base, *QUICK]
    done = subprocess.run(
        [sys.executable, "-c", limit, "fetch", *words], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1, done.stderr
    assert str(tmp_path) in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.glob("*.warc.gz"))
    command(server, CRAWL, "--files", "2", "--out", tmp_path)


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that nobody has signed, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    form = serialization.PrivateFormat.PKCS8
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    )
    return folder / "cert.pem", folder / "key.pem"


def test_certificates_are_checked(server: Mirror, tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    words = ["fetch", CRAWL, "--files", "2", "--out", tmp_path / "out", *QUICK]
    words += ["--base", server.base.replace("http:", "https:")]
    done = sluice(*words, check=False)
    assert done.returncode == 1
    assert "no safe connection" in done.stderr
    assert not server.asked
    assert len(sluice(*words, env={"SSL_CERT_FILE": str(cert)}).stdout.splitlines()) == 2
    server.always[PATH] = refuse(302, Location=server.base + PATH)
    words[3] = "24"
    done = sluice(*words, check=False, env={"SSL_CERT_FILE": str(cert)})
    assert "redirected from https to http" in done.stderr
