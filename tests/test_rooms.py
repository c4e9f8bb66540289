"""The rooms of src/fer/ import one way: see fer.ROOMS."""

import ast
from pathlib import Path

from conftest import ROOT

import fer

HOUSE = ROOT / "src" / "fer"
OPEN_TO_ALL = "expressions"  # imports nothing of fer


def imported(node: ast.stmt) -> list[str]:
    """Return the dotted names of the modules or packages that a statement imports from fer."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names if alias.name.split(".")[0] == "fer"]
    if isinstance(node, ast.ImportFrom) and node.level:
        return ["fer (a relative import)"]
    if isinstance(node, ast.ImportFrom) and node.module == "fer":
        return [f"fer.{alias.name}" for alias in node.names]
    return [node.module] if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("fer.") else []


def wrong_imports(house: Path) -> list[str]:
    """Return a line for each import that goes the wrong way."""
    wrong = []
    for path in sorted(house.rglob("*.py")):
        room = path.relative_to(house).parts[0].removesuffix(".py")
        if room == "__init__" or room == OPEN_TO_ALL:
            allowed = []
        else:
            allowed = [OPEN_TO_ALL, *fer.ROOMS[: fer.ROOMS.index(room) + 1]]
        for node in ast.walk(ast.parse(path.read_text())):
            for name in imported(node):
                if [*name.split("."), ""][1] not in allowed:
                    where = f"{path.relative_to(house.parent)}:{node.lineno}"
                    wrong.append(
                        f"{where}: {room} may not import {name}; it may import from {', '.join(allowed) or 'none'}"
                    )
    return wrong


def test_every_folder_is_a_room_and_every_module_is_in_one():
    folders = {path.name for path in HOUSE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders == set(fer.ROOMS)
    assert {path.name for path in HOUSE.glob("*.py")} == {"__init__.py", f"{OPEN_TO_ALL}.py"}


def test_every_room_says_what_lives_in_it():
    for room in fer.ROOMS:
        tree = ast.parse((HOUSE / room / "__init__.py").read_text())
        assert ast.get_docstring(tree), f"fer/{room}/__init__.py says nothing"
        assert len(tree.body) == 1 or room == "recognition", f"fer/{room}/__init__.py holds code"


def test_rooms_import_only_from_rooms_before_them():
    wrong = wrong_imports(HOUSE)
    assert not wrong, "\n" + "\n".join(wrong)


def test_an_import_that_goes_the_wrong_way_is_named_by_its_line(tmp_path: Path):
    (tmp_path / "fer" / "media").mkdir(parents=True)
    module = tmp_path / "fer" / "media" / "pictures.py"
    module.write_text(
        "from fer.notebook import errors\nfrom fer.reports.batch import join_faces\nfrom fer import webcam\n"
    )
    first, second = wrong_imports(tmp_path / "fer")
    assert first.startswith("fer/media/pictures.py:2: media may not import fer.reports.batch")
    assert second.startswith("fer/media/pictures.py:3: media may not import fer.webcam")
