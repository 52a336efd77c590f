"""Every golden file of networks beyond one LSTM layer, through the public names, in float64.

`tests/golden/architectures` holds weights under each framework's own names, its output, and `beta`
and `gamma` at every step for ten sets of steps. `gamma` is carried on its own throughout.
"""

from pathlib import Path

import cdjax
import jax
import numpy as np
import pytest
from cdjax.core.decomposition import split_logits
from cdjax.core.network import forward, run
from cdjax.core.rules import RULES, BiasProduct, Rule

GOLDEN = Path(__file__).parent.parent / "golden" / "architectures"
BOUND = 1e-10

pytestmark = pytest.mark.usefixtures("x64")


def load(name):
    with np.load(GOLDEN / f"{name}.npz") as file:
        return dict(file)


def torch_lstm(g, prefix="", suffix="_l0"):
    W, V = g[f"{prefix}weight_ih{suffix}"], g[f"{prefix}weight_hh{suffix}"]
    b = g[f"{prefix}bias_ih{suffix}"] + g[f"{prefix}bias_hh{suffix}"]
    H = len(b) // 4
    projection = g.get(f"{prefix}weight_hr{suffix}")
    return cdjax.LSTMParams(
        W.reshape(4, H, -1), V.reshape(4, H, -1), b.reshape(4, H), projection=projection
    )


def torch_gru(g, suffix="_l0"):
    W, V = g[f"weight_ih{suffix}"], g[f"weight_hh{suffix}"]
    H = V.shape[1]
    b, recurrent = g[f"bias_ih{suffix}"].reshape(3, H), g[f"bias_hh{suffix}"].reshape(3, H)
    b = b + recurrent * np.array([[1], [1], [0]])
    return cdjax.GRUParams(W.reshape(3, H, -1), V.reshape(3, H, H), b, recurrent[2])


def both(make, g, layer=0):
    return cdjax.Bidirectional(make(g, suffix=f"_l{layer}"), make(g, suffix=f"_l{layer}_reverse"))


def keras_gates(kernel, count):
    return np.moveaxis(kernel.reshape(len(kernel), count, -1), 0, 2)


def keras_gru(g):
    r_z_n = [1, 0, 2]  # Keras has z, r, h
    W, V = (keras_gates(g[name], 3)[r_z_n] for name in ("kernel", "recurrent_kernel"))
    bias = g["bias"].reshape(-1, 3, V.shape[1])[:, r_z_n]
    if len(bias) == 1:
        return cdjax.GRUParams(W, V, bias[0], reset_after=False)
    return cdjax.GRUParams(W, V, bias[0] + bias[1] * np.array([[1], [1], [0]]), bias[1, 2])


def keras_lstm(g, direction):
    names = (f"{direction}_kernel", f"{direction}_recurrent_kernel")
    W, V = (keras_gates(g[name], 4) for name in names)
    return cdjax.LSTMParams(W, V, g[f"{direction}_bias"].reshape(4, -1))


def peephole_lstm(g):
    return cdjax.LSTMParams(g["W"], g["V"], g["b"], peepholes=g["peep"])


NETWORKS = {  # name: (layers, pool)
    "lstm_stack2": (lambda g: (torch_lstm(g, "first."), torch_lstm(g, "second.")), "last"),
    "bilstm1": (lambda g: (both(torch_lstm, g),), "ends"),
    "bilstm2": (lambda g: (both(torch_lstm, g), both(torch_lstm, g, 1)), "ends"),
    "gru_torch": (lambda g: (torch_gru(g),), "last"),
    "bigru2_torch": (lambda g: (both(torch_gru, g), both(torch_gru, g, 1)), "ends"),
    "gru_keras_reset_after": (lambda g: (keras_gru(g),), "last"),
    "gru_keras_reset_before": (lambda g: (keras_gru(g),), "last"),
    "lstm_proj": (lambda g: (torch_lstm(g),), "last"),
    "lstm_peephole": (lambda g: (peephole_lstm(g),), "last"),
    "lstm_mean_pool": (lambda g: (torch_lstm(g),), "mean"),
    "lstm_max_pool": (lambda g: (torch_lstm(g),), "max"),
}


def decompose_sets(layers, x, sets, rule, **more):
    return jax.vmap(lambda inside: cdjax.decompose(layers, x, inside, rule, **more))(sets)


def check(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=0, atol=BOUND)


@pytest.mark.parametrize(
    "rule",
    ["paper", *(pytest.param(rule, marks=pytest.mark.thorough) for rule in ("acd", "merged"))],
)
@pytest.mark.parametrize("name", NETWORKS)
def test_states_at_every_step_and_scores(name, rule):
    g = load(name)
    make, pool = NETWORKS[name]
    layers = make(g)
    check(run(layers, g["x"]), g["h"])
    split = decompose_sets(layers, g["x"], g["masks"], RULES[rule])
    check(split.beta, g[f"beta_{rule}"])
    check(split.gamma, g[f"gamma_{rule}"])
    check(split.beta + split.gamma, np.broadcast_to(g["h"], split.beta.shape))

    classifier = cdjax.Classifier(None, layers, g["W_out"], g["b_out"], pool)
    check(forward(classifier, g["x"]), g["logits"])
    parts = jax.vmap(lambda inside: split_logits(classifier, g["x"], inside, RULES[rule]))(
        g["masks"]
    )
    check(parts.beta, g[f"scores_{rule}"])
    check(parts.gamma, g[f"rest_{rule}"])
    check(parts.bias, np.broadcast_to(g["b_out"], parts.bias.shape))


@pytest.mark.thorough
@pytest.mark.parametrize("name", NETWORKS)
def test_an_empty_phrase_scores_0_and_the_whole_input_leaves_0(name):
    g = load(name)
    layers = NETWORKS[name][0](g)
    # But for rounding: a compiler may fuse a sum into a product in one place and not in another.
    zero = 1e-15
    sets = np.array([[False] * 7, [True] * 7])
    # Every rule on a stack and on the reset that comes first; elsewhere two that differ in this.
    every = name in ("lstm_stack2", "gru_keras_reset_before")
    for rule in RULES.values() if every else (cdjax.PAPER, cdjax.ACD):
        split = decompose_sets(layers, g["x"], sets, rule)
        assert np.abs(split.beta[0]).max() < zero
        assert (np.abs(split.gamma[1]).max() < zero) == rule.whole_input_adds_up


@pytest.mark.parametrize("rule", ["paper", "acd", "merged"])
@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_dense_heads(activation, rule):
    g = load(f"lstm_dense_{activation}_dense")
    dense = cdjax.Dense(g["head.0.weight"], g["head.0.bias"], activation)
    layers = (torch_lstm(g),)
    classifier = cdjax.Classifier(None, layers, g["head.2.weight"], g["head.2.bias"], head=(dense,))
    check(forward(classifier, g["x"]), g["logits"])
    parts = jax.vmap(lambda inside: split_logits(classifier, g["x"], inside, RULES[rule]))(
        g["masks"]
    )
    check(parts.beta, g[f"scores_{rule}_shapley"])
    check(parts.gamma, g[f"rest_{rule}_shapley"])
    check(parts.bias, np.broadcast_to(g["const_shapley"], parts.bias.shape))


@pytest.mark.parametrize("rule", ["paper", "acd", "merged"])
def test_given_first_states_belong_to_the_rest(rule):
    g = load("lstm_initial_states")
    initial = [(g["h0"], g["c0"])]
    split = decompose_sets((torch_lstm(g),), g["x"], g["masks"], RULES[rule], initial=initial)
    check(split.beta, g[f"beta_{rule}"])
    check(split.gamma, g[f"gamma_{rule}"])
    check(run((torch_lstm(g),), g["x"], initial=initial), g["h"])


@pytest.mark.parametrize("rule", ["paper", "merged"])
def test_regions_of_steps_and_features(rule):
    g = load("lstm_cells")
    split = decompose_sets((torch_lstm(g),), g["x"], g["cells"], RULES[rule])
    check(split.beta, g[f"beta_{rule}"])
    check(split.gamma, g[f"gamma_{rule}"])
    check(split.beta + split.gamma, np.broadcast_to(g["h"], split.beta.shape))


@pytest.mark.parametrize("rule", ["paper", "acd", "merged"])
def test_a_padded_batch(rule):
    """Padding is left out, whatever it holds: the backward cell begins at the last real step."""
    g = load("bilstm_packed")
    classifier = cdjax.Classifier(None, (both(torch_lstm, g),), np.eye(8), np.zeros(8), "ends")
    for n, length in enumerate(g["lengths"]):
        valid = np.arange(7) < length
        x = np.where(valid[:, None], g["x"][n], np.nan)
        check(forward(classifier, x, valid), g["h_n"][n])
        for k, inside in enumerate(g["masks"]):
            parts = split_logits(classifier, x, inside, RULES[rule], valid)
            check(parts.beta, g[f"beta_{rule}"][n, k])
            check(parts.gamma, g[f"gamma_{rule}"][n, k])


@pytest.mark.parametrize("rule", ["paper", "acd", "merged"])
def test_masked_steps_anywhere(rule):
    g = load("bilstm_keras_masked")
    layers = (cdjax.Bidirectional(keras_lstm(g, "forward"), keras_lstm(g, "backward")),)
    classifier = cdjax.Classifier(None, layers, np.eye(8), np.zeros(8), "ends")
    check(forward(classifier, g["x"], g["valid"]), g["ends"])
    check(forward(classifier, g["x"]), g["ends_unmasked"])
    for k, inside in enumerate(g["masks"]):
        parts = split_logits(classifier, g["x"], inside, RULES[rule], g["valid"])
        check(parts.beta, g[f"beta_{rule}"][k])
        check(parts.gamma, g[f"gamma_{rule}"][k])


@pytest.mark.parametrize("name", ["bilstm1", "gru_torch"])
@pytest.mark.parametrize(
    ("variant", "rule"),
    [
        ("term", Rule("source-term", True, BiasProduct.REST, gates_are_split=False)),
        ("merged", Rule("source-merged", False, BiasProduct.REST, gates_are_split=False)),
        ("merged_phrase", cdjax.SOURCE),
    ],
)
def test_the_source_rule(name, variant, rule):
    g, source = load(name), load("source_rule")
    split = decompose_sets(NETWORKS[name][0](g), g["x"], g["masks"], rule)
    check(split.beta, source[f"{name}_beta_{variant}"])
    check(split.gamma, source[f"{name}_gamma_{variant}"])
