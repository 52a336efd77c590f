"""A target's units, folded into a model."""

import cdjax
import jax
import numpy as np
import pytest

from tests.conftest import random_layer


@pytest.fixture
def model():
    rng = np.random.default_rng(0)
    network = cdjax.Classifier(
        None, (random_layer(rng, 3, 5),), rng.normal(size=(2, 5)), rng.normal(size=2)
    )
    return cdjax.Model(network, None, ("load", "price"), {}, "value")


MEAN, SCALE = np.array([40.0, -3.0]), np.array([9.0, 0.5])


def test_scores_and_values_in_the_targets_units(x64, model):
    x = np.random.default_rng(1).normal(size=(6, 3))
    scaled = cdjax.scale_output(model, MEAN, SCALE, labels=("MW", "EUR"))
    before, after = cdjax.explain(x, model), cdjax.explain(x, scaled)
    np.testing.assert_allclose(after.scores, before.scores * SCALE, rtol=1e-13)
    np.testing.assert_allclose(after.logits, before.logits * SCALE + MEAN, rtol=1e-13)
    np.testing.assert_allclose(after.output_bias, before.output_bias * SCALE + MEAN, rtol=1e-13)
    assert after.labels == ("MW", "EUR")
    assert after.units == "units of the values"
    np.testing.assert_allclose(
        after.scores_of(slice(1, 4)) + after.rest(slice(1, 4)) + after.output_bias, after.logits
    )


def test_one_number_is_that_of_all_values_and_the_type_stays(model):
    model = model._replace(classifier=jax.tree.map(np.float32, model.classifier))
    scaled = cdjax.scale_output(model, scale=2.0)
    assert scaled.classifier.readout.dtype == np.float32
    np.testing.assert_array_equal(scaled.classifier.readout, 2 * model.classifier.readout)
    np.testing.assert_array_equal(scaled.classifier.bias, 2 * model.classifier.bias)
    assert scaled.labels == model.labels


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scale": [1.0, 0.0]}, "scale holds 0; expected numbers above 0"),
        ({"scale": -1.0}, "scale holds -1"),
        ({"mean": np.zeros(3)}, r"mean has shape \[3\]; expected one number, or 2"),
        ({"mean": np.inf}, "mean is not finite"),
    ],
)
def test_numbers_that_do_not_fit(model, options, message):
    with pytest.raises(ValueError, match=message):
        cdjax.scale_output(model, **options)
    with pytest.raises(ValueError, match="output is 'softmax'"):
        cdjax.scale_output(model._replace(output="softmax"))
