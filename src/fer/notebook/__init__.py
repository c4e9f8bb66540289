"""What every notebook needs around the story: set-up, the models' repository, progress, uploads, errors, file names.

Nothing here may know what is in a picture or a network: this room imports from none of the others.
"""
