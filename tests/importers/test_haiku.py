from pathlib import Path

import cdjax
import numpy as np
import pytest
from cdjax.core.network import run

from tests.importers.contract import Refused, check_case

FILES = Path(__file__).parent / "files"
D, H, K = 3, 5, 2


def load(name):
    """Parameters that Haiku drew, an input, and the outputs that it computed."""
    with np.load(FILES / f"haiku_{name}.npz") as file:
        arrays = dict(file)
    x, y = arrays.pop("x"), arrays.pop("y")
    params = {}
    for key, array in arrays.items():
        module, _, weight = key.rpartition(":")
        params.setdefault(module, {})[weight] = array
    return params, x, y


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize(
    ("name", "arguments"),
    [("lstm", {}), ("gru", {}), ("deep_rnn", {"pool": "mean", "activations": "softmax"})],
)
def test_parity_with_the_outputs_of_haiku(name, arguments):
    params, x, y = load(name)
    check_case(cdjax.from_haiku(params, **arguments), [x], [y], 1e-10)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize(("name", "gates"), [("lstm", 4), ("gru", 3)])
def test_permuted_gates_do_not_agree(name, gates):
    params, x, y = load(name)
    (module,) = params
    for key, array in params[module].items():
        blocks = np.split(array, gates, axis=-1)
        for k in range(1, gates):
            order = [k, *range(1, k), 0, *range(k + 1, gates)]
            permuted = np.concatenate([blocks[n] for n in order], axis=-1)
            layers = cdjax.from_haiku({module: params[module] | {key: permuted}})
            assert abs(np.asarray(run(layers, x)) - y).max() > 1e-4


def ones(**shapes):
    return {name: np.ones(shape, np.float32) for name, shape in shapes.items()}


LSTM, LINEAR = ones(w=(D + H, 4 * H), b=(4 * H,)), ones(w=(H, H), b=(H,))
GRU = ones(w_i=(D, 3 * H), w_h=(H, 3 * H), b=(3 * H,))
HAIKU = "Haiku"
REFUSED = [
    Refused(
        HAIKU,
        "VanillaRNN",
        lambda: {"net/vanilla_rnn/linear": LINEAR},
        "net/vanilla_rnn/linear belongs to hk.VanillaRNN, which is not supported",
    ),
    Refused(
        HAIKU,
        "ConvLSTM",
        lambda: {"conv1_d_lstm/input_to_hidden": ones(w=(2, 3, 20), b=(20,))},
        "conv1_d_lstm/input_to_hidden belongs to a ConvLSTM",
    ),
    Refused(
        HAIKU,
        "normalizations",
        lambda: {"lstm/linear": LSTM, "layer_norm": ones(scale=(H,), offset=(H,))},
        r"layer_norm holds scale \[5\], offset \[5\] \(a normalization\)",
    ),
    Refused(
        HAIKU,
        "convolutions",
        lambda: {"lstm/linear": LSTM, "conv1_d": ones(w=(3, D, H), b=(H,))},
        r"conv1_d holds w \[3, 3, 5\], b \[5\], which belongs to no module",
    ),
    Refused(
        HAIKU,
        "an LSTM of another name",
        lambda: {"encoder/linear": LSTM},
        "holds no LSTM or GRU, but encoder/linear 8 -> 20",
    ),
    Refused(
        HAIKU,
        "two layers whose order is not said",
        lambda: {"b": LINEAR, "a": LINEAR, "lstm/linear": LSTM},
        r"does not say in which order .* modules=\('lstm', 'b', 'a'\)",
    ),
    Refused(
        HAIKU,
        "a pool that is not said",
        lambda: {"lstm/linear": LSTM, "linear": LINEAR},
        "give pool=",
    ),
    Refused(
        HAIKU,
        "an LSTM of another shape",
        lambda: {"lstm/linear": ones(w=(D, 20), b=(20,))},
        r"lstm: w has shape \[3, 20\] and b \[20\]; expected an LSTM's, \[D \+ H, 4H\]",
    ),
    Refused(
        HAIKU,
        "an LSTM without bias",
        lambda: {"lstm/linear": ones(w=(8, 20))},
        r"lstm: w has shape \[8, 20\] and b None",
    ),
    Refused(
        HAIKU,
        "a GRU of another shape",
        lambda: {"gru": GRU | ones(w_i=(D, 14))},
        r"gru: w_i has shape \[3, 14\], w_h \[5, 15\] and b \[15\]",
    ),
    Refused(
        HAIKU,
        "a bias of another shape",
        lambda: {"linear": LINEAR | ones(b=(3,))},
        r"linear: b has shape \[3\]; expected \[5\]",
    ),
    Refused(
        HAIKU,
        "weights that are not finite",
        lambda: {"gru": GRU | {"b": np.full(15, np.inf)}},
        "gru, b holds values that are not finite",
    ),
    Refused(
        HAIKU, "anything else", lambda: {"w": np.ones(3)}, "from_haiku got dict; expected param"
    ),
]


@pytest.mark.usefixtures("as_users")
@pytest.mark.parametrize("refused", REFUSED, ids=[r.what for r in REFUSED])
def test_anything_else_raises_and_names_it(refused):
    with pytest.raises(ValueError, match=refused.message):
        cdjax.from_haiku(refused.make())


def test_names_with_numbers_are_in_their_order():
    params = {"lstm_1/linear": ones(w=(2 * H, 20), b=(20,)), "gru": GRU | ones(w_i=(H, 15))}
    layers = cdjax.from_haiku({"lstm/linear": LSTM, **params}, modules=("lstm", "lstm_1", "gru"))
    assert [type(layer).__name__ for layer in layers] == ["LSTMParams", "LSTMParams", "GRUParams"]
    first = {"lstm_1/linear": params["lstm_1/linear"], "lstm/linear": LSTM | {"b": np.zeros(20)}}
    assert cdjax.from_haiku(first)[0].b[0, 0] == 0


def test_a_name_that_is_no_module_raises():
    with pytest.raises(ValueError, match="lstms names 'encoder'; found lstm/linear"):
        cdjax.from_haiku({"lstm/linear": LSTM}, lstms=("encoder",))
    assert cdjax.from_haiku({"encoder/linear": LSTM}, lstms=("encoder",))[0].V.shape == (4, H, H)
