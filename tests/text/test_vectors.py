import gzip
import io
import struct
import warnings
import zipfile

import numpy as np
import pytest
from cdjax.text.vectors import WordVectors, combine_vectors, read_vectors
from cdjax.text.vectors.rows import WIDEST
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import ROOT

WORDS = np.array(["a", "bad", "film"])
VECTORS = np.array([[1.0, 2.0], [3.0, 5.0], [-1.0, 0.5]], np.float16)


@pytest.fixture
def path(tmp_path):
    np.savez(tmp_path / "some.npz", words=WORDS, vectors=VECTORS)
    return tmp_path / "some.npz"


def test_reads_all_or_the_words_asked_for(path):
    words, vectors = read_vectors(path)
    assert words == ("a", "bad", "film")
    assert vectors.dtype == np.float32
    np.testing.assert_array_equal(vectors, VECTORS)
    words, vectors = read_vectors(path, {"film", "bad", "pun"})
    assert words == ("bad", "film")
    np.testing.assert_array_equal(vectors, VECTORS[1:])


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"words": WORDS}, "holds no word vectors: .*vectors"),
        ({"words": WORDS.astype(object), "vectors": VECTORS}, "holds no word vectors: .*pickle"),
        ({"words": WORDS, "vectors": VECTORS[:2]}, r"expected floats \[3, D\]"),
        ({"words": WORDS, "vectors": VECTORS.astype(int)}, "vectors holds int64"),
        ({"words": np.arange(3), "vectors": VECTORS}, "words holds int64"),
        ({"words": WORDS, "vectors": VECTORS * np.float16("inf")}, "vector of 'a' is not finite"),
    ],
)
def test_refuses_what_holds_no_vectors(tmp_path, arrays, message):
    np.savez(tmp_path / "some.npz", **arrays)
    with pytest.raises(ValueError, match=message):
        read_vectors(tmp_path / "some.npz")


def test_refuses_other_files(tmp_path):
    (tmp_path / "some.npz").write_bytes(b"no zip")
    with pytest.raises(ValueError, match=r"some\.npz holds no word vectors"):
        read_vectors(tmp_path / "some.npz")
    with pytest.raises(ValueError, match=r"found the suffix '\.doc'"):
        read_vectors(tmp_path / "glove.doc")
    with pytest.raises(FileNotFoundError):
        read_vectors(tmp_path / "none.npz")


def source(rng, words, width, scale=1.0):
    return WordVectors(words, (5 + scale * rng.normal(size=(len(words), width))).astype(np.float32))


def test_sources_are_side_by_side_with_a_common_spread():
    rng = np.random.default_rng(0)
    words = tuple("abcdefgh")
    first, second = source(rng, words, 3, scale=100), source(rng, words[:6], 2)
    table = combine_vectors([first, second], ["h", "c", "zzz", *"abdefg"], spread=0.5)
    assert table.shape == (9, 5)
    assert table.dtype == np.float32
    assert table[[n for n in range(9) if n != 2]].std() == pytest.approx(0.5)
    np.testing.assert_array_equal(table[2], 0)  # known to none
    np.testing.assert_array_equal(table[0, 3:], 0)  # unknown to the second
    # Rows are those of the words, but for place and scale.
    centred = first.vectors - first.vectors.mean(0)
    ratio = table[:, :3][[3, 4, 1]] / centred[[0, 1, 2]]
    np.testing.assert_allclose(ratio, ratio[0, 0], rtol=1e-4)


def test_fewer_columns_keep_what_differs_most():
    rng = np.random.default_rng(1)
    words = tuple(f"w{n}" for n in range(200))
    plane = rng.normal(size=(200, 2)) @ rng.normal(size=(2, 6))
    vectors = (plane + 0.001 * rng.normal(size=(200, 6))).astype(np.float32)
    full = combine_vectors([WordVectors(words, vectors)], words)
    narrow = combine_vectors([WordVectors(words, vectors)], words, width=2)
    assert narrow.shape == (200, 2)
    # Angles and distances of a plane survive in two columns, up to the common factor.
    gram_full, gram = full @ full.T, narrow @ narrow.T
    np.testing.assert_allclose(
        gram / np.abs(gram).max(), gram_full / np.abs(gram_full).max(), atol=2e-3
    )


def test_combining_says_what_does_not_fit():
    rng = np.random.default_rng(0)
    known = source(rng, ("a", "b"), 3)
    with pytest.raises(ValueError, match="expected at least one source"):
        combine_vectors([], ["a"])
    with pytest.raises(ValueError, match="source 1 knows none of the 1 words"):
        combine_vectors([known, source(rng, ("A", "B"), 3)], ["a"])
    with pytest.raises(ValueError, match="width is 4; expected 1 to 3"):
        combine_vectors([known], ["a", "b"], width=4)


def test_the_files_at_hand_are_read(shared):
    for name, count, width in (
        ("glove-6B-50d", 24_527, 50),
        ("glove-6B-100d", 23_759, 100),
        ("spacy-md-300d", 23_612, 300),
        ("minilm-384d", 26_592, 384),
    ):
        words, vectors = read_vectors(shared / f"data/vectors/{name}.npz")
        assert vectors.shape == (count, width)
        assert "film" in words


NAMES, TABLE = ("the", "film", ". . .", "gem"), np.arange(12, dtype=np.float32).reshape(4, 3) / 7


def text(header=False):
    rows = [f"{w} {' '.join(repr(float(x)) for x in v)}" for w, v in zip(NAMES, TABLE, strict=True)]
    return "\n".join(["4 3"] * header + rows) + "\n"


def write_as(kind, folder):
    path = folder / f"vectors.{kind.split()[0]}"
    if kind == "bin":
        words = tuple(w.replace(" ", "_") for w in NAMES)
        rows = (w.encode() + b" " + v.tobytes() + b"\n" for w, v in zip(words, TABLE, strict=True))
        path.write_bytes(b"4 3\n" + b"".join(rows))
    elif kind == "zip":
        with zipfile.ZipFile(path, "w") as packed:
            packed.writestr("glove.txt", text())
    elif kind == "zip of two":
        with zipfile.ZipFile(path, "w") as packed:
            packed.writestr("glove.50d.txt", "the 1 2\n")
            packed.writestr("glove.3d.txt", text())
        path = path / "glove.3d.txt"
    else:
        path.write_text(text(header=kind == "vec"), encoding="utf-8")
    return path


@pytest.mark.parametrize("kind", ["txt", "vec", "bin", "zip", "zip of two"])
def test_other_formats_and_only_the_rows_wanted(kind, tmp_path):
    path = write_as(kind, tmp_path)
    whole = read_vectors(path)
    assert [word.replace("_", " ") for word in whole.words] == list(NAMES)
    np.testing.assert_allclose(whole.vectors, TABLE, rtol=1e-6)
    some = read_vectors(path, {"gem", "unheard"})
    assert some.words == ("gem",)
    np.testing.assert_array_equal(some.vectors, whole.vectors[3:])
    assert read_vectors(path, {"gem"}, first=2).words == ("the", "film", "gem")
    with pytest.raises(ValueError, match="none of the words wanted"):
        read_vectors(path, {"unheard"})


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"the 1 2 3\nfilm 1 2\n", "line 2: 3 fields; expected a word and 3 numbers"),
        ("a.txt", b"the 1 2 3\nfilm 1 two 3\n", "line 2: .*expected numbers"),
        ("a.txt", b"the 1 nan\n", "line 1: the vector of 'the' is not finite"),
        ("a.bin", b"4 3\nthe " + bytes(11), "promises 4 words of 3 numbers, and has 19 bytes"),
        ("a.bin", b"nonsense\n", "expected word2vec's V and D"),
        ("a.zip", b"PK nonsense", "is no zip archive"),
        ("a.doc", b"", "found the suffix '.doc'"),
    ],
)
def test_malformed_files_are_named_with_the_line(name, content, message, tmp_path):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message) as error:
        read_vectors(path)
    assert str(path) in str(error.value)


def test_an_archive_of_several_texts_asks_which(tmp_path):
    path = write_as("zip of two", tmp_path).parent
    with pytest.raises(ValueError, match=r"glove\.50d\.txt, glove\.3d\.txt; expected one"):
        read_vectors(path)
    with pytest.raises(ValueError, match="expected one"):
        read_vectors(path / "other.txt")


CASES = ROOT / "tests" / "cases"
READ = {  # files that were tried: the words that they hold; what is told of them
    "bin-newlines": ("the", "good"),
    "bin-nonewlines": ("the", "good"),
    "bin-undecodable": ("\ufffdabc", "the"),
    "vec-bad-utf8-dup": ("\ufffd", "the"),
    "vec-bad-utf8-dup-filtered": ("\ufffd", "the"),
    "vec-bad-utf8-dup-first": ("\ufffd", "the"),
    "vec-bin-gz": ("the",),
    "vec-bom": ("the", "good"),
    "vec-case-dup": ("The", "the", "GOOD"),
    "vec-crlf": ("the", "good"),
    "vec-first-line-space": (". . .", "the", "good"),
    "vec-gz": ("the",),
    "vec-nbsp": ("\xa0", "the"),
    "vec-no-last-newline": ("the", "good"),
    "vec-numeric-first": ("1", "3", "5"),
    "vec-sci": ("the", "good"),
    "vec-space-word": (" ", "the", "good"),
    "vec-spaces": (". . .", "at name@domain.com", "the"),
    "vec-tabs": ("the", "good"),
    "vec-truncated-number": ("the", "good"),
    "vec-unk": ("<unk>", "the"),
    "vec-upper-suffix": ("the",),
    "vec-zip-macosx": ("the", "good"),
}
REFUSED = {
    "bin-fasttext": "fastText's own format",
    "bin-text-in-bin": r"holds text; name it \.txt or \.vec",
    "bin-truncated": "word 3 of 3: the file ends",
    "vec-comma-csv": "fields separated by ','; expected a word and its numbers",
    "vec-double-space": "two separators after one another",
    "vec-header-count-mismatch": "promises 5 words; it ends after 2",
    "vec-html": "'<!DOCTYPE html>': found fields; expected a word and its numbers",
    "vec-lfs": "is a Git LFS pointer",
    "vec-published-gz": "is empty",
    "vec-nan": "is not finite",
    "vec-truncated-last": "line 2: 3 fields; expected a word and 3 numbers",
}


def input_of(case):
    (path,) = (p for p in (CASES / case).iterdir() if p.name != "expect.txt")
    return path


def test_every_case_is_tried():
    tried = {p.name for p in CASES.iterdir() if p.name.startswith(("vec-", "bin-"))}
    assert tried == {*READ, *REFUSED, "vec-dup"}


@pytest.mark.parametrize("case", READ)
def test_files_that_were_tried(case):
    words, vectors = read_vectors(input_of(case))
    assert words == READ[case]
    assert vectors.shape[0] == len(words)
    assert np.isfinite(vectors).all()


@pytest.mark.parametrize("case", REFUSED)
def test_files_that_are_refused(case):
    path = input_of(case)
    with pytest.raises(ValueError, match=REFUSED[case]) as error:
        read_vectors(path)
    assert str(path) in str(error.value)


def test_the_first_row_of_a_word_is_kept_and_it_is_told(tmp_path):
    with pytest.warns(UserWarning, match=r"holds 1 words more than once, 'the' \(line 4\): the"):
        words, vectors = read_vectors(input_of("vec-dup"))
    assert words == ("the", "good")
    np.testing.assert_array_equal(vectors[0], [1, 2])
    np.savez(tmp_path / "some.npz", words=WORDS[[0, 1, 1]], vectors=VECTORS)
    with pytest.warns(UserWarning, match=r"'bad' \(row 2\)"):
        assert read_vectors(tmp_path / "some.npz").words == ("a", "bad")
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # nobody asked for it
        read_vectors(input_of("vec-dup"), {"good"})


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"the 1 2 3\nfilm 1.5 2.5 3.5 4.5\n", "line 2: more than 3 numbers"),
        ("a.txt", b"2 0\nthe\n", "vectors of 0 numbers; expected 1 to"),
        ("a.txt", b"1 2\nthe 1 2\nfilm 1 2\n", "promises 1 words; line 3 holds one more"),
        ("a.txt", b"the 1e39 2\n", "is not finite"),
        ("a.txt", b"the 1\x00 2\n", "line 1: a NUL byte"),
        ("a.txt", b"x" * (1 << 22) + b" 1\n", "line 1: more than 4,194,304 bytes"),
        ("a.txt", b"", "is empty"),
        ("a.bin", b"1000000000000 0\n", "vectors of 0 numbers"),
        ("a.bin", b"1000000000000 3\n", "promises 1,000,000,000,000 words of 3 numbers, and has"),
        ("a.bin", b"1 100000000000000000000\n", f"expected 1 to {WIDEST:,}"),
        ("a.bin", b"1 1\n" + b"x" * 5000, "word 1 of 1: longer than 2,000 bytes"),
        ("a.bin", b"1 1\nthe \0\0\0\0rest", "promises 1 words, and more follow"),
    ],
)
def test_what_a_header_says_is_held_against_the_file(name, content, message, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_vectors(tmp_path / name)
    with gzip.open(tmp_path / f"{name}.gz", "wb") as file:
        file.write(content)
    with pytest.raises(ValueError, match=r"a\.(txt|bin)"):
        read_vectors(tmp_path / f"{name}.gz")


def lying(shape, content=b""):
    """An array whose header says more than there is."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        file, {"descr": "<f4", "fortran_order": False, "shape": shape}
    )
    return file.getvalue() + content


def test_arrays_are_held_to_their_sizes(tmp_path):
    path = tmp_path / "some.npz"
    buffer = io.BytesIO()
    np.save(buffer, WORDS)
    for content, message in (
        (
            lying((10**9, 300)),
            r"promises float32 \[1000000000, 300\], 1,200,000,000,000 bytes; 0",
        ),
        (lying((1,), bytes(8)), r"promises float32 \[1\], 4 bytes; 8 follow"),
        (b"nonsense", "holds no word vectors"),
    ):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("words.npy", buffer.getvalue())
            archive.writestr("vectors.npy", content)
        with pytest.raises(ValueError, match=message):
            read_vectors(path)
    np.save(path.with_suffix(".npy"), VECTORS)
    path.with_suffix(".npy").rename(path)  # an .npy under the name of an .npz
    with pytest.raises(ValueError, match=r"holds no word vectors: File is not a zip file"):
        read_vectors(path)


def test_an_archive_that_would_fill_memory_is_refused(tmp_path):
    path = tmp_path / "bomb.npz"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive,
        archive.open("words.npy", "w", force_zip64=True) as file,
    ):
        for _ in range(300):
            file.write(bytes(1 << 20))
    assert path.stat().st_size < 1_000_000
    with pytest.raises(ValueError, match="words would unpack"):
        read_vectors(path)


def test_encrypted_and_damaged_archives(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "the 1 2\n" * 100)
    content = path.read_bytes()
    central = content.index(b"PK\x01\x02")
    encrypted = bytearray(content)
    encrypted[6] |= 1
    encrypted[central + 8] |= 1
    odd = bytearray(content)
    odd[8:10] = odd[central + 10 : central + 12] = struct.pack("<H", 97)
    for damaged, message in (
        (encrypted, "is encrypted.*unpack it"),
        (odd, "compression method is not supported; unpack it"),
        (content[:-30], "is damaged"),
    ):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=message):
            read_vectors(path)


@given(st.binary(max_size=200), st.sampled_from([".txt", ".bin", ".npz", ".zip", ".txt.gz"]))
def test_any_bytes_are_read_or_refused(tmp_path_factory, content, suffix):
    heads = {".zip": b"PK\x03\x04", ".npz": b"PK\x03\x04", ".txt.gz": b"\x1f\x8b\x08"}
    path = tmp_path_factory.getbasetemp() / f"fuzz{suffix}"
    for head in {b"", b"2 2\n", heads.get(suffix, b"the 1 2\n")}:
        path.write_bytes(head + content)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                words, vectors = read_vectors(path)
        except ValueError as error:
            assert str(path) in str(error)  # noqa: PT017 - most bytes raise, some need not
        else:
            assert len(words) == len(vectors) > 0
            assert np.isfinite(vectors).all()
