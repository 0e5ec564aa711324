"""Models: what they take, what they cost, and how names are completed.

The default model and the embedded one ship with the package, so a first question never
waits for the list. The list of a server (``GET /models``) is fetched on request
and cached for a day in the user's cache folder.
"""

from __future__ import annotations

import contextlib
import difflib
import hashlib
import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from stepmagic.errors import ProtocolError
from stepmagic.settings import DEFAULT_MODEL, cache_folder
from stepmagic.transcript import Usage
from stepmagic.transcript.log import replace_file
from stepmagic.wire.json_values import mapping

FRESH_S = 24 * 3600
"""How long a fetched list serves, in seconds."""

LOCAL_PREFIX = "local/"
LOCAL_MODEL = "local/smollm2"
LOCAL_ALIAS = "local"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelEntry:
    """What the server lists about one model."""

    id: str
    name: str = ""
    context_tokens: int | None = None
    inputs: tuple[str, ...] | None = None
    """Of text, image, video, file, audio; None if the server does not list them."""
    parameters: frozenset[str] | None = None
    """Names of the parameters it takes; None if the server does not list them."""
    reasons: bool | None = None
    """Whether it reasons; None if the server does not say."""
    efforts: tuple[str, ...] = ()
    """The values of ``effort`` that it takes; empty if they are not listed."""
    must_reason: bool = False
    """Whether the server refuses to switch reasoning off."""
    default_effort: str | None = None
    prompt_usd: float | None = None
    """US dollars per prompt token."""
    completion_usd: float | None = None

    def cost_usd(self, usage: Usage) -> float | None:
        """Return what a usage costs at the list price; None without a price."""
        if self.prompt_usd is None or self.completion_usd is None:
            return None
        return (
            usage.prompt_tokens * self.prompt_usd
            + usage.completion_tokens * self.completion_usd
        )


_STEP_PARAMETERS = frozenset(
    {
        "frequency_penalty",
        "include_reasoning",
        "logit_bias",
        "logprobs",
        "max_tokens",
        "min_p",
        "presence_penalty",
        "reasoning",
        "reasoning_effort",
        "repetition_penalty",
        "response_format",
        "seed",
        "stop",
        "structured_outputs",
        "temperature",
        "tool_choice",
        "tools",
        "top_k",
        "top_logprobs",
        "top_p",
    }
)

SHIPPED: dict[str, ModelEntry] = {
    # OpenRouter's list, July 2026: GET /models, stepfun/step-3.7-flash.
    DEFAULT_MODEL: ModelEntry(
        id=DEFAULT_MODEL,
        name="StepFun: Step 3.7 Flash",
        context_tokens=256_000,
        inputs=("text", "image", "video"),
        parameters=_STEP_PARAMETERS,
        reasons=True,
        efforts=("high", "medium", "low"),
        must_reason=True,
        default_effort="medium",
        prompt_usd=0.20e-6,
        completion_usd=1.15e-6,
    ),
    LOCAL_MODEL: ModelEntry(
        id=LOCAL_MODEL,
        name="SmolLM2 135M Instruct, on this machine",
        context_tokens=8_192,
        inputs=("text",),
        reasons=False,
        prompt_usd=0.0,
        completion_usd=0.0,
    ),
}


def full_name(model: str) -> str:
    """Return a model's id; ``local`` is short for the embedded one."""
    return LOCAL_MODEL if model == LOCAL_ALIAS else model


def is_local(model: str) -> bool:
    """Whether the embedded engine runs a model."""
    return model.startswith(LOCAL_PREFIX)


class Catalogue:
    """The models of one server: those that ship, and the list fetched last."""

    def __init__(self, base_url: str) -> None:
        self._path = _cache_path(base_url)
        self._entries = dict(SHIPPED)
        self._fetched_at: float | None = None
        self._read()

    @property
    def is_fresh(self) -> bool:
        """Whether a list was fetched within the last day."""
        fetched = self._fetched_at
        return fetched is not None and 0 <= time.time() - fetched < FRESH_S

    @property
    def entries(self) -> list[ModelEntry]:
        """Every model, by id."""
        return sorted(self._entries.values(), key=lambda entry: entry.id)

    def entry(self, model: str) -> ModelEntry | None:
        """Return what is known of a model.

        A variant that is not listed, such as ``:nitro``, is its base model by another
        route; ``:free`` costs nothing.
        """
        base, _, variant = model.partition(":")
        entry = self._entries.get(model) or self._entries.get(base)
        if entry is None or entry.id == model or variant != "free":
            return entry
        return replace(entry, id=model, prompt_usd=0.0, completion_usd=0.0)

    def close(self, model: str) -> list[str]:
        """Return the ids nearest to a name."""
        by_tail = {id_.rpartition("/")[2]: id_ for id_ in self._entries}
        found = difflib.get_close_matches(model, self._entries, n=3, cutoff=0.5)
        tails = difflib.get_close_matches(
            model.rpartition("/")[2], by_tail, n=3, cutoff=0.6
        )
        return list(dict.fromkeys([*found, *(by_tail[tail] for tail in tails)]))[:3]

    def take(self, payload: Any) -> None:
        """Use the reply of ``GET /models``, and cache it for a day.

        A cache that cannot be written is not an error: the list is then kept as long
        as the kernel.

        Raises:
            ProtocolError: It is not a list of models.
        """
        entries = _entries(payload)
        if entries is None:
            message = (
                'the server\'s list of models is not of the form {"data": [...]}. Is '
                "base_url right?"
            )
            raise ProtocolError(message)
        self._entries.update(entries)
        self._fetched_at = time.time()
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            form = {"fetched_at": self._fetched_at, "models": payload}
            replace_file(self._path, json.dumps(form).encode())

    def _read(self) -> None:
        """Use the cached list; a damaged file is ignored."""
        form = None
        with contextlib.suppress(OSError, ValueError, RecursionError):
            form = json.loads(self._path.read_text(encoding="utf-8"))
        fetched_at = mapping(form).get("fetched_at")
        entries = _entries(mapping(form).get("models"))
        if isinstance(fetched_at, float) and entries is not None:
            self._entries.update(entries)
            self._fetched_at = fetched_at


def _entries(payload: Any) -> dict[str, ModelEntry] | None:
    """Return the models in a reply of ``GET /models``; None if it is something else."""
    rows = mapping(payload).get("data")
    if not isinstance(rows, list):
        return None
    named = [row for row in map(mapping, rows) if isinstance(row.get("id"), str)]
    return {row["id"]: _entry(row) for row in named}


def _entry(row: Mapping[str, Any]) -> ModelEntry:
    """Return one row of ``GET /models`` (OpenRouter OpenAPI, Model)."""
    pricing = mapping(row.get("pricing"))
    reasoning = mapping(row.get("reasoning"))
    architecture = mapping(row.get("architecture"))
    parameters = _words(row.get("supported_parameters"))
    reasons = None if parameters is None else "reasoning" in parameters
    default_effort = reasoning.get("default_effort")
    return ModelEntry(
        id=row["id"],
        name=str(row.get("name") or ""),
        context_tokens=_whole(row.get("context_length")),
        inputs=_words(architecture.get("input_modalities")),
        parameters=None if parameters is None else frozenset(parameters),
        reasons=True if reasoning else reasons,
        efforts=_words(reasoning.get("supported_efforts")) or (),
        must_reason=reasoning.get("mandatory") is True,
        default_effort=default_effort if isinstance(default_effort, str) else None,
        prompt_usd=_price(pricing.get("prompt")),
        completion_usd=_price(pricing.get("completion")),
    )


def _words(value: Any) -> tuple[str, ...] | None:
    """Return the texts of a list; None for anything else."""
    if not isinstance(value, list):
        return None
    return tuple(each for each in value if isinstance(each, str))


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and value > 0 else None


def _price(value: Any) -> float | None:
    """Return dollars a token; a negative price means that it varies."""
    try:
        price = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return price if 0 <= price < math.inf else None


def _cache_path(base_url: str) -> Path:
    name = hashlib.sha256(base_url.rstrip("/").encode()).hexdigest()[:16]
    return cache_folder() / f"models-{name}.json"
