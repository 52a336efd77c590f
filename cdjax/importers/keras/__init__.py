"""Files and models of Keras 2 and 3, read by h5py alone."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from os import PathLike
from typing import Any

from cdjax.importers.assemble import assemble
from cdjax.importers.keras.archive import open_archive
from cdjax.importers.keras.graph import read_chain
from cdjax.importers.keras.loss import read_output
from cdjax.importers.keras.network import Walk
from cdjax.importers.keras.outline import outline_chain
from cdjax.importers.keras.settings import Dialect
from cdjax.model import Model

__all__ = ["from_keras"]


def from_keras(
    source: Any,
    *,
    config: str | PathLike | Mapping[str, Any] | None = None,
    inputs: str | None = None,
    outputs: str | None = None,
    hard_sigmoid: str | None = None,
    cell_activations: Sequence[str] | None = None,
    pool: str | None = None,
    activations: Sequence[str] | None = None,
    output: str | None = None,
    vocabulary: Any = None,
    labels: Sequence[str] | None = None,
) -> Model | tuple[Any, ...]:
    """Turn a trained Keras model into a model of cdjax, or into layers.

    Reads what Keras 2 and 3 save, `.h5` and `.keras` files of whole models and `.h5` and
    `.weights.h5` files of weights alone, without Keras: by h5py. Takes a model in memory as well.

    A network is one chain of layers, a `Sequential` or a functional model, perhaps with models
    inside: at first an `Embedding`, or a series; LSTM and GRU layers of any form (`CuDNNLSTM`,
    `RNN` of cells, both directions side by side, summed or averaged); the last step, every step,
    or a global maximum or mean over them; dense layers. A batch normalization, and a dense layer
    without activation at every step before a recurrent layer, `Normalization` and `Rescaling` are
    folded, exactly, into the weights beside them. Layers that act in training alone are passed
    over. A last layer with a sigmoid or softmax gives the logits before it. The words that a
    `TextVectorization` keeps in a `.keras` file are read.

    Steps that a mask leaves out (`Embedding(mask_zero=True)`, `Masking`) are for the caller to
    leave out. Without a mask padding is input like any other. `provenance["imported"]` says which,
    and the length of the input where it is fixed: `masked`, `mask_value`, `input_length`.

    Args:
        source: The path of a file; or a model of Keras.
        config: The model's configuration, as `model.to_json()` writes it, where a file holds
            weights alone, or in place of the file's own: a path, the text or a mapping.
        inputs: The name of a layer: only the part of the network after it is taken, which then
            reads a series of that layer's outputs.
        outputs: The name of a layer: only the part of the network up to its output is taken, of
            several outputs the one to explain.
        hard_sigmoid: "keras2" (0.2 x + 0.5) or "keras3" (x / 6 + 0.5): which function this name
            means, where the version of Keras is not said.
        cell_activations: Of a file of weights alone, without `config`: the activations of the gates
            and of the content of its cells, `("sigmoid", "tanh")` if Keras's own.
        pool: What the head reads, where the source does not say; "max" to have a maximum over steps
            that are not padding although Keras's is over all.
        activations: Of the head's layers, first to last, where the source does not say.
        output: What the logits stand for, where neither the last activation nor the loss says it:
            "softmax", "sigmoid" or "value".
        vocabulary: The words of the embedding's rows, where the file does not hold them.
        labels: Names of the outputs; their numbers when None.

    Returns:
        The model. Where there is neither an embedding nor a head, its recurrent layers.

    Raises:
        FileNotFoundError: Where there is no such file.
        ImportError: Where h5py is not installed.
        TypeError: Where `source` is neither a path nor a model.
        ValueError: For anything else; names the layer, the setting and what was expected. Refused
            are several inputs or branches, layers of one's own and `Lambda`, `SimpleRNN`,
            convolutions (see `inputs`), attention, layer normalization, `Flatten` over steps,
            `stateful`, outputs at every step of a layer that goes backward, quantized weights, and
            files that are damaged.
    """
    with open_archive(source, config) as archive:
        dialect = Dialect(archive.version, hard_sigmoid)
        walk = Walk(archive.weights, dialect, pool, archive.words)
        outlined = archive.config is None
        if outlined:
            for name, given in (("inputs", inputs), ("outputs", outputs)):
                if given is not None:
                    raise ValueError(f"{name} names a layer of a model's JSON; give it as config=.")
            walk.go(outline_chain(archive.weights, archive.source, cell_activations))
        elif cell_activations is not None:
            raise ValueError("cell_activations is given, and the configuration says them.")
        else:
            walk.go(read_chain(archive.config, inputs, outputs))
        framework = f"Keras {archive.version}".strip()
        found = walk.found(archive.source, framework, read_output(archive.loss, outputs))
        vocabulary = walk.inputs.read_vocabulary() if vocabulary is None else vocabulary
    if outlined:
        unsaid = tuple(range(len(found.head)))
        found = replace(found, pool=None, unsaid_activations=unsaid, output=None)
    return assemble(
        found,
        pool=pool,
        activations=activations,
        output=output,
        vocabulary=vocabulary,
        labels=labels,
    )
