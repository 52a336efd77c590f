import numpy as np
import pytest
from cdjax.text.trees import parse_tree
from cdjax.training.linear import LinearModel

from benchmarks.paper import searches as se


def words(tree, node):
    node = tree.nodes[node]
    return " ".join(tree.tokens[node.start : node.stop])


# 6 words, negative as a whole: phrases of 2 to 4 words that are positive are found.
MIXED = "(1 (3 (2 the) (4 (2 great) (2 cast))) (1 (2 is) (1 (3 not) (2 enough))))"


def test_phrases_against_their_review():
    found = list(se.dissenting_phrases([parse_tree("(2 (0 a) (4 b))"), parse_tree(MIXED)]))
    assert [(p.tree, words(parse_tree(MIXED), p.node), p.positive) for p in found] == [
        (1, "the great cast", True),
        (1, "great cast", True),
    ]


def test_a_phrase_against_its_review_has_one_to_two_thirds_of_it():
    # "c d e f" has 4 of 6 words, "d e f" 3, "e f" 2, "f" 1; "b c d e f" 5.
    tree = parse_tree("(4 (2 a) (1 (2 b) (1 (2 c) (1 (2 d) (1 (2 e) (1 f))))))")
    found = list(se.dissenting_phrases([tree]))
    assert [words(tree, p.node) for p in found] == ["c d e f", "d e f", "e f"]
    assert not any(p.positive for p in found)


@pytest.mark.parametrize(
    ("line", "found_by"),
    [
        ("(3 (2 Not) (1 bad))", {"opposite", "any", "published"}),
        ("(1 (2 (2 is) (2 n't)) (3 good))", {"opposite", "any", "published"}),
        ("(1 (1 never) (1 dull))", {"any", "published"}),  # the same polarity
        ("(1 (2 not) (2 (2 a) (3 joy)))", {"published"}),  # the second only holds a phrase
        ("(1 (2 not) (2 (2 a) (2 film)))", set()),  # nothing to negate
        ("(2 (2 not) (1 bad))", set()),  # neutral as a whole
        ("(3 (2 (2 it) (2 (2 is) (2 not))) (1 bad))", set()),  # the third word of the first child
        ("(3 (2 it) (1 (2 not) (4 good)))", {"opposite", "any", "published"}),  # the inner one
        ("(3 (1 bad) (2 not))", set()),  # in the second child
        ("(3 (2 without) (1 bad))", set()),  # not a term of the paper's
    ],
)
def test_negations(line, found_by):
    tree = parse_tree(line)
    for search in se.SEARCHES:
        found = list(se.negations([tree], search))
        assert len(found) == (search in found_by), search
        for phrase in found:
            assert phrase.positive == (tree.nodes[phrase.node].label > 2)


def test_negations_have_fewer_than_ten_words():
    def tree(count):
        rest = "(1 bad)"
        for _ in range(count - 2):
            rest = f"(1 (2 very) {rest})"
        return parse_tree(f"(3 (2 not) {rest})")

    assert len(list(se.negations([tree(9)]))) == 1
    assert not list(se.negations([tree(10)]))


def test_an_unknown_search_is_named():
    with pytest.raises(ValueError, match=r"'some'; expected one of opposite, any, published"):
        list(se.negations([parse_tree("(3 (2 not) (1 bad))")], "some"))


def test_short_phrases_have_two_parts_and_under_five_words():
    tree = parse_tree("(4 (2 a) (1 (2 b) (1 (2 c) (1 (2 d) (1 (2 e) (1 f))))))")
    found = [words(tree, phrase.node) for phrase in se.short_phrases([tree])]
    assert found == ["c d e f", "d e f", "e f"]


def regression(**coefficients):
    names = {name.replace("_", " "): n for n, name in enumerate(coefficients)}
    values = np.array(list(coefficients.values()))
    return LinearModel(names, values, 0.0, ("negative", "positive"), 3, True, 1.0, 1.0)


def test_dissent_of_table_1():
    model = regression(used_to_be=-5.0, my=0.1, favorite=2.0, my_favorite=0.2)
    review = ["it", "used", "to", "be", "my", "favorite", "place"]
    found = list(se.find_dissent([["nice"], review], model))
    # "my favorite", "be my favorite" and so on are strong as well; the smallest counts.
    (found,) = found
    assert (found.review, found.phrase, found.part) == (1, (1, 6), (5, 6))
    assert found.phrase_score == pytest.approx(-5 + 0.1 + 2 + 0.2)
    assert found.part_score == 2


def test_dissent_is_strong_on_both_sides():
    review = ["not", "worth", "it"]
    model = regression(not_worth=-4.0, worth=1.4)
    assert not list(se.find_dissent([review], model))
    (found,) = se.find_dissent([review], regression(not_worth=-4.0, worth=1.6))
    assert (found.part, found.phrase_score) == ((1, 2), pytest.approx(-2.4))


def test_dissent_goes_both_ways_and_as_far_as_five_words():
    review = ["bad", "a", "b", "c", "d", "e", "good"]
    model = regression(bad=-2.0, good=9.0)
    assert not list(se.find_dissent([review], model))
    (found,) = se.find_dissent([review, ["bad", "x", "y", "z", "good"]], model)
    assert found == se.Dissent(1, (0, 5), (0, 1), 7.0, -2.0)
