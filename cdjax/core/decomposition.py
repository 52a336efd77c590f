"""Contextual decomposition: the recursion as printed (equations 8-24 and 29-32), for one example.

Every state is split in two, `h_t = beta_t + gamma_t` and `c_t = beta_c_t + gamma_c_t`: `beta` is
what the chosen words contribute on their own, `gamma` whatever involves, at least in part,
something else. Both are carried forward by themselves; that they add up is a result, not a
definition.

This is the definition that every faster path of cdjax is tested against, and the general path: any
set of words, any number of layers, every time step.
"""

import functools
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Bool, Float

from cdjax.core.checks import check_input, check_mask, check_stack
from cdjax.core.linearize import contributions, pair
from cdjax.core.lstm import F, G, I, LSTMParams, O, project_input, project_state
from cdjax.core.rules import PAPER, Rule


class Decomposition(NamedTuple):
    """What the phrase and the rest contribute to one layer's states, at every time step."""

    beta: Float[Array, "t h"]  # the phrase's part of the hidden state
    gamma: Float[Array, "t h"]  # the rest of it
    beta_c: Float[Array, "t h"]  # the phrase's part of the cell state
    gamma_c: Float[Array, "t h"]  # the rest of it


class InputPart(NamedTuple):
    """A part of a layer's input, and the steps at which it belongs to the phrase."""

    x: Float[Array, "t d"]
    inside: Bool[Array, "t"]


def split_input(
    x_beta: Float[Array, "t d"], x_gamma: Float[Array, "t d"]
) -> tuple[InputPart, InputPart]:
    """Return the two parts of an input of which both the phrase and the rest have a share.

    This is what the layer below leaves: its `beta` and its `gamma`.
    """
    everywhere = jnp.ones(x_beta.shape[0], bool)
    return InputPart(x_beta, everywhere), InputPart(x_gamma, ~everywhere)


@functools.partial(jax.jit, static_argnames="rule")
def decompose_layer(
    params: LSTMParams,
    parts: tuple[InputPart, ...],
    inside: Bool[Array, "t"],
    rule: Rule = PAPER,
) -> Decomposition:
    """Decompose the states of one layer (equations 19-24 and 29-32).

    Compiled once a shape, also where the caller compiles nothing: a bare `scan` would be compiled
    again at every call, and hundreds of calls use up what a process may map.

    With `rel_k`, `irr_k` and `bias_k` what the phrase, the rest and the bias add to gate `k`,

        beta_c_t  = (rel_f + bias_f) beta_c_{t-1} + rel_i (rel_g + bias_g) + bias_i rel_g
        gamma_c_t = f_t gamma_c_{t-1} + irr_f beta_c_{t-1} + irr_i g_t + (rel_i + bias_i) irr_g
        beta_t    = o_t L(beta_c_t)             gamma_t = o_t L(gamma_c_t)

    and `bias_i bias_g` added to whichever of the two the rule says.

    Args:
        params: Weights of the layer.
        parts: Its input, as parts that belong to the phrase at some steps and to the rest at the
            others. Words are one part (inside or outside); a layer below leaves two, `split_input`.
            Under a rule with `input_is_a_term` each is a term of every gate.
        inside: The steps that belong to the phrase; any set, not only a span.
        rule: Which reading of the method.

    Returns:
        The decomposition at every step.
    """
    projections = tuple(project_input(params, part.x) for part in parts)
    masks = tuple(part.inside for part in parts)
    owns = rule.phrase_owns_bias_product(inside)

    def gate(f, k, zx, masks, v_beta, v_gamma):
        """Return what the phrase, the rest and the bias add to gate k; and the whole gate."""
        phrase = [jnp.where(mask, z[k], 0) for z, mask in zip(zx, masks, strict=True)]
        rest = [jnp.where(mask, 0, z[k]) for z, mask in zip(zx, masks, strict=True)]
        b = jnp.asarray(params.b[k])
        if rule.input_is_a_term:
            terms = contributions(f, (v_beta[k], v_gamma[k], *(z[k] for z in zx)), b)
            rel, irr = terms[:2]
            for term, mask in zip(terms[2:], masks, strict=True):
                rel = rel + jnp.where(mask, term, 0)
                irr = irr + jnp.where(mask, 0, term)
        else:
            rel, irr = pair(f, sum(phrase, v_beta[k]), sum(rest, v_gamma[k]), b)
        return rel, irr, f(b), f(sum(phrase, v_beta[k]) + sum(rest, v_gamma[k]) + b)

    def step(state, inputs):
        beta, gamma, beta_c, gamma_c = state
        zx, masks, owns = inputs
        v_beta, v_gamma = project_state(params, beta), project_state(params, gamma)
        arguments = zx, masks, v_beta, v_gamma
        rel_i, irr_i, bias_i, _ = gate(jax.nn.sigmoid, I, *arguments)
        rel_f, irr_f, bias_f, f = gate(jax.nn.sigmoid, F, *arguments)
        rel_g, irr_g, bias_g, g = gate(jnp.tanh, G, *arguments)
        o = jax.nn.sigmoid(sum(z[O] for z in zx) + v_beta[O] + v_gamma[O] + params.b[O])

        product = bias_i * bias_g
        beta_u = rel_i * (rel_g + bias_g) + bias_i * rel_g + jnp.where(owns, product, 0)
        gamma_u = irr_i * g + (rel_i + bias_i) * irr_g + jnp.where(owns, 0, product)
        # All of these read the cell state of the step before.
        beta_c, gamma_c = (
            (rel_f + bias_f) * beta_c + beta_u,
            f * gamma_c + irr_f * beta_c + gamma_u,
        )
        l_beta, l_gamma = pair(jnp.tanh, beta_c, gamma_c)
        new = Decomposition(o * l_beta, o * l_gamma, beta_c, gamma_c)
        return new, new

    zero = jnp.zeros(params.V.shape[-1], projections[0].dtype)
    start = Decomposition(zero, zero, zero, zero)
    # Backwards, a step is computed again from its state: keeping the terms of all its activations
    # takes 4 times the memory and, for its traffic, longer. Forwards, this changes nothing.
    step = jax.checkpoint(step, prevent_cse=False)
    return jax.lax.scan(step, start, (projections, masks, owns))[1]


def decompose(
    layers: Sequence[LSTMParams], x: ArrayLike, inside: ArrayLike, rule: Rule = PAPER
) -> Decomposition:
    """Decompose the states of an LSTM into what a set of words contributes and everything else.

        h_t = beta_t + gamma_t,    c_t = beta_c_t + gamma_c_t                  (equations 8 and 9)

    A pure function of arrays: `jit`, `vmap` and `grad` go through it. The score of the set is
    `readout @ beta[-1]`, one logit a class. `grad` keeps the four states of every step and layer
    and the projected input, not what a step computes in between: some 20 H numbers a word.

    Args:
        layers: The LSTM, first layer first; a stack is decomposed layer by layer.
        x: Word vectors `[T, D]`.
        inside: Which words belong to the set, bool `[T]`. Any set, contiguous or not.
        rule: Which reading of the method: `PAPER`, `ACD`, `RELEASED` or `MERGED`.

    Returns:
        `beta`, `gamma`, `beta_c`, `gamma_c` of the last layer at every time step, `[T, H]` each.

    Raises:
        TypeError: Where `x` does not hold floats or `inside` no booleans.
        ValueError: Where shapes do not fit each other.

    >>> import jax.numpy as jnp
    >>> from cdjax.core.lstm import run
    >>> layer = LSTMParams(W=jnp.ones((4, 2, 3)), V=jnp.ones((4, 2, 2)), b=jnp.zeros((4, 2)))
    >>> split = decompose((layer,), jnp.ones((5, 3)), jnp.arange(5) < 2)
    >>> split.beta.shape
    (5, 2)
    >>> h = run((layer,), jnp.ones((5, 3)))
    >>> bool(jnp.allclose(split.beta + split.gamma, h))
    True
    """
    x = check_input(x)
    check_stack(layers, x.shape[1])
    inside = check_mask(inside, len(x))
    dtype = jnp.result_type(x, *jax.tree.leaves(layers))
    layers = jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype), tuple(layers))
    parts: tuple[InputPart, ...] = (InputPart(x.astype(dtype), inside),)
    result = None
    for params in layers:
        result = decompose_layer(params, parts, inside, rule)
        parts = split_input(result.beta, result.gamma)
    assert result is not None  # check_stack demands one
    return result
