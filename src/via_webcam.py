# %% [markdown]
# # Recognise facial expressions with your webcam
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({{colab}})
#
# ![The live panel: a face in its box, named happy, with a bar for each expression](results/webcam.png)
#
# Each face in front of your camera gets a box, a number, and a probability for **angry, happy, sad, surprise** and
# **neutral**, live. Choose *Runtime → Run all* (JupyterLab: *Run → Run All Cells*); after about half a minute, a panel
# asks you to start the camera.
#
# *An expression is not a feeling: the network names what a face looks like to the people who labelled its training
# pictures, and it is wrong about once in four. Do not use it to decide about people; in the EU, inferring emotions at
# work and in schools is prohibited (AI Act, article 5). Ask before you film anyone.*

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
# ## 1. Your webcam
#
# 1. *Start the camera*, and allow the browser to use it: each face is named, and keeps its number while it moves. A red
#    dot in the panel shows that the camera is on.
# 2. *Take a picture* at any time: it is looked at thoroughly.
# 3. *Stop live* draws a timeline and leaves the camera on; *Turn the camera off* does both. In Colab, then press
#    *Finish*: the cells below wait for it.
#
# Live frames stay in this page, where your network runs, too; only numbers reach the notebook. That needs two libraries
# from cdn.jsdelivr.net. Where they do not come, the panel says so, and the frames go to where the notebook runs (your
# computer, or in Colab your session's machine) and are not kept. Pictures that you take and timelines are saved in
# `results/`, and **become part of this notebook: clear its outputs before you share it.**
#
# No camera? Choose a video or a picture, or play the sample: two portraits in the public domain, of Eileen Collins
# (NASA) and Grace Hopper (US Navy).

# %%
# @markdown ### Settings
FILE = ""  # @param {type:"string"}
# @markdown No camera? The path of a video or a picture to play instead.
SMOOTHING = 4  # @param {type:"slider", min:1, max:15, step:1}
# @markdown Frames over which the shown probabilities are averaged; 1: no averaging.

# @markdown ### More
JPEG_QUALITY = 0.8  # @param {type:"slider", min:0.3, max:1.0, step:0.1}
# @markdown Of the frames that go to the notebook; lower is faster on a slow connection.
DRIVE_FOLDER = ""  # @param {type:"string"}
# @markdown Colab only: a folder in your Google Drive with the `fer.json` and `fer.h5`
# @markdown that you trained, such as `fer/models`; their classes are shown.
REPOSITORY = "{{repository}}"  # @param {type:"string"}
# @markdown GitHub address to fetch the network from; only needed if you uploaded this
# @markdown notebook by hand.

from pathlib import Path

RESULTS = Path("results")
if "show_camera_panel" in globals():
    models = find_models(REPOSITORY, DRIVE_FOLDER)
    recogniser = Recogniser.load(models)
    print(f"Network: {models} ({', '.join(recogniser.classes)})")
    session = Session(recogniser, RESULTS, SMOOTHING, FILE)
    show_camera_panel(session, models, JPEG_QUALITY)
else:
    print(
        "The helpers have to run first: choose Runtime → Run all"
        " (JupyterLab: Run → Run All Cells)."
    )

# %% [markdown]
# ## 2. What was recorded
#
# After *Stop live*, run this cell: a row for each face in each frame, with its box in pixels and the probabilities as
# they are. (In the live view they are averaged over the last few frames, so that they do not flicker.)

# %%
if session.timeline.empty:
    print("Nothing is recorded yet: go live, press Stop live, and run this cell again.")
session.timeline.round(3).head()

# %% [markdown]
# ## 3. How the page grabs a frame
#
# Python cannot reach your camera, but the page can. This JavaScript, a part of the panel, grabs what the camera shows.
# A worker in the page finds the faces with OpenCV and asks your network about each with LiteRT, both compiled to
# WebAssembly, by the same rules as in Python. The page draws boxes and bars over the picture, up to 30 times a second,
# and sends the numbers to the kernel every other second. A picture that you take goes there as a JPEG.

# %%
from IPython.display import Markdown

Markdown(f"```javascript\n{CAPTURE_JS}```")

# %% [markdown]
# ## 4. Download the results
#
# One zip with your pictures, tables and timelines.

# %% tags=["interactive"]
download_results(RESULTS)
