"""Pages are composed: no class gathers many methods along a chain of ours, no two modules lean on one another."""

import ast
from collections.abc import Iterator
from pathlib import Path

import tui_app

ROOT = Path(tui_app.__file__).parents[1]
MOST = 25
GUARDS = ("Living", "Leaving")  # they only guard Textual's own methods
EXCEPTIONS = {  # how many methods at most, and why they stay together
    "LabApp": (40, "the app: signals, terminal, themes and frames reach it through hooks of Textual's App"),
    "CurveView": (30, "a widget that draws itself: a dozen are Textual's hooks for size, style, lines and the mouse"),
    "Form": (41, "a widget with eleven keys and eight events, all about the row under its cursor"),
    "Table": (26, "a widget with eight keys that draws itself line by line"),
    "SettingsTable": (27, "a Table"),
    "ValuesTable": (41, "a Table that sorts and filters: what it adds is about its rows"),
    "PointsTable": (43, "a ValuesTable of points"),
    "ListingTable": (41, "a ValuesTable"),
    "PlanTable": (41, "a ValuesTable"),
    "LayersTable": (41, "a ValuesTable"),
    "GraphTree": (45, "a Table whose rows fold: what it adds is about its rows"),
    "FindingTree": (54, "a GraphTree that is searched: matches and filter are of its rows"),
    "RunScreen": (26, "a page: half of them are its hooks, and events of size and focus that every page takes"),
    "PruneScreen": (26, "an experiment's page, likewise"),
    "SearchScreen": (26, "an experiment's page, likewise"),
    "GraphExportScreen": (30, "the export dialog, of which a graph changes what each key writes"),
}
FILES = sorted((ROOT / "tui_app").rglob("*.py"))


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


TREES = {module_of(path): ast.parse(path.read_text(encoding="utf-8")) for path in FILES}
CLASSES = {
    (module, node.name): node for module, tree in TREES.items() for node in tree.body if isinstance(node, ast.ClassDef)
}


def imports(nodes: list[ast.stmt]) -> Iterator[tuple[str, str, str]]:
    """The names that a module takes from others of the app: (module, name there, name here)."""
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tui_app"):
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in TREES else str(node.module), alias.name, alias.asname or alias.name


def bases(module: str, kind: ast.ClassDef) -> Iterator[tuple[str, str]]:
    """The classes of ours that a class derives from."""
    named = {here: (source, there) for source, there, here in imports(TREES[module].body)}
    for base in kind.bases:
        name = base.value if isinstance(base, ast.Subscript) else base
        if isinstance(name, ast.Name):
            key = named.get(name.id, (module, name.id))
            if key in CLASSES:
                yield key


def methods(module: str, kind: ast.ClassDef) -> set[str]:
    """Every method that a reader may have to look for in a class of ours."""
    if kind.name in GUARDS:
        return set()
    own = {node.name for node in kind.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    return own.union(*(methods(base[0], CLASSES[base]) for base in bases(module, kind)))


COUNTS = {name: len(methods(module, kind)) for (module, name), kind in CLASSES.items()}


def test_a_class_can_be_held_in_mind() -> None:
    """Where this fails, a Controller that the class adopts can answer some of its keys."""
    allowed = {name: most for name, (most, _) in EXCEPTIONS.items()}
    assert {name: count for name, count in COUNTS.items() if count > allowed.get(name, MOST)} == {}


def test_every_exception_is_needed() -> None:
    assert [name for name in EXCEPTIONS if COUNTS[name] <= MOST] == []


def is_for_types(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def test_no_module_imports_for_its_types_what_imports_it() -> None:
    at_once = {module: {source for source, *_ in imports(tree.body)} for module, tree in TREES.items()}
    for_types = {
        module: {source for node in tree.body if is_for_types(node) for source, *_ in imports(node.body)}  # type: ignore[attr-defined]
        for module, tree in TREES.items()
    }

    def reached(module: str, seen: set[str]) -> set[str]:
        for following in at_once.get(module, set()) | for_types.get(module, set()):
            if following not in seen:
                seen.add(following)
                reached(following, seen)
        return seen

    cycles = [(module, source) for module, sources in for_types.items() for source in sources]
    assert [(module, source) for module, source in cycles if module in reached(source, {source})] == []


def test_the_rule_sees_what_a_class_inherits() -> None:
    """Its own, and those of two classes above it; not those of the guards."""
    found = methods("tui_app.screens.compare", CLASSES["tui_app.screens.compare", "CompareScreen"])
    assert {"body", "adopt", "on_screen_resume", "lab"} <= found
    assert "while_here" not in found
