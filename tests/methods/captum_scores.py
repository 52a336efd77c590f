"""Scores of captum on a PyTorch LSTM: for live comparison, and for the golden file.

    python -m tests.methods.captum_scores

writes `golden/captum.npz`; `golden/README.md` describes it.
"""

from pathlib import Path

import numpy as np

from tests.conftest import random_classifier, random_layer

GOLDEN = Path(__file__).parent / "golden" / "captum.npz"
PERIOD, UNKNOWN = 2, 0  # word numbers
STEPS = 32


def make_model(layers):
    """Return a random model, in float64, and one review."""
    rng = np.random.default_rng(40 + layers)
    classifier = random_classifier(rng, words=9, inputs=3, hidden=5, classes=3)
    if layers == 2:
        above, readout = random_layer(rng, 5, 4), rng.normal(size=(3, 4))
        classifier = classifier._replace(layers=(*classifier.layers, above), readout=readout)
    return classifier, np.array([3, 1, 8, 6, 7, 4])


def attribute(classifier, ids):
    """Return captum's scores of each word, `[T, K]`, by name."""
    import torch
    from captum.attr import InputXGradient, IntegratedGradients, Occlusion

    def tensor(array):
        return torch.tensor(np.asarray(array))

    stack = []
    for params in classifier.layers:
        _, hidden, inputs = params.W.shape
        lstm = torch.nn.LSTM(inputs, hidden, batch_first=True, dtype=torch.float64)
        with torch.no_grad():
            lstm.weight_ih_l0.copy_(tensor(params.W.reshape(-1, inputs)))
            lstm.weight_hh_l0.copy_(tensor(params.V.reshape(-1, hidden)))
            lstm.bias_ih_l0.copy_(tensor(params.b.reshape(-1)))
            lstm.bias_hh_l0.zero_()
        stack.append(lstm)

    def logits(x):
        for lstm in stack:
            x, _ = lstm(x)
        return x[:, -1] @ tensor(classifier.readout).T + tensor(classifier.bias)

    def probability(x):
        return torch.softmax(logits(x), dim=1)

    x = tensor(classifier.embedding[ids])[None]
    period, unknown = (
        tensor(classifier.embedding[[n] * len(ids)])[None] for n in (PERIOD, UNKNOWN)
    )
    methods = {
        "gradient": lambda k: InputXGradient(probability).attribute(x, target=k),
        "ig_period": lambda k: IntegratedGradients(probability).attribute(
            x, period, target=k, n_steps=STEPS, method="gausslegendre"
        ),
        "ig_zero": lambda k: IntegratedGradients(logits).attribute(
            x, target=k, n_steps=STEPS, method="gausslegendre"
        ),
        "ig_middle": lambda k: IntegratedGradients(logits).attribute(
            x, target=k, n_steps=STEPS, method="riemann_middle"
        ),
        "ig_right": lambda k: IntegratedGradients(logits).attribute(
            x, target=k, n_steps=STEPS, method="riemann_right"
        ),
    }
    scores = {
        name: np.stack([one(k)[0].sum(dim=1).detach().numpy() for k in range(3)], axis=1)
        for name, one in methods.items()
    }
    # Occlusion gives every component of a window the window's score.
    window = (1, x.shape[2])
    scores["occlusion"] = np.stack(
        [
            Occlusion(logits).attribute(x, window, baselines=unknown, target=k)[0, :, 0].numpy()
            for k in range(3)
        ],
        axis=1,
    )
    return scores


def write():
    """Write the golden numbers."""
    import captum
    import torch

    arrays = {}
    for layers in (1, 2):
        classifier, ids = make_model(layers)
        named = {"ids": ids, "embedding": classifier.embedding, "readout": classifier.readout}
        named |= {"bias": classifier.bias} | attribute(classifier, ids)
        for n, params in enumerate(classifier.layers):
            named |= {f"{k}{n}": weight for k, weight in zip("WVb", params[:3], strict=True)}
        arrays |= {f"{layers}_{name}": array for name, array in named.items()}
    versions = np.array([f"captum {captum.__version__}", f"torch {torch.__version__}"])
    np.savez_compressed(GOLDEN, versions=versions, **arrays)


if __name__ == "__main__":
    write()
