"""Gradient, integrated gradients and occlusion beside captum's: written down, and live."""

import cdjax
import numpy as np
import pytest
from cdjax.methods import gradient_times_input, integrate_gradients, leave_out

from tests.methods import captum_scores
from tests.methods.captum_scores import PERIOD, STEPS, UNKNOWN

pytestmark = pytest.mark.usefixtures("x64")


def ours(classifier, ids):
    """Return what cdjax says of the words, under captum's names."""

    def integrate(*options):
        (found,) = integrate_gradients(classifier, [ids], *options, steps=STEPS)
        return found.scores

    (gradient,) = gradient_times_input(classifier, [ids])
    (occlusion,) = leave_out(classifier, [ids], max_len=1, replacement=UNKNOWN, output="logits")
    return {
        "gradient": gradient,
        "ig_period": integrate(PERIOD, "probability"),
        "ig_zero": integrate(None, "logits"),
        "ig_middle": integrate(None, "logits", "middle"),
        "ig_right": integrate(None, "logits", "right"),
        "occlusion": occlusion.scores,
    }


def compare(mine, theirs, rtol):
    for name, scores in mine.items():
        largest = np.abs(theirs[name]).max()
        assert largest > 1e-3
        np.testing.assert_allclose(
            scores, theirs[name], rtol=rtol, atol=rtol * largest, err_msg=name
        )


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize(("dtype", "rtol"), [(np.float64, 1e-7), (np.float32, 1e-4)])
def test_golden(layers, dtype, rtol):
    with np.load(captum_scores.GOLDEN) as file:
        golden = {name[2:]: file[name] for name in file.files if name.startswith(f"{layers}_")}
    weights = {name: array.astype(dtype) for name, array in golden.items() if name != "ids"}
    stack = tuple(cdjax.LSTMParams(*(weights[f"{k}{n}"] for k in "WVb")) for n in range(layers))
    classifier = cdjax.Classifier(weights["embedding"], stack, weights["readout"], weights["bias"])
    compare(ours(classifier, golden["ids"]), golden, rtol)


@pytest.mark.filterwarnings("ignore")  # of two packages that are not ours
@pytest.mark.parametrize("layers", [1, 2])
def test_live(layers):
    pytest.importorskip("captum")
    classifier, ids = captum_scores.make_model(layers)
    compare(ours(classifier, ids), captum_scores.attribute(classifier, ids), 1e-7)
