"""Server errors, in every form the protocols give them, as one tree of exceptions.

One place maps them, for the body of an HTTP error as for an error in mid-stream. The
forms: ``{error:{code,message,metadata}}`` of OpenRouter, ``{type:"error",error:{type,
message}}`` of Anthropic, ``{type:"error",code,message}`` of Responses streams, and the
``availability`` object that OpenRouter added in August 2026.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from stepmagic.errors import (
    ContentRefused,
    ContextTooLong,
    CreditExhausted,
    KeyRefused,
    ModelNotFound,
    RequestRefused,
    ServerError,
    ServerOverloaded,
    StreamFailed,
    shorten,
)

_ADVICE: dict[type[ServerError], str] = {
    KeyRefused: "Check the key with `%step key`.",
    CreditExhausted: "Add credit to the account, or use `%step model local`.",
    ModelNotFound: "`%step model` lists the models.",
    ContextTooLong: (
        "Start over with `-n`, or attach less; `--dry-run` shows what is large."
    ),
    ContentRefused: "Say it differently, or choose another model with `-m`.",
    ServerOverloaded: "Run the cell again in a while, or choose a model with `-m`.",
    RequestRefused: "`--dry-run` shows exactly what would be sent.",
    StreamFailed: "What was received is kept; `%step continue` continues from there.",
}

_BY_TYPE: dict[str, type[ServerError]] = {
    "context_length_exceeded": ContextTooLong,
    "exceed_context_size_error": ContextTooLong,
    "token_limit_exceeded": ContextTooLong,
    "payload_too_large": ContextTooLong,
    "authentication": KeyRefused,
    "authentication_error": KeyRefused,
    "permission_denied": KeyRefused,
    "permission_error": KeyRefused,
    "payment_required": CreditExhausted,
    "billing_error": CreditExhausted,
    "not_found": ModelNotFound,
    "not_found_error": ModelNotFound,
    "content_policy_violation": ContentRefused,
    "refusal": ContentRefused,
    "rate_limit_exceeded": ServerOverloaded,
    "rate_limit_error": ServerOverloaded,
    "provider_overloaded": ServerOverloaded,
    "overloaded_error": ServerOverloaded,
    "provider_unavailable": ServerOverloaded,
    "timeout": ServerOverloaded,
    "timeout_error": ServerOverloaded,
    "server": ServerOverloaded,
    "server_error": ServerOverloaded,
    "api_error": ServerOverloaded,
    "invalid_request": RequestRefused,
    "invalid_request_error": RequestRefused,
    "invalid_prompt": RequestRefused,
    "unprocessable": RequestRefused,
    "invalid_image": RequestRefused,
    "image_too_large": RequestRefused,
    "unsupported_image_format": RequestRefused,
}
"""By ``error_type``, or by the code where that is a word."""

_BY_STATUS: dict[int, type[ServerError]] = {
    401: KeyRefused,
    402: CreditExhausted,
    403: KeyRefused,
    404: ModelNotFound,
    408: ServerOverloaded,
    413: ContextTooLong,
    429: ServerOverloaded,
}

_RETRYABLE = frozenset({408, 429, 500, 502, 503, 504, 524, 529})
_CONTEXT_WORDS = ("maximum context", "context length", "context window")
_BAD_REQUEST, _SERVER_FAULT = 400, 500
_IN_FLIGHT = "openrouter_in_flight_budget"
"""Limit of a 402 that passes by itself, when the requests under way have ended."""


def error_from_response(
    status: int, headers: Mapping[str, str], body: str
) -> ServerError:
    """Return the exception for an HTTP error reply.

    Args:
        status: The HTTP status.
        headers: Reply headers, names in lower case.
        body: The body as text, already free of the key.
    """
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError):
        payload = None
    if not isinstance(payload, dict):
        payload = {"message": _first_line(body) or "no reason given"}
    return error_from_payload(payload, status=status, headers=headers)


def error_from_payload(
    payload: Mapping[str, Any],
    *,
    status: int | None = None,
    headers: Mapping[str, str] | None = None,
    streaming: bool = False,
) -> ServerError:
    """Return the exception for an error object.

    Args:
        payload: The object that contains the error, or the error itself.
        status: The HTTP status, if the response had one of an error.
        headers: Reply headers, names in lower case.
        streaming: The error was inside a stream that had begun; it then maps to
            ``StreamFailed``, which is retried only if nothing was received before.
    """
    headers = headers or {}
    error = payload.get("error")
    if isinstance(error, str):
        error = {"message": error}
    error = error if isinstance(error, Mapping) else payload
    metadata = _mapping(error.get("metadata"))
    availability = _mapping(error.get("availability"))
    code = error.get("code", error.get("http_status"))
    number = status or _number(code) or _number(error.get("http_status"))
    error_type = _error_type(payload, error, metadata)
    fault = _kind(number, error_type, error, metadata)
    kind = StreamFailed if streaming else fault
    retry_after_s = _seconds(
        headers.get("retry-after")
        or availability.get("retry_after")
        or metadata.get("retry_after")
    )
    provider = _text(metadata.get("provider_name")) or headers.get("x-provider-name")
    return kind(
        _worded(kind, number, error, metadata, provider),
        status=number,
        code=_text(code),
        error_type=error_type,
        provider=provider,
        request_id=_text(payload.get("request_id"))
        or headers.get("x-generation-id")
        or headers.get("x-request-id"),
        retry_after_s=retry_after_s,
        retryable=_is_retryable(availability, number, fault),
    )


def _is_retryable(
    availability: Mapping[str, Any], status: int | None, fault: type[ServerError]
) -> bool:
    """Whether to retry: as the server says, or as the kind of error suggests."""
    retryable = availability.get("retryable")
    if isinstance(retryable, bool):
        return retryable
    passing = status is None or status < _SERVER_FAULT
    return status in _RETRYABLE or (fault is ServerOverloaded and passing)


def _error_type(
    payload: Mapping[str, Any], error: Mapping[str, Any], metadata: Mapping[str, Any]
) -> str | None:
    """Return the error's type; a code that is not a number is one as well."""
    for word in (
        error.get("error_type"),
        metadata.get("error_type"),
        payload.get("error_type"),
        error.get("type"),
        error.get("code"),
    ):
        # A flat error of a Responses stream has the type of every error event.
        if isinstance(word, str) and word != "error" and _number(word) is None:
            return word
    return None


def _kind(
    status: int | None,
    error_type: str | None,
    error: Mapping[str, Any],
    metadata: Mapping[str, Any],
) -> type[ServerError]:
    message = str(error.get("message", "")).lower()
    if "reasons" in metadata or "flagged_input" in metadata or "patterns" in metadata:
        return ContentRefused
    if metadata.get("limit_source") == _IN_FLIGHT:
        return ServerOverloaded
    if status in (None, _BAD_REQUEST) and any(
        word in message for word in _CONTEXT_WORDS
    ):
        return ContextTooLong
    if error_type in _BY_TYPE:
        return _BY_TYPE[error_type]
    if status is None or status >= _SERVER_FAULT:
        return ServerOverloaded
    return _BY_STATUS.get(status, RequestRefused)


def _worded(
    kind: type[ServerError],
    status: int | None,
    error: Mapping[str, Any],
    metadata: Mapping[str, Any],
    provider: str | None,
) -> str:
    message = _first_line(str(error.get("message") or "no reason given"))
    raw = metadata.get("raw")
    if isinstance(raw, str) and raw.strip() and raw.strip() != message:
        message = f"{message}: {_first_line(raw)}"
    if reasons := metadata.get("reasons"):
        message = f"{message} ({', '.join(map(str, reasons))})"
    source = provider or "the server"
    number = f" ({status})" if status else ""
    stop = "" if message.endswith((".", "!", "?")) else "."
    return f"{source}{number}: {message}{stop} {_ADVICE[kind]}"


def _first_line(text: str, most: int = 300) -> str:
    """Return the first line that is not blank, shortened."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return shorten(line, most)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _number(code: Any) -> int | None:
    """Return a code that is an HTTP status; servers send words there as well."""
    try:
        number = int(code)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if 400 <= number < 600 else None  # noqa: PLR2004


def _seconds(value: Any) -> float | None:
    """Return a Retry-After in seconds; the date form is not read."""
    try:
        return max(0.0, float(value))
    except (TypeError, ValueError):
        return None
