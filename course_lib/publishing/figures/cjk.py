"""Room for Chinese text in figures: a font that holds the widths of Chinese characters and no shapes.

The text of a figure stays text in its SVG and is drawn by the reader's browser, which has a Chinese font. Matplotlib only
has to know how wide it will be, and every Chinese character is as wide as it is high. One empty glyph for all of them is
enough: a font of one kilobyte, the same on every machine, so that figures are the same everywhere, too.
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

FAMILY = "Course CJK widths"
PATH = Path(__file__).parent / "data" / "cjk_widths.ttf"
#: first and last character of the Unicode blocks whose characters fill a square
BLOCKS = (
    (0x2E80, 0x2FDF),  # radicals
    (0x3000, 0x303F),  # punctuation
    (0x3040, 0x30FF),  # kana, which brand names may have
    (0x3400, 0x4DBF),  # rare ideographs
    (0x4E00, 0x9FFF),  # ideographs
    (0xF900, 0xFAFF),  # ideographs kept for compatibility
    (0xFF01, 0xFF60),  # full-width forms of Latin letters and punctuation
    (0xFFE0, 0xFFE6),  # full-width signs of currencies
)


def font_bytes() -> bytes:
    """The font as a TrueType file; ``PATH`` holds these bytes."""
    from fontTools.fontBuilder import FontBuilder
    from fontTools.ttLib.tables._c_m_a_p import CmapSubtable
    from fontTools.ttLib.tables._g_l_y_f import Glyph

    em = 1000
    builder = FontBuilder(em, isTTF=True)
    builder.setupGlyphOrder([".notdef", "square"])
    builder.setupCharacterMap({})  # a table for the others to look into; filled below
    builder.setupGlyf({name: Glyph() for name in (".notdef", "square")})
    builder.setupHorizontalMetrics({".notdef": (em, 0), "square": (em, 0)})
    builder.setupHorizontalHeader(ascent=880, descent=-120)
    builder.setupNameTable({"familyName": FAMILY, "styleName": "Regular"})
    builder.setupOS2(sTypoAscender=880, sTypoDescender=-120)
    builder.setupPost()
    many_to_one = CmapSubtable.newSubtable(13)  # the format for many characters with one glyph
    many_to_one.platformID, many_to_one.platEncID, many_to_one.language = 3, 10, 0
    many_to_one.cmap = {char: "square" for first, last in BLOCKS for char in range(first, last + 1)}
    builder.font["cmap"].tables = [many_to_one]
    builder.font.recalcTimestamp = False
    builder.font["head"].created = builder.font["head"].modified = 0
    file = BytesIO()
    builder.save(file)
    return file.getvalue()


def families() -> list[str]:
    """Font families for matplotlib: its own, then the widths; registers these when first called."""
    from matplotlib import font_manager

    manager = font_manager.fontManager
    if not any(entry.name == FAMILY for entry in manager.ttflist):
        manager.addfont(PATH)
    return ["DejaVu Sans", FAMILY]
