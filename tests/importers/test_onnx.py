"""`from_onnx` with `onnx` alone: what is refused, and files that ONNX Runtime has run."""

import contextlib
import functools
from pathlib import Path

import numpy as np
import pytest
from packaging import version

onnx = pytest.importorskip("onnx")

import cdjax  # noqa: E402
from cdjax.importers.onnx import recurrent  # noqa: E402
from hypothesis import HealthCheck, given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from tests.importers import onnx_graphs as graphs  # noqa: E402
from tests.importers.contract import Refused, check_case  # noqa: E402
from tests.importers.onnx_runs import by_sequence, run_evaluator  # noqa: E402

FILES = Path(__file__).parent / "files" / "onnx"
OUTPUTS = FILES / "outputs.npz"
pytestmark = pytest.mark.usefixtures("as_users")


def head(function, **settings):
    return functools.partial(graphs.with_head, function, **settings)


def layer(kind="LSTM", **settings):
    return functools.partial(graphs.one_layer, kind, **settings)


REFUSED = [
    Refused("ONNX", what, make, message)
    for what, make, message in [
        ("input_forget", layer(input_forget=1), r"LSTM_0' \(LSTM\) input_forget is 1; expected 0"),
        ("clip", layer(clip=3.0), r"LSTM_0' \(LSTM\) clip is set"),
        (
            "different activations of update and output",
            layer(activations=["Sigmoid", "Tanh", "Relu"]),
            "activation tanh of the cell update and relu of the output",
        ),
        (
            "an activation of a cell",
            layer("GRU", activations=["ThresholdedRelu", "Tanh"]),
            "'thresholdedrelu' is not supported",
        ),
        (
            "a hard sigmoid of another slope",
            layer(activations=["HardSigmoid", "Tanh", "Tanh"], activation_alpha=[0.3]),
            "hard sigmoid of alpha 0.3",
        ),
        (
            "parameters of activations that do not fit",
            layer(activations=["HardSigmoid", "Tanh", "Tanh"], activation_alpha=[0.2, 1.0, 1.0]),
            "3 values of activation_alpha for 1",
        ),
        (
            "states before the first step",
            graphs.state_inputs,
            r"initial_h = 'h', which is not constantly 0.*zeros=",
        ),
        (
            "a constant state",
            lambda: given_state(1.0),
            "initial_h = .* is not constantly 0",
        ),
        ("lengths that are constant", lambda: lengths(3), "reads sequence_lens"),
        (
            "quantized weights",
            graphs.quantized,
            r"\(DequantizeLinear\) is not supported: the model is q",
        ),
        (
            "weights that are computed",
            graphs.computed_weights,
            r"\(Tanh\) .* is a constant; it is not",
        ),
        ("a loop", graphs.looped, r"\(Loop\) is a loop written out"),
        ("an If that depends on the input", lambda: graphs.branch("x"), r"\(If\) chooses between"),
        ("a plain RNN", head(graphs.first_step, kind="RNN"), r"\(RNN\) is a plain RNN"),
        ("an operation", lambda: graphs.with_node("Sin"), r"'Sin_3' \(Sin\) is an operation that"),
        (
            "an operation of another domain",
            lambda: graphs.with_node("Attention", domain="com.microsoft"),
            "operation of com.microsoft",
        ),
        (
            "attention",
            head(graphs.attention),
            r"\(Mul\) multiplies one signal by another, attention",
        ),
        (
            "two inputs",
            graphs.two_inputs,
            r"different parts of the network \('LSTM_0', 'other'\)|axes",
        ),
        (
            "two outputs",
            graphs.two_outputs,
            r"outputs \['.*', '.*'\]; expected one. Give output_name=",
        ),
        ("two pools", head(graphs.two_pools), "reads the mean, the maximum together"),
        (
            "a layer through the batch",
            graphs.other_axis,
            r"LSTM_4' \(LSTM\) goes through another axis",
        ),
        ("a cell state", graphs.cell_state, "is read for its cell state"),
        ("no layer", graphs.no_layer, "holds no LSTM or GRU between its input and its output"),
        ("a step of the middle", head(graphs.one_step_of_the_middle), "takes 2 of the steps; exp"),
        ("the first step", head(graphs.first_step), "reads the first step; expected it of a back"),
        ("one sequence of the batch", head(graphs.one_sequence), "takes one entry of the batch"),
        ("steps as features", head(graphs.flattened), "as many elements whatever the number"),
        ("Softmax of steps", head(graphs.softmax_of_steps), "is over axis 0 of"),
        ("a part of Softmax", head(graphs.after_softmax), "follows Softmax; name the output of"),
        (
            "mean of activations",
            head(graphs.pooled_late("ReduceMean", "Relu")),
            "takes 'mean' over the steps of dense layers",
        ),
        (
            "maximum of a dense layer",
            head(graphs.pooled_late("ReduceMax")),
            "takes 'max' over the s",
        ),
        (
            "sum of steps",
            head(graphs.pooled_late("ReduceSum"), opset=11),
            "takes the sum over the steps",
        ),
        ("Selu", head(graphs.activation("Selu", alpha=1.0)), "activation with {'alpha'"),
        (
            "AveragePool of a part",
            lambda: graphs.with_head(graphs.windowed, steps=graphs.T),
            "pools .* by windows of .2.; expected all steps",
        ),
        (
            "batch norm in training",
            head(graphs.activation("BatchNormalization", training_mode=1)),
            "training_mode is 1; expected 0",
        ),
        (
            "a setting that is not known",
            head(graphs.activation("Relu", slope=0.5)),
            r"has the settings \['slope'\], which are not known",
        ),
        ("an old opset", layer(opset=6), "is of opset 6; expected 7 or newer"),
        (
            "an argmax",
            head(graphs.best),
            r"\(ArgMax\) .* before it is read with output_name='softmax",
        ),
        ("LeakyRelu", head(graphs.activation("LeakyRelu", alpha=0.2)), "activation with {'alpha'"),
    ]
]


def given_state(number):
    d = graphs.draft()
    state = d.weight(np.full((1, graphs.B, graphs.H), number))
    return graphs.finish(d, d.layer("LSTM", "x", graphs.D, states=[state, ""])[1])


def lengths(number):
    d = graphs.draft()
    given = d.weight(np.full(graphs.B, number, np.int32))
    return graphs.finish(d, d.layer("LSTM", "x", graphs.D, lengths=given)[1])


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.what)
def test_refused(case):
    with pytest.raises(ValueError, match=case.message) as caught:
        cdjax.from_onnx(case.make())
    assert str(caught.value).startswith("the model")
    assert len(str(caught.value)) < 500


@functools.cache
def read_outputs():
    with np.load(OUTPUTS) as arrays:
        return dict(arrays)


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, id=path.stem, marks=pytest.mark.thorough if n % 2 else ())
        for n, path in enumerate(sorted(FILES.glob("*.onnx")))
    ],
)
def test_files_agree_with_onnx_runtime(path):
    outputs = read_outputs()
    x, y = outputs[f"{path.stem}.x"], outputs[f"{path.stem}.y"]
    check_case(cdjax.from_onnx(path), x, y, 1e-5)


def test_there_are_files():
    assert {name.split(".")[0] for name in read_outputs()} == {p.stem for p in FILES.glob("*.onnx")}


@pytest.mark.skipif(
    version.parse(onnx.__version__) < version.parse("1.23"),
    reason="onnx's own evaluator takes such a node from 1.23 on",
)
@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_batch_first_in_the_node(kind):
    model = graphs.layout_1(kind)
    feed, outputs = run_evaluator(model)
    check_case(cdjax.from_onnx(model), *by_sequence(feed, outputs), 1e-5)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize(
    "settings",
    [
        {"kind": "LSTM"},
        {"kind": "LSTM", "peepholes": True, "states": ["", ""]},
        {"kind": "GRU"},
        {"kind": "GRU", "linear_before_reset": 1},
    ],
)
def test_float64(settings):
    model = graphs.one_layer(dtype=np.float64, **settings)
    feed, outputs = run_evaluator(model)
    imported = cdjax.from_onnx(model)
    assert imported.classifier.readout.dtype == imported.classifier.layers[0].W.dtype == np.float64
    check_case(imported, *by_sequence(feed, outputs), 1e-10)


@pytest.mark.parametrize(
    ("name", "order"),
    [
        ("made_peepholes", "ifog"),
        ("made_peepholes", "fiog"),
        ("made_gru_after", "rzn"),
        ("made_gru_before", "znr"),
    ],
)
def test_a_wrong_order_of_gates_is_seen(name, order, monkeypatch):
    make = "make_lstm" if len(order) == 4 else "make_gru"
    right = getattr(recurrent, make)
    monkeypatch.setattr(
        recurrent, make, lambda where, _, *rest, **kw: right(where, order, *rest, **kw)
    )
    assert_differs(name)


def test_swapped_peepholes_are_seen(monkeypatch):
    right = recurrent.make_lstm

    def swap(*args, peepholes, **settings):
        return right(*args, peepholes=peepholes[[0, 2, 1]], **settings)

    monkeypatch.setattr(recurrent, "make_lstm", swap)
    assert_differs("made_peepholes")


@pytest.mark.parametrize("name", ["made_gru_before", "made_gru_after"])
def test_the_wrong_reset_is_seen(name, monkeypatch):
    right = recurrent.make_gru

    def turn(*args, reset_after, **settings):
        return right(*args, reset_after=not reset_after, **settings)

    monkeypatch.setattr(recurrent, "make_gru", turn)
    assert_differs(name)


def test_swapped_biases_are_seen(monkeypatch):
    right = recurrent.make_gru

    def swap(where, order, W, R, b, c, **settings):
        return right(where, order, W, R, c, b, **settings)

    monkeypatch.setattr(recurrent, "make_gru", swap)
    assert_differs("made_gru_after")


def assert_differs(name):
    outputs = read_outputs()
    imported = cdjax.from_onnx(FILES / f"{name}.onnx")
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        check_case(imported, outputs[f"{name}.x"], outputs[f"{name}.y"], 1e-5)


def test_a_part_of_a_graph():
    model = graphs.with_head(graphs.one_sequence)  # whose head is refused
    lstm = model.graph.node[0]
    (layer,) = cdjax.from_onnx(model, output_name=lstm.output[0])
    assert layer.W.shape == (4, graphs.H, graphs.D)
    model = graphs.with_node("Sin")
    (layer,) = cdjax.from_onnx(model, output_name=lstm.output[1], input_name="x")
    assert layer.V.shape == (4, graphs.H, graphs.H)
    model = graphs.two_outputs()
    names = [output.name for output in model.graph.output]
    assert cdjax.from_onnx(model, output_name=names[1]).output == "sigmoid"
    assert cdjax.from_onnx(model, output_name=names[0]).output == "softmax"


def test_what_an_unknown_operation_gives_may_be_the_input():
    d = graphs.draft()
    x = d.Sin("x")
    model = graphs.finish(d, d.layer("LSTM", x, graphs.D)[1])
    with pytest.raises(ValueError, match=f"recurrent part alone is read with input_name='{x}'"):
        cdjax.from_onnx(model)
    assert cdjax.from_onnx(model, input_name=x).classifier.layers[0].W.shape[2] == graphs.D
    with pytest.raises(ValueError, match="does not say the shape of a tensor 'nothing'"):
        cdjax.from_onnx(model, input_name="nothing")


def test_inputs_that_are_zero():
    model = graphs.state_inputs()
    model = cdjax.from_onnx(model, zeros=["h", "c"])
    assert model.output == "softmax"
    with pytest.raises(ValueError, match=r"zeros names 'x0', which is no tensor.*\['x', 'h'"):
        cdjax.from_onnx(graphs.state_inputs(), zeros=["x0"])


def test_arguments():
    logits = graphs.with_head(graphs.gelu)
    with pytest.raises(ValueError, match="give output=NAME, one of softmax, sigmoid"):
        cdjax.from_onnx(logits)
    model = cdjax.from_onnx(logits, output="softmax", labels=["a", "b"], pool="last")
    assert (model.output, model.labels) == ("softmax", ("a", "b"))
    with pytest.raises(ValueError, match="pool is 'mean', but the model says 'last'"):
        cdjax.from_onnx(logits, output="softmax", pool="mean")
    words = [*"abcdefghij", "<unk>"]
    model = cdjax.from_onnx(graphs.batch_first(), vocabulary=words)
    assert model.vocabulary.words[0] == "a"
    assert model.provenance["imported"]["framework"] == "ONNX"
    with pytest.raises(TypeError, match=r"source is a int; expected the path of an .onnx file"):
        cdjax.from_onnx(3)


def test_an_embedding_without_a_head_is_kept():
    d = graphs.Draft({"ids": ["b", "t"]})
    x = d.Transpose(d.Gather(d.random(11, graphs.D), "ids"), perm=[1, 0, 2])
    model = cdjax.from_onnx(d.model(d.layer("LSTM", x, graphs.D)[0]))
    assert model.classifier.embedding.shape == (11, graphs.D)
    assert (model.output, model.classifier.pool) == ("value", "each")


def external(folder, location="weights.bin", **changed):
    """Save a model with a weight beside it."""
    model = graphs.one_layer()
    weight = model.graph.initializer[0]
    data = weight.raw_data
    weight.ClearField("raw_data")
    weight.data_location = onnx.TensorProto.EXTERNAL
    for key, value in {"location": location, "length": len(data), **changed}.items():
        weight.external_data.add(key=key, value=str(value))
    folder.mkdir(exist_ok=True)
    (folder / "weights.bin").write_bytes(data)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    return folder / "model.onnx"


def test_external_data(tmp_path):
    path = external(tmp_path / "model")
    plain = cdjax.from_onnx(graphs.one_layer())
    np.testing.assert_array_equal(
        cdjax.from_onnx(path).classifier.layers[0].W, plain.classifier.layers[0].W
    )
    with pytest.raises(ValueError, match=r"is in the file 'weights.bin'; give the model's path"):
        cdjax.from_onnx(onnx.load(path, load_external_data=False))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"location": "../secret"}, "'../secret'; expected one in the model's own folder"),
        ({"location": "/etc/hostname"}, "expected one in the model's own folder"),
        ({"location": "link"}, "expected one in the model's own folder"),
        ({"location": "a\\..\\..\\b"}, "expected one in the model's own folder"),
        ({"location": ""}, "expected one in the model's own folder"),
        ({"offset": 10}, "takes 240 bytes from 10 of 'weights.bin', which has 240"),
        ({"offset": -1}, "takes 240 bytes from -1"),
        ({"length": 10**15}, "takes 240 bytes"),
        ({"length": "many"}, "is damaged: invalid literal"),
    ],
)
def test_external_data_elsewhere(tmp_path, changed, message):
    (tmp_path / "secret").write_bytes(bytes(240))
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "link").symlink_to(tmp_path / "secret")
    path = external(tmp_path / "model", **changed)
    with pytest.raises(ValueError, match=message.replace("\\", "\\\\")):
        cdjax.from_onnx(path)


def test_external_data_that_is_missing(tmp_path):
    path = external(tmp_path / "model", location="other.bin")
    with pytest.raises(FileNotFoundError, match=r"other.bin, where the tensor 'w0' is"):
        cdjax.from_onnx(path)


def test_no_model(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no file at .*; expected an .onnx file"):
        cdjax.from_onnx(tmp_path / "nothing.onnx")
    path = tmp_path / "model.onnx"
    for content in (
        b"",
        b"no model",
        bytes(100),
        b"\x80\x05K\x01.",
        np.random.default_rng(0).bytes(999),
    ):
        path.write_bytes(content)
        with pytest.raises(
            ValueError, match=r"model.onnx (is damaged, or no .onnx|holds no graph)"
        ):
            cdjax.from_onnx(path)


WHOLE = {path.name: path.read_bytes() for path in sorted(FILES.glob("*.onnx"))}


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_files_are_refused(tmp_path, data):
    """Any bytes end in a model, or in an error of reading that says so in a few words."""
    content = bytearray(WHOLE[data.draw(st.sampled_from(sorted(WHOLE)))])
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content))) :]
    for at in data.draw(st.lists(st.integers(0, max(len(content) - 1, 0)), max_size=20)):
        if content:
            content[at] = data.draw(st.integers(0, 255))
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with contextlib.suppress(ValueError, FileNotFoundError):
        assert isinstance(cdjax.from_onnx(path), cdjax.Model | tuple)


def test_enormous_sizes_are_refused():
    d = graphs.Draft({"x": ["t", "b", 2**50]})
    with pytest.raises(
        ValueError, match=r"the model: the input 'x' has 1,125,899,906,842,624 outp"
    ):
        cdjax.from_onnx(graphs.finish(d, d.layer("LSTM", "x", graphs.D)[1]))
    d = graphs.draft()
    wide = d.Expand(d.random(1, 3), d.ints(2**40, 3))
    model = d.model(d.Add(d.layer("LSTM", "x", graphs.D)[1], wide))
    with pytest.raises(ValueError, match=r"makes an array of .* numbers, which the source"):
        cdjax.from_onnx(model)
