"""The figure of the family of rules."""

import itertools

import pytest
from benchmarks.paper.rules_figure import Plane, Surface, _join_near, _mesh_lines, draw_planes
from benchmarks.paper.values import FigureError
from matplotlib.figure import Figure

from tests.pictures import check_picture

SHARES = 0.0, 0.5, 1.0
POINTS = {(a, b): (0.4 + a / 5, 0.6 + b / 5) for a, b in itertools.product(SHARES, SHARES)}
PLANE = Plane(
    "labels",
    "composition",
    list(POINTS.values()),
    [Surface("to the phrase", POINTS)],
    {"paper": (0.4, 0.6), "shared": (0.5, 0.7)},
    {"leave one out": (0.45, 0.55)},
)


def test_rules_methods_and_meshes_are_named(tmp_path):
    draw_planes(tmp_path / "rules", [PLANE, PLANE._replace(y_label="negation")])
    labels = ["the family", "to the phrase", "CD (paper)", "CD (shared)", "leave one out"]
    check_picture(tmp_path / "rules", [*labels, "labels", "composition", "negation"])


def test_points_near_each_other_share_a_label():
    axes = Figure().add_subplot()
    axes.set(xlim=(0, 1), ylim=(0, 10))
    points = {"a": (0.5, 5), "far": (0.9, 5), "b": (0.51, 5.1), "above": (0.5, 6)}
    groups = _join_near(points, axes)
    assert groups == [(["a", "b"], (0.5, 5)), (["far"], (0.9, 5)), (["above"], (0.5, 6))]


def test_a_mesh_has_lines_of_equal_shares_inside_and_outside():
    lines = _mesh_lines(PLANE.surfaces[0])
    assert len(lines) == 6
    for n, line in enumerate(lines):
        fixed = 0 if n < 3 else 1
        assert len({point[fixed] for point in line}) == 1
        assert len({point[1 - fixed] for point in line}) == 3


def test_nothing_is_refused(tmp_path):
    with pytest.raises(FigureError, match="no panels"):
        draw_planes(tmp_path / "rules", [])
    with pytest.raises(FigureError, match="a panel has no rules"):
        draw_planes(tmp_path / "rules", [PLANE._replace(family=[])])
    assert not list(tmp_path.iterdir())
