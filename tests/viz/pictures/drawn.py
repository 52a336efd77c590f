"""What is drawn: where its texts are, and in which colours its boxes."""

import contextlib
import warnings

import numpy as np
from cdjax.viz.pictures import draw_picture
from cdjax.viz.pictures.draw import prepare
from cdjax.viz.pictures.figure import make_figure
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure


@contextlib.contextmanager
def whatever_fonts():
    """Which scripts have fonts depends on the machine."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "no font of this machine has")
        yield


def draw(name, *explanations, width=8.0, **options):
    """Axes of a figure that is as large as its picture."""
    with whatever_fonts():
        figure = make_figure(*prepare(name, explanations, **options), width=width)
    FigureCanvasAgg(figure)
    return figure.axes[0]


def draw_into(size, name, *explanations, ground="white", **options):
    """Axes of a size in inches, with a picture in them."""
    figure = Figure(figsize=size, facecolor=ground)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    with whatever_fonts():
        assert draw_picture(name, explanations, axes, **options) is axes
    return axes


def read_texts(axes):
    return [text.get_text() for text in axes.texts]


def boxes_of(axes):
    """The boxes of the texts, in inches: left, lower, right, upper."""
    renderer = axes.figure.canvas.get_renderer()
    extents = [text.get_window_extent(renderer).extents for text in axes.texts]
    return np.array(extents).reshape(-1, 4) / axes.figure.dpi


def find_overlaps(axes, slack=0.01):
    """Pairs of texts whose boxes share more than `slack` inches both ways."""
    boxes = boxes_of(axes)
    low = np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    shared = ((high - low) > slack).all(axis=-1)
    texts = read_texts(axes)
    return [(texts[a], texts[b]) for a, b in np.argwhere(np.triu(shared, 1)).tolist()]


def find_outside(axes, slack=0.03):
    """Texts that reach beyond the axes."""
    width, height = axes.figure.get_size_inches()
    boxes = boxes_of(axes)
    beyond = (boxes < -slack).any(axis=1) | (boxes[:, 2:] > [width + slack, height + slack]).any(
        axis=1
    )
    return [text for text, out in zip(read_texts(axes), beyond, strict=True) if out]
