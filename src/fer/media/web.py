"""Fetch a picture from a web address."""

import time
from functools import partial
from urllib.parse import unquote, urlsplit

import requests
from requests import exceptions

from fer.notebook.errors import UserError
from fer.notebook.paths import to_printable

LARGEST_DOWNLOAD = 100_000_000  # bytes
DOWNLOAD_TIMEOUT = 60.0  # seconds, all in all
SILENCE_TIMEOUT = 10  # seconds
PICTURE_TYPES = ("image/", "application/octet-stream", "binary/octet-stream")  # what servers call pictures
INSTEAD = "Download the picture in your browser and choose the file here."
REASONS = {  # the first that fits
    exceptions.InvalidSchema: "leads to an address that is not http or https, and is not followed there.",
    exceptions.TooManyRedirects: f"sends in a circle. {INSTEAD}",
    (exceptions.InvalidURL, exceptions.MissingSchema): "is not a web address: check its spelling.",
    exceptions.SSLError: f"cannot prove that it is what it says (https certificate). {INSTEAD}",
    exceptions.Timeout: f"did not answer within {SILENCE_TIMEOUT} seconds. {INSTEAD}",
    Exception: f"cannot be reached, or broke off: check address and connection. {INSTEAD}",
}


def fetch_picture(address: str) -> tuple[str, bytes]:
    """Return name and bytes of what an http(s) address answers with; raises UserError.

    This runs in the user's own runtime, reaches what any other cell of theirs reaches, and shows the answer to nobody
    else; so local addresses are not barred. What a server must not do is to send on to the runtime's files: requests
    knows http and https alone.
    """
    # identity: what is counted is what comes over the line; nothing is unpacked.
    headers = {"User-Agent": "facial-expression-notebooks", "Accept": "image/*", "Accept-Encoding": "identity"}
    try:
        with requests.get(address, headers=headers, stream=True, timeout=SILENCE_TIMEOUT) as answer:
            reason = find_refusal(answer)
            if reason:
                raise UserError(f"{host_of(answer.url)} {reason}")
            content = read_body(answer)
            name = unquote(urlsplit(answer.url).path.rstrip("/").rpartition("/")[2])
            return to_printable(name) or host_of(answer.url), content
    except UserError:
        raise
    except Exception as error:  # no such host, no network, a broken answer: each is one sentence
        reason = next(text for kind, text in REASONS.items() if isinstance(error, kind))
        raise UserError(f"{host_of(address)} {reason}") from None


def read_body(answer: requests.Response) -> bytes:
    """Read what a server sends; raises UserError where that is too much or takes too long."""
    content, deadline = bytearray(), time.monotonic() + DOWNLOAD_TIMEOUT
    # read1 gives what has come; read would wait for so many bytes, however slowly they drip.
    for piece in iter(partial(answer.raw.read1, 2**16), b""):
        content += piece
        if len(content) > LARGEST_DOWNLOAD:
            limit = LARGEST_DOWNLOAD / 1e6
            raise UserError(f"{host_of(answer.url)} sends more than {limit:.0f} MB, the limit. {INSTEAD}")
        if time.monotonic() > deadline:
            raise UserError(f"{host_of(answer.url)} took longer than {DOWNLOAD_TIMEOUT:.0f} seconds. {INSTEAD}")
    return bytes(content)


def find_refusal(answer: requests.Response) -> str:
    """Say why an answer is no picture, by its headers alone; empty if it may be one."""
    if not answer.ok:
        hint = "It wants a log-in." if answer.status_code in (401, 403) else "Is the address right?"
        return f"answers {answer.status_code} ({to_printable(answer.reason or '')[:60]}). {hint} {INSTEAD}"
    kind = answer.headers.get("Content-Type", PICTURE_TYPES[0]).lower()
    if not kind.startswith(PICTURE_TYPES):
        return f"answers with {to_printable(kind)[:60]}, not with a picture: copy the address of the picture itself."
    return ""


def host_of(address: str) -> str:
    """Return the host of an address: what can be shown of it without its passwords and keys."""
    try:
        return to_printable(urlsplit(address).hostname or address)[:100]
    except ValueError:
        return to_printable(address)[:100]
