import dataclasses
import json
import sys
import types

import cdjax
import numpy as np
import pytest
from cdjax.results import Explanation, PhraseError
from cdjax.results.notices import describe_unknown

TEXT = "It isn't bad: isn't a bad film"

LABELS = ("negative", "positive")


def make(max_len=None, **changes):
    """An explanation with the score `start + stop / 16` for the second of two labels."""
    from cdjax.text.tokenizer import tokenize_with_offsets

    tokens, offsets = tokenize_with_offsets(TEXT)
    spans = cdjax.enumerate_spans(len(tokens), max_len)
    second = spans[:, 0] + spans[:, 1] / 16
    fields = {
        "spans": spans,
        "scores": np.stack([np.full(len(spans), 0.5), second], axis=1).astype(np.float32),
        "logits": np.array([0.25, 2.0], np.float32),
        "output_bias": np.array([-0.125, 0.375], np.float32),
        "labels": LABELS,
        "direction": {"negative": -1.0, "positive": 1.0},
        "rule": "paper",
        "text": TEXT,
        "tokens": tuple(tokens),
        "offsets": offsets,
        "known": np.array([token != "film" for token in tokens]),
    }
    return Explanation(**(fields | changes))


def make_series(steps=4, **fields):
    spans = cdjax.enumerate_spans(steps)
    return Explanation(
        spans=spans,
        scores=np.linspace(-1, 1, len(spans))[:, None],
        logits=np.array([3.5]),
        output_bias=np.array([0.5]),
        labels=("price",),
        direction={"price": 1.0},
        output="value",
        series=np.arange(3.0 * steps).reshape(steps, 3) / 7,
        **fields,
    )


def make_named(steps=6):
    """Of hours that go on at midnight, and of features whose names are others' text."""
    hours = [f"2024-02-01 {hour:02d}:00:00" for hour in range(steps - 2)]
    return make_series(
        steps,
        features=("load", "<b>temp</b>", "a\x1b[2J"),
        times=("2024-01-31 22:00:00", "2024-01-31 23:00:00", *hours),
        values=np.arange(3 * steps, dtype=np.float32).reshape(steps, 3),
        step=3,
    )


@pytest.fixture(scope="module")
def explanation():
    return make()


def test_phrases_by_words_and_by_steps(explanation):
    assert len(explanation) == 10

    def score(start, stop):
        return start + stop / 16 - 0.5

    for key, start, stop in (
        (4, 4, 5),
        (-1, 9, 10),
        (slice(2, 5), 2, 5),
        (slice(None, -7), 0, 3),
        ((7, 10), 7, 10),
        ("It", 0, 1),
        ("n't bad", 2, 4),  # tokens
        ("isn't bad", 1, 4),  # as in the text
        ("isn't bad:", 1, 5),
        ("a bad film", 7, 10),
        ("A  Bad", 7, 9),
        (": isn't a", 4, 8),
    ):
        assert explanation[key] == score(start, stop), key
        assert explanation.span(key) == (start, stop)
    assert explanation[3:3] == 0
    assert [explanation[t] for t in range(10)] == list(explanation)  # ends by IndexError


def test_a_phrase_as_in_the_text_begins_and_ends_with_tokens(explanation):
    with pytest.raises(PhraseError, match='no phrase "sn\'t a"'):
        explanation["sn't a"]


def test_what_was_not_found_says_how_to_ask(explanation):
    with pytest.raises(KeyError) as error:
        explanation["not bad"]
    message = str(error.value)
    assert message.startswith("there is no phrase 'not bad' in these 10 tokens: It is n't bad : is")
    assert "explanation[start:stop]" in message
    with pytest.raises(PhraseError, match=r"'bad' occurs 2 times, at \[3:4\], \[8:9\]; ask"):
        explanation["bad"]
    assert explanation.find("isn't") == [(1, 3), (5, 7)]
    assert explanation.find("it") == [(0, 1)]
    assert explanation.find(" ") == explanation.find("films") == []
    for key, message in (
        (10, "no step 10; expected -10 to 9"),
        (slice(2, 11), "2:11 is no span of 10 steps"),
        (slice(5, 2), "5:2 is no span"),
        (slice(0, 4, 2), "contiguous"),
    ):
        with pytest.raises(IndexError, match=message):
            explanation[key]
    with pytest.raises(PhraseError, match=r"a series has no words.*explanation\[start:stop\]"):
        make_series()["not bad"]


def test_spans_that_were_not_scored():
    explanation = make(max_len=2)
    assert explanation["a bad"] == 7 + 9 / 16 - 0.5
    with pytest.raises(PhraseError, match=r"span 7:10 \('a bad film'\) was not scored.*max_len=3"):
        explanation["a bad film"]
    with pytest.raises(ValueError, match=r"36 of the 55 spans were not scored.*max_len=None"):
        explanation.tree()


def test_phrase_rest_and_output_bias_are_the_logits(explanation):
    for key in ("a bad film", slice(0, 10), slice(2, 2)):
        parts = explanation.scores_of(key), explanation.rest(key), explanation.output_bias
        np.testing.assert_allclose(sum(parts), explanation.logits, atol=1e-6)
    np.testing.assert_array_equal(explanation.scores_of("a bad film"), np.float32([0.5, 7.625]))
    assert explanation.rest("a bad film")[1] == 2.0 - 0.375 - 7.625
    with pytest.raises(ValueError, match="the method 'loo' are no parts of the logits"):
        make(method="loo", rule=None).rest("a bad film")


def test_words_and_strongest(explanation):
    words = explanation.words()
    assert [word.text for word in words] == list(explanation.tokens)
    assert [word.score for word in words] == [t + (t + 1) / 16 - 0.5 for t in range(10)]
    best, *_ = explanation.strongest(3)
    assert (best.start, best.stop, best.text) == (9, 10, "film")
    assert best.score == explanation["film"]
    long = explanation.strongest(2, shortest=3)
    assert long[0] == (7, 10, "a bad film", 7 + 10 / 16 - 0.5)
    low = explanation.strongest(5, sign=-1)
    assert low[0] == (0, 1, "It", 1 / 16 - 0.5)
    assert max(phrase.score for phrase in low) < 0


def test_interactions_are_the_score_less_the_words(explanation):
    found = explanation.interactions()
    assert len(found) == 45
    sizes = [abs(i.interaction) for i in found]
    assert sizes == sorted(sizes, reverse=True)
    for i in found:
        words = sum(explanation[t] for t in range(i.start, i.stop))
        assert i.interaction == pytest.approx(i.score - words, abs=1e-5)
        assert i.score == explanation[i.start : i.stop]


def test_tree_joins_along_the_direction(explanation):
    tree = explanation.tree()
    assert len(tree.groups) == 19
    root = tree.groups[tree.roots[0]]
    assert (root.start, root.stop) == (0, 10)
    assert float(root.scores @ tree.direction) == explanation[:]


def test_probabilities():
    odds = np.exp(2.0 - 0.25)
    probabilities = make().probabilities()
    assert list(probabilities) == list(LABELS)
    assert probabilities["positive"] == pytest.approx(odds / (1 + odds))
    independent = make(output="sigmoid").probabilities()
    assert independent["positive"] == pytest.approx(1 / (1 + np.exp(-2.0)))
    assert sum(independent.values()) > 1.4
    with pytest.raises(ValueError, match="no probability"):
        make_series().probabilities()


def test_direction_is_what_is_read():
    explanation = make(direction={"negative": 0.0, "positive": -0.5})
    assert explanation["film"] == -0.5 * (9 + 10 / 16)
    assert explanation.strongest(1)[0].score == explanation["film"]


def test_arrow_and_pandas(explanation, monkeypatch):
    table = explanation.to_arrow()
    columns = ["start", "stop", "text", "score_negative", "score_positive", "score"]
    assert table.column_names == columns
    assert len(table) == 55
    row = table.slice(1, 1).to_pylist()[0]
    assert (row["start"], row["stop"], row["text"]) == (0, 2, "It is")
    assert row["score"] == explanation["It is"] == row["score_positive"] - row["score_negative"]
    pandas = types.ModuleType("pandas")
    pandas.DataFrame = dict
    monkeypatch.setitem(sys.modules, "pandas", pandas)
    frame = explanation.to_pandas()
    assert list(frame) == columns
    np.testing.assert_array_equal(frame["score"], explanation.numbers)
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="pip install pandas"):
        explanation.to_pandas()


@pytest.mark.parametrize(
    "make_one",
    [
        make,
        make_series,
        lambda: make_named(),
        lambda: make(known=None, rule=None),
        lambda: make(max_len=1),
    ],
)
def test_saved_and_loaded(make_one, tmp_path):
    saved = make_one()
    saved.save(tmp_path / "e.json")
    loaded = Explanation.load(tmp_path / "e.json")
    for name, value in vars(saved).items():
        other = getattr(loaded, name)
        if isinstance(value, np.ndarray):
            assert other.dtype == value.dtype
            np.testing.assert_array_equal(other, value)
        else:
            assert other == value, name
    assert repr(loaded) == repr(saved)
    assert [p.name for p in tmp_path.iterdir()] == ["e.json"]


def test_every_bit_is_kept(tmp_path):
    rng = np.random.default_rng(0)
    for dtype in (np.float32, np.float64):
        scores = rng.normal(size=(55, 2)).astype(dtype) * dtype(1e-20)
        scores[3, 0] = np.nan
        scores[4, 1] = np.nextafter(dtype(0), dtype(1))  # subnormal
        scores[5, 1] = -0.0
        make(scores=scores).save(tmp_path / "e.json", overwrite=True)
        loaded = Explanation.load(tmp_path / "e.json").scores
        kept = ~np.isnan(scores)
        assert loaded[kept].tobytes() == scores[kept].tobytes()
        assert np.isnan(loaded[~kept]).all()
    with pytest.raises(ValueError, match="scores holds an infinite number"):
        make(scores=np.full((55, 2), np.inf)).save(tmp_path / "new.json")
    with pytest.raises(FileExistsError, match=r"e\.json exists; give another path or overwrite=T"):
        make().save(tmp_path / "e.json")
    assert [p.name for p in tmp_path.iterdir()] == ["e.json"]


def damage(**changes):
    return lambda content: json.dumps(content | changes)


DAMAGE = {
    "no json": (lambda content: '{"format"', "is not JSON"),
    "a list": (lambda content: "[]", "is no explanation; expected .* Explanation.save"),
    "another format": (damage(format="cdjax-model"), "is no explanation"),
    "another version": (damage(version=1), "is an explanation of version 1; this cdjax reads ver"),
    "more fields": (damage(code="x"), "is damaged: it has the fields"),
    "no array": (damage(logits=[1.0]), "is damaged: an array cannot be read"),
    "an object": (
        damage(logits={"dtype": "object", "shape": [2], "values": [1, 2]}),
        "dtype 'object'; expected one of bool",
    ),
    "a text in it": (
        damage(logits={"dtype": "float32", "shape": [2], "values": [1, "2"]}),
        "'2' among values of float32",
    ),
    "a float among spans": (
        damage(offsets={"dtype": "int32", "shape": [1, 2], "values": [1, 2.5]}),
        "2.5 among values of int32",
    ),
    "another shape": (
        damage(logits={"dtype": "float32", "shape": [3], "values": [1, 2, 3]}),
        r"logits is float32 \[3\]; expected floats \[2\]",
    ),
    "another length": (
        damage(logits={"dtype": "float32", "shape": [2], "values": [1]}),
        "is damaged: an array cannot be read",
    ),
    "labels": (damage(labels=["a", "a"]), r"labels is \('a', 'a'\); expected .* none twice"),
    "direction": (damage(direction={"a": 1.0}), "direction has the labels .*; expected"),
    "output": (damage(output="logits"), "output is 'logits'; expected one of softmax"),
    "no tokens": (damage(tokens=None), "expected either tokens or a series"),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_damaged_files(case, tmp_path, as_users):
    change, message = DAMAGE[case]
    path = tmp_path / "e.json"
    make().save(path)
    path.write_text(change(json.loads(path.read_text())))
    with pytest.raises(ValueError, match=message) as error:
        Explanation.load(path)
    assert str(path) in str(error.value)
    assert "damaged: damaged" not in str(error.value)


def test_no_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        Explanation.load(tmp_path / "none.json")


def test_parts_that_do_not_fit(as_users):
    for changes, message in (
        ({"spans": np.array([[0, 11]] * 55)}, "spans holds one that is not within the 10 steps"),
        ({"scores": np.zeros((54, 2))}, r"scores is float64 \[54, 2\]; expected floats \[55, 2\]"),
        ({"known": np.zeros(10)}, r"known is float64 \[10\]; expected booleans"),
        ({"text": None}, "expected both a text and the offsets"),
        ({"series": np.zeros((10, 2))}, "expected either tokens or a series"),
        ({"times": ("now",) * 10}, "times are of a series, and the explanation is of a text"),
        ({"step": 10}, "step is 10; expected one of the 10 steps"),
    ):
        with pytest.raises(ValueError, match=message):
            make(**changes)
    for changes, message in (
        ({"features": ("a", "b")}, "features is 2 names; expected 3"),
        ({"features": "abc"}, "features is 'abc'; expected a tuple of texts"),
        ({"times": (1, 2, 3, 4)}, r"times is \(1, 2, 3, 4\); expected a tuple of texts"),
        ({"values": np.zeros((4, 2))}, r"values is float64 \[4, 2\]; expected floats \[4, 3\]"),
        ({"step": True}, "step is True; expected one of the 4 steps"),
    ):
        with pytest.raises(ValueError, match=message):
            make_series(**changes)


def test_a_series_by_the_names_of_its_features_and_steps():
    explanation = make_named()
    assert explanation.phrase_text(0, 2) == "2024-01-31 22:00 to 23:00"
    assert explanation.phrase_text(1, 3) == "2024-01-31 23:00 to 2024-02-01 00:00"
    assert explanation.words()[5].text == "2024-02-01 03:00"
    texts = explanation.to_arrow()["text"].to_pylist()
    assert texts == [explanation.phrase_text(*span) for span in explanation.spans.tolist()]
    lines = repr(explanation).splitlines()
    assert lines[1].split(maxsplit=1) == [
        "input",
        "6 steps of load, <b>temp</b>, a\\x1b[2J, 2024-01-31 22:00 to 2024-02-01 03:00",
    ]
    assert lines[2].split(maxsplit=1) == ["output", "at step 3: 2024-02-01 01:00"]
    assert "2024-02-01 03:00 +1.0" in repr(explanation)
    seen = explanation.overview()
    assert seen.step == "Output at step 3: 2024-02-01 01:00"
    assert "load" in seen.input
    plain = make_series(step=2).overview()
    assert (plain.step, plain.input) == ("Output at step 2", "")
    with pytest.raises(
        cdjax.results.PhraseError, match=r"\(.2024-01-31 22:00 to 23:00.\) was not sco"
    ):
        dataclasses.replace(
            explanation, spans=explanation.spans[:1], scores=explanation.scores[:1]
        )[:2]


def test_windows_that_go_on_after_the_step_are_no_evidence_of_their_own():
    spans = cdjax.enumerate_spans(6)
    cut = np.minimum(spans, 3)  # the output at step 2, of a network that reads forward
    scores = (cut[:, 1] - cut[:, 0]).astype(float)[:, None]
    forward = make_series(6, step=2)
    forward = dataclasses.replace(forward, scores=scores)
    assert {phrase.stop for phrase in forward.strongest(9)} <= {1, 2, 3}
    assert {phrase.stop for phrase in forward.overview().evidence_above} <= {2, 3}
    both = dataclasses.replace(forward, scores=scores + 0.01 * spans[:, 1:])
    assert max(phrase.stop for phrase in both.strongest(9)) == 6


def test_repr_is_short(explanation):
    lines = repr(explanation).splitlines()
    assert lines[0] == "Explanation of 10 tokens by cd, rule paper: 55 spans, in logits"
    assert lines[1].split() == ["prediction", "positive", "85.2%,", "negative", "14.8%"]
    assert lines[2].split() == ["score", "positive", "-", "negative"]
    assert "film +9.12" in repr(explanation)
    many = tuple(f"label{n}" for n in range(40))
    long = Explanation(
        spans=cdjax.enumerate_spans(300, 2),
        scores=np.ones((599, 40)),
        logits=np.ones(40),
        output_bias=np.ones(40),
        labels=many,
        direction=dict.fromkeys(many, 2.0),
        tokens=("word" * 50,) * 300,
    )
    assert len(repr(long).splitlines()) <= 20
    assert max(map(len, repr(long).splitlines())) <= 100
    assert "price 3.5" in repr(make_series())
    assert "%" not in repr(make_series())
    assert "step 2 " in repr(make_series())
    lines = repr(make_series(168)).splitlines()
    assert len(lines) <= 20
    assert "  steps       steps 0:14 -1.00  steps 14:28 " in "\n".join(lines)
    assert "steps 154:168 " in "\n".join(lines)


@pytest.mark.parametrize(
    ("known", "told"),
    [
        ("1101110111", None),
        ("110", "1 of 3 words is unknown to the model (33%)"),
        ("00", "the model knows none of the words; the scores mean little"),
        ("", None),
    ],
)
def test_unknown_words_are_told_from_a_third_up(known, told):
    assert describe_unknown(np.array([k == "1" for k in known], bool)) == told
