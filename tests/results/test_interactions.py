import itertools

import cdjax
import numpy as np
import pytest
from cdjax.methods import make_methods
from cdjax.phrases.sets import set_interactions
from cdjax.results.interactions import (
    adjacent_pairs,
    all_splits,
    heads_and_rests,
    interactions,
    look_up,
    split_interactions,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import reference
from tests.conftest import RULE_CASES, random_classifier, random_layer
from tests.methods.test_contract import TOY, TOY_METHODS, VOCABULARY, half_tanh

IDS = np.array([1, 2, 3, 4, 5, 6, 0, 1])


@pytest.fixture
def classifier():
    return random_classifier(np.random.default_rng(0), dtype=np.float32)


def make_table(length, score, max_len=None):
    """A table of the scores that a function gives to spans."""
    spans = cdjax.enumerate_spans(length, max_len)
    scores = np.array([score(start, stop) for start, stop in spans.tolist()], float)
    scores = scores.reshape(len(spans), -1)
    return cdjax.SpanScores(spans, scores, np.zeros(scores.shape[1]))


# "not so bad", by hand: two classes, negation reaches the last word only with all three.
BY_HAND = {
    (0, 1): (0.5, -0.5),
    (1, 2): (0.0, 0.25),
    (2, 3): (2.0, -2.0),
    (0, 2): (1.0, 0.0),
    (1, 3): (3.0, -3.0),
    (0, 3): (-1.0, 1.5),
}


def test_several_sequences_at_once_are_as_each_alone():
    rng = np.random.default_rng(8)
    spans = [cdjax.enumerate_spans(length) for length in (3, 0, 1, 5)]
    scores = [rng.normal(size=(len(each), 2)).astype(np.float32) for each in spans]
    together = interactions(np.concatenate(spans), np.concatenate(scores), np.array([6, 0, 1, 15]))
    each = [interactions(*one) for one in zip(spans, scores, strict=True)]
    np.testing.assert_array_equal(together, np.concatenate(each))


def test_worked_by_hand():
    table = make_table(3, lambda *span: BY_HAND[span])
    pairs = split_interactions(table.spans, table.scores, adjacent_pairs(3))
    # 1 - 0.5 - 0, 0 - -0.5 - 0.25 and 3 - 0 - 2, -3 - 0.25 - -2
    np.testing.assert_array_equal(pairs, [[0.5, 0.25], [1.0, -1.25]])
    heads = split_interactions(table.spans, table.scores, heads_and_rests(3))
    # the whole: -1 - 0.5 - 3, 1.5 - -0.5 - -3
    np.testing.assert_array_equal(heads, [pairs[0], [-4.5, 5.0], pairs[1]])
    # three parts: -1 - 0.5 - 0 - 2, 1.5 - -0.5 - 0.25 - -2; filled up with an empty part
    apart = split_interactions(table.spans, table.scores, [[0, 1, 2, 3], [0, 2, 3, 3]])
    np.testing.assert_array_equal(apart, [[-3.5, 3.75], [-4.0, 3.5]])
    # and that is what the table of all spans has beyond its words
    np.testing.assert_array_equal(interactions(table.spans, table.scores)[2], apart[0])


@given(
    words=st.lists(st.integers(-100, 100), min_size=1, max_size=9),
    data=st.data(),
    pick=st.integers(),
)
def test_sums_of_words_do_not_interact(words, data, pick):
    table = make_table(len(words), lambda start, stop: sum(words[start:stop]))
    cuts = st.lists(st.integers(0, len(words)), min_size=4, max_size=4).map(sorted)
    bounds = data.draw(st.lists(cuts, min_size=1, max_size=5))
    assert not split_interactions(table.spans, table.scores, bounds).any()
    assert not interactions(table.spans, table.scores).any()
    # A phrase that scores more shows it in its own splits, and in those of which it is a part.
    splits = all_splits(len(words))
    if len(splits):
        start, _, stop = splits[pick % len(splits)]
        more = (table.spans == (start, stop)).all(axis=1)
        scores = table.scores + 7 * more[:, None]
        own = (splits[:, [0, 2]] == (start, stop)).all(axis=1)
        found = split_interactions(table.spans, scores, splits)
        assert (found[own] == 7).all()
        held_by = (splits[:, :2] == (start, stop)).all(axis=1)
        held_by |= (splits[:, 1:] == (start, stop)).all(axis=1)
        assert (found[held_by] == -7).all()
        assert not found[~own & ~held_by].any()


@given(length=st.integers(0, 9), max_len=st.none() | st.integers(1, 10))
def test_all_splits_are_listed(length, max_len):
    longest = max_len or length
    triples = [
        triple
        for triple in itertools.combinations(range(length + 1), 3)
        if triple[2] - triple[0] <= longest
    ]
    assert [tuple(row) for row in all_splits(length, max_len).tolist()] == sorted(
        triples, key=lambda t: (t[0], t[2], t[1])
    )
    heads = [tuple(row) for row in heads_and_rests(length, max_len).tolist()]
    assert heads == sorted(t for t in triples if t[1] == t[0] + 1)
    assert [tuple(row) for row in adjacent_pairs(length).tolist()] == [
        (t, t + 1, t + 2) for t in range(length - 1)
    ]


def test_the_table_of_all_spans_gives_all_interactions(classifier):
    (table,) = cdjax.score_all_spans(classifier, [IDS])
    for bounds in (adjacent_pairs(8), heads_and_rests(8), all_splits(8, 5)):
        start, middle, stop = bounds.T
        whole, first, second = (
            cdjax.score_spans(classifier, IDS, np.stack(span, axis=1))
            for span in ((start, stop), (start, middle), (middle, stop))
        )
        found = split_interactions(table.spans, table.scores, bounds)
        assert np.abs(found).max() > 0.01
        np.testing.assert_allclose(found, whole - first - second, atol=1e-5)
        # A table in any other order is as good.
        order = np.random.default_rng(1).permutation(len(table.spans))
        shuffled = table._replace(spans=table.spans[order], scores=table.scores[order])
        np.testing.assert_array_equal(
            split_interactions(shuffled.spans, shuffled.scores, bounds), found
        )


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("name", ["loo", "occlusion"])
def test_left_out_phrases_interact(name):
    classifier = random_classifier(np.random.default_rng(0), classes=3)
    score = make_methods(vocabulary=VOCABULARY)[name].score
    (table,) = score(classifier, [IDS])
    bounds = all_splits(8)
    found = split_interactions(table.spans, table.scores, bounds)
    start, middle, stop = bounds.T
    parts = [np.stack(span, axis=1) for span in ((start, stop), (start, middle), (middle, stop))]
    whole, first, second = (score(classifier, [IDS], [part])[0].scores for part in parts)
    np.testing.assert_allclose(found, whole - first - second, atol=1e-12)

    # By the model alone: f(without one) + f(without the other) - f(without both) - f(review).
    absent = {"loo": np.zeros(3), "occlusion": classifier.embedding[0]}[name]
    extended = classifier._replace(embedding=np.vstack([classifier.embedding, absent]))

    def without(start, stop):
        ids = np.where((np.arange(8) >= start) & (np.arange(8) < stop), 7, IDS)
        (logits,) = cdjax.predict(extended, [ids])
        return logits - np.log(np.exp(logits).sum()) if name == "loo" else logits

    for (start, middle, stop), row in zip(bounds.tolist(), found, strict=True):
        expected = without(start, middle) + without(middle, stop)
        np.testing.assert_allclose(row, expected - without(start, stop) - without(0, 0), atol=1e-12)
    assert np.abs(found).max() > 0.05


@pytest.mark.usefixtures("x64")
def test_left_out_words_by_hand():
    occlusion = TOY_METHODS["occlusion"].score
    # "good bad": c_2 = 0, the words are worth h(0.2) and -h(0.2), both together nothing.
    (table,) = occlusion(TOY, [[1, 3]])
    np.testing.assert_allclose(
        split_interactions(table.spans, table.scores, [[0, 1, 2]]), 0, atol=1e-15
    )
    # "good good": c_2 = 0.6, 0.4 without the first and 0.2 without the second. As tanh saturates,
    # each is worth little beside the other, and both together more than that.
    (table,) = occlusion(TOY, [[1, 1]])
    more = half_tanh(0.4) + half_tanh(0.2) - half_tanh(0.6)
    assert more > 0
    np.testing.assert_allclose(
        split_interactions(table.spans, table.scores, [[0, 1, 2]]), [[-more, more]], atol=1e-14
    )


def test_scores_of_short_spans_give_short_splits(classifier):
    (whole,), (short,) = (cdjax.score_all_spans(classifier, [IDS], max_len=n) for n in (None, 3))
    np.testing.assert_allclose(
        split_interactions(short.spans, short.scores, all_splits(8, 3)),
        split_interactions(whole.spans, whole.scores, all_splits(8, 3)),
        atol=1e-5,
    )
    assert look_up(short.spans, short.scores, np.zeros((0, 2), int)).shape == (0, 2)
    assert (look_up(short.spans, short.scores, [(3, 3), (8, 8)]) == 0).all()


@pytest.mark.usefixtures("as_users")
def test_bad_tables_raise(classifier):
    (table,) = cdjax.score_all_spans(classifier, [IDS], max_len=3)
    with pytest.raises(
        ValueError, match=r"no score of the span \[0, 4\); the longest of the 21 spans given has 3"
    ):
        split_interactions(table.spans, table.scores, all_splits(8, 4))
    with pytest.raises(ValueError, match=r"span \[7, 9\); .* the last ends at 8"):
        look_up(table.spans, table.scores, [(7, 9)])
    with pytest.raises(ValueError, match=r"no score of the span \[1, 0\)"):
        look_up(table.spans, table.scores, [(1, 0)])
    with pytest.raises(ValueError, match=r"bounds \[0, 3, 2\] descend"):
        split_interactions(table.spans, table.scores, [(0, 1, 2), (0, 3, 2)])
    with pytest.raises(TypeError, match=r"bounds holds float64; expected integers \[N, n \+ 1\]"):
        split_interactions(table.spans, table.scores, [(0.0, 1.0, 2.0)])
    with pytest.raises(ValueError, match=r"bounds has shape \[3\]"):
        split_interactions(table.spans, table.scores, [0, 1, 2])
    with pytest.raises(ValueError, match=r"bounds has shape \[1, 1\]; .* a start and a stop"):
        split_interactions(table.spans, table.scores, [[0]])
    with pytest.raises(ValueError, match=r"wanted has shape \[1, 3\]; expected \[N, 2\]"):
        look_up(table.spans, table.scores, [(0, 1, 2)])


@pytest.mark.parametrize("rule", RULE_CASES)
def test_sets_of_ragged_reviews_equal_the_recursion(classifier, rule):
    rng = np.random.default_rng(5)
    reviews = [[3], [], list(range(7)) * 2, [6, 6], [1, 2, 3, 4, 5]]
    sets = [rng.random((n, len(r))) < 0.4 for n, r in zip((2, 3, 20, 0, 5), reviews, strict=True)]
    sets[4][0] = False
    scores = cdjax.score_sets(classifier, reviews, sets, rule)
    for review, masks, found in zip(reviews, sets, scores, strict=True):
        assert found.shape == (len(masks), 2)
        np.testing.assert_array_equal(found[~masks.any(axis=1)], 0)
        for mask, score in zip(masks, found, strict=True):
            if mask.any():
                (layer,) = classifier.layers
                x = classifier.embedding[np.array(review)].astype(np.float64)
                beta, _, _ = reference.decompose([layer], x, mask, rule.name)
                np.testing.assert_allclose(score, classifier.readout @ beta[-1], atol=3e-6)


def test_sets_of_stacked_models(classifier):
    rng = np.random.default_rng(5)
    stacked = classifier._replace(
        layers=(*classifier.layers, random_layer(rng, 5, 4, dtype=np.float32)),
        readout=rng.normal(size=(2, 4)).astype(np.float32),
    )
    sets = rng.random((2, 8)) < 0.5
    (scores,) = cdjax.score_sets(stacked, [IDS], [sets], cdjax.MERGED)
    for mask, score in zip(sets, scores, strict=True):
        beta = cdjax.decompose(stacked.layers, stacked.embedding[IDS], mask, cdjax.MERGED).beta
        np.testing.assert_allclose(score, stacked.readout @ beta[-1], atol=3e-6)


def test_words_apart_interact(classifier):
    apart = np.zeros((2, 3, 8), bool)
    apart[0, 0, 1] = apart[0, 1, 5] = True  # a pair; its third set is empty
    apart[1, 0, [0, 4]] = apart[1, 1, [2, 6]] = apart[1, 2, 7] = True
    (found, none) = set_interactions(
        classifier, [IDS, [2]], [apart, np.zeros((0, 2, 1), bool)], cdjax.MERGED
    )
    assert none.shape == (0, 2)
    (layer,) = classifier.layers
    x = classifier.embedding[IDS].astype(np.float64)

    def score(mask):
        return classifier.readout @ reference.decompose([layer], x, mask, "merged").beta[-1]

    for parts, row in zip(apart, found, strict=True):
        expected = score(parts.any(axis=0)) - sum(map(score, parts))
        np.testing.assert_allclose(row, expected, atol=1e-5)
    assert np.abs(found).max() > 0.01


def test_sets_that_are_spans_interact_as_spans_do(classifier):
    (table,) = cdjax.score_all_spans(classifier, [IDS])
    bounds = all_splits(8, 4)
    steps = np.arange(8)
    start, middle, stop = (column[:, None] for column in bounds.T)
    parts = np.stack(
        [(start <= steps) & (steps < middle), (middle <= steps) & (steps < stop)], axis=1
    )
    (found,) = set_interactions(classifier, [IDS], [parts])
    np.testing.assert_allclose(
        found, split_interactions(table.spans, table.scores, bounds), atol=1e-5
    )


@pytest.mark.usefixtures("as_users")
def test_bad_sets_raise(classifier):
    with pytest.raises(ValueError, match=r"sets holds 1 arrays; expected 2"):
        cdjax.score_sets(classifier, [[1], [2]], [np.ones((1, 1), bool)])
    with pytest.raises(TypeError, match=r"sets 0 holds int64; expected booleans"):
        cdjax.score_sets(classifier, [[1]], [[[1]]])
    with pytest.raises(ValueError, match=r"sets 0 has shape \[1, 3\]; expected \[S, 2\]"):
        cdjax.score_sets(classifier, [[1, 2]], [np.ones((1, 3), bool)])
    with pytest.raises(ValueError, match=r"sequence 1 holds the word number 7"):
        cdjax.score_sets(classifier, [[1], [7]], [np.ones((1, 1), bool)] * 2)
    with pytest.raises(TypeError, match=r"parts 0 holds float64"):
        set_interactions(classifier, [[1]], [np.ones((1, 2, 1))])
    with pytest.raises(ValueError, match=r"parts 0 has shape \[1, 1\]; expected \[S, n, T\]"):
        set_interactions(classifier, [[1]], [np.ones((1, 1), bool)])
    parts = np.zeros((2, 2, 3), bool)
    parts[1, :, 2] = True
    with pytest.raises(ValueError, match=r"parts 0, row 1: step 2 is in more than one set"):
        set_interactions(classifier, [[1, 2, 3]], [parts])


@settings(max_examples=20)
@given(st.integers(1, 30))
def test_interactions_of_rows_are_those_of_columns(length):
    rng = np.random.default_rng(length)
    spans = cdjax.enumerate_spans(length, 4)
    scores = rng.normal(size=(len(spans), 3))
    together = interactions(spans, scores)
    for k in range(3):
        np.testing.assert_allclose(together[:, k], interactions(spans, scores[:, k]), atol=1e-12)
