"""What ``GET /models`` and ``GET /key`` answer.

StepFun's entry has the limits, prices, parameters and efforts of OpenRouter's own entry
of July 2026. The others stand for the kinds of model a client must tell apart: one that
does not reason, one that takes text only, one whose reasoning is signed.
"""

from __future__ import annotations

from typing import Any

STEPFUN = "stepfun/step-3.7-flash"
WITHOUT_REASONING = "openai/gpt-4.1-mini"
TEXT_ONLY = "z-ai/glm-4.6"
SIGNED = "anthropic/claude-haiku-4.5"

_ANY_MODEL = [
    "frequency_penalty",
    "include_reasoning",
    "logit_bias",
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
    "top_p",
]
_LOGPROBS = ["logprobs", "top_logprobs"]
_REASONING = ["include_reasoning", "reasoning", "reasoning_effort"]
_NOT_STEPFUN = ["max_completion_tokens", "parallel_tool_calls", "verbosity"]


def _entry(
    model: str,
    name: str,
    *,
    takes: list[str],
    context: int,
    most: int,
    prices: tuple[str, str, str],
    parameters: list[str],
    reasoning: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return one model as OpenRouter lists it (OpenRouter OpenAPI, Model).

    Args:
        model: Its id.
        name: What people read.
        takes: Input modalities.
        context: Context length in tokens.
        most: Most tokens of one answer.
        prices: US dollars a token: prompt, completion, prompt read from a cache.
        parameters: Its ``supported_parameters``.
        reasoning: How it reasons; None where it does not.
    """
    prompt, completion, cache = prices
    entry: dict[str, Any] = {
        "id": model,
        "canonical_slug": model,
        "name": name,
        "created": 1783900800,
        "description": f"{name}, as the tests know it.",
        "context_length": context,
        "architecture": {
            "input_modalities": takes,
            "output_modalities": ["text"],
            "modality": f"{'+'.join(takes)}->text",
            "tokenizer": "Other",
            "instruct_type": None,
        },
        "pricing": {
            "prompt": prompt,
            "completion": completion,
            "input_cache_read": cache,
        },
        "top_provider": {
            "context_length": context,
            "max_completion_tokens": most,
            "is_moderated": False,
        },
        "per_request_limits": None,
        "supported_parameters": sorted(parameters),
        "supported_voices": None,
        "default_parameters": {"temperature": None, "top_p": None},
        "links": {"details": f"/api/v1/models/{model}/endpoints"},
    }
    if reasoning is not None:
        entry["reasoning"] = reasoning
    return entry


MODELS: dict[str, dict[str, Any]] = {
    entry["id"]: entry
    for entry in (
        _entry(
            STEPFUN,
            "StepFun: Step 3.7 Flash",
            takes=["text", "image", "video"],
            context=256_000,
            most=256_000,
            prices=("0.0000002", "0.00000115", "0.00000004"),
            parameters=_ANY_MODEL + _LOGPROBS,
            reasoning={
                "mandatory": True,
                "supported_efforts": ["high", "medium", "low"],
                "default_effort": "medium",
            },
        ),
        _entry(
            WITHOUT_REASONING,
            "OpenAI: GPT-4.1 Mini",
            takes=["text", "image", "file"],
            context=1_047_576,
            most=32_768,
            prices=("0.0000004", "0.0000016", "0.0000001"),
            parameters=[name for name in _ANY_MODEL if name not in _REASONING]
            + _LOGPROBS
            + _NOT_STEPFUN,
        ),
        _entry(
            TEXT_ONLY,
            "Z.AI: GLM 4.6",
            takes=["text"],
            context=202_752,
            most=65_536,
            prices=("0.0000004", "0.00000175", "0.00000008"),
            parameters=[*_ANY_MODEL, *_LOGPROBS, "parallel_tool_calls"],
            reasoning={"mandatory": False, "default_enabled": True},
        ),
        _entry(
            SIGNED,
            "Anthropic: Claude Haiku 4.5",
            takes=["text", "image", "file"],
            context=200_000,
            most=64_000,
            prices=("0.000001", "0.000005", "0.0000001"),
            parameters=[*_ANY_MODEL, *_NOT_STEPFUN],
            reasoning={
                "mandatory": False,
                "default_enabled": False,
                "supports_max_tokens": True,
            },
        ),
    )
}

PROVIDERS = {
    STEPFUN: "StepFun",
    WITHOUT_REASONING: "OpenAI",
    TEXT_ONLY: "Z.AI",
    SIGNED: "Anthropic",
}
"""Display name of the provider behind each model."""

KEY_INFO: dict[str, Any] = {
    "label": "sk-or-v1-tes...ted",
    "limit": 10,
    "limit_remaining": 7.5,
    "limit_reset": None,
    "include_byok_in_limit": False,
    "usage": 2.5,
    "usage_daily": 0.5,
    "usage_weekly": 1.5,
    "usage_monthly": 2.5,
    "byok_usage": 0,
    "byok_usage_daily": 0,
    "byok_usage_weekly": 0,
    "byok_usage_monthly": 0,
    "is_free_tier": False,
    "is_management_key": False,
    "is_provisioning_key": False,
    "creator_user_id": None,
    "organization_id": None,
    "workspace_id": "workspace-of-the-tests",
    "allowed_data_regions": ["global"],
    "budgets": [],
    "effective_budget": None,
    "free_model_daily_requests": {"limit": 1000, "remaining": 1000, "used": 0},
    "rate_limit": {"requests": -1, "interval": "10s", "note": "deprecated"},
}
"""The ``data`` of ``GET /key`` (OpenRouter OpenAPI, getCurrentKey)."""


def model_list() -> dict[str, Any]:
    """Return the answer of ``GET /models`` (OpenRouter OpenAPI, ModelsListResponse)."""
    data = list(MODELS.values())
    return {"data": data, "links": {"next": None}, "total_count": len(data)}


def model_entry(model: str) -> dict[str, Any] | None:
    """Return the entry of a model id, its variant (``:free``) aside."""
    return MODELS.get(model.split(":", maxsplit=1)[0])
