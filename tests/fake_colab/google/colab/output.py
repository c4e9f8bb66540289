"""`eval_js`: ask the page over iopub, wait for its answer on stdin, as Colab's own package does.

`no_vertical_scroll`: tell the page, as that does, by a script in the cell's output.
"""

import itertools
import time

import IPython
import zmq

numbers = itertools.count(1)


class MessageError(Exception):
    """The page's JavaScript failed."""


def eval_js(script, ignore_result=False, timeout_sec=None):
    kernel = IPython.get_ipython().kernel
    number = next(numbers)
    kernel.session.send(
        kernel.iopub_socket,
        "colab_request",
        {"request": {"script": script}},
        parent=kernel.get_parent(),
        metadata={"colab_request_type": "cell_javascript_eval", "colab_msg_id": number},
    )
    deadline = time.monotonic() + timeout_sec if timeout_sec else float("inf")
    while time.monotonic() < deadline:
        _, reply = kernel.session.recv(kernel.stdin_socket, zmq.NOBLOCK)
        value = (reply or {}).get("content", {}).get("value")
        if isinstance(value, dict) and value.get("type") == "colab_reply" and value.get("colab_msg_id") == number:
            if "error" in value:
                raise MessageError(value["error"])
            return value.get("data")
        time.sleep(0.025)
    return None


def no_vertical_scroll():
    script = "google.colab.output.setIframeHeight(-1, true, {interactive: true, maxHeight: 99999999})"
    IPython.display.display(IPython.display.Javascript(script))


def enable_custom_widget_manager():
    """Called by anywidget."""
