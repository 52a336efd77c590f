"""The command: `python -m benchmarks.paper --help`."""

import argparse
import functools
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import cdjax.model
from cdjax.cli.cache import keep_compiled_programs
from cdjax.cli.options import UserError, as_user_error, positive
from cdjax.core.rules import RULES
from cdjax.memory import keep_freed_arrays
from cdjax.methods.registry import make_methods

PROGRAM = "python -m benchmarks.paper"
try:
    from benchmarks.paper import rules
    from benchmarks.paper.ahead import fit_regressions, score_trees
    from benchmarks.paper.models import (
        ARCHITECTURES,
        architecture_subjects,
        train_missing,
        treebank_runs,
        treebank_subjects,
        yelp_subject,
    )
    from benchmarks.paper.registry import EXPERIMENTS, can_run
    from benchmarks.paper.report import title_of, write_report
    from benchmarks.paper.run import run_experiments
    from benchmarks.paper.setting import PAPER_METHODS, Setting, make_subject
    from benchmarks.paper.workers import keep_processes
except ModuleNotFoundError as error:
    package = str(error.name).partition(".")[0]
    if package in ("None", "benchmarks", "cdjax"):
        raise
    print(
        f"{PROGRAM}: error: {package} is not installed; pip install -e '.[study]' in the "
        f"repository installs what the study needs.",
        file=sys.stderr,
    )
    sys.exit(2)

HELP = """\
Run an experiment of Murdoch, Liu & Yu (2018), or all, for several methods, rules and models.
Each writes NAME.json (numbers), NAME.md (tables) and figures (PNG, SVG) into a folder.

{experiments}
  {all:18}all of these
  {report:18}only the report, of the results in the folder

At the end report.html (one page, pictures inside) and report.md show all results of the folder
beside the paper's.

Scores are stored in OUT/scores as soon as they are computed: the same command continues an
interrupted run, and does not repeat experiments that are done.

examples:
  python -m benchmarks.paper all --sst sst/ --yelp yelp/ --vectors glove-6B-50d.npz --out results/
  python -m benchmarks.paper negation --sst sst/ --models seed-0/ seed-1/ seed-2/ --out results/
"""


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{PROGRAM}: error: {message} (see {PROGRAM} --help)\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 2 after wrong use, 130 if interrupted."""
    argv = sys.argv[1:] if argv is None else list(argv)
    try:
        args = _make_parser().parse_args(argv)
    except SystemExit as error:  # argparse exits by itself: 0 after --help, 2 after an error
        return int(error.code or 0)
    try:
        with as_user_error(ValueError, RuntimeError):
            _run(args, f"{PROGRAM} {shlex.join(argv)}")
    except UserError as error:
        print(f"{PROGRAM}: error: {' '.join(str(error).split())}", file=sys.stderr)
        return error.code
    except KeyboardInterrupt:
        print(f"{PROGRAM}: interrupted", file=sys.stderr)
        return 130
    return 0


def _make_parser() -> argparse.ArgumentParser:
    lines = (f"  {e.name:18}{title_of(e._asdict())}" for e in EXPERIMENTS.values())
    parser = _Parser(
        prog=PROGRAM,
        description=HELP.format(experiments="\n".join(lines), all="all", report="report"),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
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
        "--vectors, models of further seeds and `plain`, which is trained by the paper's recipe "
        "and in no mean; they are trained first). Figures are those of the best model on dev",
    )
    add(
        "--architectures",
        type=Path,
        nargs="+",
        default=[],
        metavar="DIR",
        help="models of the treebank that are not one layer of LSTM, for the study of rules alone "
        "(default: with --vectors, and no --models, three that are trained first)",
    )
    add("--yelp-model", type=Path, metavar="DIR", help="model of Yelp reviews (default: bundled)")
    add("--vectors", type=Path, nargs="+", default=[], metavar="FILE", help="to train seeds with")
    add(
        "--seeds",
        type=positive,
        default=4,
        metavar="N",
        help="number of models of the treebank, where none are given (default: 4)",
    )
    add(
        "--rule",
        nargs="+",
        choices=tuple(RULES),
        default=["paper", "acd", "released"],
        help="rules of contextual decomposition (default: paper acd released)",
    )
    add(
        "--methods",
        nargs="+",
        metavar="METHOD",
        help="methods to compare (default: the five of the paper, cd gradient ig loo cell; or all)",
    )
    add(
        "--quick",
        action="store_true",
        help="few texts, rules and penalties, no test sets in the study of rules, no training: to "
        "try it out",
    )
    add("--overwrite", action="store_true", help="run experiments again that are done")
    return parser


def _run(args: argparse.Namespace, command: str) -> None:
    """Run the experiments and write the report."""
    if args.name != "report":
        chosen = [e for e in EXPERIMENTS.values() if args.name in (e.name, "all")]
        given = [name for name in ("sst", "yelp") if getattr(args, name) is not None]
        possible = [experiment for experiment in chosen if can_run(experiment, given)]
        if not possible:
            flags = dict.fromkeys(f"--{name}" for e in chosen for name in e.data)
            raise UserError(f"{args.name} needs data; give their folders by {' and '.join(flags)}.")
        setting = _make_setting(args, command)
        for experiment in chosen:
            if experiment not in possible:
                setting.log(
                    f"{experiment.name}: left out, needs --{' and --'.join(experiment.data)}"
                )
        with keep_processes(setting):
            if args.name == "all":
                score_trees(setting)
            run_experiments([experiment.name for experiment in possible], setting, args.overwrite)
    print(f"report: {', '.join(map(str, write_report(args.out)))}")


def _make_setting(args: argparse.Namespace, command: str) -> Setting:
    """Load the models, training those that are missing."""
    known = tuple(make_methods())
    methods = known if args.methods == ["all"] else tuple(args.methods or PAPER_METHODS)
    if unknown := [name for name in methods if name not in known]:
        raise UserError(f"there is no method {unknown[0]!r}; expected any of {', '.join(known)}.")

    def log(text: str) -> None:
        print(text, flush=True)

    keep_compiled_programs()
    keep_freed_arrays()
    subjects = []
    if args.sst:
        folder = args.out / "models"
        vectors, seeds = ([], 1) if args.quick else (args.vectors, args.seeds)
        studied = args.name in ("all", rules.EXPERIMENT.name) and not args.architectures
        if vectors and not args.models:  # all that are trained, side by side: the longest first
            runs = {**(ARCHITECTURES if studied else {}), **treebank_runs(seeds)}
            data = Setting(args.out, (), args.sst, args.yelp, log=log)
            fit = functools.partial(fit_regressions, data) if args.name == "all" else lambda: None
            train_missing(runs, args.sst, vectors, folder, log, fit)
        subjects += treebank_subjects(args.models, args.sst, vectors, seeds, folder, log)
        others = [
            make_subject(path.name, "sst", cdjax.model.load(path)) for path in args.architectures
        ]
        if vectors and studied and not args.models:
            others = architecture_subjects(args.sst, vectors, folder, log)
        subjects += [subject._replace(data=rules.ARCHITECTURES) for subject in others]
    if args.yelp:
        subjects.append(yelp_subject(args.yelp_model))
    names = [subject.name for subject in subjects]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise UserError(f"two models are named {twice[0]!r}; rename the folder of one.")
    chosen = tuple(RULES[name] for name in dict.fromkeys(args.rule))
    return Setting(
        args.out,
        tuple(subjects),
        *(args.sst, args.yelp, methods, chosen, command),
        quick=args.quick,
        log=log,
    )


if __name__ == "__main__":
    sys.exit(main())
