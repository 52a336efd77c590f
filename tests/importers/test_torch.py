import contextlib
import json
import sys
import types
import zipfile
from pathlib import Path

import cdjax
import numpy as np
import pytest
from cdjax.core.network import forward, run
from cdjax.importers.torch.chain import find_chain
from cdjax.importers.torch.parts import read_parts
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from tests.importers.contract import check_case

GOLDEN = Path(__file__).parent.parent / "golden" / "architectures"


def state(prefix="", hidden=5, inputs=3, rows=4, dtype=np.float32):
    rng = np.random.default_rng(0)
    shapes = {
        "weight_ih_l0": (rows * hidden, inputs),
        "weight_hh_l0": (rows * hidden, hidden),
        "bias_ih_l0": (rows * hidden,),
        "bias_hh_l0": (rows * hidden,),
    }
    return {prefix + name: rng.normal(size=s).astype(dtype) for name, s in shapes.items()}


def test_matrices_become_gates_and_biases_are_added():
    weights = state()
    (layer,) = cdjax.from_torch(weights)
    for k in range(4):
        rows = slice(5 * k, 5 * k + 5)
        np.testing.assert_array_equal(layer.W[k], weights["weight_ih_l0"][rows])
        np.testing.assert_array_equal(layer.V[k], weights["weight_hh_l0"][rows])
        np.testing.assert_array_equal(
            layer.b[k], weights["bias_ih_l0"][rows] + weights["bias_hh_l0"][rows]
        )


def test_the_lstm_of_a_whole_model_is_found():
    weights = state("encoder.lstm.") | {"embed.weight": np.ones((7, 3))}
    (layer,) = cdjax.from_torch(weights)
    np.testing.assert_array_equal(layer.W, cdjax.from_torch(state())[0].W)


def test_an_lstm_without_bias():
    weights = {name: w for name, w in state().items() if name.startswith("weight")}
    np.testing.assert_array_equal(cdjax.from_torch(weights)[0].b, np.zeros((4, 5)))


@pytest.mark.parametrize(("stored", "read"), [("f2", "f4"), ("f4", "f4"), ("f8", "f8")])
def test_float_types(stored, read):
    assert cdjax.from_torch(state(dtype=stored))[0].V.dtype == np.dtype(read)


def without(weights, name):
    return {key: w for key, w in weights.items() if key != name}


@pytest.mark.usefixtures("as_users")
@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({}, r"no LSTM or GRU among \[\]"),
        ({"fc.weight": np.ones(3)}, r"no LSTM or GRU among \['fc.weight'\]"),
        (state("a.") | state("b."), r"not make one chain: a \(3 to 5\), then nothing for b \(3 to"),
        (state() | {"weight_ih_l1": np.ones(1)}, r"weight_hh_l1 is missing; found \['bias_hh_l0'"),
        (state() | {"weight_ih_l0_reverse": np.ones(1)}, r"weight_hh_l0_reverse is missing"),
        (
            state() | {"weight_hr_l0": np.ones((2, 5))},
            r"weight_hr_l0 has shape \[2, 5\]; expected \[5, 5\]",
        ),
        (state(rows=3) | {"weight_hr_l0": np.ones((5, 5))}, r"shape \[15, 5\]; expected an LSTM"),
        (state(rows=1), r"weight_hh_l0 has shape \[5, 5\]: a plain RNN"),
        (state(rows=2), r"weight_hh_l0 has shape \[10, 5\]; expected an LSTM's, \[4H, H\]"),
        (without(state("m."), "m.bias_hh_l0"), r"m.bias_hh_l0 is missing; found \['bias_ih_l0'"),
        (without(state(), "weight_ih_l0"), r"weight_ih_l0 is missing"),
        (state() | {"weight_hh_l0": np.ones((19, 5))}, r"shape \[19, 5\]; expected an LSTM's"),
        (state() | {"weight_ih_l0": np.ones((19, 3))}, r"shape \[19, 3\]; expected \[20, 3\]"),
        (state() | {"weight_ih_l0": np.ones(())}, r"weight_ih_l0 has shape \[\]; expected \[20\]"),
        (state() | {"bias_ih_l0": np.ones(1)}, r"bias_ih_l0 has shape \[1\]; expected \[20\]"),
        (state() | {"weight_hh_l0": np.ones(5)}, r"weight_hh_l0 has shape \[5\]; expected an LSTM"),
        (state() | {"bias_ih_l0": np.full(20, np.nan)}, r"bias_ih_l0 holds values .* not finite"),
        (state() | {"bias_ih_l0": ["a"] * 20}, r"bias_ih_l0 holds <U1; expected floats"),
        (
            state() | {name[:-1] + "1": w for name, w in state().items()},
            r"layer 1 takes inputs of width 3 .* layer 0 gives width 5",
        ),
    ],
)
def test_anything_else_raises_naming_what_was_found(weights, message):
    with pytest.raises(ValueError, match=message):
        cdjax.from_torch(weights)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize(
    "name",
    [
        *("lstm_stack2", "bilstm1", "bilstm2", "gru_torch", "bigru2_torch", "lstm_proj"),
        *("lstm_mean_pool", "lstm_max_pool"),
    ],
)
def test_parity_with_the_output_of_torch(name):
    with np.load(GOLDEN / f"{name}.npz") as file:
        golden = dict(file)
    weights = {key: w for key, w in golden.items() if "weight_" in key or "bias_" in key}
    prefixes = ("first.", "second.") if name == "lstm_stack2" else ("",)
    layers = [
        layer
        for prefix in prefixes
        for layer in cdjax.from_torch({k: w for k, w in weights.items() if k.startswith(prefix)})
    ]
    np.testing.assert_allclose(run(layers, golden["x"]), golden["h"], rtol=0, atol=1e-12)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def run_torch(weights, x, gates):
    """The equations of PyTorch's documentation of `nn.LSTM` and `nn.GRU`, in its layout."""
    W, V, b_ih, b_hh = (weights[f"{name}_l0"] for name in NAMES)
    h = c = np.zeros(V.shape[1])
    outputs = []
    for x_t in x:
        from_input, from_state = np.split(W @ x_t + b_ih, gates), np.split(V @ h + b_hh, gates)
        if gates == 4:
            i, f, g, o = (a + b for a, b in zip(from_input, from_state, strict=True))
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(c)
        else:
            r, z = (sigmoid(from_input[k] + from_state[k]) for k in range(2))
            n = np.tanh(from_input[2] + r * from_state[2])
            h = (1 - z) * n + z * h
        outputs.append(h)
    return np.array(outputs)


NAMES = "weight_ih", "weight_hh", "bias_ih", "bias_hh"


@st.composite
def modules(draw):
    """A random LSTM or GRU, and an input."""
    gates, hidden, inputs = draw(st.sampled_from([3, 4])), draw(st.integers(1, 3)), 2
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    weights = state(hidden=hidden, inputs=inputs, rows=gates)
    weights = {name: rng.normal(size=w.shape) for name, w in weights.items()}
    return gates, weights, rng.normal(size=(4, inputs))


@pytest.mark.usefixtures("x64")
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(module=modules(), data=st.data())
def test_every_gate_and_bias_is_where_it_belongs(module, data):
    """Right as it is, and wrong with the gates of one weight permuted or a GRU's biases swapped."""
    gates, weights, x = module
    expected = run_torch(weights, x, gates)
    np.testing.assert_allclose(run(cdjax.from_torch(weights), x), expected, rtol=0, atol=1e-12)

    order = data.draw(st.permutations(range(gates)).filter(lambda p: list(p) != sorted(p)))
    name = f"{data.draw(st.sampled_from(NAMES))}_l0"
    blocks = np.split(weights[name], gates)
    permuted = weights | {name: np.concatenate([blocks[k] for k in order])}
    swapped = weights | {"bias_ih_l0": weights["bias_hh_l0"], "bias_hh_l0": weights["bias_ih_l0"]}
    assert abs(run(cdjax.from_torch(permuted), x) - expected).max() > 1e-7
    difference = abs(run(cdjax.from_torch(swapped), x) - expected).max()
    assert difference > 1e-7 if gates == 3 else difference < 1e-12  # an LSTM's are only added


def test_a_gru_without_bias():
    weights = {name: w for name, w in state(rows=3).items() if name.startswith("weight")}
    (layer,) = cdjax.from_torch(weights)
    assert layer.c is None
    np.testing.assert_array_equal(layer.b, np.zeros((3, 5)))


def load_golden(name):
    with np.load(GOLDEN / f"{name}.npz") as file:
        return dict(file)


def net_of(golden, prefix=""):
    """The state dict of a golden network, its readout as `fc`."""
    weights = {
        f"{prefix}{'' if '.' in key else 'rnn.'}{key}": value
        for key, value in golden.items()
        if "weight_" in key or "bias_" in key or key.startswith("head.")
    }
    if "W_out" in golden:
        weights |= {f"{prefix}fc.weight": golden["W_out"], f"{prefix}fc.bias": golden["b_out"]}
    return weights


WHOLE = [
    ("lstm_stack2", {"pool": "last"}),
    ("bilstm1", {"pool": "ends"}),
    ("bilstm2", {"pool": "ends"}),
    ("gru_torch", {"pool": "last"}),
    ("bigru2_torch", {"pool": "ends"}),
    ("lstm_proj", {"pool": "last"}),
    ("lstm_mean_pool", {"pool": "mean"}),
    ("lstm_max_pool", {"pool": "max"}),
    ("lstm_dense_relu_dense", {"pool": "last", "activations": ("relu", "linear")}),
    ("lstm_dense_tanh_dense", {"pool": "last", "activations": ("tanh", "linear")}),
]


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize(
    ("name", "given", "saved"),
    [
        # Each network once, each way of saving at least twice.
        pytest.param(*case, way, marks=() if n % 4 == w else pytest.mark.thorough)
        for n, case in enumerate(WHOLE)
        for w, way in enumerate(["mapping", "checkpoint", ".npz", ".safetensors"])
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_whole_network_has_the_logits_of_torch(name, given, saved, tmp_path):
    golden = load_golden(name)
    weights = net_of(golden, "model." if saved == "checkpoint" else "")
    sources = {
        "mapping": lambda path: weights,
        "checkpoint": lambda path: {"epoch": 1, "state_dict": weights, "optimizer": {"state": {}}},
        ".npz": lambda path: np.savez(path, **weights) or path,
        ".safetensors": lambda path: save_file(weights, path) or path,
    }
    source = sources[saved](tmp_path / f"model{saved}")
    model = cdjax.from_torch(source, output="value", **given)
    check_case(model, [golden["x"]], [golden["logits"]], 1e-10)


def dense(name, outputs, inputs, bias=True, seed=1):
    rng = np.random.default_rng(seed)
    weights = {f"{name}.weight": rng.normal(size=(outputs, inputs)).astype(np.float32)}
    return weights | ({f"{name}.bias": rng.normal(size=outputs).astype(np.float32)} if bias else {})


def norm(name, width, seed=2):
    rng = np.random.default_rng(seed)
    return {
        f"{name}.weight": rng.normal(size=width),
        f"{name}.bias": rng.normal(size=width),
        f"{name}.running_mean": rng.normal(size=width),
        f"{name}.running_var": rng.random(width) + 0.1,
        f"{name}.num_batches_tracked": np.array(7),
    }


def embedding(name="embedding", words=7, width=3):
    return {f"{name}.weight": np.random.default_rng(3).normal(size=(words, width))}


READ = {"pool": "last", "output": "value"}


def test_what_a_state_dict_does_not_say_is_asked_for_by_name():
    weights = embedding() | state("lstm.") | dense("fc1", 8, 5) | dense("fc2", 2, 8)
    given = {}
    for message, more in (
        (
            r"does not say what its head reads of the steps; give pool=NAME, one of last, ends",
            "pool",
        ),
        (r"activations of its head \(fc1: 8 outputs, fc2: 2 outputs\); give act", "activations"),
        (r"does not say what its outputs stand for .*; give output=NAME, one of", "output"),
    ):
        with pytest.raises(ValueError, match=message):
            cdjax.from_torch(weights, **given)
        given[more] = {"pool": "mean", "activations": ("relu", "linear"), "output": "softmax"}[more]
    model = cdjax.from_torch(
        weights, **given, vocabulary=cdjax.Vocabulary(["<unk>", *"abcdef"]), labels=("no", "yes")
    )
    assert model.labels == ("no", "yes")
    assert [layer.activation for layer in model.classifier.head] == ["relu"]
    assert model.provenance["imported"] == {
        "from": "the state dict",
        "framework": "PyTorch",
        "modules": ["embedding", "lstm", "fc1", "fc2"],
    }


def test_one_activation_more_is_that_of_what_the_head_reads():
    weights = state() | dense("fc", 2, 5)
    model = cdjax.from_torch(weights, activations=("relu", "linear"), **READ)
    (before,) = model.classifier.head
    assert before.activation == "relu"
    np.testing.assert_array_equal(before.W, np.eye(5))
    with pytest.raises(ValueError, match=r"activations holds 3 names; expected 1"):
        cdjax.from_torch(weights, activations=("relu", "linear", "relu"), **READ)


@pytest.mark.usefixtures("x64")
def test_a_batch_norm_is_folded_with_its_statistics():
    weights = {k: v.astype(float) for k, v in (state() | dense("fc", 2, 5)).items()}
    weights |= norm("bn", 5)
    x = np.random.default_rng(4).normal(size=(6, 3))
    h = run_torch(weights, x, 4)[-1]
    for eps in (1e-5, 0.1):
        y = (h - weights["bn.running_mean"]) / np.sqrt(weights["bn.running_var"] + eps)
        y = y * weights["bn.weight"] + weights["bn.bias"]
        model = cdjax.from_torch(weights, activations=("linear", "linear"), eps=eps, **READ)
        check_case(model, [x], [weights["fc.weight"] @ y + weights["fc.bias"]], 1e-10)
    alone = {k: v for k, v in weights.items() if k not in ("bn.weight", "bn.bias")}
    y = (h - weights["bn.running_mean"]) / np.sqrt(weights["bn.running_var"] + 1e-5)
    model = cdjax.from_torch(alone, activations=("linear", "linear"), **READ)
    check_case(model, [x], [weights["fc.weight"] @ y + weights["fc.bias"]], 1e-10)


def test_layers_of_other_names():
    weights = {f"enc_{name.removesuffix('_l0')}": w for name, w in state(rows=3).items()}
    weights |= {"dec_other": np.ones(2), "out": np.ones((2, 5), np.float32)}
    names = {f"{name}_l0": f"enc_{name}" for name in NAMES}
    np.testing.assert_array_equal(
        cdjax.from_torch(weights, names=names)[0].W, cdjax.from_torch(state(rows=3))[0].W
    )
    model = cdjax.from_torch(weights, names=names | {"fc.weight": "out"}, **READ)
    np.testing.assert_array_equal(model.classifier.readout, np.ones((2, 5)))
    with pytest.raises(ValueError, match=r"names gives 'enc_w' for weight_ih_l0; expected one of"):
        cdjax.from_torch(weights, names={"weight_ih_l0": "enc_w"})


def test_a_cell_alone_is_a_layer():
    cell = {name.removesuffix("_l0"): w for name, w in state("loop.").items()}
    np.testing.assert_array_equal(cdjax.from_torch(cell)[0].V, cdjax.from_torch(state())[0].V)
    with pytest.raises(ValueError, match=r"loop.bias_hh is a single cell's, beside .*\['_l0'\]\)"):
        cdjax.from_torch(cell | state("loop."))


@pytest.mark.parametrize(
    ("weights", "names"),
    [
        (state("b.") | state("a.", inputs=5, hidden=4), ["b", "a"]),
        (state("a.", inputs=5, hidden=4) | state("b."), ["b", "a"]),
        (state("lstm.", inputs=1) | dense("fc", 1, 5), ["lstm", "fc"]),
        (state("lstm.", inputs=1) | dense("a", 9, 5) | dense("b", 1, 9), ["lstm", "a", "b"]),
        (dense("linear", 2, 5) | state("z."), ["z", "linear"]),
        (
            state("l.") | dense("head.3", 5, 5) | dense("head.0", 5, 5) | dense("head.12", 2, 5),
            ["l", "head.0", "head.3", "head.12"],
        ),
        (embedding("e", 7, 5) | state("l.", 5, 5) | dense("fc", 5, 5), ["e", "l", "fc"]),
        (
            dense("decoder", 7, 5, bias=False) | embedding("emb", 7, 5) | state("l.", 5, 5),
            ["emb", "l", "decoder"],
        ),
    ],
)
def test_widths_tell_the_order_of_modules(weights, names):
    heads = sum(f"{name}.weight" in weights and name[:1] != "e" for name in names)
    given = READ | {"activations": ("linear",) * heads} if heads else {}
    parts = read_parts(weights, {}, 1e-5, {})
    assert list(find_chain(parts, "it", None, True).names) == names
    imported = cdjax.from_torch(weights, **given)
    if isinstance(imported, cdjax.Model):
        assert imported.provenance["imported"]["modules"] == names


@pytest.mark.parametrize(
    ("weights", "ordered", "modules"),
    [
        (state("a.", 5, 5) | state("b.", 5, 5), True, ("b", "a")),
        (state("l.") | dense("a", 5, 5) | dense("b", 5, 5), True, ("a", "b")),
        (state("l.", 3, 3) | dense("fc", 3, 3, bias=False), False, ("l", "fc")),
        (dense("fc", 1, 5) | state("l.", 5, 1), True, ("l", "fc")),
        (state("a.", 5, 5) | norm("n", 5) | state("b.", 5, 5), True, ("a", "b", "n")),
        (dense("i", 3, 3) | state("l.", 3, 3) | dense("o", 2, 3), True, ("l", "i")),
        (dense("i", 3, 3) | dense("o", 2, 3) | state("l.", 3, 3), False, ("l", "i")),
    ],
)
def test_an_order_that_widths_do_not_tell_is_asked_for(weights, ordered, modules):
    parts = read_parts(weights, {}, 1e-5, {})
    with pytest.raises(ValueError, match=r"their widths allow several: .* Give modules=, their"):
        find_chain(parts, "it", None, ordered)
    names = find_chain(parts, "it", modules, ordered).names
    assert [name for name in names if name in modules] == list(modules)


@pytest.mark.usefixtures("as_users")
@pytest.mark.parametrize(
    ("weights", "given", "message"),
    [
        (
            state("l.") | {"n.weight": np.ones(5), "n.bias": np.ones(5)},
            {},
            r"no layer of cdjax for n.weight \[5\], n.bias \[5\]: layer normalization",
        ),
        (
            state("l.") | {"c.weight": np.ones((4, 3, 2))},
            {},
            r"c.weight \[4, 3, 2\]: a convolution",
        ),
        (
            state("l.") | {"a.in_proj_weight": np.ones((15, 5)), "a.in_proj_bias": np.ones(15)},
            {},
            r"a.in_proj_weight \[15, 5\], .*: attention \(MultiheadAttention\)",
        ),
        (state("l.") | {"scale": np.ones(5)}, {}, r"no layer of cdjax for scale \[5\]\. Expected"),
        (state("l.") | {"loss.weight": np.ones(2)}, {}, r"of a loss.*take them out of the state"),
        (
            state("l.") | {"l.weight_hh_l0_g": np.ones(5), "l.weight_hh_l0_v": np.ones(5)},
            {},
            r"no layer of cdjax for l.weight_hh_l0_g .*weight normalization",
        ),
        (
            state("l.") | {"p._packed_params": object()},
            {},
            r"p._packed_params \(object\): a quantized module; give the float model",
        ),
        (
            state("l.") | dense("attention", 1, 5) | dense("fc", 2, 5),
            {},
            r"chain: l \(3 to 5\) -> attention \(5 to 1\), then nothing for fc \(5 to 2\)",
        ),
        (state("l.") | dense("fc", 2, 15), {}, r"fc takes 15 = 3 x 5: steps or pools side by side"),
        (
            embedding("e.words") | embedding("e.places") | state("l."),
            {},
            r"then nothing for e.places \(3 to 7\)",
        ),
        (
            dense("fc", 4, 3) | state("l.", 5, 4),
            {},
            r"holds fc in front of a recurrent module, .*front_activations=NAMES, .*: linear\.",
        ),
        (state("l.") | dense("fc", 2, 5), {"modules": "l"}, "modules is the string 'l'"),
        (state("l.") | dense("fc", 2, 5), {"modules": ("m",)}, r"modules holds 'm'; expected each"),
        (state("l.") | dense("fc", 2, 5), {"modules": ("fc", "l")}, r"not make one chain|does not"),
        (state("l.") | dense("fc", 2, 5), {"padding": 0}, r"padding is 0; .* there is none"),
        (
            embedding() | state("l.") | dense("fc", 2, 5),
            {"padding": 7},
            r"padding is 7; expected a row of the embedding, from 0 to 6",
        ),
        (state("l.") | norm("n", 5) | {"n.running_var": -np.ones(5)}, {}, r"no variance below 0"),
        (state("l.") | norm("n", 60_000), {}, r"n makes an array of 3,600,000,000 numbers, which"),
        (state("l.") | norm("n", 5) | {"n.bias": np.ones(4)}, {}, r"n has running_var of shape"),
        (state("l.") | {"fc.weight": np.ones((2, 5)), "fc.bias": np.ones(3)}, {}, r"\[M\]"),
        ({7: np.ones(2)} | state("l."), {}, "has the key 7; expected names of weights"),
        ({"weight_ih_l9999999": np.ones(1)}, {}, r"10,000,000 layers; expected at most 256"),
        (
            {f"m{n}.weight": np.ones(1) for n in range(300)} | state(),
            {},
            r"301 modules; expected at",
        ),
        (
            {"a": state(), "b": {"c": state()}},
            {},
            r"the state dict holds weights several times, under \['a', 'b.c'\]",
        ),
    ],
)
def test_tensors_that_have_no_place_raise(weights, given, message):
    with pytest.raises(ValueError, match=message):
        cdjax.from_torch(weights, **READ, **given)


def test_a_linear_in_front_is_folded():
    weights = dense("fc", 4, 3) | state("l.", 5, 4) | dense("out", 2, 5)
    front = cdjax.from_torch(weights, **READ, front_activations=("linear",))
    x = np.random.default_rng(0).normal(size=(6, 3))
    whole = cdjax.from_torch(state("l.", 5, 4) | dense("out", 2, 5), **READ).classifier
    embedded = x @ weights["fc.weight"].T + weights["fc.bias"]
    np.testing.assert_allclose(
        forward(front.classifier, x), forward(whole, embedded), rtol=0, atol=1e-6
    )
    rows = {"emb.weight": np.random.default_rng(1).normal(size=(7, 3)).astype(np.float32)}
    model = cdjax.from_torch(rows | weights, **READ, front_activations="relu")
    expected = np.maximum(rows["emb.weight"] @ weights["fc.weight"].T + weights["fc.bias"], 0)
    np.testing.assert_allclose(model.classifier.embedding, expected, rtol=1e-6)
    assert model.provenance["imported"]["front_activations"] == ["relu"]
    for wrong, message in [
        (("linear", "relu"), "front_activations holds 2 names; expected 1, .*fc"),
        (("relu",), "fc has the activation relu at every step before l; cdjax has such layers"),
        (("swish",), "front_activations: the activation 'swish' is not supported"),
    ]:
        with pytest.raises(ValueError, match=message):
            cdjax.from_torch(weights, **READ, front_activations=wrong)


def test_many_modules_of_one_width_end_in_a_question():
    weights = state("l.", 5, 5) | {
        key: value for n in range(20) for key, value in dense(f"a{n}x", 5, 5).items()
    }
    with pytest.raises(ValueError, match=r"(g|G)ive modules="):
        cdjax.from_torch(weights | dense("left", 3, 7), **READ)
    with pytest.raises(ValueError, match="Give modules="):
        cdjax.from_torch(weights, **READ)


def test_padding_is_kept_in_the_provenance():
    weights = embedding() | state("l.") | dense("fc", 2, 5)
    model = cdjax.from_torch(weights, padding=0, **READ)
    assert model.provenance["imported"]["padding"] == 0


def test_names_in_front_that_wrappers_give_are_left_out():
    weights = {f"module.model.{k}": w for k, w in (state("l.") | dense("fc", 2, 5)).items()}
    model = cdjax.from_torch(weights, **READ)
    assert model.provenance["imported"]["modules"] == ["l", "fc"]


def test_other_sources_raise(tmp_path, monkeypatch):
    with pytest.raises(TypeError, match=r"source is a int; expected a torch.nn.Module, its state"):
        cdjax.from_torch(3)
    with pytest.raises(FileNotFoundError, match=r"none.pt does not exist"):
        cdjax.from_torch(tmp_path / "none.pt")
    with pytest.raises(ValueError, match="is a folder; expected a file of weights"):
        cdjax.from_torch(tmp_path)
    (tmp_path / "model.pkl").write_bytes(b"")
    with pytest.raises(ValueError, match=r"ends in '.pkl'; expected .pt, .pth, .*safetensors or"):
        cdjax.from_torch(tmp_path / "model.pkl")
    (tmp_path / "model.pt").write_bytes(b"")
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ImportError, match=r"reading model.pt needs PyTorch: pip install torch"):
        cdjax.from_torch(str(tmp_path / "model.pt"))
    monkeypatch.setitem(sys.modules, "torch", types.SimpleNamespace(__version__="2.5.1+cpu"))
    with pytest.raises(ImportError, match=r"safely needs PyTorch 2.6 or later, found 2.5.1"):
        cdjax.from_torch(tmp_path / "model.pt")


def save_objects(path):
    np.savez(path, weight_ih_l0=np.array([object()]))


def save_lie(path):
    with zipfile.ZipFile(path, "w") as archive, archive.open("weight_ih_l0.npy", "w") as file:
        np.lib.format.write_array_header_1_0(
            file, {"descr": "<f4", "fortran_order": False, "shape": (10**6, 10**6)}
        )


@pytest.mark.parametrize(
    ("suffix", "save", "message"),
    [
        (".npz", save_objects, "Python objects, which only pickle can read"),
        (".npz", save_lie, r"the header of weight_ih_l0 promises .* 0 follow"),
        (".npz", lambda path: path.write_bytes(b""), "is no .npz file of weights, or damaged"),
        (".npz", lambda path: path.write_bytes(b"PK\3\4" * 9), "is no .npz file of weights"),
        (".safetensors", lambda path: path.write_bytes(b""), "is no .safetensors file, or damaged"),
        (".safetensors", lambda path: path.write_bytes(b"\377" * 99), "is no .safetensors file"),
        (
            ".safetensors",
            lambda path: path.write_bytes(
                (h := b'{"a":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]}}')
                and len(h).to_bytes(8, "little") + h + b"\0"
            ),
            r"a is stored as F8_E4M3, which NumPy does not have|a holds|no LSTM or GRU",
        ),
    ],
)
def test_damaged_files_raise(suffix, save, message, tmp_path):
    path = tmp_path / f"model{suffix}"
    save(path)
    with pytest.raises(ValueError, match=message):
        cdjax.from_torch(path)


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_bytes_that_are_changed_end_in_no_other_error(suffix, tmp_path):
    path = tmp_path / f"model{suffix}"
    np.savez(path, **state()) if suffix == ".npz" else save_file(state(), path)
    data, rng = path.read_bytes(), np.random.default_rng(0)
    for _ in range(150):
        changed = bytearray(data[: rng.integers(len(data))] if rng.random() < 0.3 else data)
        for position in rng.integers(0, max(len(changed), 1), 3) if changed else ():
            changed[position] = rng.integers(256)
        path.write_bytes(changed)
        with contextlib.suppress(ValueError):
            cdjax.from_torch(path)


def test_bfloat16_in_safetensors(tmp_path):
    import ml_dtypes

    names = {name: w.astype(ml_dtypes.bfloat16) for name, w in state().items()}
    header, data = {}, b""
    for name, w in names.items():
        header[name] = {
            "dtype": "BF16",
            "shape": list(w.shape),
            "data_offsets": [len(data), len(data) + w.nbytes],
        }
        data += w.tobytes()
    encoded = json.dumps(header).encode()
    path = tmp_path / "model.safetensors"
    path.write_bytes(len(encoded).to_bytes(8, "little") + encoded + data)
    (layer,) = cdjax.from_torch(path)
    expected = {name: w.astype(np.float32) for name, w in names.items()}
    np.testing.assert_array_equal(layer.W, cdjax.from_torch(expected)[0].W)
    assert layer.W.dtype == np.float32
