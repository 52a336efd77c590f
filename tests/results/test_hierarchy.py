import itertools
import json
import re

import cdjax
import numpy as np
import pytest
from cdjax.results.hierarchy import build_hierarchy, to_brackets, to_json
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import random_classifier
from tests.results.test_interactions import BY_HAND, make_table

TOKENS = ["not", "so", "bad"]
SECOND_LESS_FIRST = [-1, 1]


def build(table, direction, **options):
    return build_hierarchy(table.spans, table.scores, direction, **options)


def shape(tree):
    return [(g.start, g.stop, g.round, g.children) for g in tree.groups]


def test_worked_by_hand():
    # By the second class less the first: not -1, so 0.25, bad -4; not so -1, so bad -6; all 2.5.
    # not + so: -1 - -1 - 0.25 = -0.25. so + bad: -6 - 0.25 - -4 = -2.25, the stronger.
    table = make_table(3, lambda *span: BY_HAND[span])
    tree = build(table, SECOND_LESS_FIRST)
    words = [(0, 1, 0, ()), (1, 2, 0, ()), (2, 3, 0, ())]
    assert shape(tree) == [*words, (1, 3, 1, (1, 2)), (0, 3, 2, (0, 3))]
    np.testing.assert_array_equal(tree.groups[3].interaction, [1.0, -1.25])
    np.testing.assert_array_equal(tree.groups[4].interaction, [-4.5, 5.0])
    np.testing.assert_array_equal(tree.groups[4].scores, [-1.0, 1.5])
    assert tree.roots == (4,)
    assert to_brackets(tree, TOKENS) == "(+2.50 (-1.00 not) (-6.00 (+0.25 so) (-4.00 bad)))"
    # By the first class: not + so 0.5, so + bad 1. By none of them: all tie, the leftmost joins.
    first = build(table, [1, 0])
    assert shape(first) == shape(tree)
    tie = build(table, [0, 0])
    assert shape(tie)[3:] == [(0, 2, 1, (0, 1)), (0, 3, 2, (3, 2))]
    # Nothing joins but by 2.3 or more; not + so bad would join by 9.5, but is never come to.
    forest = build(table, SECOND_LESS_FIRST, least=2.3)
    assert shape(forest) == words
    assert forest.roots == (0, 1, 2)
    assert to_brackets(forest, ["a", "(", "b"]) == "(-1.00 a)\n(+0.25 -LRB-)\n(-4.00 b)"


def join_slowly(score, length, percentile, least):
    """The same rounds over sets of words, from scratch each time."""
    groups = [(t, t + 1) for t in range(length)]
    joined = []
    while len(groups) > 1:
        strength = {
            (a, b): abs(score(a[0], b[1]) - score(*a) - score(*b))
            for a, b in itertools.pairwise(groups)
        }
        ranked = sorted(strength, key=lambda pair: (-strength[pair], pair))
        if percentile is None:
            chosen = ranked[:1]
        else:
            edge = np.percentile(list(strength.values()), percentile)
            chosen = []
            for pair in ranked:
                taken = {group for other in chosen for group in other}
                if strength[pair] >= edge and not taken & set(pair):
                    chosen.append(pair)
        chosen = [pair for pair in chosen if strength[pair] >= least]
        if not chosen:
            break
        for a, b in chosen:
            joined.append((a[0], b[1]))
            groups[groups.index(a)] = (a[0], b[1])
            groups.remove(b)
    return joined, groups


@given(
    length=st.integers(1, 10),
    seed=st.integers(0, 99),
    percentile=st.none() | st.integers(0, 100),
    least=st.sampled_from([0, 1, 3]),
    levels=st.sampled_from([2, 1000]),  # few levels: many ties
)
def test_trees_equal_joining_slowly(length, seed, percentile, least, levels):
    rng = np.random.default_rng(seed)
    values = rng.integers(-levels, levels + 1, (length + 1, length + 1)).astype(float)
    table = make_table(length, lambda start, stop: values[start, stop])
    tree = build(table, [1], percentile=percentile, least=least)
    joined, left = join_slowly(lambda a, b: values[a, b], length, percentile, least)
    assert [(g.start, g.stop) for g in tree.groups[length:]] == joined
    assert [(tree.groups[r].start, tree.groups[r].stop) for r in tree.roots] == left
    for index, group in enumerate(tree.groups):
        assert group.scores == values[group.start, group.stop]
        if index < length:
            assert group == (index, index + 1, group.scores, 0, 0, ())
            continue
        one, two = (tree.groups[child] for child in group.children)
        assert (one.start, one.stop, two.stop) == (group.start, two.start, group.stop)
        assert group.round > max(one.round, two.round)
        assert group.interaction == group.scores - one.scores - two.scores
    if not least:
        assert len(tree.roots) == 1
        assert len(tree.groups) == 2 * length - 1


def test_all_pairs_at_once_make_a_balanced_tree():
    table = make_table(8, lambda start, stop: 0.0)
    tree = build(table, [1], percentile=0)
    assert [g.round for g in tree.groups[8:]] == [1, 1, 1, 1, 2, 2, 3]
    assert build(table, [1], least=1e-9).roots == tuple(range(8))


def test_groups_have_the_scores_of_their_spans():
    classifier = random_classifier(np.random.default_rng(0), classes=3, dtype=np.float32)
    reviews = [[1, 2, 3, 4, 5, 6], [], [2], [3, 3]]
    tables = cdjax.score_all_spans(classifier, reviews)
    trees = [build(table, [0, 0, 1]) for table in tables]
    assert [len(tree.groups) for tree in trees] == [11, 0, 1, 3]
    for review, tree in zip(reviews, trees, strict=True):
        assert tree.direction.tolist() == [0, 0, 1]
        for group in tree.groups:
            (score,) = cdjax.score_spans(classifier, review, [(group.start, group.stop)])
            np.testing.assert_allclose(group.scores, score, atol=2e-6)
            assert group.scores.dtype == np.float32


def test_json_holds_the_tree():
    tree = build(make_table(3, lambda *span: BY_HAND[span]), SECOND_LESS_FIRST)
    found = json.loads(to_json(tree, TOKENS))
    assert found["tokens"] == TOKENS
    assert found["roots"] == [4]
    assert found["direction"] == [-1, 1]
    assert found["groups"][3] == {
        "start": 1,
        "stop": 3,
        "scores": [3, -3],
        "interaction": [1, -1.25],
        "round": 1,
        "children": [1, 2],
    }
    assert len(found["groups"]) == 5


def test_long_reviews_are_not_too_deep():
    # Each word more is worth as much again, so the tree is one long branch.
    length = 300
    table = make_table(length, lambda start, stop: float(start == 0) * stop**2)
    tree = build(table, [1])
    assert tree.groups[-1].round == length - 1
    tokens = [str(t) for t in range(length)]
    assert json.loads(to_json(tree, tokens))["groups"][-1]["stop"] == length
    assert re.findall(r" (\d+)\)", to_brackets(tree, tokens)) == tokens


def test_windows_join_instead_of_steps():
    # Only what begins at step 0 and goes beyond step 3 says something.
    table = make_table(6, lambda start, stop: float(start == 0 and stop > 4))
    tree = build(table, [1], leaves=[[0, 1], [1, 4], [4, 6]])
    spans = [(group.start, group.stop) for group in tree.groups]
    assert spans == [(0, 1), (1, 4), (4, 6), (0, 4), (0, 6)]
    assert [group.interaction.item() for group in tree.groups] == [0, 0, 0, 0, 1]
    assert to_brackets(tree, ["a", "b", "c"]) == "(+1.00 (+0.00 (+0.00 a) (+0.00 b)) (+0.00 c))"
    for leaves, message in (
        ([[0, 2], [3, 6]], "the leaves are not all 6 steps"),
        ([[1, 6]], "the leaves are not all 6 steps"),
        ([[0, 7]], "the leaves are not all 6 steps"),
        ([0, 6], r"leaves is int64 \[2\]; expected half-open spans"),
    ):
        with pytest.raises(ValueError, match=message):
            build(table, [1], leaves=leaves)


@pytest.mark.usefixtures("as_users")
def test_bad_tables_raise():
    whole, short = (make_table(4, lambda start, stop: 1.0, max_len=n) for n in (None, 2))
    with pytest.raises(ValueError, match=r"are 7 spans, the longest of 2 steps; expected all 10"):
        build(short, [1])
    whole.scores[3] = np.nan
    with pytest.raises(ValueError, match=r"scores that are not finite"):
        build(whole, [1])
    with pytest.raises(ValueError, match=r"percentile is 101; expected 0 to 100"):
        build(whole, [1], percentile=101)
    with pytest.raises(ValueError, match=r"least is -1; expected at least 0"):
        build(whole, [1], least=-1)
    whole.scores[3] = 1
    with pytest.raises(ValueError, match=r"direction has shape \[2\]; expected \[1\]"):
        build(whole, [-1, 1])
    with pytest.raises(ValueError, match=r"there are 3 tokens; expected 4"):
        to_json(build(whole, [1]), TOKENS)
    with pytest.raises(ValueError, match=r"there are 3 tokens; expected 4"):
        to_brackets(build(whole, [1]), TOKENS)
