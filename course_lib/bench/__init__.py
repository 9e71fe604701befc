"""Comparisons across branches on real data: ``course bench``. Nothing of the course imports this package."""
