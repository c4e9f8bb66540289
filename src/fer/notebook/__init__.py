"""What every notebook needs around the story: set-up, front end, the models' repository, files in and out, errors.

Nothing here may know what is in a picture or a network: this room imports from none of the others.
"""
