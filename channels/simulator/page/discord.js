// The simulated Discord: its server, threads and direct chats as the page draws them, and what people do there.

import { ask } from "./dom.js";
import { renderMarkdown } from "./markdown.js";
import { inOneLine, knownNames, language, text } from "./text.js";

const DIRECT = "discord-direct";
const FIRST_RESPONSE_MS = 3000;
const TOKEN_LIFE_MS = 15 * 60_000;
const TEXT = 0, DIRECT_CHAT = 1, FORUM = 15;
const THREADS = new Set([10, 11, 12]);
const EPHEMERAL = 1 << 6, LOADING = 1 << 7;
const NAME_LENGTH = 40;
const LOCALES = { "zh-Hant": "zh-TW", en: "en-US" };

export class DiscordWorld {
  name = "discord";
  #tell;
  #bot = null;
  #users = new Map();
  #guild = null;
  #channels = new Map();
  #waiting = new Map();
  #connected = false;
  #commands = new Map();

  constructor(tell) {
    this.#tell = tell;
  }

  async load() {
    const state = await ask("discord/state");
    this.#bot = state.bot;
    this.#users = new Map(state.users.map((user) => [user.id, user]));
    this.#guild = state.guilds[0] ?? null;
    this.#channels = new Map(state.channels.map((each) => [each.channel.id, {
      wire: each.channel,
      messages: new Map(each.messages.map((message) => [message.id, message])),
    }]));
    this.#waiting = new Map();
    for (const each of state.waiting) this.#await(each);
    this.#connected = state.connected;
    await this.#learnCommands();
  }

  heard() {
    const kinds = {
      MESSAGE_CREATE: (wire) => this.#onMessage(wire),
      MESSAGE_UPDATE: (wire) => this.#onMessage(wire),
      ephemeral: (wire) => this.#onMessage(wire),
      MESSAGE_DELETE: (wire) => this.#onDeleted(wire),
      ephemeral_gone: (wire) => this.#onDeleted(wire),
      MESSAGE_REACTION_ADD: () => this.#tell.reload(),
      MESSAGE_REACTION_REMOVE: () => this.#tell.reload(),
      THREAD_CREATE: (wire) => this.#onPlace(wire),
      CHANNEL_CREATE: (wire) => this.#onPlace(wire),
      TYPING_START: (wire) => this.#tell.typing(this, ...this.#where(wire.channel_id)),
      command: (wire) => this.#onCommand(wire),
      answered: ({ id }) => this.#onAnswered(id),
      commands: () => this.#learnCommands(),
      presence: ({ connected }) => { this.#connected = connected; this.#tell.presence(this); },
      GUILD_CREATE: () => this.#tell.reload(),
      GUILD_DELETE: () => this.#tell.reload(),
      THREAD_DELETE: () => this.#tell.reload(),
      CHANNEL_DELETE: () => this.#tell.reload(),
    };
    return { discord: ({ t, d }) => kinds[t]?.(d) };
  }

  /** Give the roles the names of the page's language, unless somebody named them otherwise. */
  async nameRoles() {
    for (const [index, { id, name }] of this.people().entries()) {
      if (!knownNames.has(name) || name === text.roles[index]) continue;
      await ask("discord/people", { user_id: id, name: text.roles[index], locale: LOCALES[language] });
      this.#users.get(id).global_name = text.roles[index];
    }
  }

  title() { return this.#guild ? `Discord · ${this.#guild.name}` : "Discord"; }
  isOnline() { return this.#connected; }
  botName() { return this.#bot.username; }
  isDirect(place) { return place === DIRECT; }
  takesExample(place) { return !this.#isForum(place); }
  placeholder(place) { return this.#isForum(place) ? text.forumPlaceholder : text.placeholder; }
  emptyHint(place) { return this.#isForum(place) ? text.forumHint : text.discordHint; }
  canOpenThread(place, message) {
    return this.#channels.get(place)?.wire.type === TEXT && !this.#channels.has(message.id);
  }

  people() {
    const ids = (this.#guild?.members ?? [...this.#users.keys()]).filter((id) => this.#users.has(id)).slice(0, 3);
    return ids.map((id) => ({ id, name: nameOf(this.#users.get(id)), bot: false }));
  }

  places(role) {
    const inGuild = [...this.#channels.values()].filter(({ wire }) => wire.guild_id === this.#guild?.id);
    const tops = inGuild.filter(({ wire }) => !THREADS.has(wire.type)).sort((a, b) => a.wire.position - b.wire.position);
    const tabs = tops.flatMap((top) => [this.#tab(top), ...inGuild
      .filter(({ wire }) => wire.parent_id === top.wire.id && THREADS.has(wire.type)).map((each) => this.#tab(each))]);
    const direct = this.#channels.get(this.#channelId(DIRECT, role));
    const hint = direct?.messages.size ? this.#lastWords(direct, role) : text.directHint(this.people()[role].name);
    return [...tabs, { id: DIRECT, title: text.direct, face: "🤖", hint }];
  }

  head(place, role) {
    if (place === DIRECT) return { title: this.botName(), face: "🤖", hint: text.directHint(this.people()[role].name) };
    const { wire } = this.#channels.get(place);
    const above = this.#channels.get(wire.parent_id)?.wire.name;
    const hint = THREADS.has(wire.type) ? text.threadIn(above) : text.members(this.#guild.members.length - 1);
    return { title: wire.name, face: signOf(wire), hint };
  }

  messages(place, role) {
    const channel = this.#channels.get(this.#channelId(place, role));
    if (!channel) return [];
    const me = this.people()[role].id;
    const said = [...channel.messages.values()].filter((wire) => isSeen(wire, me)).map((wire) => this.#shown(wire));
    const waiting = [...this.#waiting.values()]
      .filter((each) => each.channel_id === channel.wire.id && each.user_id === me).map((each) => this.#shownCommand(each));
    return [...said, ...waiting];
  }

  sayFile(place, role, words, file) {
    const who = { channel_id: this.#channelId(place, role), user_id: this.people()[role].id };
    return ask("discord/file", { ...file, ...who, text: words });
  }

  /** Say it, give it as a command, or open a post; the id of a new post's thread, else nothing. */
  async say(place, role, words, replyTo) {
    const who = { channel_id: this.#channelId(place, role), user_id: this.people()[role].id };
    if (this.#isForum(place)) {
      const name = words.trim().split("\n")[0].slice(0, NAME_LENGTH);
      return this.#thread({ ...who, name, text: words });
    }
    const found = this.#commandIn(words, role);
    if (found) {
      const { command, rest } = found;
      const [option] = command.options;
      if (!option && rest) throw new Error(text.noArgument(command.name));
      await ask("discord/command", { ...who, name: command.name, options: option && rest ? { [option.name]: rest } : {} });
    } else {
      await ask("discord/say", replyTo === undefined ? { ...who, text: words } : { ...who, text: words, reply_to: replyTo });
    }
    return true;
  }

  press(place, role, messageId, data) {
    return ask("discord/press", { channel_id: this.#channelId(place, role), message_id: messageId, custom_id: data,
      user_id: this.people()[role].id });
  }

  async openThread(place, role, message) {
    const name = message.summary.slice(0, NAME_LENGTH) || text.thread;
    const body = { channel_id: place, user_id: this.people()[role].id, name, at: message.id };
    return this.#thread(body);
  }

  /** The commands that fit, what the bot suggests for an option, or a word about the option; null for none of them. */
  async complete(place, role, words) {
    const typed = /^\/([-\w]*)$/u.exec(words);
    if (typed) {
      return this.#offered(role).filter((each) => each.name.startsWith(typed[1].toLowerCase()))
        .map((each) => ({ label: `/${each.name}`, hint: described(each), fill: `/${each.name} `,
          whole: !each.options[0]?.required }));
    }
    const found = this.#commandIn(words, role);
    const option = found?.command.options[0];
    if (!option) return null;
    const { name } = found.command;
    const hint = { label: `/${name} ${option.name}`, hint: described(option) };
    if (!option.autocomplete) return found.rest ? null : [hint];
    const who = { channel_id: this.#channelId(place, role), user_id: this.people()[role].id };
    const { choices } = await ask("discord/suggest", { ...who, name, option: option.name, typed: found.rest });
    const options = choices.map((each) => ({ label: each.name, hint: "", fill: `/${name} ${each.value}` }));
    return found.rest ? options : [hint, ...options];
  }

  // --- inside ---

  async #learnCommands() {
    const channel = [...this.#channels.values()].find(({ wire }) => wire.type === TEXT) ?? [...this.#channels.values()][0];
    if (!channel) return;
    this.#commands = new Map(await Promise.all(this.people().map(async ({ id }) =>
      [id, (await ask(`discord/commands?channel=${channel.wire.id}&user=${id}`)).commands])));
  }

  /** The commands of one person. */
  #offered(role) { return this.#commands.get(this.people()[role].id) ?? []; }

  #commandIn(words, role) {
    const typed = /^\/([-\w]+)(?:\s+([\s\S]*))?$/u.exec(words.trimEnd());
    const command = typed && this.#offered(role).find((each) => each.name === typed[1]);
    return command ? { command, rest: typed[2] ?? "" } : null;
  }

  #isForum(place) { return this.#channels.get(place)?.wire.type === FORUM; }

  #channelId(place, role) {
    if (place !== DIRECT) return place;
    const me = this.people()[role].id;
    for (const { wire } of this.#channels.values()) {
      if (wire.type === DIRECT_CHAT && wire.recipients[0].id === me) return wire.id;
    }
    return null;
  }

  /** Where the page shows a channel, and to whom alone. */
  #where(channelId) {
    const wire = this.#channels.get(channelId)?.wire;
    return wire?.type === DIRECT_CHAT ? [DIRECT, wire.recipients[0].id] : [channelId, undefined];
  }

  async #thread(body) {
    const { channel_id: thread } = await ask("discord/thread", body);
    if (!this.#channels.has(thread)) await this.#tell.reload();
    return thread;
  }

  #tab(channel) {
    const { wire } = channel;
    const inner = THREADS.has(wire.type);
    const hint = wire.type === FORUM ? text.forum : this.#lastWords(channel);
    return { id: wire.id, title: wire.name, face: signOf(wire), hint, inner, sign: true };
  }

  #lastWords(channel) {
    const last = [...channel.messages.values()].filter((wire) => !(wire.flags & (EPHEMERAL | LOADING))).at(-1);
    return last ? `${nameOf(last.author)}: ${inOneLine(this.#plain(last))}` : text.empty;
  }

  #plain(wire) {
    const words = wire.content || wire.attachments[0]?.filename || "";
    return words.replace(/<@!?(\d+)>/g, (whole, id) => `@${this.#nameOf(id) ?? id}`);
  }

  #nameOf(id) { return id === this.#bot.id ? this.#bot.username : this.#users.has(id) && nameOf(this.#users.get(id)); }

  #shown(wire) {
    const replied = wire.referenced_message;
    const asked = wire.interaction_metadata;
    const over = wire.flags & LOADING && Date.now() - Date.parse(wire.timestamp) > TOKEN_LIFE_MS;
    const waiting = wire.flags & LOADING && !over ? text.thinking(this.botName()) : null;
    return {
      id: wire.id,
      at: Date.parse(wire.timestamp) / 1000,
      author: { id: wire.author.id, name: nameOf(wire.author), bot: Boolean(wire.author.bot) },
      summary: inOneLine(this.#plain(wire)),
      edited: Boolean(wire.edited_timestamp) && !asked,
      nodes: wire.content ? () => renderMarkdown(wire.content, (id) => this.#nameOf(id)) : null,
      quote: replied && { id: replied.id, name: nameOf(replied.author), summary: inOneLine(this.#plain(replied)) },
      files: wire.attachments.map((each) => ({ name: each.filename, size: each.size, href: pathOf(each.url),
        image: Boolean(each.content_type?.startsWith("image/")) })),
      rows: wire.components.map((row) => row.components.map((each) => (
        { label: each.label ?? "…", data: each.custom_id, href: each.url }))),
      reactions: (wire.reactions ?? []).map(({ emoji, count }) => ({ emoji: emoji.name, count })),
      above: asked?.name && asked.type === 2 ? text.used(nameOf(asked.user), asked.name) : null,
      note: over ? text.neverAnswered(this.botName()) : wire.flags & EPHEMERAL ? text.onlyYou : null,
      failed: over,
      waiting,
    };
  }

  #shownCommand(each) {
    const words = [`/${each.name}`, ...Object.values(each.options ?? {})].join(" ");
    return {
      id: each.id, at: Number((BigInt(each.id) >> 22n) + 1420070400000n) / 1000, summary: words, edited: false,
      author: { id: each.user_id, name: nameOf(this.#users.get(each.user_id)), bot: false },
      nodes: () => [words], quote: null, files: [], rows: [],
      note: each.failed ? text.noResponse(this.botName()) : text.sending, failed: each.failed,
    };
  }

  #onMessage(wire) {
    const channel = this.#channels.get(wire.channel_id);
    if (!channel) return this.#tell.reload();
    const isNew = !channel.messages.has(wire.id);
    channel.messages.set(wire.id, wire);
    const [place, direct] = this.#where(wire.channel_id);
    const owner = wire.flags & EPHEMERAL ? wire.interaction_metadata?.user.id : direct;
    if (isNew) this.#tell.added(this, place, this.#shown(wire), owner);
    else this.#tell.changed(this, place, this.#shown(wire), owner);
  }

  #onDeleted({ id, channel_id: channelId }) {
    this.#channels.get(channelId)?.messages.delete(id);
    this.#tell.removed(this, this.#where(channelId)[0], id);
  }

  #onPlace(wire) {
    if (!this.#channels.has(wire.id)) this.#channels.set(wire.id, { wire, messages: new Map() });
    this.#tell.places();
  }

  #onCommand(asked) {
    this.#await(asked);
    this.#tell.added(this, this.#where(asked.channel_id)[0], this.#shownCommand(asked), asked.user_id);
  }

  /** A command waits three seconds for its first response; then the person is told that none came. */
  #await(asked) {
    this.#waiting.set(asked.id, asked);
    setTimeout(() => {
      if (!this.#waiting.has(asked.id)) return;
      asked.failed = true;
      this.#tell.changed(this, this.#where(asked.channel_id)[0], this.#shownCommand(asked), asked.user_id);
    }, FIRST_RESPONSE_MS);
  }

  #onAnswered(id) {
    const asked = this.#waiting.get(id);
    if (!asked) return;
    this.#waiting.delete(id);
    this.#tell.removed(this, this.#where(asked.channel_id)[0], id);
  }
}

const pathOf = (url) => url.replace(/^https?:\/\/[^/]+/, "");
const nameOf = (user) => user.global_name ?? user.username;
const signOf = (wire) => (wire.type === FORUM ? "🗂" : THREADS.has(wire.type) ? "🧵" : "#");
const described = (thing) => thing.description_localizations?.[LOCALES[language]] ?? thing.description;
const isSeen = (wire, me) => !(wire.flags & EPHEMERAL) || wire.interaction_metadata?.user.id === me;
