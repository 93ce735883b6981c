// Discord's markdown as elements: what its clients draw, no more.
// https://support.discord.com/hc/en-us/articles/210298617

import { make } from "./dom.js";
import { codeBlock, link, spoiler } from "./marks.js";

const INLINE = new RegExp([
  "(?<escaped>\\\\[\\\\*_~|`#>\\[\\]()<+.-])",
  "(?<code>(?<ticks>`+)(?<inCode>[^]+?)(?<!`)\\k<ticks>(?!`))",
  "\\[(?<label>[^\\]\\n]+)\\]\\(<?(?<target>https?://[^\\s>)]+)>?\\)",
  "<?(?<url>https?://[^\\s<>]+[^\\s<>.,:;!?\"')\\]])>?",
  "<@!?(?<user>\\d+)>",
  "<@&(?<role>\\d+)>",
  "\\*\\*(?<bold>[^]+?)\\*\\*(?!\\*)",
  "__(?<under>[^]+?)__(?!_)",
  "~~(?<struck>[^]+?)~~",
  "\\|\\|(?<hidden>[^]+?)\\|\\|",
  "\\*(?<italic>[^\\s*](?:[^*]*[^\\s*])?)\\*(?!\\*)",
  "(?<![\\w])_(?<italic2>[^\\s_](?:[^_]*[^\\s_])?)_(?![\\w])",
].join("|"), "gu");
const FENCE = /```(?:([\w+#.-]+)\n)?\n?([^]*?)\n?```/gu;

/** `content` as nodes; `nameOf(id)` is a user's name, or nothing for a stranger. */
export function renderMarkdown(content, nameOf) {
  const nodes = [];
  let position = 0;
  for (const fence of content.matchAll(FENCE)) {
    nodes.push(...lines(content.slice(position, fence.index), nameOf), codeBlock(fence[2], fence[1] ?? ""));
    position = fence.index + fence[0].length;
    if (content[position] === "\n") position += 1;
  }
  nodes.push(...lines(content.slice(position), nameOf));
  return nodes;
}

/** Text without fences: quotes, headings and lists are whole lines, the rest flows. */
function lines(part, nameOf) {
  const nodes = [];
  let flow = [];
  let quote = [];
  const flush = () => {
    if (quote.length) nodes.push(make("blockquote", {}, ...inline(quote.join("\n"), nameOf)));
    if (flow.length) nodes.push(...inline(flow.join("\n"), nameOf));
    [flow, quote] = [[], []];
  };
  for (const line of part.replace(/\n$/, "").split("\n")) {
    const found = /^(?:(?<quoted>>) (?<quoting>.*)|(?<depth>#{1,3}) (?<heading>.+)|(?<indent>\s*)(?<bullet>[-*]|\d+\.) (?<item>.+)|-# (?<small>.+))$/u.exec(line)?.groups;
    if (found?.quoted) {
      if (flow.length) flush();
      quote.push(found.quoting);
      continue;
    }
    if (quote.length) flush();
    if (!found) {
      flow.push(line);
      continue;
    }
    flush();
    if (found.heading) nodes.push(make("span", { class: `heading depth-${found.depth.length}` }, ...inline(found.heading, nameOf)));
    else if (found.small) nodes.push(make("small", { class: "heading" }, ...inline(found.small, nameOf)));
    else nodes.push(item(found, nameOf));
  }
  flush();
  return nodes;
}

function item({ indent, bullet, item: words }, nameOf) {
  const sign = /\d/.test(bullet) ? bullet : indent ? "◦" : "•";
  return make("span", { class: indent ? "item inner" : "item" }, make("i", {}, sign), make("span", {}, ...inline(words, nameOf)));
}

function inline(words, nameOf) {
  const nodes = [];
  let position = 0;
  for (const found of words.matchAll(INLINE)) {
    if (found.index > position) nodes.push(words.slice(position, found.index));
    nodes.push(span(found.groups, nameOf));
    position = found.index + found[0].length;
  }
  if (position < words.length) nodes.push(words.slice(position));
  return nodes;
}

function span(found, nameOf) {
  const inner = (words) => inline(words, nameOf);
  if (found.escaped) return found.escaped.slice(1);
  if (found.code) return make("code", {}, found.inCode.trim());
  if (found.target) return link(found.target, inner(found.label));
  if (found.url) return link(found.url, [found.url]);
  if (found.user) return make("span", { class: "mention" }, `@${nameOf(found.user) || found.user}`);
  if (found.role) return make("span", { class: "mention" }, "@Javis");
  if (found.bold) return make("strong", {}, ...inner(found.bold));
  if (found.under) return make("u", {}, ...inner(found.under));
  if (found.struck) return make("s", {}, ...inner(found.struck));
  if (found.hidden) return spoiler(inner(found.hidden));
  return make("em", {}, ...inner(found.italic ?? found.italic2));
}
