"""Small graphs of ONNX that describe large networks: what importing them takes is bounded.

Each is of a kind: one weight named by many nodes, products of a column and a row, matrices that are
0 but for a diagonal, constants that are broadcast, sizes that are squared again and again.
"""

import tracemalloc

import numpy as np
import pytest

pytest.importorskip("onnx", reason="the package onnx is not installed")

import cdjax
from cdjax.importers import layout
from cdjax.importers.onnx import values

from tests.importers import onnx_graphs as graphs

pytestmark = pytest.mark.usefixtures("as_users")
MOST = 1 << 28
"""Bytes that reading may take, under bounds that are smaller than those of users by 16."""


@pytest.fixture(autouse=True)
def measured(monkeypatch):
    """Hold what is allocated to the bound; arrays count before they are written to."""
    monkeypatch.setattr(layout, "MOST_NUMBERS", layout.MOST_NUMBERS // 16)
    monkeypatch.setattr(values, "MOST_NUMBERS", values.MOST_NUMBERS // 16)
    monkeypatch.setattr(values, "MOST_BYTES", values.MOST_BYTES // 16)
    tracemalloc.start()
    yield
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < MOST


def wide(d, y, width=2**16):
    """A dense layer of many outputs, of a single number."""
    one = d.MatMul(y, d.weight(np.ones((graphs.H, 1), np.float32)))
    return d.MatMul(one, d.weight(np.ones((1, width), np.float32)))


def draft():
    d = graphs.draft()
    return d, d.Squeeze(d.layer("LSTM", "x", graphs.D)[1], d.ints(0))


def column_and_row():
    d = graphs.Draft({"x": ["t", "b", 2**16]})
    one = d.MatMul("x", d.weight(np.ones((2**16, 1), np.float32)))
    many = d.MatMul(one, d.weight(np.ones((1, 2**16), np.float32)))
    return d.model(d.layer("LSTM", many, 2**16, 2)[0])


def diagonals():
    d, y = draft()
    y = wide(d, y, 1200)
    for n in range(40):
        y = d.Mul(y, d.weight(np.arange(1200, dtype=np.float32) + n))
    return d.model(y)


def activations():
    d, y = draft()
    return d.model(d.Tanh(d.Relu(wide(d, y))))


def last_activation():
    d, y = draft()
    return d.model(d.Relu(wide(d, y)))


def broadcast():
    d, y = draft()
    column, row = (d.weight(np.arange(20_000.0).reshape(s)) for s in ((-1, 1), (1, -1)))
    return d.model(d.Add(y, d.Where(d.Equal(column, row), column, row)))


def constants():
    d, y = draft()
    for n in range(40):
        large = d.Expand(d.weight(np.ones((1, 1))), d.ints(graphs.H, 2**18))
        large = d.Add(large, d.weight(np.arange(5.0)[:, None] + n))
        y = d.Add(y, d.Gather(large, d.weight(np.array(0)), axis=1))
    return d.model(y)


def squared(factor):
    d, y = draft()
    size = d.Mul(d.Shape(y), d.weight(np.array([factor, 1])))
    for _ in range(40):
        size = d.Mul(size, size)
    return d.model(d.Reshape(y, size))


def one_weight_in_many_layers():
    d, size = graphs.draft(), 300
    y = d.Squeeze(d.layer("LSTM", "x", graphs.D, size)[0], d.ints(1))
    W, R = d.random(1, 4 * size, size), d.random(1, 4 * size, size)
    for _ in range(800):
        layer = d.LSTM(y, W, R, outputs=3, hidden_size=size)
        y = d.Squeeze(layer[0], d.ints(1))
    return d.model(y)


HOSTILE = {
    "a product of a column and a row": (column_and_row, "array of 4,294,967,296 numbers"),
    "many diagonal matrices": (diagonals, "bytes with the nodes before, of which the file holds"),
    "an activation of many outputs": (activations, "array of 4,294,967,296 numbers"),
    "a last activation of many outputs": (last_activation, "array of 4,294,967,296 numbers"),
    "a comparison of a column and a row": (broadcast, "array of 400,000,000 numbers"),
    "many large constants": (constants, "bytes with the nodes before, of which the file holds"),
    "a size that is squared": (lambda: squared(1), "computes a size that no axis has"),
    "a number that is squared": (lambda: squared(3), "computes a size that no axis has"),
    "one weight in many layers": (one_weight_in_many_layers, "bytes with the nodes before"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_graphs(name):
    make, message = HOSTILE[name]
    model = make()
    assert model.ByteSize() < 10_000_000
    with pytest.raises(ValueError, match=message):
        cdjax.from_onnx(model, output="value")
