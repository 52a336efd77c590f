import pytest
from cdjax.results.sentences import split_sentences
from cdjax.text.splitting import KERAS_MARKS, Splitting
from cdjax.text.tokenizer import tokenize_with_offsets


def split(text, splitting=None):
    tokens, offsets = splitting.split(text) if splitting else tokenize_with_offsets(text)
    spans = split_sentences(tokens, text, offsets)
    assert [t for span in spans.tolist() for t in range(*span)] == list(range(len(tokens)))
    return [" ".join(tokens[slice(*span)]) for span in spans]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A dull film. I left!", ["A dull film .", "I left !"]),
        ("Mr. Lee left at 3.30 p.m. in a hurry.", ["Mr. Lee left at 3.30 p.m. in a hurry ."]),
        ("Wait ... what? Yes!! No.", ["Wait ... what ?", "Yes ! !", "No ."]),
        ('He said "It is bad." Then he left.', ["He said `` It is bad . ''", "Then he left ."]),
        ('I left. "It is bad," he said.', ["I left .", "`` It is bad , '' he said ."]),
        ("Bad:\n- slow\n- long", ["Bad :", "- slow", "- long"]),
        ("no marks at all", ["no marks at all"]),
        ("a title\n\nThe text", ["a title", "The text"]),
        ("جيد؟ نعم.", ["جيد؟", "نعم ."]),
        ("", []),
    ],
)
def test_sentences_of_treebank_tokens(text, expected):
    assert split(text) == expected


def test_marks_that_are_no_tokens():
    keras, spaces = Splitting("marks", KERAS_MARKS), Splitting("spaces")
    text = 'A dull film! "So bad." It has 3.5 stars... and Mr. X'
    assert split(text, keras) == ["A dull film", "So bad", "It has 3 5 stars and Mr X"]
    assert split("A dull film! I left Mr. J. Lee. Bye", spaces) == [
        "A dull film!",
        "I left Mr. J. Lee.",
        "Bye",
    ]
