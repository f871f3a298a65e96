"""Tasks of lm-evaluation-harness as they lie on disk: which data, and what of a row is question, choices and answer.

Read are `task`, `include`, `dataset_path`, `dataset_name`, `dataset_kwargs` (`data_files`, `field`), the splits,
`doc_to_text`, `doc_to_choice`, `doc_to_target` and `doc_to_decontamination_query`; a field is a column's name or a
Jinja template, which a sandbox renders. Data must lie on this machine. No code of a task is run: a `!function` in a
field that decides what an item says is refused.
"""

from __future__ import annotations

import ast
import functools
import glob
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import jinja2.sandbox
import msgspec
import yaml

from filters.contamination.items import Item
from pipeline.contamination import rows
from pipeline.contamination.fields import answers_of, plain
from pipeline.lists import ListError
from pipeline.show import show_text

SUFFIXES = (".yaml", ".yml")
_LARGEST = 1 << 20  # bytes
_DEEPEST = 10  # includes in includes
_BUILDERS = ("json", "parquet")
_OF_ITEMS = (
    "doc_to_text",
    "doc_to_choice",
    "doc_to_target",
    "doc_to_decontamination_query",
    "process_docs",
    "custom_dataset",
    "dataset_path",
    "dataset_kwargs",
    "include",
    "task",
)


class Code(msgspec.Struct, frozen=True):
    """What stands behind a tag, such as `!function`, and is not run."""

    tag: str
    name: str


class _Loader(yaml.SafeLoader):
    """SafeLoader that takes what stands behind other tags for a name."""


def _code(loader: _Loader, suffix: str, node: yaml.Node) -> Code:
    return Code(f"!{suffix}", str(node.value) if isinstance(node, yaml.ScalarNode) else "")


_Loader.add_multi_constructor("!", _code)


@dataclass(frozen=True)
class Task:
    """A task, its YAML merged with what it includes."""

    path: Path
    name: str
    fields: Mapping[str, Any]
    files: tuple[Path, ...]  # the YAML files
    data: tuple[Path, ...]


def is_task(path: Path) -> bool:
    """Whether a YAML file is a task of its own, not a template that others include."""
    return "task" in _merged(path, ())[0]


def open_task(path: Path) -> Task:
    """The task of a YAML file; ListError says what of it cannot be read, or is not on this machine."""
    fields, files = _merged(path, ())
    place = show_text(str(path))
    for key in _OF_ITEMS:
        if isinstance(found := fields.get(key), Code):
            raise ListError(
                f"{place}: {key} is `{found.tag} {show_text(found.name)}`, and no code of a task is run; write "
                f"its items to a JSONL file with the fields question, answer and choices"
            )
    name = fields.get("task")
    if not isinstance(name, str):
        said = "is a group" if isinstance(name, list) else "names no `task`"
        raise ListError(f"{place}: {said}; name the YAML files of the tasks themselves")
    if "doc_to_text" not in fields:
        raise ListError(f"{place}: there is no doc_to_text, which says what the question is")
    return Task(path, name, fields, tuple(files), tuple(_data(path, fields)))


def _merged(path: Path, above: tuple[Path, ...]) -> tuple[dict[str, Any], list[Path]]:
    place = show_text(str(path))
    if path in above or len(above) > _DEEPEST:
        raise ListError(f"{place}: includes itself")
    try:
        data = path.read_bytes()
        if len(data) > _LARGEST:
            raise ListError(f"{place}: larger than {_LARGEST >> 20} MiB, which no task is")
        value = yaml.load(data.decode(), _Loader)
    except OSError as error:
        whose = f"{show_text(str(above[-1]))}: include: " if above else ""
        raise ListError(f"{whose}{place}: {error.strerror or error}") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ListError(f"{place}:{line}: not readable as YAML ({error.problem})") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError):
        raise ListError(f"{place}: not readable as YAML") from None
    if not isinstance(value, dict):
        raise ListError(f"{place}: a task is a mapping of fields")
    files = [path]
    merged: dict[str, Any] = {}
    given = value.pop("include", None)
    for one in [given] if isinstance(given, str) else given or []:
        inside, more = _merged((path.parent / str(one)).resolve(), (*above, path))
        merged |= inside
        files += more
    return merged | value, files


def _data(path: Path, fields: Mapping[str, Any]) -> list[Path]:
    """The files of the split that the task is scored on."""
    place = show_text(str(path))
    source, settings = str(fields.get("dataset_path") or ""), fields.get("dataset_kwargs") or {}
    split = next((fields[key] for key in ("test_split", "validation_split") if fields.get(key)), None)
    given = settings.get("data_files") if isinstance(settings, Mapping) else None
    if given is None and source and source not in _BUILDERS:
        there = _found(path, source)
        if there:
            return there
        config = fields.get("dataset_name")
        arguments = ", ".join(repr(str(one)) for one in (source, config) if one)
        raise ListError(
            f"{place}: dataset_path {show_text(source)} is not on this machine, and nothing is fetched; save it with "
            f"`datasets.load_dataset({show_text(arguments)}, split={str(split)!r}).to_json('{path.stem}.jsonl')` and "
            f"set dataset_path: json, dataset_kwargs: {{data_files: {path.stem}.jsonl}}"
        )
    if isinstance(given, Mapping):
        if split not in given:
            known = ", ".join(map(str, given))
            raise ListError(
                f"{place}: data_files has no split {show_text(str(split))} (it has: {show_text(known)}); name one "
                f"as test_split"
            )
        given = given[split]
    found: list[Path] = []
    for one in [given] if isinstance(given, str) else given or []:
        files = _found(path, str(one))
        if not files:
            raise ListError(f"{place}: dataset_kwargs.data_files: there is no file {show_text(str(one))}")
        found += files
    if not found:
        raise ListError(f"{place}: dataset_kwargs.data_files names no file")
    return found


def _found(task: Path, name: str) -> list[Path]:
    """Data files by a name or pattern, from the current folder as in the harness, else beside the task."""
    for base in (Path(), task.parent):
        path = base / name
        if path.is_dir():
            return sorted(one for one in path.iterdir() if rows.is_data(one))
        found = [path] if path.is_file() else sorted(map(Path, glob.glob(str(path))))  # noqa: PTH207
        if files := [one for one in found if one.is_file()]:
            if wrong := next((one for one in files if not rows.is_data(one)), None):
                endings = ", ".join(rows.SUFFIXES)
                raise ListError(f"{show_text(str(wrong))}: data of a task are {endings} files")
            return files
    return []


def items(task: Task) -> list[Item]:
    """The items of a task; ListError names file, row and field."""
    settings = task.fields.get("dataset_kwargs") or {}
    key = settings.get("field") if isinstance(settings, Mapping) else None
    found: list[Item] = []
    for file in task.data:
        for number, row in rows.read_rows(file, key):
            found.append(_item(task, row, f"{len(found) + 1}", f"{show_text(str(file))}:{number}"))
    return found


def _item(task: Task, row: dict[str, Any], number: str, place: str) -> Item:
    def read(key: str) -> Any:
        return _value(task, key, row, place)

    choices = read("doc_to_choice")
    if isinstance(choices, Mapping):
        choices = list(choices.values())
    if isinstance(choices, str):
        choices = _literal(choices)
    listed = tuple(plain(str(one)) for one in choices) if isinstance(choices, list) else ()
    target = read("doc_to_target")
    if isinstance(target, str) and target.startswith("[") and target.endswith("]"):
        target = _literal(target)
    question = read("doc_to_text")
    if isinstance(question, int):  # the choices are whole sentences
        question = listed[question] if question < len(listed) else ""
    question = plain(str(question))
    query = plain(str(read("doc_to_decontamination_query") or ""))
    return Item(
        benchmark=task.name,
        id=number,
        question=question,
        answers=tuple(plain(one.strip()) for one in answers_of(target, listed)),
        choices=listed,
        passage="" if query in question else query,
    )


def _value(task: Task, key: str, row: dict[str, Any], place: str) -> Any:
    field = task.fields.get(key)
    if not isinstance(field, str):
        return field
    if field in row:
        return row[field]
    try:
        return _template(field).render(row)
    except (
        jinja2.TemplateError,
        TypeError,
        ValueError,
        ArithmeticError,
        LookupError,
        AttributeError,
    ) as error:
        raise ListError(
            f"{show_text(str(task.path))}: {key}: {place}: {show_text(str(error), 200)}"
        ) from None


@functools.lru_cache(maxsize=64)
def _template(text: str) -> jinja2.Template:
    environment = jinja2.sandbox.ImmutableSandboxedEnvironment(
        undefined=jinja2.StrictUndefined, keep_trailing_newline=True
    )
    environment.filters["regex_replace"] = lambda value, pattern, replacement, count=0: re.sub(
        pattern, replacement, value, count=count
    )
    return environment.from_string(text)


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text
