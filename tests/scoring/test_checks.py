import gc
import re
from typing import Any, NamedTuple

import cdjax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cdjax.core.decomposition import split_logits
from cdjax.core.network import run
from cdjax.methods.leave_one_out import leave_out
from cdjax.scoring import checks
from cdjax.scoring.batch import output_bias, score_chosen_spans, with_vector_readout
from cdjax.scoring.checks import (
    as_classifier,
    check_sequences,
    check_series,
    cut_padding,
    in_one_type,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import random_classifier, random_layer

pytestmark = pytest.mark.usefixtures("as_users")  # our own messages


def small(seed=0, **options):
    return random_classifier(np.random.default_rng(seed), **{"dtype": np.float32} | options)


class OwnCell(NamedTuple):
    W: Any
    offset: float

    @property
    def widths(self):
        return (5,)

    def step(self, ops, state, x):
        return (ops.activate(np.tanh, x[0]),)


def test_weights_become_arrays_of_one_type():
    layers = random_layer(np.random.default_rng(0), 3, 5), OwnCell(jnp.ones((1, 5, 5)), 2.0)
    mixed = small()._replace(layers=layers)
    one = in_one_type(mixed)
    assert {(type(w), w.dtype) for w in jax.tree.leaves(one)} == {(np.ndarray, np.dtype("f4"))}
    with jax.enable_x64(True):
        assert in_one_type(mixed).bias.dtype == np.float64
    same = in_one_type(small())
    assert in_one_type(same).embedding is same.embedding  # nothing is copied without need


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["embedding", "layers[0].V", "readout", "bias"])
def test_weights_that_are_not_finite_are_refused(bad, name):
    classifier = small()
    leaves, structure = jax.tree_util.tree_flatten_with_path(classifier)
    names = [jax.tree_util.keystr(path).lstrip(".") for path, _ in leaves]
    spoiled = [w.copy() for _, w in leaves]
    spoiled[names.index(name)].flat[-1] = bad
    spoiled = jax.tree_util.tree_unflatten(structure, spoiled)
    message = rf"{name} holds {bad:g}; expected finite weights".replace("[", r"\[")
    for function in cdjax.predict, cdjax.score_all_spans:
        with pytest.raises(ValueError, match=message):
            function(spoiled, [[1, 2]])


def test_weights_that_overflow_in_the_type_they_are_used_in_are_refused():
    large = small(dtype=np.float64)
    large.layers[0].W[2, 1, 0] = 1e39
    with pytest.raises(
        ValueError, match=r"layers\[0\]\.W holds 1e\+39, which is too large for float32"
    ):
        cdjax.predict(large, [[1, 2]])
    with jax.enable_x64(True):
        in_one_type(large)
    with pytest.raises(ValueError, match="too large for float32"):  # another type, another look
        in_one_type(large)


def test_a_large_embedding_is_looked_through_once(monkeypatch):
    looked = []
    monkeypatch.setattr(checks.np, "isfinite", lambda a: looked.append(a) or np.ones(a.shape, bool))
    for classifier in small(1), jax.tree.map(jnp.asarray, small(2)):
        looked.clear()
        in_one_type(classifier)
        assert len(looked) == 6
        in_one_type(classifier)
        in_one_type(classifier._replace(layers=(*classifier.layers,)))
        assert len(looked) == 6
        in_one_type(classifier._replace(bias=classifier.bias + 1))
        assert len(looked) == 7


def test_what_was_looked_through_is_not_kept():
    gc.collect()
    before = len(checks._finite)
    classifier = small()
    in_one_type(classifier)
    assert len(checks._finite) == before + 6
    del classifier
    gc.collect()
    assert len(checks._finite) == before


@pytest.mark.parametrize(
    "function",
    [
        cdjax.predict,
        cdjax.score_all_spans,
        lambda c, ids: score_chosen_spans(c, ids, [[[0, 1]]] * 2),
        lambda c, ids: cdjax.score_sets(c, ids, [np.ones((1, len(i)), bool) for i in ids]),
    ],
)
def test_scores_that_are_not_finite_name_the_sequence(function):
    classifier = small()
    (layer,) = classifier.layers
    # Of word 0 the states are about 0.76, whose sum is more than float32 holds; of word 1, small.
    embedding = np.zeros_like(classifier.embedding)
    embedding[0] = 1
    layer = layer._replace(W=np.full_like(layer.W, 9), V=layer.V * 0, b=layer.b * 0 - 1)
    large = np.full_like(classifier.readout, 2e38)
    classifier = classifier._replace(embedding=embedding, layers=(layer,), readout=large)
    assert np.isfinite(cdjax.predict(classifier, [[1]])).all()
    with pytest.raises(FloatingPointError, match=r"of sequence 1 are not finite, .* float32"):
        function(classifier, [[1], [0]])


def test_traced_weights_name_the_functions_that_can_be_traced():
    classifier = small()
    with pytest.raises(TypeError, match=r"called under jit, .* cdjax\.decompose and"):
        jax.jit(lambda c: cdjax.predict(c, [[1]])[0])(classifier)
    for function in (
        lambda ids: cdjax.predict(classifier, ids),
        lambda ids: cdjax.predict(classifier, list(ids)),
        lambda ids: cdjax.score_spans(classifier, ids[0], [[0, 1]]),
    ):
        with pytest.raises(TypeError, match=r"called under jit, .* cdjax\.decompose and"):
            jax.jit(function)(jnp.array([[1, 2]]))
    with pytest.raises(TypeError, match=r"called under jit, .* cdjax\.decompose and"):
        jax.grad(lambda c: cdjax.score_spans(c, [1, 2], [[0, 1]])[0, 0])(classifier)


def test_a_model_is_taken_where_a_classifier_is():
    classifier = small(words=3)
    model = cdjax.Model(classifier, cdjax.Vocabulary.of("ab"), ("n", "p"), {})
    assert as_classifier(model) is as_classifier(classifier) is classifier
    with pytest.raises(TypeError, match=r"classifier is a dict; expected cdjax\.Classifier"):
        as_classifier({})


def test_series():
    layer = random_layer(np.random.default_rng(0), 3, 5)
    classifier = small()._replace(embedding=None, layers=(layer,))
    for dtype in np.float64, np.float32, np.int64:
        (x,) = check_sequences(classifier, [np.ones((4, 3), dtype)])
        assert x.dtype == np.float32
        np.testing.assert_array_equal(x, np.ones((4, 3)))
    assert check_series(classifier, np.zeros((0, 3))).shape == (0, 3)
    x = np.ones((4, 3))
    x[2, 1] = np.nan
    one = in_one_type(classifier)
    for wrong, error, message in [
        (np.ones((4, 2)), ValueError, r"sequence 1 has shape \[4, 2\]; expected \[T, 3\]"),
        (x, ValueError, r"sequence 1 holds nan at step 2, column 1"),
        (np.full((4, 3), 1e39), ValueError, r"holds 1e\+39 at step 0, column 0; .* in float32"),
        (np.full((4, 3), "a"), TypeError, r"sequence 1 holds <U1; expected floats"),
    ]:
        with pytest.raises(error, match=message):
            check_sequences(one, [np.ones((4, 3)), wrong])
    with pytest.raises(ValueError, match=r"pass a list: \[ids\] \(or \[x\]"):
        check_sequences(one, np.ones((4, 3)))
    with pytest.raises(ValueError, match=r"padding is 0 and the network takes series"):
        check_sequences(one, [np.ones((4, 3))], padding=0)


@pytest.mark.parametrize("given", [[1, 2], np.array([1, 2]), (np.int32(3),)])
def test_one_sequence_alone_is_passed_in_a_list(given):
    for function in cdjax.predict, cdjax.score_all_spans:
        with pytest.raises(ValueError, match=r"pass a list: \[ids\]"):
            function(small(), given)


@given(st.lists(st.integers(0, 6)), st.integers(0, 3), st.integers(0, 3), st.integers(-1, 8))
def test_padding_is_cut_at_the_ends_alone(ids, before, after, padding):
    cut = cut_padding([padding] * before + ids + [padding] * after, padding).tolist()
    assert cut == ([] if set(ids) <= {padding} else cut)
    assert [n for n in cut if n != padding] == [n for n in ids if n != padding]
    assert not cut or padding not in (cut[0], cut[-1])
    if padding not in ids:
        assert cut == ids
    elif cut:
        assert "".join(map(chr, cut)) in "".join(map(chr, ids))


def test_scorers_cut_padding_that_is_named():
    classifier = small()
    model = cdjax.Model(classifier, cdjax.Vocabulary.of("abcdef"), ("n", "p"), {})
    padded = np.array([[2, 0, 3, 0, 0], [0, 0, 0, 1, 2]])
    results = cdjax.score_all_spans(model, padded, padding=0)
    for result, ids in zip(results, ([2, 0, 3], [1, 2]), strict=True):
        (expected,) = cdjax.score_all_spans(classifier, [ids])
        np.testing.assert_array_equal(result.spans, expected.spans)
        np.testing.assert_allclose(result.scores, expected.scores, atol=1e-6)
        spans = expected.spans
        (chosen,) = score_chosen_spans(model, [[0, *ids]], [spans], padding=0)
        np.testing.assert_allclose(chosen.scores, expected.scores, atol=1e-6)
        scores = cdjax.score_spans(model, [*ids, 0, 0], spans, padding=0)
        np.testing.assert_allclose(scores, expected.scores, atol=1e-6)
    logits = cdjax.predict(model, padded, padding=0)
    np.testing.assert_allclose(logits, [result.logits for result in results], atol=1e-6)
    assert not np.allclose(logits, cdjax.predict(model, padded), atol=1e-3)  # pads are input there


def test_padding_is_real_input_unless_it_is_named():
    classifier = small()
    padded = np.array([[2, 0, 3, 0, 0], [0, 0, 0, 1, 2]])
    assert [ids.tolist() for ids in check_sequences(classifier, padded)] == padded.tolist()
    cut = check_sequences(classifier, padded, padding=0)
    assert [ids.tolist() for ids in cut] == [[2, 0, 3], [1, 2]]
    assert {ids.dtype for ids in cut} == {np.dtype("i4")}
    with pytest.raises(ValueError, match=r"sequence 0 holds the word number -1; .* padding=-1"):
        check_sequences(classifier, [[1, -1]])
    assert check_sequences(classifier, [[1, -1]], padding=-1)[0].tolist() == [1]


def test_one_sequence_of_series_or_of_vectors():
    layer = random_layer(np.random.default_rng(0), 3, 5)
    network = small(dtype=np.float64)._replace(layers=(layer,))
    x = np.asarray(network.embedding)[[1, 2, 4]]
    spans = [[0, 2], [1, 3]]
    expected = cdjax.score_spans(network, [1, 2, 4], spans)
    series = network._replace(embedding=None)
    for classifier in network, series:
        np.testing.assert_allclose(cdjax.score_spans(classifier, x, spans), expected, atol=1e-6)
        with pytest.raises(ValueError, match=r"padding is 0 and the sequence is given as vectors"):
            cdjax.score_spans(classifier, x, spans, padding=0)
    (scores,) = score_chosen_spans(series, [x], [spans])
    np.testing.assert_allclose(scores.scores, expected, atol=1e-6)
    np.testing.assert_allclose(
        cdjax.predict(series, [x, x[:0]]), cdjax.predict(network, [[1, 2, 4], []]), atol=1e-6
    )
    with pytest.raises(ValueError, match=r"has shape \[3\]; expected \[T, 3\]"):
        cdjax.score_spans(series, [1, 2, 4], spans)


@pytest.mark.parametrize("bad", ["c", "backward", "projection", "head[0].b"])
def test_weights_of_every_network_are_looked_through(bad):
    rng = np.random.default_rng(0)

    def draw(*shape):
        return rng.normal(size=shape).astype(np.float32)

    gru = cdjax.GRUParams(draw(3, 4, 3), draw(3, 4, 4), draw(3, 4), draw(4))
    lstm = cdjax.LSTMParams(draw(4, 4, 6), draw(4, 4, 2), draw(4, 4), draw(2, 4))
    network = cdjax.Classifier(
        embedding=draw(7, 3),
        layers=(cdjax.Bidirectional(gru, gru), lstm),
        readout=draw(2, 3),
        bias=draw(2),
        head=(cdjax.Dense(draw(3, 2), draw(3), "relu"),),
    )
    # The two of a bidirectional layer would otherwise be the same arrays.
    network = jax.tree.map(np.copy, network)
    assert np.isfinite(network.layers[1].W).all()
    leaves, structure = jax.tree_util.tree_flatten_with_path(network)
    names = [jax.tree_util.keystr(path).lstrip(".") for path, _ in leaves]
    position = max(n for n, name in enumerate(names) if bad in name)
    leaves[position][1].flat[-1] = np.nan
    with pytest.raises(ValueError, match="^" + re.escape(f"{names[position]} holds nan")):
        in_one_type(jax.tree_util.tree_unflatten(structure, [w for _, w in leaves]))


def test_logits_at_every_step_are_no_scores():
    network = small()._replace(pool="each")
    for function in cdjax.predict, cdjax.score_all_spans:
        with pytest.raises(ValueError, match=r"pool is 'each', so there are logits at every step"):
            function(network, [[1, 2]])


def test_the_output_bias_of_a_head_is_what_it_makes_of_nothing():
    classifier = small()
    assert output_bias(classifier).tobytes() == classifier.bias.tobytes()
    rng = np.random.default_rng(5)
    W, b, readout = (rng.normal(size=s).astype(np.float32) for s in ((4, 5), (4,), (2, 4)))
    deep = classifier._replace(head=(cdjax.Dense(W, b, "relu"),), readout=readout, pool="mean")
    expected = readout @ np.maximum(b, 0) + deep.bias
    np.testing.assert_allclose(output_bias(deep), expected, atol=1e-6)
    np.testing.assert_allclose(cdjax.predict(deep, [[], []]), [expected] * 2, atol=1e-6)
    (empty, result) = cdjax.score_all_spans(deep, [[], [1, 2]])
    np.testing.assert_allclose(empty.logits, expected, atol=1e-6)
    rest = split_logits(deep, deep.embedding[[1, 2]], np.array([True, False]))
    np.testing.assert_allclose(rest.bias, expected, atol=1e-6)
    np.testing.assert_allclose(result.scores[0], rest.beta, atol=1e-6)
    vectors = with_vector_readout(deep)
    (h,) = cdjax.predict(vectors, [[1, 2]])
    outputs = run(deep.layers, deep.embedding[[1, 2]])
    np.testing.assert_allclose(h, np.mean(outputs, axis=0), atol=1e-6)


def test_a_number_stands_for_no_step_of_a_series():
    series = small()._replace(embedding=None)
    with pytest.raises(ValueError, match=r"replacement is the word number 0, .* takes series"):
        leave_out(series, [np.zeros((2, 3))], replacement=0)


@pytest.mark.parametrize(
    ("sequences", "error", "message"),
    [
        ("a film", TypeError, r"sequence 0 is the string 'a film'; .*cdjax\.tokenize\(text\)"),
        ([[1], "a film"], TypeError, r"sequence 1 is the string 'a film'; expected numbers"),
        ([[1, [2]]], ValueError, r"sequence 0 is no array of numbers"),
    ],
)
def test_texts_and_ragged_lists_are_no_numbers(sequences, error, message):
    with pytest.raises(error, match=message):
        cdjax.predict(small(), sequences)


@pytest.mark.parametrize("padding", [True, 0.0, "<pad>"])
def test_padding_is_a_number(padding):
    with pytest.raises(TypeError, match=r"padding is .*; expected a word number, or None"):
        cdjax.predict(small(), [[1, 0]], padding=padding)
    assert cdjax.predict(small(), [[1, 0]], padding=np.int64(0)).shape == (1, 2)
