"""``%step cassette``: the file that answers are recorded in and replayed from."""

from __future__ import annotations

from pathlib import Path

from stepmagic.display.html.tables import Card
from stepmagic.errors import CommandError, did_you_mean
from stepmagic.session import Session
from stepmagic.settings import CASSETTE_MODES, current
from stepmagic.transcript.usage import format_count

SUFFIX = ".jsonl"

_MEANT = {
    "auto": "recorded answers are replayed, other questions are asked and recorded",
    "record": "every question is asked again and recorded",
    "replay": "only recorded answers are replayed; no key and no network is used",
    "off": "nothing is replayed or recorded",
}


def cassette(here: Session, words: list[str]) -> Card | str:
    """Show the cassette, or use another, or change its mode.

    Raises:
        CommandError: A word is neither a mode nor a file, or the file to replay or the
            folder for it does not exist.
        CassetteError: The file is not a cassette; nothing has changed then.
    """
    settings = current()
    if not words:
        return _shown(here)
    file, mode = _read(words)
    path = Path(file or settings.cassette).expanduser()
    if not (file or settings.cassette):
        if mode == "off":
            return "There is no cassette."
        message = f"there is no cassette yet: `%step cassette notes{SUFFIX} {mode}`."
        raise CommandError(message)
    if file:
        # A change of folder must not select another file.
        file = str(path.absolute())
        mode = mode or ("auto" if settings.cassette_mode == "off" else None)
    mode = mode or settings.cassette_mode
    found = here.cassettes.get(file or settings.cassette)
    if not found.path.parent.is_dir():
        message = f"there is no folder {found.path.parent}. Make it first."
        raise CommandError(message)
    if mode == "replay" and not found.path.exists():
        message = (
            f"there is no {found.path} to replay. `%step cassette {path.name} auto` "
            "records one."
        )
        raise CommandError(message)
    count = len(found)
    settings.cassette, settings.cassette_mode = file or settings.cassette, mode
    answers = format_count(count, "answer")
    return " ".join([f"{path.name}, {answers}: {_MEANT[mode]}.", *found.faults])


def cassette_words(_: Session) -> list[str]:
    """Return what may follow: the modes, and the files in the current folder."""
    return [*CASSETTE_MODES, *sorted(map(str, Path().glob(f"*{SUFFIX}")))]


def _read(words: list[str]) -> tuple[str | None, str | None]:
    """Return the file and the mode among the words."""
    file = mode = None
    for word in words:
        if word in CASSETTE_MODES and mode is None:
            mode = word
        elif word.endswith(SUFFIX) and file is None:
            file = word
        else:
            message = (
                f"%step cassette takes a file that ends in {SUFFIX}, and one of "
                f"{', '.join(CASSETTE_MODES)}; not {word!r}."
                f"{did_you_mean(word, CASSETTE_MODES)}"
            )
            raise CommandError(message)
    return file, mode


def _shown(here: Session) -> Card | str:
    settings = current()
    if not settings.cassette:
        return f"There is no cassette. `%step cassette notes{SUFFIX}` uses one."
    found = here.cassettes.get(settings.cassette)
    mode = settings.cassette_mode
    return Card(
        title="cassette",
        rows=(
            ("file", str(found.path)),
            ("answers", f"{len(found):,}"),
            ("mode", f"{mode}: {_MEANT[mode]}"),
            ("speed", settings.cassette_speed),
            *(("fault", fault) for fault in found.faults),
        ),
    )
