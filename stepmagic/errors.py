"""Every error this package raises, in one tree.

    StepError                     anything a user can act on
      SettingError                a setting or option has a value that cannot be used
        UnsupportedOption         this model or protocol has no form for it
        SchemaError               a type to answer with has no form in JSON
      CommandError                the first line of a cell could not be read
      AttachmentError             a name, path or value could not be attached
      TranscriptError             a saved conversation could not be read or written
      CassetteError               a cassette could not be read or written
        CassetteMiss              it has no answer, and nobody else may be asked
      EngineError                 the embedded engine could not be set up or died
      KeyMissing                  no API key for a server that needs one
      CostLimitReached            this kernel has spent what it may
      ValueMisfit                 what a model wrote is not of the type it should be
      ServerError                 a server was asked, and no answer came of it
        ConnectionFailed          it could not be reached
        RequestRefused            it answered 4xx
          KeyRefused              401, 403
          CreditExhausted         402
          ModelNotFound           404
          ContextTooLong          400 or 413, prompt over the context window
          ContentRefused          403, moderation or guardrail
        ServerOverloaded          408, 429, 5xx: trying again may help
        StreamFailed              the stream began and did not finish
          StreamCut               it ended without a finish reason
          StreamStalled           nothing came for the idle timeout
        ProtocolError             what came is not the protocol that was asked for
    Interrupted                   the user stopped a turn (a KeyboardInterrupt)

Messages say what happened, which value, and what to do next. No message holds a key:
what a server sends is searched for the key before it reaches this module.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class StepError(Exception):
    """Root of the tree; in a notebook it prints one short message, no traceback."""

    def _render_traceback_(self) -> list[str]:
        """Return the lines IPython prints instead of a traceback."""
        return [f"{type(self).__name__}: {self}"]


class SettingError(StepError):
    """A setting or option has a value that cannot be used."""


class UnsupportedOption(SettingError):
    """The model or the protocol has no form for an option or a part."""


class SchemaError(SettingError):
    """A type to answer with, or of a function's argument, has no form in JSON."""


class CommandError(StepError):
    """The first line of a cell could not be read."""


class AttachmentError(StepError):
    """A name, path or value could not be attached."""


class TranscriptError(StepError):
    """A saved conversation could not be read or written."""


class CassetteError(StepError):
    """A cassette could not be read or written."""


class CassetteMiss(CassetteError):
    """A cassette has no answer to a question, and nobody else may be asked."""


class EngineError(StepError):
    """The embedded engine could not be set up or died."""


class KeyMissing(StepError):
    """No API key was found for a server that needs one."""


class ValueMisfit(StepError):
    """What a model wrote is not of the type it should be."""

    def __init__(self, message: str, *, text: str, problem: str) -> None:
        """Keep what was written, and what is wrong with it.

        Args:
            message: What happened and what to do next.
            text: What the model wrote.
            problem: What is wrong where, a line each; fit to be sent to the model.
        """
        super().__init__(message)
        self.text = text
        self.problem = problem


class CostLimitReached(StepError):
    """This kernel has spent what it may: ``%config StepMagic.max_cost_usd``."""


class ServerError(StepError):
    """A server was asked, and no answer came of it."""

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: str | None = None,
        error_type: str | None = None,
        provider: str | None = None,
        request_id: str | None = None,
        retry_after_s: float | None = None,
        retryable: bool = False,
    ) -> None:
        """Keep what the server said beside the message.

        Args:
            message: What happened and what to do next.
            status: HTTP status, where there was one.
            code: The server's own error code, as text.
            error_type: OpenRouter's ``error_type`` (ApiErrorType in its OpenAPI).
            provider: Display name of the provider behind the router.
            request_id: Id to quote to the server's support.
            retry_after_s: How long the server asked to wait, in seconds.
            retryable: Whether sending the same request again may succeed.
        """
        super().__init__(message)
        self.status = status
        self.code = code
        self.error_type = error_type
        self.provider = provider
        self.request_id = request_id
        self.retry_after_s = retry_after_s
        self.retryable = retryable


class ConnectionFailed(ServerError):
    """The server could not be reached."""


class RequestRefused(ServerError):
    """The server answered 4xx."""


class KeyRefused(RequestRefused):
    """The server did not accept the key (401, 403)."""


class CreditExhausted(RequestRefused):
    """The account has no credit left (402)."""


class ModelNotFound(RequestRefused):
    """The server does not know the model (404)."""


class ContextTooLong(RequestRefused):
    """The prompt is longer than the model's context window."""


class ContentRefused(RequestRefused):
    """Moderation or a guardrail refused the prompt (403)."""


class ServerOverloaded(ServerError):
    """408, 429 or 5xx: trying again may help."""


class StreamFailed(ServerError):
    """The stream began and did not finish; what came before is kept."""


class StreamCut(StreamFailed):
    """The stream ended without a finish reason."""


class StreamStalled(StreamFailed):
    """Nothing came for the idle timeout."""


class ProtocolError(ServerError):
    """What came is not the protocol that was asked for."""


class Interrupted(KeyboardInterrupt):
    """The user stopped a turn; what came before is kept.

    A ``KeyboardInterrupt``, so that "Run All" stops; prints one line.
    """

    def _render_traceback_(self) -> list[str]:
        """Return the one line IPython prints instead of a traceback."""
        return [f"Interrupted: {self}"]


def did_you_mean(
    name: str, names: Iterable[str], *, most: int = 1, form: str = "{}"
) -> str:
    """Return the end of a message that names the nearest of some names.

        >>> did_you_mean("hisory", ["history", "save"], form="`%step {}`")
        ' Did you mean `%step history`?'

    Args:
        name: What was written.
        names: What exists.
        most: How many to name.
        form: How each is written.

    Returns:
        A sentence with a space before it; empty where nothing is near.
    """
    close = difflib.get_close_matches(name, names, n=most)
    listed = ", ".join(form.format(each) for each in close)
    return f" Did you mean {listed}?" if listed else ""


def shorten(text: str, most: int) -> str:
    """Return a text for a message: its first ``most`` characters, and ``...``."""
    return text if len(text) <= most else f"{text[:most]}..."
