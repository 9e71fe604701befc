"""The offline check finds every planted load from elsewhere, and nothing in a clean site; vendoring is done once."""

from pathlib import Path

import pytest

from course_lib.core.errors import CourseError
from course_lib.publishing import offline
from course_lib.publishing.offline import ASSETS, CHECKS, TOOLS, check_offline, find_node, find_npm, vendor_assets

ROOT = Path(__file__).parents[2]

FAULTS = {
    "script": '<script src="https://cdn.example/x.js"></script>',
    "script without scheme": "<script src='//cdn.example/x.js'></script>",
    "upper case": '<SCRIPT SRC="HTTPS://cdn.example/x.js"></SCRIPT>',
    "image": '<img src="http://cdn.example/x.png" alt="">',
    "srcset": '<img srcset="here.js 1x, https://cdn.example/x.png 2x" alt="">',
    "stylesheet": '<link rel="stylesheet" href="https://cdn.example/x.css">',
    "icon": '<link href="https://cdn.example/x.ico" rel="shortcut icon">',
    "preload": '<link rel="preload" as="font" href="https://cdn.example/x.woff2">',
    "preconnect": '<link rel="preconnect" href="https://cdn.example">',
    "frame": '<iframe src="https://cdn.example/"></iframe>',
    "style attribute": '<p style="background: url(https://cdn.example/x.png)">x</p>',
    "style url": "<style>p { background: url( 'https://cdn.example/x.png' ) }</style>",
    "style import": '<style>@import "https://cdn.example/x.css";</style>',
    "inline import": '<script>import("https://cdn.example/x.mjs")</script>',
    "inline module": '<script type="module">import x from "https://cdn.example/x.mjs"</script>',
    "import map": '<script type="importmap">{"imports": {"x": "https://cdn.example/x.mjs"}}</script>',
    "inline src": "<script>s.src = 'https://cdn.example/x.js'</script>",
    "fetch": "<script>fetch('https://cdn.example/x.json')</script>",
    "svg image": '<svg><image href="https://cdn.example/x.png"/></svg>',
    "refresh": '<meta http-equiv="refresh" content="0; url=https://cdn.example/">',
    "module script": '<script type="module" src="here.js"></script>',
    "missing file": '<script src="gone.js"></script>',
    "dead link": '<a href="gone.html">x</a>',
    "server root": '<img src="/here.png" alt="">',
}
FINE = """<!DOCTYPE html><html><head><link rel="canonical" href="https://example.org/">
<link rel="stylesheet" href="s.css?v=1">
<link rel="license" href="https://example.org/licence"><script src="here.js"></script></head><body>
<a href="https://example.org/">elsewhere</a> <a href="#top">up</a> <a href="page.html#x">here</a>
<a href="mailto:a@b.c">m</a> <img src="data:image/png;base64,AAAA" alt=""> <svg><use href="#a"/></svg>
<p>import("https://cdn.example/x.mjs") in prose is no load</p><!-- <img src="https://cdn.example/x.png"> -->
<script>const where = "https://example.org/"; // a constant is no load</script></body></html>"""


def _site(folder: Path, body: str = "") -> Path:
    (folder / "page.html").write_text(FINE.replace("</body>", body + "</body>"), encoding="utf-8")
    (folder / "here.js").write_text("var a = 1", encoding="utf-8")
    (folder / "s.css").write_text(
        "/* url(https://cdn.example/no.png) */ p { background: url(data:image/png;base64,AA) }"
        " q::before { content: 'url(https://cdn.example/no.png)' }",
        encoding="utf-8",
    )
    return folder


def test_a_clean_site_has_no_problems(tmp_path):
    assert check_offline(_site(tmp_path)) == []


@pytest.mark.parametrize("fault", FAULTS)
def test_every_planted_fault_is_found(tmp_path, fault):
    problems = check_offline(_site(tmp_path, "\n" + FAULTS[fault]))
    assert len(problems) == 1 and problems[0].startswith("page.html, line "), problems


@pytest.mark.parametrize(
    "css",
    [
        "@import url(https://cdn.example/x.css);",
        "@IMPORT 'https://cdn.example/x.css';",
        "@font-face { src: url(//cdn.example/x.woff2) }",
        "@media print { p { background: URL('https://cdn.example/x.png') } }",
        "p { background: image-set(url(https://cdn.example/x.png) 1x) }",
        r"p { background: url(\68ttps://cdn.example/x.png) }",
        "p { background: url(gone.png) }",
    ],
)
def test_faults_in_a_style_sheet(tmp_path, css):
    _site(tmp_path)
    (tmp_path / "more.css").write_text(css, encoding="utf-8")
    assert [p.split(":")[0] for p in check_offline(tmp_path)] == ["more.css"]


def test_a_fault_in_a_script_file_and_vendored_scripts_left_alone(tmp_path):
    _site(tmp_path)
    for folder in ("_static", "_static/vendor"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.js").write_text('import("https://cdn.example/x.mjs")', encoding="utf-8")
    assert check_offline(tmp_path) == ["_static/x.js: script loads https://cdn.example/x.mjs"]


def test_no_site(tmp_path):
    with pytest.raises(CourseError, match="make book"):
        check_offline(tmp_path / "none")


@pytest.fixture
def fake_npm(monkeypatch):
    """Stands for ``npm ci``: lays the files down that the packages would bring, and counts the calls."""
    calls = []

    def install(folder: Path, dev: bool) -> None:
        calls.append(dev)
        for package, patterns, _ in (*ASSETS, *TOOLS, *(CHECKS if dev else ())):
            for pattern in patterns:
                file = folder / "node_modules" / package / pattern.replace("*", "some")
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text("x", encoding="utf-8")

    monkeypatch.setattr(offline, "_npm_ci", install)
    return calls


def _lock(folder: Path, text: str = "{}") -> Path:
    folder.mkdir(exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_vendoring_is_done_once_per_lock(tmp_path, fake_npm):
    source, to = _lock(tmp_path / "source"), tmp_path / "to"
    vendor_assets(source, to)
    vendor_assets(source, to)
    assert len(fake_npm) == 1
    assert (to / "widgets/embed.js").is_file() and (to / "widgets/some.woff").is_file() and not (to / "npm").exists()
    assert not (to / "mathjax").exists()  # that is for the build, not for pages
    vendor_assets(_lock(source, '{"other": 1}'), to)
    assert len(fake_npm) == 2


def test_tools_of_the_build_and_of_the_checks_lie_apart(tmp_path, fake_npm):
    source = _lock(tmp_path / "source")
    tools = vendor_assets(source, tmp_path / "tools", assets=TOOLS)
    assert (tools / "mathjax/node-main.js").is_file() and (tools / "mathjax/input/tex/extensions/some.js").is_file()
    checks = vendor_assets(source, tmp_path / "checks", assets=CHECKS, dev=True)
    assert (checks / "axe/axe.min.js").is_file() and fake_npm == [False, True]


def test_a_failed_installation_leaves_the_old_files_and_says_why(tmp_path, fake_npm, monkeypatch):
    source, to = _lock(tmp_path / "source"), tmp_path / "to"
    vendor_assets(source, to)
    before = sorted(p.relative_to(to) for p in to.rglob("*"))
    monkeypatch.undo()
    monkeypatch.setattr(offline, "find_npm", lambda: ["sh", "-c", "echo 'npm error EINTEGRITY bad hash' >&2; exit 1"])
    with pytest.raises(CourseError, match="EINTEGRITY bad hash"):
        vendor_assets(_lock(source, '{"other": 1}'), to)
    assert sorted(p.relative_to(to) for p in to.rglob("*")) == before
    assert [p.name for p in tmp_path.iterdir() if p.name not in ("source", "to")] == []


def test_a_package_without_its_script_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(offline, "_npm_ci", lambda folder, dev: None)
    with pytest.raises(CourseError, match="embed.js"):
        vendor_assets(_lock(tmp_path / "source"), tmp_path / "to")


def test_no_lock_and_not_allowed_to_run(tmp_path, fake_npm):
    with pytest.raises(CourseError, match="lock file"):
        vendor_assets(tmp_path, tmp_path / "to")
    with pytest.raises(CourseError, match="make book"):
        vendor_assets(_lock(tmp_path / "source"), tmp_path / "to", run=False)
    assert fake_npm == []


def test_npm_is_found_without_one_on_the_path(monkeypatch):
    import subprocess

    monkeypatch.setattr(offline.shutil, "which", lambda name: None)
    done = subprocess.run([*find_npm(), "--version"], capture_output=True, text=True, env={"PATH": "/nonexistent"})
    assert done.returncode == 0 and done.stdout.strip()[0].isdigit()


def test_node_is_found_beside_npm(monkeypatch):
    import subprocess

    monkeypatch.setattr(offline.shutil, "which", lambda name: None)
    done = subprocess.run([find_node(), "--eval", "console.log(6 * 7)"], capture_output=True, text=True)
    assert done.stdout.strip() == "42"


def test_the_lock_names_hashes_and_no_registry():
    text = (ROOT / "book" / "vendor" / "package-lock.json").read_text(encoding="utf-8")
    assert '"resolved"' not in text and text.count('"integrity"') >= 2
