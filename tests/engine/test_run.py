"""What is made of fast forms: both directions, heads; and the recursion for all else."""

import cdjax
import numpy as np
import pytest
from cdjax.core.decomposition import split_logits
from cdjax.engine import recursion
from cdjax.engine.plan import AllSpans
from cdjax.engine.run import find_directions
from cdjax.scoring.batch import run_spans

from tests.conftest import random_classifier, random_layer
from tests.engine.test_lstm import TINY


def networks():
    """Networks with a fast form, each with the number of its passes."""
    rng = np.random.default_rng(8)
    one = random_classifier(rng, words=7, inputs=3, hidden=5)
    both = one._replace(
        layers=(cdjax.Bidirectional(*one.layers, random_layer(rng, 3, 4)),),
        readout=rng.normal(size=(2, 9)),
        pool="ends",
    )

    def with_head(network, hidden):
        first = cdjax.Dense(rng.normal(size=(6, hidden)), rng.normal(size=6), "relu")
        second = cdjax.Dense(rng.normal(size=(3, 6)), rng.normal(size=3), "tanh")
        return network._replace(head=(first, second), readout=rng.normal(size=(2, 3)))

    return {
        "LSTM, head": (with_head(one, 5), 1),
        "both directions": (both, 2),
        "both directions, head": (with_head(both, 9), 2),
    }


# Elsewhere a fast form is held against the recursion under every rule; here, what is made of it.
@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("LSTM, head", cdjax.SHARED),
        # Whose last step of a phrase differs.
        pytest.param("both directions", cdjax.RELEASED, marks=pytest.mark.thorough),
        pytest.param("both directions, head", cdjax.PAPER, marks=pytest.mark.thorough),
        pytest.param("both directions, head", cdjax.SOURCE, marks=pytest.mark.thorough),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_both_directions_and_heads(x64, name, rule):
    rng = np.random.default_rng(2)
    reviews = [rng.integers(0, 7, n) for n in (3, 1, 0, 8, 2, 7)]
    network, passes = networks()[name]
    assert len(find_directions(network, rule)) == passes
    results = cdjax.score_all_spans(network, reviews, rule)
    for ids, result in zip(reviews, results, strict=True):
        x, steps = network.embedding[ids], np.arange(len(ids))
        sets = (result.spans[:, :1] <= steps) & (steps < result.spans[:, 1:])
        (exact,) = recursion.score_sets(
            network._replace(embedding=None), [x], [sets], rule, both=True
        )
        np.testing.assert_allclose(result.scores, exact, rtol=1e-10, atol=1e-12)
    logits = cdjax.predict(network, reviews)
    np.testing.assert_allclose([result.logits for result in results], logits, atol=1e-12)
    spans = [[len(ids) // 2, len(ids)] for ids in reviews]
    for ids, span, result in zip(reviews, spans, results, strict=True):
        (score,) = cdjax.score_spans(network, ids, [span], rule)
        (row,) = np.flatnonzero((result.spans == span).all(axis=1)) if len(ids) else ([],)
        np.testing.assert_allclose(score, result.scores[row] if len(ids) else 0, atol=1e-12)


def test_what_has_no_fast_form_takes_the_recursion(x64):
    rng = np.random.default_rng(0)
    network = random_classifier(rng, words=7, inputs=3, hidden=5)
    (layer,) = network.layers
    assert find_directions(network, cdjax.PAPER)

    def changed(**change):
        return network._replace(**change)

    two = cdjax.Bidirectional(layer, layer)
    wide = rng.normal(size=(2, 10))
    # Of a cell state of 0 a sigmoid makes 1/2, of which no input has a part.
    no_zero = changed(layers=(layer._replace(content_activation="sigmoid"),))
    upper = changed(layers=(two, random_layer(rng, 10, 5)))
    for other in (
        no_zero,
        upper,
        changed(layers=(layer, cdjax.Bidirectional(*[random_layer(rng, 5, 5)] * 2)), readout=wide),
        changed(pool="each"),
    ):
        assert find_directions(other, cdjax.PAPER) is None
    inside = np.array([False, True, True])
    for other in no_zero, upper:
        (result,) = cdjax.score_all_spans(other, [[1, 2, 3]])
        split = split_logits(other, other.embedding[[1, 2, 3]], inside)
        np.testing.assert_allclose(result.scores[4], split.beta, atol=1e-12)
        np.testing.assert_allclose(result.logits, split.beta + split.gamma + split.bias, atol=1e-12)


def test_results_come_one_by_one_and_in_order():
    rng = np.random.default_rng(2)
    reviews = [rng.integers(0, 7, n) for n in (3, 1, 0, 9, 2, 14, 6, 6, 1, 0)]
    classifier = random_classifier(np.random.default_rng(0), dtype=np.float32)
    asked = AllSpans([len(ids) for ids in reviews], None)
    stream = run_spans(classifier, reviews, asked, cdjax.PAPER, TINY)
    first = [next(stream) for _ in range(4)]
    assert [result and len(result.spans) for result in first] == [6, 1, None, 45]
    rest = [result and len(result.spans) for result in stream]
    assert rest == [3, 105, 21, 21, 1, None]
    whole = [len(result.spans) for result in cdjax.stream_all_spans(classifier, reviews)]
    assert whole == [6, 1, 0, 45, 3, 105, 21, 21, 1, 0]
