"""What the shell hands over, and options that several verbs share."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Annotated

import typer

from pipeline.errors import UsageError

_REPEATED = (
    *("--input", "--set", "--documents", "--tasks", "--index"),
    *("--positives", "--negatives", "--labelled", "--wikipedia", "--pages"),
)

Inputs = Annotated[
    list[str],
    typer.Option(
        "--input",
        metavar="PATH...",
        help="WARC, ARC, WET, WACZ, Parquet or JSONL files, folders, globs, URLs, path lists (.paths, .txt)",
    ),
]
Base = Annotated[
    str | None,
    typer.Option(
        "--base", metavar="ADDRESS", help="URL or folder that relative lines of path lists are below"
    ),
]
Settings = Annotated[
    list[str], typer.Option("--set", metavar="a.b=c", help="change one setting of the recipe")
]
Extractor = Annotated[
    str | None,
    typer.Option(
        "--extractor",
        metavar="NAME",
        help="trafilatura, resiliparse, justext, blocks or 'union: [A, B]'; as extract.extractor",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="print JSON")]
EngineName = Annotated[str, typer.Option("--engine", metavar="local|ray", help="what runs the shards")]
Address = Annotated[
    str | None, typer.Option("--address", metavar="A", help="Ray cluster, such as ray-head:6379")
]
Workers = Annotated[
    int | None, typer.Option("--workers", min=1, help="processes at once (default: all cores)")
]
Accept = Annotated[
    bool, typer.Option("--accept-changed", help="inputs changed under their names: compute them again")
]
Keep = Annotated[bool, typer.Option("--keep", help="keep files of earlier settings in the run folder")]
Price = Annotated[float, typer.Option("--price", min=0, help="price of a core-hour")]
Quiet = Annotated[bool, typer.Option("--quiet", help="no progress, only errors")]


def spread(words: Sequence[str]) -> list[str]:
    """`--input a b c` as `--input a --input b --input c`: shells expand globs into several words."""
    out: list[str] = []
    option: str | None = None
    for word in words:
        if word.startswith("-"):
            option = word if word in _REPEATED else None
            if option is None:
                out.append(word)
        elif option is not None:
            out += [option, word]
        else:
            out.append(word)
    if option is not None and (not out or out[-2:-1] != [option]):
        out.append(option)  # an option without a value: let the parser say so
    return out


def with_extractor(settings: Sequence[str], extractor: str | None) -> list[str]:
    """The settings of `--set`, and that of `--extractor` last."""
    return [*settings, *([f"extract.extractor={extractor}"] if extractor else [])]


def check_paths(inputs: Sequence[str], out: str, base: str | None = None) -> None:
    """Inside a Ray job the working directory is a copy: relative paths would be read and lost there."""
    if "RAY_JOB_CONFIG_JSON_ENV_VAR" not in os.environ:
        return
    for option, path in [*(("--input", path) for path in inputs), ("--out", out), ("--base", base or "/")]:
        if "://" not in path and not os.path.isabs(path):  # noqa: PTH117
            raise UsageError(
                f"{option} {path}: relative, but inside a Ray job the working directory is a temporary copy; "
                "give an absolute path on shared storage, or a URL"
            )
