"""Graphs of every kind that `from_onnx` reads or refuses, made by `onnx.helper`.

Random weights, biases too; all sizes differ: 4 sequences of 6 steps, width 3, hidden 5, 2 outputs.
"""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

T, B, D, H, K = 6, 4, 3, 5, 2


class Draft:
    """A graph that grows node by node; a method call `draft.Relu(x)` adds one."""

    def __init__(self, inputs, opset=15, dtype=np.float32, seed=0, sizes=("b", "t")):
        self.rng = np.random.default_rng(seed)
        self.dtype = np.dtype(dtype)
        self.nodes, self.weights, self.opset = [], [], opset
        self.inputs = []
        for name, shape in inputs.items():
            kind = helper.np_dtype_to_tensor_dtype(self.dtype)
            if name in ("ids", "lengths"):
                kind = TensorProto.INT64 if name == "ids" else TensorProto.INT32
            self.inputs.append(helper.make_tensor_value_info(name, kind, shape))

    def weight(self, array, name=None):
        array = np.asarray(array)
        name = name or f"w{len(self.weights)}"
        array = array.astype(self.dtype) if array.dtype.kind == "f" else array
        self.weights.append(numpy_helper.from_array(array, name))
        return name

    def random(self, *shape):
        return self.weight(self.rng.normal(size=shape) * 0.7)

    def ints(self, *numbers):
        return self.weight(np.array(numbers, np.int64))

    def add(self, kind, *inputs, outputs=1, domain="", **attributes):
        names = [f"{kind.lower()}{len(self.nodes)}_{n}" for n in range(outputs)]
        made = helper.make_node(
            kind, inputs, names, name=f"{kind}_{len(self.nodes)}", domain=domain, **attributes
        )
        self.nodes.append(made)
        return names[0] if outputs == 1 else names

    def __getattr__(self, kind):
        if kind.startswith("_"):
            raise AttributeError(kind)
        return lambda *inputs, **rest: self.add(kind, *inputs, **rest)

    def layer(self, kind, x, inputs, hidden=H, both="forward", states=None, lengths="", **rest):
        """Add an LSTM or GRU node; return its outputs."""
        gates, directions = 4 if kind == "LSTM" else 3, 2 if both == "bidirectional" else 1
        peepholes = rest.pop("peepholes", False)
        given = [
            x,
            self.random(directions, gates * hidden, inputs),
            self.random(directions, gates * hidden, hidden),
            self.random(directions, 2 * gates * hidden) if rest.pop("bias", True) else "",
            lengths,
            *(states or ([""] * (gates - 2))),
        ]
        given += [self.random(directions, 3 * hidden)] if peepholes else []
        return self.add(kind, *given, outputs=gates - 1, direction=both, hidden_size=hidden, **rest)

    def dense(self, x, inputs, outputs):
        return self.Gemm(x, self.random(outputs, inputs), self.random(outputs), transB=1)

    def model(self, *outputs):
        kind = helper.np_dtype_to_tensor_dtype(self.dtype)
        values = [helper.make_tensor_value_info(name, kind, None) for name in outputs]
        graph = helper.make_graph(self.nodes, "made", self.inputs, values, self.weights)
        domains = {node.domain for node in self.nodes} - {""}
        opsets = [
            helper.make_opsetid("", self.opset),
            *(helper.make_opsetid(d, 1) for d in domains),
        ]
        return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def draft(**settings):
    """A draft whose input is `x [T, B, D]`, as an LSTM node reads it."""
    return Draft({"x": ["t", "b", D]}, **settings)


def finish(d, y_h, width=H, **settings):
    """A model that reads the last states `[1, B, H]` by a dense layer and Softmax."""
    return d.model(d.Softmax(d.dense(d.Squeeze(y_h, d.ints(0)), width, K), axis=-1))


def series(d, y, directions=1, hidden=H):
    """Every step `[T, B, directions * H]` of a layer's output `[T, directions, B, H]`."""
    moved = d.Transpose(y, perm=[0, 2, 1, 3])
    return d.Reshape(moved, d.ints(0, 0, directions * hidden))


def one_layer(kind="LSTM", dtype=np.float32, opset=15, **settings):
    d = draft(dtype=dtype, opset=opset)
    return finish(d, d.layer(kind, "x", D, **settings)[1])


def with_head(head, kind="LSTM", both="forward", opset=15, steps="t", **settings):
    """A layer, whose steps `[T, B, H]` a function makes the output of."""
    d = Draft({"x": [steps, "b", D]}, opset=opset)
    width = 2 * H if both == "bidirectional" else H
    directions = width // H
    y = series(d, d.layer(kind, "x", D, both=both, **settings)[0], directions)
    return d.model(head(d, y, width))


def batch_first(words=True):
    """An embedding of `ids [B, T]`, two layers of different widths and directions, a head."""
    d = Draft({"ids": ["b", "t"]})
    x = d.Transpose(d.Gather(d.random(11, D), "ids"), perm=[1, 0, 2])
    x = series(d, d.layer("LSTM", x, D, both="bidirectional")[0], 2)
    y_h = d.layer("GRU", x, 2 * H, 4)[1]
    return d.model(d.Sigmoid(d.dense(d.Squeeze(y_h, d.ints(0)), 4, K)))


def layout_1(kind="LSTM"):
    """Batch first in the node itself; ONNX Runtime does not run it, onnx's own evaluator does."""
    d = Draft({"x": ["b", "t", D]})
    outputs = d.layer(kind, "x", D, layout=1)
    return d.model(d.Softmax(d.dense(d.Squeeze(outputs[1], d.ints(1)), H, K), axis=-1))


def reversed_steps(d, x, axis=0):
    return d.Slice(x, d.ints(-1), d.ints(-(2**63)), d.ints(axis), d.ints(-1))


def flipped():
    """A forward layer on reversed steps, and a forward one, side by side."""
    d = draft()
    back = d.layer("LSTM", reversed_steps(d, "x"), D)
    ahead = d.layer("LSTM", "x", D)
    back_y = reversed_steps(d, d.Squeeze(back[0], d.ints(1)))
    y = d.Concat(d.Squeeze(ahead[0], d.ints(1)), back_y, axis=-1)
    mean = d.ReduceMean(y, axes=[0], keepdims=0)
    return d.model(d.Softmax(d.dense(mean, 2 * H, K), axis=-1))


def reversed_both():
    """A layer of both directions on reversed steps."""
    d = draft()
    y = d.layer("GRU", reversed_steps(d, "x"), D, both="bidirectional")[1]
    y = d.Reshape(d.Transpose(y, perm=[1, 0, 2]), d.ints(0, 2 * H))
    return d.model(d.Softmax(d.dense(y, 2 * H, K), axis=-1))


def scaled():
    """Inputs that are normalized, a dense layer between two layers, and batch norms."""
    d = Draft({"x": ["b", D, "t"]})
    x = d.BatchNormalization("x", d.random(D), d.random(D), d.random(D), d.weight(np.ones(D) * 0.7))
    x = d.Transpose(x, perm=[2, 0, 1])
    x = d.Div(d.Sub(x, d.random(D)), d.weight(np.array([2.0, 0.5, 1.5])))
    y = series(d, d.layer("LSTM", x, D)[0])
    y = d.Add(d.MatMul(y, d.random(H, 4)), d.random(4))
    y_h = d.Squeeze(d.layer("GRU", y, 4, H)[1], d.ints(0))
    variance = d.weight(np.linspace(0.5, 2, H))
    z = d.BatchNormalization(y_h, d.random(H), d.random(H), d.random(H), variance, epsilon=0.01)
    z = d.Relu(d.dense(z, H, 7))
    return d.model(d.Sigmoid(d.Mul(d.dense(z, 7, K), d.weight(np.float64(1.5)))))


def univariate():
    """Series `[B, T]` of one number a step."""
    d = Draft({"x": ["b", "t"]})
    x = d.Unsqueeze(d.Transpose("x", perm=[1, 0]), d.ints(2))
    return finish(d, d.layer("LSTM", x, 1)[1])


def unbatched():
    """One series `[T, D]`, and an output `[K]`."""
    d = Draft({"x": ["t", D]})
    y = d.layer("LSTM", d.Unsqueeze("x", d.ints(1)), D)[0]
    y = d.Squeeze(y, d.ints(1, 2))
    last = d.Gather(y, d.weight(np.array(-1)), axis=0)
    head = d.dense(d.Unsqueeze(last, d.ints(0)), H, K)
    return d.model(d.Reshape(d.Softmax(head, axis=-1), d.ints(-1)))


def merged_steps():
    """Batch and steps merged for a dense layer, and taken apart again by their shapes."""
    d = Draft({"x": ["b", "t", D]})
    y = series(d, d.layer("LSTM", d.Transpose("x", perm=[1, 0, 2]), D)[0])
    y = d.Transpose(y, perm=[1, 0, 2])
    flat = d.dense(d.Reshape(y, d.ints(-1, H)), H, K)
    sizes = d.Concat(d.Slice(d.Shape("x"), d.ints(0), d.ints(2)), d.ints(K), axis=0)
    return d.model(d.Softmax(d.Reshape(flat, sizes), axis=-1))


def summed():
    """Both directions added, at each one's end."""
    d = draft()
    y = d.layer("LSTM", "x", D, both="bidirectional")[1]
    return d.model(d.Softmax(d.dense(d.ReduceSum(y, d.ints(0), keepdims=0), H, K), axis=-1))


def packed():
    """Lengths as an input, as `pack_padded_sequence` is exported."""
    d = Draft({"x": ["t", "b", D], "lengths": ["b"]})
    y = d.layer("LSTM", "x", D, both="bidirectional", lengths="lengths")[1]
    y = d.Reshape(d.Transpose(y, perm=[1, 0, 2]), d.ints(0, 2 * H))
    return d.model(d.Softmax(d.dense(y, 2 * H, K), axis=-1))


def gelu(d, y, width):
    last = d.Gather(y, d.weight(np.array(-1)), axis=0)
    z = d.dense(last, width, 4)
    erf = d.Erf(d.Div(z, d.weight(np.sqrt(2.0))))
    z = d.Mul(d.Mul(z, d.Add(erf, d.weight(np.float64(1)))), d.weight(np.float64(0.5)))
    z = d.dense(z, 4, 7)
    z = d.dense(d.Mul(z, d.Sigmoid(z)), 7, 4)
    gate = d.Add(d.Erf(d.Mul(z, d.weight(np.sqrt(0.5)))), d.weight(np.float64(1)))
    return d.dense(d.Mul(d.Mul(d.weight(np.float64(0.5)), gate), z), 4, K)


def last(d, y):
    return d.Slice(y, d.ints(-1), d.ints(2**31 - 1), d.ints(0))


def read_by(pool):
    def head(d, y, width):
        z = pool(d, y)
        return d.Softmax(d.dense(d.Reshape(z, d.ints(-1, width)), width, K), axis=-1)

    return head


def ends(d, y, width):
    """Each direction's own last step, cut out of all steps."""
    ahead = d.Slice(last_squeezed(d, y), d.ints(0), d.ints(H), d.ints(1))
    back = d.Gather(y, d.weight(np.array(0)), axis=0)
    back = d.Slice(back, d.ints(H), d.ints(2**62), d.ints(-1))
    return d.Softmax(d.dense(d.Concat(back, ahead, axis=1), width, K), axis=-1)


def states_of_all():
    """`h_n` of two layers both ways `[4, B, H]`, of which the last layer's are taken."""
    d = draft()
    y, h, _ = d.layer("LSTM", "x", D, both="bidirectional")
    top = d.layer("LSTM", series(d, y, 2), 2 * H, both="bidirectional")[1]
    states = d.Reshape(d.Concat(h, top, axis=0), d.ints(2, 2, -1, H))
    top = d.Gather(states, d.weight(np.array(-1)), axis=0)
    parts = d.Split(top, d.ints(1, 1), axis=0, outputs=2)
    z = d.Concat(*(d.Squeeze(part, d.ints(0)) for part in parts), axis=-1)
    return d.model(d.Softmax(d.dense(z, 2 * H, K), axis=-1))


def whole_window(d, y, width):
    """A pool whose window is all steps, as PyTorch exports an adaptive one."""
    z = d.MaxPool(d.Transpose(y, perm=[1, 2, 0]), kernel_shape=[T], strides=[T])
    return d.Softmax(d.dense(d.Flatten(z), width, K), axis=-1)


def function():
    """A dense layer that is a function of the model's own."""
    d = draft()
    h = d.Squeeze(d.layer("LSTM", "x", D)[1], d.ints(0))
    z = d.add("dense", h, d.random(H, K), d.random(K), domain="own")
    model = d.model(d.Softmax(z, axis=-1))
    product = helper.make_node("MatMul", ["x", "W"], ["y"])
    total = helper.make_node("Add", ["y", "b"], ["z"])
    opsets = [helper.make_opsetid("", d.opset)]
    made = helper.make_function("own", "dense", ["x", "W", "b"], ["z"], [product, total], opsets)
    model.functions.append(made)
    return model


def convolved(d, y, width):
    z = d.Conv(d.Transpose(y, perm=[1, 2, 0]), d.random(4, width, 1), d.random(4))
    z = d.Conv(d.Tanh(z), d.random(K, 4, 1))
    return d.Softmax(d.Transpose(z, perm=[0, 2, 1]), axis=-1)


def pooled(kind):
    def head(d, y, width):
        z = d.add(kind, d.Transpose(y, perm=[1, 2, 0]))
        return d.Softmax(d.dense(d.Flatten(z), width, K), axis=-1)

    return head


def activation(kind, **settings):
    def head(d, y, width):
        z = d.add(kind, d.dense(d.Squeeze(last(d, y), d.ints(0)), width, 4), **settings)
        return d.Softmax(d.dense(z, 4, K), axis=-1)

    return head


def zeros_of(d, *sizes):
    return d.ConstantOfShape(d.ints(*sizes))


def with_states():
    """States before the first step that are given, and 0."""
    d = draft()
    size = d.Slice(d.Shape("x"), d.ints(1), d.ints(2))
    zeros = d.ConstantOfShape(d.Concat(d.ints(1), size, d.ints(H), axis=0))
    spread = d.Expand(d.weight(np.zeros((1, 1, H))), d.Concat(d.ints(1), size, d.ints(H), axis=0))
    return finish(d, d.layer("LSTM", "x", D, states=[zeros, spread])[1])


def state_inputs():
    d = Draft({"x": ["t", "b", D], "h": [1, "b", H], "c": [1, "b", H]})
    _, h, c = d.layer("LSTM", "x", D, states=["h", "c"])
    return d.model(d.Softmax(d.dense(d.Squeeze(h, d.ints(0)), H, K), axis=-1), h, c)


def alone(both="bidirectional"):
    d = draft()
    return d.model(*d.layer("LSTM", "x", D, both=both))


def branch(condition):
    """An If whose condition is a constant: the number of directions."""
    d = draft()
    y = d.layer("LSTM", "x", D)[1]
    kind = TensorProto.FLOAT
    outputs = [helper.make_tensor_value_info(n, kind, None) for n in ("squeezed", "kept")]
    axes = helper.make_node("Constant", [], ["axes"], value_ints=[0])
    squeeze = helper.make_node("Squeeze", [y, "axes"], ["squeezed"])
    then = helper.make_graph([axes, squeeze], "then", [], outputs[:1])
    keep = helper.make_graph([helper.make_node("Identity", [y], ["kept"])], "else", [], outputs[1:])
    size = d.Gather(d.Shape(y if condition == "directions" else "x"), d.weight(np.array(0)))
    z = d.If(d.Equal(size, d.weight(np.array(1))), then_branch=then, else_branch=keep)
    return d.model(d.Softmax(d.dense(z, H, K), axis=-1))


ACTIVATED = {"activations": ["HardSigmoid", "Softsign", "Softsign"], "activation_alpha": [0.2]}
CASES = {
    "LSTM": one_layer,
    "LSTM without bias": lambda: one_layer(bias=False),
    "LSTM with peepholes": lambda: one_layer(peepholes=True, states=["", ""]),
    "LSTM backward": lambda: one_layer(both="reverse"),
    "LSTM of other activations": lambda: one_layer(**ACTIVATED, activation_beta=[0.5]),
    "LSTM of float16": lambda: one_layer(dtype=np.float16),
    "GRU, reset before the product": lambda: one_layer("GRU"),
    "GRU, reset after the product": lambda: one_layer("GRU", linear_before_reset=1),
    "GRU backward": lambda: one_layer("GRU", both="reverse"),
    "states of 0 that are given": with_states,
    "embedding, LSTM both ways, GRU": batch_first,
    "reversed steps, two layers side by side": flipped,
    "reversed steps, one layer both ways": reversed_both,
    "scaled inputs, batch norms, dense between": scaled,
    "series of one number": univariate,
    "one series without a batch": unbatched,
    "batch and steps merged": merged_steps,
    "directions added": summed,
    "lengths as an input": packed,
    "gelu and silu": lambda: with_head(gelu),
    "last step, Slice": lambda: with_head(read_by(last)),
    "mean": lambda: with_head(
        read_by(lambda d, y: d.ReduceMean(y, axes=[0])), both="bidirectional"
    ),
    "maximum, opset 18": lambda: with_head(
        read_by(lambda d, y: d.ReduceMax(y, d.ints(0), keepdims=0)), opset=18, both="bidirectional"
    ),
    "GlobalAveragePool": lambda: with_head(pooled("GlobalAveragePool"), "GRU"),
    "GlobalMaxPool": lambda: with_head(pooled("GlobalMaxPool")),
    "every step, Conv of width 1": lambda: with_head(convolved, both="bidirectional"),
    "LeakyRelu": lambda: with_head(activation("LeakyRelu")),
    "Elu": lambda: with_head(activation("Elu")),
    "Selu": lambda: with_head(activation("Selu")),
    "Softplus": lambda: with_head(activation("Softplus")),
    "Softsign": lambda: with_head(activation("Softsign")),
    "HardSigmoid": lambda: with_head(activation("HardSigmoid", alpha=1 / 6, beta=0.5)),
    "Gelu": lambda: with_head(activation("Gelu"), opset=20),
    "ends, cut out of all steps": lambda: with_head(ends, both="bidirectional"),
    "states of two layers": states_of_all,
    "MaxPool of all steps": lambda: with_head(whole_window, steps=T),
    "a function of the model": function,
    "layers alone": alone,
    "If of a constant": lambda: branch("directions"),
}


def with_node(kind, *constants, domain="", **settings):
    """A model with a node, of a layer's steps, that is not understood."""

    def head(d, y, width):
        z = d.add(kind, y, *(d.weight(c) for c in constants), domain=domain, **settings)
        return d.Softmax(d.dense(last_squeezed(d, z), width, K), axis=-1)

    return with_head(head)


def windowed(d, y, width):
    z = d.AveragePool(d.Transpose(y, perm=[1, 2, 0]), kernel_shape=[2])
    return d.dense(d.Squeeze(last(d, d.Transpose(z, perm=[2, 0, 1])), d.ints(0)), width, K)


def best(d, y, width):
    return d.ArgMax(d.Softmax(d.dense(last_squeezed(d, y), width, K), axis=-1), axis=-1)


def last_squeezed(d, y):
    return d.Squeeze(last(d, y), d.ints(0))


def two_pools(d, y, width):
    both = [d.ReduceMean(y, axes=[0], keepdims=0), d.ReduceMax(y, axes=[0], keepdims=0)]
    return d.Softmax(d.dense(d.Concat(*both, axis=1), 2 * width, K), axis=-1)


def attention(d, y, width):
    weights = d.Softmax(d.MatMul(y, d.random(width, 1)), axis=-1)
    return d.dense(d.ReduceSum(d.Mul(y, weights), d.ints(0), keepdims=0), width, K)


def pooled_late(kind, activation=None):
    """A pool over the steps of a dense layer."""

    def head(d, y, width):
        z = d.Add(d.MatMul(y, d.random(width, K)), d.random(K))
        z = d.add(activation, z) if activation else z
        return d.Softmax(d.add(kind, z, axes=[0], keepdims=0), axis=-1)

    return head


def two_inputs():
    d = Draft({"x": ["t", "b", D], "other": ["b", 4]})
    h = d.Squeeze(d.layer("LSTM", "x", D)[1], d.ints(0))
    return d.model(d.Softmax(d.dense(d.Concat(h, "other", axis=1), H + 4, K), axis=-1))


def two_outputs():
    d = draft()
    h = d.Squeeze(d.layer("LSTM", "x", D)[1], d.ints(0))
    return d.model(d.Softmax(d.dense(h, H, K), axis=-1), d.Sigmoid(d.dense(h, H, 1)))


def other_axis():
    """A second layer that goes through the batch."""
    d = draft()
    y = d.Transpose(series(d, d.layer("LSTM", "x", D)[0]), perm=[1, 0, 2])
    return finish(d, d.layer("LSTM", y, H)[1])


def quantized():
    d = draft()
    W = d.weight(np.ones((1, 4 * H, D), np.int8))
    W = d.DequantizeLinear(W, d.weight(np.float32(0.1)), d.weight(np.int8(0)))
    h = d.add("LSTM", "x", W, d.random(1, 4 * H, H), outputs=2, hidden_size=H)[1]
    return finish(d, h)


def computed_weights():
    d = draft()
    W = d.Tanh(d.random(1, 4 * H, D))
    return finish(d, d.add("LSTM", "x", W, d.random(1, 4 * H, H), outputs=2, hidden_size=H)[1])


def looped():
    body = helper.make_graph([], "body", [], [])
    d = draft()
    h = d.add("Loop", "", "", "x", body=body)
    return d.model(d.dense(h, D, K))


def cell_state():
    d = draft()
    return finish(d, d.layer("LSTM", "x", D)[2])


def no_layer():
    d = Draft({"x": ["b", D]})
    return d.model(d.dense("x", D, K))


def one_step_of_the_middle(d, y, width):
    z = d.Gather(y, d.weight(np.array(2)), axis=0)
    return d.dense(z, width, K)


def first_step(d, y, width):
    return d.dense(d.Gather(y, d.weight(np.array(0)), axis=0), width, K)


def one_sequence(d, y, width):
    return d.dense(d.Gather(y, d.weight(np.array(-1)), axis=1), width, K)


def flattened(d, y, width):
    y = d.Reshape(d.Transpose(y, perm=[1, 0, 2]), d.ints(-1, T * width))
    return d.dense(y, T * width, K)


def softmax_of_steps(d, y, width):
    return d.Softmax(d.Add(d.MatMul(y, d.random(width, K)), d.random(K)), axis=0)


def after_softmax(d, y, width):
    z = d.Softmax(d.dense(last_squeezed(d, y), width, K), axis=-1)
    return d.Slice(z, d.ints(1), d.ints(2), d.ints(1))
