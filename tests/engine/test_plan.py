"""What is asked for, cut into jobs."""

import os

import numpy as np
from cdjax.engine.plan import AllSpans, ChosenSpans, Piece, cut, plan_jobs, split_groups
from cdjax.engine.shapes import (
    MEMORY,
    NARROW_LANES,
    SHAPES,
    choose_shape,
    count_threads,
    fit_shapes,
)
from cdjax.spans import enumerate_spans
from hypothesis import given, settings
from hypothesis import strategies as st


@st.composite
def chosen(draw):
    """Some spans of some sequences, a few of them twice."""
    lengths = draw(st.lists(st.integers(0, 12), max_size=8))
    seed = draw(st.integers(0, 9))
    rng, spans = np.random.default_rng(seed), []
    for length in lengths:
        every = enumerate_spans(length)
        rows = np.sort(rng.integers(0, max(1, len(every)), min(len(every), rng.integers(0, 9))))
        spans.append(every[rows])
    return lengths, ChosenSpans, spans


@st.composite
def every_span(draw):
    lengths = draw(st.lists(st.integers(0, 30), max_size=12))
    max_len = draw(st.none() | st.integers(1, 31))
    every = [enumerate_spans(n, max_len) for n in lengths]
    return lengths, lambda _: AllSpans(lengths, max_len), every


@settings(max_examples=200)
@given(chosen() | every_span(), st.integers(1, 99))
def test_jobs_hold_every_span_once_in_order_and_keep_to_their_bounds(asked, states):
    lengths, ask, expected = asked
    spans, rows = ask(expected), 40
    got = {n: [] for n in range(len(lengths))}
    last = -1, 0
    for pieces in cut(lengths, spans, rows, states):
        assert pieces
        assert sum(lengths[piece.sequence] for piece in pieces) <= rows
        stored = 0
        for piece in pieces:
            assert last <= piece[:2]
            last = piece[:2]
            costs = spans.costs(piece.sequence)
            got[piece.sequence] += spans.of_piece(piece).tolist()
            stored += costs[piece.first : piece.stop].sum()
            assert piece.is_last == (piece.stop == len(costs))
        alone = len(pieces) == 1 and pieces[0].stop == pieces[0].first + 1
        assert stored > 0
        assert stored <= states or alone or pieces[0].stop - pieces[0].first == 1
    assert list(got.values()) == [array.tolist() for array in expected]


@given(chosen() | every_span())
def test_a_trunk_costs_what_it_stores(asked):
    _, ask, expected = asked
    spans = ask(expected)
    for n, array in enumerate(expected):
        starts = [array[array[:, 0] == start] for start in np.unique(array[:, 0])]
        costs = [max(len(own), own[-1, 1] - own[0, 0]) for own in starts]
        assert spans.costs(n).tolist() == costs


def test_a_sequence_is_cut_only_where_it_must_be():
    spans = AllSpans([3, 0, 3, 3], None)
    assert list(cut(spans.lengths, spans, rows=6, states=99)) == [
        [Piece(0, 0, 3, True), Piece(2, 0, 3, True)],
        [Piece(3, 0, 3, True)],
    ]
    # Ten spans of four steps: 4 + 3 + 2 + 1.
    spans = AllSpans([4, 1], None)
    assert list(cut(spans.lengths, spans, rows=9, states=7)) == [
        [Piece(0, 0, 2, False)],
        [Piece(0, 2, 4, True), Piece(1, 0, 1, True)],
    ]


def test_every_device_has_a_job():
    lengths = [40] * 64
    spans = AllSpans(lengths, None)
    assert len(plan_jobs(lengths, spans, SHAPES, devices=1)) == 1
    jobs = plan_jobs(lengths, spans, SHAPES, devices=8)
    assert len(jobs) == 8
    counts = [sum(len(spans.of_piece(piece)) for piece in job) for job in jobs]
    assert max(counts) <= sum(counts) / 8 + 820  # one sequence more than its share


def test_shapes_grow_with_the_memory_and_hold_what_they_are_chosen_for(monkeypatch):
    monkeypatch.setenv("NPROC", "2")
    small, wide = (fit_shapes(14 * hidden, hidden, 2, 4) for hidden in (16, 4096))
    assert small == SHAPES
    assert wide[0] == SHAPES[0]
    assert wide[-1].states < SHAPES[-1].states
    rows, states = SHAPES[1][:2]
    row = state = (3 * MEMORY // 2) // (4 * (rows + states))  # 1.5 times the memory is allowed
    assert fit_shapes(row, state, 0, 4)[-1] == SHAPES[1]
    assert fit_shapes(2 * row, 2 * state, 0, 4)[-1].states == states // 2
    assert choose_shape(512, 4096, SHAPES) == SHAPES[0]
    assert choose_shape(513, 1, SHAPES) == SHAPES[1]
    beyond = choose_shape(70_000, 300_000, SHAPES)
    assert (beyond.rows, beyond.states) == (131_072, 524_288)


def test_one_thread_of_a_cpu_takes_narrow_tiles(monkeypatch):
    monkeypatch.setenv("NPROC", "2")
    *others, largest = fit_shapes(14 * 168, 168, 2, 4)
    monkeypatch.setenv("NPROC", "1")
    assert fit_shapes(14 * 168, 168, 2, 4) == (*others, largest._replace(**NARROW_LANES))
    # The middle shape keeps its lanes where memory has room for no larger one.
    assert fit_shapes(14 * 4096, 4096, 2, 4)[-1].tail_lanes == SHAPES[1].tail_lanes
    monkeypatch.delenv("NPROC")
    assert count_threads() == len(os.sched_getaffinity(0))


@given(st.lists(st.integers(1, 9), max_size=20), st.integers(1, 20))
def test_groups_are_neighbours_and_cost_no_more_than_they_must(costs, most):
    groups = list(split_groups(np.array(costs, int), most))
    assert [n for first, stop in groups for n in range(first, stop)] == list(range(len(costs)))
    for first, stop in groups:
        assert stop == first + 1 or sum(costs[first:stop]) <= most
        assert stop == len(costs) or sum(costs[first : stop + 1]) > most
