"""The page's part of the camera, in JavaScript: one source for JupyterLab and Colab."""

from pathlib import Path

CAMERA_JS = Path(__file__).with_name("camera.js").read_text()
OVERLAY_JS = Path(__file__).with_name("overlay.js").read_text()
LAYOUT_JS = Path(__file__).with_name("layout.js").read_text()
LINK_JS = Path(__file__).with_name("link.js").read_text()
PANEL_JS = Path(__file__).with_name("panel.js").read_text()
HOMES_JS = Path(__file__).with_name("homes.js").read_text()
PAGE_JS = "\n".join((CAMERA_JS, OVERLAY_JS, LAYOUT_JS, LINK_JS, PANEL_JS, HOMES_JS))
