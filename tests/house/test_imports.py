"""Imports point only where the design says, module by module, and never in a circle."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("filters", "mixes", "train", "pipeline")

# A package may import of ours: itself, and what stands here.
ALLOWED = {
    "pipeline.store": ("pipeline.store",),
    "filters": ("filters",),
    "mixes": ("mixes", "pipeline.store"),
    "train": ("train", "mixes", "pipeline.store"),
    "pipeline": PACKAGES,
}
# `pipeline` may name these modules of `train` anywhere; the rest only inside a function.
LIGHT_TRAIN = ("train.config", "train.plan", "train.errors")
FORBIDDEN_IN_FILTERS = (
    "os",
    "io",
    "pathlib",
    "socket",
    "time",
    "datetime",
    "random",
    "requests",
    "urllib",
    "shutil",
    "tempfile",
)


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
MODULES = {module_name(path): path for path in FILES}


def imports(path: Path, top_level: bool = False) -> list[tuple[str, int]]:
    """Modules that a file imports; with `top_level` only those that run when it is imported."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found: list[tuple[str, int]] = []

    def visit(node: ast.AST, inside: bool) -> None:
        if top_level and isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            return
        if isinstance(node, ast.Import) and not (top_level and inside):
            found.extend((alias.name, node.lineno) for alias in node.names)
        if isinstance(node, ast.ImportFrom) and not (top_level and inside):
            assert node.level == 0, f"{path}:{node.lineno} relative import"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                found.append((whole if whole in MODULES else str(node.module), node.lineno))
        deeper = inside or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for child in ast.iter_child_nodes(node):
            visit(child, deeper)

    visit(tree, False)
    return found


def room(module: str) -> str:
    return "pipeline.store" if module.startswith("pipeline.store") else module.split(".")[0]


def within(name: str, prefix: str) -> bool:
    return name == prefix or name.startswith(prefix + ".")


@pytest.mark.parametrize("module", sorted(MODULES))
def test_arrows(module: str) -> None:
    path = MODULES[module]
    for name, line in imports(path):
        if name.split(".")[0] in PACKAGES:
            assert any(within(name, allowed) for allowed in ALLOWED[room(module)]), (
                f"{path}:{line} imports {name}"
            )
        if name.split(".")[0] == "ray":
            assert module == "pipeline.engine.ray", f"{path}:{line} imports ray"
        if name.split(".")[0] == "torch":
            assert module.startswith("train."), f"{path}:{line} imports torch"
            assert module not in ("train.config", "train.plan"), f"{path}:{line} imports torch"
        if module.startswith("filters"):
            assert name.split(".")[0] not in FORBIDDEN_IN_FILTERS, f"{path}:{line} imports {name}"
    if room(module) == "pipeline":
        for name, line in imports(path, top_level=True):
            if within(name, "train"):
                assert name in LIGHT_TRAIN, f"{path}:{line} imports {name} outside a function"


def test_no_circles() -> None:
    graph = {
        module: sorted(
            {name for name, _ in imports(path, top_level=True) if name in MODULES and name != module}
        )
        for module, path in MODULES.items()
    }
    finished: set[str] = set()

    def walk(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, " -> ".join((*trail[trail.index(module) :], module))
        if module in finished:
            return
        for other in graph[module]:
            walk(other, (*trail, module))
        finished.add(module)

    for module in graph:
        walk(module, ())


def test_filters_open_nothing() -> None:
    for module, path in MODULES.items():
        if module.startswith("filters"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                    assert node.func.id != "open", f"{path}:{node.lineno} opens a file"
