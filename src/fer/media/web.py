"""Fetch a picture from a web address."""

import queue
import threading
import time
from functools import partial
from urllib.parse import unquote, urlsplit

import requests
from requests import exceptions

from fer.notebook.errors import UserError
from fer.notebook.paths import to_printable

LARGEST_DOWNLOAD = 100_000_000  # bytes
LONGEST_DOWNLOAD = 60.0  # seconds, all in all
LONGEST_SILENCE = 10  # seconds
PICTURE_TYPES = ("image/", "application/octet-stream", "binary/octet-stream")  # what servers call pictures
INSTEAD = "Download the picture in your browser and choose the file here."
REASONS = {  # the first that fits
    exceptions.InvalidSchema: "leads to an address that is not http or https, and is not followed there.",
    exceptions.TooManyRedirects: f"sends in a circle. {INSTEAD}",
    (exceptions.InvalidURL, exceptions.MissingSchema): "is not a web address: check its spelling.",
    exceptions.SSLError: f"cannot prove that it is what it says (https certificate). {INSTEAD}",
    exceptions.Timeout: f"did not answer within {LONGEST_SILENCE} seconds. {INSTEAD}",
    Exception: f"cannot be reached, or broke off: check address and connection. {INSTEAD}",
}


def fetch_picture(
    address: str, largest: int = LARGEST_DOWNLOAD, longest: float = LONGEST_DOWNLOAD
) -> tuple[str, bytes]:
    """Return name and bytes of what an http(s) address answers with; raises UserError.

    This runs in the user's own runtime, reaches what any other cell of theirs reaches, and shows the answer to nobody
    else; so local addresses are not barred. What a server must not do is to send on to the runtime's files: requests
    knows http and https alone. largest: bytes; longest: seconds, after which a server that drips on is left alone.
    """
    answers: queue.Queue[tuple[str, bytes] | UserError] = queue.Queue()
    # On a thread of its own: a socket's time-out never expires while a byte a second comes in.
    limits = (largest, time.monotonic() + longest)
    work = threading.Thread(target=lambda: answers.put(download(address, *limits)), name="fetch a picture", daemon=True)
    work.start()
    try:
        answer = answers.get(timeout=longest)
    except queue.Empty:
        answer = UserError(f"{host(address)} took longer than {longest:.0f} seconds. {INSTEAD}")
    if isinstance(answer, UserError):
        raise answer
    return answer


def download(address: str, largest: int, deadline: float) -> tuple[str, bytes] | UserError:
    """Download up to `largest` bytes until `deadline` (of the monotonic clock); return name and bytes, or why not."""
    # identity: what is counted is what comes over the line; nothing is unpacked.
    headers = {"User-Agent": "facial-expression-notebooks", "Accept": "image/*", "Accept-Encoding": "identity"}
    try:
        with requests.get(address, headers=headers, stream=True, timeout=LONGEST_SILENCE) as answer:
            reason = refusal(answer)
            content = bytearray()
            if not reason:
                # read1 gives what has come; read would wait for so many bytes, however slowly they drip.
                for piece in iter(partial(answer.raw.read1, 2**16), b""):
                    content += piece
                    if len(content) > largest or time.monotonic() > deadline:
                        reason = f"sends more than {largest / 1e6:.0f} MB, the limit. Make the picture smaller first."
                        break
            if reason:
                return UserError(f"{host(answer.url)} {reason}")
            name = unquote(urlsplit(answer.url).path.rstrip("/").rpartition("/")[2])
            return to_printable(name) or host(answer.url), bytes(content)
    except Exception as error:  # no such host, no network, a broken answer: each is one sentence
        return UserError(f"{host(address)} {next(text for kind, text in REASONS.items() if isinstance(error, kind))}")


def refusal(answer: requests.Response) -> str:
    """Say why an answer is no picture, by its headers alone; empty if it may be one."""
    if not answer.ok:
        hint = "It wants a log-in." if answer.status_code in (401, 403) else "Is the address right?"
        return f"answers {answer.status_code} ({to_printable(answer.reason or '')[:60]}). {hint} {INSTEAD}"
    kind = answer.headers.get("Content-Type", PICTURE_TYPES[0]).lower()
    if not kind.startswith(PICTURE_TYPES):
        return f"answers with {to_printable(kind)[:60]}, not with a picture: copy the address of the picture itself."
    return ""


def host(address: str) -> str:
    """Return the host of an address: what can be shown of it without its passwords and keys."""
    try:
        return to_printable(urlsplit(address).hostname or address)[:100]
    except ValueError:
        return to_printable(address)[:100]
