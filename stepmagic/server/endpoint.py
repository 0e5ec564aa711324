"""Where a model answers: a server and its key, or the embedded engine."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from stepmagic.errors import AttachmentError, KeyMissing
from stepmagic.keys import Key, find_key
from stepmagic.server import local
from stepmagic.server.budget import MeteredSource
from stepmagic.server.cassette.endpoint import ReplayEndpoint
from stepmagic.server.cassette.mode import deck
from stepmagic.server.catalogue import is_local
from stepmagic.server.http import Call, Exchange, Opening
from stepmagic.server.options import Options
from stepmagic.settings import current
from stepmagic.transcript import File, Image, Message, Text, Video
from stepmagic.transcript.events import Source
from stepmagic.wire import codec

_NEEDS_KEY = ("openrouter.ai",)
"""Hosts that never answer without a key; another server may."""

_ROUTERS = ("openrouter.ai",)
"""Hosts that send all requests of one ``session_id`` to one provider."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A server that is ready to be asked."""

    base_url: str
    model: str
    """The model id as this server knows it."""
    key: Key | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def adapt(self, options: Options) -> Options:
        """Return the options as this server takes them."""
        headers = {**options.headers, **self.headers}
        parameters = dict(options.parameters)
        host = urlsplit(self.base_url).hostname or ""
        if options.tools and host.endswith(_ROUTERS):
            # Reasoning is sent back, unmodified, only to the provider that wrote it.
            parameters.setdefault("session_id", secrets.token_hex(8))
        return replace(
            options,
            model=self.model,
            base_url=self.base_url,
            headers=headers,
            parameters=parameters,
        )

    def exchange(
        self,
        asked: Options,
        body: Mapping[str, Any],
        *,
        opening: Opening | None = None,
    ) -> Source:
        """Return the exchange of a request; nothing is sent yet.

        Args:
            asked: Adapted options.
            body: The request.
            opening: Opens the request, if not just over HTTP.
        """
        spoken = codec(asked.api)
        call = Call(
            url=asked.base_url + spoken.path,
            body=body,
            key=self.key,
            headers=asked.headers,
            limits=asked.limits,
        )
        exchange = Exchange(call, spoken.decoder, opening=opening)
        return MeteredSource(exchange, asked.entry, body)


def find_endpoint(
    options: Options, report: Callable[[str], None]
) -> Endpoint | ReplayEndpoint:
    """Return where a model answers, or the cassette in use, which is looked in first.

    Raises:
        StepError: See ``find_server``; with a cassette only once it is asked.
    """
    settings = current()
    if not settings.cassette or settings.cassette_mode == "off":
        return find_server(options, report)
    return ReplayEndpoint(deck(settings), lambda: find_server(options, report))


def find_server(options: Options, report: Callable[[str], None]) -> Endpoint:
    """Return where a model answers; starts the embedded engine for ``local/``.

    May take seconds (and the first time, a download); ``report`` gets a line now and
    then, and stops the work by raising.

    Raises:
        KeyMissing: The server needs a key and none is found.
        EngineError: The embedded engine cannot be set up.
    """
    if is_local(options.model):
        running = local.engine(options.model, progress=report)
        return Endpoint(
            base_url=running.base_url,
            model=running.model,
            key=Key(running.key, "the embedded engine"),
            # llama.cpp closes a connection after a stream though it promised to keep
            # it: the next request on it would fail.
            headers={"connection": "close"},
        )
    key = find_key()
    host = urlsplit(options.base_url).hostname or ""
    if key is None and host.endswith(_NEEDS_KEY):
        message = (
            f"no API key for {host}. Three ways on: `%step key` enters one (or set "
            "OPENROUTER_API_KEY); `%step model local` asks a small model on this "
            "machine; `%step cassette FILE` replays answers that were recorded."
        )
        raise KeyMissing(message)
    return Endpoint(base_url=options.base_url, model=options.model, key=key)


def refuse_key(key: Key | None, system: str, message: Message) -> None:
    """Refuse a message that contains the API key.

    Raises:
        AttachmentError: It does.
    """
    if key is None:
        return
    contents: list[str | bytes | None] = [system]
    for part in message.parts:
        match part:
            case Text():
                contents += part.text, part.name
            case Image() | Video() | File():
                contents += part.data, part.url, part.name
    if any(key.is_in(each) for each in contents if each):
        reason = "the message contains the API key, so it was not sent. Take it out."
        raise AttachmentError(reason)
