"""How good a network is: metrics, calibration, robustness, and the figures of a training and its evaluation.

Nothing here may know how it was trained, or recognise faces in pictures of people who use it.
"""
