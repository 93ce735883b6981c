// The menu above the box: commands, and what the bot suggests for them. Arrow keys choose, Enter and Tab take.

import { make } from "./dom.js";

const PAUSE_MS = 150;

export class CommandMenu {
  #list;
  #box;
  #world;
  #where;
  #chosen = 0;
  #pause = 0;
  #asked = 0;

  /** `world()` offers `complete(place, role, words)`, its options {label, hint, fill?, whole?}; `where()` is [place, role]. */
  constructor(list, box, world, where) {
    this.#list = list;
    this.#box = box;
    this.#world = world;
    this.#where = where;
  }

  close() {
    this.#asked += 1;
    clearTimeout(this.#pause);
    this.#list.hidden = true;
    this.#box.removeAttribute("aria-activedescendant");
  }

  /** Look what fits the words in the box. Suggestions are asked for when the person pauses. */
  update() {
    const words = this.#box.value;
    this.#asked += 1;
    clearTimeout(this.#pause);
    if (!words.startsWith("/")) return this.close();
    const asked = this.#asked;
    this.#pause = setTimeout(() => this.#ask(words, asked), words.includes(" ") ? PAUSE_MS : 0);
  }

  async #ask(words, asked) {
    const options = await this.#world().complete(...this.#where(), words);
    if (asked !== this.#asked) return;
    if (!options?.length) return this.close();
    this.#list.replaceChildren(...options.map((each, index) => this.#option(each, index)));
    this.#list.hidden = false;
    this.#choose(0);
  }

  #option(each, index) {
    const parts = [make("strong", {}, each.label), make("span", {}, each.hint)];
    if (each.fill === undefined) return make("li", { class: "hint", role: "presentation" }, ...parts);
    const option = make("li", { role: "option", id: `command-${index}`, "data-fill": each.fill }, ...parts);
    option.whole = each.whole;
    option.addEventListener("mousedown", (event) => { event.preventDefault(); this.#take(option); });
    return option;
  }

  #options() { return [...this.#list.querySelectorAll("[role=option]")]; }

  #choose(index) {
    const options = this.#options();
    if (!options.length) return;
    this.#chosen = (index + options.length) % options.length;
    for (const [number, option] of options.entries()) option.setAttribute("aria-selected", String(number === this.#chosen));
    options[this.#chosen].scrollIntoView({ block: "nearest" });
    this.#box.setAttribute("aria-activedescendant", options[this.#chosen].id);
  }

  #take(option) {
    this.#box.value = option.dataset.fill;
    this.#box.focus();
    this.close();
    if (option.dataset.fill.endsWith(" ")) this.#box.dispatchEvent(new Event("input"));
  }

  /** Whether the box holds all of it, so that Enter sends. */
  #isWritten(option) {
    const { fill } = option.dataset;
    return this.#box.value === fill || (option.whole && this.#box.value === fill.trimEnd());
  }

  /** True when the key was meant for the menu. */
  takeKey(event) {
    const options = this.#options();
    if (this.#list.hidden || !options.length) return false;
    const moves = { ArrowDown: 1, ArrowUp: -1 };
    if (event.key in moves) this.#choose(this.#chosen + moves[event.key]);
    else if (event.key === "Escape") this.close();
    else if (event.key === "Tab" || (event.key === "Enter" && !this.#isWritten(options[this.#chosen]))) {
      this.#take(options[this.#chosen]);
    } else return false;
    event.preventDefault();
    return true;
  }
}
