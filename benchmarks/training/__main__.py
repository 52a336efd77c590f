"""The command: examples a second of the same batches, after both have given the same losses.

Batches of 50 phrases of random words with the lengths of phrases, H = 168, D = 450, 19,540 words,
Adam. The peer is what one would write in PyTorch: an embedding, `torch.nn.LSTM` over the padded
batch, the last state of each phrase, dense Adam.
"""

import argparse
import importlib
import importlib.util
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from cdjax.text.trees import read_trees
from cdjax.training.batches import Examples, TrainingBatch, shuffled_batches
from cdjax.training.network import FlaxClassifier, to_classifier
from cdjax.training.step import Options, make_step
from flax import nnx

WORDS, WIDTH, SIZE = 19_540, 450, 50
OPTIONS = Options(batch_size=SIZE, embedding_rate=1.0, embedding_dropout=0.0, hidden_dropout=0.0)
SAME = 1e-4  # largest relative difference between the losses of the first step


def make_examples(trees: Path, count: int) -> tuple[Examples, str]:
    """Return phrases of random words, as long as those of the treebank that are not neutral."""
    rng = np.random.default_rng(0)
    if trees.is_file():
        nodes = (node for tree in read_trees(trees) for node in tree.nodes if node.label != 2)
        lengths, source = [node.stop - node.start for node in nodes], f"phrases of {trees}"
    else:
        lengths, source = list(range(1, 31)), f"1 to 30 words, evenly ({trees} is not there)"
    chosen = rng.choice(lengths, count)
    # Words are about as frequent as in a text: the most frequent ones in every batch.
    ranks = np.minimum(rng.zipf(1.3, chosen.sum()), WORDS) - 1
    reviews = np.split(ranks.astype(np.int32), np.cumsum(chosen)[:-1])
    return Examples(reviews, rng.integers(0, 2, count).astype(np.int32)), source


def make_torch(classifier):
    """Return a function that takes one step and returns the loss, from the same weights."""
    torch: Any = importlib.import_module("torch")  # optional, so unknown to the type checker
    (layer,) = classifier.layers
    embed: Any = torch.nn.Embedding.from_pretrained(
        torch.tensor(classifier.embedding), freeze=False
    )
    lstm: Any = torch.nn.LSTM(WIDTH, OPTIONS.hidden, batch_first=True)
    readout: Any = torch.nn.Linear(OPTIONS.hidden, 2)
    with torch.no_grad():
        for param, value in (
            (lstm.weight_ih_l0, layer.W.reshape(-1, WIDTH)),
            (lstm.weight_hh_l0, layer.V.reshape(-1, OPTIONS.hidden)),
            (lstm.bias_ih_l0, layer.b.reshape(-1)),
            (lstm.bias_hh_l0, np.zeros_like(layer.b).reshape(-1)),
            (readout.weight, classifier.readout),
            (readout.bias, classifier.bias),
        ):
            param.copy_(torch.tensor(value))
    params = [*embed.parameters(), *lstm.parameters(), *readout.parameters()]
    adam = torch.optim.Adam(params, lr=OPTIONS.learning_rate)

    def step(batch: TrainingBatch) -> float:
        rows = len(batch.members)
        words = np.where(batch.words < WORDS, batch.words, 0)[batch.positions[:rows]]
        outputs, _ = lstm(embed(torch.tensor(words, dtype=torch.long)))
        last = outputs[torch.arange(rows), torch.tensor(batch.lengths[:rows]).long() - 1]
        loss = torch.nn.functional.cross_entropy(readout(last), torch.tensor(batch.targets[:rows]))
        adam.zero_grad()
        loss.backward()
        adam.step()
        return float(loss.detach())

    return step


def make_cdjax(embedding):
    """Return a function that takes one step and returns the loss, and the first weights."""
    network = FlaxClassifier(WIDTH, OPTIONS.hidden, 2, rngs=nnx.Rngs(0))
    classifier = to_classifier(network, embedding)
    take_step, state = make_step(*nnx.split(network), embedding, OPTIONS, 10**6)
    count = 0

    def step(batch: TrainingBatch) -> float:
        nonlocal state, count
        state, loss = take_step(state, batch._replace(members=batch.members[:0]), count)
        count += 1
        return float(loss)

    return step, classifier


def time_steps(step, batches: list[TrainingBatch]) -> float:
    """Return examples a second."""
    start = time.perf_counter()
    for batch in batches:
        step(batch)
    return sum(len(batch.members) for batch in batches) / (time.perf_counter() - start)


def main() -> None:
    """Check, then time in turns."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training", description=__doc__)
    add = parser.add_argument
    add("--trees", type=Path, default=Path("../shared/data/sst/train.txt"), help="for the lengths")
    add("--batches", type=int, default=100, help="a round (default: %(default)s)")
    add("--rounds", type=int, default=5, help="(default: %(default)s)")
    add("--out", type=Path, metavar="FILE", help="write JSON")
    args = parser.parse_args()
    if importlib.util.find_spec("torch") is None:
        parser.error("the peer is PyTorch: pip install torch")
    examples, source = make_examples(args.trees, SIZE * args.batches)
    embedding = np.random.default_rng(1).normal(size=(WORDS, WIDTH), scale=0.3).astype(np.float32)
    batches = list(shuffled_batches(examples, SIZE, 2, np.random.default_rng(2)))
    ours, classifier = make_cdjax(embedding)
    steps = {"cdjax": ours, "PyTorch": make_torch(classifier)}
    losses = {name: step(batches[0]) for name, step in steps.items()}
    if not np.isclose(losses["cdjax"], losses["PyTorch"], rtol=SAME):
        raise RuntimeError(f"from equal weights the losses differ: {losses}")
    for step in steps.values():  # compile every shape
        time_steps(step, batches)
    rates = {name: [] for name in steps}
    for _ in range(args.rounds):
        for name, step in steps.items():
            rates[name].append(time_steps(step, batches))
    middle = {name: float(np.median(rate)) for name, rate in rates.items()}
    print(f"{source}; batches of {SIZE}, D = {WIDTH}, H = {OPTIONS.hidden}, {WORDS:,} words")
    for name, rate in middle.items():
        print(f"{name:8} {rate:7,.0f} examples a second")
    print(f"ratio    {middle['cdjax'] / middle['PyTorch']:7.2f}")
    if args.out:
        record = {"source": source, "first_losses": losses, "examples_a_second": rates}
        args.out.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
