"""`cdjax explain`: one text, its prediction and what each part of it says, in the terminal."""

import argparse
import contextlib
import sys

import numpy as np

from cdjax.cli import options, side_by_side

_DESCRIPTION = """\
Explain a model's prediction for one text: the score of each word, the phrases
that say most, and the adjacent words that together say something else than
alone.

A score is what a word or phrase contributes to the prediction, in its context.
It is in logits: for two classes the second label's less the first's (positive
less negative), so above 0 speaks for the second label, and adding 1 multiplies
the odds by 2.7. With more classes it is the predicted class's logit.
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
  cdjax explain "$(cat review.txt)" --max-len 8
  cdjax explain "It isn't a bad film." --method all
  NO_COLOR=1 cdjax explain "Not once did I laugh."
"""

# The steps of the paper's heat maps. Fixed, never fitted to a text: explanations must compare. Half
# a logit multiplies the odds by 1.6, two by 7.4; of the words of reviews 84% are within the one and
# 99% within the other, with the bundled model.
CLEAR, STRONG = 0.5, 2.0
STEPS = (
    ("--", "very negative", "white on #b2182b"),
    ("-", "negative", "black on #f4a582"),
    ("·", "neutral", ""),
    ("+", "positive", "black on #92c5de"),
    ("++", "very positive", "white on #2166ac"),
)
INTERACTION = 0.5
PHRASES = 4  # for each side
PAIRS = 6
GROWTH = 5  # words


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    from cdjax.methods.registry import make_methods

    parser.description, parser.epilog = _DESCRIPTION, _EPILOG
    parser.add_argument("text", metavar="TEXT", help="the text; quote it")
    parser.add_argument(
        "--tree",
        action="store_true",
        help="show the phrases as a tree: how the words join, those first that interact most",
    )
    parser.add_argument(
        "--method",
        choices=(*make_methods(), "all"),
        metavar="NAME",
        help="show the words' scores by another method, or by all of them side by side, each on "
        f"its own fixed scale: {', '.join(make_methods())}, all",
    )
    options.add_arguments(parser)


def step(score: float) -> int:
    """Return which of `STEPS` a score is, in logits.

    >>> [step(score) for score in (-2.0, -0.5, 0.0, 0.5, 2.0)]
    [0, 1, 2, 3, 4]
    """
    return side_by_side.step(score, CLEAR, STRONG)


def run(args: argparse.Namespace) -> None:
    """Explain one text."""
    from rich.console import Console

    from cdjax.cli.cache import keep_compiled_programs
    from cdjax.cli.tree import print_tree
    from cdjax.core.rules import RULES
    from cdjax.phrases.hierarchy import build_hierarchy
    from cdjax.scoring.batch import score_all_spans
    from cdjax.scoring.corpus import CorpusError, check_length, class_scores
    from cdjax.text.tokenizer import tokenize

    if args.tree and args.max_len is not None:
        raise options.UserError("--tree needs phrases of all lengths; leave --max-len out.")
    if args.method and (args.tree or args.max_len is not None):
        other = "--tree" if args.tree else "--max-len"
        raise options.UserError(f"--method shows words alone; leave {other} out.")
    if args.method not in (None, "cd", "all") and args.rule != "paper":
        raise options.UserError(
            f"--rule {args.rule} is a rule of contextual decomposition, which --method "
            f"{args.method} is not; leave one of them out."
        )
    with _left_out("scipy", "sklearn"):
        tokens = tokenize(args.text)
    if not tokens:
        raise options.UserError("the text is empty; expected at least one word.")
    with options.as_user_error(CorpusError):
        check_length(len(tokens), args.max_len, "the text")
    keep_compiled_programs()
    model = options.load_model(args.model)
    ids = model.vocabulary.encode(tokens)
    if args.method:
        _compare(args, model, tokens, ids)
        return
    (result,) = score_all_spans(model.classifier, [ids], RULES[args.rule], args.max_len)
    explained = 1 if len(model.labels) == 2 else int(result.logits.argmax())
    scores = class_scores(result.scores)[:, explained]
    console = Console(highlight=False)
    _print_prediction(console, model.labels, result.logits)
    words = scores[result.spans[:, 1] - result.spans[:, 0] == 1].tolist()
    _print_words(console, tokens, ids, words, model.labels, explained)
    if args.tree:
        direction = [-1, 1] if len(model.labels) == 2 else np.eye(len(model.labels))[explained]
        tree = build_hierarchy(result.spans, result.scores, direction)
        print_tree(console, tokens, tree)
        return
    _print_growth(console, tokens, result.spans, scores)
    _print_phrases(console, tokens, result.spans, scores, model.labels, explained)
    _print_interactions(console, tokens, result.spans, scores)


def _compare(args, model, tokens, ids) -> None:
    """Show the words by the methods asked for."""
    from rich.console import Console

    from cdjax.core.rules import RULES
    from cdjax.methods.registry import make_methods
    from cdjax.scoring.batch import predict

    methods = make_methods(RULES[args.rule], model.vocabulary)
    chosen = list(methods.values()) if args.method == "all" else [methods[args.method]]
    (logits,) = predict(model.classifier, [ids])
    explained = 1 if len(model.labels) == 2 else int(logits.argmax())
    scores, notes = side_by_side.score_words(model, ids, chosen, explained, args.method == "all")
    console = Console(highlight=False)
    _print_prediction(console, model.labels, logits)
    side_by_side.print_side_by_side(console, tokens, chosen, scores, model.labels, explained, STEPS)
    for note in notes:
        console.print(note, style="yellow", markup=False)


@contextlib.contextmanager
def _left_out(*modules: str):
    """Have modules not found while others are imported.

    NLTK takes `scipy` and `sklearn` along where they are installed, for tests of association
    and classifiers that tokenizing does not need; either takes about as long as importing JAX.
    """
    missing = [module for module in modules if module not in sys.modules]
    for module in missing:
        sys.modules[module] = None  # pyright: ignore[reportArgumentType]
    try:
        yield
    finally:
        for module in missing:
            sys.modules.pop(module, None)


def _print_prediction(console, labels, logits) -> None:
    from rich.text import Text

    from cdjax.scoring.tables import softmax

    probabilities = softmax(logits)
    order = probabilities.argsort()[::-1]
    best = order[0]
    others = ", ".join(f"{labels[k]} {probabilities[k]:.1%}" for k in order[1:4])
    console.print(
        Text.assemble(
            "Prediction: ",
            (f"{labels[best]} {probabilities[best]:.1%}", "bold"),
            (f"  ({others})" if others else "", "dim"),
        )
    )


def _print_words(console, tokens, ids, words, labels, explained) -> None:
    """Print each word over its score and mark, in as many strips as the width asks for."""
    from rich.cells import cell_len
    from rich.text import Text

    strips, room = [], 0
    for token, number, score in zip(tokens, ids, words, strict=True):
        mark, _, style = STEPS[step(score)]
        lines = f" {token} ", f"{score:+.2f}", mark + ("" if number else "?")
        width = max(map(cell_len, lines)) + 1
        if not strips or width > room:
            strips.append([Text(), Text(), Text()])
            room = console.width
        for text, line, look in zip(strips[-1], lines, (style, "", "dim"), strict=True):
            left = (width - cell_len(line)) // 2
            text.append(" " * left)
            text.append(line, look)
            text.append(" " * (width - cell_len(line) - left))
        room -= width
    for strip in strips:
        console.print()
        for text in strip:
            console.print(text, no_wrap=True, overflow="ellipsis", crop=False)

    names = [name for _, name, _ in STEPS]
    if len(labels) != 2:
        names = ["strongly against", "against", "neutral", "for", "strongly for"]
    edges = f"to -{STRONG:g}", f"to -{CLEAR:g}", "", f"from {CLEAR:g}", f"from {STRONG:g}"
    legend, numbers = Text(), Text(style="dim")
    for (mark, _, style), name, edge in zip(STEPS, names, edges, strict=True):
        entry = f" {mark} {name} "
        legend.append(entry, style).append(" ")
        numbers.append(edge.center(len(entry) + 1))
    console.print()
    console.print(legend)
    console.print(numbers)
    meaning = f"logits of {labels[explained]}"
    if len(labels) == 2:
        meaning = f"logits, above 0 for {labels[1]}, below for {labels[0]}"
    unknown = "" if all(ids) else "; ? is a word the model does not know"
    console.print(Text(f"Scores are {meaning}{unknown}.", style="dim"))
    if not any(ids):
        console.print(
            "warning: the model knows none of the words; the scores mean little.", style="yellow"
        )


def _print_growth(console, tokens, spans, scores) -> None:
    """Print how the strongest word's score changes as the words before it join, one by one."""
    from rich.text import Text

    by_span = {
        tuple(span): float(score) for span, score in zip(spans.tolist(), scores, strict=True)
    }
    last = max(range(len(tokens)), key=lambda t: abs(by_span[t, t + 1]))
    phrases = [(start, last + 1) for start in range(last, max(-1, last - GROWTH), -1)]
    phrases = [phrase for phrase in phrases if phrase in by_span]
    if len(phrases) == 1:
        return
    table = _table()
    for start, stop in phrases:
        mark, _, style = STEPS[step(by_span[start, stop])]
        score = Text(f" {by_span[start, stop]:+.2f} ", style)
        table.add_row(score, Text(mark, "dim"), Text(" ".join(tokens[start:stop])))
    console.print()
    console.print(Text("The strongest word, as the words before it join", style="bold"))
    console.print(table)


def _print_phrases(console, tokens, spans, scores, labels, explained) -> None:
    from rich.text import Text

    from cdjax.phrases.selection import strongest

    phrases = spans[:, 1] - spans[:, 0] > 1
    spans, scores = spans[phrases], scores[phrases]
    against = labels[0] if len(labels) == 2 else f"anything but {labels[explained]}"
    for label, sign in ((labels[explained], 1), (against, -1)):
        chosen = strongest(spans, sign * scores, PHRASES)
        if not len(chosen):
            continue
        table = _table()
        for place in chosen:
            start, stop = spans[place]
            mark, _, style = STEPS[step(float(scores[place]))]
            score = Text(f" {scores[place]:+.2f} ", style)
            table.add_row(score, Text(mark, "dim"), Text(" ".join(tokens[start:stop])))
        console.print()
        console.print(Text(f"Phrases that speak for {label}", style="bold"))
        console.print(table)


def _table():
    from rich.table import Table

    table = Table.grid(padding=(0, 1))
    table.add_column(justify="right", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column()
    return table


def _print_interactions(console, tokens, spans, scores) -> None:
    """Print the adjacent words, and the longer phrases, that are not the sum of their words."""
    from rich.text import Text

    from cdjax.phrases.interactions import interactions
    from cdjax.phrases.selection import strongest

    beyond, lengths = interactions(spans, scores), spans[:, 1] - spans[:, 0]
    if lengths.max() == 1:
        return
    pairs = [n for n in np.argsort(-abs(beyond), kind="stable") if lengths[n] == 2]
    worth = [n for n in pairs if abs(beyond[n]) >= INTERACTION]
    long = np.flatnonzero((lengths > 2) & (abs(beyond) >= CLEAR))
    turned = long[strongest(spans[long], abs(beyond[long]), PHRASES)]
    more = f", {PAIRS} of {len(worth)}" if len(worth) > PAIRS else ""
    console.print()
    if not worth:
        console.print(f"No two adjacent words interact by {INTERACTION} or more.", style="dim")
    for title, chosen in (
        (f"Adjacent words that interact, by {INTERACTION} or more{more}", worth[:PAIRS]),
        (f"Longer phrases that are not the sum of their words, by {CLEAR:g} or more", turned),
    ):
        if not len(chosen):
            continue
        table = _table()
        for n in chosen:
            phrase = " ".join(tokens[slice(*spans[n])])
            sum_ = scores[n] - beyond[n]
            parts = f" {scores[n]:+.2f} together, {sum_:+.2f} as the sum of the words"
            table.add_row(f" {beyond[n]:+.2f} ", Text(phrase), Text(parts, "dim"))
        if title.startswith("Longer"):
            console.print()
        console.print(title, style="bold")
        console.print(table)
