"""via_webcam.ipynb in a real JupyterLab with a real kernel, in real Chromium whose camera shows a portrait.

Screenshots of each state and the measured times stay in results/runs/webcam/.
"""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
from browsers import (
    CAMERA,
    CDN,
    TRACKS,
    Libraries,
    four_heads,
    keep_figures,
    keep_speeds,
    lab_server,
    launch,
    needs_chromium,
    open_notebook,
    portrait_frame,
    read_speed,
    screenshot,
    serve_libraries,
    write_camera,
)
from conftest import serving
from PIL import Image
from playwright.sync_api import Locator, Page, Response, WebSocket, sync_playwright
from test_recognition import overlap

from fer.expressions import EXPRESSIONS
from fer.recognition import Recogniser
from fer.reports.timeline import timeline_columns

pytestmark = needs_chromium
HAPPY = (0xE6, 0x9F, 0x00)
# Where the overlay is opaque and of a colour: the box, and the plate above it.
BOX_ON_OVERLAY = """([canvas, colour]) => {
  const {width, height} = canvas;
  const pixels = canvas.getContext("2d").getImageData(0, 0, width, height).data;
  const columns = Array(width).fill(0), rows = Array(height).fill(0);
  for (let i = 0; i < width * height; i++)
    if (colour.every((value, channel) => pixels[4 * i + channel] === value) && pixels[4 * i + 3] === 255) {
      columns[i % width]++;
      rows[Math.floor(i / width)]++;
    }
  const ends = counts => {
    const high = counts.flatMap((count, index) => count > 0.6 * Math.max(...counts) ? [index] : []);
    return [high[0], high[high.length - 1]];
  };
  return {columns: ends(columns), rows: ends(rows), width, height};
}"""

# Of each cell with helpers: whether it is hidden, and whether it ran.
HELPERS = """window.jupyterapp.shell.currentWidget.content.widgets
  .filter(cell => (cell.model.getMetadata("tags") ?? []).includes("helpers"))
  .map(cell => [cell.isHidden, cell.model.executionCount > 0])"""


class Wire:
    """What goes over the page's web sockets: frames under way, and the most that were at once."""

    def __init__(self, page: Page) -> None:
        self.sent = self.answered = self.most = self.largest = 0
        page.on("websocket", self.listen)

    def listen(self, socket: WebSocket) -> None:
        socket.on("framesent", self.on_sent)
        socket.on("framereceived", self.on_received)

    def on_sent(self, payload: bytes | str) -> None:
        self.largest = max(self.largest, len(payload))
        if '"kind":"frame"' in as_text(payload):
            self.sent += 1
            self.most = max(self.most, self.sent - self.answered)

    def on_received(self, payload: bytes | str) -> None:
        if re.search('"kind": ?"faces"', as_text(payload)):
            self.answered += 1


def as_text(payload: bytes | str) -> str:
    """JupyterLab 4 sends all messages as bytes, JupyterLab 3 those without a picture as text."""
    return payload if isinstance(payload, str) else payload.decode(errors="replace")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict]:
    """The notebook run from top to bottom, and all that its user did and saw, in this order."""
    folder = tmp_path_factory.mktemp("lab")
    seen = {"folder": folder, "requests": []}
    with sync_playwright() as playwright, lab_server(folder) as (address, server), serving(Libraries) as libraries:
        browser = launch(playwright, folder, *CAMERA)
        page = browser.new_page(viewport={"width": 1100, "height": 1300})
        seen |= {"page": page, "wire": Wire(page), "server": server, "libraries": libraries}
        page.on("response", lambda response: seen["requests"].append(keep(response)))
        page.route(f"{CDN}**", lambda route: route.abort())  # so that frames go to the kernel
        open_notebook(page, address)
        seen["helpers"] = page.evaluate(HELPERS)
        screenshot(page, "1-off")
        press(page, "Start the camera")
        page.get_by_text("round trip").wait_for(state="attached")
        page.get_by_label("after 3 seconds").check()
        press(page, "Take a picture")
        seen["countdown"] = page.locator(".countdown").inner_text()
        seen["can be taken twice"] = page.get_by_role("button", name="Take a picture").is_enabled()
        start = time.monotonic()
        page.locator(".message", has_text="Picture 1: 1 face, saved as results/snapshot").wait_for(timeout=60_000)
        seen["self-timer"] = time.monotonic() - start
        screenshot(page, "2-still")
        seen["download"] = page.locator(".taken a").first.get_attribute("download")
        page.get_by_label("after 3 seconds").uncheck()
        press(page, "Back")
        page.wait_for_timeout(7000)
        seen["numbers"] = page.locator(".speed").text_content()
        seen["light"] = page.locator(".light").inner_text()
        seen["tracks while live"] = page.evaluate(TRACKS)
        seen["overlay"] = page.evaluate(BOX_ON_OVERLAY, [page.locator(".overlay").element_handle(), list(HAPPY)])
        seen["heard"] = page.locator(".heard").text_content()
        screenshot(page, "3-live")
        press(page, "Stop live")
        page.locator(".message", has_text="one a face a frame").wait_for(timeout=60_000)
        seen["tracks after the live view"] = page.evaluate(TRACKS)
        press(page, "Turn the camera off")
        pictures_below(page).nth(1).wait_for()
        screenshot(page, "4-stopped", ".jp-CodeCell:has(.panel)")
        seen["tracks afterwards"] = page.evaluate(TRACKS)
        yield seen
        browser.close()


def keep(response: Response) -> str:
    return response.url


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True, disabled=False).first.click()


@pytest.fixture(scope="module")
def expected() -> pd.Series:
    """What the network says of the camera's own picture."""
    recogniser = Recogniser.load(Path(__file__).parents[1] / "models")
    return recogniser.recognise(np.asarray(portrait_frame())).iloc[0]


def saved(lab: dict, pattern: str) -> Path:
    [path] = (lab["folder"] / "results").glob(pattern)
    return path


def test_helpers_are_collapsed_and_run_all_the_same(lab: dict):
    assert lab["helpers"]
    assert all(state == [True, True] for state in lab["helpers"])


def pictures_below(page: Page) -> Locator:
    """The pictures that the cell with the panel shows below it."""
    return page.locator(".jp-CodeCell", has=page.locator(".panel")).locator(".jp-RenderedImage img")


def test_box_sits_on_the_face_in_the_mirror(lab: dict, expected: pd.Series):
    overlay = lab["overlay"]
    scale = overlay["width"] / 640
    (left, right), (_, bottom) = ([end / scale for end in overlay[side]] for side in ("columns", "rows"))
    top = bottom - (right - left)  # boxes are square; the topmost coloured rows are those of the plate
    mirrored = (640 - expected["x"] - expected["width"], expected["y"], expected["width"], expected["height"])
    assert overlap((left, top, right - left, bottom - top), mirrored) > 0.6


def test_record_has_a_row_an_answer_and_the_networks_own_values(lab: dict, expected: pd.Series):
    record = pd.read_csv(saved(lab, "webcam-*.csv"))
    assert tuple(record.columns) == timeline_columns(EXPRESSIONS)
    assert len(record) == lab["wire"].answered
    assert record["face"].max() <= 2  # taking the picture may pause the view for so long that the face is another
    assert record["seconds"].is_monotonic_increasing
    probabilities = record[list(EXPRESSIONS)].to_numpy()
    assert {EXPRESSIONS[i] for i in probabilities.argmax(axis=1)} == {expected["expression"]} == {"happy"}
    assert np.median(probabilities[:, 1]) == pytest.approx(expected["happy"], abs=0.12)
    boxes = record[["x", "y", "width", "height"]].itertuples(index=False)
    assert min(overlap(box, tuple(expected[["x", "y", "width", "height"]])) for box in boxes) > 0.6


def test_at_least_five_answers_a_second(lab: dict):
    rate, trip, seeing = map(float, re.match(r"([\d.]+) pictures/s, (\d+) ms .*\((\d+) ms", lab["numbers"]).groups())
    keep_figures("JupyterLab, by the kernel", {"pictures/s": rate, "ms round trip": trip, "ms in the kernel": seeing})
    assert rate >= 5
    assert 0 < seeing < trip
    # 80 ms on two idle cores; three times as much where others compute, too. What was measured is in times.json.
    assert trip < 240


def test_one_frame_is_under_way_at_a_time(lab: dict):
    wire = lab["wire"]
    assert wire.sent >= 30
    assert wire.most == 1
    assert 0 <= wire.sent - wire.answered <= 1


def test_light_and_camera_agree(lab: dict):
    assert lab["light"] == "camera on, live"
    assert lab["tracks while live"] == lab["tracks after the live view"] == ["live"]
    assert lab["page"].locator(".light").inner_text() == "camera off"
    assert lab["tracks afterwards"] == ["ended"]


def test_snapshot_after_three_seconds_is_shown_and_saved(lab: dict, expected: pd.Series):
    assert lab["countdown"] == "3"
    assert not lab["can be taken twice"]
    assert lab["self-timer"] > 2
    assert pictures_below(lab["page"]).count() == 2  # the picture with its bars, the timeline
    table = pd.read_csv(saved(lab, "snapshot-*.csv"))
    assert table.loc[0, "expression"] == expected["expression"]
    assert table.loc[0, "confidence"] == pytest.approx(expected["confidence"], abs=0.1)
    assert lab["download"] == saved(lab, "snapshot-*.png").with_suffix(".jpg").name
    assert re.fullmatch(r"Face \d happy \d+%", lab["heard"])  # which a screen reader says
    with Image.open(saved(lab, "snapshot-*.png")) as picture:
        assert picture.size == (640, 480)


def test_nothing_was_written_that_nobody_asked_for(lab: dict):
    kinds = sorted(path.name.split("-")[0] + path.suffix for path in (lab["folder"] / "results").iterdir())
    assert kinds == ["snapshot.csv", "snapshot.png", "webcam.csv"]


def test_everything_came_from_the_own_server(lab: dict):
    badge = "https://colab.research.google.com/assets/colab-badge.svg"  # in the notebook's text
    elsewhere = [url for url in lab["requests"] if not url.startswith(("http://localhost", "data:", "blob:", badge))]
    assert elsewhere == []


def live_again(page: Page, panel: int = 0, speed: str = "from frame to overlay") -> None:
    page.get_by_role("button", name="Start the camera").nth(panel).click()
    page.get_by_text(speed).wait_for(state="attached", timeout=60_000)


@pytest.fixture(scope="module")
def online_lab(lab: dict) -> dict:
    """The same, where the page now gets its libraries."""
    serve_libraries(lab["page"], lab["libraries"])
    return lab


@pytest.mark.slow
def test_pictures_a_second(online_lab: dict):
    """With four faces, then with one; where nobody else computes they are three times as many as must be here."""
    page, folder, speeds = online_lab["page"], online_lab["folder"], []
    for count, frame in ((4, four_heads()), (1, portrait_frame())):
        write_camera(folder, 30 * [frame])
        live_again(page)
        page.wait_for_timeout(5000)
        speeds.append(read_speed(page))
        press(page, "Turn the camera off")
        page.locator(".message", has_text="one a face a frame").wait_for()
        assert pd.read_csv(max((folder / "results").glob("webcam-*.csv")))["face"].nunique() == count
    keep_speeds("JupyterLab", *reversed(speeds))


def test_the_page_names_faces_itself_and_sends_numbers_only(online_lab: dict, expected: pd.Series):
    page, wire, folder = online_lab["page"], online_lab["wire"], online_lab["folder"]
    before, frames = set((folder / "results").glob("webcam-*.csv")), wire.sent
    live_again(page)
    wire.largest = 0
    page.wait_for_timeout(5000)
    screenshot(page, "3-live-in-page")
    press(page, "Turn the camera off")
    page.locator(".message", has_text="one a face a frame").wait_for()
    assert wire.sent == frames
    assert wire.largest < 50_000
    [path] = set((folder / "results").glob("webcam-*.csv")) - before
    record = pd.read_csv(path)
    assert len(record) > 40
    assert record["happy"].median() == pytest.approx(expected["happy"], abs=0.12)


CELLS = "window.jupyterapp.shell.currentWidget.content.widgets.map(cell => cell.model.type)"


def test_keys_pressed_in_the_panel_do_nothing_to_the_notebooks_cells(lab: dict):
    """Where a cell is chosen, not edited, JupyterLab's "m" makes it Markdown, and "d d" deletes it."""
    page, before = lab["page"], lab["page"].evaluate(CELLS)
    for key in "dd":
        page.get_by_label("mirrored").focus()
        page.keyboard.press(key)
    page.wait_for_timeout(200)
    assert page.evaluate(CELLS) == before


def test_pictures_can_be_taken_while_live(lab: dict):
    page = lab["page"]
    live_again(page)
    for number in (2, 3, 4):
        press(page, "Take a picture")
        page.locator(".message", has_text=f"Picture {number}").wait_for()
    page.wait_for_timeout(2000)
    press(page, "Turn the camera off")
    page.locator(".message", has_text="one a face a frame").wait_for()
    seconds = pd.read_csv(max((lab["folder"] / "results").glob("webcam-*.csv")))["seconds"]
    assert (seconds > seconds.max() - 1.5).sum() > 10  # the live view went on


def test_a_second_start_ends_the_first(lab: dict):
    page = lab["page"]
    page.evaluate("window.jupyterapp.commands.execute('notebook:create-output-view')")
    page.get_by_role("button", name="Start the camera").nth(1).wait_for()
    live_again(page)
    page.get_by_role("button", name="Start the camera").click()
    page.get_by_text("used in another place").wait_for()
    page.wait_for_timeout(500)
    assert page.evaluate(TRACKS)[-2:] == ["ended", "live"]
    press(page, "Turn the camera off")
    assert set(page.evaluate(TRACKS)) == {"ended"}


def test_running_the_cell_again_stops_the_stream(lab: dict):
    page = lab["page"]
    page.evaluate("window.jupyterapp.commands.execute('application:close')")  # the second view
    began = time.strftime("webcam-%Y%m%d-%H%M%S.csv")
    live_again(page)
    page.evaluate("window.jupyterapp.commands.execute('notebook:run-cell')")
    page.wait_for_function(f"() => {TRACKS}.every(state => state === 'ended')")
    page.get_by_role("button", name="Start the camera").wait_for()
    deadline = time.monotonic() + 10
    while not any(path.name > began for path in (lab["folder"] / "results").glob("webcam-*.csv")):
        assert time.monotonic() < deadline, "the record was lost"
        time.sleep(0.1)


def test_leaving_the_page_switches_the_camera_off(lab: dict):
    page = lab["page"]
    live_again(page)
    page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide'))")
    assert set(page.evaluate(TRACKS)) == {"ended"}


def downloads(page: Page) -> list[str]:
    """The names of the pictures and timelines in the panel, newest first."""
    return page.locator(".taken a").evaluate_all("links => links.map(link => link.download)")


def test_what_was_taken_and_recorded_is_there_after_a_reload_that_saved_nothing(lab: dict):
    """The kernel still has it; the live view, whose page is gone, ends with its timeline."""
    page = lab["page"]
    page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
    live_again(page)
    press(page, "Take a picture")
    page.locator(".message", has_text=re.compile(r"Picture \d: 1 face")).wait_for()
    taken = downloads(page)
    page.wait_for_timeout(2500)  # the page sends rows every two seconds
    path = max((lab["folder"] / "results").glob("webcam-*.csv"))
    newest = page.locator(f".taken [download='{path.stem}.png']")
    page.once("dialog", lambda dialog: dialog.accept())  # that something is not saved
    page.reload()
    newest.wait_for(timeout=60_000)
    recalled = downloads(page)
    assert recalled[:2] == [f"{path.stem}.png", taken[0]]
    assert set(taken[:6]) < set(recalled)
    assert len(recalled) <= 8
    picture = page.locator(".taken .snapshot").first
    assert picture.locator("img").evaluate("image => image.decode().then(() => image.naturalWidth)") == 640
    assert len(pd.read_csv(path)) > 10
    page.locator(".panel").evaluate("panel => panel.classList.remove('panel')")
    page.locator(".jp-CodeCell", has=page.locator(".taken")).locator(".jp-InputArea-editor").click()
    page.evaluate("window.jupyterapp.commands.execute('notebook:run-cell')")
    page.locator(".panel").wait_for()
    newest.wait_for()  # the cell that was run again has them, too
    live_again(page)
    press(page, "Take a picture")
    page.locator(".message", has_text="Picture 1: 1 face").wait_for()
    press(page, "Turn the camera off")
    page.locator(".message", has_text="one a face a frame").wait_for()


@pytest.mark.slow
def test_a_killed_kernel_is_told_and_the_camera_goes_off_within_ten_seconds(lab: dict):
    page = lab["page"]
    live_again(page)
    press(page, "Take a picture")
    page.locator(".message", has_text=re.compile(r"Picture \d: 1 face")).wait_for()
    page.wait_for_timeout(4000)
    kernels = [
        p for p in psutil.Process(lab["server"]).children(recursive=True) if "ipykernel" in " ".join(p.cmdline())
    ]
    assert len(kernels) == 1
    start = time.monotonic()
    kernels[0].kill()
    page.wait_for_function(f"() => {TRACKS}.every(state => state === 'ended')", timeout=10_000)
    assert time.monotonic() - start < 10
    message = page.locator(".dead .message", has_text="Run the cell again to go on")
    said = re.search(r"camera was switched off\. What was recorded is saved as (\S+\.csv), but", message.inner_text())
    seconds = pd.read_csv(lab["folder"] / said[1])["seconds"]
    assert seconds.max() > 2
    assert page.locator(".light").inner_text() == "camera off"
    screenshot(page, "5-kernel-gone")


def test_what_was_taken_and_recorded_is_there_after_a_reload_without_the_kernel(lab: dict):
    """The kernel of the test above is gone; another one knows nothing of what the notebook shows."""
    page = lab["page"]
    page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
    page.reload()
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=60_000)
    page.get_by_text("Picture 1: 1 face").first.wait_for()
    screenshot(page, "6-reloaded", ".jp-CodeCell:has-text('Picture 1: 1 face')")
    cell = page.locator(".jp-CodeCell", has_text="Picture 1: 1 face")
    sizes = cell.locator(".jp-RenderedImage img").evaluate_all("images => images.map(image => image.naturalWidth)")
    assert len(sizes) >= 2
    assert min(sizes) > 300
    assert "Timeline:" in cell.inner_text()
    assert "No panel below? Run this cell again." in cell.inner_text()
