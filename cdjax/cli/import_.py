"""`cdjax import`: a model of another framework becomes a folder that every command takes."""

import argparse
import sys
import warnings

from cdjax.cli import models, options

_DESCRIPTION = """\
Read a trained network of another framework and save it as a model of cdjax.
What the file does not say is asked for, by the name of an option; what cdjax
cannot compute exactly is refused, by name. Where the framework is installed,
its own outputs on 8 random inputs are held against cdjax's.
"""

_EPILOG = """\
files, by the ending of their names:
  .h5 .hdf5 .keras          Keras 2 and 3, also weights alone (.weights.h5)
  .pt .pth .bin .ckpt       PyTorch: state dicts, read without running code
  .safetensors .npz         weights by PyTorch's names
  .onnx                     ONNX

examples:
  cdjax import lstm_model.h5 --vocabulary words.txt --labels negative,positive --out my-model
  cdjax import imdb.keras --vocabulary tokenizer.json --pad-to 200 --out my-model
  cdjax import gru.pt --pool last --activations relu,linear --output value --out load
  cdjax explain "Not bad at all." --model my-model
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.description, parser.epilog = _DESCRIPTION, _EPILOG
    parser.add_argument("model", metavar="FILE", help="the file of another framework")
    parser.add_argument("--out", metavar="DIR", required=True, help="the folder of the new model")
    parser.add_argument("--overwrite", action="store_true", help="replace an --out that exists")
    parser.add_argument(
        "--no-check",
        action="store_true",
        help="do not run the framework itself, even if it is installed",
    )
    models.add_file_arguments(parser)


def run(args: argparse.Namespace) -> None:
    """Read a model, check it, save it and say what it is."""
    from pathlib import Path

    from cdjax.display import show
    from cdjax.importers.frameworks import BOUND, INPUTS, Checked, check_import
    from cdjax.model import check_free, save
    from cdjax.model.structure import summarize

    if Path(args.model).is_dir():
        raise options.UserError(
            f"{args.model} is a folder; expected a file of another framework (a SavedModel of "
            f"TensorFlow is a program: save the model as model.keras or model.h5)."
        )
    if not Path(args.model).exists():
        raise options.UserError(f"{args.model}: no such file.")
    with options.as_user_error(FileExistsError, ValueError):
        check_free(args.out, overwrite=args.overwrite)
    model = models.load_model(args)
    checked = Checked(None, None, "--no-check")
    if not args.no_check:
        with warnings.catch_warnings():  # of the other framework, about itself
            warnings.simplefilter("ignore")
            checked = check_import(model, args.model)
    if checked.difference is not None and not checked.difference <= BOUND:
        raise options.UserError(
            f"{args.model}: {checked.framework} computes other outputs than cdjax read in it, "
            f"{checked.difference:.2g} apart on {INPUTS} random inputs; nothing is saved. Please "
            f"report this with the file.",
            code=1,
        )
    facts = dict(model.provenance["imported"])
    imported = facts | {"checked": checked._asdict()}
    model = model._replace(provenance=dict(model.provenance) | {"imported": imported})
    with options.as_user_error(FileExistsError, ValueError, TypeError):
        save(model, args.out, overwrite=args.overwrite)
    lines = {
        "from": f"{args.model}, {facts['framework']}",
        "network": summarize(model.classifier),
        "output": f"{model.output}: {', '.join(model.labels)}",
        "words": _describe_words(model),
        "checked": f"not checked: {checked.reason}"
        if checked.difference is None
        else f"{checked.framework}: {INPUTS} random inputs, largest difference "
        f"{checked.difference:.1g}",
        "saved to": args.out,
    }
    for name, line in lines.items():
        print(f"{name:10}{show(line)}")
    if note := _note_padding(model, facts):
        print(f"cdjax import: warning: {note}", file=sys.stderr)


def _describe_words(model) -> str:
    """Say what the network reads."""
    if model.vocabulary is None:
        embedding = model.classifier.embedding
        return "none: it reads series" if embedding is None else "none given (--vocabulary)"
    vocabulary = model.vocabulary
    unknown = "left out" if vocabulary.unknown is None else vocabulary.words[vocabulary.unknown]
    parts = [f"{len(vocabulary):,}", f"split by {vocabulary.splitting.kind}", f"others {unknown}"]
    if (frame := vocabulary.frame) is not None:
        side = "before" if frame.pads_before else "after"
        parts.append(f"padded to {frame.length} {side} the words")
    return ", ".join(parts)


def _note_padding(model, facts) -> str | None:
    """Say that padding is real input to a network, where texts would be read without."""
    if model.classifier.embedding is None or facts.get("masked", False):
        return None
    if model.vocabulary is not None and model.vocabulary.frame is not None:
        return None
    length = facts.get("input_length")
    return (
        f"the network has no mask, so padding is input like any word to it, and texts are read "
        f"without. If it was trained on padded texts, import it again with --pad-to "
        f"{length or 'N'}{'' if length else ', the number of words'} (and --pad-after if the "
        f"padding followed the words)."
    )
