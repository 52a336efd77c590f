"""`cdjax report`: the page of a scored corpus."""

import argparse
from pathlib import Path

from cdjax.cli import models, options

OF_SCORE = "keep", "resume"
SIMILAR = 8  # phrases alike that are shown beside each

_DESCRIPTION = """\
Write a page of what cdjax score made: one file for a browser that needs no
network. It lists the phrases of the corpus, to be searched and sorted: how often
they occur, their mean score, what they say beyond their words, the spread of
their scores, and those that speak for one side here and for the other there.
Each leads to its reviews, tinted by the scores of their words. Reviews are
filtered by label and by the columns that the job kept (cdjax score --keep);
where true labels or values are known the model's errors come first.
"""

_EPILOG = """\
True labels are those of the kept column label, if it holds the model's labels,
or of the one that --label-column names. True values of a model of one value are
the same, or the column of its name. Where labels do not exclude each other, and
of several values, each has the kept column of its name: 1 or 0, yes or no, true
or false; or numbers.

examples:
  cdjax score reviews.csv --keep label --keep stars --out scores
  cdjax report scores --html report.html
  cdjax report scores --html report.html --label-column class \\
      --label-values 1=negative,2=positive
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    from cdjax.corpus.report.limits import Limits

    parser.description, parser.epilog = _DESCRIPTION, _EPILOG
    limits = Limits()
    add = parser.add_argument
    add("folder", metavar="DIR", help="the folder that cdjax score wrote")
    add("--html", type=Path, required=True, metavar="FILE", help="the page to write")
    add("--overwrite", action="store_true", help="replace the file of --html if it is there")
    add("--title", metavar="TEXT", help="of the page")
    add(
        "--max-len",
        type=options.positive,
        default=limits.max_len,
        metavar="N",
        help=f"list phrases of at most N words (default: {limits.max_len})",
    )
    add(
        "--min-count",
        type=options.positive,
        default=limits.min_count,
        metavar="N",
        help=f"list phrases that occur at least N times (default: {limits.min_count})",
    )
    add(
        "--phrases",
        type=options.positive,
        default=limits.phrases,
        metavar="N",
        help=f"list at most N phrases, those of most evidence (default: {limits.phrases:,})",
    )
    add(
        "--reviews",
        type=options.positive,
        default=limits.reviews,
        metavar="N",
        help=f"put at most N reviews on the page, errors first (default: {limits.reviews:,})",
    )
    add("--label-column", metavar="NAME", help="the kept column of the true labels, or values")
    add(
        "--label-values",
        type=_pairs,
        metavar="A=B,C=D",
        help="what the values of that column are called by the model: 1=negative,2=positive",
    )
    add(
        "--similar",
        type=options.count,
        default=SIMILAR,
        metavar="N",
        help=f"show the N phrases most alike to the model beside each, which scores the reviews of "
        f"the page once more (default: {SIMILAR}, where the model is there; 0: none)",
    )
    add("--model", metavar="PATH", help="the model of the job (default: where it was then)")
    models.add_file_arguments(parser)


def run(args: argparse.Namespace) -> None:
    """Read the scores, write the page and say what is on it."""
    from cdjax.cli.outputs import check_outputs
    from cdjax.corpus.errors import CorpusError
    from cdjax.corpus.report.build import read_report
    from cdjax.corpus.report.limits import Limits
    from cdjax.corpus.report.scores import Scores
    from cdjax.viz.console import Console
    from cdjax.viz.page import write_report

    check_outputs({"--html": args.html}, [], replace=args.overwrite)
    limits = Limits(args.max_len, args.min_count, args.phrases, args.reviews)
    try:
        scores = Scores.open(args.folder, limits.max_len)
        if args.html.resolve().is_relative_to(scores.folder.resolve()):
            raise options.UserError(
                f"--html {args.html} is in the folder of scores, which holds its own files alone; "
                f"give a file elsewhere."
            )
        report = read_report(
            scores,
            limits,
            label_column=args.label_column,
            label_values=args.label_values,
        )
        if args.similar:
            report = _add_similar(args, scores, report)
    except CorpusError as error:  # also of flags of the command that it sends to
        raise options.UserError(options.name_flags(str(error), OF_SCORE)) from error
    write_report(args.html, report, title=args.title, overwrite=args.overwrite)
    console = Console()
    for note in report.notes:
        console.print(note, markup=False)
    size = args.html.stat().st_size
    written = f"{max(1, round(size / 1000)):,} kB" if size < 1e6 else f"{size / 1e6:.1f} MB"
    console.print(f"{args.html}: a page of {written}, to be opened in a browser", markup=False)


def _add_similar(args: argparse.Namespace, scores, report):
    """Return the report with the phrases alike; a note where the model of the job is not there."""
    from cdjax.cli.cache import keep_compiled_programs
    from cdjax.cli.progress import show_bar
    from cdjax.corpus.errors import CorpusError
    from cdjax.corpus.report.similar import check_model, find_similar

    asked = args.model is not None
    args.model = args.model or scores.manifest.get("model")
    try:
        if args.model is None:
            raise options.UserError("the job does not say which model it had.")
        model = models.load_model(args)
        check_model(scores, model)
    except (options.UserError, CorpusError) as error:
        if asked:
            raise
        note = f"No phrases alike to the model are shown (--model): {error}"
        return report._replace(notes=[*report.notes, note])
    keep_compiled_programs()
    total = len(report.reviews.documents)
    with (
        options.as_user_error(ValueError),
        options.interruptions() as check,
        show_bar(total, check) as progress,
    ):
        return find_similar(scores, report, model, args.similar, progress=progress)


def _pairs(text: str) -> dict[str, str]:
    """Read pairs of a value and a label, A=B, that commas separate."""
    pairs: dict[str, str] = {}
    for pair in text.split(","):
        value, _, label = pair.rpartition("=")
        if not value or not label or value in pairs:
            raise argparse.ArgumentTypeError(f"{text!r}; expected pairs A=B,C=D, no A twice")
        pairs[value] = label
    return pairs
