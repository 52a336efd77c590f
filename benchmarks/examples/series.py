"""Which months drive a forecast of El Niño: a GRU trained in Flax, explained window by window.

The data are the monthly temperatures of the sea off Peru, 1950 to 2010, that statsmodels ships. The
network reads two years and forecasts the month a quarter ahead. Its windows' scores are held
against leaving each window out (at the mean, a zero vector), which decomposes nothing.

    python -m benchmarks.examples.series
"""

import argparse
import csv
import importlib.util
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cdjax
import jax
import jax.numpy as jnp
import numpy as np
import optax
from cdjax.cli import main as command_line
from cdjax.core.rules import RULES
from cdjax.methods.leave_one_out import leave_out
from cdjax.results.windows import split_steps
from cdjax.scoring.batch import score_chosen_spans
from flax import nnx
from scipy.stats import spearmanr

WINDOW, AHEAD = 24, 3  # months read, and from the last of them to the forecast
HELD_OUT = 180  # months at the end: of 1996 to 2010
QUARTER = 3
HIDDEN, BATCH, RATE, DECAY = 24, 64, 5e-3, 1e-2


class Data(NamedTuple):
    """The series, and its cuts: a window of months and the target that follows each."""

    months: list[str]
    table: np.ndarray  # [N, 3]: the temperature in °C, and the month as sine and cosine
    mean: float  # of the temperatures trained on
    scale: float
    x: np.ndarray  # [B, WINDOW, 3], temperatures scaled
    last: np.ndarray  # of each window the row of its last month
    held_out: np.ndarray  # whether a window lies in the held-out months

    @property
    def targets(self) -> np.ndarray:
        """The months to forecast, in °C."""
        return self.table[self.last + AHEAD, 0]


def find_file() -> Path:
    """Return the file of the package, which need not be imported for it."""
    spec = importlib.util.find_spec("statsmodels")
    if spec is None or spec.origin is None:
        raise SystemExit("the example needs the data of statsmodels: pip install statsmodels")
    return Path(spec.origin).parent / "datasets" / "elnino" / "elnino.csv"


def load_data() -> Data:
    """Read the temperatures, and cut them."""
    with find_file().open(newline="") as file:
        _, *years = csv.reader(file)
    months = [f"{row[0]}-{month:02d}" for row in years for month in range(1, 13)]
    degrees = np.array([row[1:] for row in years], float).ravel()
    angle = 2 * np.pi * np.arange(len(degrees)) / 12
    table = np.stack([degrees, np.sin(angle), np.cos(angle)], axis=1)
    cut = len(degrees) - HELD_OUT
    mean, scale = float(degrees[:cut].mean()), float(degrees[:cut].std())
    steps = (table - [mean, 0, 0]) / [scale, 1, 1]
    last = np.arange(WINDOW - 1, len(degrees) - AHEAD)
    x = np.stack([steps[row - WINDOW + 1 : row + 1] for row in last]).astype(np.float32)
    return Data(months, table, mean, scale, x, last, last >= cut)


class Forecaster(nnx.Module):
    """A GRU and a linear readout of its last state."""

    def __init__(self, rngs: nnx.Rngs):
        self.cell = nnx.GRUCell(3, HIDDEN, rngs=rngs)
        self.readout = nnx.Linear(HIDDEN, 1, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        def step(h, x_t):
            return self.cell(h, x_t)[0], None

        h, _ = jax.lax.scan(step, jnp.zeros((len(x), HIDDEN)), x.swapaxes(0, 1))
        return self.readout(h)


def train(data: Data, steps: int, seed: int = 0) -> Forecaster:
    """Train on the windows whose target is not held out."""
    seen = np.flatnonzero(data.last + AHEAD < len(data.table) - HELD_OUT)
    x, y = data.x[seen], ((data.targets[seen] - data.mean) / data.scale).astype(np.float32)
    structure, weights = nnx.split(Forecaster(nnx.Rngs(seed)))
    optimizer = optax.adamw(optax.cosine_decay_schedule(RATE, steps), weight_decay=DECAY)

    def loss(weights, x, y):
        return jnp.mean((nnx.merge(structure, weights)(x)[:, 0] - y) ** 2)

    @jax.jit
    def update(weights, state, x, y):
        change, state = optimizer.update(jax.grad(loss)(weights, x, y), state, weights)
        return optax.apply_updates(weights, change), state

    rng, state = np.random.default_rng(seed), optimizer.init(weights)
    for _ in range(steps):
        rows = rng.choice(len(x), BATCH)
        weights, state = update(weights, state, x[rows], y[rows])
    return nnx.merge(structure, weights)


def to_model(network: Forecaster, data: Data) -> cdjax.Model:
    """Return the network as a model of cdjax, its value in °C."""

    def read(param: Any) -> np.ndarray:
        return np.asarray(param[...])

    cell = network.cell  # gates r, z, n in one axis; no bias on the hidden side
    layer = cdjax.GRUParams(
        W=read(cell.dense_i.kernel).T.reshape(3, HIDDEN, 3),
        V=read(cell.dense_h.kernel).T.reshape(3, HIDDEN, HIDDEN),
        b=read(cell.dense_i.bias).reshape(3, HIDDEN),
    )
    readout = read(network.readout.kernel).T, read(network.readout.bias)
    model = cdjax.Model(cdjax.Classifier(None, (layer,), *readout), None, ("scaled",), {}, "value")
    return cdjax.scale_output(model, data.mean, data.scale, labels=("sea in °C",))


def measure_errors(model: cdjax.Model, data: Data) -> dict[str, float]:
    """Return the root mean square error on held-out months, in °C, of the forecast and others."""
    rows, truth = data.last[data.held_out], data.targets[data.held_out]
    degrees = data.table[:, 0]
    seen = degrees[: len(degrees) - HELD_OUT].reshape(-1, 12).mean(axis=0)  # of each month
    usual = seen[(rows + AHEAD) % 12]
    forecasts = {
        "the GRU": cdjax.predict(model, list(data.x[data.held_out]))[:, 0],
        "the last month read": degrees[rows],
        "the same month a year before": degrees[rows + AHEAD - 12],
        "the month's mean": usual,
        "the month's mean and the last deviation": usual + degrees[rows] - seen[rows % 12],
    }
    return {
        name: float(np.sqrt(np.mean((given - truth) ** 2))) for name, given in forecasts.items()
    }


def score_windows(model: cdjax.Model, x: np.ndarray, rule: cdjax.Rule) -> np.ndarray:
    """Return what each quarter of a year contributes to each forecast, `[B, WINDOW / 3]`."""
    spans = [split_steps(WINDOW, QUARTER)] * len(x)
    return np.stack([r.scores[:, 0] for r in score_chosen_spans(model, list(x), spans, rule)])


def leave_windows_out(model: cdjax.Model, x: np.ndarray) -> np.ndarray:
    """Return by how much each forecast falls without each quarter, `[B, WINDOW / 3]`."""
    spans = [split_steps(WINDOW, QUARTER)] * len(x)
    return np.stack([r.scores[:, 0] for r in leave_out(model, list(x), spans, output="logits")])


def correlate(scores: np.ndarray, left_out: np.ndarray) -> tuple[float, float]:
    """Return rank correlations: of all windows together, and the mean of those of each forecast."""

    def ranked_alike(one: np.ndarray, other: np.ndarray) -> float:
        result: Any = spearmanr(one, other)
        return float(result.statistic)

    each = [ranked_alike(*pair) for pair in zip(scores, left_out, strict=True)]
    return ranked_alike(scores.ravel(), left_out.ravel()), float(np.mean(each))


def explain_month(model: cdjax.Model, data: Data, folder: Path, last: str) -> None:
    """Print one forecast by the command line, from files."""
    cdjax.save(model, folder / "model", overwrite=True)
    with (folder / "elnino.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["month", "sea", "sine", "cosine"])
        rows = zip(data.months, data.table.tolist(), strict=True)
        writer.writerows([month, *values] for month, values in rows)
    options = {
        "model": folder / "model",
        "time-column": "month",
        "window": WINDOW,
        "at": last,
        "means": f"{data.mean},0,0",
        "scales": f"{data.scale},1,1",
        "steps-of": QUARTER,
    }
    argv = ["explain", str(folder / "elnino.csv")]
    argv += [f"--{name}={value}" for name, value in options.items()]
    print("\ncdjax", " ".join(argv), "\n", flush=True)
    if command_line(argv):
        raise SystemExit(1)


def run(steps: int, folder: Path, rules: Sequence[cdjax.Rule] = tuple(RULES.values())) -> None:
    """Train, measure, compare and explain; print what comes out."""
    data = load_data()
    model = to_model(train(data, steps), data)
    errors = measure_errors(model, data)
    print(f"Root mean square error of {data.held_out.sum()} held-out months, °C")
    for name, error in errors.items():
        print(f"  {name:40} {error:5.2f}")
    x = data.x[data.held_out]
    left_out = leave_windows_out(model, x)
    print(
        "Rank correlation of the quarters' scores with leaving each out: all, mean of a forecast's"
    )
    for rule in rules:
        together, each = correlate(score_windows(model, x, rule), left_out)
        print(f"  {rule.name:40} {together:5.2f} {each:5.2f}")
    explain_month(model, data, folder, "1997-05")


def main() -> None:
    """Run the example."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.examples.series")
    parser.description = (__doc__ or "").partition("\n")[0]
    parser.add_argument("--steps", type=int, default=600, help="updates of the training")
    parser.add_argument("--out", type=Path, help="keep the model and the table in this folder")
    args = parser.parse_args()
    if args.out is not None:
        args.out.mkdir(parents=True, exist_ok=True)
        run(args.steps, args.out)
        return
    with tempfile.TemporaryDirectory() as folder:
        run(args.steps, Path(folder))


if __name__ == "__main__":
    main()
