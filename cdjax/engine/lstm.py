"""The fast engine: many spans of many reviews of a one-layer LSTM, exactly.

It costs little more than the one matrix product a step that cannot be avoided. Three observations,
none of them an approximation:

1. Before a phrase starts, `beta = 0` and the rest is the plain LSTM: nothing to compute.
2. Spans with one start share the steps inside the phrase (a *trunk* a start). Each end branches off
   a *tail* of steps outside, up to the review's last word. The product of a tail's first step is
   the trunk's own, so the trunk takes that step, too.
3. `gamma = h - beta`, and every whole gate is known from the forward pass, so `beta_c` alone is
   carried forward, and `V beta` is the only product of a step (the output gate is not split).

Write `r = V_k beta_{t-1}` for what the phrase has sent to gate `k`, `x = W_k x_t`, `b = b_k`, and
`z` for the whole argument. The terms of the gate are then `r`, `x`, `z - b - x - r` and the bias,
and all that the recursion needs of it, `rel_k`, is (equation 27, orders summed)

    rel_k = const + u [f(b + r) - f(z - r)] + v [f(b + x + r) - f(z - x - r)]

                          (u, v)      const
    outside, x a term     (1/3, 1/6)  u [f(z) - f(b)] + v [f(z - x) - f(b + x)]
    inside,  x a term     (1/6, 1/3)  (1/2 + u) [f(z) - f(b)] + (1/2 - v) [f(b + x) - f(z - x)]
    outside, x merged     (1/2, 0)    as outside
    inside,  x merged     (0, 1/2)    as inside

where `const` is one row a time step, shared by all spans. The cell's `L(beta_c)` is the case
`b = 0, z = c`, outside, merged. As every `f` is a sigmoid (`tanh y = 2 sigmoid(2y) - 1`), one
exponential of `r` serves all of a gate's terms,

    sigmoid(b + r) - sigmoid(z - r) = 1 - e^-b / (e^r + e^-b) - 1 / (1 + e^-z e^r)

and the second pair is the first at `r + x`, of which the exponential is `e^r e^x`. While no `|b|`,
`|z|`, `|x|`, `|b + x|`, `|z - x|` or `|c|` exceeds `EXPONENT_LIMIT`, an `e^r` that over- or
underflows changes no sigmoid by more than `e^(2 EXPONENT_LIMIT - 88)`. Beyond it, sigmoids are
taken one by one.

A job is some reviews, its time steps numbered from the first review's first to the last one's last.
Scans of steps (forward passes and trunks) go through in tiles of fixed width, longest first. A
step's results are written as one slab, and the next step's slab covers what runs that have ended
left in it: the rest is packed without gaps. So *rows* are in another order than time steps;
`row_of_step` tells. Tails all end at their sequence's last step, so a tile of them is aligned
there: the longer ones begin, the shorter ones wait, and once all are under way nothing is masked
and nothing is computed in vain.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Shaped

from cdjax.core.lstm import HIGHEST, Classifier, F, G, I, O, Weight, project_input
from cdjax.core.rules import BiasProduct, Rule

EXPONENT_LIMIT = 30.0
SPLIT = I, F, G
"""The gates that are split; the output gate is not."""


class GateRows(NamedTuple):
    """What one gate's response to `r` depends on, one row a time step.

    Stored as said, or as the bare `z` and `x` where exponentials might overflow; `scale` is 1 for a
    sigmoid and 2 for tanh. The constants include `f(b)`: see `advance_beta_c`.
    """

    z: Float[Array, "n h"]  # e^(-scale z)
    x: Float[Array, "n h"]  # e^(scale x)
    outside: Float[Array, "n h"]  # f(b) + const of a step outside the phrase
    inside: Float[Array, "n h"] | None  # the same inside; None where that is as outside


class Rows(NamedTuple):
    """What all spans of a review share, one row a time step."""

    i: GateRows
    f: GateRows
    g: GateRows
    c: Float[Array, "n h"]  # e^(-2 c), or c
    o: Float[Array, "n h"]  # output gate


class Weights(NamedTuple):
    """What does not change from step to step. Gates i, f, g."""

    V: tuple[Float[Array, "h h"], ...]  # recurrent weights, transposed
    b: tuple[Float[Array, "1 h"], ...]  # e^(-scale b), or b
    product: Float[Array, "1 h"]  # sigmoid(b_i) tanh(b_g)


class Scans(NamedTuple):
    """Scans of steps, longest first, in tiles."""

    length: Int[Array, "m"]  # steps of each; 0 where a row_of_step in the last tile is not taken
    tiles: Int[Array, ""]  # how many tiles hold a run
    first: Int[Array, "m"]  # time step of the job at which each begins
    last: Int[Array, "m"]  # time step of the job that is its review's last
    prefix: Bool[Array, "m"]  # whether it begins where its review does


class Tails(NamedTuple):
    """The spans of a job, longest tail first, in tiles."""

    state: Int[Array, "p"]  # where its trunk has left its state
    last: Int[Array, "p"]  # time step of the job that is the review's last
    steps: Int[Array, "p"]  # steps from there to the review's end
    tiles: Int[Array, ""]  # how many tiles hold a span


class Settings(NamedTuple):
    """How to go about it: static."""

    rule: Rule
    exponential: bool  # whether arguments are kept as exponentials
    span_tile: int  # spans that go through a step together
    trunk_tile: int  # trunks that do
    review_tile: int  # reviews that do, in the forward passes


def term_weights(rule: Rule, inside: bool) -> tuple[float, float]:
    """Return `(u, v)` of the formula above."""
    if rule.input_is_a_term:
        return (1 / 6, 1 / 3) if inside else (1 / 3, 1 / 6)
    return (0.0, 1 / 2) if inside else (1 / 2, 0.0)


def gate_contribution(r, x, b, z, const, scale: int, uv: tuple[float, float], exponential: bool):
    """Return `rel_k`, or `L(beta_c)`, with whatever `const` includes: see the head of the module.

    Args:
        r: What comes from the phrase `[s, h]`.
        x: Rows of `x`, not looked at where `v` is 0.
        b: Row of `b`.
        z: Rows of `z`.
        const: Rows of the constant.
        scale: 1 for a sigmoid, 2 for tanh.
        uv: The weights of the two pairs.
        exponential: Whether rows hold exponentials or bare arguments.
    """
    u, v = (scale * weight for weight in uv)
    if exponential:
        r = jnp.exp(scale * r)

    def pair(r):
        if exponential:
            return 1 - (b / (r + b) + 1 / (1 + z * r))
        return jax.nn.sigmoid(scale * (b + r)) - jax.nn.sigmoid(scale * (z - r))

    if u:
        const = const + u * pair(r)
    if v:
        const = const + v * pair(r * x if exponential else r + x)
    return const


def run_packed(begin, step, runs: Scans, tile: int, buffers):
    """Drive runs through their steps, tile after tile, and pack what the steps leave.

    Args:
        begin: `runs -> state`: where the runs of a tile begin.
        step: `(state, t, runs, under_way, row) -> (state, slabs)`: at step `t` of a tile of runs,
            of which the ones `under_way [tile]` have not ended, and whose slab `[tile, ...]` goes
            to the rows from `row` on.
        runs: The runs.
        tile: Scans a tile.
        buffers: Arrays to fill, with room for one slab beyond the last step.

    Returns:
        The buffers: by tile, then step, then run.
    """

    def run_tile(n, carry):
        length, first, last, prefix = (
            jax.lax.dynamic_slice_in_dim(a, n * tile, tile)
            for a in (runs.length, runs.first, runs.last, runs.prefix)
        )
        mine = Scans(length, runs.tiles, first, last, prefix)

        def run_step(t, carry):
            state, buffers, row = carry
            under_way = length > t
            state, slabs = step(state, t, mine, under_way, row)
            buffers = jax.tree.map(
                lambda buffer, slab: jax.lax.dynamic_update_slice_in_dim(buffer, slab, row, 0),
                buffers,
                slabs,
            )
            return state, buffers, row + jnp.sum(under_way, dtype=row.dtype)

        return jax.lax.fori_loop(0, length[0], run_step, (begin(mine), *carry))[1:]

    start = buffers, jnp.zeros((), runs.length.dtype)
    return jax.lax.fori_loop(0, runs.tiles, run_tile, start)[0]


def scale_of(k: int) -> int:
    """Return the factor of a gate's argument when its activation is written as a sigmoid."""
    return 2 if k == G else 1


def encode_argument(a, scale: int, exponential: bool):
    """Return an argument as rows keep it."""
    return jnp.exp(scale * a) if exponential else a


def make_rows(z, x, c, b, rule: Rule, exponential: bool) -> Rows:
    """Return the rows of some steps.

    Args:
        z: Arguments of the gates `[s, 4, h]`.
        x: `W x_t` `[s, 4, h]`.
        c: Cell states `[s, h]`.
        b: Bias `[1, 4, h]`.
        rule: Which reading of the method.
        exponential: Whether to keep exponentials.
    """
    (u, v), (p, q) = term_weights(rule, inside=False), term_weights(rule, inside=True)

    def gate(k):
        f, scale = jnp.tanh if k == G else jax.nn.sigmoid, scale_of(k)
        zk, xk, bk = z[:, k], x[:, k], b[:, k]
        whole, other = f(zk) - f(bk), f(bk + xk) - f(zk - xk)
        inside = f(bk) + (1 / 2 + p) * whole + (1 / 2 - q) * other
        return GateRows(
            z=encode_argument(zk, -scale, exponential),
            x=encode_argument(xk, scale, exponential),
            outside=f(bk) + u * whole - v * other,
            inside=inside if rule.input_is_a_term else None,
        )

    return Rows(
        i=gate(I),
        f=gate(F),
        g=gate(G),
        c=encode_argument(c, -2, exponential),
        o=jax.nn.sigmoid(z[:, O]),
    )


def largest_argument(z, x, b, c) -> Float[Array, "s"]:
    """Return the largest size of any sigmoid's argument with `r = 0`, for `EXPONENT_LIMIT`."""
    sizes = [jnp.max(jnp.abs(a), axis=(1, 2)) for a in (z, x, z - x, b + x)]
    sizes += [jnp.max(jnp.abs(c), axis=1), jnp.full(len(c), jnp.max(jnp.abs(b)))]
    return functools.reduce(jnp.maximum, sizes)


def run_forward(
    classifier: Classifier, ids: Int[Array, "n"], reviews: Scans, settings: Settings
) -> tuple[Rows, Float[Array, "n k"], Float[Array, ""]]:
    """Run the LSTM over all reviews of a job, once, and keep what their spans share.

    Args:
        classifier: The model, of one layer.
        ids: The words, in the order of the rows, with room for one slab beyond the last.
        reviews: The reviews.
        settings: How to go about it; `tile` reviews go through a step together.

    Returns:
        The rows; the logits at every row, output bias left out; and the largest argument, by which
        to tell whether `settings.exponential` was right.
    """
    (params,) = classifier.layers
    bias = jnp.expand_dims(params.b, 0)

    def step(state, t, runs, under_way, row):
        c, h = state
        words = jax.lax.dynamic_slice_in_dim(ids, row, settings.review_tile)
        x = project_input(params, gather_rows(classifier.embedding, words))
        z = x + jnp.einsum("gij,sj->sgi", params.V, h, precision=HIGHEST) + bias
        i, f, o = (jax.nn.sigmoid(z[:, k]) for k in (I, F, O))
        c = f * c + i * jnp.tanh(z[:, G])
        h = o * jnp.tanh(c)
        rows = make_rows(z, x, c, bias, settings.rule, settings.exponential)
        logits = jnp.matmul(h, classifier.readout.T, precision=HIGHEST)
        # A run that has ended, or holds a word vector that is not finite, has no say.
        size = largest_argument(z, x, bias, c)
        size = jnp.where(under_way & jnp.isfinite(size), size, 0)
        return (c, h), (rows, logits, size)

    zero = jnp.zeros((settings.review_tile, params.V.shape[-1]), bias.dtype)
    slabs = jax.eval_shape(step, (zero, zero), 0, reviews, jnp.ones(settings.review_tile, bool), 0)[
        1
    ]
    buffers = jax.tree.map(lambda s: jnp.zeros((len(ids), *s.shape[1:]), s.dtype), slabs)
    rows, logits, sizes = run_packed(
        lambda runs: (zero, zero), step, reviews, settings.review_tile, buffers
    )
    return rows, logits, jnp.max(sizes)


def beta_from_cell(
    rows: Rows, row: Int[Array, "s"], beta_c: Float[Array, "s h"], settings: Settings
) -> Float[Array, "s h"]:
    """Return `beta_t = o_t L(beta_c_t)` at the given rows (equations 21 and 28)."""
    no_bias = jnp.full((1, 1), 1 if settings.exponential else 0, beta_c.dtype)
    c = gather_rows(rows.c, row)
    # tanh(c) / 2 costs less than a further row to read.
    const = 1 / (1 + c) - 1 / 2 if settings.exponential else jnp.tanh(c) / 2
    share = gate_contribution(
        beta_c, None, no_bias, c, const, 2, (1 / 2, 0.0), settings.exponential
    )
    return gather_rows(rows.o, row) * share


def project(weights: Weights, beta: Float[Array, "s h"]) -> tuple[Float[Array, "s h"], ...]:
    """Return `r = V_k beta` of the three gates: the product of a step."""
    return tuple(jnp.matmul(beta, V, precision=HIGHEST) for V in weights.V)


def advance_beta_c(
    weights: Weights,
    rows: Rows,
    row: Int[Array, "s"],
    r: tuple[Float[Array, "..."], ...],
    beta_c: Float[Array, "s h"] | float,
    inside: bool,
    settings: Settings,
) -> Float[Array, "s h"]:
    """Return `beta_c_t` at the given rows from the step before (equations 19, 29 and 31).

    It includes the product of the biases, since the update of the cell is then one product,
    `rel_i (rel_g + bias_g) + bias_i rel_g + bias_i bias_g = (rel_i + bias_i) (rel_g + bias_g)`.
    """
    uv = term_weights(settings.rule, inside)
    parts = []
    for k, r_k, b, gate in zip(SPLIT, r, weights.b, (rows.i, rows.f, rows.g), strict=True):
        x = gather_rows(gate.x, row) if uv[1] else None
        const = gate.outside if gate.inside is None or not inside else gate.inside
        z = gather_rows(gate.z, row)
        parts.append(
            gate_contribution(
                r_k, x, b, z, gather_rows(const, row), scale_of(k), uv, settings.exponential
            )
        )
    i, f, g = parts
    return f * beta_c + i * g


def run_trunks(
    weights: Weights,
    rows: Rows,
    row_of_step: Int[Array, "n"],
    trunks: Scans,
    spans: int,
    settings: Settings,
) -> Float[Array, "p h"]:
    """Carry the phrases from their starts on, and each possible end one step further.

    Returns:
        `beta_c` of each span at the step after its last word, or at its last word where that is
        its review's; as `run_packed` leaves them, with room for `spans` and one slab.
    """
    rule = settings.rule
    # What of `bias_i bias_g` the rest takes at a step of the phrase, and how much more at its last.
    taken = weights.product if rule.bias_product is BiasProduct.REST else 0.0
    more_at_end = rule.bias_product is BiasProduct.PHRASE_BUT_LAST
    # Under such a rule nothing is left over of a review's first words: beta_c is c. Computed step
    # by step, rounding alone would leave something, and saturated gates can make that grow.
    prefix_is_all = not rule.input_is_a_term and rule.bias_product is not BiasProduct.REST

    def advance_inside(runs: Scans, row, r, beta_c):
        new = advance_beta_c(weights, rows, row, r, beta_c, True, settings) - taken
        if prefix_is_all:
            c = gather_rows(rows.c, row)
            c = jnp.log(c) / -2 if settings.exponential else c
            new = jnp.where(jnp.expand_dims(runs.prefix, 1), c, new)
        return new

    def begin(runs: Scans):
        nothing = jnp.zeros((1, 1), rows.o.dtype)
        return advance_inside(
            runs, gather_rows(row_of_step, runs.first), (nothing,) * len(SPLIT), 0.0
        )

    def step(beta_c, t, runs: Scans, under_way, _):
        row, following = (
            gather_rows(row_of_step, runs.first + t),
            gather_rows(row_of_step, runs.first + t + 1),
        )
        r = project(weights, beta_from_cell(rows, row, beta_c, settings))
        new = advance_inside(runs, following, r, beta_c)
        if more_at_end:
            beta_c -= weights.product
            r = project(weights, beta_from_cell(rows, row, beta_c, settings))
        # Shared between the two, exponentials and rows would be written out and read again; behind
        # the barrier each takes them in its own loop: 0.83 (acd) and 0.7 (paper) times the time.
        r, following = jax.lax.optimization_barrier((r, following))
        outside = (
            advance_beta_c(weights, rows, following, r, beta_c, False, settings) - weights.product
        )
        is_last = jnp.expand_dims(runs.first + t == runs.last, 1)
        return new, jnp.where(is_last, beta_c, outside)

    states = jnp.zeros((spans + settings.trunk_tile, rows.o.shape[1]), rows.o.dtype)
    return run_packed(begin, step, trunks, settings.trunk_tile, states)


def run_tails(
    weights: Weights,
    readout: Float[Weight, "k h"],
    rows: Rows,
    row_of_step: Int[Array, "n"],
    states: Float[Array, "q h"],
    tails: Tails,
    settings: Settings,
) -> Float[Array, "p k"]:
    """Carry the phrases from there to their reviews' ends and return `readout @ beta_T`."""
    tile = settings.span_tile

    def run_tile(n, scores):
        state, last, steps = (jax.lax.dynamic_slice_in_dim(a, n * tile, tile) for a in tails[:3])
        longest, shortest = steps[0], steps[-1]

        def step(left, beta_c):
            r = project(
                weights,
                beta_from_cell(rows, gather_rows(row_of_step, last - left), beta_c, settings),
            )
            row = gather_rows(row_of_step, last - left + 1)
            return advance_beta_c(weights, rows, row, r, beta_c, False, settings) - weights.product

        def step_if_begun(m, beta_c):
            begun = jnp.expand_dims(steps >= longest - m, 1)
            return jnp.where(begun, step(longest - m, beta_c), beta_c)

        beta_c = gather_rows(states, state)
        beta_c = jax.lax.fori_loop(0, longest - shortest, step_if_begun, beta_c)
        beta_c = jax.lax.fori_loop(0, shortest, lambda m, s: step(shortest - m, s), beta_c)
        beta = beta_from_cell(rows, gather_rows(row_of_step, last), beta_c, settings)
        score = jnp.matmul(beta, readout.T, precision=HIGHEST)
        return jax.lax.dynamic_update_slice_in_dim(scores, score, n * tile, 0)

    scores = jnp.zeros((tails.state.shape[0], readout.shape[0]), readout.dtype)
    return jax.lax.fori_loop(0, tails.tiles, run_tile, scores)


def run_spans(
    classifier: Classifier,
    rows: Rows,
    row_of_step: Int[Array, "n"],
    trunks: Scans,
    tails: Tails,
    settings: Settings,
) -> Float[Array, "p k"]:
    """Score the spans of a job, given the rows of its reviews.

    Args:
        classifier: The model, of one layer.
        rows: What `run_forward` kept.
        row_of_step: Row of each time step of the job.
        trunks: One run a start, to the furthest end asked for.
        tails: The spans.
        settings: How to go about it; trunks and spans go through in tiles.

    Returns:
        Logits, in the order of the tails.
    """
    (params,) = classifier.layers
    weights = Weights(
        V=tuple(params.V[k].T for k in SPLIT),
        b=tuple(
            encode_argument(params.b[k][None], -scale_of(k), settings.exponential) for k in SPLIT
        ),
        product=(jax.nn.sigmoid(params.b[I]) * jnp.tanh(params.b[G]))[None],
    )
    states = run_trunks(weights, rows, row_of_step, trunks, tails.state.shape[0], settings)
    return run_tails(weights, classifier.readout, rows, row_of_step, states, tails, settings)


def gather_rows(rows: Shaped[Weight, "n ..."], row: Int[Array, "s"]) -> Shaped[Array, "s ..."]:
    """Return the given rows. Scans that have ended may ask beyond the last; they get any."""
    return jnp.take(rows, row, axis=0, mode="clip")
