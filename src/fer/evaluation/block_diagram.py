"""Draw a network as a row of blocks, from the face to the probabilities."""

from collections.abc import Sequence
from typing import NamedTuple

import keras
import numpy as np
from keras import layers
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Patch

from fer.data.samples import portrait_faces
from fer.expressions import ACCENT, EXPRESSIONS, FIGURE_STYLE, HEADLINE, MUTED, SIDE, class_colours

_, HAPPY, _, SURPRISE, NEUTRAL = class_colours(EXPRESSIONS).values()
GAP = 0.09  # inches between blocks
INPUT_SIZE, OUTPUT_WIDTH = 1.0, 1.2  # inches
NOTE = {"fontsize": 9, "color": "#555555"}
ARROW = {"arrowstyle": "-|>", "color": "black", "shrinkA": 0, "shrinkB": 0}


class Block(NamedTuple):
    """A layer that is drawn."""

    layer: keras.Layer
    kind: str
    text: str  # in the block
    colour: str
    width: float  # inches

    @property
    def side(self) -> int:
        """Return the pixels a side of the layer's output; 1 where it is a vector."""
        shape = self.layer.output.shape
        return shape[1] if len(shape) == 4 else 1

    @property
    def height(self) -> float:
        """Return the inches of the block."""
        return 0.28 if self.kind == "addition" else 0.6 + 1.2 * self.side / SIDE


def to_block(layer: keras.Layer) -> Block | None:
    """Describe a layer; None for those that are not drawn, such as what computes the factors of squeeze & excite."""
    shape = layer.output.shape
    if len(shape) == 4 and shape[1] == 1:
        return None
    match layer:
        case layers.Conv2D():
            kernel = "×".join(map(str, layer.kernel_size))
            return Block(layer, "convolution: kernel, channels", f"{kernel}\n{shape[-1]}", ACCENT, 0.36)
        case layers.MaxPooling2D():
            return Block(layer, "max-pooling", "", MUTED, 0.12)
        case layers.Multiply():
            return Block(layer, "squeeze & excite", "", SURPRISE, 0.18)
        case layers.Add():
            return Block(layer, "addition", "+", "white", 0.22)
        case layers.GlobalAveragePooling2D():
            return Block(layer, "mean of each channel", f"{shape[-1]}", HAPPY, 0.42)
        case layers.Flatten():
            return Block(layer, "flatten", f"{shape[-1]}", HAPPY, 0.42)
        case layers.Dense():
            return Block(layer, "dense", f"{shape[-1]}", NEUTRAL, 0.42)
    return None


@plt.rc_context(FIGURE_STYLE)
def plot_architecture(network: keras.Model, classes: Sequence[str] = ()) -> Figure:
    """Draw input, layers, skip connections and output of a network; classes: the names of its outputs, if known."""
    blocks = [block for block in map(to_block, network.layers) if block]
    ends = INPUT_SIZE + GAP + np.cumsum([block.width + GAP for block in blocks])
    lefts = ends - [block.width for block in blocks]
    figure, axes = plt.subplots(figsize=(9, 3.2))
    axes.set(xlim=(0, ends[-1] + OUTPUT_WIDTH), ylim=(-1, 1.35))
    axes.set_aspect("equal")
    axes.set_axis_off()
    axes.plot([INPUT_SIZE, ends[-1] + GAP], [0, 0], color="black", linewidth=1, zorder=0)
    draw_input(axes)
    side = SIDE
    for block, left in zip(blocks, lefts, strict=True):
        draw_block(axes, block, left)
        if block.side not in (side, 1):
            axes.text(left + block.width / 2, block.height / 2 + 0.06, f"{block.side}", ha="center", **NOTE)
            side = block.side
    skips = draw_skips(axes, network, blocks, lefts)
    draw_output(axes, ends[-1] + GAP, network.output.shape[-1], classes)
    colours = {block.kind: block.colour for block in blocks if block.kind != "addition"}
    patches = [Patch(facecolor=colour, edgecolor="black", label=kind) for kind, colour in colours.items()]
    figure.legend(handles=patches, loc="outside lower left", ncols=len(patches), frameon=False, fontsize=9)
    convolutions = sum(isinstance(block.layer, layers.Conv2D) for block in blocks)
    figure.suptitle(
        f"{network.name}: {convolutions} convolutions, {skips or 'no'} skip connections,"
        f" {network.count_params():,} parameters",
        **HEADLINE,
    )
    return figure


def draw_input(axes: Axes) -> None:
    """Draw a face as the input."""
    half = INPUT_SIZE / 2
    axes.imshow(portrait_faces()[0, ..., 0], cmap="gray", extent=(0, INPUT_SIZE, -half, half))
    axes.text(half, half + 0.06, f"{SIDE} pixels a side", ha="center", **NOTE)


def draw_block(axes: Axes, block: Block, left: float) -> None:
    """Draw a block with its left edge there."""
    style = "round,pad=0,rounding_size=0.04"
    corner = (left, -block.height / 2)
    axes.add_patch(FancyBboxPatch(corner, block.width, block.height, style, facecolor=block.colour, edgecolor="black"))
    colour = "white" if block.colour == ACCENT else "black"
    axes.text(left + block.width / 2, 0, block.text, ha="center", va="center", fontsize=9, color=colour)


def draw_skips(axes: Axes, network: keras.Model, blocks: list[Block], lefts: np.ndarray) -> int:
    """Draw the way past other blocks that leads to each addition, and return how many there are."""
    drawn = {id(block.layer): number for number, block in enumerate(blocks)}
    last_block = {}  # on the way to each layer's output
    skips = 0
    for layer in network.layers:
        inputs = layer.input if isinstance(layer.input, list) else [layer.input]
        before = [last_block[id(tensor)] for tensor in inputs if id(tensor) in last_block]
        number = last_block[id(layer.output)] = drawn.get(id(layer), max(before, default=-1))
        if isinstance(layer, layers.Add):
            source = min(before)
            start = lefts[source] + blocks[source].width + GAP / 2
            end, top = lefts[number] + blocks[number].width / 2, blocks[source].height / 2 + 0.3
            axes.plot([start, start, end], [0, top, top], color="black", linewidth=1, zorder=0)
            axes.annotate("", (end, blocks[number].height / 2), (end, top), arrowprops=ARROW)
            axes.text((start + end) / 2, top + 0.05, "skip", ha="center", fontsize=9)
            skips += 1
    return skips


def draw_output(axes: Axes, left: float, count: int, classes: Sequence[str]) -> None:
    """Write the classes, or how many there are, behind an arrow."""
    axes.annotate("", (left + 0.1, 0), (left - 0.1, 0), arrowprops=ARROW)
    if not classes:
        axes.text(left + 0.15, 0, f"{count}\nprobabilities", va="center", fontsize=10)
    for number, (name, colour) in enumerate(class_colours(classes).items()):
        y = 0.25 * ((count - 1) / 2 - number)
        axes.plot(left + 0.22, y, "s", color=colour, markersize=8)
        axes.text(left + 0.34, y, name, va="center", fontsize=10)
