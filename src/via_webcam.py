# %% [markdown]
# # Recognise facial expressions with the webcam
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({{colab}})
#
# Run the cells from top to bottom, allow the browser to use the camera, and press *Take the picture*. Every face is
# boxed, numbered and named **angry, happy, sad, surprise** or **neutral**, with all five probabilities.
#
# The camera is the one of your browser and is switched off as soon as the picture is taken. The picture goes to this
# runtime and no further; it is saved in `results/`. Outside Colab, choose a photo instead of taking one.
#
# *An expression is not a feeling: the network names what a face looks like to the people who labelled its training
# pictures, and it is wrong about once in four. Do not use it to decide about people.*

# %% [markdown]
# ## Set up

# %%
# @title Settings
DRIVE_FOLDER = ""  # @param {type:"string"}
# @markdown Colab only: a folder in your Google Drive with your own `fer.json` and `fer.h5`, such as `fer/models`.
REPOSITORY = "{{repository}}"  # @param {type:"string"}
# @markdown Where the trained network comes from when it does not lie beside this notebook.

# %%
from fer.environment import colab_answers, find_models, prepare_opencv, start_tensorflow

# %%
prepare_opencv()
start_tensorflow()

# %% [markdown]
# ## Load the network

# %%
from fer.expressions import EXPRESSIONS

# %%
from fer.pictures import decode_upload

# %%
from fer.faces import find_faces

# %%
from fer.model_files import load_network

# %%
from fer.recognition import Recogniser

# %%
models = find_models(REPOSITORY, DRIVE_FOLDER)
recogniser = Recogniser.load(models)
print(f"The network is loaded from {models.resolve().name}/.")

# %% [markdown]
# ## Prepare the camera and the pictures

# %%
from fer.drawing import annotate

# %%
from fer.uploads import ask_for_pictures

# %%
from fer.report import readable, report_picture

# %%
from fer.camera import take_snapshot

# %% [markdown]
# ## Take a picture
#
# Run this cell again for another one.

# %% tags=["interactive"]
import time
from pathlib import Path

from IPython.display import display

RESULTS = Path("results")


def recognise_upload(name: str, content: bytes) -> None:
    display(readable({name: report_picture(recogniser, name, content, RESULTS)}))


in_colab = colab_answers()
if in_colab:
    recognise_upload(time.strftime("webcam-%Y%m%d-%H%M%S.jpg"), take_snapshot())
else:
    print("The camera of the browser is at hand in Colab only, so far. Choose a photo instead:")
    ask_for_pictures(recognise_upload, colab=False)

# %% [markdown]
# ## Or choose a photo
#
# For when there is no camera, or the browser refuses it.

# %% tags=["interactive"]
if in_colab:
    ask_for_pictures(recognise_upload, colab=True)
else:
    print("Use the button above.")
