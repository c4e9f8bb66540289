"""via_webcam.ipynb in a real kernel, its JavaScript in real Chromium with a fake camera, joined as Colab joins them."""

import json
import os
import queue
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import nbformat
import numpy as np
import pandas as pd
import pytest
from browsers import (
    CAMERA,
    CDN,
    KEEP_STREAMS,
    TRACKS,
    Libraries,
    four_heads,
    keep_speeds,
    launch,
    needs_chromium,
    portrait_frame,
    read_speed,
    screenshot,
    serve_libraries,
    write_camera,
)
from conftest import COLLINS, HOPPER, ROOT, serving
from jupyter_client.manager import KernelManager, start_new_kernel
from PIL import Image, ImageEnhance
from playwright.sync_api import Browser, Page, sync_playwright

from fer.expressions import EXPRESSIONS
from fer.reports.timeline import timeline_columns

pytestmark = needs_chromium
EVALUATE = """([number, script]) => {
  window.replies = window.replies || [];
  const reply = content => window.replies.push({type: "colab_reply", colab_msg_id: number, ...content});
  Promise.resolve().then(() => eval(script)).then(data => reply({data: data === undefined ? null : data}))
    .catch(error => reply({error: String(error)}));
}"""
Step = Callable[[Page], bool]  # does something in the page if it can already; tells whether it did


class ColabPage:
    """Colab's front end: runs cells, evaluates what the kernel asks for in a page, and answers on stdin."""

    def __init__(self, page: Page, manager: KernelManager, client: object) -> None:
        self.page, self.manager, self.client, self.answers = page, manager, client, True
        self.delay = 0.0  # seconds that each message takes
        self.messages: list[dict] = []  # from the page

    def run(self, code: str, *steps: Step, seconds: float = 120) -> str:
        """Run a cell, taking the steps one after another meanwhile; return all that it printed."""
        request = self.client.execute(code, allow_stdin=True)
        waiting, text, deadline = list(steps), "", time.monotonic() + seconds
        while time.monotonic() < deadline:
            if waiting and waiting[0](self.page):
                waiting.pop(0)
            for reply in self.page.evaluate("(window.replies || []).splice(0)"):
                time.sleep(self.delay)
                if isinstance(reply.get("data"), dict):
                    self.messages.append(reply["data"])
                self.client.input(reply)
            try:
                message = self.client.get_iopub_msg(timeout=0.02)
            except queue.Empty:
                continue
            if message["parent_header"].get("msg_id") != request:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "colab_request" and self.answers:
                number = message["metadata"]["colab_msg_id"]
                time.sleep(self.delay)
                self.page.evaluate(EVALUATE, [number, content["request"]["script"]])
            elif kind == "stream":
                text += content["text"]
            elif kind in ("display_data", "execute_result"):
                text += content["data"].get("text/plain", "")
            elif kind == "error":
                text += "\n".join(content["traceback"])
            elif kind == "status" and content["execution_state"] == "idle":
                assert not waiting, f"the cell ended before step {len(steps) - len(waiting) + 1}; it printed:\n{text}"
                return text
        screenshot(self.page, "timeout")
        raise TimeoutError(
            f"the cell is not done after {seconds} s; {len(waiting)} steps are left; it printed:\n{text}"
        )


def press(name: str) -> Step:
    """Press a button as soon as it is there."""

    def step(page: Page) -> bool:
        button = page.get_by_role("button", name=name, exact=True)
        ready = button.count() > 0 and button.first.is_visible() and button.first.is_enabled()
        if ready:
            button.first.click()
        return ready

    return step


def see(text: str) -> Step:
    """Wait for a text."""
    return lambda page: page.get_by_text(text).count() > 0 and page.get_by_text(text).first.is_visible()


def live(text: str) -> Step:
    """Wait until the line for developers says that."""

    def step(page: Page) -> bool:
        lines = page.locator(".speed")
        return lines.count() > 0 and text in lines.first.text_content()

    return step


def keep(name: str) -> Step:
    """Keep a screenshot."""
    return lambda page: screenshot(page, name) is None


def wait(seconds: float) -> Step:
    """Let time go by."""
    start = []

    def step(page: Page) -> bool:
        start.append(time.monotonic())
        return start[-1] - start[0] > seconds

    return step


def choose(path: object) -> Step:
    """Choose a file of the user's computer."""

    def step(page: Page) -> bool:
        ready = page.locator("input[type=file]").count() > 0
        if ready:
            page.locator("input[type=file]").set_input_files(str(path))
        return ready

    return step


def three_heads() -> Image.Image:
    """Three portraits, one of them hard to read."""
    frame = Image.new("RGB", (640, 480), "gray")
    head = Image.open(COLLINS).convert("RGB").crop((96, 0, 352, 256)).resize((240, 240))
    for place, contrast in (((40, 0), 1), ((380, 60), 0.5), ((180, 240), 0.8)):
        frame.paste(ImageEnhance.Contrast(head).enhance(contrast), place)
    return frame


@pytest.fixture(scope="module")
def camera_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where `write_camera` changes what the camera shows."""
    return tmp_path_factory.mktemp("camera")


@pytest.fixture(scope="module")
def browsers(camera_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Browser]]:
    """Chromium whose camera shows a portrait, one whose user says no, and one without a camera."""
    with sync_playwright() as playwright:
        started = {
            "camera": launch(playwright, camera_folder, *CAMERA),
            "denied": launch(playwright, camera_folder, "--deny-permission-prompts"),
            "absent": launch(playwright, camera_folder, *CAMERA, cameras=0),
            "three": launch(playwright, tmp_path_factory.mktemp("three"), *CAMERA, frames=30 * [three_heads()]),
            "two": launch(playwright, camera_folder, *CAMERA, cameras=2),
        }
        yield started
        for browser in started.values():
            browser.close()


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple]:
    """A kernel in an empty folder with models/, in which google.colab is imported, as Colab does."""
    folder = tmp_path_factory.mktemp("colab")
    shutil.copytree(ROOT / "models", folder / "models", ignore=shutil.ignore_patterns("runs"))
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "tests" / "fake_colab")}
    manager, client = start_new_kernel(kernel_name="python3", cwd=str(folder), env=environment)
    yield manager, client, folder
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def open_page(browser: Browser, kernel: tuple, address: str = "http://localhost/", script: str = "") -> ColabPage:
    page = browser.new_page()
    page.route("**/*", lambda route: route.fulfill(body="<body></body>", content_type="text/html"))
    page.add_init_script(KEEP_STREAMS + script)
    page.goto(address)
    return ColabPage(page, *kernel[:2])


CELLS = [cell for cell in nbformat.read(ROOT / "via_webcam.ipynb", as_version=4).cells if cell.cell_type == "code"]
CAMERA_CELL = next(cell.source for cell in CELLS if "\n    show_camera_panel(" in cell.source)
BLOCK_ANYWIDGET = "import google.colab.output, sys; sys.modules['anywidget'] = None"  # Colab's path must not need it


@pytest.fixture(scope="module")
def first_run(browsers: dict[str, Browser], kernel: tuple) -> tuple[ColabPage, list[str]]:
    """The whole notebook, top to bottom: a snapshot, some seconds live; what each cell printed."""
    colab = open_page(browsers["camera"], kernel)
    colab.run(BLOCK_ANYWIDGET)
    steps = [press("Start the camera"), live("round trip"), press("Take a picture")]
    steps += [see("Picture 1: 1 face, saved as results/snapshot"), keep("colab-still"), press("Back"), wait(3)]
    steps += [keep("colab-live"), press("Stop live"), see("one a face a frame"), keep("colab-stopped")]
    steps += [press("Turn the camera off"), press("Finish")]
    return colab, [colab.run(cell.source, *(steps if cell.source == CAMERA_CELL else ())) for cell in CELLS]


def records(kernel: tuple) -> list:
    return sorted((kernel[2] / "results").glob("webcam-*.csv"))


def test_snapshot_and_live_view_are_recognised(first_run: tuple, kernel: tuple):
    assert not any("Traceback" in text or "⚠" in text for text in first_run[1])
    [snapshot] = (kernel[2] / "results").glob("snapshot-*.csv")
    assert pd.read_csv(snapshot)["expression"].tolist() == ["happy"]
    record = pd.read_csv(records(kernel)[0])
    assert len(record) > 10
    assert record["happy"].median() > 0.5
    assert record["seconds"].max() > 2


def test_the_camera_is_off_afterwards(first_run: tuple):
    page = first_run[0].page
    assert page.evaluate(TRACKS) == ["ended"]
    assert page.locator(".light").inner_text() == "camera off"


def test_interrupting_the_cell_ends_it_normally_with_the_camera_off_and_the_record_saved(
    first_run: tuple, browsers: dict[str, Browser], kernel: tuple
):
    colab, before = open_page(browsers["camera"], kernel), len(records(kernel))
    time.sleep(1.1)  # records are named by the second

    def interrupt(page: Page) -> bool:
        colab.manager.interrupt_kernel()
        return True

    said = colab.run(CAMERA_CELL, press("Start the camera"), live("round trip"), wait(1), interrupt, seconds=60)
    assert "saved as results" in said
    assert "Traceback" not in said
    assert "Error" not in said
    assert colab.page.evaluate(TRACKS) == ["ended"]
    assert colab.page.get_by_text("cell has ended").is_visible()
    assert len(records(kernel)) == before + 1


@pytest.mark.slow
def test_a_page_that_was_loaded_anew_meanwhile_is_told_and_the_record_saved(
    first_run: tuple, browsers: dict[str, Browser], kernel: tuple
):
    colab, before = open_page(browsers["camera"], kernel), len(records(kernel))

    def reload(page: Page) -> bool:
        return page.reload() is not None

    said = colab.run(CAMERA_CELL, press("Start the camera"), live("round trip"), wait(1), reload, seconds=60)
    assert "The page no longer answers. Run this cell again to go on." in said
    assert "saved as results" in said
    assert "Traceback" not in said
    assert len(records(kernel)) == before + 1


@pytest.mark.slow
def test_a_kernel_that_falls_silent_is_told_and_the_camera_goes_off(
    first_run: tuple, browsers: dict[str, Browser], kernel: tuple
):
    """As when the runtime is lost: nobody asks the page any more."""
    colab = open_page(browsers["camera"], kernel)

    def lose(page: Page) -> bool:
        colab.answers = False
        return True

    def goes_off(page: Page) -> bool:
        return page.evaluate(TRACKS) == ["ended"]

    steps = [press("Start the camera"), live("round trip"), lose, goes_off, see("has not answered")]
    said = colab.run(CAMERA_CELL, *steps, seconds=90)
    assert "no longer answers" in said


def test_the_camera_can_be_chosen(first_run: tuple, browsers: dict[str, Browser], kernel: tuple):
    colab = open_page(browsers["two"], kernel)

    def choose_other(page: Page) -> bool:
        page.locator(".devices").select_option(index=1)
        return True

    def switched(page: Page) -> bool:
        return page.evaluate(TRACKS) == ["ended", "live"]

    steps = [
        press("Start the camera"),
        see("Stop live"),
        choose_other,
        switched,
        see("Stop live"),
        press("Turn the camera off"),
    ]
    colab.run(CAMERA_CELL, *steps, press("Finish"))
    chosen = colab.page.evaluate("window.streams.map(s => s.getVideoTracks()[0].getSettings().deviceId)")
    assert len(set(chosen)) == 2
    assert colab.page.evaluate(TRACKS) == ["ended", "ended"]


SLOW_CAMERA = """
const quick = navigator.mediaDevices.getUserMedia;
navigator.mediaDevices.getUserMedia = async options => {
  const stream = await quick(options);
  await new Promise(resolve => setTimeout(resolve, 3000));
  return stream;
};
"""


def test_a_start_while_the_camera_is_still_starting_leaves_one_stream(
    first_run: tuple, browsers: dict[str, Browser], kernel: tuple
):
    colab = open_page(browsers["camera"], kernel, script=SLOW_CAMERA)

    def one_is_live(page: Page) -> bool:
        return page.evaluate(TRACKS) == ["ended", "live"]

    steps = [
        press("Start the camera"),
        press("Start the camera"),
        see("Stop live"),
        one_is_live,
        press("Turn the camera off"),
    ]
    colab.run(CAMERA_CELL, *steps, press("Finish"))
    assert colab.page.evaluate(TRACKS) == ["ended", "ended"]


def test_the_page_names_faces_itself_and_sends_numbers_only(
    first_run: tuple, browsers: dict[str, Browser], kernel: tuple
):
    """Also with 120 ms between page and kernel; what is recorded is as before."""
    colab, before = open_page(browsers["camera"], kernel), records(kernel)
    colab.delay = 0.06
    steps = [press("Start the camera"), live("from frame to overlay"), wait(5)]
    steps += [keep("colab-page"), press("Turn the camera off"), see("one a face a frame"), press("Finish")]
    with serving(Libraries) as server:
        serve_libraries(colab.page, server)
        colab.run(CAMERA_CELL, *steps, seconds=60)
    assert not {"frame", "snapshot"} & {message.get("kind") for message in colab.messages}
    assert max(len(json.dumps(message)) for message in colab.messages) < 50_000
    assert 2 <= sum(message.get("kind") == "record" for message in colab.messages) <= 7
    [path] = set(records(kernel)) - set(before)
    record = pd.read_csv(path)
    assert tuple(record.columns) == timeline_columns(EXPRESSIONS)
    assert len(record) > 40
    assert record["face"].unique().tolist() == [1]
    assert record["seconds"].is_monotonic_increasing
    assert record["happy"].median() > 0.5


@pytest.mark.slow
@pytest.mark.parametrize(("home", "delay"), [("Colab", 0), ("Colab, 120 ms to the kernel", 0.06)])
def test_pictures_a_second(
    home: str, delay: float, first_run: tuple, browsers: dict[str, Browser], kernel: tuple, camera_folder: Path
):
    """With four faces, then with one; where nobody else computes they are three times as many as must be here."""
    colab, speeds = open_page(browsers["camera"], kernel), []
    colab.delay = delay

    def note_speed(page: Page) -> bool:
        speeds.append(read_speed(page))
        return True

    def show(frame: Image.Image) -> list[Step]:
        steps = [lambda _: write_camera(camera_folder, 30 * [frame]).exists(), press("Start the camera")]
        return [*steps, live("from frame to overlay"), wait(5), note_speed, press("Turn the camera off")]

    with serving(Libraries) as server:
        serve_libraries(colab.page, server)
        colab.run(CAMERA_CELL, *show(four_heads()), *show(portrait_frame()), press("Finish"))
    assert [pd.read_csv(path)["face"].nunique() for path in records(kernel)[-2:]] == [4, 1]
    keep_speeds(home, *reversed(speeds))


def test_libraries_that_hang_are_told_and_the_kernel_goes_on_within_six_seconds(
    first_run: tuple, browsers: dict[str, Browser], kernel: tuple
):
    colab, times = open_page(browsers["camera"], kernel), []
    colab.page.route(f"{CDN}**", lambda route: None)

    def note_time(page: Page) -> bool:
        times.append(time.monotonic())
        return True

    steps = [press("Start the camera"), note_time, see("so frames go to the kernel"), note_time]
    colab.run(CAMERA_CELL, *steps, live("round trip"), press("Turn the camera off"), press("Finish"))
    assert times[1] - times[0] < 6


def set_look(page: Page, theme: str, width: int) -> None:
    """Give a page the colours of a theme and a width in pixels."""
    background, text = ("#111", "#eee") if theme == "dark" else ("white", "black")
    page.set_viewport_size({"width": width, "height": 900})
    page.evaluate(f"document.body.style = 'background: {background}; color: {text}; width: {width - 16}px'")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("theme", "width", "faces"), [("light", 1280, 3), ("dark", 700, 3), ("light", 700, 1), ("dark", 1280, 1)]
)
def test_each_state_of_the_panel_shows_its_main_action_and_fits(
    theme: str, width: int, faces: int, first_run: tuple, browsers: dict[str, Browser], kernel: tuple
):
    """Screenshots of each, to look at."""
    colab, seen = open_page(browsers["three" if faces == 3 else "camera"], kernel), {}
    set_look(colab.page, theme, width)

    def look(state: str) -> Step:
        def step(page: Page) -> bool:
            panel = page.locator(".panel")
            main = page.locator("button.main:enabled").filter(visible=True)
            seen[state] = main.all_inner_texts(), panel.evaluate("panel => panel.scrollWidth - panel.clientWidth")
            screenshot(page, f"{state}-{theme}-{width}-faces-{faces}", "body")
            return True

        return step

    steps = [
        see("Start the camera"),
        look("start"),
        press("Start the camera"),
        live("round trip"),
        wait(1),
        look("live"),
    ]
    steps += [
        press("Take a picture"),
        see(f"Picture 1: {faces} face"),
        look("still"),
        press("Back"),
        press("Stop live"),
    ]
    steps += [see("Timeline"), look("timeline"), press("Turn the camera off"), press("Finish")]
    colab.run(CAMERA_CELL, *steps)
    look("dead")(colab.page)
    mains = {state: texts for state, (texts, _) in seen.items()}
    assert mains["start"] == ["Start the camera"]
    assert mains["live"] == ["Stop live"]
    assert mains["still"] == ["Back", "Stop live"]
    assert mains["timeline"] == ["Go live"]
    assert {overflow for _, overflow in seen.values()} == {0}
    assert colab.page.locator(".panel.dead").count() == 1
    assert "Run the cell again" in colab.page.locator(".message").inner_text()


SENTENCES = {
    "denied": "was not allowed to use the camera",
    "absent": "No camera was found",
    "insecure": "plain http",
    "busy": "another program is using it",
    "editor": "This editor does not let",
}
# A camera in use and an editor cannot be had here: the browser's refusal and its name are played.
PLAYED = {
    "busy": "navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', 'NotReadableError'));",
    "editor": "Object.defineProperty(navigator, 'userAgent', {get: () => 'Mozilla/5.0 Code/1.105.0 Electron/37'});"
    "navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', 'NotAllowedError'));",
}


@pytest.mark.parametrize(("why", "theme"), [*((why, "light") for why in SENTENCES), ("denied", "dark")])
def test_every_refusal_has_its_sentence_and_a_file_goes_instead(
    why: str, theme: str, first_run: tuple, browsers: dict[str, Browser], kernel: tuple
):
    address = "http://notebook.example/" if why == "insecure" else "http://localhost/"
    colab = open_page(browsers.get(why, browsers["camera"]), kernel, address, PLAYED.get(why, ""))
    set_look(colab.page, theme, width=1280)
    colab.delay = 0.1  # pictures of before are still on their way when the camera is refused
    steps = [
        press("Start the camera"),
        see(SENTENCES[why]),
        keep(f"refused-{why}-{theme}"),
        wait(1),
        see(SENTENCES[why]),
    ]
    steps += [choose(HOPPER), see("Picture 1: 1 face"), press("Back"), press("Finish")]
    assert "Traceback" not in colab.run(CAMERA_CELL, *steps)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> object:
    """Three seconds of video in which the portrait slowly moves."""
    path = tmp_path_factory.mktemp("clip") / "clip.avi"
    frame = cv2.cvtColor(np.asarray(portrait_frame()), cv2.COLOR_RGB2BGR)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 25, (640, 480))
    for step in range(75):
        writer.write(np.roll(frame, step, axis=1))
    writer.release()
    return path


def test_a_video_of_the_runtime_goes_through_the_same_view(
    first_run: tuple, browsers: dict[str, Browser], kernel: tuple, clip: object
):
    colab = open_page(browsers["denied"], kernel)
    steps = [press("Play clip.avi"), live("round trip"), keep("file-live"), see("is at its end. Timeline")]
    said = colab.run(CAMERA_CELL.replace('FILE = ""', f"FILE = {str(clip)!r}"), *steps, press("Finish"))
    assert "Traceback" not in said
    record = pd.read_csv(records(kernel)[-1])
    np.testing.assert_allclose(record["seconds"].unique(), np.arange(30) * 0.1, atol=1e-3)
    longest = record[record["face"] == record["face"].mode()[0]]  # the cascade may see a second one for a moment
    assert len(longest) >= 28
    assert longest["x"].iloc[-1] - longest["x"].iloc[0] == pytest.approx(74, abs=12)


def test_a_picture_of_the_runtime_is_a_picture_not_a_film_of_one_frame(
    first_run: tuple, browsers: dict[str, Browser], kernel: tuple
):
    colab = open_page(browsers["denied"], kernel)
    steps = [
        press(f"Play {HOPPER.name}"),
        see("Picture 1: 1 face"),
        keep("file-picture"),
        press("Back"),
        press("Finish"),
    ]
    said = colab.run(CAMERA_CELL.replace('FILE = ""', f"FILE = {str(HOPPER)!r}"), *steps)
    assert "no timeline" not in said


RECORD_CAMERA = """async () => {
  const camera = await navigator.mediaDevices.getUserMedia({video: true});
  const recorder = new MediaRecorder(camera, {mimeType: "video/webm"});
  const part = new Promise(resolve => { recorder.ondataavailable = event => resolve(event.data); });
  recorder.start();
  await new Promise(resolve => setTimeout(resolve, 3000));
  recorder.stop();
  camera.getTracks().forEach(track => track.stop());
  return Array.from(new Uint8Array(await (await part).arrayBuffer()));
}"""


@pytest.mark.slow
def test_a_video_chosen_in_the_browser_goes_through_the_same_view(
    first_run: tuple, browsers: dict[str, Browser], kernel: tuple, tmp_path: Path
):
    """First one that is none; then three seconds that a browser filmed itself."""
    (tmp_path / "text.mp4").write_text("not a video")
    film = tmp_path / "film.webm"
    film.write_bytes(bytes(open_page(browsers["camera"], kernel).page.evaluate(RECORD_CAMERA)))
    colab = open_page(browsers["denied"], kernel)
    steps = [choose(tmp_path / "text.mp4"), see("This browser cannot show the file"), choose(film), live("round trip")]
    steps += [keep("chosen-video"), see("film.webm is at its end. Timeline"), press("Finish")]
    before = records(kernel)
    assert "Traceback" not in colab.run(CAMERA_CELL, *steps)
    [path] = set(records(kernel)) - set(before)
    record = pd.read_csv(path)
    assert 0.8 < record["seconds"].iloc[-1] - record["seconds"].iloc[0] < 4  # a busy machine films less than 3 s
    record = record[record["face"] == record["face"].mode()[0]]  # the cascade may see a second one for a moment
    assert (record[list(EXPRESSIONS)].idxmax(axis=1) == "happy").mean() > 0.9


def test_a_front_end_that_answers_nothing_gets_the_widget_in_time(
    first_run: tuple, browsers: dict[str, Browser], kernel: tuple
):
    colab = open_page(browsers["camera"], kernel)
    colab.run("sys.modules.pop('anywidget')")
    colab.answers = False
    start = time.monotonic()
    said = colab.run(CAMERA_CELL, seconds=30)
    assert "type its path into FILE" in said
    assert "CameraPanel" not in said
    assert 4 < time.monotonic() - start < 15
