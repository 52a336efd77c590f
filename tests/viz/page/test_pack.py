"""Scores packed for pages, and unpacked as the page does it."""

import base64
import zlib

import numpy as np
import pytest
from cdjax.spans import enumerate_spans
from cdjax.viz.page.pack import BYTES, pack_scores
from hypothesis import given
from hypothesis import strategies as st


def unpack(packed, length, labels):
    """What `unpack` of src/record.ts does, on a table of all spans."""
    raw = zlib.decompress(base64.b64decode(packed["data"]), -zlib.MAX_WBITS)
    planes = np.frombuffer(raw, np.uint8).reshape(BYTES, labels, -1).astype(np.int64)
    unsigned = sum(plane << (8 * n) for n, plane in enumerate(planes))
    differences = (unsigned >> 1) ^ -(unsigned & 1)
    q = np.zeros((labels, length + 1, length + 1), np.int64)
    n = 0
    for steps in range(1, packed["longest"] + 1):
        for start in range(length - steps + 1):
            stop = start + steps
            predicted = 0
            if steps > 1:
                predicted = q[:, start + 1, stop] + q[:, start, stop - 1]
                predicted = predicted - q[:, start + 1, stop - 1]
            q[:, start, stop] = predicted + differences[:, n]
            n += 1
    spans = enumerate_spans(length, packed["longest"])
    scores = q[:, spans[:, 0], spans[:, 1]].T * 2.0 ** -packed["exponent"]
    order = np.lexsort((spans[:, 0], spans[:, 1] - spans[:, 0]))
    scores[order[packed["missing"]]] = np.nan
    return scores


@given(
    st.integers(1, 9),
    st.integers(1, 4),
    st.integers(1, 9),
    st.integers(0, 2**32 - 1),
    st.sampled_from([1e-30, 1e-3, 1.0, 37.0, 1e6]),
)
def test_round_trip(length, labels, longest, seed, size):
    spans = enumerate_spans(length, longest)
    scores = (size * np.random.default_rng(seed).normal(size=(len(spans), labels))).astype("f4")
    packed = pack_scores(spans, scores, length)
    again = unpack(packed, length, labels)
    # Half of the last bit of a float32 as large as the largest score.
    bound = float(np.spacing(np.abs(scores).max())) / 2
    assert np.abs(again - scores).max() <= bound
    np.testing.assert_allclose(again.astype("f4"), scores, atol=bound, rtol=0)


def test_what_has_no_number():
    spans = enumerate_spans(3)
    scores = np.arange(6, dtype=np.float32)[:, None]
    scores[[0, 4]] = np.nan
    np.testing.assert_array_equal(unpack(pack_scores(spans, scores, 3), 3, 1), scores)
    zeros = pack_scores(spans, 0 * np.nan_to_num(scores), 3)
    assert not unpack(zeros, 3, 1).any()
    with pytest.raises(ValueError, match="hold an infinite number"):
        pack_scores(spans, np.full((6, 1), np.inf, np.float32), 3)


def test_spans_that_are_missing():
    spans = enumerate_spans(3)[[0, 1, 3]]
    with pytest.raises(ValueError, match=r"needs all spans up to a length.* these 3"):
        pack_scores(spans, np.zeros((3, 1), np.float32), 3)
