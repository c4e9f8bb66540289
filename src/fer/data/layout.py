"""Tell from folders which class, split and group (such as a person) each file belongs to."""

import re
from collections import defaultdict
from functools import cache
from pathlib import PurePosixPath
from typing import NamedTuple

from fer.media.archives import ARCHIVE_ENDING

SYNONYMS = {  # of the expressions, and of those that others label as well
    "angry": ("anger",),
    "happy": ("happiness", "joy"),
    "sad": ("sadness",),
    "surprise": ("surprised", "suprise", "suprised"),
    "neutral": ("neutrality",),
    "disgust": ("disgusted",),
    "fear": ("fearful", "afraid", "scared"),
    "contempt": ("contemptuous",),
}
EXPRESSION_WORDS = {word: name for name, words in SYNONYMS.items() for word in (name, *words)}
SPLIT_WORDS = {  # a test split becomes PublicTest or PrivateTest: see `complete_splits`
    "Training": ("train", "training", "trn"),
    "PublicTest": ("publictest", "val", "valid", "validation", "dev"),
    "PrivateTest": ("privatetest",),
    "test": ("test", "testing", "tst", "eval"),
}
SPLIT_PATTERNS = {
    split: re.compile(
        rf"({'|'.join(words)})(set|data|dataset|split|images?|imgs?|pictures?|pics|faces|folder|class(es)?)*"
    )
    for split, words in SPLIT_WORDS.items()
}


class Place(NamedTuple):
    """What the folders around a file say; an empty text where they do not."""

    label: str
    split: str = ""  # a key of SPLIT_WORDS
    group: str = ""


@cache
def find_expression(name: str) -> str | None:
    """Return the expression that a name such as `3_happiness` or `fear (2)` stands for, if it is a key of SYNONYMS."""
    return EXPRESSION_WORDS.get(re.sub(r"^[\W\d_]+|\W*\(\d+\)$|[\W_]+$", "", name.casefold()))


@cache
def find_split(name: str) -> str:
    """Return the split, a key of SPLIT_WORDS, that a name such as `train_set` or `fer2013-val` ends with, or ""."""
    words = re.findall(r"[^\W\d_]+", name.casefold())
    ends = ["".join(words[start:]) for start in range(len(words))]
    return next((split for end in ends for split, pattern in SPLIT_PATTERNS.items() if pattern.fullmatch(end)), "")


def place_files(names: list[str]) -> list[Place]:
    """Tell class, split and group of files by their names, such as `train/subject01/happy/1.png`.

    Classes are the folders of that level which names most expressions, else of the outermost level at which folders
    differ and are neither splits nor share their sub-folders, as those of people do. A group is what else recurs in
    several classes.
    """
    paths = [folders_of(name) for name in names]
    varied = without_constant_levels(paths)
    paths = varied if any(varied) else paths
    level = find_named_level(paths)
    level = find_varied_level(paths) if level is None else level
    places = []
    for path in paths:
        split = next(filter(None, map(find_split, path[:level] + path[level + 1 :])), "")
        label = "".join(path[level : level + 1]) or next(filter(find_expression, path), "")
        places.append(Place(label, split))
    outer = ["/".join(part for part in path[:level] if not find_split(part)) for path in paths]
    inner = ["/".join(part for part in path[level + 1 : level + 2] if not find_split(part)) for path in paths]
    for groups in (outer, inner):
        if recur(groups, [place.label for place in places]):
            return [place._replace(group=group) for place, group in zip(places, groups, strict=True)]
    return places


def folders_of(name: str) -> tuple[str, ...]:
    """Return the folders around a file; one in a zip of its own name is one folder."""
    parts = [ARCHIVE_ENDING.sub("", part) for part in PurePosixPath(name).parts[:-1]]
    return tuple(part for part, former in zip(parts, [None, *parts], strict=False) if part != former)


def find_named_level(paths: list[tuple[str, ...]]) -> int | None:
    """Return the level of folders, half of which are expressions, that names most of them; None if none names two."""
    best, level_of_best = 1, None
    for level in range(max(map(len, paths), default=0)):
        found = [find_expression(path[level]) for path in paths if len(path) > level]
        different = len({name for name in found if name})
        if different > best and found.count(None) <= len(found) / 2:
            best, level_of_best = different, level
    return level_of_best


def without_constant_levels(paths: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Leave out the levels at which there is one folder only, as around all others in most zips."""
    levels = range(max(map(len, paths), default=0))
    constant = {level for level in levels if len({path[level] for path in paths if len(path) > level}) == 1}
    return [tuple(part for level, part in enumerate(path) if level not in constant) for path in paths]


def find_varied_level(paths: list[tuple[str, ...]]) -> int:
    """Return the outermost level whose folders are neither splits nor groups with the same sub-folders."""
    level = 0
    while any(len(path) > level + 1 for path in paths):
        here = [path for path in paths if len(path) > level]
        outer = [path[level] for path in here]
        inner = ["".join(path[level + 1 : level + 2]).casefold() for path in here]
        inside_are_groups = all(map(find_split, inner)) or (is_series(set(inner)) and not is_series(set(outer)))
        if not all(map(find_split, outer)) and (inside_are_groups or not recur(inner, outer)):
            break
        level += 1
    return level


def is_series(names: set[str]) -> bool:
    """Tell whether names differ in their numbers alone, as those of people and of folds do."""
    return len(names) > 1 and len({re.sub(r"\d+", "", name) for name in names}) == 1


def recur(names: list[str], others: list[str]) -> bool:
    """Tell whether most of the names stand beside several others; there must be two names at least."""
    beside = defaultdict(set)
    for name, other in zip(names, others, strict=True):
        beside[name].add(other)
    return len(beside) > 1 and 2 * sum(name != "" and len(beside[name]) > 1 for name in names) >= len(names)
