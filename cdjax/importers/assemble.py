"""What an importer found becomes a model, or layers; what the source does not say is asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cdjax.checks import check_stack
from cdjax.core.network import POOLS, Classifier, Dense
from cdjax.importers.layout import make_identity
from cdjax.importers.words import as_vocabulary
from cdjax.model import Model, check_model

OUTPUTS = ("softmax", "sigmoid", "value")


@dataclass(frozen=True)
class Found:
    """What a file or object of another framework holds of a network.

    What is None was not said there, and is asked for by the name of the argument.
    """

    source: str
    """How to name it in messages: "my.h5", "the state dict"."""
    framework: str
    layers: tuple[Any, ...]
    embedding: np.ndarray | None = None
    pool: str | None = None
    head: tuple[Dense, ...] = ()
    """Every dense layer after the pool, the last one too, which gives the logits. The last one's
    activation may also be "softmax"."""
    unsaid_activations: tuple[int, ...] = ()
    """The layers of the head whose activation was not said, by position."""
    output: str | None = None
    """What a last layer without activation means, where a loss says it; None if not said."""
    padding: int | None = None
    """The embedding's row that the network leaves out, a mask; None where there is none."""
    head_names: tuple[str, ...] = ()
    """How the source calls the layers of the head; their positions where it does not."""
    notes: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What else to keep in the model's provenance."""


def assemble(
    found: Found,
    *,
    pool: str | None = None,
    activations: Sequence[str] | None = None,
    output: str | None = None,
    vocabulary: Any = None,
    labels: Sequence[str] | None = None,
) -> Model | tuple[Any, ...]:
    """Return the model; the layers alone where the source holds no head.

    Args:
        found: What the source holds.
        pool: What the head reads, where the source does not say.
        activations: Of the head's layers, first to last, where the source does not say.
        output: What the logits stand for, where the source does not say.
        vocabulary: The words of the embedding's rows, as `as_vocabulary` takes them.
        labels: Names of the outputs; their numbers when None.

    Raises:
        ValueError: Where something is neither said nor given, or is given otherwise than said.
    """
    width = None if found.embedding is None else found.embedding.shape[1]
    check_stack(found.layers, width, "the embedding")
    if not found.head:
        _refuse_unused(found, vocabulary=vocabulary, labels=labels, output=output, pool=pool)
        return found.layers
    pool = _settle(found, "pool", found.pool, pool, POOLS, "what its head reads of the steps")
    *head, last = _activate(found, activations)
    outputs = len(last.b)
    if last.activation in ("softmax", "sigmoid"):
        meant = "softmax" if last.activation == "softmax" else "sigmoid"
    elif last.activation == "linear":
        meant = found.output
    else:  # the output is no logit: its last activation is a layer like any other
        head, meant = [*head, last], "value"
        where = f"the activation {last.activation} of the last layer of {found.source}"
        last = Dense(make_identity(where, outputs, last.W.dtype), np.zeros_like(last.b))
    text = "what its outputs stand for (its last layer has no activation)"
    output = _settle(found, "output", meant, output, OUTPUTS, text)
    if vocabulary is not None:
        if found.embedding is None:
            raise ValueError(
                f"vocabulary is given, and the network of {found.source} has no embedding: it "
                f"takes series; leave it out."
            )
        vocabulary = as_vocabulary(vocabulary, len(found.embedding), found.padding)
    classifier = Classifier(found.embedding, found.layers, last.W, last.b, pool, tuple(head))
    model = Model(
        classifier,
        vocabulary,
        _name_labels(found, labels, outputs, output),
        {"imported": {"from": found.source, "framework": found.framework, **found.notes}},
        output,
    )
    check_model(model)
    return model


def _settle(
    found: Found, argument: str, said: str | None, given: str | None, known: Sequence[str], of: str
) -> str:
    """Return what was said or is given; not both, unless they are the same."""
    if said is None and given is None:
        raise ValueError(
            f"{found.source} does not say {of}; give {argument}=NAME, one of {', '.join(known)}."
        )
    if None not in (said, given) and said != given:
        raise ValueError(
            f"{argument} is {given!r}, but {found.source} says {said!r}; leave it out, or give "
            f"{argument}={said!r}."
        )
    value = said or given or ""
    if value not in known:
        raise ValueError(f"{argument} is {value!r}; expected one of {', '.join(known)}.")
    return value


def _activate(found: Found, activations: Sequence[str] | None) -> list[Dense]:
    """Return the head with every activation known."""
    head, unsaid = list(found.head), found.unsaid_activations
    called = found.head_names or tuple(map(str, range(len(head))))
    named = zip(called, head, strict=True)
    known = ", ".join(f"{name}: {len(dense.b)} outputs" for name, dense in named)
    if isinstance(activations, str):
        activations = (activations,)
    if activations is None:
        if unsaid:
            raise ValueError(
                f"{found.source} does not say the activations of its head ({known}); give "
                f"activations=NAMES, one for each layer: "
                f"{','.join([*['relu'] * (len(head) - 1), 'linear'])}."
            )
        return head
    if len(activations) != len(head):
        raise ValueError(
            f"activations holds {len(activations)} names; expected {len(head)}, one for each layer "
            f"of the head ({known})."
        )
    for n, (dense, activation) in enumerate(zip(head, activations, strict=True)):
        if n not in unsaid and dense.activation != activation:
            raise ValueError(
                f"activations[{n}] is {activation!r}, but {found.source} says "
                f"{dense.activation!r}; leave it out."
            )
        head[n] = dense._replace(activation=activation)
    return head


def _name_labels(
    found: Found, labels: Sequence[str] | None, outputs: int, output: str
) -> tuple[str, ...]:
    """Return the labels, numbers where none are given."""
    if isinstance(labels, str):
        raise ValueError(f"labels is the string {labels!r}; expected names, one a label.")
    if labels is not None:
        return tuple(labels)
    count = 2 if output == "sigmoid" and outputs == 1 else outputs
    if output == "value":
        return ("value",) if count == 1 else tuple(f"value {n}" for n in range(count))
    return tuple(str(n) for n in range(count))


def _refuse_unused(found: Found, **given: Any) -> None:
    """Raise where something is given that layers alone have no use for."""
    for argument, value in given.items():
        if value is not None:
            raise ValueError(
                f"{argument} is given, but {found.source} holds recurrent layers alone; leave it "
                f"out, and build cdjax.Classifier(embedding, layers, readout, bias) from them."
            )
