"""What an agent wants to do and its asker is to allow: how it is asked, and what the answer leads to."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot import words
from bot.approvals import GOOD_FOR, Approval, ApprovalStore
from bot.catalogue import Catalogue, Language
from bot.command import Call
from bot.storage.errors import GuardFailed
from bot.storage.patience import commit_patiently
from bot.storage.port import Storage
from bot.tools.port import Question
from channels.clock import Clock
from channels.message import Button, OutboundMessage


@dataclass(frozen=True, slots=True)
class Questions:
    """Asks below an agent's answer, and takes answers."""

    approvals: ApprovalStore
    storage: Storage
    clock: Clock
    catalogue: Catalogue

    async def take(self, call: Call, *, allow: bool) -> Approval | str:
        """The question that this answers, closed for good; a word for people where there is none to answer.

        It is closed before anything is done, so that nothing is ever done twice.
        """
        nonce = call.arguments.strip()
        approval = await self.approvals.find(nonce)
        if approval is None or (approval.agent, approval.session_key) != (call.agent, call.session_key):
            return words.APPROVAL_OVER
        if not approval.is_for(call.message.origin, call.message.address.sender):
            return words.APPROVAL_NOT_YOURS
        taken = self.approvals.allow(nonce) if allow else self.approvals.deny(nonce)
        try:
            await commit_patiently(self.storage, self.clock, [taken])
        except GuardFailed:
            return words.APPROVAL_OVER
        return approval

    def below(
        self, said: OutboundMessage, questions: Sequence[Question], language: Language, *, with_buttons: bool
    ) -> OutboundMessage:
        """The agent's answer with its questions, as markdown; commands stand in for buttons where there are none."""
        if not questions:
            return said
        texts = [self._text(question, language, with_buttons=with_buttons) for question in questions]
        buttons = [button for question in questions for button in self._buttons(question, language)]
        text = "\n\n".join([said.text, *texts])
        return replace(said, text=text, buttons=tuple(buttons) if with_buttons else ())

    def _text(self, question: Question, language: Language, *, with_buttons: bool) -> str:
        minutes = round(GOOD_FOR.total_seconds() / 60)
        asked = self.catalogue.say(language, words.APPROVAL_ASKED, tool=question.tool, minutes=minutes)
        fence = "`" * max(3, _longest_run(question.arguments) + 1)
        commands = "" if with_buttons else f"\n/allow {question.nonce}\n/deny {question.nonce}"
        return f"{asked}\n{fence}json\n{question.arguments}\n{fence}{commands}"

    def _buttons(self, question: Question, language: Language) -> tuple[Button, Button]:
        return (
            Button(self.catalogue.say(language, words.BUTTON_ALLOW), f"/allow {question.nonce}"),
            Button(self.catalogue.say(language, words.BUTTON_DENY), f"/deny {question.nonce}"),
        )


def _longest_run(text: str) -> int:
    """How many backticks stand in a row: the fence around them must be longer."""
    longest = run = 0
    for char in text:
        run = run + 1 if char == "`" else 0
        longest = max(longest, run)
    return longest
