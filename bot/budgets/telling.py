"""How much was used, in figures that need no translation."""

from bot.budgets.limits import MILLION, Limit, Spent


def tell_tokens(spent: Spent, limit: Limit) -> str:
    """`1,234`, or `1,234 / 50,000`."""
    told = f"{spent.tokens:,}"
    return told if limit.tokens is None else f"{told} / {limit.tokens:,}"


def tell_money(spent: Spent, limit: Limit, currency: str) -> str:
    """`0.0123 USD`, or `0.0123 / 5.00 USD`."""
    told = f"{spent.micros / MILLION:.4f}"
    return f"{told} {currency}" if limit.money is None else f"{told} / {limit.money:.2f} {currency}"
