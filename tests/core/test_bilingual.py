"""Two languages: which one is chosen, and filling in texts."""

from __future__ import annotations

import pytest

from course_lib.core.bilingual import Text, chosen_language, language_of
from course_lib.core.errors import ContractError


@pytest.mark.parametrize(
    ("code", "language"), [(None, "en"), ("", "en"), ("zh", "zh"), ("zh_CN", "zh"), ("EN-us", "en")]
)
def test_the_environment_chooses(monkeypatch, code, language):
    monkeypatch.delenv("COURSE_LANG", raising=False)
    if code is not None:
        monkeypatch.setenv("COURSE_LANG", code)
    assert chosen_language() == language
    assert str(Text("hello", "你好")) == {"en": "hello", "zh": "你好"}[language]


def test_an_unknown_language_names_the_variable(monkeypatch):
    monkeypatch.setenv("COURSE_LANG", "fr")
    with pytest.raises(ContractError, match="^COURSE_LANG: there is no language 'fr'. Choose one of en, zh"):
        chosen_language()
    with pytest.raises(ContractError):
        language_of("")


def test_values_fill_both_texts_and_are_not_read_again():
    filled = Text("{a} of {b}", "{b} 中的 {a}").format(a="{b}", b=Text("all", "全部"))
    assert filled == Text("{b} of all", "全部 中的 {b}")
