"""via_webcam.ipynb in a real kernel, its JavaScript in real Chromium with a fake camera, joined as Colab joins them."""

import io
import os
import queue
import shutil
import time
from collections.abc import Iterator

import nbformat
import pytest
from conftest import COLLINS, HOPPER, ROOT
from jupyter_client.manager import KernelManager, start_new_kernel
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from fer.camera import SNAPSHOT_SCRIPT

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed: apt-get install chromium")
KEEP_STREAMS = """
window.streams = [];
if (navigator.mediaDevices) {
  const original = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async options => {
    const stream = await original(options);
    window.streams.push(stream);
    return stream;
  };
}
"""
START = """script => {
  window.answer = undefined;
  Promise.resolve(eval(script)).then(value => { window.answer = {value}; });
}"""


class ColabPage:
    """Colab's front end: runs cells, evaluates what the kernel asks for in a page, and answers on stdin."""

    def __init__(self, page: Page, manager: KernelManager, client: object) -> None:
        self.page, self.manager, self.client, self.answers = page, manager, client, True

    def run(self, code: str, seconds: float = 90) -> str:
        """Run a cell, pressing every button that its JavaScript shows; return all that it printed."""
        request = self.client.execute(code, allow_stdin=True)
        text, waiting, deadline = "", None, time.monotonic() + seconds
        while time.monotonic() < deadline:
            if waiting is not None:
                waiting = self.answer_if_ready(waiting)
            try:
                message = self.client.get_iopub_msg(timeout=0.05)
            except queue.Empty:
                continue
            if message["parent_header"].get("msg_id") != request:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "colab_request" and self.answers:
                self.page.evaluate(START, content["request"]["script"])
                waiting = message
            elif kind == "stream":
                text += content["text"]
            elif kind in ("display_data", "execute_result"):
                text += content["data"].get("text/plain", "")
            elif kind == "error":
                text += "\n".join(content["traceback"])
            elif kind == "status" and content["execution_state"] == "idle":
                return text
        raise TimeoutError(f"the cell is not done after {seconds} s; it printed:\n{text}")

    def answer_if_ready(self, request: dict) -> dict | None:
        """Press the button if there is one; send the answer if the script has one."""
        for button in self.page.query_selector_all("button"):
            if self.page.evaluate("document.querySelector('video').videoWidth > 0"):
                self.page.wait_for_timeout(500)
                self.page.screenshot(path=os.environ.get("SCREENSHOT", "/dev/null"), type="png")
                button.click()
        answer = self.page.evaluate("window.answer")
        if answer is None:
            return request
        reply = {"type": "colab_reply", "colab_msg_id": request["metadata"]["colab_msg_id"], "data": answer["value"]}
        self.client.input(reply)
        return None


@pytest.fixture(scope="module")
def browsers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Browser]]:
    """Chromium whose camera shows a portrait, and Chromium whose user says no."""
    frame = Image.new("RGB", (640, 480), "gray")
    frame.paste(Image.open(COLLINS).convert("RGB").resize((480, 480)), (80, 0))
    content = io.BytesIO()
    frame.save(content, "JPEG", quality=95)
    video = tmp_path_factory.mktemp("camera") / "face.mjpeg"
    video.write_bytes(content.getvalue() * 30)
    common = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--use-fake-device-for-media-stream"]
    with sync_playwright() as playwright:

        def launch(*more: str) -> Browser:
            return playwright.chromium.launch(executable_path=CHROMIUM, args=[*common, *more])

        camera = launch("--use-fake-ui-for-media-stream", f"--use-file-for-fake-video-capture={video}")
        denied = launch("--deny-permission-prompts")
        yield {"camera": camera, "denied": denied}
        camera.close()
        denied.close()


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple]:
    """A kernel in an empty folder with models/, in which google.colab is imported, as Colab does."""
    folder = tmp_path_factory.mktemp("colab")
    shutil.copytree(ROOT / "models", folder / "models", ignore=shutil.ignore_patterns("runs"))
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "tests" / "fake_colab"), "FAKE_UPLOADS": str(HOPPER)}
    manager, client = start_new_kernel(kernel_name="python3", cwd=str(folder), env=environment)
    yield manager, client, folder
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def open_page(browser: Browser, kernel: tuple, address: str = "http://localhost/") -> ColabPage:
    page = browser.new_page()
    page.route("**/*", lambda route: route.fulfill(body="<body></body>", content_type="text/html"))
    page.add_init_script(KEEP_STREAMS)
    page.goto(address)
    return ColabPage(page, *kernel[:2])


@pytest.fixture(scope="module")
def notebook_run(browsers: dict[str, Browser], kernel: tuple) -> tuple[ColabPage, list[str]]:
    """The whole notebook, top to bottom, and what each of its code cells printed."""
    colab = open_page(browsers["camera"], kernel)
    colab.run("import google.colab.output")
    notebook = nbformat.read(ROOT / "via_webcam.ipynb", as_version=4)
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    return colab, [colab.run(source) for source in cells]


def test_snapshot_is_recognised(notebook_run: tuple, kernel: tuple):
    _, printed = notebook_run
    said = next(text for text in printed if "webcam-" in text)
    assert "1 face" in said
    assert "happy" in said
    assert not any("Traceback" in text or "⚠" in text for text in printed)
    saved = list((kernel[2] / "results").glob("webcam-*.csv"))
    assert len(saved) == 1
    assert "happy" in saved[0].read_text()
    with Image.open(saved[0].with_suffix(".png")) as picture:
        assert picture.size == (640, 480)


def test_a_photo_can_be_chosen_too(notebook_run: tuple):
    _, printed = notebook_run
    assert any("grace_hopper.jpg" in text and "1 face" in text for text in printed)


def test_the_camera_is_off_afterwards(notebook_run: tuple):
    colab, _ = notebook_run
    states = colab.page.evaluate("window.streams.flatMap(s => s.getTracks()).map(t => t.readyState)")
    assert states == ["ended"]
    assert colab.page.query_selector_all("video, button") == []


def test_a_denied_camera_is_told_in_one_sentence(notebook_run: tuple, browsers: dict[str, Browser], kernel: tuple):
    said = open_page(browsers["denied"], kernel).run("take_snapshot()")
    assert "not allowed" in said
    assert "Traceback" not in said


def test_an_insecure_page_is_told(notebook_run: tuple, browsers: dict[str, Browser], kernel: tuple):
    said = open_page(browsers["camera"], kernel, "http://notebook.example/").run("take_snapshot()")
    assert "https" in said
    assert "Traceback" not in said


def test_leaving_the_page_switches_the_camera_off(notebook_run: tuple, browsers: dict[str, Browser], kernel: tuple):
    colab = open_page(browsers["camera"], kernel)
    colab.page.evaluate(START, SNAPSHOT_SCRIPT)
    colab.page.wait_for_selector("video")
    colab.page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide'))")
    assert colab.page.evaluate("window.streams[0].getTracks()[0].readyState") == "ended"


def test_a_front_end_that_answers_nothing_is_noticed(notebook_run: tuple, browsers: dict[str, Browser], kernel: tuple):
    colab = open_page(browsers["camera"], kernel)
    colab.answers = False
    start = time.monotonic()
    assert colab.run("print('answers:', colab_answers())") == "answers: False\n"
    assert 4 < time.monotonic() - start < 12
