"""Files of reviews of every format, as they should be and as they should not."""

import csv
import json
import re
from itertools import islice

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cdjax.corpus.readers import find_format, parquet
from cdjax.corpus.readers.files import Source
from cdjax.corpus.readers.records import ReadError
from cdjax.corpus.reviews import read_reviews


def write(folder, name, content):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def texts(path, format=None, **options):
    return [review.text for review in read_reviews(path, format, **options)]


def ids(path, column):
    return [review.id for review in read_reviews(path, id_column=column)]


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"], ids=["", "bom"])
@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["lf", "crlf"])
@pytest.mark.parametrize("last", [True, False], ids=["ended", "open"])
def test_lines(tmp_path, bom, end, last):
    content = end.join(["It isn't bad.", "", "Café\u2028noir"]) + end * last
    path = write(tmp_path, "reviews.txt", bom + content.encode())
    assert texts(path) == ["It isn't bad.", "", "Café\u2028noir"]  # U+2028 ends no line
    locations = [review.location for review in read_reviews(path)]
    assert locations == [f"{path}, line {n}" for n in (1, 2, 3)]


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"], ids=["", "bom"])
def test_csv_of_every_kind_of_field(tmp_path, bom):
    content = 'key,text,stars\r\na,"Good, ""very"" good",5\r\nb,"two\r\nlines",1\r\nc,,3\r\n\r\n'
    path = write(tmp_path, "reviews.csv", bom + content.encode())
    assert ids(path, "key") == ["a", "b", "c"]
    assert texts(path) == ['Good, "very" good', "two\r\nlines", ""]
    assert texts(path, text_column="stars") == ["5", "1", "3"]
    assert next(review.kept for review in read_reviews(path, keep=["Stars", "key"])) == {
        "Stars": "5",
        "key": "a",
    }


def test_csv_field_longer_than_the_module_allows(tmp_path):
    long = "word " * 40_000
    assert len(long) > csv.field_size_limit(131072) or csv.field_size_limit() == 131072
    path = write(tmp_path, "reviews.csv", f'text\n"{long}"\n')
    assert texts(path) == [long]


def test_csv_without_header_and_tsv(tmp_path):
    path = write(tmp_path, "yelp.csv", '"1","Bad."\n"2","Good."\n')
    assert texts(path, header=False, text_column="2") == ["Bad.", "Good."]
    path = write(tmp_path, "reviews.tsv", "text\tid\nIt, too\t1\n")
    assert texts(path) == ["It, too"]


def test_jsonl(tmp_path):
    lines = [{"text": "A film", "n": 7}, {"text": "", "n": None}, {"n": "x", "text": "Ö\u0085ü"}]
    content = "\n".join(json.dumps(line) for line in lines) + "\n\n"
    path = write(tmp_path, "reviews.jsonl", "\ufeff" + content)
    assert ids(path, "n") == ["7", None, "x"]
    assert texts(path) == ["A film", "", "Ö\u0085ü"]


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int8(), "string")]
)
def test_parquet(tmp_path, kind):
    path = tmp_path / "reviews.parquet"
    table = pa.table({"n": [1, 2], "body": pa.array(["A film", ""], pa.string()).cast(kind)})
    pq.write_table(table, path)
    found = read_reviews(path, text_column="body", id_column="n")
    assert [(review.id, review.text) for review in found] == [("1", "A film"), ("2", "")]


TREE = "(3 (2 It) (4 (2 is) (4 co-star\xa0good)))\n"


@pytest.mark.parametrize("name", ["dev.txt", "dev.ptb"])
def test_trees_keep_their_tokens(tmp_path, name):
    path = write(tmp_path, name, TREE * 2)
    assert find_format(Source(str(path))) == "trees"
    found = list(read_reviews(path, label_column="label"))
    assert [review.tokens for review in found] == [("It", "is", "co-star\xa0good")] * 2
    assert [(review.text, review.label) for review in found] == [(None, "3")] * 2


@pytest.mark.parametrize("line", ["(5 stars) Great!", "(1) no", "( 3 (2 It)", "It is (3 (2 x)", ""])
def test_reviews_that_begin_like_trees_are_none(tmp_path, line):
    path = write(tmp_path, "reviews.txt", line + "\n")
    assert find_format(Source(str(path))) == "txt"
    assert len(texts(path)) == 1


def test_format_overrides(tmp_path):
    path = write(tmp_path, "dev.txt", TREE)
    assert texts(path, "txt") == [TREE.strip()]
    assert texts(write(tmp_path, "reviews.dat", "A film\n"), "txt") == ["A film"]


CSV = "id,text\n1,good\n"
ERRORS = {
    "unknown type": ("a.docx", "x", {}, r"unknown file type; expected .*\.csv.*format=NAME"),
    "no ending": ("reviews", "x", {}, r"unknown file type;"),
    "latin 1": ("a.txt", b"one\ncaf\xe9\n", {}, r"line 2: byte 0xe9 at offset 7 .* not UTF-8"),
    "latin 1 after a mark": (
        "a.txt",
        b"\xef\xbb\xbfcaf\xe9\n",
        {},
        r"line 1: byte 0xe9 at offset 6 .* not UTF-8",
    ),
    "utf-16, no mark": (
        "a.txt",
        "one".encode("utf-16-le"),
        {},
        r"line 1: a NUL byte at offset 1 .*encoding='utf-16-le'",
    ),
    "latin 1 in csv": ("a.csv", b"text\nok\ncaf\xe9\n", {}, r"line 3: byte 0xe9 at offset 11 "),
    "column": (
        "a.csv",
        CSV,
        {"text_column": "body"},
        r"no column 'body' \(text_column\)\. Columns found: 'id', 'text'\.",
    ),
    "id column": (
        "a.csv",
        CSV,
        {"id_column": "key"},
        r"no column 'key' \(id_column\)\. Columns found: 'id', 'text'\.",
    ),
    "which column": (
        "a.csv",
        "a,b\n1,2\n",
        {},
        r"which column .*text_column\. Columns found: 'a', 'b'\. .*header=False",
    ),
    "column twice": ("a.csv", "t,t\n1,2\n", {"text_column": "t"}, r"more than one column 't'"),
    "too many fields": ("a.csv", CSV + '2,"a\nb"\n3,so, so\n', {}, r"line 5: 3 fields; expected 2"),
    "too few fields": ("a.csv", CSV + "2\n", {}, r"line 3: 1 fields; expected 2"),
    "unclosed quote": (
        "a.csv",
        CSV + '2,"bad\n3,ok\n',
        {},
        r"line 3: malformed row: .*never closed",
    ),
    "stray quote": ("a.csv", CSV + '2,"bad" x\n', {}, r"line 3: malformed row: "),
    "blank row": ("a.csv", CSV + "\n2,ok\n", {}, r"line 3: a blank line"),
    "json": ("a.jsonl", '{"text": "a"}\n{"text": \n', {}, r"line 2: malformed JSON at column "),
    "json array": ("a.jsonl", '["a"]\n', {}, r"line 1: JSON an array; expected an object"),
    "json null": (
        "a.jsonl",
        '{"text": null}\n',
        {},
        r"line 1: the text is null; expected a string",
    ),
    "json number": (
        "a.jsonl",
        '{"text": 3}\n',
        {},
        r"line 1: the text is a number; expected a string",
    ),
    "json key": (
        "a.jsonl",
        '{"text": "a", "n": 1}\n{"n": 1, "body": "b"}\n',
        {"text_column": "text"},
        r"line 2: it lacks 'text', which those before it have; found: 'n', 'body'",
    ),
    "json id": (
        "a.jsonl",
        '{"text": "", "n": {}}\n',
        {"id_column": "n"},
        r"line 1: the id is an object",
    ),
    "json blank": ("a.jsonl", '{"text": "a"}\n\n{"text": "b"}\n', {}, r"line 2: a blank line"),
    "json depth": (
        "a.jsonl",
        '{"text": ' + "[" * 200_000 + "\n",
        {},
        r"line 1: JSON nested too deep",
    ),
    "surrogate": ("a.jsonl", '{"text": "\\ud800"}\n', {}, r"line 1: .*half of a surrogate pair"),
    "not parquet": ("a.parquet", "PAR1 it is not", {}, r"a\.parquet: not a readable Parquet file"),
    "tree": ("a.txt", TREE + "(3 (2 It)\n", {}, r"a\.txt, line 2: .*format='txt'"),
    "column of text": ("a.txt", "a\n", {"text_column": "t"}, r"no column 't'.*found: 'text'"),
    "header of text": ("a.txt", "a\n", {"header": False}, r"only csv and tsv can lack a header"),
}


@pytest.mark.parametrize("case", ERRORS)
def test_errors_say_where_and_what(tmp_path, case):
    name, content, options, message = ERRORS[case]
    path = write(tmp_path, name, content)
    with pytest.raises(ReadError, match=message) as error:
        list(read_reviews(path, **options))
    assert re.search(re.escape(name), str(error.value))


def test_missing_and_folder(tmp_path):
    for format in (None, "csv"):
        with pytest.raises(ReadError, match=r"none\.txt: no such file"):
            list(read_reviews(tmp_path / "none.txt", format))
        with pytest.raises(ReadError, match="is a folder without a file of reviews"):
            list(read_reviews(tmp_path, format))


def test_parquet_errors(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": ["a", None], "n": [1, 2]}), path)
    with pytest.raises(ReadError, match="row 1: the text is null"):
        list(read_reviews(path))
    with pytest.raises(ReadError, match="row 0: the text is a number; expected a string"):
        list(read_reviews(path, text_column="n"))
    with pytest.raises(ReadError, match=r"no column 'x'.*found: 'text', 'n'"):
        list(read_reviews(path, text_column="x"))
    whole = path.read_bytes()
    path.write_bytes(whole[:4] + b"\xff" * 40 + whole[44:])  # the footer still reads
    with pytest.raises(ReadError, match=r"a\.parquet, after row 0: damaged"):
        list(read_reviews(path))


def test_treebank(shared):
    trees = list(read_reviews(shared / "data/sst/dev.txt"))
    assert len(trees) == 1101
    assert sum(len(d.tokens) * (len(d.tokens) + 1) // 2 for d in trees) == 259_389
    assert trees[0].tokens[:3] == ("It", "'s", "a")


def test_yelp(shared):
    path = shared / "data/yelp/reviews-test.csv"
    options = {"header": False, "text_column": "2", "id_column": "1"}
    found = list(islice(read_reviews(path, **options), 300))
    assert {review.id for review in found} == {"1", "2"}
    assert 80 < sum(len(review.text.split()) for review in found) / 300 < 160


def test_a_parquet_file_that_would_fill_memory_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "MOST_BYTES", 1 << 20)
    path = tmp_path / "bomb.parquet"
    pq.write_table(pa.table({"text": ["a" * (1 << 20), "b" * (1 << 20)]}), path, compression="zstd")
    assert path.stat().st_size < 2000
    with pytest.raises(ReadError, match=r"bomb\.parquet: 2,097,\d+ bytes in \S+ packed; expected"):
        list(read_reviews(path))
