"""Recurrent cells, each written once, for a network's values and for its decomposition alike.

`step(ops, state, x)` returns the next states, by the operations of an interpreter
(`cdjax.core.split`), from the states before and the terms `W_k x_t` of each gate.

Axis letters, everywhere in cdjax: `b` sequences, `t` time steps, `s` spans, `d` input width, `h`
hidden width, `p` output width where it differs, `k` classes, `v` rows of the embedding.
"""

from typing import Any, NamedTuple

from jaxtyping import Float

from cdjax.activations import ACTIVATIONS
from cdjax.core.split import Weight, static_fields

I, F, G, O = range(4)  # noqa: E741 - an LSTM's gates: input, forget, cell update, output
R, Z, N = range(3)  # a GRU's gates: reset, update, candidate


@static_fields("activation", "content_activation")
class LSTMParams(NamedTuple):
    """Weights of one LSTM layer, gates in the order i, f, g, o (equations 1-7).

        i, f = sigmoid(W x_t + V h_{t-1} + b [+ peephole * c_{t-1}])
        g    = tanh(W_g x_t + V_g h_{t-1} + b_g)
        c_t  = f * c_{t-1} + i * g
        o    = sigmoid(W_o x_t + V_o h_{t-1} + b_o [+ peephole * c_t])
        h_t  = [projection @] (o * tanh(c_t))

    The output gate only scales the way out, so it is not split.
    """

    W: Float[Weight, "4 h d"]  # input weights
    V: Float[Weight, "4 h p"]  # recurrent weights; P = H without a projection
    b: Float[Weight, "4 h"]  # bias, one a gate (two biases of another framework are added)
    projection: Float[Weight, "p h"] | None = None
    peepholes: Float[Weight, "3 h"] | None = None  # of the gates i, f, o
    activation: str = "sigmoid"  # of the gates; a key of `ACTIVATIONS`
    content_activation: str = "tanh"  # of g and of the cell state on its way out

    @property
    def widths(self) -> tuple[int, int]:
        """Widths of `h` and `c`."""
        return self.V.shape[2], self.V.shape[1]

    def problem(self) -> str | None:
        """Return what does not fit besides the shapes above."""
        fits = self.projection is not None or self.widths[0] == self.widths[1]
        return None if fits else f"V has shape {list(self.V.shape)}; expected P = H, unprojected."

    def gates(self, ops: Any, state: Any, x: Any) -> tuple[Any, Any, Any, Any]:
        """Return the gates i, f and g, and the term of o that comes from the states before."""
        h, c = state
        sigmoid, tanh = ACTIVATIONS[self.activation], ACTIVATIONS[self.content_activation]
        i, f, g, o = ops.gates(self.V, h, self.b)
        if self.peepholes is not None:
            i, f = i + ops.scale(self.peepholes[0], c), f + ops.scale(self.peepholes[1], c)
        i, f = ops.activate(sigmoid, i, x[I]), ops.activate(sigmoid, f, x[F])
        return i, f, ops.activate(tanh, g, x[G]), o

    def step(self, ops: Any, state: Any, x: Any) -> tuple[Any, Any]:
        """Return `h` and `c` after a step."""
        i, f, g, o = self.gates(ops, state, x)
        c = ops.state(ops.multiply(f, state[1]) + ops.multiply(i, g))
        if self.peepholes is not None:
            o = o + ops.scale(self.peepholes[2], c)
        whole_o = ACTIVATIONS[self.activation](ops.total(o, x[O]))
        h = ops.scale(whole_o, ops.activate(ACTIVATIONS[self.content_activation], c))
        return ops.state(h if self.projection is None else ops.linear(self.projection, h)), c


@static_fields("reset_after", "activation", "content_activation")
class GRUParams(NamedTuple):
    """Weights of one GRU layer, gates in the order r, z, n (Cho et al. 2014).

        r, z = sigmoid(W x_t + V h_{t-1} + b)
        n    = tanh(W_n x_t + b_n + r * (V_n h_{t-1} + c))       with reset_after
        n    = tanh(W_n x_t + b_n + V_n (r * h_{t-1}))           without
        h_t  = (1 - z) * n + z * h_{t-1}

    With `reset_after` (PyTorch, Keras's default, Flax, Equinox, ONNX's `linear_before_reset=1`) the
    reset gate acts on the product with `V_n`; without it (Haiku, ONNX's default), before it.
    """

    W: Float[Weight, "3 h d"]  # input weights
    V: Float[Weight, "3 h h"]  # recurrent weights
    b: Float[Weight, "3 h"]  # bias; all of it, but for `c`
    c: Float[Weight, "h"] | None = None  # the candidate's bias inside the product with r
    reset_after: bool = True
    activation: str = "sigmoid"  # of r and z; a key of `ACTIVATIONS`
    content_activation: str = "tanh"  # of n

    @property
    def widths(self) -> tuple[int]:
        """Width of `h`."""
        return (self.V.shape[1],)

    def problem(self) -> str | None:
        """Return what does not fit besides the shapes above."""
        fits = self.c is None or self.reset_after
        return None if fits else "c, inside the product with r, is for reset_after; add it to b[2]."

    def step(self, ops: Any, state: Any, x: Any) -> tuple[Any]:
        """Return `h` after a step."""
        (h,) = state
        sigmoid, tanh = ACTIVATIONS[self.activation], ACTIVATIONS[self.content_activation]
        r, z = ops.gates(self.V[:N], h, self.b[:N])
        r, z = ops.activate(sigmoid, r, x[R]), ops.activate(sigmoid, z, x[Z])
        if self.reset_after:
            y = ops.multiply(r, ops.linear(self.V[N], h, self.c)) + self.b[N]
        else:
            y = ops.linear(self.V[N], ops.multiply(r, h), self.b[N])
        n = ops.activate(tanh, y, x[N])
        return (ops.state(ops.multiply(1 - z, n) + ops.multiply(z, h)),)


class Bidirectional(NamedTuple):
    """A layer of two cells, the second run from the end; output `[forward h, backward h]`."""

    forward: Any
    backward: Any


def cells_of(layer: Any) -> tuple[Any, ...]:
    """Return the cells of a layer: one, or the two of a `Bidirectional`."""
    return tuple(layer) if isinstance(layer, Bidirectional) else (layer,)
