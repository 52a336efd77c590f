"""The options of every command that scores: its model, also another framework's file; its rule."""

import argparse
from collections.abc import Sequence

from cdjax.cli import options

NAMES = (
    "labels",
    "pool",
    "activations",
    "output",
    "config",
    "hard_sigmoid",
    "cell_activations",
    "inputs",
    "outputs",
    "modules",
    "front_activations",
    "names",
    "padding",
    "eps",
    "input_name",
    "output_name",
    "zeros",
)
"""Options that importers take by the same names."""


def add_arguments(
    parser: argparse.ArgumentParser, max_len: int | None = None, rule: str | None = "paper"
) -> None:
    """Add the options of every command that scores.

    Args:
        parser: The command's.
        max_len: The default of --max-len.
        rule: The default of --rule; None where the command has one of its own.
    """
    from cdjax.core.rules import RULES

    parser.add_argument(
        "--model",
        metavar="PATH",
        help="a folder made by cdjax.save, train or import, or a bundled model: sst (default; "
        "movie reviews of the Stanford Sentiment Treebank) or yelp (reviews of businesses); or a "
        "file of Keras, PyTorch or ONNX, see cdjax import --help",
    )
    add_file_arguments(parser)
    parser.add_argument(
        "--rule",
        choices=tuple(RULES),
        default=rule,
        help=f"the decomposition rule: paper{' (default)' if rule else ' (default of series)'}, "
        "acd (package acd), released (the authors' code of 2018), merged (diagNNose, as paper to "
        "about 0.001), shared (what the context does to the phrase is shared evenly), even (as "
        f"shared, with the input by itself, as paper{'' if rule else '; default of texts'}), "
        "source (no gate is split)",
    )
    parser.add_argument(
        "--max-len",
        type=options.positive,
        default=max_len,
        metavar="N",
        help=f"score phrases of at most N words (default: {max_len or 'all'})",
    )


def add_file_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what a file of another framework may not say."""
    group = parser.add_argument_group("options of a file of another framework")
    add = group.add_argument
    add(
        "--vocabulary",
        metavar="FILE",
        help="the words of the embedding: a word a line, Keras's Tokenizer.to_json(), or a "
        "tokenizer.json of Hugging Face",
    )
    add(
        "--unknown",
        metavar="WORD",
        help="the word of the vocabulary that stands for all others, or skip: such words are left "
        "out of a text (default: what the file says, or <unk> and its like)",
    )
    add(
        "--pad-to",
        type=options.positive,
        metavar="N",
        help="texts were padded to N words in training, and the network has no mask",
    )
    add(
        "--pad-row",
        type=options.count,
        metavar="N",
        help="the row of the embedding that the texts were padded with (default: 0)",
    )
    add("--pad-after", action="store_true", help="the padding was after the words, not before")
    add("--cut-after", action="store_true", help="the end of a longer text was cut, not its begin")
    add("--labels", type=_names, metavar="A,B", help="names of the outputs")
    add("--pool", metavar="NAME", help="what the head reads: last, ends, mean, max or each")
    add("--activations", type=_names, metavar="A,B", help="of the head's layers, first to last")
    add("--output", metavar="NAME", help="what the outputs are: softmax, sigmoid or value")
    add("--config", metavar="FILE", help="Keras: model.to_json(), for a file of weights alone")
    add("--hard-sigmoid", metavar="NAME", help="Keras: keras2 or keras3, for weights alone")
    add(
        "--cell-activations",
        type=_names,
        metavar="A,B",
        help="Keras: of the gates and of the content, for weights alone",
    )
    add("--inputs", metavar="LAYER", help="Keras: read the network after this layer")
    add("--outputs", metavar="LAYER", help="Keras: read the network up to this layer")
    add("--modules", type=_names, metavar="A,B", help="PyTorch: recurrent modules in their order")
    add(
        "--front-activations",
        type=_names,
        metavar="A,B",
        help="PyTorch: of Linears and batch norms in front of recurrent modules",
    )
    add(
        "--names",
        type=_pairs,
        metavar="A=B,C=D",
        help="PyTorch: of weights that have other names, PyTorch's and their own: "
        "weight_ih_l0=enc_w_ih,...",
    )
    add(
        "--padding",
        type=options.count,
        metavar="N",
        help="PyTorch: the row of the embedding that is left out of sequences",
    )
    add("--eps", type=float, metavar="X", help="PyTorch: of batch norms (default: 1e-5)")
    add("--input-name", metavar="NAME", help="ONNX: the tensor that the network reads")
    add("--output-name", metavar="NAME", help="ONNX: the output to explain")
    add("--zeros", type=_names, metavar="A,B", help="ONNX: inputs that are 0, as first states")


def load_model(args: argparse.Namespace):
    """Load the model that a command names; what is wrong with it is a `UserError`."""
    from cdjax.importers.files import read_model

    given = {name: getattr(args, name) for name in NAMES if getattr(args, name) is not None}
    with options.as_user_error(ValueError, TypeError, ImportError):
        if (words := _read_words(args)) is not None:
            given["vocabulary"] = words
        return read_model(args.model, **given)


def _read_words(args: argparse.Namespace):
    """Return the words that a command gives, with what is to know about them."""
    if args.vocabulary is None:
        for name in ("unknown", "pad_to"):
            if getattr(args, name) is not None:
                raise ValueError(f"{name} is given without vocabulary=FILE, the words it is about.")
        return None
    if args.pad_to is None:
        for name in ("pad_after", "cut_after", "pad_row"):
            if getattr(args, name) not in (None, False):
                raise ValueError(f"{name} is given without pad_to, the number of words.")
        frame = None
    else:
        from cdjax.text.splitting import Frame

        frame = Frame(args.pad_to, args.pad_row or 0, not args.pad_after, not args.cut_after)
    from cdjax.importers.words import Words

    return Words(args.vocabulary, args.unknown, frame)


def _names(text: str) -> Sequence[str]:
    """Read names that commas separate."""
    names = tuple(name.strip() for name in text.split(","))
    if not all(names):
        raise argparse.ArgumentTypeError(f"{text!r} has an empty name; expected A,B")
    return names


def _pairs(text: str) -> dict[str, str]:
    """Read pairs of names, A=B, that commas separate."""
    parts = [pair.partition("=") for pair in _names(text)]
    pairs = {name: own for name, _, own in parts}
    if not all(name and own for name, own in pairs.items()) or len(pairs) < len(parts):
        raise argparse.ArgumentTypeError(f"{text!r}; expected pairs A=B,C=D, no A twice")
    return pairs
