// Elements that both platforms know: links, hidden words, blocks of code.

import { make } from "./dom.js";
import { text } from "./text.js";

const SAFE_SCHEMES = new Set(["http:", "https:", "mailto:", "tg:"]);

/** A link where the address is one that is safe to open, else its words alone. */
export function link(address, children) {
  if (!URL.canParse(address) || !SAFE_SCHEMES.has(new URL(address).protocol)) return make("span", {}, ...children);
  const attributes = { href: address, target: "_blank", rel: "noopener noreferrer nofollow", title: address };
  return make("a", attributes, ...children);
}

export function spoiler(children) {
  const veil = make("span", { class: "spoiler", role: "button", tabindex: "0", "aria-label": text.reveal }, ...children);
  const reveal = () => {
    veil.classList.add("open");
    for (const name of ["role", "tabindex", "aria-label"]) veil.removeAttribute(name);
  };
  veil.addEventListener("click", reveal);
  veil.addEventListener("keydown", (event) => { if (event.key === "Enter" || event.key === " ") reveal(); });
  return veil;
}

export function codeBlock(words, language = "") {
  const copy = make("button", { type: "button" }, text.copy);
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(words);
    copy.textContent = text.copied;
    setTimeout(() => { copy.textContent = text.copy; }, 1500);
  });
  const head = make("span", { class: "code-head" }, make("span", {}, language), copy);
  return make("span", { class: "code-block" }, head, make("pre", { tabindex: "0" }, make("code", {}, words)));
}
