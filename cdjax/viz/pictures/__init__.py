"""Pictures of explanations, by matplotlib: on a screen, in a notebook, as PNG and SVG.

Each is arranged in inches for a width (`board`), so that its texts wrap and never overlap, and then
drawn into axes. Parts of the scale below zero are hatched, for those who print in grey.
"""

try:
    import matplotlib  # noqa: F401
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f"pictures need {error.name}, which is not installed: pip install 'cdjax[plot]'.",
        name=error.name,
    ) from None

from cdjax.viz.pictures.draw import NAMES, draw_picture, write_picture

__all__ = ["NAMES", "draw_picture", "write_picture"]
