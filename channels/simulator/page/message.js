// One message of either platform as elements.

import { make } from "./dom.js";
import { link } from "./marks.js";
import { showTime, text } from "./text.js";

/**
 * A message as a list item.
 * `message`: {id, at, author: {id, name, bot}, summary, edited, nodes(hooks) | null, quote: {id, name, summary} | null,
 *   files: [{name, size, href, image}], rows: [[{label, data, href}]], and perhaps above, note, waiting, failed, reactions}.
 * `view`: {mine, showName, showFace, hue, hooks: {command, reply, press, goTo, thread | false}}.
 */
export function renderMessage(message, view) {
  const { hooks } = view;
  const bubble = make("div", { class: "bubble" });
  if (message.above) bubble.append(make("p", { class: "above" }, message.above));
  if (view.showName) bubble.append(make("p", { class: "name" }, message.author.name));
  if (message.quote) bubble.append(quoteOf(message.quote, hooks));
  for (const file of message.files) bubble.append(fileOf(file));
  if (message.waiting) bubble.append(make("div", { class: "waiting" }, make("i"), make("i"), make("i"), make("span", {}, message.waiting)));
  if (message.nodes) bubble.append(make("div", { class: "words", dir: "auto" }, ...message.nodes(hooks)));
  if (message.note) bubble.append(make("p", { class: message.failed ? "note failed" : "note" }, message.note));
  const edited = message.edited ? `${text.edited} ` : "";
  bubble.append(make("time", { datetime: new Date(message.at * 1000).toISOString() }, edited + showTime(message.at)));

  const item = make("li", { class: "message", "data-id": message.id, "data-hue": view.hue });
  item.classList.toggle("mine", view.mine);
  item.classList.toggle("first", view.showFace);
  item.classList.toggle("private", Boolean(message.note));
  const face = make("span", { class: "face", "aria-hidden": "true" }, faceOf(message.author));
  const body = make("div", { class: "body" }, make("div", { class: "with-reply" }, bubble, deedsOf(message, hooks)));
  if (message.rows.length) body.append(keyboardOf(message, hooks));
  if (message.reactions?.length) body.append(reactionsOf(message.reactions));
  item.append(face, body);
  return item;
}

/** The letter in the circle that stands for a person. */
const faceOf = (author) => (author.bot ? "🤖" : [...author.name][0]);

function deedsOf(message, hooks) {
  const deeds = make("div", { class: "deeds" });
  const add = (kind, sign, deed) => {
    const button = make("button", { type: "button", class: `plain ${kind}`, "aria-label": text[kind], title: text[kind] }, sign);
    button.addEventListener("click", () => deed(message));
    deeds.append(button);
  };
  if (message.note || message.waiting) return deeds;
  add("reply", "↩", hooks.reply);
  if (hooks.thread) add("thread", "🧵", hooks.thread);
  return deeds;
}

function quoteOf(replied, hooks) {
  const quote = make("button", { type: "button", class: "quote" },
    make("strong", {}, replied.name), make("span", {}, replied.summary));
  quote.addEventListener("click", () => hooks.goTo(replied.id));
  return quote;
}

function fileOf(file) {
  if (file.image) return make("a", { class: "picture", href: file.href, download: file.name }, make("img", { src: file.href, alt: file.name }));
  const size = file.size < 1024 ? `${file.size} B` : `${(file.size / 1024).toFixed(1)} KB`;
  return make("a", { class: "file", href: file.href, download: file.name },
    make("span", { class: "file-icon", "aria-hidden": "true" }, "📄"),
    make("span", {}, make("strong", {}, file.name), make("small", {}, size)));
}

function keyboardOf(message, hooks) {
  const keyboard = make("div", { class: "keyboard" });
  for (const row of message.rows) {
    const line = make("div", {});
    for (const each of row) {
      if (each.href) line.append(link(each.href, [each.label]));
      else {
        const button = make("button", { type: "button" }, each.label);
        button.addEventListener("click", () => hooks.press(message, each.data));
        line.append(button);
      }
    }
    keyboard.append(line);
  }
  return keyboard;
}

const reactionsOf = (reactions) => make("div", { class: "reactions" },
  ...reactions.map(({ emoji, count }) => make("span", {}, `${emoji} ${count}`)));
