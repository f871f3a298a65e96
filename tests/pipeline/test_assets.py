from __future__ import annotations

import hashlib
import tarfile
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from filters import FILTERS
from filters.hashing import hash_strings
from pipeline import assets, hash_cache
from pipeline.errors import UserError
from pipeline.named_assets import is_named


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "sluice"


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A block list packed like the real one, with three hosts and one address."""
    path = tmp_path / "lists.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for name, text in (("urls", b"http://a.org/x\n"), ("domains", b"a.org\nb.org\n#c.org\nd.org\n")):
            member = tarfile.TarInfo(name)
            member.size = len(text)
            tar.addfile(member, BytesIO(text))
    return path


def test_every_asset_that_a_filter_names_can_be_loaded() -> None:
    named = {
        asset for spec in FILTERS.values() for asset in spec.assets(spec.settings()) if not is_named(asset)
    }
    assert named == set(assets.ASSETS)
    for name in named:
        assert assets.load(name) is assets.load(name)


def test_digests_are_of_the_files() -> None:
    (path,) = assets.paths("lid176")
    assert assets.digest("lid176") == hashlib.sha256(path.read_bytes()).hexdigest() == assets.LID176_SHA256
    lines = [f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.name}\n" for p in assets.paths("url_lists")]
    assert assets.digest("url_lists") == hashlib.sha256("".join(lines).encode()).hexdigest()


def test_packed_lists_hold_what_the_archive_holds() -> None:
    lists = assets.load("url_lists")
    seen = []
    with tarfile.open(assets.paths("url_lists")[0], "r:gz") as tar:
        for member in tar:
            stream = tar.extractfile(member)
            assert stream is not None
            lines = [line.strip() for line in stream.read(50_000).decode().splitlines()[:-1]]
            wanted = hash_strings([line for line in lines if line and line[0] != "#"])
            listed = {"urls": lists.addresses, "domains": lists.hosts}[member.name]
            assert (listed[np.searchsorted(listed, wanted)] == wanted).all()
            seen.append(member.name)
    assert sorted(seen) == ["domains", "urls"]
    assert len(lists.hosts) > 4_000_000
    assert np.all(lists.hosts[1:] > lists.hosts[:-1])
    innocent = hash_strings(["example.com", "", "python.org"])
    assert not (lists.hosts[np.searchsorted(lists.hosts, innocent)] == innocent).any()
    assert len(lists.banned_words) > 150
    assert "" not in lists.banned_words | lists.soft_words | set(lists.subwords)


def test_hashes_are_cached_checked_and_remade(cache: Path, archive: Path) -> None:
    hosts, addresses = assets._hashed_lists(archive)
    assert sorted(hosts.tolist()) == sorted(hash_strings(["a.org", "b.org", "d.org"]).tolist())
    assert addresses.tolist() == hash_strings(["http://a.org/x"]).tolist()
    (cached,) = cache.iterdir()
    whole = cached.read_bytes()
    assert isinstance(hash_cache.read(cached), np.ndarray)
    for damaged in (b"", whole[:-8], whole[:40] + bytes([whole[40] ^ 1]) + whole[41:], whole[:-3]):
        cached.write_bytes(damaged)
        assert hash_cache.read(cached) is None
        again, _ = assets._hashed_lists(archive)
        assert again.tolist() == hosts.tolist()
        assert cached.read_bytes() == whole
    assert list(cache.iterdir()) == [cached]


def test_a_cache_that_cannot_be_written_is_no_error(
    tmp_path: Path, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    hosts, _ = assets._hashed_lists(archive)
    assert len(hosts) == 3


def test_a_missing_package_or_file_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def asset(module: str, *files: str) -> Any:
        return assets.Asset("some-package", module, files, lambda found: found)

    monkeypatch.setitem(assets.ASSETS, "gone", asset("no_such_module_here", "x"))
    monkeypatch.setitem(assets.ASSETS, "hollow", asset("json", "no_such_file"))
    for name in ("gone", "hollow"):
        with pytest.raises(assets.MissingAssetError, match=r"pip install .*some-package") as caught:
            assets.load(name)
        assert isinstance(caught.value, UserError)


def test_another_language_model_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "lid.176.ftz"
    other.write_bytes(b"not the model")
    with pytest.raises(assets.MissingAssetError, match="not the pinned 8f3472cfe8738a7b"):
        assets._load_lid176((other,))


def test_training_needs_the_complete_build(monkeypatch: pytest.MonkeyPatch) -> None:
    assert callable(assets.require_training().train_supervised)
    monkeypatch.setitem(__import__("sys").modules, "fasttext", SimpleNamespace())
    with pytest.raises(
        assets.MissingAssetError, match="can only predict: run `pip install --force-reinstall"
    ):
        assets.require_training()


def test_the_suffix_list_is_the_bundled_one_and_no_network_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    def refuse(*arguments: Any, **options: Any) -> None:
        raise AssertionError("network used")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    extract = assets._load_public_suffixes(assets.paths("public_suffixes"))
    assert extract("http://a.b.co.uk/x").top_domain_under_public_suffix == "b.co.uk"
