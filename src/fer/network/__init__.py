"""The network itself: its architectures, its files, how it is taken up for other classes, and its export.

Nothing here may train it or judge it.
"""
