"""Turning the sources into the published book: map, execution, figures, offline assets."""
