// One message as elements. Entity offsets count UTF-16 units, and so do JavaScript's strings.

import { make } from "./dom.js";
import { showTime, text } from "./text.js";

const TAGS = { bold: "strong", italic: "em", underline: "u", strikethrough: "s", code: "code" };
const SAFE_SCHEMES = new Set(["http:", "https:", "mailto:", "tg:"]);
const LONG_QUOTE = 180;

/** `content` with its entities, as nodes. `hooks.command` is told of a command that was clicked. */
export function renderText(content, entities, hooks) {
  const sorted = [...entities].sort((a, b) => a.offset - b.offset || b.length - a.length);
  return renderRange(content, 0, content.length, sorted, hooks);
}

function renderRange(content, start, end, entities, hooks) {
  const nodes = [];
  let position = start;
  for (let index = 0; index < entities.length; index++) {
    const entity = entities[index];
    if (entity.offset < position || entity.offset >= end) continue;
    if (entity.offset > position) nodes.push(content.slice(position, entity.offset));
    const stop = Math.min(entity.offset + entity.length, end);
    const inner = entities.slice(index + 1).filter((each) => each.offset < stop);
    nodes.push(renderEntity(entity, content.slice(entity.offset, stop),
      renderRange(content, entity.offset, stop, inner, hooks), hooks));
    position = stop;
  }
  if (position < end) nodes.push(content.slice(position, end));
  return nodes;
}

function renderEntity(entity, words, children, hooks) {
  switch (entity.type) {
    case "pre": return codeBlock(words, entity.language);
    case "blockquote": return make("blockquote", {}, ...children);
    case "expandable_blockquote": return longQuote(words, children);
    case "spoiler": return spoiler(children);
    case "text_link": return link(entity.url, children);
    case "url": return link(words.includes("://") ? words : `https://${words}`, children);
    case "bot_command": return command(words, hooks);
    case "mention": case "text_mention": case "hashtag": return make("span", { class: "mention" }, ...children);
    default: return make(TAGS[entity.type] ?? "span", {}, ...children);
  }
}

function link(address, children) {
  if (!URL.canParse(address) || !SAFE_SCHEMES.has(new URL(address).protocol)) return make("span", {}, ...children);
  const attributes = { href: address, target: "_blank", rel: "noopener noreferrer nofollow", title: address };
  return make("a", attributes, ...children);
}

function command(words, hooks) {
  const button = make("button", { type: "button", class: "command" }, words);
  button.addEventListener("click", () => hooks.command(words));
  return button;
}

function spoiler(children) {
  const veil = make("span", { class: "spoiler", role: "button", tabindex: "0", "aria-label": text.reveal }, ...children);
  const reveal = () => {
    veil.classList.add("open");
    for (const name of ["role", "tabindex", "aria-label"]) veil.removeAttribute(name);
  };
  veil.addEventListener("click", reveal);
  veil.addEventListener("keydown", (event) => { if (event.key === "Enter" || event.key === " ") reveal(); });
  return veil;
}

function longQuote(words, children) {
  const quote = make("blockquote", {}, ...children);
  if (words.length < LONG_QUOTE) return quote;
  quote.classList.add("folded");
  const button = make("button", { type: "button", class: "unfold", "aria-expanded": "false" }, text.more);
  button.addEventListener("click", () => {
    const folded = quote.classList.toggle("folded");
    button.textContent = folded ? text.more : text.less;
    button.setAttribute("aria-expanded", String(!folded));
  });
  quote.append(button);
  return quote;
}

function codeBlock(words, language = "") {
  const copy = make("button", { type: "button" }, text.copy);
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(words);
    copy.textContent = text.copied;
    setTimeout(() => { copy.textContent = text.copy; }, 1500);
  });
  const head = make("span", { class: "code-head" }, make("span", {}, language), copy);
  return make("span", { class: "code-block" }, head, make("pre", { tabindex: "0" }, make("code", {}, words)));
}

/** What a message says, without its form, in one line. */
export function summary(message) {
  const words = message.text ?? message.caption ?? message.document?.file_name ?? "";
  return words.replace(/\s+/g, " ").slice(0, 120);
}

/**
 * A message as a list item.
 * `view`: {mine, showName, hue, hooks: {command, reply, press, goTo}}.
 */
export function renderMessage(message, view) {
  const { hooks } = view;
  const bubble = make("div", { class: "bubble" });
  if (view.showName) bubble.append(make("p", { class: "name" }, message.from.first_name));
  if (message.reply_to_message) bubble.append(quoteOf(message.reply_to_message, hooks));
  if (message.document) bubble.append(fileOf(message.document));
  const words = message.text ?? message.caption;
  if (words) {
    const entities = message.entities ?? message.caption_entities ?? [];
    bubble.append(make("div", { class: "words", dir: "auto" }, ...renderText(words, entities, hooks)));
  }
  const edited = message.edit_date ? `${text.edited} ` : "";
  const time = make("time", { datetime: new Date(message.date * 1000).toISOString() }, edited + showTime(message.date));
  bubble.append(time);

  const item = make("li", { class: "message", "data-id": message.message_id, "data-hue": view.hue });
  item.classList.toggle("mine", view.mine);
  item.classList.toggle("first", view.showFace);
  const face = make("span", { class: "face", "aria-hidden": "true" }, faceOf(message.from));
  const reply = make("button", { type: "button", class: "plain reply", "aria-label": text.reply, title: text.reply }, "↩");
  reply.addEventListener("click", () => hooks.reply(message));
  const body = make("div", { class: "body" }, make("div", { class: "with-reply" }, bubble, reply));
  const rows = message.reply_markup?.inline_keyboard ?? [];
  if (rows.length) body.append(keyboardOf(message, rows, hooks));
  item.append(face, body);
  return item;
}

/** The letter in the circle that stands for a person. */
function faceOf(user) {
  return user.is_bot ? "🤖" : [...user.first_name][0];
}

function quoteOf(replied, hooks) {
  const quote = make("button", { type: "button", class: "quote" },
    make("strong", {}, replied.from.first_name), make("span", {}, summary(replied)));
  quote.addEventListener("click", () => hooks.goTo(replied.message_id));
  return quote;
}

function fileOf(file) {
  const size = file.file_size < 1024 ? `${file.file_size} B` : `${(file.file_size / 1024).toFixed(1)} KB`;
  const href = `/simulator/files/${encodeURIComponent(file.file_id)}`;
  return make("a", { class: "file", href, download: file.file_name },
    make("span", { class: "file-icon", "aria-hidden": "true" }, "📄"),
    make("span", {}, make("strong", {}, file.file_name), make("small", {}, size)));
}

function keyboardOf(message, rows, hooks) {
  const keyboard = make("div", { class: "keyboard" });
  for (const row of rows) {
    const line = make("div", {});
    for (const each of row) {
      if (each.url) line.append(link(each.url, [each.text]));
      else {
        const button = make("button", { type: "button" }, each.text);
        button.addEventListener("click", () => hooks.press(message, each.callback_data));
        line.append(button);
      }
    }
    keyboard.append(line);
  }
  return keyboard;
}
