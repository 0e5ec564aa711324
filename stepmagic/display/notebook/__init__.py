"""An answer in the output of a cell, while it is received."""
