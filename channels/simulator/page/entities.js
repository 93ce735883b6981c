// Telegram's formatted text as elements. Entity offsets count UTF-16 units, and so do JavaScript's strings.

import { make } from "./dom.js";
import { codeBlock, link, spoiler } from "./marks.js";
import { text } from "./text.js";

const TAGS = { bold: "strong", italic: "em", underline: "u", strikethrough: "s", code: "code" };
const BLOCKS = new Set(["pre", "blockquote", "expandable_blockquote"]);
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
    // The line break that ends a block is not drawn: what follows stands on a line of its own anyway.
    position = BLOCKS.has(entity.type) && content[stop] === "\n" ? stop + 1 : stop;
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

function command(words, hooks) {
  const button = make("button", { type: "button", class: "command" }, words);
  button.addEventListener("click", () => hooks.command(words));
  return button;
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
