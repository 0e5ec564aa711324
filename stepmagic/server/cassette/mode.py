"""The cassette that is in, as ``%config StepMagic`` and the environment say."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from stepmagic.errors import StepError
from stepmagic.server.cassette.file import Cassette, Recording
from stepmagic.server.cassette.question import Question
from stepmagic.settings import StepMagic, current, kernel
from stepmagic.transcript.usage import format_count


@dataclass(frozen=True, slots=True, kw_only=True)
class Deck:
    """A cassette and what is done with it."""

    cassette: Cassette
    mode: str
    """``auto`` replays what is recorded and records the rest, ``record`` asks
    again every time, ``replay`` never asks."""
    speed: str = "auto"

    def find(self, question: Question) -> Recording | None:
        """Return the answer to play; None where the server is to be asked.

        Raises:
            CassetteError: The file is not a cassette, or cannot be read.
        """
        if self.mode == "record":
            # What cannot be written to should show before it is paid for.
            self.cassette.refresh()
            return None
        return self.cassette.find(question)

    def is_at_once(self, *, is_watched: bool) -> bool:
        """Whether an answer is played without its pauses."""
        return self.speed == "instant" or (self.speed == "auto" and not is_watched)


class Cassettes:
    """The cassettes that this kernel has used, one for each file."""

    def __init__(self) -> None:
        self._by_setting: dict[str, Cassette] = {}
        """By the text of the setting, so that a change of folder does not move one."""

    def get(self, setting: str) -> Cassette:
        """Return the cassette of a file."""
        if setting not in self._by_setting:
            path = Path(setting).expanduser().absolute()
            self._by_setting[setting] = Cassette(path)
        return self._by_setting[setting]

    def clear(self) -> None:
        """Drop every cassette; the next question reads its file again."""
        self._by_setting.clear()


def cassette(setting: str) -> Cassette:
    """Return the kernel's cassette of a file."""
    return kernel.get(Cassettes).get(setting)


def deck(settings: StepMagic) -> Deck:
    """Return the cassette that the settings name."""
    return Deck(
        cassette=cassette(settings.cassette),
        mode=settings.cassette_mode,
        speed=settings.cassette_speed,
    )


def place() -> str:
    """Return a text that names the cassette in use and what is done with it."""
    settings = current()
    if not settings.cassette:
        return "none: `%step cassette FILE` records and replays"
    held = cassette(settings.cassette)
    try:
        count = len(held)
    except StepError as error:
        return f"{held.path}: {error}"
    answers = format_count(count, "answer")
    return f"{held.path}, {settings.cassette_mode}, {answers}"
