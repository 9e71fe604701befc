"""What the built site weighs and how Lighthouse judges it, beside a stock Jupyter Book, in one run.

    .venv/bin/python benchmarks/site.py [--runs 5] [--pages book/index.html,…] [--save benchmarks/results/site.json]

The stock book is what ``jupyter-book create`` writes, built by ``jupyter-book build`` with the same installed versions.
Both are served from this machine with gzip, to a fresh browser per page in which no other host can be reached. A page's
weight is the sum of the bodies as compressed that it asks for when it is opened; what a page asks of other hosts is
counted, and weighs nothing here, which favours the stock book: its MathJax and more come from elsewhere. Lighthouse
runs its default, a phone on a slow network (simulated); the medians of the runs are told. Needs Chromium and, the first
time, npm.

Goals (exit code 1 where one is missed): every page at most 450 KiB and without a request elsewhere; accessibility and
SEO 1.0, best practices at least .96 on every page. Performance depends on the machine: it is told, with its goal of
.90, only.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from course_lib.core.errors import CourseError
from course_lib.core.fingerprint import ROOT
from course_lib.core.provenance import save_result
from course_lib.publishing.offline import find_node, find_npm

SITE = ROOT / "_build" / "html"
CATEGORIES = ("performance", "accessibility", "best-practices", "seo")
HEAVIEST, LEAST = 450, {"accessibility": 1.0, "best-practices": 0.96, "seo": 1.0}  # KiB, scores
NO_OTHER_HOST = "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", NO_OTHER_HOST)  # fmt: skip
SKIPPED = ("genindex.html", "search.html", "index.html")  # tools, and the page that leads on


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5, metavar="N", help="of Lighthouse per page (default: 5)")
    parser.add_argument("--pages", metavar="A,B", help="Lighthouse these pages of the course only (all are weighed)")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write the result with its provenance")
    options = parser.parse_args()
    try:
        result = measured(options.runs, options.pages.split(",") if options.pages else None)
    except CourseError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(json.dumps(result, indent=2, ensure_ascii=False))
    if options.save:
        save_result(
            options.save, result, command=f"python benchmarks/site.py --runs {options.runs}"
            + (f" --pages {options.pages}" if options.pages else ""),
            data={"source": "the built site, and a stock book built by the benchmark"}, seeds=[],
            modules=["course_lib.publishing.light", "course_lib.publishing.accessibility",
                     "course_lib.publishing.discovery"],
        )  # fmt: skip
    return 0 if result["goals"]["all"] else 1


def measured(runs: int, only: list[str] | None) -> dict[str, Any]:
    """Both sites, and whether the course's reaches its goals."""
    if not (SITE / "index.html").is_file():
        raise CourseError("there is no built site here", where=str(SITE), remedy="Run make book")
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        raise CourseError("no Chromium", remedy="Install the Debian package chromium")
    lighthouse = installed_lighthouse()
    with tempfile.TemporaryDirectory() as folder:
        stock = stock_book(Path(folder))
        course = site_result(SITE, chromium, lighthouse, runs, only)
        result = {"course": course, "stock": site_result(stock, chromium, lighthouse, runs, None)}
    pages = course["pages"].values()
    goals: dict[str, Any] = {
        f"every page at most {HEAVIEST} KiB": all(p["KiB"] <= HEAVIEST for p in pages),
        "no request elsewhere": not any(p["requests elsewhere"] for p in pages),
    }
    judged = [p["lighthouse"] for p in pages if "lighthouse" in p]
    for name, least in LEAST.items():
        goals[f"{name} at least {least}"] = bool(judged) and all(j[name] >= least for j in judged)
    goals["all"] = all(goals.values())
    if judged:  # noisy: told, not required
        own, others = (r["medians"]["performance"] for r in result.values())
        goals["performance at least 0.9, told only"] = min(j["performance"] for j in judged) >= 0.9
        goals["performance above the stock book's, told only"] = own > others
    return {"runs": runs, "goals": goals, **result}


def installed_lighthouse() -> Path:
    """Lighthouse's program, fetched into ``_build`` from the lock file beside this one where it is not there yet."""
    source, folder = Path(__file__).parent / "lighthouse", ROOT / "_build" / "lighthouse"
    lock = (source / "package-lock.json").read_bytes()
    program, stamp = folder / "node_modules" / "lighthouse" / "cli" / "index.js", folder / "installed.lock"
    if not (program.is_file() and stamp.is_file() and stamp.read_bytes() == lock):
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(source / name, folder / name)
        done = subprocess.run([*find_npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
                              cwd=folder, capture_output=True, text=True)  # fmt: skip
        if done.returncode:
            raise CourseError(f"npm ci failed: {done.stderr.strip()[:200]}", where="benchmarks/lighthouse",
                              remedy="Lighthouse comes from the npm registry")  # fmt: skip
        stamp.write_bytes(lock)
    return program


def stock_book(folder: Path) -> Path:
    """What ``jupyter-book create`` and ``jupyter-book build`` make, with nothing changed."""
    book = folder / "stock"
    command = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()"]
    for arguments in (["create", str(book)], ["build", str(book)]):
        done = subprocess.run([*command, *arguments], cwd=folder, capture_output=True, text=True)
        if done.returncode:
            raise CourseError(f"jupyter-book {arguments[0]} failed: {done.stderr.strip()[-300:]}", where="stock book")
    return book / "_build" / "html"


def site_result(site: Path, chromium: str, lighthouse: Path, runs: int, only: list[str] | None) -> dict[str, Any]:
    """Per page: its weight, its requests elsewhere, Lighthouse's medians; and the medians over pages."""
    with served(site) as (address, sent):
        pages = weighed(site, address, sent, chromium)
        for page in [p for p in pages if only is None or p in only]:
            if runs:
                print(f"lighthouse: {page}", file=sys.stderr)
                scores = [lighthouse_scores(f"{address}/{page}", chromium, lighthouse) for _ in range(runs)]
                pages[page]["lighthouse"] = {c: statistics.median(s[c] for s in scores) for c in CATEGORIES}
    judged = [p["lighthouse"] for p in pages.values() if "lighthouse" in p]
    medians = {"KiB": statistics.median(p["KiB"] for p in pages.values())}
    medians |= {c: statistics.median(j[c] for j in judged) for c in CATEGORIES if judged}
    return {"medians": medians, "heaviest, KiB": max(p["KiB"] for p in pages.values()), "pages": pages}


def text_pages(site: Path) -> list[str]:
    """The pages that hold text, as paths below the site."""
    found = [page.relative_to(site) for page in sorted(site.rglob("*.html"))]
    tools = {Path(top) / name for top in ("", "zh") for name in SKIPPED}
    return [page.as_posix() for page in found if "_static" not in page.parts and page not in tools]


def weighed(site: Path, address: str, sent: dict[str, int], chromium: str) -> dict[str, dict[str, Any]]:
    """Open every page in a fresh context, and add up what the server sent for it."""
    from playwright.sync_api import sync_playwright

    pages = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        for name in text_pages(site):
            sent.clear()
            elsewhere: set[str] = set()
            context = browser.new_context(viewport={"width": 1280, "height": 900})
            page = context.new_page()
            own = (address, "data:", "blob:")
            page.on("request", lambda r: None if r.url.startswith(own) else elsewhere.add(r.url))
            page.goto(f"{address}/{name}", wait_until="load")
            page.wait_for_timeout(1000)  # what scripts ask for afterwards
            context.close()
            pages[name] = {"KiB": round(sum(sent.values()) / 1024, 1), "requests": len(sent),
                           "requests elsewhere": len(elsewhere)}  # fmt: skip
        browser.close()
    return pages


def lighthouse_scores(url: str, chromium: str, program: Path) -> dict[str, float]:
    """One run of Lighthouse with its default settings."""
    flags = " ".join(["--headless=new", *FLAGS[:-1], f'"{NO_OTHER_HOST}"'])
    command = [find_node(), str(program), url, "--output=json", "--quiet", f"--chrome-flags={flags}",
               f"--only-categories={','.join(CATEGORIES)}"]  # fmt: skip
    environment = {**os.environ, "CHROME_PATH": chromium}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)
    if done.returncode:
        raise CourseError(f"Lighthouse failed: {done.stderr.strip()[-300:]}", where=url)
    report = json.loads(done.stdout)
    failed = {c: v for c, v in report["categories"].items() if v["score"] is None}
    if failed:
        raise CourseError(f"Lighthouse gave no score for {', '.join(failed)}", where=url)
    for category in CATEGORIES[1:]:
        for reference in report["categories"][category]["auditRefs"]:
            audit = report["audits"][reference["id"]]
            if reference["weight"] and audit["score"] not in (None, 1):
                print(f"  {category}: {audit['title']}", file=sys.stderr)
    return {category: report["categories"][category]["score"] for category in CATEGORIES}


@lru_cache(maxsize=None)
def _compressed(path: Path, _changed: float) -> bytes:
    return gzip.compress(path.read_bytes(), 9, mtime=0)


@contextmanager
def served(site: Path) -> Iterator[tuple[str, dict[str, int]]]:
    """A server of ``site`` on this machine; yields its address, and the bytes of each body that it sends."""
    sent: dict[str, int] = {}

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments, directory=str(site))

        def do_GET(self) -> None:
            path = Path(self.translate_path(self.path))
            path = path / "index.html" if path.is_dir() else path
            if not path.is_file():
                self.send_error(404)
                return
            body, packed = path.read_bytes(), _compressed(path, path.stat().st_mtime)
            small = len(packed) < len(body)
            body = packed if small else body
            self.send_response(200)
            self.send_header("Content-Type", self.guess_type(str(path)) + self._charset(path))
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "max-age=3600")
            if small:
                self.send_header("Content-Encoding", "gzip")
            self.end_headers()
            self.wfile.write(body)
            sent[self.path] = len(body)

        @staticmethod
        def _charset(path: Path) -> str:
            return "; charset=utf-8" if path.suffix in (".html", ".css", ".js", ".txt", ".json", ".svg") else ""

        def log_message(self, *_: Any) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", sent
    finally:
        server.shutdown()
        server.server_close()


if __name__ == "__main__":
    sys.exit(main())
