// The simulated Telegram: its chats and messages as the page draws them, and what people do there.

import { ask } from "./dom.js";
import { renderText } from "./entities.js";
import { inOneLine, knownNames, text } from "./text.js";

const DIRECT = "direct";

export class TelegramWorld {
  name = "telegram";
  #tell;
  #bot = null;
  #users = new Map();
  #chats = new Map();
  #polled = false;

  constructor(tell) {
    this.#tell = tell;
  }

  async load() {
    const state = await ask("state");
    this.#bot = state.bot;
    this.#users = new Map(state.users.map((user) => [user.id, user]));
    this.#chats = new Map(state.chats.map((each) => [each.chat.id, {
      wire: each.chat,
      members: each.members,
      messages: new Map(each.messages.map((message) => [message.message_id, message])),
    }]));
    this.#polled = state.polled;
    return state;
  }

  heard() {
    return {
      message: (wire) => this.#onMessage(wire),
      edited: (wire) => this.#onEdited(wire),
      deleted: (wire) => this.#onDeleted(wire),
      typing: (wire) => this.#tell.typing(this, ...this.#where(wire.chat_id)),
      answered: (wire) => this.#tell.toast(wire.text),
      presence: ({ polled }) => { this.#polled = polled; this.#tell.presence(this); },
    };
  }

  /** Give the roles the names of the page's language, unless somebody named them otherwise. */
  async nameRoles(language) {
    for (const [index, { id, name }] of this.people().entries()) {
      if (!knownNames.has(name) || name === text.roles[index]) continue;
      await ask("people", { user_id: id, first_name: text.roles[index], language_code: language.toLowerCase() });
      this.#users.get(id).first_name = text.roles[index];
    }
  }

  isOnline() { return this.#polled; }
  botName() { return this.#bot.first_name; }
  isDirect(place) { return place === DIRECT; }
  takesExample() { return true; }
  canOpenThread() { return false; }
  placeholder() { return text.placeholder; }
  emptyHint() { return text.emptyHint; }

  people() {
    const ids = this.#groups()[0]?.members.slice(0, 3) ?? [...this.#users.keys()].slice(0, 3);
    return ids.map((id) => ({ id, name: this.#users.get(id).first_name, bot: false }));
  }

  places(role) {
    const tabs = this.#groups().map((each) => (
      { id: each.wire.id, title: each.wire.title, face: "👥", hint: this.#lastWords(each) }));
    const direct = this.#chats.get(this.people()[role].id);
    const hint = direct?.messages.size ? this.#lastWords(direct) : text.directHint(this.people()[role].name);
    return [...tabs, { id: DIRECT, title: text.direct, face: "🤖", hint }];
  }

  head(place, role) {
    if (place === DIRECT) return { title: this.botName(), face: "🤖", hint: text.directHint(this.people()[role].name) };
    const chat = this.#chat(place, role);
    return { title: chat.wire.title, face: "👥", hint: text.members(chat.members.length) };
  }

  messages(place, role) {
    return [...(this.#chat(place, role)?.messages.values() ?? [])].filter(isWords).map((wire) => shown(wire));
  }

  say(place, role, words, replyTo) {
    const body = { chat_id: this.#chatId(place, role), user_id: this.people()[role].id, text: words };
    return ask("say", replyTo === undefined ? body : { ...body, reply_to: replyTo }).then(() => true);
  }

  sayFile(place, role, words, file) {
    return ask("file", { ...file, chat_id: this.#chatId(place, role), user_id: this.people()[role].id, text: words });
  }

  press(place, role, messageId, data) {
    return ask("press", { chat_id: this.#chatId(place, role), message_id: messageId, callback_data: data,
      user_id: this.people()[role].id });
  }

  /** The commands that fit what is written so far, to fill the box with; null where nothing is to be chosen. */
  async complete(place, role, words) {
    const typed = /^\/([a-z0-9_]*)$/i.exec(words);
    if (!typed) return null;
    const { commands } = await ask(`menu?chat=${this.#chatId(place, role)}&user=${this.people()[role].id}`);
    return commands.filter((each) => each.command.startsWith(typed[1].toLowerCase()))
      .map((each) => ({ label: `/${each.command}`, hint: each.description, fill: `/${each.command} `, whole: true }));
  }

  #groups() { return [...this.#chats.values()].filter((each) => each.wire.type !== "private"); }
  #chatId(place, role) { return place === DIRECT ? this.people()[role].id : place; }
  #chat(place, role) { return this.#chats.get(this.#chatId(place, role)); }

  /** Where the page shows a chat, and to whom alone. */
  #where(id) { return this.#chats.get(id)?.wire.type === "private" ? [DIRECT, id] : [id, undefined]; }

  #lastWords(chat) {
    const last = [...chat.messages.values()].at(-1);
    return last ? `${last.from.first_name}: ${summary(last)}` : text.empty;
  }

  #onMessage(wire) {
    const chat = this.#chats.get(wire.chat.id);
    if (!chat) return this.#tell.reload();
    chat.messages.set(wire.message_id, wire);
    const [place, owner] = this.#where(wire.chat.id);
    if (isWords(wire)) this.#tell.added(this, place, shown(wire), owner);
  }

  #onEdited(wire) {
    const chat = this.#chats.get(wire.chat.id);
    if (!chat) return this.#tell.reload();
    chat.messages.set(wire.message_id, wire);
    const [place, owner] = this.#where(wire.chat.id);
    this.#tell.changed(this, place, shown(wire), owner);
  }

  #onDeleted({ chat_id: id, message_id: messageId }) {
    this.#chats.get(id)?.messages.delete(messageId);
    const [place, owner] = this.#where(id);
    this.#tell.removed(this, place, messageId, owner);
  }
}

const isWords = (wire) => Boolean(wire.text || wire.caption || wire.document || wire.photo);
const hrefOf = (fileId) => `/simulator/files/${encodeURIComponent(fileId)}`;
const summary = (wire) => inOneLine(wire.text ?? wire.caption ?? wire.document?.file_name ?? (wire.photo ? text.photo : ""));
const authorOf = (user) => ({ id: user.id, name: user.first_name, bot: user.is_bot });

function shown(wire) {
  const words = wire.text ?? wire.caption;
  const replied = wire.reply_to_message;
  const file = wire.document;
  return {
    id: wire.message_id,
    at: wire.date,
    author: authorOf(wire.from),
    summary: summary(wire),
    edited: Boolean(wire.edit_date),
    nodes: words ? (hooks) => renderText(words, wire.entities ?? wire.caption_entities ?? [], hooks) : null,
    quote: replied && { id: replied.message_id, name: replied.from.first_name, summary: summary(replied) },
    files: [
      ...(file ? [{ name: file.file_name, size: file.file_size, href: hrefOf(file.file_id) }] : []),
      ...(wire.photo ? [{ name: text.photo, size: wire.photo.at(-1).file_size, href: hrefOf(wire.photo.at(-1).file_id), image: true }] : []),
    ],
    rows: (wire.reply_markup?.inline_keyboard ?? []).map((row) => row.map((each) => (
      { label: each.text, data: each.callback_data, href: each.url }))),
  };
}
