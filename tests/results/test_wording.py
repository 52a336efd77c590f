"""What a network gives, as every view says it."""

import numpy as np
import pytest
from cdjax.viz.terminal import print_explanation
from matplotlib.text import Text

from tests.results.explained import make_explanation
from tests.viz.terminal.printing import show


@pytest.mark.parametrize("logit", [7.7, 800.0])  # 800: as floats the probabilities are 1 and 0
def test_no_view_says_that_a_label_is_certain(logit):
    explanation = make_explanation(["good", "film"], logits=np.array([0.0, logit]))
    figure = explanation.plot()
    views = {
        "repr": repr(explanation),
        "Markdown": explanation.to_markdown(),
        "notebook": explanation._repr_html_(),
        "terminal": show(print_explanation, explanation, str),
        "picture": "\n".join(text.get_text() for text in figure.findobj(Text)),
    }
    for name, view in views.items():
        assert "praise over 99.9%" in view.replace("\\", ""), name
        assert "blame under 0.1%" in view.replace("\\", ""), name
        assert "100.0%" not in view, name
        assert " 0.0%" not in view, name
