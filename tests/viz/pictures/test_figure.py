"""Axes and files of pictures, and their fonts."""

import importlib
import sys

import cdjax.viz.pictures
import matplotlib
import pytest
from cdjax.viz.pictures import fonts, write_picture
from cdjax.viz.pictures.fonts import Fonts, find_families
from matplotlib import pyplot
from matplotlib.figure import Figure

from tests.pictures import check_picture
from tests.viz.pictures.drawn import draw_into, whatever_fonts
from tests.viz.terminal.printing import explain_text


def test_axes_in_and_axes_out():
    explanation = explain_text("negation")
    axes = explanation.plot.words(["bad film", (0, 2)])
    assert axes.figure.get_size_inches()[0] == pytest.approx(8.0)
    pyplot.close(axes.figure)
    with pyplot.style.context("dark_background"):
        axes = explanation.plot.words()
    assert axes.texts[0].get_color() == "#e8e8e8"
    pyplot.close(axes.figure)
    figure = Figure(figsize=(12, 6), layout="constrained")
    for ax, name in zip(
        figure.subplots(2, 2).flat, ("words", "waterfall", "triangle", "tree"), strict=True
    ):
        assert getattr(explanation.plot, name)(ax=ax) is ax
        assert ax.texts
    figure = Figure(figsize=(8, 8))
    assert explanation.plot(ax=figure.subplots()).texts
    assert explanation.plot.compare([explanation], ax=figure.add_axes((0, 0, 1, 1))).texts
    with pytest.raises(KeyError, match="there is no phrase 'never'"):
        explanation.plot.words(["never"])


def test_a_picture_in_little_room_is_smaller_and_in_less_refused():
    explanation = explain_text("negation")
    sizes = [
        draw_into(size, "words", explanation).texts[0].get_fontsize() for size in ((8, 4), (4, 1.5))
    ]
    assert sizes[1] < sizes[0] == 11.0
    with pytest.raises(ValueError, match=r"axes are 1\.0 x 1\.0 inches, too small.*ax=None"):
        draw_into((1, 1), "words", explanation)


def test_the_same_scores_give_the_same_bytes_whatever_the_users_settings(tmp_path):
    explanation = explain_text("markup")
    for name in ("one", "two"):
        with matplotlib.rc_context(
            {"font.size": 20.0, "figure.facecolor": "k"} if name == "two" else {}
        ):
            for ending in (".png", ".svg"):
                write_picture(tmp_path / (name + ending), "words", [explanation])
    for ending in (".png", ".svg"):
        one, two = (tmp_path / (name + ending) for name in ("one", "two"))
        assert one.read_bytes() == two.read_bytes()
    check_picture(tmp_path / "one", ["[bold]a[/bold]", "[red]film[/]"])


def test_texts_are_shortened_and_wrapped():
    measured = Fonts()
    assert measured.shorten("short", 9.0, 2.0) == "short"
    cut = measured.shorten("a text of many words", 9.0, 0.6)
    assert cut.endswith("…")
    assert measured.measure(cut, 9.0) <= 0.6
    assert measured.shorten("e\u0301" * 9, 9.0, 0.3).count("e") == measured.shorten(
        "e\u0301" * 9, 9.0, 0.3
    ).count("\u0301")
    lines = measured.wrap("one two three four five six", 9.0, 0.8)
    assert " ".join(lines) == "one two three four five six"
    assert all(measured.measure(line, 9.0) <= 0.8 for line in lines)
    broken = measured.break_words("short " + "o" * 40, 9.0, 0.8)
    assert broken.replace(" ", "") == "short" + "o" * 40
    assert all(measured.measure(part, 9.0) <= 0.8 for part in broken.split())
    marks = measured.break_words("e\u0301" * 20, 9.0, 0.3).split()
    assert all(part.startswith("e") and part.endswith("\u0301") for part in marks)
    two = measured.wrap("one two three four five six", 9.0, 0.8, most=2)
    assert len(two) == 2
    assert two[1].endswith("…")


def test_fonts_are_found_for_characters_or_it_is_told(monkeypatch):
    assert find_families(frozenset("añж…\u200d\ufe0f")) == (fonts.BASE,)
    monkeypatch.setattr(fonts, "_list_fonts", lambda: ())
    fonts._find_best.cache_clear()
    with pytest.warns(UserWarning, match="no font of this machine has 1 of the characters, as 好"):
        families = find_families(frozenset("a好"))
    assert families == (fonts.BASE, fonts.LAST_RESORT)
    fonts._find_best.cache_clear()
    path = str(matplotlib.font_manager.findfont("STIXGeneral"))
    monkeypatch.setattr(fonts, "_list_fonts", lambda: (("STIXGeneral", path),))
    only_there = next(
        iter(
            fonts._characters_of(path)
            - fonts._characters_of(str(matplotlib.font_manager.findfont(fonts.BASE)))
            - {"\x00"}
        )
    )
    assert "STIXGeneral" in find_families(frozenset(only_there))
    fonts._find_best.cache_clear()


def test_missing_glyphs_do_not_stop_a_picture(tmp_path):
    with whatever_fonts():
        write_picture(tmp_path / "emoji.png", "words", [explain_text("emoji")])
    assert (tmp_path / "emoji.png").stat().st_size > 1000


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ModuleNotFoundError, match=r"matplotlib.*cdjax\[plot\]"):
        importlib.reload(cdjax.viz.pictures)
