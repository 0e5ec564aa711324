"""Cassettes: what was asked and how it was answered, in a file that replays it.

    questions   a request in a canonical form, its hash, and how two of them differ
    file        the file: JSON lines that are only ever added to
    tapes       a raw answer with its timing, as it is recorded and played
    recorded    either of them, as where events come from
    deck        the cassette that is in, as ``%config StepMagic`` says

Must not know conversations, nor where a server or a key is found.
"""
