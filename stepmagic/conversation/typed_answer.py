"""A question whose answer must be of a type, and what follows an answer that is not.

``TypedQuestion`` is the one loop that asks again; whoever drives it sends the prompts:
``step``, ``astep`` and each row of a batch.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Generic, Protocol, TypeVar

from stepmagic.conversation.prompt import Prompt
from stepmagic.errors import ValueMisfit
from stepmagic.schema import Schema
from stepmagic.transcript import FinishReason, user

_MOST_TRIES = 2


class TypedAnswer(Protocol):
    """An answer, as far as it is read here."""

    @property
    def text(self) -> str:
        """The visible text."""

    @property
    def finish_reason(self) -> FinishReason | None:
        """Why the model stopped."""

    @property
    def value(self) -> Any:
        """The answer as the type that was asked for.

        Raises:
            ValueMisfit: It is not of that type.
        """


AnswerT = TypeVar("AnswerT", bound=TypedAnswer)


class TypedQuestion(Generic[AnswerT]):
    """A question that is asked once more where the answer is not of the type.

    Iterate over the prompts to be sent, and ``take`` the answer to each of them:

        for prompt in question:
            question.take(ask(prompt))
        return question.answer

    Args:
        prompt: The question.
        schema: The type of the answer.
    """

    answer: AnswerT
    """The answer to the latest prompt."""

    def __init__(self, prompt: Prompt, schema: Schema) -> None:
        self._prompt = prompt
        self._schema = schema

    def take(self, answer: AnswerT) -> None:
        """Take the answer to the prompt that was yielded last."""
        self.answer = answer

    def __iter__(self) -> Iterator[Prompt]:
        """Yield the prompts, until an answer is of the type.

        Raises:
            ValueMisfit: No answer is, or to ask again would not help.
        """
        yield self._prompt
        tries = 1
        while (error := self._misfit()) is not None:
            if tries == _MOST_TRIES or not self._is_repairable:
                raise self._given_up(error, tries)
            yield _correction(error)
            tries += 1

    def _misfit(self) -> ValueMisfit | None:
        try:
            _ = self.answer.value
        except ValueMisfit as error:
            return error
        return None

    @property
    def _is_repairable(self) -> bool:
        """Whether asking again may help: an answer cut off would be cut off again."""
        return self.answer.finish_reason == "stop" and bool(self.answer.text.strip())

    def _given_up(self, error: ValueMisfit, tries: int) -> ValueMisfit:
        message = f"the answer is not of the type {self._schema.title}"
        if tries > 1:
            message += f", asked {tries} times"
        message += f": {error.problem.rstrip('.')}. "
        if self.answer.finish_reason == "length":
            message += "It was cut off: ask for more with `-p max_tokens=...`. "
        message += "The text is kept: `_step.text`."
        return ValueMisfit(message, text=error.text, problem=error.problem)


def _correction(error: ValueMisfit) -> Prompt:
    """Return the prompt that shows the model, and the user, what does not fit."""
    message = user(
        "That answer cannot be used, since it does not fit the JSON Schema of this "
        f"question:\n\n{error.problem}\n\nAnswer the question again, with JSON only."
    )
    notice = f"The answer did not fit, so it was asked for once more: {error.problem}"
    return Prompt(message=message, notices=(notice,))
