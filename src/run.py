"""Run a notebook in a real kernel, with other values in its form fields, and show what it prints meanwhile.

python src/run.py via_image.ipynb --set 'SOURCE="me.jpg"' --output results/runs/via_image.ipynb
"""

import argparse
import ast
import re
import subprocess
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbconvert.preprocessors.coalescestreams import CoalesceStreamsPreprocessor
from nbformat import NotebookNode


class TalkingClient(NotebookClient):
    """A notebook client that repeats text output on its own standard output while the notebook runs."""

    def process_message(self, message: dict, cell: NotebookNode, cell_index: int) -> NotebookNode | None:
        """Handle one message of the kernel."""
        content = message["content"]
        if message["msg_type"] == "stream":
            print(content["text"], end="", flush=True)
        elif message["msg_type"] in ("display_data", "execute_result") and "text/html" in content["data"]:
            print(content["data"]["text/plain"], flush=True)  # a table
        return super().process_message(message, cell, cell_index)


def set_form_fields(notebook: NotebookNode, values: dict[str, object]) -> None:
    """Change the form fields (`NAME = value  #@param …`) of a notebook; raises ValueError for an unknown name."""
    for name, value in values.items():
        pattern = re.compile(rf"^{re.escape(name)} = .*?(?=\s*#\s?@param)", re.MULTILINE)
        changed = 0
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.source, count = pattern.subn(lambda _: f"{name} = {value!r}", cell.source)  # noqa: B023
                changed += count
        if not changed:
            raise ValueError(f"the notebook has no form field {name}")


def run_notebook(notebook: NotebookNode, folder: Path) -> None:
    """Execute a notebook with `folder` as its working directory; it receives the outputs, also on an error."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    client = TalkingClient(
        notebook,
        timeout=None,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        record_timing=False,
    )
    try:
        client.execute(stderr=subprocess.DEVNULL)  # the kernel's own log; what cells print comes as messages
    finally:
        CoalesceStreamsPreprocessor(enabled=True)(notebook, {})  # a progress bar becomes one piece, its last state
        notebook.metadata.pop("widgets", None)
        notebook.metadata["language_info"] = {"name": "python"}


def main() -> None:
    """Run the notebook named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebook", type=Path)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a Python literal, or text")
    parser.add_argument("--output", type=Path, help="where to write the notebook with its outputs")
    options = parser.parse_args()
    notebook = nbformat.read(options.notebook, as_version=4)
    set_form_fields(notebook, dict(map(parse_setting, options.set)))
    try:
        run_notebook(notebook, options.notebook.resolve().parent)
    except Exception as error:
        sys.exit(f"\n{options.notebook.name} did not run through:\n{error}")
    finally:
        if options.output:
            options.output.parent.mkdir(parents=True, exist_ok=True)
            nbformat.write(notebook, options.output)


def parse_setting(text: str) -> tuple[str, object]:
    """Split NAME=VALUE; what is no Python literal counts as text."""
    name, _, value = text.partition("=")
    try:
        return name, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return name, value


if __name__ == "__main__":
    main()
