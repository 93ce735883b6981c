"""The pages of the documentation: what they point at is there."""

import re
from pathlib import Path

import click
import pytest

from bot.cli.main import javis

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)]+)\)", page.read_text(encoding="utf-8"))
    for link in links:
        path, _, anchor = link.partition("#")
        target = (page.parent / path) if path else page
        assert target.exists(), link
        if anchor:
            headings = re.findall(r"^#+ (.*)", target.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_of_a_page_exists(page: Path) -> None:
    """Words after `javis`, as deep as there are groups of commands."""
    text = page.read_text(encoding="utf-8")
    lines = re.findall(r"(?:`|^|\$\(|&& )(?:\.venv/bin/)?javis ([a-z][a-z0-9 -]*)", text, re.MULTILINE)
    for line in lines:
        command: click.Command | None = javis
        for word in line.split():
            if not isinstance(command, click.Group):
                break
            command = command.get_command(click.Context(command), word)
            assert command is not None, f"javis {line}: {word}"
