"""The map's controls as HTML, in the language of the build; hidden until the script shows them."""

from __future__ import annotations

from html import escape

from course_lib.publishing.mapwords import TOOLS, in_language


def tools(language: str) -> str:
    """Search, role, depth, zoom and view: what stands above the map."""
    words = _escaped(language)
    zoom = "".join(
        f'<button type="button" data-zoom="{name}" title="{words[name]}" aria-label="{words[name]}">{sign}</button>'
        for name, sign in (("out", "−"), ("in", "+"), ("fit", "⤢"))
    )
    return (
        '<div class="mm-tools" hidden><div class="mm-find">'
        f'<label for="mm-search">{words["search"]}</label>'
        f'<input id="mm-search" type="search" placeholder="{words["hint"]}" autocomplete="off" spellcheck="false">'
        '<output for="mm-search" class="mm-found"></output></div>'
        + _choice("role", ("all", "developer", "business"), words)
        + _choice("depth", ("branches", "topics", "concepts"), words, chosen="topics")
        + _choice("view", ("map", "list"), words)
        + "</div>"
        f'<section class="mm-after" aria-label="{words["after"]}" hidden></section>'
        '<div class="mm-line" hidden><p class="mm-mine" role="status"></p>'
        f'<div class="mm-choice mm-zoom" role="group" aria-label="{words["zoom"]}"><div>{zoom}</div></div></div>'
    )


def keeping(language: str) -> str:
    """The card of the selected topic, then export, import and the keys: what stands below the map."""
    words = _escaped(language)
    return (
        f'<section class="mm-card" aria-label="{words["card"]}" hidden></section>'
        f'<div class="mm-keep" hidden><p><span>{words["keep"]}</span> '
        f'<button type="button" class="mm-export">{words["export"]}</button> '
        f'<button type="button" class="mm-import">{words["import"]}</button>'
        f'<input type="file" accept=".json,application/json" aria-label="{words["import"]}" hidden></p>'
        f'<p class="mm-said" role="status"></p><p class="mm-keys">{words["help"]}</p></div>'
    )


def _choice(name: str, values: tuple[str, ...], words: dict[str, str], chosen: str = "") -> str:
    chosen = chosen or values[0]
    options = "".join(
        f'<label><input type="radio" name="mm-{name}" value="{value}"{" checked" * (value == chosen)}>'
        f"<span>{words[value]}</span></label>"
        for value in values
    )
    return f'<fieldset class="mm-choice"><legend>{words[name]}</legend><div>{options}</div></fieldset>'


def _escaped(language: str) -> dict[str, str]:
    return {name: escape(text) for name, text in in_language(TOOLS, language).items()}
