"""Pages in a real browser: what a person does, and that the numbers shown are the scoring's."""

import cdjax
import numpy as np
import pytest
from cdjax.methods import make_methods
from cdjax.viz.page import write_page

from tests.viz.page.browser import to_number
from tests.viz.page.test_write import make

PHRASE = 2, 5  # n't a bad


@pytest.fixture
def path(tmp_path, explanations):
    path = tmp_path / "page.html"
    write_page(path, explanations)
    return path


def expected(explanation, start, stop):
    """The numbers of a phrase by name, as the page calls them."""
    score = explanation[start:stop]
    parts = sum(explanation[t] for t in range(start, stop))
    labels = zip(explanation.labels, explanation.scores_of(slice(start, stop)), strict=True)
    numbers = {"score": score, "sum of its words": parts, "interaction": score - parts}
    if explanation.method == "cd":
        numbers["rest of the input"] = explanation.rest(slice(start, stop)) @ explanation.weights
    return numbers | {f"to {label}": number for label, number in labels}


def check_scores(shown, readings, start, stop):
    for column, explanation in enumerate(readings):
        for name, number in expected(explanation, start, stop).items():
            assert shown[name][column] == pytest.approx(number, abs=0.005001), name


def test_a_phrase_is_dragged(open_page, path, explanations):
    page = open_page(path)
    assert page.text(".verdict") == "The model reads this as positive 82.9%"
    page.drag(2, 4)
    assert page.text(".phrase blockquote") == "n't a bad"
    shown = page.scores()
    check_scores(shown, explanations[:1], *PHRASE)
    assert shown["alone"][0] == pytest.approx(explanations[3][2:5], abs=0.005001)
    assert page.page.locator(".prose .word.in").count() == 3
    page.wait_for_address("phrase=2-5")


def test_the_text_stands_as_it_is_written(open_page, path):
    page = open_page(path)
    page.page.get_by_label("numbers").uncheck()
    boxes = [page.page.locator(".prose .form").nth(t).bounding_box() for t in range(7)]
    ends = [box["x"] + box["width"] for box in boxes]
    touching = [ends[t] == pytest.approx(boxes[t + 1]["x"], abs=0.1) for t in range(6)]
    assert touching == [False, True, False, False, False, True]  # is|n't, film|.


def test_names_of_totals_are_in_full_on_a_phone(open_page, path):
    page = open_page(path, viewport={"width": 390, "height": 800})
    lines = page.page.locator(".waterfall .total .name").all_text_contents()
    assert " ".join(lines) == "positive \N{MINUS SIGN} negative"  # in lines, by the machine's font


def test_words_are_chosen_by_keys(open_page, path):
    page = open_page(path)
    page.word(0).focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowRight", "Shift+ArrowRight", "Shift+ArrowRight"):
        page.page.keyboard.press(key)
    assert page.text(".phrase blockquote") == "n't a bad"
    page.page.keyboard.press("Shift+ArrowLeft")
    assert page.text(".phrase blockquote") == "n't a"
    page.page.keyboard.press("Escape")
    assert page.page.locator(".phrase").count() == 0


def test_every_number_of_the_triangle(open_page, path, explanations):
    page = open_page(path, "phrase=0-1")
    canvas = page.page.locator(".triangle canvas")
    canvas.focus()
    seen = {}
    for start in range(7):
        for stop in range(start + 1, 8):
            page.page.evaluate(f"location.hash = 'phrase={start}-{stop}'")
            words = f"{stop - start} word"
            page.wait_until(lambda w=words: page.text(".phrase .note").startswith(w))
            page.wait_for_address(f"phrase={start}-{stop}")
            seen[start, stop] = page.text(".reading")
    for (start, stop), text in seen.items():
        number = f"{explanations[0][start:stop]:+.2f}".replace("-", "\N{MINUS SIGN}")
        assert f"  {number}" in text, (start, stop, text)


def test_a_cell_is_clicked_and_its_words_are_chosen(open_page, path):
    page = open_page(path)
    canvas = page.page.locator(".triangle canvas")
    wide, high, head = 76, 26, 22
    x, y = (2 + 1.5) * wide, head + 2.5 * high  # three words from the third
    canvas.hover(position={"x": x, "y": y})
    assert page.texts(".prose .word.near .form") == ["n't", "a", "bad"]
    canvas.click(position={"x": x, "y": y})
    assert page.text(".phrase blockquote") == "n't a bad"
    canvas.focus()
    page.page.keyboard.press("ArrowDown")
    assert page.text(".phrase blockquote") == "n't a bad film"


def test_the_method_is_changed_and_two_stand_side_by_side(open_page, path, explanations):
    page = open_page(path, "phrase=2-5")
    method = page.page.get_by_label("Method")
    method.select_option(label="contextual decomposition (acd)")
    check_scores(page.scores(), explanations[1:2], *PHRASE)
    page.page.get_by_label("beside").select_option(label="integrated gradients, zero baseline")
    check_scores(page.scores(), explanations[1:3], *PHRASE)
    page.wait_for_address("phrase=2-5&method=cd-acd&beside=ig_zero")
    page.page.get_by_label("For", exact=True).select_option("negative")
    shown = page.scores()
    assert shown["score"][0] == pytest.approx(-explanations[1][2:5], abs=0.005001)


def test_what_to_look_at_is_what_every_view_lists(open_page, path, explanations):
    page = open_page(path)
    for n, name in enumerate(("evidence_above", "evidence_below")):
        rows = page.page.locator(".pair .findings").nth(n).locator(".finding").all_inner_texts()
        phrases = getattr(explanations[0].overview(), name)
        assert len(rows) == len(phrases) > 0
        for row, phrase in zip(rows, phrases, strict=True):
            assert to_number(row.split()[0]) == pytest.approx(phrase.score, abs=0.005001)


def test_the_tree_is_that_of_the_explanation(open_page, path, explanations):
    page = open_page(path)
    rows = page.texts(".branch")
    tree = explanations[0].tree()
    for group in tree.groups:
        number = f"{group.scores @ tree.direction:+.2f}".replace("-", "\N{MINUS SIGN}")
        joined = f"{group.interaction @ tree.direction:+.2f}".replace("-", "\N{MINUS SIGN}")
        assert any(
            number in row and (not group.children or f"joined by {joined}" in row) for row in rows
        ), (number, joined, rows)
    assert len(rows) == len(tree.groups)
    page.page.locator(".branch .fold").first.click()
    assert len(page.texts(".branch")) == 1


def test_the_waterfall_adds_up(open_page, path, explanations):
    page = open_page(path)
    label = page.page.locator(".waterfall svg").first.get_attribute("aria-label")
    parts = [part.rsplit(" ", 1) for part in label.split(": ", 1)[1].split(", ")]
    numbers = [float(text.replace("\N{MINUS SIGN}", "-")) for _, text in parts]
    assert sum(numbers[:-1]) == pytest.approx(numbers[-1], abs=0.06)
    logits = explanations[0].logits @ explanations[0].weights
    assert numbers[-1] == pytest.approx(float(logits), abs=0.005001)


def test_pins_and_the_address(open_page, path):
    page = open_page(path, "phrase=2-5&pins=0-2.3-5&numbers=0&show=interaction&method=nonsense")
    page.page.get_by_role("button", name="Pin", exact=True).click()
    assert page.texts("section[aria-labelledby=pins] tbody th") == ["It is", "a bad", "n't a bad"]
    address = "phrase=2-5&show=interaction&pins=0-2.3-5.2-5&numbers=0"
    page.wait_for_address(address)
    again = open_page(path, address)
    assert again.text(".phrase blockquote") == "n't a bad"
    assert again.page.locator("section[aria-labelledby=pins] tbody tr").count() == 3
    assert (
        again.page.get_by_role("button", name="interaction").get_attribute("aria-pressed") == "true"
    )


@pytest.mark.thorough
def test_what_is_taken_away(open_page, path, explanations, tmp_path):
    page = open_page(path, "phrase=2-5")
    files = {}
    for name in ("CSV", "SVG", "PNG"):
        with page.page.expect_download() as waiting:
            page.page.get_by_role("button", name=name, exact=True).click()
        files[name] = tmp_path / name
        waiting.value.save_as(files[name])
    import pyarrow.csv as csv

    table = csv.read_csv(files["CSV"]).to_pydict()
    spans = np.stack([table["start"], table["stop"]], axis=1)
    np.testing.assert_array_equal(spans, explanations[0].spans)
    np.testing.assert_allclose(table["score"], explanations[0].numbers, atol=1e-6)
    np.testing.assert_allclose(table["score_positive"], explanations[0].scores[:, 1], atol=1e-6)
    interactions = {(i.start, i.stop): i.interaction for i in explanations[0].interactions()}
    for start, stop, number in zip(
        *(table[c] for c in ("start", "stop", "interaction")), strict=True
    ):
        assert number == pytest.approx(interactions.get((start, stop), 0), abs=1e-6)
    assert "n't" in files["SVG"].read_text(encoding="utf-8")
    assert files["PNG"].read_bytes().startswith(b"\x89PNG")


def test_the_words_are_copied(open_page, path, explanations):
    page = open_page(path, "phrase=2-5", permissions=["clipboard-read", "clipboard-write"])
    page.page.get_by_role("button", name="Copy as text").click()
    page.wait_until(lambda: page.text("[role=status]") == "Copied.")
    copied = page.page.evaluate("navigator.clipboard.readText()")
    title, line = copied.strip().split("\n")
    assert title == (
        "positive \N{MINUS SIGN} negative, contextual decomposition (paper), in logits"
    )
    assert line == "+0.69\tn't a bad (interaction +1.75)"


def test_a_lesson_hides_the_scores(open_page, path):
    page = open_page(path, "teach=1")
    shown = page.page.locator("body").inner_text()
    assert "82.9" not in shown
    assert "+0." not in shown
    assert page.page.locator(".s0, .s1, .s3, .s4").count() == 0
    page.page.get_by_role("button", name="for positive").click()
    assert "Right." in page.text(".lesson [aria-live]")
    page.page.get_by_role("button", name="Next question").click()
    page.page.get_by_role("button", name="End, and show all scores").click()
    assert page.page.locator(".triangle canvas").count() == 1


@pytest.mark.parametrize("tokens", [("superb",), ("a", "superb", "film")])
def test_units_of_every_method_and_no_number_at_all(open_page, tmp_path, tokens):
    methods = list(make_methods().values())
    every = []
    for n, method in enumerate(methods):
        spans = cdjax.enumerate_spans(len(tokens))
        scores = np.random.default_rng(n).normal(size=(len(spans), 2)).astype(np.float32)
        if method.name == "ig":  # one word has no spread to divide by
            scores[:] = np.nan
        every.append(
            make(None, tokens, None, scores=scores, method=method.name, units=method.units)
        )
    path = tmp_path / "page.html"
    write_page(path, every)
    page = open_page(path, f"phrase=0-{len(tokens)}")
    for n, explanation in enumerate(every):
        page.page.get_by_label("Method").select_option(str(n))
        beside = (n + 1) % len(every)
        page.page.get_by_label("beside").select_option(str(beside))
        for column, one in enumerate((explanation, every[beside])):
            page.wait_until(
                lambda n=n, beside=beside: (
                    page.texts(".phrase thead th.figure") == [methods[n].name, methods[beside].name]
                )
            )
            shown = page.scores()["score"][column]
            number = one[: len(tokens)]
            assert shown == pytest.approx(number, abs=0.5001 * 10**-one.decimals, nan_ok=True)


def test_any_direction(open_page, tmp_path):
    labels = ("low", "middle", "high")
    spans = cdjax.enumerate_spans(2)
    scores = np.random.default_rng(5).normal(size=(len(spans), 3)).astype(np.float32)
    explanation = make(
        scores=scores,
        labels=labels,
        direction={"low": -0.5, "middle": 1.0, "high": -0.5},
        logits=np.array([0.1, 0.2, 0.3], np.float32),
        output_bias=np.zeros(3, np.float32),
    )
    path = tmp_path / "page.html"
    write_page(path, [explanation])
    page = open_page(path, "phrase=0-2")
    assert page.scores()["score"][0] == pytest.approx(explanation[0:2], abs=0.005001)
    assert "for low and high" in page.text(".legend")
    page.page.get_by_label("against").select_option("low")
    difference = scores[1, 1] - scores[1, 0]
    assert page.scores()["score"][0] == pytest.approx(difference, abs=0.005001)
