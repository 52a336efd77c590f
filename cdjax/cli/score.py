"""`cdjax score`: every phrase of a corpus, as Parquet."""

import argparse
import contextlib
import hashlib
import shlex
from pathlib import Path

from cdjax.cli import options
from cdjax.text.documents import FORMATS

BUNDLED_REVIEWS = Path(__file__).parents[1] / "bundled" / "reviews.txt"

_DESCRIPTION = """\
Score every phrase (span of words) of every review, and write a folder:

  spans.parquet      a row a phrase: doc, start, stop, text, score_<label> for
                     each label, and for two labels score, their difference
  documents.parquet  a row a review: tokens, logits, probabilities, prediction
  manifest.json      model, rule, versions, command, counts, seconds

A score is what the phrase contributes to a label's logit, in its context.
score is the second label's less the first's (positive less negative): above 0
the phrase speaks for the second label, below 0 for the first, and adding 1
multiplies the odds by 2.7. (Labels that do not exclude each other have no
column score; values have neither that nor probabilities.) Spans are half-open
and counted from 0: start 2, stop 4 is the third and the fourth word.
"""

_EPILOG = """\
input, by the ending of its name (or --format):
  .txt              a review a line; an empty line is an empty review
  .csv .tsv         a header, then a review a row; quoted fields may hold breaks
  .jsonl            a JSON object a line
  .parquet          a column of strings
  .txt .ptb         trees of the Stanford Sentiment Treebank: their own tokens
Raw text is split into Penn Treebank tokens (is n't). Reviews are numbered from
0 in the order of the file; empty ones keep their number and have no phrase.

examples:
  cdjax score --out scores                                  the bundled reviews
  cdjax score reviews.txt --out scores --max-len 5
  cdjax score reviews.csv --text-column body --id-column key --out scores
  cdjax score train.csv --no-header --text-column 2 --out scores
  cdjax score dev.txt --rule acd --verify 100 --out scores --overwrite

read the scores:
  python -c "import pyarrow.parquet as pq; print(pq.read_table('scores/spans.parquet'))"

The folder appears whole or not at all. With --verify, scores that differ from
the float64 recursion by more than 1e-5 (of the score, above 1 logit) fail the
command with exit code 1 and are not kept.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.description, parser.epilog = _DESCRIPTION, _EPILOG
    parser.add_argument(
        "input", nargs="?", metavar="INPUT", help="a file of reviews (default: the bundled ones)"
    )
    parser.add_argument("--out", required=True, metavar="DIR", help="the folder to make")
    parser.add_argument("--overwrite", action="store_true", help="replace a folder of scores")
    parser.add_argument("--format", choices=FORMATS, help="what INPUT is, whatever its name")
    parser.add_argument(
        "--text-column",
        metavar="NAME",
        help="the column of the text (default: text, or the only column)",
    )
    parser.add_argument("--id-column", metavar="NAME", help="a column to keep as the review's id")
    parser.add_argument(
        "--no-header",
        action="store_true",
        help="the first row of the CSV or TSV file is a review; columns are called 1, 2, ...",
    )
    options.add_arguments(parser)
    parser.add_argument(
        "--verify",
        type=options.positive,
        default=0,
        metavar="N",
        help="compute N random phrases again by the float64 recursion and compare",
    )


def run(args: argparse.Namespace) -> None:
    """Score a corpus and print a summary."""
    from rich.console import Console

    from cdjax.cli.cache import keep_compiled_programs
    from cdjax.core.rules import RULES
    from cdjax.model import find_vocabulary
    from cdjax.scoring.corpus import CorpusError, VerificationError, check_folder, score_corpus
    from cdjax.text.documents import DocumentError, find_format, read_documents

    path = Path(args.input) if args.input else BUNDLED_REVIEWS
    with options.as_user_error(DocumentError):
        form = args.format or find_format(path)
        check_folder(args.out, args.overwrite)
    keep_compiled_programs()
    model = options.load_model(args.model)
    with options.as_user_error(ValueError):
        find_vocabulary(model)
    documents = read_documents(
        path,
        form,
        text_column=args.text_column,
        id_column=args.id_column,
        header=not args.no_header,
    )
    about = {
        "command": shlex.join(["cdjax", *args.argv]),
        "input": {"path": str(path.resolve()), "format": form},
        "model": _identify(args.model),
    }
    errors = Console(stderr=True)
    if form == "trees" and not args.format:
        errors.print(f"{path} is read as SST trees (--format txt reads it as text).", markup=False)
    try:
        with (
            options.as_user_error(DocumentError, CorpusError, FloatingPointError),
            options.interruptions() as check,
            _bar(errors, check) as report,
        ):
            result = score_corpus(
                model,
                documents,
                args.out,
                RULES[args.rule],
                args.max_len,
                verify=args.verify,
                overwrite=args.overwrite,
                about=about,
                progress=report,
            )
    except VerificationError as error:
        raise options.UserError(str(error), code=1) from error
    _summarize(Console(highlight=False), result, args.out)


def _identify(path: str | None) -> dict[str, str]:
    """Return where the model is and the hash of its weights."""
    from cdjax.model import WEIGHTS_FILE, find_model

    folder = find_model(path)
    digest = hashlib.sha256((folder / WEIGHTS_FILE).read_bytes()).hexdigest()
    return {"path": str(folder.resolve()), "sha256": digest}


@contextlib.contextmanager
def _bar(console, check):
    """Yield a `progress` for `score_corpus`: a bar, but only on a terminal."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[unit]}"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as progress:
        task = progress.add_task("Reading", total=None, unit="reviews")

        def report(at):
            check()
            new = {"completed": at.done}
            if at.stage == "score":
                new |= {"description": "Scoring", "unit": "phrases", "total": at.total}
            progress.update(task, **new)

        yield report


def _summarize(console, result, out: str) -> None:
    from rich.table import Table
    from rich.text import Text

    from cdjax.scoring.corpus import HIGHLIGHT_WORDS

    manifest = result.manifest
    counts, seconds = manifest["counts"], manifest["seconds"]
    total = sum(seconds.values())
    console.print(
        f"{counts['documents']:,} reviews, {counts['words']:,} words, "
        f"[bold]{counts['spans']:,} phrases[/] in {total:.1f} s: "
        f"[bold]{counts['spans'] / total:,.0f} phrases a second[/]"
    )
    notes = []
    if counts["empty"]:
        notes.append(f"{counts['empty']:,} empty, kept without phrases")
    if manifest["verify"]:
        check = manifest["verify"]
        notes.append(
            f"{check['spans']:,} phrases verified in float64: largest difference "
            f"{check['largest_difference']:.1e} (bound {check['bound']:.0e})"
        )
    for note in notes:
        console.print(note)
    if counts["without_known_word"]:
        console.print(
            f"[yellow]warning:[/] {counts['without_known_word']:,} without a single word that the "
            f"model knows; their scores mean little (known_words = 0 in documents.parquet)"
        )
    width = max(
        (len(f"{h.score:+.2f}") for phrases in result.highlights.values() for h in phrases),
        default=0,
    )
    for label, phrases in reversed(result.highlights.items()):
        if not phrases:
            continue
        table = Table.grid(padding=(0, 2))
        table.add_column(justify="right", min_width=width + 2)
        table.add_column()
        table.add_column(style="dim", justify="right")
        for highlight in phrases:
            table.add_row(f"{highlight.score:+.2f}", Text(highlight.text), f"doc {highlight.doc}")
        console.print()
        console.print(Text.assemble(("Most " + label, "bold")))
        console.print(table)
    console.print()
    what = f"logits, {manifest['score']}" if manifest["score"] else "logits"
    what = "in the units of the values" if manifest["output"] == "value" else what
    longest = min(HIGHLIGHT_WORDS, manifest["max_len"] or HIGHLIGHT_WORDS)
    console.print(
        f"Phrases of up to {longest} words, the strongest of each review, none twice; {what}.",
        style="dim",
    )
    console.print(Text.assemble("Written to ", (str(out), "bold")))
