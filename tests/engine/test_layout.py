import numpy as np
import pytest
from cdjax.engine.layout import count_stored_states, lay_out, pack, trunk_bounds
from cdjax.engine.shapes import JobShape
from cdjax.spans import enumerate_spans
from hypothesis import given
from hypothesis import strategies as st

lengths = st.lists(st.integers(1, 12), min_size=1, max_size=9)


def slabs(length, tiles, tile):
    """What the device does: write a slab a step, go on by the runs under way."""
    rows, row = {}, 0
    for n in range(tiles):
        inside = length[n * tile : (n + 1) * tile]
        for step in range(inside[0]):
            rows |= {row + lane: (n * tile + lane, step) for lane in range(tile)}
            row += sum(inside > step)
    return {row_: at for row_, at in rows.items() if row_ < row}


@given(lengths, st.integers(1, 4))
def test_steps_lie_where_their_slabs_leave_them(length, tile):
    length = np.array(length)
    packing = pack(length, tile)
    tiles = -(-len(length) // tile)
    longest_first = np.zeros(tiles * tile, int)
    longest_first[: len(length)] = length[packing.order]
    left = slabs(longest_first, tiles, tile)
    assert len(left) == length.sum()
    for run, steps in enumerate(length):
        rows = packing.position(np.full(steps, run), np.arange(steps))
        expected = [(packing.rank[run], step) for step in range(steps)]
        assert [left[row] for row in rows] == expected


@given(lengths, st.none() | st.integers(1, 13), st.sampled_from([(3, 2), (4, 4), (2, 5)]))
def test_a_job_holds_every_span_once(length, max_len, tiles):
    length = np.array(length)
    spans = [enumerate_spans(int(n), max_len) for n in length]
    review = np.repeat(np.arange(len(length)), [len(array) for array in spans])
    start, stop = np.concatenate(spans).T
    lanes = {"tail_lanes": tiles[0], "trunk_lanes": tiles[1], "forward_lanes": 3}
    shape = JobShape(rows=128, states=1024, **lanes)
    job = lay_out(length, review, start, stop, shape)
    first = np.cumsum(length) - length
    words = length.sum()

    # Rows and time steps are each other's inverse.
    np.testing.assert_array_equal(job.step[job.row_of_step[:words]], np.arange(words))

    # A trunk begins at its start, reaches its furthest end and knows its review's ends.
    trunks = job.trunks
    left = slabs(trunks.length, int(trunks.tiles), shape.trunk_lanes)
    trunk_of = {step: n for n, step in enumerate(trunks.first) if trunks.length[n]}
    assert len(trunk_of) == words
    for step, n in trunk_of.items():
        owner = np.flatnonzero(first <= step)[-1]
        assert trunks.last[n] == first[owner] + length[owner] - 1
        assert trunks.prefix[n] == (step == first[owner])
    assert sorted(job.order) == list(range(len(start)))
    state, last, steps, tail_tiles = job.tails
    for position, span in enumerate(job.order):
        begin = first[review[span]] + start[span]
        assert left[state[position]] == (trunk_of[begin], stop[span] - start[span] - 1)
        assert last[position] == first[review[span]] + length[review[span]] - 1
        # Its trunk has taken the first step beyond it, where there is one.
        assert steps[position] == max(length[review[span]] - stop[span] - 1, 0)
    # Longest first, to the end of the last tile, where nothing may wait for what fills it up.
    filled = steps[: int(tail_tiles) * shape.tail_lanes]
    assert len(filled) >= len(start) > len(filled) - shape.tail_lanes
    assert (np.diff(filled) <= 0).all()
    assert filled[-1] == steps[len(start) - 1]


def test_a_trunk_stores_a_state_for_each_step_or_span():
    # Two trunks: three spans of one word at 0, and one span of five words at 1.
    review, start, stop = np.zeros(4, int), np.array([0, 0, 0, 1]), np.array([1, 1, 1, 6])
    head, last = trunk_bounds(review, start)
    assert (head.tolist(), last.tolist()) == ([0, 3], [2, 3])
    assert count_stored_states(start, stop, head, last).tolist() == [3, 5]
    shape = JobShape(rows=8, states=5, tail_lanes=2, trunk_lanes=2, forward_lanes=1)
    with pytest.raises(ValueError, match="stores 6 states; its shape holds 5"):
        lay_out(np.array([8]), review, start, stop, shape)
