from pathlib import Path

import cdjax
from cdjax.text.tokenizer import tokenize

BUNDLED = Path(cdjax.__file__).parent / "bundled"
REVIEWS = (BUNDLED / "reviews.txt").read_text(encoding="utf-8").splitlines()


def test_reviews_are_many_and_different():
    assert len(REVIEWS) >= 60
    assert len(set(REVIEWS)) == len(REVIEWS)
    assert all(review == review.strip() != "" for review in REVIEWS)


def test_reviews_are_short_and_long():
    lengths = sorted(len(tokenize(review)) for review in REVIEWS)
    assert lengths[0] <= 2
    assert sum(length <= 10 for length in lengths) >= 10
    assert sum(length >= 80 for length in lengths) >= 3
    assert 100 <= lengths[-1] <= 150


def test_reviews_are_in_words_the_model_knows():
    vocabulary = cdjax.load().vocabulary
    tokens = [token for review in REVIEWS for token in tokenize(review)]
    unknown = {token for token in tokens if vocabulary.encode([token])[0] == 0}
    share = sum(token in unknown for token in tokens) / len(tokens)
    assert share <= 0.01, sorted(unknown)
