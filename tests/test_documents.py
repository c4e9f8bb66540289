"""The documents: short, their links lead somewhere, and they name what there is. For their figures: test_figures…"""

import re
import subprocess
from pathlib import Path

import pytest
import yaml
from conftest import ROOT

import fer

DOCUMENTS = {  # words at most, but for tables that the benchmark writes; two pages hold some 1,200
    "README.md": 1300,
    "CONTRIBUTING.md": 1200,
    "models/README.md": 1200,
    "results/EXPERIMENTS.md": 1200,
    "benchmarks/README.md": 1200,
    "data/README.md": 1200,
}
EVERY_DOCUMENT = pytest.mark.parametrize("name", DOCUMENTS)
MADE_BY_USERS = ("data/fer2013.csv", "models/expressions/", "models/runs/", "results/own/")
MADE_BY_USERS += ("results/runs/webcam/times.json",)


def headings(document: Path) -> set[str]:
    """Return the anchors that GitHub makes of a document's headings."""
    found = re.findall(r"^#+ (.*)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}


@EVERY_DOCUMENT
def test_a_document_is_short_and_names_no_placeholder(name: str):
    text = (ROOT / name).read_text()
    written = re.sub("<!-- measured: .*?<!-- end -->", "", text, flags=re.DOTALL)
    assert len(written.split()) <= DOCUMENTS[name]
    assert "OWNER" not in text
    assert "TODO" not in text


@EVERY_DOCUMENT
def test_links_and_pictures_are_there(name: str):
    document = ROOT / name
    text = document.read_text()
    links = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'(?:src|href)="([^"]+)"', text)
    local = [link for link in links if not link.startswith(("https://", "data:"))]
    for link in local:
        path, _, anchor = link.partition("#")
        target = document.parent / path if path else document
        assert target.exists(), f"{name} links to {link}"
        assert not anchor or anchor in headings(target), f"{name} links to {link}"
    tracked = subprocess.run(["git", "-C", ROOT, "ls-files"], capture_output=True, text=True).stdout.splitlines()
    pictures = [(document.parent / link).resolve() for link in local if link.endswith((".png", ".gif"))]
    assert {str(picture.relative_to(ROOT)) for picture in pictures} <= set(tracked)


@EVERY_DOCUMENT
def test_form_fields_and_files_that_a_document_names_exist(name: str):
    text = (ROOT / name).read_text()
    sources = "".join(path.read_text() for path in (ROOT / "src").glob("*.py"))
    for field in re.findall(r"`([A-Z][A-Z0-9_]{3,})(?: = [^`]*)?`", text):
        assert re.search(rf"^{field} = .*# @param", sources, re.MULTILINE), f"there is no form field {field}"
    for path in re.findall(r"`((?:src|tests|results|models|data|benchmarks)/[\w./-]+)`", text):
        if not path.startswith(MADE_BY_USERS):
            assert (ROOT / path).exists(), f"there is no {path}"


@EVERY_DOCUMENT
def test_commands_that_a_document_names_exist(name: str):
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    text = (ROOT / name).read_text()
    for words in re.findall(r"(?:^|`)make ((?:[a-z-]+ ?)+)", text, re.MULTILINE):
        assert set(words.split()) <= set(targets)


def test_the_map_has_every_room_in_order():
    rows = re.findall(r"^\| `(\w+)` \|", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE)
    assert tuple(rows) == fer.ROOMS


def test_the_citation_has_what_its_format_asks_for():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()
    assert citation["title"] in (ROOT / "README.md").read_text()
    assert citation["license"] in (ROOT / "LICENSE").read_text()


def test_git_adds_no_result_of_a_user_and_ignores_none_of_ours():
    git = ["git", "-C", str(ROOT)]
    ours = subprocess.run([*git, "ls-files", "results"], capture_output=True, text=True).stdout
    theirs = "results/me.png\nresults/me.why-1.png\nresults/album/contact-sheet-1.jpg\nresults.zip\n"
    ignored = [*git, "check-ignore", "--no-index", "--stdin"]
    assert subprocess.run(ignored, input=ours + theirs, capture_output=True, text=True).stdout == theirs
