import cdjax
import jax.numpy as jnp
import numpy as np
import pytest
from cdjax.core.network import run


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
    weights = state("encoder.lstm.") | {"embed.weight": np.ones((7, 3)), "out.bias": np.ones(2)}
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


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({}, r"no LSTM among \[\]"),
        ({"fc.weight": np.ones(3)}, r"no LSTM among \['fc.weight'\]"),
        (state("a.") | state("b."), r"2 recurrent modules \(\['a.', 'b.'\]\); expected one"),
        (state() | {"weight_ih_l1": np.ones(1)}, r"weight_ih_l1 belongs to a stacked LSTM"),
        (state() | {"weight_ih_l0_reverse": np.ones(1)}, r"a bidirectional LSTM"),
        (state() | {"weight_hr_l0": np.ones(1)}, r"a projection \(proj_size\)"),
        ({"weight_ih": np.ones(1), "weight_hh": np.ones(1)}, r"a torch.nn.LSTMCell"),
        (state(rows=3), r"weight_hh_l0 has shape \[15, 5\]: a GRU"),
        (state(rows=1), r"weight_hh_l0 has shape \[5, 5\]: a plain RNN"),
        (without(state(), "bias_hh_l0"), r"bias_hh_l0 is missing"),
        (without(state(), "weight_ih_l0"), r"weight_ih_l0 is missing"),
        (state() | {"weight_hh_l0": np.ones((19, 5))}, r"shape \[19, 5\]; expected \[20, 5\]"),
        (state() | {"weight_ih_l0": np.ones((19, 3))}, r"shape \[19, 3\]; expected \[20, 3\]"),
        (state() | {"bias_ih_l0": np.ones(1)}, r"bias_ih_l0 has shape \[1\]; expected \[20\]"),
        (state() | {"weight_hh_l0": np.ones(5)}, r"expected \[4"),
        (state() | {"bias_ih_l0": np.full(20, np.nan)}, r"bias_ih_l0 holds values .* not finite"),
    ],
)
def test_anything_else_raises_naming_what_was_found(weights, message):
    with pytest.raises(ValueError, match=message):
        cdjax.from_torch(weights)


def test_parity_with_torch():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    torch.manual_seed(0)
    lstm = torch.nn.LSTM(3, 5, batch_first=True)
    x = torch.randn(1, 6, 3)
    h = run(cdjax.from_torch(lstm.state_dict()), jnp.asarray(x[0].numpy()))
    np.testing.assert_allclose(h, lstm(x)[0][0].detach().numpy(), atol=1e-6)
    half = cdjax.from_torch(lstm.to(torch.bfloat16).state_dict())
    assert half[0].W.dtype == np.float32
