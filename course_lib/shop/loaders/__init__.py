"""Real shops from a publisher's own files: ``load(name, path)``."""

from course_lib.shop.loaders.registry import load

__all__ = ["load"]
