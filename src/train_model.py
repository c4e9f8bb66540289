# %% [markdown]
# # Train a network to recognise facial expressions
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({{colab}})
#
# From the 24,176 labelled faces of FER-2013 that show these expressions, or from your own pictures, this notebook
# trains a network that tells **angry, happy, sad, surprise** and **neutral** apart, and measures how often it is right.
#
# ![The share of each expression that the network names as labelled](results/confusion.png)
#
# 1. In Colab, choose *Runtime → Change runtime type → T4 GPU*.
# 2. The first time, tick `QUICK_TRY` below: a weak network in five minutes. All of it takes about an hour on a T4 (an
#    estimate); without a GPU set `TEACHERS = 0`, which takes two to three hours.
# 3. Choose *Runtime → Run all* (JupyterLab: *Run → Run All Cells*). The last cell hands you the network.
#
# After an interruption, *Run all* goes on where the training was; in Colab, tick `SAVE_TO_DRIVE` for that.

# %% tags=["settings"]
# @title Settings
NETWORK = "modern"  # @param ["modern", "original"]
# @markdown `modern` is the better one; `original` is the one this project started from.
FER2013 = ""  # @param {type:"string"}
# @markdown A Kaggle folder, an archive of it, or a CSV: its path, web address, or (in
# @markdown Colab) `upload`. Empty: `data/fer2013.csv` if it is there, else a download.
QUICK_TRY = False  # @param {type:"boolean"}
# @markdown A fifth of the faces, ten epochs, no teachers: about five minutes on two cores.
# @markdown ### More
TEACHERS = 3  # @param {type:"slider", min:0, max:5, step:1}
# @markdown Larger networks, trained first: `modern` learns their mean answer, not the labels.
EPOCHS = 0  # @param {type:"integer"}
STOP_ACCURACY = 0.0  # @param {type:"number"}
STOP_VAL_ACCURACY = 0.0  # @param {type:"number"}
# @markdown Training stops after so many epochs, or once both accuracies (0–1) are above
# @markdown these. 0: as `NETWORK` was trained here.
PICTURES = ""  # @param {type:"string"}
# @markdown Your own pictures in place of FER-2013: a folder (or a zip, its web address, or
# @markdown `upload`) with a sub-folder for each class, a hundred pictures in each or more.
# @markdown Folders around these named train, val and test, or after people, are heeded.
WHOLE_PICTURE = False  # @param {type:"boolean"}
# @markdown Take the whole of your own pictures. Off: the largest face in each.
FER_PLUS = False  # @param {type:"boolean"}
# @markdown Label FER-2013 as ten people voted: `fer2013new.csv` lies beside its CSV.
START_FROM = "scratch"  # @param ["scratch", "shipped network"]
# @markdown With few pictures or no GPU, start from the shipped network: it knows faces.
KEEP_DUPLICATES = False  # @param {type:"boolean"}
# @markdown Also train on pictures that occur in the test data, which makes the test unfair.
SEED = 22  # @param {type:"integer"}
BACKEND = ""  # @param ["", "tensorflow", "jax", "torch"]
# @markdown What Keras computes with. Empty: TensorFlow, or what is installed.
SAVE_TO_DRIVE = False  # @param {type:"boolean"}
# @markdown Colab: keep everything in the folder `fer` of your Google Drive, so that a
# @markdown training also survives its runtime.
EXPORT = False  # @param {type:"boolean"}
# @markdown Also write the network for phones, browsers and other programs (ONNX, LiteRT).
REPOSITORY = "{{repository}}"  # @param {type:"string"}
# @markdown GitHub address to fetch the network from; only needed if you uploaded this
# @markdown notebook by hand.

# %% [markdown]
# ## Helpers (nothing to read here)

# %% tags=["helpers"]
from fer.notebook.errors import UserError, check_writable
from fer.notebook.front_end import mount_drive
from fer.notebook.setup import prepare_exporters, prepare_opencv, start_keras
from fer.notebook.uploads import download_files

# %%
from functools import partial
from pathlib import Path

prepare_opencv()
start_keras(BACKEND)
if EXPORT:
    prepare_exporters()
if NETWORK not in ("modern", "original"):
    raise UserError(f"NETWORK is {NETWORK!r}; choose modern or original.")
if START_FROM not in ("scratch", "shipped network"):
    raise UserError(f"START_FROM is {START_FROM!r}; choose scratch or shipped network.")
FINE_TUNE = START_FROM == "shipped network"
if FINE_TUNE and NETWORK != "modern":
    raise UserError("The shipped network is a modern one: choose modern, or scratch.")
if EPOCHS < 0 or TEACHERS < 0:
    raise UserError(f"EPOCHS {EPOCHS} and TEACHERS {TEACHERS} must be 0 or more.")
if not 0 <= SEED < 2**32:
    raise UserError(f"SEED is {SEED}; it must be from 0 to 4,294,967,295.")
if not (0 <= STOP_ACCURACY <= 1 and 0 <= STOP_VAL_ACCURACY <= 1):
    raise UserError(
        f"The thresholds {STOP_ACCURACY} and {STOP_VAL_ACCURACY} must be from 0 to 1:"
        " 0.75 is 75 %."
    )
TEACHERS = 0 if QUICK_TRY or FINE_TUNE or NETWORK == "original" else TEACHERS
EPOCHS = EPOCHS or 10 * QUICK_TRY
RUN = "fine-tuned" if FINE_TUNE else NETWORK
RUN += "-with-duplicates" * KEEP_DUPLICATES + "-fer-plus" * FER_PLUS
RUN += "-try" * (QUICK_TRY or EPOCHS > 0)
HOME = mount_drive("SAVE_TO_DRIVE is on") / "fer" if SAVE_TO_DRIVE else Path()
DATA, MODELS = HOME / "data", HOME / "models"
RECORDS = HOME / "results" / ("own" if PICTURES else "")
RESULTS = RECORDS if RUN == "modern" and not PICTURES else RECORDS / RUN
VALIDATION = "validation" if PICTURES else "PublicTest"
check_writable(DATA, MODELS, RESULTS)

# %% tags=["helpers"]
from fer.data.dataset import class_counts, split_held_out
from fer.data.download import find_fer2013, find_own_pictures
from fer.data.fer2013 import check_complete, read_fer2013, write_csv
from fer.data.own_pictures import read_own_pictures
from fer.data.samples import portrait_faces
from fer.data.splits import clean_splits, find_leaked
from fer.evaluation.block_diagram import plot_architecture
from fer.evaluation.calibration import (
    MIN_CALIBRATION_FACES,
    apply_temperature_to_network,
    fit_temperature,
    reliability_table,
    risk_coverage_table,
)
from fer.evaluation.figures import (
    plot_augmentations,
    plot_confusion,
    plot_errors,
    plot_history,
    plot_mean_faces,
    plot_reliability,
    plot_robustness,
    plot_samples,
)
from fer.evaluation.metrics import (
    choose_save_folder,
    comparison_table,
    evaluate,
    most_confident_errors,
    predict,
)
from fer.evaluation.robustness import robustness_table
from fer.network.architectures import build_original, multiply_adds
from fer.network.export import check_exported, export_network
from fer.network.files import load_network, save_network
from fer.network.transfer import build_from_pretrained, find_pretrained
from fer.training.augmentation import Augmentation
from fer.training.devices import estimate_hours, find_devices, in_dtype_policy
from fer.training.fit import is_finished, run_folder, train_teachers
from fer.training.recipes import RECIPES

# %% [markdown]
# ## 1. Get the data
#
# FER-2013 is the data of a Kaggle challenge of 2013: grey faces of 48 × 48 pixels in three splits. *Training* is
# learnt from; *PublicTest* is our validation split; *PrivateTest* is the final test. *Disgust* and *fear* are left
# out, so figures here do not compare with those for seven classes. The rest becomes one table, `data/fer2013.csv`.
#
# Where no split is given, one picture in eight is kept for validation, or whole folders where these are people; copies
# of a picture never land on both sides.

# %%
import pandas as pd

if PICTURES:
    source = find_own_pictures(PICTURES, DATA)
    faces, problems = read_own_pictures(source, WHOLE_PICTURE)
    pd.DataFrame({"problem": problems}).to_csv(RESULTS / "problems.csv", index=False)
else:
    source = find_fer2013(FER2013, DATA / "fer2013.csv")
    faces, problems = read_fer2013(source, FER_PLUS)
    check_complete(faces)
    if source != DATA / "fer2013.csv" and not FER_PLUS:
        write_csv(faces, DATA / "fer2013.csv")
print(f"{len(problems)} bad rows or files left out{':' if problems else '.'}")
print(*problems[:20], sep="\n", end="\n" * bool(problems))
if len(problems) > 20:
    print(f"… and {len(problems) - 20} more.")
class_counts(faces).rename(index={"PublicTest": VALIDATION})

# %% [markdown]
# The mean face of each expression already shows mouths and brows.

# %%
figure = plot_mean_faces(faces)

# %% [markdown]
# A network that has seen a test picture is not tested by it. So pictures that occur in a test split, too, leave the
# training data, and so do those that occur there under two labels.

# %%
training, validation, leaked = clean_splits(faces, KEEP_DUPLICATES, bool(PICTURES))
if QUICK_TRY:
    training = training.select(slice(None, None, 5))  # their order is by class
    print(f"A quick try with every fifth: {len(training.labels):,} pictures.")

# %% [markdown]
# Labels are noisy: on FER-2013's seven classes, people named 65 ± 5 % as labelled (Goodfellow et al. 2013). Run this
# cell to see some faces; FER-2013's are not ours to publish.

# %% tags=["dataset-pictures"]
figure = plot_samples(training, each=10, seed=SEED)

# %% [markdown]
# ## 2. Build the network
#
# It takes raw grey values 0–255: scaling is its first layer, so that training and use cannot feed it differently.

# %%
from fer.network.architectures import build_modern

# %% [markdown]
# Two of its parts: a convolution with batch normalisation, and *squeeze and excite*, which weights the channels by
# what is in the face.

# %%
from fer.network.architectures import convolve, squeeze_and_excite

# %% [markdown]
# A face in a mirror has the same expression. So channels come in pairs: what one sees in a face, the other sees in its
# mirror image. (One point more of accuracy.)

# %%
from fer.network.architectures import make_mirror_equivariant

# %%
import keras
import numpy as np

devices = find_devices()
print(devices)
recipe = RECIPES["fine-tune" if FINE_TUNE else NETWORK]
recipe = RECIPES["student"] if TEACHERS else recipe
recipe = recipe.limited_to(EPOCHS, STOP_ACCURACY, STOP_VAL_ACCURACY)
recipe = recipe.for_devices(devices.count)
if FINE_TUNE:
    build = partial(build_from_pretrained, find_pretrained(MODELS, REPOSITORY))
else:
    build = build_modern if NETWORK == "modern" else build_original
build = partial(build, classes=len(faces.classes))
keras.utils.set_random_seed(SEED)
with devices.scope():
    student = in_dtype_policy(devices.dtype_policy, build)
plot_architecture(student).savefig(RESULTS / "cnn-architecture.png", dpi=120)

# %% [markdown]
# ## 3. Train the network
#
# The recipe; from `shift` on, how much faces are changed:

# %%
settings = recipe._asdict() | recipe.augmentation
settings.pop("augmentation")
pd.Series(settings, name="recipe").to_frame()

# %% [markdown]
# In each epoch every face is changed anew, so that the network cannot learn pictures by heart. `Augmentation` is a
# layer in front of the network and part of the compiled step. Here it changes two portraits in the public domain:

# %%
augmentation = Augmentation(**recipe.augmentation, seed=SEED)
portraits = portrait_faces()
changed = augmentation(np.repeat(portraits, 10, axis=0), training=True)
changed = keras.ops.convert_to_numpy(changed).round().astype(np.uint8)
figure = plot_augmentations(portraits, changed)

# %% [markdown]
# With `mixup_alpha` above 0, faces are also blended in pairs, and their labels in the same shares (*mixup*).
#
# `original` stops once its accuracy is above 75 % and its validation accuracy above 71 %; `modern` runs all epochs.

# %%
from fer.training.callbacks import StopAtAccuracy

# %% [markdown]
# Labels are noisy, and several networks together are right more often than one. So `modern` learns only the mean
# answer of its teachers (*distillation*): networks twice as wide, trained on the labels, that see the same changed
# faces.

# %%
from fer.training.training_model import TrainingModel

# %% [markdown]
# Now the usual steps of Keras: an optimiser, `compile`, and `fit` with callbacks. The last epoch's weights are kept:
# to pick the best epoch would be to choose on the data that the network is judged by.

# %%
from fer.training.fit import make_optimizer

# %%
from fer.training.fit import compile_model

# %% [markdown]
# `MixupBatches` shuffles and blends; `Checkpoint` keeps every epoch, so that a training that was cut off goes on.

# %%
from fer.training.fit import train

# %%
training, held_out = split_held_out(training, recipe.held_out_fraction)
print(f"{len(held_out.labels):,} of the training faces are held out for calibration.")
teacher_recipe = RECIPES["teacher"].limited_to(EPOCHS, 0, 0)
teacher_recipe = teacher_recipe.for_devices(devices.count)
RUNS = MODELS / "runs"
folder = run_folder(RUNS, recipe, training, SEED, f"{student.name} {TEACHERS}")
is_trained = is_finished(folder, recipe)
if is_trained:
    print(f"This network was trained before: it is read back from {folder}.")
else:
    count = len(training.labels)
    hours = estimate_hours(devices, student, count, recipe, TEACHERS, teacher_recipe)
    print(f"Estimated time: {hours:,.1f} hours.")
if TEACHERS and devices.kind == "CPU" and not is_trained:
    print(
        "Too long? Stop this cell; set TEACHERS = 0 (two to three hours) or tick"
        " QUICK_TRY (five minutes); run all cells again."
    )

# %% [markdown]
# ### Teachers

# %%
teachers = ()
if TEACHERS and not is_trained:
    teachers = train_teachers(
        TEACHERS,
        partial(build, width_factor=teacher_recipe.width_factor),
        teacher_recipe,
        training,
        validation,
        RUNS,
        SEED,
        devices,
    )

# %% [markdown]
# ### The network

# %%
history = train(student, recipe, training, validation, folder, SEED, devices, teachers)
network = in_dtype_policy("float32", build)  # every machine computes it alike
network.set_weights(student.get_weights())

# %% [markdown]
# Training accuracy is measured on changed faces, validation accuracy on faces as they are; so the two do not compare.

# %%
history.to_csv(RESULTS / "history.csv", index=False, float_format="%.5f")
figure = plot_history(history, recipe.stop_accuracy, recipe.stop_val_accuracy)
figure.savefig(RESULTS / "acc-loss.png", dpi=120)

# %% [markdown]
# ## 4. Calibrate the network
#
# Of the faces that it calls *happy* with 80 % confidence, 80 % should be happy. One number, the temperature, brings it
# closer to that: it is fitted on the held-out faces, and its effect goes into the weights of the last layer. No answer
# changes, only how sure the network says it is.

# %%
if len(held_out.labels) >= MIN_CALIBRATION_FACES:
    temperature = fit_temperature(predict(network, held_out), held_out.labels)
    apply_temperature_to_network(network, temperature)
    verdict = "too sure" if temperature > 1 else "not sure enough"
    print(f"Temperature {temperature:.2f}: the network was {verdict} of itself.")
else:
    print("Too few faces are held out: the network is not calibrated.")

# %% [markdown]
# ## 5. Evaluate the network
#
# On faces that it was not trained on: PublicTest, or those of your own pictures kept for validation. Recipes were
# chosen on PublicTest, so expect a little less on other pictures of FER-2013, and less on your own photos.

# %%
probabilities = predict(network, validation)
metrics = evaluate(probabilities, validation, leaked)
low, high = metrics["accuracy_95_percent_interval"]
print(
    f"{VALIDATION}, {metrics['pictures']:,} pictures: {metrics['accuracy']:.1%} right"
    f" (95 % interval {low:.1%} to {high:.1%})."
)
if metrics["duplicates"]:
    print(
        f"{metrics['accuracy_without_duplicates']:.1%} without the"
        f" {metrics['duplicates']} whose copies were in Training: they are easier."
    )
pd.DataFrame(metrics["classes"]).T.round(3).astype({"pictures": int})

# %% [markdown]
# Which expressions are taken for which?

# %%
confusion = pd.DataFrame(metrics["confusion"]).T
figure = plot_confusion(confusion, "your folders" if PICTURES else "FER-2013")
figure.savefig(RESULTS / "confusion.png", dpi=120)

# %% [markdown]
# Is it right as often as it says? And what is gained when its least sure answers are withheld?

# %%
reliability = reliability_table(probabilities, validation.labels)
coverage = risk_coverage_table(probabilities, validation.labels)
figure = plot_reliability(reliability, coverage)
figure.savefig(RESULTS / "reliability.png", dpi=120)
calibration_error = metrics["expected_calibration_error"]
print(f"Expected calibration error: {calibration_error:.1%} (15 bins).")

# %% [markdown]
# How does it do on worse pictures, as a webcam, a careless crop or a mask make them?

# %%
robustness = robustness_table(network, validation)
plot_robustness(robustness).savefig(RESULTS / "robustness.png", dpi=120)

# %% [markdown]
# Where it is surest and wrong, look closely: is it the network, or the label? (Run the cell to see FER-2013's faces.)

# %% tags=["dataset-pictures"]
worst = most_confident_errors(validation.labels, probabilities, most=24)
figure = plot_errors(validation, probabilities, worst)

# %% [markdown]
# **PrivateTest** is the challenge's final test: published figures are on it, and nothing may be chosen on it.

# %%
private, private_metrics = faces.split("PrivateTest"), None
if len(private.labels):
    private_leaked = find_leaked(private, faces.split("Training"))
    private_metrics = evaluate(predict(network, private), private, private_leaked)
    print(f"PrivateTest: {private_metrics['accuracy']:.1%} right.")
else:
    print("There is no PrivateTest in this data.")

# %% [markdown]
# ## 6. Save the network
#
# If a better network for the same classes lies in `models/`, that one stays and yours goes into a folder beside it; one
# for other classes is moved into a folder. The names of the classes go along, in `fer.json`.

# %%
import json

name = f"own-{RUN}" if PICTURES else RUN
accuracy, own = metrics["accuracy"], bool(PICTURES)
save_folder = choose_save_folder(accuracy, MODELS, name, validation, own)
save_network(network, save_folder, faces.classes)
loaded = predict(load_network(save_folder), validation)
print(
    f"Saved in {save_folder}; loaded again, answers differ by"
    f" {abs(loaded - probabilities).max():.1g} at most."
)

# %%
record = {
    "network": NETWORK,
    "seed": SEED,
    "teachers": TEACHERS,
    "duplicates": "kept" if KEEP_DUPLICATES else "removed",
    "start_from": START_FROM,
    "parameters": network.count_params(),
    "multiply_adds": multiply_adds(network),
    "training_pictures": len(training.labels),
    "epochs": len(history),
    VALIDATION: metrics
    | {
        "coverage": coverage.round(6).to_dict("records"),
        "robustness": robustness["accuracy"].round(6).to_dict(),
    },
    "PrivateTest": private_metrics,
}
(RESULTS / "metrics.json").write_text(json.dumps(record, indent=2) + "\n")
print(f"All figures are in {RESULTS / 'metrics.json'}.")

# %% [markdown]
# Compared with the networks whose figures lie in `results/`, and with always giving each class its share in the
# training data. `low` and `high` bound the 95 % interval.

# %%
frequencies = np.bincount(training.labels, minlength=len(faces.classes))
frequencies = np.tile(frequencies / frequencies.sum(), (len(validation.labels), 1))
baseline = {"parameters": 0, "multiply_adds": 0, "epochs": 0}
baseline[VALIDATION] = evaluate(frequencies, validation, leaked)
records = {"same answer always": baseline}
for path in sorted(RECORDS.glob("*/metrics.json")):
    records[path.parent.name] = json.loads(path.read_text())
comparison_table(records | {RUN: record}, VALIDATION, faces.classes).round(3)

# %% [markdown]
# ### Write it for other programs
#
# With `EXPORT`, also as ONNX and LiteRT, for phones, browsers and programs without Keras; each is checked here.
# `fer-int8.tflite` computes with 8-bit numbers: a quarter of the size, nearly the same answers. `models/README.md` says
# how to use them.

# %%
from IPython.display import display

if EXPORT:
    export_network(network, training.images, save_folder)
    checked = check_exported(network, save_folder, validation.images, validation.labels)
    display(checked.round(5))
else:
    print("EXPORT is off.")

# %% [markdown]
# ### What was tried for the shipped network
#
# On PublicTest, one run each; half a point is 15 pictures, and within chance. All trials are in
# `results/EXPERIMENTS.md`.
#
# | what | epochs | accuracy |
# |---|---|---|
# | labels alone | 30 | 75.0 % |
# | labels alone, channels not tied in mirrored pairs | 30 | 73.9 % |
# | labels alone, mixup (alpha 0.3): lower loss, fewer right | 30 | 73.8 % |
# | the three teachers: labels alone, twice as wide, mixup (0.4) | 80 | 75.7, 76.4, 76.4 % |
# | 0.9 of the loss from the teachers, 0.1 from labels; mixup (0.4) | 110 | 76.5 % |
# | teachers alone, mixup (1.0): the shipped network | 110 | 76.7 % |

# %% [markdown]
# ## 7. Your network

# %%
print(
    f"Your network: {metrics['accuracy']:.1%} of {VALIDATION} right, in {save_folder}."
)
if save_folder != MODELS:
    print(f"The other notebooks use the one in {MODELS}, not this one.")
size = sum(file.stat().st_size for file in RUNS.rglob("*")) / 1e6
print(f"{RUNS} keeps its training, {size:,.0f} MB: delete it when you need it no more.")
download_files(save_folder / "fer.json", save_folder / "fer.h5")

# %% [markdown]
# Now open `via_image.ipynb` or `via_webcam.ipynb`. Beside this notebook they find your network in `models/`. In Colab,
# drop both files into the file list there (the folder symbol on the left) and run all cells; or tick `SAVE_TO_DRIVE`
# here, and type `fer/models` into `DRIVE_FOLDER` there.
