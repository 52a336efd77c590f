"""Gradient, integrated gradients and occlusion against captum: the golden file, and live."""

import cdjax
import numpy as np
import pytest
from cdjax.methods import gradient_times_input, integrate_gradients, leave_out

from tests.methods import captum_scores
from tests.methods.captum_scores import PERIOD, STEPS, UNKNOWN

pytestmark = pytest.mark.usefixtures("x64")


def score(classifier, ids):
    """Return the scores of cdjax by the names of `captum_scores`."""

    def integrate(*options):
        (result,) = integrate_gradients(classifier, [ids], *options, steps=STEPS)
        return result.scores

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


def compare(actual, expected, rtol):
    for name, scores in actual.items():
        largest = np.abs(expected[name]).max()
        assert largest > 1e-3
        np.testing.assert_allclose(
            scores, expected[name], rtol=rtol, atol=rtol * largest, err_msg=name
        )


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize(
    ("dtype", "rtol"),
    [(np.float64, 1e-7), pytest.param(np.float32, 1e-4, marks=pytest.mark.thorough)],
)
def test_golden(layers, dtype, rtol):
    with np.load(captum_scores.GOLDEN) as file:
        golden = {name[2:]: file[name] for name in file.files if name.startswith(f"{layers}_")}
    weights = {name: array.astype(dtype) for name, array in golden.items() if name != "ids"}
    stack = tuple(cdjax.LSTMParams(*(weights[f"{k}{n}"] for k in "WVb")) for n in range(layers))
    classifier = cdjax.Classifier(weights["embedding"], stack, weights["readout"], weights["bias"])
    compare(score(classifier, golden["ids"]), golden, rtol)


@pytest.mark.filterwarnings("ignore")  # of two packages that are not ours
@pytest.mark.parametrize("layers", [1, 2])
def test_live(layers):
    pytest.importorskip("captum")
    classifier, ids = captum_scores.make_model(layers)
    compare(score(classifier, ids), captum_scores.attribute(classifier, ids), 1e-7)
