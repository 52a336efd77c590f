"""Models that Keras 3 and Keras 2 build and save, here and now, against their own outputs."""

import os

import pytest

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import cdjax
import jax
import numpy as np

from tests.importers.contract import check_case
from tests.importers.live import keras_models as models

FRAMEWORKS = ["keras", "tf_keras"]
pytestmark = pytest.mark.filterwarnings("ignore")  # those of the frameworks
CASES = [pytest.param(case, id=case.what) for case in models.SUPPORTED]
REFUSALS = [pytest.param(case, id=case.what) for case in models.REFUSED]


@pytest.fixture(params=FRAMEWORKS)
def K(request):  # noqa: N802 - as Keras is called in its own code
    keras = pytest.importorskip(request.param)
    with jax.numpy_rank_promotion("allow"), jax.numpy_dtype_promotion("standard"):
        yield keras


def take_inputs(model, count=3, dtype="float32"):
    rng = np.random.default_rng(1)
    if len(model.input_shape) == 2:
        return rng.integers(1, models.V, (count, models.T))
    return rng.normal(size=(count, models.T, models.D)).astype(dtype)


def compute(model, x, imported):
    y = np.asarray(model(x))
    if imported.output == "value" or model.layers[-1].name != "head":
        return y
    return np.asarray(jax.nn.softmax(y))  # its loss takes logits


def save(model, folder):
    """Every form of a model, with the arguments to read it."""
    for ending in (".h5", ".keras"):
        model.save(folder / f"model{ending}")
    model.save_weights(folder / "model.weights.h5")
    said = {}
    if getattr(model, "loss", None) is not None and not hasattr(model.loss, "lower"):
        said = {"output": "softmax"}
    elif model.layers[-1].get_config().get("activation") == "linear":
        said = {"output": "value"}
    (folder / "model.json").write_text(model.to_json(), encoding="utf-8")
    weights = folder / "model.weights.h5", {"config": folder / "model.json", **said}
    return [(folder / "model.h5", {}), (folder / "model.keras", {}), weights, (model, {})]


def same(a, b):
    return jax.tree.structure(a) == jax.tree.structure(b) and all(
        np.array_equal(x, y) for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    )


@pytest.mark.parametrize("case", CASES)
def test_models_in_every_form(K, case, tmp_path):
    model = case.make(K)
    sources = save(model, tmp_path)
    imported = cdjax.from_keras(sources[0][0])
    x = take_inputs(model)
    check_case(imported, list(x), list(compute(model, x, imported)), 1e-5)
    for source, arguments in sources[1:]:
        other = cdjax.from_keras(source, **arguments)
        assert same(other.classifier, imported.classifier)
        assert (other.labels, other.output) == (imported.labels, imported.output)


@pytest.mark.parametrize("case", REFUSALS)
def test_refusals(K, case):
    with pytest.raises(ValueError, match=case.message):
        cdjax.from_keras(case.make(K))
