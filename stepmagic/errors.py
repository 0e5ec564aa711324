"""Every error this package raises, in one tree.

    StepError                     anything a user can act on
      SettingError                a setting or option has a value that cannot be used
        UnsupportedOption         this model or protocol does not have it
        SchemaError               JSON cannot express a type
      CommandError                the first line of a cell could not be read
      AttachmentError             a name, path or value could not be attached
      TranscriptError             a saved conversation could not be read or written
      CassetteError               a cassette could not be read or written
        CassetteMiss              it has no answer, and no server may be asked
      EngineError                 the embedded engine could not be set up or died
      KeyMissing                  no API key for a server that needs one
      CostLimitReached            this kernel has reached its cost limit
      ValueMisfit                 a model's answer is not of the type asked for
      ServerError                 a server was asked and did not answer
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
          StreamStalled           nothing was received for the idle timeout
        ProtocolError             the reply does not follow the protocol
    Interrupted                   the user stopped a turn (a KeyboardInterrupt)

Messages say what happened, which value, and what to do next. No message contains a key:
a key in a server's text is replaced before an error is made of it.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable


class StepError(Exception):
    """Root of the tree; in a notebook it prints one short message, no traceback."""

    def _render_traceback_(self) -> list[str]:
        """Return the lines IPython prints instead of a traceback."""
        return [f"{type(self).__name__}: {self}"]


class SettingError(StepError):
    """A setting or option has a value that cannot be used."""


class UnsupportedOption(SettingError):
    """The model or the protocol does not have an option or a kind of part."""


class SchemaError(SettingError):
    """JSON cannot express a type, of an answer or of a function's argument."""


class CommandError(StepError):
    """The first line of a cell could not be read."""


class AttachmentError(StepError):
    """A name, path or value could not be attached."""


class TranscriptError(StepError):
    """A saved conversation could not be read or written."""


class CassetteError(StepError):
    """A cassette could not be read or written."""


class CassetteMiss(CassetteError):
    """A cassette has no answer to a question, and no server may be asked."""


class EngineError(StepError):
    """The embedded engine could not be set up or died."""


class KeyMissing(StepError):
    """No API key was found for a server that needs one."""


class ValueMisfit(StepError):
    """A model's answer is not of the type asked for.

    Args:
        message: What happened and what to do next.
        text: What the model wrote.
        problem: What is wrong and where, one line each; it can be sent to the model.
    """

    def __init__(self, message: str, *, text: str, problem: str) -> None:
        super().__init__(message)
        self.text = text
        self.problem = problem


class CostLimitReached(StepError):
    """The kernel has reached its limit: ``%config StepMagic.max_cost_usd``."""


class ServerError(StepError):
    """A server was asked and did not answer.

    Args:
        message: What happened and what to do next.
        status: HTTP status, if there was one.
        code: The server's own error code, as text.
        error_type: OpenRouter's ``error_type`` (ApiErrorType in its OpenAPI).
        provider: Display name of the provider behind the router.
        request_id: Id to quote to the server's support.
        retry_after_s: How long the server asked to wait, in seconds.
        retryable: Whether sending the same request again may succeed.
    """

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
    """The stream began and did not finish; what was received is kept."""


class StreamCut(StreamFailed):
    """The stream ended without a finish reason."""


class StreamStalled(StreamFailed):
    """Nothing was received for the idle timeout."""


class ProtocolError(ServerError):
    """The reply does not follow the protocol that was asked for."""


class Interrupted(KeyboardInterrupt):
    """The user stopped a turn; what was received is kept.

    A ``KeyboardInterrupt``, so that "Run All" stops; prints one line.
    """

    def _render_traceback_(self) -> list[str]:
        """Return the one line IPython prints instead of a traceback."""
        return [f"Interrupted: {self}"]


def did_you_mean(
    name: str,
    names: Iterable[str],
    *,
    most: int = 1,
    form: Callable[[str], str] = str,
) -> str:
    """Return the end of a message that names the nearest of some names.

        >>> did_you_mean("hisory", ["history", "save"], form="`%step {}`".format)
        ' Did you mean `%step history`?'

    Args:
        name: What was written.
        names: What exists.
        most: How many to name.
        form: Returns how a name is written, such as ``repr``.

    Returns:
        A sentence with a space before it; empty where nothing is near.
    """
    close = difflib.get_close_matches(name, names, n=most)
    listed = ", ".join(form(each) for each in close)
    return f" Did you mean {listed}?" if listed else ""


def shorten(text: str, most: int) -> str:
    """Return a text for a message: its first ``most`` characters, and ``...``."""
    return text if len(text) <= most else f"{text[:most]}..."
