"""Where the faces are: Haar cascades, detection in one picture, tracking over many.

Nothing here may name an expression: boxes and crops only.
"""
