"""Checks of pictures that are written as PNG and SVG."""

from xml.etree import ElementTree

from matplotlib.image import imread

MIN_PIXELS = 100  # of either side


def read_labels(path):
    """Return the texts of an SVG, which must be well-formed."""
    return ["".join(e.itertext()) for e in ElementTree.parse(path).iter() if e.tag.endswith("text")]


def check_picture(stem, labels):
    """Check that both files of a picture are there, show something and hold labels."""
    picture = imread(stem.with_name(stem.name + ".png"))
    height, width, _ = picture.shape
    assert min(height, width) > MIN_PIXELS
    assert picture[..., :3].std() > 0.05, "an empty picture"
    missing = set(labels) - set(read_labels(stem.with_name(stem.name + ".svg")))
    assert not missing
