"""Read the package fer as text: its modules in the order of their imports, each split into its top-level statements.

`symtable`, Python's own analysis of scopes, tells which global names a statement binds and uses.
"""

import ast
import re
import symtable
from collections import defaultdict
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from pathlib import Path
from typing import NamedTuple

READS_FILE = re.compile(r'\(Path\(__file__\)\.parent((?: / "[^"]+")+)\)\.read_text\(\)')
COMPREHENSIONS = ("listcomp", "setcomp", "dictcomp", "genexpr")  # what symtable calls their scopes


class Import(NamedTuple):
    """`from module import clause`, or `import clause` where module is empty; a clause may have an `as`."""

    module: str
    clause: str

    def __str__(self) -> str:
        """Return the line of code."""
        return f"from {self.module} import {self.clause}" if self.module else f"import {self.clause}"

    @property
    def binds(self) -> str:
        """The name that it makes known."""
        name = self.clause.rpartition(" as ")[2]
        return name if self.module or " as " in self.clause else name.partition(".")[0]


class Names(NamedTuple):
    """The global names of a piece of code."""

    binds: frozenset[str]
    uses: frozenset[str]
    uses_at_once: frozenset[str]  # those that it needs when it runs: all but what functions use in their bodies


@dataclass(frozen=True)
class Statement:
    """A top-level statement with the comments above it. One that binds no name is there for its effect."""

    module: str
    line: int
    text: str
    blank_lines_above: int
    names: Names

    def __str__(self) -> str:
        """Return what error messages call it."""
        what = ", ".join(sorted(self.names.binds)) or f"line {self.line}"
        return f"{what} ({self.module})"


@dataclass
class Module:
    """A module of the package, such as fer.faces.detection."""

    name: str
    room: str  # the sub-package that it lies in; empty for a module right under fer/
    statements: list[Statement] = field(default_factory=list)
    imports: dict[str, set[Import]] = field(default_factory=lambda: defaultdict(set))  # by the name that they bind
    origins: dict[str, str] = field(default_factory=dict)  # name: the module of fer that it is imported from


Package = dict[str, Module]  # each module after those that it imports, those of a room together


def read_package(folder: Path) -> Package:
    """Read the modules in folder/fer; raises ValueError where imports cannot be followed or go in a circle."""
    modules = {}
    for path in sorted(folder.glob("fer/**/*.py")):
        parts = path.relative_to(folder).with_suffix("").parts
        room = parts[1] if len(parts) > 2 else ""
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        modules[name] = read_module(name, room, path)
    needs: dict[str, set[str]] = {name: set(module.origins.values()) for name, module in modules.items()}
    rooms: dict[str, set[str]] = {module.room: set() for module in modules.values()}
    for name, needed in needs.items():
        if missing := needed - modules.keys():
            raise ValueError(f"{name} imports from {min(missing)}, which does not exist.")
        rooms[modules[name].room] |= {modules[other].room for other in needed} - {modules[name].room}
    rooms_in_order, names = in_order(rooms), in_order(needs)
    return {name: modules[name] for name in sorted(names, key=lambda name: rooms_in_order.index(modules[name].room))}


def in_order(needs: dict[str, set[str]]) -> list[str]:
    """Sort names so that each comes after those that it needs; raises CycleError, a ValueError."""
    return list(TopologicalSorter({name: sorted(needed) for name, needed in needs.items()}).static_order())


def read_module(name: str, room: str, path: Path) -> Module:
    """Split a module into its statements."""
    text = READS_FILE.sub(lambda found: quote_file(path.parent, found[1]), path.read_text())
    tree, lines = ast.parse(text), text.splitlines()
    module = Module(name, room)
    module.origins = dict(imports_from_fer(tree, name))
    for one in imports_in(tree):
        module.imports[one.binds].add(one)
    end = 0
    for node in tree.body:
        with_comments = lines[end : node.end_lineno]
        end = node.end_lineno
        if isinstance(node, ast.Import | ast.ImportFrom) or is_docstring(node):
            continue
        blank_lines = next(i for i, line in enumerate(with_comments) if line)
        piece = "\n".join(with_comments[blank_lines:])
        module.statements.append(Statement(name, node.lineno, piece, blank_lines, names_in(piece)))
    return module


def quote_file(folder: Path, parts: str) -> str:
    """Return the text of a file as a Python literal; parts: such as ` / "page" / "camera.js"`."""
    path = folder.joinpath(*re.findall('"([^"]+)"', parts))
    return f'r"""{path.read_text()}"""'


def is_docstring(node: ast.stmt) -> bool:
    """Tell whether a statement is a mere text."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def imports_from_fer(tree: ast.Module, place: str) -> list[tuple[str, str]]:
    """Return (name, module) for what the top level imports from fer.

    Raises ValueError, which names the place, for what would be left without meaning in a notebook.
    """
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import) and any(alias.name.split(".")[0] == "fer" for alias in node.names):
            raise ValueError(f"{place} says `{ast.unparse(node)}`: write `from fer.room.module import name`.")
        if isinstance(node, ast.ImportFrom) and (node.level or node.module.split(".")[0] == "fer"):
            if node.level or node not in tree.body or any(a.asname or a.name == "*" for a in node.names):
                raise ValueError(
                    f"{place} says `{ast.unparse(node)}`: at the top level, write `from fer.room.module import name`,"
                    " without dots in front, `as` or `*`; in a notebook, the name is defined as it is."
                )
            found += [(alias.name, node.module) for alias in node.names]
    return found


def imports_in(tree: ast.Module) -> list[Import]:
    """Return what the top level imports from elsewhere than fer."""
    return [
        Import(getattr(node, "module", ""), f"{alias.name} as {alias.asname}" if alias.asname else alias.name)
        for node in tree.body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
        if getattr(node, "module", "").split(".")[0] != "fer"
    ]


def names_in(code: str) -> Names:
    """Find the global names that a piece of code binds and uses."""
    table = symtable.symtable(code, "code", "exec")
    binds = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_assigned()}
    return Names(frozenset(binds), frozenset(names_used(table)), frozenset(names_used(table, at_once=True)))


def names_used(table: symtable.SymbolTable, at_once: bool = False) -> set[str]:
    """Find the global names that a scope and those in it use; at_once: without the bodies of functions."""
    used = {
        symbol.get_name()
        for symbol in table.get_symbols()
        if symbol.is_referenced() and (symbol.is_global() or table.get_type() == "module")
    }
    for scope in table.get_children():
        if not at_once or scope.get_type() == "class" or scope.get_name() in COMPREHENSIONS:
            used |= names_used(scope, at_once)
    return used


def resolve(package: Package, module: str, name: str) -> list[Statement]:
    """Find the statements that bind a name of a module; none for a builtin or what another package brings."""
    while (origin := package[module].origins.get(name)) is not None:
        if origin not in package:
            raise ValueError(f"{module} imports {name} from {origin}, but there is no such module.")
        module = origin
    return [statement for statement in package[module].statements if name in statement.names.binds]
