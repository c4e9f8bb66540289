"""Draw a network as a row of blocks, from the face to the probabilities."""

import keras
from keras import layers
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Patch

from fer.data.samples import portrait_faces
from fer.expressions import ACCENT, EXPRESSIONS, FIGURE_STYLE, HEADLINE, MUTED, SIDE, class_colours

_, HAPPY, _, SURPRISE, NEUTRAL = class_colours(EXPRESSIONS).values()
BLOCKS = {  # how layers are drawn: name, colour, width in inches
    layers.Conv2D: ("convolution: kernel, channels", ACCENT, 0.36),
    layers.MaxPooling2D: ("max-pooling", MUTED, 0.12),
    layers.Multiply: ("squeeze & excite", SURPRISE, 0.18),
    layers.Add: ("addition", "white", 0.22),
    layers.GlobalAveragePooling2D: ("mean of each channel", HAPPY, 0.42),
    layers.Flatten: ("flatten", HAPPY, 0.42),
    layers.Dense: ("dense", NEUTRAL, 0.42),
}
GAP = 0.09  # inches between blocks
INPUT_SIZE, OUTPUT_WIDTH = 1.0, 1.2  # inches
NOTE = {"fontsize": 9, "color": "#555555", "ha": "center"}
ARROW = {"arrowstyle": "-|>", "color": "black", "shrinkA": 0, "shrinkB": 0}


@plt.rc_context(FIGURE_STYLE)
def plot_architecture(network: keras.Model) -> Figure:
    """Draw input, layers, skip connections and output of a network."""
    figure, axes = plt.subplots(figsize=(9, 3.2))
    axes.set_aspect("equal")
    axes.set_axis_off()
    half = INPUT_SIZE / 2
    axes.imshow(portrait_faces()[0, ..., 0], cmap="gray", extent=(0, INPUT_SIZE, -half, half))
    axes.text(half, half + 0.06, f"{SIDE} pixels a side", **NOTE)
    end, side, drawn = INPUT_SIZE + GAP, SIDE, []
    blocks = {}  # for each tensor, right edge and height of the last block on the way to it
    for layer in network.layers:
        inputs = layer.input if isinstance(layer.input, list) else [layer.input]
        before = [blocks[id(tensor)] for tensor in inputs if id(tensor) in blocks]
        if not is_drawn(layer):
            blocks[id(layer.output)] = max(before, default=(end, INPUT_SIZE))
            continue
        left = end + GAP
        end, height = draw_block(axes, layer, left)
        blocks[id(layer.output)] = end, height
        drawn.append(type(layer))
        if isinstance(layer, layers.Add):
            draw_skip(axes, *min(before), (left + end) / 2, height)
        shape = layer.output.shape
        if len(shape) == 4 and shape[1] != side:
            side = shape[1]
            axes.text((left + end) / 2, height / 2 + 0.06, f"{side}", **NOTE)
    axes.plot([INPUT_SIZE, end + GAP], [0, 0], color="black", linewidth=1, zorder=0)
    axes.annotate("", (end + GAP + 0.1, 0), (end + GAP - 0.1, 0), arrowprops=ARROW)
    axes.text(end + GAP + 0.15, 0, f"{network.output.shape[-1]}\nprobabilities", va="center", fontsize=10)
    axes.set(xlim=(0, end + OUTPUT_WIDTH), ylim=(-1, 1.35))
    kinds = [BLOCKS[kind] for kind in dict.fromkeys(drawn) if kind is not layers.Add]
    patches = [Patch(facecolor=colour, edgecolor="black", label=name) for name, colour, _ in kinds]
    figure.legend(handles=patches, loc="outside lower left", ncols=len(patches), frameon=False, fontsize=9)
    convolutions, skips = drawn.count(layers.Conv2D), drawn.count(layers.Add)
    counts = f"{convolutions} convolutions, {skips or 'no'} skip connections, {network.count_params():,} parameters"
    figure.suptitle(f"{network.name}: {counts}", **HEADLINE)
    return figure


def is_drawn(layer: keras.Layer) -> bool:
    """Tell whether a layer is drawn; what computes the factors of squeeze & excite, of one pixel, is not."""
    shape = layer.output.shape
    return type(layer) in BLOCKS and not (len(shape) == 4 and shape[1] == 1)


def draw_block(axes: Axes, layer: keras.Layer, left: float) -> tuple[float, float]:
    """Draw a layer as a block, the higher the more pixels, with its left edge there; return right edge and height."""
    _, colour, width = BLOCKS[type(layer)]
    shape = layer.output.shape
    height = 0.6 + 1.2 * (shape[1] if len(shape) == 4 else 1) / SIDE
    text = f"{shape[-1]}"
    if isinstance(layer, layers.Conv2D):
        text = f"{layer.kernel_size[0]}×{layer.kernel_size[1]}\n{text}"
    elif isinstance(layer, layers.Add):
        height, text = 0.28, "+"
    elif isinstance(layer, layers.MaxPooling2D | layers.Multiply):
        text = ""
    style = "round,pad=0,rounding_size=0.04"
    axes.add_patch(FancyBboxPatch((left, -height / 2), width, height, style, facecolor=colour, edgecolor="black"))
    text_colour = "white" if colour == ACCENT else "black"
    axes.text(left + width / 2, 0, text, ha="center", va="center", fontsize=9, color=text_colour)
    return left + width, height


def draw_skip(axes: Axes, block_end: float, block_height: float, addition: float, addition_height: float) -> None:
    """Draw the way from behind a block, past others, to the middle of an addition."""
    start, top = block_end + GAP / 2, block_height / 2 + 0.3
    axes.plot([start, start, addition], [0, top, top], color="black", linewidth=1, zorder=0)
    axes.annotate("", (addition, addition_height / 2), (addition, top), arrowprops=ARROW)
    axes.text((start + addition) / 2, top + 0.05, "skip", ha="center", fontsize=9)
