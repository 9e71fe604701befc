"""Demos: small programs in a page that answer at once, and pictures that are right before they run.

A demo is made in a cell, in Python; one front-end module per demo serves two hosts: JupyterLab through ``anywidget``,
and the built page through a small script of ours, which needs no server and no network.

- ``base``: ``Demo``, what a cell shows.
- ``assemble``: one module out of the pieces in ``modules/<name>``, for either host.
- ``site``: the Sphinx extension that brings a page the scripts and the data of its demos.
"""

from course_lib.publishing.demos.base import Demo

__all__ = ["Demo"]
