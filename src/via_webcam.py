# %% [markdown]
# # Recognise facial expressions with your webcam
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({{colab}})
#
# ![The live panel: a face in its box, named happy, with a bar for each expression](results/webcam.png)
#
# Every face in front of your camera is boxed, numbered and named **angry, happy, sad, surprise** or **neutral** (or as
# the classes that you trained a network for), live and with all probabilities. Choose *Run all*; after about half a
# minute, a panel asks you to start the camera.
#
# *An expression is not a feeling: the network names what a face looks like to the people who labelled its training
# pictures, and it is wrong about once in four. Do not use it to decide about people.*

# %% tags=["settings"]
# @markdown ### Settings
FILE = ""  # @param {type:"string"}
# @markdown No camera? The path of a video or a picture to play instead.
SMOOTHING = 4  # @param {type:"slider", min:1, max:15, step:1}
# @markdown Frames over which shown probabilities are averaged. 1: not at all.

# @markdown ### More
JPEG_QUALITY = 0.8  # @param {type:"slider", min:0.3, max:1.0, step:0.1}
# @markdown Of the live frames; less is faster over a slow connection.
DRIVE_FOLDER = ""  # @param {type:"string"}
# @markdown Colab only: a folder in your Google Drive with your own `fer.json` and
# @markdown `fer.h5`, such as `fer/models`.
REPOSITORY = "{{repository}}"  # @param {type:"string"}
# @markdown GitHub address to fetch the network from; only needed if you uploaded this
# @markdown notebook by hand.

# %% [markdown]
# ## Helpers (nothing to read here)

# %% tags=["helpers"]
from fer.notebook.setup import prepare_opencv, start_tensorflow

# %%
prepare_opencv()
start_tensorflow()

# %% tags=["helpers"]
from fer.notebook.repository import find_models
from fer.notebook.uploads import download_results
from fer.recognition.recogniser import Recogniser
from fer.webcam.panel import CAPTURE_JS, show_camera_panel
from fer.webcam.session import Session

# %% [markdown]
# ## 1. Set up
#
# Load the trained network.

# %%
from pathlib import Path

models = find_models(REPOSITORY, DRIVE_FOLDER)
recogniser = Recogniser.load(models)
print(f"Network: {models} ({', '.join(recogniser.classes)})")

# %% [markdown]
# ## 2. Your webcam
#
# Press *Start the camera* and allow the browser to use it: each face is named, and keeps its number while it moves.
# *Take a picture* at any time. *Stop live* draws a timeline and leaves the camera on; *Turn the camera off* does both.
# In Colab, the cell runs until you press *Finish*.
#
# What you take and record appears in the panel and below it, stays in this notebook when you save it, and is saved in
# `results/`. Live frames stay in this page, where your network runs, too: only numbers reach the notebook. That needs
# two libraries from cdn.jsdelivr.net; where they do not come, the panel says so, and the frames go to where the
# notebook runs (your computer, or in Colab your session's machine) and are not kept. A red light shows when the camera
# is on.
#
# No camera? Choose a video or a picture, or play the sample: two portraits in the public domain, of Eileen Collins
# (NASA) and Grace Hopper (US Navy).

# %%
RESULTS = Path("results")
session = Session(recogniser, RESULTS, SMOOTHING, FILE)
show_camera_panel(session, models, JPEG_QUALITY)

# %% [markdown]
# ## 3. What was recorded
#
# After *Stop live*, run this cell: a row for each face in each frame, with its box in pixels and the network's own
# probabilities. (On the picture they are averaged over the last few frames, so that they do not flicker.)

# %%
session.timeline.round(3).head()

# %% [markdown]
# ## 4. How the page grabs a frame
#
# Python cannot reach your camera, but the page can. This JavaScript, a part of the panel, grabs what the camera shows.
# A worker in the page finds the faces with OpenCV and asks your network about each with LiteRT, both compiled to
# WebAssembly, by the same rules as in Python. The page draws boxes and bars over the picture, up to 30 times a second,
# and sends the numbers to the kernel every other second. A picture that you take goes there as a JPEG.

# %%
from IPython.display import Markdown

Markdown(f"```javascript\n{CAPTURE_JS}```")

# %% [markdown]
# ## 5. Download the results
#
# One zip with your pictures, tables and timelines.

# %% tags=["interactive"]
download_results(RESULTS)
