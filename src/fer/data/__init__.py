"""What a network learns from: FER-2013, own pictures, their download and their duplicates.

Nothing here may know a network: arrays of faces and labels only.
"""
