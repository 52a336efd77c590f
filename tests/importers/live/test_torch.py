"""PyTorch itself builds, runs and saves each kind of network; cdjax's outputs must be the same."""

import argparse
import warnings
from pathlib import Path

import cdjax
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from tests.importers.contract import Refused, Supported, check_case  # noqa: E402

WORDS, WIDTH, HIDDEN, SECOND, OUTPUTS, STEPS = 11, 3, 5, 4, 2, 6
FLOATS = {"float32": (torch.float32, 1e-5), "float64": (torch.float64, 1e-10)}
FRAMEWORK = "PyTorch"


def set_weights(module):
    """Draw every weight anew, biases and running statistics too, so that none is 0 or 1."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, value in module.state_dict().items():
            if value.is_floating_point():
                drawn = torch.randn(value.shape, generator=generator, dtype=torch.float64)
                value.copy_(drawn.abs() + 0.5 if "var" in name else 0.6 * drawn)
    return module.eval()


class Net(nn.Module):
    """An embedding, recurrent modules, what is read of them, a head and what follows it."""

    def __init__(self, recurrent, read, head=None, *, words=False, finish=None, modules=()):
        super().__init__()
        if words:
            self.embedding = nn.Embedding(WORDS, WIDTH)
        for n, module in enumerate(recurrent):
            setattr(self, f"recurrent{n}", module)
        if head is not None:
            self.head = head
        for name, module in dict(modules).items():
            setattr(self, name, module)
        self.words, self.count, self.read, self.finish = words, len(recurrent), read, finish

    def forward(self, x):
        x = self.embedding(x) if self.words else x
        for n in range(self.count):
            x, h = getattr(self, f"recurrent{n}")(x)
        y = self.read(x, h[0] if isinstance(h, tuple) else h)
        y = self.head(y) if hasattr(self, "head") else y
        return y if self.finish is None else self.finish(y)


READS = {
    "last": lambda x, h: x[:, -1],
    "ends": lambda x, h: torch.cat([h[-2], h[-1]], dim=1),
    "mean": lambda x, h: x.mean(1),
    "max": lambda x, h: x.max(1).values,
    "each": lambda x, h: x,
}


def lstm(inputs=WIDTH, hidden=HIDDEN, **options):
    return nn.LSTM(inputs, hidden, batch_first=True, **options)


def gru(inputs=WIDTH, hidden=HIDDEN, **options):
    return nn.GRU(inputs, hidden, batch_first=True, **options)


def linear(inputs=HIDDEN, outputs=OUTPUTS, **options):
    return nn.Linear(inputs, outputs, **options)


def draw_inputs(words, width=WIDTH, lengths=(STEPS, STEPS)):
    rng = np.random.default_rng(3)
    if words:
        return [rng.integers(0, WORDS, n) for n in lengths]
    return [rng.normal(size=(n, width)) for n in lengths]


def run_module(module, x, dtype):
    """The module's own output for one sequence, its tensor."""
    tensor = torch.as_tensor(x) if x.dtype.kind == "i" else torch.as_tensor(x, dtype=dtype)
    with torch.no_grad():
        return module(tensor[None])


def run_layers(module, x, dtype):
    output = run_module(module, x, dtype)
    return (output[0] if isinstance(output, tuple) else output)[0].numpy()


def run_steps_first(module, x, dtype):
    with torch.no_grad():
        output = module(torch.as_tensor(x, dtype=dtype)[:, None])
    return (output[0] if isinstance(output, tuple) else output)[:, 0].numpy()


def run_cell(cell, x, dtype):
    state, outputs = None, []
    with torch.no_grad():
        for step in torch.as_tensor(x, dtype=dtype):
            state = cell(step[None], None if state is None else state)
            outputs.append((state[0] if isinstance(state, tuple) else state)[0].numpy())
    return np.array(outputs)


class Case:
    """A module, how to import it and how to run it."""

    def __init__(self, module, run=None, words=False, width=WIDTH, **options):
        self.module, self.words, self.width, self.options = module, words, width, options
        self.run = run or (lambda m, x, dtype: run_module(m, x, dtype)[0].numpy())


LAYERS = {
    "LSTM": lambda: nn.LSTM(WIDTH, HIDDEN),
    "LSTM, two layers": lambda: lstm(num_layers=2, dropout=0.5),
    "LSTM, both directions": lambda: lstm(bidirectional=True),
    "LSTM, two layers, both directions": lambda: lstm(num_layers=2, bidirectional=True),
    "LSTM with projection": lambda: lstm(proj_size=2),
    "LSTM with projection, two layers, both directions": lambda: lstm(
        proj_size=2, num_layers=2, bidirectional=True
    ),
    "LSTM without bias": lambda: lstm(bias=False),
    "GRU": lambda: nn.GRU(WIDTH, HIDDEN),
    "GRU, two layers": lambda: gru(num_layers=2),
    "GRU, both directions": lambda: gru(bidirectional=True),
    "GRU, two layers, both directions": lambda: gru(num_layers=2, bidirectional=True),
    "GRU without bias": lambda: gru(bias=False),
}
CELLS = {
    "LSTMCell": lambda: nn.LSTMCell(WIDTH, HIDDEN),
    "LSTMCell without bias": lambda: nn.LSTMCell(WIDTH, HIDDEN, bias=False),
    "GRUCell": lambda: nn.GRUCell(WIDTH, HIDDEN),
    "GRUCell without bias": lambda: nn.GRUCell(WIDTH, HIDDEN, bias=False),
}


def make_layers(build):
    def make():
        module = build()
        return Case(module, run_layers if module.batch_first else run_steps_first)

    return make


class Lengths(nn.Module):
    """Packs its sequences, of lengths that are given."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(WORDS, WIDTH, padding_idx=0)
        self.gru, self.fc = gru(bidirectional=True), linear(2 * HIDDEN)

    def forward(self, x, lengths):
        packed = nn.utils.rnn.pack_padded_sequence(
            self.embedding(x), lengths, batch_first=True, enforce_sorted=False
        )
        h = self.gru(packed)[1]
        return self.fc(torch.cat([h[0], h[1]], dim=1))


class Masked(Lengths):
    """Finds the lengths itself."""

    def forward(self, x):
        return super().forward(x, (x != 0).sum(1))


class Stateful(nn.Module):
    """Takes first states, and returns the last ones with its output and a name for each."""

    def __init__(self):
        super().__init__()
        self.lstm, self.fc = nn.LSTM(WIDTH, HIDDEN), linear()
        self.loss = nn.CrossEntropyLoss(weight=torch.ones(OUTPUTS))

    def forward(self, x, hidden):
        out, hidden = self.lstm(x, hidden)
        return {"states": hidden, "logits": self.fc(out[-1])}


class Fronted(nn.Module):
    """Modules that are no recurrent ones in front of one, or between two; width 4."""

    def __init__(self, *front, words=False, between=None, loose=None):
        super().__init__()
        self.embedding = nn.Embedding(WORDS, WIDTH) if words else nn.Identity()
        self.front, self.loose = nn.Sequential(*front), loose
        self.lstm = nn.LSTM(4, HIDDEN, batch_first=True)
        self.between = between
        if between is not None:
            self.second = nn.GRU(4, HIDDEN, batch_first=True)
        self.fc = nn.Linear(HIDDEN, OUTPUTS)

    def forward(self, x):
        x = self.embedding(x)
        for module in self.front:
            norm = isinstance(module, nn.BatchNorm1d)
            x = module(x.transpose(1, 2)).transpose(1, 2) if norm else module(x)
        x = self.lstm(x if self.loose is None else self.loose(x))[0]
        x = x if self.between is None else self.second(self.between(x))[0]
        return self.fc(x[:, -1])


class OneFeature(nn.Module):
    """Takes series without an axis of features, and gives a number for each."""

    def __init__(self):
        super().__init__()
        self.rnn, self.fc1, self.fc2 = lstm(1), linear(HIDDEN, 7), linear(7, 1)
        self.relu, self.dropout = nn.ReLU(), nn.Dropout(0.5)

    def forward(self, x):
        h = torch.zeros(1, x.shape[0], HIDDEN, dtype=x.dtype)
        out, _ = self.rnn(x.unsqueeze(-1), (h, h))
        return self.fc2(self.dropout(self.relu(self.fc1(out[:, -1])))).squeeze(-1)


class Loop(nn.Module):
    """Two cells, one above the other, in a loop over the steps."""

    def __init__(self):
        super().__init__()
        self.low, self.high, self.fc = (
            nn.LSTMCell(WIDTH, HIDDEN),
            nn.GRUCell(HIDDEN, SECOND),
            linear(SECOND),
        )

    def forward(self, x):
        low = high = None
        outputs = []
        for step in x.unbind(1):
            low = self.low(step, low)
            high = self.high(low[0], high)
            outputs.append(self.fc(high))
        return torch.stack(outputs, 1)


def sequential(*modules):
    return nn.Sequential(*modules)


def log_softmax(y):
    return y.log_softmax(-1)


VALUE, SOFTMAX = {"output": "value"}, {"output": "softmax"}
MODELS = {
    "Embedding, LSTM, last step, Linear": lambda: Case(
        Net([lstm()], READS["last"], linear(), words=True), words=True, **VALUE
    ),
    "Embedding, LSTM in both directions, ends (h_n), Linear": lambda: Case(
        Net([lstm(bidirectional=True)], READS["ends"], linear(2 * HIDDEN), words=True),
        words=True,
        **VALUE,
    ),
    "Embedding, LSTM in both directions, last step": lambda: Case(
        Net([lstm(bidirectional=True)], READS["last"], linear(2 * HIDDEN), words=True),
        words=True,
        **VALUE,
    ),
    "GRU, mean over the steps": lambda: Case(Net([gru()], READS["mean"], linear()), **VALUE),
    "GRU, maximum over the steps": lambda: Case(Net([gru()], READS["max"], linear()), **VALUE),
    "two layers in both directions, each step (a tagger)": lambda: Case(
        Net([lstm(num_layers=2, bidirectional=True)], READS["each"], linear(2 * HIDDEN)), **VALUE
    ),
    "LSTM, another LSTM, GRU": lambda: Case(
        Net([lstm(), lstm(HIDDEN, SECOND), gru(SECOND, 7)], READS["last"], linear(7)), **VALUE
    ),
    "LSTM, another of the same width, their order found": lambda: Case(
        Net([lstm(HIDDEN), lstm(HIDDEN)], READS["last"], linear()), width=HIDDEN, **VALUE
    ),
    "Linear, ReLU, Dropout, Linear in nn.Sequential": lambda: Case(
        Net(
            [lstm()],
            READS["last"],
            sequential(linear(HIDDEN, 7), nn.ReLU(), nn.Dropout(0.5), linear(7)),
        ),
        **VALUE,
    ),
    "activations in forward: tanh, then sigmoid": lambda: Case(
        Net([lstm()], READS["last"], linear(HIDDEN, 1), finish=torch.sigmoid)
    ),
    "an activation of what the head reads": lambda: Case(
        Net([gru()], lambda x, h: torch.relu(x[:, -1]), linear()), **VALUE
    ),
    "log_softmax": lambda: Case(
        Net([gru()], READS["last"], linear(), finish=log_softmax),
        lambda m, x, dtype: np.exp(run_module(m, x, dtype)[0].numpy()),
    ),
    "Softmax in nn.Sequential": lambda: Case(
        Net([gru()], READS["last"], sequential(linear(), nn.Softmax(dim=1)))
    ),
    "tanh after the last Linear": lambda: Case(
        Net([gru()], READS["last"], sequential(linear(), nn.Tanh()))
    ),
    "LeakyReLU of slope 0.2": lambda: Case(
        Net([gru()], READS["last"], sequential(linear(HIDDEN, 7), nn.LeakyReLU(0.2), linear(7))),
        **VALUE,
    ),
    "BatchNorm1d and LeakyReLU in the head": lambda: Case(
        Net(
            [lstm()],
            READS["last"],
            sequential(
                nn.BatchNorm1d(HIDDEN, eps=0.1),
                linear(HIDDEN, 7, bias=False),
                nn.LeakyReLU(),
                nn.BatchNorm1d(7, affine=False),
                linear(7),
            ),
        ),
        **VALUE,
    ),
    "lengths as an argument (packed sequences)": lambda: Case(
        Lengths(),
        lambda m, x, dtype: m(torch.as_tensor(x)[None], torch.tensor([len(x)]))[0].detach().numpy(),
        words=True,
        **VALUE,
    ),
    "first states as an argument, a loss, a dictionary as output": lambda: Case(
        Stateful(),
        lambda m, x, dtype: (
            m(torch.as_tensor(x, dtype=dtype)[:, None], None)["logits"][0]
            .detach()
            .softmax(-1)
            .numpy()
        ),
    ),
    "Linear in front": lambda: Case(Fronted(nn.Linear(WIDTH, 4)), **VALUE),
    "BatchNorm1d and Linear in front, Linear between": lambda: Case(
        Fronted(nn.BatchNorm1d(WIDTH), nn.Linear(WIDTH, 4), between=nn.Linear(HIDDEN, 4)), **VALUE
    ),
    "Linear of the same width in front": lambda: Case(
        Fronted(nn.Linear(WIDTH, 4), nn.Linear(4, 4)), **VALUE
    ),
    "Embedding, Linear, ReLU in front": lambda: Case(
        Fronted(nn.Linear(WIDTH, 4), nn.ReLU(), words=True), words=True, **VALUE
    ),
    "Embedding, Linear in front, tanh in forward": lambda: Case(
        Fronted(nn.Linear(WIDTH, 4), words=True, loose=torch.tanh), words=True, **VALUE
    ),
    "series without an axis of features": lambda: Case(
        OneFeature(),
        lambda m, x, dtype: run_module(m, x[:, 0], dtype).numpy(),
        width=1,
        activations=("relu", "linear"),
        **VALUE,
    ),
    "cells in a loop": lambda: Case(Loop(), **VALUE),
    "DataParallel": lambda: Case(
        nn.DataParallel(Net([lstm()], READS["last"], linear(), words=True)), words=True, **VALUE
    ),
}


MODULES = [
    *(Supported(FRAMEWORK, "module", what, make_layers(b)) for what, b in LAYERS.items()),
    *(
        Supported(FRAMEWORK, "module", what, lambda b=b: Case(b(), run_cell))
        for what, b in CELLS.items()
    ),
    *(Supported(FRAMEWORK, "module", what, make) for what, make in MODELS.items()),
]


@pytest.fixture(params=FLOATS)
def floats(request):
    import jax

    with jax.enable_x64(request.param == "float64"):
        yield FLOATS[request.param]


def run_case(case, dtype):
    inputs = draw_inputs(case.words, case.width)
    return inputs, [case.run(case.module, x, dtype) for x in inputs]


def astype(inputs, dtype):
    """Inputs in a float type, word numbers as they are."""
    name = str(dtype).removeprefix("torch.")
    return [x if x.dtype.kind == "i" else x.astype(name) for x in inputs]


@pytest.mark.parametrize("case", MODULES, ids=lambda case: case.what)
def test_a_module_is_read_as_it_runs(case, floats):
    dtype, tolerance = floats
    case = case.make()
    set_weights(case.module.to(dtype))
    case.module.train()
    state, random = torch.get_num_threads(), torch.random.get_rng_state()
    imported = cdjax.from_torch(case.module, **case.options)
    assert all(m.training for m in case.module.modules())
    assert state == torch.get_num_threads()
    assert torch.equal(random, torch.random.get_rng_state())
    case.module.eval()
    inputs, outputs = run_case(case, dtype)
    check_case(imported, astype(inputs, dtype), outputs, tolerance)


STATE_DICTS = {
    "last": ("Embedding, LSTM, last step, Linear", {"pool": "last"}),
    "ends": ("Embedding, LSTM in both directions, ends (h_n), Linear", {"pool": "ends"}),
    "tagger": ("two layers in both directions, each step (a tagger)", {"pool": "each"}),
    "stack": ("LSTM, another LSTM, GRU", {"pool": "last"}),
    "activations": (
        "Linear, ReLU, Dropout, Linear in nn.Sequential",
        {"pool": "last", "activations": ("relu", "linear")},
    ),
    "before": (
        "an activation of what the head reads",
        {"pool": "last", "activations": ("relu", "linear")},
    ),
    "same width": (
        "LSTM, another of the same width, their order found",
        {"pool": "last", "modules": ("recurrent0", "recurrent1")},
    ),
    "norms": (
        "BatchNorm1d and LeakyReLU in the head",
        {
            "pool": "last",
            "activations": ("linear", "leaky_relu", "linear", "linear"),
            "modules": ("head.0", "head.1", "head.3", "head.4"),
        },
    ),
    "cells": ("cells in a loop", {"pool": "each"}),
}


def save_checkpoint(module, path):
    state = {f"model.{name}": value for name, value in module.state_dict().items()}
    torch.save({"epoch": 3, "state_dict": state, "optimizer": {"state": {}}}, path)


def save_safetensors(module, path):
    from safetensors.torch import save_file

    save_file(module.state_dict(), path)


def save_npz(module, path):
    np.savez(path, **{name: value.numpy() for name, value in module.state_dict().items()})


SAVED = {
    "model.pt": lambda module, path: torch.save(module.state_dict(), path),
    "model.pth": lambda module, path: torch.save(
        module.state_dict(), path, _use_new_zipfile_serialization=False
    ),
    "model.ckpt": save_checkpoint,
    "model.safetensors": save_safetensors,
    "model.npz": save_npz,
}
FILES = [
    Supported(FRAMEWORK, f"state dict in {Path(name).suffix}", "all of these without running", save)
    for name, save in SAVED.items()
]
SUPPORTED = [*MODULES, *FILES]


def hold_against_module(name, dtype, tolerance, save=None):
    """Import the state dict of a module, or what `save` makes of it."""
    what, given = STATE_DICTS[name]
    case = MODELS[what]()
    set_weights(case.module.to(dtype))
    options = VALUE | given
    if name == "norms":
        options["eps"] = case.module.head[0].eps = case.module.head[3].eps = 0.1
    source = case.module.state_dict() if save is None else save(case.module)
    inputs, outputs = run_case(case, dtype)
    check_case(cdjax.from_torch(source, **options), astype(inputs, dtype), outputs, tolerance)


@pytest.mark.parametrize("name", STATE_DICTS)
def test_a_state_dict_is_read_as_its_module_runs(name, floats):
    hold_against_module(name, *floats)


@pytest.mark.parametrize("case", FILES, ids=lambda case: case.source)
def test_a_file_is_read_as_its_module_runs(case, floats, tmp_path):
    def save(module):
        path = tmp_path / f"model{Path(case.source).suffix}"
        case.make(module, path)
        return path

    hold_against_module("ends", *floats, save)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("suffix", [".pt", ".safetensors", None])
def test_half_precision_is_read_in_single(dtype, suffix, tmp_path):
    case = MODELS["Embedding, LSTM, last step, Linear"]()
    set_weights(case.module.to(dtype))
    source, options = case.module, {"output": "value"}
    if suffix is not None:
        source = tmp_path / f"model{suffix}"
        options["pool"] = "last"
        SAVED[f"model{suffix}"](case.module, source)
    model = cdjax.from_torch(source, **options)
    assert case.module.head.weight.dtype == dtype
    case.module.float()
    inputs, outputs = run_case(case, torch.float32)
    check_case(model, inputs, outputs, 1e-5)


def test_without_being_run_a_module_says_what_stands_in_its_parts():
    case = MODELS["BatchNorm1d and LeakyReLU in the head"]()
    set_weights(case.module)
    with pytest.raises(ValueError, match=r"does not say what its head reads .* give pool="):
        cdjax.from_torch(case.module, output="value", verify=False)
    with pytest.raises(ValueError, match=r"\(head.0: 5 outputs, .*\); give activations="):
        cdjax.from_torch(case.module, output="value", pool="last", verify=False)
    given = ("linear", "leaky_relu", "linear", "linear")
    model = cdjax.from_torch(
        case.module, output="value", pool="last", activations=given, verify=False
    )
    inputs, outputs = run_case(case, torch.float32)
    check_case(model, astype(inputs, torch.float32), outputs, 1e-5)
    assert "verified" not in model.provenance["imported"]


def test_padding_that_is_left_out_is_found():
    module = set_weights(Masked())
    model = cdjax.from_torch(module, output="value")
    assert model.provenance["imported"]["padding"] == 0
    assert model.provenance["imported"]["verified"]["largest difference"] < 2e-5
    words = Net([lstm()], READS["last"], linear(), words=True)
    model = cdjax.from_torch(set_weights(words), output="value")
    assert "padding" not in model.provenance["imported"]  # row 0 is a word like any other

    def read(x, h):
        return x.sum(1) / x.shape[1]  # of all steps, padding too, which the GRU has not read

    class Odd(Masked):
        def forward(self, x):
            out = self.gru(self.embedding(x) * (x != 0)[..., None])[0]
            return self.fc(read(out * (x != 0)[..., None], None))

    model = cdjax.from_torch(set_weights(Odd()), output="value")
    assert model.provenance["imported"]["padding"].startswith("row 0 changes the outputs in a way")


class Attention(Net):
    def __init__(self):
        super().__init__([lstm()], None, linear(), modules={"score": linear(HIDDEN, 1)})
        self.read = lambda x, h: (x * self.score(x).softmax(1)).sum(1)


class ByHand(Net):
    def __init__(self, read, **options):
        super().__init__([lstm()], read, linear(), **options)


def random_start():
    class RandomStart(Net):
        def forward(self, x):
            h = torch.randn(1, x.shape[0], HIDDEN)
            return self.head(self.recurrent0(x, (h, h))[0][:, -1])

    return RandomStart([lstm()], None, linear())


def branches():
    net = Net([lstm(), gru()], None, linear(2 * HIDDEN))
    net.forward = lambda x: net.head(
        torch.cat([net.recurrent0(x)[0][:, -1], net.recurrent1(x)[0][:, -1]], 1)
    )
    return net


def quantized():
    net = Net([lstm()], READS["last"], linear())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.ao.quantization.quantize_dynamic(net, {nn.LSTM, nn.Linear}, torch.qint8)


def weight_norm():
    net = Net([lstm()], READS["last"], linear())
    nn.utils.parametrizations.weight_norm(net.head)
    return net


def old_weight_norm():
    net = Net([lstm()], READS["last"], linear())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        nn.utils.weight_norm(net.recurrent0, "weight_hh_l0")
    return net


def scripted():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.jit.script(nn.LSTM(WIDTH, HIDDEN))


def head_of(*modules):
    return Net([lstm()], READS["last"], nn.Sequential(*modules))


def refuse(what, make, message):
    return Refused(FRAMEWORK, what, make, message)


REFUSED_MODULES = [
    refuse("nn.RNN", lambda: nn.RNN(3, 5), "the module is of class RNN, a plain RNN"),
    refuse("nn.RNNCell", lambda: nn.RNNCell(3, 5), "the module is of class RNNCell, a plain RNN"),
    refuse(
        "LayerNorm",
        lambda: head_of(nn.LayerNorm(5), linear()),
        "head.0 is of class LayerNorm, which",
    ),
    refuse(
        "Conv1d",
        lambda: Net([lstm()], READS["last"], linear(), modules={"conv": nn.Conv1d(3, 3, 2)}),
        "conv is of class Conv1d with weight, bias, which cdjax has no layer for",
    ),
    refuse(
        "MultiheadAttention",
        lambda: Net([lstm()], None, linear(), modules={"mix": nn.MultiheadAttention(5, 1)}),
        "mix is of class MultiheadAttention, attention",
    ),
    refuse("attention by hand", Attention, r"do not make one chain: .* then nothing for score"),
    refuse("two branches", branches, "do not make one chain"),
    refuse(
        "a parameter of its own",
        lambda: Net([lstm()], READS["last"], linear(), modules={"w": nn.Parameter(torch.ones(5))}),
        "the module is of class Net with w, which cdjax has no layer for",
    ),
    refuse(
        "another pool (sum)",
        lambda: ByHand(lambda x, h: x.sum(1)),
        r"computes something else .* none agrees with its forward pass on random inputs",
    ),
    refuse(
        "the step before the last",
        lambda: ByHand(lambda x, h: x[:, -2]),
        "computes something else than cdjax reads",
    ),
    refuse(
        "a residual connection",
        lambda: ByHand(lambda x, h: x[:, -1] + x[:, 0]),
        "computes something else",
    ),
    refuse("random first states", random_start, "gives other outputs for the same input"),
    refuse(
        "steps flattened",
        lambda: Net([lstm()], lambda x, h: x.flatten(1), linear(HIDDEN * 6)),
        r"head takes 30 = 6 x 5: steps or pools side by side",
    ),
    refuse(
        "Linear and ReLU in front of the recurrent modules, of a series",
        lambda: Fronted(nn.Linear(WIDTH, 4), nn.ReLU()),
        r"front.0 has the activation relu at every step before lstm; cdjax has such layers after",
    ),
    refuse(
        "PReLU",
        lambda: head_of(linear(), nn.PReLU()),
        "head.1 is of class PReLU, which cdjax has no",
    ),
    refuse(
        "LeakyReLU of another slope",
        lambda: head_of(linear(), nn.LeakyReLU(0.15)),
        "head.1 is of class LeakyReLU with negative_slope=0.15",
    ),
    refuse(
        "Mish",
        lambda: head_of(linear(), nn.Mish()),
        "head.1 is of class Mish, which cdjax has no fun",
    ),
    refuse(
        "BatchNorm1d without statistics",
        lambda: head_of(nn.BatchNorm1d(5, track_running_stats=False), linear()),
        "head.0 is of class BatchNorm1d without running statistics",
    ),
    refuse(
        "EmbeddingBag",
        lambda: Net([lstm()], READS["last"], linear(), modules={"bag": nn.EmbeddingBag(7, 3)}),
        "bag is of class EmbeddingBag with weight",
    ),
    refuse(
        "Embedding with max_norm",
        lambda: Net([lstm()], READS["last"], modules={"table": nn.Embedding(7, 3, max_norm=1.0)}),
        "table is of class Embedding with max_norm=1.0",
    ),
    refuse("quantized weights", quantized, "of quantized weights .* give the float model"),
    refuse("weight normalization", weight_norm, "parametrized weights .*remove_parametrizations"),
    refuse("weight normalization (old)", old_weight_norm, "remove_weight_norm"),
    refuse("TorchScript", scripted, "a TorchScript program; give its module.state_dict"),
    refuse("LazyLinear", lambda: head_of(nn.LazyLinear(2)), "without weights yet; run the module"),
    refuse(
        "softmax between layers",
        lambda: head_of(linear(5, 7), nn.Softmax(1), linear(7)),
        "a softmax follows head.0, which is not the last layer",
    ),
    refuse(
        "a constant added to the outputs",
        lambda: Net([lstm()], READS["last"], linear(), finish=lambda y: torch.relu(y + 50)),
        "computes something else",
    ),
    refuse(
        "batch_first forgotten",
        lambda: Net([nn.LSTM(3, 5)], READS["last"], linear()),
        r"computes something else .*\(Its recurrent module has batch_first=False: it reads",
    ),
    refuse(
        "forward with an argument that is unknown",
        lambda: argued(),
        r"could not be run to verify .* forward needs 'other'.* verify=False",
    ),
]


def argued():
    net = Net([lstm()], READS["last"], linear())
    net.forward = lambda x, other: x
    return net


@pytest.mark.usefixtures("as_users")
@pytest.mark.parametrize("case", REFUSED_MODULES, ids=lambda case: case.what)
def test_what_is_not_understood_is_refused_by_name(case):
    module = case.make()
    if not isinstance(module, torch.jit.ScriptModule) and case.what not in (
        "quantized weights",
        "LazyLinear",
    ):
        set_weights(module)
    with pytest.raises(ValueError, match=case.message):
        cdjax.from_torch(module, output="value")


def test_what_has_no_effect_yet_is_found_with_other_weights():
    """A norm after an activation that is still the identity, and one sign of outputs."""

    class Normed(Net):
        def forward(self, x):
            return self.head(self.norm(torch.sigmoid(self.recurrent0(x)[0][:, -1])))

    torch.manual_seed(0)
    net = Normed([lstm()], None, linear(), modules={"norm": nn.BatchNorm1d(HIDDEN)})
    with pytest.raises(ValueError, match="with other weights in the place of its own, the module"):
        cdjax.from_torch(net, output="value")
    outputs = {
        "linear": lambda y: y,
        "relu": torch.relu,
        "leaky_relu": nn.functional.leaky_relu,
    }
    for name, finish in outputs.items():
        net = set_weights(Net([lstm()], READS["last"], linear(HIDDEN, 1), finish=finish))
        with torch.no_grad():
            net.head.bias.fill_(30)
        before = {key: value.clone() for key, value in net.state_dict().items()}
        model = cdjax.from_torch(net, output="value")
        assert [dense.activation for dense in model.classifier.head] == [name] * (name != "linear")
        assert all(torch.equal(before[key], value) for key, value in net.state_dict().items())


def test_a_wrong_argument_is_told_by_running():
    case = MODELS["Linear, ReLU, Dropout, Linear in nn.Sequential"]()
    set_weights(case.module)
    for wrong in ({"pool": "mean"}, {"activations": ("tanh", "linear")}):
        with pytest.raises(ValueError, match="computes something else"):
            cdjax.from_torch(case.module, output="value", **wrong)
    with pytest.raises(ValueError, match="names is given with a module"):
        cdjax.from_torch(case.module, output="value", names={})


class Whole(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = lstm()


def cut(save, share):
    def make(path):
        save(path)
        data = path.read_bytes()
        path.write_bytes(data[: int(share * len(data))])

    return make


def save_state(path):
    torch.save(lstm().state_dict(), path)


REFUSED_FILES = [
    refuse("a pickled module", lambda p: torch.save(Whole(), p), r"an object of .*Whole: a pickle"),
    refuse(
        "a pickled object beside the weights",
        lambda p: torch.save({"state_dict": {}, "args": argparse.Namespace()}, p),
        r"an object of argparse.Namespace: a pickle.* torch.save\(model.state_dict\(\), path\)",
    ),
    refuse(
        "a TorchScript file", lambda p: torch.jit.save(scripted(), str(p)), "which holds a program"
    ),
    refuse(
        "weights twice",
        lambda p: torch.save({"model": lstm().state_dict(), "ema": lstm().state_dict()}, p),
        r"weights several times, under \['ema', 'model'\]",
    ),
    refuse("no weights", lambda p: torch.save([1, 2], p), "holds a list; expected a state dict"),
    refuse("no recurrent ones", lambda p: torch.save({"a": 1}, p), r"no LSTM or GRU among \['a'\]"),
    refuse(
        "a tensor larger than the file",
        lambda p: torch.save({"weight_ih_l0": torch.zeros(1).expand(10**6, 10**6)}, p),
        "weight_ih_l0 has shape .* of which the file holds 4 bytes",
    ),
    refuse(
        "one tensor under many names",
        lambda p: torch.save({"l": dict.fromkeys(map(str, range(400)), torch.ones(2**16))}, p),
        r"its 400 tensors take 104,857,600 bytes, many times what the file holds",
    ),
    refuse(
        "integers",
        lambda p: torch.save({k: v.char() for k, v in lstm().state_dict().items()}, p),
        "weight_ih_l0 holds torch.int8; expected floats",
    ),
    refuse("a cut file", cut(save_state, 0.7), "damaged, or no file of torch.save"),
    refuse("a shorter one", cut(save_state, 0.01), "damaged, or no file of torch.save"),
    refuse("an empty file", lambda p: p.write_bytes(b""), "it ends too early|damaged"),
    refuse("text", lambda p: p.write_text("weights"), "damaged, or no file of torch.save"),
]


REFUSED = [*REFUSED_MODULES, *REFUSED_FILES]


@pytest.mark.filterwarnings("ignore:.*torch.jit.save")
@pytest.mark.parametrize("case", REFUSED_FILES, ids=lambda case: case.what)
def test_a_file_that_is_not_plain_weights_is_refused(case, tmp_path):
    path = tmp_path / "model.pt"
    case.make(path)
    with pytest.raises(ValueError, match=case.message):
        cdjax.from_torch(path)


def test_no_byte_of_a_file_that_is_changed_ends_in_another_error(tmp_path):
    path = tmp_path / "model.pt"
    save_state(path)
    data, rng = path.read_bytes(), np.random.default_rng(0)
    for _ in range(60):
        changed = bytearray(data)
        for position in rng.integers(0, len(data), 3):
            changed[position] = rng.integers(256)
        path.write_bytes(changed)
        try:
            cdjax.from_torch(path)
        except ValueError:
            continue
