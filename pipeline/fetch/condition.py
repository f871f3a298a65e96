"""One SQL condition, as a person types it: checked to be a single yes-or-no expression before anything runs it.

DuckDB's own parser says what was typed. Subqueries, parameters, `*`, and functions whose result changes from call to
call are refused: a condition looks at one row and decides the same every time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from pipeline.errors import UsageError

_REFUSED = {
    "SUBQUERY": "a subquery",
    "PARAMETER": "a parameter",
    "STAR": "`*`",
    "WINDOW": "a window function",
    "DEFAULT": "DEFAULT",
}


def check(condition: str, connection: Any) -> str:
    """`condition` as it may stand in parentheses in a query; raises UsageError with one line."""
    if "\0" in condition or not condition.strip():
        raise UsageError(
            "--where: an expression such as \"content_languages = 'isl' AND fetch_status = 200\""
        )
    answer = connection.execute("SELECT json_serialize_sql(?)", [f"SELECT {condition}\n"]).fetchone()[0]
    parsed = json.loads(answer)
    if parsed.get("error"):
        raise UsageError(f"--where: {one_line(parsed.get('error_message', 'no SQL expression'))}")
    node = _only(parsed["statements"])["node"]
    if node["type"] != "SELECT_NODE" or node["from_table"]["type"] != "EMPTY" or node["modifiers"]:
        raise UsageError("--where: an expression alone, without FROM, ORDER BY, LIMIT or UNION")
    if any(node.get(part) for part in ("where_clause", "group_expressions", "having", "qualify", "sample")):
        raise UsageError("--where: an expression alone, without WHERE, GROUP BY or HAVING")
    expression = _only(node["select_list"])
    if expression.get("alias"):
        raise UsageError("--where: an expression has no name (AS)")
    _refuse(expression, connection)
    return f"({condition}\n)"


def _only(items: list[Any]) -> Any:
    if len(items) != 1:
        raise UsageError(f"--where: one expression, not {len(items)}")
    return items[0]


def _refuse(expression: Any, connection: Any) -> None:
    changing = {
        name
        for (name,) in connection.execute(
            "SELECT DISTINCT function_name FROM duckdb_functions() "
            "WHERE function_type <> 'scalar' OR coalesce(stability, 'CONSISTENT') <> 'CONSISTENT'"
        ).fetchall()
    }
    scalar = {
        name
        for (name,) in connection.execute(
            "SELECT DISTINCT function_name FROM duckdb_functions() "
            "WHERE function_type = 'scalar' AND coalesce(stability, 'CONSISTENT') = 'CONSISTENT'"
        ).fetchall()
    }
    for node in _nodes(expression):
        if node.get("class") in _REFUSED:
            raise UsageError(f"--where: {_REFUSED[node['class']]} has no place in a condition on one row")
        name = str(node.get("function_name", "")).lower()
        if name in changing and name not in scalar:
            raise UsageError(f"--where: {name}() does not give the same answer for a row every time")


def _nodes(value: Any) -> Iterator[dict[str, Any]]:
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            yield one
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one


def one_line(message: str) -> str:
    """The part of DuckDB's message that a person needs."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    told = [line for line in lines if not line.startswith(("LINE ", "^"))]
    return " ".join(told)[:300]
