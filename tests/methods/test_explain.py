import cdjax
import numpy as np
import pytest
from cdjax.core.rules import RULES

from tests.conftest import random_classifier

WORDS = ("<unk>", "it", "is", "n't", "a", "bad", "film", ".")
TEXT = "It isn't a bad zzz."
LABELS = {1: ("spam",), 2: ("negative", "positive"), 3: ("one", "two", "three")}


def make_model(classes=2, labels=None, output="softmax"):
    classifier = random_classifier(
        np.random.default_rng(3), words=len(WORDS), classes=classes, dtype=np.float32
    )
    classifier = classifier._replace(readout=6 * classifier.readout)
    return cdjax.Model(
        classifier, cdjax.Vocabulary(WORDS), labels or LABELS[classes], {}, output=output
    )


@pytest.fixture(scope="module")
def model():
    return make_model()


def score(model, ids, rule=cdjax.PAPER):
    (result,) = cdjax.score_all_spans(model.classifier, [ids], rule)
    return result


def test_a_text(model):
    explanation = cdjax.explain(TEXT, model)
    ids = [1, 2, 3, 4, 5, 0, 7]
    expected = score(model, ids)
    np.testing.assert_array_equal(explanation.spans, expected.spans)
    np.testing.assert_array_equal(explanation.scores, expected.scores)
    np.testing.assert_array_equal(explanation.logits, expected.logits)
    np.testing.assert_array_equal(explanation.output_bias, model.classifier.bias)
    np.testing.assert_array_equal(
        explanation.numbers, expected.scores[:, 1] - expected.scores[:, 0]
    )
    assert explanation.tokens == ("It", "is", "n't", "a", "bad", "zzz", ".")
    assert explanation.known.tolist() == [True] * 5 + [False, True]
    assert [TEXT[a:b] for a, b in explanation.offsets] == list(explanation.tokens)
    assert (explanation.method, explanation.rule, explanation.units) == ("cd", "paper", "logits")
    assert explanation["isn't a bad"] == explanation["is n't a bad"] == explanation[1:5]


def test_tokens_and_max_len(model):
    explanation = cdjax.explain(["a", "bad", "film"], model, max_len=2)
    assert explanation.text is None
    assert explanation.offsets is None
    assert len(explanation.spans) == 5
    assert explanation["bad film"] == cdjax.explain(("a", "bad", "film"), model)[1:3]


@pytest.mark.parametrize("method", ["cd", "loo", "gradient"])
def test_the_whole_and_the_sentences_beside_short_phrases(model, method):
    text = "It is a bad film. A film! " * 5
    every = cdjax.explain(text, model, method)
    explanation = cdjax.explain(text, model, method, max_len=2, whole=True)
    spans = explanation.spans.tolist()
    assert spans == sorted(spans)
    assert len(spans) == 45 + 44 + 10 + 1
    assert [0, 45] in spans
    assert {(0, 6), (6, 9), (9, 15)} < set(map(tuple, spans))
    for start, stop in spans:
        assert explanation[start:stop] == pytest.approx(every[start:stop], abs=1e-5)
    short = cdjax.explain("a film", model, method, max_len=1, whole=True)
    assert short.spans.tolist() == [[0, 1], [0, 2], [1, 2]]


@pytest.mark.parametrize("rule", RULES)
def test_rules_by_name_and_by_value(model, rule):
    explanation = cdjax.explain(["a", "bad", "film"], model, rule=rule)
    expected = score(model, [4, 5, 6], RULES[rule])
    np.testing.assert_array_equal(explanation.scores, expected.scores)
    assert explanation.rule == rule
    again = cdjax.explain(["a", "bad", "film"], model, rule=RULES[rule])
    np.testing.assert_array_equal(again.scores, expected.scores)


def test_acd_gives_the_whole_text_all_but_the_output_bias(model):
    explanation = cdjax.explain(TEXT, model, rule="acd")
    np.testing.assert_allclose(explanation.rest(slice(0, 7)), 0, atol=1e-5)


def test_a_series_is_scored_as_its_vectors(model):
    series = np.random.default_rng(0).normal(size=(5, 3))
    explanation = cdjax.explain(series, model, rule=cdjax.ACD)
    spans = cdjax.enumerate_spans(5)
    expected = cdjax.score_spans(model.classifier, series, spans, cdjax.ACD)
    np.testing.assert_allclose(explanation.scores, expected, atol=1e-6)
    assert explanation.tokens is None
    np.testing.assert_array_equal(explanation.series, series)
    assert explanation.words()[4].text == "step 4"
    whole = explanation.scores_of(slice(0, 5)) + explanation.output_bias
    np.testing.assert_allclose(whole, explanation.logits, atol=1e-5)


def test_a_series_keeps_its_names(model, as_users):
    series = np.random.default_rng(0).normal(size=(3, 3))
    names, times = ("a", "b", "c"), np.array(["2024-01", "2024-02", "2024-03"], "datetime64[M]")
    explanation = cdjax.explain(series, model, features=names, times=times, values=[[1, 2, 3]] * 3)
    assert (explanation.features, explanation.step) == (names, None)
    assert explanation.times == ("2024-01", "2024-02", "2024-03")
    np.testing.assert_array_equal(explanation.values, [[1.0, 2.0, 3.0]] * 3)
    assert cdjax.explain(series, model, times=[1, 2, 3]).times == ("1", "2", "3")
    pd = pytest.importorskip("pandas")
    index = pd.date_range("2024-01-31 22:00", periods=3, freq="h")
    frame = pd.DataFrame(series, columns=list(names), index=index)
    of_frame = cdjax.explain(frame, model)
    assert of_frame.features == names
    assert of_frame.phrase_text(0, 3) == "2024-01-31 22:00 to 2024-02-01 00:00"
    np.testing.assert_array_equal(of_frame.scores, explanation.scores)
    numbered = cdjax.explain(frame.reset_index(drop=True), model, features=["xyz"] * 3)
    assert (numbered.features, numbered.times) == (("xyz",) * 3, None)
    for given, message in (
        ({"features": names[:2]}, "features is 2 names; expected 3"),
        ({"features": "abc"}, "features is 'abc'; expected 3 names"),
        ({"times": times[:2]}, "times is 2 names; expected 3"),
        ({"values": series[:2]}, r"values is float64 \[2, 3\]; expected floats \[3, 3\]"),
    ):
        with pytest.raises(ValueError, match=message):
            cdjax.explain(series, model, **given)
    with pytest.raises(ValueError, match="features and times: of a series, and the source is a te"):
        cdjax.explain("a bad film", model, features=names, times=times)


def test_methods(model):
    explanation = cdjax.explain("a bad film", model, "loo", max_len=2)
    loo = cdjax.methods.make_methods()["loo"]
    (expected,) = loo.score(model.classifier, [[4, 5, 6]], max_len=2)
    np.testing.assert_array_equal(explanation.scores, expected.scores)
    assert (explanation.method, explanation.rule) == ("loo", None)
    assert explanation.units == "log probability"
    gradient = cdjax.explain("a bad film", model, "gradient")
    assert gradient.direction == {"negative": 0.0, "positive": 1.0}


def test_models_by_name_and_by_path(model, tmp_path):
    cdjax.save(model, tmp_path / "m")
    expected = cdjax.explain(TEXT, model).scores
    np.testing.assert_array_equal(cdjax.explain(TEXT, tmp_path / "m").scores, expected)
    np.testing.assert_array_equal(cdjax.explain(TEXT, str(tmp_path / "m")).scores, expected)
    with pytest.raises(FileNotFoundError, match="no model at none"):
        cdjax.explain(TEXT, "none")


def test_one_logit_for_two_labels():
    model = make_model(1, LABELS[2], "sigmoid")
    explanation = cdjax.explain(TEXT, model)
    raw = score(model, [1, 2, 3, 4, 5, 0, 7])
    np.testing.assert_array_equal(explanation.scores[:, 1], raw.scores[:, 0])
    np.testing.assert_array_equal(explanation.scores[:, 0], 0)
    np.testing.assert_array_equal(explanation.numbers, raw.scores[:, 0])
    sigmoid = 1 / (1 + np.exp(-float(raw.logits[0])))
    assert explanation.probabilities()["positive"] == pytest.approx(sigmoid)
    assert 0.01 < sigmoid < 0.99
    other = cdjax.explain(TEXT, model, label="negative")
    np.testing.assert_array_equal(other.numbers, -explanation.numbers)


def test_labels_that_do_not_exclude_each_other():
    model = make_model(3, output="sigmoid")
    explanation = cdjax.explain(TEXT, model)
    (logits,) = cdjax.predict(model.classifier, [[1, 2, 3, 4, 5, 0, 7]])
    expected = 1 / (1 + np.exp(-logits.astype(float)))
    np.testing.assert_allclose(list(explanation.probabilities().values()), expected, rtol=1e-6)
    assert sum(expected) != pytest.approx(1, abs=1e-3)
    best = LABELS[3][int(logits.argmax())]
    assert [label for label, w in explanation.direction.items() if w] == [best]


def test_values():
    explanation = cdjax.explain(TEXT, make_model(1, ("stars",), "value"))
    assert explanation.units == "units of the values"
    assert explanation.direction == {"stars": 1.0}
    assert "%" not in repr(explanation)
    with pytest.raises(ValueError, match="no probability"):
        explanation.probabilities()


def test_a_label_of_three():
    model = make_model(3)
    for n, label in enumerate(LABELS[3]):
        explanation = cdjax.explain(TEXT, model, label=label)
        np.testing.assert_array_equal(explanation.numbers, explanation.scores[:, n])


@pytest.mark.parametrize(
    ("source", "options", "error", "message"),
    [
        ("  ", {}, ValueError, "the text is empty"),
        ([], {}, ValueError, "the text is empty"),
        ("a " * 2001, {}, ValueError, r"the text has 2,001 words.*max_len=10"),
        ("a", {"method": "lime"}, ValueError, "no method 'lime'; expected one of cd, gradient"),
        ("a", {"rule": "new"}, ValueError, "no rule 'new'; expected one of paper, acd"),
        ("a", {"method": "loo", "rule": "acd"}, ValueError, "rule acd is a rule of contextual"),
        ("a", {"label": "good"}, ValueError, "no label 'good'; expected one of negative, positive"),
        ([1, 2], {}, TypeError, "expected a text, a list of tokens or a series of floats"),
        (np.zeros((2, 4)), {}, ValueError, r"shape \[2, 4\]; expected \[T, 3\]"),
        (np.zeros((0, 3)), {}, ValueError, "at least one step"),
        (np.full((2, 3), np.nan), {}, ValueError, "step 0 of the series is not finite"),
    ],
)
def test_what_cannot_be_explained(model, source, options, error, message, as_users):
    with pytest.raises(error, match=message):
        cdjax.explain(source, model, **options)


def test_the_output_bias_of_a_head_adds_up(model):
    rng = np.random.default_rng(2)
    W, b, readout = (rng.normal(size=s) for s in ((4, 5), (4,), (2, 4)))
    head = (cdjax.Dense(W, b, "tanh"),)
    deep = model._replace(classifier=model.classifier._replace(head=head, readout=readout))
    explanation = cdjax.explain("a film", deep, rule=cdjax.ACD)
    whole = explanation.scores[explanation.spans.tolist().index([0, 2])]  # all but the bias
    np.testing.assert_allclose(whole + explanation.output_bias, explanation.logits, atol=1e-5)


def test_no_step_of_a_series_becomes_a_word(model):
    series = np.random.default_rng(0).normal(size=(5, 3))
    for method in ("ig", "occlusion", "shapley"):
        with pytest.raises(ValueError, match=r"replaces words .* the network takes series"):
            cdjax.explain(series, model, method)
    without = model._replace(classifier=model.classifier._replace(embedding=None), vocabulary=None)
    explained, expected = (cdjax.explain(series, m, "loo") for m in (without, model))
    np.testing.assert_allclose(explained.scores, expected.scores, atol=1e-6)


def test_what_a_model_does_not_know_is_told():
    with pytest.raises(ValueError, match="the text is in Thai, which puts no spaces between words"):
        cdjax.explain("ภาพยนตร์เรื่องนี้สนุกมาก")
    explanation = cdjax.explain("qwrt zxcv is bad")
    assert "  note        2 of 4 words are unknown to the model (50%)." in repr(explanation)
    assert "warning" not in repr(cdjax.explain("It isn't a bad film, qwrt."))


@pytest.mark.parametrize("both", [False, True])
def test_one_step_of_a_network_with_logits_at_every_step(both):
    rng = np.random.default_rng(0)
    cells = [
        cdjax.GRUParams(*(rng.normal(size=s) for s in ((3, 4, 3), (3, 4, 4), (3, 4))))
        for _ in range(2)
    ]
    cells = [cell._replace(reset_after=False) for cell in cells]
    layer, width = (cdjax.Bidirectional(*cells), 8) if both else (cells[0], 4)
    head = (cdjax.Dense(rng.normal(size=(6, width)), rng.normal(size=6), "tanh"),)
    network = cdjax.Classifier(
        None, (layer,), rng.normal(size=(5, 6)), rng.normal(size=5), "each", head
    )
    model = cdjax.Model(network, None, tuple("abcde"), {}, "softmax")
    x = rng.normal(size=(7, 3))
    explanation = cdjax.explain(x, model, step=-3, label="c")
    expected = cdjax.score_outputs(model, x, explanation.spans, [4])[:, 0]
    np.testing.assert_allclose(explanation.scores, expected, atol=1e-5)
    logits = cdjax.predict_outputs(model, x, [4])[0]
    np.testing.assert_allclose(explanation.logits, logits, atol=1e-5)
    assert explanation[5:7] != 0 if both else explanation[5:7] == 0
    if not both:
        last = model._replace(classifier=network._replace(pool="last"))
        other = cdjax.explain(x[:5], last, label="c")
        assert explanation[1:4] == pytest.approx(other[1:4], abs=1e-5)
        np.testing.assert_allclose(explanation.output_bias, other.output_bias)
    for arguments, message in [
        ({}, "has logits at every step, and step is not given; give step=N, .* 0 to 6"),
        ({"step": 7}, "step is 7; give step=N"),
        ({"step": 1, "method": "alone"}, "no step stands for the one"),
        *(
            [({"step": 1, "method": "gradient"}, "the method 'gradient' is not defined for a net")]
            if both
            else []
        ),
    ]:
        with pytest.raises(ValueError, match=message):
            cdjax.explain(x, model, **arguments)
