"""Sampled Shapley values of phrases, in games with known answers."""

import itertools
import math

import numpy as np
import pytest
from benchmarks.paper.faithfulness import value_phrases

SPANS = np.array([[0, 2], [1, 4], [3, 5], [4, 5]])
LENGTH = 5


def additive(masks):
    return masks @ np.arange(1.0, LENGTH + 1)


def negated(masks):
    """The last word counts 2, and -2 behind the first one."""
    return np.where(masks[:, 0], -2.0, 2.0) * masks[:, -1] + masks[:, 2]


def shapley_of_phrase(value, start, stop):
    """By the definition, over all orders of the phrase and the other words."""
    phrase = set(range(start, stop))
    others = [t for t in range(LENGTH) if t not in phrase]

    def worth(words):
        return float(value(np.isin(np.arange(LENGTH), list(words))[None])[0])

    total = 0.0
    for size in range(len(others) + 1):
        n = len(others) + 1
        weight = math.factorial(size) * math.factorial(n - 1 - size) / math.factorial(n)
        for coalition in itertools.combinations(others, size):
            total += weight * (worth({*coalition, *phrase}) - worth(coalition))
    return total


def test_without_interaction_any_draw_is_exact():
    shapley, left_out = value_phrases(additive, LENGTH, SPANS, np.random.default_rng(0), draws=1)
    expected = [3.0, 9.0, 9.0, 5.0]
    np.testing.assert_allclose(shapley, expected)
    np.testing.assert_allclose(left_out, expected)


def test_with_interaction_the_estimate_nears_the_definition():
    rng = np.random.default_rng(0)
    shapley, left_out = value_phrases(negated, LENGTH, SPANS, rng, draws=4000)
    expected = [shapley_of_phrase(negated, *span) for span in SPANS]
    np.testing.assert_allclose(shapley, expected, atol=0.06)
    assert max(map(abs, expected)) > 0.5
    # The whole is worth -2 + 1; without words 0 and 1 it is 2 + 1, without the last one 1.
    np.testing.assert_allclose(left_out, [-4.0, 1.0, -2.0, -2.0])
    assert expected[3] == pytest.approx(0.0)  # before the first word as often as behind it
