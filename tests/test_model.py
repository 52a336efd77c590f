import contextlib
import json
import os
import pickle
import time
from typing import Any, NamedTuple

import cdjax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import safetensors.numpy
from cdjax.activations import ACTIVATIONS
from cdjax.checks import check_stack
from cdjax.core.network import POOLS
from cdjax.model import MODEL_FILE, NAMES, WEIGHTS_FILE, check_model, find_model
from cdjax.model.structure import named_leaves
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import random_classifier, random_layer


@pytest.fixture
def model():
    return cdjax.Model(
        classifier=random_classifier(np.random.default_rng(0), words=4, dtype=np.float32),
        vocabulary=cdjax.Vocabulary.of(["a", "bad", "café"]),
        labels=("negative", "positive"),
        provenance={"data": "none", "accuracy": {"test": 0.5}},
    )


def arrays_of(model):
    return [(name, np.asarray(weight)) for name, weight in named_leaves(model.classifier)]


def assert_same(one, other):
    """Structure, names and bits are the same."""
    assert jax.tree.structure(one.classifier) == jax.tree.structure(other.classifier)
    assert one[1:] == other[1:]
    for (name, weight), (_, expected) in zip(arrays_of(one), arrays_of(other), strict=True):
        assert weight.dtype == expected.dtype, name
        assert weight.shape == expected.shape, name
        assert weight.tobytes() == expected.tobytes(), name


POOL_NAMES = st.sampled_from(POOLS)
ACTIVATION_NAMES = st.sampled_from(sorted(ACTIVATIONS))


@st.composite
def cells(draw, inputs, floats):
    hidden = draw(st.integers(1, 3))
    activations = {
        "activation": draw(ACTIVATION_NAMES),
        "content_activation": draw(ACTIVATION_NAMES),
    }
    if draw(st.booleans()):
        after = draw(st.booleans())
        c = floats(hidden) if after and draw(st.booleans()) else None
        weights = floats(3, hidden, inputs), floats(3, hidden, hidden), floats(3, hidden), c
        return cdjax.GRUParams(*weights, after, **activations)
    out = draw(st.integers(1, 3)) if draw(st.booleans()) else None
    return cdjax.LSTMParams(
        W=floats(4, hidden, inputs),
        V=floats(4, hidden, out or hidden),
        b=floats(4, hidden),
        projection=floats(out, hidden) if out else None,
        peepholes=floats(3, hidden) if draw(st.booleans()) else None,
        **activations,
    )


@st.composite
def models(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    width = draw(st.integers(1, 3))

    def floats(*shape):
        return rng.normal(size=shape).astype(dtype)

    rows = draw(st.none() | st.integers(3, 6))
    embedding = None if rows is None else floats(rows, width)
    layers = []
    for _ in range(draw(st.integers(1, 3))):
        layer = draw(cells(width, floats))
        if draw(st.booleans()):
            layer = cdjax.Bidirectional(layer, draw(cells(width, floats)))
        layers.append(layer)
        width = check_stack((layer,), None)
    head = []
    for _ in range(draw(st.integers(0, 2))):
        units = draw(st.integers(1, 3))
        head.append(cdjax.Dense(floats(units, width), floats(units), draw(ACTIVATION_NAMES)))
        width = units
    count = draw(st.integers(1, 3))
    output = draw(st.sampled_from(["sigmoid", "value"] + ["softmax"] * (count > 1)))
    labels = 2 if count == 1 and output == "sigmoid" and draw(st.booleans()) else count
    words = None  # arguments of `Vocabulary`
    if rows is not None and draw(st.booleans()):
        unknown, padding = draw(st.permutations([*range(rows), None]))[:2]
        special = {"unknown": unknown, "padding": padding}
        words = {"words": [*"aBcdéf"][:rows], "lowercase": draw(st.booleans()), **special}
    return cdjax.Model(
        classifier=cdjax.Classifier(
            embedding,
            tuple(layers),
            floats(count, width),
            floats(count),
            draw(POOL_NAMES),
            (*head,),
        ),
        vocabulary=words,
        labels=("no", "yes", "perhaps")[:labels],
        provenance={"data": "none"},
        output=output,
    )


@given(model=models())
@settings(max_examples=150)
def test_every_model_comes_back_bit_for_bit(tmp_path_factory, model):
    if model.vocabulary is not None:
        model = model._replace(vocabulary=cdjax.Vocabulary(**model.vocabulary))
    folder = tmp_path_factory.mktemp("m") / "deep" / "model"
    cdjax.save(model, folder)
    assert_same(cdjax.load(folder), model)
    assert [path.name for path in folder.parent.iterdir()] == ["model"]
    assert repr(model).count("\n") == 0
    assert len(repr(model)) < 600


def large_model():
    """A model with one of everything."""
    rng = np.random.default_rng(3)

    def floats(*shape):
        return rng.normal(size=shape).astype(np.float32)

    lstm = cdjax.LSTMParams(
        floats(4, 3, 2), floats(4, 3, 2), floats(4, 3), floats(2, 3), floats(3, 3), "hard_sigmoid"
    )
    gru = cdjax.GRUParams(floats(3, 4, 2), floats(3, 4, 4), floats(3, 4), floats(4))
    top = cdjax.GRUParams(floats(3, 2, 6), floats(3, 2, 2), floats(3, 2), None, False)
    return cdjax.Model(
        cdjax.Classifier(
            embedding=floats(4, 2),
            layers=(cdjax.Bidirectional(lstm, gru), top),
            readout=floats(1, 5),
            bias=floats(1),
            pool="mean",
            head=(cdjax.Dense(floats(5, 2), floats(5), "relu"),),
        ),
        cdjax.Vocabulary(["<pad>", "a", "<unk>", "bad"], padding=0),
        ("negative", "positive"),
        {"data": "none"},
        "sigmoid",
    )


def test_names_on_disk(tmp_path):
    cdjax.save(large_model(), tmp_path / "m")
    weights = safetensors.numpy.load_file(tmp_path / "m" / WEIGHTS_FILE)
    lstm, gru = ("W", "V", "b", "projection", "peepholes"), ("W", "V", "b", "c")
    assert set(weights) == {
        *(f"layers.0.forward.{name}" for name in lstm),
        *(f"layers.0.backward.{name}" for name in gru),
        *(f"layers.1.{name}" for name in gru[:3]),
        *("embedding", "head.0.W", "head.0.b", "readout", "bias"),
    }
    network = json.loads((tmp_path / "m" / MODEL_FILE).read_text())["network"]
    assert network["layers"][1] == {
        "kind": "gru",
        "arrays": ["W", "V", "b"],
        "reset_after": False,
        "activation": "sigmoid",
        "content_activation": "tanh",
    }
    assert_same(cdjax.load(tmp_path / "m"), large_model())


def test_one_line_sums_a_model_up(model):
    assert repr(large_model()) == (
        "Model(embedding 4 x 2, Bidirectional(LSTM 2, GRU 4), GRU 2, mean, Dense 5 relu, 1 logit; "
        "4 words; labels negative, positive; sigmoid)"
    )
    many = model._replace(labels=tuple("abcdefg"), vocabulary=None)
    assert repr(many) == (
        "Model(embedding 4 x 3, LSTM 5, 2 logits; 7 labels: a, b, c, d, ...; softmax)"
    )
    assert repr(model._replace(classifier=3)).startswith("Model(a damaged network (int); 4 words")


class OwnCell(NamedTuple):
    W: Any
    widths = (4,)

    def step(self, ops, state, x):
        return (ops.activate(ACTIVATIONS["tanh"], x[0]),)


def test_cells_of_ones_own_are_refused_by_name(tmp_path):
    model = large_model()
    own = OwnCell(np.ones((1, 4, 2), np.float32))
    lstm, top = model.classifier.layers[0].forward, model.classifier.layers[1]
    layers = (cdjax.Bidirectional(lstm, own), top)
    wrong = model._replace(classifier=model.classifier._replace(layers=layers))
    assert "Bidirectional(LSTM 2, OwnCell 4)" in repr(wrong)
    with pytest.raises(TypeError, match=r"layers\.0\.backward is a OwnCell, a cell of your own"):
        cdjax.save(wrong, tmp_path / "m")
    assert list(tmp_path.iterdir()) == []


def change(*path, to):
    """Return a function that changes an entry of the structure of a model's network."""

    def damage(folder):
        description = json.loads((folder / MODEL_FILE).read_text())
        *parents, last = path
        part = description["network"]
        for key in parents:
            part = part[key]
        part[last] = to
        (folder / MODEL_FILE).write_text(json.dumps(description))

    return damage


def change_arrays(**changes):
    """Return a function that replaces arrays of a model, or drops them where they are None."""

    def damage(folder):
        weights = safetensors.numpy.load_file(folder / WEIGHTS_FILE) | changes
        kept = {name: array for name, array in weights.items() if array is not None}
        safetensors.numpy.save_file(kept, folder / WEIGHTS_FILE)

    return damage


FORWARD = ("layers", 0, "forward")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (change("layers", 1, "kind", to="rnn"), "layers.1: kind is 'rnn'; expected one of"),
        (change("layers", 1, "kind", to=["gru"]), r"layers.1: kind is \['gru'\]; expected one of"),
        (change("layers", 1, to=7), "layers.1: kind is None; expected one of"),
        (change("layers", to={}), "network: layers is {}; expected a list"),
        (change("layers", to=[]), r"the arrays \['layers.0.backward.V'.*\] belong to no part"),
        (change(*FORWARD, "kind", to="bidirectional"), "layers.0.forward: kind is 'bidirectional'"),
        (change(*FORWARD, "arrays", to=["W", "V"]), r"layers.0.forward: arrays is \['W', 'V'\]"),
        (change(*FORWARD, "arrays", to=["W", "V", "b", "x"]), r"and any of \['projection'"),
        (change(*FORWARD, "arrays", to=["W", "V", "b", "b"]), r"expected \['W', 'V', 'b'\]"),
        (change(*FORWARD, "arrays", to=[["W"]]), r"arrays is \[\['W'\]\]; expected"),
        (change(*FORWARD, "arrays", to=["W", "V", "b"]), r"arrays \['layers.0.forward.peepholes'"),
        (
            change(*FORWARD, "activation", to="x"),
            "layer 0, forward: activation is 'x'; expected one",
        ),
        (change(*FORWARD, "activation", to=[]), r"activation is \[\]; expected a str"),
        (change(*FORWARD, "size", to=3), r"layers.0.forward is \[.*\]; expected the fields kind"),
        (change("layers", 1, "reset_after", to=0), "layers.1: reset_after is 0; expected a bool"),
        (change("layers", 1, "kind", to="lstm"), r"layers.1 is \[.*\]; expected the fields kind"),
        (change("head", 0, "kind", to="gru"), "head.0: kind is 'gru'; expected one of dense"),
        (change("head", to=[]), r"the arrays \['head.0.W', 'head.0.b'\] belong to no part"),
        (change("pool", to="sum"), "pool is 'sum'; expected one of last, ends"),
        (change("pool", to=None), "network: pool is None; expected a str"),
        (change("embedding", to=False), r"the arrays \['embedding'\] belong to no part"),
        (change("embedding", to="yes"), "network: embedding is 'yes'; expected a bool"),
        (change_arrays(readout=None), "the array readout is missing; found"),
        (change_arrays(more=np.ones(2)), r"the arrays \['more'\] belong to no part"),
        (change_arrays(bias=np.ones(1, int)), "bias holds int64; expected floats"),
        (change_arrays(bias=np.ones(2)), r"bias has shape \[2\]; expected \[1\]"),
        (change_arrays(embedding=np.ones((4, 3))), "takes inputs of width 2 .* gives width 3"),
        (change_arrays(embedding=np.ones((5, 2))), "holds 4 words; expected 5"),
        (
            change_arrays(**{"layers.0.forward.projection": np.ones((2, 5))}),
            r"projection has shape \[2, 5\]",
        ),
        (
            change_arrays(**{"layers.0.backward.c": np.ones(3)}),
            r"c has shape \[3\]; expected \[4\]",
        ),
        (
            change_arrays(**{"head.0.b": np.full(5, np.nan)}),
            r"head\[0\].b holds values that are not",
        ),
    ],
)
def test_a_network_that_is_not_whole_says_what_is_wrong(tmp_path, damage, message):
    cdjax.save(large_model(), tmp_path / "m")
    damage(tmp_path / "m")
    with pytest.raises(ValueError, match=message):
        cdjax.load(tmp_path / "m")


def positions(value, path=()):
    """Every path into a value of JSON."""
    entries = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in entries:
        yield (*path, key)
        if isinstance(inner, dict | list):
            yield from positions(inner, (*path, key))


@given(data=st.data())
@settings(max_examples=200)
def test_damaged_files_never_fail_otherwise(tmp_path_factory, data):
    """What is read from a damaged file is a model that holds together, or a ValueError."""
    folder = tmp_path_factory.mktemp("m") / "m"
    cdjax.save(large_model(), folder)
    if data.draw(st.booleans()):
        description = json.loads((folder / MODEL_FILE).read_text())
        *parents, last = data.draw(st.sampled_from(list(positions(description))))
        part = description
        for key in parents:
            part = part[key]
        values = st.none() | st.booleans() | st.integers(-2, 5) | st.floats() | st.text(max_size=3)
        if data.draw(st.booleans()):
            del part[last]
        else:
            part[last] = data.draw(values | st.lists(values, max_size=2) | st.just({"kind": "gru"}))
        (folder / MODEL_FILE).write_text(json.dumps(description))
    else:
        path = folder / data.draw(st.sampled_from([MODEL_FILE, WEIGHTS_FILE]))
        content = bytearray(path.read_bytes())
        content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
        path.write_bytes(content[: data.draw(st.just(len(content)) | st.integers(0, len(content)))])
    with contextlib.suppress(ValueError):
        check_model(cdjax.load(folder))


def test_version_1_is_read(tmp_path, model):
    rng = np.random.default_rng(1)
    layers = *model.classifier.layers, random_layer(rng, 5, 5, dtype=np.float32)
    model = model._replace(classifier=model.classifier._replace(layers=layers))
    cdjax.save(model, tmp_path / "m")
    description = json.loads((tmp_path / "m" / MODEL_FILE).read_text())
    names = "format", "labels", "provenance", "lowercase", "vocabulary"
    first = {"version": 1} | {name: description[name] for name in names}
    (tmp_path / "m" / MODEL_FILE).write_text(json.dumps(first))
    assert_same(cdjax.load(tmp_path / "m"), model)
    change_arrays(**{"layers.0.V": None})(tmp_path / "m")
    with pytest.raises(ValueError, match=r"the array layers\.0\.V is missing"):
        cdjax.load(tmp_path / "m")


def test_jax_arrays_and_bfloat16(tmp_path, model):
    narrow = jax.tree.map(lambda w: jnp.asarray(w, jnp.bfloat16), model.classifier)
    cdjax.save(model._replace(classifier=narrow), tmp_path / "m")
    expected = jax.tree.map(lambda w: np.asarray(w).astype(np.float32), narrow)
    assert_same(cdjax.load(tmp_path / "m"), model._replace(classifier=expected))
    whole = model.classifier._replace(bias=np.ones(2, int))
    with pytest.raises(TypeError, match=r"bias holds int64; expected floats"):
        cdjax.save(model._replace(classifier=whole), tmp_path / "n")


def test_weights_too_large_for_the_type_they_are_stored_in(tmp_path, model):
    large = model._replace(classifier=model.classifier._replace(bias=np.array([1e5, 0.0])))
    with pytest.raises(ValueError, match=r"bias holds 100000, which is too large for float16"):
        cdjax.save(large, tmp_path / "m", dtype=np.float16)
    with pytest.raises(TypeError, match=r"dtype is int32; expected one of float16"):
        cdjax.save(large, tmp_path / "m", dtype=np.int32)
    with pytest.raises(TypeError, match=r"provenance: .*set.*; expected what JSON can hold"):
        cdjax.save(model._replace(provenance={"a": {1}}), tmp_path / "m")
    assert not (tmp_path / "m").exists()


@pytest.mark.usefixtures("as_users")
def test_series_have_no_vocabulary(tmp_path, model):
    series = model._replace(classifier=model.classifier._replace(embedding=None))
    with pytest.raises(ValueError, match=r"4 words and the network has no embedding"):
        check_model(series)
    check_model(series._replace(vocabulary=None))
    check_model(model._replace(vocabulary=None))
    with pytest.raises(TypeError, match=r"vocabulary is a list; expected cdjax\.Vocabulary"):
        check_model(model._replace(vocabulary=["a"] * 4))
    with pytest.raises(TypeError, match=r"labels is 'np'; expected a tuple of strings"):
        check_model(model._replace(labels="np"))
    with pytest.raises(TypeError, match=r"model is a Classifier; expected cdjax\.Model"):
        check_model(model.classifier)


def test_rows_of_special_words_are_kept(tmp_path, model):
    for words, special in [
        (["<pad>", "a", "<unk>", "bad"], {"padding": 0}),
        (["a", "b", "c", "d"], {"unknown": None, "padding": 3}),
    ]:
        vocabulary = cdjax.Vocabulary(words, False, **special)
        cdjax.save(model._replace(vocabulary=vocabulary), tmp_path / "m", overwrite=True)
        assert cdjax.load(tmp_path / "m").vocabulary == vocabulary


def test_half_precision_is_read_as_single(tmp_path, model):
    cdjax.save(model, tmp_path / "m", dtype=np.float16)
    embedding = cdjax.load(tmp_path / "m").classifier.embedding
    assert embedding.dtype == np.float32
    np.testing.assert_array_equal(embedding, model.classifier.embedding.astype(np.float16))
    assert (tmp_path / "m" / WEIGHTS_FILE).stat().st_size < 2000


def test_a_folder_that_is_there_is_kept(tmp_path, model):
    cdjax.save(model, tmp_path / "m")
    with pytest.raises(FileExistsError, match="exists; give another path or overwrite=True"):
        cdjax.save(model, tmp_path / "m")
    cdjax.save(model._replace(labels=("no", "yes")), tmp_path / "m", overwrite=True)
    assert cdjax.load(tmp_path / "m").labels == ("no", "yes")
    (tmp_path / "other").mkdir()
    cdjax.save(model, tmp_path / "other")  # empty, as a mount point is
    (tmp_path / "other" / "notes.txt").write_text("mine")
    with pytest.raises(FileExistsError, match=r"other holds notes\.txt, which would not be of"):
        cdjax.save(model, tmp_path / "other", overwrite=True)
    (tmp_path / "other" / MODEL_FILE).unlink()
    with pytest.raises(FileExistsError, match="is no model folder, so it is not replaced"):
        cdjax.save(model, tmp_path / "other", overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m", "other"]
    assert sorted(path.name for path in (tmp_path / "other").iterdir()) == [
        "notes.txt",
        WEIGHTS_FILE,
    ]


def test_a_full_disk_leaves_the_model_that_is_there(tmp_path, model, monkeypatch):
    cdjax.save(model, tmp_path / "m")
    monkeypatch.setattr(os, "fsync", lambda number: (_ for _ in ()).throw(OSError(28, "full")))
    with pytest.raises(OSError, match="full"):
        cdjax.save(model._replace(labels=("no", "yes")), tmp_path / "m", overwrite=True)
    with pytest.raises(OSError, match="full"):
        cdjax.save(model, tmp_path / "n")
    assert [path.name for path in tmp_path.iterdir()] == ["m"]
    assert_same(cdjax.load(tmp_path / "m"), model)


def test_files_follow_the_umask(tmp_path, model):
    before = os.umask(0o027)
    try:
        cdjax.save(model, tmp_path / "m")
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "m").iterdir()}
    assert modes == {MODEL_FILE: 0o640, WEIGHTS_FILE: 0o640}
    assert (tmp_path / "m").stat().st_mode & 0o777 == 0o750


def test_what_the_logits_stand_for_is_kept(tmp_path, model):
    for output in ("softmax", "sigmoid", "value"):
        cdjax.save(model._replace(output=output), tmp_path / output)
        assert cdjax.load(tmp_path / output).output == output
    classifier = model.classifier
    one = classifier._replace(readout=classifier.readout[:1], bias=classifier.bias[:1])
    cdjax.save(model._replace(classifier=one, output="sigmoid"), tmp_path / "one")
    assert len(cdjax.load(tmp_path / "one").labels) == 2
    with pytest.raises(ValueError, match=r"one logit, whose softmax is always 1; .*'sigmoid'"):
        cdjax.save(model._replace(classifier=one), tmp_path / "softmax one")
    with pytest.raises(ValueError, match="labels holds 2 names; expected 1, one for each logit"):
        cdjax.save(model._replace(classifier=one, output="value"), tmp_path / "value")
    with pytest.raises(ValueError, match="output is 'logits'; expected one of softmax"):
        cdjax.save(model._replace(output="logits"), tmp_path / "none")


def test_a_model_that_does_not_hold_together_is_not_saved(tmp_path, model):
    classifier = model.classifier
    spoiled = classifier._replace(readout=np.full_like(classifier.readout, np.inf))
    for wrong, message in [
        (model._replace(labels=("one",)), "labels holds 1 names; expected 2"),
        (model._replace(vocabulary=cdjax.Vocabulary.of("ab")), "holds 3 words; expected 4"),
        (model._replace(classifier=spoiled), "readout holds values that are not finite"),
    ]:
        with pytest.raises(ValueError, match=message):
            cdjax.save(wrong, tmp_path / "m")
    assert not (tmp_path / "m").exists()


def edit(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize(
    ("damage", "error", "message"),
    [
        (lambda d: (d / WEIGHTS_FILE).unlink(), FileNotFoundError, "has no weights.safetensors"),
        (lambda d: (d / MODEL_FILE).unlink(), FileNotFoundError, "has no model.json"),
        (
            lambda d: (d / WEIGHTS_FILE).write_bytes((d / WEIGHTS_FILE).read_bytes()[:-9]),
            ValueError,
            "weights.safetensors is damaged or of another format",
        ),
        (
            lambda d: (d / WEIGHTS_FILE).write_bytes(pickle.dumps({"embedding": 1})),
            ValueError,
            "weights.safetensors is damaged or of another format",
        ),
        (lambda d: (d / MODEL_FILE).write_text("{"), ValueError, "model.json is damaged"),
        (lambda d: (d / MODEL_FILE).write_bytes(b"\xff\xfe"), ValueError, "model.json is damaged"),
        (lambda d: (d / MODEL_FILE).write_text("[1]"), ValueError, "is not a cdjax model"),
        (lambda d: edit(d / MODEL_FILE, format="x"), ValueError, "is not a cdjax model"),
        (lambda d: edit(d / MODEL_FILE, version=3), ValueError, r"a model of version 3; .* reads"),
        (lambda d: edit(d / MODEL_FILE, version=True), ValueError, r"of version True; .* reads"),
        (
            lambda d: edit(d / MODEL_FILE, labels="np"),
            ValueError,
            r"labels is 'np'; expected a list",
        ),
        (lambda d: edit(d / MODEL_FILE, labels=["a", "a"]), ValueError, r"labels holds 'a' twice"),
        (
            lambda d: edit(d / MODEL_FILE, labels=[1, 2]),
            ValueError,
            r"labels is \(1, 2\); expected",
        ),
        (
            lambda d: edit(d / MODEL_FILE, provenance=[]),
            ValueError,
            r"provenance is \[\]; expected",
        ),
        (
            lambda d: edit(d / MODEL_FILE, vocabulary="ab"),
            ValueError,
            r"vocabulary is 'ab'; expected",
        ),
        (lambda d: edit(d / MODEL_FILE, lowercase=1), ValueError, r"lowercase is 1; expected true"),
        (
            lambda d: edit(d / MODEL_FILE, output=None),
            ValueError,
            r"output is None; expected a string",
        ),
        (
            lambda d: edit(d / MODEL_FILE, network=1),
            ValueError,
            r"network is 1; expected the fields",
        ),
        (
            lambda d: (d / MODEL_FILE).write_text("[" * 100_000),
            ValueError,
            "model.json is damaged",
        ),
        (lambda d: edit(d / MODEL_FILE, labels=["a"]), ValueError, "labels holds 1 names"),
        (lambda d: edit(d / MODEL_FILE, vocabulary=["x"]), ValueError, "holds 1 words; expected 4"),
        (lambda d: edit(d / MODEL_FILE, unknown="x"), ValueError, "no word 'x'"),
        (
            lambda d: edit(d / MODEL_FILE, vocabulary=["<unk>", "a", "a", "b"]),
            ValueError,
            "'a' twice",
        ),
    ],
)
def test_a_damaged_folder_says_what_is_wrong(tmp_path, model, damage, error, message):
    cdjax.save(model, tmp_path / "m")
    damage(tmp_path / "m")
    with pytest.raises(error, match=message):
        cdjax.load(tmp_path / "m")


def test_no_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no model at .*nowhere"):
        cdjax.load(tmp_path / "nowhere")


def test_bundled_models_have_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find_model() == find_model("sst")
    for name in NAMES:
        assert cdjax.load(name).labels == ("negative", "positive")
    with pytest.raises(FileNotFoundError, match="bundled models: sst, yelp"):
        cdjax.load("imdb")


def test_a_name_that_is_also_a_folder_is_asked_about(tmp_path, monkeypatch, model):
    monkeypatch.chdir(tmp_path)
    cdjax.save(model, "yelp")
    with pytest.raises(ValueError, match=r"give './yelp' for the folder"):
        cdjax.load("yelp")
    assert cdjax.load("./yelp").labels == model.labels
    assert cdjax.load(find_model("sst")).provenance["task"]


def describe(**changes):
    """Return a function that changes fields of a model's description; text as it is."""

    def damage(folder):
        path = folder / MODEL_FILE
        description = json.loads(path.read_text())
        for name, value in changes.items():
            description[name] = value
        path.write_text(json.dumps(description))

    return damage


def raw(old, new):
    def damage(folder):
        path = folder / MODEL_FILE
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    return damage


def header(dtype, shape, size):
    """Replace the weights by one array of that header, and no more than its bytes."""

    def damage(folder):
        entry = {"embedding": {"dtype": dtype, "shape": shape, "data_offsets": [0, size]}}
        text = json.dumps(entry).encode()
        content = len(text).to_bytes(8, "little") + text + bytes(min(size, 1000))
        (folder / WEIGHTS_FILE).write_bytes(content)

    return damage


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (raw('"version": 2', '"version": true'), "version True"),
        (raw('"version": 2', '"version": 2.0'), r"version 2\.0"),
        (raw('"version": 2', f'"version": {"9" * 5000}'), "is damaged or of another format"),
        (raw('"provenance": {', '"provenance": {"a": ' + "[" * 100_000 + ", "), "is damaged or"),
        (describe(labels=[1, 2]), r"labels is \(1, 2\); expected a tuple of strings"),
        (describe(labels=[None, "a"]), r"labels is \(.*; expected a tuple of strings"),
        (describe(labels=[["a"], "b"]), r"labels is \(.*; expected a tuple of strings"),
        (describe(labels="ab"), "labels is 'ab'; expected a list of strings"),
        (describe(labels=None), "labels is None"),
        (describe(labels=["a", "a"]), "labels holds 'a' twice"),
        (describe(labels=["a", "\ud800"]), "surrogate"),
        (describe(labels=[]), "labels holds 0 names"),
        (describe(vocabulary=[1, 2, 3, 4]), "word 0 is 1; expected a string"),
        (describe(vocabulary={"a": 1}), "expected a list of words, or null"),
        (describe(vocabulary=["a", "A", "b", "<unk>"]), "which are one word in lower"),
        (describe(vocabulary=["a", "b", "\udc80", "<unk>"]), "surrogate"),
        (describe(lowercase="yes"), "lowercase is 'yes'; expected true or false"),
        (describe(lowercase=1), "lowercase is 1; expected true or false"),
        (describe(unknown=True), "unknown is True"),
        (describe(output=None), "output is None"),
        (describe(provenance=[]), r"provenance is \[\]; expected an object"),
        (header("F8_E4M3", [4, 3], 12), "float8_e4m3fn.*; expected float16"),
        (header("F32", [10**9, 300], 1_200_000_000_000), "is damaged or of another format"),
        (header("F32", [10**19, 300], 0), "is damaged or of another format"),
        (header("F32", [0, 3], 0), "is damaged or of another format"),
        (change_arrays(bias=np.array([1e39, 0.0])), "bias holds .* not finite, or too large"),
        (
            change_arrays(**{f"layers.0.{n}": np.zeros(s, np.float32) for n, s in
                             {"W": (4, 0, 3), "V": (4, 0, 0), "b": (4, 0)}.items()},
                          readout=np.zeros((2, 0), np.float32)),
            r"W has shape \[4, 0, 3\]; expected no size of 0",
        ),
        (
            change_arrays(readout=np.zeros((0, 5), np.float32), bias=np.zeros(0, np.float32)),
            r"readout has shape \[0, 5\]; expected no size of 0",
        ),
    ],
)  # fmt: skip
def test_hostile_models_are_refused(tmp_path, model, damage, message):
    cdjax.save(model, tmp_path / "m")
    damage(tmp_path / "m")
    with pytest.raises(ValueError, match=message) as error:
        cdjax.load(tmp_path / "m")
    assert str(tmp_path / "m") in str(error.value)
    assert len(str(error.value)) < 1000


def test_many_layers_and_words_take_no_time(tmp_path, model):
    rng = np.random.default_rng(0)
    layer = random_layer(rng, 1, 1, dtype=np.float32)
    first = random_layer(rng, 3, 1, dtype=np.float32)
    layers = first, *[layer] * 3000
    readout = np.ones((2, 1), np.float32)
    deep = model._replace(classifier=model.classifier._replace(layers=layers, readout=readout))
    with pytest.raises(ValueError, match="there are 3,001 layers; expected at most 256"):
        check_model(deep)
    cdjax.save(model, tmp_path / "m")
    edit(tmp_path / "m" / MODEL_FILE, vocabulary=["w"] * 1_000_000)
    begun = time.process_time()
    with pytest.raises(ValueError, match="holds 1,000,000 words; expected 4, one for each row"):
        cdjax.load(tmp_path / "m")
    assert time.process_time() - begun < 2  # no table of them is made
