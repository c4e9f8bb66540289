# %% [markdown]
# # Recognise facial expressions with the webcam
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({{colab}})
#
# Run the cells from top to bottom, press *Start the camera* in the last one, and allow the browser to use it. Then
# *Take a picture*, or *Go live*: every face is boxed, numbered and named **angry, happy, sad, surprise** or
# **neutral** (or as the classes that you trained a network for), with all probabilities, and followed while it moves.
# When you stop, you get a timeline and a CSV.
#
# The camera is the one of your browser. A light in the panel shows whether it is on; it goes off when you stop, leave
# the page or run the cell again. Pictures go to where the notebook runs (your computer, or in Colab your session's
# machine) and no further, and are saved only when you say so.
# No camera? Choose a video or a picture file instead.
#
# *An expression is not a feeling: the network names what a face looks like to the people who labelled its training
# pictures, and it is wrong about once in four. Do not use it to decide about people.*

# %% [markdown]
# ## Set up

# %% tags=["settings"]
# @title Settings
FILE = ""  # @param {type:"string"}
# @markdown The path of a video or a picture in this runtime, to play in place of the camera. Empty: none.
SMOOTHING = 4  # @param {type:"slider", min:1, max:15, step:1}
# @markdown Pictures over which the shown probabilities are averaged, so that they do not flicker. 1: not at all.
JPEG_QUALITY = 0.8  # @param {type:"slider", min:0.3, max:1.0, step:0.1}
# @markdown Of the live pictures; less is faster over a slow connection.
DRIVE_FOLDER = ""  # @param {type:"string"}
# @markdown Colab only: a folder in your Google Drive with your own `fer.json` and `fer.h5`, such as `fer/models`.
REPOSITORY = "{{repository}}"  # @param {type:"string"}
# @markdown Where the trained network comes from when it does not lie beside this notebook.

# %% [markdown]
# ## Helpers (nothing to read here)

# %% tags=["helpers"]
from fer.notebook.setup import prepare_opencv, start_tensorflow

# %%
prepare_opencv()
start_tensorflow()

# %% tags=["helpers"]
from fer.media.videos import read_frames
from fer.notebook.front_end import has_colab_frontend
from fer.notebook.repository import find_models
from fer.recognition.drawing import annotate, as_jpeg, render_figure
from fer.recognition.recogniser import Recogniser
from fer.reports.timeline import plot_timeline, timeline_columns
from fer.webcam.camera import show_camera
from fer.webcam.session import Session, see

# %% [markdown]
# ## Load the network

# %%
models = find_models(REPOSITORY, DRIVE_FOLDER)
recogniser = Recogniser.load(models)
print(f"The network is loaded from {models.resolve().name}/.")

# %% [markdown]
# ## Follow and record faces
#
# Two portraits in the public domain show what will come of it, without a camera: Eileen Collins (NASA, in
# scikit-image) drifts through the picture while the light goes down; Grace Hopper (US Navy, in matplotlib) keeps still.

# %%
# @title Follow the sample
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import skimage
from IPython.display import Image as DisplayedImage
from IPython.display import display
from PIL import Image

RESULTS = Path("results")
collins = Image.fromarray(skimage.data.astronaut()).resize((400, 400))
hopper = Image.open(
    Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
).resize((300, 350))
sample = Session(recogniser, RESULTS, SMOOTHING)
for step in range(25):
    frame = Image.new("RGB", (640, 400), "gray")
    frame.paste(hopper, (340, 50))
    frame.paste(
        collins.point(lambda value, light=1 - step / 30: value * light),
        (2 * step - 70, 0),
    )
    seen = see(sample, np.asarray(frame), seconds=step / 5)
record = pd.DataFrame(sample.rows, columns=timeline_columns(recogniser.classes))
display(
    DisplayedImage(as_jpeg(annotate(np.asarray(frame), pd.DataFrame(seen["faces"]))))
)
display(DisplayedImage(render_figure(plot_timeline(record))))

# %% [markdown]
# The curves are the network's own probabilities; what is written on the picture is smoothed. One row a face a picture:

# %%
record.head(4).round(3)

# %% [markdown]
# ## Use the camera
#
# *Take a picture* shows the still with its bars and its table, as `via_image.ipynb` does; each can be saved. *Go live*
# follows everybody in front of the camera; *Stop* switches the camera off, and saves and draws the record. In Colab the
# cell runs until you press *Finish*, or stop it.

# %% tags=["interactive"]
frames = read_frames(FILE) if FILE else iter(())
session = Session(recogniser, RESULTS, SMOOTHING, frames)
show_camera(session, has_colab_frontend(), JPEG_QUALITY, Path(FILE).name)
