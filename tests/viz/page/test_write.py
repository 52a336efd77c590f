"""The file of a page: its policy, its data, and what texts of others become in it."""

import base64
import hashlib
import re
import shutil
import subprocess
import zlib
from html.parser import HTMLParser
from pathlib import Path

import cdjax
import cdjax.viz.page
import numpy as np
import pytest
from cdjax.results import Explanation
from cdjax.viz.page import make_page, write_page

from tests.viz.page.browser import read_data

FOLDER = Path(cdjax.viz.page.__file__).parent
BUILT = {
    name: (FOLDER / f"{name}.html").read_text(encoding="utf-8") for name in ("review", "report")
}
HOSTILE = (
    "</script><script>alert(1)</script> </title><!-- <img src=x onerror=alert(2)> </style> "
    "{{data}} {{title}} &amp; ' \" \u202egnorw\u202c \x07\x1b[2J \ud800 \u2028 end"
)


class Elements(HTMLParser):
    """The elements of a page, and the text of each script."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.scripts, self.attributes, self.inside = [], [], [], False
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]
        if tag == "script":
            self.scripts.append((dict(attrs), ""))
            self.inside = True

    def handle_endtag(self, tag):
        self.inside = self.inside and tag != "script"

    def handle_data(self, data):
        if self.inside:
            self.scripts[-1] = (self.scripts[-1][0], self.scripts[-1][1] + data)


def make(text="good film", tokens=("good", "film"), offsets=((0, 4), (5, 9)), **fields):
    steps = len(tokens)
    spans = fields.pop("spans", None)
    spans = cdjax.enumerate_spans(steps) if spans is None else spans
    scores = np.random.default_rng(0).normal(size=(len(spans), 2)).astype(np.float32)
    given = {
        "spans": spans,
        "scores": scores,
        "logits": np.array([0.5, 1.5], np.float32),
        "output_bias": np.array([0.1, -0.1], np.float32),
        "labels": ("bad", "good"),
        "direction": {"bad": -1.0, "good": 1.0},
        "text": text,
        "tokens": tuple(tokens),
        "offsets": None if offsets is None else np.array(offsets),
        "known": np.ones(steps, bool),
    }
    return Explanation(**given | fields)


def sha256(text):
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@pytest.mark.parametrize("built", BUILT.values(), ids=BUILT)
def test_the_policy_names_the_script_and_the_style_and_nothing_else(built):
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', built)
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    scripts = Elements(built).scripts
    packed = {attrs["id"]: text for attrs, text in scripts if "id" in attrs}
    unpacked = {
        name: zlib.decompress(base64.b64decode(packed[name]), -zlib.MAX_WBITS).decode()
        for name in ("script", "style")
    }
    (boot,) = [text for attrs, text in scripts if not attrs]
    assert (
        rules.pop("script-src") == f"'sha256-{sha256(boot)}' 'sha256-{sha256(unpacked['script'])}'"
    )
    assert rules.pop("style-src") == f"'sha256-{sha256(unpacked['style'])}'"
    assert rules == {
        "default-src": "'none'",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "cdjax",
    }
    assert not re.search(r"https?://(?!www\.w3\.org/)", built + "".join(unpacked.values()))


@pytest.mark.parametrize("name", BUILT)
def test_the_built_page_is_of_these_sources(name):
    sources = ["build.mjs", "package-lock.json"]
    sources += [f"src/{file}" for file in sorted(path.name for path in (FOLDER / "src").iterdir())]
    digest = hashlib.sha256()
    for file in sources:
        digest.update(hashlib.sha256((FOLDER / file).read_bytes()).hexdigest().encode())
    message = f"{name}.html is older than its sources: npm ci && npm run build, in cdjax/viz/page"
    assert f"of the sources {digest.hexdigest()} -->" in BUILT[name], message


def test_building_the_sources_gives_the_built_page(tmp_path):
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs Node")
    if not (FOLDER / "node_modules" / "esbuild").is_dir():
        pytest.skip("needs the packages of package-lock.json: npm ci, in cdjax/viz/page")
    subprocess.run([node, "build.mjs", tmp_path], cwd=FOLDER, check=True, capture_output=True)
    for name, built in BUILT.items():
        assert (tmp_path / f"{name}.html").read_text(encoding="utf-8") == built


def test_texts_are_data():
    tokens = HOSTILE.split()
    found = [re.search(re.escape(token), HOSTILE) for token in tokens]
    offsets = [match.span() for match in found]
    page = make_page(
        [
            make(
                HOSTILE,
                tokens,
                offsets,
                labels=("<b>", "</script>"),
                direction={"<b>": -1.0, "</script>": 1.0},
            )
        ]
    )
    assert "\ud800" not in page
    page.encode()
    plain, ours = Elements(make_page([make()])), Elements(page)
    assert ours.tags == plain.tags
    assert ours.attributes == plain.attributes
    record = read_data(page)
    assert record["text"] == HOSTILE
    assert record["tokens"] == tokens
    assert record["labels"] == ["<b>", "</script>"]
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", page)


def test_offsets_are_those_of_javascript():
    text = "\N{GRINNING FACE} good \N{GRINNING FACE}film"
    page = make_page([make(text, ["good", "film"], [(2, 6), (8, 12)])])
    units = text.encode("utf-16-le")
    pairs = np.array(read_data(page)["offsets"]).reshape(2, 2)
    ends = pairs.cumsum().reshape(2, 2)
    found = [units[2 * start : 2 * end].decode("utf-16-le") for start, end in ends]
    assert found == ["good", "film"]


def test_sums_are_packed_as_their_words(explanations):
    records = read_data(make_page(explanations))["explanations"]
    assert [record["additive"] for record in records] == [False, False, True, False]
    assert records[2]["scores"]["longest"] == 1
    assert records[2]["longest"] == records[0]["longest"] == 7


def test_the_file(tmp_path, explanations):
    path = tmp_path / "page.html"
    explanations[0].to_html(path, others=explanations[1:])
    assert path.read_text(encoding="utf-8") == make_page(explanations)
    with pytest.raises(FileExistsError, match="give another path or overwrite=True"):
        explanations[0].to_html(path)
    explanations[0].to_html(path, title="<i>", overwrite=True)
    assert "<title>&lt;i&gt;</title>" in path.read_text(encoding="utf-8")
    with pytest.raises(ValueError, match="no explanation to show"):
        write_page(tmp_path / "none.html", [])
    assert [entry.name for entry in tmp_path.iterdir()] == ["page.html"]


def test_explanations_of_something_else(explanations):
    first = make()
    for other, message in (
        (make("fine film", ["fine", "film"]), r"others\[0\] explains another text"),
        (
            make(labels=("a", "b"), direction={"a": -1.0, "b": 1.0}),
            r"labels a, b .*expected those of the first: bad, good",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            make_page([first, other])
    with pytest.raises(ValueError, match=r"others\[2\] explains another text"):
        make_page([explanations[0], *explanations[1:3], first])


def test_series_of_other_sizes():
    series = np.zeros((2, 3), np.float32)
    fields = {"text": None, "tokens": None, "offsets": None, "known": None, "series": series}
    given = make().__dict__ | fields
    explanation = Explanation(**{name: given[name] for name in Explanation.__dataclass_fields__})
    record = read_data(make_page([explanation]))["series"]
    assert record["features"] == ["feature 1", "feature 2", "feature 3"]
    assert record["times"] == ["step 0", "step 1"]
    with pytest.raises(ValueError, match=r"by_feature has shape \[1, 2\]; expected \[1, 3\]"):
        make_page([explanation], windows=[[0, 2]], by_feature=np.zeros((1, 2)))
