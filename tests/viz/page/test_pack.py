"""Scores packed for pages, and unpacked as the page does it."""

import base64
import zlib

import numpy as np
import pytest
from cdjax.spans import enumerate_spans
from cdjax.viz.page import pack
from cdjax.viz.page.pack import BYTES, FINER, Reading, pack_scores
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.viz.page.packed import unpack_integers

LOGITS = Reading(np.ones(1), 2, (0.5, 2.0))


def unpack(packed, length, labels):
    """What `unpack` of src/record.ts does, on a table of all spans."""
    raw = zlib.decompress(base64.b64decode(packed["data"]), -zlib.MAX_WBITS)
    planes = np.frombuffer(raw, np.uint8).reshape(BYTES, labels, -1).astype(np.int64)
    unsigned = sum(plane << (8 * n) for n, plane in enumerate(planes))
    differences = (unsigned >> 1) ^ -(unsigned & 1)
    spans = enumerate_spans(length, packed["longest"])
    q = np.zeros((labels, length + 1, length + 1), np.int64)
    q[:, spans[:, 0], spans[:, 1]] = differences
    order = np.lexsort((spans[:, 0], spans[:, 1] - spans[:, 0]))
    for start, stop in spans[order].tolist():
        if stop - start > 1:
            predicted = q[:, start + 1, stop] + q[:, start, stop - 1] - q[:, start + 1, stop - 1]
            q[:, start, stop] += predicted
    multiples = q[:, spans[:, 0], spans[:, 1]].T << packed["bits"]
    exact = order[np.cumsum(unpack_integers(packed["exact"]))]
    multiples[exact] += unpack_integers(packed["more"]).reshape(labels, -1).T
    scores = np.ldexp(multiples.astype(float), -(packed["exponent"] + packed["bits"]))
    scores[order[packed["missing"]]] = np.nan
    return scores


@settings(max_examples=25)
@given(
    st.integers(1, 9),
    st.integers(1, 4),
    st.integers(1, 9),
    st.integers(0, 2**32 - 1),
    st.sampled_from([(1e-30, 6), (1e-3, 5), (1.0, 2), (37.0, 2), (37.0, 1), (1e6, 0)]),
    st.sampled_from([0, 45]),
)
def test_round_trip(length, labels, longest, seed, scale, few):
    spans, (size, decimals) = enumerate_spans(length, longest), scale
    rng = np.random.default_rng(seed)
    scores = (size * rng.normal(size=(len(spans), labels))).astype("f4")
    thresholds = 0.5 * size, 2 * size
    reading = Reading(rng.integers(-1, 2, labels), decimals, thresholds)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pack, "FEW", few)
        again = unpack(pack_scores(spans, scores, length, reading), length, labels)
    # Half of the last bit of a float32 as large as the largest score.
    bound = float(np.spacing(np.abs(scores).max())) / 2
    single = spans[:, 1] - spans[:, 0] == 1
    np.testing.assert_allclose(again[single], scores[single], atol=bound, rtol=0)
    most = max(bound, 0 if len(spans) <= few else 10.0**-decimals / FINER / 2)
    assert np.abs(again - scores).max() <= most
    # What is shown is the same, but for what float32 leaves open.
    sums = np.concatenate([np.zeros((1, labels)), np.cumsum(scores[single].astype(float), axis=0)])
    sums = sums[spans[:, 1]] - sums[spans[:, 0]]
    for less in (0, sums):
        shown, expected = again - less, scores - less
        for read, true in (
            (shown, expected),
            (shown @ reading.weights, expected @ reading.weights),
        ):
            half = 0.5 * 10.0**-decimals + labels * (length + 1) * bound
            assert np.abs(round_shown(read, decimals) - true).max() <= half
            for threshold in thresholds:
                agree = (np.abs(read) >= threshold) == (np.abs(true) >= threshold)
                assert (
                    agree | (np.abs(np.abs(true) - threshold) <= labels * length * 2 * bound)
                ).all()


def round_shown(numbers, decimals):
    """As `toFixed` of JavaScript rounds."""
    return np.sign(numbers) * np.floor(np.abs(numbers) * 10.0**decimals + 0.5) / 10.0**decimals


def test_what_has_no_number():
    spans = enumerate_spans(3)
    scores = np.arange(6, dtype=np.float32)[:, None]
    scores[[0, 4]] = np.nan
    np.testing.assert_array_equal(unpack(pack_scores(spans, scores, 3, LOGITS), 3, 1), scores)
    zeros = pack_scores(spans, 0 * np.nan_to_num(scores), 3, LOGITS)
    assert not unpack(zeros, 3, 1).any()
    with pytest.raises(ValueError, match="hold an infinite number"):
        pack_scores(spans, np.full((6, 1), np.inf, np.float32), 3, LOGITS)


def test_spans_that_are_missing():
    spans = enumerate_spans(3)[[0, 1, 3]]
    with pytest.raises(ValueError, match=r"needs all spans up to a length.* these 3"):
        pack_scores(spans, np.zeros((3, 1), np.float32), 3, LOGITS)
