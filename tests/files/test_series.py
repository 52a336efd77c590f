"""Tables of numbers with times: what is read, and what is refused by row and column."""

import gzip

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cdjax.files.packed import FileError
from cdjax.files.series import read_series
from cdjax.files.times import read_times


def write(folder, text, name="data.csv"):
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


CSV = "t,load,temp\n2024-01-31 22:00,1.5,2\n2024-01-31 23:00,2.5,3\n2024-02-01 00:00,3.5,-4e1\n"
NUMBERS = [[1.5, 2], [2.5, 3], [3.5, -40]]


def numbers_of(path, *args):
    file = read_series(path, *args)
    return file.read_rows(0, len(file)).tolist()


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (CSV, "data.csv"),
        ("\ufeff" + CSV.replace("\n", "\r\n"), "data.csv"),
        (CSV.replace(",", "\t"), "data.tsv"),
        (CSV.replace(",", ";").replace(".", ","), "data.csv"),  # as Excel writes it in Europe
        (CSV.encode("utf-16"), "data.csv"),
        (gzip.compress(CSV.encode(), mtime=0), "data.csv.gz"),
        ('"t", load,"temp"\n' + CSV.partition("\n")[2], "data.csv"),
    ],
    ids=["comma", "mark", "tab", "semicolon", "utf-16", "packed", "quoted"],
)
def test_one_table_written_in_many_ways(tmp_path, text, name):
    path = write(tmp_path, text, name)
    assert numbers_of(path, ("load", "temp"), "t") == NUMBERS
    assert numbers_of(path, None, "t") == NUMBERS
    assert numbers_of(path, ("temp",)) == [row[1:] for row in NUMBERS]


def test_parquet_and_arrays(tmp_path):
    times = pa.array(np.array(["2024-01-31T22", "2024-01-31T23", "2024-02-01T00"], "M8[us]"))
    table = pa.table(
        {"t": times, **dict(zip(("load", "temp"), np.transpose(NUMBERS), strict=True))}
    )
    pq.write_table(table, tmp_path / "data.parquet")
    assert numbers_of(tmp_path / "data.parquet", None, "t") == NUMBERS
    file = read_series(tmp_path / "data.parquet", ("load",), "t")
    assert file.times.find("2024-01-31 23:00") == 1
    np.save(tmp_path / "data.npy", np.array(NUMBERS))
    assert numbers_of(tmp_path / "data.npy") == NUMBERS
    assert numbers_of(tmp_path / "data.npy", ("1",), "0") == [row[1:] for row in NUMBERS]
    np.save(tmp_path / "one.npy", np.arange(3))
    assert numbers_of(tmp_path / "one.npy") == [[0], [1], [2]]


@pytest.mark.parametrize(
    "texts",
    [
        ["1", "2.5", "10"],
        ["19580329", "19580405", "19580412"],
        ["2024-01-31", "2024-02-01", "2024-02-02"],
        ["2024-01-31T22:00:00Z", "2024-01-31T23:00:00Z", "2024-02-01T00:00:00Z"],
        ["31.01.2024 22:00", "31.01.2024 23:00", "01.02.2024 00:00"],
        ["31/01/2024", "01/02/2024", "02/02/2024"],
        ["01/31/2024 22:00:00", "01/31/2024 23:00:00", "02/01/2024 00:00:00"],
        ["01/02/2024", "02/02/2024", "03/02/2024"],  # of two readings the one in order
        ["2023-12", "2024-01", "2024-02"],
        ["Dec 2023", "Jan 2024", "Feb 2024"],
        [" 2024/01/31 ", "2024/02/01", "2024/02/02"],
    ],
)
def test_times(texts):
    times = read_times(pa.array(texts), "t")
    assert [times.find(text.strip()) for text in texts] == [0, 1, 2]
    assert (np.diff(times.values) > 0).all()


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["2024-01-02", "2024-01-01"], "row 1: t is 2024-01-01, earlier than row 0"),
        (["1", "2", "2"], "row 2: t is 2, the same time as row 1"),
        (["2024-01-01", "soon"], "row 1: t is 'soon'; expected numbers, or dates"),
        (["2024-01-01", ""], "row 1: t is missing"),
        ([2.0, 1.0], "row 1: t is 1.0, earlier than row 0"),
        ([True, False], "t holds bool"),
    ],
)
def test_times_that_are_none(texts, message):
    with pytest.raises(FileError, match=message):
        read_times(pa.array(texts), "t")


def test_a_time_that_no_row_has():
    times = read_times(pa.array(["2024-01-31", "2024-02-02"]), "t")
    with pytest.raises(FileError, match="no row has that time; near: 2024-01-31, 2024-02-02"):
        times.find("2024-02-01")
    with pytest.raises(FileError, match="is 'noon', which is no time; expected as '2024-01-31'"):
        times.find("noon")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("", r"row 1 \(2024-01-31 23:00\): load is missing"),
        ("NA", r"load is missing \('NA'\)"),
        ("nan", "load is missing"),
        ("high", "load is 'high'; expected a number"),
        ("1,2,3", "load is '1,2,3'"),
        ("inf", "load is 'inf'; expected a finite number"),
    ],
)
def test_values_that_are_no_numbers(tmp_path, value, message):
    file = read_series(write(tmp_path, CSV.replace("2.5", f'"{value}"')), None, "t")
    assert file.read_rows(2, 3).tolist() == NUMBERS[2:]  # other rows have no say
    with pytest.raises(FileError, match=message):
        file.read_rows(0, 3)


@pytest.mark.parametrize(
    ("text", "name", "columns", "time", "message"),
    [
        (CSV, "data.csv", ("wind",), "t", "no column 'wind'; its columns are t, load, temp"),
        (CSV, "data.csv", ("load",), "date", "no column 'date'"),
        (CSV, "data.csv", ("t", "load"), "t", "columns holds the time_column 't'"),
        (CSV, "data.csv", ("load", "load"), "t", "columns names one twice"),
        (CSV.replace("temp", "load"), "data.csv", ("load",), "t", "more than one column 'load'"),
        (CSV, "data.txt", None, None, "of no known kind; expected a file of .csv"),
        ("", "data.csv", None, None, "is empty"),
        ("1,2\n3,4\n", "data.csv", None, None, "has no header"),
        ("a,b\n1,2\n3\n", "data.csv", None, None, "can't be read: .*Expected 2 columns, got 1"),
        (b"PK\x03\x04", "data.csv", None, None, "damaged"),
        (b"PAR1", "data.parquet", None, None, "can't be read"),
        (b"\x93NUMPY", "data.npy", None, None, "can't be read"),
    ],
)
def test_files_that_are_no_series(tmp_path, text, name, columns, time, message):
    with pytest.raises(FileError, match=message):
        read_series(write(tmp_path, text, name), columns, time)


def test_arrays_that_are_no_series(tmp_path):
    for array, message in (
        (np.zeros((2, 3, 4)), r"shape \[2, 3, 4\]; expected \[N, D\]"),
        (np.array(["a"]), "holds <U1; expected numbers"),
        (np.array([None]), "can't be read: .*Python objects"),
    ):
        np.save(tmp_path / "data.npy", array, allow_pickle=True)
        with pytest.raises(FileError, match=message):
            read_series(tmp_path / "data.npy")
    with pytest.raises(FileNotFoundError):
        read_series(tmp_path / "none.npy")
