"""The routes of Discord's REST API that are simulated, each with the name that faults and the road know it by.

https://discord.com/developers/docs/reference
"""

from channels.simulator.discord.application import Application
from channels.simulator.discord.gateway import Gateway
from channels.simulator.discord.interactions import Interactions
from channels.simulator.discord.messages import Messages
from channels.simulator.discord.places import Places
from channels.simulator.discord.rest import Route

_CHANNEL = "/channels/{channel}"
_MESSAGE = "/channels/{channel}/messages/{message}"
_REACTION = "/channels/{channel}/messages/{message}/reactions/{emoji}/@me"
_GUILD = "/guilds/{guild}"
_COMMANDS = "/applications/{application}/commands"
_GUILD_COMMANDS = "/applications/{application}/guilds/{guild}/commands"
_HOOK = "/webhooks/{application}/{token}"


def routes_of(
    application: Application, messages: Messages, places: Places, interactions: Interactions, gateway: Gateway
) -> list[Route]:
    """All of them. The first that fits a path serves it."""
    return [
        Route("GET", "/gateway", "getGateway", gateway.get_gateway),
        Route("GET", "/gateway/bot", "getGatewayBot", gateway.get_gateway_bot),
        Route("GET", "/users/@me", "getMe", application.get_me),
        Route("POST", "/users/@me/channels", "openDirectChat", places.open_direct_chat),
        Route("GET", "/users/{user}", "getUser", places.get_user),
        Route("GET", "/applications/@me", "getApplication", application.get_application),
        Route("GET", "/oauth2/applications/@me", "getApplication", application.get_application),
        Route("GET", _COMMANDS, "getCommands", application.get_commands),
        Route("PUT", _COMMANDS, "putCommands", application.put_commands),
        Route("GET", _GUILD_COMMANDS, "getCommands", application.get_commands),
        Route("PUT", _GUILD_COMMANDS, "putCommands", application.put_commands),
        Route("GET", _CHANNEL, "getChannel", places.get_channel),
        Route("PATCH", _CHANNEL, "editChannel", places.edit_channel),
        Route("GET", f"{_CHANNEL}/messages", "getMessages", messages.history),
        Route("POST", f"{_CHANNEL}/messages", "createMessage", messages.create),
        Route("GET", _MESSAGE, "getMessage", messages.get),
        Route("PATCH", _MESSAGE, "editMessage", messages.edit),
        Route("DELETE", _MESSAGE, "deleteMessage", messages.delete),
        Route("PUT", _REACTION, "addReaction", messages.react),
        Route("DELETE", _REACTION, "removeReaction", messages.unreact),
        Route("POST", f"{_CHANNEL}/typing", "typing", messages.type),
        Route("POST", f"{_CHANNEL}/threads", "createThread", places.start_thread),
        Route("POST", f"{_MESSAGE}/threads", "createThread", places.start_thread_at),
        Route("PUT", f"{_CHANNEL}/thread-members/@me", "joinThread", places.join_thread),
        Route("GET", _GUILD, "getGuild", places.get_guild),
        Route("GET", f"{_GUILD}/channels", "getChannels", places.get_channels),
        Route("GET", f"{_GUILD}/threads/active", "getThreads", places.get_threads),
        Route("GET", f"{_GUILD}/members", "getMembers", places.get_members),
        Route("GET", f"{_GUILD}/members/{{user}}", "getMember", places.get_member),
        Route(
            "POST", "/interactions/{interaction}/{token}/callback", "interactionCallback", interactions.respond,
            by_token=False,
        ),
        Route("POST", _HOOK, "createFollowup", interactions.follow_up, by_token=False),
        Route("GET", f"{_HOOK}/messages/{{message}}", "getAnswer", interactions.get_answer, by_token=False),
        Route("PATCH", f"{_HOOK}/messages/{{message}}", "editAnswer", interactions.edit_answer, by_token=False),
        Route("DELETE", f"{_HOOK}/messages/{{message}}", "deleteAnswer", interactions.delete_answer, by_token=False),
    ]  # fmt: skip
