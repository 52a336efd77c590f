from pathlib import Path

import cdjax
import jax.numpy as jnp
import numpy as np
import pytest
from cdjax.core.network import run
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

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
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
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


def test_parity_with_torch():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    torch.manual_seed(0)
    lstm = torch.nn.LSTM(3, 5, batch_first=True)
    x = torch.randn(1, 6, 3)
    h = run(cdjax.from_torch(lstm.state_dict()), jnp.asarray(x[0].numpy()))
    np.testing.assert_allclose(h, lstm(x)[0][0].detach().numpy(), atol=1e-6)
    stack = torch.nn.GRU(3, 5, num_layers=2, bidirectional=True, batch_first=True)
    h = run(cdjax.from_torch(stack.state_dict()), jnp.asarray(x[0].numpy()))
    np.testing.assert_allclose(h, stack(x)[0][0].detach().numpy(), atol=1e-6)
    half = cdjax.from_torch(lstm.to(torch.bfloat16).state_dict())
    assert half[0].W.dtype == np.float32
