"""How a network learns: recipes, augmentation, distillation, callbacks, the devices it is trained on.

Nothing here may evaluate what it learnt beyond a line an epoch, or draw it.
"""
