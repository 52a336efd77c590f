import functools
from collections import Counter

import cdjax
import numpy as np
import pytest
from cdjax.engine.run import shapes_for
from cdjax.phrases import vectors
from cdjax.phrases.vectors import average_vectors, count_phrases, find_phrase
from cdjax.scoring.batch import with_vector_readout
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import reference
from tests.conftest import RULE_CASES, random_classifier

REVIEWS = [[1, 2, 3, 1, 2], [], [0, 1, 2, 0, 3], [4], [3, 1, 2, 3]]


count = functools.partial(count_phrases, unknown=0)


@pytest.fixture
def classifier():
    return random_classifier(np.random.default_rng(0), dtype=np.float32)


def find_occurrences(reviews, max_len):
    """Return the review, start and stop of each occurrence of each phrase of known words."""
    found = {}
    for n, review in enumerate(reviews):
        for start, stop in cdjax.enumerate_spans(len(review), max_len).tolist():
            phrase = tuple(int(word) for word in review[start:stop])
            if all(phrase):
                found.setdefault(phrase, []).append((n, start, stop))
    return found


@settings(max_examples=40)
@given(
    reviews=st.lists(st.lists(st.integers(0, 3), max_size=8), max_size=6),
    max_len=st.integers(1, 5),
    min_count=st.integers(1, 3),
)
def test_phrases_are_those_counted_one_by_one(reviews, max_len, min_count):
    phrases = count(reviews, max_len, min_count)
    found = find_occurrences(reviews, max_len)
    expected = {p: len(spans) for p, spans in found.items() if len(spans) >= min_count}
    texts = [tuple(word for word in row if word >= 0) for row in phrases.words.tolist()]
    assert dict(zip(texts, phrases.counts.tolist(), strict=True)) == expected
    assert len(set(texts)) == len(texts)
    assert [*map(len, texts)] == sorted(map(len, texts))
    first = np.cumsum(phrases.lengths) - phrases.lengths
    indices = {
        (len(p), int(first[n]) + start): texts.index(p)
        for p in expected
        for n, start, _ in found[p]
    }
    for n, row in enumerate(phrases.occurrences):
        assert {t: p for t, p in enumerate(row.tolist()) if p >= 0} == {
            t: p for (length, t), p in indices.items() if length == n + 1
        }
    for number, text in enumerate(texts):
        assert find_phrase(phrases, list(text)) == number
    assert find_phrase(phrases, [9]) is None
    assert find_phrase(phrases, []) is None
    assert find_phrase(phrases, [1] * 6) is None
    assert find_phrase(phrases, [1, 0]) is None  # an unknown word, not the end of the phrase


@pytest.mark.parametrize("rule", RULE_CASES)
def test_means_of_the_recursions_vectors(classifier, rule, monkeypatch):
    monkeypatch.setattr(vectors, "BLOCK_SPANS", 7)  # more than one block
    phrases = count(REVIEWS, max_len=3, min_count=2)
    found = average_vectors(classifier, REVIEWS, phrases, rule)
    assert found.vectors.shape == found.interactions.shape == (len(phrases.words), 5)
    (layer,) = classifier.layers

    def beta(n, start, stop):
        x = classifier.embedding[np.array(REVIEWS[n])].astype(np.float64)
        inside = (start <= np.arange(len(x))) & (np.arange(len(x)) < stop)
        return reference.decompose([layer], x, inside, rule.name).beta[-1]

    where = find_occurrences(REVIEWS, 3)
    assert Counter(len(phrase) for phrase in where if len(where[phrase]) > 1) == {1: 3, 2: 3, 3: 2}
    for phrase, spans in where.items():
        number = find_phrase(found, list(phrase))
        if len(spans) < 2:
            assert number is None
            continue
        assert found.counts[number] == len(spans)
        mean = np.mean([beta(*span) for span in spans], axis=0)
        np.testing.assert_allclose(found.vectors[number], mean, atol=2e-6)
        words = np.mean(
            [
                sum(beta(n, t, t + 1) for t in range(start, stop)) if stop - start > 1 else 0 * mean
                for n, start, stop in spans
            ],
            axis=0,
        )
        np.testing.assert_allclose(found.interactions[number], mean - words, atol=2e-6)


def test_the_mean_score_is_the_vectors_projection(classifier):
    phrases = count(REVIEWS, max_len=2, min_count=3)
    found = average_vectors(classifier, REVIEWS, phrases)
    results = cdjax.score_all_spans(classifier, REVIEWS, max_len=2)
    where = find_occurrences(REVIEWS, 2)
    number = find_phrase(found, [1, 2])
    scores = [
        results[n].scores[results[n].spans.tolist().index([start, stop])]
        for n, start, stop in where[1, 2]
    ]
    assert len(scores) == found.counts[number] == 4
    mean = classifier.readout @ found.vectors[number]
    np.testing.assert_allclose(mean, np.mean(scores, axis=0), atol=2e-6)


def test_vectors_of_stacked_models_and_logits(classifier):
    model = with_vector_readout(classifier)
    (vectors,), (scores,) = (cdjax.score_all_spans(c, [[1, 2, 3]]) for c in (model, classifier))
    np.testing.assert_allclose(vectors.scores @ classifier.readout.T, scores.scores, atol=1e-6)
    logits = classifier.readout @ vectors.logits + classifier.bias
    np.testing.assert_allclose(logits, scores.logits, atol=1e-6)
    assert model.readout.dtype == classifier.readout.dtype


def test_jobs_have_room_for_vectors():
    wide = random_classifier(np.random.default_rng(0), inputs=8, hidden=168, dtype=np.float32)
    scores, vectors = (shapes_for(c)[-1] for c in (wide, with_vector_readout(wide)))
    assert vectors.states < scores.states
    assert vectors.rows < scores.rows


def test_progress_ends_with_all_reviews(classifier):
    calls = []
    phrases = count(REVIEWS, 2, 1)
    average_vectors(classifier, REVIEWS, phrases, progress=calls.append)
    assert calls == [5]


@pytest.mark.parametrize("unknown", [None, 3])
def test_the_unknown_word_may_have_any_number_or_none(unknown):
    words = {0, 1, 2, 3} - {unknown}
    phrases = count_phrases([[1, 3, 0], [1, 3, 0], [2, 0], [2, 0]], 3, 2, unknown=unknown)
    listed = [[word for word in row if word >= 0] for row in phrases.words.tolist()]
    pairs = [[2, 0]] if unknown == 3 else [[1, 3], [2, 0], [3, 0], [1, 3, 0]]
    assert listed == [[word] for word in sorted(words)] + pairs
    assert [find_phrase(phrases, words) for words in listed] == list(range(len(listed)))
    assert find_phrase(phrases, [3]) == (None if unknown == 3 else 3)


def test_a_corpus_without_words(classifier):
    phrases = count([[], []])
    assert average_vectors(classifier, [[], []], phrases).vectors.shape == (0, 5)
    assert count([]).words.shape == (0, 5)


@pytest.mark.usefixtures("as_users")
def test_bad_input_raises(classifier, monkeypatch):
    with pytest.raises(ValueError, match=r"max_len is 0; expected at least 1"):
        count([[1]], max_len=0)
    with pytest.raises(ValueError, match=r"min_count is 0; expected at least 1"):
        count([[1]], min_count=0)
    with pytest.raises(TypeError, match=r"review 1 holds float64; expected integers"):
        count([[1], [0.5]])
    with pytest.raises(ValueError, match=r"review 0 has shape \[1, 1\]"):
        count([[[1]]])
    with pytest.raises(ValueError, match=r"review 0 holds the word number -2; expected at least 0"):
        count([[1, -2]])
    phrases = count(REVIEWS, 3, 1)
    with pytest.raises(ValueError, match=r"the reviews are not those in which the phrases were"):
        average_vectors(classifier, REVIEWS[1:], phrases)
    counts = np.sort(phrases.counts)[::-1]
    monkeypatch.setattr(vectors, "MEMORY", 2 * 4 * 5 * 4)  # of 4 phrases
    enough = counts[4] + 1
    with pytest.raises(ValueError, match=rf"phrases occur .* at most 4, .* min_count of {enough}"):
        average_vectors(classifier, REVIEWS, phrases)
    fewer = count(REVIEWS, 3, int(enough))
    assert 0 < len(average_vectors(classifier, REVIEWS, fewer).vectors) <= 4
