# %% [markdown]
# # Recognise facial expressions in a photo
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({{colab}})
#
# Run the cells from top to bottom. Two sample portraits come first; then it is your turn to choose a photo. Every
# face is boxed, numbered and named **angry, happy, sad, surprise** or **neutral**, with all five probabilities.
# Picture and table are saved in `results/`. Your photos stay in this runtime.
#
# *An expression is not a feeling: the network names what a face looks like to the people who labelled its training
# pictures, and it is wrong about once in four. Do not use it to decide about people.*

# %% [markdown]
# ## Set up

# %%
# @title Settings
PICTURE = ""  # @param {type:"string"}
# @markdown The path of a photo in this runtime. Empty: you are asked to choose one.
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
from fer.haar import run_cascade

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
# ## Try the sample portraits
#
# Both are in the public domain and come with Python packages: Rear Admiral Grace Hopper (US Navy, in matplotlib) and
# the astronaut Eileen Collins (NASA, in scikit-image).

# %%
from fer.drawing import annotate

# %%
from fer.uploads import ask_for_pictures, read_picture_file

# %%
from fer.report import readable, report_picture

# %%
# @title Recognise the samples
from pathlib import Path

import matplotlib
import skimage
from IPython.display import display

RESULTS = Path("results")
samples = [
    Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg",
    Path(skimage.__file__).parent / "data" / "astronaut.png",
]
tables = {path.name: report_picture(recogniser, path.name, path.read_bytes(), RESULTS) for path in samples}

# %%
readable(tables)

# %% [markdown]
# ## Recognise your own photo
#
# Choose one or several. JPEG, PNG, WebP, GIF, BMP and TIFF are read (HEIC photos of an iPhone: export them as JPEG);
# sideways phone photos are turned.


# %% tags=["interactive"]
def recognise_upload(name: str, content: bytes) -> None:
    display(readable({name: report_picture(recogniser, name, content, RESULTS)}))


if PICTURE:
    recognise_upload(*read_picture_file(PICTURE))
else:
    ask_for_pictures(recognise_upload, colab=colab_answers())
