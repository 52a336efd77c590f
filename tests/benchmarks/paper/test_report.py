"""The report: made of small results whose sentences are known, valid, whole and self-contained."""

import json
import re
from html.parser import HTMLParser

import pytest
from benchmarks.paper.figures import Curve, Curves, draw_curves
from benchmarks.paper.findings import ReportError
from benchmarks.paper.report import write_report

from benchmarks.paper import findings

VOID = {"meta", "img", "br", "hr", "link"}
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
            "kind": "positive negation", "query": "not bad", "rule": rule, "model": "one",
            "neighbours": [["never dull", 0.91], ["n't fail", 0.88]],
            "ranks": [["never dull", 1], ["without sham", 4021], ["without missing", None]],
        }
        for rule in ("paper", "acd")
    ]  # fmt: skip
    return result("neighbours", rows)


def write(out, *results):
    for made in results:
        (out / f"{made['name']}.json").write_text(json.dumps(made), encoding="utf-8")


@pytest.fixture
def folder(tmp_path):
    curve = Curve("CD", [0.0, 1.0], [0.0, 1.0])
    draw_curves(tmp_path / "a-curve", [Curves("t", "x", "y", [curve])])
    figures = [{"file": "a-curve", "caption": 'The "curve" & <more>.'}]
    examples = [{"phrase": f"not {n}", "interactions": {"CD": 0.5}} for n in range(20)]
    made = compositionality() | {"figures": figures, "examples": examples}
    write(tmp_path, made, unigrams(), neighbours())
    return tmp_path


class Reader(HTMLParser):
    """Reads a page and refuses what is not well-formed."""

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.ids, self.text, self.links = [], [], [], "", []

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.tags.append((tag, attributes))
        self.ids += [attributes["id"]] if "id" in attributes else []
        self.links += [attributes[a] for a in ("src", "href", "srcset", "data") if a in attributes]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open[-1:] == [tag], f"</{tag}> closes nothing"
        self.open.pop()

    def handle_data(self, data):
        self.text += data


def read(page):
    reader = Reader()
    reader.feed(page.read_text(encoding="utf-8"))
    reader.close()
    assert not reader.open
    return reader


def test_page_is_well_formed_and_needs_nothing_from_elsewhere(folder):
    page, _ = write_report(folder)
    reader = read(page)
    assert len(set(reader.ids)) == len(reader.ids) >= 5
    inside = [link for link in reader.links if link.startswith("#")]
    assert inside
    assert {link[1:] for link in inside} <= set(reader.ids)
    pictures = [link for link in reader.links if not link.startswith("#")]
    assert len(pictures) == 1
    assert pictures[0].startswith("data:image/svg+xml;base64,")
    assert not {tag for tag, _ in reader.tags} & {"script", "link", "iframe", "object"}
    assert "url(" not in reader.text
    assert "@import" not in reader.text
    (picture,) = (attributes for tag, attributes in reader.tags if tag == "img")
    assert picture["alt"] == 'The "curve" & <more>.'


def test_text_is_escaped_in_both(folder):
    page, markdown = write_report(folder)
    assert "words of a | b & <c>" in read(page).text
    written = markdown.read_text(encoding="utf-8")
    assert r"words of a \| b & \<c\>" in written
    assert r"A \*note\* with\_marks." in written
    assert "python -m benchmarks.paper unigrams --out <here>" in written  # as it is to be typed


def test_both_have_every_table_and_figure(folder):
    page, markdown = write_report(folder)
    reader, written = read(page), markdown.read_text(encoding="utf-8")
    assert "](a-curve.png)" in written
    tables = [tag for tag, _ in reader.tags].count("table")
    assert len(re.findall(r"^\| --", written, re.M)) == tables > 8
    widths = {
        len(set(map(len, [re.split(r"(?<!\\)\|", line) for line in lines])))
        for lines in re.findall(r"(?:^\|.*\n?)+", written, re.M)
        for lines in [lines.strip().split("\n")]
    }
    assert widths == {1}  # in each table every row has as many cells
    for text in ("About compositionality", "not 19", "never dull", "0.700 [0.650, 0.750]"):
        assert text in reader.text
        assert text in written.replace("\\", "")
    assert (
        "On the SST test reviews one is right in 88.1%, the paper's LSTM in 87.2%." in reader.text
    )
    assert "Not in this folder: dissent, negation, deletion, phrase_labels." in reader.text


def test_reports_of_the_same_results_are_the_same(folder):
    first = [path.read_bytes() for path in write_report(folder)]
    assert [path.read_bytes() for path in write_report(folder)] == first
    assert not list(folder.glob("*.part"))


def test_sentences_follow_from_the_numbers():
    made = compositionality()
    dev, train = findings.compare(made)
    assert (dev.name, dev.primary, train.name, train.primary) == ("dev", True, "train", False)
    assert [r.label for r in dev.ranked][:2] == ["CD (acd)", "integrated gradients"]
    assert findings.ranking_sentences(dev) == [
        "CD (paper) has a KS statistic of 0.700 [0.650, 0.750], behind integrated gradients, "
        "0.720 [0.670, 0.770]; the intervals of CD (paper) and integrated gradients overlap.",
        "Of the rules, from the best down: CD (acd) 0.750 [0.700, 0.800] and CD (paper) 0.700 "
        "[0.650, 0.750].",
        "On the mean over the trained models: CD (acd) 0.800 and CD (paper) 0.750.",
    ]
    assert findings.published_sentences(dev) == [
        "The paper's figure lies inside our 95% interval for CD (paper) (0.700, paper 0.740); "
        "below our 95% interval for integrated gradients (0.720, paper 0.330) and cell "
        "decomposition (0.100, paper 0.000).",
        "From the best down, ours: integrated gradients, CD (paper), then cell decomposition; the "
        "paper's: CD (paper), integrated gradients, then cell decomposition. 2 of 3 pairs of "
        "methods stand in the same order.",
    ]


def test_what_moves_a_figure_is_told_from_the_grid():
    made = unigrams()
    (sst,) = findings.compare(made)
    assert findings.source_sentences(made, sst) == [
        "If only how often a word must occur changes, CD (paper) moves by 0.200: any word 0.400 "
        "and at least 10 times 0.600.",
        "If only the regression changes, CD (paper) moves by 0.050: regression on sentences 0.550 "
        "and regression on phrases 0.600.",
        "The difference from the paper's figure is -0.158; no single choice that was varied "
        "reaches that figure.",
        "Over all 4 settings of the grid and models, CD (paper) lies between 0.400 and 0.800; it "
        "reaches the paper's 0.758 in 1 of them; it leads every other method in 4 of 4.",
    ]
    assert "ahead of every other method" in findings.ranking_sentences(sst)[0]
    made = compositionality()
    said = findings.source_sentences(made, findings.compare(made)[0])
    assert said[-2] == (
        "The difference from the paper's figure is -0.040; that figure lies within what a change "
        "of the split, the trained model, or the rule alone gives."
    )


def test_a_method_of_the_wrong_sign_is_told():
    rows = [
        row("cd", "paper", 0.9, context="alone", search="opposite", auc=0.99, auc_high=1.0),
        row(
            "loo",
            None,
            0.0,
            context="alone",
            search="opposite",
            auc=0.01,
            auc_low=0.0,
            auc_high=0.03,
        ),
        row(
            "cell",
            None,
            0.1,
            context="alone",
            search="opposite",
            auc=0.45,
            auc_low=0.4,
            auc_high=0.55,
        ),
    ]
    (alone,) = findings.compare(result("negation", rows))
    assert alone.name == "fed alone, search 'opposite'"
    assert [s for s in findings.ranking_sentences(alone) if "sign" in s] == [
        "The scores of leave one out separate the other way round: their AUC is 0.010 [0.000, "
        "0.030], and 0.990 with the sign turned."
    ]


def test_rows_that_are_not_told_apart_are_refused():
    rows = [row("cd", "paper", value, split="dev", unheard=value) for value in (0.1, 0.2)]
    with pytest.raises(ReportError, match=r"several rows of CD \(paper\) for .*dev.*told apart by"):
        findings.compare(result("compositionality", rows))


def test_less_is_better_where_phrases_are_deleted():
    rows = [
        {"data": "sst", "task": task, "model": "one", "method": method, "rule": rule, "area": area,
         "primary": True}
        for task in ("deletion", "insertion")
        for method, rule, area in (("cd", "paper", 0.3), ("loo", None, 0.5))
    ]  # fmt: skip
    deletion, insertion = findings.compare(result("deletion", rows))
    assert deletion.ranked[0].label == "CD (paper)"
    assert insertion.ranked[0].label == "leave one out"
    assert "behind leave one out" in findings.ranking_sentences(insertion)[0]


def test_numbers_that_are_not_there_are_left_out(tmp_path):
    rows = [row("cd", "paper", 0.7, width=None, split="dev"), row("loo", None, 0.5, split="dev")]
    rows.append(row("cell", None, 0.1, split="dev") | {"ks": None, "auc": None})
    write(tmp_path, result("compositionality", rows, models=MODELS[:1]))
    text = read(write_report(tmp_path)[0]).text
    assert "ahead of every other method, next leave one out" in text
    assert "cell decomposition" not in text
    assert "None" not in text
    assert "overlap" not in text  # one interval is not known


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
def test_what_cannot_be_reported_is_refused(tmp_path, name, text, message):
    if name:
        (tmp_path / f"{name}.json").write_text(text)
    with pytest.raises(ReportError, match=message):
        write_report(tmp_path)
    assert not list(tmp_path.glob("report*"))
