"""Figures of the chapters, in one style. Chapters compute; these functions only draw.

What they return shows itself at the end of a cell, in the book and in JupyterLab alike.
"""

from course_lib.publishing.figures.bars import bars
from course_lib.publishing.figures.cells import estimate, p_text
from course_lib.publishing.figures.compared import compared_table
from course_lib.publishing.figures.curves import curves
from course_lib.publishing.figures.embedding import embedding_map
from course_lib.publishing.figures.heatmap import heatmap
from course_lib.publishing.figures.intervals import interval_plot
from course_lib.publishing.figures.style import PALETTE, Picture, show, style
from course_lib.publishing.figures.tables import Table, results_table, table
from course_lib.publishing.figures.training import loss_curve

__all__ = [
    "PALETTE", "Picture", "Table", "bars", "compared_table", "curves", "embedding_map", "estimate", "heatmap",
    "interval_plot", "loss_curve", "p_text", "results_table", "show", "style", "table",
]  # fmt: skip
