"""Show progress as text, which reads well in a notebook and in a terminal."""

import sys
from collections.abc import Iterable

from tqdm import tqdm


def progress(items: Iterable | None, description: str, total: int | None = None, unit: str = "it") -> tqdm:
    """Wrap `items` in a text progress bar on standard output, at most two updates a second."""
    return tqdm(items, description, total, unit=f" {unit}", file=sys.stdout, ncols=100, mininterval=0.5)
