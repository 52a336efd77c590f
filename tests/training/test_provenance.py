import pytest
from cdjax.training import provenance


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (["cdjax", "train", "--out", "a b"], "cdjax train --out 'a b'"),
        (["--data", "/home/me/sst", "--out=../models/sst"], "--data sst --out=sst"),
        (["--data", "{here}/data/sst", "x/../y"], "--data data/sst y"),
        (["--mirror", "https://host/a/file.zip"], "--mirror https://host/a/file.zip"),
    ],
)
def test_a_command_is_recorded_without_the_machines_paths(command, expected, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command = [word.format(here=tmp_path) for word in command]
    assert provenance.describe_run(command)["command"] == expected


def test_a_digest_of_code_tells_files_and_names_apart(tmp_path, monkeypatch):
    monkeypatch.setattr(provenance, "PACKAGE", tmp_path)

    def digest():
        provenance.digest_code.cache_clear()
        return provenance.digest_code("a")

    (tmp_path / "a").mkdir()
    file = tmp_path / "a" / "one.py"
    file.write_text("x = 1")
    first = digest()
    file.write_text("x = 2")
    second = digest()
    file.rename(tmp_path / "a" / "two.py")
    third = digest()
    assert len({first, second, third}) == 3
    (tmp_path / "b.py").write_text("of another folder")
    assert digest() == third
    provenance.digest_code.cache_clear()
