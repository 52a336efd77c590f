"""`python -m benchmarks.paper`: the paper's tables and figures, and some of our own."""

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from cdjax.cli import options as common

PROGRAM = "python -m benchmarks.paper"
EXPERIMENTS = {
    "unigrams": "4.2: scores of words beside a logistic regression",
    "dissent": "4.3: parts that dissent from the phrase around them",
    "compositionality": "4.4: phrases that speak against their review",
    "negation": "4.5: interactions of negations",
    "neighbours": "4.6: words and interactions nearest to some of either",
    "deletion": "taking phrases out of a text, and putting them in",
    "phrase_labels": "agreement with every label of the treebank",
}

DESCRIPTION = f"""\
Run an experiment of Murdoch, Liu & Yu (2018), or all of them, for all methods, rules and models.
Each writes NAME.json (numbers), NAME.md (tables) and figures (PNG, SVG) into a folder.

{chr(10).join(f"  {name:18}{about}" for name, about in EXPERIMENTS.items())}
  {"all":18}all of these
  {"report":18}the report alone, of the results that are in the folder

At the end report.html (one page, pictures inside) and report.md show all results of the folder
beside the paper's.

Scores are kept in OUT/scores as soon as they are there: the same command goes on where it was cut
off, and leaves out experiments that are done.

examples:
  python -m benchmarks.paper all --sst sst/ --yelp yelp/ --vectors glove-6B-50d.npz --out results/
  python -m benchmarks.paper negation --sst sst/ --models seed-0/ seed-1/ seed-2/ --out results/
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_arguments(parser)
    args = parser.parse_args(argv)
    args.argv = sys.argv[1:] if argv is None else list(argv)
    try:
        with common.as_user_error():
            run(args)
    except common.UserError as error:
        print(f"{PROGRAM}: error: {error}", file=sys.stderr)
        return error.code
    return 0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    from cdjax.core.rules import RULES

    add = parser.add_argument
    add("name", choices=(*EXPERIMENTS, "all", "report"), metavar="NAME", help="which one, or all")
    add("--sst", type=Path, metavar="DIR", help="folder of the treebank (cdjax fetch sst)")
    add("--yelp", type=Path, metavar="DIR", help="folder of Yelp reviews, train.csv and test.csv")
    add("--out", type=Path, required=True, metavar="DIR", help="folder to write to")
    add(
        "--models",
        type=Path,
        nargs="+",
        default=[],
        metavar="DIR",
        help="models of the treebank, made by cdjax train (default: the bundled one and, with "
        "--vectors, others of further seeds and `plain`, trained first; the latter as the paper "
        "says, and in no mean); figures are of the best on dev",
    )
    add("--yelp-model", type=Path, metavar="DIR", help="model of Yelp reviews (default: bundled)")
    add("--vectors", type=Path, nargs="+", default=[], metavar="FILE", help="to train seeds with")
    add(
        "--seeds",
        type=common.positive,
        default=3,
        metavar="N",
        help="how many models of the treebank there are to be, where none are given (default: 3)",
    )
    add(
        "--rule",
        nargs="+",
        choices=tuple(RULES),
        default=["paper", "acd", "released"],
        help="readings of contextual decomposition (default: paper acd released)",
    )
    add(
        "--methods",
        nargs="+",
        metavar="METHOD",
        help="methods to compare (default: the five of the paper, cd gradient ig loo cell; or all)",
    )
    add("--overwrite", action="store_true", help="run experiments again that are done")


def run(args: argparse.Namespace) -> None:
    """Run the experiments one after the other."""
    with common.as_user_error(ImportError):
        from benchmarks.paper.models import treebank_subjects, yelp_subject
        from benchmarks.paper.report import write_report
        from benchmarks.paper.run import possible, run_experiment
        from benchmarks.paper.setting import PUBLISHED, Setting
    from cdjax.cli.cache import keep_compiled_programs
    from cdjax.core.rules import RULES
    from cdjax.methods.registry import make_methods

    if args.name == "report":
        with common.as_user_error(ValueError):
            _tell(write_report(args.out))
        return
    known = tuple(make_methods())
    methods = known if args.methods == ["all"] else tuple(args.methods or PUBLISHED)
    if unknown := [name for name in methods if name not in known]:
        raise common.UserError(
            f"there is no method {unknown[0]!r}; expected some of {', '.join(known)}."
        )

    def say(text: str) -> None:
        print(text, flush=True)

    keep_compiled_programs()
    with common.as_user_error(ValueError, RuntimeError):
        subjects = []
        if args.sst:
            subjects += treebank_subjects(
                args.models, args.sst, args.vectors, args.seeds, args.out / "models", say
            )
        if args.yelp:
            subjects.append(yelp_subject(args.yelp_model))
        setting = Setting(
            args.out,
            tuple(subjects),
            args.sst,
            args.yelp,
            methods,
            tuple(RULES[name] for name in dict.fromkeys(args.rule)),
            f"{PROGRAM} {shlex.join(args.argv)}",
            say,
        )
        names = EXPERIMENTS if args.name == "all" else [args.name]
        for name in possible(setting, names):
            run_experiment(name, setting, args.overwrite)
        _tell(write_report(args.out))


def _tell(report: list[Path]) -> None:
    print(f"report: {', '.join(map(str, report))}")


if __name__ == "__main__":
    sys.exit(main())
