"""The Sphinx extension of the book: execution cache, diagrams, vendored scripts, the offline check.

What belongs on a page only (run card, quizzes, tracks, downloads, glossary, print) are extensions of their own.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

import course_lib
from course_lib.core.files import write_json
from course_lib.core.fingerprint import PACKAGE
from course_lib.publishing import execution, flow
from course_lib.publishing.offline import require_offline, vendor_assets
from course_lib.publishing.runcard import run_of


def _build_folder(app: Sphinx) -> Path:
    """The folder that the builds of all editions share."""
    return Path(app.config.course_build or Path(app.outdir).parent)


def _start_book(app: Sphinx) -> None:
    """Point myst-nb at our client, and bring the vendored scripts."""
    build = _build_folder(app)
    app.env.mystnb_config = app.env.mystnb_config.copy(output_folder=str(build / "jupyter_execute"))
    app.course_book = execution.Book(  # type: ignore[attr-defined]
        root=Path(app.srcdir), logs=build / "logs", package=Path(app.config.course_package)
    )
    execution.install(app.course_book)  # type: ignore[attr-defined]
    if app.builder.format != "html":
        return
    source = Path(app.srcdir) / app.config.course_vendor
    vendor_assets(source, build / "vendor" / "vendor")
    app.config.html_static_path.append(str(build / "vendor"))
    app.add_css_file("course.css")


def _drop_thebe(app: Sphinx, config: Any) -> None:
    """Jupyter Book always loads sphinx-thebe, which puts a script for a remote host on every page: leave it out."""
    for listeners in app.events.listeners.values():
        listeners[:] = [one for one in listeners if not one.handler.__module__.startswith("sphinx_thebe")]
    app.registry.css_files[:] = [one for one in app.registry.css_files if "thebe" not in one[0]]


def _outdated(app: Sphinx, env: BuildEnvironment, *_: Any) -> Iterable[str]:
    """Pages whose code, lock or data changed, although their own file did not."""
    known = {p: (key, Path(env.doc2path(p))) for p, key in _keys(env).items() if p in env.all_docs}
    return execution.outdated(app.course_book, known)  # type: ignore[attr-defined]


def _keys(env: BuildEnvironment) -> dict[str, str]:
    if not hasattr(env, "course_keys"):
        env.course_keys = {}  # type: ignore[attr-defined]
    return env.course_keys  # type: ignore[attr-defined]


def _forget(app: Sphinx, env: BuildEnvironment, page: str) -> None:
    _keys(env).pop(page, None)


def _remember(app: Sphinx, doctree: nodes.document) -> None:
    page = app.env.docname
    key = app.course_book.keys.get(app.env.doc2path(page))  # type: ignore[attr-defined]
    if key:
        _keys(app.env)[page] = key


def _finish(app: Sphinx, exception: Exception | None) -> None:
    """Write ``execution.json`` beside the site, and fail where the site is not offline."""
    if exception or app.builder.format != "html":
        return
    runs = {page: run for page in sorted(app.env.all_docs) if (run := run_of(app.env, page))}
    write_json(_build_folder(app) / "execution.json", runs)
    for template in (Path(app.outdir) / "_static").glob("*webpack-macros.html"):
        template.unlink()  # the themes ship these two templates among their static files; they are no pages
    if app.config.course_check_offline:
        require_offline(Path(app.outdir))


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_config_value("course_package", str(PACKAGE), "", [str])
    app.add_config_value("course_build", "", "", [str])
    app.add_config_value("course_pages", "", "env", [str])
    app.add_config_value("course_check_offline", True, "", [bool])
    app.add_config_value("course_vendor", "book/vendor", "", [str])
    app.add_directive("mermaid", flow.FlowDirective)
    app.add_node(
        flow.FlowNode,
        html=(flow.visit_html, None),
        text=(flow.visit_text, None),
        **{name: (flow.visit_other, None) for name in ("latex", "man", "texinfo")},
    )
    app.connect("config-inited", _drop_thebe)
    app.connect("builder-inited", _start_book)
    app.connect("env-get-outdated", _outdated)
    app.connect("env-purge-doc", _forget)
    app.connect("doctree-read", _remember)
    app.connect("build-finished", _finish, priority=900)  # after all who still write into the site
    app.setup_extension("course_lib.publishing.language_pages")
    app.setup_extension("course_lib.publishing.search")
    app.setup_extension("course_lib.publishing.light")
    app.setup_extension("course_lib.publishing.accessibility")
    app.setup_extension("course_lib.publishing.discovery")
    app.setup_extension("course_lib.publishing.runcard")
    app.setup_extension("course_lib.publishing.quiz")
    app.setup_extension("course_lib.publishing.demos.site")
    app.setup_extension("course_lib.publishing.tracks")
    app.setup_extension("course_lib.publishing.downloads")
    app.setup_extension("course_lib.publishing.glossary")
    app.setup_extension("course_lib.publishing.printing")
    app.setup_extension("course_lib.publishing.mapdirective")  # brings this package's static folder, too
    # Not safe for parallel reading: the key of a page travels through the object above, within one process.
    return {"version": course_lib.__version__, "parallel_read_safe": False, "parallel_write_safe": True}
