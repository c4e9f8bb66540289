"""What people bring: pictures, videos, collections of them, and those at an address in the web, as arrays of pixels.

Nothing here may know what is in a picture: no faces, no expressions.
"""
