"""Make the splits that a network is trained and tested on: without what would flatter the result."""

import numpy as np

from fer.data.dataset import FaceDataset
from fer.data.duplicates import find_conflicting_labels, find_duplicates, find_leaked
from fer.notebook.errors import UserError


def clean_splits(
    faces: FaceDataset, keep_duplicates: bool, are_own: bool
) -> tuple[FaceDataset, FaceDataset, np.ndarray]:
    """Return training and validation faces, and which of the latter occur in Training as given, a (N,) bool mask.

    Training faces that occur, pixel by pixel, in another split or under two labels leave unless keep_duplicates. FER-
    2013's validation split stays as published; of own faces those under two labels leave. Prints what left.
    Raises UserError where no face is left for validation.
    """
    training, validation = faces.split("Training"), faces.split("PublicTest")
    duplicates = find_duplicates(faces)
    if are_own:
        validation = validation.select(~find_conflicting_labels(validation))
        missing = [name for label, name in enumerate(faces.classes) if label not in validation.labels]
        if len(validation.labels) == 0:
            raise UserError("No picture came to be among those for validation. Bring more.")
        if missing:
            print(f"No picture for validation is of {', '.join(missing)}: how well these are told apart stays unknown.")
    leaked = find_leaked(validation, training)
    print(f"{duplicates.leaked.sum():6,} training pictures also occur in a test split.")
    print(f"{duplicates.conflicting.sum():6,} training pictures occur under two labels.")
    print(f"{duplicates.repeated.sum():6,} training pictures repeat an earlier one, which is harmless.")
    is_training = faces.splits == "Training"
    if not keep_duplicates:
        is_training &= ~(duplicates.leaked | duplicates.conflicting)
    training = faces.select(is_training)
    kept = "all are kept" if keep_duplicates else "the first two kinds are left out"
    print(f"{len(training.labels):6,} training pictures remain: {kept}.")
    return training, validation, leaked


def take_every(faces: FaceDataset, step: int) -> FaceDataset:
    """Return every so manieth face, for a quick try; the order of the faces is by class, so all classes remain."""
    return faces.select(slice(None, None, step))
