"""From a picture to named expressions: the recogniser, how sure it is, the drawing of it, and why.

Nothing here may write a file or know where a picture comes from; `Recogniser` is this project's programming interface.
"""

from fer.recognition.recogniser import Recogniser

__all__ = ["Recogniser"]
