"""Show progress as text, which reads well in a notebook and in a terminal."""

import sys
from collections.abc import Iterable

from tqdm import tqdm


def progress(
    items: Iterable | None, description: str, total: int | None = None, unit: str = "it", leave: bool = True
) -> tqdm:
    """Wrap `items` in a text progress bar on standard output, at most two updates a second; `leave` it in the end."""
    layout = "{l_bar}{bar}| {n_fmt}/{total_fmt} {unit} [{elapsed}<{remaining}]"
    options = {"file": sys.stdout, "ncols": 100, "mininterval": 0.5, "bar_format": layout}
    return tqdm(items, description, total, leave, unit=unit, **options)
