"""The command: `python -m benchmarks.accuracy --help`."""

import argparse
import json
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cdjax
import numpy as np
from cdjax.training.fit import fit
from cdjax.training.loop import DEFAULTS
from cdjax.training.treebank import prepare_treebank

from benchmarks.accuracy import treebank, yelp

SEEDS = (0, 1, 2)
OTHERS: dict[str, dict[str, Any]] = {  # networks of one seed each, by the same recipe
    "SST GRU": {"cell": "gru"},
    "SST LSTM, both directions": {"bidirectional": True},
    "SST LSTM, two layers": {"layers": 2},
}
PUBLISHED_FIGURES = {"SST LSTM": 87.2, "SST bag of words": 83.2}  # test accuracy, section 4.1


def measure_once(path: Path, measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return the figures stored in a file, measuring and storing them first where there is none."""
    if not path.exists():
        result = measure()
        path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return json.loads(path.read_text(encoding="utf-8"))


def train_once(path: Path, train: Callable[..., cdjax.Model]) -> dict[str, Any]:
    """Return the accuracy of a saved model, training and saving it first where there is none."""

    def log(record):
        print(
            f"  {path.name}: epoch {record['epoch']:.2f}, dev {record['accuracy']:.2%}", flush=True
        )

    if not path.exists():
        state = path.with_suffix(".state")
        model = train(checkpoint=state, resume=state.exists(), log=log)
        cdjax.save(model, path, dtype=np.float16)
        state.unlink()
    return dict(cdjax.load(path).provenance["accuracy"])


def main() -> None:
    """Train, measure, write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=__doc__)
    add = parser.add_argument
    add("--sst", type=Path, metavar="DIR", help="train.txt, dev.txt and test.txt (trees)")
    add("--yelp", type=Path, metavar="DIR", help="reviews-{train,test}.csv, sentences-train.*")
    add("--vectors", type=Path, nargs="+", required=True, metavar="FILE", help="of the LSTMs")
    add("--out", type=Path, required=True, metavar="DIR", help="models, figures, table.md")
    args = parser.parse_args()
    command = ["python", "-m", "benchmarks.accuracy", *sys.argv[1:]]
    args.out.mkdir(parents=True, exist_ok=True)
    rows = []
    if args.sst:
        words = measure_once(args.out / "sst-words.json", lambda: treebank.measure_words(args.sst))
        rows.append(("SST bag of words", f"{100 * words['test']:.1f}%"))
        bag = measure_once(
            args.out / "sst-vectors.json", lambda: treebank.measure_vectors(args.sst, args.vectors)
        )
        rows.append(("SST bag of vectors", f"{100 * bag['test']:.1f}%"))

        def train_treebank(name: str, **options: Any) -> float:
            """Return the test accuracy of a network of the treebank, in percent."""

            def train(**loop: Any) -> cdjax.Model:
                data, how = prepare_treebank(args.sst), DEFAULTS._replace(**options)
                return fit(data, args.vectors, how, command=command, **loop)

            return 100 * train_once(args.out / name, train)["test"]["accuracy"]

        accuracies = [train_treebank(f"sst-{seed}", seed=seed) for seed in SEEDS]
        each = ", ".join(f"{accuracy:.1f}" for accuracy in accuracies)
        mean, spread = statistics.mean(accuracies), statistics.stdev(accuracies)
        rows.append(("SST LSTM", f"{mean:.1f}% ± {spread:.1f} ({len(SEEDS)} seeds: {each})"))
        for title, options in OTHERS.items():
            name = title.lower().replace(",", "").replace(" ", "-")
            rows.append((title, f"{train_treebank(name, **options):.1f}%"))
    if args.yelp:
        for name, *options in (
            ("reviews", False),
            ("reviews and sentences", True),
            ("reviews and sentences, balanced", True, True),
        ):
            path = args.out / f"yelp-ngrams-{name.replace(',', '').replace(' ', '-')}.json"
            errors = measure_once(
                path, lambda options=options: yelp.measure_ngrams(args.yelp, *options)
            )
            figures = f"error {errors['error']:.1%}, balanced {errors['balanced_error']:.1%}"
            rows.append((f"Yelp n-grams, {name}", figures))
        test = train_once(
            args.out / "yelp",
            lambda **loop: yelp.train_lstm(args.yelp, args.vectors, 0, command, **loop),
        )["test"]
        figures = f"error {1 - test['accuracy']:.1%}, balanced {1 - test['balanced_accuracy']:.1%}"
        rows.append(("Yelp LSTM, reviews and sentences, balanced", figures))
    lines = ["| model | test | the paper |", "|---|---|---|"]
    for name, figures in rows:
        published = f"{PUBLISHED_FIGURES[name]}%" if name in PUBLISHED_FIGURES else ""
        lines.append(f"| {name} | {figures} | {published} |")
    table = "\n".join(lines) + "\n"
    (args.out / "table.md").write_text(table, encoding="utf-8")
    print(table, end="")


if __name__ == "__main__":
    main()
