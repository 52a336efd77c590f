import builtins
import json

import cdjax
import jax
import numpy as np
import pyarrow as pa
import pytest
from cdjax.core.decomposition import split_logits
from cdjax.core.network import forward
from cdjax.corpus.scorer import Scorer
from cdjax.text.splitting import KERAS_MARKS, KINDS, Frame, Splitting
from cdjax.text.vocabulary import TREEBANK, Vocabulary
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import random_classifier

TEXT = "It isn't a bad\u00a0film,\n not-at all!"
WORDS = ["<pad>", "it", "isn't", "a", "bad", "film", "isnt", "n't", "is"]


@pytest.mark.parametrize(
    ("splitting", "expected"),
    [
        (Splitting("marks", KERAS_MARKS), ["It", "isn't", "a", "bad\xa0film", "not", "at", "all"]),
        (
            Splitting("stripped", KERAS_MARKS + "'"),
            ["It", "isnt", "a", "bad", "film", "notat", "all"],
        ),
        (Splitting("spaces"), ["It", "isn't", "a", "bad", "film,", "not-at", "all!"]),
        (Splitting("characters"), list(TEXT)),
        (TREEBANK, cdjax.tokenize(TEXT)),
    ],
)
def test_tokens_and_their_offsets(splitting, expected):
    tokens, offsets = splitting.split(TEXT)
    assert tokens == expected
    dropped = str.maketrans("", "", splitting.detail)
    for token, (start, stop) in zip(tokens, offsets, strict=True):
        assert token in (TEXT[start:stop], TEXT[start:stop].translate(dropped))


@given(st.text(max_size=40))
def test_marks_are_those_of_keras(text):
    """As `keras.preprocessing.text.text_to_word_sequence` does it."""
    plain = text.translate(str.maketrans(dict.fromkeys(KERAS_MARKS, " ")))
    expected = [word for word in plain.split(" ") if word]
    assert Splitting("marks", KERAS_MARKS).split(text)[0] == expected


def test_tokens_of_another_package():
    tokenizers = pytest.importorskip("tokenizers")
    model = tokenizers.models.WordPiece({"[UNK]": 0, "film": 1, "##s": 2}, unk_token="[UNK]")
    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer.enable_padding(length=9)
    tokens, offsets = Splitting("tokenizers", tokenizer.to_str()).split("films é film")
    assert tokens == ["film", "##s", "[UNK]", "film"]
    assert offsets.tolist() == [[0, 4], [4, 5], [6, 7], [8, 12]]


def test_a_missing_package_is_named(monkeypatch):
    real = builtins.__import__

    def refuse(name, *args, **kwargs):
        if name == "tokenizers":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(ImportError, match=r"pip install 'cdjax\[tokenizers\]'"):
        Splitting("tokenizers", "{}").split("a")


@pytest.fixture
def model():
    classifier = random_classifier(np.random.default_rng(0), words=len(WORDS), dtype=np.float32)
    vocabulary = Vocabulary(
        WORDS,
        unknown=None,
        padding="<pad>",
        splitting=Splitting("marks", KERAS_MARKS),
        skips_unknown=True,
        frame=Frame(12, 0),
    )
    labels = tuple(map(str, range(len(classifier.bias))))
    return cdjax.Model(classifier, vocabulary, labels, {})


@pytest.mark.parametrize("kind", KINDS)
def test_saved_and_loaded(model, tmp_path, kind):
    words = vars(model.vocabulary) | {"splitting": Splitting(kind, "x")}
    words = {name: value for name, value in words.items() if not name.startswith("_")}
    vocabulary = Vocabulary(words.pop("words"), **words)
    cdjax.save(model._replace(vocabulary=vocabulary), tmp_path / "m")
    assert cdjax.load(tmp_path / "m").vocabulary == vocabulary


@pytest.mark.parametrize(
    "wrong",
    [
        {"splitting": {"kind": "other", "detail": ""}},
        {"splitting": {"kind": 3}},
        {"splitting": []},
        {"frame": {"length": "5", "row": 0}},
        {"frame": {"length": 5}},
        {"frame": {"length": 0, "row": 0}},
        {"frame": {"length": 5, "row": 99}},
        {"skips_unknown": True, "unknown": 1},
        {"skips_unknown": "yes"},
    ],
)
def test_a_damaged_description_is_refused(model, tmp_path, wrong):
    cdjax.save(model, tmp_path / "m")
    path = tmp_path / "m" / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | wrong))
    with pytest.raises(ValueError, match=r"model\.json"):
        cdjax.load(tmp_path / "m")


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("text", ["It isn't a bad, BAD zzz film", "bad " * 15 + "film"])
def test_padding_is_read_like_a_word(model, text, before):
    """The explanation is that of the padded sequence, as the network was trained to read it."""
    frame = Frame(12, 0, pads_before=before)
    vars(model.vocabulary)["frame"] = frame
    tokens = [w for w in text.replace(",", "").lower().split() if w in WORDS][-12:]
    ids = [WORDS.index(word) for word in tokens]
    pad = [0] * (12 - len(ids))
    padded = np.array(pad + ids if before else ids + pad)
    first = len(pad) if before else 0
    explanation = cdjax.explain(text, model)
    assert [token.lower() for token in explanation.tokens or ()] == tokens
    with jax.enable_x64(True):
        exact = jax.tree.map(lambda a: np.asarray(a, np.float64), model.classifier)
        x = exact.embedding[padded]
        steps = np.arange(12)
        np.testing.assert_allclose(explanation.logits, forward(exact, x), rtol=0, atol=1e-5)
        for span, score in list(zip(explanation.spans, explanation.scores, strict=True))[::5]:
            inside = (steps >= first + span[0]) & (steps < first + span[1])
            expected = split_logits(exact, x, inside).beta
            np.testing.assert_allclose(score, expected, rtol=0, atol=1e-5)
    table = pa.RecordBatch.from_pydict({"text": [text]})
    row = Scorer(model)(table).to_pylist()[0]
    assert row["cut"] == (len(text.split()) > 12)
    assert row["tokens"] == list(explanation.tokens or ())
    names = [f"score_{label}" for label in model.labels]
    scores = [[span[name] for name in names] for span in row["spans"]]
    np.testing.assert_allclose(scores, explanation.scores, rtol=0, atol=1e-6)
    again = cdjax.explain(tokens, model)
    np.testing.assert_array_equal(again.scores, explanation.scores)


def test_a_text_of_unknown_words_alone(model):
    with pytest.raises(ValueError, match="one that the model knows"):
        cdjax.explain("zzz yyy", model)


def test_unknown_words_cannot_be_skipped_and_kept():
    with pytest.raises(ValueError, match="skips_unknown is set"):
        Vocabulary(["<unk>", "a"], skips_unknown=True)
