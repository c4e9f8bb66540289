"""The modules that the notebooks are built from, one folder a room.

A room imports only from rooms that ROOMS names before it, and from `fer.expressions`, which imports nothing of fer.
"""

ROOMS = (
    "notebook",
    "media",
    "faces",
    "data",
    "network",
    "training",
    "evaluation",
    "recognition",
    "reports",
    "webcam",
)
