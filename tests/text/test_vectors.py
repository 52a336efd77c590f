import zipfile

import numpy as np
import pytest
from cdjax.text.vectors import WordVectors, combine_vectors, read_vectors

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
        ({"words": WORDS[[0, 1, 1]], "vectors": VECTORS}, "'bad' twice"),
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
        ("a.txt", b"the 1 2\nthe 3 4\n", "line 2: the word 'the' for the second time"),
        ("a.txt", b"the 1 nan\n", "line 1: the vector of 'the' is not finite"),
        ("a.bin", b"4 3\nthe " + bytes(11), "word 1 of 4: the file ends"),
        ("a.bin", b"nonsense\n", "expected word2vec's V and D"),
        ("a.zip", b"PK nonsense", "damaged or no archive"),
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
