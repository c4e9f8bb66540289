"""How a network learns: augmentation, the loop and its callbacks, checkpoints, averaging, distillation, hardware.

Nothing here may judge what it learnt beyond a line an epoch, or draw it.
"""
