"""Docstrings of the standard library and of the project's own dependencies, read with `ast`, never imported.

The distributions are named here, so that what lies beside them in an environment changes nothing; files are
taken in an order of their names relative to the installation.
"""

from __future__ import annotations

import ast
import gc
import hashlib
import importlib.metadata
import re
import sys
import sysconfig
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from pipeline.sample.prose import Novelty, paragraphs

STDLIB = "python"
DISTRIBUTIONS = (
    "anyio", "babel", "click", "cloudpathlib", "cryptography", "datasketch", "datatrove",
    "dateparser", "dill", "distlib", "filelock", "fsspec", "google-api-core", "google-auth", "grpcio",
    "httpcore", "httpx", "huggingface-hub", "jinja2", "llvmlite", "lxml", "markdown-it-py",
    "mpmath", "networkx", "numba", "numpy", "opencensus", "opentelemetry-api", "opentelemetry-sdk",
    "prometheus-client", "protobuf", "pyarrow", "pycparser", "pydantic", "pygments", "python-dateutil",
    "pyyaml", "ray", "requests", "rich", "scipy", "setuptools", "smart-open", "spacy", "sympy", "thinc",
    "torch", "trafilatura", "typer", "urllib3", "weasel", "zstandard",
)  # fmt: skip
"""Dependencies named in pyproject.toml, and theirs; each with enough prose for a page."""

MAX_FILE_BYTES = 2_000_000
_SKIPPED = re.compile(
    r"(?:^|/)(?:tests?|testing|_testing|_vendor|vendor|vendored|third_?party(?:_files)?|idlelib|tkinter|turtledemo"
    r"|ensurepip|lib2to3|distutils|site-packages|conftest\.py|test_\w+\.py)(?:/|$)"
)
_STRING = re.compile(rb'"""(?:[^"\\]|\\.|"(?!"")){80,}?|\'\'\'(?:[^\'\\]|\\.|\'(?!\'\')){80,}?', re.DOTALL)
_ADDED = frozenset({"add_newdoc", "add_docstr"})
"""Functions by which numpy and torch give a docstring to something written in C."""


class Passage(NamedTuple):
    """One prose paragraph and where it was written."""

    host: str  # the distribution
    module: str  # `linalg/norms`, relative to the package
    owner: str  # the function or class that it documents, "" for a module
    text: str


def passages(name: str, novelty: Novelty) -> Iterator[Passage]:
    """The new prose paragraphs of one distribution (or of `STDLIB`), file by file.

    A distribution that is not installed has none. Reading stops where the caller stops.
    """
    files = stdlib_files() if name == STDLIB else distribution_files(name, ".py")
    # folders by digest, so that whoever stops early has read from all corners of a large package
    for relative, path in sorted(files, key=lambda file: (_digest(file[0].rpartition("/")[0]), file[0])):
        if _SKIPPED.search(relative):
            continue
        module = relative.removesuffix(".py").removesuffix("/__init__")
        for owner, docstring in docstrings(path):
            for text in paragraphs(docstring):
                if novelty.accept(text):
                    yield Passage(name, module, owner, text)


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def stdlib_files() -> list[tuple[str, Path]]:
    """(relative name, path) of every module of the standard library, in sorted order."""
    root = Path(sysconfig.get_path("stdlib"))
    found: list[tuple[str, Path]] = []
    for name in sorted(sys.stdlib_module_names):
        if (root / f"{name}.py").is_file():
            found.append((f"{name}.py", root / f"{name}.py"))
        elif (root / name).is_dir():
            found += [(path.relative_to(root).as_posix(), path) for path in (root / name).rglob("*.py")]
    return sorted(found)


def distribution_files(name: str, suffix: str) -> list[tuple[str, Path]]:
    """(relative name, path) of the files that an installed distribution lists, in sorted order; [] if absent."""
    try:
        distribution = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return []
    record = distribution.read_text("RECORD") or ""
    root = Path(str(distribution.locate_file("")))
    # entries are CSV; names with commas or quotes are no module names, so a plain cut is enough
    names = sorted({line.split(",", 1)[0] for line in record.splitlines()})
    return [(entry, root / entry) for entry in names if entry.endswith(suffix) and not entry.startswith("..")]


def docstrings(path: Path) -> list[tuple[str, str]]:
    """(owner, docstring) for every documented thing in a source file; [] when it cannot be parsed."""
    try:
        source = path.read_bytes()
    except OSError:
        return []
    if len(source) > MAX_FILE_BYTES or not _STRING.search(source):
        return []
    collecting = gc.isenabled()
    gc.disable()  # a syntax tree holds no cycles, and collecting while it grows costs a third of the time
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return []
    finally:
        if collecting:
            gc.enable()
    return [(owner, text) for owner, text in _documented(tree.body, "") if len(text) >= 80]


def _documented(body: list[ast.stmt], owner: str) -> Iterator[tuple[str, str]]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield from _documented(node.body, node.name)
        elif isinstance(node, ast.If | ast.Try | ast.With):
            yield from _documented(node.body, owner)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            if isinstance(node.value.value, str):
                yield owner, cleaned(node.value.value)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            called = node.value.func
            name = called.id if isinstance(called, ast.Name) else getattr(called, "attr", "")
            if name in _ADDED:
                yield from _added(node.value)


def _added(call: ast.Call) -> Iterator[tuple[str, str]]:
    """Docstrings handed to `add_newdoc("numpy", "zeros", text)` or `add_docstr(torch.abs, text)`."""
    strings = [
        part.value
        for part in ast.walk(call)
        if isinstance(part, ast.Constant) and isinstance(part.value, str)
    ]
    named = [text for text in strings if text.isidentifier()]
    first = call.args[0] if call.args else None
    owner = first.attr if isinstance(first, ast.Attribute) else (named[-1] if named else "")
    for text in strings:
        if "\n" in text:
            yield owner, cleaned(text)


def cleaned(docstring: str) -> str:
    """A docstring without the indentation of its source (as `inspect.cleandoc`, which is slower to import)."""
    lines = docstring.expandtabs().split("\n")
    margin = min((len(line) - len(line.lstrip()) for line in lines[1:] if line.strip()), default=0)
    return "\n".join([lines[0].lstrip(), *(line[margin:] for line in lines[1:])])
