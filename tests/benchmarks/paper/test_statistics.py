import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as hs

from benchmarks.paper import statistics as st

UP = np.array([1.0, 2.0, 3.0, 4.0])


def test_correlations_of_known_answer():
    assert st.pearson(UP, 2 * UP - 7) == pytest.approx(1)
    assert st.pearson(UP, -UP) == pytest.approx(-1)
    assert st.pearson(UP, np.array([1.0, -1.0, -1.0, 1.0])) == pytest.approx(0)
    # By hand: x - 2.5 = (-1.5, -.5, .5, 1.5), y - 2.5 = (-1.5, .5, -.5, 1.5): 4 / 5.
    assert st.pearson(UP, np.array([1.0, 3.0, 2.0, 4.0])) == pytest.approx(0.8)
    assert st.spearman(UP, np.exp(UP)) == pytest.approx(1)
    assert st.pearson(UP, np.exp(UP)) < 0.95


def test_separation_of_known_answer():
    low, high = np.array([-3.0, -2.0, -1.0]), np.array([1.0, 2.0, 3.0])
    assert st.ks(high, low) == 1
    assert st.auc(high, low) == 1
    assert st.ks(low, high) == 0  # the wrong way round: cell decomposition in the paper
    assert st.auc(low, high) == 0
    assert st.ks(low, low) == 0
    assert st.auc(low, low) == 0.5
    # By hand: up to 1 lie 2 of 2 negative values and 1 of 4 positive ones.
    assert st.ks(np.array([0.5, 2.0, 3.0, 4.0]), np.array([0.0, 1.0])) == 0.75
    assert st.auc(np.array([0.5, 2.0, 3.0, 4.0]), np.array([0.0, 1.0])) == 7 / 8


@given(hs.data())
@settings(max_examples=50)
def test_a_weight_counts_as_so_many_items(data):
    size = data.draw(hs.integers(6, 12))
    few = hs.integers(-3, 3).map(float)  # so that there are ties
    x, y = (np.array(data.draw(hs.lists(few, min_size=size, max_size=size))) for _ in range(2))
    weights = np.array(data.draw(hs.lists(hs.integers(0, 3), min_size=size, max_size=size)), float)
    positive = np.arange(size) % 2 == 0
    repeated = np.repeat(np.arange(size), weights.astype(int))
    weights = np.stack([weights, np.ones(size)])  # of two resamples
    ranks = st._Ranks(x)
    a, b = x[repeated], y[repeated]
    if len(a) > 2 and np.ptp(a) and np.ptp(b):
        weighted, _ = st._weighted_pearson(x, y, weights)
        assert weighted == pytest.approx(st.pearson(a, b), abs=1e-9)
        ranked, _ = st._weighted_pearson(ranks(weights), st._Ranks(y)(weights), weights)
        assert ranked == pytest.approx(st.spearman(a, b), abs=1e-9)
    above, below = x[repeated][positive[repeated]], x[repeated][~positive[repeated]]
    if len(above) and len(below):
        distance, _ = st._weighted_ks(ranks, positive, weights)
        assert distance == pytest.approx(st.ks(above, below))
        area, _ = st._weighted_auc(ranks, positive, weights)
        assert area == pytest.approx(st.auc(above, below))


def test_intervals_hold_the_value_and_narrow_with_more_items():
    rng = np.random.default_rng(0)
    widths = []
    for size in (40, 4000):
        x = rng.normal(size=size)
        y = x + rng.normal(size=size)
        found = st.correlations(x, y, resamples=200)
        assert all(e.low < e.value < e.high for e in found.values())
        widths.append(found["pearson"].high - found["pearson"].low)
        # Fisher: the standard error of r is about (1 - r^2) / sqrt(n).
        expected = 2 * 1.96 * (1 - found["pearson"].value ** 2) / np.sqrt(size)
        assert widths[-1] == pytest.approx(expected, rel=0.35)
    assert widths[1] < widths[0] / 5


def test_items_of_a_group_are_drawn_together():
    rng = np.random.default_rng(1)
    values = rng.normal(size=60)
    positive = np.arange(60) % 2 == 0
    values[positive] += 1
    copies = np.repeat(np.arange(60), 10)
    one = st.separation(values, positive, resamples=300)["ks"]
    same = st.separation(values[copies], positive[copies], copies, resamples=300)["ks"]
    fooled = st.separation(values[copies], positive[copies], resamples=300)["ks"]
    assert same[:3] == pytest.approx(one[:3])
    assert fooled.high - fooled.low < 0.6 * (one.high - one.low)


def test_what_cannot_be_computed_is_refused():
    with pytest.raises(ValueError, match="0 positive and 4 negative"):
        st.ks(np.array([]), UP)
    with pytest.raises(ValueError, match="4 positive and 0 negative"):
        st.auc(UP, np.array([]))
    with pytest.raises(ValueError, match="2 pairs"):
        st.pearson(UP[:2], UP[:2])
    with pytest.raises(ValueError, match="of 4 and 1 values"):
        st.spearman(UP, np.ones(4))


def test_concordance_of_known_answer():
    assert st.concordance(UP, UP).value == pytest.approx(1)
    assert st.concordance(UP, -UP + 5).value == pytest.approx(-1)
    # By hand: covariance and variances 5 / 4, means 1 apart.
    assert st.concordance(UP, UP + 1).value == pytest.approx(2.5 / (2.5 + 1))
    # Half as large: covariance 5 / 8, variances 5 / 4 and 5 / 16, means 1.25 apart.
    assert st.concordance(UP, UP / 2).value == pytest.approx(1.25 / (25 / 16 + 25 / 16))


def test_differences_and_averages_are_of_the_same_resamples():
    rng = np.random.default_rng(0)
    x, groups = rng.normal(size=60), np.arange(60) // 3
    one, other = (st.mean(values, groups, 100) for values in (x, x - 0.25))
    apart = st.difference(one, other)
    assert (apart.value, apart.low, apart.high) == pytest.approx((0.25, 0.25, 0.25))
    assert one.high - one.low > 0.1
    middle = st.average([one, other])
    assert middle.value == pytest.approx(one.value - 0.125)
    assert middle.high - middle.low == pytest.approx(one.high - one.low)
    with pytest.raises(ValueError, match="found 100 and 50 resamples"):
        st.difference(one, st.mean(x, groups, 50))


def test_without_resamples_there_is_no_interval():
    assert st.mean(UP, resamples=0) == st.Estimate(2.5, None, None)
    assert st.correlations(UP, UP**2, resamples=0, names=("spearman",)) == {
        "spearman": st.Estimate(pytest.approx(1.0), None, None)
    }
