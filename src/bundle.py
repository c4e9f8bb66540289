"""Replace a notebook's imports from fer by the text of what they import, and of all that this reaches."""

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import NamedTuple

from package import Import, Package, Statement, imports_from_fer, imports_in, names_in, resolve

WIDTH = 88  # characters that JupyterLab shows of a line of code on a page of 1280 pixels


class CodeCell(NamedTuple):
    """A code cell of a notebook's source."""

    text: str
    has_helpers: bool = False  # it lists names for the folded cells, and its place is theirs

    @property
    def python(self) -> str:
        """The text without the lines that are IPython's own."""
        return re.sub(r"^[%!].*$", "", self.text, flags=re.MULTILINE)

    @property
    def imported(self) -> list[tuple[str, str]]:
        """(name, module) for what it imports from fer; raises ValueError if it does anything else, too."""
        tree = ast.parse(self.python)
        imported = imports_from_fer(tree, "A cell")
        if imported and (imports_in(tree) or not all(isinstance(node, ast.ImportFrom) for node in tree.body)):
            raise ValueError(f"A cell that imports from fer must do nothing else:\n{self.text}")
        return imported


def replace_imports(cells: Sequence[CodeCell], package: Package) -> list[list[str]]:
    """Return the texts by which each cell is replaced: itself, open definitions, or folded cells, one a room.

    Raises ValueError, which says what to change, where the notebook would not do the same as the modules.
    """
    own_code = [cell.python for cell in cells if not cell.imported and not cell.has_helpers]
    check_listed(chain(*(cell.imported for cell in cells if cell.has_helpers)), own_code)
    pieces = [find_definitions(package, cell.imported) for cell in cells]
    shown = {one for cell, piece in zip(cells, pieces, strict=True) if not cell.has_helpers for one in piece}
    helpers = [one for one in find_reached(package, chain(*pieces)) if one not in shown]
    places = [i for i, cell in enumerate(cells) if cell.has_helpers]
    if helpers and not places:
        raise ValueError(f"{helpers[0]} is needed: add a section of helpers, though its cell may list nothing.")
    for i in places:
        pieces[i] = helpers if i == places[-1] else whole_rooms(package, pieces[i], helpers)
        helpers = [one for one in helpers if one not in pieces[i]]
    sequence = list(chain(*pieces))
    check_sequence(package, sequence)
    check_clashes(package, sequence, own_code)
    return [
        helper_texts(package, piece) if cell.has_helpers else [write_cell(package, piece) if piece else cell.text]
        for cell, piece in zip(cells, pieces, strict=True)
    ]


def check_listed(listed: Iterable[tuple[str, str]], own_code: Sequence[str]) -> None:
    """Check that the notebook's own cells use all that is listed for the helpers; raises ValueError."""
    used = set().union(*(names_in(code).uses for code in own_code))
    if idle := sorted({name for name, _ in listed} - used):
        raise ValueError(f"No cell of the notebook uses {', '.join(idle)}: take it out of the cell tagged `helpers`.")


def whole_rooms(package: Package, listed: Sequence[Statement], helpers: Sequence[Statement]) -> list[Statement]:
    """Choose those helpers that the listed ones reach, and all others of the same rooms, so that a room is one cell."""
    rooms = {package[one.module].room for one in find_reached(package, listed)} - {""}
    chosen = find_reached(package, [*listed, *(one for one in helpers if package[one.module].room in rooms)])
    return [one for one in helpers if one in chosen]


def helper_texts(package: Package, helpers: Sequence[Statement]) -> list[str]:
    """Write helpers as one cell a room, whose name is its title."""
    return [
        f"# @title Helpers: {room or 'fer'}\n{write_cell(package, statements)}"
        for room, statements in by_room(package, helpers).items()
    ]


def find_definitions(package: Package, imported: Iterable[tuple[str, str]]) -> list[Statement]:
    """Find the statements that bind imported names, given as (name, module), in the package's order."""
    found = set()
    for name, module in imported:
        statements = resolve(package, module, name) if module in package else []
        if not statements:
            raise ValueError(f"There is no {name} in {module}.")
        found.update(statements)
    return in_package_order(package, found)


def find_reached(package: Package, roots: Iterable[Statement]) -> list[Statement]:
    """Find all that the roots reach by the names that they use, themselves included, in the package's order.

    Of a module that is reached at all, its statements without a name are kept, too: a set-up of logging, say.
    """
    reached: set[Statement] = set()
    waiting = list(roots)
    while waiting:
        statement = waiting.pop()
        if statement not in reached:
            reached.add(statement)
            waiting += chain(*(resolve(package, statement.module, name) for name in statement.names.uses))
            waiting += [other for other in package[statement.module].statements if not other.names.binds]
    return in_package_order(package, reached)


def in_package_order(package: Package, chosen: set[Statement]) -> list[Statement]:
    """Sort statements as their modules depend on each other, and in a module as they stand."""
    return [one for module in package.values() for one in module.statements if one in chosen]


def by_room(package: Package, statements: Sequence[Statement]) -> dict[str, list[Statement]]:
    """Group sorted statements by room; those outside of the rooms go into the first one."""
    first = next(filter(None, (package[one.module].room for one in statements)), "")
    rooms: dict[str, list[Statement]] = {}
    for statement in statements:
        rooms.setdefault(package[statement.module].room or first, []).append(statement)
    return rooms


def imports_for(package: Package, statements: Iterable[Statement]) -> set[Import]:
    """Collect the imports whose names are used."""
    return {
        one
        for statement in statements
        for name in statement.names.uses
        for one in package[statement.module].imports.get(name, ())
    }


def write_cell(package: Package, statements: Sequence[Statement]) -> str:
    """Write statements as the text of a cell, after the imports that they need."""
    text = write_imports(imports_for(package, statements))
    former = None
    for statement in statements:
        if "__file__" in statement.names.uses:
            raise ValueError(f"{statement} uses __file__, which a notebook does not have.")
        apart = former is None or former.module != statement.module or is_block(former) or is_block(statement)
        text += "\n" * (1 + (2 if apart else statement.blank_lines_above)) + statement.text
        former = statement
    return text.strip("\n")


def is_block(statement: Statement) -> bool:
    """Tell whether a statement defines a function or a class, around which two lines stay empty."""
    return bool(re.search("^(@|def |async def |class )", statement.text, re.MULTILINE))


def write_imports(imports: Iterable[Import]) -> str:
    """Write import lines as isort sorts them: the standard library first, whole modules before names of modules."""
    lines: tuple[list[str], list[str]] = ([], [])
    clauses = defaultdict(set)
    for one in imports:
        clauses[one.module or one.clause, bool(one.module)].add(one.clause)
    for (module, is_from), names in sorted(clauses.items(), key=lambda item: (item[0][1], item[0][0])):
        is_foreign = re.match(r"\w+", module)[0] not in sys.stdlib_module_names
        line = str(Import(module if is_from else "", ", ".join(sorted(names))))
        if len(line) > WIDTH:
            line = f"from {module} import (\n    " + ",\n    ".join(sorted(names)) + ",\n)"
        lines[is_foreign].append(line)
    return "\n\n".join("\n".join(group) for group in lines if group)


def check_sequence(package: Package, sequence: Sequence[Statement]) -> None:
    """Check that each statement comes after those that it needs when it runs; raises ValueError."""
    place = {statement: i for i, statement in enumerate(sequence)}
    for statement in sequence:
        for name in statement.names.uses_at_once:
            for needed in resolve(package, statement.module, name)[:1]:
                if place[needed] > place[statement]:
                    raise ValueError(
                        f"{statement} needs {needed} already when it is defined, but in the notebook that comes later."
                        " Quote it, if it is an annotation; else import both in the same cell."
                    )


def check_clashes(package: Package, sequence: Sequence[Statement], cells: Iterable[str]) -> None:
    """Check that no name means two things among the statements and in the notebook's own cells; raises ValueError."""
    bound = [(name, statement.module) for statement in sequence for name in statement.names.binds]
    imports = imports_for(package, sequence)
    for cell in cells:
        bound += [(name, "a cell of the notebook") for name in names_in(cell).binds]
        imports.update(imports_in(ast.parse(cell)))
    bound += [(one.binds, f"`{one}`" if one.module or " as " in one.clause else "an import") for one in imports]
    meanings: dict[str, str] = {}
    for name, origin in bound:
        if meanings.setdefault(name, origin) != origin:
            raise ValueError(f"{name} comes from {meanings[name]} and from {origin}: rename one of them.")
