"""Real shops from a publisher's own files: ``load(name, path)``; what is known of each: ``manifest(name)``."""

from course_lib.shop.loaders.manifests import manifest, names
from course_lib.shop.loaders.registry import load

__all__ = ["load", "manifest", "names"]
