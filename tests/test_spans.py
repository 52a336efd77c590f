import jax.numpy as jnp
import numpy as np
import pytest
from cdjax.spans import count_spans, enumerate_spans, padded_length, span_mask
from hypothesis import given
from hypothesis import strategies as st


@given(st.integers(0, 30), st.none() | st.integers(1, 35))
def test_every_span_once_by_start_then_stop(length, max_len):
    longest = length if max_len is None else max_len
    expected = [
        [start, stop]
        for start in range(length)
        for stop in range(start + 1, length + 1)
        if stop - start <= longest
    ]
    spans = enumerate_spans(length, max_len)
    assert spans.tolist() == expected
    assert spans.dtype == np.int32
    assert spans.shape == (count_spans(length, max_len), 2)


@pytest.mark.parametrize(("span", "mask"), [((1, 3), [0, 1, 1, 0]), ((2, 2), [0, 0, 0, 0])])
def test_masks_are_half_open(span, mask):
    np.testing.assert_array_equal(span_mask(*jnp.array(span), jnp.arange(4)), np.array(mask, bool))


@pytest.mark.parametrize("least", [2, 8, 24])
def test_padding_is_bounded_and_few_lengths_arise(least):
    lengths = range(1, 2000)
    padded = [padded_length(length, least) for length in lengths]
    for length, longer in zip(lengths, padded, strict=True):
        assert max(length, least) <= longer
        assert longer == least or longer * 2 < 3 * length or longer <= 8
    assert padded == sorted(padded)
    assert len(set(padded)) <= 20
    assert padded_length(0, least) == least
