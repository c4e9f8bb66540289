"""Where the faces are: Haar cascades, the network that verifies their boxes, detection, tracking.

Nothing here may name an expression: boxes and crops only.
"""
