"""Show the camera panel in JupyterLab or in Colab, and let a session reply to it."""

import base64
import json
from pathlib import Path

import pandas as pd
from IPython.display import Image as DisplayedImage
from IPython.display import display

from fer.expressions import class_colours
from fer.notebook.errors import UserError
from fer.notebook.front_end import (
    bind_output_to_cell,
    display_widget,
    has_colab_frontend,
    is_interactive,
    no_vertical_scroll,
)
from fer.recognition.drawing import annotate, as_jpeg
from fer.reports.timeline import rows_of_single_frame
from fer.webcam.engine import engine_pieces, engine_sources, join_modules
from fer.webcam.session import Session, recognise_and_track

# The page's part, in JavaScript: one source for JupyterLab and Colab.
CAPTURE_JS = (Path(__file__).parent / "page" / "capture.js").read_text()
SOURCES_JS = (Path(__file__).parent / "page" / "sources.js").read_text()
OVERLAY_JS = (Path(__file__).parent / "page" / "overlay.js").read_text()
MARKUP_JS = (Path(__file__).parent / "page" / "markup.js").read_text()
CHANNEL_JS = (Path(__file__).parent / "page" / "channel.js").read_text()
RECOGNITION_JS = (Path(__file__).parent / "page" / "recognition.js").read_text()
ENGINE_JS = (Path(__file__).parent / "page" / "engine.js").read_text()
PANEL_JS = (Path(__file__).parent / "page" / "panel.js").read_text()
FRONTENDS_JS = (Path(__file__).parent / "page" / "frontends.js").read_text()
PAGE_JS = join_modules(
    CAPTURE_JS, SOURCES_JS, OVERLAY_JS, MARKUP_JS, CHANNEL_JS, ENGINE_JS, RECOGNITION_JS, PANEL_JS, FRONTENDS_JS
)
EVAL_TIMEOUT = 20  # seconds; the page in Colab says every two that it is there
NO_PANEL = "There is no page here that shows the camera. To use a video or a picture, type its path into FILE."


def show_camera_panel(session: Session, models: Path, jpeg_quality: float = 0.8) -> None:
    """Show the panel in the page; the camera is off until its button is pressed.

    In Colab this takes until *Finish* is pressed or the cell is interrupted; in Jupyter it returns at once, and the
    session replies while the kernel is free. Where a program runs the notebook, the session's file or the sample is
    recognised instead. models: the folder that the network was loaded from. jpeg_quality: of live frames that have to
    go to the kernel, 0 to 1. Raises UserError where there is no anywidget.
    """
    file = Path(session.file).name or "the sample"
    options = {"colours": class_colours(session.recogniser.classes), "quality": jpeg_quality, "file": file}
    options["engine"] = engine_sources(session)
    if not is_interactive():
        print(f"{file} is recognised." if session.file else "There is no page with a camera: here is the sample.")
        recognise_file(session)
        return
    try:
        session.engine = engine_pieces(session.recogniser.network, models)
    except Exception as error:  # TensorFlow raises nearly anything for a network that it cannot convert
        print(f"The network cannot be converted for the page ({type(error).__name__}): live frames go to the kernel.")
    if has_colab_frontend():
        run_panel_in_colab(session, options | {"finish": True})
    else:
        print("No panel below? Run this cell again.")  # for a page that is opened later, when the kernel is gone
        display_widget(make_widget(session, options | {"finish": False}), NO_PANEL)


def recognise_file(session: Session) -> None:
    """Recognise all frames of the session's file or of the sample; show the first with a face, and the timeline."""
    shown = None
    for seconds, image in session.frames:
        faces = recognise_and_track(session, image, seconds)["faces"]
        if faces and shown is None:
            shown = annotate(image, pd.DataFrame(faces))
    if session.frame_count == 1:
        session.rows = rows_of_single_frame(session.tracks)
    if shown is None:
        print(f"No face was found in {session.file}.")
    else:
        display(DisplayedImage(as_jpeg(shown), format="jpeg"))
        session.reply({"kind": "stop"})


def make_widget(session: Session, options: dict) -> "anywidget.AnyWidget":  # noqa: F821
    """Make a widget for Jupyter whose messages the session replies to; what it shows goes to the running cell."""
    try:
        import anywidget
        import traitlets
    except ImportError:
        raise UserError("The camera needs anywidget: run `%pip install anywidget`, then restart the kernel.") from None

    class CameraPanel(anywidget.AnyWidget):
        _esm = PAGE_JS + "\nexport default {render: renderInJupyter};\n"
        options = traitlets.Dict().tag(sync=True)

    widget = CameraPanel(options=options)
    use_this_cell = bind_output_to_cell()

    def on_message(_: CameraPanel, message: dict, frames: list[memoryview]) -> None:
        use_this_cell()
        widget.send(*session.reply(message, bytes(frames[0]) if frames else b""))

    widget.on_msg(on_message)
    return widget


def run_panel_in_colab(session: Session, options: dict) -> None:
    """Show the panel in the running cell's output and reply to it until it is finished, gone, or interrupted.

    In a page that was loaded anew meanwhile, there is no panel to ask.
    """
    from google.colab import output

    no_vertical_scroll()
    reply = None
    opening = f"(() => {{ {PAGE_JS}\nopenInColab({json.dumps(options)}); return true; }})()"
    try:
        is_open = output.eval_js(opening, timeout_sec=EVAL_TIMEOUT)
        while is_open:
            message = output.eval_js(f"window.ferColab?.exchange({json.dumps(reply)})", timeout_sec=EVAL_TIMEOUT)
            if message is None:
                print("The page no longer answers. Run this cell again to go on.")
                break
            if message["kind"] == "finish":
                break
            content, pictures = session.reply(message, base64.b64decode(message.pop("frame", "")))
            reply = content | {"pictures": [base64.b64encode(picture).decode() for picture in pictures]}
    except KeyboardInterrupt:
        pass  # the stop button of the cell: a normal end
    finally:
        rows = output.eval_js(
            "window.ferColab?.close('The cell has ended: the camera is off, the record saved.')", timeout_sec=5
        )
        session.reply({"kind": "stop", "rows": rows or []})  # in case it was cut off while live
