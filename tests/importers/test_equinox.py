from pathlib import Path
from types import SimpleNamespace

import cdjax
import numpy as np
import pytest
from cdjax.core.network import run

from tests.importers.contract import check_case

FILES = Path(__file__).parent / "files"
NAMES = "lstmcell", "lstmcell_without_bias", "grucell", "grucell_without_bias"


class Module:
    """Stands for Equinox's base class, by which its modules are told."""


Module.__module__ = "equinox._module"


def load(name):
    """A cell as Equinox has it, of the weights that it drew, an input, and its states."""
    with np.load(FILES / f"equinox_{name}.npz") as file:
        arrays = dict(file)
    kind = "LSTMCell" if name.startswith("lstm") else "GRUCell"
    cell = type(kind, (Module,), {"__module__": "equinox.nn._rnn"})()
    vars(cell).update({"bias": None, "bias_n": None} | arrays)
    return cell, arrays.pop("x"), arrays.pop("h")


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("name", NAMES)
def test_parity_with_the_states_of_equinox(name):
    cell, x, h = load(name)
    check_case(cdjax.from_equinox(cell), [x], [h], 1e-10)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize(("name", "gates"), [("lstmcell", 4), ("grucell", 3)])
@pytest.mark.parametrize("weight", ["weight_ih", "weight_hh", "bias"])
def test_permuted_gates_do_not_agree(name, gates, weight):
    cell, x, h = load(name)
    blocks = np.split(getattr(cell, weight), gates)
    for k in range(1, gates):
        order = [k, *range(1, k), 0, *range(k + 1, gates)]
        setattr(cell, weight, np.concatenate([blocks[n] for n in order]))
        assert abs(np.asarray(run(cdjax.from_equinox(cell), x)) - h).max() > 1e-4


def test_the_inner_bias_of_a_gru_is_no_other():
    cell, x, h = load("grucell")
    cell.bias, cell.bias_n = cell.bias.copy(), cell.bias[10:].copy()
    cell.bias[10:] = load("grucell")[0].bias_n
    assert abs(np.asarray(run(cdjax.from_equinox(cell), x)) - h).max() > 1e-4


def test_anything_else_raises():
    for other in (SimpleNamespace(), (), {"a": 1}):
        with pytest.raises(ValueError, match=r"from_equinox got .*; expected a module of Equinox"):
            cdjax.from_equinox(other)
