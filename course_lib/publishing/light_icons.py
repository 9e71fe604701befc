"""The icons that pages use, as two small embedded fonts, instead of a font and a script with all the icons there are.

The theme draws its icons by Font Awesome Free: code points in style sheets (``--pst-icon-…``, ``content``) and classes
on elements (``fa-solid fa-sun``). Both keep working: the fonts, which the theme brings, are cut down to the code points
that the site names, and the theme's rules for the 2,000 other classes are left out.
"""

from __future__ import annotations

import base64
import logging
import re
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path

from course_lib.core.errors import CourseError

FONTS = {"solid": "fa-solid-900", "regular": "fa-regular-400", "brands": "fa-brands-400"}
_FAMILY_OF = {"fas": "solid", "fa-solid": "solid", "fa": "solid", "far": "regular", "fa-regular": "regular",
              "fab": "brands", "fa-brands": "brands"}  # fmt: skip
_CLASSES = re.compile(r"""class(?:Name|List)?\s*=\s*\\?["']([^"'<>]*\bfa[srb]?\b[^"'<>]*)["']""")
_FONT_FACE = re.compile(r"@font-face\{[^}]*/(fa-\w+-\d+)\.woff2[^}]*\}")
_NAMED = re.compile(r"((?:\.fa-[\w-]+:{1,2}before,?)+)\{content:\"(\\[0-9a-f]+|[^\"])\"\}")
_CODE = re.compile(r"(?:content|--pst-[\w-]+):\s*\"(?:\\([0-9a-f]{4})|([\ue000-\uf8ff]))\"")


def code_points(css: str) -> dict[str, int]:
    """Icon name → code point, read from the theme's rules ``.fa-sun:before{content:"\\f185"}``."""
    found = {}
    for names, content in _NAMED.findall(css):
        code = int(content[1:], 16) if content.startswith("\\") else ord(content)
        found |= dict.fromkeys(re.findall(r"\.fa-([\w-]+):", names), code)
    return found


def used_icons(site: Path) -> dict[tuple[str, str], str]:
    """The icon classes in the site's pages and scripts: (family, name) → the first file that has it.

    A class that says how an icon looks (``fa-lg``) is among them; it has no code point.
    """
    found: dict[tuple[str, str], str] = {}
    scripts = (file for file in sorted((site / "_static").rglob("*.js")) if "vendor" not in file.parts)
    for file in [*sorted(site.rglob("*.html")), *scripts]:
        for match in _CLASSES.finditer(file.read_text(encoding="utf-8", errors="replace")):
            names = match[1].split()
            family = next((_FAMILY_OF[name] for name in names if name in _FAMILY_OF), None)
            for name in names:
                if family and name.startswith("fa-") and name not in _FAMILY_OF:
                    found.setdefault((family, name[3:]), file.relative_to(site).as_posix())
    return found


def subset(font: Path, codes: Iterable[int]) -> bytes:
    """A WOFF of ``font`` (a TTF) with the glyphs of ``codes`` only; code points that it lacks are passed over."""
    from fontTools import subset as fonttools

    logging.getLogger("fontTools").setLevel(logging.WARNING)  # it tells each of its steps
    options = fonttools.Options(flavor="woff", layout_features=[], notdef_outline=False, recommended_glyphs=False)
    options.drop_tables += ["FFTM"]
    options.name_IDs = [0, 13, 14]  # copyright and licence stay with the outlines
    loaded = fonttools.load_font(str(font), options)
    cutter = fonttools.Subsetter(options)
    cutter.populate(unicodes=sorted(set(codes)))
    cutter.subset(loaded)
    loaded["head"].modified = loaded["head"].created  # same icons, same bytes
    loaded.recalcTimestamp = False
    out = BytesIO()
    fonttools.save_font(loaded, out, options)
    return out.getvalue()


def slim(css: str, site: Path, fonts: Path, other_styles: Iterable[str] = ()) -> str:
    """The theme's style sheet with the icons that the site uses, embedded, and without all the others.

    Args:
        css: the theme's style sheet as it was installed.
        site: the built site, searched for icon classes.
        fonts: folder of the theme's ``fa-*.ttf``.
        other_styles: further style sheets, searched for code points of icons.

    Raises:
        CourseError: a font is missing, or the style sheet does not have the form that is read here.
    """
    known = code_points(css)
    if not known or not _FONT_FACE.search(css):
        raise CourseError("this version of the theme's icons is not understood", where="theme's style sheet")
    used = {(family, name) for family, name in used_icons(site) if name in known}
    kept_names = {name for _, name in used}
    bare = _NAMED.sub(lambda m: _kept(m[1], m[2], kept_names), css)
    in_styles = [int(c, 16) if c else ord(d) for c, d in _CODE.findall("\n".join([_NAMED.sub("", css), *other_styles]))]
    wanted = {family: {known[name] for f, name in used if f == family} for family in FONTS}
    wanted["solid"] |= set(in_styles)
    files = {file: wanted[family] for family, file in FONTS.items()}
    bare = _FONT_FACE.sub(lambda m: _font_face(m[0], fonts / f"{m[1]}.ttf", files.get(m[1], set())), bare)
    return re.sub(r"\s*/\*# sourceMappingURL=.*?\*/", "", bare)


def _kept(selectors: str, content: str, names: set[str]) -> str:
    kept = [s for s in selectors.strip(",").split(",") if re.split(r"[.:]", s)[1][3:] in names]
    return f'{",".join(kept)}{{content:"{content}"}}' if kept else ""


def _font_face(rule: str, font: Path, codes: set[int]) -> str:
    """The rule with the font itself in place of its address; none for a family that nobody uses."""
    if not codes:
        return ""
    if not font.is_file():
        raise CourseError("the theme does not bring this font", where=str(font))
    data = base64.b64encode(subset(font, codes)).decode("ascii")
    return re.sub(r"src:[^}]*", f'src:url(data:font/woff;base64,{data}) format("woff")', rule)
