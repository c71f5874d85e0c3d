"""demos/README.md is what `make demos` writes, and every demo can be asked for help."""

import pytest

from demos.__main__ import FOLDER, exhibits, readme

EXHIBITS = exhibits()


def test_the_gallery_is_not_stale():
    assert (FOLDER / "README.md").read_text(encoding="utf-8") == readme(), "run `make demos`"


@pytest.mark.parametrize("exhibit", EXHIBITS, ids=lambda exhibit: exhibit.name)
def test_every_exhibit_has_its_picture_and_its_words(exhibit):
    assert (FOLDER / "gallery" / exhibit.picture).is_file(), "run `make demos`"
    paragraph = exhibit.text().split("\n\n")[1]
    assert 80 < len(paragraph) < 900


@pytest.mark.parametrize("exhibit", EXHIBITS, ids=lambda exhibit: exhibit.name)
def test_help(exhibit, capsys):
    with pytest.raises(SystemExit) as ended:
        exhibit.module.main(["--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert f"python -m demos.{exhibit.name}" in shown
    assert "--out" in shown
