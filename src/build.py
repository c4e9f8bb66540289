"""Bundle src/*.py (jupytext percent notebooks) and src/fer/ into self-contained notebooks.

    python src/build.py            write the three notebooks, keeping the outputs of unchanged cells
    python src/build.py --run      run them too and keep what they print and draw
    python src/build.py --check    write nothing; exit 1 and show the difference if a notebook is out of date

A cell that only says `from fer.faces.detection import find_faces` becomes that module's text, folded under a title.
"""

import argparse
import ast
import difflib
import hashlib
import re
import sys
import tomllib
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode

from run import run_notebook

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ROOT / "src"
NOTEBOOKS = ("train_model", "via_image", "via_webcam")
KEEP_NO_OUTPUT = {"dataset-pictures", "interactive"}  # tags: shows FER-2013 faces; is of use only while it runs
FOLDED = {"cellView": "form", "jupyter": {"source_hidden": True}}
METADATA = {
    "colab": {"provenance": [], "toc_visible": True},
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def build(name: str, former: NotebookNode | None) -> NotebookNode:
    """Bundle one notebook; cells whose source is in `former`, too, keep the outputs they have there."""
    source = jupytext.reads((SOURCES / f"{name}.py").read_text(), fmt="py:percent")
    metadata = METADATA | ({"accelerator": "GPU"} if name == "train_model" else {})
    notebook = nbformat.v4.new_notebook(metadata=metadata, nbformat_minor=5)
    bundled: dict[str, str] = {}
    for cell in source.cells:
        modules = imported_modules(cell.source) if cell.cell_type == "code" else []
        if not modules:
            notebook.cells.append(new_cell(cell.cell_type, fill_in(cell.source, name), cell.metadata))
        for module in modules:
            notebook.cells.append(new_cell("code", bundle_module(module, bundled), FOLDED))
    ids: set[str] = set()
    former_cells = {cell.source: cell for cell in former.cells if cell.cell_type == "code"} if former else {}
    for cell in notebook.cells:
        cell.id = cell_id(cell.source, ids)
        if cell.cell_type == "code" and cell.source in former_cells:
            cell.execution_count = former_cells[cell.source].execution_count
            cell.outputs = former_cells[cell.source].outputs
        drop_outputs(cell)
    return notebook


def new_cell(kind: str, source: str, metadata: dict) -> NotebookNode:
    """Make a code or a markdown cell."""
    make = nbformat.v4.new_code_cell if kind == "code" else nbformat.v4.new_markdown_cell
    return make(source, metadata=dict(metadata))


def imported_modules(source: str) -> list[str]:
    """Return the fer modules that a cell imports, if that is all it does."""
    statements = ast.parse(source).body if "from fer." in source else []
    if not statements:
        return []
    if not all(isinstance(node, ast.ImportFrom) and (node.module or "").startswith("fer.") for node in statements):
        raise ValueError(f"a cell that imports from fer must do nothing else:\n{source}")
    return list(dict.fromkeys(node.module.removeprefix("fer.") for node in statements))


def bundle_module(module: str, bundled: dict[str, str]) -> str:
    """Return a module's text as a notebook cell; `bundled` maps the names defined so far to their modules."""
    path = SOURCES / "fer" / f"{module.replace('.', '/')}.py"
    text = insert_scripts(path.read_text(), path.parent)
    tree = ast.parse(text)
    lines = text.splitlines()
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("fer."):
            needed = node.module.removeprefix("fer.")
            if needed not in bundled.values():
                raise ValueError(f"fer.{module} needs fer.{needed}: the notebook must import it in an earlier cell")
            lines[node.lineno - 1 : node.end_lineno] = [None] * (node.end_lineno - node.lineno + 1)
        for name in defined_names(node):
            if bundled.setdefault(name, module) != module:
                raise ValueError(f"fer.{module} and fer.{bundled[name]} both define {name}; in a notebook they clash")
    bundled[f"module {module}"] = module
    title = ast.get_docstring(tree).splitlines()[0].rstrip(".")
    body = "\n".join(line for line in lines if line is not None)
    while "\n\n\n\n" in body:
        body = body.replace("\n\n\n\n", "\n\n\n")
    return f"# @title {title}\n{body.strip()}"


def insert_scripts(text: str, folder: Path) -> str:
    """Put the text of a file in place of a module's `(Path(__file__).parent / "page" / "that file").read_text()`."""
    reading = re.compile(r'\(Path\(__file__\)\.parent / "page" / "([\w.]+)"\)\.read_text\(\)')
    return reading.sub(lambda found: f'r"""{(folder / "page" / found[1]).read_text()}"""', text)


def defined_names(node: ast.stmt) -> list[str]:
    """Return the names that a top-level statement defines."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [target.id for target in targets if isinstance(target, ast.Name)]


def fill_in(source: str, name: str) -> str:
    """Put the repository and the Colab address where the source leaves room for them."""
    repository = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["fer"]["repository"]
    return source.replace("{{colab}}", colab_address(repository, name)).replace("{{repository}}", repository)


def colab_address(repository: str, name: str) -> str:
    """Return the address that opens a notebook of a GitHub repository in Colab."""
    owner_and_name = repository.removeprefix("https://github.com/").strip("/")
    return f"https://colab.research.google.com/github/{owner_and_name}/blob/main/{name}.ipynb"


def cell_id(source: str, taken: set[str]) -> str:
    """Derive a cell's id from its text, so that the same text always has the same id."""
    digest = hashlib.sha256(source.encode()).hexdigest()
    found = next(digest[i : i + 8] for i in range(len(digest)) if digest[i : i + 8] not in taken)
    taken.add(found)
    return found


def drop_outputs(cell: NotebookNode) -> None:
    """Remove the outputs that must not be kept."""
    if cell.cell_type == "code" and KEEP_NO_OUTPUT & set(cell.metadata.get("tags", [])):
        cell.outputs, cell.execution_count = [], None


def main() -> int:
    """Build, check or run the notebooks; see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("names", nargs="*", default=NOTEBOOKS)
    options = parser.parse_args()
    stale = False
    for name in options.names:
        path = ROOT / f"{name}.ipynb"
        former_text = path.read_text() if path.exists() else ""
        notebook = build(name, nbformat.reads(former_text, as_version=4) if former_text else None)
        if options.run:
            run_notebook(notebook, ROOT)
            for cell in notebook.cells:
                drop_outputs(cell)
        text = nbformat.writes(notebook) + "\n"
        if options.check and text != former_text:
            stale = True
            difference = difflib.unified_diff(former_text.splitlines(), text.splitlines(), path.name, "built", n=1)
            print("\n".join(line[:200] for line in list(difference)[:60]))
        elif not options.check:
            path.write_text(text)
            print(f"wrote {path.name}")
    if stale:
        print("The notebooks are not what src/ says. Repair with: make notebooks")
    return int(stale)


if __name__ == "__main__":
    sys.exit(main())
