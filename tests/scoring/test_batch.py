import cdjax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cdjax.core.network import forward, run
from cdjax.core.rules import RULES

from tests import reference
from tests.conftest import ROOT, RULE_CASES, random_classifier, random_layer, read_npz


def recursion(classifier, x, spans, rule):
    """Score spans one by one by the literal loop, in float64."""
    (layer,) = jax.tree.map(lambda a: np.asarray(a, np.float64), classifier.layers)
    scores = []
    for start, stop in spans:
        inside = (start <= np.arange(len(x))) & (np.arange(len(x)) < stop)
        beta, _, _ = reference.decompose([layer], x, inside, rule.name)
        scores.append(np.asarray(classifier.readout, np.float64) @ beta[-1])
    return np.array(scores)


@pytest.fixture
def classifier():
    return random_classifier(np.random.default_rng(0), dtype=np.float32)


REVIEWS = [[3], [], [1, 2, 3, 4, 5, 6, 0, 1, 2], [6, 6, 6], list(range(7)) * 2]


@pytest.mark.parametrize("size", ["small", pytest.param("medium", marks=pytest.mark.thorough)])
@pytest.mark.parametrize("key", ["acd", "released", "merged_context", "paper"])
def test_golden_spans(x64, size, key):
    golden = read_npz(ROOT / "tests" / "golden" / f"spans_{size}.npz")
    layers = cdjax.from_torch(
        {
            f"{name}_l0": golden[name_]
            for name, name_ in (
                ("weight_ih", "W_ih"),
                ("weight_hh", "W_hh"),
                ("bias_ih", "b_ih"),
                ("bias_hh", "b_hh"),
            )
        }
    )
    readout = golden["W_out"]
    classifier = cdjax.Classifier(golden["x"], layers, readout, np.zeros(len(readout)))
    rule = RULES[key.removesuffix("_context")]
    scores = cdjax.score_spans(classifier, golden["x"], golden["spans"], rule)
    assert scores.dtype == np.float64
    np.testing.assert_allclose(scores, golden[f"beta_{key}"], atol=1e-10)
    (everything,) = cdjax.score_all_spans(classifier, [np.arange(len(golden["x"]))], rule)
    np.testing.assert_array_equal(everything.spans, golden["spans"])
    np.testing.assert_allclose(everything.scores, golden[f"beta_{key}"], atol=1e-10)


@pytest.mark.parametrize("rule", RULE_CASES)
@pytest.mark.parametrize("max_len", [None, 1, 4])
def test_all_spans_of_ragged_reviews_equal_the_recursion(classifier, rule, max_len):
    results = cdjax.score_all_spans(classifier, REVIEWS, rule, max_len)
    assert len(results) == len(REVIEWS)
    for review, result in zip(REVIEWS, results, strict=True):
        np.testing.assert_array_equal(result.spans, cdjax.enumerate_spans(len(review), max_len))
        assert result.scores.shape == (len(result.spans), 2)
        assert result.scores.dtype == np.float32
        if review:
            x = classifier.embedding[np.array(review)].astype(np.float64)
            expected = recursion(classifier, x, result.spans, rule)
            np.testing.assert_allclose(result.scores, expected, atol=2e-6)


@pytest.mark.thorough
def test_float32_at_the_papers_width():
    rng = np.random.default_rng(3)
    hidden, inputs = 168, 300
    layer = random_layer(rng, inputs, hidden, scale=0.12, dtype=np.float32)
    words = rng.normal(0, 0.4, size=(50, inputs)).astype(np.float32)
    readout = rng.normal(0, 0.3, size=(2, hidden)).astype(np.float32)
    classifier = cdjax.Classifier(words, (layer,), readout, np.zeros(2, np.float32))
    ids = rng.integers(0, 50, 19)
    for rule in (cdjax.PAPER, cdjax.ACD):
        (result,) = cdjax.score_all_spans(classifier, [ids], rule)
        some = rng.choice(len(result.spans), 12, replace=False)
        expected = recursion(classifier, words[ids].astype(np.float64), result.spans[some], rule)
        assert np.abs(expected).max() > 0.3
        np.testing.assert_allclose(result.scores[some], expected, atol=1e-5)


def test_any_spans_by_numbers_or_vectors(classifier):
    ids = np.array(REVIEWS[2])
    spans = [(0, 9), (2, 5), (4, 4), (8, 9), (2, 5)]
    scores = cdjax.score_spans(classifier, ids, spans)
    np.testing.assert_array_equal(scores[2], 0)
    np.testing.assert_array_equal(scores[1], scores[4])
    x = classifier.embedding[ids]
    np.testing.assert_array_equal(cdjax.score_spans(classifier, x, spans), scores)
    expected = recursion(classifier, x.astype(np.float64), spans, cdjax.PAPER)
    np.testing.assert_allclose(scores, expected, atol=2e-6)


def test_stacked_layers(classifier):
    rng = np.random.default_rng(5)
    stacked = classifier._replace(
        layers=(*classifier.layers, random_layer(rng, 5, 4, dtype=np.float32)),
        readout=rng.normal(size=(2, 4)).astype(np.float32),
    )
    ids = np.array(REVIEWS[2])
    (result,) = cdjax.score_all_spans(stacked, [ids], cdjax.ACD)
    for span, score in list(zip(result.spans, result.scores, strict=True))[::7]:
        inside = (span[0] <= np.arange(9)) & (np.arange(9) < span[1])
        split = cdjax.decompose(stacked.layers, stacked.embedding[ids], inside, cdjax.ACD)
        np.testing.assert_allclose(score, stacked.readout @ split.beta[-1], atol=2e-6)


def test_batchmates_do_not_matter(classifier):
    # Another vector for a word changes every review that holds it, and no other.
    poisoned = classifier._replace(embedding=classifier.embedding.copy())
    poisoned.embedding[6] = 5
    reviews = [[0, 1, 2, 3], [6] * 30, [6], [1, 2], [6, 6, 6, 6, 6]]
    for rule in (cdjax.PAPER, cdjax.ACD):
        results = cdjax.score_all_spans(poisoned, reviews, rule)
        for n in (0, 3):
            (alone,) = cdjax.score_all_spans(classifier, [reviews[n]], rule)
            np.testing.assert_array_equal(results[n].scores, alone.scores)
        (unlike,) = cdjax.score_all_spans(classifier, [reviews[1]], rule)
        assert (results[1].scores != unlike.scores).any(axis=1).all()
    logits, expected = cdjax.predict(poisoned, reviews), cdjax.predict(classifier, reviews)
    np.testing.assert_array_equal(logits[[0, 3]], expected[[0, 3]])
    assert (logits[[1, 2, 4]] != expected[[1, 2, 4]]).all()


def test_prediction_is_the_models_own(classifier):
    logits = cdjax.predict(classifier, REVIEWS)
    for review, row in zip(REVIEWS, logits, strict=True):
        h = np.zeros(5, np.float32)
        if review:
            h = run(classifier.layers, jnp.asarray(classifier.embedding[np.array(review)]))[-1]
        np.testing.assert_allclose(row, classifier.readout @ h + classifier.bias, atol=1e-6)
    # And ACD gives the whole of it, but for the output bias, to the sentence as a phrase.
    for review, row in zip(REVIEWS, logits, strict=True):
        whole = cdjax.score_spans(classifier, np.array(review, int), [(0, len(review))], cdjax.ACD)
        np.testing.assert_allclose(whole[0] + classifier.bias, row, atol=2e-6)


def test_prediction_of_more_and_longer_sequences_than_go_together(classifier, monkeypatch):
    monkeypatch.setattr("cdjax.engine.recursion.BLOCK_STEPS", 20)
    rng = np.random.default_rng(1)
    words = [rng.integers(7, size=length) for length in (3, 50, 1, 20, 3, 9, 30, 3, 12)]
    vectors = [np.asarray(classifier.embedding)[review] for review in words]
    expected = [forward(classifier, x) for x in vectors]
    network = classifier._replace(embedding=None)
    both = cdjax.Bidirectional(classifier.layers[0], classifier.layers[0])
    np.testing.assert_allclose(cdjax.predict(classifier, words), expected, atol=1e-6)
    np.testing.assert_allclose(cdjax.predict(network, vectors), expected, atol=1e-6)
    readout = np.concatenate([classifier.readout, 2 * classifier.readout], axis=1)
    ends = classifier._replace(layers=(both,), readout=readout, pool="ends")
    expected = [forward(ends, x) for x in vectors]
    np.testing.assert_allclose(cdjax.predict(ends, words), expected, atol=1e-6)


def test_no_reviews_and_no_spans(classifier):
    assert cdjax.score_all_spans(classifier, []) == []
    assert cdjax.predict(classifier, []).shape == (0, 2)
    assert cdjax.score_spans(classifier, [1, 2], []).shape == (0, 2)
    assert cdjax.score_spans(classifier, np.zeros(0, int), [(0, 0)]).tolist() == [[0, 0]]


@pytest.mark.usefixtures("as_users")
def test_bad_input_raises(classifier):
    score_all, score = cdjax.score_all_spans, cdjax.score_spans
    with pytest.raises(ValueError, match=r"sequence 1 holds the word number 7; expected 0 to 6"):
        score_all(classifier, [[1], [2, 7]])
    with pytest.raises(ValueError, match=r"sequence 0 holds the word number -1"):
        cdjax.predict(classifier, [[-1]])
    with pytest.raises(TypeError, match=r"sequence 1 holds float64; expected integers"):
        score_all(classifier, [[1], [0.5]])
    with pytest.raises(TypeError, match=r"sequence 0 holds bool"):
        score_all(classifier, [[True]])
    with pytest.raises(ValueError, match=r"sequence 0 has shape \[1, 2\]; expected \[T\]"):
        score_all(classifier, [[[1, 2]]])
    with pytest.raises(TypeError, match=r"sequence 0 holds <U"):
        score_all(classifier, [["a", "bad", "film"]])
    with pytest.raises(ValueError, match=r"max_len is 0; expected at least 1"):
        score_all(classifier, [[1]], max_len=0)
    with pytest.raises(ValueError, match=r"span \[1, 3\] does not lie in the sequence; .* <= 2"):
        score(classifier, [1, 2], [(0, 1), (1, 3)])
    with pytest.raises(ValueError, match=r"span \[2, 1\]"):
        score(classifier, [1, 2], [(2, 1)])
    with pytest.raises(ValueError, match=r"spans has shape \[2\]; expected \[S, 2\]"):
        score(classifier, [1, 2], (0, 1))
    with pytest.raises(TypeError, match=r"spans holds float64"):
        score(classifier, [1, 2], [(0.0, 1.0)])
    with pytest.raises(ValueError, match=r"shape \[2, 4\]; expected \[T, 3\]"):
        score(classifier, np.zeros((2, 4)), [(0, 1)])
    with pytest.raises(ValueError, match=r"the sequence holds nan at step 1, column 1"):
        score(classifier, np.array([[0, 0, 0], [0, np.nan, 0.0]]), [(0, 1)])
    with pytest.raises(TypeError, match=r"the sequence holds int64 \[2, 3\]; .* floats"):
        score(classifier, np.zeros((2, 3), int), [(0, 1)])
    with pytest.raises(TypeError, match=r"classifier is a tuple; expected"):
        score_all(tuple(classifier), [[1]])
    with pytest.raises(ValueError, match=r"readout has shape \[2, 4\]; expected \[2, 5\]"):
        score_all(classifier._replace(readout=classifier.readout[:, :4]), [[1]])
    with pytest.raises(ValueError, match=r"bias has shape \[3\]; expected \[2\]"):
        score_all(classifier._replace(bias=np.zeros(3, np.float32)), [[1]])
