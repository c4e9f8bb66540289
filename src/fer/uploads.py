"""Ask for picture files: Colab's own dialogue there, a widget in Jupyter."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import ipywidgets
from IPython.display import display

from fer.environment import UserError


def ask_for_pictures(use: Callable[[str, bytes], None], colab: bool) -> None:
    """Let the user choose picture files, and call `use` with the name and the bytes of each.

    In Colab this waits for the user; elsewhere it shows a button and returns, and `use` is called when files arrive.
    (ipywidgets' button loses Colab's runtime with files of 1 MB and more: jupyter-widgets/ipywidgets#3452.)
    """
    if colab:
        from google.colab import files

        chosen = files.upload()
        if not chosen:
            print("No file was chosen. Run this cell again to choose one.")
        for name, content in chosen.items():
            use_politely(use, name, content)
        return
    button = ipywidgets.FileUpload(accept="image/*", multiple=True, description="Choose pictures")
    output = ipywidgets.Output()

    def on_files(_: dict) -> None:
        output.clear_output()
        with output:
            for name, content in files_of(button.value):
                use_politely(use, name, content)

    button.observe(on_files, names="value")
    display(button, output)


def use_politely(use: Callable[[str, bytes], None], name: str, content: bytes) -> None:
    """Call `use`; a file that it cannot take is reported, and the others still get their turn."""
    try:
        use(name, content)
    except UserError as problem:
        print(problem)


def files_of(value: dict | tuple) -> Iterator[tuple[str, bytes]]:
    """Yield name and bytes of each file in the value of a FileUpload, of ipywidgets 7 (dict) or 8 (tuple)."""
    if isinstance(value, dict):
        yield from ((name, bytes(file["content"])) for name, file in value.items())
    else:
        yield from ((file["name"], bytes(file["content"])) for file in value)


def read_picture_file(path: str) -> tuple[str, bytes]:
    """Return name and bytes of a file whose path was typed; raises UserError."""
    file = find_file(path)
    return file.name, file.read_bytes()


def find_file(path: str) -> Path:
    """Return the file whose path was typed; raises UserError where there is none."""
    file = Path(path).expanduser()
    if not file.is_file():
        raise UserError(f"There is no file {file}. Check the spelling; this notebook runs in {Path.cwd()}.")
    return file


def safe_stem(name: str) -> str:
    """Make the name of an uploaded file fit for our own files: letters, digits, `_` and `-` only, never empty."""
    return re.sub(r"[^\w-]+", "_", Path(name.replace("\\", "/")).stem)[:60].strip("_") or "picture"
