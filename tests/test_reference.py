"""The reference against numbers that others computed: `golden/README.md` says who and how."""

from types import SimpleNamespace

import numpy as np
import pytest

from tests import reference
from tests.conftest import ROOT, read_npz
from tests.reference import READINGS, Reading

GOLDEN = ROOT / "tests" / "golden"
RULES = {"acd": "acd", "released": "released", "merged_context": "merged", "paper": "paper"}


def load(name):
    return read_npz(GOLDEN / f"{name}.npz")


def lstm(W, V, b, **fields):
    return SimpleNamespace(W=W, V=V, b=b, **fields)


def torch_lstm(golden, prefix="", suffix="_l0", names=("weight_", "bias_")):
    weight, bias = (prefix + name for name in names)
    P = golden[f"{weight}hh{suffix}"].shape[1]
    W = golden[f"{weight}ih{suffix}"]
    b = golden[f"{bias}ih{suffix}"] + golden[f"{bias}hh{suffix}"]
    projection = golden.get(f"{weight}hr{suffix}")
    V = golden[f"{weight}hh{suffix}"].reshape(4, -1, P)
    return lstm(W.reshape(4, -1, W.shape[1]), V, b.reshape(4, -1), projection=projection)


def torch_gru(golden, suffix="_l0"):
    V, b_hh = golden[f"weight_hh{suffix}"], golden[f"bias_hh{suffix}"].reshape(3, -1)
    W = golden[f"weight_ih{suffix}"].reshape(3, len(V) // 3, -1)
    b = golden[f"bias_ih{suffix}"].reshape(3, -1) + b_hh * [[1], [1], [0]]
    V = V.reshape(3, -1, V.shape[1])
    return SimpleNamespace(W=W, V=V, b=b, c=b_hh[2], reset_after=True)


def both_ways(make, golden, suffix="_l0"):
    forward, backward = make(golden, suffix=suffix), make(golden, suffix=f"{suffix}_reverse")
    return SimpleNamespace(forward=forward, backward=backward)


def keras(kernel, gates, order):
    """`[in, gates * H]` to `[gates, H, in]`, in our order."""
    return kernel.reshape(len(kernel), gates, -1).transpose(1, 2, 0)[order]


def keras_lstm(golden, direction):
    kernels = (golden[f"{direction}_{name}"] for name in ("kernel", "recurrent_kernel"))
    W, V = (keras(kernel, 4, slice(None)) for kernel in kernels)
    return lstm(W, V, golden[f"{direction}_bias"].reshape(4, -1))


def keras_gru(golden, reset_after):
    order = [1, 0, 2]  # z r h to r z n
    W, V = (keras(golden[name], 3, order) for name in ("kernel", "recurrent_kernel"))
    bias = golden["bias"].reshape(-1, 3, len(golden["recurrent_kernel"]))[:, order]
    b, c = (bias[0] + bias[1] * [[1], [1], [0]], bias[1, 2]) if reset_after else (bias[0], None)
    return SimpleNamespace(W=W, V=V, b=b, c=c, reset_after=reset_after)


LAYERS = {
    "lstm_stack2": lambda g: (torch_lstm(g, "first."), torch_lstm(g, "second.")),
    "bilstm1": lambda g: (both_ways(torch_lstm, g),),
    "bilstm2": lambda g: (both_ways(torch_lstm, g), both_ways(torch_lstm, g, suffix="_l1")),
    "gru_torch": lambda g: (torch_gru(g),),
    "bigru2_torch": lambda g: (both_ways(torch_gru, g), both_ways(torch_gru, g, suffix="_l1")),
    "gru_keras_reset_after": lambda g: (keras_gru(g, True),),
    "gru_keras_reset_before": lambda g: (keras_gru(g, False),),
    "lstm_proj": lambda g: (torch_lstm(g),),
    "lstm_peephole": lambda g: (lstm(g["W"], g["V"], g["b"], peepholes=g["peep"]),),
    "lstm_mean_pool": lambda g: (torch_lstm(g),),
    "lstm_max_pool": lambda g: (torch_lstm(g),),
    "lstm_dense_relu_dense": lambda g: (torch_lstm(g),),
    "lstm_dense_tanh_dense": lambda g: (torch_lstm(g),),
    "lstm_initial_states": lambda g: (torch_lstm(g),),
}
POOLS = {"bilstm1": "ends", "bilstm2": "ends", "bigru2_torch": "ends"}
POOLS |= {"lstm_mean_pool": "mean", "lstm_max_pool": "max"}


def close(ours, expected):
    np.testing.assert_allclose(ours, expected, rtol=1e-10, atol=1e-12)


def span_masks(golden):
    steps = np.arange(len(golden["x"]))
    return [(start <= steps) & (steps < stop) for start, stop in golden["spans"]]


def one_layer(golden, suffix=""):
    return torch_lstm(golden, suffix=suffix, names=("W_", "b_"))


@pytest.mark.parametrize("size", ["small", "medium"])
@pytest.mark.parametrize("key", RULES)
def test_spans(size, key):
    golden = load(f"spans_{size}")
    for n, inside in list(enumerate(span_masks(golden)))[:: 1 if size == "small" else 10]:
        parts = reference.decompose([one_layer(golden)], golden["x"], inside, RULES[key])
        close(golden["W_out"] @ parts.beta[-1], golden[f"beta_{key}"][n])
        close(golden["W_out"] @ parts.gamma[-1], golden[f"gamma_{key}"][n])
        close(golden["W_out"] @ parts.whole[-1], golden["logits"])


@pytest.mark.parametrize("key", ["acd", "paper"])
def test_sets(key):
    golden = load("sets")
    for n, inside in enumerate(golden["masks"]):
        parts = reference.decompose([one_layer(golden)], golden["x"], inside, key)
        close(golden["W_out"] @ parts.beta[-1], golden[f"beta_{key}"][n])


@pytest.mark.parametrize("key", ["acd", "merged_context"])
def test_stack_of_published_implementations(key):
    golden = load("stacked")
    layers = one_layer(golden, "_l0"), one_layer(golden, "_l1")
    for n, inside in enumerate(span_masks(golden)):
        parts = reference.decompose(layers, golden["x"], inside, RULES[key])
        close(parts.beta @ golden["W_out"].T, golden[f"beta_{key}"][n])


@pytest.mark.parametrize("rule", ["paper", "acd", "merged"])
@pytest.mark.parametrize("name", LAYERS)
def test_architectures(name, rule):
    golden = load(f"architectures/{name}")
    layers, suffix = LAYERS[name](golden), ""
    initial = [(golden["h0"], golden["c0"])] if "h0" in golden else None
    head = ()
    if "head.0.weight" in golden:
        activation = name.split("_")[2]
        first = golden["head.0.weight"], golden["head.0.bias"]
        head = (SimpleNamespace(W=first[0], b=first[1], activation=activation),)
        golden |= {"W_out": golden["head.2.weight"], "b_out": golden["head.2.bias"]}
        suffix = "_shapley"
    for n, inside in enumerate(golden["masks"]):
        parts = reference.decompose(layers, golden["x"], inside, rule, initial)
        close(parts.whole, golden["h"])
        close(parts.beta, golden[f"beta_{rule}"][n])
        close(parts.gamma, golden[f"gamma_{rule}"][n])
        if "logits" in golden:
            classifier = SimpleNamespace(
                layers=layers,
                pool=POOLS.get(name, "last"),
                head=head,
                readout=golden["W_out"],
                bias=golden["b_out"],
            )
            split = reference.split_logits(classifier, golden["x"], inside, rule)
            close(split.whole, golden["logits"])
            close(split.beta, golden[f"scores_{rule}{suffix}"][n])
            close(split.gamma, golden[f"rest_{rule}{suffix}"][n])
            close(split.bias, golden["const_shapley"] if head else golden["b_out"])


@pytest.mark.parametrize("rule", ["paper", "acd", "merged"])
def test_steps_left_out(rule):
    golden = load("architectures/bilstm_keras_masked")
    directions = (keras_lstm(golden, direction) for direction in ("forward", "backward"))
    layer = SimpleNamespace(**dict(zip(("forward", "backward"), directions, strict=True)))
    for n, inside in enumerate(golden["masks"]):
        parts = reference.decompose([layer], golden["x"], inside, rule, valid=golden["valid"])
        ends = reference.pool(parts, "ends", 4)
        close(ends.whole, golden["ends"])
        close(ends.beta, golden[f"beta_{rule}"][n])
        close(ends.gamma, golden[f"gamma_{rule}"][n])


@pytest.mark.parametrize("rule", ["paper", "acd", "merged"])
def test_padding(rule):
    golden = load("architectures/bilstm_packed")
    layer = both_ways(torch_lstm, golden)
    for b, length in enumerate(golden["lengths"]):
        valid = np.arange(7) < length
        for n, inside in enumerate(golden["masks"]):
            parts = reference.decompose([layer], golden["x"][b], inside, rule, valid=valid)
            ends = reference.pool(parts, "ends", 4)
            close(ends.whole, golden["h_n"][b])
            close(ends.beta, golden[f"beta_{rule}"][b, n])
            close(ends.gamma, golden[f"gamma_{rule}"][b, n])


@pytest.mark.parametrize("rule", ["paper", "merged"])
def test_regions(rule):
    golden = load("architectures/lstm_cells")
    for n, region in enumerate(golden["cells"]):
        parts = reference.decompose([torch_lstm(golden)], golden["x"], region, rule)
        close(parts.whole, golden["h"])
        close(parts.beta, golden[f"beta_{rule}"][n])
        close(parts.gamma, golden[f"gamma_{rule}"][n])


def test_a_region_with_an_owner_of_the_bias_product_raises():
    golden = load("architectures/lstm_cells")
    with pytest.raises(ValueError, match="partly inside"):
        reference.decompose([torch_lstm(golden)], golden["x"], golden["cells"][0], "acd")


@pytest.mark.parametrize("name", ["bilstm1", "gru_torch"])
@pytest.mark.parametrize("variant", ["term", "merged", "merged_phrase"])
def test_source_rule(name, variant):
    golden, source = load(f"architectures/{name}"), load("architectures/source_rule")
    owner = "beta" if variant == "merged_phrase" else "gamma"
    reading = Reading(own_term=variant == "term", product_owner=owner, split_gates=False)
    assert (reading == READINGS["source"]) == (variant == "merged_phrase")
    for n, inside in enumerate(golden["masks"]):
        parts = reference.decompose(LAYERS[name](golden), golden["x"], inside, reading)
        close(parts.beta, source[f"{name}_beta_{variant}"][n])
        close(parts.gamma, source[f"{name}_gamma_{variant}"][n])


@pytest.mark.parametrize("name", ["lstm_peephole", "gru_torch", "gru_keras_reset_before"])
@pytest.mark.parametrize("rule", READINGS)
def test_what_adds_up(name, rule):
    golden = load(f"architectures/{name}")
    x, layers = golden["x"], LAYERS[name](golden)
    for inside in golden["masks"]:
        parts = reference.decompose(layers, x, inside, rule)
        np.testing.assert_allclose(parts.beta + parts.gamma, parts.whole, rtol=1e-13, atol=1e-14)
    nothing = reference.decompose(layers, x, np.zeros(len(x), bool), rule)
    np.testing.assert_array_equal(nothing.beta, 0)
    everything = reference.decompose(layers, x, np.ones(len(x), bool), rule)
    rest = np.abs(everything.gamma[-1]).max()
    assert rest < 1e-15 if rule in ("acd", "shared", "even", "source") else rest > 1e-3


def test_the_context_has_the_share_it_is_given():
    """One product by hand: the interaction `irr * content` goes over by halves."""
    gate = reference.Split(*map(np.float64, (0.2, 0.1, 0.5, 0.8)))
    content = reference.Split(*map(np.float64, (2.0, 3.0, 0.0, 5.0)))
    for share in (0.0, 0.5, 1.0):
        product = reference.multiply(gate, content, Reading(own_term=False, share=share))
        close(product.beta, 0.7 * 2 + share * 0.1 * 2)
        close(product.gamma, 0.8 * 3 + (1 - share) * 0.1 * 2)
