"""A BiLSTM made with Keras on real sentences, read by cdjax and explained.

    pip install keras 'cdjax[keras]'
    pip download --no-deps --no-binary :all: vaderSentiment==2.5
    KERAS_BACKEND=jax python -m benchmarks.examples.sentiment vaderSentiment-2.5.tar.gz --out DIR

The source package of vaderSentiment 2.5 holds 10,605 sentences of movie reviews with the mean of
twenty people's ratings of each (Hutto & Gilbert 2014). Keras trains on whether it is above 0; every
tenth sentence is kept for the test. `DIR` then holds `sentiment.keras` and `words.txt`, which the
command printed at the end takes.
"""

import argparse
import io
import tarfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cdjax
import numpy as np

INNER = "additional_resources/hutto_ICWSM_2014.tar.gz"
SENTENCES = "hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt"
LABELS = "negative", "positive"
NEGATIONS = "not", "n't", "never", "no"
PADDING, UNKNOWN = "<pad>", "<unk>"


class Sentence(NamedTuple):
    """A sentence of a review."""

    tokens: list[str]
    positive: bool


def read_sentences(path: str | Path) -> tuple[list[Sentence], list[Sentence]]:
    """Return the sentences for training and for the test.

    Args:
        path: The source package, `vaderSentiment-2.5.tar.gz`.
    """
    with tarfile.open(path) as package:
        inner = next(name for name in package.getnames() if name.endswith(INNER))
        content = package.extractfile(inner)
        assert content is not None
        with tarfile.open(fileobj=io.BytesIO(content.read())) as resources:
            file = resources.extractfile(SENTENCES)
            assert file is not None
            lines = file.read().decode("windows-1252").splitlines()
    sentences = []
    for line in lines:
        _, rating, text = line.split("\t")
        text = text.replace("''", '"')
        sentences.append(Sentence(cdjax.tokenize(text), float(rating) > 0))
    test = sentences[::10]
    return [s for n, s in enumerate(sentences) if n % 10], test


def make_words(sentences: Sequence[Sentence], most: int) -> list[str]:
    """Return the words of the embedding's rows: padding, the unknown word, then the frequent."""
    counts = Counter(token.lower() for s in sentences for token in s.tokens)
    return [PADDING, UNKNOWN, *(word for word, _ in counts.most_common(most))]


def encode(sentences: Sequence[Sentence], words: Sequence[str], steps: int) -> np.ndarray:
    """Return the sentences as rows of the embedding, `[N, steps]`, padded as Keras pads."""
    rows = {word: row for row, word in enumerate(words)}
    ids = np.zeros((len(sentences), steps), np.int32)
    for row, sentence in zip(ids, sentences, strict=True):
        numbers = [rows.get(token.lower(), 1) for token in sentence.tokens][-steps:]
        row[steps - len(numbers) :] = numbers
    return ids


def train(sentences: Sequence[Sentence], words: Sequence[str], width: int, epochs: int) -> Any:
    """Return a model of Keras, trained: two LSTMs of the width, word vectors of twice as much."""
    import keras  # pyright: ignore[reportMissingImports]

    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.layers.Embedding(len(words), 2 * width, mask_zero=True),
            keras.layers.SpatialDropout1D(0.4),
            keras.layers.Bidirectional(keras.layers.LSTM(width)),
            keras.layers.Dropout(0.4),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    ids = encode(sentences, words, 40)
    labels = np.array([s.positive for s in sentences], np.float32)
    model.fit(ids, labels, batch_size=64, epochs=epochs, verbose=0)
    return model


def flip_shares(model: cdjax.Model, sentences: Sequence[Sentence]) -> tuple[int, float, float]:
    """Return how often a negation turns the sign of what follows it, and how often it adds to it.

    Of the pairs of a negation and the clear word after it (0.2 logits or more): how many there are,
    the share of pairs whose score is of the other sign than the word's, and the share of pairs of
    whose interaction that is true.
    """
    assert model.vocabulary is not None
    chosen = [s.tokens for s in sentences if set(map(str.lower, s.tokens)) & set(NEGATIONS)]
    ids = [model.vocabulary.encode(tokens) for tokens in chosen]
    turned, against = [], []
    for tokens, result in zip(
        chosen, cdjax.score_all_spans(model, ids, cdjax.ACD, max_len=2), strict=True
    ):
        score = dict(zip(map(tuple, result.spans.tolist()), result.scores[:, 0], strict=True))
        for t, token in enumerate(tokens[:-1]):
            word = score[t + 1, t + 2]
            if token.lower() in NEGATIONS and abs(word) >= 0.2:
                pair = score[t, t + 2]
                turned.append(pair * word < 0)
                against.append((pair - word - score[t, t + 1]) * word < 0)
    return len(turned), float(np.mean(turned)), float(np.mean(against))


def main(argv: Sequence[str] | None = None) -> dict[str, float]:
    """Train, import, compare and explain; return what was measured."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("package", help="vaderSentiment-2.5.tar.gz")
    parser.add_argument("--out", required=True, help="a folder for the model and its words")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--width", type=int, default=32, help="of each direction")
    parser.add_argument("--words", type=int, default=8_000, help="most words known")
    parser.add_argument("--sentences", type=int, help="train on so many only")
    args = parser.parse_args(argv)
    training, test = read_sentences(args.package)
    training = training[: args.sentences]
    words = make_words(training, args.words)
    folder = Path(args.out)
    folder.mkdir(parents=True, exist_ok=True)
    keras_model = train(training, words, args.width, args.epochs)
    keras_model.save(folder / "sentiment.keras")
    (folder / "words.txt").write_text("\n".join(words) + "\n", encoding="utf-8")

    model = cdjax.from_keras(
        folder / "sentiment.keras", vocabulary=folder / "words.txt", labels=LABELS
    )
    assert isinstance(model, cdjax.Model)
    assert model.vocabulary is not None
    longest = max(len(s.tokens) for s in test)
    theirs = np.asarray(keras_model.predict(encode(test, words, longest), verbose=0))[:, 0]
    logits = cdjax.predict(model, [model.vocabulary.encode(s.tokens) for s in test])[:, 0]
    ours = 1 / (1 + np.exp(-logits))
    positive = np.array([s.positive for s in test])
    pairs, turned, against = flip_shares(model, test)
    measured = {
        "sentences": len(training),
        "accuracy": float(np.mean((ours > 0.5) == positive)),
        "majority": float(max(positive.mean(), 1 - positive.mean())),
        "difference": float(np.max(np.abs(ours - theirs))),
        "pairs": pairs,
        "turned": turned,
        "against": against,
    }
    print(f"{len(training):,} sentences, {len(words):,} words; test on {len(test):,}")
    print(f"accuracy {measured['accuracy']:.1%} (the larger class: {measured['majority']:.1%})")
    print(f"largest difference from Keras's probabilities: {measured['difference']:.1g}")
    print(
        f"of {pairs} pairs of a negation and a clear word, {turned:.0%} have the other sign than "
        f"the word, and of {against:.0%} the interaction speaks against it"
    )
    print(cdjax.explain("It isn't a bad film, but never funny.", model, rule=cdjax.ACD))
    print(
        f"cdjax explain TEXT --model {folder / 'sentiment.keras'} "
        f"--vocabulary {folder / 'words.txt'} --labels negative,positive"
    )
    return measured


if __name__ == "__main__":
    main()
