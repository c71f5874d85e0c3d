"""Plots: valid SVG, points where the numbers say, errors that name what does not fit."""

import math
import xml.etree.ElementTree as ET

import pytest

from viz.plots import charts as plots
from viz.plots.svg import diverging, mix
from viz.style.theme import THEMES

SVG = "{http://www.w3.org/2000/svg}"


def parsed(plot):
    return ET.fromstring(plot.svg())


def texts(plot):
    return [element.text for element in parsed(plot).iter(f"{SVG}text")]


def points(plot):
    """The points of each curve, as numbers."""
    return [
        [tuple(map(float, pair.split(","))) for pair in line.get("points").split()]
        for line in parsed(plot).iter(f"{SVG}polyline")
    ]


def test_a_straight_line_is_straight_and_rises():
    ((a, b, c),) = points(plots.lines({"y": [0.0, 1.0, 2.0]}))
    assert b[0] - a[0] == pytest.approx(c[0] - b[0], abs=0.2)
    assert a[1] - b[1] == pytest.approx(b[1] - c[1], abs=0.2)
    assert a[1] > b[1]  # SVG counts downwards


def test_a_logarithmic_axis_makes_powers_even():
    ((a, b, c),) = points(plots.lines({"y": [1.0, 0.1, 0.01]}, log=True))
    assert b[1] - a[1] == pytest.approx(c[1] - b[1], abs=0.2)


def test_places_across_are_the_xs():
    ((a, b, c),) = points(plots.lines({"y": [1.0, 2.0, 3.0]}, xs=[0.0, 1.0, 10.0]))
    assert (b[0] - a[0]) * 9 == pytest.approx(c[0] - b[0], abs=1.0)


def test_numbers_that_are_not_finite_leave_gaps():
    made = plots.lines({"y": [1.0, 2.0, math.nan, 3.0, 4.0, math.inf, 5.0]})
    assert [len(piece) for piece in points(made)] == [2, 2]
    assert len(list(parsed(made).iter(f"{SVG}circle"))) == 1


def test_a_long_curve_keeps_its_extremes():
    ys = [math.sin(i / 50.0) for i in range(20000)]
    ys[7777] = 5.0
    (curve,) = points(plots.lines({"y": ys}))
    assert len(curve) < 6000
    assert min(y for _, y in curve) == min(y for _, y in points(plots.lines({"y": [5.0, -1.0]}))[0])


def test_title_labels_and_legend_are_there():
    made = plots.lines({"one": [1.0, 2.0], "two": [2.0, 1.0]}, title="T & U", x="step", y="loss")
    assert {"T & U", "one", "two", "step", "loss"} <= set(texts(made))
    assert "one" not in texts(plots.lines({"one": [1.0, 2.0]}))  # a lone curve needs no legend


def test_ticks_are_round():
    shown = texts(plots.lines({"y": [0.13, 0.97]}))
    assert {"0", "0.2", "0.4", "0.6", "0.8", "1"} <= set(shown)
    assert {"10⁻⁵", "10⁰"} <= set(texts(plots.lines({"y": [1e-5, 1.0]}, log=True)))


def test_bars_stand_on_the_axis():
    made = plots.bars({"a": [1.0, 2.0], "b": [4.0, 0.0]}, ["x", "y"])
    boxes = [b for b in parsed(made).iter(f"{SVG}rect") if b.get("width") != "100%"]
    heights = [float(b.get("height")) for b in boxes]
    assert heights[1] == pytest.approx(2 * heights[0], abs=0.3)
    assert heights[2] == pytest.approx(4 * heights[0], abs=0.3)
    feet = {round(float(b.get("y")) + float(b.get("height"))) for b in boxes}
    assert len(feet) == 1


def test_heat_cells_carry_colour_number_and_tooltip():
    made = plots.heat([[1.0, -1.0], [0.0, math.nan]], rows_named="ab", columns_named="xy")
    light = THEMES["light"]
    boxes = [b for b in parsed(made).iter(f"{SVG}rect") if b.find(f"{SVG}title") is not None]
    assert [b.get("fill") for b in boxes] == [
        light.gradient,
        light.value,
        light.ground,
        light.bad.fill,
    ]
    assert [b.find(f"{SVG}title").text for b in boxes][1] == "a, y: -1.0"
    assert {"1", "−1", "0", "nan"} <= set(texts(made))


def test_text_on_a_heat_cell_can_be_read():
    """Contrast of 4.5:1 or more at every strength, both signs (WCAG 2)."""

    def luminance(colour):
        channels = [c / 255 for c in bytes.fromhex(colour[1:])]
        linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for theme in THEMES.values():
        for i in range(-100, 101):
            fill, ink = diverging(theme, i / 100)
            low, high = sorted((luminance(fill), luminance(ink)))
            assert (high + 0.05) / (low + 0.05) >= 4.5, (theme.name, i)


def test_several_plots_on_one_sheet():
    one = plots.lines({"y": [1.0, 2.0]}, title="one")
    sheet = plots.beside([one, one, one], columns=2)
    assert (sheet.width, sheet.height) == (2 * one.width, 2 * one.height)
    assert texts(sheet).count("one") == 3


def test_mixing():
    assert mix("#000000", "#ff8000", 1.0) == "#ff8000"
    assert mix("#000000", "#ff8000", 0.0) == "#000000"


def test_saving(tmp_path):
    plot = plots.lines({"y": [1.0, 2.0]})
    assert plot.save(tmp_path / "a.svg").read_text() == plot.svg()
    with pytest.raises(ValueError, match=r"ends in \.svg, got 'a.png'"):
        plot.save(tmp_path / "a.png")
    assert [path.name for path in tmp_path.iterdir()] == ["a.svg"]


@pytest.mark.parametrize(
    ("message", "wrong"),
    [
        ("'y' has 2 numbers for 3 places", lambda: plots.lines({"y": [1, 2]}, xs=[1, 2, 3])),
        ("at least one finite number", lambda: plots.lines({})),
        ("at least one finite number", lambda: plots.lines({"y": [math.nan]})),
        ("at least one finite number", lambda: plots.lines({"y": [-1.0]}, log=True)),
        ("'y' has 1 numbers for 2 names", lambda: plots.bars({"y": [1]}, ["a", "b"])),
        ("1 rows and 2 names", lambda: plots.heat([[1]], rows_named="ab", columns_named="x")),
        ("row 'a' has 1 numbers for 2 columns",
         lambda: plots.heat([[1]], rows_named="a", columns_named="xy")),
        ("theme must be one of light", lambda: plots.lines({"y": [1.0]}, theme="dark?")),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(message, wrong):
    with pytest.raises(ValueError, match=message):
        wrong()
