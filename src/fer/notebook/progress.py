"""Show progress as text, which reads well in a notebook and in a terminal."""

import sys
from collections.abc import Iterable

from tqdm import tqdm


def progress(
    items: Iterable | None, description: str, total: int | None = None, unit: str = "it", leave: bool = True
) -> tqdm:
    """Wrap `items` in a text progress bar on standard output, at most two updates a second; `leave` it in the end."""
    return tqdm(items, description, total, leave, unit=f" {unit}", file=sys.stdout, ncols=100, mininterval=0.5)
