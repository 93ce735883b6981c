// The page: who speaks, in which chat of which platform, and what happens there, told by the server as it happens.

import { DiscordWorld } from "./discord.js";
import { ask, byId, make, sendable } from "./dom.js";
import { CommandMenu } from "./menu.js";
import { renderMessage } from "./message.js";
import { openPanel, showCall, showFaults, showRoad } from "./panel.js";
import { TelegramWorld } from "./telegram.js";
import { fillWords, language, showDay, text } from "./text.js";

const TYPING_MS = 5000;
const SAME_SPEAKER_SECONDS = 300;
const OFFLINE_AFTER_MS = 3000;
const TOAST_MS = 4000;

const view = { world: null, place: null, role: 0, quoting: null, unread: new Map(), typing: null, presence: 0, toast: 0,
  atEnd: true };
const log = byId("log");
const box = byId("text");
const tell = { added, changed, removed, typing, presence: showPresence, toast, reload, places: drawChats };
const worlds = [new TelegramWorld(tell), new DiscordWorld(tell)];
const held = [];
let loads = 0;
const menu = new CommandMenu(byId("menu"), box, () => view.world, () => [view.place, view.role]);

// --- who and where ---

const speaker = () => view.world.people()[view.role];
const messages = () => view.world.messages(view.place, view.role);
const hueOf = (author) => (author.bot ? "bot" : String(Math.max(0, view.world.people().findIndex((each) => each.id === author.id)) % 4));
const keyOf = (world, place) => `${world.name}/${place}`;

// --- drawing ---

function drawChats() {
  for (const world of worlds) {
    const tabs = world.places(view.role).map((place) => {
      const selected = world === view.world && place.id === view.place;
      const tab = make("button", {
        type: "button", role: "tab", class: place.inner ? "chat inner" : "chat", "data-place": place.id,
        "aria-selected": String(selected), tabindex: selected ? "0" : "-1", "aria-controls": "talk",
      }, make("span", { class: place.sign ? "face sign" : "face", "aria-hidden": "true" }, place.face),
        make("span", { class: "chat-words" }, make("strong", {}, place.title), make("small", {}, place.hint)));
      const unread = view.unread.get(keyOf(world, place.id));
      if (unread) tab.append(make("b", { class: "unread" }, String(unread)));
      tab.addEventListener("click", () => goToChat(world, place.id));
      return tab;
    });
    if (world !== view.world && tabs.length) tabs[0].tabIndex = 0;
    byId(`${world.name}-chats`).replaceChildren(...tabs);
  }
  byId("discord-title").textContent = worlds[1].title();
}

function goToChat(world, place) {
  view.world = world;
  view.place = place;
  view.unread.delete(keyOf(world, place));
  document.body.dataset.world = world.name;
  stopQuoting();
  draw();
  byId("chats").querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  box.focus({ preventScroll: true });
}

function draw() {
  drawChats();
  drawSpeakers();
  drawLog();
  showTyping(null);
  presence();
  box.placeholder = view.world.placeholder(view.place);
  menu.close();
}

function drawSpeakers() {
  const legend = byId("speakers").querySelector("legend");
  byId("speakers").replaceChildren(legend, ...view.world.people().map((person, role) => {
    const input = make("input", { type: "radio", name: "speaker", value: person.id });
    input.checked = role === view.role;
    input.addEventListener("change", () => {
      view.role = role;
      draw();
      byId("speakers").querySelector(`input[value="${person.id}"]`).focus();
    });
    return make("label", { "data-hue": hueOf(person) }, input, make("i", {}), make("span", {}, person.name));
  }));
}

function drawHead() {
  const head = view.world.head(view.place, view.role);
  byId("title").textContent = head.title;
  byId("head-face").textContent = head.face;
  byId("subtitle").textContent = view.typing ? `${text.typing(view.world.botName())}…` : head.hint;
  byId("subtitle").classList.toggle("live", Boolean(view.typing));
}

function drawLog() {
  log.replaceChildren();
  const all = messages();
  if (!all.length) {
    log.append(make("li", { class: "empty" }, make("span", { "aria-hidden": "true" }, "💬"),
      make("strong", {}, text.empty), make("span", {}, view.world.emptyHint(view.place))));
  }
  let before = null;
  for (const message of all) {
    addMessage(message, before);
    before = message;
  }
  showExample();
  log.scrollTop = log.scrollHeight;
}

function addMessage(message, before) {
  if (!before || showDay(before.at) !== showDay(message.at)) {
    log.append(make("li", { class: "day" }, make("span", {}, showDay(message.at))));
  }
  log.append(drawMessage(message, before));
}

function drawMessage(message, before) {
  const mine = message.author.id === speaker().id;
  const follows = before?.author.id === message.author.id && message.at - before.at < SAME_SPEAKER_SECONDS && !message.above;
  return renderMessage(message, {
    mine,
    showName: !mine && !follows && !view.world.isDirect(view.place),
    showFace: !follows,
    hue: hueOf(message.author),
    hooks: { command: fillBox, reply: startQuoting, press, goTo, thread: view.world.canOpenThread(view.place, message) && openThread },
  });
}

function showExample() {
  const said = messages().some((each) => !each.author.bot);
  byId("try").hidden = said || box.value !== "" || !view.world.takesExample(view.place);
}

// --- what a world tells ---

// `owner` is the one person who sees it; nobody's name means everyone.
const isMine = (world, owner) => owner === undefined || owner === world.people()[view.role].id;
const isShown = (world, place, owner) => world === view.world && place === view.place && isMine(world, owner);

function added(world, place, message, owner) {
  if (isShown(world, place, owner)) {
    const atEnd = isAtEnd();
    log.querySelector(".empty")?.remove();
    if (message.author.bot) showTyping(null);
    addMessage(message, messages().at(-2));
    if (atEnd || message.author.id === speaker().id) log.scrollTop = log.scrollHeight;
    showExample();
    showNewest();
  } else if (message.author.bot && isMine(world, owner) && (world !== view.world || place !== view.place)) {
    const key = keyOf(world, place);
    view.unread.set(key, (view.unread.get(key) ?? 0) + 1);
  }
  drawChats();
}

function changed(world, place, message, owner) {
  const old = isShown(world, place, owner) && itemOf(message.id);
  if (old) {
    const atEnd = isAtEnd();
    const all = messages();
    const index = all.findIndex((each) => each.id === message.id);
    old.replaceWith(drawMessage(message, all[index - 1]));
    if (atEnd) log.scrollTop = log.scrollHeight;
  }
  drawChats();
}

function removed(world, place, messageId, owner) {
  if (isShown(world, place, owner)) itemOf(messageId)?.remove();
  drawChats();
}

function typing(world, place, owner) {
  if (isShown(world, place, owner)) showTyping(true);
}

function showTyping(on) {
  clearTimeout(view.typing);
  view.typing = on && setTimeout(() => showTyping(null), TYPING_MS);
  log.querySelector(".typing")?.remove();
  drawHead();
  if (!on) return;
  const atEnd = isAtEnd();
  log.append(make("li", { class: "message typing first", "data-hue": "bot", "aria-hidden": "true" },
    make("span", { class: "face" }, "🤖"), make("div", { class: "bubble" }, make("i"), make("i"), make("i"))));
  if (atEnd) log.scrollTop = log.scrollHeight;
}

function toast(words) {
  if (!words) return;
  clearTimeout(view.toast);
  byId("toast").textContent = words;
  byId("toast").hidden = false;
  view.toast = setTimeout(() => { byId("toast").hidden = true; }, TOAST_MS);
}

function showPresence(world) {
  if (world === view.world) presence();
}

function presence() {
  const on = view.world.isOnline();
  clearTimeout(view.presence);
  const show = () => {
    byId("presence").textContent = view.world.isOnline() ? text.online : text.offline;
    byId("presence").className = view.world.isOnline() ? "presence on" : "presence off";
  };
  // Between two polls the bot is away for a moment; only a longer absence is one.
  if (on || !byId("presence").textContent) show();
  else view.presence = setTimeout(show, OFFLINE_AFTER_MS);
}

// --- what the person does ---

/** Do it; what the server refuses stands above the box. */
async function attempt(deed) {
  try {
    const outcome = await deed();
    showTrouble("");
    return outcome ?? true;
  } catch (error) {
    showTrouble(error.message);
    return null;
  }
}

/** Take the words out of the box and do something with them; back they go when that is refused. */
async function withWords(words, deed) {
  box.value = "";  // at once: who types on while the server is slow must not write into what was sent
  onInput();
  const there = await attempt(deed);
  if (there === null) {
    box.value = words + box.value;
    onInput();
  }
  return there;
}

/** What stands in the box goes along as the file's caption. */
async function sayFile(file) {
  const words = box.value, { world, place, role } = view;
  await withWords(words, async () => world.sayFile(place, role, words.trim(), await sendable(file)));
}

async function say(words) {
  if (!words.trim()) return;
  const there = await withWords(words, () => view.world.say(view.place, view.role, words, view.quoting?.id));
  if (there === null) return;
  stopQuoting();
  if (typeof there === "string") goToChat(view.world, there);
}

const press = (message, data) => attempt(() => view.world.press(view.place, view.role, message.id, data));

async function openThread(message) {
  const there = await attempt(() => view.world.openThread(view.place, view.role, message));
  if (there !== null) goToChat(view.world, there);
}

function fillBox(words) {
  box.value = `${words} `;
  box.focus();
  onInput();
}

function startQuoting(message) {
  view.quoting = message;
  byId("quoting-name").textContent = `${text.reply} ${message.author.name}`;
  byId("quoting-text").textContent = message.summary;
  byId("quoting").hidden = false;
  box.focus();
}

function stopQuoting() {
  view.quoting = null;
  byId("quoting").hidden = true;
}

function goTo(messageId) {
  const item = itemOf(messageId);
  if (!item) return;
  item.scrollIntoView({ block: "center", behavior: "smooth" });
  item.classList.add("flash");
  setTimeout(() => item.classList.remove("flash"), 1500);
}

const itemOf = (messageId) => log.querySelector(`[data-id="${messageId}"]`);
const isAtEnd = () => log.scrollHeight - log.scrollTop - log.clientHeight < 80;

function showNewest() {
  byId("newest").hidden = isAtEnd();
}

function showTrouble(words) {
  byId("trouble").textContent = words;
  byId("trouble").hidden = !words;
}

function onInput() {
  box.style.height = "auto";
  box.style.height = `${Math.min(box.scrollHeight + 2, 160)}px`;
  box.style.overflowY = box.scrollHeight > 158 ? "auto" : "hidden";
  showExample();
  menu.update();
}

function onKey(event) {
  if (event.isComposing || menu.takeKey(event)) return;
  if (event.key === "Enter" && !event.shiftKey) {
    event.preventDefault();
    say(box.value);
  } else if (event.key === "Escape") stopQuoting();
}

// --- life ---

/** Read how things stand. What happens meanwhile is taken in afterwards: the older state would undo it. */
async function load() {
  loads += 1;
  const states = await Promise.all(worlds.map((world) => world.load())).finally(() => { loads -= 1; });
  view.world ??= worlds[0];
  document.body.dataset.world = view.world.name;
  view.place ??= view.world.places(view.role)[0].id;
  for (const take of loads ? [] : held.splice(0)) hear(take);
  return states[0];
}

function hear(take) {
  if (loads) held.push(take);
  else take();
}

async function reload() {
  const state = await load();
  draw();
  showRoad(state.recent);
  showFaults(state.faults);
}

/** Resolves once the server tells the page all that happens. */
function listen() {
  const events = new EventSource("/simulator/events");
  const heard = { call: showCall, faults: showFaults, reload };
  for (const [kind, take] of Object.entries(heard)) {
    events.addEventListener(kind, (event) => take(JSON.parse(event.data)));
  }
  for (const [kind, take] of worlds.flatMap((world) => Object.entries(world.heard()))) {
    events.addEventListener(kind, (event) => { const told = JSON.parse(event.data); hear(() => take(told)); });
  }
  let lost = false;
  events.addEventListener("open", () => {
    if (!lost) return;
    lost = false;
    showTrouble("");
    reload();
  });
  events.addEventListener("error", () => { lost = true; showTrouble(text.unreachable); });
  return new Promise((done) => events.addEventListener("open", done, { once: true }));
}

function togglePanel(open) {
  document.body.classList.toggle("panel-open", open);
  byId("open-panel").setAttribute("aria-expanded", String(open));
  byId(open ? "close-panel" : "open-panel").focus();
}

function onTabKey(event) {
  const tabs = [...byId("chats").querySelectorAll("[role=tab]")];
  const move = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
  if (!move) return;
  event.preventDefault();
  const next = (tabs.indexOf(document.activeElement) + move + tabs.length) % tabs.length;
  tabs[next].click();
  byId("chats").querySelectorAll("[role=tab]")[next].focus();
}

function wire() {
  byId("composer").addEventListener("submit", (event) => { event.preventDefault(); say(box.value); });
  byId("attach").addEventListener("click", () => byId("file").click());
  byId("file").addEventListener("change", async (event) => {
    for (const file of event.target.files) await sayFile(file);
    event.target.value = "";  // the same file may be chosen again
  });
  box.addEventListener("paste", (event) => {
    const [file] = event.clipboardData.files;
    if (!file) return;
    event.preventDefault();
    sayFile(file);
  });
  byId("try").addEventListener("click", () => say(text.example));
  byId("quoting-off").addEventListener("click", stopQuoting);
  byId("newest").addEventListener("click", () => log.scrollTo({ top: log.scrollHeight, behavior: "smooth" }));
  byId("open-panel").addEventListener("click", () => togglePanel(!document.body.classList.contains("panel-open")));
  byId("close-panel").addEventListener("click", () => togglePanel(false));
  byId("chats").addEventListener("keydown", onTabKey);
  box.addEventListener("input", onInput);
  box.addEventListener("keydown", onKey);
  box.addEventListener("blur", () => menu.close());
  log.addEventListener("scroll", () => { view.atEnd = isAtEnd(); showNewest(); }, { passive: true });
  new ResizeObserver(() => { if (view.atEnd) log.scrollTop = log.scrollHeight; }).observe(log);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && document.body.classList.contains("panel-open")) togglePanel(false);
  });
}

async function start() {
  fillWords();
  wire();
  await listen();
  const state = await load();
  await Promise.all(worlds.map((world) => world.nameRoles(language)));
  draw();
  openPanel(state.recent, state.faults);
  document.body.dataset.ready = "true";
}

start();
