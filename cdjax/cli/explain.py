"""`cdjax explain`: one text, its prediction and what each part of it says, in the terminal."""

import argparse
import contextlib
import sys

from cdjax.cli import models, options, page, series

_DESCRIPTION = """\
Explain a model's prediction for one text: the score of each word, the phrases
that say most, and the adjacent words that together say something else than
alone.

A score is what a word or phrase contributes to the prediction, in its context.
It is in logits: of two labels the second's less the first's (positive less
negative), so above 0 speaks for the second label, and adding 1 multiplies the
odds by 2.7. With more labels it is the predicted label's logit, or that of the
label named by --class.
"""

_EPILOG = """\
reading the words:
  --  to -2   -  to -0.5   ·  between   +  from 0.5   ++  from 2
The scale is the same for every text, so that two explanations compare. A ?
marks a word that the model does not know. The text is split into Penn Treebank
tokens: "isn't" is two, is and n't.

The interaction of adjacent words is score(a b) - score(a) - score(b): what the
pair says beyond its parts; shown from 0.5 logits. For longer phrases it is the
score less the sum of the words' scores; shown from 0.5 logits.

examples:
  cdjax explain "It isn't a bad film."
  cdjax explain "Great cast, but the plot is a mess." --rule acd
  cdjax explain "It isn't a bad film." --tree
  cdjax explain "It isn't a bad film." --class negative
  cdjax explain "$(cat review.txt)" --max-len 8
  cdjax explain "It isn't a bad film." --method all
  cdjax explain "It isn't a bad film." --html page.html
  cdjax explain "It isn't a bad film." --html page.html --method cd,cd:acd,loo
  NO_COLOR=1 cdjax explain "Not once did I laugh."

"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    from cdjax.methods.registry import make_methods

    parser.description, parser.epilog = _DESCRIPTION, _EPILOG + series.EPILOG
    parser.add_argument("text", metavar="TEXT", help="the text; quote it. Of a series, its file")
    parser.add_argument(
        "--tree",
        action="store_true",
        help="show the phrases as a tree: how the words join, those first that interact most",
    )
    parser.add_argument(
        "--class",
        dest="label",
        metavar="LABEL",
        help="explain this label (default: of two labels the second, else the predicted one)",
    )
    parser.add_argument(
        "--method",
        type=_names,
        metavar="NAME,...",
        help="show the words' scores by another method, or by several side by side, each on "
        f"its own fixed scale: {', '.join(make_methods())}, all; cd:RULE is cd by another rule",
    )
    models.add_arguments(parser)
    series.add_arguments(parser)
    page.add_arguments(parser)


def run(args: argparse.Namespace) -> None:
    """Explain one text."""
    from cdjax.cli.cache import keep_compiled_programs
    from cdjax.model import find_vocabulary
    from cdjax.scoring.limits import check_length
    from cdjax.viz import terminal
    from cdjax.viz.console import Console

    _check(args)
    if not args.text.strip():
        raise options.UserError("the text is empty; expected at least one word.")
    keep_compiled_programs()
    model = models.load_model(args)
    if args.label is not None and args.label not in model.labels:
        raise options.UserError(
            f"--class {args.label}: there is no such label; expected one of "
            f"{', '.join(model.labels)}."
        )
    console = Console()
    if model.classifier.embedding is None:
        series.run(args, model, console)
        return
    series.check_text(args)
    with options.as_user_error(ValueError, ImportError), _hidden_modules("scipy", "sklearn"):
        words = len(find_vocabulary(model).split(args.text)[0])
        check_length(words, args.max_len, "the text")
    if args.html:
        explanations, notes = page.explain_all(args, args.text, model, _expand(args.method))
        terminal.print_outcome(console, explanations[0])
        _print_notes(console, notes)
        console.print(page.write(args, explanations), markup=False)
    elif args.method:
        _compare(args, model, console)
    elif args.tree:
        explanation = _explain(args, model)
        terminal.print_outcome(console, explanation)
        terminal.print_words(console, explanation)
        terminal.print_tree(console, explanation)
    else:
        terminal.print_explanation(console, _explain(args, model))


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
    if args.html and args.tree:
        raise options.UserError("--tree is of the terminal, and a page has the tree; leave it out.")
    if args.tree and args.max_len is not None:
        raise options.UserError("--tree needs phrases of all lengths; leave --max-len out.")
    if args.method and not args.html and (args.tree or args.max_len is not None):
        other = "--tree" if args.tree else "--max-len"
        raise options.UserError(f"--method shows words alone; leave {other} out.")
    if args.method and not {"cd", "all"} & set(args.method) and args.rule != "paper":
        raise options.UserError(
            f"--rule {args.rule} is a rule of contextual decomposition, which --method "
            f"{','.join(args.method)} is not; leave one of them out."
        )


def _explain(args, model):
    from cdjax.methods.explain import explain

    with options.as_user_error(ValueError, FloatingPointError):
        return explain(args.text, model, rule=args.rule, max_len=args.max_len, label=args.label)


def _compare(args, model, console) -> None:
    """Show the words by the methods asked for."""
    from cdjax.methods.registry import make_methods
    from cdjax.viz import terminal

    args.max_len = 1
    explanations, notes = page.explain_all(args, args.text, model, _expand(args.method))
    terminal.print_outcome(console, explanations[0])
    titles = [make_methods()[explanation.method].title for explanation in explanations]
    terminal.print_side_by_side(console, explanations, titles)
    _print_notes(console, notes)


def _print_notes(console, notes) -> None:
    for note in notes:
        console.print(note, style="yellow", markup=False)


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
