"""Pages of any text: what others wrote is shown and never run, for every reader, soon enough."""

from pathlib import Path

import cdjax
import cdjax.viz.page
import numpy as np
import pytest
from cdjax.cli import main
from cdjax.results import Explanation
from cdjax.viz.page import write_page

from tests.viz.page.browser import read_data, to_number
from tests.viz.page.test_write import HOSTILE, make

AXE = Path(cdjax.viz.page.__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
HOSTILE_WORDS = [
    *HOSTILE.split(),
    "<svg/onload=alert(3)>",
    '"onfocus=alert(4)autofocus',
    "javascript:alert(5)",
    "</style><style>*{display:none}",
    "\N{RIGHT-TO-LEFT OVERRIDE}desrever",
    "\N{FIRST STRONG ISOLATE}never-ended",
    "a" + "\N{COMBINING ACUTE ACCENT}" * 40,
    "w" * 300,
    "\x00\x01\x08\x7f\x9f",
    "constructor",
    "__proto__",
]


def of_tokens(tokens, max_len=None, **fields):
    spans = cdjax.enumerate_spans(len(tokens), max_len)
    scores = 2 * np.random.default_rng(1).normal(size=(len(spans), 2)).astype(np.float32)
    return make(None, tokens, None, spans=spans, scores=scores, **fields)


WINDOWS = {"windows": [[0, 24], [24, 48]], "by_feature": [[1.0, np.nan], [-3.0, 0.1]]}


def make_series(labels=("low", "high"), output="softmax", **fields):
    rng = np.random.default_rng(2)
    steps, count = 48, len(labels)
    spans = cdjax.enumerate_spans(steps)
    series = rng.normal(size=(steps, 2)).astype(np.float32)
    return Explanation(
        spans=spans,
        scores=rng.normal(size=(len(spans), count)).astype(np.float32),
        logits=rng.normal(size=count).astype(np.float32),
        output_bias=np.zeros(count, np.float32),
        labels=labels,
        direction=dict(zip(labels, [1.0, *[0.0] * (count - 1)], strict=True)),
        units="logits" if output == "softmax" else "units of the values",
        output=output,
        series=series,
        features=("load <b>", "temp"),
        times=tuple(f"2024-01-{1 + t // 24:02d} {t % 24:02d}:00:00" for t in range(steps)),
        **fields,
    )


def test_hostile_text_runs_nothing(open_page, tmp_path):
    names = "<img src=x onerror=alert(6)>", "</script>"
    explanation = of_tokens(
        HOSTILE_WORDS, labels=names, direction=dict(zip(names, (-1.0, 1.0), strict=True))
    )
    path = tmp_path / "tokens.html"
    write_page(path, [explanation], title=HOSTILE)
    page = open_page(path, "phrase=0-9&pins=0-3.<script>alert(7)</script>&for=__proto__&method=x")
    shown = page.texts(".prose .form")
    for word, text in zip(HOSTILE_WORDS, shown, strict=True):
        if word.isprintable() and "\N{COMBINING ACUTE ACCENT}" not in word:
            assert text == word
    assert not any(set(text) & set("\u202e\u2068\x00\x07\x1b\x7f") for text in shown)
    assert "\\u202edesrever" in shown
    assert "a" + 6 * "\N{COMBINING ACUTE ACCENT}" + "[+34 marks]" in shown
    assert page.page.evaluate("document.querySelectorAll('#page script, #page img').length") == 0
    wide = page.page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0  # a word of 300 letters breaks no layout


def test_the_policy_stops_what_would_run_all_the_same(open_page, tmp_path):
    path = tmp_path / "page.html"
    write_page(path, [make()])
    page = open_page(path)
    for code in (
        "document.body.setAttribute('onclick', 'document.title = 1')",
        "document.body.innerHTML = '<b>'",
        "document.createElement('script').src = 'data:text/javascript,'",
    ):
        with pytest.raises(Exception, match="requires 'Trusted"):
            page.page.evaluate(code)
    page.page.evaluate("document.body.setAttribute('style', 'color: #010203')")
    assert page.page.evaluate("getComputedStyle(document.body).color") != "rgb(1, 2, 3)"
    asked = page.page.evaluate("fetch('http://127.0.0.1:9/').then(() => 'ran', () => 'refused')")
    assert asked == "refused"
    wanted = "Content Security Policy", "requires 'Trusted"
    assert len(page.errors) >= 5
    assert all(any(part in error for part in wanted) for error in page.errors), page.errors
    page.errors.clear()


@pytest.mark.thorough
def test_ten_thousand_words(open_page, tmp_path):
    tokens = [HOSTILE_WORDS[n % 7] if n % 50 == 0 else f"word{n}" for n in range(10_000)]
    path = tmp_path / "long.html"
    write_page(path, [of_tokens(tokens, 3)])
    page = open_page(path)
    page.page.evaluate("location.hash = 'phrase=9990-9993'")
    page.page.wait_for_selector(".phrase")
    assert page.text(".phrase blockquote") == "word9990 word9991 word9992"
    assert page.page.locator(".prose .word").count() == 10_000
    assert page.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


CASES = {
    "text": lambda explanations: (explanations, {}, "phrase=2-5&pins=0-3.2-5&beside=ig_zero"),
    "lesson": lambda explanations: (explanations, {}, "teach=1"),
    "series": lambda _: ([make_series(step=40)], WINDOWS, "phrase=3-9"),
    "value": lambda _: ([make_series(("load",), "value")], {}, "phrase=3-9"),
}


@pytest.mark.parametrize("theme", ["light", pytest.param("dark", marks=pytest.mark.thorough)])
@pytest.mark.parametrize("case", CASES)
def test_axe_finds_no_fault(open_page, tmp_path, explanations, case, theme):
    if not AXE.is_file():
        pytest.skip("needs axe-core: npm ci, in cdjax/viz/page")
    shown, windows, fragment = CASES[case](explanations)
    path = tmp_path / "page.html"
    write_page(path, shown, **windows)
    page = open_page(path, fragment, color_scheme=theme, bypass_csp=True)
    page.page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.page.evaluate("axe.run().then(({violations}) => violations)")
    faults = [(fault["id"], fault["impact"], fault["nodes"][0]["html"]) for fault in found]
    assert faults == []


def check_time(open_page, path, most):
    """A page can be used soon enough: the best of several, since machines do other things too."""
    times = []
    while len(times) < 5 and min(times, default=np.inf) > most:
        times.append(int(open_page(path).page.locator("html").get_attribute("data-ready")))
    assert min(times) <= most, times
    return min(times)


@pytest.mark.slow
@pytest.mark.parametrize(("words", "most_bytes", "most_ms"), [(40, 60e3, 500), (237, 200e3, 1000)])
def test_a_page_of_three_methods_is_small_and_soon_there(
    open_page, tmp_path, words, most_bytes, most_ms
):
    text = Path(cdjax.__file__).with_name("bundled").joinpath("reviews.txt").read_text()
    text = text[: cdjax.load().vocabulary.split(text)[1][words - 1][1]]
    path = tmp_path / "page.html"
    assert main(["explain", text, "--html", str(path)]) == 0
    record = read_data(path.read_text(encoding="utf-8"))
    assert [of["longest"] for of in record["explanations"]] == [words] * 3
    assert path.stat().st_size <= most_bytes
    took = check_time(open_page, path, most_ms)
    print(f"{words} words: {path.stat().st_size:,} bytes, {took} ms")


def test_a_page_is_small_and_soon_there(open_page, tmp_path):
    path = tmp_path / "page.html"
    explanation = of_tokens([f"word{n}" for n in range(40)])
    write_page(path, [explanation] * 2)  # noise, which takes more room than real scores
    assert path.stat().st_size <= 60e3
    check_time(open_page, path, 500)


@pytest.mark.thorough
def test_a_long_page_is_soon_there(open_page, tmp_path):
    path = tmp_path / "page.html"
    explanation = of_tokens([f"word{n}" for n in range(237)])
    write_page(path, [explanation])
    check_time(open_page, path, 1000)
    for start, stop in ((3, 60), (0, 237)):  # kept less finely, and shown the same
        shown = open_page(path, f"phrase={start}-{stop}").scores()
        words = sum(explanation[t] for t in range(start, stop))
        assert shown["score"][0] == round(explanation[start:stop], 2)
        assert shown["interaction"][0] == round(explanation[start:stop] - words, 2)


def test_a_series_is_a_chart_of_windows_to_drag(open_page, tmp_path):
    explanation = make_series(step=40)
    path = tmp_path / "page.html"
    write_page(path, [explanation], **WINDOWS)
    page = open_page(path)
    assert page.text("header .note") == "Output at step 40: 2024-01-02 16:00"
    chart = page.page.locator(".chart svg")
    box = chart.bounding_box()
    each = (box["width"] - 112 - 8) / 48
    for n, step in enumerate((10, 20)):
        page.page.mouse.move(box["x"] + 112 + (step + 0.5) * each, box["y"] + 60)
        if n == 0:
            page.page.mouse.down()
    page.page.mouse.up()
    assert page.text(".phrase blockquote") == "2024-01-01 10:00 to 20:00"
    assert page.scores()["score"][0] == pytest.approx(explanation[10:21], abs=0.005001)
    assert "load <b>" in page.page.locator(".chart title").first.text_content()
    page.page.keyboard.press("Escape")
    rows = [row.split("\n") for row in page.texts(".branch")]  # the tree of the windows
    parts = "2024-01-01 00:00 to 23:00", "2024-01-02 00:00 to 23:00"
    assert [row[-1] for row in rows] == ["2024-01-01 00:00 to 2024-01-02 23:00", *parts]
    joined = explanation[:] - explanation[:24] - explanation[24:]
    assert to_number(rows[0][-2].split()[-1]) == pytest.approx(joined, abs=0.005001)


def test_long_labels_fit_a_phone(open_page, tmp_path):
    first, second = (f"{name}, a label of very many words that never seems to end" for name in "AB")
    explanation = make(labels=(first, second), direction={first: -1.0, second: 1.0})
    write_page(tmp_path / "page.html", [explanation])
    page = open_page(tmp_path / "page.html", viewport={"width": 390, "height": 740})
    assert page.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_a_phone_and_print(open_page, tmp_path, explanations):
    path = tmp_path / "page.html"
    write_page(path, explanations)
    page = open_page(path, "phrase=2-5", viewport={"width": 360, "height": 740}, has_touch=True)
    assert page.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    chosen, below = (
        page.page.locator(s).first.bounding_box()["y"] for s in (".phrase", ".waterfall")
    )
    assert page.word(0).bounding_box()["y"] < chosen < below  # the phrase is beside its text
    page.word(5).tap()
    assert page.text(".phrase blockquote") == "film"
    page.page.emulate_media(media="print")
    assert not page.page.locator("nav").is_visible()
    assert page.page.locator(".triangle canvas").is_visible()
