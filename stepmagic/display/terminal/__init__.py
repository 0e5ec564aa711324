"""Answers in a terminal or a pipe."""
