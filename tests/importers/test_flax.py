import functools
import itertools
from types import MappingProxyType
from typing import Any, NamedTuple

import cdjax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cdjax.core.network import run
from cdjax.importers.verify import compare
from cdjax.training.network import FlaxClassifier, to_classifier
from flax import linen as nn
from flax import nnx, serialization

from tests.importers.contract import Refused, Supported, check_case

# Time, input width, hidden widths, dense width, classes, words.
T, D, H, H2, M, K, V = 6, 3, 5, 4, 7, 2, 11


class Case(NamedTuple):
    """What is given, and what the framework computes of one sequence."""

    source: Any
    forward: Any
    arguments: Any = MappingProxyType({})


def randomize(module, seed=0, scale=1):
    """Give a module of nnx weights, biases too, that are all random and not small."""
    rng = np.random.default_rng(seed)
    state = nnx.state(module, nnx.Param)
    state = jax.tree.map(lambda a: jnp.asarray(scale * rng.normal(size=a.shape), a.dtype), state)
    nnx.update(module, state)
    return module


def kw(dtype):
    return {"rngs": nnx.Rngs(0), "param_dtype": dtype}


class Network(nnx.Module):
    """An embedding, layers and a head, whose way through it only `read` knows."""

    def __init__(self, read, dtype, layers, head=(H, K), embedding=True):
        self.read = nnx.static(read)
        self.embed = nnx.Embed(V, D, **kw(dtype)) if embedding else None
        self.layers = nnx.List(layers)
        self.drop = nnx.Dropout(0.5, rngs=nnx.Rngs(1))
        self.head = nnx.List([nnx.Linear(a, b, **kw(dtype)) for a, b in itertools.pairwise(head)])

    def __call__(self, x):
        h = x if self.embed is None else self.embed(x)
        for layer in self.layers:
            h = layer(h)
        return self.read(self.drop(h), *self.head)


def step_by_step(module):
    """The forward pass of a module of nnx, uncompiled: every scan would compile by itself."""

    def run(x, *arguments):
        with jax.disable_jit():
            return module(jnp.asarray(x), *arguments)

    return run


def whole(read, *layers, output="value", **settings):
    """A case of a whole network of nnx; `output` is what its outputs are, where nothing says it."""

    def make(dtype):
        module = randomize(Network(read, dtype, [make(dtype) for make in layers], **settings))
        module.drop.deterministic = True
        forward = step_by_step(module)
        return Case(module, lambda x: forward(x[None])[0], {"output": output})

    return make


def lstm(dtype, inputs=D, hidden=H, cell=nnx.OptimizedLSTMCell, **settings):
    return nnx.RNN(cell(inputs, hidden, **settings, **kw(dtype)))


def gru(dtype, inputs=D, hidden=H, **settings):
    return lstm(dtype, inputs, hidden, nnx.GRUCell, **settings)


def both(dtype, inputs=D, cells=(nnx.LSTMCell, nnx.GRUCell), **settings):
    first, second = (lstm(dtype, inputs, h, c) for h, c in zip((H, H2), cells, strict=True))
    return nnx.Bidirectional(first, second, **settings)


def layers_alone(*makers):
    """A case of modules that stand one above the other; of one module where there is one."""

    def make(dtype):
        modules = [randomize(make(dtype), n) for n, make in enumerate(makers)]

        runs = [
            step_by_step(m if hasattr(m, "cell") or hasattr(m, "merge_fn") else nnx.RNN(m))
            for m in modules
        ]

        def forward(x):
            return functools.reduce(lambda x, run: run(x), runs, x[None])[0]

        return Case(modules[0] if len(modules) == 1 else tuple(modules), forward)

    return make


def cell(kind, inputs=D, hidden=H, **settings):
    return lambda dtype: kind(inputs, hidden, **settings, **kw(dtype))


def time_major(dtype):
    module = randomize(nnx.RNN(cell(nnx.LSTMCell)(dtype), time_major=True, return_carry=True))
    forward = step_by_step(module)
    return Case(module, lambda x: forward(x[:, None])[1][:, 0])


def reversed_pair(dtype):
    """Both directions by hand, each read at its own last step."""

    class Pair(nnx.Module):
        def __init__(self):
            self.backward = nnx.RNN(cell(nnx.GRUCell, hidden=H2)(dtype), reverse=True)
            self.forward = lstm(dtype)
            self.out = nnx.Linear(H2 + H, K, **kw(dtype))

        def __call__(self, x):
            ends = [rnn(x)[:, -1] for rnn in (self.forward, self.backward)]
            return nnx.log_softmax(self.out(jnp.concatenate(ends, -1)))

    module = randomize(Pair())
    forward = step_by_step(module)
    return Case(module, lambda x: jnp.exp(forward(x[None])[0]))


def sequential(dtype):
    module = nnx.Sequential(
        nnx.Embed(V, D, **kw(dtype)),
        lstm(dtype),
        lambda h: h.mean(1),
        nnx.Sequential(nnx.Linear(H, M, **kw(dtype)), nnx.silu, nnx.Dropout(0.5)),
        nnx.Linear(M, K, **kw(dtype)),
        nnx.softmax,
    )
    module = randomize(module, scale=0.5)
    module.eval()
    forward = step_by_step(module)
    return Case(module, lambda x: forward(x[None])[0])


def asked(make, **arguments):
    """The same case, not verified, with what it does not say given."""

    def made(dtype):
        case = make(dtype)
        return case._replace(arguments={"verify": False, **case.arguments, **arguments})

    return made


def state_of(make, pure=False, **arguments):
    """The same case, given as the state of its module."""

    def made(dtype):
        module, forward, given = make(dtype)
        state = nnx.state(module)
        given = {**given, **arguments}
        return Case(nnx.to_pure_dict(state) if pure else state, forward, given)

    return made


def last(h, *head):
    for n, dense in enumerate(head):
        h = (nnx.relu if n else lambda z: z)(h)
        h = dense(h[:, -1] if n == 0 else h)
    return h


def shared(dtype):
    """A cell that is an attribute of its own beside the RNN that runs it."""

    class Shared(nnx.Module):
        def __init__(self):
            self.cell = cell(nnx.GRUCell)(dtype)
            self.rnn = nnx.RNN(self.cell)
            self.out = nnx.Linear(H, 1, **kw(dtype))

        def __call__(self, x, train):
            return nnx.sigmoid(self.out(self.rnn(x).max(0)))

    module = randomize(Shared())
    forward = step_by_step(module)
    return Case(module, lambda x: forward(x, False))


class Linen(nn.Module):
    """A network of linen; `kind` says which."""

    kind: str
    dtype: Any

    @nn.compact
    def __call__(self, x):
        kw = {"param_dtype": self.dtype}
        h = nn.Embed(V, D, **kw)(x) if self.kind == "words" else x
        h = nn.RNN(nn.OptimizedLSTMCell(H, **kw))(h)
        if self.kind != "words":
            h = nn.RNN(nn.GRUCell(H2, **kw))(h)
            h = nn.relu(nn.Dense(M, **kw)(h.mean(1)))
            return nn.sigmoid(nn.Dense(K, **kw)(h))
        forward, backward = nn.RNN(nn.LSTMCell(H, **kw)), nn.RNN(nn.LSTMCell(H2, **kw))
        h = nn.Bidirectional(forward, backward)(h)
        return nn.Dense(K, **kw)(h)


class LinenSetup(nn.Module):
    """The same with names of one's own."""

    dtype: Any

    def setup(self):
        kw = {"param_dtype": self.dtype}
        self.words = nn.Embed(V, D, **kw)
        self.up = nn.Bidirectional(nn.RNN(nn.LSTMCell(H, **kw)), nn.RNN(nn.GRUCell(H2, **kw)))
        self.above = nn.RNN(nn.LSTMCell(H, **kw))
        self.first, self.second = nn.Dense(M, **kw), nn.Dense(K, **kw)

    def __call__(self, x):
        return self.second(nn.tanh(self.first(self.above(self.up(self.words(x)))[:, -1])))


def linen(make_module, how, words, **arguments):
    """A case of linen, given in one of several ways."""

    def make(dtype):
        module, rng = make_module(dtype), np.random.default_rng(0)
        x = jnp.zeros((1, T), int) if words else jnp.zeros((1, T, D), dtype)
        shapes = jax.eval_shape(module.init, jax.random.key(0), x)
        variables = jax.tree.map(lambda a: jnp.asarray(rng.normal(size=a.shape), a.dtype), shapes)

        apply = jax.jit(module.apply)

        def forward(x):
            return apply(variables, x[None])[0]

        if how == "bound":
            return Case(module.bind(variables), forward, arguments)
        if how == "TrainState":
            state = TrainState(variables["params"], module.apply)
            return Case(state, forward, arguments)
        if how == "forward":
            given = {"forward": lambda x: module.apply(variables, x)}
            return Case(variables["params"], forward, given | arguments)
        return Case(variables, forward, arguments)

    return make


class TrainState(NamedTuple):
    """What of `flax.training.train_state.TrainState` is read (that module needs more packages)."""

    params: Any
    apply_fn: Any


def linen_cell(kind):
    return linen(lambda dtype: nn.RNN(kind(H, param_dtype=dtype)), "parameters", words=False)


NNX, LINEN = "Flax nnx", "Flax linen"
SUPPORTED = [
    Supported(NNX, "module", "LSTMCell", layers_alone(cell(nnx.LSTMCell))),
    Supported(NNX, "module", "OptimizedLSTMCell", layers_alone(cell(nnx.OptimizedLSTMCell))),
    Supported(NNX, "module", "GRUCell", layers_alone(cell(nnx.GRUCell))),
    Supported(
        NNX,
        "module",
        "LSTMCell with other activations",
        layers_alone(cell(nnx.LSTMCell, gate_fn=nnx.hard_sigmoid, activation_fn=nnx.relu)),
    ),
    Supported(
        NNX,
        "module",
        "GRUCell with other activations",
        layers_alone(cell(nnx.GRUCell, gate_fn=nnx.hard_sigmoid, activation_fn=nnx.soft_sign)),
    ),
    Supported(NNX, "module", "RNN, time first", time_major),
    Supported(NNX, "module", "Bidirectional", layers_alone(both)),
    Supported(
        NNX,
        "modules",
        "a stack of cells, RNN and Bidirectional",
        layers_alone(cell(nnx.LSTMCell), lambda d: gru(d, H, H2), lambda d: both(d, H2)),
    ),
    Supported(NNX, "module", "Embed, LSTM, Linear; last step", whole(last, lstm)),
    Supported(NNX, "module", "two dense layers", whole(last, lstm, head=(H, M, K))),
    Supported(
        NNX,
        "module",
        "a series; every step",
        whole(lambda h, out: out(h), gru, embedding=False),
    ),
    Supported(
        NNX,
        "module",
        "two layers, both directions; mean",
        whole(
            lambda h, out: nnx.softmax(out(h.mean(1))),
            both,
            lambda d: both(d, H + H2),
            head=(H + H2, K),
            output=None,
        ),
    ),
    Supported(NNX, "module", "both directions by hand; their ends", reversed_pair),
    Supported(NNX, "module", "Sequential", sequential),
    Supported(NNX, "module", "a cell in two places; maximum, sigmoid", shared),
    Supported(
        NNX,
        "module, not verified",
        "two dense layers",
        asked(whole(last, lstm, head=(H, M, K)), pool="last", activations=("relu", "linear")),
    ),
    Supported(
        NNX,
        "state",
        "Embed, LSTM, Linear",
        state_of(whole(last, lstm), pool="last", activations="linear"),
    ),
    Supported(NNX, "state as a dict", "Bidirectional", state_of(layers_alone(both), pure=True)),
    Supported(LINEN, "parameters", "LSTMCell", linen_cell(nn.LSTMCell)),
    Supported(LINEN, "parameters", "OptimizedLSTMCell", linen_cell(nn.OptimizedLSTMCell)),
    Supported(LINEN, "parameters", "GRUCell", linen_cell(nn.GRUCell)),
    Supported(
        LINEN,
        "bound module",
        "LSTM, GRU, two dense layers; mean, sigmoid",
        linen(lambda dtype: Linen("series", dtype), "bound", words=False),
    ),
    Supported(
        LINEN,
        "parameters",
        "LSTM, GRU, two dense layers",
        linen(
            lambda dtype: Linen("series", dtype),
            "parameters",
            words=False,
            pool="mean",
            activations=("relu", "sigmoid"),
        ),
    ),
    Supported(
        LINEN,
        "parameters and forward",
        "Embed, LSTM, both directions; every step",
        linen(lambda dtype: Linen("words", dtype), "forward", words=True, output="value"),
    ),
    Supported(
        LINEN,
        "parameters, modules named",
        "Embed, LSTM, both directions",
        linen(
            lambda dtype: Linen("words", dtype),
            "parameters",
            words=True,
            pool="each",
            activations="linear",
            modules=("Embed_0", "OptimizedLSTMCell_0", ("LSTMCell_0", "LSTMCell_1"), "Dense_0"),
            output="value",
        ),
    ),
    Supported(
        LINEN,
        "TrainState",
        "Bidirectional, LSTM, two dense layers",
        linen(LinenSetup, "TrainState", words=True, output="value"),
    ),
]


def check(case, tolerance, dtype):
    rng = np.random.default_rng(5)
    imported = cdjax.from_flax(case.source, **case.arguments)
    words = isinstance(imported, cdjax.Model) and imported.classifier.embedding is not None
    inputs = (
        [rng.integers(V, size=n) for n in (T, 2)]
        if words
        else [rng.normal(size=(n, D)).astype(dtype) for n in (T, 2)]
    )
    check_case(imported, inputs, [np.asarray(case.forward(x)) for x in inputs], tolerance)


IDS = [f"{c.framework}, {c.source}: {c.what}" for c in SUPPORTED]
# The others are put together of these and compile longest.
QUICK = {"LSTMCell", "OptimizedLSTMCell", "GRUCell", "RNN, time first", "Embed, LSTM, Linear"}


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize(
    "supported",
    [
        pytest.param(case, id=name, marks=[] if case.what in QUICK else pytest.mark.thorough)
        for case, name in zip(SUPPORTED, IDS, strict=True)
    ],
)
def test_parity_in_float64(supported):
    check(supported.make(jnp.float64), 1e-10, np.float64)


@pytest.mark.parametrize(
    "supported",
    [
        pytest.param(SUPPORTED[n], id=IDS[n], marks=pytest.mark.thorough if n > 1 else ())
        for n in (1, 5, 9)
    ],
)
def test_parity_in_float32(supported):
    check(supported.make(jnp.float32), 1e-5, np.float32)


class Wrapper(nnx.Module):
    """Something beside an LSTM and a dense layer."""

    def __init__(self, **others):
        self.rnn, self.out = lstm(jnp.float32), nnx.Linear(H, K, **kw(jnp.float32))
        for name, value in others.items():
            setattr(self, name, value)

    def __call__(self, x):
        return self.out(self.rnn(x)[:, -1])


class Residual(Wrapper):
    def __call__(self, x):
        h = self.rnn(x)
        return self.out(h[:, -1] + h[:, 0])


class OtherCell(nnx.LSTMCell):
    def __call__(self, carry, x):
        carry, h = super().__call__(carry, x)
        return carry, 2 * h


def backward():
    return nnx.RNN(cell(nnx.LSTMCell)(jnp.float32), reverse=True, keep_order=True)


def tree(*names, shape=(D, H)):
    return {name: {"kernel": np.ones(shape, np.float32)} for name in names}


LSTM_TREE = {
    **tree("ii", "if", "ig", "io"),
    **{
        name: {"kernel": np.ones((H, H), np.float32), "bias": np.ones(H, np.float32)}
        for name in ("hi", "hf", "hg", "ho")
    },
}
DENSE_TREE = {"kernel": np.ones((H, K), np.float32), "bias": np.ones(K, np.float32)}


def other_product():
    return nnx.Linear(
        H, K, dot_general=lambda *a, **k: jax.lax.dot_general(*a, **k), **kw(jnp.float32)
    )


def other_start():
    with pytest.warns(UserWarning, match="carry_init is provided"):
        return lstm(jnp.float32, carry_init=lambda key, shape, dtype: jnp.ones(shape, dtype))


def other_promotion():
    return cell(nnx.LSTMCell, promote_dtype=lambda arrays, dtype: arrays)(jnp.float32)


REFUSED = [
    Refused(NNX, "SimpleCell", lambda: cell(nnx.SimpleCell)(jnp.float32), "SimpleCell is not supp"),
    Refused(
        NNX, "a cell of one's own", lambda: cell(OtherCell)(jnp.float32), "OtherCell is a LSTM"
    ),
    Refused(
        NNX,
        "an activation of one's own",
        lambda: cell(nnx.LSTMCell, gate_fn=lambda z: z**2)(jnp.float32),
        "LSTMCell, gate_fn: the activation <lambda> is not supported",
    ),
    Refused(
        NNX,
        "a first state other than zeros",
        other_start,
        "RNN: carry_init gives a first state other than zeros",
    ),
    Refused(
        NNX,
        "one direction, backward",
        backward,
        r"RNN reads the sequence backward \(reverse=True\) on its own",
    ),
    Refused(
        NNX,
        "another merge of directions",
        lambda: both(jnp.float32, merge_fn=lambda a, b: a + b),
        "Bidirectional: merge_fn is <lambda>; expected the default",
    ),
    Refused(
        NNX,
        "LayerNorm",
        lambda: Wrapper(norm=nnx.LayerNorm(H, rngs=nnx.Rngs(0))),
        "LayerNorm is not supported; expected LSTMCell",
    ),
    Refused(
        NNX,
        "Conv",
        lambda: Wrapper(conv=nnx.Conv(D, H, 3, rngs=nnx.Rngs(0))),
        "Conv is not supported",
    ),
    Refused(
        NNX,
        "a parameter of its own",
        lambda: Wrapper(h0=nnx.Param(jnp.zeros(H))),
        "h0 is a Param that belongs to no layer",
    ),
    Refused(
        NNX,
        "two embeddings",
        lambda: Wrapper(a=nnx.Embed(V, D, **kw(jnp.float32)), b=nnx.Embed(V, D, **kw(jnp.float32))),
        r"Wrapper holds 2 embeddings \(rnn 3 -> 5; out 5 -> 2; a 11 -> 3; b 11 -> 3\)",
    ),
    Refused(
        NNX,
        "two branches",
        lambda: Wrapper(value=nnx.Linear(H, 1, **kw(jnp.float32))),
        "parts of Wrapper do not fit one after the other: rnn 3 -> 5; out 5 -> 2; value 5 -> 1",
    ),
    Refused(NNX, "a residual connection", Residual, "Residual computes something else than cdjax"),
    Refused(
        NNX,
        "no recurrent layer",
        lambda: nnx.Sequential(nnx.Linear(2, 3, **kw(jnp.float32))),
        "no LSTM",
    ),
    Refused(NNX, "a product of one's own", lambda: Wrapper(a=other_product()), "a: dot_general is"),
    Refused(NNX, "a promotion of one's own", other_promotion, "LSTMCell: promote_dtype is"),
    Refused(
        LINEN, "a module without weights", lambda: Linen("words", None), "Linen .* without its w"
    ),
    Refused(
        LINEN, "MGUCell", lambda: tree("if", "in", "hf", "hn"), "is MGUCell, which is not supp"
    ),
    Refused(LINEN, "SimpleCell", lambda: {"a": tree("i", "h")}, "a is SimpleCell, which is not"),
    Refused(LINEN, "ConvLSTMCell", lambda: {"a": tree("ih", "hh")}, "a is ConvLSTMCell, which"),
    Refused(
        LINEN,
        "LayerNorm",
        lambda: {"rnn": LSTM_TREE, "norm": {"scale": np.ones(H), "bias": np.ones(H)}},
        r"norm holds the parameters \['bias', 'scale'\] \(a normalization\)",
    ),
    Refused(
        LINEN,
        "layers with a state",
        lambda: {"params": {"rnn": LSTM_TREE}, "batch_stats": {"mean": np.ones(3)}},
        "the parameters holds 'batch_stats' beside 'params'",
    ),
    Refused(
        LINEN,
        "a convolution",
        lambda: {"rnn": LSTM_TREE, "conv": {"kernel": np.ones((3, D, H), np.float32)}},
        r"conv: the kernel has shape \[3, 3, 5\]; expected \[in, out\]",
    ),
    Refused(
        LINEN,
        "two layers whose order is not said",
        lambda: {
            "a": {"kernel": np.ones((H, H), np.float32)},
            "rnn": LSTM_TREE,
            "b": {"kernel": np.ones((H, H), np.float32)},
        },
        r"does not say in which order .* modules=\('rnn', 'a', 'b'\)",
    ),
    Refused(
        LINEN,
        "two cells that may be both directions",
        lambda: {"LSTMCell_0": LSTM_TREE, "LSTMCell_1": LSTM_TREE},
        r"modules=\(\('LSTMCell_0', 'LSTMCell_1'\),\)",
    ),
    Refused(
        LINEN,
        "a pool that is not said",
        lambda: {"rnn": LSTM_TREE, "out": DENSE_TREE},
        "give pool=",
    ),
    Refused(
        LINEN,
        "weights that are not finite",
        lambda: {**LSTM_TREE, "ii": {"kernel": np.full((D, H), np.nan)}},
        "the network.ii.kernel holds values that are not finite",
    ),
    Refused(
        LINEN, "numbers", lambda: {"a": {"kernel": np.ones((2, 2), int)}}, "a.kernel holds int64"
    ),
    Refused(
        LINEN,
        "an embedding of another shape",
        lambda: {"a": {"embedding": np.ones(3)}},
        r"a has shape \[3\]; expected \[V, D\]",
    ),
    Refused(
        LINEN,
        "more than a cell a direction",
        lambda: {"forward_rnn": {"a": LSTM_TREE, "b": LSTM_TREE}, "backward_rnn": LSTM_TREE},
        "more than a cell a direction",
    ),
    Refused(
        LINEN,
        "a scope in a gate",
        lambda: LSTM_TREE | {"ii": {"deeper": {"kernel": np.ones((2, 2))}}},
        r"the network.ii holds \['deeper'\]; expected kernel",
    ),
    Refused(
        NNX,
        "a fused cell of another width",
        lambda: tree("dense_i", "dense_h"),
        "dense_h.kernel has",
    ),
    Refused(LINEN, "anything else", lambda: 3, "from_flax got 3; expected a module of flax.nnx"),
    Refused(LINEN, "nothing", dict, "the parameters holds no LSTM or GRU, but nothing"),
]


@pytest.mark.usefixtures("as_users")
@pytest.mark.parametrize("refused", REFUSED, ids=[f"{r.framework}, {r.what}" for r in REFUSED])
def test_anything_else_raises_and_names_it(refused):
    with pytest.raises(ValueError, match=refused.message):
        cdjax.from_flax(refused.make())


@pytest.mark.parametrize(
    ("modules", "message"),
    [
        (("rnn", "other"), "modules names 'other'; the parameters holds rnn, out"),
        (("rnn", "rnn"), "modules names a part twice"),
        ("rnn", "modules is 'rnn'; expected a tuple of names"),
        ((("rnn", "out"),), "modules has out in a pair; expected two LSTM or GRU cells"),
        (("out",), "the parameters holds no LSTM or GRU, but out 5 -> 2"),
    ],
)
def test_modules_that_do_not_fit_raise(modules, message):
    with pytest.raises(ValueError, match=message):
        cdjax.from_flax({"rnn": LSTM_TREE, "out": DENSE_TREE}, modules=modules)


def test_modules_that_are_not_named_are_left_out():
    assert isinstance(
        cdjax.from_flax({"rnn": LSTM_TREE, "out": DENSE_TREE}, modules=("rnn",)), tuple
    )


class Masked(nnx.Module):
    """A network that leaves out word 0 where it ends a sequence, or makes it something else."""

    def __init__(self, mask):
        self.mask = mask
        self.embed, self.rnn = nnx.Embed(V, D, **kw(jnp.float32)), lstm(jnp.float32)
        self.out = nnx.Linear(H, K, **kw(jnp.float32))

    def __call__(self, ids):
        lengths = (ids != 0).sum(1)
        x = self.embed(ids)
        if self.mask == "zero":
            x = jnp.where((ids != 0)[..., None], x, 0)
        last = lengths - 1 if self.mask == "end" else jnp.full(len(ids), ids.shape[1] - 1)
        return self.out(jnp.tanh(self.rnn(x)[jnp.arange(len(ids)), last]))


@pytest.mark.parametrize(
    ("mask", "noted"), [("end", 0), ("zero", "row 0 changes the outputs in a")]
)
def test_padding_is_found_and_an_activation_of_what_the_head_reads(mask, noted):
    module = randomize(Masked(mask))
    model = cdjax.from_flax(module, output="value")
    assert [dense.activation for dense in model.classifier.head] == ["tanh"]
    about = model.provenance["imported"]
    assert about["verified"]["largest difference"] < 1e-5
    assert about["padding"] == noted or about["padding"].startswith(noted)
    forward = step_by_step(module)
    assert compare(model, lambda x: forward(x[None]), [np.array([3, 1, 2])]) < 1e-5


def test_a_row_0_that_is_a_word():
    case = whole(last, lstm)(jnp.float32)
    model = cdjax.from_flax(case.source, **case.arguments)
    assert "padding" not in model.provenance["imported"]


def test_the_network_that_cdjax_trains():
    network = randomize(FlaxClassifier(D, H, K, dropout=(0.5, 0.5), rngs=nnx.Rngs(0)))
    model = cdjax.from_flax(network, output="softmax")
    assert model.classifier.pool == "last"
    trained = to_classifier(network, np.ones((V, D), np.float32))
    for ours, theirs in zip(
        jax.tree.leaves(model.classifier),
        jax.tree.leaves(trained._replace(embedding=None)),
        strict=True,
    ):
        np.testing.assert_array_equal(ours, theirs)
    forward = step_by_step(network)
    assert compare(model, lambda x: forward(x[None], jnp.array([len(x)]))) < 1e-5


def test_the_module_stays_as_it_is():
    module = Wrapper(drop=nnx.Dropout(0.5, rngs=nnx.Rngs(0)))
    before = jax.tree.leaves(nnx.state(module))
    cdjax.from_flax(module, output="value")
    assert not module.drop.deterministic
    for a, b in zip(before, jax.tree.leaves(nnx.state(module)), strict=True):
        assert (a == b).all()


GATES = {"OptimizedLSTMCell": 4, "GRUCell": 3}


@pytest.mark.parametrize("kind", GATES)
@pytest.mark.parametrize("weight", ["dense_i.kernel", "dense_h.kernel", "bias"])
def test_permuted_gates_do_not_agree(kind, weight):
    module = randomize(cell(getattr(nnx, kind))(jnp.float32))
    x = np.random.default_rng(0).normal(size=(T, D)).astype(np.float32)
    expected = step_by_step(nnx.RNN(module))(x[None])[0]
    np.testing.assert_allclose(run(cdjax.from_flax(module), x), expected, rtol=0, atol=1e-5)
    biased = module.dense_h if kind == "OptimizedLSTMCell" else module.dense_i
    param = biased.bias if weight == "bias" else getattr(module, weight[:7]).kernel
    gates = np.split(np.asarray(param[...]), GATES[kind], axis=-1)
    for k in range(1, len(gates)):
        order = [k, *range(1, k), 0, *range(k + 1, len(gates))]
        param[...] = jnp.concatenate([gates[n] for n in order], axis=-1)
        assert abs(run(cdjax.from_flax(module), x) - expected).max() > 1e-3


def test_permuted_gates_of_linen_do_not_agree():
    case = linen_cell(nn.GRUCell)(jnp.float32)
    x = np.random.default_rng(0).normal(size=(T, D)).astype(np.float32)
    weights = case.source["params"]["cell"]
    for a, b in [("ir", "iz"), ("hr", "hz"), ("ir", "in"), ("iz", "in")]:
        swapped = weights | {a: weights[b], b: weights[a]}
        assert abs(run(cdjax.from_flax(swapped), x) - case.forward(x)).max() > 1e-3
    inner = weights["in"] | {"bias": weights["hn"]["bias"]}
    outer = weights["hn"] | {"bias": weights["in"]["bias"]}
    swapped = weights | {"in": inner, "hn": outer}
    assert abs(run(cdjax.from_flax(swapped), x) - case.forward(x)).max() > 1e-3


def test_a_file_of_messagepack(tmp_path):
    path = tmp_path / "model.msgpack"
    weights = {"rnn": {"cell": LSTM_TREE}, "out": DENSE_TREE}
    state = {"step": 3, "params": weights, "opt_state": {"0": {"count": np.ones(2)}}}
    for content in (weights, state):
        path.write_bytes(serialization.to_bytes(content))
        model = cdjax.from_flax(path, pool="last", activations="linear", output="softmax")
        np.testing.assert_array_equal(model.classifier.readout, DENSE_TREE["kernel"].T)
        assert model.provenance == {"imported": {"from": "model.msgpack", "framework": "flax"}}


def deep(levels):
    return {"a": deep(levels - 1)} if levels else {}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"model.msgpack is damaged: "),
        (serialization.to_bytes({"rnn": LSTM_TREE})[:-9], r"model.msgpack is damaged: "),
        (b"\xdd\xff\xff\xff\xff", r"model.msgpack is damaged: "),
        (serialization.msgpack_serialize([1]), r"model.msgpack holds list; expected parameters"),
        (serialization.msgpack_serialize(deep(200)), r"a\.a\.a.* is nested too deep"),
        (serialization.to_bytes({"a": {"kernel": 1}}), "a.kernel holds int"),
    ],
)
def test_damaged_files_raise(tmp_path, content, message):
    path = tmp_path / "model.msgpack"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        cdjax.from_flax(path)


def test_other_files_raise(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError):
        cdjax.from_flax(tmp_path / "none.msgpack")
    with pytest.raises(ValueError, match=r"is no .msgpack file; .* is read by Orbax; give"):
        cdjax.from_flax(str(tmp_path))
    monkeypatch.setitem(__import__("sys").modules, "flax.serialization", None)
    with pytest.raises(
        ImportError, match=r"model.msgpack needs Flax: pip install 'cdjax\[train\]'"
    ):
        cdjax.from_flax(tmp_path / "model.msgpack")
