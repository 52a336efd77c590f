import pickle

import cdjax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

WORDS = ["<pad>", "the", "film", "bad", "<unk>"]


def test_words_keep_the_rows_they_are_given_at():
    vocabulary = cdjax.Vocabulary(WORDS, unknown="<unk>", padding="<pad>")
    assert vocabulary.words == tuple(WORDS)
    assert (vocabulary.unknown, vocabulary.padding) == (4, 0)
    ids = vocabulary.encode(["The", "pun", "bad", "film", "<pad>"])
    assert ids.tolist() == [1, 4, 3, 2, 0]
    assert ids.dtype == np.int32
    assert vocabulary.encode([]).dtype == np.int32
    assert vocabulary == cdjax.Vocabulary(WORDS, unknown=4, padding=0)
    assert hash(vocabulary) == hash(pickle.loads(pickle.dumps(vocabulary)))
    assert vocabulary != cdjax.Vocabulary(WORDS)  # pads are words there


def test_nothing_is_guessed_about_special_words():
    assert cdjax.Vocabulary(WORDS).padding is None
    with pytest.raises(ValueError, match=r"no word '<unk>'; .*: unknown='\[UNK\]'"):
        cdjax.Vocabulary(["[PAD]", "[UNK]", "film"])
    vocabulary = cdjax.Vocabulary(["[UNK]", "film"], unknown=None)
    assert vocabulary.encode(["film"]).tolist() == [1]
    with pytest.raises(ValueError, match="does not hold 'pun', and has no unknown word"):
        vocabulary.encode(["film", "pun"])


def test_known_words():
    vocabulary = cdjax.Vocabulary(WORDS, padding="<pad>")
    assert [w for w in [*WORDS, "Film", "pun"] if w in vocabulary] == ["the", "film", "bad", "Film"]


def test_case():
    assert cdjax.Vocabulary(["<unk>", "Bad"]).encode(["bad", "BAD"]).tolist() == [1, 1]
    exact = cdjax.Vocabulary(["<unk>", "Bad", "bad"], lowercase=False)
    assert exact.encode(["bad", "Bad", "BAD"]).tolist() == [2, 1, 0]
    with pytest.raises(ValueError, match=r"'Bad' and 'bad', which are one word .* lowercase=False"):
        cdjax.Vocabulary(["<unk>", "Bad", "bad"])


@given(st.lists(st.sampled_from(["a", "B", "b", "<unk>", "Σ"])), st.booleans())
def test_the_vocabulary_of_a_text_moves_no_token(tokens, lowercase):
    vocabulary = cdjax.Vocabulary.of(tokens, lowercase)
    distinct = list(dict.fromkeys(t.lower() if lowercase else t for t in tokens))
    assert list(vocabulary.words) == ([] if "<unk>" in distinct else ["<unk>"]) + distinct
    assert [vocabulary.words[n] for n in vocabulary.encode(tokens)] == [
        t.lower() if lowercase else t for t in tokens
    ]


@pytest.mark.usefixtures("as_users")
@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda: cdjax.Vocabulary(WORDS).encode("bad film"),
            TypeError,
            r"string 'bad film'; .*tok",
        ),
        (lambda: cdjax.Vocabulary(WORDS).encode(["bad", 3]), TypeError, r"found the token 3"),
        (lambda: cdjax.Vocabulary("bad film"), TypeError, r"words is the string 'bad film'"),
        (lambda: cdjax.Vocabulary(["<unk>", 3]), TypeError, r"word 1 is 3; expected a string"),
        (lambda: cdjax.Vocabulary(["<unk>", "a", "b", "a"]), ValueError, r"holds 'a' twice"),
        (lambda: cdjax.Vocabulary(WORDS, unknown=5), ValueError, r"unknown is 5; .* from 0 to 4"),
        (lambda: cdjax.Vocabulary(WORDS, padding=-1), ValueError, r"padding is -1; expected"),
        (
            lambda: cdjax.Vocabulary(WORDS, padding="x"),
            ValueError,
            r"no word 'x'; expected padding",
        ),
        (lambda: cdjax.Vocabulary(WORDS, padding=4), ValueError, r"are the same row, 4"),
        (lambda: cdjax.Vocabulary([]), ValueError, r"no word '<unk>'"),
    ],
)
def test_bad_input(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_its_repr_is_one_line():
    assert repr(cdjax.Vocabulary(WORDS * 1, padding=0)) == (
        "Vocabulary(5 words, lowercase=True, unknown=4, padding=0)"
    )


def test_a_row_is_known_unless_it_stands_for_no_word():
    words = ["<pad>", "bad", "<unk>"]
    for options, known in (
        ({"padding": "<pad>"}, [False, True, False]),
        ({}, [True, True, False]),
        ({"unknown": None}, [True, True, True]),
    ):
        vocabulary = cdjax.Vocabulary(words, **options)
        assert vocabulary.known(np.arange(3)).tolist() == known
        assert [word in vocabulary for word in words] == known
