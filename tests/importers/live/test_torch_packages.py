"""Trained models out of packages, which are not copied: set CDJAX_REAL_FILES to where they are.

pip download --no-deps uzmorph-nn silero-vad g2p-en && unzip each of the wheels there
"""

import importlib.util
import os
from pathlib import Path

import cdjax
import numpy as np
import pytest
from cdjax.core.network import run

torch = pytest.importorskip("torch")

from tests.importers.contract import check_case  # noqa: E402


def find_file(name):
    """A file of a package that was unpacked, or is installed."""
    if folder := os.environ.get("CDJAX_REAL_FILES"):
        for path in Path(folder).rglob(Path(name).name):
            if path.as_posix().endswith(name):
                return path
    try:
        package = importlib.util.find_spec(name.split("/")[0])
    except (ImportError, ValueError):
        package = None
    if package is None or package.origin is None:
        pytest.skip(f"{name} is not there; set CDJAX_REAL_FILES")
    return Path(package.origin).parent.parent / name


def load_class(name):
    spec = importlib.util.spec_from_file_location("of_a_package", find_file(name))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_uzmorph_nn():
    """A tagger of characters, two layers in both directions."""
    path = find_file("uzmorph_nn/data/morph_bilstm.pth")
    module = load_class("uzmorph_nn/model.py").MorphBiLSTM(49, 746)
    module.load_state_dict(torch.load(path, weights_only=True))
    rng = np.random.default_rng(0)
    inputs = [rng.integers(0, 49, n) for n in (9, 4)]
    with torch.no_grad():
        outputs = [module(torch.as_tensor(x)[None])[0].softmax(-1).numpy() for x in inputs]
    for source, given in ((path, {"pool": "each"}), (module, {})):
        model = cdjax.from_torch(source, output="softmax", **given)
        assert model.classifier.pool == "each"
        check_case(model, inputs, outputs, 1e-5)


def test_silero_vad():
    """The cell of a detector of voices, whose convolutions are refused."""
    path = find_file("silero_vad/data/silero_vad_16k.safetensors")
    with pytest.raises(ValueError, match=r"no layer of cdjax for conv1.bias .*convolution"):
        cdjax.from_torch(path)
    own = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    layers = cdjax.from_torch(path, names={name: f"lstm_cell.{name}" for name in own})
    from safetensors.torch import load_file

    cell = torch.nn.LSTMCell(128, 128)
    state = load_file(path)
    cell.load_state_dict({name: state[f"lstm_cell.{name}"] for name in own})
    x = np.random.default_rng(0).normal(size=(6, 128)).astype(np.float32)
    outputs, hidden = [], None
    with torch.no_grad():
        for step in torch.as_tensor(x):
            hidden = cell(step[None], hidden)
            outputs.append(hidden[0][0].numpy())
    check_case(layers, [x], [np.array(outputs)], 1e-5)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def run_gru(weights, prefix, x):
    """What the package's own code computes of a GRU in NumPy."""
    h, outputs = np.zeros(weights[f"{prefix}_w_hh"].shape[1]), []
    for step in x:
        from_input = weights[f"{prefix}_w_ih"] @ step + weights[f"{prefix}_b_ih"]
        from_state = weights[f"{prefix}_w_hh"] @ h + weights[f"{prefix}_b_hh"]
        width = len(h)
        r, z = np.split(sigmoid(from_input[: 2 * width] + from_state[: 2 * width]), 2)
        n = np.tanh(from_input[2 * width :] + r * from_state[2 * width :])
        h = (1 - z) * n + z * h
        outputs.append(h)
    return np.array(outputs)


def rename(prefix):
    short = {"weight": "w", "bias": "b"}
    return {
        f"gru.{kind}_{side}_l0": f"{prefix}_{short[kind]}_{side}"
        for kind in short
        for side in ("ih", "hh")
    }


def test_g2p_en():
    """An encoder of letters and a decoder, under names of their own in one file."""
    path = find_file("g2p_en/checkpoint20.npz")
    with np.load(path) as file:
        weights = {name: array.astype(np.float64) for name, array in file.items()}
    with pytest.raises(ValueError, match=r"no LSTM or GRU among .*names="):
        cdjax.from_torch(path)
    ids = np.random.default_rng(0).integers(0, 29, 8)
    (encoder,) = cdjax.from_torch(path, names=rename("enc"))
    x = weights["enc_emb"][ids]
    h = run((encoder,), x.astype(np.float32))
    np.testing.assert_allclose(h, run_gru(weights, "enc", x), rtol=0, atol=1e-5)
    decoder = cdjax.from_torch(
        path,
        names=rename("dec") | {"emb.weight": "dec_emb", "fc.weight": "fc_w", "fc.bias": "fc_b"},
        pool="each",
        output="value",
    )
    h = run_gru(weights, "dec", weights["dec_emb"][ids])
    check_case(decoder, [ids], [h @ weights["fc_w"].T + weights["fc_b"]], 1e-4)
