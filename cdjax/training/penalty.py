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

All are functions of arrays for a batch of padded sequences, of any network of cdjax with one vector
of logits a sequence, differentiable by its weights and the word vectors. They return one value a
sequence, as optax's losses do: weigh them, and take their mean.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from cdjax.core.decomposition import split_logits
from cdjax.core.network import Classifier
from cdjax.core.rules import ACD, PAPER, Rule
from cdjax.core.split import Split


def split_batch(
    classifier: Classifier,
    x: Float[Array | np.ndarray, "b t d"],
    lengths: Int[Array | np.ndarray, "b"],
    inside: Bool[Array | np.ndarray, "b t"],
    rule: Rule = PAPER,
) -> Split:
    """Decompose the logits of each sequence of a batch (`cdjax.core.decomposition.split_logits`).

    Args:
        classifier: The network; its embedding is not read.
        x: Word vectors; those at or beyond a sequence's length are ignored, even NaN.
        lengths: Number of words of each sequence, at least 1.
        inside: Which words are marked; any set, contiguous or not.
        rule: Which reading of the method.

    Returns:
        `beta`, the scores of the marked words, and `gamma`, those of all else, in logits, `[B, K]`
        each; `bias`, which belongs to no word, is left out of both.

    Raises:
        TypeError, ValueError: As `split_logits`; where the network has logits at every step.
    """
    if classifier.pool == "each":
        raise ValueError(
            "the network has the pool 'each', logits at every step; a penalty expects one vector "
            "of logits a sequence."
        )

    def split(x, inside, valid):
        return split_logits(classifier, x, inside, rule, valid)

    return jax.vmap(split)(x, inside, _valid(lengths, inside))


def penalize_scores(
    classifier: Classifier,
    x: Float[Array | np.ndarray, "b t d"],
    lengths: Int[Array | np.ndarray, "b"],
    inside: Bool[Array | np.ndarray, "b t"],
    target: Float[Array | np.ndarray, "b k"] | Float[Array, ""] | float = 0.0,
    rule: Rule = PAPER,
) -> Float[Array, "b"]:
    """Return how far the score of each sequence's marked words is from what it should be.

        penalty_i = sum over classes k of |score_ik - target_ik|

    The loss of the paper, where one set of words a sequence is marked. It is 0 just where the
    score is the target.

    Args:
        classifier: The network; its embedding is not read.
        x: Word vectors of padded sequences.
        lengths: Number of words of each sequence.
        inside: Which words are marked.
        target: What they should contribute to each class, in logits; nothing by default.
        rule: Which reading of the method.

    Returns:
        Logits, one sum of distances a sequence; 0 where no word is marked.

    >>> import jax.numpy as jnp
    >>> from cdjax.core.cells import LSTMParams
    >>> layer = LSTMParams(W=jnp.ones((4, 2, 3)), V=jnp.ones((4, 2, 2)), b=jnp.zeros((4, 2)))
    >>> classifier = Classifier(None, (layer,), jnp.ones((2, 2)), jnp.zeros(2))
    >>> x, lengths = jnp.ones((2, 5, 3)), jnp.array([5, 3])
    >>> marked = jnp.zeros((2, 5), bool).at[0, 1].set(True)
    >>> penalty = penalize_scores(classifier, x, lengths, marked)
    >>> [f"{value:.2f}" for value in penalty]
    ['0.34', '0.00']
    """
    score = split_batch(classifier, x, lengths, inside, rule).beta
    distance = jnp.sum(jnp.abs(score - target), axis=1)
    return jnp.where(_has_marks(lengths, inside), distance, 0)


def penalize_influence(
    classifier: Classifier,
    x: Float[Array | np.ndarray, "b t d"],
    lengths: Int[Array | np.ndarray, "b"],
    inside: Bool[Array | np.ndarray, "b t"],
    rule: Rule = ACD,
) -> Float[Array, "b"]:
    """Return how much of each sequence's score is lost where its marked words leave the phrase.

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
        classifier: The network; its embedding is not read.
        x: Word vectors of padded sequences.
        lengths: Number of words of each sequence.
        inside: Which words are marked.
        rule: Which reading of the method.

    Returns:
        Logits, one sum of distances a sequence; 0 where no word is marked.
    """
    brought = split_batch(classifier, x, lengths, ~inside, rule).gamma
    if not rule.whole_input_adds_up:  # if so, all words together leave nothing
        brought -= split_batch(classifier, x, lengths, jnp.ones_like(inside), rule).gamma
    return jnp.where(_has_marks(lengths, inside), jnp.sum(jnp.abs(brought), axis=1), 0)


def penalize_shares(
    classifier: Classifier,
    x: Float[Array | np.ndarray, "b t d"],
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
        classifier: The network; its embedding is not read.
        x: Word vectors of padded sequences.
        lengths: Number of words of each sequence.
        inside: Which words are marked.
        labels: The true class of each sequence.
        rule: Which reading of the method.

    Returns:
        Nats, one a sequence; 0 where no word is marked.
    """
    if len(classifier.readout) < 2:
        raise ValueError("the network has one logit; expected one for each of the labels.")
    parts = split_batch(classifier, x, lengths, inside, rule)
    true = jnp.expand_dims(jnp.asarray(labels), 1)
    beta, gamma = (
        jnp.take_along_axis(part, true, axis=1)[:, 0] for part in (parts.beta, parts.gamma)
    )
    return jnp.where(_has_marks(lengths, inside), jax.nn.softplus(beta - gamma), 0)


def _valid(lengths, inside) -> Bool[Array, "b t"]:
    """Return which steps of padded sequences are words."""
    return jnp.arange(inside.shape[1])[None] < jnp.expand_dims(jnp.asarray(lengths), 1)


def _has_marks(lengths, inside) -> Bool[Array, "b"]:
    """Return which sequences have a marked word."""
    return jnp.any(_valid(lengths, inside) & inside, axis=1)
