"""91 of 91 rows: whatever the five lectures show is held by a test that is there.

`python tests/demos/test_lecture_rows.py` runs these tests and counts the rows that pass.
"""

import ast
import functools
import re
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
ROWS = {
    line.split()[0]: [test for test in line.split()[1:] if test != "-"]
    for line in (TESTS / "demos/lecture_rows.txt").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
}
SIZES = {"000": 11, "001": 18, "002": 13, "003": 12, "004": 37}  # rows of each lecture
WITHOUT_CONTENT = {"002-13"}


@functools.cache
def names_in(file):
    tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_there_are_91_rows():
    wanted = [f"{lecture}-{i}" for lecture, n in SIZES.items() for i in range(1, n + 1)]
    assert list(ROWS) == wanted
    assert len(ROWS) == 91


@pytest.mark.parametrize("row", ROWS)
def test_a_row_is_held_by_tests_that_are_there(row):
    assert bool(ROWS[row]) == (row not in WITHOUT_CONTENT)
    for test in ROWS[row]:
        file, name = test.split("::")
        assert name in names_in(file)


def main():
    """Run every test of the table, and say how many rows hold."""
    tests = sorted({test for held in ROWS.values() for test in held})
    command = [sys.executable, "-m", "pytest", "-q", "-rf", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, *(str(TESTS / test) for test in tests)], capture_output=True, text=True
    )
    failed = set(re.findall(r"^FAILED \S*?tests/(\S+?::\w+)", done.stdout, re.MULTILINE))
    fails = {row: failed.intersection(held) for row, held in ROWS.items()}
    print(done.stdout.splitlines()[-1])
    for row, missing in fails.items():
        if missing:
            print(row, *sorted(missing))
    count = sum(not missing for missing in fails.values())
    print(f"{count} of {len(ROWS)} rows, {len(WITHOUT_CONTENT)} of them without content")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
