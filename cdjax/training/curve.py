"""The learning curve as a picture."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure


def check_picture(path: Path) -> None:
    """Raise ValueError where the ending of a file stands for no kind of picture."""
    kinds = Figure().canvas.get_supported_filetypes()
    if path.suffix.removeprefix(".").lower() not in kinds:
        raise ValueError(
            f"{path}: found the suffix {path.suffix!r}; expected a picture, "
            f"{', '.join(f'.{kind}' for kind in kinds)}."
        )


def draw_curve(history: Sequence[Mapping[str, Any]], path: Path, aim: str = "accuracy") -> None:
    """Draw training loss, and loss and accuracy on the development set, over epochs.

    Args:
        history: The records of `cdjax.training.loop.train`.
        path: Where to write the picture; its ending (.png, .svg) says which kind.
        aim: The field that the model is chosen by (`cdjax.training.loop.choose_by`).
    """
    epochs = [record["epoch"] for record in history]
    figure = Figure(figsize=(7, 3.2), layout="constrained")
    loss, accuracy = figure.subplots(1, 2)
    loss.plot(epochs, [r["training_loss"] for r in history], "k--", label="training")
    loss.plot(epochs, [r["log_loss"] for r in history], "k-o", markersize=3, label="development")
    loss.set(xlabel="epoch", ylabel="log loss (nats)")
    loss.legend()
    accuracy.plot(epochs, [100 * r[aim] for r in history], "k-o", markersize=3)
    best = max(history, key=lambda record: (record[aim], -record["log_loss"]))
    accuracy.plot(best["epoch"], 100 * best[aim], "D", color="tab:orange", label="kept")
    accuracy.set(xlabel="epoch", ylabel=f"{aim.replace('_', ' ')} on the development set (%)")
    accuracy.legend()
    figure.savefig(path, dpi=150)
