"""An agent that repeats what it hears: for first steps, and to see the road without a model."""

from bot.agents.port import AgentContext, Answer, Turn


class EchoAgent:
    """Answers with the text of the turn."""

    def __init__(self, context: AgentContext) -> None:
        self.id = context.entry.id

    async def answer(self, turn: Turn) -> Answer:
        return Answer(turn.text)
