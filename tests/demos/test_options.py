"""A demo says what is wrong with its options before it prints a single step."""

import importlib
import inspect
import pkgutil

import pytest

import demos
from demos import __main__ as all_demos
from demos._common import pictures


def names():
    """The demos that can be imported here: two of them need PyTorch."""
    for found in pkgutil.iter_modules(demos.__path__):
        if not found.name.startswith("_"):
            try:
                importlib.import_module(f"demos.{found.name}")
            except ModuleNotFoundError:
                continue
            yield found.name


DEMOS = list(names())
DRAWING = [n for n in DEMOS if hasattr(importlib.import_module(f"demos.{n}"), pictures.__name__)]


def refusal(name, arguments, capsys):
    """What a demo says on stderr before it ends with exit code 2; it may print nothing else."""
    module = importlib.import_module(f"demos.{name}")
    file = ["text.txt"] if "FILE" in inspect.getsource(module) and name == "char_rnn" else []
    with pytest.raises(SystemExit) as ended:
        module.main([*file, *arguments])
    out, err = capsys.readouterr()
    assert ended.value.code == 2
    assert out == ""
    return err


@pytest.mark.parametrize("name", DEMOS)
def test_a_folder_that_cannot_be_made(name, tmp_path, capsys):
    file = tmp_path / "file"
    file.write_text("")
    for folder in (file, file / "within"):
        assert f"{file} is a file, and no folder" in refusal(name, [f"--out={folder}"], capsys)


@pytest.mark.parametrize("formats", ["foo", "", "svg,", "svg,foo"])
@pytest.mark.parametrize("name", DRAWING)
def test_a_format_that_there_is_not(name, formats, capsys):
    said = refusal(name, [f"--format={formats}"], capsys)
    wrong = formats.removeprefix("svg,")
    assert f"svg, png, dot, pdf, tex, with commas between, got {wrong!r}" in said


@pytest.mark.parametrize(
    ("name", "option", "sentence"),
    [
        ("clipping", "--lr=-1", "argument --lr: expected 0 or more, got -1.0"),
        ("clipping", "--clip=nan", "argument --clip: expected 0 or more, got nan"),
        ("char_rnn", "--clip=inf", "argument --clip: expected 0 or more, got inf"),
        ("char_rnn", "--checkpoint=.", "is a folder, and no file"),
        ("char_rnn", "--checkpoint=no/where", "there is no folder no"),
        ("microgpt", "--lr=nan", "argument --lr: expected 0 or more, got nan"),
        ("word_vectors", "--negatives=-1", "argument --negatives: expected 0 or more, got -1"),
        ("dropout", "--updates=99999999999", "expected 1 or more, at most 1,000,000,000, got 9999"),
        ("starts", "--gain=nan", "argument --gain: expected 0 or more, got nan"),
    ],
)
def test_a_number_out_of_range(name, option, sentence, capsys):
    assert sentence in refusal(name, [option], capsys)


def test_all_demos_together_check_their_folder(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    with pytest.raises(SystemExit):
        all_demos.main(["--out", str(tmp_path / "file")])
    out, err = capsys.readouterr()
    assert out == ""
    assert "is a file, and no folder" in err


def test_spaces_between_formats(tmp_path, capsys):
    importlib.import_module("demos.quiz").main(["--out", str(tmp_path), "--format", "svg, dot"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["quiz.dot", "quiz.svg"]
