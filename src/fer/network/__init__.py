"""The network itself: its architectures, its files, transfer learning, and its export.

Nothing here may train or evaluate it.
"""
