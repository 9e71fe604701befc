"""JupyterLab as ``make lab`` opens it: the page of the course, its workspace, its settings; and all of it in a browser."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from course_lib.core.errors import CourseError
from course_lib.publishing import lab
from course_lib.publishing.lab_page import PAGE, Progress, page, read_progress
from course_lib.publishing.lab_sources import NAME as EXTENSION
from course_lib.publishing.lab_sources import read_sources, write_extension
from course_lib.publishing.lab_workspace import show_page
from course_lib.publishing.mapfile import load_map

ROOT = Path(__file__).parents[2]
MAP = load_map(ROOT / "book" / "mindmap.yml")
READY = [topic for topic in MAP.order() if topic.ready]
GRADED = [topic for topic in READY if (ROOT / f"exercises/{topic.branch}/{topic.name}.ipynb").is_file()]
PAGES = sorted((ROOT / "book").glob("*/*.md"))


# --- the page ---


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_leads_to_every_ready_chapter_and_exercise_and_to_nothing_else(language):
    text = page(MAP, ROOT, language, Progress({GRADED[0].id: (2, 4)}, f"{GRADED[0].id}/a_question"))
    links = [(ROOT / PAGE).parent / link for link in re.findall(r"\]\((\S+)\)", text)]
    assert all(link.resolve().is_file() and link.resolve().is_relative_to(ROOT) for link in links)
    leads = {link.resolve().relative_to(ROOT).as_posix() for link in links} - {"book/map.png"}
    assert leads == {f"{topic.page}.md" for topic in READY} | {
        f"exercises/{topic.branch}/{topic.name}.ipynb" for topic in GRADED
    }
    for topic in MAP.order():
        assert topic.title.get(language) in text, topic.id
    assert all(topic.title.en in text and topic.title.zh in text for topic in READY)
    assert "`a_question`" in text and {"en": "2 of 4 right", "zh": "4 题对 2 题"}[language] in text


def test_the_page_shows_what_is_done_and_opens_without_progress():
    topic = GRADED[0]
    done = page(MAP, ROOT, "en", Progress({topic.id: (4, 4)}, None))
    assert re.search(rf"4 of 4 right\]\(\S+{topic.name}\.ipynb\) ✓", done) and "Next for you" not in done
    lost = page(MAP, ROOT, "en", None)
    assert "could not be read" in lost and f"[open](../../exercises/{topic.branch}/{topic.name}.ipynb)" in lost


def test_progress_is_what_the_command_says(tmp_path, monkeypatch):
    question = json.loads((ROOT / f"exercises/{GRADED[0].branch}/{GRADED[0].name}.ipynb").read_text())
    names = [c["metadata"]["nbgrader"]["grade_id"] for c in question["cells"]
             if c["metadata"].get("nbgrader", {}).get("solution")]  # fmt: skip
    file = tmp_path / "progress.json"
    monkeypatch.setenv("COURSE_PROGRESS", str(file))
    assert read_progress(ROOT).topics[GRADED[0].id] == (0, len(names))
    entry = {"outcome": "PASS", "points": 1.0, "max_points": 1.0, "best_points": 1.0, "attempts": 1,
             "first_passed": "2026-01-31T08:00:00Z", "last_checked": "2026-01-31T08:00:00Z"}  # fmt: skip
    file.write_text(json.dumps({"format": "course-progress", "version": 1,
                                "questions": {f"{GRADED[0].id}/{names[0]}": entry}}))  # fmt: skip
    found = read_progress(ROOT)
    assert found.topics[GRADED[0].id] == (1, len(names)) and found.next == f"{GRADED[0].id}/{names[1]}"
    file.write_text(json.dumps({"format": "course-progress", "version": 99}))  # of a newer course: the command refuses
    assert read_progress(ROOT) is None


# --- workspace, extension, settings ---


def _workspace(folder: Path) -> dict:
    return json.loads(next(folder.glob("*.jupyterlab-workspace")).read_text())["data"]


def test_the_page_comes_in_front_and_what_was_open_stays(tmp_path):
    show_page(tmp_path, "a/page.md")
    first = _workspace(tmp_path)["layout-restorer:data"]["main"]
    assert first["current"] == "markdownviewer-widget:a/page.md" and first["dock"]["widgets"] == [first["current"]]
    # as JupyterLab saves it after a notebook was opened beside the page, and the page closed
    file = next(tmp_path.glob("*"))
    saved = json.loads(file.read_text())
    saved["data"]["layout-restorer:data"]["main"] = {"current": "notebook:x.md", "dock": {
        "type": "split-area", "orientation": "horizontal", "sizes": [0.5, 0.5], "children": [
            {"type": "tab-area", "currentIndex": 0, "widgets": ["notebook:x.md", "notebook:y.md"]},
            {"type": "tab-area", "currentIndex": 0, "widgets": ["notebook:z.md"]}]}}  # fmt: skip
    saved["data"]["notebook:x.md"] = {"data": {"path": "x.md", "factory": "Notebook"}}
    file.write_text(json.dumps(saved))
    for _ in range(2):
        show_page(tmp_path, "a/page.md")
    data = _workspace(tmp_path)
    left, right = data["layout-restorer:data"]["main"]["dock"]["children"]
    assert left["widgets"] == ["markdownviewer-widget:a/page.md", "notebook:x.md", "notebook:y.md"]
    assert left["currentIndex"] == 0 and right["widgets"] == ["notebook:z.md"] and "notebook:x.md" in data


@pytest.mark.parametrize("broken", ["", "{", "[]", '{"data": 3}', '{"data": {"layout-restorer:data": {"main": {"dock": 1}}}}'])
def test_a_broken_workspace_is_begun_anew(tmp_path, broken):
    show_page(tmp_path, "page.md")
    next(tmp_path.glob("*")).write_text(broken)
    show_page(tmp_path, "page.md")
    assert _workspace(tmp_path)["layout-restorer:data"]["main"]["dock"]["widgets"] == ["markdownviewer-widget:page.md"]


def test_the_extension_knows_every_work_that_the_chapters_cite(tmp_path):
    sources = read_sources(ROOT / "book" / "references.bib")
    cited = {key.strip() for path in PAGES for keys in re.findall(r"\{cite\}`([^`]+)`", path.read_text())
             for key in keys.split(",")}  # fmt: skip
    assert cited and cited <= set(sources)
    assert sources["devlin2019bert"]["label"] == "[Devlin et al., 2019]"
    assert not any(set("{}\\") & set(one["label"] + one["title"]) for one in sources.values())
    write_extension(tmp_path, ROOT / "book" / "references.bib", "the/page.md")
    about = json.loads((tmp_path / EXTENSION / "package.json").read_text())
    script = (tmp_path / EXTENSION / about["jupyterlab"]["_build"]["load"]).read_text()
    assert '"page": "the/page.md"' in script and f'_JUPYTERLAB["{EXTENSION}"]' in script


def test_a_broken_bibliography_is_one_line(tmp_path):
    (tmp_path / "x.bib").write_text("@article{a, title = {")
    for name in ("x.bib", "absent.bib"):
        with pytest.raises(CourseError, match=name):
            read_sources(tmp_path / name)


def test_checkpoints_lie_apart_and_pages_of_one_name_do_not_share_one(tmp_path):
    from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager

    from course_lib.publishing.lab_checkpoints import FOLDER, CourseCheckpoints

    manager = AsyncLargeFileManager(root_dir=str(tmp_path), checkpoints_class=CourseCheckpoints)
    one, other = (manager.checkpoints.checkpoint_path("checkpoint", f"book/{b}/ranking.md") for b in ("search", "recommend"))
    assert one != other and Path(one) == tmp_path / FOLDER / "book/search/ranking-checkpoint.md"
    assert Path(one).parent.is_dir()
    with pytest.raises(Exception, match="404|outside"):
        manager.checkpoints.checkpoint_path("checkpoint", "../../elsewhere/x.md")


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_chapter_that_is_saved_in_jupyterlab_stays_as_it_was(path):
    import tomllib

    import jupytext
    from jupytext.config import JupytextConfiguration

    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["jupytext"]
    form, text = {"extension": ".md", "format_name": "myst"}, path.read_text(encoding="utf-8")
    notebook = jupytext.reads(text, fmt=form)
    # what JupyterLab puts in when its kernel has started
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    notebook.metadata["language_info"] = {"name": "python", "version": "3.11.2", "file_extension": ".py"}
    assert jupytext.writes(notebook, fmt=form, config=JupytextConfiguration(**settings)) == text


@pytest.mark.parametrize("path", [*PAGES, *(ROOT / "book").glob("*.md")], ids=lambda path: path.stem)
def test_no_page_has_a_directive_that_jupyterlab_does_not_know(path):
    known = {"admonition", "bibliography", "code-cell", "dropdown", "figure", "image", "mermaid"}  # seen to be drawn
    used = set(re.findall(r"^\s*(?:`{3,}|:{3,})\s*\{([^}]+)\}", path.read_text(encoding="utf-8"), re.MULTILINE))
    assert used <= known


# --- errors before the start ---


def test_what_would_stop_jupyterlab_is_said_in_one_line(monkeypatch, capsys):
    monkeypatch.setattr(os, "geteuid", lambda: 1000, raising=False)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for said in (["--port", str(port)], [f"--port={port}"], [f"--ServerApp.port={port}"]):
            assert lab.main(said) == 2
            assert re.fullmatch(rf"error: port {port} is in use\. .*LAB_OPTIONS.*\n", capsys.readouterr().err)
    lab.check_arguments(["--port", str(port)])  # free again
    for bad in ("x", "-1", "65536"):
        assert lab.main([f"--port={bad}"]) == 2 and "is no port" in capsys.readouterr().err
    monkeypatch.setattr(os, "geteuid", lambda: 0, raising=False)
    assert lab.main([]) == 2 and "--allow-root" in capsys.readouterr().err
    lab.check_arguments(["--allow-root"])


def test_the_learners_options_come_in_place_of_ours(tmp_path):
    given = lab.arguments(tmp_path, tmp_path / "lab", ["--LabApp.workspaces_dir=x", "--port", "1"])
    assert [one for one in given if "workspaces_dir" in one] == ["--LabApp.workspaces_dir=x"] and given[-2:] == ["--port", "1"]
    assert f"--ServerApp.root_dir={tmp_path}" in given and "--LabApp.default_url=/lab/workspaces/course" in given


def test_a_broken_map_or_language_is_one_line(tmp_path, monkeypatch, capsys):
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "references.bib").write_text("")
    (tmp_path / "book" / "mindmap.yml").write_text("branches: 3")
    assert lab.main(["--allow-root"], tmp_path) == 2
    assert capsys.readouterr().err.startswith("error: ") and "mindmap.yml" in str(list(tmp_path.rglob("*")))
    monkeypatch.setenv("COURSE_LANG", "fr")
    assert lab.main(["--allow-root"], ROOT) == 2
    assert re.fullmatch(r"error: COURSE_LANG: .*\n", capsys.readouterr().err)


# --- in the browser ---


@contextmanager
def _jupyterlab(folder: Path) -> Iterator[str]:
    """JupyterLab on the course, as ``make lab`` starts it; its address. Ended with all its kernels."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COURSE_PROGRESS": str(folder / "progress.json"),
                   "JUPYTER_CONFIG_DIR": str(folder / "config"), "JUPYTER_DATA_DIR": str(folder / "data"),
                   "JUPYTER_RUNTIME_DIR": str(folder / "runtime")}  # fmt: skip
    with open(folder / "lab.log", "w+") as log:
        command = [sys.executable, "-m", "course_lib.publishing.lab", "--no-browser", "--allow-root", "--port", str(port),
                   "--IdentityProvider.token=test", f"--LabApp.workspaces_dir={folder / 'workspaces'}"]  # fmt: skip
        server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True)
        try:
            for _ in range(120):
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/api", timeout=5).close()
                    break
                except OSError:
                    assert server.poll() is None, (folder / "lab.log").read_text()
                    time.sleep(0.5)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.send_signal(signal.SIGTERM)  # ends the kernels, too
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(server.pid, signal.SIGKILL)
                server.wait(10)


def _changed() -> str:
    asked = ["git", "-C", str(ROOT), "status", "--porcelain", "--ignored=no", "--", "book", "exercises"]
    return subprocess.run(asked, capture_output=True, encoding="utf-8", check=True).stdout


@pytest.mark.browser
@pytest.mark.slow
def test_the_course_opens_in_jupyterlab(chromium, tmp_path):
    before, beside = _changed(), set(ROOT.glob("book/**/.ipynb_checkpoints")) | set(ROOT.glob("exercises/**/.ipynb_checkpoints"))
    with _jupyterlab(tmp_path) as address:
        context = chromium.new_context(viewport={"width": 1280, "height": 2400})
        said, asked = [], []
        context.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
        context.on("weberror", lambda error: said.append(str(error.error)))
        context.on("request", lambda request: asked.append(request.url))
        tab = context.new_page()
        tab.set_default_timeout(60_000)
        tab.goto(f"{address}/?token=test")

        start = tab.locator(".jp-MarkdownViewer")
        start.locator("h2").first.wait_for()
        assert start.locator("td").get_by_role("link", name=READY[0].title.en, exact=True).count() == 1
        assert start.locator("img").evaluate("image => image.complete && image.naturalWidth > 0")

        def opened(title: str):
            """The notebook in front, once it shows this heading."""
            notebook = tab.locator(".jp-NotebookPanel:visible")
            notebook.locator("h1", has_text=title).wait_for()
            return notebook

        # Every chapter opens as a notebook, drawn without an error; citations have found their works.
        for topic in READY:
            start.locator("td").get_by_role("link", name=topic.title.en, exact=True).click()
            notebook = opened(topic.title.en)
            assert notebook.locator(".jp-NotebookPanel-toolbar").count() == 1
            text = _whole_text(tab, notebook)
            assert "Unknown Directive" not in text and "Citation Not Found" not in notebook.inner_html()
            if topic.id == "start.first_hour":
                assert "[Devlin et al., 2019]" in text
            if topic.id != "start.setup":
                tab.locator(".lm-TabBar-tab.lm-mod-current .lm-TabBar-tabCloseIcon").last.click()
                discard = tab.get_by_role("button", name=re.compile("Discard|without saving", re.I))
                tab.wait_for_timeout(300)
                if discard.count():
                    discard.first.click()
            tab.get_by_role("tab", name="course.md").click()

        # A cell runs, and a save leaves no trace beside the chapter.
        tab.get_by_role("tab", name="setup.md").click()
        notebook = opened(READY[0].title.en)
        cell = notebook.locator(".jp-CodeCell").first
        cell.locator(".cm-content").click()
        tab.keyboard.press("Shift+Enter")
        cell.locator("table").wait_for()
        tab.keyboard.press("Control+s")
        tab.wait_for_timeout(1500)

        # The exercise opens; a right answer shows on the page of the course when its tab comes to the front.
        tab.get_by_role("tab", name="course.md").click()
        start.locator("td a").and_(tab.locator(f"[href*='exercises/{GRADED[0].branch}/{GRADED[0].name}']")).click()
        exercise = tab.locator(".jp-NotebookPanel:visible")
        exercise.locator(".jp-CodeCell").first.wait_for()
        entry = {"outcome": "PASS", "points": 1.0, "max_points": 1.0, "best_points": 1.0, "attempts": 1,
                 "first_passed": "2026-01-31T08:00:00Z", "last_checked": "2026-01-31T08:00:00Z"}  # fmt: skip
        question = read_progress(ROOT).next
        (tmp_path / "progress.json").write_text(json.dumps(
            {"format": "course-progress", "version": 1, "questions": {f"{GRADED[0].id}/broken_stage": entry}}))  # fmt: skip
        assert question is not None
        tab.wait_for_timeout(5000)
        tab.get_by_role("tab", name="course.md").click()
        start.locator("a", has_text="1 of").wait_for()
        context.close()
    # jupyterlab-myst says this of a cell whose notebook is closed while it is being drawn, as the test does.
    assert [one for one in said if not re.search(r"(?s)reading 'renderInput'.*jupyterlab-myst", one)] == []
    assert [url for url in asked if not url.startswith((address, address.replace("http", "ws"), "data:", "blob:"))] == []
    assert _changed() == before
    after = set(ROOT.glob("book/**/.ipynb_checkpoints")) | set(ROOT.glob("exercises/**/.ipynb_checkpoints"))
    assert after == beside


@pytest.mark.browser
@pytest.mark.slow
def test_a_demo_and_the_search_explorer_are_widgets_in_jupyterlab(chromium, tmp_path):
    pytest.importorskip("anywidget", reason="anywidget is not installed")
    import nbformat

    cell = "from course_lib.publishing.demos.sampled import contest_demo\n\ncontest_demo(share=30, sampled=100)"
    search = (
        "from course_lib.publishing.explorer import SearchExplorer\nfrom course_lib.search.engine import SearchEngine\n\n"
        'titles = ["red running shoes", "blue lamp", "green desk lamp"]\n'
        'engine = SearchEngine().fit([{"item_id": t, "title": t} for t in titles])\nSearchExplorer(engine, "red shoes")'
    )
    notebook = ROOT / lab.FOLDER / "try_demo.ipynb"
    notebook.parent.mkdir(parents=True, exist_ok=True)
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    cells = [nbformat.v4.new_code_cell(source) for source in (cell, search)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), notebook)
    try:
        with _jupyterlab(tmp_path) as address:
            context = chromium.new_context(viewport={"width": 1280, "height": 1600})
            said, asked = [], []
            context.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
            context.on("weberror", lambda error: said.append(str(error.error)))
            context.on("request", lambda request: asked.append(request.url))
            tab = context.new_page()
            tab.set_default_timeout(60_000)
            tab.goto(f"{address}/lab/workspaces/demo/tree/{lab.FOLDER}/{notebook.name}?token=test")
            demo = tab.locator(".jp-OutputArea .course-demo")
            slider = demo.get_by_role("slider").first
            _run_first_cell(tab, slider)
            assert demo.count() == 1 and "wrong winner" in demo.locator('[data-part="verdict"]').inner_text()
            slider.focus()
            tab.keyboard.press("End")
            assert "In the whole shop" in demo.locator('[data-part="verdict"]').inner_text()
            ink, ground = demo.evaluate("e => { const s = getComputedStyle(e); return [s.color, s.backgroundColor]; }")
            assert ink != ground and demo.bounding_box()["height"] > 300

            tab.locator(".jp-NotebookPanel:visible .jp-CodeCell .cm-content").nth(1).click()
            tab.keyboard.press("Shift+Enter")
            explorer = tab.locator(".jp-OutputArea .course-explorer")
            explorer.locator("td", has_text="running shoes").first.wait_for()
            box = tab.locator(".jp-OutputArea").get_by_role("textbox").first
            box.fill("lamp")
            box.press("Enter")
            explorer.locator("td", has_text="desk lamp").first.wait_for()
            assert explorer.count() == 1 and "running shoes" not in explorer.inner_text()
            tab.screenshot(path=tmp_path / "explorer.png")
            context.close()
    finally:
        notebook.unlink()
    assert said == []
    assert [url for url in asked if not url.startswith((address, address.replace("http", "ws"), "data:", "blob:"))] == []


@pytest.mark.browser
@pytest.mark.slow
def test_the_recommendation_explorer_is_a_widget_in_jupyterlab(chromium, tmp_path):
    import nbformat

    cell = (
        "import numpy as np\nfrom course_lib.core.ids import IdMap\nfrom course_lib.recommend.collaborative import ItemCosine\n"
        "from course_lib.publishing.recommend_explorer import RecommendationExplorer\n"
        "from course_lib.recommend.engine import RecommendationPipeline\nfrom course_lib.shop.interactions import Interactions\n\n"
        'titles = ["red shoes", "green lamp", "desk lamp", "kettle", "mug"]\n'
        'products = [{"item_id": t, "title": t} for t in titles]\n'
        'users = IdMap("user", [f"u{n}" for n in range(10)])\n'
        "rows = np.repeat(np.arange(10), 2)\n"
        'log = Interactions(users, IdMap("item", titles), rows, np.arange(20) % 5, np.ones(20), np.arange(20))\n'
        'RecommendationExplorer(RecommendationPipeline(products, {"cosine": ItemCosine()}, None).fit(log), "u1")'
    )
    notebook = ROOT / lab.FOLDER / "try_recommendations.ipynb"
    notebook.parent.mkdir(parents=True, exist_ok=True)
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell)], metadata=kernel), notebook)
    try:
        with _jupyterlab(tmp_path) as address:
            context = chromium.new_context(viewport={"width": 1280, "height": 1200})
            said, asked = [], []
            context.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
            context.on("weberror", lambda error: said.append(str(error.error)))
            context.on("request", lambda request: asked.append(request.url))
            tab = context.new_page()
            tab.set_default_timeout(60_000)
            tab.goto(f"{address}/lab/workspaces/recommend/tree/{lab.FOLDER}/{notebook.name}?token=test")
            explorer = tab.locator(".jp-OutputArea .course-explorer")
            _run_first_cell(tab, explorer.locator("strong", has_text="u1"))
            items = tab.locator(".jp-OutputArea").get_by_placeholder("ids, by commas")
            items.fill("kettle")
            items.press("Enter")
            explorer.locator("strong", has_text="somebody new").wait_for()
            assert explorer.count() == 1 and "because you looked at kettle" in explorer.inner_text()
            tab.screenshot(path=tmp_path / "explorer.png")
            context.close()
    finally:
        notebook.unlink()
    assert said == []
    assert [url for url in asked if not url.startswith((address, address.replace("http", "ws"), "data:", "blob:"))] == []


def _run_first_cell(tab, shown) -> None:
    """Run the first cell until this is there: keys that are pressed before the kernel listens are lost, or make JupyterLab ask."""
    from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

    for last in (False, False, True):
        asks = tab.locator(".jp-Dialog .jp-mod-accept")
        if asks.count():
            asks.first.click()
        tab.locator(".jp-NotebookPanel:visible .jp-CodeCell .cm-content").first.click()
        tab.keyboard.press("Shift+Enter")
        try:
            shown.wait_for(timeout=45_000)
            return
        except PlaywrightTimeoutError:
            if last:
                raise


def _whole_text(tab, notebook) -> str:
    """The text of all cells; JupyterLab draws only those near the window, so it is scrolled through."""
    scroll = notebook.locator(".jp-WindowedPanel-outer")
    text, last = "", -1
    while True:
        tab.wait_for_timeout(250)
        text += notebook.inner_text()
        at = scroll.evaluate("e => { e.scrollTop += e.clientHeight; return e.scrollTop; }")
        if at == last:
            return text
        last = at
