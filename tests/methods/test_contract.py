"""The contract of all methods, and the scores of each on a model computed by hand.

Every test here goes through `make_methods`, in float64.
"""

import cdjax
import jax
import numpy as np
import pytest
from cdjax.methods import alone, batches, gradients, make_methods

from tests.conftest import random_classifier, random_layer

pytestmark = pytest.mark.usefixtures("x64")

VOCABULARY = cdjax.Vocabulary(("<unk>", "it", ".", "is", "a", "bad", "film"))
METHODS = make_methods(vocabulary=VOCABULARY, shapley_orders=4)
REVIEWS = [[3], [], [1, 2, 3, 4, 5, 6, 0, 1], [6, 5, 6], [4, 1, 3, 5, 6, 2, 4]]

every_method = pytest.mark.parametrize("method", METHODS.values(), ids=list(METHODS))


def make_classifier(classes=2, layers=1, hidden=5):
    rng = np.random.default_rng(classes)
    classifier = random_classifier(rng, hidden=hidden, classes=classes)
    if layers == 1:
        return classifier
    above = random_layer(rng, hidden, 4)
    readout = rng.normal(size=(classes, 4))
    return classifier._replace(layers=(*classifier.layers, above), readout=readout)


def supported(method, layers):
    return layers == 1 or not method.name.startswith("cell")


def test_the_methods_and_their_order():
    paper = ["cd", "gradient", "ig", "ig_zero", "loo", "cell", "cell_gamma"]
    assert list(METHODS) == [*paper, "occlusion", "shapley", "alone"]
    assert [method.name for method in METHODS.values()] == list(METHODS)


# A model to compute by hand: gates i, f and o are always 1/2, g depends on the word's vector alone,
# only the cell recurs:  c_t = c_{t-1} / 2 + g_t / 2,  h_T = tanh(c_T) / 2, and the
# logits are -h and h. Word 0 has g = 0 (a zero vector), 1 has 0.8, 2, the period, 0.5, 3 has -0.4.
TOY = cdjax.Classifier(
    embedding=np.arctanh([[0.0], [0.8], [0.5], [-0.4]]),
    layers=(
        cdjax.LSTMParams(
            W=np.array([0.0, 0.0, 1.0, 0.0]).reshape(4, 1, 1),
            V=np.zeros((4, 1, 1)),
            b=np.zeros((4, 1)),
        ),
    ),
    readout=np.array([[-1.0], [1.0]]),
    bias=np.zeros(2),
)
TOY_METHODS = make_methods(
    vocabulary=cdjax.Vocabulary(("<unk>", "good", ".", "bad")), shapley_orders=2
)


def log_p(logit):
    """Return the log probability of the second class, the first's logit being the negative."""
    return -np.log1p(np.exp(-2 * logit))


def half_tanh(c):
    return np.tanh(c) / 2


# Words 1 and 3: c_1 = 0.4 and c_2 = 0.2 - 0.2 = 0, so both logits are 0. Without the first word
# c_2 = -0.2; without the second 0.2; with periods in place of both 0.125 + 0.25 = 0.375. The
# second class's scores of the first word, of the second and of both:
TOY_ANSWERS = {
    # beta_c = 0.2 or -0.2, gamma_c the other; L = (tanh(0.2) + tanh(0) - tanh(-0.2)) / 2.
    "cd": (half_tanh(0.2), half_tanh(-0.2), half_tanh(0.0)),
    # dp/dlogits = 1/4 of (-1, 1), so dp/dh = 1/2; dh/dc = 1/2; dc/dx = (1 - g^2) / 4 and / 2.
    "gradient": (
        first := np.arctanh(0.8) * (1 - 0.64) / 16,
        second := np.arctanh(-0.4) * (1 - 0.16) / 8,
        first + second,
    ),
    "loo": (log_p(0) - log_p(half_tanh(-0.2)), log_p(0) - log_p(half_tanh(0.2)), 0.0),
    "cell": (half_tanh(0.4), half_tanh(0.0) - half_tanh(0.4), 0.0),
    # Of the first word's update 0.4 the forget gate leaves 0.2.
    "cell_gamma": (half_tanh(0.2), half_tanh(0.0) - half_tanh(0.2), 0.0),
    "occlusion": (-half_tanh(-0.2), -half_tanh(0.2), 0.0),
    # The mean of coming first and of coming second.
    "shapley": (half_tanh(0.2), half_tanh(-0.2), 0.0),
    # The first word is then the last: nothing forgets its 0.4.
    "alone": (half_tanh(0.4), half_tanh(-0.2), 0.0),
}


@pytest.mark.parametrize("name", TOY_ANSWERS)
def test_known_answers(name):
    (result,) = TOY_METHODS[name].score(TOY, [[1, 3]], [[(0, 1), (1, 2), (0, 2)]])
    np.testing.assert_allclose(result.scores[:, 1], TOY_ANSWERS[name], rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(result.logits, [0, 0], atol=1e-15)
    if name != "loo":
        np.testing.assert_allclose(result.scores[:, 0], -result.scores[:, 1], atol=1e-15)


def test_known_answers_of_integrated_gradients():
    # A word equal to the baseline scores 0; the other has all of the difference.
    (zero,) = TOY_METHODS["ig_zero"].score(TOY, [[0, 3]], max_len=1)
    np.testing.assert_allclose(zero.scores[:, 1], [0, half_tanh(-0.2)], atol=1e-14)
    # With periods c_2 goes from 0.375 to 0.125 - 0.2, down: the period 0, the other word -d. Their
    # standard deviation is d / 2.
    (paper,) = TOY_METHODS["ig"].score(TOY, [[2, 3]], max_len=1)
    np.testing.assert_allclose(paper.scores, [[0, 0], [2, -2]], atol=1e-10)


@every_method
@pytest.mark.parametrize(
    ("classes", "layers"), [(2, 1), pytest.param(5, 2, marks=pytest.mark.thorough)]
)
def test_shape_order_and_logits(method, classes, layers):
    if not supported(method, layers):
        pytest.skip("raises, see below")
    classifier = make_classifier(classes, layers)
    results = method.score(classifier, REVIEWS)
    logits = cdjax.predict(classifier, REVIEWS)
    for review, result, row in zip(REVIEWS, results, logits, strict=True):
        np.testing.assert_array_equal(result.spans, cdjax.enumerate_spans(len(review)))
        assert result.scores.shape == (len(result.spans), classes)
        assert result.scores.dtype == np.float64
        np.testing.assert_allclose(result.logits, row, atol=1e-14)
    for limit in (1, 3):
        for whole, short in zip(
            results, method.score(classifier, REVIEWS, max_len=limit), strict=True
        ):
            few = whole.spans[:, 1] - whole.spans[:, 0] <= limit
            np.testing.assert_array_equal(short.spans, whole.spans[few])
            np.testing.assert_allclose(short.scores, whole.scores[few], atol=1e-13)
    assert np.isnan(results[0].scores).all() == (method.name == "ig")  # one word has no spread


@every_method
def test_chosen_spans_come_in_their_order(method):
    classifier = make_classifier()
    spans = [[(0, 1)], [(0, 0)], [(4, 6), (0, 8), (4, 6), (3, 3)], [], [(2, 3)]]
    results = method.score(classifier, REVIEWS, spans)
    everything = method.score(classifier, REVIEWS)
    for chosen, result, whole in zip(spans, results, everything, strict=True):
        np.testing.assert_array_equal(result.spans, np.array(chosen, int).reshape(-1, 2))
        known = {tuple(s): k for s, k in zip(whole.spans.tolist(), whole.scores, strict=True)}
        for span, score in zip(chosen, result.scores, strict=True):
            np.testing.assert_allclose(score, known.get(span, [0, 0]), atol=1e-13)


@every_method
def test_batchmates_and_padding_do_not_matter(method):
    # Another vector for a word changes every review that holds it, and no other.
    classifier = make_classifier()
    poisoned = classifier._replace(embedding=classifier.embedding.copy())
    poisoned.embedding[6] = 5
    reviews = [[1, 2, 3, 4], [6] * 11, [6], [1, 2], [6, 6, 6, 6], [3, 1, 4, 1, 5, 4, 2, 0, 5]]
    results = method.score(poisoned, reviews)
    for n in (0, 3, 5):
        (alone,) = method.score(classifier, [reviews[n]])
        np.testing.assert_allclose(results[n].scores, alone.scores, atol=1e-13)
        assert np.isfinite(alone.scores).all()
    (unlike,) = method.score(classifier, [reviews[4]])
    assert (results[4].scores != unlike.scores).any(axis=1).all()


@every_method
def test_many_reviews_give_what_few_give(method):
    classifier = make_classifier()
    rng = np.random.default_rng(8)
    reviews = [rng.integers(0, 7, size=length) for length in rng.integers(2, 9, size=200)]
    together = method.score(classifier, reviews, max_len=2)
    for n in (0, 77, 199):
        (alone,) = method.score(classifier, [reviews[n]], max_len=2)
        np.testing.assert_allclose(together[n].scores, alone.scores, atol=1e-12)


# Each kernel once. The engine of "cd" maps over devices, which exists under jit alone; its own
# tests hold it against the recursion.
@pytest.mark.parametrize(
    "name",
    [
        "cell",
        *(pytest.param(n, marks=pytest.mark.thorough) for n in ("gradient", "loo", "cell_gamma")),
    ],
)
def test_jit_gives_what_is_computed_eagerly(name, monkeypatch):
    monkeypatch.setattr(batches, "BATCH_STEPS", (16, 16))
    monkeypatch.setattr(gradients, "TILE_PASSES", (2,))
    classifier = make_classifier()
    reviews = [[1, 2], [5]]
    compiled = METHODS[name].score(classifier, reviews)
    with jax.disable_jit():
        eager = METHODS[name].score(classifier, reviews)
    for one, other in zip(compiled, eager, strict=True):
        np.testing.assert_allclose(one.scores, other.scores, atol=1e-12)


@every_method
def test_a_class_is_scored_by_itself(method):
    # The other order of the classes is another order of the scores.
    classifier = make_classifier(classes=5, layers=2 if supported(method, 2) else 1)
    order = [3, 0, 4, 2, 1]
    other = classifier._replace(readout=classifier.readout[order], bias=classifier.bias[order])
    (one,), (two,) = (method.score(c, [REVIEWS[2]]) for c in (classifier, other))
    np.testing.assert_allclose(one.scores[:, order], two.scores, atol=1e-12)
    assert np.abs(one.scores).max(axis=0).min() > 1e-4


@every_method
def test_a_phrase_is_the_sum_of_its_words_by_additive_methods(method):
    (result,) = method.score(make_classifier(), [REVIEWS[2]])
    words = result.scores[result.spans[:, 1] - result.spans[:, 0] == 1]
    sums = np.array([words[start:stop].sum(axis=0) for start, stop in result.spans])
    assert np.allclose(result.scores, sums, atol=1e-13) == method.additive


@pytest.mark.parametrize(("classes", "layers"), [(2, 1), (5, 2)])
@pytest.mark.parametrize("name", ["loo", "occlusion"])
def test_left_out_phrases_are_replaced_as_a_whole(name, classes, layers):
    classifier = make_classifier(classes, layers)
    (result,) = METHODS[name].score(classifier, [REVIEWS[2]])
    vectors = {"loo": np.zeros(3), "occlusion": classifier.embedding[0]}
    extended = classifier._replace(embedding=np.vstack([classifier.embedding, vectors[name]]))
    without = np.tile(REVIEWS[2], (len(result.spans), 1))
    for row, (start, stop) in zip(without, result.spans, strict=True):
        row[start:stop] = 7
    logits = cdjax.predict(extended, [REVIEWS[2], *without])
    if name == "loo":
        logits -= np.log(np.exp(logits).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(result.scores, logits[0] - logits[1:], atol=1e-12)


@pytest.mark.parametrize(("classes", "layers"), [(2, 1), (5, 2)])
def test_phrases_alone_are_read_as_sequences(classes, layers, monkeypatch):
    monkeypatch.setattr(alone, "TILE", (2, 4))
    classifier = make_classifier(classes, layers)
    (result,) = METHODS["alone"].score(classifier, [REVIEWS[2]])
    phrases = [REVIEWS[2][start:stop] for start, stop in result.spans]
    expected = cdjax.predict(classifier, phrases) - classifier.bias
    np.testing.assert_allclose(result.scores, expected, atol=1e-12)


def test_complete_methods_add_up():
    classifier = make_classifier()
    for review in REVIEWS[2:]:
        whole = [[(0, len(review))]]
        logits, unknown = cdjax.predict(classifier, [review, [0] * len(review)])
        zeros = classifier._replace(embedding=np.zeros((7, 3)))
        (nothing,) = cdjax.predict(zeros, [review])
        for name, base in (
            ("cell", classifier.bias),
            ("cell_gamma", classifier.bias),
            ("alone", classifier.bias),
            ("shapley", unknown),
            ("ig_zero", nothing),
        ):
            (result,) = METHODS[name].score(classifier, [review], whole)
            np.testing.assert_allclose(result.scores[0], logits - base, atol=1e-6, err_msg=name)
    (acd,) = make_methods(cdjax.ACD)["cd"].score(classifier, [review], whole)
    np.testing.assert_allclose(acd.scores[0], logits - classifier.bias, atol=1e-12)


@every_method
def test_single_precision(method):
    classifier = make_classifier()
    single = jax.tree.map(lambda weight: weight.astype(np.float32), classifier)
    reviews = REVIEWS[1:]
    for one, other in zip(
        method.score(single, reviews), method.score(classifier, reviews), strict=True
    ):
        assert one.scores.dtype == one.logits.dtype == np.float32
        np.testing.assert_allclose(one.scores, other.scores, atol=2e-5, rtol=2e-5)


@every_method
def test_no_reviews(method):
    assert method.score(make_classifier(), []) == []
    for layers in (1, 2):
        if supported(method, layers):
            (result,) = method.score(make_classifier(layers=layers), [[]])
            assert result.spans.shape == (0, 2)
            assert result.scores.shape == (0, 2)


@every_method
@pytest.mark.usefixtures("as_users")
def test_bad_input_raises(method):
    classifier, score = make_classifier(), method.score
    with pytest.raises(TypeError, match=r"classifier is a tuple; expected"):
        score(tuple(classifier), [[1]])
    with pytest.raises(ValueError, match=r"sequence 1 holds the word number 7; expected 0 to 6"):
        score(classifier, [[1], [2, 7]])
    with pytest.raises(TypeError, match=r"sequence 0 holds float64; expected integers"):
        score(classifier, [[0.5]])
    with pytest.raises(ValueError, match=r"max_len is 0; expected at least 1"):
        score(classifier, [[1]], max_len=0)
    with pytest.raises(ValueError, match=r"both spans and max_len \(3\) are given"):
        score(classifier, [[1]], [[(0, 1)]], max_len=3)
    with pytest.raises(ValueError, match=r"spans has 1 entries for 2 sequences"):
        score(classifier, [[1], [2]], [[(0, 1)]])
    with pytest.raises(ValueError, match=r"sequence 1: span \[0, 2\] does not lie in the sequence"):
        score(classifier, [[1, 2], [2]], [[(0, 2)], [(0, 2)]])
    with pytest.raises(TypeError, match=r"sequence 0: spans holds float64"):
        score(classifier, [[1]], [[(0.0, 1.0)]])


@pytest.mark.parametrize("name", ["cell", "cell_gamma"])
def test_cell_decomposition_of_a_stack_raises(name):
    with pytest.raises(
        ValueError, match=r"defined for one LSTM layer.*the model has 2 layers.*another method"
    ):
        METHODS[name].score(make_classifier(layers=2), [[1]])


def test_methods_that_need_a_word_say_so():
    without, no_period = make_methods(), make_methods(vocabulary=cdjax.Vocabulary(("<unk>", "a")))
    classifier = make_classifier()
    with pytest.raises(ValueError, match=r"need the period's word number.*model\.vocabulary"):
        without["ig"].score(classifier, [[1]])
    with pytest.raises(ValueError, match=r"the vocabulary has no '\.'. Name another word"):
        no_period["ig"].score(classifier, [[1]])
    for name in ("occlusion", "shapley"):
        with pytest.raises(
            ValueError, match=r"replace words by the unknown word.*model\.vocabulary"
        ):
            without[name].score(classifier, [[1]])
