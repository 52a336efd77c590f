"""`cdjax explain`: one text, its prediction and what each part of it says, in the terminal."""

import argparse
import contextlib
import sys

from cdjax.cli import models, options, page, pictures, series

_DESCRIPTION = """\
Explain a model's prediction for one text: the score of each word, the phrases
that say most, and the adjacent words that together say something else than
alone.

A score is what a word or phrase contributes to the prediction, in its context.
It is in logits: of two labels the second's less the first's (positive less
negative), so above 0 speaks for the second label, and adding 1 multiplies the
odds by 2.7. With more labels it is the predicted label's logit, or that of the
label named by --class; with --against, less that of another label.

The text is given in quotes, by --file, or by - from standard input.
"""

_EPILOG = """\
reading the scores:
  --  -2 or less   -  -0.5 or less   ·  between   +  0.5 or more   ++  2 or more
The scale is the same for every text, so that two explanations compare. A ?
marks a word that the model does not know. The text is split into Penn Treebank
tokens: "isn't" is two, is and n't.

The whole text, the remainder and the output bias add up to the logit. The
remainder belongs to no phrase: what the network's own biases do, by some rules.

The interaction of words is the score of their phrase less the sum of their own
scores: what they say together beyond that. Phrases are listed from 0.5 logits;
in texts of more than 40 words sentences come first, and phrases of more than
10 words are not listed.

examples:
  cdjax explain "It isn't a bad film."
  cdjax explain "Great cast, but the plot is a mess." --rule paper
  cdjax explain "It isn't a bad film." --tree
  cdjax explain "It isn't a bad film." --class negative
  cdjax explain --file review.txt --max-len 8
  cdjax explain "It isn't a bad film." --method all
  cdjax explain "It isn't a bad film." --html page.html
  cdjax explain "It isn't a bad film." --png picture.png --picture waterfall
  cdjax explain "It isn't a bad film." --html page.html --method cd,cd:acd,loo
  NO_COLOR=1 cdjax explain "Not once did I laugh."

"""


TEXT_RULE = "even"
"""The rule of a text where none is given: the choice of `python -m benchmarks.paper rules`, by the
criterion of its protocol. That was about texts; series have the paper's."""
_ABOUT_RULE = (
    f"Scores are by the rule {TEXT_RULE}, the choice of a study. The paper's: --rule paper."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    from cdjax.methods.registry import make_methods

    parser.description, parser.epilog = _DESCRIPTION, _EPILOG + series.EPILOG
    parser.add_argument(
        "text",
        metavar="TEXT",
        nargs="?",
        help="the text, in quotes; or -, standard input. Of a series, its file",
    )
    parser.add_argument("--file", metavar="FILE", help="the file of the text, UTF-8")
    parser.add_argument(
        "--tree",
        action="store_true",
        help="show the phrases as a tree: how the words, or windows of a series, join, those first "
        "that interact most",
    )
    parser.add_argument(
        "--class",
        dest="label",
        metavar="LABEL",
        help="explain this label (default: of two labels the second, else the predicted one)",
    )
    parser.add_argument(
        "--against",
        metavar="LABEL",
        help="hold the label against this one: scores below 0 speak for it",
    )
    parser.add_argument(
        "--method",
        type=_names,
        metavar="NAME,...",
        help="explain by another method; or by several, words or windows side by side, each on "
        f"its own fixed scale: {', '.join(make_methods())}, all; cd:RULE is cd by another rule",
    )
    models.add_arguments(parser, rule=None)
    series.add_arguments(parser)
    page.add_arguments(parser)


def run(args: argparse.Namespace) -> None:
    """Explain one text."""
    from cdjax.cli.cache import keep_compiled_programs
    from cdjax.cli.parser import tell_missing
    from cdjax.cli.texts import check_source, read_text
    from cdjax.model import find_vocabulary
    from cdjax.results.evidence import LONGEST_PHRASE
    from cdjax.results.sentences import LONG_TEXT
    from cdjax.scoring.limits import check_length
    from cdjax.viz import terminal
    from cdjax.viz.console import Console

    _check(args)
    check_source(args.text, args.file)
    keep_compiled_programs()
    model = models.load_model(args)
    for flag, label in (("--class", args.label), ("--against", args.against)):
        if label is not None and label not in model.labels:
            raise options.UserError(f"{flag}: {tell_missing('label', label, model.labels)}")
    if args.label is not None and args.label == args.against:
        raise options.UserError(
            f"--class and --against are both {args.label}; expected two labels."
        )
    series.check_step(args, model)
    console = Console()
    if model.classifier.embedding is None:
        args.rule = args.rule or "paper"
        series.run(args, model, console)
        return
    about = ""
    if args.rule is None:
        args.rule = TEXT_RULE
        if not args.method or {"cd", "all"} & set(args.method):
            about = _ABOUT_RULE
    series.check_text(args)
    args.text = read_text(args.text, args.file)
    with options.as_user_error(ValueError, ImportError), _hidden_modules("scipy", "sklearn"):
        words = len(find_vocabulary(model).split(args.text)[0])
        all_phrases = args.html or args.tree or pictures.needs_all_phrases(args)
        if words > LONG_TEXT and args.max_len is None and not all_phrases:
            args.max_len = LONGEST_PHRASE  # no longer ones are listed
        check_length(words, args.max_len, "the text")

    def name(notice: str) -> str:
        return options.name_flags(notice, vars(args))

    methods = _expand(args.method)
    if args.html or (methods and len(methods) > 1):
        if not args.html:
            args.max_len = 1
        explanations, notes = page.explain_all(args, args.text, model, methods)
        seen = explanations[0].overview()
        terminal.print_outcome(console, explanations[0], seen, about)
        terminal.print_notices(console, seen, name, first=True)
        if not args.html:
            terminal.print_side_by_side(console, explanations)
        terminal.print_notes(console, notes)
        if args.html:
            console.print(page.write(args, explanations), markup=False)
        explanations = explanations if methods else explanations[:1]
    else:
        explanations = [_explain(args, model, methods)]
        terminal.print_explanation(console, explanations[0], name, about, tree=args.tree)
    if pictures.is_wanted(args):
        for line in pictures.write(args, explanations):
            console.print(line, markup=False)


def _names(text: str) -> list[str]:
    """Read names of methods that commas separate; `cd:RULE` is cd by that rule."""
    from cdjax.core.rules import RULES
    from cdjax.methods.registry import make_methods

    known = [*make_methods(), "all"]
    names = text.split(",")
    for name in names:
        method, colon, rule = name.partition(":")
        if method not in known or (method == "all" and len(names) > 1):
            raise argparse.ArgumentTypeError(
                f"{name!r}; expected some of {', '.join(known[:-1])}, with commas between, or all"
            )
        if colon and (method != "cd" or rule not in RULES):
            raise argparse.ArgumentTypeError(
                f"{name!r}; expected a rule after cd: alone, one of {', '.join(RULES)}"
            )
    if len(set(names)) < len(names):
        raise argparse.ArgumentTypeError(f"{text!r} names a method twice; expected each once")
    return names


def _expand(names: list[str] | None) -> list[str] | None:
    """Return the methods named, all of them for `all`."""
    from cdjax.methods.registry import make_methods

    return list(make_methods()) if names == ["all"] else names


def _check(args: argparse.Namespace) -> None:
    """Raise where options exclude each other."""
    page.check(args)
    several = args.method is not None and (len(args.method) > 1 or args.method == ["all"])
    if args.html and args.tree:
        raise options.UserError("--tree is of the terminal, and a page has the tree; leave it out.")
    if args.tree and args.max_len is not None:
        raise options.UserError("--tree needs phrases of all lengths; leave --max-len out.")
    if several and not args.html and (args.tree or args.max_len is not None):
        other = "--tree" if args.tree else "--max-len"
        raise options.UserError(f"several methods show words alone; leave {other} out.")
    if args.method and not {"cd", "all"} & set(args.method) and args.rule is not None:
        raise options.UserError(
            f"--rule {args.rule} is a rule of contextual decomposition, which --method "
            f"{','.join(args.method)} is not; leave one of them out."
        )


def _explain(args, model, methods):
    """Return the explanation by one method, contextual decomposition where none is named."""
    from cdjax.methods.explain import explain

    method, _, rule = (methods or ["cd"])[0].partition(":")
    with options.as_user_error(ValueError, FloatingPointError):
        return explain(
            args.text,
            model,
            method,
            rule=rule or (args.rule if method == "cd" else "paper"),
            max_len=args.max_len,
            label=args.label,
            against=args.against,
            whole=not (args.tree or pictures.needs_all_phrases(args)),
            step=args.step,
        )


@contextlib.contextmanager
def _hidden_modules(*names: str):
    """Make imports of these modules fail meanwhile.

    NLTK imports `scipy` and `sklearn` where they are installed, for parts that tokenizing does not
    use; either takes about as long as importing JAX.
    """
    missing = [name for name in names if name not in sys.modules]
    for name in missing:
        sys.modules[name] = None  # pyright: ignore[reportArgumentType]
    try:
        yield
    finally:
        for name in missing:
            sys.modules.pop(name, None)
