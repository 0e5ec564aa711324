"""What follows an answer that is not of the type that was asked for.

Pure: the words to ask again with, and the error where that did not help.
"""

from __future__ import annotations

from stepmagic.conversation.reply import Reply
from stepmagic.errors import StepError, ValueMisfit
from stepmagic.transcript import Message, user


def misfit(reply: Reply) -> ValueMisfit | None:
    """Return what is wrong with the value of a reply; None where nothing is.

    Raises:
        StepError: No type was asked for.
    """
    try:
        _ = reply.value
    except ValueMisfit as error:
        return error
    return None


def can_be_repaired(reply: Reply) -> bool:
    """Whether asking again may help: an answer cut off would be cut off again."""
    return reply.finish_reason == "stop" and bool(reply.text.strip())


def ask_again(error: ValueMisfit) -> Message:
    """Return the message that tells a model what was wrong."""
    asked = (
        "That answer cannot be used, since it does not fit the JSON Schema of this "
        f"question:\n\n{error.problem}\n\nAnswer the question again, with JSON alone."
    )
    return user(asked)


def said_again(error: ValueMisfit) -> str:
    """Return the line that tells the user."""
    return f"The answer did not fit, so it was asked for once more: {error.problem}"


def given_up(reply: Reply, error: ValueMisfit, *, times: int) -> StepError:
    """Return the error for an answer that does not fit, however often it was asked."""
    title = reply.schema.title if reply.schema else "value"
    message = f"the answer is no {title}"
    if times > 1:
        message += f", asked {times} times"
    message += f": {error.problem.rstrip('.')}. "
    if reply.finish_reason == "length":
        message += "It was cut off: ask for more with `-p max_tokens=...`. "
    message += "The text is kept: `_step.text`."
    return ValueMisfit(message, text=error.text, problem=error.problem)
