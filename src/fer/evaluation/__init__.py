"""How good a network is: metrics, calibration, robustness, and the figures of them.

Nothing here may train it, or recognise faces in pictures of people who use it.
"""
