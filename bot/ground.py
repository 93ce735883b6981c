"""What the parts of the house stand on, and the way out that they share."""

from dataclasses import dataclass

from bot.bindings_file import BindingsStore
from bot.budgets.ledger import Ledger
from bot.catalogue import Catalogue
from bot.delivery.worker import DeliveryWorker
from bot.events import Events
from bot.pipeline.chat_changes import ChatChanges
from bot.pipeline.gate import Gate
from bot.pipeline.outgoing import Outgoing
from bot.providers.models import Models
from bot.sessions.lanes import Lanes
from bot.settings.model import Settings
from bot.stores import Stores
from bot.tasks.results import ResultFiles
from bot.workbench import Workbench
from channels.clock import Clock
from routing.lint import IdProblem


@dataclass(frozen=True, slots=True)
class Ground:
    """What the other parts stand on. `bindings_store` None: the bindings come from no file."""

    settings: Settings
    stores: Stores
    catalogue: Catalogue
    events: Events
    gate: Gate
    lanes: Lanes
    models: Models
    ledger: Ledger
    bench: Workbench
    bindings_store: BindingsStore | None
    id_problem: IdProblem

    @property
    def clock(self) -> Clock:
        return self.stores.clock


@dataclass(frozen=True, slots=True)
class Delivery:
    """The way out."""

    worker: DeliveryWorker
    outgoing: Outgoing
    chat_changes: ChatChanges
    results: ResultFiles
