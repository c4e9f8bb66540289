"""Of a picture file with several pages or frames, take the first with a face."""

import numpy as np

from fer.faces.detection import detect_thorough
from fer.media.pictures import count_pages, decode_image, describe_shrinking, lacks_end_marker, to_grey

MOST_PAGES = 30  # that are searched, evenly spread


def decode_page_with_face(content: bytes, name: str) -> tuple[np.ndarray, str]:
    """Decode the first page with a face, or else the first; arguments, image and errors as of `decode_image`.

    Returns the image and what to say of the file; empty for an ordinary picture.
    """
    image, note = choose_page(content, name)
    return image, " ".join(filter(None, (note, describe_shrinking(content, name, image))))


def choose_page(content: bytes, name: str) -> tuple[np.ndarray, str]:
    """Do the same, without a sentence on the size."""
    image = decode_image(content, name)
    if lacks_end_marker(content):
        return image, f"{name} lacks its end marker, so it may have been cut off; the picture itself is whole."
    count = count_pages(content)
    if count == 1:
        return image, ""
    pages = range(0, count, -(-count // MOST_PAGES))
    searched = "" if len(pages) == count else f" of the {len(pages)} that were searched"
    for page in pages:
        candidate = decode_image(content, name, page)
        if len(detect_thorough(to_grey(candidate))):
            taken = f"number {page + 1} is taken, the first with a face{searched}"
            return candidate, f"{name} has {count} pages or frames; {taken}."
    return image, f"{name} has {count} pages or frames; number 1 is taken, as no face was found in any{searched}."
