"""The notebooks are what src/ says, and nothing of FER-2013 is in the repository."""

import base64
import io
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import nbformat
import pytest
from conftest import ROOT
from PIL import Image

from build import NOTEBOOKS, SOURCES, build, bundle_module, colab_address
from run import final_text, joined_text, set_form_fields


def test_committed_notebooks_are_built_from_the_sources():
    """If this fails: make notebooks."""
    result = subprocess.run([sys.executable, "src/build.py", "--check"], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_building_twice_gives_the_same_bytes_and_valid_notebooks(name: str):
    first, second = build(name, None), build(name, None)
    assert nbformat.writes(first) == nbformat.writes(second)
    nbformat.validate(first)
    assert all(cell.source.strip() for cell in first.cells)
    assert len({cell.id for cell in first.cells}) == len(first.cells)


def test_outputs_survive_only_where_the_source_is_the_same():
    former = build("train_model", None)
    output = nbformat.v4.new_output("stream", text="kept")
    for cell in former.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [output], 7
    code = [cell for cell in former.cells if cell.cell_type == "code"]
    code[0].source += "\n# changed"
    again = [cell for cell in build("train_model", former).cells if cell.cell_type == "code"]
    assert again[0].outputs == []
    pictures = [cell for cell in again if "dataset-pictures" in cell.metadata.get("tags", [])]
    assert len(pictures) == 2
    assert all(cell.outputs == [] and cell.execution_count is None for cell in pictures)
    kept = [cell for cell in again[1:] if cell not in pictures]
    assert all(cell.outputs == [output] and cell.execution_count == 7 for cell in kept)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebooks_import_nothing_of_this_repository(name: str):
    notebook = nbformat.read(ROOT / f"{name}.ipynb", as_version=4)
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    assert not re.search(r"^\s*(from|import) fer\b", code, re.MULTILINE)
    assert "{{" not in "".join(re.findall(r"\{\{\w+\}\}", code))
    folded = [cell for cell in notebook.cells if cell.metadata.get("cellView") == "form"]
    assert folded
    assert all(cell.source.startswith("# @title ") for cell in folded)


def test_a_module_in_the_wrong_order_is_refused():
    with pytest.raises(ValueError, match=r"fer\.recognition\.recogniser needs fer\."):
        bundle_module("recognition.recogniser", {})


def test_javascript_is_bundled_as_it_is():
    page = next(cell.source for cell in build("via_webcam", None).cells if "PAGE_JS = " in cell.source)
    constants = page[page.index("CAMERA_JS = ") : page.index("PATIENCE = ")]
    cell = {}
    exec(constants, cell)  # noqa: S102 - our own cell, as a kernel runs it
    scripts = list((SOURCES / "fer" / "webcam" / "page").glob("*.js"))
    assert len(scripts) == 6
    for path in scripts:
        assert path.read_text() in cell["PAGE_JS"]


def test_two_modules_that_define_the_same_name_are_refused():
    with pytest.raises(ValueError, match="both define Pictures"):
        bundle_module(
            "data.fer2013",
            {"Pictures": "other", "1": "notebook.errors", "2": "notebook.progress", "3": "expressions"},
        )


def test_one_setting_makes_all_addresses():
    repository = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["fer"]["repository"]
    readme = (ROOT / "README.md").read_text()
    for name in NOTEBOOKS:
        address = colab_address(repository, name)
        assert address in readme
        assert address in (ROOT / f"{name}.ipynb").read_text()
    assert not any(repository in path.read_text() for path in SOURCES.rglob("*.py"))


def test_form_fields_can_be_set():
    notebook = build("train_model", None)
    set_form_fields(notebook, {"EPOCHS": 2, "FER2013": "a/b c.zip", "KEEP_DUPLICATES": True})
    code = "\n".join(cell.source for cell in notebook.cells)
    assert 'EPOCHS = 2  # @param {type:"integer"}' in code
    assert "FER2013 = 'a/b c.zip'  # @param" in code
    assert "KEEP_DUPLICATES = True  # @param" in code
    with pytest.raises(ValueError, match=r"no form field EPOCH$"):
        set_form_fields(notebook, {"EPOCH": 2})


def test_of_a_progress_bar_the_last_state_is_kept():
    assert final_text("0%\r50%\r100%\ndone\n10%\r     \rline\n") == "100%\ndone\nline\n"


def test_a_progress_bar_between_pictures_is_one_piece():
    text = [nbformat.v4.new_output("stream", name="stdout", text=piece) for piece in ("\r0%", "\r50%", "\r   \rdone\n")]
    picture = nbformat.v4.new_output("display_data")
    after, error = (nbformat.v4.new_output("stream", name=name, text="x") for name in ("stdout", "stderr"))
    joined = joined_text([*text, picture, after, error])
    assert [output.get("text") for output in joined] == ["done\n", None, "x", "x"]


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
