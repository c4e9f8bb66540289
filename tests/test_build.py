"""How notebooks are built, shown with a toy package; the committed ones are what src/ says and hold no FER-2013."""

import base64
import io
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from conftest import ROOT
from nbformat import NotebookNode
from PIL import Image

import build as builder
from build import NOTEBOOKS, build, fill_badges, find_violations, github_address, repository_of
from run import run_notebook, set_form_fields

ROOMS = {
    "fer/__init__.py": '"""Toy."""\n',
    "fer/expressions.py": '"""Names."""\n\nEXPRESSIONS = ("happy", "sad")\n',
    "fer/faces/__init__.py": '"""Where the faces are.\n\nNothing else.\n"""\n',
    "fer/faces/detection.py": '''"""Find faces."""

import json
import math
import os
from functools import cache
from pathlib import Path as Folder

import numpy as np
import pandas as pd

from fer.expressions import EXPRESSIONS

os.environ.setdefault("TOY_LOG", "0")  # said once

# How many pixels a face has.
# At least.
SMALLEST = 20
LARGEST = 200  # at most


@cache
def find(grey: np.ndarray, least: int = SMALLEST) -> list:
    """Find."""

    def inner(LARGEST):  # a parameter, not the constant
        return LARGEST

    return [math.sqrt(least)] if inner(1) else []


def unused(table: pd.DataFrame) -> str:
    """Nobody reaches this."""
    return json.dumps(list(table))


class Finder:
    """Find faces again and again."""

    def find(self, folder: "pd.DataFrame") -> tuple:
        """Find in a folder."""
        return find(folder), Folder(EXPRESSIONS[0])
''',
    "fer/recognition/__init__.py": '"""What the faces say."""\n\nfrom fer.recognition.names import Recogniser\n',
    "fer/recognition/names.py": '''"""Name faces."""

from fer.expressions import EXPRESSIONS
from fer.faces.detection import Finder, find


class Recogniser(Finder):
    """Names faces."""

    names = EXPRESSIONS


def show(recogniser: "Recogniser") -> None:
    """Show them."""
    print(recogniser.names, helper())


def helper() -> int:
    """Help."""
    return len(find(3))
''',
    "fer/webcam/__init__.py": '"""The camera."""\n',
    "fer/webcam/camera.py": '''"""Show a camera."""

from pathlib import Path

SCRIPT = (Path(__file__).parent / "page" / "camera.js").read_text()
''',
    "fer/webcam/page/camera.js": 'const pattern = /\\d+/; // "quoted"\n',
}
HELPERS = """
# %% [markdown]
# ## 1. Helpers (nothing to read here)

# %% tags=["helpers"]
"""
STORY = """
# %% [markdown]
# ## 2. The story

"""


def toy(
    folder: Path, listed: str = "", story: str = "", files: dict[str, str] | None = None, **options
) -> NotebookNode:
    """Build a notebook with a section of helpers, where anything is listed, and a story."""
    section = HELPERS + listed if listed else ""
    source = "# %% [markdown]\n# # Toy\n" + section + STORY + story
    for name, text in (ROOMS | {"toy.py": source} | (files or {})).items():
        path = folder / "src" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return build("toy", root=folder, **options)


def code(notebook: NotebookNode) -> list[str]:
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


def test_helpers_are_one_folded_cell_a_room_with_what_is_reached_and_no_more(tmp_path: Path):
    notebook = toy(tmp_path, "from fer.recognition.names import show\n", "# %%\nshow(None)\n")
    faces, names, story = code(notebook)
    assert (
        faces
        == '''# @title Helpers: faces
import math
import os
from functools import cache

import numpy as np


os.environ.setdefault("TOY_LOG", "0")  # said once

# How many pixels a face has.
# At least.
SMALLEST = 20


@cache
def find(grey: np.ndarray, least: int = SMALLEST) -> list:
    """Find."""

    def inner(LARGEST):  # a parameter, not the constant
        return LARGEST

    return [math.sqrt(least)] if inner(1) else []'''
    )
    assert names.startswith("# @title Helpers: recognition\ndef show(")
    assert names.endswith("return len(find(3))")
    assert story == "show(None)"
    assert "Recogniser(" not in names  # of a quoted annotation nothing is needed
    folded = [cell for cell in notebook.cells if "helpers" in cell.metadata.get("tags", [])]
    assert [cell.source for cell in folded] == [faces, names]
    assert all(cell.metadata["jupyter"] == {"source_hidden": True} for cell in folded)
    assert all(cell.metadata["cellView"] == "form" for cell in folded)


def test_a_module_outside_of_the_rooms_goes_into_the_first_one(tmp_path: Path):
    notebook = toy(tmp_path, "from fer.recognition import Recogniser\n", "# %%\nRecogniser()\n")
    faces, names, _ = code(notebook)
    assert 'EXPRESSIONS = ("happy", "sad")\n\n\nos.environ' in faces
    assert "from pathlib import Path as Folder\n\nimport numpy as np\n" in faces
    assert faces.index("def find(") < faces.index("class Finder:")
    assert names.startswith("# @title Helpers: recognition\nclass Recogniser(Finder):")


def test_what_is_built_runs(tmp_path: Path):
    notebook = toy(
        tmp_path,
        "from fer.recognition.names import show\nfrom fer.webcam.camera import SCRIPT\n",
        "# %%\nfrom fer.recognition import Recogniser\n\n"
        "# %%\nshow(Recogniser())\nfound = Recogniser().find(9), SCRIPT\n",
    )
    names: dict = {}
    for cell in code(notebook):
        exec(cell, names)  # noqa: S102 - our own cells, as a kernel runs them
    assert names["found"] == (([math_root := 20**0.5], Path("happy")), ROOMS["fer/webcam/page/camera.js"])
    assert math_root > 4


def test_an_open_cell_shows_exactly_what_it_imports_and_nothing_stands_twice(tmp_path: Path):
    notebook = toy(
        tmp_path,
        "from fer.recognition.names import show\n",
        '# %% tags=["star"]\nfrom fer.faces.detection import LARGEST, Finder\n\n# %%\nshow(Finder)\n',
    )
    *helpers, shown, _ = code(notebook)
    assert shown.startswith("from pathlib import Path as Folder\n\n\nLARGEST = 200  # at most\n\n\nclass Finder:")
    assert "find(grey" not in shown
    assert "class Finder" not in "".join(helpers)
    assert "def find(grey" in helpers[0]
    [cell] = [cell for cell in notebook.cells if cell.source == shown]
    assert cell.metadata == {"tags": ["star"]}


def test_a_helper_that_needs_an_open_name_at_once_is_refused(tmp_path: Path):
    listed = "from fer.recognition import Recogniser\n"
    story = "# %%\nfrom fer.faces.detection import Finder\n\n# %%\nRecogniser()\n"
    with pytest.raises(ValueError, match=r"^Recogniser \(fer.recognition.names\) needs Finder \(fer.faces.detection\)"):
        toy(tmp_path, listed, story)


@pytest.mark.parametrize("definition", ["def use(a: Face): ...", "@Face\ndef use(): ...", "def use(a=Face): ...",
    "class use(Face): ...", "class use:\n    def m(self) -> Face: ...", "use = [Face for _ in range(2)]"])  # fmt: skip
def test_annotations_decorators_defaults_and_bases_count_unless_quoted(tmp_path: Path, definition: str):
    module = '"""Use."""\n\nfrom fer.faces.face import Face\n\n\n'
    files = {"fer/faces/face.py": '"""Face."""\n\n\nclass Face: ...\n', "fer/faces/use.py": module + definition + "\n"}
    story = "# %%\nfrom fer.faces.face import Face\n\n# %%\nuse\n"
    with pytest.raises(ValueError, match=r"^use .* needs Face "):
        toy(tmp_path, "from fer.faces.use import use\n", story, files)
    for later in (definition.replace("Face", '"Face"'), "def use():\n    return Face"):
        toy(tmp_path, "from fer.faces.use import use\n", story, files | {"fer/faces/use.py": module + later + "\n"})


def test_an_open_cell_may_not_need_a_later_one_at_once(tmp_path: Path):
    story = "# %%\nfrom fer.recognition import Recogniser\n\n# %%\nfrom fer.faces.detection import Finder\n"
    with pytest.raises(ValueError, match=r"Recogniser .* needs Finder"):
        toy(tmp_path, "# nothing\n", story)


def test_a_second_cell_of_helpers_takes_the_other_rooms(tmp_path: Path):
    listed = """from fer.faces.detection import find

# %%
find(1)

# %% tags=["helpers"]
from fer.faces.detection import LARGEST
from fer.recognition.names import show
"""
    notebook = toy(tmp_path, listed, "# %%\nshow(LARGEST)\n")
    faces, own, names, _ = code(notebook)
    assert "def find(" in faces
    assert "LARGEST = 200" in faces  # a room is one cell
    assert own == "find(1)"
    assert "def show(" in names


@pytest.mark.parametrize(
    ("listed", "story", "message"),
    [
        ("from fer.faces.detection import nothing", "nothing", "There is no nothing in fer.faces.detection"),
        ("from fer.nowhere import nothing", "nothing", "There is no nothing in fer.nowhere"),
        ("from fer.faces.detection import find as f", "f(1)", "write `from fer.room.module import name`"),
        ("import fer.faces.detection", "fer", "write `from fer.room.module import name`"),
        ("from fer.faces.detection import *", "find(1)", "write `from fer.room.module import name`"),
        ("from fer.faces.detection import find\nfind(1)", "find(1)", "must do nothing else"),
        ("from fer.faces.detection import find, LARGEST", "find(1)", "No cell of the notebook uses LARGEST"),
        (
            "from fer.faces.detection import find",
            "find(1)\nSMALLEST = 3",
            "SMALLEST comes from fer.faces.detection and",
        ),
        ("from fer.faces.detection import find", "from mine import np\nfind(1)", "np comes from `?"),
        ("", "from fer.recognition.names import show", "add a section of helpers"),
    ],
)
def test_what_cannot_work_in_a_notebook_is_refused(tmp_path: Path, listed: str, story: str, message: str):
    with pytest.raises(ValueError, match=re.escape(message).replace(r"`\?", "`?")):
        toy(tmp_path, f"{listed}\n" if listed else "", f"# %%\n{story}\n")


@pytest.mark.parametrize(
    ("module", "message"),
    [
        ("from fer.faces.detection import find as search\n", "without dots in front, `as`"),
        ("from .detection import find\n", "without dots in front"),
        ("def clash():\n    from fer.faces.detection import find\n", "at the top level"),
        ("from fer.faces.nowhere import find\n", "imports from fer.faces.nowhere, which does not exist"),
        ("from fer.recognition.names import show\n", "nodes are in a cycle"),
        ("def find(): ...\n\n\ndef clash():\n    find()\n", "find comes from"),
        ("from json import loads as find\n\n\ndef clash():\n    find()\n", "find comes from"),
        ("clash = __file__\n", "uses __file__"),
    ],
)
def test_modules_that_cannot_be_bundled_are_refused(tmp_path: Path, module: str, message: str):
    files = {"fer/faces/more.py": f'"""More."""\n\n{module}'}
    listed = "from fer.faces.more import clash\nfrom fer.recognition.names import show\n"
    with pytest.raises(ValueError, match=re.escape(message)):
        toy(tmp_path, listed, "# %%\nshow(clash)\n", files)


def test_the_section_of_helpers_is_collapsed(tmp_path: Path):
    notebook = toy(tmp_path, "from fer.faces.detection import find\n", "# %%\nfind(1)\n")
    [heading] = [cell for cell in notebook.cells if "Helpers (nothing" in cell.source and cell.cell_type == "markdown"]
    assert heading.metadata == {"id": heading.id, "jp-MarkdownHeadingCollapsed": True}
    assert notebook.metadata.colab["collapsed_sections"] == [heading.id]


@pytest.mark.parametrize("broken", [("# ## 2. The story", "# ### 2. The story"), ("# ## 1. Helpers", "# ## 1. Aids")])
def test_helpers_without_their_section_are_refused(tmp_path: Path, broken: tuple[str, str], monkeypatch):
    name = "STORY" if "story" in broken[0] else "HELPERS"
    monkeypatch.setitem(globals(), name, globals()[name].replace(*broken))
    with pytest.raises(ValueError, match=r"markdown cell with `## …`|write the heading `## Helpers"):
        toy(tmp_path, "from fer.faces.detection import find\n", "# %%\nfind(1)\n")


def test_settings_become_a_form_and_other_metadata_stay(tmp_path: Path):
    story = '# %% tags=["settings", "mine"] colour="red"\nA = 1  # @param\n\n# %%\n# @title Read me\nB = 2\n'
    settings, other = (cell for cell in toy(tmp_path, story=story).cells if cell.cell_type == "code")
    assert settings.metadata == {"cellView": "form", "tags": ["mine"], "colour": "red"}
    assert other.metadata == {}


def test_limits_name_cell_and_line(tmp_path: Path):
    wide = "b = 2\n" + "c = " + 90 * "1"
    story = f'# %%\n{wide}\n\n# %%\n{"a = 1" + 45 * chr(10) + "b = 1"}\n\n# %% tags=["settings"]\n{wide}\n'
    notebook = toy(tmp_path, story=story)
    assert find_violations(notebook) == [
        "cell 3 (b = 2 …), line 2: 94 characters, at most 88",
        "cell 4 (a = 1 …): 46 lines, at most 45",
    ]
    notebook.cells += 9 * [nbformat.v4.new_code_cell(wide, metadata=builder.FOLDED)]
    assert find_violations(notebook)[2:] == ["9 cells of helpers, at most 8"]


@pytest.mark.parametrize(
    "markup", ["![a face](results/face.png)", '<img src="results/face.png" width="250" alt="a face">']
)
@pytest.mark.parametrize(("mode", "kind"), [("L", "jpeg"), ("RGBA", "png")])
def test_pictures_are_in_the_notebook_itself(tmp_path: Path, mode: str, kind: str, markup: str):
    picture = Image.effect_noise((1200, 400), 60) if kind == "jpeg" else Image.new(mode, (1200, 400))
    (tmp_path / "results").mkdir()
    picture.save(tmp_path / "results" / "face.png")
    first, second = (toy(tmp_path, files={"toy.py": f"# %% [markdown]\n# # Toy\n# {markup} below\n"}) for _ in range(2))
    assert nbformat.writes(first) == nbformat.writes(second)
    before, after = map(re.escape, markup.split("results/face.png"))
    [(found, encoded)] = re.findall(rf"{before}data:image/(\w+);base64,([^)\"]+){after} below", first.cells[0].source)
    assert found == kind
    with Image.open(io.BytesIO(base64.b64decode(encoded))) as small:
        assert small.size == (900, 300)
        assert kind == "jpeg" or small.getpixel((0, 0)) == (255, 255, 255)  # what was transparent


@pytest.mark.parametrize(
    ("remote", "address"),
    [
        ("https://github.com/owner/na.me.git", "https://github.com/owner/na.me"),
        ("https://user:secret@github.com/owner/name", "https://github.com/owner/name"),
        ("git@github.com:owner/name.git\n", "https://github.com/owner/name"),
        ("ssh://git@github.com/owner/name/", "https://github.com/owner/name"),
        ("/work/main", ""),
        ("https://gitlab.com/github.com/name", ""),
        ("https://github.com.example.org/owner/name", ""),
        ("", ""),
    ],
)
def test_address_of_a_remote(remote: str, address: str):
    assert github_address(remote) == address


def test_address_comes_from_the_remote(tmp_path: Path):
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    assert builder.find_repository(tmp_path) == ""
    subprocess.run(["git", "-C", tmp_path, "remote", "add", "origin", "git@github.com:a/b.git"], check=True)
    assert builder.find_repository(tmp_path) == "https://github.com/a/b"


def test_readme_gets_badges_where_there_is_an_address_and_loses_them_where_there_is_none():
    bare = fill_badges((ROOT / "README.md").read_text(), "")
    filled = fill_badges(fill_badges(bare, "https://github.com/x/y"), "https://github.com/a/b")
    for name in NOTEBOOKS:
        assert filled.count(f"](https://colab.research.google.com/github/a/b/blob/main/{name}.ipynb)") == 1
    assert "github/x/y" not in filled
    assert fill_badges(filled, "") == bare


def test_address_is_filled_in_and_its_badge_left_out_where_there_is_none(tmp_path: Path):
    files = {"toy.py": '# %% [markdown]\n# # Toy\n#\n# [badge]({{colab}})\n#\n# Text.\n\n# %%\nA = "{{repository}}"\n'}
    address = "https://github.com/a/b"
    notebook = toy(tmp_path, files=files, repository=address)
    badge = "[badge](https://colab.research.google.com/github/a/b/blob/main/toy.ipynb)"
    assert [cell.source for cell in notebook.cells] == [f"# Toy\n\n{badge}\n\nText.", f'A = "{address}"']
    assert repository_of(nbformat.writes(notebook)) == address
    without = toy(tmp_path, files=files)
    assert [cell.source for cell in without.cells] == ["# Toy\n\nText.", 'A = ""']
    assert repository_of(nbformat.writes(without)) == ""


def test_check_does_not_mind_whose_clone_it_is_and_shows_what_differs(tmp_path: Path, monkeypatch, capsys):
    files = {"toy.py": '# %% [markdown]\n# [badge]({{colab}})\n\n# %%\nA = "{{repository}}"\n'}
    (tmp_path / "toy.ipynb").write_text(
        nbformat.writes(toy(tmp_path, files=files, repository="https://github.com/a/b")) + "\n"
    )
    monkeypatch.setattr(builder, "ROOT", tmp_path)
    monkeypatch.setattr(builder, "build", lambda *arguments: build(*arguments, root=tmp_path))
    monkeypatch.setattr(builder, "find_repository", lambda: "https://github.com/other/clone")
    monkeypatch.setattr(sys, "argv", ["build.py", "--check", "toy"])
    assert builder.main() == 0
    (tmp_path / "src" / "toy.py").write_text("# %%\nB = 2\n")
    assert builder.main() == 1
    shown = capsys.readouterr().out
    assert '+   "source": "B = 2"' in shown or "B = 2" in shown
    assert "Repair with: make notebooks" in shown


def test_outputs_survive_only_where_the_source_is_the_same(tmp_path: Path):
    story = '# %%\na = 1\n\n# %%\nb = 2\n\n# %% tags=["dataset-pictures"]\nc = 3\n\n# %% tags=["interactive"]\nd = 4\n'
    former = toy(tmp_path, story=story)
    output = nbformat.v4.new_output("stream", text="kept")
    for cell in former.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [output], 7
    again = toy(tmp_path, story=story.replace("a = 1", "a = 0"), former=former)
    outputs = [(cell.outputs, cell.execution_count) for cell in again.cells if cell.cell_type == "code"]
    assert outputs == [([], None), ([output], 7), ([], None), ([], None)]


def test_committed_notebooks_are_built_from_the_sources():
    """If this fails: make notebooks."""
    result = subprocess.run([sys.executable, "src/build.py", "--check"], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebooks_are_valid_and_import_nothing_of_this_repository(name: str):
    notebook = nbformat.read(ROOT / f"{name}.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert nbformat.writes(build(name)) == nbformat.writes(build(name))
    assert all(cell.source.strip() for cell in notebook.cells)
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    assert not re.search(r"^\s*(from|import) fer\b", code, re.MULTILINE)
    assert not re.search(r"\{\{\w+\}\}", code)


def test_javascript_is_bundled_as_it_is():
    page = next(cell.source for cell in build("via_webcam").cells if "PAGE_JS = " in cell.source)
    for path in (ROOT / "src" / "fer" / "webcam" / "page").iterdir():
        assert f'r"""{path.read_text()}"""' in page


def test_form_fields_can_be_set():
    notebook = build("train_model", None)
    set_form_fields(notebook, {"EPOCHS": 2, "FER2013": "a/b c.zip", "KEEP_DUPLICATES": True})
    code = "\n".join(cell.source for cell in notebook.cells)
    assert 'EPOCHS = 2  # @param {type:"integer"}' in code
    assert "FER2013 = 'a/b c.zip'  # @param" in code
    assert "KEEP_DUPLICATES = True  # @param" in code
    with pytest.raises(ValueError, match=r"no form field EPOCH$"):
        set_form_fields(notebook, {"EPOCH": 2})


def test_a_progress_bar_between_pictures_is_one_piece_in_its_last_state(tmp_path: Path):
    code = """
from IPython.display import Latex
for text in ("\\r0%", "\\r50%", "\\r   \\rdone\\n"):
    print(text, end="", flush=True)
    display(Latex("between")) if "done" in text else None
print("x")"""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    run_notebook(notebook, tmp_path)
    assert [output.get("text") for output in notebook.cells[0].outputs] == ["done\n", None, "x\n"]


def committed_files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    return [ROOT / name for name in listed.decode().split("\0") if name]


def test_nothing_of_the_dataset_is_committed():
    files = committed_files()
    assert not any(path.suffix == ".csv" and path.parent.name == "data" for path in files)
    assert not any(re.search(r"(Training|PublicTest|PrivateTest)_\d", path.name) for path in files)
    for path in files:
        if path.suffix in (".png", ".jpg"):
            with Image.open(path) as image:
                assert image.size != (48, 48), path
    assert sum(path.stat().st_size for path in files if path.exists()) < 20_000_000


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_committed_outputs_are_clean(name: str):
    """No traceback, no warning, nothing on standard error; pictures where a reader expects them."""
    notebook = nbformat.read(ROOT / f"{name}.ipynb", as_version=4)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert outputs
    assert not any(output.output_type == "error" for output in outputs)
    assert not any(output.get("name") == "stderr" for output in outputs)
    for output in outputs:
        for kind in ("image/png", "image/jpeg"):
            if kind in output.get("data", {}):
                Image.open(io.BytesIO(base64.b64decode(output["data"][kind]))).verify()
    for cell in notebook.cells:
        if {"dataset-pictures", "interactive"} & set(cell.metadata.get("tags", [])):
            assert cell.outputs == []
