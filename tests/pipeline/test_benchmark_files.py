"""Benchmarks as they lie on disk: rows by the names of their fields, tasks of lm-evaluation-harness, patterns."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from filters.contamination import Item
from pipeline.contamination.fields import without_template
from pipeline.contamination.load import benchmarks, files
from pipeline.errors import UsageError
from pipeline.named_assets import NamedAsset, checked

BOTH = ("a", "b")
LABELLED = [{"text": "a", "label": "1"}, {"text": "b", "label": "2"}]
ROW = {"question": "Why is the sky blue?", "answer": "Air scatters blue light."}


def lines(path: Path, *rows: dict[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def item(tmp_path: Path, row: dict[str, Any]) -> Item:
    (found,) = benchmarks(lines(tmp_path / "b.jsonl", row)).items
    return found


def refused(path: Path) -> str:
    with pytest.raises(UsageError) as error:
        benchmarks(path)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    ("row", "answers", "choices"),
    [
        (ROW, ("Air scatters blue light.",), ()),
        ({"query": "q", "choices": ["a", "b"], "gold": 1}, ("b",), ("a", "b")),
        ({"question_stem": "q", "choices": {"text": ["a", "b"], "label": ["C", "D"]}, "answerKey": "D"}, ("b",), BOTH),
        ({"question": {"stem": "q", "choices": LABELLED}, "answerKey": "1"}, ("a",), BOTH),
        ({"question": "q", "correct_answer": "a", "distractor1": "b", "distractor2": "c"}, ("a",), ("a", "b", "c")),
        ({"premise": "q", "choice1": "a", "choice2": "b", "label": 0}, ("a",), ("a", "b")),
        ({"question": "q", "options": ["a", "b"], "answer": "A"}, ("a",), ("a", "b")),
        ({"question": "q", "options": ["a", "b"], "answer": "1"}, ("b",), ("a", "b")),
        ({"question": "q", "options": ["a", "b"], "answer": "a"}, ("a",), ("a", "b")),
        ({"question": "q", "options": ["a", "b"], "answer": 2}, (), ("a", "b")),
        ({"question": "q", "answers": {"text": ["a", "b"], "answer_start": [1, 2]}}, ("a", "b"), ()),
        ({"question": "q", "answer": 18}, ("18",), ()),
        ({"question": "q", "answer": True}, (), ()),
        ({"question": "q"}, (), ()),
    ],
)  # fmt: skip
def test_fields_as_published_files_call_them(
    tmp_path: Path, row: dict[str, Any], answers: tuple[str, ...], choices: tuple[str, ...]
) -> None:
    found = item(tmp_path, row)
    assert (found.answers, found.choices) == (answers, choices)
    assert found.question in ("q", ROW["question"])
    assert (found.benchmark, found.id) == ("b", "1")


def test_passages_names_and_what_no_page_shows(tmp_path: Path) -> None:
    found = item(
        tmp_path, {"id": "x-1", "question": "a &lt; b &amp; c?", "support": "s", "answer": "2*3=<<2*3=6>>6"}
    )
    assert found == Item(benchmark="b", id="x-1", question="a < b & c?", answers=("2*3=6",), passage="s")
    assert item(tmp_path, {"passage": "only this"}).question == "only this"
    twice = lines(tmp_path / "b.jsonl", {"id": "p", "question": "q"}, {"id": "p", "question": "r"})
    assert [one.id for one in benchmarks(twice).items] == ["1", "2"]


def test_words_that_all_questions_have_around_them_are_the_template() -> None:
    asked = [f"Question: What is {n}?\nAnswer:" for n in range(12)]
    assert without_template(asked) == [f"{n}?" for n in range(12)]
    assert without_template(asked[:9]) == asked[:9]
    assert without_template(["the same"] * 12) == ["the same"] * 12
    assert without_template(["", *asked]) == ["", *asked]


def test_kinds_of_files(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(json.dumps(ROW).encode()))
    (tmp_path / "b.json").write_text(json.dumps([ROW, ROW]))
    (tmp_path / "c.json").write_text(json.dumps({"version": 1, "data": [ROW]}))
    lines(tmp_path / "d.json", ROW, ROW)
    pq.write_table(pa.Table.from_pylist([ROW]), tmp_path / "e.parquet")
    (tmp_path / "README.md").write_text("no items")
    found = benchmarks(tmp_path)
    assert found.sizes == {"a": 1, "b": 2, "c": 1, "d": 2, "e": 1}
    assert {one.question for one in found.items} == {ROW["question"]}
    assert benchmarks(tmp_path / "[ab].json*").sizes == {"a": 1, "b": 2}
    assert [file.name for file in files(tmp_path / "*.json")] == ["b.json", "c.json", "d.json"]


def test_two_files_of_one_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    lines(tmp_path / "one" / "test.jsonl", ROW)
    lines(tmp_path / "two" / "test.jsonl", ROW)
    assert benchmarks(tmp_path / "*" / "*.jsonl").sizes == {"one/test": 1, "two/test": 1}


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("x.jsonl", "", "x.jsonl: there are no items in it"),
        ("x.jsonl", '{"question": "q"}\n\n{"question": \n', "x.jsonl:3: not JSON (Expecting value); write"),
        ("x.jsonl", '{"question": "q"}\n[1]\n', "x.jsonl:2: expected an item as an object of fields, got list"),
        ("x.jsonl", '{"question": "q"}\n{"q": 1, "r": "s"}\n', "x.jsonl:2: no field is a question (there are: q, r; "),
        ("x.json", '[{"question": "q"},\n', "x.json:2: not JSON"),
        ("x.json", '{"a": [{}], "b": [{}]}', "x.json: expected a list of items, got an object"),
        ("x.json", "[1, 2]", "x.json: expected a list of items, each an object"),
        ("x.parquet", "no", "x.parquet: not a Parquet file"),
        ("x.jsonl.gz", "no", "x.jsonl.gz: cannot be read"),
        ("x.csv", "question,answer", "x.csv: benchmarks are .jsonl,"),
        ("x.jsonl", b'{"question": "q"}\n"\xff"', "x.jsonl:2: a file of items is UTF-8 text"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place(
    tmp_path: Path, name: str, text: str | bytes, said: str
) -> None:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert said in refused(path)


def test_nothing_there(tmp_path: Path) -> None:
    assert "there is no such file" in refused(tmp_path / "*.jsonl")
    assert files(tmp_path / "*.jsonl") == []
    lost = NamedAsset(kind="benchmarks", path=str(tmp_path / "*.jsonl"))
    with pytest.raises(UsageError, match=r"lists\.b\.path: nothing lies at .*\*\.jsonl"):
        checked(lost, "lists.b")


def test_the_digest_is_of_all_that_is_read(tmp_path: Path) -> None:
    data = lines(tmp_path / "data.jsonl", ROW)
    task = tmp_path / "task.yaml"
    task.write_text(TASK.format(data=data))
    named = {"lists.a": NamedAsset(kind="benchmarks", path=str(task))}
    before = checked(named["lists.a"], "lists.a")
    assert files(task) == [task, data]
    other = lines(tmp_path / "other" / "data.jsonl", ROW, ROW)
    task.write_text(TASK.format(data=other))
    after = checked(NamedAsset(kind="benchmarks", path=f"{task.parent}/task.y*"), "lists.a")
    assert before != after


TASK = """\
task: sky
dataset_path: json
dataset_kwargs: {{data_files: {{test: {data}}}}}
test_split: test
doc_to_text: "Q: {{{{question}}}}\\nA:"
doc_to_target: answer
process_results: !function utils.process
metric_list:
  - metric: !function utils.metric
"""


def test_a_task_with_templates(tmp_path: Path) -> None:
    data = lines(
        tmp_path / "data.jsonl", *({"question": f"Why {n}?", "answer": f"So {n}."} for n in range(10))
    )
    (tmp_path / "task.yaml").write_text(TASK.format(data=data))
    found = benchmarks(tmp_path / "task.yaml").items
    assert found[3] == Item(benchmark="sky", id="4", question="3?", answers=("So 3.",))


def test_a_task_with_choices_and_what_it_includes(tmp_path: Path) -> None:
    data = lines(
        tmp_path / "own" / "d.jsonl", {"q": "Which?", "opts": ["a", "b"], "key": 1, "text": "A passage."}
    )
    (tmp_path / "_base.yaml").write_text(
        "dataset_path: parquet\ntest_split: train\ndoc_to_text: q\ndoc_to_choice: opts\ndoc_to_target: '{{key}}'\n"
        "should_decontaminate: true\ndoc_to_decontamination_query: text\n"
    )
    (tmp_path / "own" / "t.yaml").write_text(
        "include: ../_base.yaml\ntask: own\ndataset_path: json\ndataset_kwargs: {data_files: d.jsonl}\n"
    )
    found = benchmarks(tmp_path)  # the template is no task, and the data belong to the task
    assert found.items == (
        Item(
            benchmark="own",
            id="1",
            question="Which?",
            answers=("b",),
            choices=("a", "b"),
            passage="A passage.",
        ),
    )
    assert files(tmp_path / "own" / "t.yaml") == [tmp_path / "own" / "t.yaml", tmp_path / "_base.yaml", data]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("doc_to_text: ", "doc_to_text: !function utils.text #"), "doc_to_text is `!function utils.text`"),
        (("task: sky", "task: sky\nprocess_docs: !function u.p"), "process_docs is `!function u.p`"),
        (("{{question}}", "{{lost}}"), "doc_to_text: {data}:1: 'lost' is undefined"),
        (("{{question}}", "{{question"), "doc_to_text: {data}:1: expected token"),
        (("{{question}}", "{{question.__class__.mro()}}"), "access to attribute '__class__' of 'str' object is unsafe"),
        (("test_split: test", "test_split: dev"), "data_files has no split dev (it has: test)"),
        (("json\ndataset_kwargs", "a/b\ndataset_name: c\nx"), "load_dataset('a/b', 'c', split='test').to_json"),
        (("data.jsonl", "gone.jsonl"), "there is no file"),
        (("task: sky", "task: [a, b]"), "is a group; name the YAML files"),
        (("task: sky", "include: task.yaml\ntask: sky"), "includes itself"),
        (("task: sky", "include: gone.yaml\ntask: sky"), "gone.yaml: No such file"),
        (("task: sky", "task: {{"), "task.yaml:"),
        (("doc_to_text", "doc_to_texts"), "there is no doc_to_text"),
    ],
)  # fmt: skip
def test_tasks_that_cannot_be_read(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    data = lines(tmp_path / "data.jsonl", ROW)
    task = tmp_path / "task.yaml"
    task.write_text(TASK.format(data=data).replace(*change))
    assert said.replace("{data}", str(data)) in refused(task)
