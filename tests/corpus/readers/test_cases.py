"""Files that were tried, each with what is right: in words in `tests/cases/NAME/expect.txt`."""

import re
from pathlib import Path

import pytest
from cdjax.corpus.readers.records import ReadError
from cdjax.corpus.reviews import read_reviews
from cdjax.training.corpus import order_labels

CASES = Path(__file__).parents[2] / "cases"

TEXTS = {  # what is read
    "csv-bom": ["good film", "bad film"],
    "csv-crcrlf": ["good", "bad"],
    "csv-crlf-embedded": ["good\r\n\r\nfilm", 'bad, "film"'],
    "csv-dup-id": ["good", "bad"],
    "csv-gz": ["good film"],
    "csv-header-as-review": ["A wonderful film."],
    "csv-header-case": ["good film"],
    "csv-header-space": [" good film"],
    "csv-huge": ["good " * 1500],
    "csv-huge2": ["good " * 2500],
    "csv-long-id": ["good", "bad"],
    "csv-nan": ["good film", "", "NaN", "nan"],
    "csv-semicolon": ["A wonderful film.", "A terrible, awful film."],
    "csv-semicolon-nocomma": ["A wonderful film.", "A terrible film."],
    "csv-sep-line": ["good"],
    "csv-tab": ["A wonderful film.", "A terrible film."],
    "csv-utf16": ["good film", "bad film"],
    "csv-zip": ["good film"],
    "json-array": ["good film"],
    "jsonl-dup-keys": ["bad"],
    "jsonl-float-id": ["good", "bad"],
    "jsonl-u2028": ["good\u2028film\x85ok", "bad"],
    "jsonl-utf16": ["good"],
    "pq-dict": ["good film", "bad", "bad"],
    "pq-int-id": ["good", "bad"],
    "pq-large-string": ["good film", "bad"],
    "trees-bom": ["It is good", "so bad"],
    "trees-crlf": ["It is good", "so bad"],
    "trees-multiline": ["It good"],
    "trees-trailing-blank": ["It is good", "so bad"],
    "tsv-header-padded": ["good", "bad"],
    "tsv-quote-merge": ['"Best film ever', "Terrible film", 'What a mess"'],
    "tsv-quote-start": ['"Good" is not the word'],
    "tsv-real-world-quotes": ['"Alien" is the best of its kind', 'It is "fine"'],
    "tsv-unbalanced-quote": ['"Best film ever', "Terrible film", 'He called it "great'],
    "txt-blank": ["good", "", "   ", "bad", ""],
    "txt-stars": ["(4 stars)", "Great film."],
    "txt-utf16": ["good film", "bad film"],
}

ERRORS = {  # what can't be read, and the remedy
    "csv-backslash-quote": r"line 2: malformed row: .*expected ',' .*written \\\", as MySQL .*sed",
    "csv-comment": r"line 1: '# exported' would be the name of the only column",
    "csv-cp1252": r"line 2: byte 0x92 .*encoding='windows-1252' .*iconv -f windows-1252",
    "csv-cr-only": r"lines end in a carriage return \(CR\) alone",
    "csv-dup-header": "more than one column 'text'",
    "csv-nul": "line 2: a NUL byte",
    "csv-one-column-no-header": "may be the first review. header=False takes it as a review",
    "csv-stray-cr": r"line 2: a carriage return \(CR\) in the middle of a field",
    "csv-two-col-no-header": r"which column holds the text\?.*header=False",
    "json-lines": "which column holds the text.*'reviewText', 'overall'",
    "lfs-pointer": "is a Git LFS pointer and not the data; .*git lfs pull",
    "pq-dup": "more than one column 'text'",
    "rt-pos": "unknown file type; expected .*format=NAME",
    "sst-dataset-sentences": "format='tsv', text_column='sentence'",
    "trees-suffix": "unknown file type; .*format=NAME.*trees",
    "trees-unary": "line 1: column 12: found a phrase of 1 parts",
    "tsv-one-column-no-header": "may be the first review. header=False takes it as a review",
    "txt-cr-only": r"lines end in a carriage return \(CR\) alone",
    "txt-tab-label": "format='tsv', header=False, text_column='1'",
    "xlsx": "is a spreadsheet; save it as CSV",
}

REPORTED = {  # records that are left out, and what is read beside them
    "csv-blank-mid": (["good", "bad"], "line 3: a blank line"),
    "csv-short-row": (["good film"], "line 3: 1 fields; expected 2"),
    "csv-trailing-comma": (["good film"], "line 3: 2 fields; expected 3"),
    "jsonl-bigint": ([], "line 1: a number of more than 4,300 digits"),
    "jsonl-blank": (["good", "bad"], "line 2: a blank line"),
    "jsonl-deep": ([], "line 1: JSON nested too deep"),
    "jsonl-missing-key": (["good"], "line 2: it lacks 'text'.*found: 'body'"),
    "jsonl-missing-text-other-key": (["A good film"], "line 2: it lacks 'text'.*found: 'id'"),
    "jsonl-nan": (["good"], "line 2: the text is a number"),
    "jsonl-null": (["good"], "line 2: the text is null"),
    "pq-binary": ([], "row 0: the text is of type bytes; expected a string"),
    "pq-list": ([], "row 0: the text is an array"),
    "pq-null": (["good film"], "row 1: the text is null"),
    "pq-struct": ([], "row 0: the text is an object"),
}

LABELS = {  # of files to train on: options, labels, how many rows are left out and why
    "train-blank-mid": ({}, ("0", "1"), 1, "a blank line"),
    "train-chinese": ({}, ("0", "1"), 0, ""),
    "train-dev-label-mismatch": ({}, ("0", "1"), 0, ""),
    "train-jsonl-bool-label": ({}, ("false", "true"), 0, ""),
    "train-jsonl-float-label": (
        {"text_column": "reviewText", "label_column": "overall"},
        ("1", "5"),
        0,
        "",
    ),
    "train-jsonl-label-only": ({}, ("neg", "pos"), 2, "it lacks 'text'"),
    "train-mixed-labels": ({}, ("0", "1"), 0, ""),
    "train-nan-label": ({}, ("0", "1"), 4, "the label is nan"),
    "train-no-header": (
        {"header": False, "text_column": "2", "label_column": "1"},
        ("0", "1"),
        0,
        "",
    ),
    "train-no-label-col": ({"label_column": "sentiment"}, ("0", "1"), 0, ""),
    "train-num-labels": ({}, ("2", "10"), 0, ""),
    "train-repeated-header": ({}, ("0", "1"), 2, "the header once more"),
}


def file_of(case):
    (path,) = (path for path in (CASES / case).iterdir() if path.name != "expect.txt")
    return path


def read(path, **options):
    reported = []
    reviews = list(read_reviews(path, report=reported.append, **options))
    texts = [" ".join(r.tokens) if r.text is None else r.text for r in reviews]
    return texts, list(map(str, reported))


@pytest.mark.parametrize("case", TEXTS)
def test_is_read(case):
    texts, reported = read(file_of(case))
    assert [text.strip() for text in texts] == [text.strip() for text in TEXTS[case]]
    assert not reported


@pytest.mark.parametrize("case", ERRORS)
def test_is_no_file_of_reviews(case):
    path = file_of(case)
    with pytest.raises(ReadError, match=ERRORS[case]) as error:
        read(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize("case", REPORTED)
def test_records_are_left_out(case):
    texts, reported = read(file_of(case))
    assert texts == REPORTED[case][0]
    assert re.search(REPORTED[case][1], reported[0])
    assert len(set(reported)) == len(reported)


@pytest.mark.parametrize("case", LABELS)
def test_labels(case):
    options, labels, count, why = LABELS[case]
    reported = []
    options = {"label_column": "label"} | options
    paths = [path for path in (CASES / case).iterdir() if path.name != "expect.txt"]
    reviews = list(read_reviews(sorted(paths), report=reported.append, **options))
    assert order_labels(review.label for review in reviews) == labels
    assert len(reported) == count
    assert why in str([*map(str, reported), ""][0])


def test_labels_that_differ_in_case_are_told():
    reviews = read_reviews(file_of("train-label-case"), label_column="label")
    with pytest.raises(ValueError, match="the labels 'Negative' and 'negative'; expected one sp"):
        order_labels(review.label for review in reviews)


def test_the_column_of_labels_that_is_none():
    texts, reported = read(file_of("train-wrong-label-col"), label_column="label")
    assert not texts
    assert "there is no label" in reported[0]


def test_remedies_work():
    read_with = {
        "csv-cp1252": ({"encoding": "windows-1252"}, "didn\u2019t"),
        "csv-one-column-no-header": ({"header": False}, "A wonderful film."),
        "csv-two-col-no-header": ({"header": False, "text_column": "1"}, "A wonderful film."),
        "json-lines": ({"text_column": "reviewText"}, "good film"),
        "rt-pos": ({"format": "txt"}, "film"),
        "sst-dataset-sentences": (
            {"format": "tsv", "text_column": "sentence"},
            "Not bad ( really ) .",
        ),
        "trees-suffix": ({"format": "trees"}, "good"),
        "tsv-one-column-no-header": ({"header": False}, "A wonderful film."),
        "txt-tab-label": (
            {"format": "tsv", "header": False, "text_column": "1"},
            "So good I bought two.",
        ),
    }
    for case, (options, text) in read_with.items():
        texts, reported = read(file_of(case), **options)
        assert any(text in found for found in texts), case
        assert not reported


def test_every_case_is_tried():
    tried = {*TEXTS, *ERRORS, *REPORTED, *LABELS, "train-label-case", "train-wrong-label-col"}
    kinds = ("csv-", "tsv-", "txt-", "json", "pq-", "trees-", "train-", "lfs", "xlsx", "rt", "sst")
    assert {path.name for path in CASES.iterdir() if path.name.startswith(kinds)} == tried
