import numpy as np
import pytest
from cdjax.results import default_direction, probabilities, read, read_scores
from cdjax.results.scores import directions

TWO = ("bad", "good")
THREE = ("long", "funny", "sad")


def test_one_logit_for_two_labels_is_read_as_zero_and_z():
    scores = np.array([[1.5], [-2.0]], np.float32)
    both = read_scores(scores, TWO)
    assert both.dtype == np.float32
    np.testing.assert_array_equal(both, [[0, 1.5], [0, -2.0]])
    direction = default_direction(np.array([3.0]), TWO, "sigmoid")
    np.testing.assert_array_equal(read(both, direction), [1.5, -2.0])
    z = np.array([[0.7], [-40.0], [800.0]])
    sigmoid = 1 / (1 + np.exp(-z[:, 0]))
    np.testing.assert_allclose(probabilities(z, TWO, "sigmoid")[:, 1], sigmoid, rtol=1e-12)
    np.testing.assert_allclose(probabilities(z, TWO, "sigmoid").sum(axis=1), 1)
    # The softmax of what is read is the sigmoid of the one logit.
    np.testing.assert_allclose(probabilities(read_scores(z, TWO), TWO)[:, 1], sigmoid, rtol=1e-12)


@pytest.mark.parametrize(("count", "labels"), [(3, TWO), (1, THREE), (2, ("one",))])
def test_scores_that_are_not_those_of_the_labels(count, labels):
    with pytest.raises(ValueError, match=f"{count} scores a span for {len(labels)} labels"):
        read_scores(np.zeros((4, count)), labels)


def test_labels_that_do_not_exclude_each_other_have_probabilities_of_their_own():
    z = np.array([0.0, 800.0, -1.0])
    np.testing.assert_allclose(probabilities(z, THREE, "sigmoid"), [0.5, 1, 1 / (1 + np.e)])
    assert probabilities(np.array([2.0, 2.0]), TWO, "sigmoid").sum() > 1.7  # two logits: no softmax
    np.testing.assert_allclose(probabilities(np.array([0.0]), ("spam",), "sigmoid"), [0.5])


def test_softmax():
    p = probabilities(np.array([[0.0, 1000.0], [1.0, 1.0]]), TWO)
    np.testing.assert_allclose(p, [[0, 1], [0.5, 0.5]])


@pytest.mark.parametrize(
    ("labels", "output", "message"),
    [
        (("price",), "value", "a value; it has no probability"),
        (("spam",), "softmax", "softmax of the one logit of 'spam' is 1.*expected the output 'sig"),
        (("spam",), "logit", "output is 'logit'; expected one of softmax, sigmoid, value"),
    ],
)
def test_what_has_no_probability(labels, output, message):
    with pytest.raises(ValueError, match=message):
        probabilities(np.array([1.0]), labels, output)


CASES = {  # logits, labels, output, units: the direction, and that of the first label
    "two": ([2.0, 1.0], TWO, "softmax", "logits", [-1, 1], [1, -1]),
    "two, probability": ([2.0, 1.0], TWO, "softmax", "probability", [0, 1], [1, 0]),
    "one logit": ([-2.0], TWO, "sigmoid", "log probability", [-1, 1], [1, -1]),
    "one logit, probability": ([-2.0], TWO, "sigmoid", "probability", [0, 1], [0, -1]),
    "two sigmoids": ([2.0, 1.0], TWO, "sigmoid", "logits", [1, 0], [1, 0]),
    "three": ([1.0, 3.0, 2.0], THREE, "softmax", "logits", [0, 1, 0], [1, 0, 0]),
    "three sigmoids": ([1.0, 2.0, 3.0], THREE, "sigmoid", "logits", [0, 0, 1], [1, 0, 0]),
    "values": ([1.0, 2.0, 3.0], THREE, "value", "logits", [1, 0, 0], [1, 0, 0]),
    "one value": ([-5.0], ("price",), "value", "logits", [1], [1]),
}


@pytest.mark.parametrize("case", CASES)
def test_directions(case):
    logits, labels, output, units, expected, first = CASES[case]
    logits = np.array(logits)
    direction = default_direction(logits, labels, output, units=units)
    np.testing.assert_array_equal(direction, expected)
    chosen = default_direction(logits, labels, output, units=units, label=labels[0])
    np.testing.assert_array_equal(chosen, first)
    np.testing.assert_array_equal(directions(len(logits), labels, output, units)[0], first)


def test_one_probability_score_is_that_of_the_second_label():
    scores = read_scores(np.array([[0.25]]), TWO)
    weights = directions(1, TWO, "sigmoid", "probability")
    np.testing.assert_array_equal(weights @ scores[0], [-0.25, 0.25])


def test_there_is_no_such_label():
    with pytest.raises(ValueError, match="no label 'ugly'; expected one of bad, good"):
        default_direction(np.zeros(2), TWO, label="ugly")


def test_one_label_against_another():
    from cdjax.results.scores import default_direction

    logits = np.array([1.0, 0.0, 3.0, 2.0])
    labels = ("a", "b", "c", "d")
    for label, against, expected in (
        ("a", "b", [1, -1, 0, 0]),
        (None, "a", [-1, 0, 1, 0]),  # the predicted label
        (None, "c", [0, 0, -1, 1]),  # the predicted one of the others
    ):
        given = {"label": label, "against": against}
        assert default_direction(logits, labels, **given).tolist() == expected
    one = default_direction(logits[:1], labels[:2], against="b")  # one logit for two labels
    assert one.tolist() == [1, -1]
    for label, against, message in (
        ("a", "a", "both 'a'; expected two labels"),
        ("a", "e", "no label 'e'; expected one of a, b, c, d"),
    ):
        with pytest.raises(ValueError, match=message):
            default_direction(logits, labels, label=label, against=against)
    with pytest.raises(ValueError, match="only label"):
        default_direction(logits[:1], labels[:1], "sigmoid", against="a")
