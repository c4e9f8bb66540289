"""What people get: the result of a picture, of many, of a video or of an address, shown and saved.

Nothing here may know a camera or a network's training.
"""
