"""One spelling for what people type in many: forms of characters, units of measure, codes of models."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from course_lib.core.errors import ContractError

LANGUAGES = ("en", "zh")
HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
#: a run of Han characters, or of anything else that makes up a word
RUN = re.compile(rf"[{HAN}]+|[^\W_{HAN}]+")
HAN_ALONE = re.compile(rf"[{HAN}]+")
LONGEST = 2_000  #: characters of a query that are read; what is longer was pasted, not typed
#: unit as written by us -> other ways to write it
UNITS: dict[str, dict[str, tuple[str, ...]]] = {
    "en": {
        "kg": ("kgs", "kilo", "kilos", "kilogram", "kilograms", "kilogramme", "kilogrammes"),
        "g": ("gram", "grams", "gramme", "grammes"), "ml": ("millilitre", "millilitres", "milliliter", "milliliters"),
        "l": ("litre", "litres", "liter", "liters", "ltr"),
        "cm": ("centimetre", "centimetres", "centimeter", "centimeters"),
        "mm": ("millimetre", "millimetres", "millimeter", "millimeters"), "m": ("metre", "metres", "meter", "meters"),
        "inch": ("inches",), "gb": ("gig", "gigs", "gigabyte", "gigabytes"), "tb": ("terabyte", "terabytes"),
        "w": ("watt", "watts"), "hours": ("hour", "hrs", "hr"),
    },
    "zh": {
        "千克": ("公斤", "kg"), "克": ("g",), "毫升": ("ml",), "升": ("l",), "厘米": ("公分", "cm"), "毫米": ("mm",),
        "米": ("m",), "英寸": ("寸",), "小时": ("h",),
    },
}  # fmt: skip
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_CODE = re.compile(r"(?=[a-z0-9]*[a-z])(?=[a-z0-9]*\d)[a-z0-9]{4,}")
_JOINED = re.compile(r"[a-z0-9]+(?:[-_/. ]+[a-z0-9]+)*")


def normalise(text: str, language: str = "en") -> str:
    """A text in the form in which we compare texts.

    Compatibility forms are folded (ＸＬ → xl, ① → 1: NFKC), letters are lower-case, control, zero-width and direction
    characters are gone, white space is a single space, a number stands apart from its unit and the unit has one
    spelling (``"1,000ml"`` → ``"1000 ml"``); in 中文 they stay joined (``"2公斤"`` → ``"2千克"``). Normalising twice
    changes nothing. Text beyond ``LONGEST`` characters is cut off. Products and queries must both pass through here.

    Source: Unicode Standard Annex 15 (normalisation forms).

    Raises:
        ContractError: not a text, or an unknown language.
    """
    if not isinstance(text, str):
        raise ContractError(f"a query is a text, not {type(text).__name__}")
    if language not in LANGUAGES:
        raise ContractError(f"there is no language {language!r}", remedy=f"Choose one of {', '.join(LANGUAGES)}")
    text = unicodedata.normalize("NFKC", text[:LONGEST]).lower()
    text = unicodedata.normalize("NFKC", text)  # lower case may leave a mark that composes
    # Cc: controls (a line break is white space), Cf: zero width and direction, Cs: halves of a pair
    text = "".join(" " if c.isspace() else "" if unicodedata.category(c) in ("Cc", "Cf", "Cs") else c for c in text)
    text = _THOUSANDS.sub("", unicodedata.normalize("NFKC", text).replace("’", "'"))
    return " ".join(_spell_units(text, language).split())[:LONGEST].strip()


def words(text: str) -> list[str]:
    """The runs of letters and digits of a text, Han characters apart from others: ``"iphone手机壳"`` → 2 words."""
    return RUN.findall(text)


def is_model_code(word: str) -> bool:
    """Whether a word looks like a model number: at least 4 letters a–z and digits, both kinds, not a number with its
    unit (``"zy9748m"`` yes, ``"500ml"`` no). Such words mean one product exactly; nobody may correct them."""
    word = word.lower()
    return bool(_CODE.fullmatch(word)) and not re.fullmatch(rf"\d+(?:{_unit_words()})", word)


def fold_codes(text: str, codes: Iterable[str]) -> str:
    """Write the catalogue's model codes as the catalogue does: ``"zy-9748 m"`` → ``"zy9748m"``.

    Args:
        text: normalised. codes: model codes that exist, in lower case; others stay as typed.
    """
    known = codes if isinstance(codes, (set, frozenset)) else frozenset(codes)

    def fold(match: re.Match[str]) -> str:
        parts = re.split(r"([-_/. ]+)", match[0])  # words at even places, what stands between them at odd ones
        out, i = [], 0
        while i < len(parts):
            for j in range(min(len(parts), i + 7), i, -2):  # a code has at most 4 pieces
                whole = "".join(parts[i:j:2])
                if j > i + 1 and whole in known:
                    out.append(whole)
                    break
            else:
                j = i + 1
                out.append(parts[i])
            out += parts[j : j + 1]
            i = j + 1
        return "".join(out)

    return _JOINED.sub(fold, text)


def _spell_units(text: str, language: str) -> str:
    ours = {other: unit for unit, others in UNITS[language].items() for other in (unit, *others)}
    names = "|".join(sorted(ours, key=len, reverse=True))
    gap, after = (" ", r"(?![^\W_])") if language == "en" else ("", "(?![a-z0-9])")
    # A digit that belongs to a word (ab12g) is no amount.
    amount = rf"(?<![a-z0-9_.,-])(\d+(?:[.,]\d+)?)\s*({names}){after}"
    return re.sub(amount, lambda m: f"{m[1]}{gap}{ours[m[2]]}", text)


def _unit_words() -> str:
    every = {name for units in UNITS.values() for unit, others in units.items() for name in (unit, *others)}
    return "|".join(sorted((name for name in every if name.isascii()), key=len, reverse=True))
