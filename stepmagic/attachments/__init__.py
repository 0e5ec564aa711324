"""Objects of the notebook as parts of a message.

Owns what may be sent and in which form. In a cell's text it evaluates no calls: what
was pasted there must not reach secrets.
"""
