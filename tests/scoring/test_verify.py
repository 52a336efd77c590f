import cdjax
import numpy as np
import pytest
from cdjax.core.rules import RULES
from cdjax.scoring.verify import BOUND, Check, largest_difference

from tests.conftest import random_classifier
from tests.scoring.test_batch import recursion

IDS = np.array([3, 1, 0, 6, 2], np.int32)
SPANS = [(0, 5), (1, 3), (4, 5)]


@pytest.fixture
def classifier():
    return random_classifier(np.random.default_rng(0), dtype=np.float32)


def exact(classifier, rule):
    x = np.asarray(classifier.embedding, np.float64)[IDS]
    scores = recursion(classifier, x, SPANS, rule)
    return [Check(IDS, *span, score) for span, score in zip(SPANS, scores, strict=True)]


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_scores_of_the_literal_loop_pass(classifier, rule):
    assert largest_difference(classifier, exact(classifier, rule), rule) < 1e-12


def test_another_rule_fails(classifier):
    assert largest_difference(classifier, exact(classifier, cdjax.ACD), cdjax.PAPER) > BOUND


def test_difference_is_absolute_for_small_scores_and_relative_for_large(classifier):
    def difference(classifier):
        check = exact(classifier, cdjax.PAPER)[0]
        worst = int(np.argmax(np.abs(check.score)))
        scores = check.score.copy()
        scores[worst] += 1e-3
        return largest_difference(classifier, [check._replace(score=scores)]), check.score[worst]

    small = classifier._replace(readout=classifier.readout * np.float32(1e-2))
    result, score = difference(small)
    assert abs(score) < 1
    assert result == pytest.approx(1e-3, rel=1e-6)
    large = classifier._replace(readout=classifier.readout * np.float32(100))
    result, score = difference(large)
    assert abs(score) > 5
    assert result == pytest.approx(1e-3 / abs(score), rel=1e-6)


def test_nan_is_no_agreement(classifier):
    check = exact(classifier, cdjax.PAPER)[0]
    nan = check._replace(score=np.full(2, np.nan))
    assert np.isnan(largest_difference(classifier, [check, nan, check]))


def test_without_spans(classifier):
    assert largest_difference(classifier, []) == 0.0
