"""Use what the page around the notebook offers: Colab's, JupyterLab's, or that of another editor."""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import ipywidgets
from IPython import get_ipython
from IPython.display import display

from fer.notebook.errors import UserError

IN_COLAB = "google.colab" in sys.modules


def has_colab_frontend() -> bool:
    """Tell whether Colab's own page shows this notebook; other editors have google.colab, but no page that answers."""
    if not IN_COLAB:
        return False
    from google.colab import output

    return output.eval_js("1", timeout_sec=5) == 1


def is_interactive() -> bool:
    """Tell whether somebody sits at the page; nbclient and the like, which run notebooks alone, allow no input."""
    return getattr(get_ipython().kernel, "_allow_stdin", True)


def no_vertical_scroll() -> None:
    """Let the output of the running cell be as tall as it needs; Colab would scroll it within 1,000 pixels."""
    if IN_COLAB:
        from google.colab import output

        output.no_vertical_scroll()


def display_widget(widget: ipywidgets.Widget, instead: str) -> None:
    """Show a widget; a page that shows no widgets, or a notebook without its kernel, shows the text `instead`."""
    view = {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}
    display({"text/plain": instead, "application/vnd.jupyter.widget-view+json": view}, raw=True)


def bind_output_to_cell() -> Callable[[], None]:
    """Return a function for a widget's callback, after which what it shows goes to the cell that runs now.

    There it is saved with the notebook; in an `ipywidgets.Output` it would be lost.
    """
    shell = get_ipython()
    return partial(shell.set_parent, shell.get_parent())


def mount_drive(requested_by: str) -> Path:
    """Mount the user's Google Drive, which asks for permission, and return its folder.

    requested_by: the form field that needs it, for the message. Raises UserError outside Colab, and where permission is
    denied.
    """
    if not IN_COLAB:
        raise UserError(f"{requested_by}, but Google Drive is only at hand in Colab.")
    from google.colab import drive

    try:
        drive.mount("/content/drive")
    except Exception as error:  # Colab's page answers a refusal with various errors
        reason = str(error)[:100]
        raise UserError(f"{requested_by}, but Google Drive did not open ({reason}). Allow it, or clear it.") from None
    return Path("/content/drive/MyDrive")
