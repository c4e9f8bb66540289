"""Files come in and results go out: by Colab's dialogues, by a button and a link in a real JupyterLab."""

import os
import zipfile
from pathlib import Path

import nbformat
import pytest
from browsers import TOKEN, lab_server, launch, needs_chromium
from conftest import COLLINS, HOPPER, ROOT
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import sync_playwright

from fer.notebook import front_end, uploads
from fer.notebook.front_end import no_vertical_scroll
from fer.notebook.uploads import download_results


@pytest.fixture
def colab(fake_colab: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """In Colab, whose page answers."""
    monkeypatch.setattr(uploads, "has_colab_frontend", lambda: True)
    monkeypatch.setattr(front_end, "IN_COLAB", True)


def test_results_are_handed_over_as_one_zip_in_colab(
    colab: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
):
    from google.colab import files

    monkeypatch.chdir(tmp_path)
    download_results(Path("results"))
    assert "This session has saved nothing in results/ yet" in capsys.readouterr().out
    (tmp_path / "results" / "album" / ".thumbnails").mkdir(parents=True)
    for name in ("album/faces.csv", "album/.thumbnails/a.jpg", "album/.fingerprint", "project.png"):
        (tmp_path / "results" / name).write_text("face")
    os.utime(tmp_path / "results" / "project.png", (uploads.STARTED - 60,) * 2)  # it came with the repository
    for _ in range(2):  # the second holds no copy of the first
        download_results(Path("results"))
    assert files.downloaded == 2 * ["results.zip"]
    assert zipfile.ZipFile("results.zip").namelist() == ["results/album/faces.csv"]


def test_tall_outputs_are_not_scrolled_in_colab(colab: None, monkeypatch: pytest.MonkeyPatch):
    from google.colab import output

    asked = []
    monkeypatch.setattr(output, "no_vertical_scroll", lambda: asked.append(True))
    no_vertical_scroll()
    monkeypatch.setattr(front_end, "IN_COLAB", False)
    no_vertical_scroll()
    assert asked == [True]


CELLS = (
    f"import sys; sys.path.insert(0, {str(ROOT / 'src')!r})",
    "from fer.notebook.uploads import *",
    "ask_for_files(lambda files: print('These came:', *([name for name, _ in files] or ['none'])), field='SOURCE')",
    "download_results(Path('results'))",
)


@pytest.mark.slow
@needs_chromium
def test_in_jupyterlab_what_an_upload_shows_is_saved_and_the_zip_is_downloaded(tmp_path: Path):
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "faces.csv").write_text("face")
    os.utime(tmp_path / "results" / "faces.csv", (2e9, 2e9))  # as if this notebook had written it
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    notebook = tmp_path / "small.ipynb"
    nbformat.write(new_notebook(metadata=kernel, cells=[new_code_cell(source) for source in CELLS]), notebook)
    with lab_server(tmp_path) as (address, _), sync_playwright() as playwright:
        page = launch(playwright, tmp_path).new_page()
        page.goto(f"{address}/lab/tree/small.ipynb?token={TOKEN}&reset")
        page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=120_000)
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        link = page.get_by_role("link", name="Download results.zip")
        link.wait_for(timeout=60_000)
        page.get_by_text("These came: none").wait_for()
        with page.expect_file_chooser() as chooser:
            page.get_by_role("button", name="Choose files").click()
        chooser.value.set_files([str(COLLINS), str(HOPPER)])
        page.get_by_text("These came: astronaut.png grace_hopper.jpg").wait_for(timeout=30_000)
        with page.expect_download() as download:
            link.click()
        assert zipfile.ZipFile(download.value.path()).namelist()[-1] == "results/faces.csv"
        page.keyboard.press("Control+s")
        page.wait_for_function("!document.querySelector('.jp-mod-dirty')")
    outputs = nbformat.read(notebook, as_version=4).cells[2].outputs
    assert "type its path into SOURCE" in outputs[0].data["text/plain"]
    assert len(outputs) == 2
    assert outputs[1].text == "These came: astronaut.png grace_hopper.jpg\n"
