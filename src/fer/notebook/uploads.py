"""Ask for files: Colab's own dialogue there, a widget in Jupyter."""

from collections.abc import Callable, Iterator
from pathlib import Path

import ipywidgets
from IPython.display import display

from fer.notebook.errors import UserError
from fer.notebook.file_names import printable


def ask_for_files(use: Callable[[list[tuple[str, bytes]]], None], colab: bool) -> None:
    """Let the user choose pictures, videos and zips, and call `use` with the name and the bytes of each.

    In Colab this waits for the user; elsewhere it shows a button and returns, and `use` is called when files arrive.
    (ipywidgets' button loses Colab's runtime with files of 1 MB and more: jupyter-widgets/ipywidgets#3452.)
    """
    if colab:
        from google.colab import files

        chosen = files.upload()
        if not chosen:
            print("No file was chosen. Run this cell again to choose one.")
        use(list(chosen.items()))
        return
    button = ipywidgets.FileUpload(accept="image/*,video/*,.zip", multiple=True, description="Choose files")
    output = ipywidgets.Output()

    def on_files(_: dict) -> None:
        output.clear_output()
        with output:
            use(list(files_of(button.value)))

    button.observe(on_files, names="value")
    display(button, output)


def use_politely(use: Callable[..., None], *arguments: object) -> None:
    """Call `use`; a file that it cannot take is reported, and the others still get their turn."""
    try:
        use(*arguments)
    except UserError as problem:
        print(problem)


def files_of(value: dict | tuple) -> Iterator[tuple[str, bytes]]:
    """Yield name and bytes of each file in the value of a FileUpload, of ipywidgets 7 (dict) or 8 (tuple)."""
    if isinstance(value, dict):
        yield from ((name, bytes(file["content"])) for name, file in value.items())
    else:
        yield from ((file["name"], bytes(file["content"])) for file in value)


def find_file(path: str) -> Path:
    """Return the file whose path was typed; raises UserError where there is none."""
    file = find_path(path)
    if not file.is_file():
        raise UserError(f"{printable(path)} is a folder. Type the path of a file.")
    return file


def find_path(path: str) -> Path:
    """Return the file or folder whose path was typed; raises UserError where there is none."""
    try:
        found = Path(path).expanduser()
        if found.exists():
            return found
    except (OSError, ValueError, RuntimeError):  # too long, with a zero byte, the home of nobody
        pass
    raise UserError(
        f"There is no file {printable(path)[:200]}. Check the spelling; this notebook runs in {Path.cwd()}."
    )
