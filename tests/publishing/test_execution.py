"""The execution cache: a chapter runs again exactly when its code, its lock or its data changed."""

import json
import os
from pathlib import Path

import pytest

from course_lib.core.errors import CourseError
from course_lib.publishing import offline
from course_lib.publishing.build import build, main
from course_lib.publishing.execution import Book, ChapterError, commit, peak_memory_mb, threads

ROOT = Path(__file__).parents[2]

HEAD = "---\nfile_format: mystnb\nkernelspec:\n  name: python3\n  display_name: Python 3\n---\n# Chapter {name}\n\n"
CELL = "```{{code-cell}}\n{code}\n```\n\n"
RAN = "import os\n_ = open(os.environ['COURSE_TEST_RAN'], 'a').write('{name} ')"


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A package ``course_lib`` of three modules, a lock file, a data file."""
    package = tmp_path / "course_lib"
    for folder in (package, package / "branch"):
        _write(folder / "__init__.py", "")
    _write(package / "branch" / "a.py", "def value():\n    return 'a-first'\n")
    _write(package / "branch" / "c.py", "VALUE = 'c-first'\n")
    _write(package / "branch" / "b.py", "from course_lib.branch.c import VALUE\n\n\ndef value():\n    return VALUE\n")
    _write(tmp_path / "requirements.txt", "numpy==1\n")
    _write(tmp_path / "data" / "result.json", "[1]\n")
    return tmp_path


ONE = ["from course_lib.branch.a import value", "print(value())"]
TWO = ["%%time\nimport course_lib.branch.b as b", "_ = %pwd\nprint(b.value(), open('../../data/result.json').read())"]


class TestKey:
    def key(self, root: Path, cells: list[str]) -> str:
        return Book(root, root / "logs", root / "course_lib").key(cells, root / "book" / "start")

    def test_same_input_same_key(self, root):
        assert self.key(root, ONE) == self.key(root, ONE) != self.key(root, TWO)

    @pytest.mark.parametrize(
        ("file", "one", "two"),
        [
            ("course_lib/branch/a.py", True, False),
            ("course_lib/branch/b.py", False, True),
            ("course_lib/branch/c.py", False, True),  # through b
            ("data/result.json", False, True),
            ("requirements.txt", True, True),
        ],
    )
    def test_what_a_change_reaches(self, root, file, one, two):
        before = self.key(root, ONE), self.key(root, TWO)
        with open(root / file, "a", encoding="utf-8") as f:
            f.write("\n# changed\n")
        assert (self.key(root, ONE) != before[0], self.key(root, TWO) != before[1]) == (one, two)

    @pytest.mark.parametrize("name", ["data/result.json", "../../data/result.json", "../../data/", "data/"])
    def test_a_data_file_or_folder_is_found_from_the_root_and_from_the_page(self, root, name):
        before = self.key(root, [f"x = {name!r}"])
        _write(root / "data" / "result.json", "[2]\n")
        assert self.key(root, [f"x = {name!r}"]) != before

    def test_files_outside_the_root_and_in_the_build_are_not_read(self, root):
        _write(root / "_build" / "x.json", "1")
        _write(root.parent / "outside.json", "1")
        cells = ["x = '_build/x.json', '/', '..', '../..', '../../../outside.json', 'a\\0b', 'x' * 9"]
        before = self.key(root, cells)
        _write(root / "_build" / "x.json", "2")
        _write(root.parent / "outside.json", "2")
        assert self.key(root, cells) == before

    def test_the_bare_package_counts_as_its_whole_face(self, root):
        _write(root / "course_lib" / "shop" / "__init__.py", "")
        _write(root / "course_lib" / "shop" / "shop.py", "class Shop: pass\n")
        before = self.key(root, ["import course_lib as c", "c.Shop"])
        _write(root / "course_lib" / "shop" / "shop.py", "class Shop: x = 1\n")
        assert self.key(root, ["import course_lib as c", "c.Shop"]) != before

    def test_a_cell_that_is_no_python_has_no_say(self, root):
        assert self.key(root, ["%%bash\nls | wc", *ONE]) == self.key(root, ["this is ( no python", *ONE])


TOC = "format: jb-book\nroot: book/index\nchapters:\n- file: book/start/one\n- file: book/start/two\n"


class TinyBook:
    """A book of two chapters; ``build`` says which of them ran."""

    def __init__(self, root: Path):
        self.root, self.ran = root, root / "ran.txt"
        import yaml

        config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
        config["sphinx"]["config"]["course_package"] = str(root / "course_lib")
        _write(root / "_config.yml", yaml.safe_dump(config))
        _write(root / "_toc.yml", TOC)
        _write(root / "book" / "index.md", "# Map\n\nWords.\n")
        _write(root / "book" / "references.bib", "")
        for name in ("package.json", "package-lock.json"):
            _write(root / "book" / "vendor" / name, "{}")
        _write(root / "book" / "_static" / "favicon.svg", '<svg xmlns="http://www.w3.org/2000/svg"/>')
        self.chapter("one", ONE)
        self.chapter("two", TWO)

    def chapter(self, name: str, cells: list[str], text: str = "") -> None:
        body = "".join(CELL.format(code=code) for code in [RAN.format(name=name), *cells])
        page = HEAD.format(name=name) + text + body + ":::{admonition} Run card\n:class: run-card\nIn the book.\n:::\n"
        _write(self.root / "book" / "start" / f"{name}.md", page)

    def build(self) -> set[str]:
        self.ran.write_text("", encoding="utf-8")
        build(self.root, check_map=False)
        return set(self.ran.read_text(encoding="utf-8").split())

    def html(self, name: str) -> str:
        return (self.root / "_build" / "html" / "book" / "start" / f"{name}.html").read_text(encoding="utf-8")

    def change(self, file: str, old: str, new: str) -> None:
        path = self.root / file
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture
def tiny(root, monkeypatch) -> TinyBook:
    def bring(folder: Path, dev: bool) -> None:  # in place of npm, which needs a network: what this book needs of it
        for package, patterns, _ in (*offline.ASSETS, *offline.TOOLS):
            _write(folder / "node_modules" / package / patterns[0], "")

    monkeypatch.setattr(offline, "_npm_ci", bring)
    monkeypatch.setenv("PYTHONPATH", str(root))
    monkeypatch.setenv("COURSE_TEST_RAN", str(root / "ran.txt"))
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")  # edits within a second must not meet stale bytecode
    return TinyBook(root)


@pytest.mark.slow
def test_only_what_changed_runs_again(tiny):
    assert tiny.build() == {"one", "two"}
    assert "a-first" in tiny.html("one") and "c-first [1]" in tiny.html("two")
    runs = json.loads((tiny.root / "_build" / "execution.json").read_text(encoding="utf-8"))
    assert set(runs) == {"book/start/one", "book/start/two"}
    assert 'class="run-card"' in tiny.html("one") and runs["book/start/one"]["date"][:10] in tiny.html("one")

    assert tiny.build() == set()

    tiny.change("course_lib/branch/a.py", "a-first", "a-second")
    assert tiny.build() == {"one"}
    assert "a-second" in tiny.html("one") and "a-first" not in tiny.html("one")

    tiny.change("course_lib/branch/c.py", "c-first", "c-second")  # two imports it through b
    tiny.change("data/result.json", "[1]", "[2]")
    assert tiny.build() == {"two"}
    assert "c-second [2]" in tiny.html("two")

    tiny.chapter("one", ONE, text="A new sentence.\n\n")  # words are no code
    assert tiny.build() == set()
    assert "A new sentence." in tiny.html("one") and "a-second" in tiny.html("one")

    tiny.change("course_lib/branch/a.py", "a-second", "a-first")  # the record of the first build fits again
    assert tiny.build() == set()
    assert "a-first" in tiny.html("one")
    again = json.loads((tiny.root / "_build" / "execution.json").read_text(encoding="utf-8"))
    assert again["book/start/one"] == runs["book/start/one"]

    tiny.change("requirements.txt", "numpy==1", "numpy==2")
    assert tiny.build() == {"one", "two"}


@pytest.mark.slow
def test_a_failing_cell_is_one_line_and_is_not_cached(tiny, capsys):
    tiny.change("course_lib/branch/a.py", "return 'a-first'", "raise ValueError('no\\nluck')")
    with pytest.raises(ChapterError) as raised:
        tiny.build()
    log = tiny.root / "_build" / "logs" / "book" / "start" / "one.md.log"
    assert str(raised.value).startswith("book/start/one.md, code cell 3: ValueError: no")
    assert str(log) in str(raised.value) and "\n" not in str(raised.value)
    assert "raise ValueError" in log.read_text(encoding="utf-8") and "\x1b" not in log.read_text(encoding="utf-8")

    tiny.change("course_lib/branch/a.py", "raise ValueError('no\\nluck')", "return 'mended'")
    assert tiny.build() == {"one", "two"}
    assert "mended" in tiny.html("one")

    tiny.chapter("two", ["import os, signal; os.kill(os.getpid(), signal.SIGKILL)"])
    with pytest.raises(ChapterError, match="book/start/two.md, code cell 2: .*Kernel"):
        tiny.build()


@pytest.mark.slow
def test_a_load_from_another_host_fails_the_build_every_time(tiny):
    tiny.chapter("one", [], text='<img src="https://cdn.example/x.png" alt="">\n\n')
    tiny.chapter("two", [])
    for _ in range(2):
        with pytest.raises(CourseError, match="1 load"):
            tiny.build()


@pytest.mark.slow
def test_errors_fail_the_build_until_they_are_mended_and_warnings_do_when_strict(tiny):
    tiny.chapter("one", [], text="```{mermaid}\nflowchart LR\naccDescr: x\na[A] --> b\n```\n\n")
    tiny.chapter("two", [])
    for _ in range(2):
        with pytest.raises(CourseError, match=r"1 error\(s\)"):
            tiny.build()
    tiny.chapter("one", [], text="[nowhere](gone.md)\n\n")
    assert tiny.build() == {"one"} - {"one"}  # the cells are as before
    for _ in range(2):
        with pytest.raises(CourseError, match="warnings"):
            build(tiny.root, check_map=False, strict=True)
    tiny.chapter("one", [])
    assert build(tiny.root, check_map=False, strict=True, fresh=True).is_dir()


def test_the_command_prints_the_place_or_one_line(tmp_path, capsys, monkeypatch):
    from course_lib.publishing import build as module

    monkeypatch.setattr(module, "build", lambda root, **_: root / "_build" / "html")
    assert main(["--root", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert str(tmp_path / "_build" / "html" / "index.html") in said and "minutes" in said

    def stopped(root, **_):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "build", stopped)
    assert main([]) == 130 and capsys.readouterr().err.count("\n") == 1


def test_the_command_says_what_is_missing(tmp_path, capsys):
    assert main(["--root", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ") and "_config.yml" in said and said.count("\n") == 1


def test_threads_and_memory_and_commit(monkeypatch, tmp_path):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert threads() == 3
    monkeypatch.setenv("OMP_NUM_THREADS", "zero")
    assert 1 <= threads() <= os.cpu_count()
    assert peak_memory_mb(os.getpid()) > 1 or not Path("/proc/self/status").exists()
    assert commit(tmp_path) == "unknown"
