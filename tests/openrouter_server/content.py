"""What a model says and what it takes, before a protocol gives it a form."""

from __future__ import annotations

import json
import re
import secrets
import string
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from openrouter_server.models import PROVIDERS, model_entry

FinishReason: TypeAlias = Literal["stop", "length", "tool_calls", "content_filter"]

DEFAULT_TEXT = """\
**March** is the outlier: sales fell to *42*, against a mean of 97.

| month | sales |
|---|---:|
| February | 101 |
| March | 42 |

```python
df.loc[df["sales"].idxmin()]
```

The deviation is $z = -2.6$, and the figure agrees.
"""

DEFAULT_REASONING = "The user asks for the outlier. March is far below the mean."

_TOKEN = re.compile(r"\s?\w+|\s?[^\w\s]+|\s+")
_ID_LETTERS = string.ascii_letters + string.digits
_TEXT_FIELDS = ("system", "instructions", "messages", "input", "content", "text")
_CHARACTERS_PER_TOKEN = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """The model calls a function."""

    name: str
    arguments: str = "{}"
    """JSON."""
    id: str = field(default_factory=lambda: f"call_{secrets.token_hex(12)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """What an answer took."""

    prompt: int
    completion: int
    reasoning: int = 0
    cached: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What the model says; None leaves it to the model and the request."""

    text: str = DEFAULT_TEXT
    reasoning: str | None = None
    signature: str | None = None
    """Signs the reasoning, which then goes back only as it came."""
    encrypted: str | None = None
    """Reasoning that nobody but the provider reads."""
    calls: tuple[Call, ...] = ()
    finish_reason: FinishReason | None = None
    usage: Tokens | None = None
    tokens_per_frame: int = 1
    logprobs: bool = True
    """Whether they are sent where the request asks for them."""
    model: str | None = None
    """What the reply calls the model, such as a dated variant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """One answer to one request."""

    content: Content
    asked: Mapping[str, Any]
    """The request's body."""
    id: str
    created: int = field(default_factory=lambda: int(time.time()))

    @property
    def is_streamed(self) -> bool:
        """Whether the request asks for a stream."""
        return bool(self.asked.get("stream"))

    @property
    def model(self) -> str:
        """The model's name in the reply."""
        return self.content.model or str(self.asked["model"])

    @property
    def provider(self) -> str:
        """Display name of the provider."""
        return PROVIDERS[self._entry["id"]]

    @property
    def finish_reason(self) -> FinishReason:
        """Why the model stopped."""
        calls = self.content.calls
        return self.content.finish_reason or ("tool_calls" if calls else "stop")

    @property
    def reasoning(self) -> str:
        """The readable reasoning that the reply shows."""
        asked = self.asked.get("reasoning") or self.asked.get("thinking") or {}
        if asked.get("exclude") or asked.get("display") == "omitted":
            return ""
        if self.content.reasoning is not None:
            return self.content.reasoning
        return DEFAULT_REASONING if self._reasons else ""

    @property
    def reasoning_format(self) -> str:
        """OpenRouter's name for the form of this reasoning."""
        signed = self.content.signature or self.content.encrypted
        return "anthropic-claude-v1" if signed else "unknown"

    @property
    def tokens(self) -> Tokens:
        """What it took; counted by words where the script does not say."""
        if self.content.usage is not None:
            return self.content.usage
        letters = sum(map(len, _texts(self.asked)))
        reasoning = len(split_tokens(self.reasoning))
        said = [self.content.text, *(call.arguments for call in self.content.calls)]
        return Tokens(
            prompt=1 + letters // _CHARACTERS_PER_TOKEN,
            completion=sum(len(split_tokens(text)) for text in said) + reasoning,
            reasoning=reasoning,
        )

    @property
    def prices_usd(self) -> tuple[float, float]:
        """What the prompt and the completion cost, in US dollars."""
        pricing, tokens = self._entry["pricing"], self.tokens
        prompt = float(pricing["prompt"]) * (tokens.prompt - tokens.cached)
        cached = float(pricing["input_cache_read"]) * tokens.cached
        completion = float(pricing["completion"]) * tokens.completion
        return round(prompt + cached, 12), round(completion, 12)

    @property
    def cost_usd(self) -> float:
        """What it cost together."""
        return round(sum(self.prices_usd), 12)

    @property
    def text_frames(self) -> list[list[str]]:
        """The tokens of the text, as many to a frame as the script says."""
        return self._framed(self.content.text)

    @property
    def reasoning_frames(self) -> list[str]:
        """The readable reasoning in the pieces in which it is streamed."""
        return ["".join(tokens) for tokens in self._framed(self.reasoning)]

    def _framed(self, text: str) -> list[list[str]]:
        tokens, size = split_tokens(text), self.content.tokens_per_frame
        return [tokens[at : at + size] for at in range(0, len(tokens), size)]

    @property
    def _entry(self) -> dict[str, Any]:
        entry = model_entry(self.asked["model"])
        if entry is None:
            raise KeyError(self.asked["model"])
        return entry

    @property
    def _reasons(self) -> bool:
        """Whether the model thinks about this request.

        A model that need not reason stays silent until it is told to; some do so on
        OpenRouter whatever their entry says.
        """
        entry = self._entry.get("reasoning")
        if entry is None:
            return False
        asked = self.asked.get("reasoning") or {}
        thinking = (self.asked.get("thinking") or {}).get("type")
        is_off = (
            "none" in (asked.get("effort"), self.asked.get("reasoning_effort"))
            or asked.get("enabled") is False
        )
        is_asked = bool(asked) or thinking in ("enabled", "adaptive")
        return entry["mandatory"] or (is_asked and not is_off)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An error as OpenRouter words it."""

    status: int
    message: str
    error_type: str | None = None
    """The kind of error (OpenRouter OpenAPI, ApiErrorType)."""
    provider: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def details(self) -> dict[str, Any]:
        """What stands in ``metadata``."""
        known = {"error_type": self.error_type, "provider_name": self.provider}
        return {**{k: v for k, v in known.items() if v}, **self.metadata}


def generation_id() -> str:
    """Return an id as all three protocols have it: ``gen-<unix time>-<20 letters>``."""
    letters = "".join(secrets.choice(_ID_LETTERS) for _ in range(20))
    return f"gen-{int(time.time())}-{letters}"


def split_tokens(text: str) -> list[str]:
    """Return pieces about as long as a model's tokens; joined they are the text."""
    return _TOKEN.findall(text)


def halves(arguments: str) -> tuple[str, str]:
    """Return a tool call's arguments as two fragments, neither of them JSON."""
    middle = (1 + len(arguments)) // 2
    return arguments[:middle], arguments[middle:]


def logprob(token: str, top: int) -> dict[str, Any]:
    """Return a token's log-probability with ``top`` alternatives, the same each time.

    The form is OpenAI's, which the three SDKs and OpenRouter's OpenAPI share.
    """

    def one(word: str, value: float) -> dict[str, Any]:
        return {"token": word, "logprob": value, "bytes": list(word.encode())}

    likely = -0.125 * (1 + len(token) % 4)
    others = [one(f"{token}{rank}", likely - rank) for rank in range(1, top)]
    alternatives = [one(token, likely), *others][:top]
    return {**one(token, likely), "top_logprobs": alternatives}


def data_frame(payload: Mapping[str, Any]) -> bytes:
    """Return one server-sent event without a name."""
    return b"data: %s\n\n" % compact(payload)


def compact(payload: Mapping[str, Any]) -> bytes:
    """Return JSON as servers write it: no spaces, letters as they are."""
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        for name in _TEXT_FIELDS:
            yield from _texts(value.get(name))
