"""The words of a model that comes from elsewhere, from the file its tokenizer was saved in.

A file may be a list of words, a word a line or in JSON; the numbers of words in JSON; what Keras's
`Tokenizer.to_json()` or `TextVectorization.get_vocabulary()` gives; or a `tokenizer.json` of
Hugging Face. A pickle is never read: it can run code.
"""

import json
import os
import reprlib
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from cdjax.text.splitting import KERAS_MARKS, Frame, Splitting
from cdjax.text.vocabulary import TREEBANK, Vocabulary

UNKNOWN_WORDS = ("<unk>", "[UNK]", "<UNK>", "<oov>", "<OOV>", "[OOV]", "UNK", "-OOV-")
"""Names of the unknown word that a list of words may have."""
SKIP = "skip"
"""Given for the unknown word: tokens that are not in the list are left out of a text."""
STRIPPED_MARKS = "!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~'"
"""What Keras's `TextVectorization` drops, if not told otherwise."""


class Words(NamedTuple):
    """The words of an embedding as they are given, before it is known how many rows it has."""

    source: str | os.PathLike | Sequence[Any] | Mapping[str, Any]
    """The path of a file; words in the order of the rows; or the row of each word."""
    unknown: str | None = None
    """The word that stands for all others, or "skip": tokens without a row are left out of a text.
    When None, what the file says, or one of `UNKNOWN_WORDS`."""
    frame: Frame | None = None
    """How texts are padded, if the network reads padding like a word."""


def as_vocabulary(
    source: Vocabulary | Words | str | os.PathLike | Sequence[Any] | Mapping[str, Any],
    rows: int,
    padding: int | None = None,
) -> Vocabulary:
    """Return the vocabulary of an embedding from whatever it is given as.

    Args:
        source: A vocabulary, words with what is to know about them, or the words alone.
        rows: Rows of the embedding.
        padding: The row that the network leaves out, if there is one.

    Raises:
        FileNotFoundError: Where there is no such file.
        ValueError: Where it is of none of these kinds, is a pickle, has no word that stands for the
            others, or its words are not those of the embedding.
    """
    if isinstance(source, Vocabulary):
        return source
    source, unknown, frame = source if isinstance(source, Words) else Words(source)
    name = "vocabulary"
    content: Any = source
    if isinstance(source, str | os.PathLike):
        name, content = str(source), _read(Path(source))
    options: dict[str, Any] = {"splitting": TREEBANK, "lowercase": True}
    if isinstance(content, Mapping) and isinstance(content.get("model"), Mapping):
        words = _hugging_face_words(name, content)
        options = {"splitting": Splitting("tokenizers", json.dumps(content)), "lowercase": False}
        unknown = unknown or content["model"].get("unk_token") or SKIP
    elif isinstance(content, Mapping) and isinstance(content.get("config"), Mapping):
        words, options, of_keras = _keras_words(name, content["config"])
        unknown = unknown or of_keras
    elif isinstance(content, Mapping):
        words = content
    else:
        words = {word: row for row, word in enumerate(_check_words(name, content))}
        if len(content) != rows:
            raise ValueError(
                f"{name} holds {len(content):,} words; expected {rows:,}, one for each row of the "
                f"embedding, in their order."
            )
        if len(words) != len(content):
            twice = next(word for row, word in enumerate(content) if words[word] != row)
            raise ValueError(f"{name} holds {twice!r} twice; expected each word once.")
        if list(content[:2]) == ["", "[UNK]"]:  # of TextVectorization, by default
            options["splitting"] = Splitting("stripped", STRIPPED_MARKS)
            padding = 0 if padding is None else padding
    by_row = _by_row(name, words, rows)
    unknown = _find_unknown(name, by_row, unknown)
    return Vocabulary(
        by_row,
        unknown=None if unknown == SKIP else unknown,
        skips_unknown=unknown == SKIP,
        padding=padding,
        frame=frame,
        **options,
    )


def _read(path: Path) -> Any:
    """Return what a file holds: of JSON its value, else its lines."""
    data = path.read_bytes()
    if data[:1] == b"\x80" or path.suffix in (".pickle", ".pkl"):
        raise ValueError(
            f"{path} is a pickle, which can run code when it is read; expected a list of words or "
            f"the tokenizer's JSON. Where the pickle is trusted, in Python: "
            f"open('tokenizer.json', 'w').write(pickle.load(open({str(path)!r}, 'rb')).to_json())"
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not text in UTF-8 ({error}).") from error
    if path.suffix == ".json" or text.lstrip()[:1] in ("{", "["):
        try:
            value = json.loads(text)
            # `json.dump(tokenizer.to_json(), file)` makes JSON of JSON.
            value = json.loads(value) if isinstance(value, str) else value
        except (ValueError, RecursionError) as error:
            if path.suffix == ".json":
                raise ValueError(f"{path} is not JSON: {error}.") from error
        else:
            return value
    lines = text.split("\n")
    return [line.removesuffix("\r") for line in (lines[:-1] if lines[-1] == "" else lines)]


def _check_words(name: str, words: Any) -> Sequence[str]:
    """Return a list of words; raise where it is none."""
    if isinstance(words, list | tuple) and all(isinstance(word, str) for word in words):
        return words
    raise ValueError(
        f"{name} holds {reprlib.repr(words)}; expected words in the order of the embedding's rows, "
        f"the row of each word, the JSON of Keras's Tokenizer.to_json(), or a tokenizer.json."
    )


def _hugging_face_words(name: str, content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row of each token of a `tokenizer.json`."""
    vocab = content["model"].get("vocab")
    if isinstance(vocab, list):  # Unigram: pairs of a token and its log probability
        vocab = {pair[0]: row for row, pair in enumerate(vocab) if isinstance(pair, list)}
    if not isinstance(vocab, Mapping):
        raise ValueError(f"{name}: the tokenizer has no vocabulary; expected model.vocab.")
    try:
        added = {token["content"]: token["id"] for token in content.get("added_tokens") or []}
    except (KeyError, TypeError) as error:
        raise ValueError(f"{name}: added_tokens has no content or id ({error!r}).") from error
    return dict(vocab) | added


def _keras_words(
    name: str, config: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any], str]:
    """Return the row of each word of Keras's `Tokenizer`, options and the unknown word."""
    index = config.get("word_index")
    try:
        index = json.loads(index) if isinstance(index, str) else index
    except ValueError as error:
        raise ValueError(f"{name}: word_index is not JSON: {error}.") from error
    if not isinstance(index, dict) or not index:
        raise ValueError(
            f"{name}: word_index is {reprlib.repr(index)}; expected the JSON of a Tokenizer that "
            f"was fitted, tokenizer.to_json()."
        )
    if config.get("split", " ") != " ":
        raise ValueError(
            f"{name}: the tokenizer splits at {config['split']!r}; expected ' '. Split texts "
            f"yourself and give the tokens."
        )
    most = config.get("num_words")
    if most is not None:
        index = {word: row for word, row in index.items() if not _is_beyond(row, most)}
    unknown = config.get("oov_token")
    if unknown is not None and unknown not in index:
        raise ValueError(f"{name}: the unknown word {unknown!r} has no number in word_index.")
    kind = "characters" if config.get("char_level") else "marks"
    # Characters are not filtered.
    marks = "" if kind == "characters" else str(config.get("filters", KERAS_MARKS))
    options = {"splitting": Splitting(kind, marks), "lowercase": bool(config.get("lower", True))}
    return index, options, unknown if unknown is not None else SKIP


def read_text_vectorization(
    where: str, config: Mapping[str, Any], words: bytes | None, rows: int, masked: bool
) -> Vocabulary | None:
    """Return the vocabulary of a `TextVectorization` of Keras, the first layer of a network.

    Args:
        where: How to name the layer in a message.
        config: Its configuration.
        words: Its words, a word a line; None where they are in the configuration, or nowhere.
        rows: Rows of the embedding that follows.
        masked: Whether the network leaves padding out.

    Returns:
        The vocabulary; None where the words are not known.

    Raises:
        ValueError: Where it makes tokens in a way that cdjax has not, or words do not fit.
    """
    expected = {
        "output_mode": ("int",),
        "ngrams": (None,),
        "split": ("whitespace", "character"),
        "standardize": ("lower_and_strip_punctuation", "strip_punctuation", "lower", None),
        "encoding": ("utf-8", None),
    }
    said = {"output_mode": "int", "split": "whitespace", "standardize": expected["standardize"][0]}
    for name, known in expected.items():
        value = config.get(name, said.get(name))
        if value not in known:
            raise ValueError(
                f"{where}: {name}={reprlib.repr(value)} is not supported; expected one of {known}. "
                f"Split texts yourself, and save the model without this layer."
            )
    standardize = config.get("standardize", said["standardize"])
    marks = STRIPPED_MARKS if "strip" in (standardize or "") else ""
    characters = config.get("split", "whitespace") == "character"
    if characters and marks:
        raise ValueError(f"{where}: characters without punctuation are not supported.")
    kind = "characters" if characters else "stripped" if marks else "spaces"
    given = config.get("vocabulary")
    if words is not None:
        try:
            listed = words.decode("utf-8").split("\n")
        except UnicodeDecodeError as error:
            raise ValueError(f"{where}: its words are no text in UTF-8 ({error}).") from error
    elif given:
        given = _check_words(where, given)
        listed = [*([] if list(given[:2]) == ["", "[UNK]"] else ["", "[UNK]"]), *given]
    else:
        return None
    if len({*listed}) < len(listed) or len(listed) > rows or listed[:2] != ["", "[UNK]"]:
        raise ValueError(
            f"{where} has {len(listed):,} words, beginning with {reprlib.repr(listed[:3])}; "
            f"expected '' and '[UNK]', and then others, each once, at most {rows:,} in all."
        )
    length = config.get("output_sequence_length")
    if length is not None and masked:
        warnings.warn(
            f"{where} cuts texts after {length} words; cdjax reads all of them.", stacklevel=2
        )
    return Vocabulary(
        _by_row(where, {word: row for row, word in enumerate(listed)}, rows),
        lowercase="lower" in (standardize or ""),
        unknown=1,
        padding=0,
        splitting=Splitting(kind, marks),
        frame=None if length is None or masked else Frame(length, 0, False, False),
    )


def _is_beyond(row: Any, most: Any) -> bool:
    """Return whether a word is not among the most frequent ones, which alone are numbered."""
    return isinstance(row, int) and isinstance(most, int) and row >= most


def _by_row(name: str, words: Mapping[str, Any], rows: int) -> list[str]:
    """Return a word for each row of the embedding; rows without one are named by their number."""
    by_row: list[str | None] = [None] * rows
    for word, row in words.items():
        if not isinstance(word, str) or isinstance(row, bool) or not isinstance(row, int):
            raise ValueError(
                f"{name} gives {word!r} the number {reprlib.repr(row)}; expected the row of each "
                f"word, {{word: row}}."
            )
        if not 0 <= row < rows:
            raise ValueError(
                f"{name} gives {word!r} the number {row}, and the embedding has {rows:,} rows; "
                f"expected the words of this network, numbered from 0 to {rows - 1}."
            )
        if by_row[row] is not None:
            raise ValueError(f"{name} gives {by_row[row]!r} and {word!r} the same number, {row}.")
        by_row[row] = word
    return [f"<row {row}>" if word is None else word for row, word in enumerate(by_row)]


def _find_unknown(name: str, words: Sequence[str], unknown: str | None) -> str:
    """Return the word that stands for all others, one of the words, or `SKIP`."""
    if unknown is None:
        found = [word for word in UNKNOWN_WORDS if word in words]
        if len(found) != 1:
            among = f"several could be it: {', '.join(found)}" if found else "none is called <unk>"
            raise ValueError(
                f"{name} does not say which word stands for those it does not hold ({among}); give "
                f"unknown=WORD, or unknown={SKIP} to leave such words out of a text."
            )
        return found[0]
    if unknown != SKIP and unknown not in words:
        raise ValueError(
            f"unknown={unknown} is not in {name}; expected one of its words, or unknown={SKIP} to "
            f"leave words it does not hold out of a text."
        )
    return unknown
