"""What stands in the course's golden files is what PyTorch and micrograd answer today."""

import json
import sys

import pytest

pytest.importorskip("torch")

from golden import record_micrograd, record_torch_course, record_torch_demos, record_torch_modules


def same(found, recorded, where):
    """Assert that nested answers agree to 1e-9."""
    if isinstance(recorded, dict):
        assert found.keys() == recorded.keys(), where
        for key, answer in recorded.items():
            same(found[key], answer, f"{where} {key}")
    elif isinstance(recorded, list):
        assert len(found) == len(recorded), where
        for i, answer in enumerate(recorded):
            same(found[i], answer, f"{where}[{i}]")
    elif isinstance(recorded, float):
        assert found == pytest.approx(recorded, rel=1e-9, abs=1e-12), where
    else:
        assert found == recorded, where


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ["functions", "optimizers"])
def test_functions_and_optimizers_are_pytorch_s(name):
    file = {"functions": "torch_functions.json", "optimizers": "torch_optim.json"}[name]
    recorded = read(record_torch_course.FOLDER / file)["cases"]
    same(json.loads(json.dumps(getattr(record_torch_course, name)())), recorded, name)


def test_modules_are_pytorch_s():
    recorded, found = read(record_torch_modules.FILE), record_torch_modules.record()
    for answers in (recorded, found):
        answers.pop("deviations")  # of numbers drawn without a seed
    same(found, recorded, "modules")


@pytest.mark.parametrize("demo", record_torch_demos.DEMOS, ids=lambda demo: demo.__name__)
def test_demos_are_pytorch_s(demo):
    same(demo(), read(record_torch_demos.FILE)[demo.__name__], demo.__name__)


def test_the_gpt_is_micrograd_s():
    pytest.importorskip("micrograd")
    record_micrograd.with_exp_and_log()
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(100_000)  # its sweep is recursive
    try:
        found = record_micrograd.answers(record_micrograd.program("micrograd.engine"))
    finally:
        sys.setrecursionlimit(limit)
    same(found, read(record_micrograd.FILE), "micrograd")
