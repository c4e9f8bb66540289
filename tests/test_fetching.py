"""Pictures from web addresses, from a real server that behaves in every bad way."""

import gzip
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler

import pytest
from conftest import COLLINS, serving

from fer.media import web
from fer.media.web import fetch_picture
from fer.notebook.errors import UserError

PICTURE = COLLINS.read_bytes()
MOVED = {
    "/moved": "/%E7%A5%96%E6%AF%8D.png",
    "/loop": "/loop",
    "/to-file": "file:///etc/hostname",
    "/to-ftp": "ftp://a/b",
}
TYPES = {"/page": "text/html; charset=utf-8", "/film": "video/mp4", "/plain": "application/octet-stream"}


class Handler(BaseHTTPRequestHandler):
    """Answers by the path; `/drip`, `/endless` and `/silent` never come to an end by themselves."""

    def do_GET(self):
        path = self.path.partition("?")[0]
        if path == "/silent":
            time.sleep(30)
        elif path in MOVED:
            self.send_response(302)
            self.send_header("Location", MOVED[path])
            self.end_headers()
        elif path in ("/404", "/401"):
            self.send_error(int(path[1:]))
        else:
            self.send_response(200)
            self.send_header("Content-Type", TYPES.get(path, "image/png"))
            if path == "/cut":
                self.send_header("Content-Length", str(len(PICTURE)))
            if path == "/packed":
                self.send_header("Content-Encoding", "gzip")
            self.end_headers()
            if path == "/drip":
                self.drip(b"x")
            elif path == "/endless":
                self.drip(bytes(2**20), 0)
            elif path == "/packed":
                self.wfile.write(gzip.compress(bytes(50_000_000)))
            else:
                self.wfile.write(PICTURE[:1000] if path == "/cut" else PICTURE)

    def drip(self, piece: bytes, pause: float = 0.05) -> None:
        for _ in range(600):
            self.wfile.write(piece)
            time.sleep(pause)

    def log_message(self, *_: object) -> None:
        pass

    def handle(self) -> None:
        with suppress(OSError):  # the client has left, as it should
            super().handle()


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with serving(Handler) as address:
        yield f"http://{address}"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/me.png?size=large", "me.png"),
        ("/moved", "祖母.png"),
        ("/plain", "plain"),
        ("/", "127.0.0.1"),
        ("/a%0A/", "a\ufffd"),
    ],
)
def test_a_picture_comes_with_its_name(server: str, path: str, name: str):
    assert fetch_picture(server + path) == (name, PICTURE)


@pytest.mark.parametrize(
    ("path", "said"),
    {
        "/404": "answers 404",
        "/401": "wants a log-in",
        "/page": "answers with text/html; charset=utf-8, not with a picture",
        "/film": "answers with video/mp4, not with a picture",
        "/loop": "sends in a circle",
        "/to-file": "not http or https",
        "/to-ftp": "not http or https",
        "/cut": "broke off",
        "/endless": "sends more than 3 MB",
        "/drip": "took longer than 1 seconds",
    }.items(),
)
def test_every_failure_is_one_sentence_without_secrets(
    server: str, path: str, said: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(web, "LARGEST_DOWNLOAD", 3_000_000)
    monkeypatch.setattr(web, "DOWNLOAD_TIMEOUT", 1)
    start = time.monotonic()
    with pytest.raises(UserError) as caught:
        fetch_picture(f"{server.replace('//', '//me:password@')}{path}?key=secret")
    message = str(caught.value)
    assert said in message
    assert message.startswith("127.0.0.1 ")
    assert not any(word in message for word in ("\n", "password", "secret", "Traceback"))
    assert time.monotonic() - start < 10


def test_silence_ends_before_the_whole_time_is_over(server: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(web, "SILENCE_TIMEOUT", 0.3)
    with pytest.raises(UserError, match="did not answer"):
        fetch_picture(f"{server}/silent")


def test_nothing_is_unpacked_on_the_way(server: str):
    """A few kilobytes that would become 50 MB."""
    assert len(fetch_picture(f"{server}/packed")[1]) < 100_000


def test_nobody_there():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(UserError, match=r"^127\.0\.0\.1 cannot be reached"):
        fetch_picture(f"http://127.0.0.1:{port}/a.png")


@pytest.mark.parametrize(
    "address", ["http://", "http://[broken/a.png", "http:///a.png", "http://a b/c", "https://\udcff/"]
)
def test_what_is_no_address(address: str):
    with pytest.raises(UserError) as caught:
        fetch_picture(address)
    assert "\udcff" not in str(caught.value)
