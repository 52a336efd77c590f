"""`cdjax score`: every phrase of a corpus, as Parquet."""

import argparse
import contextlib
import shlex
from pathlib import Path

from cdjax.cli import inputs, models, options

BUNDLED_REVIEWS = Path(__file__).parents[1] / "bundled" / "reviews.txt"
REJECTS_SHOWN = 5

_DESCRIPTION = """\
Score every phrase (span of words) of every review, and write a folder:

  spans/part-*.parquet      a row a phrase: doc, id, start, stop, words,
                            score_<label> for each label, and for two labels
                            score, their difference, and interaction
  documents/part-*.parquet  a row a review: text, tokens and where they are in
                            the text, logits, probabilities, prediction
  rejects.parquet           a row a record without scores: where, and why
  manifest.json             model, rule, versions, command, counts, seconds

A score is what the phrase contributes to a label's logit, in its context.
score is the second label's less the first's (positive less negative): above 0
the phrase speaks for the second label, below 0 for the first, and adding 1
multiplies the odds by 2.7. interaction is what the phrase scores beyond the sum
of its words. (Labels that do not exclude each other have no column score but
interaction_<label>; values have no probabilities.) Spans are half-open and
counted from 0: start 2, stop 4 is the third and the fourth word.

A run that was ended, whatever by, goes on with --resume; what it then writes is
the same as if it had not been ended. SIGTERM and SIGHUP finish the part.
"""

_EPILOG = """\
examples:
  cdjax score --out scores                                  the bundled reviews
  cdjax score reviews.txt --out scores --max-len 5
  cdjax score reviews.csv --text-column body --id-column key --out scores
  cdjax score 'reviews/*.jsonl.gz' --keep stars --top 20 --out scores
  cdjax score train.csv --no-header --text-column 2 --out scores
  cdjax score dev.txt --rule acd --verify 100 --out scores --overwrite
  cdjax score reviews.parquet --out scores --resume
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.description, parser.epilog = _DESCRIPTION, f"{inputs.HELP}\n{_EPILOG}"
    parser.add_argument(
        "input",
        nargs="*",
        metavar="INPUT",
        help="files of reviews, folders, patterns, or - (default: the bundled reviews)",
    )
    parser.add_argument("--out", required=True, metavar="DIR", help="the folder to make")
    parser.add_argument("--overwrite", action="store_true", help="replace a folder of scores")
    parser.add_argument("--resume", action="store_true", help="go on with an unfinished run")
    parser.add_argument(
        "--strict",
        action="store_true",
        help="stop at the first record that can't be scored, leave none out",
    )
    inputs.add_arguments(parser, id_column=True, keep=True)
    models.add_arguments(parser)
    parser.add_argument(
        "--max-words",
        type=options.positive,
        metavar="N",
        help="read the first N words of a review; documents say which were cut",
    )
    parser.add_argument(
        "--top",
        type=options.positive,
        metavar="N",
        help="keep the N phrases of a review with the largest scores, above or below 0",
    )
    parser.add_argument(
        "--texts", action="store_true", help="give spans a column of their words as text"
    )
    parser.add_argument(
        "--verify",
        type=options.positive,
        default=0,
        metavar="N",
        help="compute N random phrases again by the float64 recursion and compare",
    )
    parser.add_argument(
        "--engine",
        choices=("local", "ray"),
        default="local",
        help="what makes the parts: this process (default), or those of a Ray cluster, which share "
        "the file system of --out",
    )
    parser.add_argument(
        "--workers",
        type=options.positive,
        metavar="N",
        help="processes of --engine ray (default: one for each two processors)",
    )
    parser.add_argument(
        "--ray-address",
        metavar="ADDRESS",
        help="the Ray cluster (default: one that is started here, for this run)",
    )
    parser.add_argument(
        "--log-json", action="store_true", help="show progress as JSON lines, on standard error"
    )
    parser.add_argument(
        "--profile", metavar="DIR", help="write a profile of JAX there (TensorBoard, Perfetto)"
    )


def run(args: argparse.Namespace) -> None:
    """Score a corpus and print a summary."""
    from cdjax.cli.cache import keep_compiled_programs
    from cdjax.cli.progress import show_progress, stopping
    from cdjax.corpus.errors import (
        CorpusError,
        RejectedError,
        StoppedError,
        VerificationError,
    )
    from cdjax.corpus.folder import check_folder, count_parts
    from cdjax.corpus.job import score_corpus
    from cdjax.corpus.readers.records import ReadError
    from cdjax.memory import return_freed_arrays
    from cdjax.model import find_vocabulary
    from cdjax.viz.console import Console

    with options.as_user_error(ImportError):
        runner = _find_engine(args)
    paths = args.input or [str(BUNDLED_REVIEWS)]
    files = [path for path in paths if path != "-"]
    check_folder(args.out, overwrite=args.overwrite, resume=args.resume, inputs=files)
    keep_compiled_programs()
    return_freed_arrays()
    model = models.load_model(args)
    with options.as_user_error(ValueError):
        find_vocabulary(model)
    kinds = ReadError, CorpusError, RejectedError, FloatingPointError
    asked = 0
    try:
        with (
            options.as_user_error(*kinds),
            options.interruptions() as check,
            stopping() as signal,
            show_progress(args.log_json) as show,
            _profile(args.profile),
        ):

            def stop() -> bool:
                nonlocal asked
                asked = signal()
                return bool(asked)

            def report(at):
                check()
                show(at)

            result = score_corpus(
                # Other processes load it themselves.
                model if args.engine == "local" else args.model,
                inputs.read(args, paths),
                args.out,
                args.rule,
                args.max_len,
                max_words=args.max_words,
                top=args.top,
                keep=args.keep,
                texts=args.texts,
                verify=args.verify,
                strict=args.strict,
                overwrite=args.overwrite,
                resume=args.resume,
                runner=runner,
                inputs=files,
                about={
                    "command": shlex.join(["cdjax", *args.argv]),
                    "input": [str(Path(path).resolve()) if path != "-" else path for path in paths],
                    "model": str(args.model or "sst"),
                },
                progress=report,
                stop=stop,
            )
    except VerificationError as error:
        raise options.UserError(str(error), code=1) from error
    except StoppedError as error:
        raise options.UserError(str(error), code=128 + asked) from error
    except (KeyboardInterrupt, options.UserError) as error:
        message, code = str(error) or "interrupted", getattr(error, "code", 130)
        if parts := count_parts(args.out):
            message += f" ({parts:,} parts are finished: go on with --resume)"
        raise options.UserError(message, code) from error
    _summarize(Console(), result, args.out)


def _find_engine(args: argparse.Namespace):
    from cdjax.corpus.runners import local

    if args.engine == "local":
        if args.workers or args.ray_address:
            flag = "--workers" if args.workers else "--ray-address"
            raise options.UserError(f"{flag} is of --engine ray.")
        return local.run
    from cdjax.corpus.runners.ray import make_runner

    return make_runner(args.workers, args.ray_address)


@contextlib.contextmanager
def _profile(folder: str | None):
    if folder is None:
        yield
        return
    import jax

    with jax.profiler.trace(folder):
        yield


def _summarize(console, result, out: str) -> None:
    from rich.table import Table
    from rich.text import Text

    from cdjax.cli.progress import peak_memory
    from cdjax.corpus.parts import HIGHLIGHT_WORDS
    from cdjax.results.notices import MANY_UNKNOWN

    manifest = result.manifest
    counts, seconds = manifest["counts"], manifest["seconds"]
    total = sum(seconds.values())
    console.print(
        f"{counts['documents']:,} reviews, {counts['words']:,} words, "
        f"[bold]{counts['spans']:,} phrases[/] in {total:.1f} s: "
        f"[bold]{counts['spans'] / total:,.0f} phrases a second[/], at most "
        f"{peak_memory() / 1e9:.1f} GB of memory"
    )
    if counts["empty"]:
        console.print(f"{counts['empty']:,} empty, kept without phrases")
    if counts["cut"]:
        most = manifest["run"]["max_words"]
        console.print(f"{counts['cut']:,} cut to their first {most:,} words (column cut)")
    if check := manifest["verify"]:
        console.print(
            f"{check['spans']:,} phrases verified in float64: largest difference "
            f"{check['largest_difference']:.1e} (bound {check['bound']:.0e})"
        )
    if counts["rejected"]:
        console.print(
            f"[yellow]warning:[/] {counts['rejected']:,} records have no scores; where and why is "
            f"in rejects.parquet (--strict stops at the first)"
        )
        for reject in result.rejected[:REJECTS_SHOWN]:
            console.print(f"  {reject['location']}: {reject['reason']}", markup=False)
    if (unknown := counts["words"] - counts["known_words"]) >= MANY_UNKNOWN * counts["words"] > 0:
        console.print(
            f"[yellow]warning:[/] {unknown / counts['words']:.0%} of the words are unknown to the "
            f"model (known_words in documents)"
        )
    if counts["without_known_word"]:
        console.print(
            f"[yellow]warning:[/] {counts['without_known_word']:,} without a single word that the "
            f"model knows; their scores mean little (known_words = 0 in documents)"
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
    longest = min(HIGHLIGHT_WORDS, manifest["run"]["max_len"] or HIGHLIGHT_WORDS)
    console.print(
        f"Phrases of up to {longest} words, the strongest of each review, none twice; {what}.",
        style="dim",
    )
    console.print(Text.assemble("Written to ", (str(out), "bold")))
