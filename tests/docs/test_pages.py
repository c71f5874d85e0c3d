"""Every page of the docs and the README: its blocks run as they stand, its links lead somewhere."""

import importlib.util
import re
import shutil
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"

spec = importlib.util.spec_from_file_location("docs_build", DOCS / "build.py")
build = importlib.util.module_from_spec(spec)
sys.modules["docs_build"] = build
spec.loader.exec_module(build)

PAGES = [*build.pages(), *(p for p in sorted(ROOT.glob("*.md")))]
NAMED = [pytest.param(page, id=str(page.relative_to(ROOT))) for page in PAGES]
LINK = re.compile(r"(?<!`)\[[^\]]*\]\(([^)\s]+)\)")
FRAME = re.compile(r'<iframe src="([^"]+)" title="[^"]+"')


def without_code(page):
    return re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.M)


@pytest.mark.parametrize("page", [p for p in NAMED if any(True for _ in build.blocks(p.values[0]))])
def test_blocks_run_as_they_stand(page, tmp_path):
    build.run_page(page, tmp_path)
    for frame in FRAME.findall(without_code(page)):
        path = page.parent / frame.partition("?")[0]
        if path.is_relative_to(DOCS) and str(path.relative_to(DOCS)) in build.DEMOS:
            continue
        assert (tmp_path / frame.partition("?")[0]).is_file(), frame


@pytest.mark.parametrize("page", NAMED)
def test_links_lead_to_files(page):
    for target in LINK.findall(without_code(page)):
        path, _, part = target.partition("#")
        if "://" in target or not path:
            continue
        found = (page.parent / path).resolve()
        assert found.exists(), f"{target} in {page.name}"
        if part and found.suffix == ".md":
            heads = re.findall(r"^#+ (.*)$", found.read_text(encoding="utf-8"), re.M)
            slugs = {re.sub(r"[^\w -]", "", head).lower().replace(" ", "-") for head in heads}
            assert part in slugs, f"{target} in {page.name}"


def words(picture):
    """The names and numbers of a picture, wherever they stand."""
    texts = ElementTree.fromstring(picture.read_text(encoding="utf-8")).itertext()
    return sorted(text.strip() for text in texts if text.strip())


def test_pictures_that_are_kept_show_what_their_pages_draw(tmp_path):
    kept = sorted(DOCS.rglob("pictures/*.svg"))
    docs = tmp_path / "docs"
    for folder in {picture.parent.parent for picture in kept}:
        shutil.copytree(folder, docs / folder.name)
    copies = [docs / picture.relative_to(DOCS) for picture in kept]
    for copy in copies:
        copy.write_text("<svg/>")
    assert sorted(build.draw_pictures(docs)) == sorted(copies)
    for picture, copy in zip(kept, copies):
        assert words(picture) == words(copy), f"{picture.name} is stale: run `make demos`"


LESSONS = sorted((DOCS / "course").glob("[0-9]*.md"))


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_every_lesson_has_a_live_page_a_question_with_its_answer_and_an_exercise(lesson):
    text = lesson.read_text(encoding="utf-8")
    live, _, rest = text.partition("**Question.**")
    answer, _, exercise = rest.partition("**Exercise.**")
    assert FRAME.search(live)
    assert '<details markdown="1"><summary>Answer</summary>\n\n' in answer
    assert re.search(r"`microgrid exercise [\w-]+ .*--seed \d -o sheet.pdf`", exercise)


def test_there_are_eight_lessons_and_each_is_listed():
    lessons = [path.name for path in LESSONS]
    listed = LINK.findall((DOCS / "course" / "README.md").read_text(encoding="utf-8"))
    assert len(lessons) == 8
    assert [target for target in listed if target in lessons] == lessons


def test_blocks_of_a_lesson_can_be_typed_in_any_folder():
    for page in build.pages():
        for line, text in build.blocks(page):
            for name in re.findall(
                r"viz\.(?:render|player|animate)\([^)]*?\"([^\"]+\.\w+)\"", text
            ):
                assert "/" not in name, f"{page.name}, line {line}: {name}"


def test_a_page_that_a_demo_makes_is_shown_and_not_kept():
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").split()
    for target, demo in build.DEMOS.items():
        assert f"{Path(target).name}?embed" in "".join(map(without_code, build.pages()))
        assert (ROOT / "demos" / f"{demo}.py").is_file()
        assert f"/demos/gallery/{Path(target).name}" in ignored


def test_a_page_that_lies_is_caught(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("```python\nx = 1\n```\n\n```python\n>>> x\n2\n```\n")
    with pytest.raises(AssertionError, match=r"page.md, line 6:(?s:.)*Expected:(?s:.)*2"):
        build.run_page(page, tmp_path)


def test_the_site_lists_every_page():
    shown = set(re.findall(r'"([\w/.-]+\.md)"', (ROOT / "zensical.toml").read_text()))
    assert shown == {str(page.relative_to(DOCS)) for page in build.pages()}


def test_the_site_asks_the_network_for_nothing(tmp_path):
    pytest.importorskip("zensical", reason="pip install 'microgrid-autograd[docs]'")
    site = tmp_path / "site"
    build.main(["--out", str(site)])
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        loaded = re.findall(r'<(?:script|img|iframe|link)[^>]+(?:src|href)="(https?:[^"]+)"', text)
        assert loaded == [], page
        for frame in re.findall(r'<iframe[^>]+src="([^"?]+)', text):
            assert (page.parent / frame).is_file(), frame
    for target in ("course/pictures/quiz.html", *build.DEMOS):
        assert (site / target).is_file(), target


def to_extend():
    """The files that CONTRIBUTING.md says an addition goes into."""
    contributing = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    listed = re.findall(r"^Files: ((?:.+\n)+)", contributing, re.M)
    assert len(listed) >= 5
    return [name for part in listed for name in re.findall(r"`([^`]+)`", part)]


def test_there_is_room_where_contributing_says_to_add():
    """A file has at most 400 lines: who adds an op or a cell should not have to split one."""
    lines = {
        name: len((ROOT / name).read_text(encoding="utf-8").splitlines()) for name in to_extend()
    }
    assert {name: count for name, count in lines.items() if count > 385} == {}


def test_files_that_contributing_and_architecture_name_are_there():
    named = to_extend()
    architecture = (DOCS / "architecture.md").read_text(encoding="utf-8")
    named += re.findall(r"`((?:microgrid|viz)/[\w/.]+)`", architecture)
    missing = [name for name in named if not (ROOT / name).exists()]
    assert missing == []


def test_every_room_of_the_readme_is_there_and_every_room_is_in_the_readme():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    table = readme[readme.index("## Rooms") :]
    rows = re.findall(r"^\| (`.+?) \|", table, re.M)
    named = {name.rstrip("/") for row in rows for name in re.findall(r"`([\w/.]+)`", row)}
    rooms = {
        f"{top}/{path.name}"
        for top in ("microgrid", "viz")
        for path in (ROOT / top).iterdir()
        if (path.suffix == ".py" and not path.name.startswith("__"))
        or (path / "__init__.py").is_file()
    } | {"demos", "tests", "benchmarks", "docs"}
    covered = {room for room in rooms if room in named or room.partition("/")[0] in named}
    assert named - rooms == set()
    assert rooms - covered == set()
