"""`mount`: as Colab's when the user denies it; it opens nothing."""


def mount(mountpoint: str) -> None:
    raise ValueError("mount failed: access was denied")
