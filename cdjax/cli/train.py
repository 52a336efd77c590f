"""`cdjax train`: the options, a progress bar, files of metrics, the model."""

import argparse
import json
import os
import shlex
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from cdjax.cli import inputs
from cdjax.cli import options as common
from cdjax.cli.outputs import check_outputs
from cdjax.corpus.labelled import FORMATS
from cdjax.display import show
from cdjax.model import check_free, save

DESCRIPTION = """\
Train an LSTM or GRU classifier on labelled reviews, or on the Stanford Sentiment Treebank (a folder
of train.txt, dev.txt and test.txt, every phrase an example). The evaluation that is best on the
development set is kept.

examples:
  cdjax train --data reviews.csv --text-column body --label-column stars --out my-model/
  cdjax train --data train.csv --format yelp --vectors glove.npz --checkpoint run.ckpt --out yelp/
  cdjax train --data sst/ --vectors minilm-384d.npz glove-6B-50d.npz --out my-model/
  cdjax train --data sst/ --cell gru --layers 2 --bidirectional --out my-model/
  cdjax explain "It isn't a bad film." --model my-model/

Ctrl-C saves the state where there is a --checkpoint; the same command with --resume continues.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `cdjax train`; the defaults are those of the bundled model."""
    # A test compares them with the defaults of `training`, whose import would need Flax.
    parser.description = DESCRIPTION
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    add = parser.add_argument
    add("--data", type=Path, required=True, help="file of labelled reviews, or folder of trees")
    add("--dev", type=Path, help="file to choose by (default: a tenth of --data, at random)")
    add("--test", type=Path, help="file to report the accuracy on as well")
    inputs.add_arguments(parser, formats=FORMATS)
    add("--label-column", default="label", help="column of the label (default: label)")
    add(
        "--strict",
        action="store_true",
        help="stop at the first malformed row, leave none out",
    )
    add(
        "--vectors",
        type=Path,
        nargs="+",
        default=[],
        help="word vectors: GloVe's or word2vec's text (.txt, .vec, in a .zip), word2vec's .bin, "
        ".npz of words and vectors; several are put side by side (default: random ones)",
    )
    add("--out", type=Path, required=True, help="folder to save the model in")
    add("--overwrite", action="store_true", help="replace a model, and files, that exist")
    add("--log", type=Path, help="JSON-lines file for the metrics of each evaluation")
    add("--curve", type=Path, help="picture of the learning curve (.png, .svg)")
    add("--checkpoint", type=Path, help="file to keep the state in, to resume from")
    add("--resume", action="store_true", help="resume from --checkpoint")
    group = parser.add_argument_group("the network")
    group.add_argument(
        "--cell",
        choices=("lstm", "gru"),
        default="lstm",
        help="kind of recurrent cell (default: lstm)",
    )
    _add_number(group, "layers", 1, "recurrent layers, one on the other")
    group.add_argument(
        "--bidirectional",
        action="store_true",
        help="read each text from both ends, with a cell each",
    )
    _add_number(group, "hidden", 168, "width of the hidden state, of each direction")
    group = parser.add_argument_group("options of training")
    group.add_argument(
        "--balanced",
        action="store_true",
        help="let each label of reviews count alike, however many reviews have it: in the loss, "
        "and in the choice of the evaluation that is kept",
    )
    group.add_argument(
        "--label-probabilities",
        type=float,
        nargs=5,
        default=[0.03, 0.25, 0.5, 0.75, 0.97],
        metavar="P",
        help="probability of 'positive' that each label of trees, 0 to 4, is learned as (default: "
        "0.03 0.25 0.5 0.75 0.97)",
    )
    for name, default, text in (
        ("width", 256, "most principal components of the word vectors to keep; 0 keeps all"),
        ("spread", 0.5, "standard deviation of the word vectors' values"),
        ("sentence-copies", 2, "times that sentences of trees are repeated in an epoch"),
        (
            "neutral-weight",
            0.5,
            "weight of neutral phrases of trees in the loss; 0 leaves them out",
        ),
        ("max-words", 256, "reviews are cut to their first words, this many"),
        ("epochs", 6, "most epochs"),
        ("batch-size", 64, "texts a step"),
        ("learning-rate", 1e-3, "of Adam; falls linearly to 0"),
        ("embedding-rate", 0.2, "learning rate of the word vectors, as a share of --learning-rate"),
        ("embedding-dropout", 0.2, "share of the word vectors' columns dropped"),
        ("hidden-dropout", 0.3, "share of the last hidden state dropped"),
        ("average", 0.998, "decay a step of the running average of the weights; 0: no averaging"),
        ("evaluations", 4, "evaluations on the development set an epoch"),
        ("patience", 8, "evaluations without a better one before training ends"),
        ("seed", 0, "of the first weights, the order, dropout and the choice of a tenth"),
    ):
        _add_number(group, name, default, text)


def _add_number(group: argparse._ArgumentGroup, name: str, default: int | float, text: str) -> None:
    help_text = f"{text} (default: {default})"
    group.add_argument(f"--{name}", type=type(default), default=default, help=help_text)


def run(args: argparse.Namespace) -> None:
    """Train as the arguments say, and save the model in float16."""
    from cdjax.cli.cache import keep_compiled_programs
    from cdjax.memory import keep_freed_arrays

    keep_freed_arrays()
    keep_compiled_programs()
    with common.as_user_error(ImportError, ValueError):
        from cdjax.training.checks import check_options
        from cdjax.training.curve import check_picture, draw_curve
        from cdjax.training.fit import VectorOptions, fit
        from cdjax.training.loop import StoppedError, choose_by
        from cdjax.training.step import Options

        if args.curve:
            check_picture(args.curve)
        options = Options(**{name: getattr(args, name) for name in Options._fields})
        check_options(options)
    _check_paths(args)
    command, aim = ["cdjax", *args.argv], choose_by(options)
    dev_aim = f"dev {aim.replace('_', ' ')}"
    history: list = []
    with (
        common.as_user_error(ValueError, FloatingPointError),
        common.interruptions(),
        _progress() as (bar, say),
    ):
        data = (_read_trees if args.data.is_dir() else _read_reviews)(args, say)
        if not args.vectors:
            say("word vectors begin at random: none were given by --vectors")

        def log(record):
            history.append(record)
            say(
                f"epoch {record['epoch']:5.2f}  training loss {record['training_loss']:.4f}  "
                f"{dev_aim} {record[aim]:.2%}  dev log loss {record['log_loss']:.4f}  "
                f"{record['examples_a_second']:,.0f} examples/s"
            )
            if args.log:
                with _only_told(f"--log {args.log}"), args.log.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(record) + "\n")

        def progress(step: int, steps: int, loss: float) -> None:
            dev = f", {dev_aim} {history[-1][aim]:.2%}" if history else ""
            bar(step, steps, f"loss {loss:.4f}{dev}")

        if args.log and not args.resume:
            args.log.write_text("", encoding="utf-8")
        try:
            with _interrupted() as stop:
                model = fit(
                    data,
                    args.vectors,
                    options,
                    VectorOptions(args.width or None, args.spread),
                    command=command,
                    log=log,
                    checkpoint=args.checkpoint,
                    resume=args.resume,
                    progress=progress,
                    stop=stop,
                )
        except StoppedError as error:
            remedy = "nothing is saved without --checkpoint."
            if args.checkpoint:
                again = command if args.resume else [*command, "--resume"]
                remedy = f"its state is in {args.checkpoint}. To resume: {shlex.join(again)}"
            raise common.UserError(f"{error}; {remedy}", code=130) from error
    save(model, args.out, overwrite=args.overwrite, dtype=np.float16)
    for name, result in model.provenance["accuracy"].items():
        means = f", {result['balanced_accuracy']:.2%} balanced" if options.balanced else ""
        print(f"{show(name)}: {result['accuracy']:.2%} of {result['examples']:,}{means}")
    print(f"saved in {show(str(args.out))}")
    if args.curve and history:
        with _only_told(f"--curve {args.curve}"):
            draw_curve(history, args.curve, aim)


def _check_paths(args: argparse.Namespace) -> None:
    """Raise where a path is wrong, before the hours of training."""
    if args.resume and not args.checkpoint:
        raise common.UserError("--resume needs the --checkpoint to resume from.")
    check_free(args.out, overwrite=args.overwrite)
    read = [path for path in (args.data, args.dev, args.test, *args.vectors) if path]
    if any(path.resolve().is_relative_to(args.out.resolve()) for path in read):
        raise common.UserError(f"--out {args.out} holds the input; give another folder.")
    for path in (p for p in (args.data, args.dev, args.test) if p and not p.exists()):
        raise common.UserError(f"{path}: no such file.")
    above = next(parent for parent in args.out.resolve().parents if parent.exists())
    if not above.is_dir() or not os.access(above, os.W_OK):
        raise common.UserError(f"--out {args.out} can't be made in {above}; give another folder.")
    written = {"--log": args.log, "--curve": args.curve, "--checkpoint": args.checkpoint}
    check_outputs(written, read, replace=args.overwrite or args.resume)


@contextmanager
def _only_told(what: str) -> Iterator[None]:
    """Turn an error of a file that is no part of the model into a warning."""
    try:
        yield
    except Exception as error:
        warnings.warn(f"{what} could not be written: {error}.", stacklevel=1)


def _read_trees(args: argparse.Namespace, say: Callable[[str], None]):
    """Return the phrases and sentences of a folder of trees as training data."""
    from cdjax.training.treebank import Recipe, prepare_treebank

    of_reviews = "text_column", "delimiter", "encoding", "no_header", "balanced"
    for name in ("dev", "test", "format", *of_reviews):
        if getattr(args, name):
            flag = "--" + name.replace("_", "-")
            raise common.UserError(f"{flag} is for files of reviews; {args.data} is a folder.")
    recipe = Recipe(tuple(args.label_probabilities), args.neutral_weight, args.sentence_copies)
    return prepare_treebank(args.data, recipe)


def _read_reviews(args: argparse.Namespace, say: Callable[[str], None]):
    """Return the labelled reviews of one to three files as training data."""
    from cdjax.training.corpus import split_off
    from cdjax.training.provenance import digest_file
    from cdjax.training.reviews import prepare_reviews

    corpus = _read_file(args.data, args, say)
    if args.dev:
        dev = _read_file(args.dev, args, say)
    else:
        corpus, dev = split_off(corpus, 0.1, args.seed)
    test = _read_file(args.test, args, say) if args.test else None
    paths = [path for path in (args.data, args.dev, args.test) if path]
    return prepare_reviews(
        corpus, dev, test, {"sha256": {path.name: digest_file(path) for path in paths}}
    )


def _read_file(path: Path, args: argparse.Namespace, say: Callable[[str], None]):
    """Return the reviews of a file, tokenized; print the first errors of malformed rows."""
    from cdjax.corpus.labelled import read_labelled
    from cdjax.corpus.readers.records import raise_error
    from cdjax.training.corpus import order_labels
    from cdjax.training.reviews import tokenize_reviews

    errors = 0

    def report(error):
        nonlocal errors
        errors += 1
        if errors <= 5:
            say(f"left out: {common.name_flags(str(error), vars(args))}")

    reviews = read_labelled(
        path, report=raise_error if args.strict else report, **inputs.keywords(args)
    )
    pairs = ((review.text or "", review.label or "") for review in reviews)
    corpus = tokenize_reviews(pairs, args.max_words, processes=os.cpu_count() or 1)
    if errors:
        say(f"{path}: {errors:,} malformed rows left out (--strict stops at the first)")
    counts = Counter(corpus.labels)
    listed = ", ".join(f"{label} {counts[label]:,}" for label in order_labels(counts)[:20])
    say(f"{path}: {len(corpus.labels):,} reviews: {listed}{', ...' * (len(counts) > 20)}")
    return corpus


@contextmanager
def _progress() -> Iterator[tuple[Callable[[int, int, str], None], Callable[[str], None]]]:
    """Yield a function that moves a bar, and one that prints a line above it."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as Remaining

    from cdjax.viz.console import Console

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Remaining()
    # The bar is shown in a terminal only; a file gets the lines without it.
    console, share = Console(stderr=True), sys.stdout.isatty()
    with Progress(*columns, console=console, transient=True, redirect_stdout=share) as bar:
        task = bar.add_task("training", total=None)

        def move(step: int, steps: int, text: str) -> None:
            bar.update(task, completed=step, total=steps, description=text)

        yield move, lambda line: print(show(line), flush=True)


@contextmanager
def _interrupted() -> Iterator[Callable[[], bool]]:
    """Yield a function that returns whether Ctrl-C was pressed; a second one interrupts."""
    pressed = False

    def handle(*_):
        nonlocal pressed
        if pressed:
            raise KeyboardInterrupt
        pressed = True

    with common.on_interrupt(handle):
        yield lambda: pressed
