"""`cdjax completion`: its script, run by bash."""

import shutil
import subprocess
import sys

import pytest
from cdjax.cli import main


@pytest.fixture(scope="module")
def script(tmp_path_factory):
    from contextlib import redirect_stdout

    path = tmp_path_factory.mktemp("completion") / "cdjax.bash"
    with path.open("w") as stream, redirect_stdout(stream):
        assert main(["completion", "bash"]) == 0
    return path


def complete(script, folder, *words):
    """What bash offers for the last of the words of a command."""
    line = " ".join(["cdjax", *words])
    code = f"""
source {script}
COMP_WORDS=(cdjax {" ".join(repr(word) for word in words)})
COMP_CWORD={len(words)} COMP_LINE='{line}' COMP_POINT={len(line)}
_shtab_cdjax
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    done = subprocess.run(
        [shutil.which("bash"), "-c", code], cwd=folder, capture_output=True, text=True, check=True
    )
    return {word.rstrip("/ ") for word in done.stdout.splitlines()}


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_commands_options_choices_and_files(script, tmp_path):
    (tmp_path / "review.txt").write_text("x")
    (tmp_path / "folder").mkdir()
    assert {"explain", "score"} <= complete(script, tmp_path, "")
    assert complete(script, tmp_path, "ex") == {"explain"}
    assert complete(script, tmp_path, "explain", "--ag") == {"--against"}
    assert complete(script, tmp_path, "explain", "--rule", "s") == {"shared", "source"}
    assert "review.txt" in complete(script, tmp_path, "explain", "--file", "re")
    assert complete(script, tmp_path, "score", "--out", "") == {"folder"}


@pytest.mark.parametrize("shell", ["zsh", "tcsh"])
def test_other_shells(shell, capsys):
    assert main(["completion", shell]) == 0
    out = capsys.readouterr().out
    assert "cdjax" in out
    assert "explain" in out


def test_without_shtab(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "shtab", None)
    assert main(["completion", "bash"]) == 2
    assert "pip install 'cdjax[completion]'" in capsys.readouterr().err
