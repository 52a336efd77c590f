"""Any bytes, as any format, are read or refused by name: no traceback, no memory without end."""

import bz2
import gzip
import io
import json
import lzma
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cdjax.corpus.labelled import read_labelled
from cdjax.corpus.readers.records import ReadError
from cdjax.corpus.reviews import read_reviews
from hypothesis import given, settings
from hypothesis import strategies as st


def parquet(compression="snappy"):
    table = pa.table(
        {
            "text": ["a bad film", None, "café"] * 20,
            "label": [1, 0, None] * 20,
            "words": [["a"], [], None] * 20,
        }
    )
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression=compression)
    return buffer.getvalue()


def archive(name, content):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(name, content)
    return buffer.getvalue()


CSV = 'id,text,label\n1,"a ""bad"" film",0\n2,"two\nlines",1\n3,café,1\n'.encode()
SAMPLES = {
    "a.txt": b"a bad film\n\nnot bad\tat all\n",
    "a.csv": CSV,
    "b.csv": CSV.replace(b",", b";").replace(b"\n", b"\r\n"),
    "a.tsv": CSV.replace(b",", b"\t"),
    "a.jsonl": b"".join(
        json.dumps({"id": n, "text": t, "label": n > 1}).encode() + b"\n"
        for n, t in enumerate(["a", None, "\u2028b", {"x": [1.5]}])
    ),
    "a.json": json.dumps([{"text": "a", "label": 1}, {"text": "b", "label": 0}]).encode(),
    "a.ptb": b"(3 (2 A) (1 (2 bad) (2 film)))\n(2 fine)\n",
    "u.csv": b"\xff\xfe" + CSV.decode().encode("utf-16-le"),
    "a.parquet": parquet(),
    "z.parquet": parquet("zstd"),
    "a.csv.gz": gzip.compress(CSV),
    "a.csv.bz2": bz2.compress(CSV),
    "a.csv.xz": lzma.compress(CSV),
    "a.csv.zip": archive("a.csv", CSV),
}


def read(path):
    """Read a file as score and as train do; only errors of its content may come."""
    for reader, options in (
        (read_reviews, {"text_column": "text"}),
        (read_reviews, {}),
        (read_labelled, {"text_column": "text", "label_column": "label"}),
    ):
        left_out, message = [], str(path)
        try:
            for review in reader(path, report=left_out.append, **options):
                (review.text or "").encode()
                (review.id or "").encode()
                "".join(review.tokens or ()).encode()
                assert review.location.startswith(str(path))
        except ReadError as error:
            message = str(error)
        assert str(path) in message
        assert len(message) < 2000
        for error in left_out:
            assert str(path) in error.location
            assert len(str(error)) < 2000


@st.composite
def damaged(draw):
    """Return the name of a file and bytes that are nearly those of a good one."""
    name = draw(st.sampled_from(sorted(SAMPLES)))
    content = bytearray(SAMPLES[name])
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(0, len(content) - 1)))
        match draw(st.sampled_from(["flip", "cut", "drop", "insert", "repeat"])):
            case "flip" if content:
                content[at] ^= 1 << draw(st.integers(0, 7))
            case "cut":
                del content[at:]
            case "drop":
                del content[at : at + draw(st.integers(1, 9))]
            case "insert":
                content[at:at] = draw(st.binary(max_size=4) | st.sampled_from(SPECIAL))
            case "repeat":
                content[at:at] = content[max(0, at - 20) : at] * draw(st.integers(1, 50))
    return name, bytes(content)


SPECIAL = [
    b'"',
    b"\n",
    b"\r",
    b"\0",
    b"(",
    b")",
    b"[" * 50,
    b"\xed\xa0\x80",
    b"9" * 5000,
    b"\xef\xbb\xbf",
]


def try_files(folder, file):
    name, content = file
    (folder / name).write_bytes(content)
    read(folder / name)


@settings(max_examples=150)
@given(damaged())
def test_damaged_files(tmp_path_factory, file):
    try_files(tmp_path_factory.getbasetemp(), file)


@settings(max_examples=60)
@given(st.sampled_from(sorted(SAMPLES)), st.binary(max_size=100))
def test_any_bytes(tmp_path_factory, name, content):
    for head in (b"", SAMPLES[name][:6]):
        try_files(tmp_path_factory.getbasetemp(), (name, head + content))


@pytest.mark.slow
@settings(max_examples=20_000)
@given(damaged())
def test_many_damaged_files(tmp_path_factory, file):
    try_files(tmp_path_factory.getbasetemp(), file)


@pytest.mark.parametrize("name", SAMPLES)
def test_the_samples_are_good(name, tmp_path):
    (tmp_path / name).write_bytes(SAMPLES[name])
    assert list(read_reviews(tmp_path / name, report=lambda error: None))
