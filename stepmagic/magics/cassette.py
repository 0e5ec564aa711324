"""``%step cassette``: which file answers are recorded on, and replayed from."""

from __future__ import annotations

import difflib
from pathlib import Path

from stepmagic.display.html.tables import Card
from stepmagic.errors import CommandError
from stepmagic.session import Session
from stepmagic.settings import CASSETTE_MODES, current
from stepmagic.transcript.usage import format_count

SUFFIX = ".jsonl"

_MEANT = {
    "auto": "what is recorded is replayed, what is not is asked and recorded",
    "record": "every question is asked anew and recorded",
    "replay": "only what is recorded is answered; no key and no network is used",
    "off": "nothing is replayed or recorded",
}


def cassette(here: Session, words: list[str]) -> Card | str:
    """Say where the cassette stands; or put one in, or set what is done with it.

    Raises:
        CommandError: A word is no mode and no file, or there is no file to replay, or
            no folder for one.
        CassetteError: The file is no cassette; nothing has changed then.
    """
    settings = current()
    if not words:
        return _standing(here)
    file, mode = _read(words)
    path = Path(file or settings.cassette).expanduser()
    if not (file or settings.cassette):
        if mode == "off":
            return "There is no cassette."
        message = f"there is no cassette yet: `%step cassette notes{SUFFIX} {mode}`."
        raise CommandError(message)
    if file:
        # A change of folder must not put another one in.
        file = str(path.absolute())
        mode = mode or ("auto" if settings.cassette_mode == "off" else None)
    mode = mode or settings.cassette_mode
    held = here.cassettes.get(file or settings.cassette)
    if not held.path.parent.is_dir():
        message = f"there is no folder {held.path.parent}. Make it first."
        raise CommandError(message)
    if mode == "replay" and not held.path.exists():
        message = (
            f"there is no {held.path} to replay. `%step cassette {path.name} auto` "
            "records one."
        )
        raise CommandError(message)
    count = len(held)
    settings.cassette, settings.cassette_mode = file or settings.cassette, mode
    answers = format_count(count, "answer")
    return " ".join([f"{path.name}, {answers}: {_MEANT[mode]}.", *held.faults])


def cassette_words(_: Session) -> list[str]:
    """Return what may follow: the modes, and the files of this folder."""
    return [*CASSETTE_MODES, *sorted(map(str, Path().glob(f"*{SUFFIX}")))]


def _read(words: list[str]) -> tuple[str | None, str | None]:
    """Return the file and the mode that words name."""
    file = mode = None
    for word in words:
        if word in CASSETTE_MODES and mode is None:
            mode = word
        elif word.endswith(SUFFIX) and file is None:
            file = word
        else:
            close = difflib.get_close_matches(word, CASSETTE_MODES, n=1)
            hint = f" Did you mean {close[0]}?" if close else ""
            message = (
                f"%step cassette takes a file that ends in {SUFFIX}, and one of "
                f"{', '.join(CASSETTE_MODES)}; not {word!r}.{hint}"
            )
            raise CommandError(message)
    return file, mode


def _standing(here: Session) -> Card | str:
    settings = current()
    if not settings.cassette:
        return f"There is no cassette. `%step cassette notes{SUFFIX}` puts one in."
    held = here.cassettes.get(settings.cassette)
    mode = settings.cassette_mode
    return Card(
        title="cassette",
        rows=(
            ("file", str(held.path)),
            ("answers", f"{len(held):,}"),
            ("mode", f"{mode}: {_MEANT[mode]}"),
            ("speed", settings.cassette_speed),
            *(("fault", fault) for fault in held.faults),
        ),
    )
