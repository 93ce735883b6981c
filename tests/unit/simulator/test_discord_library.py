"""The simulated Discord as discord.py sees it, unmodified: the library is the second opinion on every answer."""

import asyncio
import io
from collections.abc import AsyncIterator
from typing import Any

import discord
import httpx
import pytest
from discord import app_commands

from channels.clock import ManualClock
from channels.simulator.discord.permissions import MANAGE_MESSAGES, READ_MESSAGE_HISTORY, SEND_MESSAGES
from channels.simulator.discord.seed import BOT_ROLE, CHANNEL, FORUM_CHANNEL, GUILD, PEOPLE
from channels.simulator.discord.state import BOT_ID
from channels.simulator.places import UnknownPlace
from channels.simulator.server import Simulator
from channels.testing import eventually
from tests.patience import PATIENCE_SECONDS
from tests.unit.simulator.stock_discord import StockBot, all_intents, stock_bot

ME = PEOPLE[0]


@pytest.fixture
async def stock(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[StockBot]:
    async with stock_bot(simulator, monkeypatch) as bot:
        yield bot


async def test_server_its_channels_members_and_rights_are_known_when_ready(stock: StockBot) -> None:
    assert stock.user is not None
    assert str(stock.user.id) == BOT_ID
    (guild,) = stock.guilds
    assert (str(guild.id), guild.name, guild.owner_id) == (GUILD, "Javis 試用伺服器", int(ME))
    assert [channel.name for channel in guild.channels] == ["一般", "專案", "論壇"]
    assert {member.display_name for member in guild.members} == {"我", "同事", "新同事", "Javis"}
    assert guild.self_role is not None
    assert str(guild.self_role.id) == BOT_ROLE
    rights = stock.text_channel(CHANNEL).permissions_for(guild.me)
    assert rights.send_messages
    assert not rights.manage_messages
    assert (await stock.application_info()).flags.gateway_message_content_limited


async def test_everything_can_also_be_fetched(stock: StockBot, simulator: Simulator) -> None:
    guild = await stock.fetch_guild(int(GUILD))
    assert guild.name == "Javis 試用伺服器"
    assert [channel.name for channel in await guild.fetch_channels()] == ["一般", "專案", "論壇"]
    assert (await guild.fetch_member(int(ME))).display_name == "我"
    assert {member.name async for member in guild.fetch_members()} == {"me", "colleague", "newcomer", "Javis"}
    thread = simulator.discord.start_thread(CHANNEL, ME, "T")
    assert [str(each.id) for each in await stock.guilds[0].active_threads()] == [thread]
    assert isinstance(await stock.fetch_channel(int(thread)), discord.Thread)
    with pytest.raises(discord.NotFound):
        await guild.fetch_member(5)
    with pytest.raises(discord.NotFound):
        await stock.fetch_user(5)


async def test_what_people_do_is_heard(stock: StockBot, simulator: Simulator) -> None:
    platform = simulator.discord
    first = platform.say(CHANNEL, ME, f"hello <@{BOT_ID}>, 你好")
    platform.say(CHANNEL, PEOPLE[1], "an answer", reply_to=first)
    await eventually(lambda: len(stock.heard) == 2)
    hello, answer = stock.heard
    assert (hello.content, hello.author.display_name, hello.guild) == (
        f"hello <@{BOT_ID}>, 你好",
        "我",
        stock.guilds[0],
    )
    assert stock.user in hello.mentions
    assert answer.type is discord.MessageType.reply
    assert answer.reference is not None
    assert answer.reference.resolved == hello
    platform.edit(CHANNEL, first, "changed")
    platform.delete(CHANNEL, first)
    await eventually(lambda: bool(stock.deleted))
    assert (stock.edited[0].data["content"], str(stock.deleted[0].message_id)) == ("changed", first)


async def test_bot_writes_edits_reacts_and_deletes(stock: StockBot, simulator: Simulator) -> None:
    channel = stock.text_channel(CHANNEL)
    question = simulator.discord.say(CHANNEL, ME, "?")
    sent = await channel.get_partial_message(int(question)).reply("an *answer*", mention_author=False)
    assert sent.reference is not None
    assert str(sent.reference.message_id) == question
    await sent.edit(content="a better answer")
    await sent.add_reaction("👍")
    fetched = await channel.fetch_message(sent.id)
    assert (fetched.content, [str(each.emoji) for each in fetched.reactions]) == ("a better answer", ["👍"])
    assert fetched.edited_at is not None
    await sent.remove_reaction("👍", stock.guilds[0].me)
    await sent.delete()
    with pytest.raises(discord.NotFound) as missing:
        await channel.fetch_message(sent.id)
    assert missing.value.code == 10008
    async with channel.typing():
        pass
    assert len(simulator.discord.typing) == 1


async def test_history_pages_forwards_and_backwards(stock: StockBot, simulator: Simulator) -> None:
    ids = [simulator.discord.say(CHANNEL, ME, str(number)) for number in range(250)]
    channel = stock.text_channel(CHANNEL)
    forwards = [message.content async for message in channel.history(after=discord.Object(int(ids[9])), limit=None)]
    assert forwards == [str(number) for number in range(10, 250)]
    backwards = [message.content async for message in channel.history(before=discord.Object(int(ids[240])), limit=120)]
    assert backwards == [str(number) for number in range(239, 119, -1)]


async def test_same_nonce_within_minutes_is_the_same_message(
    stock: StockBot, simulator: Simulator, clock: ManualClock
) -> None:
    channel = stock.text_channel(CHANNEL)
    first = await channel.send("once", nonce="n" * 25)
    again = await channel.send("once", nonce="n" * 25)
    assert first.id == again.id
    assert first.nonce == "n" * 25
    await clock.advance(600)
    assert (await channel.send("once", nonce="n" * 25)).id != first.id
    with pytest.raises(discord.HTTPException) as long:
        await channel.send("x", nonce="n" * 26)
    assert long.value.code == 50035
    assert len(simulator.discord.sent(CHANNEL)) == 2


async def test_mentions_are_made_only_as_far_as_allowed(stock: StockBot, simulator: Simulator) -> None:
    channel = stock.text_channel(CHANNEL)
    text = f"<@{ME}> <@&{BOT_ROLE}> @everyone"
    assert [user.id for user in (await channel.send(text)).mentions] == [int(ME)]
    quiet = await channel.send(text, allowed_mentions=discord.AllowedMentions.none())
    assert quiet.mentions == []
    assert quiet.role_mentions == []
    roles_only = await channel.send(text, allowed_mentions=discord.AllowedMentions(users=False, roles=True))
    assert [role.id for role in roles_only.role_mentions] == [int(BOT_ROLE)]
    assert not any(message["mention_everyone"] for message in simulator.discord.sent())


async def test_files_come_and_go_whole(stock: StockBot, simulator: Simulator) -> None:
    channel = stock.text_channel(CHANNEL)
    sent = await channel.send("see", file=discord.File(io.BytesIO(b"\x00content"), "a file.bin"))
    assert sent.attachments[0].size == 8
    await simulator.discord.say_with_file(CHANNEL, ME, "mine", "notes.txt", b"notes")
    await eventually(lambda: any(message.attachments for message in stock.heard if message.author != stock.user))
    async with httpx.AsyncClient(timeout=PATIENCE_SECONDS) as http:
        assert (await http.get(sent.attachments[0].url)).content == b"\x00content"
        assert (await http.get(stock.heard[-1].attachments[0].url)).content == b"notes"


async def test_threads_forum_posts_and_direct_chats(stock: StockBot, simulator: Simulator) -> None:
    platform = simulator.discord
    question = platform.say(CHANNEL, ME, "long story")
    by_person = platform.start_thread(CHANNEL, ME, "Story", at=question)
    post = platform.start_thread(FORUM_CHANNEL, ME, "A post", text="opening")
    await eventually(lambda: len(stock.threads) == 2)
    assert [str(thread.id) for thread in stock.threads] == [by_person, post]
    assert str(stock.threads[0].parent_id) == CHANNEL
    await stock.threads[0].send("in the thread")
    own = await stock.text_channel(CHANNEL).create_thread(name="Mine", type=discord.ChannelType.public_thread)
    await own.send("first")
    await own.edit(name="Renamed", archived=True)
    assert platform.state.places[str(own.id)].wire["thread_metadata"]["archived"]
    forum = stock.get_channel(int(FORUM_CHANNEL))
    assert isinstance(forum, discord.ForumChannel)
    made = await forum.create_thread(name="Bot's post", content="hi")
    assert made.message.content == "hi"
    user = await stock.fetch_user(int(ME))
    await user.send("privately")
    direct = platform.state.direct_chat(ME)
    assert direct is not None
    assert [each["content"] for each in platform.sent(direct.id)] == ["privately"]
    platform.say(direct.id, ME, "me too")
    await eventually(lambda: stock.heard[-1].content == "me too")
    assert isinstance(stock.heard[-1].channel, discord.DMChannel)


async def test_refusals_have_discords_codes(stock: StockBot, simulator: Simulator) -> None:
    platform, channel = simulator.discord, stock.text_channel(CHANNEL)
    codes = []

    async def refused(text: str = "x", answers: int | None = None) -> None:
        send = channel.send if answers is None else channel.get_partial_message(answers).reply
        with pytest.raises(discord.HTTPException) as caught:
            await send(text)
        codes.append((caught.value.status, caught.value.code))

    await refused("")
    await refused("x" * 2001)
    await refused(answers=5)
    platform.servers.deny(CHANNEL, READ_MESSAGE_HISTORY | MANAGE_MESSAGES)
    await refused(answers=5)
    assert [message async for message in channel.history()] == []
    platform.servers.deny(CHANNEL, SEND_MESSAGES)
    await refused()
    platform.servers.remove_bot(GUILD)
    await refused()
    platform.servers.delete_channel(CHANNEL)
    await refused()
    assert codes == [
        (400, 50006), (400, 50035), (400, 50035), (400, 160002), (403, 50013), (403, 50001), (404, 10003),
    ]  # fmt: skip


async def test_bot_is_taken_into_a_new_server(stock: StockBot, simulator: Simulator) -> None:
    guild = simulator.discord.servers.add_guild("Second", PEOPLE[:2], ["lobby"])
    await eventually(lambda: bool(stock.joined))
    assert str(stock.joined[0].id) == guild
    assert [channel.name for channel in stock.joined[0].text_channels] == ["lobby"]
    simulator.discord.servers.remove_bot(guild)
    await eventually(lambda: len(stock.guilds) == 1)


async def test_slash_command_is_synced_given_deferred_and_answered(stock: StockBot, simulator: Simulator) -> None:
    platform = simulator.discord
    seen: list[str] = []

    async def ask(interaction: discord.Interaction, text: str, loud: bool = False) -> None:  # noqa: FBT001, FBT002
        seen.append(f"{interaction.user.display_name}: {text} {loud} {interaction.locale}")
        await interaction.response.defer(thinking=True)
        await interaction.followup.send("the answer")
        await interaction.followup.send("and more", ephemeral=True)
        await interaction.edit_original_response(content="the better answer")

    async def complete(_: discord.Interaction, typed: str) -> list[app_commands.Choice[str]]:
        return [app_commands.Choice(name=f"{typed}!", value=typed)]

    command: app_commands.Command[Any, ..., None] = app_commands.Command(name="ask", description="Ask", callback=ask)
    command.autocomplete("text")(complete)
    stock.tree.add_command(command)
    first = await stock.tree.sync()
    assert [each.id for each in await stock.tree.sync()] == [each.id for each in first]
    assert await platform.suggest(CHANNEL, ME, "ask", "text", "wha") == [{"name": "wha!", "value": "wha"}]
    platform.command(CHANNEL, ME, "ask", {"text": "what?", "loud": True})
    sent = await platform.wait_for_sent(lambda sent: bool(sent) and sent[0]["content"] == "the better answer")
    assert seen == ["我: what? True zh-TW"]
    assert [(each["content"], each["flags"]) for each in sent] == [("the better answer", 0), ("and more", 64)]
    assert sent[0]["type"] == 20
    history = [message.content async for message in stock.text_channel(CHANNEL).history()]
    assert history == ["the better answer"]


async def test_command_is_offered_to_those_whose_rights_it_asks_for(stock: StockBot, simulator: Simulator) -> None:
    async def bind(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("bound")

    command: app_commands.Command[Any, ..., None] = app_commands.Command(name="bind", description="Bind", callback=bind)
    command.default_permissions = discord.Permissions(manage_guild=True)
    stock.tree.add_command(command)
    await stock.tree.sync()
    platform = simulator.discord
    direct = platform.state.direct_chat(PEOPLE[1])
    assert direct is not None
    offered = [platform.commands(*where) for where in ((CHANNEL, ME), (CHANNEL, PEOPLE[1]), (direct.id, PEOPLE[1]))]
    assert [[each["name"] for each in commands] for commands in offered] == [["bind"], [], ["bind"]]
    with pytest.raises(UnknownPlace, match="no command /bind"):
        platform.command(CHANNEL, PEOPLE[1], "bind")


async def test_button_is_pressed_and_changes_its_message(stock: StockBot, simulator: Simulator) -> None:
    class Buttons(discord.ui.View):
        @discord.ui.button(label="Press", custom_id="it")
        async def it(self, interaction: discord.Interaction, _button: discord.ui.Button["Buttons"]) -> None:
            await interaction.response.edit_message(content="pressed", view=None)

    message = await stock.text_channel(CHANNEL).send("press", view=Buttons(timeout=None))
    simulator.discord.press(CHANNEL, str(message.id), "it", ME)
    (sent,) = await simulator.discord.wait_for_sent(lambda sent: sent[0]["content"] == "pressed")
    assert sent["components"] == []


async def test_connection_that_breaks_is_resumed_and_nothing_is_missed(stock: StockBot, simulator: Simulator) -> None:
    platform = simulator.discord
    platform.say(CHANNEL, ME, "before")
    await eventually(lambda: len(stock.heard) == 1)
    platform.gateway.ask_to_reconnect()
    platform.say(CHANNEL, ME, "while")
    async with asyncio.timeout(PATIENCE_SECONDS):
        while stock.resumed == 0:
            await asyncio.sleep(0.01)
    platform.say(CHANNEL, ME, "after")
    await eventually(lambda: len(stock.heard) == 3)
    assert [message.content for message in stock.heard] == ["before", "while", "after"]
    assert (len(platform.gateway.identifies), platform.gateway.resumes) == (1, 1)


@pytest.mark.parametrize("content", [True, False])
async def test_text_is_hidden_from_a_bot_without_the_intent(
    simulator: Simulator,
    monkeypatch: pytest.MonkeyPatch,
    content: bool,  # noqa: FBT001
) -> None:
    intents = all_intents()
    intents.message_content = content
    async with stock_bot(simulator, monkeypatch, StockBot(intents)) as bot:
        simulator.discord.say(CHANNEL, ME, "hidden?")
        simulator.discord.say(CHANNEL, ME, f"<@{BOT_ID}> told")
        await eventually(lambda: len(bot.heard) == 2)
        assert [message.content for message in bot.heard] == ["hidden?" if content else "", f"<@{BOT_ID}> told"]


async def test_intent_that_is_switched_off_closes_the_connection(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator.discord.servers.allow_message_content(allowed=False)
    with pytest.raises(discord.PrivilegedIntentsRequired):
        async with stock_bot(simulator, monkeypatch):
            pass


async def test_wrong_token_is_refused(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    simulator.discord.rest.token = "another"
    monkeypatch.setattr(type(simulator), "discord_token", "wrong")
    with pytest.raises(discord.LoginFailure):
        async with stock_bot(simulator, monkeypatch):
            pass
