"""A small book of one's own: pages written in a test, built with the extensions that the test names."""

import io
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


class SmallBook:
    """Pages below a temporary folder; ``build`` returns the folder of the output and the warnings."""

    def __init__(self, root: Path):
        self.root = root

    def write(self, path: str, text: str) -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    def build(self, *extensions: str, language: str = "en", builder: str = "html", **settings) -> tuple[Path, str]:
        from sphinx import locale
        from sphinx.application import Sphinx
        from sphinx.util.docutils import docutils_namespace, patch_docutils

        locale.translators.clear()  # else the words of a book that was built before in this process would come first
        out, warnings = self.root / "_build" / f"{builder}-{language}", io.StringIO()
        use = {
            "extensions": ["sphinx_design", "myst_parser", *(f"course_lib.publishing.{name}" for name in extensions)],
            "root_doc": "index", "source_suffix": {".md": "markdown"}, "language": language,
            "myst_enable_extensions": ["colon_fence", "dollarmath", "amsmath"], "exclude_patterns": ["_build"],
            "html_theme": "basic", "html_static_path": [str(ROOT / "course_lib/publishing/static")],
            "mathjax_path": "language_data.js",  # on no page otherwise; MathJax itself is on the web
            "locale_dirs": [str(self.root / "locale")], "gettext_compact": False, **settings,
        }  # fmt: skip
        with patch_docutils(), docutils_namespace():
            app = Sphinx(self.root, None, out, out / ".doctrees", builder, use, status=None, warning=warnings, freshenv=True)
            app.build(force_all=True)
        return out, warnings.getvalue()

    def html(self, page: str = "index", language: str = "en") -> str:
        return (self.root / "_build" / f"html-{language}" / f"{page}.html").read_text(encoding="utf-8")


@pytest.fixture
def small_book(tmp_path: Path) -> SmallBook:
    return SmallBook(tmp_path)


CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture(scope="module")  # its event loop must be gone before tests that run one of their own
def chromium() -> Iterator:
    """A browser without a network; the test is skipped where there is none."""
    if CHROMIUM is None:
        pytest.skip("no Chromium: install the Debian package chromium")
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def reader(chromium) -> Iterator:
    """A fresh page of the browser; at its end, nothing may have been said on the console."""
    context, said = chromium.new_context(viewport={"width": 1000, "height": 800}, offline=True), []
    context.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    context.on("weberror", lambda error: said.append(str(error.error)))
    yield context.new_page()
    context.close()
    assert said == []
