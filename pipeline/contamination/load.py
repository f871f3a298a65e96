"""The kind `benchmarks` of `lists:`: a file, a pattern or a folder of JSONL, JSON, Parquet and task YAML files.

A file is a benchmark of its own, called by its name without the ending; where two have one name, by that of the
folder too. A task is called by its `task`. YAML files that are no task of their own, as others include them, are passed
over in folders and patterns.
"""

from __future__ import annotations

import glob
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec

from filters.contamination.items import Benchmarks, Item
from pipeline.contamination import rows, tasks
from pipeline.contamination.fields import item_of, without_template
from pipeline.lists import ListError
from pipeline.show import show_text


def files(path: Path) -> list[Path]:
    """All files that are read for an entry, what tasks include and their data too; empty where nothing lies there."""
    found: list[Path] = []
    for one in _named(path):
        if _is_yaml(one):
            task = tasks.open_task(one)
            found += [*task.files, *task.data]
        else:
            found.append(one)
    return list(dict.fromkeys(one.absolute() for one in found))


def benchmarks(path: Path) -> Benchmarks:
    """The items of an entry; ListError names file and line of what is wrong with them."""
    named = _named(path)
    if not named:
        raise ListError(f"{show_text(str(path))}: there is no such file or folder, or no file of items in it")
    opened = [tasks.open_task(one) if _is_yaml(one) else one for one in named]
    own = {data.absolute() for one in opened if isinstance(one, tasks.Task) for data in one.data}
    plain = [
        one for one in opened if isinstance(one, Path) and (one.absolute() not in own or len(named) == 1)
    ]
    names = dict(zip(plain, _names(plain), strict=True))
    found: list[Item] = []
    for one in opened:
        if isinstance(one, tasks.Task):
            found += _checked(tasks.items(one), one.path)
        elif one in names:
            found += _checked(_of_file(one, names[one]), one)
    result = Benchmarks(tuple(found))
    called = Counter([*names.values(), *(one.name for one in opened if isinstance(one, tasks.Task))])
    if twice := [name for name, times in called.items() if times > 1]:
        raise ListError(f"{show_text(str(path))}: two benchmarks are called {show_text(twice[0])}")
    return result


def _named(path: Path) -> list[Path]:
    if path.is_dir():
        found = sorted(path.rglob("*"))
    elif path.exists():
        return [path] if _is_yaml(path) or rows.is_data(path) else _refuse(path)
    else:
        found = sorted(map(Path, glob.glob(str(path), recursive=True)))  # noqa: PTH207 (any depth, absolute)
    files = [one for one in found if one.is_file() and (_is_yaml(one) or rows.is_data(one))]
    return [one for one in files if not _is_yaml(one) or tasks.is_task(one)]


def _refuse(path: Path) -> list[Path]:
    endings = ", ".join((*rows.SUFFIXES, *tasks.SUFFIXES))
    raise ListError(f"{show_text(str(path))}: benchmarks are {endings} files")


def _is_yaml(path: Path) -> bool:
    return path.suffix.lower() in tasks.SUFFIXES


def _names(paths: Sequence[Path]) -> list[str]:
    stems = [rows.stem_of(path) for path in paths]
    times = Counter(stems)
    return [
        stem if times[stem] == 1 else f"{path.parent.name}/{stem}"
        for path, stem in zip(paths, stems, strict=True)
    ]


def _of_file(path: Path, name: str) -> list[Item]:
    place = show_text(str(path))
    found = [item_of(row, name, number, f"{place}:{number}") for number, row in rows.read_rows(path)]
    if len({item.id for item in found}) == len(found):
        return found
    return [msgspec.structs.replace(item, id=str(number)) for number, item in enumerate(found, 1)]


def _checked(items: list[Item], path: Path) -> list[Item]:
    """The items without their benchmark's template."""
    if not items:
        raise ListError(f"{show_text(str(path))}: there are no items in it")
    questions = without_template([item.question for item in items])
    return [msgspec.structs.replace(item, question=text) for item, text in zip(items, questions, strict=True)]
