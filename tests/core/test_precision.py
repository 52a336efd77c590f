"""Every product is asked for in the highest precision: GPU and TPU would round it otherwise."""

import functools

import cdjax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cdjax.core.decomposition import split_logits
from cdjax.core.network import forward
from cdjax.core.rules import RULES
from cdjax.core.split import HIGHEST
from cdjax.engine import recursion, run
from cdjax.engine.driver import run_forward, run_spans
from cdjax.engine.layout import lay_out
from cdjax.engine.shapes import JobShape
from cdjax.methods import batches

from tests.conftest import RULE_CASES, random_classifier, random_layer

RNG = np.random.default_rng(0)
X, INSIDE = RNG.normal(size=(5, 3)).astype(np.float32), np.arange(5) < 2


def draw(*shape):
    return RNG.normal(size=shape).astype(np.float32)


def make_network(name):
    lstm = jax.tree.map(np.float32, random_layer(RNG, 3, 4))
    gru = cdjax.GRUParams(draw(3, 4, 3), draw(3, 4, 4), draw(3, 4), draw(4))
    layers = {
        "LSTM": (lstm,),
        "projection": (lstm._replace(projection=draw(2, 4), V=draw(4, 4, 2)),),
        "peepholes": (lstm._replace(peepholes=draw(3, 4)),),
        "GRU": (gru,),
        "GRU, reset before": (gru._replace(c=None, reset_after=False),),
        "both directions, stack": (cdjax.Bidirectional(lstm, gru), random_layer(RNG, 8, 4)),
    }[name]
    width = 2 if name == "projection" else 4
    head = (cdjax.Dense(draw(5, width), draw(5), "relu"),)
    network = cdjax.Classifier(None, layers, draw(2, 5), draw(2), "mean", head)
    return jax.tree.map(jnp.float32, network)


def products(jaxpr):
    """The precisions of all products of a program and of the programs within it."""
    for equation in jaxpr.eqns:
        if equation.primitive.name in ("dot_general", "conv_general_dilated"):
            yield equation.params["precision"]
        for inner in jax.tree.leaves(
            list(equation.params.values()),
            is_leaf=lambda p: hasattr(p, "eqns") or hasattr(p, "jaxpr"),
        ):
            inner = getattr(inner, "jaxpr", inner)
            if hasattr(inner, "eqns"):
                yield from products(inner)


def check(function, *arguments, least=1):
    precisions = list(products(jax.make_jaxpr(function)(*arguments).jaxpr))
    assert len(precisions) >= least
    assert set(precisions) == {(HIGHEST, HIGHEST)}


def test_a_product_of_less_precision_is_noticed():
    def loop(x):
        return jax.lax.fori_loop(0, 3, lambda _, y: jax.jit(jnp.matmul)(y, y), x)

    with pytest.raises(AssertionError):
        check(loop, np.eye(3, dtype=np.float32))


@pytest.mark.parametrize(
    "name",
    ["LSTM", "projection", "peepholes", "GRU", "GRU, reset before", "both directions, stack"],
)
def test_the_definition(name):
    network = make_network(name)
    check(forward, network, X, least=4)
    for rule in RULES.values():
        check(lambda n, x, rule=rule: split_logits(n, x, INSIDE, rule), network, X, least=6)

    def loss(network):
        return split_logits(network, X, INSIDE).beta.sum()

    check(jax.grad(loss), network, least=8)


def test_the_recursion_over_tiles():
    network = make_network("GRU")
    length = np.int32(5)
    spans = np.array([[0, 2], [1, 5]], np.int32)
    score = functools.partial(recursion._score_spans, rule=cdjax.ACD)
    check(score, network, X, length, spans, least=4)
    x, lengths = np.stack([X, X]), np.array([5, 3], np.int32)
    sets = functools.partial(recursion._score_sets, rule=cdjax.ACD)
    check(sets, network, x, np.stack([INSIDE, INSIDE]), lengths, least=4)
    check(recursion._predict, network, x, lengths, least=4)


@pytest.mark.parametrize("rule", RULE_CASES)
def test_the_fast_form(rule):
    classifier = random_classifier(np.random.default_rng(0), dtype=np.float32)
    ((form, layer, _),) = run.find_directions(classifier, rule)
    shape = JobShape(rows=8, states=16, tail_lanes=4, trunk_lanes=2, forward_lanes=2)
    spans = cdjax.enumerate_spans(4)
    layout = lay_out(np.array([4]), np.zeros(len(spans), int), *spans.T, shape)
    x = np.zeros((shape.rows + shape.forward_lanes, 3), np.float32)
    layer, layout = jax.tree.map(jnp.asarray, (layer, layout))
    jobs = layout.row_of_step, layout.trunks, layout.tails
    for one_form in (form, form.beyond):
        sequences = functools.partial(run_forward, one_form, *layer, shape=shape)
        steps = layout.previous, layout.sequences
        check(lambda x, run=sequences, steps=steps: run(x, *steps), x, least=4)
        rows = jax.eval_shape(sequences, x, *steps).rows
        phrases = functools.partial(run_spans, one_form, *layer, shape=shape)
        check(lambda rows, run=phrases: run(rows, *jobs), rows, least=6)


def test_heads_of_the_fast_form():
    network = make_network("LSTM")
    beta = draw(3, 4)
    split = functools.partial(run._split_heads, rule=cdjax.PAPER)
    check(split, network, beta, beta, least=2)
    check(run._read_heads, network, beta, least=2)


def test_variants_of_the_methods():
    network = make_network("LSTM")
    batch = jax.vmap(lambda x: batches.project_input(network.layers[0], x))
    check(batch, np.stack([X, X]))
    projected = batch(np.stack([X, X]))
    lengths, source = np.array([5, 5], np.int32), np.array([0, 1])
    replacement = jax.tree.map(lambda z: z[0, 0] * 0, projected)
    kept = np.ones((2, 5), bool)
    check(batches._run_whole, network, projected, lengths, source, kept, replacement, least=3)
