from __future__ import annotations

import os
import tarfile
from pathlib import Path

import numpy as np
import pytest

from filters import blocklist
from filters.batch import Batch
from filters.hashing import hash_strings
from pipeline import lists
from pipeline.lists import PUBLISHERS, ListError
from pipeline.named_assets import digest_of


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    digest_of.cache_clear()
    return tmp_path / "cache" / "sluice"


@pytest.fixture
def ut1(tmp_path: Path) -> Path:
    """A list as UT1 is laid out, with a link."""
    root = tmp_path / "blacklists"
    (root / "adult").mkdir(parents=True)
    (root / "adult" / "domains").write_text("Bad.com\n192.0.2.7\nbücher.de\n")
    (root / "adult" / "urls").write_text("www.Fine.org/Page/\n")
    (root / "adult" / "usage").write_text("black")
    (root / "malware").mkdir()
    (root / "malware" / "expressions").write_text("# none\n^[0-9]+/x\\?$\n")
    (root / "porn").symlink_to("adult")
    (root / "README").write_text("no category")
    return root


def check(found: lists.BlockList) -> None:
    adult = found.category("adult")
    assert sorted(found.categories) == ["adult", "malware", "porn"]
    assert sorted(adult.hosts) == sorted(hash_strings(["bad.com", "192.0.2.7", "xn--bcher-kva.de"]))
    assert adult.addresses.tolist() == hash_strings(["fine.org/page"]).tolist()
    assert found.category("malware").expressions == (r"^[0-9]+/x\?$",)
    assert found.category("porn") is adult


def test_ut1_as_a_folder_and_as_published(cache: Path, ut1: Path, tmp_path: Path) -> None:
    check(lists.ut1(ut1))
    check(lists.ut1(tmp_path))  # the folder `blacklists` inside, as the archive unpacks
    archive = tmp_path / "blacklists.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(ut1, "blacklists")
    check(lists.ut1(archive))


def test_a_second_reading_comes_from_the_cache(cache: Path, ut1: Path) -> None:
    check(lists.ut1(ut1))
    (file,) = cache.iterdir()
    whole, before = file.read_bytes(), file.stat().st_mtime_ns
    check(lists.ut1(ut1))
    assert file.stat().st_mtime_ns == before
    assert isinstance(lists.ut1(ut1).category("adult").hosts.base, np.ndarray)
    batch = Batch([""] * 2, ["http://a.bad.com/", "http://fine.org/page/x"])
    settings = blocklist.Settings(categories=("adult",))
    found = blocklist.measure(batch, settings, {"lists.ut1": lists.ut1(ut1)})
    assert found["blocklist_adult"].tolist() == [1, 1]
    file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    check(lists.ut1(ut1))
    assert file.read_bytes() == whole
    (ut1 / "adult" / "domains").write_text("other.com\n")
    digest_of.cache_clear()
    assert lists.ut1(ut1).category("adult").hosts.tolist() == hash_strings(["other.com"]).tolist()


def test_what_is_no_ut1_list_is_named(cache: Path, tmp_path: Path, ut1: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ListError, match=r"empty: no category of UT1 .*https://dsi\.ut-capitole\.fr"):
        lists.ut1(tmp_path / "empty")
    with pytest.raises(ListError, match=r"gone: there is no such file or folder"):
        lists.ut1(tmp_path / "gone")
    (tmp_path / "x.tar.gz").write_bytes(b"no archive")
    with pytest.raises(ListError, match=r"x\.tar\.gz: not a tar archive"):
        lists.ut1(tmp_path / "x.tar.gz")
    digest_of.cache_clear()
    (ut1 / "adult" / "expressions").write_text("(a")
    with pytest.raises(ListError, match=r"adult/expressions: \(a: missing \)"):
        lists.ut1(ut1)
    assert ListError("x").exit_code == 2
    assert all(address.startswith("https://") for address in PUBLISHERS.values())


def test_hosts_in_the_formats_that_circulate(cache: Path, tmp_path: Path) -> None:
    file = tmp_path / "ads.txt"
    file.write_text("# c\n! c\n0.0.0.0 A.com # x\n127.0.0.1\tb.com\n||c.com^\nd.com\n\n")
    wanted = sorted(hash_strings(["a.com", "b.com", "c.com", "d.com"]))
    assert sorted(lists.hosts(file).category("hosts").hosts) == wanted
    (tmp_path / "many").mkdir()
    file.rename(tmp_path / "many" / "ads.txt")
    assert sorted(lists.hosts(tmp_path / "many").category("ads").hosts) == wanted
    (tmp_path / "none").write_text("# only\n")
    with pytest.raises(ListError, match="there are no hosts in it"):
        lists.hosts(tmp_path / "none")


def test_words_by_language_and_for_all(tmp_path: Path) -> None:
    folder = tmp_path / "badwords"
    folder.mkdir()
    (folder / "en").write_text("\ufefftwo words \n\na\na\n")
    (folder / "de.txt").write_text("böse\n")
    (folder / "LICENSE").write_text("not a list")
    (folder / ".hidden").write_text("not a list")
    found = lists.words(folder)
    assert dict(found.languages) == {"de": ("böse",), "en": ("two words", "a")}
    assert lists.words(folder / "en").words("fr") == ("two words", "a")
    (folder / "fr").write_bytes(b"fin\nr\xe9sum\n")
    with pytest.raises(ListError, match=r"fr:2: a list is UTF-8 text"):
        lists.words(folder)
    (tmp_path / "none").write_text("\n")
    with pytest.raises(ListError, match="there are no words in it"):
        lists.words(tmp_path / "none")


def test_the_real_lists(cache: Path, data_dir: Path) -> None:
    found = lists.ut1(data_dir / "lists" / "ut1")
    assert len(found.category("gambling").hosts) > 32_000
    assert len(found.category("adult").addresses) > 1000
    assert found.category("violence") is found.category("agressif")
    assert found.category("malware").expressions
    assert len(lists.words(data_dir / "lists" / "badwords").words("en")) > 400
    assert os.path.commonpath([cache, *cache.iterdir()]) == str(cache)
