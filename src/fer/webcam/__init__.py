"""The live view: a session in the kernel, the camera panel, and the page's JavaScript in page/.

Nothing may import from this room but a notebook.
"""
