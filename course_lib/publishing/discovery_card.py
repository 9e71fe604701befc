"""The picture of a shared link: a page's title on a ranked list, drawn when the book is built."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from course_lib.core.fingerprint import fingerprint
from course_lib.publishing.figures.style import PALETTE

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

SIZE = (1200, 630)  # what the OpenGraph readers crop least
_GROUND, _INK, _QUIET = "#0d2b33", "#ffffff", "#b9d3d9"
_MARGIN, _WIDE = 84, 860  # pixels: the text's left edge, and how wide it may become
_CJK = re.compile(r"[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]")
#: fonts with Chinese characters, in the order of preference: file name, index of the simplified face
_CJK_FONTS = (("notosanscjk-bold", 2), ("notosanscjk-regular", 2), ("sourcehansans", 0), ("notosanssc", 0),
              ("pingfang", 0), ("msyh", 0), ("simhei", 0), ("wqy", 0), ("notoserifcjk-bold", 2))  # fmt: skip


def card(title: str, site: str, folder: Path) -> Path:
    """Draw the card of a page into ``folder``, unless it is there already.

    Args:
        title: the page's title, in the language of the page.
        site: the book's title.

    Returns:
        The PNG, 1200 × 630 pixels. Its name is a digest of what it shows.
    """
    path = folder / f"{fingerprint(Path(__file__).read_bytes(), title, site)[:16]}.png"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        _draw(title, site).quantize(64).save(path, optimize=True)
    return path


def font_for(text: str, size: int) -> FreeTypeFont | None:
    """A font that has the characters of ``text``; None where this machine has none with Chinese characters."""
    import matplotlib
    from PIL import ImageFont

    if not _CJK.search(text):
        return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans-Bold.ttf", size)
    from matplotlib.font_manager import findSystemFonts

    files = sorted(findSystemFonts())
    for name, index in _CJK_FONTS:
        for file in files:
            if name in Path(file).name.lower():
                return ImageFont.truetype(file, size, index=index if file.endswith((".ttc", ".otc")) else 0)
    return None


def wrap(text: str, font: FreeTypeFont, wide: float) -> list[str]:
    """Lines no wider than ``wide`` pixels: broken at spaces, and between Chinese characters."""
    lines = [""]
    for piece in re.findall(rf"{_CJK.pattern}|[^\s\u2e80-\u9fff]+|\s+", text):
        if lines[-1] and font.getlength((lines[-1] + piece).rstrip()) > wide:
            lines.append("")
        lines[-1] += piece if lines[-1] or piece.strip() else ""
    return [line.strip() for line in lines if line.strip()]


def _draw(title: str, site: str):  # noqa: ANN202  (PIL is imported late)
    from PIL import Image, ImageDraw

    image = Image.new("RGB", SIZE, _GROUND)
    pen = ImageDraw.Draw(image)
    _ranked_list(pen)
    size = next((s for s in (72, 60, 50, 42) if _fits(title, s)), 36)
    _text(pen, title, 96, size, _INK)
    _text(pen, site, SIZE[1] - 84, 30, _QUIET, upwards=True)
    return image


def _fits(title: str, size: int) -> bool:
    font = font_for(title, size)
    return font is not None and len(wrap(title, font, _WIDE)) * size * 1.3 <= 320


def _text(pen, text: str, top: int, size: int, colour: str, upwards: bool = False) -> None:  # noqa: ANN001
    font = font_for(text, size)
    if font is None:  # a picture without words is better than one with empty boxes
        return
    lines = wrap(text, font, _WIDE)
    top -= round((len(lines) - 1) * size * 1.3) if upwards else 0
    for place, line in enumerate(lines):
        pen.text((_MARGIN, top + round(place * size * 1.3)), line, font=font, fill=colour)


def _ranked_list(pen) -> None:  # noqa: ANN001
    """Bars that shorten downwards at the right edge: a ranking, in the book's four hues."""
    for place, share in enumerate((1.0, 0.78, 0.6, 0.46, 0.35, 0.27, 0.2)):
        top = 84 + place * 68
        pen.rounded_rectangle(
            (SIZE[0] - round(200 * share), top, SIZE[0] + 40, top + 40), radius=8, fill=PALETTE[place % len(PALETTE)]
        )
