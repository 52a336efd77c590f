"""Networks of PyTorch and Keras, exported to ONNX by every exporter there is."""

import itertools
import tempfile
from pathlib import Path

import numpy as np
import onnx
import pytest

from tests.importers.onnx_graphs import B, D, H, K, T


def export_torch(dynamo, dynamic, opset, **network):
    """Return the model that an exporter of PyTorch writes."""
    torch = pytest.importorskip("torch")
    if dynamo:
        pytest.importorskip("onnxscript")
    torch.manual_seed(0)
    module = make_module(torch, **network).eval()
    x = torch.randint(0, 11, (B, T)) if network.get("words") else torch.randn(B, T, D)
    first = network.get("batch_first", True)
    x = x if first else x.transpose(0, 1).contiguous()
    settings = {"dynamo": dynamo, "opset_version": opset, "verbose": False}
    if dynamic and dynamo:
        names = ("b", "t") if first else ("t", "b")
        sizes = {n: torch.export.Dim(name) for n, name in enumerate(names)}
        settings["dynamic_shapes"] = (sizes,)
    elif dynamic:
        settings["input_names"] = ["x"]
        settings["dynamic_axes"] = {"x": {0: "b", 1: "t"} if first else {0: "t", 1: "b"}}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        torch.onnx.export(module, (x,), path, **settings)
        return onnx.load(path)


def make_module(
    torch, kind="LSTM", both=False, layers=1, pool="last", words=False, batch_first=True, head=True
):
    """Return a network of PyTorch as they are written."""
    nn = torch.nn
    width = 2 * H if both else H

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(11, D, padding_idx=0) if words else nn.Identity()
            self.rnn = getattr(nn, kind)(
                D,
                H,
                layers,
                batch_first=batch_first,
                bidirectional=both,
                dropout=0.1 * (layers > 1),
            )
            self.head = nn.Sequential(nn.Linear(width, 4), nn.ReLU(), nn.Dropout(), nn.Linear(4, K))
            for weight in self.parameters():
                nn.init.normal_(weight, std=0.5)

        def forward(self, x):
            steps = 1 if batch_first else 0
            y, states = self.rnn(self.embedding(x))
            h = states[0] if kind == "LSTM" else states
            if not head:
                return y, states
            if pool == "last":
                z = y[:, -1] if batch_first else y[-1]
            elif pool == "ends":
                z = torch.cat([h[-2], h[-1]], 1) if both else h[-1]
            elif pool == "squeeze":
                z = h.squeeze(0)
            elif pool == "mean":
                z = y.mean(steps)
            elif pool == "max":
                z = y.max(steps).values
            elif pool == "adaptive max":
                z = nn.functional.adaptive_max_pool1d(y.transpose(1, 2), 1).squeeze(-1)
            elif pool == "adaptive mean":
                z = nn.functional.adaptive_avg_pool1d(y.transpose(1, 2), 1).squeeze(-1)
            else:
                z = y
            return torch.softmax(self.head(z), -1)

    return Network()


TORCH = {
    "LSTM, last step": {},
    "LSTM, 2 layers both ways, ends": {"both": True, "layers": 2, "pool": "ends"},
    "GRU, 3 layers both ways, mean, steps first": {
        "kind": "GRU",
        "both": True,
        "layers": 3,
        "pool": "mean",
        "batch_first": False,
    },
    "embedding, LSTM, maximum": {"words": True, "pool": "max"},
    "embedding, GRU, every step": {"words": True, "kind": "GRU", "pool": "each"},
    "LSTM, h_n squeezed": {"pool": "squeeze"},
    "LSTM both ways, adaptive maximum": {"both": True, "pool": "adaptive max"},
    "GRU, adaptive mean": {"kind": "GRU", "pool": "adaptive mean"},
    "LSTM both ways, last step": {"both": True},
    "LSTM, 2 layers both ways, no head": {"both": True, "layers": 2, "head": False},
}
EXPORTERS = [
    *itertools.product([False], [False, True], [11, 20]),
    *itertools.product([True], [False, True], [18]),
]


def make_keras(layers, words=False, steps=T):
    keras = pytest.importorskip("tf_keras")
    keras.utils.set_random_seed(0)
    x = keras.Input((steps,), dtype="int32") if words else keras.Input((steps, D))
    z = x
    for layer in layers(keras.layers):
        z = layer(z)
    model = keras.Model(x, z)
    rng = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(rng.normal(size=weight.shape) ** 2 / 2 + 0.1)
    return model


def export_keras(opset, layers, **settings):
    """Return the model that tf2onnx writes."""
    tf = pytest.importorskip("tensorflow")
    tf2onnx = pytest.importorskip("tf2onnx")
    model = make_keras(layers, **settings)
    spec = tf.TensorSpec([None, *model.input.shape[1:]], model.input.dtype, name="x")
    return tf2onnx.convert.from_keras(model, (spec,), opset=opset)[0]


KERAS = {
    "LSTM": {"layers": lambda m: [m.LSTM(H), m.Dense(K, "softmax")]},
    "LSTM, any number of steps": {
        "layers": lambda m: [m.LSTM(H), m.Dense(K, "softmax")],
        "steps": None,
    },
    "embedding, 2 LSTM, one logit": {
        "layers": lambda m: [
            m.Embedding(11, D),
            m.LSTM(H, return_sequences=True),
            m.LSTM(4),
            m.Dense(1, "sigmoid"),
        ],
        "words": True,
    },
    "2 Bidirectional": {
        "layers": lambda m: [
            m.Bidirectional(m.LSTM(H, return_sequences=True)),
            m.Bidirectional(m.LSTM(4)),
            m.Dense(3, "relu"),
            m.Dense(K, "sigmoid"),
        ],
    },
    "Bidirectional, sum": {
        "layers": lambda m: [m.Bidirectional(m.LSTM(H), merge_mode="sum"), m.Dense(K, "softmax")],
    },
    "GRU": {"layers": lambda m: [m.GRU(H), m.Dense(K, "softmax")]},
    "TimeDistributed": {
        "layers": lambda m: [
            m.LSTM(H, return_sequences=True),
            m.TimeDistributed(m.Dense(K, "softmax")),
        ],
    },
    "Dense of every step": {
        "layers": lambda m: [m.LSTM(H, return_sequences=True), m.Dense(K, "softmax")],
        "steps": None,
    },
    "Bidirectional, GlobalMaxPooling1D, BatchNormalization": {
        "layers": lambda m: [
            m.Embedding(11, D),
            m.Bidirectional(m.LSTM(H, return_sequences=True)),
            m.GlobalMaxPooling1D(),
            m.Dropout(0.2),
            m.BatchNormalization(),
            m.Dense(K, "softmax"),
        ],
        "words": True,
    },
    "GlobalAveragePooling1D": {
        "layers": lambda m: [
            m.LSTM(H, return_sequences=True),
            m.GlobalAveragePooling1D(),
            m.Dense(K, "softmax"),
        ],
    },
    "LSTM of other activations": {
        "layers": lambda m: [
            m.LSTM(H, activation="tanh", recurrent_activation="hard_sigmoid"),
            m.Dense(4, "elu"),
            m.Dense(K, "softmax"),
        ],
    },
    "LSTM with relu": {
        "layers": lambda m: [
            m.LSTM(H, activation="relu", use_bias=False),
            m.Dense(K, "softmax"),
        ],
    },
    "LSTM from the end": {
        "layers": lambda m: [m.LSTM(H, go_backwards=True), m.Dense(K, "softmax")],
    },
}
