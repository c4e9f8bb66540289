"""Find FER-2013 on this machine, or download it."""

from pathlib import Path

import kagglehub

from fer.environment import UserError

KAGGLE_DATASET = "msambare/fer2013"  # needs no account


def find_fer2013(given: str, csv: Path) -> Path:
    """Return where FER-2013 is: at the path given, else in the CSV of an earlier run, else downloaded from Kaggle.

    Raises UserError with the ways to bring it when it is nowhere to be had.
    """
    if given:
        return Path(given).expanduser()
    if csv.is_file():
        return csv
    print(f"There is no {csv}: downloading {KAGGLE_DATASET} from Kaggle …")
    try:
        return Path(kagglehub.dataset_download(KAGGLE_DATASET))
    except Exception as error:  # no network, no such host, a broken archive: for the user all the same
        raise UserError(
            f"FER-2013 could not be downloaded ({type(error).__name__}). Three ways to bring it:\n"
            f"  1. connect to the internet and run this cell again;\n"
            f"  2. download kaggle.com/datasets/{KAGGLE_DATASET} by hand and type the path of the folder or of\n"
            f"     archive.zip into the field FER2013 (in Colab, upload it first: the folder icon on the left);\n"
            f"  3. do the same with the classic fer2013.csv or icml_face_data.csv."
        ) from None
