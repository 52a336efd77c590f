"""A graph, run on random sequences."""

import numpy as np

from tests.importers.onnx_graphs import B, T

INTEGERS = 6, 7


def make_feed(model):
    """Return random inputs of a graph; lengths are whole, states 0."""
    rng, feed = np.random.default_rng(1), {}
    weights = {weight.name for weight in model.graph.initializer}
    for info in model.graph.input:
        if info.name in weights:
            continue
        kind = info.type.tensor_type
        dims = [d.dim_value or {"b": B, "t": T}.get(d.dim_param) for d in kind.shape.dim]
        # Of an axis without a name: the batch before the steps.
        dims = [size or (B if n == 0 else T) for n, size in enumerate(dims)]
        if info.name == "lengths":
            feed[info.name] = np.full(dims, T, np.int32)
        elif kind.elem_type in INTEGERS:
            feed[info.name] = rng.integers(
                0, 11, dims, np.int64 if kind.elem_type == 7 else np.int32
            )
        else:
            dtype = {10: np.float16, 11: np.float64}.get(kind.elem_type, np.float32)
            feed[info.name] = rng.normal(size=dims).astype(dtype)
            if info.name in ("h", "c"):
                feed[info.name][:] = 0
    return feed


def run_runtime(model):
    """Return the inputs, and what ONNX Runtime computes."""
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), settings, providers=["CPUExecutionProvider"]
    )
    feed = make_feed(model)
    return feed, session.run(None, feed)


def run_evaluator(model):
    """Return the inputs, and what onnx's own evaluator computes, in NumPy."""
    from onnx.reference import ReferenceEvaluator

    feed = make_feed(model)
    return feed, ReferenceEvaluator(model).run(None, feed)


def by_sequence(feed, outputs):
    """Return the sequences and the outputs one by one.

    The axis of the sequences has size 4, that of the steps 6; of one sequence there is none.
    """
    x = next(iter(feed.values()))
    y = outputs[0]
    if x.ndim == 2 and x.dtype.kind == "f" and x.shape[1] != 3:
        x = x[..., None]  # of one number a step
    if B not in x.shape:
        return [x], [y]
    rest = [n for n in range(x.ndim) if x.shape[n] not in (B, T)]
    x = np.transpose(x, [x.shape.index(B), x.shape.index(T), *rest])
    if y.ndim == 4:  # [T, directions, B, H] of a layer alone
        y = y.transpose(2, 0, 1, 3).reshape(B, T, -1)
    y = np.moveaxis(y, y.shape.index(B), 0)
    return list(_as_float(x)), list(_as_float(y))


def _as_float(x):
    return x.astype(np.float32) if x.dtype == np.float16 else x
