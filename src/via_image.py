# %% [markdown]
# # Recognise facial expressions in photos and videos
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({{colab}})
#
# **Choose *Runtime → Run all*** (JupyterLab: *Run → Run All Cells*). After about a minute, section 2 asks for your
# photo; section 6 downloads the results.
#
# <img src="results/astronaut.png" width="250" alt="The portrait of Eileen Collins: a box around her face says happy">
#
# Bring a photo: the faces found in it are boxed and named **angry, happy, sad, surprise** or **neutral**, with a
# probability for each expression, and a map of the parts of the face that mattered. Many photos, a zip or a video work
# as well. Pictures, tables and maps are saved in `results/`.

# %% tags=["settings"]
# @markdown ### Settings
SOURCE = ""  # @param {type:"string"}
# @markdown The path of a picture, a folder, a zip or a video in this runtime,
# @markdown or the web address (`https://…`) of a picture. Empty: section 2 asks you.
# @markdown Colab: your Drive's folders begin with `/content/drive/MyDrive/` once you
# @markdown have clicked the Drive symbol in the file list.

# @markdown ### More
FRAMES_PER_SECOND = 5  # @param {type:"slider", min:1, max:30, step:1}
# @markdown How many frames of each second of a video are recognised.
DRIVE_FOLDER = ""  # @param {type:"string"}
# @markdown Colab only: a folder in your Google Drive with your own `fer.json` and
# @markdown `fer.h5`, such as `fer/models`. Faces are named as the classes you trained.
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
from fer.media.samples import write_sample_video, write_sample_zip
from fer.notebook.repository import find_models
from fer.notebook.uploads import ask_for_files, download_results
from fer.recognition.recogniser import Recogniser
from fer.reports.sources import Reporter

# %% [markdown]
# ## 1. How a picture is recognised
#
# Faces are found in the grey picture and cut out; the network gives each a probability for every expression.

# %%
from fer.recognition.picture import recognise_picture

# %%
models = find_models(REPOSITORY, DRIVE_FOLDER)
recogniser = Recogniser.load(models)
print(f"Network: {models} ({', '.join(recogniser.classes)})")

# %% [markdown]
# ## 2. Your photo
#
# Choose one file or several: photos, a zip, a video. Cancel, and two sample portraits are recognised. In Jupyter, type
# the path of anything above 10 MB into `SOURCE` at the top, run that cell, then the cell below this text. Photos are
# turned as the camera noted. iPhone photos (HEIC): first run `%pip install pillow-heif` in a new cell.
#
# In Colab your files go to a computer of Google's, which is erased after the session. The notebook keeps the pictures
# it shows: clear its outputs before you share it.
#
# Faces are numbered from the largest. *confidence* is the largest probability; *x, y, width, height* give the box in
# pixels. A face is called *uncertain* where no expression gets at least half of the probability; then the two likeliest
# are named.

# %%
reporter = Reporter(recogniser, frames_per_second=FRAMES_PER_SECOND)
if SOURCE:
    reporter.report(SOURCE)
else:
    ask_for_files(reporter.report_uploads, field="SOURCE")

# %% [markdown]
# An expression is not a feeling: the network names what a face looks like to the people who labelled its training
# pictures, and it is wrong about once in four. Do not use it to decide about people.

# %% [markdown]
# ## 3. Why?
#
# Patches of the face are blurred, one after another, and the network is asked again. Where that lowers the probability
# of an expression, the patch spoke for it; where it raises it, against it. Middle: the likeliest expression. Right: the
# second. Red parts speak for it, blue against it, in percentage points; each row has its own scale. For another face,
# change `FACE`, then run this cell again.

# %%
FACE = 1
reporter.explain(FACE)

# %% [markdown]
# ## 4. Sample: many pictures
#
# A folder, a zip or more than a dozen uploads give one table with a row per face, contact sheets and a count. What
# cannot be read is listed, and the rest goes on. Stop the cell whenever you like: run again, it goes on from there. The
# sample is a zip of both portraits (as they are, mirrored, dark, blurred) and a text file named `notes.jpg`.

# %%
reporter.report_sample("portraits.zip", write_sample_zip)

# %% [markdown]
# ## 5. Sample: a video
#
# A few frames of each second are recognised, and every face keeps its number. You get a timeline, its table, and the
# video with boxes and its sound. In the sample, Eileen Collins drifts through the picture while the light goes down;
# Grace Hopper's portrait stands still.

# %%
reporter.report_sample("drifting.mp4", write_sample_video)

# %% [markdown]
# ## 6. Download the results
#
# Colab's disk is lost when the session ends: this hands over all that this session saved in `results/`, as one zip.

# %%
download_results()
