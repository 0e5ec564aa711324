"""Cells, outputs, errors and code of the notebook as parts."""
