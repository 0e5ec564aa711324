"""Cassettes: recorded requests and their answers, replayed from a file.

    question    a request in a canonical form, its hash, and how two of them differ
    file        the file: an append-only log
    recording   a raw answer with its timing, as it is recorded and replayed
    endpoint    an endpoint that replays or records
    mode        the cassette in use, as set by ``%config StepMagic``

Must not know conversations, nor where a server or a key is found.
"""
