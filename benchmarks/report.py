"""What `make benchmark` measured: as goals that were met or not, as tables in the documents, and as one figure."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from peers import BEFORE, FLOOR, OURS, RECOGNISERS, ROOT

ROWS = {  # of the table: what was measured, its name and its form
    "accuracy": ("accuracy on PublicTest's five classes", "{:.1%}"),
    "faces_found": ("photos: faces found", "{:.1%}"),
    "false_boxes": ("photos: false boxes a photo", "{:.2f}"),
    "stills": ("stills of 640 × 480, one face: frames a second", "{:.1f}"),
    "found_in_stills": ("the same: faces found", "{:.1%}"),
    "stream": ("a stream of 640 × 480: frames a second", "{:.1f}"),
    "large_seconds": ("a photo of 12 megapixels: seconds", "{:.2f}"),
    "found_in_large": ("the same: faces found of 36, 30 of them small", "{:.0f}"),
    "folder_seconds": ("a folder of 100 photos: seconds", "{:.1f}"),
    "video_seconds": ("a minute of 1080p video: seconds", "{:.0f}"),
    "crops": ("1,000 crops: crops a second", "{:,.0f}"),
    "start_seconds": ("from start to first result: seconds", "{:.1f}"),
    "megabytes": ("memory at most, with 12 megapixels: MB", "{:,.0f}"),
    "network_megabytes": ("network for expressions on disk: MB", "{:.1f}"),
}
IN_README = ("accuracy", "faces_found", "stills")
BLUE, GREY = "#0072B2", "0.6"


def goals(results: dict) -> pd.DataFrame:
    """Return what was measured beside what was aimed at.

    One row a goal, with the columns measured, is to be (at least or at most), goal and met.
    """

    def ratio(what: str, name: str) -> float:
        values = results["measured"][what]
        return values[OURS] / values.get(name, np.nan)

    some, many = results["growth"]["photos"][-2:]
    linear = (many["seconds"] / many["photos"]) / (some["seconds"] / some["photos"])
    rows = [
        ("frames a second of stills, times fer's", ratio("stills", "fer"), "at least", 4),
        ("faces found in stills, times fer's", ratio("found_in_stills", "fer"), "at least", 1),
        ("frames a second of a stream, times fer's", ratio("stream", "fer"), "at least", 12),
        ("photos of 12 megapixels a second, times fer's", 1 / ratio("large_seconds", "fer"), "at least", 3),
        ("faces found in it, times fer's", ratio("found_in_large", "fer"), "at least", 1),
        ("a folder of photos, times as fast as before", 1 / ratio("folder_seconds", BEFORE), "at least", 2),
        ("crops a second, times fer's", ratio("crops", "fer"), "at least", 1),
        ("first result, times TensorFlow and the network loaded", ratio("start_seconds", FLOOR), "at most", 1.15),
        ("ten times the photos, times the memory", many["megabytes"] / some["megabytes"], "at most", 1.15),
        ("ten times the photos, times the seconds a photo", linear, "at most", 1.15),
    ]
    table = pd.DataFrame(rows, columns=["what", "measured", "is to be", "goal"]).set_index("what")
    at_least = table["is to be"] == "at least"
    return table.assign(met=np.where(at_least, table.measured >= table.goal, table.measured <= table.goal))


def programs_table(results: dict, chosen: tuple[str, ...] = tuple(ROWS)) -> list[list[str]]:
    """Return the rows of the table of programs, the heading first; a dash where something was not measured."""
    rows = [["", *RECOGNISERS]]
    for what in chosen:
        (title, form), values = ROWS[what], results["measured"].get(what, {})
        cells = [form.format(values[name]) if name in values else "–" for name in RECOGNISERS]
        rows.append([title, *(cell.replace("%", " %") for cell in cells)])
    return rows


def markdown(rows: list[list[str]]) -> str:
    """Return rows, the heading first, as a table in Markdown."""
    heading, *rest = (f"| {' | '.join(row)} |" for row in rows)
    return "\n".join([heading, "|" + "---|" * len(rows[0]), *rest])


def documents(results: dict) -> dict[Path, str]:
    """Return both documents, with what was measured between their marks."""
    tables = {"in short": programs_table(results, IN_README), "programs": programs_table(results)}
    texts = {path: path.read_text() for path in (ROOT / "README.md", ROOT / "benchmarks" / "README.md")}
    for path in texts:
        for name, rows in tables.items():
            place = re.compile(f"(<!-- measured: {name} -->\n).*?(<!-- end -->)", re.DOTALL)
            texts[path] = place.sub(rf"\g<1>{markdown(rows)}\n\2", texts[path])
    return texts


def draw(results: dict) -> Figure:
    """Draw accuracy, frames a second, faces found and invented, and the growth with the work."""
    figure = Figure(figsize=(10, 6.4), layout="constrained")
    (accuracy, stills), (faces, growth) = figure.subplots(2, 2)
    measured = results["measured"]
    draw_bars(accuracy, measured.get("accuracy", {}), "{:.1%}", "accuracy on PublicTest, five classes")
    draw_bars(stills, measured["stills"], "{:.1f}", "stills of 640 × 480 a second")
    faces.set_title("photos: faces found, and false boxes a photo", fontsize=10)
    below = 1.1  # where the next label may be
    for name, found in sorted(measured["faces_found"].items(), key=lambda item: -item[1]):
        faces.scatter(measured["false_boxes"][name], found, color=BLUE if name == OURS else GREY)
        height = min(found, below)
        faces.text(measured["false_boxes"][name] + 0.015, height, name, fontsize=8, verticalalignment="center")
        below = height - 0.02
    faces.set_xlim(-0.02, 1.3 * max(measured["false_boxes"].values()))
    faces.margins(y=0.1)
    faces.yaxis.set_major_formatter("{x:.0%}")
    growth.set_title("this project: time and memory over work", fontsize=10)
    for what, colour in (("photos", BLUE), ("faces", "#D55E00")):
        rows = pd.DataFrame(results["growth"][what])
        growth.plot(rows[what], rows.seconds, marker="o", color=colour, label=f"seconds, {what}")
        growth.plot(rows[what], rows.megabytes / 1000, marker="o", color=colour, linestyle=":", label=f"GB, {what}")
    growth.set(xscale="log", yscale="log", xlabel="photos, or faces in a photo of 12 megapixels")
    growth.legend(fontsize=8)
    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def draw_bars(axes: Axes, values: dict[str, float], form: str, title: str) -> None:
    """Draw a bar for each value, ours in blue."""
    bars = axes.barh(list(values), list(values.values()), color=[BLUE if name == OURS else GREY for name in values])
    axes.bar_label(bars, [form.format(value) for value in values.values()], padding=3)
    axes.set_title(title, fontsize=10)
    axes.invert_yaxis()
    axes.margins(x=0.2)
