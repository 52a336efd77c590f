"""Penalties on explanations: what a loss can say of the contribution of given words (CDEP).

Rieger, Singh, Murdoch & Yu, "Interpretations are useful: penalizing explanations to align neural
networks with prior knowledge" (ICML 2020), train a model for the right answer and the right reason,

    loss_i = cross entropy_i + weight * penalty_i

where the penalty looks at the contextual decomposition of words marked beforehand: a word known to
be spurious, say, should contribute nothing. Two penalties go by that name. The paper's is the
distance of the scores from what they should be (`penalize_scores`); the code released with it, in
its experiments on text, takes the share of the marked words in the class probability
(`penalize_shares`).

Both see what marked words do on their own, and leave them all they do to other words: that is part
of `gamma`. A third penalty, ours, counts it in (`penalize_influence`).

All are functions of arrays for a batch of padded reviews, differentiable by every weight and word
vector, and return one value a review, as optax's losses do: weigh them, and take their mean.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from cdjax.core.cells import LSTMParams
from cdjax.core.decomposition import decompose
from cdjax.core.rules import ACD, PAPER, Rule
from cdjax.core.split import HIGHEST, Weight


def split_logits(
    layers: Sequence[LSTMParams],
    readout: Float[Weight, "k h"],
    x: Float[Weight, "b t d"],
    lengths: Int[Array | np.ndarray, "b"],
    inside: Bool[Array | np.ndarray, "b t"],
    rule: Rule = PAPER,
) -> tuple[Float[Array, "b k"], Float[Array, "b k"]]:
    """Return what the marked words contribute to each review's logits, and what all else does.

        logits = readout @ beta_T + readout @ gamma_T + output bias                  (equation 10)

    Args:
        layers: The LSTM, first layer first.
        readout: Output weights.
        x: Word vectors; what stands at or beyond a review's length has no say, be it NaN.
        lengths: Number of words of each review, at least 1.
        inside: Which words are marked; any set, contiguous or not.
        rule: Which reading of the method.

    Returns:
        The scores of the marked words and of all else, in logits, output bias left out.

    Raises:
        TypeError, ValueError: As `cdjax.decompose`.
    """

    def split(x, length, inside):
        # NaN times a cotangent of zero is NaN: padding must be gone before the first product.
        words = _words(x, length)
        x = jnp.where(jnp.expand_dims(words, 1), x, 0)
        # A mark on padding would make another step the phrase's last, which RELEASED looks at.
        states = decompose(layers, x, jnp.where(words, inside, jnp.zeros_like(inside)), rule)
        last = jnp.stack([states.beta[length - 1], states.gamma[length - 1]])
        return jnp.matmul(last, readout.T, precision=HIGHEST)

    parts = jax.vmap(split)(x, lengths, inside)
    return parts[:, 0], parts[:, 1]


def penalize_scores(
    layers: Sequence[LSTMParams],
    readout: Float[Weight, "k h"],
    x: Float[Weight, "b t d"],
    lengths: Int[Array | np.ndarray, "b"],
    inside: Bool[Array | np.ndarray, "b t"],
    target: Float[Weight, "b k"] | Float[Array, ""] | float = 0.0,
    rule: Rule = PAPER,
) -> Float[Array, "b"]:
    """Return how far the score of each review's marked words is from what it should be.

        penalty_i = sum over classes k of |score_ik - target_ik|

    The loss of the paper, where one set of words a review is marked. It is 0 just where
    the score is the target.

    Args:
        layers: The LSTM, first layer first.
        readout: Output weights.
        x: Word vectors of padded reviews.
        lengths: Number of words of each review.
        inside: Which words are marked.
        target: What they should contribute to each class, in logits; nothing by default.
        rule: Which reading of the method.

    Returns:
        Logits, one sum of distances a review; 0 where no word is marked.

    >>> import jax.numpy as jnp
    >>> layer = LSTMParams(W=jnp.ones((4, 2, 3)), V=jnp.ones((4, 2, 2)), b=jnp.zeros((4, 2)))
    >>> x, lengths = jnp.ones((2, 5, 3)), jnp.array([5, 3])
    >>> marked = jnp.zeros((2, 5), bool).at[0, 1].set(True)
    >>> penalty = penalize_scores((layer,), jnp.ones((2, 2)), x, lengths, marked)
    >>> [f"{value:.2f}" for value in penalty]
    ['0.34', '0.00']
    """
    score, _ = split_logits(layers, readout, x, lengths, inside, rule)
    distance = jnp.sum(jnp.abs(score - target), axis=1)
    return jnp.where(_has_marks(lengths, inside), distance, 0)


def penalize_influence(
    layers: Sequence[LSTMParams],
    readout: Float[Weight, "k h"],
    x: Float[Weight, "b t d"],
    lengths: Int[Array | np.ndarray, "b"],
    inside: Bool[Array | np.ndarray, "b t"],
    rule: Rule = ACD,
) -> Float[Array, "b"]:
    """Return how much of each review's score is lost where its marked words leave the phrase.

        penalty_i = sum over classes k of |score_ik(all words) - score_ik(all but the marked)|

    What marked words bring together with all they do to other words, where `penalize_scores` sees
    what they do on their own: a word that scores nothing can still turn the sign of the others. It
    is 0 where the words' vectors are, under the rules that leave `bias_i * bias_g` to `gamma`;
    under `ACD` there is that product besides, of the marked steps.

    `ACD` is the rule to take: the score of all words is then the logit less the output bias, and
    the penalty holds all of the prediction that is not the other words' own. Under any other rule
    the product of the biases, in `gamma` however the words are marked, is for the marked words to
    gate, unseen. One way is open under every rule: the output gate is not decomposed, so what the
    marked words do to it counts as the others' own. Choose when to stop by examples without the
    spurious word.

    Args:
        layers: The LSTM, first layer first.
        readout: Output weights.
        x: Word vectors of padded reviews.
        lengths: Number of words of each review.
        inside: Which words are marked.
        rule: Which reading of the method.

    Returns:
        Logits, one sum of distances a review; 0 where no word is marked.
    """
    _, brought = split_logits(layers, readout, x, lengths, ~inside, rule)
    if rule != ACD:  # under which all words together leave nothing
        brought -= split_logits(layers, readout, x, lengths, jnp.ones_like(inside), rule)[1]
    return jnp.where(_has_marks(lengths, inside), jnp.sum(jnp.abs(brought), axis=1), 0)


def penalize_shares(
    layers: Sequence[LSTMParams],
    readout: Float[Weight, "k h"],
    x: Float[Weight, "b t d"],
    lengths: Int[Array | np.ndarray, "b"],
    inside: Bool[Array | np.ndarray, "b t"],
    labels: Int[Array | np.ndarray, "b"],
    rule: Rule = PAPER,
) -> Float[Array, "b"]:
    """Return how much of the true class the marked words take, against all else.

        penalty_i = -log(e^gamma / (e^beta + e^gamma)) = log(1 + e^(beta - gamma))

    with `beta` and `gamma` what the marked words and all else contribute to the logit of the true
    class. This is what the code released with the paper computes in its experiments on text
    (`cd_penalty_for_one_decoy_all` in `code/cd.py` of laura-rieger/deep-explanation-penalization),
    there for the recursion of `RELEASED` and without a gradient by the word vectors. It comes ever
    closer to 0 and has no minimum: it is lower the more marked words speak *against* the true
    class, and the more all else speaks for it.

    Args:
        layers: The LSTM, first layer first.
        readout: Output weights.
        x: Word vectors of padded reviews.
        lengths: Number of words of each review.
        inside: Which words are marked.
        labels: The true class of each review.
        rule: Which reading of the method.

    Returns:
        Nats, one a review; 0 where no word is marked.
    """
    score, rest = split_logits(layers, readout, x, lengths, inside, rule)
    true = jnp.expand_dims(jnp.asarray(labels), 1)
    beta, gamma = (jnp.take_along_axis(part, true, axis=1)[:, 0] for part in (score, rest))
    return jnp.where(_has_marks(lengths, inside), jax.nn.softplus(beta - gamma), 0)


def _words(steps, length) -> Bool[Array, "t"]:
    """Return which steps of a padded review are words."""
    return jnp.arange(len(steps)) < length


def _has_marks(lengths, inside) -> Bool[Array, "b"]:
    """Return which reviews have a marked word."""
    return jax.vmap(lambda length, inside: jnp.any(inside & _words(inside, length)))(
        lengths, inside
    )
