import pytest
from cdjax.text.trees import (
    Node,
    Tree,
    binary_phrases,
    binary_sentences,
    parse_tree,
    read_trees,
)
from hypothesis import given
from hypothesis import strategies as st

LINE = "(3 (2 It) (4 (2 (1 is) (0 n't)) (4 bad)))"
TREE = Tree(
    ("It", "is", "n't", "bad"),
    (
        Node(0, 4, 3, (1, 2)),
        Node(0, 1, 2, ()),
        Node(1, 4, 4, (3, 6)),
        Node(1, 3, 2, (4, 5)),
        Node(1, 2, 1, ()),
        Node(2, 3, 0, ()),
        Node(3, 4, 4, ()),
    ),
)


def test_reads_every_node():
    assert parse_tree(LINE) == TREE
    assert TREE.label == 3


def write(tree, node=0):
    """The line of a tree, recursively."""
    _, _, label, children = tree.nodes[node]
    inside = " ".join(write(tree, child) for child in children)
    return f"({label} {inside or tree.tokens[tree.nodes[node].start]})"


words = st.text(
    st.characters(codec="utf-8", exclude_characters=" ()\\\r\n"), min_size=1, max_size=4
).filter(lambda word: not word.startswith("-"))
lines = st.recursive(
    st.builds("({} {})".format, st.integers(0, 4), words),
    lambda parts: st.builds("({} {} {})".format, st.integers(0, 4), parts, parts),
)


@given(lines)
def test_written_again_it_is_the_same(line):
    tree = parse_tree(line)
    assert write(tree) == line
    for node in tree.nodes:
        if node.children:
            left, right = (tree.nodes[child] for child in node.children)
            assert (node.start, left.stop, node.stop) == (left.start, right.start, right.stop)
        else:
            assert node.stop == node.start + 1
    assert len(tree.nodes) == 2 * len(tree.tokens) - 1


def test_undoes_the_escapes_of_the_treebank():
    line = r"(2 (2 (2 -LRB-) (2 and\/or)) (2 (2 \*\*) (2 -RRB-)))"
    assert parse_tree(line).tokens == ("(", "and/or", "**", ")")


def test_only_the_ascii_space_splits_tokens():
    assert parse_tree("(2 (2 2\u00a01\\/2) (2 stars\u2028))").tokens == (
        "2\u00a01/2",
        "stars\u2028",
    )


def test_deep_trees_do_not_recurse():
    depth = 20_000
    tree = parse_tree("(2 (2 a) " * depth + "(2 b)" + ")" * depth)
    assert tree.tokens == ("a",) * depth + ("b",)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "found an empty line"),
        ("It is good", "column 1: found the word 'It'; expected it alone with its label"),
        ("(7 good)", "column 1: found the label '7'; expected 0 to 4"),
        ("(good)", "column 1: found '\\(good\\)'; expected '\\(label '"),
        ("(2 very good)", "column 9: found the word 'good'"),
        ("(2 (3 very) good)", "column 13: found the word 'good'"),
        ("(2 )", "column 4: found a phrase without words"),
        ("(2 (3 good))", "found a phrase of 1 parts"),
        ("(2 (3 a) (3 b) (3 c))", "found a phrase of 3 parts"),
        ("(2 (3 a) (3 b)", "found the end of the line with 1 phrases open"),
        ("(2 a))", "column 6: found '\\)' after the tree's end"),
        ("(2 a) (2 b)", "column 7: found '\\(2 b\\)' after the tree's end"),
        (")", "column 1: found '\\)' where no phrase is open"),
    ],
)
def test_what_is_no_tree_is_refused(line, message):
    with pytest.raises(ValueError, match=message):
        parse_tree(line)


def test_reads_a_file_a_tree_at_a_time(tmp_path):
    path = tmp_path / "trees.txt"
    path.write_bytes(f"{LINE}\n(1 dull)\r\n(2 broken\n".encode())
    trees = read_trees(path)
    assert next(trees) == TREE
    assert next(trees).tokens == ("dull",)
    with pytest.raises(ValueError, match=r"trees\.txt, line 3: found the end"):
        next(trees)


def test_a_file_that_is_not_utf8_is_refused(tmp_path):
    path = tmp_path / "trees.txt"
    path.write_bytes("(2 café)".encode("latin-1"))
    with pytest.raises(ValueError, match=r"trees\.txt, line 1: 'utf-8' codec can't decode"):
        next(read_trees(path))


def test_binary_phrases_leave_the_neutral_out():
    assert list(binary_phrases([TREE])) == [
        (("It", "is", "n't", "bad"), 1),
        (("is", "n't", "bad"), 1),
        (("is",), 0),
        (("n't",), 0),
        (("bad",), 1),
    ]
    assert list(binary_sentences([TREE, parse_tree("(2 film)"), parse_tree("(0 bad)")])) == [
        (TREE.tokens, 1),
        (("bad",), 0),
    ]


@pytest.mark.parametrize(
    ("split", "sentences", "binary"),
    [("train", 8544, 6920), ("dev", 1101, 872), ("test", 2210, 1821)],
)
def test_counts_of_the_treebank(shared, split, sentences, binary):
    trees = list(read_trees(shared / f"data/sst/{split}.txt"))
    assert len(trees) == sentences
    assert len(list(binary_sentences(trees))) == binary
    if split == "train":
        phrases = list(binary_phrases(trees))
        assert len(phrases) == 98_794  # repeated ones counted each time
        assert len(set(phrases)) == 77_616
        assert sum("\u00a0" in token for tree in trees for token in tree.tokens) == 3
