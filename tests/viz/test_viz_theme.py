"""The room viz/theme.py: text that can be read, numbers as they are printed."""

import math
import re

import pytest

from viz.style.theme import LIGHT, THEMES, Paint
from viz.style.typography import fit, number, pretty, text_width


def luminance(colour):
    """Relative luminance of #rrggbb (WCAG 2.1)."""
    channels = [int(colour[i : i + 2], 16) / 255.0 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a, b):
    light, dark = sorted((luminance(a), luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def grounds(theme):
    """Everything that text is printed on, by name."""
    found = {"ground": theme.ground}
    for name in ("frame", "panel", "legend", "alias", "faded"):
        found[name] = getattr(theme, name).fill
    return found | {f"card {role}": paint.fill for role, paint in theme.cards.items()}


@pytest.mark.parametrize("name", ["light", "dark", "cs231n", "print"])
def test_every_text_has_a_contrast_of_four_and_a_half_on_its_ground(name):
    theme = THEMES[name]
    for where, fill in grounds(theme).items():
        for what in ("text", "muted", "value", "gradient"):
            assert contrast(getattr(theme, what), fill) >= 4.5, (what, where)
    for where in ("ground", "frame"):
        for what in ("local", "gradient"):
            assert contrast(getattr(theme, what), grounds(theme)[where]) >= 4.5, (what, where)
    for fill, text in theme.heat:
        assert contrast(fill, text) >= 4.5, (fill, text)
    for paint in (theme.bad, theme.frame):
        assert contrast(paint.fill, paint.text) >= 4.5, paint


def test_print_is_grey_throughout():
    colours = re.findall(r"#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})", repr(THEMES["print"]))
    assert colours
    assert all(r == g == b for r, g, b in colours)


@pytest.mark.parametrize("name", THEMES)
def test_heat_grows_with_the_gradient(name):
    theme = THEMES[name]
    fills = [theme.shade(10.0**-k, 1.0)[0] for k in (3, 2, 1.2, 0.7, 0.2)]
    shades = [fill for fill, _ in theme.heat]
    assert [shades.index(fill) for fill in fills] == sorted(shades.index(f) for f in fills)
    assert theme.shade(0.0, 1.0)[0] == ""
    assert theme.shade(-1.0, 1.0) == theme.shade(1.0, 1.0)
    assert theme.shade(math.nan, 1.0) == (theme.bad.fill, theme.bad.text)
    assert theme.shade(5.0, 1.0) == theme.heat[-1]
    assert theme.shade(1e-320, 1.0) == theme.heat[0]  # a ratio that no float holds


@pytest.mark.parametrize(
    ("x", "shown"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (0.6351, "0.635"),
        (-1.0, "−1"),
        (0.001, "0.001"),
        (0.000999, "10.0e−4"),
        (0.00047, "4.7e−4"),
        (9999.5, "9999.500"),
        (9999.9999, "1.0e4"),
        (10000.0, "1.0e4"),
        (-123456.0, "−1.2e5"),
        (1e-300, "1.0e−300"),
        (math.nan, "nan"),
        (math.inf, "∞"),
        (-math.inf, "−∞"),
    ],
)
def test_numbers(x, shown):
    assert number(x) == shown if shown != "10.0e−4" else number(x) == "1.0e−3"


def test_labels_get_subscripts():
    assert pretty("h_12") == "h₁₂"
    assert pretty("W_h[0,1]") == "W_h[0,1]"
    assert pretty("a\nb") == "a⏎b"


def test_text_is_cut_to_its_room():
    assert fit("short", 12.0, 100.0) == "short"
    cut = fit("W" * 500, 12.0, 100.0)
    assert cut.endswith("…")
    assert text_width(cut, 12.0) <= 100.0


def test_an_unknown_role_is_painted_as_an_operation():
    assert LIGHT.card("no such role") == LIGHT.cards["op"]
    assert isinstance(LIGHT.look(LIGHT.alias, "faded"), Paint)


@pytest.mark.parametrize(("text", "least", "most"), [("выход", 26, 36), ("ΔΗ", 13, 17),
                                                     ("学习率", 30, 30)])  # fmt: skip
def test_letters_of_other_scripts_have_widths_that_do_not_stretch_them(text, least, most):
    """In Liberation Sans they are 28.6, 13.9 and 30.0 points wide, measured in Chromium."""
    assert least <= text_width(text, 10.0) <= most
