import sys

import numpy as np
import pytest
from cdjax.phrases import neighbours
from cdjax.phrases.neighbours import find_neighbours, overlaps

RNG = np.random.default_rng(0)
TABLE = RNG.normal(size=(300, 6)).astype(np.float32)
QUERIES = RNG.normal(size=(4, 6)).astype(np.float32)


def cosines(table, queries):
    table, queries = (a.astype(float) for a in (table, queries))
    sizes = np.outer(np.linalg.norm(queries, axis=1), np.linalg.norm(table, axis=1))
    return queries @ table.T / sizes


@pytest.mark.parametrize("rows", [1 << 16, 64])
@pytest.mark.parametrize("count", [1, 7, 300, 1000])
def test_exact_search_equals_sorting(monkeypatch, rows, count):
    monkeypatch.setattr(neighbours, "BLOCK_ROWS", rows)
    found = find_neighbours(TABLE, QUERIES, count)
    expected = cosines(TABLE, QUERIES)
    for n, (indices, near) in enumerate(zip(found.indices, found.cosines, strict=True)):
        assert indices.tolist() == np.argsort(-expected[n], kind="stable")[:count].tolist()
        np.testing.assert_allclose(near, expected[n, indices], atol=1e-6)


def test_by_hand():
    table = np.array([[3, 0], [0, 0], [1, 1], [2, 0], [-5, 0]], np.float32)
    found = find_neighbours(table, np.array([[0.1, 0]]), 5)
    assert found.indices[0].tolist() == [0, 3, 2, 1, 4]  # of equals the first; 0 counts as 0
    np.testing.assert_allclose(found.cosines[0], [1, 1, 0.5**0.5, 0, -1], atol=1e-6)


@pytest.mark.parametrize("approximate", [False, True])
def test_left_out_are_replaced_by_the_next(approximate):
    if approximate:
        pytest.importorskip("faiss")
    leave_out = np.zeros((4, 300), bool)
    nearest = find_neighbours(TABLE, QUERIES, 5).indices
    leave_out[1, nearest[1][:3]] = True
    leave_out[2] = True
    leave_out[2, nearest[2][4]] = False
    found = find_neighbours(TABLE, QUERIES, 2, leave_out=leave_out, approximate=approximate)
    if not approximate:
        assert found.indices[0].tolist() == nearest[0][:2].tolist()
        assert found.indices[1].tolist() == nearest[1][3:5].tolist()
        assert found.indices[2].tolist() == nearest[2][4:5].tolist()
    for n, indices in enumerate(found.indices):
        assert not leave_out[n, indices].any()
        assert (indices >= 0).all()


def test_approximate_search_finds_most_in_clusters():
    pytest.importorskip("faiss")
    rng = np.random.default_rng(1)
    centres = rng.normal(size=(50, 16))
    table = np.repeat(centres, 200, axis=0) + 0.2 * rng.normal(size=(10000, 16))
    table = table.astype(np.float32)
    queries = table[rng.choice(10000, 30, replace=False)]
    exact = find_neighbours(table, queries, 10)
    found = find_neighbours(table, queries, 10, approximate=True)
    shared = [len(set(a) & set(b)) for a, b in zip(exact.indices, found.indices, strict=True)]
    assert np.mean(shared) >= 9
    for indices, near, query in zip(found.indices, found.cosines, queries, strict=True):
        np.testing.assert_allclose(near, cosines(table[indices], query[None])[0], atol=1e-5)
        assert (np.diff(near) <= 1e-6).all()


def test_without_faiss(monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(ImportError, match=r"pip install 'cdjax\[neighbours\]'"):
        find_neighbours(TABLE, QUERIES, approximate=True)


def test_overlaps_of_phrases():
    words = np.array([[1, -1, -1], [2, -1, -1], [1, 2, -1], [2, 1, -1], [3, 1, 2], [1, 3, 2]])
    assert overlaps(words, np.array([1, 2])).tolist() == [True, True, True, False, True, False]
    assert overlaps(words, np.array([3])).tolist() == [False] * 4 + [True, True]
    long = np.array([3, 1, 2, 4])  # longer than any phrase of the table
    assert overlaps(words, long).tolist() == [True, True, True, False, True, False]


@pytest.mark.usefixtures("as_users")
def test_bad_input_raises():
    with pytest.raises(ValueError, match=r"count is 0; expected at least 1"):
        find_neighbours(TABLE, QUERIES, 0)
    with pytest.raises(ValueError, match=r"queries are 5 wide; expected 6"):
        find_neighbours(TABLE, QUERIES[:, :5])
    for bad in (0, np.nan):
        with pytest.raises(ValueError, match=r"a query is 0 or not finite"):
            find_neighbours(TABLE, np.full((1, 6), bad))
    with pytest.raises(ValueError, match=r"there is no vector"):
        find_neighbours(TABLE[:0], QUERIES)
    spoiled = TABLE.copy()
    spoiled[7, 3] = np.nan
    with pytest.raises(ValueError, match=r"the vectors are not all finite"):
        find_neighbours(spoiled, QUERIES)
