"""The user's own pictures and classes: read, split, trained on, saved with their names, and shown by them."""

import itertools
import json
import re
import shutil
import zipfile
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from conftest import ROOT, drawn, drawn_face, png
from PIL import Image
from test_archives import locked, packed
from tiny import CPU, SEED, afresh

from fer.data.dataset import FaceDataset, choose_by_hash, class_counts
from fer.data.own_pictures import read_face, read_own_pictures, resize_whole
from fer.data.splits import find_conflicting_labels
from fer.evaluation.figures import plot_confusion, plot_errors, plot_mean_faces, plot_samples
from fer.evaluation.metrics import comparison_table, evaluate, predict
from fer.evaluation.robustness import robustness_table
from fer.expressions import (
    COLOURS,
    EXPRESSIONS,
    FACE_COLUMNS,
    RESERVED_NAMES,
    class_colours,
    classes_in,
    clean_class_name,
    is_valid_class_name,
)
from fer.faces.detection import detect_faces
from fer.faces.tracking import track_faces
from fer.media.collections import list_folder, list_uploads
from fer.media.pictures import to_grey
from fer.network.architectures import build_modern, build_original
from fer.network.files import UnusableModelError, load_network, read_classes, save_network
from fer.network.transfer import build_from_pretrained, find_pretrained
from fer.notebook.errors import UserError
from fer.recognition.drawing import UNCERTAIN_COLOUR, annotate, as_jpeg, plot_probabilities
from fer.recognition.explanation import occlusion_maps, plot_explanation
from fer.recognition.recogniser import COLUMNS, Recogniser
from fer.reports.batch import join_faces, network_fingerprint, recognise_files
from fer.reports.collection import plot_expression_counts
from fer.reports.tables import format_faces
from fer.reports.timeline import plot_timeline, tabulate_timeline, timeline_columns, timeline_rows
from fer.training.fit import train
from fer.training.recipes import RECIPES
from fer.webcam.session import Session, recognise_and_track

pytestmark = pytest.mark.filterwarnings("ignore:Glyph .* missing from")  # of class names; drawn as a box
ODD = ("<b>très $x$ heureux</b>", "class face", "鬼 or 😀")


def test_pictures_of_all_kinds_are_read_and_the_others_listed(odd_folder: Path):
    pictures, problems = read_own_pictures(odd_folder, whole_picture=False)
    assert pictures.classes == ("<b>très $x$ heureux<∕b>", "class face", "鬼 or 😀")
    assert np.bincount(pictures.labels).tolist() == [9, 9, 9]
    assert pictures.images.shape == (27, 48, 48)
    assert set(pictures.splits) <= {"Training", "PublicTest"}
    listed = sorted(problems)
    assert [line.partition(" ")[0] for line in listed] == ["face/a", "face/broken.jpg", "readme.txt"]
    assert listed[0] == "face/a wall.png shows no face that can be found."
    assert "damaged" in listed[1]
    assert "no class's folder" in listed[2]
    # Each kind shows the same face upright: but for the light, each looks like the first of its class.
    for label in range(3):
        of_class = pictures.images[pictures.labels == label].reshape(9, -1).astype(float)
        assert np.corrcoef(of_class)[0].min() > 0.75  # dithering moves the box a little
        assert of_class.mean(axis=1).min() > 0.7 * of_class.mean(axis=1).max()


def test_the_largest_face_is_cut_out_as_recognition_does(tmp_path: Path, portraits: dict, recogniser: Recogniser):
    both = Image.new("RGB", (420, 240), "grey")
    both.paste(portraits["Hopper"].resize((102, 120)), (0, 0))
    both.paste(portraits["Collins"], (220, 20))
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for number in range(8):
            changed = both.point(lambda value, light=1 - number / 50 - (name == "b") / 90: value * light)
            changed.save(tmp_path / name / f"{number}.png")
    pictures, _ = read_own_pictures(tmp_path, whole_picture=False)
    table = recogniser.recognise(np.asarray(both))
    assert len(table) == 2
    assert table.loc[0, "x"] > 220
    answer = recogniser.classify(pictures.images[:1])[0]  # that of the picture as it is
    np.testing.assert_allclose(answer, table.loc[0, list(EXPRESSIONS)].to_numpy(float), atol=1e-4)


def test_faces_that_were_cut_out_closely_are_read_too(tmp_path: Path, collins: np.ndarray):
    close = collins[71:165, 189:260]  # without hair and chin
    assert len(detect_faces(to_grey(close))) == 0
    content = as_jpeg(close)
    assert read_face(list_uploads([("close.jpg", content)])[0], whole_picture=False).shape == (48, 48)


def test_a_zip_with_a_folder_around_is_the_same(tmp_path: Path):
    folder = drawn(tmp_path / "around" / "own", ("one", "two"), each=12)
    with zipfile.ZipFile(tmp_path / "own.zip", "w") as file:
        for path in sorted(folder.rglob("*.png")):
            file.write(path, path.relative_to(tmp_path))
        file.writestr("__MACOSX/around/own/one/._0.png", b"x")
    by_folder, _ = read_own_pictures(folder, whole_picture=True)
    by_zip, problems = read_own_pictures(tmp_path / "own.zip", whole_picture=True)
    assert problems == []
    assert by_zip.classes == by_folder.classes == ("one", "two")
    np.testing.assert_array_equal(by_zip.images, by_folder.images)
    np.testing.assert_array_equal(by_zip.splits, by_folder.splits)


def test_the_whole_of_a_picture_is_seen_and_not_distorted():
    wide = np.zeros((24, 96), np.uint8)
    wide[-2:], wide[:, :4], wide[:, -4:] = 100, 255, 255
    seen = resize_whole(wide)
    assert seen.shape == (48, 48)
    assert (seen[:, :2] == 255).all()  # left and right edges are in it
    assert (seen[:, -2:] == 255).all()
    assert (seen[:28, 6:40] == 0).all()  # above, the upper edge is repeated
    assert (seen[30:, 6:40] == 100).all()  # below, the lower
    np.testing.assert_array_equal(resize_whole(wide.T), seen.T)
    face = drawn_face(1, 1)
    np.testing.assert_array_equal(resize_whole(face), face)


def splits_of(pictures: FaceDataset) -> dict[tuple[str, bytes], str]:
    names = [pictures.classes[label] for label in pictures.labels]
    keys = zip(names, (image.tobytes() for image in pictures.images), strict=True)
    return dict(zip(keys, pictures.splits, strict=True))


def test_who_is_added_moves_nobody(tmp_path: Path):
    before = splits_of(read_own_pictures(drawn(tmp_path, ("b", "c"), each=60), whole_picture=True)[0])
    assert set(before.values()) == {"Training", "PublicTest"}
    drawn(tmp_path, ("b", "c", "d"), each=90)
    (tmp_path / "a").mkdir()
    for path in sorted((tmp_path / "d").iterdir())[:30]:  # a new class comes before all others
        path.rename(tmp_path / "a" / path.name)
    after = splits_of(read_own_pictures(tmp_path, whole_picture=True)[0])
    assert len(after) == 270
    assert {key: after[key] for key in before} == before


def test_equal_pictures_stay_together_whatever_their_files(tmp_path: Path):
    drawn(tmp_path, ("a", "b"), each=60)
    for path in sorted((tmp_path / "a").iterdir()):
        Image.open(path).convert("RGB").save(tmp_path / "a" / f"again {path.stem}.bmp")
    pictures, _ = read_own_pictures(tmp_path, whole_picture=True)
    assert len(pictures.labels) == 180
    splits = {}
    for image, split in zip(pictures.images, pictures.splits, strict=True):
        splits.setdefault(image.tobytes(), set()).add(split)
    assert len(splits) == 120
    assert all(len(of_equal) == 1 for of_equal in splits.values())


def test_about_one_in_eight_is_for_validation():
    noise = np.random.default_rng(0).integers(0, 256, (4000, 48, 48), np.uint8)
    share = choose_by_hash(noise, 1 / 8, "validation").mean()
    assert 0.105 < share < 0.145  # 1/8 within four standard deviations


def test_a_picture_in_two_folders_is_disputed(tmp_path: Path):
    drawn(tmp_path, ("a", "b"), each=40)
    for number in range(10):
        shutil.copy(tmp_path / "a" / f"{number}.png", tmp_path / "b" / f"copy {number}.png")
    pictures, problems = read_own_pictures(tmp_path, whole_picture=True)
    assert sum("another class's folder" in line for line in problems) == 20
    assert any(line.startswith("a/3.png ") for line in problems)
    assert find_conflicting_labels(pictures).sum() == 20


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ({"cat": 9}, "at least two classes.*'cat' alone"),
        ({"e\u0301t\u00e9": 9, "\u00e9t\u00e9": 9}, "at least two classes.*'été' alone"),
        ({"cat": 9, "dog": 3}, r"dog: 3; at least 8"),
        ({"train": 9, "test": 9}, "test, train, which are no classes"),
        ({}, "no file"),
    ],
)
def test_too_little_is_said_with_a_way_out(made: dict[str, int], said: str, tmp_path: Path):
    for name, each in made.items():
        drawn(tmp_path, (name,), each)
    with pytest.raises(UserError, match=said):
        read_own_pictures(tmp_path, whole_picture=True)


def test_no_face_anywhere_names_the_pictures_and_the_way_out(tmp_path: Path):
    with pytest.raises(UserError, match=r"a: 0, b: 0.*WHOLE_PICTURE(.|\n)*a/0\.png shows no face"):
        read_own_pictures(drawn(tmp_path, ("a", "b"), each=9), whole_picture=False)


def test_splits_that_folders_name_are_kept(tmp_path: Path, capsys: pytest.CaptureFixture):
    for number, split in enumerate(("train_set", "val_set", "Test")):
        drawn(tmp_path / split, ("cat", "dog"), each=8 + number)
        (tmp_path / split / "cat" / "Thumbs.db").write_bytes(b"\xd0\xcf\x11\xe0")
    pictures, problems = read_own_pictures(tmp_path, whole_picture=True)
    assert problems == []
    assert pictures.classes == ("cat", "dog")
    assert class_counts(pictures)["total"].to_dict() == {"Training": 16, "PublicTest": 18, "PrivateTest": 20}
    said = capsys.readouterr().out
    assert "The folders name splits: these are kept." in said
    assert "The test split becomes PrivateTest." in said


def test_nobody_is_both_in_training_and_in_validation(tmp_path: Path, capsys: pytest.CaptureFixture):
    for person in range(6):
        for label, name in enumerate(("cat", "dog")):
            folder = tmp_path / f"subject{person:02}" / name
            folder.mkdir(parents=True)
            for number in range(9):
                (folder / f"{number}.png").write_bytes(png(drawn_face(label, 100 * person + number)))
    pictures, _ = read_own_pictures(tmp_path, whole_picture=True)
    splits = pictures.splits.reshape(6, 18)  # by person, then by class: the order of the files' names
    assert (splits == splits[:, :1]).all()
    assert np.bincount(splits[:, 0] == "PublicTest").tolist() == [5, 1]
    said = capsys.readouterr().out
    assert re.search(r"taken for people, who are not in two splits: of 6, subject0\d become it", said)


def test_one_of_two_groups_is_too_much_for_validation(tmp_path: Path, capsys: pytest.CaptureFixture):
    """Such as the parts in which Google Drive packs a folder."""
    for part in ("photos-001", "photos-002"):
        drawn(tmp_path / part, ("cat", "dog"), each=40)
    pictures, _ = read_own_pictures(tmp_path, whole_picture=True)
    assert 0.05 < (pictures.splits == "PublicTest").mean() < 0.25
    said = capsys.readouterr().out
    assert "one picture in eight is chosen" in said
    assert "(photos-001, photos-002) are taken for people or parts, not for classes." in said


def test_other_spellings_and_words_are_one_class_and_said(tmp_path: Path, capsys: pytest.CaptureFixture):
    drawn(tmp_path, ("Anger", "anger", "Happiness", "happy", "SADNESS", "surprised", "neutral"), each=8)
    assert read_own_pictures(tmp_path, whole_picture=True)[0].classes == EXPRESSIONS
    said = capsys.readouterr().out
    assert "folders called Anger, anger are of the class angry." in said
    assert "folders called SADNESS are of the class sad." in said
    drawn(tmp_path / "pets", ("Cat", "cat", "dog"), each=8)
    assert read_own_pictures(tmp_path / "pets", whole_picture=True)[0].classes == ("Cat", "dog")
    assert "folders called Cat, cat are of the class Cat." in capsys.readouterr().out


def test_a_locked_zip_beside_others_is_named(tmp_path: Path):
    drawn(tmp_path, ("cat",), each=8)
    (tmp_path / "dog.zip").write_bytes(locked(packed({"1.png": png(drawn_face(1, 1))})))
    with pytest.raises(UserError, match=r"here is 'cat' alone.*dog.zip is locked by a password"):
        read_own_pictures(tmp_path, whole_picture=True)


@pytest.mark.parametrize("name", ["nowhere", "text.zip", "a\0b", "x" * 300])
def test_what_is_no_folder_and_no_zip_is_said(name: str, tmp_path: Path):
    (tmp_path / "text.zip").write_text("no zip")
    with pytest.raises(UserError, match=r"PICTURES is .*sub-folder for each class"):
        read_own_pictures(tmp_path / name, whole_picture=True)


def test_the_five_expressions_keep_their_order(tmp_path: Path):
    assert read_own_pictures(drawn(tmp_path, EXPRESSIONS, each=8), whole_picture=True)[0].classes == EXPRESSIONS


@pytest.mark.parametrize("name", [*sorted(RESERVED_NAMES), "=1+1", "_legend", " two  spaces ", "e\u0301", "", "ok"])
def test_names_become_fit_once(name: str):
    fit = clean_class_name(name)
    assert is_valid_class_name(fit)
    assert clean_class_name(fit) == fit
    assert fit not in RESERVED_NAMES
    assert classes_in({"face": 1, fit: 0.5}) == (fit,)
    assert is_valid_class_name(name) == (name == "ok")


def odd_network(classes: tuple[str, ...]) -> keras.Model:
    """A small network whose answers differ from picture to picture."""
    keras.utils.set_random_seed(3)
    inputs = keras.Input((48, 48, 1))
    x = keras.layers.Flatten()(keras.layers.AveragePooling2D(12)(keras.layers.Rescaling(1 / 64)(inputs)))
    return keras.Model(inputs, keras.layers.Dense(len(classes), activation="softmax")(x), name="odd")


@pytest.fixture
def odd_recogniser(tmp_path: Path) -> Recogniser:
    save_network(odd_network(ODD), tmp_path / "models", ODD)
    return Recogniser.load(tmp_path / "models")


def test_two_files_carry_the_names_and_keras_reads_them(tmp_path: Path, odd_recogniser: Recogniser):
    moved = tmp_path / "moved"
    moved.mkdir()
    for name in ("fer.json", "fer.h5"):
        shutil.copy(tmp_path / "models" / name, moved)
    assert Recogniser.load(moved).classes == ODD
    faces = np.random.default_rng(0).integers(0, 256, (3, 48, 48), np.uint8)
    by_hand = keras.models.model_from_json((moved / "fer.json").read_text())
    by_hand.load_weights(moved / "fer.h5")
    expected = odd_recogniser.classify(faces)
    np.testing.assert_allclose(by_hand.predict(faces[..., None], verbose=0), expected, rtol=1e-5)
    by_file = keras.models.load_model(moved / "fer.h5", compile=False)
    np.testing.assert_allclose(by_file.predict(faces[..., None], verbose=0), expected, rtol=1e-5)


def test_the_expressions_are_said_too(tmp_path: Path):
    save_network(odd_network(EXPRESSIONS), tmp_path)
    assert json.loads((tmp_path / "fer.json").read_text())["classes"] == list(EXPRESSIONS)
    assert Recogniser.load(tmp_path).columns == COLUMNS
    assert read_classes(ROOT / "models") == EXPRESSIONS


UNFIT = [
    "abc",
    ["a", "b", 1],
    ["a", "a", "b"],
    ["a", "b", "x"],
    ["a", "b", ""],
    ["a", "b", "c\u202e"],
    {"a": 1, "b": 2},
]


@pytest.mark.parametrize("names", [*UNFIT, ["a"], ["a", "b", "c", "d"]])
def test_names_that_cannot_be_shown_are_refused(names: object, tmp_path: Path):
    save_network(odd_network(ODD), tmp_path, ODD)
    (tmp_path / "SHA256SUMS").unlink()
    described = json.loads((tmp_path / "fer.json").read_text()) | {"classes": names}
    (tmp_path / "fer.json").write_text(json.dumps(described))
    with pytest.raises(UnusableModelError, match=r"cannot be (loaded|used)|same name"):
        Recogniser.load(tmp_path)


def labels_of(axes: object) -> list[str]:
    return [label.get_text() for label in axes.get_yticklabels()]


def test_tables_pictures_and_files_show_the_names(odd_recogniser: Recogniser, collins: np.ndarray, tmp_path: Path):
    table = odd_recogniser.recognise(collins)
    assert tuple(table.columns) == (*FACE_COLUMNS, *ODD)
    assert table.loc[0, "expression"] in ODD
    assert table.loc[0, list(ODD)].sum() == pytest.approx(1, abs=1e-4)
    assert tuple(odd_recogniser.recognise(np.zeros((60, 60), np.uint8)).columns) == (*FACE_COLUMNS, *ODD)
    certain = table.assign(**dict(zip(ODD, (0.1, 0.8, 0.1), strict=True)))
    pixels = {tuple(pixel) for pixel in annotate(collins, certain).reshape(-1, 3)[::3].tolist()}
    assert tuple(bytes.fromhex(class_colours(ODD)[ODD[1]][1:])) in pixels
    bars = plot_probabilities(table, np.zeros((1, 48, 48), np.uint8))
    bars.savefig(tmp_path / "bars.png")
    assert labels_of(bars.axes[1]) == list(ODD)
    assert not any(label.get_parse_math() for label in bars.axes[1].get_yticklabels())
    shown = format_faces(certain)
    assert shown["class face"].tolist() == ["80%"]
    assert shown["expression"].tolist() == ["class face"]
    assert "<b>très" not in shown.to_html()
    assert "&lt;b&gt;très $x$" in shown.to_html()


def test_many_pictures_and_frames_show_the_names(odd_recogniser: Recogniser, collins: np.ndarray, tmp_path: Path):
    (tmp_path / "many").mkdir()
    Image.fromarray(collins).save(tmp_path / "many" / "one.png")
    entries = recognise_files(odd_recogniser, list_folder(tmp_path / "many"), tmp_path / "results")
    faces = join_faces(entries, odd_recogniser.columns)
    assert tuple(faces.columns) == ("file", *FACE_COLUMNS, *ODD)
    assert tuple(join_faces([], odd_recogniser.columns).columns) == ("file", *FACE_COLUMNS, *ODD)
    assert labels_of(plot_expression_counts(faces).axes[0]) == list(ODD)
    table = odd_recogniser.recognise(collins)
    new_numbers = itertools.count(1)
    followed = track_faces([], table, 0.0, smoothing=1, new_numbers=new_numbers)
    followed = track_faces(followed, table, 0.1, smoothing=1, new_numbers=new_numbers)
    record = tabulate_timeline(timeline_rows(followed), ODD)
    np.testing.assert_allclose(record[list(ODD)], table.loc[[0, 0], list(ODD)], rtol=1e-6)
    timeline = plot_timeline(record)
    timeline.savefig(tmp_path / "timeline.png")
    assert [text.get_text() for text in timeline.legends[0].get_texts()] == list(ODD)
    maps = occlusion_maps(odd_recogniser.classify, np.asarray(drawn_face(1, 1)))
    assert maps.shape == (3, 48, 48)
    plot_explanation(drawn_face(1, 1), table.iloc[0], maps).savefig(tmp_path / "why.png")
    session = Session(odd_recogniser, tmp_path / "results")
    (face,), _ = (recognise_and_track(session, collins, seconds)["faces"] for seconds in (0.0, 0.1))
    assert set(ODD) < face.keys()
    assert face["expression"] == table.loc[0, "expression"]
    answer, _ = session.reply({"kind": "stop"})
    assert tuple(pd.read_csv(next((tmp_path / "results").glob("webcam-*.csv"))).columns) == timeline_columns(ODD), (
        answer
    )


def test_results_of_other_names_are_not_taken_over(odd_recogniser: Recogniser):
    renamed = Recogniser(odd_network(ODD), ("a", "b", "c"))
    assert network_fingerprint(renamed) != network_fingerprint(odd_recogniser)
    assert network_fingerprint(Recogniser(odd_network(ODD), ODD)) == network_fingerprint(odd_recogniser)


def test_the_expressions_keep_their_colours_and_others_can_be_told_apart():
    assert class_colours(EXPRESSIONS) == COLOURS
    mixed = class_colours(("happy", "bored", "sleepy"))
    assert mixed["happy"] == COLOURS["happy"]
    many = class_colours([f"class {number}" for number in range(12)])
    for colours in (mixed, many):
        assert len(set(colours.values())) == len(colours)
        assert UNCERTAIN_COLOUR not in colours.values()
    assert len(class_colours([str(number) for number in range(100)])) == 100


@pytest.mark.parametrize("count", [2, 12])
def test_any_number_of_classes_is_judged_and_drawn(count: int, tmp_path: Path):
    classes = ("total", *(f"class number {number}" for number in range(1, count)))
    labels = np.arange(5 * count) % count
    pictures = FaceDataset(
        np.stack([drawn_face(0, number) for number in labels]), labels, np.array(["PublicTest"] * len(labels)), classes
    )
    network = odd_network(classes)
    answers = predict(network, pictures)
    judged = evaluate(answers, pictures, np.zeros(len(labels), bool))
    assert list(judged["classes"]) == list(classes)
    assert sum(figures["pictures"] for figures in judged["classes"].values()) == len(labels)
    confusion = pd.DataFrame(judged["confusion"]).T
    assert confusion.shape == (count, count)
    assert confusion.to_numpy().sum() == len(labels)
    assert class_counts(pictures).iloc[0].tolist() == [5] * count + [5 * count]
    assert len(robustness_table(network, pictures)) == 9
    plot_confusion(confusion, "your folders").savefig(tmp_path / "confusion.png")
    assert len(plot_samples(pictures, each=3, seed=0).axes) == 3 * count
    assert [axes.get_title().split("\n")[0] for axes in plot_mean_faces(pictures).axes] == list(classes)
    assert classes[1] in plot_errors(pictures, answers, np.array([1])).axes[0].get_title()
    record = {"parameters": 1, "multiply_adds": 1, "epochs": 1, "validation": judged}
    other = record | {"validation": judged | {"classes": {}}}
    assert list(comparison_table({"mine": record, "other": other}, "validation", classes).index) == ["mine"]
    for build in (build_modern, build_original):
        assert build(classes=count).output.shape == (None, count)


def test_fine_tuning_starts_with_all_layers_but_the_last():
    keras.utils.clear_session()
    shipped, tuned = load_network(ROOT / "models"), build_from_pretrained(ROOT / "models", 3)
    assert tuned.output.shape == (None, 3)
    assert [type(layer) for layer in tuned.layers] == [type(layer) for layer in shipped.layers]
    for mine, theirs in zip(tuned.layers[:-1], shipped.layers[:-1], strict=True):
        for one, other in zip(mine.get_weights(), theirs.get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)
    assert sum(weights.size for layer in tuned.layers[:-1] for weights in layer.get_weights()) > 700_000
    kinds = {True: keras.layers.Conv2D, False: keras.layers.BatchNormalization}
    for trainable, kind in kinds.items():
        assert {layer.trainable for layer in tuned.layers if isinstance(layer, kind)} == {trainable}
    assert tuned.name == build_from_pretrained(ROOT / "models", 3).name


def test_fine_tuning_never_starts_from_a_network_for_other_classes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    save_network(odd_network(ODD), Path("models"), ODD)
    with pytest.raises(UserError, match="set START_FROM to scratch"):
        find_pretrained(Path("models"), "file:///nowhere/clone")
    shutil.copytree(ROOT / "models", "nowhere-clone/models", ignore=shutil.ignore_patterns("runs"))  # the clone
    assert find_pretrained(Path("models"), "file:///nowhere/clone") == Path("nowhere-clone/models")


@pytest.mark.slow
def test_fine_tuning_learns_from_few_pictures_and_keeps_the_names(tmp_path: Path):
    """Two drawings that the shipped network was not trained on, told apart as the recipe says."""
    pictures, _ = read_own_pictures(drawn(tmp_path / "own", ("low bar", "high bar"), each=64), whole_picture=True)
    training, validation = pictures.split("Training"), pictures.split("PublicTest")
    network = afresh(lambda: build_from_pretrained(ROOT / "models", classes=2))
    before = [layer.get_weights() for layer in network.layers]
    history = train(network, RECIPES["fine-tune"], training, validation, tmp_path / "run", SEED, CPU)
    reached = history["val_accuracy"].iloc[-1]
    assert reached > 0.9
    # Batch normalisation keeps what it knows of many faces; all else learns.
    for layer, former in zip(network.layers, before, strict=True):
        is_frozen = isinstance(layer, keras.layers.BatchNormalization)
        assert all(np.array_equal(*pair) == is_frozen for pair in zip(layer.get_weights(), former, strict=True))
    save_network(network, tmp_path / "models", pictures.classes)
    loaded = Recogniser.load(tmp_path / "models")
    assert loaded.classes == ("high bar", "low bar")
    answers = loaded.classify(validation.images).argmax(axis=1)
    assert (answers == validation.labels).mean() == pytest.approx(reached, abs=1e-6)


def test_few_pictures_of_which_none_is_right_are_no_failure(tmp_path: Path):
    """With a handful for validation, no epoch may get one of them right; the network is kept all the same."""
    images, splits = np.stack([drawn_face(1, number) for number in range(8)]), np.array(["Training"] * 8)
    training = FaceDataset(images, np.zeros(8, int), splits, ODD)
    recipe = RECIPES["fine-tune"]._replace(epochs=2, learning_rate=0.01)
    validation = training._replace(labels=training.labels + 2)
    network = odd_network(ODD)
    network.layers[-1].bias.assign([9.0, 0.0, -9.0])
    history = train(network, recipe, training, validation, tmp_path, SEED, CPU)
    assert history["val_accuracy"].tolist() == [0, 0]
    assert (tmp_path / "epoch-0002.npz").exists()
