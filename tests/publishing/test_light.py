"""Pages load what they use: icons cut out of the theme's fonts, formulas set at build time, nothing unused."""

import gzip
import re
import sys
import types
from io import BytesIO
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from fontTools.ttLib import TTFont

from course_lib.core.errors import CourseError
from course_lib.publishing import discovery, light, light_icons
from course_lib.publishing.accessibility import mend
from course_lib.publishing.light_math import Typesetter, display_tex, share_glyphs
from course_lib.publishing.offline import TOOLS, check_offline, vendor_assets

ROOT = Path(__file__).parents[2]
SITE = ROOT / "_build" / "html"
MATHJAX = ROOT / "_build" / "tools" / "mathjax"
HEAVIEST = 450 * 1024  # bytes of a text page and all that it loads, compressed


def _theme() -> Path:
    import pydata_sphinx_theme

    return Path(pydata_sphinx_theme.__file__).parent / "theme" / "pydata_sphinx_theme" / "static"


THEME_CSS = (_theme() / light.THEME_STYLE).read_text(encoding="utf-8")
FONTS = _theme() / "vendor" / "fontawesome" / "webfonts"


def _site(folder: Path, *bodies: str) -> Path:
    (folder / "_static").mkdir(parents=True)
    for number, body in enumerate(bodies):
        (folder / f"{number}.html").write_text(f"<body>{body}</body>", encoding="utf-8")
    return folder


def _fonts_in(css: str) -> dict[int, TTFont]:
    """Weight → font that a style sheet embeds."""
    import base64

    rules = re.findall(r"@font-face\{[^}]*font-weight:(\d+);src:url\(data:font/woff;base64,([^)]*)\)", css)
    return {int(weight): TTFont(BytesIO(base64.b64decode(data))) for weight, data in rules}


def test_the_theme_s_own_names_have_code_points():
    codes = light_icons.code_points(THEME_CSS)
    assert codes["sun"] == 0xF185 and codes["magnifying-glass"] == codes["search"] == 0xF002
    assert len(codes) > 1000


def test_exactly_the_icons_in_use_are_in_the_embedded_font(tmp_path):
    site = _site(tmp_path / "s", '<i class="fa-solid fa-sun fa-lg"></i>', "<i class='fas fa-download'></i>")
    css = light_icons.slim(THEME_CSS, site, FONTS, ['.x:after{content:"\\f107"}'])
    fonts = _fonts_in(css)
    assert set(fonts) == {900}  # no page asks for the regular or the brands' font
    have = set(fonts[900].getBestCmap())
    assert {0xF185, 0xF019, 0xF107} <= have  # two classes, and a code point of another style sheet
    assert 0xF06A in have  # the theme's own variables: the mark of an admonition
    assert 0xF186 not in have and len(have) < 40  # the moon, which this site does not show
    assert ".fa-sun:before" in css and "fa-moon" not in css and ".woff2" not in css


def test_an_icon_of_another_family_brings_its_font(tmp_path):
    site = _site(tmp_path / "s", '<i class="fab fa-github"></i><span class="far fa-file"></span>')
    css = light_icons.slim(THEME_CSS, site, FONTS)
    assert css.count("data:font/woff") == 3 and ".fa-github:before" in css


def test_icons_that_scripts_make_count_and_words_like_them_do_not(tmp_path):
    site = _site(tmp_path / "s", '<p class="mindmap-facts fable">fa-solid fa-moon</p>')
    (site / "_static" / "x.js").write_text("e.className = \"fa-solid fa-bell\"", encoding="utf-8")
    assert set(light_icons.used_icons(site)) == {("solid", "bell")}


def test_same_icons_same_bytes():
    font = FONTS / "fa-solid-900.ttf"
    first, second = (light_icons.subset(font, [0xF185, 0xF002]) for _ in range(2))
    assert first == second != light_icons.subset(font, [0xF185])


def test_a_theme_of_another_form_is_an_error_not_a_page_without_icons(tmp_path):
    with pytest.raises(CourseError, match="icons"):
        light_icons.slim("p { color: red }", _site(tmp_path / "s"), FONTS)
    with pytest.raises(CourseError, match="fa-solid-900.ttf"):
        light_icons.slim(THEME_CSS, _site(tmp_path / "t", '<i class="fas fa-sun"></i>'), tmp_path)


def test_pruning_takes_what_is_listed_and_nothing_else(tmp_path):
    for name in ("scripts/fontawesome.js", "scripts/bootstrap.js", "styles/theme.css.map", "styles/theme.css",
                 "vendor/fontawesome/webfonts/fa.ttf", "vendor/widgets/embed.js"):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    light.prune(tmp_path)
    left = sorted(p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*"))
    assert left == ["scripts", "scripts/bootstrap.js", "styles", "styles/theme.css", "vendor", "vendor/widgets",
                    "vendor/widgets/embed.js"]  # fmt: skip


def test_scripts_wait_but_for_the_options_and_those_that_are_inline():
    from sphinx.builders.html._assets import _JavaScript

    def deferred(filename, **attributes):
        script = _JavaScript(filename, **attributes)
        light.defer(script)
        return "defer" in script.attributes

    assert deferred("_static/copybutton.js") and deferred("a.js", **{"data-x": "1"})
    assert not any(deferred(f"_static/{name}") for name in light.AT_ONCE) and not deferred(None, body="let a = 1")
    assert not deferred("a.js", **{"async": "async"})
    light.defer("old.js")  # a page of an extension may name a file by its path alone


# Formulas ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tools() -> Path:
    """MathJax as the build fetches it: once, into ``_build/tools``."""
    try:
        return vendor_assets(ROOT / "book" / "vendor", MATHJAX.parent, assets=TOOLS)
    except CourseError as error:
        pytest.skip(f"no MathJax: {error}")


@pytest.fixture(scope="module")
def typeset(tools):
    typesetter = Typesetter(tools / "mathjax", {"half": r"\tfrac{1}{2}"})
    yield typesetter
    typesetter.close()


def test_a_formula_is_drawn_and_read(typeset):
    html = typeset(r"\frac{a}{b}", display=True)
    assert 'display="true"' in html and "<mfrac>" in html and html.count("<path data-c") == 2
    assert 'display="true"' not in typeset("a")
    assert "<mfrac>" in typeset(r"\half")  # a macro of the book's settings
    assert "价格" in re.sub("<[^>]*>", "", typeset(r"\text{价格}"))


@pytest.mark.parametrize(
    "tex, told", [(r"\frac{a", "brace"), (r"\nosuchcommand", "nosuchcommand"), ("a^b^c", "exponent")]
)
def test_a_faulty_formula_is_an_error_that_names_it_and_the_next_one_works(typeset, tex, told):
    with pytest.raises(CourseError, match=told) as error:
        typeset(tex)
    assert tex[:8] in str(error.value)
    assert "<math" in typeset("x")


def test_extensions_load_when_a_formula_needs_them(typeset):
    for tex in (r"\boldsymbol{w}", r"\color{red}{x}", r"\cancel{x}", r"\begin{cases}a & b \\ c\end{cases}"):
        assert "<math" in typeset(tex), tex


def test_a_node_that_dies_is_one_clear_error(tmp_path):
    with pytest.raises(CourseError, match="MathJax stopped"):
        Typesetter(tmp_path)("x")


def test_closing_twice_and_going_on(typeset):
    other = Typesetter(MATHJAX)
    before = other("y")
    other.close()
    other.close()
    other._known.clear()
    assert other("y") == before
    other.close()


def test_glyphs_are_shared_and_the_page_looks_the_same(typeset):
    page = f"<p>{typeset('x+x')}</p><p>{typeset('x^2')}</p>"
    shared = share_glyphs(page)
    outlines = re.findall(r' d="([^"]*)"', page)
    assert len(re.findall(r' d="', shared)) == len(set(outlines)) < len(outlines)
    names = dict(re.findall(r'<path id="([^"]*)" d="([^"]*)"', shared))
    assert [names[name] for name in re.findall(r'href="#([^"]*)"', shared)] == outlines
    assert share_glyphs("<p>no formula</p>") == "<p>no formula</p>"
    assert share_glyphs(shared) == shared


def test_blocks_are_aligned_as_sphinx_would():
    assert display_tex("a = b") == "a = b"
    assert display_tex(r"a \\ b") == r"\begin{split}a \\ b\end{split}"
    assert display_tex("a\n\nb") == r"\begin{aligned}a \\ b\end{aligned}"


# A small book, built in this process ------------------------------------------------------------------------------

PAGE = r"""# The first *page*

A shop has a search box. It answers with a list.

```{{note}}
A box.
```

Inline ${inline}$, and numbered:

$$a^2 \\\\ b$$ (eq)

See {{eq}}`eq`.

\\begin{{align}}
x &= \\half \\\\ y &= 2
\\end{{align}}
"""


def _book(folder: Path, monkeypatch, tools: Path, inline: str = "x", **settings) -> Path:
    """Build a book of one page with the book's extensions; returns the site."""
    from sphinx.application import Sphinx
    from sphinx.util.docutils import docutils_namespace, patch_docutils

    monkeypatch.setattr(light, "vendor_assets", lambda *_, **__: tools)
    root = folder / "source"
    root.mkdir(exist_ok=True)
    if not (root / "index.md").is_file():  # a file written again would be read again
        (root / "index.md").write_text(PAGE.replace("\\\\", "\\").format(inline=inline), encoding="utf-8")
    (root / "CHANGELOG.md").write_text("# Changelog\n\n## Unreleased\n\n- one\n", encoding="utf-8")
    build = folder / "_build"
    out = build / "html" / settings.pop("edition", "")
    names = ("light", "accessibility", "discovery")
    values = types.ModuleType("book_values")  # stands for the book's main extension, which brings these two settings
    values.setup = lambda app: (app.add_config_value("course_vendor", "", "", [str]),
                                app.add_config_value("course_build", "", "", [str])) and None  # fmt: skip
    monkeypatch.setitem(sys.modules, values.__name__, values)
    config = {
        "extensions": ["myst_parser", values.__name__, "sphinx.ext.mathjax", "sphinx_book_theme",
                       *(f"course_lib.publishing.{name}" for name in names)],
        "exclude_patterns": ["CHANGELOG.md"], "source_suffix": {".md": "markdown"},  # whatever ran before
        "html_theme": "sphinx_book_theme", "html_title": "A book", "myst_enable_extensions": ["dollarmath", "amsmath"],
        "mathjax3_config": {"tex": {"macros": {"half": r"\tfrac{1}{2}"}}}, "course_vendor": "vendor",
        "course_build": str(build),
        "html_static_path": [str(Path(light.__file__).parent / "static")], "language": "en", **settings,
    }  # fmt: skip
    with patch_docutils(None), docutils_namespace():
        app = Sphinx(root, None, out, build / "doctrees", "html", confoverrides=config, status=None, warning=None)
        app.build()
    return out


@pytest.fixture(autouse=True)
def no_address(monkeypatch):
    monkeypatch.delenv("COURSE_SITE_URL", raising=False)


def test_a_book_without_an_address(tmp_path, monkeypatch, tools):
    site = _book(tmp_path, monkeypatch, tools)
    page = (site / "index.html").read_text(encoding="utf-8")
    assert "0; url=book/index.html" in page  # the entry page of a Jupyter Book, whose map lies in book/
    changes = (site / "book" / "changelog.html").read_text(encoding="utf-8")
    assert "<li>one</li>" in changes and 'class="changelog-link"' in changes and mend(changes) == changes
    assert 'name="description" content="What changed in the course' in changes and "og:url" not in changes
    assert not (site / "sitemap.xml").exists() and "Sitemap" not in (site / "robots.txt").read_text()
    static = site / "_static"
    assert not list(static.rglob("fontawesome*")) and not list(static.rglob("*.map"))
    assert "woff2" not in (static / light.THEME_STYLE).read_text(encoding="utf-8")


def test_a_page_s_formulas_words_and_head(tmp_path, monkeypatch, tools):
    monkeypatch.setenv("COURSE_SITE_URL", "https://example.org/c")
    monkeypatch.setattr(discovery, "entry_page", lambda *_: "")  # would take the place of the only page
    seen = {}
    monkeypatch.setattr(discovery, "_finish", lambda app, error: seen.update(base=app.config.html_baseurl))
    site = _book(tmp_path, monkeypatch, tools)
    page = (site / "index.html").read_text(encoding="utf-8")
    assert page.count("<mjx-container") == 3 and page.count('class="math-glyphs"') == 1 and "\\(" not in page
    assert re.search(r'<span class="eqno">\(1\)<a class="headerlink"', page) and 'href="#equation-eq"' in page
    assert "<mtable" in page and page.count('name="viewport"') == 1
    assert 'name="description" content="A shop has a search box. It answers with a list.' in page
    assert 'rel="canonical" href="https://example.org/c/index.html"' in page
    assert seen == {"base": "https://example.org/c/"}
    card = re.search(r'og:image" content="https://example.org/c/(_static/cards/\w+.png)"', page)
    assert card and (site / card[1]).is_file()
    assert 'og:title" content="The first page"' in page and "data-theme=" not in page
    assert [line for line in check_offline(site) if "book/" not in line] == []


def test_the_chinese_edition_has_its_own_addresses_and_one_sitemap(tmp_path, monkeypatch, tools):
    monkeypatch.setenv("COURSE_SITE_URL", "https://example.org/")
    site = _book(tmp_path, monkeypatch, tools, edition="zh", language="zh_CN")
    changes = (site / "book" / "changelog.html").read_text(encoding="utf-8")
    assert 'rel="canonical" href="https://example.org/zh/book/changelog.html"' in changes
    assert '<div lang="en">' in changes
    assert "zh/book/changelog.html" in (site.parent / "sitemap.xml").read_text() and not (site / "sitemap.xml").exists()
    assert 'lang="zh-CN"' in (site / "index.html").read_text(encoding="utf-8")


def test_a_faulty_formula_stops_the_build_and_names_its_page(tmp_path, monkeypatch, tools):
    with pytest.raises(Exception, match=r"index: \\nosuch.*Undefined"):
        _book(tmp_path, monkeypatch, tools, inline=r"\nosuch")


def test_a_change_of_the_look_writes_pages_anew_and_only_then(tmp_path, monkeypatch, tools):
    monkeypatch.setattr(discovery, "_finish", lambda *_: None)  # its entry page would take the place of the only page
    page = _book(tmp_path, monkeypatch, tools) / "index.html"
    first = page.read_text(encoding="utf-8")
    page.write_text("kept", encoding="utf-8")
    _book(tmp_path, monkeypatch, tools)
    assert page.read_text(encoding="utf-8") == "kept"
    monkeypatch.setattr(light, "_versions", lambda: ["another theme"])
    _book(tmp_path, monkeypatch, tools)
    second = page.read_text(encoding="utf-8")
    digests = [re.search(r"pydata-sphinx-theme.css\?v=(\w+)", html)[1] for html in (first, second)]
    assert digests[0] != digests[1]


def test_a_theme_without_the_style_sheet_is_one_clear_error(tmp_path):
    class App:
        class builder:
            class theme:
                get_theme_dirs = staticmethod(lambda: [str(tmp_path)])

    with pytest.raises(CourseError, match="pydata-sphinx-theme.css"):
        light.theme_static(App)  # type: ignore[arg-type]


# The built site ------------------------------------------------------------------------------------------------------


def _pages() -> list[Path]:
    return [p for p in sorted(SITE.rglob("*.html")) if "_static" not in p.relative_to(SITE).parts]


def _loads(page: Path) -> set[Path]:
    """The local files that a page names as style sheets, scripts, icons and pictures, and what style sheets import."""
    html = page.read_text(encoding="utf-8")
    tags = re.findall(r"<(?:script|img|link)\b[^>]*>", html)
    tags = [tag for tag in tags if not re.search(r'rel="(?!stylesheet|icon)', tag)]
    urls = [url for tag in tags for url in re.findall(r'(?:src|href)="([^"]+)"', tag)]
    files = {(page.parent / unquote(urlsplit(u).path)).resolve() for u in urls if not urlsplit(u).scheme}
    for sheet in [f for f in files if f.suffix == ".css"]:
        text = sheet.read_text(encoding="utf-8")
        files |= {(sheet.parent / u).resolve() for u in re.findall(r'@import "([^"]+)"', text)}
        files |= {(sheet.parent / u).resolve() for u in re.findall(r"url\([\"']?(?!data:|#)([^\"')]+)", text)}
    return {f for f in files if f.is_file()}


@pytest.mark.site
@pytest.mark.skipif(not (SITE / "index.html").is_file(), reason="no built site: run make book first")
def test_no_page_is_heavy_and_none_loads_what_it_does_not_use():
    heavy = {}
    for page in _pages():
        files = {page, *_loads(page)}
        weight = sum(min(len(data), len(gzip.compress(data))) for data in (file.read_bytes() for file in files))
        if weight > HEAVIEST:
            heavy[page.name] = weight
        names = {file.name for file in files}
        assert not names & {"fontawesome.js", "tex-mml-chtml.js", "require.js"}, page
        html = page.read_text(encoding="utf-8")
        if page.name != "search.html":
            assert "searchindex.js" not in html, page
        if "application/vnd.jupyter.widget" not in html:
            assert "embed.js" not in names, page
    assert _pages() and heavy == {}


@pytest.mark.site
@pytest.mark.skipif(not (SITE / "index.html").is_file(), reason="no built site: run make book first")
def test_every_glyph_that_a_page_uses_is_on_it():
    for page in _pages():
        html = page.read_text(encoding="utf-8")
        used = set(re.findall(r'<use data-c="[^"]*" href="#([^"]*)"', html))
        assert used <= set(re.findall(r'<path id="([^"]*)"', html)), page
        assert "\\(" not in re.sub(r"<(script|style|code|pre)\b.*?</\1>", "", html, flags=re.DOTALL), page
