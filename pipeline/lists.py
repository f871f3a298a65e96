"""Reads the lists that a recipe names under `lists:`: UT1's block lists, lists of hosts, lists of words.

Such lists may not be shipped, so they are read from where the user has put them; `PUBLISHERS` says where they are
published. A list is a file or a folder. Hosts and addresses are kept as sorted hashes in the user's cache folder, so
that five million of them take 40 MB, shared by all processes, and are read only once from their files.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline import hash_cache
from pipeline.errors import UsageError
from pipeline.show import show_text

if TYPE_CHECKING:
    from filters.blocklist import BlockList
    from filters.text.phrases import WordLists

Contents = dict[str, dict[str, bytes]]  # category -> name of a file -> its bytes

FORMAT = 1  # changes with the hash, or with what is made of a line
_UT1_FILES = ("domains", "urls", "expressions")
_NO_LISTS = ("LICENSE", "README", "README.md", "USERS.md")  # beside LDNOOBW's lists
_LOCAL = ("0.0.0.0", "127.0.0.1", "::1", "::")  # what lists in the format of /etc/hosts point a host to

# Where the lists and models that recipes name are published.
PUBLISHERS = {
    "ut1": "https://dsi.ut-capitole.fr/blacklists/",
    "badwords": "https://github.com/LDNOOBW/List-of-Dirty-Naughty-Obscene-and-Otherwise-Bad-Words",
    "hosts": "https://github.com/blocklistproject/Lists",
    "stopwords": "https://github.com/stopwords-iso/stopwords-iso",
    "lid176": "https://fasttext.cc/docs/en/language-identification.html",
    "glotlid": "https://huggingface.co/cis-lmu/glotlid",
    "openlid": "https://huggingface.co/laurievb/OpenLID",
    "kenlm": "https://dl.fbaipublicfiles.com/cc_net/lm/",
    "jigsaw": "https://dolma-artifacts.org/fasttext_models/jigsaw_fasttext_bigrams_20230515/",
    "dclm": "https://huggingface.co/mlfoundations/fasttext-oh-eli5",
}


class ListError(UsageError):
    """A list is not there, or is not what its kind says."""


def ut1(path: Path) -> BlockList:
    """UT1's categories: a folder `<category>/{domains,urls,expressions}`, or its `.tar.gz` as published.

    Other names of a category in the archive are links, and are read as such. ListError if there is no category.
    """
    return _cached(path, "ut1", _ut1_contents)


def hosts(path: Path) -> BlockList:
    """Hosts, one a line, as a block list: each file of a folder is a category, a file alone the category `hosts`.

    Lines of the format of /etc/hosts (`0.0.0.0 name`) and of ad blockers (`||name^`) are read too; what follows `#`
    or `!` at a line's beginning, or ` #`, is a comment.
    """
    return _cached(path, "hosts", _hosts_contents)


def words(path: Path) -> WordLists:
    """Words and phrases, one a line: a folder with a file a language (`en`, `de.txt`), or one file for any language."""
    from filters.text.phrases import WordLists

    _require(path)
    if path.is_dir():
        files = {file.name.removesuffix(".txt"): file for file in sorted(path.iterdir()) if _is_list(file)}
    else:
        files = {"": path}
    found = {name: _lines(file) for name, file in files.items()}
    if not any(found.values()):
        raise ListError(f"{show_text(str(path))}: there are no words in it")
    return WordLists(found)


def _is_list(file: Path) -> bool:
    return file.is_file() and file.name not in _NO_LISTS and not file.name.startswith(".")


def _lines(file: Path) -> tuple[str, ...]:
    """The stripped lines of a file, each once, in order."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ListError(f"{show_text(str(file))}:{line}: a list is UTF-8 text, this is not") from None
    stripped = (line.strip() for line in text.splitlines())
    return tuple(dict.fromkeys(line for line in stripped if line))


def _require(path: Path) -> None:
    if not path.exists():
        raise ListError(f"{show_text(str(path))}: there is no such file or folder")


def _ut1_contents(path: Path) -> tuple[Contents, dict[str, str]]:
    found: Contents = {}
    links: dict[str, str] = {}
    for category, name, data in _folder_files(path, links) if path.is_dir() else _archive_files(path, links):
        found.setdefault(category, {})[name] = data
    if not found:
        raise ListError(
            f"{show_text(str(path))}: no category of UT1 is in it (folders with `domains` or `urls`); "
            f"the list is published at {PUBLISHERS['ut1']}"
        )
    return found, links


def _folder_files(path: Path, links: dict[str, str]) -> Iterator[tuple[str, str, bytes]]:
    inner = path / "blacklists"
    for category in sorted((inner if inner.is_dir() else path).iterdir()):
        if category.is_symlink():  # a digest of the folder does not look behind it
            links[category.name] = category.readlink().name
            continue
        for name in _UT1_FILES:
            if (category / name).is_file():
                yield category.name, name, (category / name).read_bytes()


def _archive_files(path: Path, links: dict[str, str]) -> Iterator[tuple[str, str, bytes]]:
    try:
        with tarfile.open(path, "r|*") as tar:
            for member in tar:
                parts = member.name.strip("/").split("/")
                if member.issym():
                    links[parts[-1]] = member.linkname.strip("/").rpartition("/")[2]
                file = tar.extractfile(member) if member.isfile() and parts[-1] in _UT1_FILES else None
                if file is not None and len(parts) > 1:
                    yield parts[-2], parts[-1], file.read()
    except (tarfile.TarError, EOFError, OSError) as error:
        raise ListError(f"{show_text(str(path))}: not a tar archive that can be read: {error}") from None


def _hosts_contents(path: Path) -> tuple[Contents, dict[str, str]]:
    files = sorted(filter(_is_list, path.iterdir())) if path.is_dir() else [path]
    found = {}
    for file in files:
        lines = "\n".join(
            filter(None, map(_host_of_line, file.read_bytes().decode("utf-8", "replace").split("\n")))
        )
        found[file.stem if path.is_dir() else "hosts"] = {"domains": lines.encode()}
    if not any(one["domains"] for one in found.values()):
        raise ListError(f"{show_text(str(path))}: there are no hosts in it")
    return found, {}


def _host_of_line(line: str) -> str:
    parts = line.partition(" #")[0].split()
    if not parts or parts[0][0] in "#!":
        return ""
    name = parts[1] if parts[0] in _LOCAL and len(parts) > 1 else parts[0]
    return name.removeprefix("||").removesuffix("^")


def _cached(path: Path, kind: str, contents: Any) -> BlockList:
    """The hashed list from the cache, or from its files."""
    import numpy as np

    from pipeline.named_assets import digest_of  # whose table of kinds names the loaders of this module

    _require(path)
    file = hash_cache.folder() / f"{kind}-{FORMAT}-{digest_of(str(path))[:32]}.u64"
    values = hash_cache.read(file)
    if values is None:
        values = _packed(path, *contents(path))
        hash_cache.write(file, values)
    return _unpacked(np.asarray(values))


def _packed(path: Path, contents: Contents, links: dict[str, str]) -> Any:
    """All arrays as one: bytes of a table of contents in JSON, the table, hashes of hosts, of addresses, and so on."""
    import numpy as np

    table: list[Any] = []
    arrays: list[Any] = []
    for name, files in sorted(contents.items()):
        listed = _hashes(files.get("domains", b""), "hosts"), _hashes(files.get("urls", b""), "addresses")
        table.append([name, len(listed[0]), len(listed[1]), _expressions(path, name, files)])
        arrays += listed
    known = {name: target for name, target in sorted(links.items()) if target in contents}
    text = json.dumps([table, known]).encode()
    text += b" " * (-len(text) % 8)
    return np.concatenate([np.array([len(text)], np.uint64), np.frombuffer(text, np.uint64), *arrays])


def _expressions(path: Path, category: str, files: dict[str, bytes]) -> list[str]:
    import re2

    options = re2.Options()
    options.log_errors = False
    lines = (line.strip() for line in files.get("expressions", b"").decode("utf-8", "replace").split("\n"))
    found = [line for line in lines if line and not line.startswith("#")]
    for line in found:
        try:
            re2.compile(line, options)
        except re2.error as error:
            place = show_text(f"{path}: {category}/expressions")
            reason = error.args[0].decode("utf-8", "replace") if error.args else ""
            raise ListError(f"{place}: {show_text(line)}: {show_text(reason)}") from None
    return found


def _hashes(data: bytes, kind: str) -> Any:
    from filters.blocklist import normal_address, normal_host
    from filters.hashing import hash_lines

    data = data.lower()  # of ASCII letters
    if kind == "addresses" or not data.isascii():
        normal = normal_address if kind == "addresses" else normal_host
        data = "\n".join(map(normal, data.decode("utf-8", "replace").split("\n"))).encode()
    return hash_lines(data)


def _unpacked(values: Any) -> BlockList:
    from filters.blocklist import BlockList, Category

    size = int(values[0])
    at = 1 + size // 8
    table, links = json.loads(values[1:at].tobytes())
    found = {}
    for name, listed_hosts, addresses, expressions in table:
        middle, end = at + listed_hosts, at + listed_hosts + addresses
        found[name] = Category(values[at:middle], values[middle:end], tuple(expressions))
        at = end
    return BlockList(found | {name: found[target] for name, target in links.items()})
