"""The page's engine in real Chromium: it answers as the kernel does, and how fast."""

import base64
import io
import itertools
import shutil
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest
import skimage
from browsers import Libraries, four_heads, keep_figures, launch, needs_chromium, portrait_frame, serve_libraries
from conftest import HOPPER, ROOT, serving
from PIL import Image, ImageChops, ImageEnhance
from playwright.sync_api import Page, Route, sync_playwright
from test_recognition import overlap
from test_webcam import portraits

from fer.expressions import class_colours
from fer.faces.detection import fuse_and_score
from fer.faces.tracking import BOX_COLUMNS, Track
from fer.network.files import MODEL_FILES
from fer.recognition import Recogniser
from fer.recognition.drawing import place_label
from fer.webcam.engine import engine_pieces, engine_sources
from fer.webcam.panel import PAGE_JS
from fer.webcam.session import Session, describe_face, recognise_and_track

pytestmark = needs_chromium
LOAD = """async ([sources, count]) => {
  const piece = async i => ({file: await (await fetch(`piece/${i}/name`)).text(), pieces: count,
    pictures: [await (await fetch(`piece/${i}/content`)).blob()]});
  window.engine = await loadEngine(sources, loadLibraries(sources.libraries), piece);
}"""
RECOGNISE = """async addresses => {
  const answers = [];
  for (const address of addresses) {
    const picture = new Image();
    picture.src = address;
    await picture.decode();
    answers.push(await engine.recognise(picture, answers.length / 25, answers.length === 0));
  }
  return answers;
}"""


REPEAT = """async ([address, first, count]) => {
  const picture = new Image();
  picture.src = address;
  await picture.decode();
  const rows = [];
  for (let i = first; i < first + count; i++) rows.push(...(await engine.recognise(picture, i / 25, i === 0)).rows);
  return rows;
}"""
DESCRIBE = """([worker, received, track]) => {
  const [describeFace, rules] = Function(worker + "return [describeFace, rules];")();
  return describeFace(track, Object.assign(rules, received));
}"""

FUSE = """([worker, received, runs]) => {
  const [fuseAndScore, rules] = Function(worker + "return [fuseAndScore, rules];")();
  Object.assign(rules, received);
  return fuseAndScore(runs);
}"""


PLACE = """cases => cases.map(([box, plate, gap, taken]) => {
  const [x, y, width, height] = placeLabel(box, plate, [640, 480], gap, taken);
  return [x, y, x + width, y + height];
})"""
PLATES = """crowds => {
  const root = document.body.appendChild(document.createElement("div"));
  root.innerHTML = "<canvas style='width: 640px; height: 480px'></canvas>";
  const plates = [];
  const roundRect = CanvasRenderingContext2D.prototype.roundRect;
  CanvasRenderingContext2D.prototype.roundRect = function (...plate) {
    plates.at(-1).push(plate.slice(0, 4));
    roundRect.apply(this, plate);
  };
  for (const [faces, colours, covered = [], size = [640, 480]] of crowds) {
    plates.push([]);
    const covering = covered.map(([offsetLeft, offsetTop, offsetWidth, offsetHeight]) =>
      ({offsetLeft, offsetTop, offsetWidth, offsetHeight}));
    drawFaces(root.firstChild, faces, size, false, colours, covering);
  }
  CanvasRenderingContext2D.prototype.roundRect = roundRect;
  root.remove();
  return plates;
}"""


@pytest.fixture
def session(recogniser: Recogniser, tmp_path: Path) -> Session:
    return Session(recogniser, tmp_path)


@pytest.fixture(scope="module")
def page(recogniser: Recogniser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A page in which the engine is loaded as the panel loads it."""
    folder = tmp_path_factory.mktemp("engine")
    session = Session(recogniser, folder)
    shutil.copytree(ROOT / "models", folder / "models", ignore=shutil.ignore_patterns("*/"))
    pieces = engine_pieces(recogniser.network, folder / "models")

    def answer(route: Route) -> None:
        parts = route.request.url.split("/")
        if "piece" not in parts:
            return route.fulfill(body=f"<script>{PAGE_JS}</script>", content_type="text/html")
        name, content = pieces[int(parts[-2])]
        return route.fulfill(body=name if parts[-1] == "name" else content)

    with sync_playwright() as playwright, serving(Libraries) as server:
        browser = launch(playwright, folder)
        page = browser.new_page()
        page.route("http://localhost/**", answer)
        page.goto("http://localhost/")
        serve_libraries(page, server)
        page.evaluate(LOAD, [engine_sources(session), len(pieces)])
        yield page
        browser.close()


def test_the_network_is_converted_in_ten_seconds(recogniser: Recogniser, tmp_path: Path):
    for name in MODEL_FILES:
        shutil.copy(ROOT / "models" / name, tmp_path)
    start = time.monotonic()
    engine_pieces(recogniser.network, tmp_path)
    assert time.monotonic() - start < 10


def memory_of_browser() -> float:
    """Return the megabytes of the processes that run our pages."""
    processes = psutil.Process().children(recursive=True)
    return sum(p.memory_info().rss for p in processes if "--type=renderer" in p.cmdline()) / 1e6


def recognise(page: Page, images: Iterable[Image.Image]) -> list[dict]:
    """Let the page recognise pictures as one stream, a 25th of a second apart."""
    addresses = []
    for image in images:
        addresses.append(as_address(image))
    return page.evaluate(RECOGNISE, addresses)


def as_address(image: Image.Image) -> str:
    content = io.BytesIO()
    image.save(content, "PNG")
    return "data:image/png;base64," + base64.b64encode(content.getvalue()).decode()


def lfw_frames() -> Iterator[Image.Image]:
    """The 100 faces of scikit-image's part of Labeled Faces in the Wild, each in a frame of 640×480."""
    faces = np.load(Path(skimage.__file__).parent / "data" / "lfw_subset.npy")[:100]
    for face in faces:
        enlarged = cv2.resize((255 * face).clip(0, 255).astype(np.uint8), (200, 200), interpolation=cv2.INTER_CUBIC)
        yield Image.fromarray(cv2.copyMakeBorder(enlarged, 140, 140, 220, 220, cv2.BORDER_REPLICATE))


def compare_boxes(page: Page, session: Session, frames: list[Image.Image]) -> tuple[list[float], list[float]]:
    """Return the overlap of each of the kernel's boxes with the page's; of equal ones the most that answers differ."""
    overlaps, differences = [], []
    for number, (frame, answer) in enumerate(zip(frames, recognise(page, frames), strict=True)):
        for face in recognise_and_track(session, np.asarray(frame.convert("RGB")), number / 25)["faces"]:
            box, *boxes = ([one[side] for side in BOX_COLUMNS] for one in (face, *answer["faces"]))
            overlaps.append(max(overlap(box, other) for other in boxes) if boxes else 0)
            if box in boxes:
                same = answer["faces"][boxes.index(box)]
                differences.append(max(abs(same[name] - face[name]) for name in session.recogniser.classes))
    return overlaps, differences


@pytest.mark.slow
def test_faces_in_the_wild_get_the_kernels_boxes_and_probabilities(page: Page, session: Session):
    overlaps, differences = compare_boxes(page, session, list(lfw_frames()))
    assert len(overlaps) > 90
    assert np.mean(np.array(overlaps) >= 0.8) >= 0.95
    assert len(differences) > 80
    assert max(differences) < 0.02


def stream() -> Iterator[Image.Image]:
    """A head that moves, another one that joins it, one that tilts, nobody, and a dull one that is hard to read."""
    yield from (ImageChops.offset(portrait_frame(), 6 * step, 2 * step) for step in range(4))
    yield from 9 * [portraits(2)]
    yield portrait_frame().rotate(18, Image.Resampling.BICUBIC, fillcolor="gray")
    yield Image.new("RGB", (640, 480), "gray")
    yield from 2 * [ImageEnhance.Contrast(portrait_frame().resize((320, 240))).enhance(0.3)]
    with Image.open(HOPPER) as portrait:
        yield portrait.convert("RGB")


def test_a_stream_gets_the_kernels_boxes_numbers_labels_and_colours(page: Page, session: Session):
    frames = list(stream())
    for number, (frame, answer) in enumerate(zip(frames, recognise(page, frames), strict=True)):
        expected = recognise_and_track(session, np.asarray(frame), number / 25)["faces"]
        assert [face["face"] for face in answer["faces"]] == [face["face"] for face in expected], number
        for face, of_kernel in zip(answer["faces"], expected, strict=True):
            boxes = [[one[side] for side in BOX_COLUMNS] for one in (face, of_kernel)]
            assert overlap(*boxes) > 0.9
            assert (face["label"].split()[:2], face["colour"]) == (of_kernel["label"].split()[:2], of_kernel["colour"])
            assert face["happy"] == pytest.approx(of_kernel["happy"], abs=0.02)


@pytest.mark.parametrize(
    "probabilities", [(0.2, 0.495, 0.305, 0, 0), (0.1, 0.5, 0.4, 0, 0), (0.005, 0.985, 0.01, 0, 0)]
)
def test_labels_are_written_as_the_kernel_writes_them(page: Page, recogniser: Recogniser, probabilities: tuple):
    track = Track(7, np.array([1, 2, 3, 4]), np.array(probabilities), 0.0)
    expected = describe_face(track, recogniser.classes)
    sources = engine_sources(Session(recogniser, Path()))
    given = [sources["worker"], sources["rules"], {"face": 7, "box": [1, 2, 3, 4], "probabilities": probabilities}]
    described = page.evaluate(DESCRIBE, given)
    assert described == {name: expected[name] for name in described}


def test_boxes_of_one_face_are_fused_as_the_kernel_fuses_them(page: Page, recogniser: Recogniser):
    """Also where as many votes speak for each of several, every one of which overlaps its neighbours."""
    random = np.random.default_rng(0)
    places = random.integers(0, 60, (2, 20, 2)) + random.random((2, 20, 2))
    runs = np.concatenate([places, np.full((2, 20, 2), 40.0), random.integers(1, 3, (2, 20, 1))], axis=2)
    sources = engine_sources(Session(recogniser, Path()))
    fused = page.evaluate(FUSE, [sources["worker"], sources["rules"], runs.tolist()])
    np.testing.assert_allclose(fused, fuse_and_score(list(runs)))


def random_boxes(random: np.random.Generator, count: int, least: int, most: int) -> np.ndarray:
    """Left, top, right and bottom of boxes in a frame of 640×480."""
    sides = random.integers(least, most, (count, 1))
    corners = (random.random((count, 2)) * (np.array([640, 480]) - sides)).astype(int)
    return np.hstack([corners, corners + sides])


def test_labels_stand_where_the_kernel_puts_them(page: Page):
    random = np.random.default_rng(0)
    cases, expected = [], []
    for _ in range(200):
        box, *taken = random_boxes(random, 12, 20, 200).tolist()
        plate, gap = (int(random.integers(40, 300)), int(random.integers(15, 60))), 4
        ((x, y, *_), _) = place_label(box, plate, (640, 480), gap, taken)
        expected.append([x, y, x + plate[0], y + plate[1]])
        sizes = [[left, top, right - left, bottom - top] for left, top, right, bottom in (box, *taken)]
        cases.append([sizes[0], plate, gap, sizes[1:]])
    assert page.evaluate(PLACE, cases) == expected


def test_labels_and_bars_of_neighbours_do_not_cover_each_other(page: Page, recogniser: Recogniser):
    """Two to four faces at random places that leave room for labels, from far away to close to the camera."""
    random, crowds, crowd_boxes = np.random.default_rng(0), [], []
    while len(crowds) < 100:
        boxes = random_boxes(random, int(random.integers(2, 5)), 50, 260)
        apart = all((one[:2] > two[2:] + 30).any() or (two[:2] > one[2:] + 30).any() for one, two in pairs(boxes))
        if apart:
            values = np.full(5, 0.2)
            sized = np.hstack([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]])
            tracks = [Track(number, box, values, 0.0) for number, box in enumerate(sized, 1)]
            faces = [describe_face(track, recogniser.classes) for track in tracks]
            crowds.append([faces, class_colours(recogniser.classes)])
            crowd_boxes.append(boxes)
    drawn = page.evaluate(PLATES, crowds)
    for plates, boxes in zip(drawn, crowd_boxes, strict=True):
        assert all(overlap(one, two) == 0 for one, two in pairs(plates))
        assert len(plates) >= len(boxes)  # each has its label
    assert sum(map(len, drawn)) > 1.5 * sum(map(len, crowd_boxes))  # and most have their bars, too


@pytest.mark.parametrize(
    "places",
    [
        ((10, 200, 200), (220, 200, 200), (430, 200, 200)),  # side by side
        ((0, 0, 120), (520, 0, 120), (0, 360, 120), (520, 360, 120)),  # in the corners
        ((110, 0, 470),),  # very near
    ],
)
def test_each_face_has_its_bars_where_the_stage_has_room(page: Page, recogniser: Recogniser, places: tuple):
    tracks = [Track(n, np.array([x, y, w, w]), np.eye(5)[1], 0.0) for n, (x, y, w) in enumerate(places, 1)]
    faces = [describe_face(track, recogniser.classes) for track in tracks]
    light = [440, 9, 192, 23]
    [plates] = page.evaluate(PLATES, [[faces, class_colours(recogniser.classes), [light]]])
    assert len(plates) == 2 * len(faces)
    assert all(overlap(one, two) == 0 for one, two in pairs([*plates, light]))
    assert all(0 <= x <= 640 - width and 0 <= y <= 480 - height for x, y, width, height in plates)


def test_on_a_tall_picture_too_nothing_lies_below_what_covers_the_stage(page: Page, recogniser: Recogniser):
    """It stands in the middle, between margins of 140 pixels."""
    faces = [describe_face(Track(1, np.array([250, 40, 90, 90]), np.eye(5)[1], 0.0), recogniser.classes)]
    light = [440, 9, 192, 23]
    [plates] = page.evaluate(PLATES, [[faces, class_colours(recogniser.classes), [light], [360, 480]]])
    assert len(plates) == 2
    assert all(overlap(plate, [440 - 140, *light[1:]]) == 0 for plate in plates)


def pairs(items: Iterable) -> Iterator[tuple]:
    return itertools.combinations(items, 2)


@pytest.mark.slow
def test_five_thousand_frames_leave_no_memory_behind(page: Page, session: Session):
    """Neither in the page nor in the kernel, which gets their numbers as the panel sends them."""
    frames = [*9 * [as_address(portrait_frame())], as_address(four_heads())]
    of_page, of_kernel, rows = [], [], []
    for number, frame in enumerate(frames):
        rows += page.evaluate(REPEAT, [frame, 500 * number, 500])
        of_page.append(memory_of_browser())
    for start in range(0, len(rows), 50):
        assert session.reply({"kind": "record", "rows": rows[start : start + 50]})[0]["kind"] == "recorded"
        of_kernel.append(psutil.Process().memory_info().rss / 1e6)
    assert "6500 rows" in session.reply({"kind": "stop"})[0]["text"]
    halves = [min(of_page[:5]), min(of_page[5:])]  # what is there before its garbage is collected comes and goes
    figures = {"MB in the page": halves[0], "later": halves[1], "MB in the kernel": of_kernel[0]}
    figures["in the end"] = of_kernel[-1]
    keep_figures("memory over 5,000 frames", figures)
    assert halves[1] - halves[0] < 25  # a hundredth of a MB a frame
    assert of_kernel[-1] - of_kernel[0] < 10
