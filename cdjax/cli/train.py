"""`cdjax train`: the options, a line an evaluation, a file of metrics, the model."""

import argparse
import json
import shlex
from pathlib import Path

import numpy as np

from cdjax.cli import options as common
from cdjax.model import DESCRIPTION as MODEL
from cdjax.model import save

DESCRIPTION = """\
Train an LSTM on the Stanford Sentiment Treebank: every phrase that is not neutral is an example,
negative or positive. The evaluation that is best on the binary development sentences is kept.

example:
  cdjax train --data sst/ --vectors vectors/minilm-384d.npz vectors/glove-6B-50d.npz --out my-model/
  cdjax explain "It isn't a bad film." --model my-model/
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `cdjax train`; the defaults are those of the bundled model."""
    # A test holds them equal to the defaults of `training`, which needs Flax to be imported.
    parser.description = DESCRIPTION
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    add = parser.add_argument
    add("--data", type=Path, required=True, help="folder of train.txt, dev.txt, test.txt (trees)")
    add(
        "--vectors",
        type=Path,
        nargs="+",
        required=True,
        help="word vectors (.npz with the arrays words and vectors); several are put side by side",
    )
    add("--out", type=Path, required=True, help="folder to save the model in")
    add("--overwrite", action="store_true", help="replace a model that is there")
    add("--log", type=Path, help="JSON-lines file for the metrics of each evaluation")
    group = parser.add_argument_group("options of training")
    for name, default, text in (
        ("width", 256, "principal components of the word vectors to keep; 0 keeps all columns"),
        ("spread", 0.5, "standard deviation of the word vectors' values"),
        ("sentence-copies", 2, "times whole sentences are seen an epoch besides once as a phrase"),
        ("hidden", 168, "width of the hidden state"),
        ("epochs", 4, "most epochs"),
        ("batch-size", 64, "phrases a step"),
        ("learning-rate", 1e-3, "of Adam; falls linearly to 0"),
        ("embedding-rate", 0.2, "learning rate of the word vectors, as a share of that"),
        ("embedding-dropout", 0.2, "share of the word vectors' columns dropped"),
        ("hidden-dropout", 0.3, "share of the last hidden state dropped"),
        ("average", 0.998, "decay a step of the average of the weights; 0 keeps the last ones"),
        ("evaluations", 4, "evaluations on the development sentences an epoch"),
        ("patience", 5, "evaluations without a better one before training ends"),
        ("seed", 0, "of the first weights, the order and dropout"),
    ):
        help_text = f"{text} (default: {default})"
        group.add_argument(f"--{name}", type=type(default), default=default, help=help_text)


def run(args: argparse.Namespace) -> None:
    """Train as the arguments say, and save the model in float16."""
    with common.blame(ImportError):
        from cdjax.training.loop import Options
        from cdjax.training.treebank import Embedding, train_on_treebank

    if args.out.exists() and not args.overwrite:
        raise FileExistsError(f"{args.out} exists; give another folder or --overwrite.")
    if args.out.exists() and not (args.out / MODEL).is_file():
        raise FileExistsError(f"{args.out} is no model folder, so it is not replaced.")
    options = Options(**{name: getattr(args, name) for name in Options._fields})
    records = args.log.open("w", encoding="utf-8") if args.log else None

    def log(record):
        print(
            "epoch {epoch:5.2f}  training loss {training_loss:.4f}  dev accuracy {accuracy:.2%}  "
            "dev log loss {log_loss:.4f}  {examples_a_second:,.0f} phrases/s".format(**record),
            flush=True,
        )
        if records:
            print(json.dumps(record), file=records, flush=True)

    try:
        with common.blame(ValueError, FloatingPointError):
            model = train_on_treebank(
                args.data,
                args.vectors,
                options,
                Embedding(args.width or None, args.spread),
                sentence_copies=args.sentence_copies,
                command=shlex.join(["cdjax", *args.argv]),
                log=log,
            )
    finally:
        if records:
            records.close()
    save(model, args.out, overwrite=args.overwrite, dtype=np.float16)
    for split, result in model.provenance["accuracy"].items():
        print(f"{split}: {result['accuracy']:.2%} of {result['binary_sentences']:,} sentences")
    print(f"saved in {args.out}")
