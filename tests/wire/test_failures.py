"""Error bodies of every form, and the one tree of exceptions they become."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

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
)
from stepmagic.wire.failures import error_from_payload, error_from_response


def refused(
    status: int, body: Any = None, headers: dict[str, str] | None = None
) -> ServerError:
    """Return the error for a reply of a real client."""
    text = body if isinstance(body, str) else json.dumps(body)
    response = httpx.Response(status, headers=headers, text=text)
    return error_from_response(response.status_code, response.headers, response.text)


def openrouter(code: int | str, message: str, **metadata: Any) -> dict[str, Any]:
    error = {"code": code, "message": message, "metadata": metadata}
    return {"error": error, "user_id": "user_1"}


@pytest.mark.parametrize(
    ("status", "kind", "retryable"),
    [
        (400, RequestRefused, False),
        (401, KeyRefused, False),
        (402, CreditExhausted, False),
        (403, KeyRefused, False),
        (404, ModelNotFound, False),
        (408, ServerOverloaded, True),
        (413, ContextTooLong, False),
        (422, RequestRefused, False),
        (429, ServerOverloaded, True),
        (500, ServerOverloaded, True),
        (501, ServerOverloaded, False),
        (502, ServerOverloaded, True),
        (503, ServerOverloaded, True),
        (524, ServerOverloaded, True),
        (529, ServerOverloaded, True),
    ],
)
def test_status_decides_where_the_body_says_no_more(
    status: int,
    kind: type[ServerError],
    retryable: bool,  # noqa: FBT001 - pytest passes it by name
) -> None:
    error = refused(status, {"error": {"message": "No", "code": status}})
    assert type(error) is kind
    assert (error.status, error.code) == (status, str(status))
    assert error.retryable is retryable


@pytest.mark.parametrize(
    ("error_type", "kind"),
    [
        ("context_length_exceeded", ContextTooLong),
        ("token_limit_exceeded", ContextTooLong),
        ("payload_too_large", ContextTooLong),
        ("authentication", KeyRefused),
        ("permission_denied", KeyRefused),
        ("payment_required", CreditExhausted),
        ("not_found", ModelNotFound),
        ("content_policy_violation", ContentRefused),
        ("refusal", ContentRefused),
        ("rate_limit_exceeded", ServerOverloaded),
        ("provider_overloaded", ServerOverloaded),
        ("provider_unavailable", ServerOverloaded),
        ("timeout", ServerOverloaded),
        ("server", ServerOverloaded),
        ("image_too_large", RequestRefused),
        ("unmapped", RequestRefused),
    ],
)
def test_openrouters_error_type_decides_over_the_status(
    error_type: str, kind: type[ServerError]
) -> None:
    error = refused(400, openrouter(400, "No", error_type=error_type))
    assert type(error) is kind
    assert error.error_type == error_type


@pytest.mark.parametrize(
    ("error_type", "kind"),
    [
        ("invalid_request_error", RequestRefused),
        ("authentication_error", KeyRefused),
        ("permission_error", KeyRefused),
        ("not_found_error", ModelNotFound),
        ("rate_limit_error", ServerOverloaded),
        ("api_error", ServerOverloaded),
        ("overloaded_error", ServerOverloaded),
        ("billing_error", CreditExhausted),
        ("timeout_error", ServerOverloaded),
    ],
)
def test_anthropics_error_is_read(error_type: str, kind: type[ServerError]) -> None:
    body = {
        "type": "error",
        "error": {"type": error_type, "message": "No"},
        "request_id": "req_1",
    }
    error = error_from_payload(body)
    assert type(error) is kind
    assert (error.status, error.request_id) == (None, "req_1")
    assert error.retryable is (kind is ServerOverloaded)


def test_flat_error_of_a_responses_stream_is_read() -> None:
    body = {
        "type": "error",
        "code": "rate_limit_exceeded",
        "message": "Slow down",
        "param": None,
    }
    error = error_from_payload(body)
    assert type(error) is ServerOverloaded
    assert (error.code, error.error_type) == ("rate_limit_exceeded",) * 2
    assert str(error).startswith("the server: Slow down. ")


@pytest.mark.parametrize("code", ["server_error", 500])
def test_responses_error_has_a_word_or_a_number_for_its_code(code: str | int) -> None:
    body = {"error": {"code": code, "message": "No"}, "metadata": None}
    error = error_from_payload(body)
    assert type(error) is ServerOverloaded
    assert error.code == str(code)
    assert error.retryable


def test_error_type_beside_the_error_is_read() -> None:
    body = {
        "error": {"code": "server_error", "message": "No"},
        "error_type": "provider_unavailable",
    }
    assert error_from_payload(body).error_type == "provider_unavailable"


def test_error_that_is_a_text_is_the_message() -> None:
    error = refused(400, {"error": "model is required"})
    assert "(400): model is required. " in str(error)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("\n  Bad gateway  \nnginx", "Bad gateway"),
        ("", "no reason given"),
        ("[1]", "[1]"),
        ({"error": {"code": 502}}, "no reason given"),
        ({"error": {"code": 502, "message": None}}, "no reason given"),
    ],
)
def test_body_of_another_form_is_quoted_by_its_first_line(body: Any, said: str) -> None:
    assert str(refused(502, body)).startswith(f"the server (502): {said}. ")


def test_long_body_is_shortened_however_deep_it_is() -> None:
    error = refused(502, "[" * 100_000)
    assert str(error).startswith(f"the server (502): {'[' * 300}... ")


def test_missing_key_says_how_to_set_one() -> None:
    body = {"error": {"message": "Missing Authentication header", "code": 401}}
    assert str(refused(401, body)) == (
        "the server (401): Missing Authentication header. "
        "Check the key with `%step key`."
    )


@pytest.mark.parametrize(
    "message",
    [
        "This endpoint's maximum context length is 200000 tokens. However, ...",
        "prompt exceeds the context window",
    ],
)
def test_prompt_over_the_context_window_is_known_by_its_words(message: str) -> None:
    error = refused(400, openrouter(400, message, provider_name=None))
    assert type(error) is ContextTooLong
    assert "`-n`" in str(error)


def test_context_words_in_an_overload_change_nothing() -> None:
    error = refused(503, openrouter(503, "maximum context length server is down"))
    assert type(error) is ServerOverloaded


def test_what_the_provider_said_is_shown_with_its_name() -> None:
    body = openrouter(
        429,
        "Provider returned error",
        provider_name="Google",
        raw="gemini is temporarily rate-limited upstream\nmore",
    )
    error = refused(429, body)
    assert error.provider == "Google"
    assert str(error).startswith(
        "Google (429): Provider returned error: "
        "gemini is temporarily rate-limited upstream. "
    )


@pytest.mark.parametrize("raw", ["No", "", None, {"a": 1}])
def test_raw_text_that_adds_nothing_is_left_out(raw: Any) -> None:
    error = refused(502, openrouter(502, "No", raw=raw))
    assert str(error).startswith("the server (502): No. ")


def test_moderation_names_its_reasons() -> None:
    body = openrouter(
        403,
        "Input was flagged",
        reasons=["violence", "hate"],
        flagged_input="...",
        provider_name="OpenAI",
        model_slug="openai/gpt-5",
    )
    error = refused(403, body)
    assert type(error) is ContentRefused
    assert "Input was flagged (violence, hate)." in str(error)


def test_guardrail_is_a_refusal_of_the_content() -> None:
    error = refused(403, openrouter(403, "Blocked!", patterns=["ssn"]))
    assert type(error) is ContentRefused
    assert "Blocked! Say it differently" in str(error)


def test_availability_says_whether_and_when_to_try_again() -> None:
    body = {
        "error": {
            "message": "No provider is available",
            "error_type": "provider_overloaded",
            "http_status": 503,
            "availability": {"code": "capacity", "retryable": True, "retry_after": 7},
        }
    }
    error = error_from_payload(body)
    assert type(error) is ServerOverloaded
    assert (error.status, error.code) == (503, "503")
    assert (error.retryable, error.retry_after_s) == (True, 7.0)


def test_availability_may_forbid_to_try_again() -> None:
    body = {
        "error": {
            "code": 503,
            "message": "Excluded by your settings",
            "availability": {"retryable": False},
        }
    }
    assert not refused(503, body).retryable


def test_budget_of_requests_under_way_passes_by_itself() -> None:
    body = openrouter(402, "Busy", limit_source="openrouter_in_flight_budget")
    error = refused(402, body, {"Retry-After": "2"})
    assert type(error) is ServerOverloaded
    assert (error.retryable, error.retry_after_s) == (True, 2.0)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("3", 3.0),
        ("0.5", 0.5),
        ("-1", 0.0),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
    ],
)
def test_retry_after_is_read_in_seconds(value: str, seconds: float | None) -> None:
    error = refused(429, openrouter(429, "Slow down"), {"Retry-After": value})
    assert error.retry_after_s == seconds


def test_retry_after_in_the_body_is_read() -> None:
    assert refused(429, openrouter(429, "No", retry_after=4)).retry_after_s == 4.0


def test_ids_and_provider_come_from_the_headers_where_the_body_has_none() -> None:
    headers = {"X-Generation-Id": "gen-1", "X-Provider-Name": "StepFun"}
    error = refused(502, "", headers)
    assert (error.request_id, error.provider) == ("gen-1", "StepFun")
    assert refused(502, "", {"X-Request-Id": "req_1"}).request_id == "req_1"


@pytest.mark.parametrize("code", ["12", 200, "word", None, True, float("inf"), {}])
def test_code_that_is_no_http_error_is_no_status(code: Any) -> None:
    error = error_from_payload({"error": {"code": code, "message": "No"}})
    assert error.status is None
    assert type(error) is ServerOverloaded


def test_code_in_digits_is_a_status() -> None:
    assert error_from_payload({"error": {"code": "404"}}).status == 404


@pytest.mark.parametrize(
    ("error", "retryable"),
    [
        ({"code": 502, "message": "Gone"}, True),
        ({"code": 400, "message": "Token limit reached"}, False),
        ({"type": "overloaded_error", "message": "Busy"}, True),
        ({"type": "invalid_request_error", "message": "No"}, False),
    ],
)
def test_error_in_mid_stream_keeps_what_came(
    error: dict[str, Any],
    retryable: bool,  # noqa: FBT001 - pytest passes it by name
) -> None:
    failed = error_from_payload({"error": error}, streaming=True)
    assert type(failed) is StreamFailed
    assert "What was received is kept" in str(failed)
    assert failed.retryable is retryable
