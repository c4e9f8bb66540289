"""What folders say: which class, split and person a file belongs to."""

import pytest

from fer.data.layout import find_expression, find_split, place_files

LAYOUTS = {  # folders, and of each its class, split and group
    "classes": {"cat": ("cat", "", ""), "dog": ("dog", "", "")},
    "classes in one folder, pictures in another": {"a/cat/raw": ("cat", "", ""), "a/dog/raw": ("dog", "", "")},
    "splits outside": {
        f"{folder}/{name}": (name, split, "")
        for folder, split in {"Train Data": "Training", "val_set": "PublicTest", "Testing": "test"}.items()
        for name in ("cat", "dog")
    },
    "splits inside": {
        f"{name}/{folder}": (name, split, "")
        for folder, split in {"train": "Training", "test": "test"}.items()
        for name in ("cat", "dog")
    },
    "folds": {f"fold{k}/{name}": (name, "", f"fold{k}") for k in range(3) for name in ("cat", "dog")},
    "people outside": {f"{who}/{name}": (name, "", who) for who in ("Anna", "Ben") for name in ("bored", "happy")},
    "people inside": {f"{name}/s{k:02}": (name, "", f"s{k:02}") for k in range(3) for name in ("cat", "dog")},
    "people with expressions they do not share": {
        "S1/happy/001": ("happy", "", "S1"),
        "S1/sad/002": ("sad", "", "S1"),
        "S2/sad/001": ("sad", "", "S2"),
        "S2/anger/001": ("anger", "", "S2"),
    },
    "people in splits": {
        f"{split}/{name}/{who}": (name, role, who)
        for split, role, who in (("train", "Training", "S1"), ("test", "test", "S2"))
        for name in ("cat", "dog")
    },
    "zips of classes": {"happy.zip": ("happy", "", ""), "sad.zip/sad": ("sad", "", "")},
    "zips of parts": {f"p{k}.zip/p/{name}": (name, "", f"p{k}") for k in range(2) for name in ("cat", "dog")},
    "a split without classes": {
        "train/cat": ("cat", "Training", ""),
        "train/dog": ("dog", "Training", ""),
        "test": ("", "test", ""),
    },
    "splits of a name of their own": {
        f"{folder}/class00{k}": (f"class00{k}", split, "")
        for folder, split in {"train_class": "Training", "fer2013-val": "PublicTest"}.items()
        for k in (1, 2)
    },
    "some in splits, some not": {
        "train/happy": ("happy", "Training", ""),
        "train/sad": ("sad", "Training", ""),
        "happy": ("happy", "", ""),
    },
    "splits alone": {"train": ("train", "", ""), "test": ("test", "", "")},
    "one class": {"around/cat": ("around", "", "")},
}


@pytest.mark.parametrize("kind", LAYOUTS)
def test_the_structure_of_folders_tells(kind: str):
    names = [f"{folder}/{number}.png" for folder in LAYOUTS[kind] for number in range(3)]
    expected = [place for place in LAYOUTS[kind].values() for _ in range(3)]
    assert [tuple(place) for place in place_files(names)] == expected
    assert place_files(["1.png"]) == [("", "", "")]
    if kind != "one class":
        around = [tuple(place) for place in place_files([f"photos/{name}" for name in names])]
        assert around == [tuple(place) for place in place_files(names)]


@pytest.mark.parametrize(
    ("word", "expression"),
    [
        ("Anger", "angry"),
        ("0_happy", "happy"),
        ("03 Surprised", "surprise"),
        ("joy", "happy"),
        ("sad (2)", "sad"),
        ("happy hour", None),
    ],
)
def test_words_for_expressions(word: str, expression: str | None):
    assert find_expression(word) == expression


@pytest.mark.parametrize(
    ("word", "split"),
    [
        ("train_set", "Training"),
        ("Validation Images", "PublicTest"),
        ("PrivateTest", "PrivateTest"),
        ("fer_train", "Training"),
        ("trainer", ""),
    ],
)
def test_words_for_splits(word: str, split: str):
    assert find_split(word) == split
