"""An agent that repeats what it hears: for first steps, and to see the road without a model."""

from typing_extensions import override

from bot.agents.port import Agent, AgentContext, Answer, Turn


class EchoAgent(Agent):
    """Answers with the text of the turn."""

    def __init__(self, context: AgentContext) -> None:
        self.id = context.entry.id

    @override
    async def answer(self, turn: Turn) -> Answer:
        return Answer(turn.text)
