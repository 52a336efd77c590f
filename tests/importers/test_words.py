import json
import pickle

import pytest
from cdjax.importers.words import Words, as_vocabulary
from cdjax.text.splitting import KERAS_MARKS, Frame, Splitting
from cdjax.text.vocabulary import Vocabulary

INDEX = {"<OOV>": 1, "the": 2, "film": 3, "bad": 4, "rare": 5}


def keras(**changes):
    """As `keras.preprocessing.text.Tokenizer.to_json()` gives it."""
    config = {
        "num_words": 5,
        "filters": KERAS_MARKS,
        "lower": True,
        "split": " ",
        "char_level": False,
        "oov_token": "<OOV>",
        "document_count": 2,
        "word_counts": "{}",
        "word_index": json.dumps(INDEX),
    }
    return {"class_name": "Tokenizer", "config": config | changes}


def write(path, content):
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


@pytest.mark.parametrize("twice", [False, True])
def test_the_tokenizer_of_keras(tmp_path, twice):
    content = json.dumps(keras()) if twice else keras()
    vocabulary = as_vocabulary(write(tmp_path / "t.json", content), 5)
    assert vocabulary.words == ("<row 0>", "<OOV>", "the", "film", "bad")
    tokens, offsets = vocabulary.split("The RARE film, bad!")
    assert vocabulary.encode(tokens).tolist() == [2, 1, 3, 4]
    assert offsets.tolist() == [[0, 3], [4, 8], [9, 13], [15, 18]]


def test_without_an_unknown_word_others_are_left_out():
    vocabulary = as_vocabulary(keras(oov_token=None, filters="!"), 7)
    assert vocabulary.splitting == Splitting("marks", "!")
    assert vocabulary.split("the zzz bad!")[0] == ["the", "bad"]
    assert vocabulary.words[5:] == ("<row 5>", "<row 6>")


def test_characters():
    characters = {"word_index": json.dumps({"a": 1, "b": 2}), "char_level": True}
    vocabulary = as_vocabulary(keras(oov_token=None, **characters), 3)
    assert vocabulary.encode(vocabulary.split("aBc")[0]).tolist() == [1, 2]


def test_a_list_of_words(tmp_path):
    path = write(tmp_path / "words.txt", "<pad>\n<unk>\nbad\r\nfilm\n")
    vocabulary = as_vocabulary(Words(path, frame=Frame(9, 0)), 4, padding=0)
    assert vocabulary == Vocabulary(["<pad>", "<unk>", "bad", "film"], padding=0, frame=Frame(9, 0))
    named = as_vocabulary(Words(path, "film"), 4)
    assert named.unknown == 3
    assert as_vocabulary(Words(path, "skip"), 4).skips_unknown
    assert as_vocabulary(["<unk>", "a"], 2).words == ("<unk>", "a")
    assert as_vocabulary({"a": 1, "<unk>": 0}, 2).words == ("<unk>", "a")
    assert as_vocabulary(named, 99) is named


def test_the_words_of_text_vectorization():
    vocabulary = as_vocabulary(["", "[UNK]", "isnt", "bad"], 4)
    assert vocabulary.encode(vocabulary.split("Isn't bad?")[0]).tolist() == [2, 3]
    assert vocabulary.padding == 0


def test_the_tokenizer_of_hugging_face(tmp_path):
    tokenizers = pytest.importorskip("tokenizers")
    model = tokenizers.models.WordPiece({"[UNK]": 0, "film": 1, "##s": 2}, unk_token="[UNK]")
    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    vocabulary = as_vocabulary(tmp_path / "tokenizer.json", 3)
    assert vocabulary.encode(vocabulary.split("films é")[0]).tolist() == [1, 2, 0]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (["a", "b"], r"holds 2 words; expected 4"),
        (["a", "b", "a", "<unk>"], r"holds 'a' twice"),
        (["a", "b", "c", "d"], r"does not say which word .*none is called <unk>.*unknown=WORD"),
        (["<unk>", "[UNK]", "c", "d"], r"several could be it: <unk>, \[UNK\]"),
        (Words(["a", "b", "c", "d"], "e"), r"unknown=e is not in vocabulary"),
        ({"a": 4}, r"'a' the number 4, and the embedding has 4 rows"),
        ({"a": -1}, r"'a' the number -1"),
        ({"a": "1"}, r"'a' the number '1'; expected the row"),
        ({"a": 1, "b": 1}, r"'a' and 'b' the same number, 1"),
        (keras(), r"'bad' the number 4, and the embedding has 4 rows"),
        (keras(word_index="{"), r"word_index is not JSON"),
        (keras(word_index="{}"), r"a Tokenizer that was fitted"),
        (keras(split="\t"), r"splits at '\\t'; expected ' '"),
        (keras(oov_token="?"), r"'\?' has no number"),
        ({"model": {"type": "BPE"}}, r"has no vocabulary"),
        ({"model": {"vocab": {}}, "added_tokens": [1]}, r"added_tokens has no content or id"),
        (keras(oov_token=None, word_index='{"a": "1"}'), r"'a' the number '1'; expected the row"),
        ([1, 2, 3, 4], r"holds \[1, 2, 3, 4\]; expected words"),
    ],
)
def test_anything_else_is_refused(source, message):
    with pytest.raises(ValueError, match=message):
        as_vocabulary(source, 4)


@pytest.mark.parametrize("name", ["tokenizer.pickle", "tokenizer.txt"])
def test_a_pickle_is_never_read(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(ValueError, match=r"is a pickle, which can run code .*to_json\(\)"):
        as_vocabulary(path, 4)


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"\xff\xfe\x00", r"not text in UTF-8"), (b"[" * 100_000, r"is not JSON"), (b"{", "not JSON")],
)
def test_a_damaged_file_is_refused(tmp_path, content, message):
    (tmp_path / "words.json").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        as_vocabulary(tmp_path / "words.json", 4)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError):
        as_vocabulary(tmp_path / "words.txt", 4)
