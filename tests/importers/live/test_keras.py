"""Models that Keras 3 and Keras 2 build and save, here and now, against their own outputs."""

import os
from pathlib import Path

import pytest

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import cdjax
import jax
import numpy as np
from cdjax.core.network import forward, run
from cdjax.importers.frameworks import check_import

from tests.importers.contract import check_case
from tests.importers.live import keras_models as models

FRAMEWORKS = ["keras", "tf_keras"]
SUPPORTED, REFUSED = models.SUPPORTED, models.REFUSED
REAL = Path(os.environ.get("CDJAX_REAL_FILES", "none"))
"""A folder of unpacked packages with real models, for instance chars2vec and asmscan-bilstm."""
pytestmark = pytest.mark.filterwarnings("ignore")  # those of the frameworks
CASES = [pytest.param(case, id=case.what) for case in SUPPORTED]
REFUSALS = [pytest.param(case, id=case.what) for case in REFUSED]


@pytest.fixture(params=FRAMEWORKS)
def K(request):  # noqa: N802 - as Keras is called in its own code
    keras = pytest.importorskip(request.param)
    with jax.numpy_rank_promotion("allow"), jax.numpy_dtype_promotion("standard"):
        yield keras


def take_inputs(model, count=3):
    rng = np.random.default_rng(1)
    if len(model.input_shape) == 2:
        return rng.integers(1, models.V, (count, models.T))
    return rng.normal(size=(count, models.T, models.D)).astype(np.float32)


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


def test_double_precision(K, tmp_path, x64):
    L, f8 = K.layers, "float64"
    model = models.series(
        K,
        L.Bidirectional(L.LSTM(5, return_sequences=True, dtype=f8), dtype=f8),
        L.BatchNormalization(dtype=f8),
        L.GRU(4, dtype=f8),
        L.Dense(2, activation="softmax", dtype=f8),
        dtype=f8,
    )
    x = take_inputs(model).astype(f8)  # a Sequential of Keras 3 rounds its input to float32
    model.save(tmp_path / "a.keras")
    # On backends other than TensorFlow, Keras 3 computes in float32 what has both float types
    # (`keras.backend.result_type`), batch normalization always.
    exact = K.__name__ == "tf_keras" or K.backend.backend() == "tensorflow"
    tolerance = 1e-10 if exact else 1e-8
    imported = cdjax.from_keras(tmp_path / "a.keras")
    check_case(imported, list(x), list(np.asarray(model(x))), tolerance)


def test_a_vector_that_is_reshaped_is_a_series(K, tmp_path):
    L = K.layers
    layers = [L.Reshape((models.T, 1)), L.LSTM(5), L.Dense(4), L.Reshape((4, 1))]
    model = models.words(K, *layers, loss="mse")
    x = np.random.default_rng(1).normal(size=(2, models.T)).astype(np.float32)
    y = np.asarray(model(x)).reshape(2, 4)
    for ending in (".h5", ".keras"):
        model.save(tmp_path / f"a{ending}")
        imported = cdjax.from_keras(tmp_path / f"a{ending}")
        check_case(imported, list(x[..., None]), list(y), 1e-5)
        assert imported.provenance["imported"]["input_length"] == models.T
        checked = check_import(imported, tmp_path / f"a{ending}")
        assert checked.difference is not None
        assert checked.difference < 1e-5


def test_one_of_several_outputs(K, tmp_path):
    model = models.randomize(models.two_outputs(K))
    model.compile("sgd", {"one": "categorical_crossentropy", "two": "mse"})
    x = take_inputs(model)
    for n, name in enumerate(("one", "two")):
        for ending in (".h5", ".keras"):
            model.save(tmp_path / f"a{ending}")
            imported = cdjax.from_keras(tmp_path / f"a{ending}", outputs=name)
            check_case(imported, list(x), list(np.asarray(model(x)[n])), 1e-5)
    with pytest.raises(ValueError, match=r"outputs is 'three'; .* name of a layer: .*one"):
        cdjax.from_keras(model, outputs="three")


def test_a_part_of_a_sequential(K):
    model = models.prices(K)
    first, second = (layer.name for layer in (model.layers[0], model.layers[2]))
    (layer,) = cdjax.from_keras(model, outputs=first)
    both = cdjax.from_keras(model, outputs=second)
    assert (layer.W.shape, len(both)) == ((4, 5, models.D), 2)
    with pytest.raises(ValueError, match="outputs is 'three'"):
        cdjax.from_keras(model, outputs="three")


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("given", [False, True])
def test_the_words_of_a_model_that_reads_texts(masked, given, tmp_path):
    keras = pytest.importorskip("tf_keras")  # strings are TensorFlow's
    tf = pytest.importorskip("tensorflow")
    L, words = keras.layers, ["the", "worst", "bad", "dogs", "film", "cat"]
    vectors = L.TextVectorization(
        max_tokens=models.V,
        output_sequence_length=models.T,
        vocabulary=words if given else None,
    )
    if not given:
        vectors.adapt(["The worst, bad dog's film. The cat"])
    layers = [L.Embedding(models.V, 3, mask_zero=masked), L.GRU(5), L.Dense(1, "sigmoid")]
    model = keras.Sequential([keras.Input((1,), dtype=tf.string), vectors, *layers])
    for layer in layers:
        models.randomize(layer)
    model.save(tmp_path / "a.keras")
    imported = cdjax.from_keras(tmp_path / "a.keras")
    known = list(vectors.get_vocabulary())
    assert list(imported.vocabulary.words[: len(known)]) == known
    texts = ["the worst DOG'S film!", "Cat, zzz... the"]
    expected = np.asarray(model(tf.constant(texts)[:, None]))[:, 0]
    for text, probability in zip(texts, expected, strict=True):
        explanation = cdjax.explain(text, imported)
        assert abs(list(explanation.probabilities().values())[1] - probability) < 1e-6


def test_masked_steps_are_left_out(K):
    model = models.masked_mean(K)
    imported = cdjax.from_keras(model)
    assert imported.provenance["imported"]["masked"]
    network = imported.classifier
    ids = np.array([[3, 1, 4, 1, 0, 0], [0, 0, 3, 1, 4, 1], [3, 0, 1, 0, 4, 1]])
    alone = jax.nn.softmax(forward(network, network.embedding[np.array([3, 1, 4, 1])]))
    for expected, row in zip(np.asarray(model(ids)), ids, strict=True):
        logits = forward(network, network.embedding[row], row != 0)
        np.testing.assert_allclose(jax.nn.softmax(logits), expected, atol=1e-5)
        np.testing.assert_allclose(alone, expected, atol=1e-5)


def test_a_maximum_that_is_asked_for_is_that_of_sequences_without_padding(K):
    model = models.masked_max(K)
    imported = cdjax.from_keras(model, pool="max")
    x = take_inputs(model)
    check_case(imported, list(x), list(np.asarray(model(x))), 1e-5)


def test_masked_series_are_told(K):
    L = K.layers
    model = models.series(K, L.Masking(-1.0), L.LSTM(5), L.Dense(2, activation="softmax"))
    with pytest.warns(UserWarning, match="leaves out steps whose features are all -1"):
        imported = cdjax.from_keras(model)
    assert imported.provenance["imported"]["mask_value"] == -1
    x = take_inputs(model, 1)[0]
    padded = np.concatenate([x[:4], np.full((2, models.D), -1, np.float32)])
    y = jax.nn.softmax(forward(imported.classifier, x[:4]))
    np.testing.assert_allclose(y, np.asarray(model(padded[None]))[0], atol=1e-5)


def test_half_precision(K, tmp_path):
    L = K.layers
    model = models.series(
        K, L.LSTM(5, dtype="mixed_bfloat16"), L.Dense(2, activation="softmax"), dtype="float32"
    )
    model.save(tmp_path / "a.keras")
    with pytest.warns(UserWarning, match="computes in half precision"):
        imported = cdjax.from_keras(tmp_path / "a.keras")
    x = take_inputs(model)
    check_case(imported, list(x), list(np.asarray(model(x), np.float32)), 0.05)


def test_a_network_after_a_convolution(K):
    L = K.layers
    front = L.Conv1D(4, 3, padding="same", activation="relu", name="front")
    model = models.series(K, front, L.LSTM(5), L.Dense(2, activation="softmax"))
    imported = cdjax.from_keras(model, inputs="front")
    x = take_inputs(model)
    features = np.asarray(front(x))
    check_case(imported, list(features), list(np.asarray(model(x))), 1e-5)


def test_cudnn_weights_are_converted_as_keras_does():
    pytest.importorskip("tf_keras")
    from tf_keras.src.saving.legacy.hdf5_format import _convert_rnn_weights

    from tests.importers.test_keras import draw, to_cudnn

    class LSTM:  # the class that Keras converts to
        pass

    class GRU:
        reset_after = True

    kernel, recurrent, bias = draw((3, 20), (5, 20), (40,))
    fast = [to_cudnn(kernel, 4), to_cudnn(recurrent, 4), bias]
    a, b, c = _convert_rnn_weights(LSTM(), fast)
    np.testing.assert_array_equal(a, kernel)
    np.testing.assert_array_equal(b, recurrent)
    np.testing.assert_array_equal(c, bias[:20] + bias[20:])
    kernel, recurrent, bias = draw((3, 15), (5, 15), (30,))
    a, b, c = _convert_rnn_weights(GRU(), [to_cudnn(kernel, 3), to_cudnn(recurrent, 3), bias])
    np.testing.assert_array_equal(a, kernel)
    np.testing.assert_array_equal(c, bias.reshape(2, 15))


def real(pattern):
    paths = sorted(REAL.rglob(pattern))
    if not paths:
        pytest.skip(f"no {pattern} in {REAL}; set CDJAX_REAL_FILES to a folder of packages")
    return paths


def test_real_asmscan_bilstm():
    keras = pytest.importorskip("tf_keras")
    for path in real("bass-model*.h5"):
        ids = np.random.default_rng(0).integers(0, 26, (2, 40))
        y = np.asarray(keras.models.load_model(path, compile=False)(ids))
        imported = cdjax.from_keras(path)
        assert imported.output == "sigmoid"
        assert imported.provenance["imported"]["input_length"] == 40
        for row, expected in zip(ids, y, strict=True):
            logits = forward(imported.classifier, imported.classifier.embedding[row])
            np.testing.assert_allclose(jax.nn.sigmoid(logits), expected, atol=1e-5)


def test_real_chars2vec():
    """Weights of Keras 2.2.0 alone, whose cells had a hard sigmoid by default."""
    keras = pytest.importorskip("tf_keras")
    path = real("eng_50/weights.h5")[0]
    with pytest.raises(ValueError, match=r"cell_activations=NAMES"):
        cdjax.from_keras(path)
    layers = cdjax.from_keras(path, cell_activations=("hard_sigmoid", "tanh"))
    L = keras.layers
    options = {"recurrent_activation": "hard_sigmoid", "return_sequences": True}
    model = keras.Sequential([L.Input((None, 59)), L.LSTM(50, **options), L.LSTM(50, **options)])
    model.load_weights(path)
    x = np.eye(59, dtype=np.float32)[[3, 1, 4, 1, 5]]
    np.testing.assert_allclose(run(layers, x), np.asarray(model(x[None]))[0], atol=1e-5)


def test_real_flavorfetcher():
    with pytest.raises(ValueError, match=r"\(Concatenate\) takes 2 inputs \(dense_1, dense_2\)"):
        cdjax.from_keras(real("100_2021*.h5")[0])
