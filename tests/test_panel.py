"""The camera panel alone in real Chromium with two fake cameras; a script plays the kernel and the engine."""

import base64
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from browsers import CAMERA, CDN, COLLINS, KEEP_STREAMS, TRACKS, launch, needs_chromium
from PIL import Image
from playwright.sync_api import Browser, Page, Route, expect, sync_playwright

from fer.expressions import EXPRESSIONS, class_colours
from fer.webcam.engine import LIBRARIES
from fer.webcam.panel import PAGE_JS

pytestmark = needs_chromium
ENGINE = """onmessage = ({data: {id}}) => postMessage(
  self.isBroken ? {id, error: "memory access out of bounds"} : {id, faces: [], rows: [], milliseconds: 1});"""
# It is ready after a second, and sees a face in the middle of each frame.
SLOW_ENGINE = """onmessage = async ({data: {id, kind, bitmap}}) => {
  if (!bitmap) await new Promise(resolve => setTimeout(resolve, 1000));
  else self.frameCount = (self.frameCount ?? 0) + 1;
  const [x, y] = bitmap ? [bitmap.width / 2, bitmap.height / 2] : [];
  postMessage({id, faces: [{face: 1, x, y, width: 90, height: 90, label: "1 happy 93%"}], rows: [], milliseconds: 1});
};"""
OPTIONS = {
    "colours": class_colours(EXPRESSIONS),
    "quality": 0.8,
    "file": "the sample",
    "finish": True,
    "engine": {"worker": ENGINE, "rules": {}, "libraries": dict.fromkeys(LIBRARIES, ("empty.js", ""))},
}
OPEN = """options => {
  const {getUserMedia} = navigator.mediaDevices;
  navigator.mediaDevices.getUserMedia = async wanted => {
    await new Promise(resolve => setTimeout(resolve, window.cameraDelay ?? 0));
    return getUserMedia.call(navigator.mediaDevices, wanted);
  };
  const replies = {
    piece: {kind: "piece", file: "network", pieces: 1},
    frame: {kind: "faces", faces: [], milliseconds: 1, skipped: 0},
    stop: {kind: "timeline", text: "Timeline: 3 rows"},
    snapshot: {kind: "snapshot", text: "Picture 1: 1 face", name: "picture-1.jpg",
      faces: [{face: 1, x: 9, y: 9, width: 90, height: 90, label: "1 happy 93%", colour: "#fff", bars: []}]},
  };
  window.asked = [];
  const root = document.body.appendChild(document.createElement("div"));
  const panel = openPanel(root, ({kind, id}) => {
    asked.push(kind);
    const answer = () => panel.receive({...replies[kind] ?? {kind}, id, record: ""}, [new Blob(["piece"])]);
    setTimeout(answer, kind === "snapshot" ? window.snapshotDelay ?? 5 : 5);
  }, options);
}"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = launch(playwright, tmp_path_factory.mktemp("panel"), *CAMERA, cameras=2)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page()
    page.route("http://localhost/", serve_page)
    page.route(f"{CDN}**", lambda route: route.fulfill(body="", headers={"Access-Control-Allow-Origin": "*"}))
    page.add_init_script(KEEP_STREAMS)
    page.goto("http://localhost/")
    page.evaluate(OPEN, OPTIONS)
    yield page
    page.close()


def serve_page(route: Route) -> None:
    route.fulfill(body=f"<body></body><script>{PAGE_JS}</script>", content_type="text/html")


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def start(page: Page) -> None:
    press(page, "Start the camera")
    expect(page.locator(".speed")).to_contain_text("in the page")


def test_the_engine_is_loaded_once_however_often_the_camera_is_started(page: Page):
    page.evaluate("window.cameraDelay = 300")
    press(page, "Start the camera")
    for _ in range(2):
        start(page)
        press(page, "Turn the camera off")
    assert len(page.workers) == page.evaluate("asked.filter(kind => kind === 'piece').length") == 1
    assert set(page.evaluate(TRACKS)) == {"ended"}


def test_an_engine_that_fails_is_told_and_the_kernel_goes_on(page: Page):
    start(page)
    page.workers[0].evaluate("() => { self.isBroken = true; }")
    expect(page.locator(".speed")).to_contain_text("round trip to the kernel")
    page.wait_for_timeout(300)
    expect(page.locator(".message")).to_contain_text("so frames go to the kernel")
    assert page.workers == []
    press(page, "Stop live")
    press(page, "Go live")
    expect(page.locator(".speed")).to_contain_text("in the page")
    expect(page.locator(".message")).to_have_text("")


def test_nothing_is_lit_and_nothing_can_be_taken_before_the_camera_is_there(page: Page):
    page.evaluate("window.cameraDelay = 500")
    press(page, "Start the camera")
    page.get_by_label("mirrored").uncheck()
    expect(page.locator(".light")).to_have_text("camera off")
    assert page.get_by_role("button", name="Take a picture").is_disabled()
    expect(page.locator(".light")).to_have_text("camera on, live")


def test_frames_that_the_kernel_sends_need_no_libraries(page: Page):
    requests = []
    page.on("request", lambda request: requests.append(request.url))
    press(page, "Play the sample")
    page.wait_for_timeout(200)
    assert "next" in page.evaluate("asked")
    assert "piece" not in page.evaluate("asked")
    assert not any(url.startswith(CDN) for url in requests)


def test_the_line_for_developers_is_behind_a_toggle(page: Page):
    start(page)
    expect(page.locator(".speed")).to_be_hidden()
    page.get_by_text("Speed").click()
    expect(page.locator(".speed")).to_be_visible()


def test_choosing_another_camera_does_not_start_one_that_is_off(page: Page):
    start(page)
    press(page, "Turn the camera off")
    page.locator(".devices").select_option(index=1)
    page.wait_for_timeout(200)
    assert page.evaluate(TRACKS) == ["ended"]
    start(page)
    chosen = page.evaluate("window.streams.map(s => s.getVideoTracks()[0].getSettings().deviceId)")
    assert len(set(chosen)) == 2


def test_a_camera_that_goes_off_ends_the_countdown(page: Page):
    start(page)
    page.get_by_label("after 3 seconds").check()
    press(page, "Take a picture")
    expect(page.locator(".countdown")).to_have_text("3")
    press(page, "Turn the camera off")
    assert page.locator(".countdown").inner_text() == ""


def test_a_second_view_leaves_the_record_of_the_first_alone(page: Page):
    """But the first one of a page ends what a page that is gone has left."""
    start(page)
    assert page.evaluate("asked.slice(0, 2)") == ["stop", "recall"]
    page.evaluate(OPEN, OPTIONS)
    page.wait_for_timeout(200)
    assert page.evaluate("asked")[:1] == ["recall"]
    assert "stop" not in page.evaluate("asked")


def test_a_camera_that_is_unplugged_is_told_and_the_record_kept(page: Page):
    start(page)
    page.evaluate("streams[0].getTracks()[0].dispatchEvent(new Event('ended'))")
    expect(page.locator(".message")).to_contain_text("unplugged, or taken by another program. Timeline: 3 rows")
    expect(page.locator(".light")).to_have_text("camera off")
    assert page.evaluate(TRACKS) == ["ended"]


RECORD_VIDEO = """async () => {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [1280, 720];
  const paint = setInterval(() => canvas.getContext("2d").fillRect(0, 0, 1280, 720), 40);
  const recorder = new MediaRecorder(canvas.captureStream(25), {mimeType: "video/webm"});
  const part = new Promise(resolve => { recorder.ondataavailable = event => resolve(event.data); });
  recorder.start();
  await new Promise(resolve => setTimeout(resolve, 700));
  recorder.stop();
  clearInterval(paint);
  return Array.from(new Uint8Array(await (await part).arrayBuffer()));
}"""
# Notes what the overlay draws, as parts of its width and height.
NOTE_DRAWN = """() => {
  window.drawn = [];
  for (const method of ["strokeRect", "roundRect"]) {
    const original = CanvasRenderingContext2D.prototype[method];
    CanvasRenderingContext2D.prototype[method] = function (x, y, width, height, ...others) {
      const {a: scale} = this.getTransform();
      const [wide, high] = [this.canvas.width / scale, this.canvas.height / scale];
      drawn.push([method, x / wide, y / high, width / wide, height / high]);
      original.call(this, x, y, width, height, ...others);
    };
  }
}"""


# As on a busy machine: the first time, play() resolves when all has been shown; the second time, that end is told late.
PLAY_SLOWLY = """() => {
  const {play} = HTMLMediaElement.prototype;
  const playAgain = function () {
    HTMLMediaElement.prototype.play = play;
    queueMicrotask(() => this.ended || this.dispatchEvent(new Event("ended"))); // a film of one frame is over again
    return play.call(this);
  };
  HTMLMediaElement.prototype.play = async function () {
    HTMLMediaElement.prototype.play = playAgain;
    const isAtItsEnd = new Promise(resolve => this.addEventListener("ended", resolve, {once: true}));
    await play.call(this);
    await isAtItsEnd;
  };
}"""


def test_a_short_large_video_waits_for_the_engine_and_has_its_boxes_on_the_faces(page: Page, tmp_path: Path):
    (tmp_path / "film.webm").write_bytes(bytes(page.evaluate(RECORD_VIDEO)))
    page.evaluate("document.body.replaceChildren()")
    page.evaluate(OPEN, {**OPTIONS, "engine": {**OPTIONS["engine"], "worker": SLOW_ENGINE}})
    page.evaluate(NOTE_DRAWN)
    page.evaluate(PLAY_SLOWLY)
    page.locator("input[type=file]").set_input_files(tmp_path / "film.webm")
    expect(page.locator(".message")).to_contain_text("film.webm is at its end. Timeline: 3 rows")
    assert page.workers[0].evaluate("self.frameCount") > 1  # a busy machine films little
    boxes = [part for method, *part in page.evaluate("drawn") if method == "strokeRect"]
    assert boxes[-1] == pytest.approx([0.5, 0.5, 90 / 640, 90 / 360])


RECORD_SOUND = """async () => {
  const sound = new AudioContext();
  const target = sound.createMediaStreamDestination();
  const tone = sound.createOscillator();
  tone.connect(target);
  tone.start();
  const recorder = new MediaRecorder(target.stream, {mimeType: "video/webm"});
  const part = new Promise(resolve => { recorder.ondataavailable = event => resolve(event.data); });
  recorder.start();
  await new Promise(resolve => setTimeout(resolve, 300));
  recorder.stop();
  return Array.from(new Uint8Array(await (await part).arrayBuffer()));
}"""


def dropped(page: Page, picture: bytes, place: str = ".stage") -> None:
    """Drop a picture somewhere in the panel."""
    transfer = page.evaluate_handle(DROP, "data:;base64," + base64.b64encode(picture).decode())
    page.locator(place).dispatch_event("drop", {"dataTransfer": transfer})


DROP = """async address => {
  const transfer = new DataTransfer();
  transfer.items.add(new File([await (await fetch(address)).blob()], "photo.png", {type: "image/png"}));
  return transfer;
}"""


@pytest.mark.parametrize("place", [".stage", ".buttons"])
def test_a_photo_that_is_dropped_is_one_picture_shown_there_kept_below_and_read_out(page: Page, place: str):
    dropped(page, COLLINS.read_bytes(), place)
    expect(page.locator(".message")).to_have_text("Picture 1: 1 face")
    expect(page.locator(".still")).to_be_visible()
    expect(page.locator("[aria-live]")).to_have_text("Face 1 happy 93%")
    expect(page.get_by_role("link", name="Download")).to_have_attribute("download", "picture-1.jpg")
    assert page.evaluate("asked").count("snapshot") == 1
    assert "frame" not in page.evaluate("asked")


@pytest.mark.parametrize("size", [(48, 48), (600, 1067)])
def test_a_tiny_photo_and_a_tall_one_get_legible_labels_and_move_no_button(page: Page, size: tuple[int, int]):
    before = page.locator(".buttons").bounding_box()
    page.evaluate(NOTE_DRAWN)
    content = io.BytesIO()
    Image.new("RGB", size).save(content, "PNG")
    dropped(page, content.getvalue())
    expect(page.locator(".message")).to_have_text("Picture 1: 1 face")
    assert page.locator(".buttons").bounding_box() == before
    height = page.locator(".overlay").bounding_box()["height"]
    [_, *_, label_height] = next(plate for plate in page.evaluate("drawn") if plate[0] == "roundRect")
    assert 15 < label_height * height < 40


def test_a_video_dropped_while_a_photo_is_looked_at_is_not_stopped(page: Page, tmp_path: Path):
    """Nor can the photo go live."""
    (tmp_path / "film.webm").write_bytes(bytes(page.evaluate(RECORD_VIDEO)))
    page.evaluate("window.snapshotDelay = 500")
    dropped(page, COLLINS.read_bytes())
    expect(page.locator(".image")).to_be_visible()
    assert page.get_by_role("button", name="Go live").is_disabled()
    page.locator("input[type=file]").set_input_files(tmp_path / "film.webm")
    expect(page.locator(".message")).to_contain_text("film.webm is at its end. Timeline: 3 rows")


def test_the_keyboard_does_it_all(page: Page):
    page.get_by_role("button", name="Start the camera").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".speed")).to_contain_text("in the page")
    page.keyboard.press("Enter")  # the main action has the focus
    expect(page.locator(".message")).to_have_text("Timeline: 3 rows")
    page.keyboard.press("Tab")
    for count in (1, 2):  # the focus stays where it was
        page.keyboard.press("Space")
        expect(page.get_by_role("link", name="Download")).to_have_count(count)
    for _ in range(2):
        page.keyboard.press("Shift+Tab")
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Back")).to_be_hidden()
    for _ in range(4):
        page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(page.locator(".light")).to_have_text("camera off")
    page.keyboard.press("Enter")
    expect(page.locator(".light")).to_have_text("camera on, live")


def test_a_library_that_is_not_what_it_was_is_refused_and_the_kernel_goes_on(page: Page):
    altered = {**OPTIONS["engine"], "libraries": dict.fromkeys(LIBRARIES, ("empty.js", "sha384-" + 64 * "A"))}
    page.evaluate("document.body.replaceChildren()")
    page.evaluate(OPEN, {**OPTIONS, "engine": altered})
    press(page, "Start the camera")
    expect(page.locator(".message")).to_contain_text("so frames go to the kernel")
    assert page.workers == []


def test_a_video_of_which_the_browser_plays_the_sound_alone_is_told(page: Page, tmp_path: Path):
    """As with films of telephones, whose sound each browser can play."""
    (tmp_path / "film.webm").write_bytes(bytes(page.evaluate(RECORD_SOUND)))
    page.locator("input[type=file]").set_input_files(tmp_path / "film.webm")
    expect(page.locator(".message")).to_contain_text("cannot show the file (it can play its sound alone)")
    assert "frame" not in page.evaluate("asked")


def test_all_controls_stand_in_one_row_and_keep_their_places(page: Page):
    def places() -> list[float]:
        boxes = [control.bounding_box() for control in page.locator(".buttons button").all()]
        return [box[side] for box in boxes for side in ("x", "y", "width")]

    before = places()
    assert len(set(before[1::3])) == 1
    start(page)
    assert places() == pytest.approx(before, abs=1)
    press(page, "Stop live")
    expect(page.get_by_role("button", name="Go live")).to_be_visible()
    assert places() == pytest.approx(before, abs=1)
