"""Contextual decomposition (equations 8-32): a network's own lines, computed on split numbers.

`h_t = beta_t + gamma_t`: `beta` is what the chosen steps contribute on their own, `gamma` whatever
involves, at least in part, something else. Both are carried forward by themselves; that they add up
is a result. Every faster path of cdjax is tested against this one.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float

from cdjax import checks
from cdjax.core.network import Classifier, read_out, run
from cdjax.core.rules import PAPER, Rule
from cdjax.core.split import Owned, Parts, Split


class Decomposition(NamedTuple):
    """What the phrase and the rest contribute to the last layer's output, at every time step."""

    beta: Float[Array, "t p"]  # the phrase's part
    gamma: Float[Array, "t p"]  # the rest of it


def decompose(
    layers: Sequence[Any],
    x: ArrayLike,
    inside: ArrayLike,
    rule: Rule = PAPER,
    initial: Sequence[Any] | None = None,
    valid: ArrayLike | None = None,
) -> Decomposition:
    """Decompose the output of recurrent layers into what a set of steps contributes and the rest.

        h_t = beta_t + gamma_t                                                  (equation 8)

    A pure function of arrays: `jit`, `vmap` and `grad` go through it. With one layer and the last
    step read, the score of the set is `readout @ beta[-1]`; `split_logits` has pools and heads.

    Args:
        layers: The layers, first to last: LSTM, GRU, `Bidirectional`, cells of your own.
        x: Input vectors `[T, D]`.
        inside: The steps of the set, bool `[T]`, any set; or a region of `x`, bool `[T, D]`.
        rule: Which reading of the method.
        initial: The states before the first step, an entry a layer: `(h, c)` of an LSTM, `(h,)` of
            a GRU, a pair of these of a `Bidirectional`, None for zeros. They belong to the rest.
        valid: The steps that are real, bool `[T]`; the others are left out. All when None.

    Returns:
        `beta` and `gamma` of the last layer's output at every time step, `[T, P]` each.

    Raises:
        TypeError: Where `x` holds no floats, a mask no booleans, or a layer is none.
        ValueError: Where shapes do not fit; where `inside` is a region and the rule gives the
            product of biases to the phrase, which has no meaning at a step partly inside.

    >>> import jax.numpy as jnp
    >>> from cdjax.core.cells import LSTMParams
    >>> layer = LSTMParams(W=jnp.ones((4, 2, 3)), V=jnp.ones((4, 2, 2)), b=jnp.zeros((4, 2)))
    >>> split = decompose((layer,), jnp.ones((5, 3)), jnp.arange(5) < 2)
    >>> bool(jnp.allclose(split.beta + split.gamma, run((layer,), jnp.ones((5, 3)))))
    True
    """
    x = checks.check_input(x)
    checks.check_stack(layers, x.shape[1])
    checks.check_initial(layers, initial)
    h = _split_outputs(tuple(layers), x, inside, rule, initial, valid)[0]
    return Decomposition(h.beta, h.gamma)


def split_logits(
    classifier: Classifier, x: ArrayLike, inside: ArrayLike, rule: Rule = PAPER, valid: Any = None
) -> Split:
    """Decompose the logits of one sequence: the score of a set of steps, and all else.

        logits = beta + gamma + bias                                            (equation 10)

    Arguments are as for `decompose`, with a network for the layers; words are embedded already.

    Returns:
        `beta`, the score of the set; `gamma`, that of the rest; and `bias`, which belongs to no
        input: the logits of a head that reads 0. Logits, `[K]` or, for the pool "each", `[T, K]`.

    Raises:
        TypeError, ValueError: As `decompose`.
    """
    x = checks.check_input(x)
    checks.check_network(classifier, x.shape[1])
    h, ops, valid_steps = _split_outputs(classifier.layers, x, inside, rule, None, valid)
    head = classifier._replace(embedding=None)  # words have been looked up in it
    head = jax.tree.map(lambda leaf: jnp.asarray(leaf, h.beta.dtype), head)
    return read_out(head, h, ops, valid_steps)


def _split_outputs(
    layers: tuple[Any, ...], x: Array, inside: Any, rule: Rule, initial: Any, valid: Any
) -> tuple[Split, Parts, Array | None]:
    """Return the split outputs of the last layer, the interpreter and the checked `valid`."""
    inside = checks.check_mask("inside", inside, x.shape[:1], x.shape)
    checks.check_region(inside, rule)
    dtype = jnp.result_type(x, *jax.tree.leaves(layers))
    layers, x = jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype), (layers, x))
    if valid is not None:
        valid = checks.check_mask("valid", valid, x.shape[:1])
        x = jnp.where(jnp.expand_dims(valid, 1), x, 0)  # be it NaN, it has no say, nor a gradient
    steps = inside if inside.ndim == 1 else jnp.any(inside, axis=1)
    steps = steps if valid is None else steps & valid  # not even the last step of the phrase
    number: Any = Owned(x, jnp.expand_dims(steps, 1))
    if inside.ndim == 2:
        number = Split(jnp.where(inside, x, 0), jnp.where(inside, 0, x))
    ops = Parts(rule, steps)
    return run(layers, number, ops, initial, valid), ops, valid
