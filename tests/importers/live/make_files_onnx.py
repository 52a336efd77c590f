"""Write `tests/importers/files/onnx`: exported models, and what ONNX Runtime computes of them.

Run it where the frameworks are: `python -m tests.importers.live.make_files_onnx`.
"""

from pathlib import Path

import numpy as np

from tests.importers.live.onnx_exports import KERAS, TORCH, export_keras, export_torch
from tests.importers.onnx_graphs import CASES
from tests.importers.onnx_runs import by_sequence, run_runtime

FOLDER = Path(__file__).parents[1] / "files" / "onnx"
EXPORTED = {
    "torch_lstm_2_both_ends": (False, True, 11, TORCH["LSTM, 2 layers both ways, ends"]),
    "torch_gru_3_both_mean": (
        False,
        False,
        17,
        TORCH["GRU, 3 layers both ways, mean, steps first"],
    ),
    "torch_words_max": (True, True, 18, TORCH["embedding, LSTM, maximum"]),
    "torch_gru_words_each": (True, False, 20, TORCH["embedding, GRU, every step"]),
    "torch_lstm_2_both_alone": (True, True, 18, TORCH["LSTM, 2 layers both ways, no head"]),
}
CONVERTED = {
    "keras_2_bidirectional": (15, KERAS["2 Bidirectional"]),
    "keras_words_pool_norm": (11, KERAS["Bidirectional, GlobalMaxPooling1D, BatchNormalization"]),
    "keras_gru": (15, KERAS["GRU"]),
}
MADE = {
    "made_peepholes": "LSTM with peepholes",
    "made_activations": "LSTM of other activations",
    "made_backward": "LSTM backward",
    "made_gru_before": "GRU, reset before the product",
    "made_gru_after": "GRU, reset after the product",
    "made_scaled": "scaled inputs, batch norms, dense between",
    "made_lengths": "lengths as an input",
}


def write():
    """Write the files."""
    models = {name: CASES[what]() for name, what in MADE.items()}
    for name, (dynamo, dynamic, opset, network) in EXPORTED.items():
        models[name] = export_torch(dynamo, dynamic, opset, **network)
    for name, (opset, network) in CONVERTED.items():
        models[name] = export_keras(opset, **network)
    outputs = {}
    for name, model in models.items():
        x, y = by_sequence(*run_runtime(model))
        outputs |= {f"{name}.x": np.stack(x[:2]), f"{name}.y": np.stack(y[:2])}
        del model.metadata_props[:]
        for node in model.graph.node:
            node.doc_string = ""
            del node.metadata_props[:]
        (FOLDER / f"{name}.onnx").write_bytes(model.SerializeToString())
    np.savez_compressed(FOLDER / "outputs.npz", **outputs)


if __name__ == "__main__":
    write()
