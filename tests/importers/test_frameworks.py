"""An import is checked by the framework itself, where that is installed."""

import importlib.util
import sys

import cdjax
import jax
import numpy as np
import pytest
from cdjax.importers.files import read_model
from cdjax.importers.frameworks import BOUND, check_import

from tests.conftest import ROOT

FILES = ROOT / "tests" / "importers" / "files"


def has(*names):
    return all(importlib.util.find_spec(name) is not None for name in names)


@pytest.mark.parametrize(
    ("name", "framework"),
    [
        ("sentiment.keras", "keras"),
        ("keras/keras3_prices.h5", "keras"),
        ("keras/keras2_words.h5", "tf_keras"),
        ("onnx/torch_words_max.onnx", "onnxruntime"),
        ("onnx/torch_gru_3_both_mean.onnx", "onnxruntime"),
        ("onnx/keras_gru.onnx", "onnxruntime"),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_a_right_and_a_wrong_import(name, framework):
    path = FILES / name
    options = {} if "onnx" not in name else {"output": "value"}
    try:
        model = read_model(path, **options)
    except ValueError:
        model = read_model(path)
    assert isinstance(model, cdjax.Model)
    if not has(framework):
        checked = check_import(model, path)
        assert checked.framework is None
        assert f"{framework} is not installed" in (checked.reason or "")
        pytest.skip(f"{framework} is not installed")
    # What the tests of cdjax forbid is for the other frameworks to do.
    with jax.numpy_rank_promotion("allow"), jax.numpy_dtype_promotion("standard"):
        checked = check_import(model, path)
        network = model.classifier
        wrong = network._replace(
            bias=np.asarray(network.bias) + np.arange(1, len(network.bias) + 1)
        )
        found = check_import(model._replace(classifier=wrong), path).difference
    assert (checked.framework or "").startswith(framework), checked
    assert checked.difference is not None
    assert checked.difference <= BOUND
    assert found is not None
    assert found > BOUND


def test_a_framework_that_is_not_there(monkeypatch):
    for name in ("keras", "tf_keras", "onnxruntime"):
        monkeypatch.setitem(sys.modules, name, None)
    model = read_model(FILES / "sentiment.keras")
    checked = check_import(model, FILES / "sentiment.keras")
    assert checked == (None, None, "keras is not installed; tf_keras is not installed")


def test_weights_alone(tmp_path):
    model = read_model(FILES / "sentiment.keras")
    reason = check_import(model, tmp_path / "a.safetensors").reason
    assert reason == "weights alone have no forward pass of their own"
