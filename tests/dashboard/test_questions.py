"""Whatever an address asks, a view answers or refuses in a sentence: no parameter of any view makes it fail."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from pipeline.dashboard.app import make_app
from pipeline.dashboard.page import url
from pipeline.dashboard.view import LONGEST, MOST, BadQuestion, question
from pipeline.dashboard.views import VIEWS
from tests.dashboard.conftest import seen_of
from tests.hostile_run import ATTACKS
from tests.served import watched

pytestmark = pytest.mark.xdist_group("dashboard")

EXAMPLES = 40  # addresses for each view
ODD = [
    *(attack[:300] for attack in ATTACKS.values()),
    *("0", "1", "-1", "1.5", "nan", "-inf", "1e308", "1e400", "9" * 30, "0x10", " 7", "true", "null", "[]", "{}"),
    *("a" * LONGEST, "(" * 500, "(a+)+$", "[[:alpha:]]", "\\", "%", "_", "*", "\x00", "\ud7ff\uffff", "🦥"),
    *("../../etc/passwd", "file:///etc/passwd", "s3://bucket/key", "$(id)", "`id`", "; rm -rf /"),
    *("' OR 1=1 --", "1; ATTACH '/etc/passwd'", "x') UNION SELECT * FROM read_csv('/etc/passwd') --"),
    *("{{7*7}}", "{% include '/etc/passwd' %}", "${7*7}", "%s%n", "{0.__class__}"),
    *("filters.gopher_quality.min_words", "filters.gopher_quality.min_words=", "=", "=5", "a=b=c", "filters=1"),
    *("filters.gopher_quality.min_words=nan", "filters.gopher_quality.min_words=[1", "extract.favor=recall"),
    *("filters.gopher_quality.min_words=-1", "filters.gopher_quality.min_words=1e99", "name=x", "dedup.exact=true"),
    *("filters.gopher_quality.min_words=*a", "filters.gopher_quality.min_words=!!python/object:os.system x"),
]  # fmt: skip
GOOD = [
    *("filters.gopher_quality.min_words=50", "filters.gopher_quality.min_words=null", "filters.c4.min_sentences=9"),
    *("gopher_quality.short", "gopher_quality", "c4", "gopher_quality_words", "c4_sentences", "filter", "extract"),
    *("host1.example", "docs", "kept", "dropped", "run", "(unknown)"),
]  # fmt: skip


@pytest.fixture(scope="module")
def client(quality_run: Path) -> TestClient:
    return TestClient(make_app(watched({"run": quality_run, "hostile": quality_run}), ["testserver"]))


@pytest.fixture(scope="module")
def known(quality_run: Path) -> list[str]:
    """Values that are there: ids, titles and addresses of documents."""
    table = seen_of(quality_run).documents.table.slice(0, 3)
    return [*GOOD, *table["id"].to_pylist(), *table["url"].to_pylist(), *table["title"].to_pylist()]


def values(kind: Any, known: list[str]) -> st.SearchStrategy[str]:
    """Values that fit a type."""
    if isinstance(kind, msgspec.inspect.LiteralType):
        return st.sampled_from([str(value) for value in kind.values])
    if isinstance(kind, msgspec.inspect.IntType):
        low, high = kind.ge if kind.ge is not None else -3, kind.le if kind.le is not None else 10**6
        return st.integers(low, high).map(str)
    if isinstance(kind, msgspec.inspect.FloatType):
        return st.floats().map(str)
    if isinstance(kind, msgspec.inspect.BoolType):
        return st.sampled_from(["true", "false", "1", "0"])
    if isinstance(kind, msgspec.inspect.UnionType):
        return st.one_of([values(one, known) for one in kind.types])
    if isinstance(kind, msgspec.inspect.VarTupleType):
        return values(kind.item_type, known)
    return st.sampled_from(known)


def addresses(name: str, known: list[str]) -> st.SearchStrategy[list[tuple[str, str]]]:
    """Parameters of a view: most fit their type, some do not, some are long, given twice or unknown."""
    info = msgspec.inspect.type_info(VIEWS[name].question)
    assert isinstance(info, msgspec.inspect.StructType)
    odd = st.one_of(st.sampled_from(ODD), st.text(max_size=40).filter(_can_be_sent))
    pairs = [
        st.tuples(
            st.just(field.encode_name), st.one_of(values(field.type, known), values(field.type, known), odd)
        )
        for field in info.fields
    ]
    pairs.append(st.tuples(st.sampled_from(["none", "token", "{{7*7}}", "__class__", ""]), odd))
    return st.lists(st.one_of(pairs), max_size=6)


def _can_be_sent(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


@pytest.mark.parametrize("name", sorted(VIEWS))
def test_no_parameter_makes_a_view_fail(client: TestClient, known: list[str], name: str) -> None:
    @settings(
        max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )  # fmt: skip
    @given(parameters=addresses(name, known))
    def asked(parameters: list[tuple[str, str]]) -> None:
        pairs = [(key, value[:LONGEST]) for key, value in parameters]
        page = client.get(f"/run/{name}", params=pairs)
        twin = client.get(f"/run/{name}.json", params=pairs)
        assert page.status_code == twin.status_code
        assert twin.status_code in (200, 400, 404, 409), twin.text
        if twin.status_code == 200:
            msgspec.json.decode(twin.content, type=VIEWS[name].answer_type)
        else:
            refused = twin.json()
            assert set(refused) == {"error", "status"}
            assert refused["status"] == twin.status_code
            assert refused["error"]
        assert "<script>alert" not in page.text
        assert "<img" not in page.text
        assert "Traceback" not in page.text
        assert "root:x:" not in page.text + twin.text

    asked()


def parameters_of(name: str) -> Iterator[str]:
    return (field.encode_name for field in msgspec.structs.fields(VIEWS[name].question))


@pytest.mark.parametrize("name", sorted(VIEWS))
def test_every_parameter_by_itself_with_every_attack(client: TestClient, name: str) -> None:
    for parameter in parameters_of(name):
        for value in ODD:
            answer = client.get(f"/run/{name}.json", params=[(parameter, value)])
            assert answer.status_code in (200, 400, 404, 409), (parameter, value, answer.text)
            assert "root:x:" not in answer.text


@pytest.mark.parametrize("name", sorted(VIEWS))
def test_parameters_that_there_are_not(client: TestClient, name: str) -> None:
    answer = client.get(f"/run/{name}.json?nonsense=1")
    assert answer.status_code == 400
    assert "nonsense" in answer.json()["error"]
    for parameter in parameters_of(name):
        if len(parameter) > 3:
            error = client.get(f"/run/{name}.json?{parameter[:-1]}=1").json()["error"]
            assert f"did you mean `{parameter}`" in error
        error = client.get(f"/run/{name}.json", params={parameter: "x" * (LONGEST + 1)}).json()["error"]
        assert error == f"{parameter}: {LONGEST + 1} characters, at most {LONGEST}"
    many = client.get(f"/run/{name}.json", params=[("nonsense", "1")] * (MOST + 1))
    assert many.json() == {"error": f"{MOST + 1} parameters: at most {MOST}", "status": 400}


def test_runs_and_views_that_there_are_not(client: TestClient) -> None:
    assert "did you mean `hostile`" in client.get("/hostle/funnel.json").json()["error"]
    assert "did you mean `signals`" in client.get("/run/signal.json").json()["error"]
    page = client.get("/run/%3Cb%3E%E2%80%AE")
    assert page.status_code == 404
    assert "<b>" not in page.text
    assert "\u202e" not in page.text


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A question of every kind of parameter."""

    word: str = ""
    number: int = 3
    share: float = 0.5
    several: tuple[str, ...] = ()


def test_a_question_is_what_its_address_says() -> None:
    asked = Asked(word="a&b=c ü", number=-7, share=0.25, several=("x", "y"))
    address = url("a run/%", "funnel", asked)
    path, _, query = address.partition("?")
    assert path == "/a%20run%2F%25/funnel"
    from urllib.parse import parse_qsl

    assert question(Asked, parse_qsl(query)) == asked
    assert url("run", "funnel", Asked()) == "/run/funnel"
    assert url("run", "funnel", asked, several=None, word="", number=1) == "/run/funnel?number=1&share=0.25"
    assert question(Asked, [("word", ""), ("number", "")]) == Asked()


@pytest.mark.parametrize(
    ("pairs", "says"),
    [
        ([("number", "x")], "number"),
        ([("number", "1"), ("number", "2")], "number is given twice"),
        ([("share", "x")], "share"),
        ([("nmber", "1")], "did you mean `number`"),
    ],
)
def test_what_does_not_fit_is_named(pairs: list[tuple[str, str]], says: str) -> None:
    with pytest.raises(BadQuestion) as caught:
        question(Asked, pairs)
    assert says in str(caught.value)
    assert caught.value.status == 400


def test_the_patch_of_an_address(client: TestClient) -> None:
    attack = "filters.gopher_quality.min_words"
    for value in ODD:
        answer = client.get("/run/signals.yaml", params={"set": f"{attack}={value}"[:LONGEST]})
        assert answer.status_code in (200, 400, 404, 409)
        if answer.status_code == 200:
            assert answer.headers["content-disposition"] == 'attachment; filename="patch.yaml"'
    with pytest.raises(json.JSONDecodeError):
        client.get("/run/signals.yaml", params={"set": f"{attack}=60"}).json()
