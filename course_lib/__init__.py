"""The course's shared package: the four names that every chapter uses.

``from course_lib import Shop, Ranking, evaluate, compare`` is the whole face; everything else is imported from its
topic (``course_lib.search.retrieval``, …). The names load on first use, so that ``import course_lib`` and the command
line start without torch or datasets.
"""

from importlib import import_module

__version__ = "0.1.0"

#: public name -> module that defines it (also read by the execution cache, which follows imports statically)
FACE = {
    "Shop": "course_lib.shop.shop",
    "Ranking": "course_lib.core.ranking",
    "evaluate": "course_lib.shop.measurement",
    "compare": "course_lib.shop.measurement",
}
__all__ = ["Shop", "Ranking", "evaluate", "compare"]


def __getattr__(name: str):
    if name in FACE:
        return getattr(import_module(FACE[name]), name)
    raise AttributeError(f"module 'course_lib' has no attribute {name!r}; its face is {', '.join(FACE)}")
