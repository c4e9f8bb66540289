"""What a network learns from: datasets of labelled faces, FER-2013, own pictures, their download and duplicates.

Nothing here may know a network: arrays of faces and labels only.
"""
