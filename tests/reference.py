"""The equations once more, as literal as can be: float64, one step, one gate, one order at a time.

Shares no code with cdjax. `beta`, `gamma` and the network's own values (`whole`) are each carried
on their own: that the first two add up to the third is a result.

Layers and classifiers are read by the names of their fields, so those of cdjax can be given.
Numbers may be complex, so that a test can take derivatives by a complex step.
"""

import itertools
import math
from typing import NamedTuple

import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


ACTIVATIONS = {
    "sigmoid": sigmoid,
    "tanh": np.tanh,
    "linear": lambda z: z,
    "relu": lambda z: np.where(z > 0, z, 0 * z),
    "hard_sigmoid": lambda z: np.clip(z / 6 + 0.5, 0, 1),
    "hard_sigmoid_keras2": lambda z: np.clip(0.2 * z + 0.5, 0, 1),
}


class Reading(NamedTuple):
    """How a rule reads what the paper leaves open."""

    own_term: bool  # W x is a term of its own; else it is added to V beta or to V gamma
    product_owner: str = "gamma"  # of bias * bias: "gamma", or "beta" or "beta-but-last" inside
    # The phrase's share of (context's part of a gate) * (phrase's content), at its own steps and at
    # the others; and of (phrase's part of a gate) * (context's content).
    share: float = 0.0
    share_outside: float = 0.0
    gate_share: float = 0.0
    split_gates: bool = True  # else a gate scales the parts of its content as a whole


READINGS = {
    "paper": Reading(own_term=True),
    "acd": Reading(own_term=False, product_owner="beta"),
    "released": Reading(own_term=False, product_owner="beta-but-last"),
    "merged": Reading(own_term=False),
    "shared": Reading(own_term=False, product_owner="beta", share=0.5, share_outside=0.5),
    "even": Reading(own_term=True, product_owner="beta", share=0.5, share_outside=0.5),
    "source": Reading(own_term=False, product_owner="beta", split_gates=False),
}


class Parts(NamedTuple):
    """The phrase's part, the rest's, and the network's own values; of a step, or `[T, width]`."""

    beta: np.ndarray
    gamma: np.ndarray
    whole: np.ndarray


class Split(NamedTuple):
    """What the phrase, the rest and the biases add to a value; and the network's own value."""

    beta: np.ndarray
    gamma: np.ndarray
    bias: np.ndarray
    whole: np.ndarray


def exact(array):
    """In float64, or complex."""
    return None if array is None else np.asarray(array, np.result_type(array, np.float64))


def each(function, parts, *others):
    return Parts(*map(function, parts, *others))


def shapley(f, terms, bias):
    """The mean, over all orders, of what each term adds to `f` when its turn comes (27)."""
    shares = [0.0 for _ in terms]
    for order in itertools.permutations(range(len(terms))):
        for position, k in enumerate(order):
            before = bias + sum((terms[j] for j in order[:position]), 0 * bias)
            shares[k] += (f(before + terms[k]) - f(before)) / math.factorial(len(terms))
    return shares


def activate(f, state, x, bias, whole_bias, reading):
    """`f(bias + terms)` of the state's parts and the input's."""
    whole = f(state.whole + x.whole + whole_bias)
    if reading.own_term:
        terms = [state.beta, x.beta, state.gamma, x.gamma]
        present = [n for n, term in enumerate(terms) if np.any(term != 0)]  # 0 adds 0 in any order
        shares = [np.zeros_like(term) for term in terms]
        for n, share in zip(present, shapley(f, [terms[n] for n in present], bias), strict=True):
            shares[n] = share
        return Split(shares[0] + shares[1], shares[2] + shares[3], f(bias), whole)
    rel, irr = shapley(f, [state.beta + x.beta, state.gamma + x.gamma], bias)
    return Split(rel, irr, f(bias), whole)


def multiply(gate, content, reading):
    """`gate * content` (29-32); the last part is the product of the biases, owned by nobody yet."""
    whole = gate.whole * content.whole
    if not reading.split_gates:
        scale = gate.whole
        return Split(scale * content.beta, scale * content.gamma, scale * content.bias, whole)
    beta = (gate.beta + gate.bias) * content.beta + gate.beta * content.bias
    gamma = (gate.beta + gate.gamma + gate.bias) * content.gamma + gate.gamma * content.bias
    interaction = gate.gamma * content.beta
    beta = beta + reading.share * interaction
    gamma = gamma + (1 - reading.share) * interaction
    of_gate = reading.gate_share * gate.beta * content.gamma
    beta, gamma = beta + of_gate, gamma - of_gate
    return Split(beta, gamma, gate.bias * content.bias, whole)


def state_of(split, owned):
    """The two parts of a state: the product of the biases goes to one of them."""
    if owned:
        return Parts(split.beta + split.bias, split.gamma, split.whole)
    return Parts(split.beta, split.gamma + split.bias, split.whole)


def without_bias(parts):
    return Split(parts.beta, parts.gamma, np.zeros_like(parts.beta), parts.whole)


def lstm_step(layer, states, x, owned, reading):
    """Equations 1-6 and 29-32 with 19-24. Gates i, f, g, o; peepholes of i, f, o."""
    W, V, b = exact(layer.W), exact(layer.V), exact(layer.b)
    f = ACTIVATIONS[getattr(layer, "activation", "sigmoid")]
    f_content = ACTIVATIONS[getattr(layer, "content_activation", "tanh")]
    peepholes, projection = (
        exact(getattr(layer, name, None)) for name in ("peepholes", "projection")
    )
    h, c = states

    def gate(function, k, peephole=None):
        state = each(lambda part: V[k] @ part, h)
        if peepholes is not None and peephole is not None:
            state = each(lambda part, cell: part + peepholes[peephole] * cell, state, c)
        inputs = each(lambda part: W[k] @ part, x)
        return activate(function, state, inputs, b[k], b[k], reading)

    i, forget, g = gate(f, 0, 0), gate(f, 1, 1), gate(f_content, 2)
    kept, new = multiply(forget, without_bias(c), reading), multiply(i, g, reading)
    new = state_of(new, owned)
    c = Parts(kept.beta + new.beta, kept.gamma + new.gamma, kept.whole + new.whole)
    o = W[3] @ x.whole + V[3] @ h.whole + b[3]
    if peepholes is not None:
        o = o + peepholes[2] * c.whole
    l_beta, l_gamma = shapley(f_content, [c.beta, c.gamma], 0 * c.beta)
    h = each(lambda part: f(o) * part, Parts(l_beta, l_gamma, f_content(c.whole)))
    if projection is not None:
        h = each(lambda part: projection @ part, h)
    return h, c


def gru_step(layer, states, x, owned, reading):
    """`h' = (1 - z) n + z h`. Gates r, z, n; `c` is the bias inside the product with r."""
    W, V, b = exact(layer.W), exact(layer.V), exact(layer.b)
    f = ACTIVATIONS[getattr(layer, "activation", "sigmoid")]
    f_content = ACTIVATIONS[getattr(layer, "content_activation", "tanh")]
    (h,) = states
    inputs = [each(lambda part, k=k: W[k] @ part, x) for k in range(3)]
    states = [each(lambda part, k=k: V[k] @ part, h) for k in range(3)]
    r = activate(f, states[0], inputs[0], b[0], b[0], reading)
    z = activate(f, states[1], inputs[1], b[1], b[1], reading)
    if layer.reset_after:
        c = np.zeros(len(b[2])) if layer.c is None else exact(layer.c)
        product = Split(states[2].beta, states[2].gamma, c, states[2].whole + c)
        y = multiply(r, product, reading)
        state, bias = Parts(y.beta, y.gamma, y.whole), b[2] + y.bias
    else:
        y = multiply(r, without_bias(h), reading)
        state, bias = Parts(V[2] @ y.beta, V[2] @ y.gamma, V[2] @ y.whole), b[2]
    n = activate(f_content, state, inputs[2], bias, b[2], reading)
    update = Split(-z.beta, -z.gamma, 1 - z.bias, 1 - z.whole)
    new = state_of(multiply(update, n, reading), owned)
    kept = multiply(z, without_bias(h), reading)
    return (Parts(new.beta + kept.beta, new.gamma + kept.gamma, new.whole + kept.whole),)


def run_cell(cell, x, inside, reading, initial=None, valid=None):
    """The parts of a cell's output at every step; a step that is not valid leaves the states."""
    gru = hasattr(cell, "reset_after")
    H, P = len(cell.W[0]), np.shape(cell.V)[2]
    zeros = [np.zeros(width) for width in ((H,) if gru else (P, H))]
    initial = zeros if initial is None else initial  # given states belong to the rest
    states = tuple(
        Parts(zero, given, given) for zero, given in zip(zeros, map(exact, initial), strict=True)
    )
    if reading.product_owner != "gamma" and np.ndim(inside) != 1:
        raise ValueError("a step that is partly inside the region: nobody owns its bias product")
    steps = range(len(inside)) if valid is None else np.flatnonzero(valid)
    last = max((t for t in steps if np.any(inside[t])), default=-1)
    outputs = []
    for t in range(len(inside)):
        if t in steps:
            owner = {"gamma": False, "beta": True, "beta-but-last": t != last}
            owned = owner[reading.product_owner] and bool(np.all(inside[t]))
            step = gru_step if gru else lstm_step
            of_step = reading
            if not np.any(inside[t]):
                of_step = reading._replace(share=reading.share_outside)
            states = step(cell, states, each(lambda part, t=t: part[t], x), owned, of_step)
        outputs.append(states[0])
    return Parts(*(np.stack(column) for column in zip(*outputs, strict=True)))


def run_layer(layer, x, inside, reading, initial=None, valid=None):
    """A cell, or two side by side of which the second goes through the steps from the end."""
    if not hasattr(layer, "backward"):
        return run_cell(layer, x, inside, reading, initial, valid)
    initial = (None, None) if initial is None else initial
    forward = run_cell(layer.forward, x, inside, reading, initial[0], valid)
    x, inside = each(lambda part: part[::-1], x), inside[::-1]
    valid = None if valid is None else valid[::-1]
    backward = run_cell(layer.backward, x, inside, reading, initial[1], valid)
    return each(lambda one, other: np.concatenate([one, other[::-1]], 1), forward, backward)


def decompose(layers, x, inside, reading="paper", initial=None, valid=None):
    """The parts of the last layer's output at every step: `beta`, `gamma`, and `h` itself.

    Args:
        layers: Objects with the fields of `cdjax.LSTMParams`, `GRUParams` or `Bidirectional`.
        x: Vectors `[T, D]`.
        inside: The steps `[T]`, or the region `[T, D]`, that are the phrase.
        reading: A `Reading`, or the name of one.
        initial: For each layer its first states, `(h,)` or `(h, c)`; a pair of such, or None.
        valid: Steps that exist `[T]`; the others are left out.
    """
    reading = READINGS[reading] if isinstance(reading, str) else reading
    x, inside = exact(x), np.asarray(inside)
    region = inside if inside.ndim == 2 else np.repeat(inside[:, None], x.shape[1], axis=1)
    parts = Parts(np.where(region, x, 0), np.where(region, 0, x), x)
    for n, layer in enumerate(layers):
        first = None if initial is None else initial[n]
        parts = run_layer(layer, parts, inside, reading, first, valid)
    return parts


def pool(parts, kind, forward_width, valid=None):
    """`ends` are the last step of the forward direction and the first of the backward one."""
    if kind == "each":
        return parts
    if kind == "last":
        return each(lambda part: part[-1], parts)
    if kind == "ends":
        ends = slice(None, forward_width), slice(forward_width, None)
        return each(lambda part: np.concatenate([part[-1, ends[0]], part[0, ends[1]]]), parts)
    steps = np.arange(len(parts.whole)) if valid is None else np.flatnonzero(valid)
    parts = each(lambda part: part[steps], parts)
    if kind == "mean":
        return each(lambda part: part.mean(axis=0), parts)
    assert kind == "max", kind
    at, units = parts.whole.argmax(axis=0), np.arange(parts.whole.shape[1])
    return each(lambda part: part[at, units], parts)


def dense(split, W, b, f):
    """`f(W y + b)`: the bias first, then a Shapley pair of what is left."""
    W, b = exact(W), exact(b)
    beta, gamma, bias = split.beta @ W.T, split.gamma @ W.T, split.bias @ W.T + b
    return Split(*shapley(f, [beta, gamma], bias), f(bias), f(split.whole @ W.T + b))


def split_logits(classifier, x, inside, reading="paper", valid=None):
    """The logits of vectors `[T, D]` as beta (the score), gamma, bias and the logits themselves."""
    parts = decompose(classifier.layers, x, inside, reading, valid=valid)
    forward = getattr(classifier.layers[-1], "forward", None)
    width = None if forward is None else np.shape(forward.V)[2]
    split = without_bias(pool(parts, getattr(classifier, "pool", "last"), width, valid))
    for layer in getattr(classifier, "head", ()):
        split = dense(split, layer.W, layer.b, ACTIVATIONS[layer.activation])
    return dense(split, classifier.readout, classifier.bias, ACTIVATIONS["linear"])
