"""Real Chromium with fake cameras, and a real JupyterLab server, for the tests of via_webcam.ipynb."""

import itertools
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler
from pathlib import Path

import pytest
from conftest import COLLINS, ROOT
from filelock import FileLock
from PIL import Image
from playwright.sync_api import Browser, Page, Playwright

from fer.webcam.engine import LIBRARIES

OF_PLAYWRIGHT = sorted((Path.home() / ".cache" / "ms-playwright").glob("chromium-*/chrome-linux*/chrome"))
CHROMIUM = next(filter(None, (shutil.which("chromium"), shutil.which("google-chrome"), *OF_PLAYWRIGHT)), None)
needs_chromium = pytest.mark.skipif(
    not CHROMIUM, reason="Chromium is not installed: apt-get install chromium, or playwright install chromium"
)
TOKEN = "for-tests-only"  # noqa: S105 - of a server that lives for one test
SCREENS = ROOT / "results" / "runs" / "webcam"  # screenshots that the tests leave for people to look at
CAMERA = ("--use-fake-ui-for-media-stream",)

# Run before a page's own scripts, in every frame: keeps the camera's streams, to look at their state afterwards.
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
TRACKS = "window.streams.flatMap(stream => stream.getTracks()).map(track => track.readyState)"


CDN = "https://cdn.jsdelivr.net/npm/"


class Libraries(SimpleHTTPRequestHandler):
    """Serve the files of packages on npm under the paths that they have at the CDN."""

    def translate_path(self, path: str) -> str:
        return str(npm_packages() / re.sub(r"(?<=.)@[^/]+", "", path.strip("/")))

    def end_headers(self) -> None:
        self.send_header("Access-Control-Allow-Origin", "*")
        super().end_headers()

    def log_message(self, *_: object) -> None:
        pass


# A stand-in for the network between page and CDN; Playwright's own interception takes seconds for 20 MB.
FETCH_LIBRARIES = """
const realFetch = fetch;
window.fetch = (what, options) => // JupyterLab's are Requests
  realFetch(typeof what === "string" ? what.replace("CDN", "SERVER") : what, options);
"""


def serve_libraries(page: Page, server: str) -> None:
    """Let requests of a page, and of its later ones, for files of the CDN go to a server of `Libraries`."""
    npm_packages()
    page.route(f"http://{server}/**", lambda route: route.continue_())
    script = FETCH_LIBRARIES.replace("CDN", CDN).replace("SERVER", f"http://{server}/")
    page.add_init_script(script)
    page.evaluate(script)


def npm_packages() -> Path:
    """Install the libraries that the page loads, once for all tests and processes; return their folder."""
    if not shutil.which("npm"):
        pytest.skip("npm is not installed, which brings the libraries that the page loads: apt-get install npm")
    folder = ROOT / "results" / "runs" / "npm"
    folder.mkdir(parents=True, exist_ok=True)
    specifications = sorted({path.partition("/dist/")[0].partition("/wasm/")[0] for path, _ in LIBRARIES.values()})
    with FileLock(folder / "lock"):
        if not (folder / "node_modules").exists():
            npm = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(folder)]
            subprocess.run([*npm, *specifications], check=True, capture_output=True)
    return folder / "node_modules"


def keep_figures(name: str, figures: dict[str, float]) -> None:
    """Write what was measured to times.json, beside what other tests wrote there."""
    SCREENS.mkdir(parents=True, exist_ok=True)
    path = SCREENS / "times.json"
    with FileLock(f"{path}.lock"):
        kept = json.loads(path.read_text()) if path.exists() else {}
        kept[name] = {what: round(value, 1) for what, value in figures.items()}
        path.write_text(json.dumps(kept, indent=1) + "\n")


def portrait_frame() -> Image.Image:
    """What the fake camera shows: 640×480, with Eileen Collins' portrait left of the middle."""
    frame = Image.new("RGB", (640, 480), "gray")
    frame.paste(Image.open(COLLINS).convert("RGB").resize((480, 480)), (20, 0))
    return frame


def four_heads() -> Image.Image:
    """The portrait's head four times; 640×480."""
    frame = Image.new("RGB", (640, 480), "gray")
    head = Image.open(COLLINS).convert("RGB").crop((96, 0, 352, 256)).resize((240, 240))
    for place in itertools.product((40, 360), (0, 240)):
        frame.paste(head, place)
    return frame


def write_camera(folder: Path, frames: Sequence[Image.Image]) -> Path:
    """Write what the fake camera of a browser shows from its next start on; return the file."""
    video = folder / "camera.mjpeg"
    with video.open("wb") as file:
        for frame in frames:
            frame.save(file, "JPEG", quality=95)
    return video


def read_speed(page: Page) -> tuple[float, float]:
    """Read pictures a second, and milliseconds from frame to overlay or of a round trip, from the panel."""
    rate, milliseconds = re.findall(r"[\d.]+", page.locator(".speed").first.text_content())[:2]
    return float(rate), float(milliseconds)


def keep_speeds(home: str, one_face: tuple[float, float], four_faces: tuple[float, float]) -> None:
    """Write what `read_speed` gave of the page's engine with one face and with four; the limits are loose."""
    rate, milliseconds = one_face
    figures = {"pictures/s": rate, "ms from frame to overlay": milliseconds, "pictures/s, four faces": four_faces[0]}
    keep_figures(f"{home}, in the page", figures)
    assert rate > 8
    assert milliseconds < 120
    assert four_faces[0] > 4


def launch(
    playwright: Playwright, folder: Path, *arguments: str, cameras: int = 1, frames: Sequence[Image.Image] = ()
) -> Browser:
    """Start Chromium with so many fake cameras; a single one plays the frames, else the portrait, from `folder`."""
    video = write_camera(folder, frames or 30 * [portrait_frame()])
    common = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    common += ["--disable-features=LocalNetworkAccessChecks"]  # a page that a test makes up may fetch from this machine
    fake = [f"--use-fake-device-for-media-stream=device-count={cameras}"]
    fake += [f"--use-file-for-fake-video-capture={video}"] if cameras == 1 else []
    return playwright.chromium.launch(executable_path=CHROMIUM, args=[*common, *fake, *arguments])


@contextmanager
def lab_server(folder: Path, theme: str = "JupyterLab Light") -> Iterator[tuple[str, int]]:
    """Run JupyterLab on a folder with nothing but via_webcam.ipynb and models/; yields its address and process."""
    shutil.copy(ROOT / "via_webcam.ipynb", folder)
    shutil.copytree(ROOT / "models", folder / "models", ignore=shutil.ignore_patterns("runs"))
    own = folder / ".jupyter"
    settings = own / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text(json.dumps({"fetchNews": "false"}))
    (settings / "themes.jupyterlab-settings").write_text(json.dumps({"theme": theme}))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "JUPYTERLAB_SETTINGS_DIR": str(own / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(own / "workspaces"),
        "JUPYTER_CONFIG_DIR": str(own / "config"),
        "JUPYTER_RUNTIME_DIR": str(own / "runtime"),
    }
    command = [sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root", f"--port={port}"]
    command += [f"--IdentityProvider.token={TOKEN}", "--ServerApp.port_retries=0", "--expose-app-in-browser"]
    with (folder / ".jupyter" / "log").open("w") as log:
        server = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
    try:
        address = f"http://localhost:{port}"
        for _ in range(240):
            try:
                urllib.request.urlopen(f"{address}/api?token={TOKEN}", timeout=2).close()  # noqa: S310
                break
            except OSError:
                time.sleep(0.25)
        yield address, server.pid
    finally:
        server.terminate()
        server.wait(30)


def open_notebook(page: Page, address: str) -> None:
    """Open via_webcam.ipynb in JupyterLab, run all its cells, and wait for the camera panel."""
    page.add_init_script(KEEP_STREAMS)
    page.goto(f"{address}/lab/tree/via_webcam.ipynb?token={TOKEN}&reset")
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=120_000)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    page.get_by_role("button", name="Start the camera").wait_for(timeout=180_000)


def screenshot(page: Page, name: str, what: str = ".panel") -> None:
    """Keep a picture of the panel, or of what another selector names."""
    SCREENS.mkdir(parents=True, exist_ok=True)
    page.locator(what).last.screenshot(path=SCREENS / f"{name}.png")
