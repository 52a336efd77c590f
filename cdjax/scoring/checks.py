"""What is given to be scored, checked before any work: networks, sequences, spans and sets."""

import functools
import itertools
import weakref
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax.core import Tracer
from jaxtyping import Bool, Float, Int
from numpy.typing import ArrayLike

from cdjax.checks import check_network
from cdjax.core.cells import Bidirectional
from cdjax.core.network import Classifier
from cdjax.model import Model
from cdjax.spans import padded_length

# Weights that were finite in a float type, so that a large embedding is looked through once. An
# entry is gone when its array is.
_finite: weakref.WeakValueDictionary[tuple[int, str], Any] = weakref.WeakValueDictionary()


def as_classifier(model: Classifier | Model, *, each: bool = False) -> Classifier:
    """Return the network of a model, or the network that is given itself, checked for scoring.

    Args:
        model: The model.
        each: Whether a network with logits at every step (the pool "each") is wanted.

    Raises:
        TypeError, ValueError: As `cdjax.checks.check_network`; ValueError also where it has
            logits at every step and should have one vector of them, or the other way round.
    """
    classifier = model.classifier if isinstance(model, Model) else model
    check_network(classifier)
    if classifier.pool == "each" and not each:
        raise ValueError(
            "pool is 'each', so there are logits at every step, and a span has a score for each of "
            "them; expected another pool. cdjax.score_outputs and cdjax.predict_outputs take this "
            "one."
        )
    if each and classifier.pool != "each":
        raise ValueError(
            f"pool is {classifier.pool!r}, so there is one vector of logits; expected pool 'each'. "
            f"cdjax.score_spans and cdjax.predict take this one."
        )
    return classifier


def prepare(
    model: Classifier | Model,
    sequences: Sequence[ArrayLike] | np.ndarray | jax.Array,
    padding: int | None = None,
) -> tuple[Classifier, list[Int[np.ndarray, "_"]]]:
    """Return the network in one float type, and the sequences as rows of its embedding.

    The embedding of a network of series holds their steps, one series after the other; it is
    padded, so that series of other lengths are not compiled anew.

    Raises:
        TypeError, ValueError: As `as_classifier`, `check_sequences` and `in_one_type`.
    """
    classifier = as_classifier(model)
    checked = check_sequences(classifier, sequences, padding)
    if classifier.embedding is not None:
        return in_one_type(classifier), checked
    return embed_series(classifier, checked)


def prepare_one(
    model: Classifier | Model,
    x_or_ids: ArrayLike,
    padding: int | None = None,
    *,
    each: bool = False,
) -> tuple[Classifier, Int[np.ndarray, "_"]]:
    """Return as `prepare` the network and one sequence: word numbers `[T]` or vectors `[T, D]`.

    Raises:
        TypeError, ValueError: As `prepare`; where an embedding is there and vectors are no floats.
    """
    classifier = as_classifier(model, each=each)
    given = _as_array(x_or_ids, "the sequence")
    if classifier.embedding is not None and (given.ndim != 2 or given.dtype.kind not in "f"):
        if given.ndim == 2:
            raise TypeError(
                f"the sequence holds {given.dtype} {list(given.shape)}; expected word numbers [T], "
                f"or vectors [T, {input_width(classifier)}], which are floats."
            )
        (ids,) = check_sequences(classifier, [given], padding)
        return in_one_type(classifier), ids
    if padding is not None:
        raise ValueError(
            f"padding is {padding} and the sequence is given as vectors; expected padding=None. "
            f"Leave the steps out that are not real."
        )
    classifier, (ids,) = embed_series(classifier, [check_series(classifier, given)])
    return classifier, ids


def embed_series(
    classifier: Classifier, series: Sequence[np.ndarray]
) -> tuple[Classifier, list[Int[np.ndarray, "_"]]]:
    """Return the network with the steps of checked series as its embedding, and their rows."""
    ends = np.cumsum([0, *map(len, series)])
    width = input_width(classifier)
    dtype = _float_type(jax.tree.leaves(classifier._replace(embedding=None)))
    steps = np.zeros((padded_length(int(ends[-1])), width), dtype)
    if len(series):
        steps[: ends[-1]] = np.concatenate(series)
    rows = [np.arange(a, b, dtype=np.int32) for a, b in itertools.pairwise(ends.tolist())]
    return in_one_type(classifier._replace(embedding=steps)), rows


def check_finite(values: np.ndarray, name: str, n: int) -> None:
    """Raise unless the scores or logits of a sequence are all finite.

    Raises:
        FloatingPointError: Where one is not; names the sequence.
    """
    if not np.isfinite(values).all():
        raise FloatingPointError(
            f"the {name} of sequence {n} are not finite, for numbers on the way overflow "
            f"{values.dtype}; scale the weights, or compute in float64 (jax_enable_x64)."
        )


def in_one_type(classifier: Classifier) -> Classifier:
    """Return the network as NumPy arrays of one float type, at least single precision.

    Raises:
        TypeError: Where a weight is being traced by JAX.
        ValueError: Where a weight is not finite in that type; says which and why.
    """
    leaves, structure = jax.tree_util.tree_flatten_with_path(classifier)
    _check_not_traced(*(weight for _, weight in leaves))
    arrays = [np.asarray(weight) for _, weight in leaves]
    dtype = _float_type(arrays)
    with np.errstate(over="ignore"):
        cast = [array.astype(dtype, copy=False) for array in arrays]
    for (path, given), array, result in zip(leaves, arrays, cast, strict=True):
        _check_finite(path, given, array, result)
    return jax.tree_util.tree_unflatten(structure, cast)


def _check_not_traced(*values: Any) -> None:
    if any(isinstance(value, Tracer) for value in values):
        raise TypeError(
            "a scoring function was called under jit, grad or vmap; it plans its work by the "
            "sequences' lengths and cannot be traced. cdjax.decompose and "
            "cdjax.core.decomposition.split_logits can."
        )


def _as_array(given: Any, name: str) -> np.ndarray:
    """Return what should be numbers as an array."""
    _check_not_traced(given)
    if isinstance(given, str):
        raise TypeError(
            f"{name} is the string {given[:40]!r}; expected numbers. "
            f"model.vocabulary.encode(cdjax.tokenize(text)) gives those of a text."
        )
    try:
        return np.asarray(given)
    except ValueError as error:
        raise ValueError(f"{name} is no array of numbers: {error}") from error


def _float_type(arrays: Sequence[Any]) -> np.dtype:
    """Return the widest type of the arrays; double precision only where JAX has it on."""
    types = (getattr(array, "dtype", np.float64) for array in arrays)
    widest = functools.reduce(np.promote_types, types, np.float32)
    return jax.dtypes.canonicalize_dtype(widest)


def _check_finite(path: Any, given: Any, array: np.ndarray, cast: np.ndarray) -> None:
    """Raise unless a weight is finite: as it was given (`array`) and in the type it is used in."""
    key = id(given), cast.dtype.str
    if _finite.get(key) is given:
        return
    finite = np.isfinite(cast)
    if not finite.all():
        name = jax.tree_util.keystr(path).lstrip(".")
        value = array[~finite].flat[0]
        if np.isfinite(value):
            raise ValueError(
                f"{name} holds {value:g}, which is too large for {cast.dtype}; scale the weights, "
                f"or compute in float64 (jax.config.update('jax_enable_x64', True))."
            )
        raise ValueError(f"{name} holds {value:g}; expected finite weights.")
    if isinstance(given, np.ndarray | jax.Array):
        _finite[key] = given


def input_width(classifier: Classifier) -> int:
    """Return the width `D` of what the first layer reads."""
    layer = classifier.layers[0]
    cell = layer.forward if isinstance(layer, Bidirectional) else layer
    return np.shape(cell.W)[2]


def check_series(
    classifier: Classifier, given: ArrayLike, name: str = "the sequence"
) -> Float[np.ndarray, "t d"]:
    """Return a series `[T, D]` of the network's width, finite, in the type it is computed in.

    Args:
        classifier: The network.
        given: The series.
        name: How to name it in a message.

    Raises:
        TypeError: Where it does not hold numbers.
        ValueError: Where its shape is off, or a value is not finite; says where.
    """
    series, width = _as_array(given, name), input_width(classifier)
    if series.ndim != 2 or series.shape[1] != width:
        raise ValueError(
            f"{name} has shape {list(series.shape)}; expected [T, {width}], a vector of the "
            f"network's input width for each step."
        )
    if series.dtype.kind not in "fiu":
        raise TypeError(f"{name} holds {series.dtype}; expected floats [T, {width}].")
    with np.errstate(over="ignore"):
        cast = series.astype(_float_type(jax.tree.leaves(classifier)), copy=False)
    if not np.isfinite(cast).all():
        step, column = np.argwhere(~np.isfinite(cast))[0].tolist()
        raise ValueError(
            f"{name} holds {series[step, column]:g} at step {step}, column {column}; expected "
            f"numbers that are finite in {cast.dtype}."
        )
    return cast


def check_sequences(
    classifier: Classifier,
    sequences: Sequence[ArrayLike] | np.ndarray | jax.Array,
    padding: int | None = None,
) -> list[np.ndarray]:
    """Return the sequences as arrays of what the network reads.

    Args:
        classifier: The network.
        sequences: For a network with an embedding, word numbers `[T]` each; for one of series,
            floats `[T, D]` each. An array whose rows are sequences will do.
        padding: The number that fills up sequences, before or after the words; it is cut off there
            (`cut_padding`). Word numbers are all real input when None.

    Returns:
        Word numbers in int32, all of them rows of the embedding; or floats, all finite.

    Raises:
        TypeError: Where a sequence does not hold numbers of that kind.
        ValueError: Where a shape is off, or a value out of range; says in which sequence. Where one
            sequence is given instead of a list of them.
    """
    if classifier.embedding is None and padding is not None:
        raise ValueError(
            f"padding is {padding} and the network takes series; expected padding=None. Leave the "
            f"steps out that are not real."
        )
    if padding is not None and (isinstance(padding, bool) or not hasattr(padding, "__index__")):
        raise TypeError(f"padding is {padding!r}; expected a word number, or None.")
    _check_not_traced(sequences)
    checked = []
    for n, sequence in enumerate([sequences] if isinstance(sequences, str) else sequences):
        array = _as_array(sequence, f"sequence {n}")
        if array.ndim == (1 if classifier.embedding is None else 0) and array.dtype.kind in "fiu":
            raise ValueError(
                f"sequences holds {'vectors' if array.ndim else 'numbers'}, where each entry "
                f"should be a sequence; pass a list: [ids] (or [x], of a series)."
            )
        if classifier.embedding is None:
            checked.append(check_series(classifier, array, f"sequence {n}"))
        else:
            rows = np.shape(classifier.embedding)[0]
            checked.append(_check_ids(rows, array, padding, f"sequence {n}"))
    return checked


def _check_ids(rows: int, ids: np.ndarray, padding: int | None, name: str) -> Int[np.ndarray, "t"]:
    """Return word numbers, all of them rows of the embedding, without padding at the ends."""
    if ids.ndim != 1:
        raise ValueError(
            f"{name} has shape {list(ids.shape)}; expected [T], the numbers of its words."
        )
    if ids.size and ids.dtype.kind not in "iu":
        raise TypeError(
            f"{name} holds {ids.dtype}; expected integers, the numbers of its words. "
            f"model.vocabulary.encode(tokens) gives them."
        )
    if padding is not None:
        ids = cut_padding(ids, padding)
    if ids.size and not 0 <= ids.min() <= ids.max() < rows:
        wrong = int(ids[(ids < 0) | (ids >= rows)][0])
        raise ValueError(
            f"{name} holds the word number {wrong}; expected 0 to {rows - 1}, the rows of the "
            f"embedding. A number that fills up sequences is named by padding={wrong}."
        )
    return ids.astype(np.int32)


def cut_padding(ids: ArrayLike, padding: int) -> Int[np.ndarray, "_"]:
    """Return word numbers `[T]` without the padding before the first and after the last word.

    Padding between words is real input, and stays. Spans count from the first word that is kept.

    >>> cut_padding([0, 0, 5, 0, 7, 0], padding=0).tolist()
    [5, 0, 7]
    """
    array = np.asarray(ids)
    words = np.flatnonzero(array != padding)
    return array[words[0] : words[-1] + 1] if words.size else array[:0]


def check_sets(sets: Sequence[ArrayLike], lengths: Sequence[int]) -> list[Bool[np.ndarray, "s t"]]:
    """Return the sets of steps as arrays, one a sequence, of as many columns as it has steps."""
    if len(sets) != len(lengths):
        raise ValueError(
            f"sets holds {len(sets)} arrays; expected {len(lengths)}, one for each sequence."
        )
    checked = []
    for n, (given, length) in enumerate(zip(sets, lengths, strict=True)):
        mask = np.asarray(given)
        if mask.dtype != bool:
            raise TypeError(f"sets {n} holds {mask.dtype}; expected booleans, one a step.")
        if mask.ndim != 2 or mask.shape[1] != length:
            raise ValueError(
                f"sets {n} has shape {list(mask.shape)}; expected [S, {length}], one column for "
                f"each step of sequence {n}."
            )
        checked.append(mask)
    return checked


def check_span_lists(
    spans: Sequence[ArrayLike], sequences: Sequence[np.ndarray]
) -> list[Int[np.ndarray, "_ 2"]]:
    """Return the spans of each sequence as arrays, all of them within it."""
    if len(spans) != len(sequences):
        raise ValueError(
            f"spans has {len(spans)} entries for {len(sequences)} sequences; expected one array "
            f"[S, 2] a sequence."
        )
    checked = []
    for n, (given, sequence) in enumerate(zip(spans, sequences, strict=True)):
        try:
            checked.append(check_spans(given, len(sequence)))
        except (TypeError, ValueError) as error:
            raise type(error)(f"sequence {n}: {error}") from error
    return checked


def check_spans(spans: ArrayLike, length: int) -> Int[np.ndarray, "s 2"]:
    """Return the spans as an array, all of them within a sequence of so many steps."""
    given = np.asarray(spans)
    if given.size == 0:
        return np.zeros((0, 2), np.int32)
    if given.ndim != 2 or given.shape[1] != 2:
        raise ValueError(f"spans has shape {list(given.shape)}; expected [S, 2]: start, stop.")
    if given.dtype.kind not in "iu":
        raise TypeError(f"spans holds {given.dtype}; expected integers.")
    wrong = ~((given[:, 0] >= 0) & (given[:, 0] <= given[:, 1]) & (given[:, 1] <= length))
    if wrong.any():
        raise ValueError(
            f"span {given[wrong][0].tolist()} does not lie in the sequence; expected "
            f"0 <= start <= stop <= {length}, half-open."
        )
    return given.astype(np.int32)
