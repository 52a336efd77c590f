"""The worked example of a real series, trained for a few seconds."""

import contextlib
import io
import re

import cdjax
import jax
import numpy as np
import pytest
from benchmarks.examples import series
from cdjax.core.decomposition import split_logits

pytestmark = pytest.mark.thorough  # trains a network


def ranks(numbers):
    return np.argsort(np.argsort(numbers))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """What the example prints, its data, and the model that it saves."""
    folder = tmp_path_factory.mktemp("example")
    standard = jax.numpy_dtype_promotion("standard")  # of optax
    with standard, contextlib.redirect_stdout(io.StringIO()) as printed:
        series.run(250, folder, (cdjax.PAPER,))
    return printed.getvalue(), series.load_data(), cdjax.load(folder / "model")


def printed_numbers(out, name):
    (line,) = [line for line in out.splitlines() if re.match(rf" *{name}  ", line)]
    return [float(number) for number in line.split(name)[1].split()]


def test_the_network_forecasts_better_than_the_baselines_on_held_out_months(run):
    out, data, model = run
    truth, x = data.targets[data.held_out], data.x[data.held_out]
    error = np.sqrt(np.mean((cdjax.predict(model, list(x))[:, 0] - truth) ** 2))
    assert printed_numbers(out, "the GRU") == [pytest.approx(error, abs=0.006)]
    year_before = data.table[data.last[data.held_out] + series.AHEAD - 12, 0]
    naive = np.sqrt(np.mean((year_before - truth) ** 2))
    assert printed_numbers(out, "the same month a year before") == [pytest.approx(naive, abs=0.006)]
    assert error < 0.75 * naive
    assert error < 0.95 * printed_numbers(out, "the month's mean")[0]
    # No month that is trained on, as input or target, is one that is held out.
    assert data.last[data.held_out].min() == len(data.table) - series.HELD_OUT


def test_what_it_saves_is_the_network_in_degrees(run):
    _, data, model = run
    with jax.numpy_dtype_promotion("standard"):
        network = series.train(data, 2)
    raw = np.asarray(network(data.x[:5]))[:, 0] * data.scale + data.mean
    forecasts = cdjax.predict(series.to_model(network, data), list(data.x[:5]))[:, 0]
    np.testing.assert_allclose(forecasts, raw, atol=1e-4)
    assert repr(model) == "Model(GRU 24, 1 logit; labels sea in °C; value)"


def test_windows_the_rest_and_the_bias_add_up(run):
    out, data, model = run
    x = data.x[data.last.tolist().index(data.months.index("1997-05"))]
    inside = np.arange(series.WINDOW) >= series.WINDOW - series.QUARTER
    split = split_logits(model.classifier, x, inside)  # gamma on its own
    explanation = cdjax.explain(x, model)
    last = slice(series.WINDOW - series.QUARTER, None)
    np.testing.assert_allclose(split.beta, explanation.scores_of(last), atol=1e-4)
    np.testing.assert_allclose(split.beta + split.gamma + split.bias, explanation.logits, atol=1e-4)
    assert f"Value: sea in °C {explanation.logits[0]:.4g}" in out
    names = "windows one by one", "windows together", "remainder", "output bias", "value"
    *parts, value = (float(re.search(rf"([+-][\d.]+)  {name}", out)[1]) for name in names)
    assert sum(parts) == pytest.approx(value, abs=0.03)  # each is rounded
    assert value == pytest.approx(explanation.logits[0], abs=0.01)


def test_the_correlation_printed_is_that_of_the_scores(run):
    out, data, model = run
    x = data.x[data.held_out]
    (paper,) = [line.split() for line in out.splitlines() if line.startswith("  paper ")]
    windows = [(t, t + series.QUARTER) for t in range(0, series.WINDOW, series.QUARTER)]
    scores, falls = [], []
    whole = cdjax.predict(model, list(x))
    for n in range(0, len(x), 40):
        scores.append(cdjax.score_spans(model, x[n], windows)[:, 0])
        without = np.repeat(x[n][None], len(windows), axis=0)
        for w, (start, stop) in enumerate(windows):
            without[w, start:stop] = 0
        falls.append(whole[n, 0] - cdjax.predict(model, list(without))[:, 0])
    all_scores, all_falls = (
        series.score_windows(model, x, cdjax.PAPER),
        series.leave_windows_out(model, x),
    )
    np.testing.assert_allclose(all_scores[::40], scores, atol=1e-4)
    np.testing.assert_allclose(all_falls[::40], falls, atol=1e-4)
    together = np.corrcoef(ranks(all_scores.ravel()), ranks(all_falls.ravel()))[0, 1]
    each = [
        np.corrcoef(ranks(a), ranks(b))[0, 1] for a, b in zip(all_scores, all_falls, strict=True)
    ]
    np.testing.assert_allclose([float(n) for n in paper[1:]], [together, np.mean(each)], atol=0.006)
    assert together > 0.3
