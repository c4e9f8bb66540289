"""Film the live view of via_webcam.ipynb in JupyterLab, with a fake camera (make film).

Writes results/webcam.gif, and results/webcam.png, which the notebook begins with.
"""

import io
import tempfile
import time
from pathlib import Path

import numpy as np
from browsers import CAMERA, Libraries, lab_server, launch, open_notebook, serve_libraries
from conftest import COLLINS, HOPPER, ROOT, serving
from PIL import Image, ImageEnhance
from playwright.sync_api import sync_playwright


def moving_frames(count: int = 120) -> list[Image.Image]:
    """A close-up that sways while the light changes, first of one portrait, then of the other; 640×480."""
    portraits = (
        (Image.open(COLLINS).convert("RGB").resize((1024, 1024)), (129, 24)),
        (Image.open(HOPPER).convert("RGB").resize((704, 825)), (43, 80)),
    )
    frames = []
    for number, turn in enumerate(np.linspace(0, 2 * np.pi, count, endpoint=False)):
        portrait, (left, top) = portraits[2 * number // count]
        swayed = portrait.transform((640, 480), Image.Transform.AFFINE, (1, 0, left + 20 * np.sin(2 * turn), 0, 1, top))
        frames.append(ImageEnhance.Brightness(swayed).enhance(0.85 - 0.15 * np.cos(2 * turn)))
    return frames


def film(results: Path, count: int = 20) -> None:
    """Go live, take screenshots of the panel, and write them as an animated picture, the brightest as a still."""
    folder = Path(tempfile.mkdtemp())
    with sync_playwright() as playwright, lab_server(folder) as (address, _), serving(Libraries) as libraries:
        browser = launch(playwright, folder, *CAMERA, frames=moving_frames())
        page = browser.new_page(viewport={"width": 1100, "height": 1000})
        open_notebook(page, address)
        serve_libraries(page, libraries)
        page.get_by_role("button", name="Start the camera").click()
        page.get_by_text("camera on, live").wait_for()
        page.wait_for_timeout(3000)
        panel, shots, began = page.locator(".panel").bounding_box(), [], time.monotonic()
        for _ in range(count):
            shots.append(Image.open(io.BytesIO(page.screenshot(clip=panel))).convert("RGB"))
        milliseconds = 1000 * (time.monotonic() - began) / count
        browser.close()
    max(shots, key=lambda shot: np.asarray(shot).mean()).save(results / "webcam.png", optimize=True)
    for shot in shots:
        shot.thumbnail((480, 480))
    first, *others = [shot.quantize(128) for shot in shots]
    first.save(results / "webcam.gif", save_all=True, append_images=others, duration=round(milliseconds), loop=0)


if __name__ == "__main__":
    film(ROOT / "results")
