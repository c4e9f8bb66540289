"""Build the three notebooks from src/*.py (jupytext percent files) and what they reach of src/fer.

    python src/build.py            write the notebooks, keeping the outputs of unchanged cells
    python src/build.py --run      run them too and keep what they print and draw
    python src/build.py --check    write nothing; exit 1 and show the difference if a notebook is out of date

Rules for the sources:

- A code cell that only says `from fer.room.module import name, …` is an open cell: it becomes the text of these
  definitions, after the imports from other packages that they use.
- Below a heading `## … Helpers (nothing to read here)`, a code cell tagged `helpers` lists in the same way what the
  notebook's own cells use. It becomes one folded cell a room, with all that is reached and not open elsewhere. The
  section is collapsed, so the next cell begins with a heading of that level. What must run before the other rooms'
  imports (a change of the installed OpenCV) stands in the section, between a first cell of helpers and a second.
- A code cell tagged `settings` becomes a form. Cells tagged `dataset-pictures` or `interactive` keep no output.
- Pictures, `![what it shows](results/picture.png)` or `<img src="results/picture.png" width="250">`, are put into the
  notebook; {{repository}} and {{colab}} become addresses.
- Cells that are neither folded nor a form have at most 45 lines of 88 characters; a notebook has at most 8 helpers.

README.md gets a Colab badge behind each `<!-- colab: notebook -->`, or none where there is no address for it.
"""

import argparse
import base64
import difflib
import hashlib
import io
import re
import subprocess
import sys
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode
from PIL import Image

from bundle import WIDTH, CodeCell, replace_imports
from package import read_package
from run import run_notebook

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = ("train_model", "via_image", "via_webcam")
KEEP_NO_OUTPUT = {"dataset-pictures", "interactive"}  # tags: shows FER-2013 faces; is of use only while it runs
FOLDED = {"cellView": "form", "jupyter": {"source_hidden": True}, "tags": ["helpers"]}
HELPERS_HEADING = re.compile(r"(#+) .*Helpers \(nothing to read here\)")
MOST_LINES, MOST_HELPERS = 45, 8  # of a visible cell; cells in a notebook
PICTURE_WIDTH = 900
BADGE = "https://colab.research.google.com/assets/colab-badge.svg"
METADATA = {
    "colab": {"provenance": [], "toc_visible": True},
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def build(name: str, former: NotebookNode | None = None, repository: str = "", root: Path = ROOT) -> NotebookNode:
    """Build one notebook; cells whose source is in `former`, too, keep the outputs they have there.

    repository: its address, such as https://github.com/owner/name, or none. Raises ValueError, which says what to
    change in the sources.
    """
    source = jupytext.reads((root / "src" / f"{name}.py").read_text(), fmt="py:percent")
    for cell in source.cells:
        cell.source = fill_in(cell.source, name, repository)
    metadata = METADATA | ({"accelerator": "GPU"} if name == "train_model" else {})
    notebook = nbformat.v4.new_notebook(metadata=metadata, nbformat_minor=5)
    code_cells = [CodeCell(cell.source, is_helper(cell)) for cell in source.cells if cell.cell_type == "code"]
    texts = iter(replace_imports(code_cells, read_package(root / "src")))
    for cell in source.cells:
        if cell.cell_type == "code":
            notebook.cells += [nbformat.v4.new_code_cell(text, metadata=metadata_of(cell)) for text in next(texts)]
        else:
            text = embed_pictures(cell.source, root)
            notebook.cells.append(nbformat.v4.new_markdown_cell(text, metadata=cell.metadata))
    number_cells(notebook.cells)
    collapse_helpers(notebook)
    if former:
        keep_outputs(notebook, former)
    return notebook


def metadata_of(cell: NotebookNode) -> dict:
    """Return a code cell's metadata for the notebook: helpers are folded, and settings are a form."""
    if is_helper(cell):
        return FOLDED
    tags = cell.metadata.get("tags", [])
    others = [tag for tag in tags if tag != "settings"]
    kept = {key: value for key, value in cell.metadata.items() if key != "tags"} | ({"tags": others} if others else {})
    return kept | ({"cellView": "form"} if "settings" in tags else {})


def fill_in(source: str, name: str, repository: str) -> str:
    """Put the repository's and Colab's address where a source leaves room for them.

    Without a repository, lines with Colab's address are left out: a badge that leads nowhere is worse than none.
    """
    if repository:
        source = source.replace("{{colab}}", colab_address(name, repository))
    else:
        source = re.sub(r"^.*\{\{colab\}\}.*\n\n?", "", source, flags=re.MULTILINE)
    return source.replace("{{repository}}", repository)


def colab_address(name: str, repository: str) -> str:
    """Return where Colab opens a notebook of a repository on GitHub."""
    owner_and_name = repository.removeprefix("https://github.com/")
    return f"https://colab.research.google.com/github/{owner_and_name}/blob/main/{name}.ipynb"


def fill_badges(readme: str, repository: str) -> str:
    """Put a badge behind each `<!-- colab: notebook -->`; without a repository, remove those that are there."""

    def with_badge(found: re.Match) -> str:
        badge = f"[![Open in Colab]({BADGE})]({colab_address(found[2], repository)})"
        return found[1] + (badge if repository else "")

    return re.sub(r"(<!-- colab: (\w+) -->)(\[!\[Open in Colab\]\S+)?", with_badge, readme)


def find_repository(root: Path = ROOT) -> str:
    """Return the address of the repository, that of the remote `origin`; empty if there is none on GitHub."""
    command = ["git", "-C", str(root), "remote", "get-url", "origin"]
    return github_address(subprocess.run(command, capture_output=True, text=True).stdout)


def github_address(remote: str) -> str:
    """Return https://github.com/owner/name for the address of a git remote; empty if it is not on GitHub.

    Of `https://user:token@github.com/…` nothing secret is kept.
    """
    found = re.search(r"(?:^|//|@)github\.com[:/]([\w.-]+/[\w.-]+?)(?:\.git)?/?$", remote.strip())
    return f"https://github.com/{found[1]}" if found else ""


def repository_of(notebook_text: str) -> str:
    """Return the address of the repository that a built notebook's badge has; empty if it has none.

    --check builds with it, since a fork's or a clone's origin differs from the one of whoever built the notebook.
    """
    found = re.search(r"colab\.research\.google\.com/github/([\w.-]+/[\w.-]+)/blob/main/", notebook_text)
    return f"https://github.com/{found[1]}" if found else ""


def embed_pictures(markdown: str, root: Path) -> str:
    """Put pictures of results/ into a markdown cell itself, as data URIs.

    A notebook opened in Colab from GitHub has no file beside it, and Colab does not show a cell's attachments
    (googlecolab/colabtools#3836); data URIs are what it writes itself. JupyterLab and GitHub show them as well.
    """
    picture = re.compile(r'(!\[[^\]]*\]\(|<img src=")(results/[^)"\s]+)')
    return picture.sub(lambda found: f"{found[1]}{data_uri(root / found[2])}", markdown)


def data_uri(path: Path) -> str:
    """Return a picture, at most PICTURE_WIDTH wide, as PNG or JPEG, whichever is smaller."""
    with Image.open(path) as image:
        picture = Image.new("RGB", image.size, "white")
        picture.paste(image, mask=image.convert("RGBA"))
    picture.thumbnail((PICTURE_WIDTH, picture.height))
    encoded = []
    for kind, options in (("jpeg", {"quality": 85}), ("png", {})):
        buffer = io.BytesIO()
        picture.save(buffer, kind, optimize=True, **options)
        encoded.append(f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}")
    return min(encoded, key=len)


def number_cells(cells: Sequence[NotebookNode]) -> None:
    """Derive the cells' ids from their texts, so that the same text always has the same id."""
    taken: set[str] = set()
    for cell in cells:
        digest = hashlib.sha256(cell.source.encode()).hexdigest()
        cell.id = next(digest[i : i + 8] for i in range(len(digest)) if digest[i : i + 8] not in taken)
        taken.add(cell.id)


def collapse_helpers(notebook: NotebookNode) -> None:
    """Collapse the sections of helpers, in Colab and in JupyterLab.

    Both hide all from a heading to the next one of its level or above. Raises ValueError where a helper is outside of
    such a section, or something else would be hidden at its end.
    """
    hidden = []
    for i, heading in enumerate(notebook.cells):
        found = HELPERS_HEADING.match(heading.source)
        if heading.cell_type == "markdown" and found:
            section = cells_of_section(notebook.cells[i + 1 :], found[1])
            if not section or not is_helper(section[-1]):
                raise ValueError(
                    f"After the last helper, begin a markdown cell with `{found[1]} …`: the story goes on."
                )
            heading.metadata |= {"id": heading.id, "jp-MarkdownHeadingCollapsed": True}
            notebook.metadata.colab.setdefault("collapsed_sections", []).append(heading.id)
            hidden += section
    if any(is_helper(cell) and cell not in hidden for cell in notebook.cells):
        raise ValueError("Above the cell tagged `helpers`, write the heading `## Helpers (nothing to read here)`.")


def cells_of_section(cells: Sequence[NotebookNode], level: str) -> list[NotebookNode]:
    """Return the cells up to the next heading of a level (`##`) or above."""
    heading = re.compile(rf"#{{1,{len(level)}}} ")
    return list(takewhile(lambda cell: cell.cell_type == "code" or not heading.match(cell.source), cells))


def keep_outputs(notebook: NotebookNode, former: NotebookNode) -> None:
    """Give cells the outputs that a cell with the same source has in the former notebook."""
    former_cells = {cell.source: cell for cell in former.cells if cell.cell_type == "code"}
    for cell in notebook.cells:
        if cell.cell_type == "code" and cell.source in former_cells:
            cell.execution_count = former_cells[cell.source].execution_count
            cell.outputs = former_cells[cell.source].outputs
    drop_outputs(notebook)


def drop_outputs(notebook: NotebookNode) -> None:
    """Remove the outputs that must not be kept."""
    for cell in notebook.cells:
        if cell.cell_type == "code" and KEEP_NO_OUTPUT & set(cell.metadata.get("tags", [])):
            cell.outputs, cell.execution_count = [], None


def is_helper(cell: NotebookNode) -> bool:
    """Tell whether a built cell is one of the helpers."""
    return "helpers" in cell.metadata.get("tags", [])


def is_visible(cell: NotebookNode) -> bool:
    """Tell whether a built cell shows its code to everybody, in Colab, too."""
    return cell.cell_type == "code" and cell.metadata.get("cellView") != "form"


def find_violations(notebook: NotebookNode) -> list[str]:
    """Return what makes a built notebook hard to read: long lines and cells, too many helpers."""
    found = []
    for number, cell in enumerate(notebook.cells, start=1):
        lines = cell.source.splitlines() if is_visible(cell) else []
        name = f"cell {number} ({lines[0][:50]} …)" if lines else ""
        if len(lines) > MOST_LINES:
            found.append(f"{name}: {len(lines)} lines, at most {MOST_LINES}")
        for place, line in enumerate(lines, start=1):
            if len(line) > WIDTH:
                found.append(f"{name}, line {place}: {len(line)} characters, at most {WIDTH}")
    helpers = sum(map(is_helper, notebook.cells))
    return found + ([f"{helpers} cells of helpers, at most {MOST_HELPERS}"] if helpers > MOST_HELPERS else [])


def main() -> int:
    """Build, check or run the notebooks; see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("names", nargs="*", default=NOTEBOOKS)
    options = parser.parse_args()
    is_stale = False
    violations = []
    for name in options.names:
        path = ROOT / f"{name}.ipynb"
        former_text = path.read_text() if path.exists() else ""
        former = nbformat.reads(former_text, as_version=4) if former_text else None
        repository = repository_of(former_text) if options.check else find_repository()
        try:
            notebook = build(name, former, repository)
        except ValueError as error:
            sys.exit(f"src/{name}.py: {error}")
        violations += [f"{path.name}, {violation}" for violation in find_violations(notebook)]
        if options.run:
            run_notebook(notebook, ROOT)
            drop_outputs(notebook)
        text = nbformat.writes(notebook) + "\n"
        if options.check and text != former_text:
            is_stale = True
            difference = difflib.unified_diff(former_text.splitlines(), text.splitlines(), path.name, "built", n=1)
            print("\n".join(line[:200] for line in list(difference)[:60]))
        elif not options.check:
            path.write_text(text)
            print(f"wrote {path.name}")
    if not options.check:
        readme = ROOT / "README.md"
        readme.write_text(fill_badges(readme.read_text(), find_repository()))
    if is_stale:
        print("The notebooks are not what src/ says. Repair with: make notebooks")
    print(*violations, sep="\n", end="\n" if violations else "")
    return int(is_stale or bool(violations))


if __name__ == "__main__":
    sys.exit(main())
