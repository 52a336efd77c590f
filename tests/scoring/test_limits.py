import pytest
from cdjax.scoring.limits import (
    check_length,
    count_pieces,
    count_steps,
    cut_text,
    longest_length,
)
from cdjax.spans import enumerate_spans
from cdjax.text.characters import read_characters
from cdjax.text.tokenizer import tokenize
from hypothesis import example, given
from hypothesis import strategies as st

texts = st.text(
    st.one_of(
        st.sampled_from(list("aIbn's \".,,!?()[]{}<>-—:;&$%#@*05 ")), st.characters(codec="utf-8")
    ),
    max_size=60,
)


@pytest.mark.parametrize("max_len", [None, 1, 3, 50])
def test_steps_are_those_of_the_spans(max_len):
    for length in range(12):
        steps = int((length - enumerate_spans(length, max_len)[:, 1]).sum())
        assert count_steps(length, max_len) == steps + sum(range(length + 1))


@given(st.integers(1, 10**9), st.one_of(st.none(), st.integers(1, 3000)))
def test_the_longest_length_is_the_last_that_is_allowed(steps, max_len):
    length = longest_length(max_len, steps)
    assert count_steps(length, max_len) <= steps < count_steps(length + 1, max_len)
    check_length(length, max_len, "the review", steps)
    with pytest.raises(ValueError, match=f"at most {steps:,} are made, {length:,} words"):
        check_length(length + 1, max_len, "the review", steps)


@given(texts)
@example(",,,,")
@example("a.b.c.d.e.f 1/2/3 1,000,000:5 ......")
@example("!?!?((([]<>")
def test_pieces_are_at_most_the_tokens(text):
    text = read_characters(text).text
    assert count_pieces(text) <= len(tokenize(text))


@given(st.lists(texts, min_size=20, max_size=60), st.integers(1, 5))
def test_the_beginning_of_a_text_has_its_first_words(pieces, words):
    text = read_characters(" ".join(pieces)).text
    assert tokenize(cut_text(text, words))[:words] == tokenize(text)[:words]


def test_a_long_text_is_cut():
    assert len(cut_text("word " * 10_000, 10)) < 500
