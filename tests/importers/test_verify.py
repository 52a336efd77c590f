import cdjax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cdjax.activations import ACTIVATIONS
from cdjax.core.network import POOLS, run
from cdjax.importers.assemble import Found, assemble
from cdjax.importers.layout import name_activation
from cdjax.importers.verify import compare, find_reading, make_inputs

from tests.conftest import random_layer

RNG = np.random.default_rng(1)
LAYER = random_layer(RNG, 3, 5, dtype=np.float32)
BOTH = cdjax.Bidirectional(LAYER, random_layer(RNG, 3, 4, dtype=np.float32))


def dense(inputs, outputs, activation="linear", scale=1.0):
    rng = np.random.default_rng(inputs)
    W, b = rng.normal(size=(outputs, inputs)), rng.normal(size=outputs)
    return cdjax.Dense(*((scale * a).astype(np.float32) for a in (W, b)), activation)


HEAD = dense(5, 7), dense(7, 2)
EMBEDDING = RNG.normal(size=(11, 3)).astype(np.float32)


def unsaid(layers=(LAYER,), head=HEAD, embedding=None, **said):
    every = tuple(range(len(head)))
    return Found(
        "the net", "test", layers, embedding, head=head, **{"unsaid_activations": every} | said
    )


def make_forward(found, read, *activations):
    """A forward pass as somebody writes it: what it does is nowhere but in its code."""

    def forward(x):
        y = read(run(found.layers, x if found.embedding is None else found.embedding[x]))
        for layer, activation in zip(found.head, activations, strict=True):
            y = activation(y @ layer.W.T + jnp.broadcast_to(layer.b, (*y.shape[:-1], len(layer.b))))
        return y

    return forward


def identity(y):
    return y


READS = {
    "last": lambda h: h[-1],
    "ends": lambda h: jnp.concatenate([h[-1, :5], h[0, 5:]]),
    "mean": lambda h: h.mean(0),
    "max": lambda h: h.max(0),
    "each": identity,
}


@pytest.mark.parametrize("pool", POOLS)
def test_the_pool_is_found(pool):
    found = unsaid((BOTH,), (dense(9, 2),))
    reading = find_reading(found, make_forward(found, READS[pool], identity))
    assert reading.found.pool == pool
    assert reading.found.head[0].activation == "linear"
    assert reading.found.unsaid_activations == ()
    assert reading.difference < 1e-6


@pytest.mark.parametrize(
    "activation",
    [
        pytest.param(f, marks=() if f in ("relu", "sigmoid", "tanh") else pytest.mark.thorough)
        for f in sorted({*ACTIVATIONS} - {"relu6", "hard_tanh"})
    ],
)
def test_activations_are_found(activation):
    found = unsaid(head=(dense(5, 7, scale=3), dense(7, 2, scale=0.3)))
    forward = make_forward(found, READS["mean"], ACTIVATIONS[activation], jax.nn.sigmoid)
    settled = find_reading(found, forward).found
    assert (settled.pool, *(layer.activation for layer in settled.head)) == (
        *("mean", activation),
        "sigmoid",
    )


@pytest.mark.parametrize("activation", ["relu6", "hard_tanh"])
def test_activations_that_are_others_on_small_numbers(activation):
    large = unsaid(head=(dense(5, 7, scale=9), dense(7, 2)))
    small = unsaid(head=(dense(5, 7, scale=0.01), dense(7, 2)))
    names = [
        find_reading(f, make_forward(f, READS["last"], ACTIVATIONS[activation], identity))
        .found.head[0]
        .activation
        for f in (large, small)
    ]
    assert names == [activation, "relu" if activation == "relu6" else "linear"]


@pytest.mark.parametrize("last", [jax.nn.softmax, jax.nn.log_softmax])
def test_a_softmax_becomes_the_output_of_a_model_that_reads_words(last):
    found = unsaid(embedding=EMBEDDING)
    forward = make_forward(found, READS["last"], jax.nn.relu, last)
    model = assemble(find_reading(found, forward).found)
    assert model.output == "softmax"
    assert model.classifier.embedding is EMBEDDING
    assert compare(model, forward) < 1e-6


def test_any_of_several_forms_of_input_and_outputs():
    found = unsaid(head=HEAD[:1])
    forward = make_forward(found, READS["last"], identity)

    def in_a_batch(x):
        (x,) = x
        return {"hidden": np.zeros(3), "logits": forward(x)[None]}

    forms = [
        lambda x: in_a_batch(x),
        lambda x: in_a_batch(x[None]),
        lambda x: in_a_batch(x[:, None]),
    ]
    reading = find_reading(found, forms)
    assert (reading.run, reading.found.pool) == (forms[1], "last")


def test_the_order_of_layers_is_found():
    first, second = dense(5, 5), dense(5, 5)._replace(b=np.zeros(5, np.float32))
    found = [unsaid(head=head) for head in ((first, second), (second, first))]
    forward = make_forward(found[1], READS["last"], jnp.tanh, identity)
    assert find_reading(found, forward).found.head[0].W is second.W


def test_layers_alone_are_verified():
    found = unsaid(head=())
    for pool in ("each", "mean"):
        read = READS[pool]
        reading = find_reading(found, lambda x, read=read: (read(run(found.layers, x)), None))
        assert (reading.found.pool, reading.found.layers) == (pool, found.layers)
    reading = find_reading(
        found, lambda x: {pool: READS[pool](run(found.layers, x)) for pool in ("last", "each")}
    )
    assert reading.found.layers == found.layers
    with pytest.raises(ValueError, match="the closest, its layers' outputs, pool='each', is"):
        find_reading(found, lambda x: run(found.layers, x) * 1.001)


def test_what_is_given_is_kept():
    found = unsaid()
    forward = make_forward(found, READS["last"], jnp.tanh, identity)
    given = {"pool": "last", "activations": ("tanh", "linear")}
    assert find_reading(found, forward, **given).found.pool == "last"
    for wrong in ({"pool": "max"}, {"activations": ("relu", "linear")}):
        with pytest.raises(ValueError, match=r"of \d+ readings none agrees"):
            find_reading(found, forward, **given | wrong)
    with pytest.raises(ValueError, match="activations is 'tanh'; expected 2 names"):
        find_reading(found, forward, activations="tanh")
    with pytest.raises(ValueError, match="activations holds 'tan'; expected some of sigmoid"):
        find_reading(found, forward, activations=("tan", "linear"))


def residual(h):
    return h[-1] + h[-2]


@pytest.mark.parametrize(
    ("found", "forward", "message"),
    [
        (
            unsaid(),
            make_forward(unsaid(), residual, jnp.tanh, identity),
            r"the net computes something else .* none agrees with its forward pass on random",
        ),
        (
            unsaid(head=(dense(5, 7), dense(7, 2))),
            lambda x: 1 / 0,
            r"cannot be run on a sequence of shape \[3, 3\] \(ZeroDivisionError: ",
        ),
        (unsaid(), lambda x: (), r"none agrees"),
        (unsaid(), lambda x: jnp.zeros(2, jnp.bfloat16), r"or compute in half precision"),
        (unsaid(head=(dense(5, 5),) * 5), lambda x: x, r"5 activations .* too many to try all"),
    ],
)
def test_anything_else_raises(found, forward, message):
    with pytest.raises(ValueError, match=message):
        find_reading(found, forward)


def test_several_readings_raise():
    layer = dense(5, 7, scale=0.01)._replace(b=np.full(7, 5, np.float32))  # all of it positive
    found = unsaid(head=(layer, dense(7, 2)))
    forward = make_forward(found, READS["last"], jax.nn.relu, identity)
    message = (
        r"\d readings of the net agree .*activations=\('elu', 'linear'\); .*give pool= and act"
    )
    with pytest.raises(ValueError, match=message):
        find_reading(found, forward)


def test_the_approximation_of_gelu_is_told_apart():
    found = unsaid(head=(dense(5, 7, scale=3), dense(7, 2)))
    with pytest.raises(ValueError, match=r"gelu by its approximation .*approximate=False"):
        find_reading(found, make_forward(found, READS["last"], jax.nn.gelu, identity))


def test_inputs_are_of_several_lengths_and_leave_padding_out():
    ids = make_inputs(unsaid(embedding=EMBEDDING, padding=0), count=40)
    assert {len(x) for x in ids} == {3, 5, 7}
    assert {*np.concatenate(ids).tolist()} == {*range(1, 11)}
    assert {x.shape[1] for x in make_inputs(unsaid())} == {3}


def test_compare():
    found = unsaid()
    forward = make_forward(found, READS["each"], jnp.tanh, identity)
    model = assemble(find_reading(found, forward).found, output="sigmoid")
    assert compare(model, forward) < 1e-6
    assert compare(model, lambda x: jax.nn.sigmoid(forward(x))[None]) < 1e-6
    assert 0.01 < compare(model, lambda x: forward(x) + 0.1) < 0.1
    with pytest.raises(ValueError, match=r"arrays of shapes \[\(2,\)\] .* expected \(3, 2\)"):
        compare(model, lambda x: forward(x)[-1])


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_activation_is_named_by_what_it_computes(name):
    assert name_activation(lambda z: ACTIVATIONS[name](z), "here") == name


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (jax.nn.gelu, "here: the activation gelu is not supported"),
        (lambda z: jax.nn.leaky_relu(z, 0.15), "here: the activation <lambda> is not supported"),
        (jax.nn.softmax, "here: the activation softmax is not supported"),
        (lambda z: 1 / 0, "fails: division by zero"),
        (None, "here: the activation None fails"),
    ],
)
def test_other_activations_raise(function, message):
    with pytest.raises(ValueError, match=message):
        name_activation(function, "here")


@pytest.mark.thorough
def test_readings_that_overflow_are_none():
    found = unsaid(head=(dense(5, 7, scale=9), dense(7, 7, scale=9), dense(7, 2)))
    forward = make_forward(found, READS["last"], jnp.tanh, jnp.tanh, identity)
    head = find_reading(found, forward).found.head
    assert [layer.activation for layer in head] == ["tanh", "tanh", "linear"]
