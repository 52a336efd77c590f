import functools

import cdjax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cdjax.core.decomposition import split_logits
from cdjax.core.network import run
from cdjax.core.rules import RULES
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import reference
from tests.conftest import ROOT, RULE_CASES, random_layer, read_npz

GOLDEN = ROOT / "tests" / "golden"
KEYS = {"acd": "acd", "released": "released", "merged_context": "merged", "paper": "paper"}

pytestmark = pytest.mark.usefixtures("x64")


def golden_layer(golden, suffix=""):
    H = golden["W_hh" + suffix].shape[1]
    bias = golden["b_ih" + suffix] + golden["b_hh" + suffix]
    return cdjax.LSTMParams(
        golden["W_ih" + suffix].reshape(4, H, -1),
        golden["W_hh" + suffix].reshape(4, H, H),
        bias.reshape(4, H),
    )


def span_masks(spans, length):
    return np.array([[start <= t < stop for t in range(length)] for start, stop in spans])


@functools.partial(jax.jit, static_argnums=3)
def decompose_all(layers, x, masks, rule):
    return jax.vmap(lambda inside: cdjax.decompose(layers, x, inside, rule))(masks)


@pytest.mark.parametrize("size", ["small", "medium"])
@pytest.mark.parametrize("key", KEYS)
def test_golden_spans(size, key):
    golden = read_npz(GOLDEN / f"spans_{size}.npz")
    masks = span_masks(golden["spans"], len(golden["x"]))
    split = decompose_all((golden_layer(golden),), golden["x"], masks, RULES[KEYS[key]])
    readout = golden["W_out"].T
    np.testing.assert_allclose(split.beta[:, -1] @ readout, golden[f"beta_{key}"], atol=1e-10)
    np.testing.assert_allclose(split.gamma[:, -1] @ readout, golden[f"gamma_{key}"], atol=1e-10)


@pytest.mark.parametrize("key", ["acd", "paper"])
def test_golden_sets(key):
    golden = read_npz(GOLDEN / "sets.npz")
    split = decompose_all((golden_layer(golden),), golden["x"], golden["masks"], RULES[key])
    np.testing.assert_allclose(
        split.beta[:, -1] @ golden["W_out"].T, golden[f"beta_{key}"], atol=1e-10
    )
    if key == "acd":
        gamma = split.gamma[:, -1] @ golden["W_out"].T
        np.testing.assert_allclose(gamma, golden["gamma_acd"], atol=1e-10)


@pytest.mark.parametrize("key", ["acd", "merged_context"])
def test_golden_stack_at_every_step(key):
    golden = read_npz(GOLDEN / "stacked.npz")
    layers = golden_layer(golden, "_l0"), golden_layer(golden, "_l1")
    masks = span_masks(golden["spans"], len(golden["x"]))
    split = decompose_all(layers, golden["x"], masks, RULES[KEYS[key]])
    np.testing.assert_allclose(split.beta @ golden["W_out"].T, golden[f"beta_{key}"], atol=1e-10)


@pytest.mark.parametrize("rule", RULE_CASES)
@settings(max_examples=15)
@given(seed=st.integers(0, 2**32 - 1), length=st.sampled_from([1, 2, 6]), scale=st.floats(0.1, 4))
def test_equals_the_literal_loop_for_any_set(rule, seed, length, scale):
    rng = np.random.default_rng(seed)
    layer = random_layer(rng, inputs=3, hidden=5, scale=scale)
    x, inside = rng.normal(size=(length, 3)), rng.random(length) < 0.5
    split = jax.tree.map(lambda a: a[0], decompose_all((layer,), x, inside[None], rule))
    beta, gamma, h = reference.decompose([layer], x, inside, rule.name)
    np.testing.assert_allclose(split.beta, beta, rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(split.gamma, gamma, rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(run((layer,), jnp.asarray(x)), h, rtol=1e-10, atol=1e-13)


@pytest.fixture
def example():
    rng = np.random.default_rng(1)
    layers = random_layer(rng, inputs=3, hidden=5), random_layer(rng, inputs=5, hidden=4)
    return layers, rng.normal(size=(6, 3)), np.array([0, 1, 1, 0, 1, 0], bool)


@pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))
@pytest.mark.parametrize("depth", [1, 2])
def test_beta_and_gamma_add_up_at_every_step(example, rule, depth):
    layers, x, inside = example
    split = cdjax.decompose(layers[:depth], x, inside, rule)
    h = run(layers[:depth], jnp.asarray(x))
    np.testing.assert_allclose(split.beta + split.gamma, h, rtol=1e-12, atol=1e-14)
    assert float(jnp.abs(split.beta[-1]).min()) > 1e-6
    assert float(jnp.abs(split.gamma[-1]).min()) > 1e-6


@pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))
def test_an_empty_phrase_contributes_nothing(example, rule):
    layers, x, inside = example
    split = cdjax.decompose(layers, x, np.zeros_like(inside), rule)
    np.testing.assert_allclose(split.beta, 0, atol=1e-15)


@pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))
def test_whether_the_whole_input_leaves_nothing(example, rule):
    layers, x, inside = example
    split = cdjax.decompose(layers, x, np.ones_like(inside), rule)
    left = float(jnp.abs(split.gamma[-1]).max())
    if rule.whole_input_adds_up:
        assert left == 0
    else:
        assert left > 1e-3


@pytest.mark.parametrize("rule", [cdjax.PAPER, cdjax.MERGED], ids=lambda rule: rule.name)
def test_a_region_of_whole_steps_is_the_set_of_these_steps(example, rule):
    layers, x, inside = example
    steps = cdjax.decompose(layers, x, inside, rule)
    region = cdjax.decompose(layers, x, np.repeat(inside[:, None], 3, axis=1), rule)
    for one, other in zip(steps, region, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-14)


def test_jit_and_loop_give_what_vmap_gives(example):
    layers, x, _ = example
    masks = span_masks([(0, 2), (3, 6), (1, 1)], len(x))
    together = decompose_all(layers, x, masks, cdjax.PAPER)
    for n, mask in enumerate(masks):
        one = jax.jit(cdjax.decompose, static_argnums=3)(layers, x, mask, cdjax.PAPER)
        np.testing.assert_allclose(one.beta, together.beta[n], rtol=1e-12, atol=1e-15)


def test_calls_of_one_shape_compile_once(example):
    layers, x, inside = example
    cdjax.decompose(layers, x, inside)
    events = []
    jax.monitoring.register_event_duration_secs_listener(lambda name, *_, **__: events.append(name))
    try:
        cdjax.decompose(layers, x, ~inside)
        assert not [name for name in events if "compile" in name]
        cdjax.decompose(layers, x[1:], inside[1:])
        assert [name for name in events if "compile" in name]
    finally:
        jax.monitoring.clear_event_listeners()


@pytest.mark.usefixtures("as_users")
def test_bad_input_raises(example):
    (first, second), x, inside = example
    with pytest.raises(TypeError, match=r"layers is one LSTMParams; expected a tuple"):
        cdjax.decompose(first, x, inside)
    with pytest.raises(ValueError, match=r"layers is empty"):
        cdjax.decompose((), x, inside)
    with pytest.raises(TypeError, match=r"layer 0 is a tuple; expected cdjax.LSTMParams"):
        cdjax.decompose((tuple(first),), x, inside)
    with pytest.raises(
        ValueError, match=r"layer 1 takes inputs of width 3 .* layer 0 gives width 5"
    ):
        cdjax.decompose((first, first), x, inside)
    with pytest.raises(TypeError, match=r"x holds int64; expected input vectors"):
        cdjax.decompose((first,), np.arange(6), inside)
    with pytest.raises(ValueError, match=r"x has shape \[1, 6, 3\]; expected \[T, D\]"):
        cdjax.decompose((first,), x[None], inside)
    with pytest.raises(ValueError, match=r"layer 0 takes inputs of width 5 .* x gives width 3"):
        cdjax.decompose((second,), x, inside)
    with pytest.raises(TypeError, match=r"inside holds int64; expected booleans"):
        cdjax.decompose((first,), x, inside.astype(int))
    with pytest.raises(ValueError, match=r"inside has shape \[5\]; expected \[6\]"):
        cdjax.decompose((first,), x, inside[:5])
    fused = first._replace(W=first.W.reshape(20, 3))
    with pytest.raises(ValueError, match=r"W has shape \[20, 3\]; expected \[G, H, D\]"):
        cdjax.decompose((fused,), x, inside)
    with pytest.raises(ValueError, match=r"V has shape \[4, 5, 4\]; expected P = H"):
        cdjax.decompose((first._replace(V=first.V[..., :4]),), x, inside)
    with pytest.raises(ValueError, match=r"b has shape \[5\]; expected \[4, 5\]"):
        cdjax.decompose((first._replace(b=first.b[0]),), x, inside)
    narrow = first._replace(projection=np.ones((2, 5)))
    with pytest.raises(ValueError, match=r"projection has shape \[2, 5\]; expected \[5, 5\]"):
        cdjax.decompose((narrow,), x, inside)
    with pytest.raises(ValueError, match=r"peepholes has shape \[4, 5\]; expected \[3, 5\]"):
        cdjax.decompose((first._replace(peepholes=first.b),), x, inside)
    with pytest.raises(ValueError, match=r"activation is 'swish'; expected one of sigmoid, tanh"):
        cdjax.decompose((first._replace(activation="swish"),), x, inside)
    gru = cdjax.GRUParams(first.W[:3], first.V[:3], first.b[:3], first.b[0], reset_after=False)
    with pytest.raises(ValueError, match=r"c, inside the product with r, .* add it to b\[2\]"):
        cdjax.decompose((gru,), x, inside)
    both = cdjax.Bidirectional(first, second)
    with pytest.raises(ValueError, match=r"layer 0, backward takes inputs of width 5"):
        cdjax.decompose((both,), x, inside)
    with pytest.raises(TypeError, match=r"layers is one Bidirectional; expected a tuple"):
        cdjax.decompose(both, x, inside)
    with pytest.raises(ValueError, match=r"initial has 2 entries; expected 1"):
        cdjax.decompose((first,), x, inside, initial=[None, None])
    with pytest.raises(ValueError, match=r"layer 0 has states of shapes \[\[\[5\]\]\]; expected"):
        cdjax.decompose((first,), x, inside, initial=[(np.zeros(5),)])
    with pytest.raises(ValueError, match=r"initial of layer 0 has states of shapes \[None\]"):
        cdjax.decompose((cdjax.Bidirectional(first, first),), x, inside, initial=[(None,)])
    with pytest.raises(ValueError, match=r"region \[6, 3\], and rule 'acd' .* Use cdjax.PAPER"):
        cdjax.decompose((first,), x, np.ones((6, 3), bool), cdjax.ACD)
    with pytest.raises(TypeError, match=r"valid holds int64; expected booleans"):
        cdjax.decompose((first,), x, inside, valid=np.ones(6, int))
    with pytest.raises(ValueError, match=r"valid has shape \[5\]; expected \[6\]"):
        cdjax.decompose((first,), x, inside, valid=np.ones(5, bool))


@pytest.mark.usefixtures("as_users")
def test_bad_networks_raise(example):
    (layer, _), x, inside = example
    network = cdjax.Classifier(None, (layer,), np.ones((2, 5)), np.zeros(2))

    def check(match, error=ValueError, **changes):
        with pytest.raises(error, match=match):
            split_logits(network._replace(**changes), x, inside)

    check(r"pool is 'first'; expected one of last, ends, mean, max, each", pool="first")
    check(r"readout has shape \[2, 4\]; expected \[2, 5\]", readout=np.ones((2, 4)))
    check(r"bias has shape \[3\]; expected \[2\]", bias=np.ones(3))
    check(r"head 0 is a tuple; expected cdjax.Dense", TypeError, head=((1, 2),))
    dense = cdjax.Dense(np.ones((6, 4)), np.zeros(6))
    check(r"head 0: W has shape \[6, 4\]; expected \[6, 5\]", head=(dense,))
    dense = cdjax.Dense(np.ones((6, 5)), np.zeros(5))
    check(r"head 0: b has shape \[5\]; expected \[6\]", head=(dense,))
    dense = cdjax.Dense(np.ones((6, 5)), np.zeros(6), "sin")
    check(r"head 0: activation is 'sin'", head=(dense,))
    dense = cdjax.Dense(np.ones((6, 5)), np.zeros(6), "tanh")
    check(r"readout has shape \[2, 5\]; expected \[2, 6\]", head=(dense,))
    with pytest.raises(TypeError, match=r"classifier is a tuple; expected"):
        split_logits(tuple(network), x, inside)
