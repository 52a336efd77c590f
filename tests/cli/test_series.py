"""`cdjax explain` of a file of series."""

import re
import warnings

import cdjax
import numpy as np
import pytest
from cdjax.cli import main

from tests.conftest import random_classifier
from tests.viz.page.browser import read_data

LENGTH, WINDOW = 30, 12


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model of two features and one value, and a file of 30 hours."""
    folder = tmp_path_factory.mktemp("series")
    rng = np.random.default_rng(0)

    def draw(*shape):
        return (0.5 * rng.normal(size=shape)).astype(np.float32)

    layer = cdjax.GRUParams(draw(3, 5, 2), draw(3, 5, 5), draw(3, 5), draw(5))
    network = cdjax.Classifier(None, (layer,), draw(1, 5), draw(1))
    cdjax.save(cdjax.Model(network, None, ("load",), {}, "value"), folder / "value")
    two = network._replace(readout=draw(2, 5), bias=draw(2))
    cdjax.save(cdjax.Model(two, None, ("ok", "fault"), {}), folder / "labels")
    each = cdjax.Model(two._replace(pool="each"), None, ("ok", "fault"), {})
    cdjax.save(each, folder / "each")
    lines = ["t,load,temp,wind"]
    for n in range(LENGTH):
        day, hour = divmod(n, 24)
        values = ",".join(f"{value:.3f}" for value in rng.normal((40, 12, 3), (9, 7, 1)))
        lines.append(f"2024-01-{1 + day:02d} {hour:02d}:00:00,{values}")
    (folder / "data.csv").write_text("\n".join(lines) + "\n")
    return folder


SCALES = ["--means", "40,12", "--scales", "9,7"]
TARGET = ["--target-mean", "40", "--target-scale", "9"]
COLUMNS = ["--columns", "load,temp"]
TIMES = ["--time-column", "t", *COLUMNS]


@pytest.fixture
def explain(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "80")

    def run(*argv, model="value"):
        code = main(["explain", *argv, "--model", model])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


def read_table(out, title):
    """The numbers of the rows of a table, by their names."""
    (table,) = [part for part in out.split("\n\n") if part.startswith(title)]
    rows = [
        re.fullmatch(r"=? *((?:[+-]?[\d.]+%? +)+)(?:[+-]+ +)?(\D.*|\d{4}-.*)", line)
        for line in table.splitlines()[1:]
    ]
    return {row[2]: [float(cell.strip("%")) for cell in row[1].split()] for row in rows if row}


def scaled(folder, first, stop):
    lines = (folder / "data.csv").read_text().splitlines()[1:][first:stop]
    raw = np.array([line.split(",")[1:3] for line in lines], float)
    return (raw - [40, 12]) / [9, 7]


def test_windows_of_time_in_the_targets_units(folder, explain):
    code, out, err = explain("data.csv", *TIMES, "--window", "12", *SCALES, *TARGET)
    assert (code, err) == (0, "")
    assert "-0.00 " not in out
    assert max(map(len, out.splitlines())) <= 80
    model = cdjax.scale_output(cdjax.load(folder / "value"), 40.0, 9.0)
    explanation = cdjax.explain(scaled(folder, 18, 30), model)
    (value,), (bias,) = explanation.logits, explanation.output_bias
    assert out.startswith(f"Value: load {value:.4g}\n")
    assert "12 steps of load, temp, 2024-01-01 18:00 to 2024-01-02 05:00" in out
    table = read_table(out, "What each window of 1 step contributes")
    names = list(table)
    assert names[0] == "2024-01-01 18:00"
    assert names[11:] == ["2024-01-02 05:00"]
    numbers = [row[0] for row in table.values()]
    steps = [phrase.score for phrase in explanation.words()]
    np.testing.assert_allclose(numbers, steps, atol=0.006)
    account = {
        name.partition(":")[0]: row[0]
        for name, row in read_table(out, "How the prediction adds up").items()
    }
    windows, together, whole, remainder, output_bias, total = account.values()
    assert windows == pytest.approx(sum(steps), abs=0.006)
    assert windows + together == pytest.approx(whole, abs=0.02)
    assert whole + remainder + output_bias == pytest.approx(total, abs=0.02)
    assert (output_bias, total) == (pytest.approx(bias, abs=0.006), pytest.approx(value, abs=0.006))
    assert list(account)[-1] == "value of load"
    features = read_table(out, "By feature")
    regions = np.zeros((2, 12, 2), bool)
    regions[0, 11, 0] = regions[1, :, 1] = True
    (last,), (temp,) = cdjax.score_regions(model, scaled(folder, 18, 30), regions)
    assert features["2024-01-02 05:00"][0] == pytest.approx(last, abs=0.01)
    assert features["all steps"][2] == pytest.approx(temp, abs=0.01)


def test_which_window(explain):
    whole = explain("data.csv", *TIMES, "--window", "12", *SCALES)
    at = explain("data.csv", *TIMES, "--window", "12", *SCALES, "--at", "2024-01-02 05:00")
    assert whole == at
    code, out, _ = explain("data.csv", *COLUMNS, "--window", "12", *SCALES, "--at", "-1")
    assert code == 0
    assert "row 18 to 29" in out
    code, out, _ = explain("data.csv", *COLUMNS, "--at", "13", "--steps-of", "5")
    assert code == 0
    assert list(read_table(out, "What each window of 5 steps")) == [
        "row 0 to 3",
        "row 4 to 8",
        "row 9 to 13",
    ]


def test_labels_and_rules(explain):
    options = ["data.csv", *TIMES, "--window", "12", *SCALES]
    code, out, _ = explain(*options, model="labels")
    assert code == 0
    assert out.startswith("Prediction: ")
    assert "logit of fault - ok: fault" in out
    code, turned, _ = explain(*options, "--against", "fault", model="labels")
    assert code == 0
    assert "above 0 they speak for ok, below 0 for fault" in turned
    code, out, _ = explain(*options, "--rule", "acd", "--max-len", "3")
    assert code == 0
    assert "By feature" not in out
    assert "have no scores by --rule acd; by paper and merged." in out
    assert "whole series" in out
    assert explain("--file", *options, model="labels") == explain(*options, model="labels")


HOURS = [*TIMES, "--window", "12", *SCALES]


def test_methods_side_by_side(folder, explain):
    argv = ["data.csv", *HOURS, "--steps-of", "4", "--method", "cd,ig_zero"]
    code, out, err = explain(*argv)
    assert (code, err) == (0, "")
    assert "12 steps of load, temp, 2024-01-01 18:00 to 2024-01-02 05:00" in out
    rows = {line[:36].strip(): line[36:].split() for line in out.splitlines()}
    model, x = cdjax.load(folder / "value"), scaled(folder, 18, 30)
    for n, method in enumerate(("cd", "ig_zero")):
        explanation = cdjax.explain(x, model, method)
        parts = [explanation[a : a + 4] for a in (0, 4, 8)]
        account = explanation.account()
        expected = {
            "2024-01-01 18:00 to 21:00": parts[0],
            "2024-01-01 22:00 to 2024-01-02 01:00": parts[1],
            "2024-01-02 02:00 to 05:00": parts[2],
            "sum of windows": sum(parts),
            "rest": account.total - account.output_bias - sum(parts),
            "= value": account.total,
        }
        for name, number in expected.items():
            column = [cell for cell in rows[name] if cell.strip("+-.·")]
            assert float(column[n]) == pytest.approx(number, abs=0.006), (method, name)
    assert explain(*argv, "--max-len", "4")[0] == 2


def test_another_method_alone(folder, explain):
    argv = ["data.csv", *HOURS, "--steps-of", "4", "--class", "ok"]
    code, out, _ = explain(*argv, "--method", "gradient", model="labels")
    assert code == 0
    x, model = scaled(folder, 18, 30), cdjax.load(folder / "labels")
    explanation = cdjax.explain(x, model, "gradient", label="ok")
    numbers = [row[0] for row in read_table(out, "What each window of 4 steps").values()]
    assert numbers == pytest.approx([explanation[a : a + 4] for a in (0, 4, 8)], abs=0.006)
    assert "By feature" not in out
    assert "Features within windows have scores by --method cd alone." in out
    assert "those of --method cd do" in " ".join(out.split())


def test_the_tree_of_windows(folder, explain):
    code, out, _ = explain("data.csv", *HOURS, "--steps-of", "4", "--tree")
    assert code == 0
    assert "Strongest windows" not in out
    (tree,) = [part for part in out.split("\n\n") if part.startswith("How the windows join")]
    _, _, *lines = tree.splitlines()
    names = ["2024-01-01 18:00 to 21:00", "2024-01-01 22:00 to 2024-01-02 01:00"]
    names += ["2024-01-02 02:00 to 05:00", "2024-01-01 18:00 to 2024-01-02 05:00"]
    explanation = cdjax.explain(scaled(folder, 18, 30), cdjax.load(folder / "value"))
    for name, span in zip(names, ((0, 4), (4, 8), (8, 12), (0, 12)), strict=True):
        (line,) = [line for line in lines if line.endswith(name)]
        (number, *_) = re.findall(r"[+-]?\d+\.\d+", line)
        assert float(number) == pytest.approx(explanation[span], abs=0.006)
    assert len(lines) == 5


@pytest.mark.thorough
def test_a_page_of_one_of_the_outputs(folder, explain):
    argv = ["data.csv", *TIMES, "--window", "12", "--step", "7", "--html", "page.html"]
    code, _, err = explain(*argv, "--class", "fault", "--method", "cd,ig_zero", model="each")
    assert (code, err) == (0, "")
    record = read_data((folder / "page.html").read_text(encoding="utf-8"))
    assert (record["step"], record["outputAt"]) == (7, "Output at step 7: 2024-01-02 01:00")
    assert [e["method"] for e in record["explanations"]] == ["cd", "ig_zero"]
    assert record["series"]["features"] == ["load", "temp"]
    assert record["series"]["times"][0] == "2024-01-01 18:00"
    assert record["series"]["values"][0] == pytest.approx(
        [40 + 9 * load for load in scaled(folder, 18, 30)[:, 0]]
    )
    assert np.shape(record["series"]["byFeature"]) == (2, 12)
    assert record["explanations"][0]["weights"] == [-1.0, 1.0]
    assert explain(*argv, "--overwrite", "--method", "cd,alone", model="each")[0] == 2


def test_a_page_of_the_output_at_a_word(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    rng = np.random.default_rng(3)
    network = random_classifier(rng, words=3, dtype=np.float32)._replace(pool="each")
    vocabulary = cdjax.Vocabulary(["<unk>", "good", "film"], unknown="<unk>")
    cdjax.save(cdjax.Model(network, vocabulary, ("noun", "other"), {}), "tagger")
    argv = ["explain", "good film good", "--model", "tagger", "--step", "1"]
    assert main([*argv, "--html", "text.html", "--method", "cd"]) == 0
    assert capsys.readouterr().out.startswith("Output at step 1: film\nPrediction: ")
    record = read_data((folder / "text.html").read_text(encoding="utf-8"))
    assert (record["step"], record["outputAt"]) == (1, "Output at step 1: film")
    assert record["explanations"][0]["logits"] == pytest.approx(
        cdjax.predict_outputs(network, [1, 2, 1])[1].tolist(), abs=1e-5
    )


@pytest.mark.filterwarnings("always")
def test_a_gap_is_told(folder, explain):
    lines = (folder / "data.csv").read_text().splitlines()
    (folder / "gap.csv").write_text("\n".join([*lines[:20], *lines[25:]]))
    code, _, err = explain("gap.csv", *TIMES, "--window", "12")
    assert code == 0
    assert "there is a gap in the times before row 19 (2024-01-02 00:00:00)" in err


def test_one_of_the_outputs_at_every_step(folder, explain):
    argv = ["data.csv", *TIMES, "--window", "12", "--class", "fault"]
    code, out, err = explain(*argv, "--step", "-5", model="each")
    assert (code, err) == (0, "")
    assert out.startswith("Output at step 7: 2024-01-02 01:00\nPrediction: ")
    strongest = read_table(out, "Strongest windows of any length")
    assert strongest
    assert all(name <= "2024-01-02 01:00" or name.endswith(" to 01:00") for name in strongest)
    assert explain(*argv, "--step", "7", model="each")[1] == out
    # What comes after the step has no share in its output.
    before = explain(
        *["data.csv", *TIMES, "--at", "2024-01-02 01:00:00", "--window", "8", "--class", "fault"],
        model="labels",
    )[1]

    def read_value(out):
        return re.findall(r"= +([+-][\d.]+) +", out)

    assert read_value(out)
    assert read_value(out) == read_value(before)


def test_the_window_that_a_model_was_made_for(folder, explain):
    model = cdjax.load(folder / "value")
    made = model._replace(provenance={"imported": {"input_length": WINDOW}})
    cdjax.save(made, folder / "made")
    whole = explain("data.csv", *TIMES, "--window", str(WINDOW))
    assert explain("data.csv", *TIMES, model="made") == whole
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        code, _, err = explain("data.csv", *TIMES, "--window", "5", model="made")
    assert code == 0
    assert err == "cdjax explain: warning: --window is 5, and the model was made for 12 steps.\n"
    code, _, err = explain("data.csv", *TIMES, "--at", "2024-01-01 03:00:00", model="made")
    assert code == 2
    assert "window is 12 (the length that the model was made for); expected at least" in err


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["It was good."], "the model reads series of numbers, and 'It was good.' is no such file"),
        (["none.csv"], "'none.csv' is no such file"),
        (["data.csv", "--time-column", "t"], "reads 2 numbers a step, and there are 3 columns"),
        (["data.csv", "--columns", "load,rain"], "no column 'rain'"),
        (["data.csv", *TIMES, "--window", "40"], "there are 30 rows up to row 29"),
        (["data.csv", *TIMES, "--at", "2024-01-01", "--window", "2"], "there are 1 rows"),
        (["data.csv", *TIMES, "--at", "2025-01-01"], "no row has that time"),
        (["data.csv", *COLUMNS, "--at", "30"], "--at is 30; expected a row, 0 to 29"),
        (["data.csv", *COLUMNS, "--at", "noon"], "--at is 'noon'; expected a row"),
        (["data.csv", *COLUMNS, "--means", "1,2,3"], "--means is 3 numbers; expected 2"),
        (["data.csv", *COLUMNS, "--scales", "1,0"], "--scales is 0 at its smallest"),
        (["data.csv", *COLUMNS, "--target-scale", "1,2"], "--target-scale is 2 numbers"),
        (["data.csv", *COLUMNS, "--target-scale", "0"], "scale holds 0; expected numbers above 0"),
        (["data.csv", *COLUMNS, "--steps-of", "31"], "--steps-of is 31; expected at most 30"),
        (["data.csv", *COLUMNS, "--steps-of", "4", "--max-len", "3"], "at most --max-len"),
        (
            ["data.csv", *COLUMNS, "--png", "words.png", "--picture", "words"],
            "--picture words is of a text, and the model reads series; expected --picture windows",
        ),
        (
            ["data.csv", *COLUMNS, "--class", "rain"],
            "--class: there is no label 'rain'; expected one of load",
        ),
    ],
)
def test_what_is_refused(explain, argv, message):
    code, out, err = explain(*argv)
    assert (code, out) == (2, "")
    assert message in err


def test_what_other_models_refuse(explain):
    code, _, err = explain("data.csv", *COLUMNS, *TARGET, model="labels")
    assert code == 2
    assert "output is 'softmax', whose logits have no units" in err
    for argv, message in [
        ([], "the network has outputs at every step; say which one to explain: --step N"),
        (["--step", "12"], "give --step N, the one to explain, 0 to 11"),
        (["--step", "1", "--method", "alone"], "'alone' reads a phrase as a sequence of its own"),
        (["--html", "new.html"], "say which one to explain: --step N"),
    ]:
        code, _, err = explain("data.csv", *COLUMNS, "--window", "12", *argv, model="each")
        assert code == 2
        assert message in err
    code, _, err = explain("data.csv", *COLUMNS, "--step", "1")
    assert code == 2
    assert "--step is 1, and the network gives its logits once, --pool last; leave it out" in err
    code, _, err = explain("data.csv", model="sst")
    assert code == 2
    assert "data.csv is a file, and the model reads text" in err
    code, _, err = explain("A good film.", "--window", "3", model="sst")
    assert code == 2
    assert "--window is given, which is for series, and the model reads text" in err
