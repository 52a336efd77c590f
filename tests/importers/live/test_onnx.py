"""`from_onnx` beside ONNX Runtime: graphs made by hand, and what exporters write."""

import functools

import pytest

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

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
