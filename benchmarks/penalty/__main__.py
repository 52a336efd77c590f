"""The command: `python -m benchmarks.penalty --help`."""

import argparse
import json
import platform
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
from cdjax.core.rules import ACD, PAPER
from cdjax.text.trees import binary_sentences, read_trees
from cdjax.text.vectors import combine_vectors, read_vectors
from cdjax.text.vocabulary import Vocabulary
from cdjax.training.batches import Examples
from cdjax.training.loop import evaluate, train
from cdjax.training.step import Options, Penalty

DECOYS = "video", "text"  # of negative and positive sentences
OPTIONS = Options(hidden=32, epochs=8, learning_rate=5e-3, evaluations=1, average=0.99)
RULES = {"scores": PAPER, "influence": ACD, "shares": PAPER}  # of each kind of penalty
WEIGHTS = 1.0, 3.0, 10.0, 30.0, 100.0  # candidates
SEEDS = 0, 1, 2
TESTS = "without decoys", "decoys of the other class", "decoys of its class"
SPREAD = 0.5


def read_examples(folder: Path, vocabulary: Vocabulary, split: str) -> Examples:
    """Return the binary sentences of a split."""
    pairs = list(binary_sentences(read_trees(folder / f"{split}.txt")))
    labels = np.array([label for _, label in pairs], np.int32)
    return Examples([vocabulary.encode(tokens) for tokens, _ in pairs], labels)


def insert_decoys(examples: Examples, decoys: Sequence[int], seed: int) -> Examples:
    """Return the sentences with the decoy of their class at a random position."""
    rng = np.random.default_rng(seed)
    sequences = [
        np.insert(sequence, rng.integers(len(sequence) + 1), decoys[label]).astype(np.int32)
        for sequence, label in zip(examples.sequences, examples.labels, strict=True)
    ]
    return examples._replace(sequences=sequences)


def measure(
    folder: Path,
    vectors: Path,
    seeds: Sequence[int],
    weights: Sequence[float],
    kinds: Sequence[str],
) -> dict[str, Any]:
    """Train with and without decoys and penalties, and measure."""
    trees = [tree for s in ("train", "dev", "test") for tree in read_trees(folder / f"{s}.txt")]
    vocabulary = Vocabulary.of([*DECOYS, *(token for tree in trees for token in tree.tokens)])
    embedding = combine_vectors([read_vectors(vectors)], vocabulary.words, spread=SPREAD)
    decoys = vocabulary.encode(DECOYS).tolist()
    clean, dev, test = (read_examples(folder, vocabulary, s) for s in ("train", "dev", "test"))
    biased = insert_decoys(clean, decoys, 0)
    flipped, matching = insert_decoys(test, decoys[::-1], 1), insert_decoys(test, decoys, 1)
    tests = dict(zip(TESTS, (test, flipped, matching), strict=True))

    def run(examples: Examples, seed: int, penalty: Penalty | None = None) -> dict[str, Any]:
        begin = time.perf_counter()
        training = train(embedding, examples, dev, OPTIONS._replace(seed=seed), penalty=penalty)
        result = {
            "seed": seed,
            "weight": penalty and penalty.weight,
            "dev": training.best["accuracy"],
            "test": {k: evaluate(training.classifier, v)["accuracy"] for k, v in tests.items()},
            "seconds": time.perf_counter() - begin,
        }
        print(penalty and penalty.kind, json.dumps(result), flush=True)
        return result

    first, *others = seeds
    rows = {
        "without decoys": [run(clean, seed) for seed in seeds],
        "with decoys": [run(biased, seed) for seed in seeds],
    }
    sweeps = {}
    for kind in kinds:
        penalties = [Penalty(tuple(decoys), weight, kind, RULES[kind]) for weight in weights]
        sweeps[kind] = [run(biased, first, penalty) for penalty in penalties]
        best = max(range(len(weights)), key=lambda n: sweeps[kind][n]["dev"])  # the first of equals
        rows[f"with decoys, penalty on {kind}, weight {weights[best]:g}"] = [
            sweeps[kind][best],
            *(run(biased, seed, penalties[best]) for seed in others),
        ]
    return {
        "decoys": DECOYS,
        "vectors": vectors.name,
        "rules": {kind: RULES[kind].name for kind in kinds},
        "options": OPTIONS._asdict(),
        "jax": jax.__version__,
        "machine": f"{platform.machine()}, {jax.devices()[0].platform}",
        "sizes": {"train": len(clean.labels), "dev": len(dev.labels), "test": len(test.labels)},
        "rows": rows,
        "sweeps": sweeps,
    }


def make_table(result: dict[str, Any]) -> str:
    """Return the accuracies as Markdown: mean over the seeds and standard deviation."""
    lines = [f"| trained | tested {' | '.join(TESTS)} |", "|---|" + "---|" * len(TESTS)]
    for name, runs in result["rows"].items():
        cells = []
        for test in TESTS:
            accuracies = [100 * run["test"][test] for run in runs]
            spread = f" ± {statistics.stdev(accuracies):.1f}" if len(accuracies) > 1 else ""
            cells.append(f"{statistics.mean(accuracies):.1f}%{spread}")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    sweeps = result["sweeps"]
    weights = [f"{run['weight']:g}" for run in next(iter(sweeps.values()))]
    lines += ["", f"| dev, by weight | {' | '.join(weights)} |", "|---|" + "---|" * len(weights)]
    for kind, runs in sweeps.items():
        cells = [f"{100 * run['dev']:.1f}%" for run in runs]
        lines.append(f"| {kind} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.penalty", description=__doc__)
    add = parser.add_argument
    add("--sst", type=Path, required=True, metavar="DIR", help="train.txt, dev.txt, test.txt")
    add("--vectors", type=Path, required=True, metavar="FILE", help="word vectors")
    add("--weights", type=float, nargs="+", default=WEIGHTS, help="to choose from on dev")
    add("--kinds", nargs="+", choices=RULES, default=tuple(RULES), help="(default: all)")
    add("--seeds", type=int, nargs="+", default=SEEDS, help="(default: 0 1 2)")
    add("--out", type=Path, required=True, metavar="DIR", help="result.json, table.md")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    result = measure(args.sst, args.vectors, args.seeds, args.weights, args.kinds)
    (args.out / "result.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    table = make_table(result)
    (args.out / "table.md").write_text(table, encoding="utf-8")
    print(table, end="")


if __name__ == "__main__":
    main()
