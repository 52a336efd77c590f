"""The right scores of phrases, on texts whose answer is worked out by hand."""

import itertools
import math

import cdjax
import jax
import numpy as np
import pytest
from benchmarks.paper.planted.languages import LANGUAGES, LONGEST
from benchmarks.paper.planted.measure import (
    compare,
    draw_texts,
    measure,
    pearson_by_text,
)
from benchmarks.paper.planted.networks import (
    OPTIONS,
    draw_examples,
    language_of,
    load_planted,
    masked_values,
)
from benchmarks.paper.planted.truth import cuts, interactions, right_scores
from benchmarks.paper.planted_rules import average_networks
from cdjax.core.rules import ACD, PAPER
from cdjax.spans import enumerate_spans

from tests.conftest import random_classifier


@pytest.fixture(autouse=True)
def standard_promotion():
    """Optax's Adam raises a Python float to an int32 array, which strict promotion refuses."""
    with jax.numpy_dtype_promotion("standard"):
        yield


@pytest.mark.parametrize(
    ("language", "text", "value"),
    [
        ("negation", "", 0),
        ("negation", "good so great", 1.5),
        ("negation", "not . so good great", 0.5),  # the next opinion alone
        ("negation", "not so not bad", -0.5),
        ("negation", "bad not", -0.5),
        ("intensifier", "very <unk> good good", 1.5),
        ("intensifier", "very very awful", -2),
        ("intensifier", "good very", 0.5),
        ("reset", "great but bad so bad", -1),
        ("reset", "great but", 0),
        ("parity", "", -1.5),
        ("parity", "flip so .", 1.5),
        ("parity", "flip so flip", -1.5),
    ],
)
def test_values_are_those_of_the_grammar(language, text, value):
    assert LANGUAGES[language].value(text) == value


@pytest.mark.parametrize("language", LANGUAGES.values(), ids=lambda language: language.name)
def test_to_remove_a_word_is_to_put_a_neutral_one(language):
    rng = np.random.default_rng(0)
    texts = language.draw(50, 7, rng)
    assert sum(language.shares) == pytest.approx(1)
    kept = rng.random(texts.shape) < 0.5
    values = language.values(texts, kept)
    for text, keeps, value in zip(texts, kept, values, strict=True):
        words = [language.words[n] for n in text]
        removed = [word for word, keep in zip(words, keeps, strict=True) if keep]
        replaced = [word if keep else "so" for word, keep in zip(words, keeps, strict=True)]
        assert language.value(" ".join(removed)) == language.value(" ".join(replaced)) == value


def right(language, text):
    words = LANGUAGES[language].words
    ids = np.array([words.index(word) for word in text.split()])
    scores = right_scores(LANGUAGES[language].values, ids)
    spans = [" ".join(text.split()[a:b]) for a, b in enumerate_spans(len(ids))]
    return {name: dict(zip(spans, of, strict=True)) for name, of in scores.items()}


def test_right_scores_of_a_negation():
    scores = right("negation", "not good")
    assert scores["alone"] == {"not": 0, "not good": -0.5, "good": 0.5}
    # Added first, "good" brings 0.5, and -0.5 after "not", which brings 0 first and -1 after it.
    assert scores["shapley"] == {"not": -0.5, "not good": -0.5, "good": 0}


def test_right_scores_of_parity():
    scores = right("parity", "flip flip flip")
    assert scores["alone"] == {"flip": 3, "flip flip": 0, "flip flip flip": 3}
    # Three equal players share 3; of two players, one of two flips and one of one, the former
    # brings 0 first and 0 after the latter.
    assert scores["shapley"] == pytest.approx({"flip": 1, "flip flip": 0, "flip flip flip": 3})


def test_shapley_values_are_means_over_orders():
    language, text = LANGUAGES["intensifier"], np.array([7, 3, 4, 7, 6])
    scores = right_scores(language.values, text)["shapley"]
    spans = enumerate_spans(len(text)).tolist()
    for (start, stop), score in zip(spans, scores, strict=True):
        players = [[n] for n in range(5) if not start <= n < stop]
        phrase, brought = list(range(start, stop)), []
        for order in itertools.permutations([phrase, *players]):
            before = [*itertools.chain(*order[: order.index(phrase)])]
            kept = np.zeros((2, 5), bool)
            kept[:, before], kept[1, phrase] = True, True
            without, with_it = language.values(np.tile(text, (2, 1)), kept)
            brought.append(with_it - without)
        assert len(brought) == math.factorial(6 - (stop - start))
        assert score == pytest.approx(np.mean(brought))


def test_interactions_are_what_the_parts_do_not_add_up_to():
    assert cuts(3).tolist() == [[1, 0, 3], [2, 0, 4], [2, 1, 5], [4, 3, 5]]
    # Spans 0-1, 0-2, 0-3, 1-2, 1-3, 2-3.
    scores = np.array([1.0, 4.0, 9.0, 2.0, 5.0, 0.5])
    assert interactions(scores, 3).tolist() == [1, 3, 4.5, 2.5]


TEXTS = [np.array([7, 3, 5, 4]), np.array([3, 7, 5]), np.array([4, 7, 7, 3, 6])]


def right_of(texts=TEXTS):
    of = [right_scores(LANGUAGES["negation"].values, text) for text in texts]
    return {truth: [scores[truth] for scores in of] for truth in ("alone", "shapley")}


def rows_of(rows, after="all"):
    return {row["truth"]: row for row in rows if row["after"] == after}


def test_right_scores_agree_entirely_with_themselves():
    for row in compare(TEXTS, right_of(), right_of()):
        assert row["pearson"] == pytest.approx(1)
        assert row["error"] == pytest.approx(0)


def test_agreement_is_that_of_a_table_of_scores():
    right = right_of()
    half = {truth: [0.5 * of for of in scores] for truth, scores in right.items()}
    rows = rows_of(compare(TEXTS, right, half))
    assert [row["pearson"] for row in rows.values()] == pytest.approx([1, 1, 1])
    assert [row["error"] for row in rows.values()] == pytest.approx([0.5, 0.5, 0.5])
    alone = dict.fromkeys(right, right["alone"])
    rows = rows_of(compare(TEXTS, right, alone, in_logits=False))
    x, y = (np.concatenate(right[truth]) for truth in ("alone", "shapley"))
    assert rows["alone"]["pearson"] == pytest.approx(1)
    assert rows["shapley"]["pearson"] == pytest.approx(np.corrcoef(x, y)[0, 1])
    assert rows["shapley"]["error"] is None
    assert rows["alone"]["phrases"] == 10 + 6 + 15
    assert rows["interaction"]["phrases"] == 10 + 4 + 20
    at_end = rows_of(compare(TEXTS, right, alone), "0")["shapley"]
    ends = [enumerate_spans(len(text))[:, 1] == len(text) for text in TEXTS]
    x, y = (np.concatenate([s[k] for s, k in zip(of, ends, strict=True)]) for of in right.values())
    assert at_end["phrases"] == 4 + 3 + 5
    assert at_end["pearson"] == pytest.approx(np.corrcoef(x, y)[0, 1])


def test_sums_of_words_have_no_interactions():
    # In float32, so that what is left of them is rounding.
    words = [np.random.default_rng(len(text)).normal(size=len(text)) for text in TEXTS]
    sums = [
        np.array([of[a:b].sum() for a, b in enumerate_spans(len(of))], np.float32) for of in words
    ]
    rows = rows_of(compare(TEXTS, right_of(), dict.fromkeys(("alone", "shapley"), sums)))
    assert rows["interaction"]["pearson"] == 0
    assert rows["alone"]["pearson"] != 0


def test_intervals_are_over_texts():
    rng = np.random.default_rng(0)
    y = rng.normal(size=400)
    x = y + rng.normal(size=400)
    alone = pearson_by_text(x, y, np.arange(400))
    assert alone.value == pytest.approx(np.corrcoef(x, y)[0, 1])
    assert alone.low < 2**-0.5 < alone.high
    assert alone.high - alone.low < 0.15
    # Of texts said ten times over, no more is known than of each once.
    tenfold = pearson_by_text(np.repeat(x, 10), np.repeat(y, 10), np.repeat(np.arange(400), 10))
    assert tenfold[:3] == pytest.approx(alone[:3])


def test_the_interval_of_a_mean_over_networks_is_that_of_its_resamples():
    resamples = np.random.default_rng(0).random((2, 2, 50))  # of networks, by readings
    rows = [
        {"method": "cd", "rule": "even", "model": name, "truth": truth, "after": "all"}
        | {"pearson": of.mean(), "pearson_low": None, "pearson_high": None}
        | {"resampled": [None, *of.tolist()]}  # one of them is not defined
        for name, of_network in zip("ab", resamples, strict=True)
        for truth, of in zip(("alone", "shapley"), of_network, strict=True)
    ]
    (figure,) = average_networks([*rows, {**rows[0], "after": "0", "pearson": 9.0}])
    low, high = np.quantile(resamples.mean(axis=(0, 1)), [0.025, 0.975])
    assert figure["agreement"] == pytest.approx(resamples.mean())
    assert [figure["agreement_low"], figure["agreement_high"]] == pytest.approx([low, high])
    assert figure["networks"] == pytest.approx({"a": resamples[0].mean(), "b": resamples[1].mean()})


def test_a_network_that_is_played_like_a_language():
    rng = np.random.default_rng(0)
    classifier = random_classifier(rng, words=8, dtype=np.float32)
    model = cdjax.Model(classifier, cdjax.Vocabulary(LANGUAGES["reset"].words), ("a", "b"), {})
    text = np.array([3, 7, 5])
    kept = np.array([[True, False, True], [False, False, False], [True, True, True]])
    logits = cdjax.predict(classifier, [np.array([3, 5]), np.array([], int), text])
    np.testing.assert_allclose(
        masked_values(model, 4)(np.tile(text, (3, 1)), kept),
        logits[:, 1] - logits[:, 0],
        rtol=1e-5,
        atol=1e-6,
    )


def test_examples_have_the_odds_of_their_value():
    examples, values = draw_examples(LANGUAGES["parity"], 60, seed=0)
    assert examples.targets is not None
    odds = np.log(examples.targets[:, 1] / examples.targets[:, 0])
    np.testing.assert_allclose(odds, values, rtol=1e-5)
    assert {len(sequence) for sequence in examples.sequences} == set(range(1, LONGEST + 1))


def test_models_of_no_language_are_refused():
    classifier = random_classifier(np.random.default_rng(0), words=8, dtype=np.float32)
    model = cdjax.Model(classifier, cdjax.Vocabulary(LANGUAGES["reset"].words), ("a", "b"), {})
    with pytest.raises(ValueError, match="the model's language is None; expected one of negation"):
        language_of(model)
    with pytest.raises(ValueError, match="with its words"):
        language_of(model._replace(provenance={"language": "parity"}))


@pytest.mark.slow
def test_from_training_to_the_figure_of_each_method(tmp_path):
    lines, names = [], ["reset-lstm", "reset-gru"]
    given = tmp_path, lines.append, OPTIONS._replace(hidden=8), 20_000
    models = {name: load_planted(name, *given) for name in names}
    assert [line.partition(":")[0].strip() for line in lines] == [f"trained {n}" for n in names]
    errors = [model.provenance["held_out"]["error"] for model in models.values()]
    assert max(errors) < 0.3
    rows = measure(models, [PAPER, ACD], ["cd", "alone", "cell", "ig"], count=10)
    figures = {(row["method"], row["rule"]): row for row in average_networks(rows)}
    networks = {key: len(row["networks"]) for key, row in figures.items()}
    assert networks == {
        ("network", None): 2,
        ("cd", "paper"): 2,
        ("cd", "acd"): 2,
        ("alone", None): 2,
        ("cell", None): 1,  # for LSTMs alone
        ("ig", None): 2,
    }
    assert figures["network", None]["agreement"] > 0.98
    alone = {
        truth: [r["pearson"] for r in rows if (r["method"], r["truth"]) == ("alone", truth)]
        for truth in ("alone", "shapley")
    }
    assert np.mean(alone["alone"]) > 0.98
    assert np.mean(alone["shapley"]) < 0.95
    for row in rows:
        assert (row["error"] is None) == (row["method"] == "ig")
        assert -1 <= row["pearson_low"] <= row["pearson"] <= row["pearson_high"] <= 1
    # What is trained is not trained again.
    load_planted(names[0], *given)
    assert len(lines) == 2
    assert len(draw_texts(LANGUAGES["reset"], 10)) == 10
