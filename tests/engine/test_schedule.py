import numpy as np
import pytest
from cdjax.engine.schedule import (
    Piece,
    Size,
    count_stored_states,
    pack,
    plan,
    schedule,
    split_groups,
    trunk_bounds,
)
from cdjax.spans import enumerate_spans
from hypothesis import given, settings
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
    size = Size(rows=128, spans=1024, span_tile=tiles[0], trunk_tile=tiles[1], review_tile=3)
    job = schedule(length, review, start, stop, size)
    first = np.cumsum(length) - length
    words = length.sum()

    # Rows and time steps are each other's inverse.
    np.testing.assert_array_equal(job.step[job.row_of_step[:words]], np.arange(words))

    # A trunk begins at its start, reaches its furthest end and knows its review's ends.
    trunk_length, count, trunk_first, trunk_last, trunk_prefix = job.trunks
    left = slabs(trunk_length, int(count), size.trunk_tile)
    trunk_of = {step: n for n, step in enumerate(trunk_first) if trunk_length[n]}
    assert len(trunk_of) == words
    for step, n in trunk_of.items():
        owner = np.flatnonzero(first <= step)[-1]
        assert trunk_last[n] == first[owner] + length[owner] - 1
        assert trunk_prefix[n] == (step == first[owner])
    assert sorted(job.order) == list(range(len(start)))
    state, last, steps, tail_tiles = job.tails
    for position, span in enumerate(job.order):
        begin = first[review[span]] + start[span]
        assert left[state[position]] == (trunk_of[begin], stop[span] - start[span] - 1)
        assert last[position] == first[review[span]] + length[review[span]] - 1
        # Its trunk has taken the first step beyond it, where there is one.
        assert steps[position] == max(length[review[span]] - stop[span] - 1, 0)
    # Longest first, to the end of the last tile, where nothing may wait for what fills it up.
    filled = steps[: int(tail_tiles) * size.span_tile]
    assert len(filled) >= len(start) > len(filled) - size.span_tile
    assert (np.diff(filled) <= 0).all()
    assert filled[-1] == steps[len(start) - 1]


@settings(max_examples=200)
@given(
    st.lists(st.integers(0, 30), max_size=12), st.none() | st.integers(1, 31), st.integers(30, 99)
)
def test_jobs_cover_every_start_once_and_keep_to_their_bounds(length, max_len, spans):
    rows = 40
    starts = {n: [] for n in range(len(length))}
    last = (-1, 0)
    for pieces in plan(length, max_len, rows, spans):
        assert pieces
        assert sum(length[piece.review] for piece in pieces) <= rows
        count = 0
        for piece in pieces:
            assert last <= piece[:2]
            last = piece[:2]
            starts[piece.review] += range(piece.first, piece.stop)
            count += len(enumerate_spans(length[piece.review], max_len, piece[1:]))
        assert 0 < count <= spans
    assert {n: list(range(length[n])) for n in starts} == starts


def test_a_review_is_cut_only_where_it_must_be():
    assert list(plan([3, 0, 3, 3], None, rows=6, spans=99)) == [
        [Piece(0, 0, 3), Piece(2, 0, 3)],
        [Piece(3, 0, 3)],
    ]
    # Ten spans at four words: 4 + 3 + 2 + 1.
    assert list(plan([4, 1], None, rows=9, spans=7)) == [
        [Piece(0, 0, 2)],
        [Piece(0, 2, 4), Piece(1, 0, 1)],
    ]


def test_a_trunk_stores_a_state_for_each_step_or_span():
    # Two trunks: three spans of one word at 0, and one span of five words at 1.
    review, start, stop = np.zeros(4, int), np.array([0, 0, 0, 1]), np.array([1, 1, 1, 6])
    head, last = trunk_bounds(review, start)
    assert (head.tolist(), last.tolist()) == ([0, 3], [2, 3])
    assert count_stored_states(start, stop, head, last).tolist() == [3, 5]
    size = Size(rows=8, spans=5, span_tile=2, trunk_tile=2, review_tile=1)
    with pytest.raises(ValueError, match="stores 6 states; its size holds 5"):
        schedule(np.array([8]), review, start, stop, size)


@given(st.lists(st.integers(1, 9), max_size=20), st.integers(1, 20))
def test_groups_are_neighbours_and_cost_no_more_than_they_must(costs, most):
    groups = list(split_groups(np.array(costs, int), most))
    assert [n for first, stop in groups for n in range(first, stop)] == list(range(len(costs)))
    for first, stop in groups:
        assert stop == first + 1 or sum(costs[first:stop]) <= most
        assert stop == len(costs) or sum(costs[first : stop + 1]) > most
