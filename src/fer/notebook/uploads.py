"""Ask for files and hand over results: by Colab's own dialogues there, by a button and a link in Jupyter."""

import time
from collections.abc import Callable
from html import escape
from pathlib import Path
from urllib.parse import quote
from zipfile import ZIP_DEFLATED, ZipFile

import ipywidgets
from IPython.display import clear_output, display

from fer.notebook.errors import atomic_write, writable_folder
from fer.notebook.front_end import bind_output_to_cell, display_widget, has_colab_frontend, is_interactive

STARTED = globals().get("STARTED", time.time())  # of this session; running the notebook again keeps it


def ask_for_files(handle: Callable[[list[tuple[str, bytes]]], None], field: str) -> None:
    """Let the user choose pictures, videos and zips, and call `handle` with the name and the bytes of each.

    In Colab this waits for the user; the list is empty where nothing was chosen. Elsewhere `handle` gets an empty list
    at once, below a button, and the files when they arrive; then what it shows takes the place of this cell's output.
    (ipywidgets' button loses Colab's runtime with files of 1 MB and more: jupyter-widgets/ipywidgets#3452.)

    field: the form field for a path, to be named where no button can be shown.
    """
    instead = f"To use a file of your own, type its path into {field}, run that cell, then this one again."
    chosen: dict[str, bytes] = {}
    try:
        if has_colab_frontend():
            from google.colab import files

            chosen = files.upload()
        elif is_interactive():
            show_upload_button(handle, instead)
        else:
            print(instead)
        handle(list(chosen.items()))
    except KeyboardInterrupt:  # the stop button of the cell
        print("Stopped. Run this cell again to go on.")


def show_upload_button(handle: Callable[[list[tuple[str, bytes]]], None], instead: str) -> None:
    """Show a button that calls `handle` for the files that are chosen; instead: see `display_widget`."""
    button = ipywidgets.FileUpload(accept="image/*,video/*,.zip", multiple=True, description="Choose files")
    use_this_cell = bind_output_to_cell()

    def on_files(_: dict) -> None:
        use_this_cell()
        clear_output(wait=True)
        display_widget(button, instead)
        handle(uploaded_files(button.value))

    button.observe(on_files, names="value")
    display_widget(button, instead)


def uploaded_files(value: dict | tuple) -> list[tuple[str, bytes]]:
    """Return name and bytes of each file in the value of a FileUpload, of ipywidgets 7 (dict) or 8 (tuple)."""
    files = [{"name": name, **file} for name, file in value.items()] if isinstance(value, dict) else value
    return [(file["name"], bytes(file["content"])) for file in files]


def download_results(folder: Path = Path("results")) -> None:
    """Pack what this session saved in a folder into <folder>.zip and hand it over, without hidden files.

    Colab downloads it, elsewhere a link to it is shown.
    """
    shown = [path for path in sorted(folder.rglob("*")) if "/." not in f"/{path.relative_to(folder).as_posix()}"]
    made = [path for path in shown if path.is_file() and path.stat().st_mtime >= STARTED]
    if not made:
        print(f"This session has saved nothing in {folder}/ yet. Run this cell again when it has.")
        return
    target = folder.with_suffix(".zip")
    with writable_folder(target.parent), atomic_write(target) as whole, ZipFile(whole, "w", ZIP_DEFLATED) as archive:
        for path in made:
            archive.write(path, path.relative_to(folder.parent))
    download_files(target)


def download_files(*paths: Path) -> None:
    """Hand files over: Colab downloads them, elsewhere a link to each is shown."""
    for path in paths:
        if has_colab_frontend():
            from google.colab import files

            files.download(str(path))
        else:
            # Not IPython's FileLink: JupyterLab tries to open such a file, where `download` lets the browser save it.
            link = f'<a href="{quote(str(path))}" download>Download {escape(str(path))}</a>'
            display({"text/html": link, "text/plain": f"The file is {path}."}, raw=True)
