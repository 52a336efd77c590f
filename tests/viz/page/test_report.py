"""The page of a corpus in a real browser: what a person does, against the Parquet."""

import json
import re

import numpy as np
import pytest
from cdjax.corpus.report.build import read_report
from cdjax.corpus.report.limits import Limits
from cdjax.corpus.report.scores import Scores
from cdjax.corpus.reviews import Review
from cdjax.viz.page import write_report

from tests.corpus.scored import (
    KEEP,
    WORDS,
    expected,
    make_model,
    make_reviews,
    read_tables,
    write_scores,
)
from tests.viz.page.browser import to_number
from tests.viz.page.test_any_text import AXE, HOSTILE_WORDS, check_time

ROW = ".phrases tbody tr"


def write(out, path, limits=None, **options):
    limits = limits or Limits()
    report = read_report(Scores.open(out, limits.max_len), limits)
    write_report(path, report, overwrite=True, **options)


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    out = tmp_path_factory.mktemp("scores") / "out"
    write_scores(out, make_reviews(120), keep=KEEP)
    return out


@pytest.fixture(scope="module")
def path(out):
    path = out.parent / "report.html"
    write(out, path)
    return path


@pytest.fixture(scope="module")
def phrases(out):
    return expected(out)


def rows_of(page):
    """The table that is shown: numbers by phrase."""
    result = {}
    for row in page.page.locator(ROW).all():
        phrase, *cells = row.locator("th, td").all_inner_texts()
        count, mean, beyond, sides = (cell.strip() for cell in cells[:4])
        result[phrase.strip()] = (
            int(count.replace(",", "")),
            to_number(mean),
            to_number(beyond) if beyond else None,
            tuple(int(side) for side in sides.split(" / ")),
        )
    return result


def numbers_of(rows, words, some):
    """The numbers that the rows of the Parquet give; those that are shown are rounded.

    Of some reviews the page has rounded scores, and means of these.
    """
    rounded = 0.005 if some else 0
    scores = np.array([row[2] for row in rows])
    shown = np.rint(100 * scores)
    return (
        len(rows),
        pytest.approx(scores.mean(), abs=0.00501 + rounded),
        pytest.approx(np.mean([row[3] for row in rows]), abs=0.00501 + rounded * (words + 1)),
        (int((shown <= -50).sum()), int((shown >= 50).sum())),
    )


def check_rows(page, phrases, rounded=False):
    rows = rows_of(page)
    assert rows
    for phrase, shown in rows.items():
        count, mean, beyond, sides = numbers_of(phrases[phrase], len(phrase.split()), rounded)
        assert shown[:2] == (count, mean), phrase
        assert shown[2] == (beyond if " " in phrase else None), phrase
        assert shown[3] == sides, phrase
    return rows


def listed(page):
    return int(page.text(".phrases [role=status]").split(" of ")[0].replace(",", ""))


def choose(page, name):
    page.page.locator(ROW).get_by_role("button", name=name, exact=True).click()


def test_phrases_are_listed_and_paged(open_page, path, phrases):
    page = open_page(path)
    legend, table = (page.page.locator(s).bounding_box() for s in (".legend", ".phrases"))
    assert legend["y"] < table["y"]  # what the numbers are comes before them
    first = check_rows(page, phrases)
    assert len(first) == 25
    evidence = [
        sum(abs(row[2]) for row in phrases[phrase] if abs(np.rint(100 * row[2])) >= 50)
        for phrase in first
    ]
    assert evidence == sorted(evidence, reverse=True)
    seen, pages = list(first), -(-listed(page) // 25)
    for number in range(1, pages):
        page.page.locator(".phrases .pager").get_by_role("button", name="Next").click()
        page.wait_for_address(f"page={number}")
        seen += check_rows(page, phrases)
    assert page.page.locator(".phrases .pager button").last.is_disabled()
    assert len(seen) == len(set(seen)) == listed(page)
    assert set(seen) == {
        phrase
        for phrase, rows in phrases.items()
        if len(rows) > 1 and any(abs(np.rint(100 * row[2])) >= 50 for row in rows)
    }


@pytest.mark.parametrize(
    "order",
    [
        "times",
        "beyond its words",
        *(pytest.param(order, marks=pytest.mark.thorough) for order in ("mean", "phrase")),
    ],
)
def test_phrases_are_sorted(open_page, path, phrases, order):
    page = open_page(path)
    head = page.page.locator("thead").get_by_role("button", name=order)
    column = {"times": 0, "mean": 1, "beyond its words": 2}.get(order)
    for turn in ("descending", "ascending"):
        head.click()
        assert page.page.locator("th[aria-sort]").get_attribute("aria-sort") == turn
        rows = check_rows(page, phrases)
        keys = list(rows) if column is None else [row[column] for row in rows.values()]
        downward = (turn == "descending") != (order == "phrase")
        if column is not None:
            assert keys == sorted(keys, reverse=downward)
        if order == "times":
            counts = [len(rows) for rows in phrases.values() if len(rows) > 1]
            assert keys[0] == (max if downward else min)(counts)


def test_phrases_are_searched(open_page, path, phrases):
    page = open_page(path)
    search = page.page.get_by_label("Search phrases")
    search.fill("isn't  GOO")
    page.wait_for_address("q=isn%27t++GOO")
    found = list(check_rows(page, phrases))
    assert all({"is", "n't", "good"} <= set(phrase.split()) for phrase in found)
    holding = [
        phrase
        for phrase, rows in phrases.items()
        if len(rows) > 1 and {"is", "n't", "good"} <= set(phrase.split())
    ]
    assert 0 < len(found) <= len(holding)
    search.fill("flim")  # one word of four letters is not guessed
    assert "No phrase that is listed fits" in page.text(".phrases")
    search.fill("not")
    assert next(iter(rows_of(page))) == "not"
    again = open_page(path, "q=the+cast&order=mean&up=1")
    rows = check_rows(again, phrases)
    assert all({"the"} <= set(phrase.split()) for phrase in rows)
    means = [row[1] for row in rows.values()]
    assert means == sorted(means)


def test_same_phrase_opposite_sign(open_page, path, phrases):
    page = open_page(path)
    page.page.get_by_label("same phrase, opposite sign").check()
    rows = check_rows(page, phrases)
    rarer = [min(row[3]) for row in rows.values()]
    assert min(rarer) > 0
    assert rarer == sorted(rarer, reverse=True)
    phrase = next(iter(rows))
    choose(page, phrase)
    below, above = rows[phrase][3]
    told = page.text(".detail .notice")
    for side, count in (("negative", below), ("positive", above)):
        times = "once" if count == 1 else f"{count} times"
        assert f"clearly for {side} {times}" in told
    sides = page.page.locator(".beside section")
    for side, sign in ((0, -1), (1, 1)):
        chips = sides.nth(side).locator(".passage").first.locator(".chip").all_inner_texts()
        strongest = max(sign * row[2] for row in phrases[phrase])
        assert max(sign * to_number(chip) for chip in chips) == pytest.approx(strongest, abs=0.0051)


def test_a_phrase_leads_to_its_reviews(open_page, path, out, phrases):
    page = open_page(path, "q=bad&phrase=not")
    assert page.text("#chosen") == "not"
    documents, spans = read_tables(out)
    docs = {row[0] for row in phrases["not"]}
    page.page.get_by_role("button", name=f"all {len(docs)}", exact=True).click()
    page.page.locator(".reviews").get_by_label("order").select_option("corpus")
    seen = {}
    while True:
        for passage in page.page.locator(".passage").all():
            doc = int(re.search(r"review (\d+)", passage.inner_text())[1])
            seen[doc] = [to_number(chip) for chip in passage.locator(".chip").all_inner_texts()]
            marked = passage.locator(".word.in").all_inner_texts()
            assert [word.lower() for word in marked] == ["not"] * len(seen[doc])
            text = passage.locator(".tinted").text_content()
            assert text == documents[doc]["text"]
            words = passage.locator(".word")
            steps = [int(re.search(r"s(\d)", c)[1]) for c in words.evaluate_all(
                "words => words.map(word => word.className)")]  # fmt: skip
            scores = [row["score"] for row in spans if row["doc"] == doc and row["words"] == 1]
            edges = np.rint(100 * np.array(scores))
            wanted = 2 + np.sign(edges) * ((abs(edges) >= 50) + 0 + (abs(edges) >= 200))
            assert steps == wanted.astype(int).tolist()
        following = page.page.locator(".reviews .pager").get_by_role("button", name="Next")
        if not following.count() or following.is_disabled():
            break
        number = page.page.locator(".reviews .pager input").input_value()
        following.click()
        page.wait_until(
            lambda n=number: page.page.locator(".reviews .pager input").input_value() != n
        )
    assert seen.keys() == docs
    for doc, chips in seen.items():
        scores = [row[2] for row in phrases["not"] if row[0] == doc]
        assert chips == pytest.approx(scores, abs=0.00501)


def test_of_a_long_review_is_shown_where_most_is_said(open_page, tmp_path):
    out = tmp_path / "out"
    write_scores(out, ["bad film " * 150], scale=0.3)
    write(out, tmp_path / "page.html")
    scores = {row["start"]: row["score"] for row in read_tables(out)[1] if row["words"] == 1}
    shown = np.rint(100 * np.array([scores[t] for t in range(300)]))
    sizes = np.where(np.abs(shown) >= 50, np.abs(shown), 0)
    sums = np.convolve(sizes, np.ones(60), "valid")
    assert 0 < np.argmax(sums) < 240
    page = open_page(tmp_path / "page.html")
    titles = page.page.locator(".tinted .word").evaluate_all("all => all.map(one => one.title)")
    seen = np.array([round(100 * to_number(title)) for title in titles])
    assert len(seen) == 60
    assert np.where(np.abs(seen) >= 50, np.abs(seen), 0).sum() == sums.max()
    page.page.get_by_role("button", name="Show all 300 words").click()
    assert page.text(".tinted").split() == ["bad", "film"] * 150


def test_errors_of_the_model_are_first(open_page, path, out):
    page = open_page(path)
    documents, _ = read_tables(out)
    wrong = {
        doc: row[f"probability_{row['prediction']}"]
        for doc, row in documents.items()
        if row["label"] not in (None, row["prediction"])
    }
    surest = sorted(wrong, key=lambda doc: -wrong[doc])
    shown = [int(re.search(r"review (\d+)", text)[1]) for text in page.texts(".passage")]
    assert shown == surest[:10]
    assert all("\N{NOT EQUAL TO} labelled" in text for text in page.texts(".passage"))
    known = sum(row["label"] is not None for row in documents.values())
    assert f"wrong about {len(wrong)} reviews" in page.text(".about-corpus")
    assert f"right about {100 * (known - len(wrong)) / known:.1f}%" in page.text(".about-corpus")
    page.page.get_by_role("button", name=re.compile("labelled positive, read as negative")).click()
    page.wait_for_address("predicted=0&labelled=1")
    count = sum(r["label"] == "positive" and r["prediction"] == "negative"
                for r in documents.values())  # fmt: skip
    assert page.text("form [role=status]") == f"{count} reviews"


def with_truth(out, name, values, model):
    reviews = [
        review._replace(kept={name: values[n % len(values)]})
        for n, review in enumerate(make_reviews(60))
    ]
    write_scores(out, reviews, model, keep=(name,))
    write(out, out.parent / "page.html")
    documents, _ = read_tables(out)
    return out.parent / "page.html", [row for _, row in sorted(documents.items())]


def numbers_of_reviews(page):
    return [int(re.search(r"review (\d+)", text)[1]) for text in page.texts(".passage")]


def test_errors_of_a_label_among_others(open_page, tmp_path):
    model = make_model(("long", "funny"), "sigmoid")
    path, documents = with_truth(tmp_path / "out", "funny", ["yes", "no", None], model)
    page = open_page(path, "number=1")
    wrong = {
        n: max(row["probability_funny"], 1 - row["probability_funny"])
        for n, row in enumerate(documents)
        if row["funny"] and (row["funny"] == "yes") != (row["probability_funny"] >= 0.5)
    }
    assert numbers_of_reviews(page) == sorted(wrong, key=lambda n: -wrong[n])[:10]
    about = page.text(".about-corpus")
    assert "For \N{LEFT DOUBLE QUOTATION MARK}funny" in about
    assert f"wrong about {len(wrong)} reviews" in about
    name = re.compile("labelled funny, read as not funny")
    page.page.get_by_role("button", name=name).click()
    page.wait_for_address("number=1&predicted=0&labelled=1")
    count = sum(r["funny"] == "yes" and r["probability_funny"] < 0.5 for r in documents)
    assert page.text("form [role=status]") == f"{count} reviews"
    assert "read as not funny" in page.text(".passage")
    other = open_page(path)
    assert "read as" in other.text(".passage")
    assert other.page.locator(".confusion").count() == 0  # nothing true is known of it


def test_errors_of_a_value(open_page, tmp_path):
    model = make_model(("price",), "value")
    path, documents = with_truth(tmp_path / "out", "price", ["1.5", "-1", None], model)
    page = open_page(path)
    errors = {
        n: row["value_price"] - float(row["price"])
        for n, row in enumerate(documents)
        if row["price"]
    }
    assert numbers_of_reviews(page) == sorted(errors, key=lambda n: -abs(errors[n]))[:10]
    mean = np.mean([abs(error) for error in errors.values()])
    assert f"The value price is off by {mean:.2f} on average" in page.text(".about-corpus")
    worst = max(errors, key=lambda n: abs(errors[n]))
    shown = page.text(".passage")
    assert f"({errors[worst]:+.2f})".replace("-", "\N{MINUS SIGN}") in shown
    edge = page.text(".confusion tr:last-child th").split()[3]
    page.page.get_by_role("button", name=re.compile(f"too high by {edge}")).click()
    page.wait_for_address("off=2")
    high = [n for n, error in errors.items() if round(error, 2) >= float(edge)]
    assert page.text("form [role=status]") == f"{len(high)} reviews"
    assert page.page.get_by_label("error", exact=True).input_value() == "2"


FILTERS = {
    "errors": ("wrong=1", lambda row: row["label"] not in (None, row["prediction"])),
    "label": ("labelled=1", lambda row: row["label"] == "positive"),
    "choice": (None, lambda row: row["stars"] == "4"),
    "range": ("column2=20..100.5", lambda row: 20 <= float(row["number"]) <= 100.5),
    "text": ("column3=P+11", lambda row: "shop 11" in row["shop"]),
    "several": ("labelled=0&predicted=1&column2=..90",
        lambda row: row["label"] == "negative" and row["prediction"] == "positive"
        and float(row["number"]) <= 90),
}  # fmt: skip


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, marks=() if case in ("choice", "several") else pytest.mark.thorough)
        for case in FILTERS
    ],
)
def test_reviews_are_filtered_and_their_phrases_counted(open_page, path, out, phrases, case):
    fragment, fits = FILTERS[case]
    page = open_page(path, fragment or "")
    if fragment is None:
        page.page.get_by_label("stars").select_option(label="4")
    documents, _ = read_tables(out)
    kept = {doc for doc, row in documents.items() if fits(row)}
    assert 0 < len(kept) < len(documents)
    page.wait_until(lambda: page.page.locator("form [role=status]").count() == 1)
    assert page.text("form [role=status]") == f"{len(kept)} reviews"
    assert page.text(".reviews [role=status]") == str(len(kept))
    left = {text: [row for row in rows if row[0] in kept] for text, rows in phrases.items()}
    check_rows(page, left, rounded=True)
    page.page.get_by_role("button", name="Any review").click()
    check_rows(page, phrases)


def test_words_are_found_in_reviews(open_page, path, out):
    page = open_page(path)
    page.page.get_by_label("Find in reviews").fill("Plot cast")
    documents, _ = read_tables(out)
    holding = sum("plot cast" in row["text"].lower() for row in documents.values())
    page.wait_until(lambda: page.text(".reviews [role=status]") == str(holding))
    page.wait_for_address("words=Plot+cast")
    marked = page.page.locator(".passage").first.locator(".word.in").all_inner_texts()
    assert [word.lower() for word in marked] == ["plot", "cast"]


def test_of_a_long_review_the_words_that_are_found_are_shown(open_page, tmp_path):
    out = tmp_path / "out"
    write_scores(out, ["the film " * 60 + "Plot! cast " + "the film " * 60])
    write(out, tmp_path / "page.html")
    page = open_page(tmp_path / "page.html", "words=lot!+CAST")
    assert page.texts(".word.in") == ["Plot", "!", "cast"]
    assert 60 <= page.page.locator(".word").count() <= 70


def test_only_some_reviews_are_there(open_page, tmp_path, out, phrases):
    path = tmp_path / "some.html"
    write(out, path, Limits(reviews=30))
    page = open_page(path)
    check_rows(page, phrases)  # of all reviews
    page.page.locator("summary").click()
    assert "30 of 120 reviews are on this page" in page.text(".about-corpus")
    page.page.get_by_label("the model's errors").check()
    assert "of the reviews that fit and are on this page" in page.text(".filtered")


def test_one_of_several_labels(open_page, tmp_path):
    out = tmp_path / "out"
    labels = "low", "middle", "high"
    write_scores(out, make_reviews(40), make_model(labels), keep=KEEP)
    write(out, tmp_path / "page.html")
    page = open_page(tmp_path / "page.html")
    for number, name in enumerate(labels):
        page.page.get_by_label("For", exact=True).select_option(label=name)
        check_rows(page, expected(out, f"score_{name}", f"interaction_{name}"))
        assert f"for {name}" in page.text(".legend")
        page.wait_for_address(f"number={number}" if number else "")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    words = [word for word in HOSTILE_WORDS if "\0" not in word and word.isascii()]
    words += ["\N{RIGHT-TO-LEFT OVERRIDE}desrever", "a" + "\N{COMBINING ACUTE ACCENT}" * 40]
    names = "<img src=x onerror=alert(6)>", "__proto__"
    model = make_model(("</script>", "<b>\u202eb"))
    kept = dict(zip(names, ("<svg/onload=alert(8)>", "constructor"), strict=True))
    reviews = [Review("x", None, tuple(words), "<i>\u202eid", None, kept)] * 2
    write_scores(folder / "out", [*reviews, "w" * 3000], model, keep=names, scale=3.0)
    write(folder / "out", folder / "page.html", title="</title><script>alert(9)</script>")
    return folder / "page.html"


def test_hostile_text_runs_nothing(open_page, hostile):
    page = open_page(
        hostile, "q=<script>&phrase=__proto__&column0=<img>&column9=1&page=99&order=constructor"
    )
    assert page.text("#chosen") == "__proto__"
    for choice in ("read as", "<img src=x onerror=alert(6)>"):
        assert page.page.get_by_label(choice).first.is_visible()
    page.page.get_by_label("Search phrases").fill("</script>")
    shown = page.page.locator("body").inner_text()
    assert "<svg/onload=alert(8)>" in shown
    assert not set(shown) & set("\u202e\u2068\x00\x07\x1b\x7f")
    assert page.page.evaluate("document.querySelectorAll('#page script, #page img').length") == 0
    assert page.page.evaluate("document.querySelectorAll('#page svg:not(.strip)').length") == 0
    assert page.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_by_keys(open_page, path):
    page = open_page(path, "q=bad")
    page.page.get_by_role("button", name="bad", exact=True).focus()
    page.page.keyboard.press("Enter")
    page.wait_until(lambda: page.page.evaluate("document.activeElement.id") == "chosen")
    page.page.keyboard.press("Tab")
    page.page.keyboard.press("Enter")  # all reviews
    assert page.page.locator(".detail").count() == 0


VIEWS = {
    "first": "",
    "phrase": "phrase=not+good&opposite=1",
    "filtered": "wrong=1&phrase=bad&side=above",
    "none": "q=nothing+at+all",
}


@pytest.mark.parametrize("theme", ["light", pytest.param("dark", marks=pytest.mark.thorough)])
def test_axe_finds_no_fault(open_page, path, theme):
    if not AXE.is_file():
        pytest.skip("needs axe-core: npm ci, in cdjax/viz/page")
    for fragment in VIEWS.values():
        page = open_page(path, fragment, color_scheme=theme, bypass_csp=True)
        page.page.evaluate(AXE.read_text(encoding="utf-8"))
        found = page.page.evaluate("axe.run().then(({violations}) => violations)")
        faults = [(fault["id"], fault["impact"], fault["nodes"][0]["html"]) for fault in found]
        assert faults == [], fragment


def test_a_phone_and_print(open_page, path):
    page = open_page(path, viewport={"width": 360, "height": 740}, has_touch=True)
    assert page.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    page.page.locator(ROW).first.get_by_role("button").tap()
    page.wait_until(lambda: page.page.locator("#chosen").bounding_box()["y"] < 200)
    assert page.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    page.page.emulate_media(media="print")
    assert not page.page.locator("form").is_visible()
    assert page.page.locator(".passage").first.is_visible()


@pytest.mark.slow
def test_ten_thousand_reviews_are_soon_there(open_page, tmp_path):
    words = [*WORDS[1:], *(f"word{n}" for n in range(3000))]
    out = tmp_path / "out"
    write_scores(out, make_reviews(10_000, words=words, most=40), keep=KEEP, max_len=5)
    write(out, tmp_path / "page.html")
    took = check_time(open_page, tmp_path / "page.html", 3000)
    size = (tmp_path / "page.html").stat().st_size
    print(json.dumps({"bytes": size, "ms": took}))
