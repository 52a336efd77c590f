"""Small networks trained on the languages."""

import itertools
import time
from collections.abc import Callable
from pathlib import Path

import cdjax.model
import jax
import jax.numpy as jnp
import numpy as np
from cdjax.core.network import Classifier, forward
from cdjax.model import MODEL_FILE, Model, find_vocabulary
from cdjax.scoring.batch import predict
from cdjax.text.vocabulary import Vocabulary
from cdjax.training.batches import Examples
from cdjax.training.loop import train
from cdjax.training.provenance import describe_run
from cdjax.training.step import Options
from cdjax.training.treebank import SENTIMENTS
from jaxtyping import Array, Bool, Float, Int

from benchmarks.paper.planted.languages import LANGUAGES, LONGEST, Language

CELLS = ("lstm", "gru")
WIDTH = 16  # of the word vectors
TEXTS = 160_000  # to train on, each seen once
HELD_OUT = 2_000  # to state the error on
OPTIONS = Options(
    hidden=64,
    epochs=1,
    batch_size=64,
    learning_rate=1e-2,
    embedding_rate=1.0,
    embedding_dropout=0.0,
    hidden_dropout=0.0,
    average=0.99,
    evaluations=1,
)
"""One epoch with one evaluation at its end: the last weights are kept, nothing is chosen."""
TRAINING_SEED, HELD_OUT_SEED = 0, 1
NETWORKS = {
    f"{language.name}-{cell}": (language, cell)
    for language, cell in itertools.product(LANGUAGES.values(), CELLS)
}
"""The language and the kind of cell of each network by its name."""


def load_planted(
    name: str,
    folder: Path,
    log: Callable[[str], None] = print,
    options: Options = OPTIONS,
    texts: int = TEXTS,
) -> Model:
    """Return one of `NETWORKS`, trained where the folder does not have it.

    Args:
        name: Of the network.
        folder: Of the trained models, a folder each.
        log: Called with a line for a model that is trained.
        options: How to train.
        texts: Number of texts to train on.
    """
    path = folder / name
    if not (path / MODEL_FILE).is_file():
        language, cell = NETWORKS[name]
        start = time.perf_counter()
        model = train_planted(language, options._replace(cell=cell), texts)
        folder.mkdir(parents=True, exist_ok=True)
        cdjax.model.save(model, path)
        error = model.provenance["held_out"]["error"]
        took = time.perf_counter() - start
        log(f"  trained {name}: error {error:.3f} on texts drawn anew, {took:.0f} s")
    return cdjax.model.load(path)


def train_planted(language: Language, options: Options = OPTIONS, texts: int = TEXTS) -> Model:
    """Return a network whose positive logit less the negative one is the value of a text."""
    examples, _ = draw_examples(language, texts, TRAINING_SEED)
    held_out, values = draw_examples(language, HELD_OUT, HELD_OUT_SEED)
    vocabulary = Vocabulary(language.words)
    shape = len(vocabulary), WIDTH
    embedding = np.random.default_rng(options.seed).normal(size=shape).astype(np.float32)
    classifier = train(embedding, examples, held_out, options).classifier
    model = Model(classifier, vocabulary, SENTIMENTS, {})
    logits = np.asarray(predict(classifier, held_out.sequences), np.float64)
    error = float(np.sqrt(np.mean((logits[:, 1] - logits[:, 0] - values) ** 2)))
    provenance = {
        "task": f"the value of texts of the language {language.name!r}",
        "language": language.name,
        "data": {"texts": texts, "longest": LONGEST},
        "held_out": {"texts": HELD_OUT, "error": error, "deviation": float(values.std())},
        "options": options._asdict(),
        **describe_run(["python", "-m", "benchmarks.paper"]),
    }
    return model._replace(provenance=provenance)


def draw_examples(language: Language, count: int, seed: int) -> tuple[Examples, np.ndarray]:
    """Return random texts of 1 to `LONGEST` words as examples, and their values.

    The probability of "positive" to learn is the sigmoid of the value: of two logits with the least
    loss, the difference is the value.
    """
    rng = np.random.default_rng([seed, count])
    sequences, values = [], []
    for length in range(1, LONGEST + 1):
        texts = language.draw(count // LONGEST, length, rng).astype(np.int32)
        sequences += list(texts)
        values.append(language.values(texts, np.ones(texts.shape, bool)))
    value = np.concatenate(values)
    positive = (1 / (1 + np.exp(-value))).astype(np.float32)
    targets = np.stack([1 - positive, positive], axis=1)
    return Examples(sequences, (value > 0).astype(np.int32), targets), value


def language_of(model: Model) -> Language:
    """Return the language that a model was trained on.

    Raises:
        ValueError: Where it was not trained on one, or on one with other words.
    """
    name = model.provenance.get("language")
    language = LANGUAGES.get(str(name))
    if language is None or find_vocabulary(model).words != language.words:
        raise ValueError(
            f"the model's language is {name!r}; expected one of {', '.join(LANGUAGES)}, with its "
            f"words."
        )
    return language


def masked_values(
    model: Model, length: int
) -> Callable[[Int[np.ndarray, "n t"], Bool[np.ndarray, "n t"]], Float[np.ndarray, "n"]]:
    """Return a function like `Language.values`, of the network: positive less negative logit.

    Args:
        model: The network.
        length: Of the longest text. All are filled up to it, so that one program serves all.
    """
    classifier = jax.tree.map(jnp.asarray, model.classifier)

    def values(texts: np.ndarray, kept: np.ndarray) -> Float[np.ndarray, "n"]:
        count, words = texts.shape
        shape = 2**length, length
        ids, mask = np.zeros(shape, np.int32), np.zeros(shape, bool)
        ids[:count, :words], mask[:count, :words] = texts, kept
        logits = np.asarray(_masked_logits(classifier, ids, mask), np.float64)[:count]
        return logits[:, 1] - logits[:, 0]

    return values


@jax.jit
def _masked_logits(
    classifier: Classifier, ids: Int[Array, "n t"], kept: Bool[Array, "n t"]
) -> Float[Array, "n k"]:
    network = classifier._replace(embedding=None)
    return jax.vmap(lambda x, valid: forward(network, x, valid))(classifier.embedding[ids], kept)
