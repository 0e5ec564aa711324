"""Any part, message, turn and tree, for property tests."""

from __future__ import annotations

from hypothesis import strategies as st

from stepmagic.transcript import (
    Cell,
    File,
    Image,
    Message,
    Opaque,
    Origin,
    Part,
    Reasoning,
    Text,
    TokenLogprob,
    ToolCall,
    ToolResult,
    Turn,
    TurnTree,
    Usage,
    Video,
)

words = st.text(max_size=20)
numbers = st.floats(allow_nan=False, allow_infinity=False)
counts = st.integers(min_value=0, max_value=10**9)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | numbers | words,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3)
    ),
    max_leaves=6,
)
metadata = st.dictionaries(words, json_values, max_size=3)

logprobs = st.recursive(
    st.builds(
        TokenLogprob,
        token=words,
        logprob=numbers,
        utf8=st.none() | st.binary(max_size=4).map(tuple),
    ),
    lambda inner: st.builds(
        TokenLogprob,
        token=words,
        logprob=numbers,
        alternatives=st.lists(inner, max_size=2).map(tuple),
    ),
    max_leaves=3,
)
texts = st.builds(
    Text,
    text=words,
    logprobs=st.lists(logprobs, max_size=2).map(tuple),
    name=st.none() | words,
    about=words,
    provider_metadata=metadata,
)
_held = {
    "media_type": st.sampled_from(["image/png", "video/mp4", "application/pdf"]),
    "data": st.binary(max_size=20),
}
_named = {"url": words}
_either = {"name": st.none() | words, "about": words, "provider_metadata": metadata}
details = st.sampled_from(["low", "high", "auto", None])
images = st.one_of(
    st.builds(Image, detail=details, **_held, **_either),
    st.builds(Image, detail=details, **_named, **_either),
)
videos = st.one_of(
    st.builds(Video, **_held, **_either), st.builds(Video, **_named, **_either)
)
files = st.one_of(
    st.builds(File, **_held, **_either), st.builds(File, **_named, **_either)
)
reasonings = st.builds(Reasoning, text=words, provider_metadata=metadata)
tool_calls = st.builds(
    ToolCall, id=words, name=words, arguments=words, provider_metadata=metadata
)
tool_results = st.builds(
    ToolResult,
    call_id=words,
    name=words,
    parts=st.lists(texts | images | videos | files, max_size=2).map(tuple),
    is_error=st.booleans(),
)
opaques = st.builds(Opaque, kind=words, provider_metadata=metadata)
parts: st.SearchStrategy[Part] = st.one_of(
    texts, reasonings, images, videos, files, tool_calls, tool_results, opaques
)

origins = st.builds(
    Origin,
    protocol=st.sampled_from(["chat", "responses", "messages"]),
    model=words,
    provider=st.none() | words,
)
statuses = st.sampled_from(["running", "complete", "interrupted", "error"])
messages = st.builds(
    Message,
    role=st.sampled_from(["user", "assistant", "tool"]),
    parts=st.lists(parts, max_size=2).map(tuple),
    origin=st.none() | origins,
    status=statuses,
)
usages = st.builds(
    Usage,
    prompt_tokens=counts,
    completion_tokens=counts,
    reasoning_tokens=counts,
    cached_tokens=counts,
    cost_usd=st.none() | numbers,
    provider_metadata=metadata,
)


def turns(parent: str | None = None) -> st.SearchStrategy[Turn]:
    """Return turns under a parent; each has an id of its own."""
    return st.builds(
        Turn,
        parent=st.just(parent),
        prompt=messages,
        replies=st.lists(messages, max_size=2).map(tuple),
        status=statuses,
        finish_reason=st.sampled_from([None, "stop", "length", "error", "other"]),
        native_reason=st.none() | words,
        usage=st.none() | usages,
        model=st.none() | words,
        effort=st.none() | words,
        generation_id=st.none() | words,
        error=st.none() | words,
        cell=st.none() | st.builds(Cell, id=words, execution=words),
        started_at=numbers,
        ended_at=st.none() | numbers,
    )


@st.composite
def trees(draw: st.DrawFn) -> TurnTree:
    """Return trees of up to four turns with up to three branches."""
    tree = TurnTree()
    for _ in range(draw(st.integers(0, 4))):
        parent = draw(st.sampled_from([None, *tree.turns]))
        tree.add(draw(turns(parent)))
    for name in draw(st.lists(words, max_size=2)):
        tree.move(draw(st.sampled_from([None, *tree.turns])), name)
    tree.branch = draw(st.sampled_from(sorted(tree.heads)))
    return tree
