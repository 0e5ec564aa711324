"""Whether a request that failed goes out again, and how long it waits before."""

from __future__ import annotations

import random

from stepmagic.errors import ServerError
from stepmagic.events import Finish

_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 8.0
_LONGEST_RETRY_AFTER_S = 60.0


def worth_retrying(finish: Finish) -> ServerError | None:
    """Return the error for which the request should go out again; None where none."""
    error = finish.error
    if not isinstance(error, ServerError) or not error.retryable:
        return None
    return error if (error.retry_after_s or 0) <= _LONGEST_RETRY_AFTER_S else None


def wait_before(attempt: int, error: ServerError) -> float:
    """Return how long to wait: what the server asked, or a doubling with jitter."""
    if error.retry_after_s is not None:
        return error.retry_after_s
    most = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2 ** (attempt - 1))
    return random.uniform(most / 2, most)  # noqa: S311 - jitter, no secret
