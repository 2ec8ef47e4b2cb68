"""Dialogs of the editor that answer by themselves."""

from __future__ import annotations

from collections.abc import Callable


class ScriptedDialogs:
    """Gives the next answer to every question, and records questions and messages."""

    def __init__(self, *answers: str | None) -> None:
        self.answers = list(answers)
        self.questions: list[str] = []
        self.messages: list[str] = []

    async def ask_name(
        self, title: str, about: str, name: str, problem: Callable[[str], str | None]
    ) -> str | None:
        self.questions.append(f"{about}: {name}")
        answer = self.answers.pop(0)
        assert answer is None or problem(answer) is None
        return answer

    async def ask_choice(self, title: str, question: str, answers: dict[str, str]) -> str | None:
        self.questions.append(question)
        return self.answers.pop(0)

    def inform(self, sentence: str) -> None:
        self.messages.append(sentence)

    warn = refuse = inform
