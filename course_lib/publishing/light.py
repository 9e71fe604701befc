"""Light pages: what a page loads is what it uses.

The theme brings an icon font with 1.5 MB of script, source maps, and the search index on every page; MathJax is 1.2 MB
of script. Here formulas are typeset when the book is built (``light_math``), the icon fonts are cut down to the icons
in use (``light_icons``), and pages leave out what only the search page needs (``templates/layout.html``).
"""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config

from course_lib.core.errors import CourseError
from course_lib.core.fingerprint import fingerprint
from course_lib.publishing import light_icons, light_math
from course_lib.publishing.offline import TOOLS, vendor_assets

HERE = Path(__file__).parent
TEMPLATES = HERE / "templates"
THEME_STYLE = "styles/pydata-sphinx-theme.css"
#: what the themes copy into every site although no page of this book asks for it
UNUSED = (
    "scripts/fontawesome.js*", "scripts/*.map", "styles/*.map", "vendor/fontawesome/**/*", "images/logo_*",
    "*webpack-macros.html",
)  # fmt: skip
#: files that make a page what it is, beside its text
LOOKS = ("*.py", "templates/**/*.html", "tools/*", "demos/*.py", "demos/modules/**/*")
#: small, and called by what the theme and the search page write into their pages
AT_ONCE = ("documentation_options.js", "doctools.js", "sphinx_highlight.js")


def build_folder(app: Sphinx) -> Path:
    """The folder that the builds of all editions share."""
    return Path(getattr(app.config, "course_build", "") or Path(app.outdir).parent)


def _configure(app: Sphinx, config: Config) -> None:
    # Before the themes', which put theirs there, too; a new list, since the default's would go on into the next build.
    config.templates_path = list(dict.fromkeys([str(TEMPLATES), *config.templates_path]))
    config.html_math_renderer = light_math.RENDERER
    # All that makes a page what it is beside its text: a change writes every page anew.
    parts = [path for name in LOOKS for path in sorted(HERE.glob(name)) if path.is_file()]
    config.course_look = fingerprint(*parts, _versions())


def _start(app: Sphinx) -> None:
    if app.builder.format != "html":
        return
    tools = vendor_assets(Path(app.srcdir) / app.config.course_vendor, build_folder(app) / "tools", assets=TOOLS)
    macros = ((app.config.mathjax3_config or {}).get("tex") or {}).get("macros") or {}
    app.course_typesetter = light_math.Typesetter(tools / "mathjax", macros)  # type: ignore[attr-defined]
    app.add_css_file("theme-mends.css")


def _versions() -> list[str]:
    return [version(name) for name in ("pydata-sphinx-theme", "sphinx-book-theme")]


def theme_static(app: Sphinx) -> Path:
    """The static folder of the theme that brings the icons. Raises CourseError where none does."""
    folders = [Path(folder) / "static" for folder in app.builder.theme.get_theme_dirs()]  # type: ignore[attr-defined]
    found = next((folder for folder in folders if (folder / THEME_STYLE).is_file()), None)
    if found is None:
        raise CourseError(f"the theme brings no {THEME_STYLE}", where=str(folders[0]))
    return found


def _page(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """One copy of every glyph per page, one viewport, and no script that the text waits for."""
    if context.get("body"):
        context["body"] = light_math.share_glyphs(context["body"])
    docutils_viewport = '<meta name="viewport" content="width=device-width, initial-scale=1" />'
    context["metatags"] = (context.get("metatags") or "").replace(docutils_viewport, "")
    for script in context.get("script_files", ()):
        defer(script)
    context["course_digest"] = app.config.course_look[:8]  # what a browser may keep of the theme's files


def defer(script: Any) -> None:
    """Let a script file wait until the page is read, unless what is written into pages calls it (``AT_ONCE``)."""
    attributes = getattr(script, "attributes", {})
    is_file = bool(getattr(script, "filename", None)) and "body" not in attributes
    if is_file and not str(script.filename).endswith(AT_ONCE) and "async" not in attributes:
        attributes.setdefault("defer", "defer")


def _finish(app: Sphinx, exception: Exception | None) -> None:
    typesetter = getattr(app, "course_typesetter", None)
    if typesetter:
        typesetter.close()
    if exception or app.builder.format != "html":
        return
    site, theme = Path(app.outdir), theme_static(app)
    static = site / "_static"
    prune(static)
    sheets = [file for file in sorted(static.rglob("*.css")) if file != static / THEME_STYLE]
    css = (theme / THEME_STYLE).read_text(encoding="utf-8")
    slim = light_icons.slim(css, site, theme / "vendor" / "fontawesome" / "webfonts",
                            [sheet.read_text(encoding="utf-8") for sheet in sheets])  # fmt: skip
    (static / THEME_STYLE).write_text(slim, encoding="utf-8")


def prune(static: Path) -> None:
    """Remove what no page asks for (``UNUSED``), and folders that become empty."""
    for pattern in UNUSED:
        for path in static.glob(pattern):
            if path.is_file():
                path.unlink()
    for folder in sorted((p for p in static.rglob("*") if p.is_dir()), reverse=True):
        if not any(folder.iterdir()):
            folder.rmdir()


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_html_math_renderer(light_math.RENDERER, (light_math.visit_inline, None), (light_math.visit_block, None))
    app.add_config_value("course_look", "", "html", [str])
    app.connect("config-inited", _configure)
    app.connect("builder-inited", _start)
    app.connect("html-page-context", _page, priority=700)  # after all who change a page's body
    app.connect("build-finished", _finish, priority=850)  # after all who write pages, before the offline check
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
