"""Show the camera panel in JupyterLab or in Colab, and let a session answer it."""

import base64
import json
from pathlib import Path

from IPython.display import Image as DisplayedImage
from IPython.display import display

from fer.expressions import class_colours
from fer.notebook.errors import UserError
from fer.webcam.session import Session

# The page's part, in JavaScript: one source for JupyterLab and Colab.
CAMERA_JS = (Path(__file__).parent / "page" / "camera.js").read_text()
OVERLAY_JS = (Path(__file__).parent / "page" / "overlay.js").read_text()
LAYOUT_JS = (Path(__file__).parent / "page" / "layout.js").read_text()
LINK_JS = (Path(__file__).parent / "page" / "link.js").read_text()
PANEL_JS = (Path(__file__).parent / "page" / "panel.js").read_text()
HOMES_JS = (Path(__file__).parent / "page" / "homes.js").read_text()
PAGE_JS = "\n".join((CAMERA_JS, OVERLAY_JS, LAYOUT_JS, LINK_JS, PANEL_JS, HOMES_JS))
PATIENCE = 20  # seconds; Colab's page says every two that it is there


def show_camera(session: Session, in_colab: bool, quality: float = 0.8, file: str = "") -> None:
    """Show the panel in the page; the camera is off until its button is pressed.

    In Colab this takes until *Finish* is pressed or the cell is interrupted; elsewhere it returns at once, and the
    session answers while the kernel is free. quality: of the live pictures' JPEG, 0 to 1. file: the name of what
    `session.frames` reads, if there is such a file. Raises UserError where there is no anywidget.
    """
    colours = class_colours(session.recogniser.classes)
    options = {"colours": list(colours.values()), "expressions": list(colours), "quality": quality, "file": file}
    if in_colab:
        talk_in_colab(session, options | {"finish": True})
    else:
        display(make_widget(session, options | {"finish": False}))


def make_widget(session: Session, options: dict) -> "anywidget.AnyWidget":  # noqa: F821
    """Make a widget for JupyterLab whose messages the session answers."""
    try:
        import anywidget
        import traitlets
    except ImportError:
        raise UserError("The camera needs anywidget: run `%pip install anywidget`, then restart the kernel.") from None

    class CameraPanel(anywidget.AnyWidget):
        _esm = PAGE_JS + "\nexport default {render: renderInJupyter};\n"
        options = traitlets.Dict().tag(sync=True)

    widget = CameraPanel(options=options)

    def on_message(_: CameraPanel, message: dict, pictures: list[memoryview]) -> None:
        widget.send(*session.answer(message, bytes(pictures[0]) if pictures else b""))

    widget.on_msg(on_message)
    return widget


def talk_in_colab(session: Session, options: dict) -> None:
    """Show the panel in the running cell's output and answer it until it is finished, gone, or interrupted."""
    from google.colab import output

    reply = None
    opening = f"(() => {{ {PAGE_JS}\nopenInColab({json.dumps(options)}); return true; }})()"
    try:
        shown = output.eval_js(opening, timeout_sec=PATIENCE)
        while shown:
            message = output.eval_js(f"ferColab.exchange({json.dumps(reply)})", timeout_sec=PATIENCE)
            if message is None:
                print("The page no longer answers. Run this cell again to go on.")
                break
            if message["kind"] == "finish":
                break
            picture = base64.b64decode(message.pop("picture", ""))
            content, pictures = session.answer(message, picture)
            reply = content | {"pictures": [base64.b64encode(one).decode() for one in pictures]}
    except KeyboardInterrupt:
        pass  # the stop button of the cell: a normal end
    finally:
        output.eval_js("ferColab.close('The cell has ended, so the camera is off.')", timeout_sec=5)
        if session.rows:  # cut off while live
            record, timelines = session.answer({"kind": "stop"})
            print(record["text"])
            display(*map(DisplayedImage, timelines))
