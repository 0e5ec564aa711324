"""An answer in a terminal or a pipe."""
