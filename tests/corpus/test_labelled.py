"""Labelled reviews."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cdjax.corpus.labelled import read_labelled
from cdjax.corpus.readers.records import ReadError

ROWS = [("a fine film", "5"), ("dull,\nvery dull", "1")]


def write(tmp_path, name, content):
    path = tmp_path / name
    path.write_text(content, encoding="utf-8", newline="")
    return path


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "parquet"])
def test_text_and_label_by_their_columns(kind, tmp_path):
    path = tmp_path / f"reviews.{kind}"
    if kind == "jsonl":
        lines = [json.dumps({"stars": int(label), "body": text}) for text, label in ROWS]
        write(tmp_path, path.name, "\n".join(lines) + "\n")
    elif kind == "parquet":
        columns = {"stars": [int(label) for _, label in ROWS], "body": [text for text, _ in ROWS]}
        pq.write_table(pa.table(columns), path)
    else:
        comma = "," if kind == "csv" else "\t"
        rows = [f'{label}{comma}"{text}"' for text, label in ROWS]
        write(tmp_path, path.name, "\n".join([f"stars{comma}body", *rows]) + "\n")
    found = read_labelled(path, text_column="body", label_column="stars")
    assert [(review.text, review.label) for review in found] == ROWS


def test_yelp_as_zhang_writes_it(tmp_path):
    lines = [r'"1","Said ""no"".\n\nNever again, ""ever"""', '"2","Good, cheap"', ""]
    path = write(tmp_path, "train.csv", "\n".join(lines))
    found = list(read_labelled(path, "yelp"))
    assert [(review.text, review.label) for review in found] == [
        ('Said "no".\n\nNever again, "ever"', "1"),
        ("Good, cheap", "2"),
    ]
    assert [review.location for review in found] == [f"{path}, line {n}" for n in (1, 2)]


MALFORMED = {
    "a field too few": ("csv", "text,label\ngood,1\nbad\nfine,1\n", "line 3: 1 fields"),
    "no label": ("csv", "text,label\ngood,1\nbad,\nfine,1\n", "line 3: there is no label"),
    "a blank text": ("csv", "text,label\ngood,1\n ,0\nfine,1\n", "line 3: the text is blank"),
    "no JSON": (
        "jsonl",
        '{"text": "good", "label": 1}\n{"text"\n{"text": "fine", "label": 1}\n',
        "line 2: malformed JSON",
    ),
    "a null label": (
        "jsonl",
        '{"text": "good", "label": 1}\n{"text": "bad", "label": null}\n'
        '{"text": "fine", "label": 1}\n',
        "line 2: there is no label",
    ),
    "a label that is no label": (
        "jsonl",
        '{"text": "good", "label": 1}\n{"text": "bad", "label": [0]}\n'
        '{"text": "fine", "label": 1}\n',
        "line 2: the label is an array",
    ),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_malformed_rows_are_reported_and_left_out_or_raised(case, tmp_path):
    kind, content, message = MALFORMED[case]
    path = write(tmp_path, f"reviews.{kind}", content)
    errors = []
    rows = list(read_labelled(path, report=errors.append))
    assert [review.text for review in rows] == ["good", "fine"]
    assert [str(error) for error in errors] == [str(errors[0])]
    assert message in str(errors[0])
    assert str(path) in str(errors[0])
    with pytest.raises(ReadError) as error:
        list(read_labelled(path))
    assert str(error.value) == str(errors[0])


def test_what_spoils_the_rest_of_a_file_is_raised_all_the_same(tmp_path):
    path = write(tmp_path, "reviews.csv", 'text,label\n"good,1\n')
    with pytest.raises(ReadError, match="never closed"):
        list(read_labelled(path, report=lambda error: None))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("reviews.csv", r"no column 'label' \(label_column\). Columns found: 'text', 'stars'"),
        ("reviews.txt", "read as lines of text, which have no labels; expected CSV"),
    ],
)
def test_labels_that_are_not_there(name, message, tmp_path):
    path = write(tmp_path, name, "text,stars\ngood,1\n")
    with pytest.raises(ReadError, match=message):
        list(read_labelled(path))
