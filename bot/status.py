"""What `/status` answers."""

from collections.abc import Callable
from importlib.metadata import version

from bot import words
from bot.budgets.ledger import Ledger
from bot.budgets.limits import Spent, limits_of
from bot.budgets.telling import tell_money, tell_tokens
from bot.catalogue import Catalogue
from bot.command import Call
from bot.providers.meter import Asker
from bot.settings.language_models import BudgetSettings
from bot.tasks.store import TaskStore
from channels.clock import Clock


class Status:
    """Tells. Anybody hears how much this chat used today; owners hear of the agent and the whole bot as well."""

    def __init__(
        self,
        catalogue: Catalogue,
        tasks: TaskStore,
        ledger: Ledger,
        budgets: BudgetSettings,
        clock: Clock,
        is_owner: Callable[[str, str | None], bool],
    ) -> None:
        self._catalogue = catalogue
        self._tasks = tasks
        self._ledger = ledger
        self._budgets = budgets
        self._clock = clock
        self._is_owner = is_owner
        self._started = clock.now()

    async def tell(self, call: Call) -> str:
        say, counts = self._catalogue.say, await self._tasks.counts()
        uptime = str(self._clock.now() - self._started).split(".", maxsplit=1)[0]
        running, queued = counts.get("running", 0), counts.get("queued", 0)
        lines = [
            say(call.language, words.STATUS_RUNNING, version=version("javis-bot"), uptime=uptime),
            say(call.language, words.STATUS_AGENT, agent=call.agent),
            say(call.language, words.STATUS_TASKS, running=running, queued=queued),
        ]
        return "\n".join([*lines, *await self._usage(call)])

    async def _usage(self, call: Call) -> list[str]:
        origin, address = call.message.origin, call.message.address
        asker = Asker(call.agent, f"{origin.channel}:{origin.chat}")
        spent = await self._ledger.spent(asker)
        names = (words.STATUS_USED_BOT, words.STATUS_USED_AGENT, words.STATUS_USED_CHAT)
        told = list(zip(names, limits_of(asker, self._budgets), strict=True))
        return [
            self._catalogue.say(
                call.language,
                word,
                tokens=tell_tokens(spent.get(scope, Spent()), limit),
                money=tell_money(spent.get(scope, Spent()), limit, self._budgets.currency),
            )
            for word, (scope, limit) in (told if self._is_owner(address.channel, address.sender) else told[-1:])
        ]
