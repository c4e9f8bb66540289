# %% [markdown]
# # Recognise facial expressions in photos and videos
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({{colab}})
#
# ![The portrait of Eileen Collins with a box around her face that says happy](results/astronaut.png)
#
# Bring a photo: every face in it is boxed and named **angry, happy, sad, surprise** or **neutral** (or as the classes
# that you trained a network for), with all probabilities and the parts of the face that they hang on. Many photos, a
# zip or a video work as well, and everything is saved as pictures and tables.
#
# Choose *Run all*: after a minute, half of which is the start of TensorFlow, section 2 asks for your photo.

# %% tags=["settings"]
# @markdown ### Settings
SOURCE = ""  # @param {type:"string"}
# @markdown The path of a picture, a folder, a zip or a video in this runtime,
# @markdown or the web address (`https://…`) of a picture. Empty: section 2 asks you.

# @markdown ### More
FRAMES_PER_SECOND = 5  # @param {type:"slider", min:1, max:30, step:1}
# @markdown How many frames of each second of a video are recognised.
DRIVE_FOLDER = ""  # @param {type:"string"}
# @markdown Colab only: a folder in your Google Drive with your own `fer.json` and
# @markdown `fer.h5`, such as `fer/models`.
REPOSITORY = "{{repository}}"  # @param {type:"string"}
# @markdown Where the network comes from, unless Colab opened this from GitHub.

# %% [markdown]
# ## Helpers (nothing to read here)

# %% tags=["helpers"]
from fer.notebook.setup import prepare_opencv, start_tensorflow

# %%
prepare_opencv()
start_tensorflow()

# %% tags=["helpers"]
from fer.media.samples import write_sample_video, write_sample_zip
from fer.notebook.front_end import no_vertical_scroll
from fer.notebook.repository import find_models
from fer.notebook.uploads import ask_for_files, download_results
from fer.recognition.explanation import explain_face
from fer.recognition.recogniser import Recogniser
from fer.reports.sources import Reporter

# %% [markdown]
# ## 1. Set up
#
# This is how a picture is recognised: faces are found in its grey values and cut out, and the network, which is loaded
# once, gives each of them a probability for every expression.

# %%
from fer.recognition.picture import recognise_picture

# %%
from pathlib import Path

models = find_models(REPOSITORY, DRIVE_FOLDER)
recogniser = Recogniser.load(models)
RESULTS = Path("results")
print(f"The network is loaded from {models.resolve().name}/.")

# %% [markdown]
# ## 2. Your photo
#
# Choose one file or several: photos, a zip, a video. Cancel, and two sample portraits are recognised. In Jupyter, type
# the path of anything above 10 MB into `SOURCE` at the top, run that cell, then the next one. Sideways photos are
# turned; HEIC needs `%pip install pillow-heif`. Your files stay where this notebook runs: on your computer, or on your
# session's machine in Colab.

# %%
no_vertical_scroll()
reporter = Reporter(recogniser, RESULTS, FRAMES_PER_SECOND)
if SOURCE:
    reporter.report_source(SOURCE)
else:
    ask_for_files(reporter.report_uploads, field="SOURCE")

# %% [markdown]
# A face is called *uncertain* where no expression gets at least half of the probability; then the two likeliest are
# named. An expression is not a feeling: the network names what a face looks like to the people who labelled its
# training pictures, and it is wrong about once in four. Do not use it to decide about people.

# %% [markdown]
# ## 3. Why?
#
# Patches of the face are blurred, one after another, and the network is asked again. Where that lowers the probability
# of an expression, the patch spoke *for* it, and the map is red; where it raises it, the patch spoke *against* it, and
# the map is blue. The map in the middle is that of the answer, the one on the right that of the runner-up; the bar
# tells by how many percentage points the probability changes. For a photo that you chose after *Run all*, or for
# another face, run this cell again.

# %%
no_vertical_scroll()
FACE = 1
for picture in reporter.pictures:
    explain_face(recogniser, picture, FACE)

# %% [markdown]
# ## 4. Many pictures
#
# A folder, a zip or more than a dozen uploads give one table with a row a face, contact sheets and a count. What cannot
# be read is listed and stops nothing. Stop the cell whenever you like: run again, it goes on from there. Unless you
# brought something of your own, here is a zip of both portraits in four states, and of a text that calls itself a
# picture. (Blurred, Grace Hopper's face is uncertain: too little is left to see.)

# %%
no_vertical_scroll()
samples = Reporter(recogniser, RESULTS / "samples", FRAMES_PER_SECOND)
if not reporter.has_own:
    samples.report_source(str(write_sample_zip(RESULTS / "samples" / "portraits.zip")))

# %% [markdown]
# ## 5. A video
#
# A few frames of each second are recognised, and every face keeps its number. You get a timeline, its table, and the
# video with boxes and its sound. Unless you brought something of your own, here is a sample, in which Eileen Collins
# drifts through the picture while the light goes down, and Grace Hopper keeps still.

# %%
no_vertical_scroll()
if not reporter.has_own:
    samples.report_source(str(write_sample_video(RESULTS / "samples" / "drifting.mp4")))

# %% [markdown]
# ## 6. Download the results
#
# Colab's disk is lost when the session ends: this hands over all that was saved in `results/`, as one zip.

# %%
download_results(RESULTS)
