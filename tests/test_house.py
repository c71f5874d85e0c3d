"""The house in order: doors, sizes and arrows of every file, read from the text of the files."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from importlib import import_module
from pathlib import Path

import pytest

import viz

ROOT = Path(__file__).parents[1]
MOST_LINES = 400  # of a file
MOST_CODE = 45  # lines of a function, without its docstring: a screen

# The top floor of microgrid: what shows a graph to a person may draw it.
MAY_IMPORT_VIZ = ("microgrid/cli/", "microgrid/debugger/", "microgrid/pytest_plugin.py")


def files(*rooms: str) -> list[str]:
    """The Python files of these rooms."""
    return sorted(
        path.relative_to(ROOT).as_posix() for room in rooms for path in (ROOT / room).rglob("*.py")
    )


def module_of(file: str) -> str:
    return file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


HOUSE = {module_of(file): file for file in files("microgrid", "viz")}
EVERYTHING = {module_of(file): file for file in files("microgrid", "viz", "demos", "benchmarks")}


@cache
def tree_of(file: str) -> ast.Module:
    return ast.parse((ROOT / file).read_text(encoding="utf-8"))


def imports(file: str, nodes: Iterator[ast.AST]) -> Iterator[tuple[str, str]]:
    """Every import among the nodes: the module, and the name taken from it ("" for none)."""
    package = (
        module_of(file) if file.endswith("__init__.py") else module_of(file).rpartition(".")[0]
    )
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            up = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = [*up, node.module] if node.level and node.module else up
            module = ".".join(base) if node.level else str(node.module)
            for alias in node.names:
                inner = f"{module}.{alias.name}"
                yield (inner, "") if inner in EVERYTHING else (module, alias.name)


def at_import(tree: ast.Module) -> Iterator[ast.AST]:
    """What runs when the module is imported, but for what only a type checker reads."""
    for node in tree.body:
        if not (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)):
            yield node


@cache
def doors(file: str) -> list[str] | None:
    """The module's `__all__`, None without one."""
    for node in tree_of(file).body:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
            if ast.unparse(target) == "__all__":
                try:
                    return list(ast.literal_eval(node.value or ast.List([])))
                except ValueError:  # written with a star or a sum
                    return list(import_module(module_of(file)).__all__)
    return None


def bound(file: str) -> set[str]:
    """The names that the module binds on its top level."""
    return {name for node in tree_of(file).body for name in bound_by(node)}


def bound_by(node: ast.stmt) -> set[str]:
    """The names that a statement of a module binds."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {alias.asname or alias.name for alias in node.names}
    if isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        return {x.id for t in targets for x in ast.walk(t) if isinstance(x, ast.Name)}
    return {x.id for x in ast.walk(node) if isinstance(x, ast.Name)}


@pytest.mark.parametrize("file", HOUSE.values())
def test_a_module_says_in_all_what_others_may_take(file):
    names = doors(file)
    assert names is not None, f"{file} has no __all__"
    assert len(names) == len(set(names)), f"{file} names one twice: {names}"
    lazy = "__getattr__" in bound(file)
    module = import_module(module_of(file)) if lazy else None
    missing = [n for n in names if n not in bound(file) and not (lazy and hasattr(module, n))]
    assert not missing, f"{file} offers {missing}, which it does not define"


@pytest.mark.parametrize("file", HOUSE.values())
def test_what_a_module_keeps_to_itself_has_an_underscore(file):
    defined = {
        name
        for node in tree_of(file).body
        for name in bound_by(node)
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Assign | ast.AnnAssign)
    }
    kept = {name for name in defined if not name.startswith("_")} - set(doors(file) or [])
    assert not kept, f"{file} neither offers {sorted(kept)} nor marks them as its own"


def test_nothing_is_taken_that_is_not_offered():
    taken = [
        f"{file} takes {name} from {HOUSE[module]}"
        for file in EVERYTHING.values()
        for module, name in imports(file, ast.walk(tree_of(file)))
        if name and module in HOUSE and name not in (doors(HOUSE[module]) or [])
        if not (name.startswith("__") and name.endswith("__"))
    ]
    assert not taken, "\n".join(taken)


def test_what_a_module_offers_says_what_it_is_for():
    silent = [
        f"{file}: {node.name}"
        for file in HOUSE.values()
        for node in tree_of(file).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        and node.name in (doors(file) or [])
        and "overload" not in map(ast.unparse, node.decorator_list)
        and not node.name.startswith(("pytest_", "__"))  # pytest and Python say what those are for
        if not (ast.get_docstring(node) or "").partition("\n\n")[0].endswith((".", ":"))
    ]
    assert not silent, "\n".join(silent)


def test_no_room_of_viz_is_hidden_by_a_function_of_its_name():
    rooms = {module.split(".")[1] for module in HOUSE if module.startswith("viz.")}
    assert "picture" in rooms
    assert not rooms & set(viz.__all__)


@pytest.mark.parametrize("file", [*EVERYTHING.values(), *files("tests")])
def test_a_file_is_at_most_400_lines_long(file):
    lines = len((ROOT / file).read_text(encoding="utf-8").splitlines())
    assert lines <= MOST_LINES, f"{file} has {lines} lines"


def code_lines(function: ast.FunctionDef, text: list[str]) -> int:
    """Its lines from below the docstring on, without blank ones and comments."""
    first = function.body[1 if ast.get_docstring(function) and function.body[1:] else 0]
    lines = [line.strip() for line in text[first.lineno - 1 : function.end_lineno]]
    return sum(1 for line in lines if line and not line.startswith("#"))


def test_a_function_fits_a_screen():
    long = [
        f"{file}: {node.name} has {lines} lines of code"
        for file in EVERYTHING.values()
        for node in ast.walk(tree_of(file))
        if isinstance(node, ast.FunctionDef)
        for lines in [code_lines(node, (ROOT / file).read_text(encoding="utf-8").split("\n"))]
        if lines > MOST_CODE
    ]
    assert not long, "\n".join(long)


def test_imports_form_no_circle():
    above = {
        module: {other for other, _ in imports(file, at_import(tree_of(file))) if other in HOUSE}
        for module, file in HOUSE.items()
    }
    assert "microgrid.value" in above["microgrid.graph"]
    try:
        TopologicalSorter(above).prepare()
    except CycleError as error:
        pytest.fail("a circle of imports: " + " <- ".join(error.args[1]))


def test_microgrid_draws_on_its_top_floor_only():
    below = [
        file
        for file in files("microgrid")
        if not file.startswith(MAY_IMPORT_VIZ)
        for module, _ in imports(file, ast.walk(tree_of(file)))
        if module.split(".")[0] == "viz"
    ]
    assert not below, f"these files import viz: {below}"


def test_no_package_imports_what_stands_around_it():
    around = {"demos", "benchmarks", "tests"}
    above = [
        f"{file} imports {module}"
        for file in HOUSE.values()
        for module, _ in imports(file, ast.walk(tree_of(file)))
        if module.split(".")[0] in around
    ]
    assert not above, "\n".join(above)
