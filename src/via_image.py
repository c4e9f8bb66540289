# %% [markdown]
# # Recognise facial expressions in photos and videos
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({{colab}})
#
# Run the cells from top to bottom. Two sample portraits show what you get; then it is your turn, with a photo, many
# photos, or a video. Every face is boxed, numbered and named **angry, happy, sad, surprise** or **neutral** (or as the
# classes that you trained a network for), with all probabilities; where the network is not sure, it says so. Everything
# is saved in `results/`, and your pictures stay where the notebook runs: on your computer, or in Colab on a machine of
# your own for the session, whose disk is lost when the runtime ends. There, download `results/` before (folder icon on
# the left).
#
# *An expression is not a feeling: the network names what a face looks like to the people who labelled its training
# pictures, and it is wrong about once in four. Do not use it to decide about people.*

# %% [markdown]
# ## Set up

# %% tags=["settings"]
# @title Settings
SOURCE = ""  # @param {type:"string"}
# @markdown The path of a picture, a folder, a zip or a video in this runtime, or the web address (`https://…`) of a
# @markdown picture. Empty: you are asked to choose files.
FRAMES_PER_SECOND = 5  # @param {type:"slider", min:1, max:30, step:1}
# @markdown How many frames of each second of a video are recognised.
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
from fer.media.collections import list_zip
from fer.media.videos import open_video
from fer.notebook.repository import find_models
from fer.notebook.uploads import ask_for_files
from fer.recognition.explanation import explain_face
from fer.recognition.recogniser import Recogniser
from fer.reports.overview import report_collection
from fer.reports.picture import format_faces, report_picture
from fer.reports.sources import Reporter
from fer.reports.video import report_video, video_writer

# %% [markdown]
# ## Load the network

# %%
models = find_models(REPOSITORY, DRIVE_FOLDER)
recogniser = Recogniser.load(models)
print(f"The network is loaded from {models.resolve().name}/.")

# %% [markdown]
# ## One picture
#
# The samples are in the public domain and come with Python packages: Rear Admiral Grace Hopper (US Navy, in matplotlib)
# and the astronaut Eileen Collins (NASA, in scikit-image). A face is called *uncertain* where no expression gets at
# least half of the probability; then the two likeliest are named.

# %%
# @title Recognise the samples
from pathlib import Path

import matplotlib
import skimage

RESULTS = Path("results")
HOPPER = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
COLLINS = Path(skimage.__file__).parent / "data" / "astronaut.png"
samples = [
    report_picture(recogniser, path.name, path.read_bytes(), RESULTS)
    for path in (HOPPER, COLLINS)
]

# %%
format_faces({picture.name: picture.table for picture in samples})

# %% [markdown]
# ## Why?
#
# Patches of the face are blurred, one after another, and the network is asked again. Where that lowers the probability
# of an expression, the patch spoke *for* it, and the map is red; where it raises it, the patch spoke *against* it, and
# the map is blue. The map in the middle is that of the answer, the one on the right that of the runner-up; the bar
# tells by how many percentage points the probability changes.

# %%
for picture in samples:
    explain_face(recogniser, picture, number=1)

# %% [markdown]
# ## Many pictures
#
# A folder, a zip or several uploads give one CSV with a row a face, a contact sheet and a count. What cannot be read is
# listed and stops nothing. Stop the cell whenever you like: run again, it goes on from there. Here with a zip of both
# portraits in various states, and of a text that calls itself a picture. (Blurred, Grace Hopper is called sad, with 54
# %: too little is left to see, and the network does not notice. Mirrored, a face gets the same answer, but the box
# around it may lie a pixel elsewhere: 55 % neutral above, 53 % here.)

# %%
# @title Recognise a zip
import shutil
import zipfile

from PIL import Image, ImageFilter, ImageOps

SAMPLES = RESULTS / "samples"
STATES = {
    "as JPEG": lambda picture: picture,
    "mirrored": ImageOps.mirror,
    "dim": lambda picture: picture.point(lambda value: value // 5),
    "blurred": lambda picture: picture.filter(ImageFilter.GaussianBlur(6)),
}
shutil.rmtree(SAMPLES, ignore_errors=True)
SAMPLES.mkdir(parents=True)
portraits = {
    "Collins": Image.open(COLLINS).convert("RGB"),
    "Hopper": Image.open(HOPPER),
}
with zipfile.ZipFile(SAMPLES / "portraits.zip", "w") as archive:
    archive.writestr("notes.jpg", "Both portraits are in the public domain.")
    for name, portrait in portraits.items():
        for state, change in STATES.items():
            with archive.open(f"{name}/{state}.jpg", "w") as file:
                change(portrait).save(file, "JPEG")
report_collection(
    recogniser,
    list_zip(SAMPLES / "portraits.zip", "portraits.zip"),
    "portraits.zip",
    SAMPLES / "zip",
)

# %% [markdown]
# ## A video
#
# A few frames of each second are recognised, and every face keeps its number. You get a timeline, its CSV, and the
# video with boxes (without sound). In the sample, Eileen Collins drifts through the picture while the light goes down;
# Grace Hopper keeps still.

# %%
# @title Recognise a video
import numpy as np

collins, hopper = (
    portraits["Collins"].resize((400, 400)),
    portraits["Hopper"].resize((300, 350)),
)
writer = video_writer(SAMPLES / "portraits.mp4", (400, 640, 3), per_second=10)
for step in range(50):
    frame = Image.new("RGB", (640, 400), "gray")
    frame.paste(hopper, (340, 50))
    frame.paste(
        collins.point(lambda value, light=1 - step / 60: value * light), (step - 70, 0)
    )
    writer.send(np.asarray(frame))
writer.close()
clip = open_video(SAMPLES / "portraits.mp4", "portraits.mp4", FRAMES_PER_SECOND)
report_video(recogniser, clip, "portraits.mp4", SAMPLES)

# %% [markdown]
# ## Your turn
#
# Choose one picture or several, a zip, or a video. (In Jupyter, type the path of anything above 10 MB into `SOURCE`
# near the top, run that cell, then the next one here.) JPEG, PNG, WebP, AVIF, GIF, BMP and TIFF are read, and HEIC
# where `pillow-heif` is installed; sideways phone photos are turned.

# %% tags=["interactive"]
desk = Reporter(recogniser, RESULTS, FRAMES_PER_SECOND)
if SOURCE:
    desk.take_source(SOURCE)
else:
    ask_for_files(desk.take_uploads, field="SOURCE")

# %% [markdown]
# Why that answer? Choose a face of the last single picture (as long as there was none, of Eileen Collins).

# %% tags=["interactive"]
# @title Explain a face
FACE = 1  # @param {type:"integer"}
explain_face(recogniser, desk.latest or samples[-1], FACE)
