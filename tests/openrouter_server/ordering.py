"""The rules no type can state: what may follow what in each protocol's messages.

Each function takes a body whose types are right and yields a line for every rule it
breaks. The rules are those that OpenRouter and the providers behind it refuse with 400.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias

Json: TypeAlias = Mapping[str, Any]

_CHAT_ROLES = {"system", "developer", "user", "assistant", "tool"}
_LEADING_ROLES = {"system", "developer"}
_THINKING = {"thinking", "redacted_thinking"}


def chat_faults(body: Json) -> Iterator[str]:
    """Yield what is out of order in a ``/chat/completions`` body."""
    messages = body["messages"]
    first = next((m for m in messages if m["role"] not in _LEADING_ROLES), None)
    if first is None or first["role"] != "user":
        yield "messages: the first that is no system message must be the user's"
    waiting: Counter[str] = Counter()
    for index, message in enumerate(messages):
        place = f"messages[{index}]"
        role = message["role"]
        if role not in _CHAT_ROLES:
            yield f"{place}: unknown role {role!r}"
        if role == "tool":
            call = message["tool_call_id"]
            if not waiting[call]:
                yield f"{place}: no tool call {call!r} waits for this result"
            waiting[call] -= 1
            continue
        yield from _unanswered(place, waiting)
        waiting = Counter(call["id"] for call in message.get("tool_calls") or ())
        yield from _chat_message_faults(place, message)
    yield from _unanswered("messages", waiting)


def _chat_message_faults(place: str, message: Json) -> Iterator[str]:
    details = message.get("reasoning_details")
    spoken = message.get("reasoning") or message.get("reasoning_content")
    if message["role"] != "assistant":
        if details or spoken:
            yield f"{place}: only an assistant message carries reasoning"
        if not message.get("content"):
            yield f"{place}: the content is empty"
        return
    if not any(message.get(name) for name in ("content", "tool_calls", "images")):
        yield f"{place}: an assistant message says something or calls a tool"
    if details and spoken:
        yield f"{place}: reasoning goes back as text or as details, not as both"
    places = Counter(
        (detail.get("type"), detail["index"])
        for detail in details or ()
        if detail.get("index") is not None
    )
    for (kind, number), count in places.items():
        if count > 1:
            yield f"{place}: {count} fragments of {kind} {number} are not merged"


def responses_faults(body: Json) -> Iterator[str]:
    """Yield what is out of order in a ``/responses`` body."""
    if body.get("store"):
        yield "store: must be false"
    if body.get("previous_response_id") is not None:
        yield "previous_response_id: must be null"
    items = body.get("input")
    if not items:
        yield "input: is empty"
    elif isinstance(items, list):
        yield from _item_faults(items)


def _item_faults(items: list[Json]) -> Iterator[str]:
    if _item_kind(items[0]) != "message" or items[0]["role"] == "assistant":
        yield "input[0]: a conversation begins with the user's message"
    waiting: Counter[str] = Counter()
    for index, item in enumerate(items):
        place = f"input[{index}]"
        match _item_kind(item):
            case "message":
                yield from _responses_message_faults(place, item)
            case "function_call":
                waiting[item["call_id"]] += 1
            case "function_call_output":
                if not waiting[item["call_id"]]:
                    yield f"{place}: no function_call {item['call_id']!r} before it"
                waiting[item["call_id"]] -= 1
            case "reasoning":
                yield from _reasoning_item_faults(place, items[index + 1 :])
    yield from _unanswered("input", waiting)


def _item_kind(item: Json) -> str:
    return str(item.get("type", "message"))


def _responses_message_faults(place: str, item: Json) -> Iterator[str]:
    if not item.get("content"):
        yield f"{place}: the content is empty"
    if item["role"] == "assistant" and not (item.get("id") and item.get("status")):
        yield f"{place}: an assistant message needs its id and status"


def _reasoning_item_faults(place: str, following: Iterable[Json]) -> Iterator[str]:
    after = next((i for i in following if _item_kind(i) != "reasoning"), None)
    kind = _item_kind(after) if after else None
    is_said = after is not None and kind == "message" and after["role"] == "assistant"
    if not (is_said or kind == "function_call"):
        yield f"{place}: reasoning is followed by its message or function_call"


def messages_faults(body: Json) -> Iterator[str]:
    """Yield what is out of order in a ``/messages`` body."""
    most = body.get("max_tokens")
    if not isinstance(most, int) or most <= 0:
        yield "max_tokens: must be 1 or more"
    budget = (body.get("thinking") or {}).get("budget_tokens")
    if isinstance(most, int) and budget is not None and budget >= most:
        yield "thinking.budget_tokens: must be less than max_tokens"
    if not body["messages"]:
        yield "messages: is empty"
    waiting: Counter[str] = Counter()
    for index, message in enumerate(body["messages"]):
        place = f"messages[{index}]"
        expected = "user" if index % 2 == 0 else "assistant"
        if message["role"] != expected:
            yield f"{place}: must be the {expected}'s, the two take turns"
        blocks = _blocks(message["content"])
        if not blocks:
            yield f"{place}: the content is empty"
        if any(block["type"] == "text" and not block["text"] for block in blocks):
            yield f"{place}: a text block is empty"
        if message["role"] == "assistant":
            yield from _assistant_faults(place, blocks)
        else:
            yield from _result_faults(place, blocks, waiting)
        waiting = Counter(b["id"] for b in blocks if b["type"] == "tool_use")
    yield from _unanswered("messages", waiting)


def _blocks(content: Any) -> list[dict[str, Any]]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    return list(content)


def _assistant_faults(place: str, blocks: list[dict[str, Any]]) -> Iterator[str]:
    kinds = ["thinking" if b["type"] in _THINKING else b["type"] for b in blocks]
    if not _is_first("thinking", kinds):
        yield f"{place}: thinking blocks come first"
    if kinds and set(kinds) == {"thinking"}:
        yield f"{place}: an assistant message says something or calls a tool"
    if "tool_result" in kinds:
        yield f"{place}: a tool_result is the user's"


def _result_faults(
    place: str, blocks: list[dict[str, Any]], waiting: Counter[str]
) -> Iterator[str]:
    kinds = [block["type"] for block in blocks]
    if not _is_first("tool_result", kinds):
        yield f"{place}: tool_result blocks come first"
    for block in blocks:
        if block["type"] in {*_THINKING, "tool_use"}:
            yield f"{place}: a {block['type']} block is the assistant's"
        if block["type"] == "tool_result":
            call = block["tool_use_id"]
            if not waiting[call]:
                yield f"{place}: no tool_use {call!r} in the message before"
            waiting[call] -= 1
    yield from _unanswered(place, waiting)


def _is_first(kind: str, kinds: list[str]) -> bool:
    """Whether nothing else stands before the items of a kind."""
    return kinds[: kinds.count(kind)] == [kind] * kinds.count(kind)


def _unanswered(place: str, waiting: Counter[str]) -> Iterator[str]:
    for call in +waiting:
        yield f"{place}: the tool call {call!r} has no result"
