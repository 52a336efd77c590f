"""The report of small results: every figure is in its table, both documents are complete."""

import json
import re

import pytest
from benchmarks.paper.comparison import ReportError, compare, measure_grid, vary
from benchmarks.paper.figures import Curve, Curves, draw_curves
from benchmarks.paper.registry import EXPERIMENTS
from benchmarks.paper.report import read_result, write_report
from benchmarks.paper.tables import comparison_blocks
from cdjax.viz.document import Table

from tests.viz.html_reader import read_html

METHODS = [("cd", "paper"), ("cd", "acd"), ("ig", None), ("cell", None)]
MODELS = [
    {"name": "one", "data": "sst", "seed": 1, "test_accuracy": 0.881, "main": True},
    {"name": "two", "data": "sst", "seed": 2, "test_accuracy": 0.86, "main": False},
]


def result(name, rows, **more):
    return {
        "format": 1,
        "name": name,
        "title": f"About {name}",
        "section": "4.2",
        "command": f"python -m benchmarks.paper {name} --out <here>",
        "models": MODELS,
        "methods": [],
        "protocol": [["primary", "words of a | b & <c>"]],
        "rows": rows,
        "paper": {},
        "notes": ["A *note* with_marks."],
        "seconds": 12.0,
        "versions": {"jax": "0.10.2"},
    } | more


def row(method, rule, value, model="one", width=0.05, primary=True, **more):
    interval = {} if width is None else {"ks_low": value - width, "ks_high": value + width}
    return {
        "model": model, "method": method, "rule": rule, "ks": value, **interval,
        "auc": 0.8, "positive": 161, "negative": 127, "primary": primary,
    } | more  # fmt: skip


def compositionality():
    rows = []
    for model, shift in (("one", 0.0), ("two", 0.1), ("mean", 0.05)):
        for (method, rule), value in zip(METHODS, (0.7, 0.75, 0.72, 0.1), strict=True):
            primary = row(method, rule, value + shift, model, split="dev")
            rows += [primary, row(method, rule, 0.9, model, split="train", primary=False)]
    return result("compositionality", rows, paper={"cd": 0.74, "ig": 0.33, "cell": 0})


def unigrams():
    rows = []
    for regression, least, value in (
        ("phrases", 10, 0.6),
        ("phrases", 1, 0.4),
        ("sentences", 10, 0.55),
        ("sentences", 1, 0.8),
    ):
        for method, rule, less in (("cd", "paper", 0.0), ("ig", None, 0.01), ("loo", None, 0.1)):
            made = {
                "data": "sst", "model": "one", "method": method, "rule": rule,
                "regression": regression, "least": least, "context": "review", "words": 100,
                "pearson": value - less, "spearman": None,
                "primary": (regression, least) == ("phrases", 10),
            }  # fmt: skip
            rows.append(made)
    return result("unigrams", rows, paper={"sst": {"cd": 0.758, "ig": 0.724, "loo": 0.51}})


def neighbours():
    rows = [
        {
            "kind": "positive negation", "query": "not bad", "method": "cd", "rule": rule,
            "model": "one",
            "neighbours": [["never dull", 0.91], ["n't fail", 0.88]], "among": 5000,
            "ranks": [["never dull", 1], ["without sham", 4021], ["without missing", None]],
        }
        for rule in ("paper", "acd")
    ]  # fmt: skip
    return result("neighbours", rows)


def write(out, *results):
    for made in results:
        (out / f"{made['name']}.json").write_text(json.dumps(made), encoding="utf-8")


def read_comparisons(tmp_path, made):
    """The layout of an experiment, its result as read from a file, and the comparisons."""
    write(tmp_path, made)
    layout = EXPERIMENTS[made["name"]].layout
    read = read_result(tmp_path / f"{made['name']}.json")
    return layout, read, compare(layout, read)


def cells(blocks, caption):
    """The tables of a caption, each as {row heading: {column: cell}}."""
    blocks = [b for block in blocks for b in getattr(block, "blocks", [block])]  # of folds as well
    return [
        {row[0]: dict(zip(table.head, row, strict=True)) for row in table.rows}
        for table in blocks
        if isinstance(table, Table) and table.caption.startswith(caption)
    ]


@pytest.fixture
def folder(tmp_path):
    curve = Curve("CD", [0.0, 1.0], [0.0, 1.0])
    draw_curves(tmp_path / "a-curve", [Curves("t", "x", "y", [curve])])
    figures = [{"file": "a-curve", "caption": 'The "curve" & <more>.'}]
    examples = [{"phrase": f"not {n}", "interactions": {"CD": 0.5}} for n in range(20)]
    made = compositionality() | {"figures": figures, "examples": examples}
    write(tmp_path, made, unigrams(), neighbours())
    return tmp_path


def test_both_have_every_table_and_figure(folder):
    page, markdown = write_report(folder)
    reader = read_html(page.read_text(encoding="utf-8"))
    written = markdown.read_text(encoding="utf-8")
    assert "](a-curve.png)" in written
    assert len([link for link in reader.links if link.startswith("data:image/svg+xml")]) == 1
    tables = [tag for tag, _ in reader.tags].count("table")
    assert len(re.findall(r"^\| --", written, re.M)) == tables > 8
    widths = {
        len({len(re.split(r"(?<!\\)\|", line)) for line in lines.strip().split("\n")})
        for lines in re.findall(r"(?:^\|.*\n?)+", written, re.M)
    }
    assert widths == {1}  # in each table every row has as many cells
    for text in (
        "About compositionality", "not 19", "never dull", "0.700 [0.650, 0.750]", "A *note* with",
        "unigrams --out <here>",
    ):  # fmt: skip
        assert text in reader.text
        assert text in written.replace("\\", "")


def test_reports_of_the_same_results_are_the_same(folder):
    first = [path.read_bytes() for path in write_report(folder)]
    assert [path.read_bytes() for path in write_report(folder)] == first
    assert not list(folder.glob("*.part"))


def test_models_and_missing_experiments_are_listed(folder):
    text = write_report(folder)[1].read_text(encoding="utf-8").replace("\\", "")
    assert "| one | sst | 1 | 0.881 | yes | 0.872 |" in text  # the last: the paper's
    missing = re.findall(r"^\| (\w+) \| .* \| not run \|$", text, re.M)
    assert missing == ["dissent", "negation", "deletion", "phrase_labels", "rules"]


def test_the_overview_has_each_primary_comparison(folder):
    text = write_report(folder)[1].read_text(encoding="utf-8")
    line = (
        "| About compositionality | split: dev | KS statistic | 0.740 | 0.700 \\[0.650, 0.750\\] | "
        "CD (acd) 0.750 \\[0.700, 0.800\\] | integrated gradients 0.720 \\[0.670, 0.770\\] | "
        "2 of 3 | 2 of 3 |"
    )
    assert line in text
    assert "| About unigrams | data: sst | Pearson correlation | 0.758 | 0.600 |" in text


def test_methods_are_compared_with_the_paper_and_with_each_other(tmp_path):
    layout, read, (dev, train) = read_comparisons(tmp_path, compositionality())
    assert (dev.panel, dev.primary) == ({"split": "dev"}, True)
    assert (train.panel, train.primary) == ({"split": "train"}, False)
    assert dev.ordered_pairs() == (2, 3)  # the paper has CD before integrated gradients
    methods, others = cells(comparison_blocks(layout, read), "Methods, main model")
    assert methods == {
        "CD (paper)": {
            "method": "CD (paper)",
            "paper": "0.740",
            "KS statistic [95% interval]": "0.700 [0.650, 0.750]",
            "difference": "-0.040",
            "paper's in our interval": "yes",
            "rank": "2",
            "paper's rank": "1",
            "interval overlaps CD (paper)": "",
            "mean of the models [least, greatest]": "0.750 [0.700, 0.800]",
            "AUC": "0.800",
        },
        "CD (acd)": methods["CD (acd)"],
        "integrated gradients": methods["integrated gradients"],
        "cell decomposition": methods["cell decomposition"],
    }
    assert methods["CD (acd)"]["difference"] == ""  # the paper's rule is another
    assert methods["CD (acd)"]["rank"] == "1"
    gradients, cell = methods["integrated gradients"], methods["cell decomposition"]
    assert (gradients["difference"], gradients["paper's in our interval"]) == ("+0.390", "no")
    assert (gradients["rank"], gradients["paper's rank"]) == ("1", "2")
    assert gradients["interval overlaps CD (paper)"] == "yes"
    assert (cell["rank"], cell["paper's rank"]) == ("3", "3")
    assert cell["interval overlaps CD (paper)"] == "no"
    assert others["CD (paper)"]["KS statistic [95% interval]"] == "0.900 [0.850, 0.950]"


def test_every_model_and_setting_is_shown(tmp_path):
    layout, read, _ = read_comparisons(tmp_path, compositionality())
    blocks = comparison_blocks(layout, read)
    (models,) = cells(blocks, "Methods by model")
    assert models["CD (paper)"] == {
        "method": "CD (paper)",
        "one": "0.700 [0.650, 0.750]",
        "two": "0.800 [0.750, 0.850]",
    }
    (table,) = [b for b in blocks if isinstance(b, Table) and b.caption == "KS statistic"]
    assert table.head[:3] == ["split", "model", "CD (paper)"]
    assert ["dev", "two", "0.800 [0.750, 0.850]"] in [row[:3] for row in table.rows]
    assert len(table.rows) == 6  # two splits, two models and their mean


def test_what_moves_a_figure_is_measured_one_choice_at_a_time(tmp_path):
    layout, read, (sst,) = read_comparisons(tmp_path, unigrams())
    least, regression = vary(layout, read, sst)
    assert (least.field, regression.field) == ("least", "regression")
    assert least.spread == pytest.approx(0.2)
    assert [(row["least"], row["pearson"]) for row in least.rows] == [(1, 0.4), (10, 0.6)]
    grid = measure_grid(layout, read, sst)
    assert (sorted(grid.values), grid.leading, grid.compared) == ([0.4, 0.55, 0.6, 0.8], 4, 4)
    blocks = comparison_blocks(layout, read)
    (moves,) = cells(blocks, "What moves CD (paper)")
    assert moves["regression"] == {
        "choice": "regression",
        "spread": "0.050",
        "figures, least first": "sentences 0.550, phrases 0.600",
        "paper's within": "no",
    }
    (reach,) = cells(blocks, "CD (paper) over all settings")
    assert reach["4"] == {
        "settings": "4",
        "least": "0.400",
        "greatest": "0.800",
        "paper's reached in": "1",
        "best of all methods in": "4 of 4",
    }


def test_a_change_of_rule_model_or_split_can_reach_the_papers_figure(tmp_path):
    layout, read, comparisons = read_comparisons(tmp_path, compositionality())
    (moves,) = cells(comparison_blocks(layout, read), "What moves CD (paper)")
    assert {choice: row["paper's within"] for choice, row in moves.items()} == {
        "split": "yes",
        "model": "yes",
        "rule": "yes",
    }
    assert comparisons[0].cd.difference == pytest.approx(-0.04)


def test_a_method_of_the_wrong_sign_is_shown_with_the_sign_turned(tmp_path):
    fields = {"context": "alone", "search": "opposite"}
    rows = [
        row("cd", "paper", 0.9, auc=0.99, auc_low=0.98, auc_high=1.0, **fields),
        row("loo", None, 0.0, auc=0.01, auc_low=0.0, auc_high=0.03, **fields),
        row("cell", None, 0.1, auc=0.45, auc_low=0.4, auc_high=0.55, **fields),
    ]
    layout, read, _ = read_comparisons(tmp_path, result("negation", rows))
    (methods,) = cells(comparison_blocks(layout, read), "Methods, main model")
    turned = {name: row["AUC with the sign turned"] for name, row in methods.items()}
    assert turned == {"CD (paper)": "", "leave one out": "0.990", "cell decomposition": ""}
    assert methods["leave one out"]["AUC"] == "0.010 [0.000, 0.030]"


def test_rows_that_no_field_tells_apart_are_refused(tmp_path):
    rows = [row("cd", "paper", value, split="dev", unlisted=value) for value in (0.1, 0.2)]
    with pytest.raises(
        ReportError, match=r"several rows of CD \(paper\) for .*dev.*differ in split"
    ):
        read_comparisons(tmp_path, result("compositionality", rows))


def test_lower_is_better_where_phrases_are_deleted(tmp_path):
    rows = [
        {"data": "sst", "task": task, "model": "one", "method": method, "rule": rule, "area": area,
         "primary": True}
        for task in ("deletion", "insertion")
        for method, rule, area in (("cd", "paper", 0.3), ("loo", None, 0.5))
    ]  # fmt: skip
    _, _, (deletion, insertion) = read_comparisons(tmp_path, result("deletion", rows))
    assert [deletion.rank(r) for r in deletion.readings] == [1, 2]
    assert [insertion.rank(r) for r in insertion.readings] == [2, 1]


def test_missing_numbers_are_left_out(tmp_path):
    rows = [row("cd", "paper", 0.7, width=None, split="dev"), row("loo", None, 0.5, split="dev")]
    rows.append(row("cell", None, 0.1, split="dev") | {"ks": None, "auc": None})
    made = result("compositionality", rows, models=MODELS[:1])
    layout, read, _ = read_comparisons(tmp_path, made)
    (methods,) = cells(comparison_blocks(layout, read), "Methods, main model")
    assert list(methods) == ["CD (paper)", "leave one out"]
    assert methods["CD (paper)"]["KS statistic [95% interval]"] == "0.700"
    assert not {"paper", "difference", "interval overlaps CD (paper)"} & set(methods["CD (paper)"])
    assert "None" not in write_report(tmp_path)[1].read_text(encoding="utf-8")


def test_neighbours_in_common_with_the_paper_are_counted(folder):
    (table, _) = cells(
        EXPERIMENTS["neighbours"].blocks(read_result(folder / "neighbours.json")),
        "Nearest of 5,000",
    )
    assert table["not bad"] == {
        "phrase": "not bad",
        "kind": "positive negation",
        "ours (cosine)": "never dull (0.91), n't fail (0.88)",
        "the paper's (rank among ours)": (
            "never dull (1), without sham (4021), without missing (none)"
        ),
        "the paper's among our first": "1 of 3",
        "median rank of the paper's": "2,011",
    }


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (None, "", r"holds none of unigrams\.json.*python -m benchmarks.paper all"),
        ("unigrams", "{", "unigrams.json is not JSON.*makes it anew"),
        ("unigrams", "[]", "has the format None; expected 1"),
        ("unigrams", '{"format": 2}', "has the format 2; expected 1"),
        ("unigrams", '{"format": 1, "name": "unigrams"}', "lacks title, section"),
        ("dissent", json.dumps(result("unigrams", [])), "lacks its own name"),
        (
            "dissent",
            json.dumps(result("dissent", [], figures=[{"file": "gone", "caption": ""}])),
            "gone.png is missing, which dissent.json names",
        ),
    ],
)
def test_an_incomplete_result_is_refused(tmp_path, name, text, message):
    if name:
        (tmp_path / f"{name}.json").write_text(text)
    with pytest.raises(ReportError, match=message):
        write_report(tmp_path)
    assert not list(tmp_path.glob("report*"))
