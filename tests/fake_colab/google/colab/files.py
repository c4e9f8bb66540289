"""`upload`: hand over the files that the environment names, as if the user had chosen them."""

import os
import pathlib


def upload():
    return {path: pathlib.Path(path).read_bytes() for path in os.environ.get("FAKE_UPLOADS", "").split() if path}
