"""`cdjax neighbours`: the phrases of a corpus that are most alike to the model."""

import argparse
from pathlib import Path

import numpy as np

from cdjax.cli import inputs, models, options
from cdjax.cli.outputs import check_outputs
from cdjax.files.atomic import write_atomically

_DESCRIPTION = """\
Find the phrases of a corpus that are most like a phrase to the model: those
whose vectors have the highest cosine to its own. A phrase's vector is what it
contributes to the model's last hidden state, averaged over all of its
occurrences in the corpus; its score is a projection of it.
"""

_EPILOG = """\
With --interactions, phrases of two words or more are compared by what they say
beyond their words: "not bad" by what the negation does, and not by its "not".

Phrases that hold the given one or are a part of it are left out. So are those
with a word that the model does not know.

examples:
  cdjax neighbours "not bad" --corpus sst/train.txt
  cdjax neighbours "not bad" "very funny" dull --corpus sst/train.txt \\
      --max-len 2 --min-count 1 --interactions      (table 3 of the paper)
  cdjax neighbours "worth it" --corpus reviews.csv --text-column body --top 20
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.description, parser.epilog = _DESCRIPTION, _EPILOG
    parser.add_argument("phrases", nargs="+", metavar="PHRASE", help="a word or phrase; quote it")
    parser.add_argument("--corpus", required=True, metavar="FILE", help="a file of reviews")
    parser.add_argument(
        "--top", type=options.positive, default=10, metavar="N", help="show N of each"
    )
    parser.add_argument(
        "--interactions",
        action="store_true",
        help="compare phrases by what they say beyond their words",
    )
    parser.add_argument(
        "--min-count",
        type=options.positive,
        default=2,
        metavar="N",
        help="look among phrases that occur at least N times (default: 2)",
    )
    inputs.add_arguments(parser)
    parser.add_argument(
        "--out",
        metavar="FILE.npz",
        help="also write all phrases and vectors: phrases, counts, vectors, interactions",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace an --out that exists")
    models.add_arguments(parser, max_len=5)


def run(args: argparse.Namespace) -> None:
    """Count, average and show the neighbours."""
    from cdjax.checks import check_stack
    from cdjax.cli.cache import keep_compiled_programs
    from cdjax.cli.progress import show_bar
    from cdjax.core.rules import RULES
    from cdjax.corpus.readers.records import ReadError
    from cdjax.corpus.reviews import read_reviews
    from cdjax.model import find_vocabulary
    from cdjax.phrases.vectors import average_vectors, check_memory, count_phrases
    from cdjax.results.notices import describe_unknown
    from cdjax.viz.console import Console

    if args.out is not None:
        if Path(args.out).suffix != ".npz":
            raise options.UserError(f"--out {args.out}: expected a name that ends in .npz.")
        check_outputs({"--out": Path(args.out)}, [args.corpus], replace=args.overwrite)
    keep_compiled_programs()
    model = models.load_model(args)
    with options.as_user_error(ValueError):
        vocabulary = find_vocabulary(model)
    if vocabulary.frame is not None:
        raise options.UserError(
            f"the model pads its texts to {vocabulary.frame.length} words, and a phrase's vector "
            f"depends on its place then; expected a model that reads texts as they are."
        )
    queries = {text: vocabulary.split(text)[0] for text in args.phrases}
    for text, tokens in queries.items():
        _check_query(model, text, tokens, args.max_len)
    with options.as_user_error(ReadError):
        reviews = [
            vocabulary.encode(review.tokens or vocabulary.split(review.text or "")[0])
            for review in read_reviews(args.corpus, **inputs.keywords(args))
        ]
    phrases = count_phrases(reviews, args.max_len, args.min_count, unknown=vocabulary.unknown)
    ids = {text: vocabulary.encode(tokens) for text, tokens in queries.items()}
    indices = {text: _find(phrases, text, ids[text], reviews, args.min_count) for text in queries}
    with options.as_user_error(ValueError):
        check_memory(phrases, check_stack(model.classifier.layers, None))
    with options.interruptions() as check, show_bar(len(reviews), check) as report:
        table = average_vectors(
            model.classifier, reviews, phrases, RULES[args.rule], progress=report
        )
    console = Console()
    console.print(
        f"{len(reviews):,} reviews, {phrases.lengths.sum():,} words, "
        f"[bold]{len(table.words):,} phrases[/] of up to {args.max_len} words that occur at least "
        f"{args.min_count} times"
    )
    known = vocabulary.known(np.concatenate(reviews))
    if note := describe_unknown(known):
        console.print(f"[yellow]warning:[/] {note}")
    if args.out is not None:
        _write(args.out, model, table)
    _print_neighbours(console, model, table, ids, indices, args)


def _check_query(model, text: str, tokens: list[str], max_len: int) -> None:
    """Raise where there can be no such phrase, whatever the corpus."""
    if not tokens:
        raise options.UserError("a phrase is empty; expected at least one word.")
    unknown = [token for token in tokens if token not in model.vocabulary]
    if unknown:
        raise options.UserError(f"{text!r}: the model does not know {', '.join(unknown)}.")
    if len(tokens) > max_len:
        raise options.UserError(
            f"{text!r} has {len(tokens)} words; phrases of up to {max_len} are counted. "
            f"Count longer ones by --max-len {len(tokens)}."
        )


def _find(phrases, text: str, ids, reviews, min_count: int) -> int:
    """Return the number of a phrase; raise where it occurs too seldom, before all the work."""
    from cdjax.phrases.vectors import count_phrases, find_phrase

    index = find_phrase(phrases, ids)
    if index is not None:
        return index
    every = count_phrases(reviews, len(ids), 1, unknown=None)
    index = find_phrase(every, ids)
    if index is None:
        raise options.UserError(f"{text!r} does not occur in the corpus.")
    count = int(every.counts[index])
    times = "once" if count == 1 else f"{count} times"
    raise options.UserError(
        f"{text!r} occurs {times} in the corpus; expected at least {min_count} times. Count rarer "
        f"phrases by --min-count {count}."
    )


def _texts(model, words) -> list[str]:
    """Return phrases as text."""
    names = model.vocabulary.words
    return [" ".join(names[word] for word in row if word >= 0) for row in words.tolist()]


def _write(path: str, model, table) -> None:
    """Write all phrases and vectors as NumPy arrays."""
    with write_atomically(path) as new, new.open("wb") as file:
        np.savez(
            file,
            phrases=np.array(_texts(model, table.words)),
            counts=table.counts,
            vectors=table.vectors,
            interactions=table.interactions,
        )


def _print_neighbours(console, model, table, ids, indices, args) -> None:
    from rich.table import Table
    from rich.text import Text

    from cdjax.phrases.neighbours import find_neighbours, overlaps
    from cdjax.results import default_direction, read, read_scores
    from cdjax.results.scores import exclude_each_other

    output = model.output
    two = len(model.labels) == 2 and exclude_each_other(
        len(model.classifier.bias), model.labels, output
    )
    vectors = table.interactions if args.interactions else table.vectors
    leave_out = np.stack([overlaps(table.words, query) for query in ids.values()])
    nearest = find_neighbours(
        vectors, vectors[list(indices.values())], args.top, leave_out=leave_out
    )

    def score(index):
        logits = model.classifier.readout @ vectors[index]
        direction = default_direction(logits, model.labels, output)
        label = "" if two else f" {model.labels[direction.argmax()]}"
        return f"{read(read_scores(logits, model.labels), direction):+.2f}{label}"

    def times(index):
        return f"{table.counts[index]:,}"

    for (text, index), neighbours, cosines in zip(
        indices.items(), nearest.indices, nearest.cosines, strict=True
    ):
        rows = Table.grid(padding=(0, 2))
        for justify in ("right", "right", "right", "left"):
            rows.add_column(justify=justify)
        rows.add_row(*(Text(head, "dim") for head in ("cosine", "score", "times", "")))
        rows.add_row("", score(index), times(index), Text(text, "bold"))
        for row, cosine, phrase in zip(
            neighbours, cosines, _texts(model, table.words[neighbours]), strict=True
        ):
            rows.add_row(f"{cosine:.3f}", score(row), times(row), Text(phrase))
        console.print()
        console.print(rows)
    console.print()
    of = "their interactions" if args.interactions else "the phrases"
    what = f"for {model.labels[1]} less {model.labels[0]}" if two else "highest"
    console.print(Text(f"Cosines and scores of {of}; scores are mean logits, {what}.", "dim"))
