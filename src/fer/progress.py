"""A progress bar that reads well in a notebook, in a terminal and on a code host."""

import sys
from collections.abc import Iterable

from tqdm import tqdm


def progress(items: Iterable | None, description: str, total: int | None = None, unit: str = "it") -> tqdm:
    """Wrap `items` in a text progress bar on standard output, at most two updates a second."""
    return tqdm(items, description, total, unit=f" {unit}", file=sys.stdout, ncols=100, mininterval=0.5)
