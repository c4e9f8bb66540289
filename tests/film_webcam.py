"""Film the live view of via_webcam.ipynb in JupyterLab, with a fake camera (make film).

Writes results/webcam.gif, and results/webcam.png, which the notebook begins with.
"""

import io
import tempfile
from pathlib import Path

import numpy as np
from browsers import CAMERA, Libraries, lab_server, launch, open_notebook, serve_libraries
from conftest import COLLINS, ROOT, serving
from PIL import Image, ImageEnhance
from playwright.sync_api import sync_playwright


def moving_frames(count: int = 120) -> list[Image.Image]:
    """A close-up that sways while the light changes, so that box and bars have something to follow; 640×480."""
    portrait = Image.open(COLLINS).convert("RGB").resize((1024, 1024))
    face = (449, 236)
    frames = []
    for turn in np.linspace(0, 2 * np.pi, count, endpoint=False):
        swayed = portrait.rotate(
            3 * np.sin(2 * turn), Image.Resampling.BICUBIC, center=face, translate=(round(30 * np.sin(turn)), 0)
        )
        frames.append(ImageEnhance.Brightness(swayed.crop((129, 24, 769, 504))).enhance(0.8 + 0.2 * np.cos(turn)))
    return frames


def film(results: Path, seconds: float = 4, shots_per_second: int = 6) -> None:
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
        shots = []
        for _ in range(round(seconds * shots_per_second)):
            shots.append(Image.open(io.BytesIO(page.locator(".panel").screenshot())).convert("RGB"))
            page.wait_for_timeout(1000 / shots_per_second)
        browser.close()
    max(shots, key=lambda shot: np.asarray(shot).mean()).save(results / "webcam.png", optimize=True)
    for shot in shots:
        shot.thumbnail((480, 480))
    pictures = [shot.quantize(128) for shot in shots]
    pictures[0].save(
        results / "webcam.gif", save_all=True, append_images=pictures[1:], duration=1000 // shots_per_second, loop=0
    )


if __name__ == "__main__":
    film(ROOT / "results")
