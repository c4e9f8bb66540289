"""Make the splits that a network is trained and tested on: without the duplicates that would flatter the result."""

import numpy as np
import pandas as pd

from fer.data.dataset import FaceDataset
from fer.notebook.errors import UserError


def clean_splits(
    faces: FaceDataset, keep_duplicates: bool, are_own: bool
) -> tuple[FaceDataset, FaceDataset, np.ndarray]:
    """Return training and validation faces, and which of the latter occur in Training as given, a (N,) bool mask.

    Training faces that occur, pixel by pixel, in another split or under two labels leave unless keep_duplicates. FER-
    2013's validation split stays as published; of own faces those under two labels leave. Prints what left.
    Raises UserError where no face is left for training or for validation.
    """
    training, validation = faces.split("Training"), faces.split("PublicTest")
    if are_own:
        validation = validation.select(~find_conflicting_labels(validation))
        missing = [name for label, name in enumerate(faces.classes) if label not in validation.labels]
        if len(validation.labels) == 0:
            raise UserError("No picture came to be among those for validation. Bring more.")
        if missing:
            print(f"No picture for validation is of {', '.join(missing)}: how well these are told apart stays unknown.")
    leaked = find_leaked(validation, training)
    is_tested = find_leaked(training, faces.select(faces.splits != "Training"))
    is_conflicting = find_conflicting_labels(training)
    is_unfit, are_both = is_tested | is_conflicting, (is_tested & is_conflicting).sum()
    print(f"{is_tested.sum():6,} training pictures also occur in a test split,")
    print(f"{is_conflicting.sum():6,} occur under two labels ({are_both:,} of them both):")
    print(f"{is_unfit.sum():6,} {'are kept all the same' if keep_duplicates else 'are left out'}.")
    training = training.select(~is_unfit | keep_duplicates)
    print(f"{len(training.labels):6,} training pictures remain.")
    if len(training.labels) == 0:
        raise UserError("No training picture remains. If these are the folds of a cross-validation, bring one of them.")
    return training, validation, leaked


def find_conflicting_labels(faces: FaceDataset) -> np.ndarray:
    """Tell, as a (N,) bool mask, which faces occur under two labels."""
    labels = pd.Series(faces.labels)
    return (labels.groupby(pixels_as_bytes(faces)).transform("nunique") > 1).to_numpy()


def find_leaked(faces: FaceDataset, others: FaceDataset) -> np.ndarray:
    """Tell, as a (N,) bool mask, which faces occur in another split, too."""
    return pixels_as_bytes(faces).isin(pixels_as_bytes(others)).to_numpy()


def pixels_as_bytes(faces: FaceDataset) -> pd.Series:
    """Return the pixels of each face as one value that can be compared."""
    return pd.Series([image.tobytes() for image in faces.images], dtype=object)
