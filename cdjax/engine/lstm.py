"""The fast engine: many spans of many sequences, for a one-layer LSTM, exactly.

The cost of a step is dominated by one matrix product. Three identities make that possible; none is
an approximation:

1. Before the phrase, `beta = 0` and gamma is the state of the plain LSTM, so nothing is computed.
2. Spans with the same start share the steps inside the phrase: one *trunk* for each start. Each
   span then has a *tail*: the steps after the phrase, to the end of the sequence. The first step of
   a tail uses the same matrix product as the trunk's next step, so it is computed with the trunk.
3. `gamma = h - beta`, and the gates are known from the forward pass. So only `beta_c` is carried,
   and `V beta` for the gates i, f, g is the only product (the output gate is not split).

Let `r = V_k beta_{t-1}`, `x = W_k x_t`, `b = b_k`, and `z` the pre-activation of gate `k`. Its
terms are `r`, `x`, `z - b - x - r` and the bias, and the phrase's share `rel_k` is (equation 27,
summed over orders)

    rel_k = const + u [f(b + r) - f(z - r)] + v [f(b + x + r) - f(z - x - r)]

                          (u, v)      const
    outside, x a term     (1/3, 1/6)  u [f(z) - f(b)] + v [f(z - x) - f(b + x)]
    inside,  x a term     (1/6, 1/3)  (1/2 + u) [f(z) - f(b)] + (1/2 - v) [f(b + x) - f(z - x)]
    outside, x merged     (1/2, 0)    as outside
    inside,  x merged     (0, 1/2)    as inside

where `const` depends on the time step only and is shared by all spans. `L(beta_c)` of the cell
state is the case `b = 0, z = c`, outside, merged. Every `f` is a sigmoid (`tanh y = 2 sigmoid(2y) -
1`), so one exponential of `r` is enough for all terms of a gate:

    sigmoid(b + r) - sigmoid(z - r) = 1 - e^-b / (e^r + e^-b) - 1 / (1 + e^-z e^r)

and the second pair is the first one at `r + x`, whose exponential is `e^r e^x`. While `|b|`, `|z|`,
`|x|`, `|b + x|`, `|z - x|` and `|c|` are at most `EXPONENT_LIMIT`, overflow or underflow of `e^r`
changes no sigmoid by more than `e^(2 EXPONENT_LIMIT - 88)`. Beyond the limit every sigmoid is
evaluated on its own.

The time steps of a job are numbered through all its sequences. Scans (forward passes and trunks)
run longest first, in tiles of fixed width. Each step writes its results as one slab of the tile's
width. The next slab starts after the lanes still active, so it overwrites the finished ones and the
buffers have no gaps. Rows are therefore not in the order of time steps; `row_of_step` maps a step
to its row. All tails end at the last step of
their sequence, so the lanes of a tile are aligned at their ends: longer tails start earlier, and
from the step at which the shortest one starts, no lane is masked.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Shaped

from cdjax.core.cells import F, G, I, O
from cdjax.core.network import Classifier
from cdjax.core.rules import BiasProduct, Rule
from cdjax.core.split import HIGHEST, Weight

EXPONENT_LIMIT = 30.0
SPLIT = I, F, G
"""The gates that are split; the output gate is not."""


class GateRows(NamedTuple):
    """What the contribution of one gate depends on besides `r`, one row for each time step.

    Stored as the comments below state, or as the bare `z` and `x` where exponentials might
    overflow; `scale` is 1 for a sigmoid and 2 for tanh. The constants include `f(b)`: see
    `advance_beta_c`.
    """

    z: Float[Array, "n h"]  # e^(-scale z)
    x: Float[Array, "n h"]  # e^(scale x)
    outside: Float[Array, "n h"]  # f(b) + const of a step outside the phrase
    inside: Float[Array, "n h"] | None  # the same inside; None where equal to outside


class Rows(NamedTuple):
    """What all spans of a sequence share, one row for each time step."""

    i: GateRows
    f: GateRows
    g: GateRows
    c: Float[Array, "n h"]  # e^(-2 c), or c
    o: Float[Array, "n h"]  # output gate


class Weights(NamedTuple):
    """Weights of the gates i, f, g, as the steps use them."""

    V: tuple[Float[Array, "h h"], ...]  # recurrent weights, transposed
    b: tuple[Float[Array, "1 h"], ...]  # e^(-scale b), or b
    product: Float[Array, "1 h"]  # sigmoid(b_i) tanh(b_g)


class Scans(NamedTuple):
    """Scans of steps, longest first, in tiles."""

    length: Int[Array, "m"]  # steps of each; 0 for an unused lane of the last tile
    tiles: Int[Array, ""]  # number of tiles in use
    first: Int[Array, "m"]  # time step of the job at which each begins
    last: Int[Array, "m"]  # the last time step of its sequence
    prefix: Bool[Array, "m"]  # whether it begins at the first step of its sequence


class Tails(NamedTuple):
    """The spans of a job, longest tail first, in tiles."""

    state: Int[Array, "p"]  # position of the state that its trunk stored
    last: Int[Array, "p"]  # the last time step of its sequence
    steps: Int[Array, "p"]  # steps from there to the end of the sequence
    tiles: Int[Array, ""]  # number of tiles in use


class Settings(NamedTuple):
    """Static settings of the compiled programs."""

    rule: Rule
    exponential: bool  # whether arguments are kept as exponentials
    span_tile: int  # lanes of a tile of tails
    trunk_tile: int  # lanes of a tile of trunks
    review_tile: int  # lanes of a tile of forward passes


def term_weights(rule: Rule, inside: bool) -> tuple[float, float]:
    """Return `(u, v)` of the formula above."""
    if rule.input_is_a_term:
        return (1 / 6, 1 / 3) if inside else (1 / 3, 1 / 6)
    return (0.0, 1 / 2) if inside else (1 / 2, 0.0)


def gate_contribution(r, x, b, z, const, scale: int, uv: tuple[float, float], exponential: bool):
    """Return `rel_k` or `L(beta_c)`, plus whatever `const` includes (see the module docstring).

    Args:
        r: Contribution of the phrase `[s, h]` to the pre-activation.
        x: Rows of `x`; unused where `v` is 0.
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
    """Run scans through their steps, tile by tile, and pack the results of all steps.

    Args:
        begin: `scans -> state`: the state before the first step of a tile.
        step: `(state, t, scans, active, row) -> (state, slabs)`: step `t` of a tile of scans, of
            which `active [tile]` have not ended; its slabs `[tile, ...]` are written from `row` on.
        runs: The scans.
        tile: Lanes of a tile.
        buffers: Arrays to fill, with room for one slab beyond the last step.

    Returns:
        The buffers: by tile, then step, then scan.
    """

    def run_tile(n, carry):
        length, first, last, prefix = (
            jax.lax.dynamic_slice_in_dim(a, n * tile, tile)
            for a in (runs.length, runs.first, runs.last, runs.prefix)
        )
        tile_scans = Scans(length, runs.tiles, first, last, prefix)

        def run_step(t, carry):
            state, buffers, row = carry
            active = length > t
            state, slabs = step(state, t, tile_scans, active, row)
            buffers = jax.tree.map(
                lambda buffer, slab: jax.lax.dynamic_update_slice_in_dim(buffer, slab, row, 0),
                buffers,
                slabs,
            )
            return state, buffers, row + jnp.sum(active, dtype=row.dtype)

        return jax.lax.fori_loop(0, length[0], run_step, (begin(tile_scans), *carry))[1:]

    start = buffers, jnp.zeros((), runs.length.dtype)
    return jax.lax.fori_loop(0, runs.tiles, run_tile, start)[0]


def scale_of(k: int) -> int:
    """Return the factor of a gate's argument when its activation is written as a sigmoid."""
    return 2 if k == G else 1


def encode_argument(a, scale: int, exponential: bool):
    """Return an argument in the form that rows store."""
    return jnp.exp(scale * a) if exponential else a


def make_rows(z, x, c, b, rule: Rule, exponential: bool) -> Rows:
    """Return the rows of time steps.

    Args:
        z: Arguments of the gates `[s, 4, h]`.
        x: `W x_t` `[s, 4, h]`.
        c: Cell states `[s, h]`.
        b: Bias `[1, 4, h]`.
        rule: The rule.
        exponential: Whether to store exponentials.
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
    """Run the LSTM over all sequences of a job and return what their spans share.

    Args:
        classifier: The model, of one layer.
        ids: Row of the embedding for each row of the job, with room for one slab beyond the last.
        reviews: The sequences.
        settings: The static settings.

    Returns:
        The rows; the logits at every row, without the output bias; and the largest argument, which
        decides whether `settings.exponential` was admissible.
    """
    (params,) = classifier.layers
    bias = jnp.expand_dims(params.b, 0)

    def step(state, t, runs, active, row):
        c, h = state
        words = jax.lax.dynamic_slice_in_dim(ids, row, settings.review_tile)
        vectors = gather_rows(classifier.embedding, words)
        x = jnp.einsum("ghd,sd->sgh", params.W, vectors, precision=HIGHEST)
        z = x + jnp.einsum("gij,sj->sgi", params.V, h, precision=HIGHEST) + bias
        i, f, o = (jax.nn.sigmoid(z[:, k]) for k in (I, F, O))
        c = f * c + i * jnp.tanh(z[:, G])
        h = o * jnp.tanh(c)
        rows = make_rows(z, x, c, bias, settings.rule, settings.exponential)
        logits = jnp.matmul(h, classifier.readout.T, precision=HIGHEST)
        # Finished lanes and inputs that are not finite are left out of the maximum.
        size = largest_argument(z, x, bias, c)
        size = jnp.where(active & jnp.isfinite(size), size, 0)
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
    """Run the trunks, and for each possible end the first step after the phrase.

    Returns:
        `beta_c` of each span one step after the phrase, or at its last step where the sequence ends
        there; packed by `run_packed`, with room for `spans` and one slab.
    """
    rule = settings.rule
    # `bias_i bias_g` is subtracted where the rule gives it to the rest: at every step of the
    # phrase, or at its last step only.
    taken = weights.product if rule.bias_product is BiasProduct.REST else 0.0
    more_at_end = rule.bias_product is BiasProduct.PHRASE_BUT_LAST
    # Under such a rule a phrase at the start of a sequence has beta_c = c. Computed step by step,
    # rounding errors would remain, which saturated gates can amplify.
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

    def step(beta_c, t, runs: Scans, active, _):
        row, following = (
            gather_rows(row_of_step, runs.first + t),
            gather_rows(row_of_step, runs.first + t + 1),
        )
        r = project(weights, beta_from_cell(rows, row, beta_c, settings))
        new = advance_inside(runs, following, r, beta_c)
        if more_at_end:
            beta_c -= weights.product
            r = project(weights, beta_from_cell(rows, row, beta_c, settings))
        # Without the barrier XLA writes shared exponentials and rows to memory and reads them
        # again; with it each use recomputes them: 0.83 (acd) and 0.7 (paper) times the time.
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
    """Run the tails to the ends of their sequences and return `readout @ beta_T`."""
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
    """Score the spans of a job, given the rows of its sequences.

    Args:
        classifier: The model, of one layer.
        rows: The rows that `run_forward` returned.
        row_of_step: Row of each time step of the job.
        trunks: One scan for each start, to the furthest end asked for.
        tails: The spans.
        settings: The static settings.

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
    """Return the given rows; indices beyond the last (of finished lanes) are clipped."""
    return jnp.take(rows, row, axis=0, mode="clip")
