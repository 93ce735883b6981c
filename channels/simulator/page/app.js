// The page: who speaks, in which chat, and what happens there, told by the server as it happens.

import { ask, byId, make } from "./dom.js";
import { renderMessage, summary } from "./message.js";
import { openPanel, showCall, showFaults, showRoad } from "./panel.js";
import { fillWords, knownNames, language, showDay, text } from "./text.js";

const DIRECT = "direct";
const TYPING_MS = 5000;
const SAME_SPEAKER_SECONDS = 300;
const OFFLINE_AFTER_MS = 3000;
const TOAST_MS = 4000;

const world = { bot: null, users: new Map(), chats: new Map() };
const view = { place: null, speaker: null, quoting: null, unread: new Map(), typing: null, polled: false,
  presence: 0, toast: 0, atEnd: true };
const log = byId("log");
const box = byId("text");

// --- who and where ---

const chatId = () => (view.place === DIRECT ? view.speaker : view.place);
const chat = () => world.chats.get(chatId());
const groups = () => [...world.chats.values()].filter((each) => each.wire.type !== "private");
const speakers = () => groups()[0]?.members.slice(0, 3) ?? [...world.users.keys()].slice(0, 3);
const hueOf = (user) => (user.is_bot ? "bot" : String(Math.max(0, speakers().indexOf(user.id)) % 4));

function takeState(state) {
  world.bot = state.bot;
  world.users = new Map(state.users.map((user) => [user.id, user]));
  world.chats = new Map(state.chats.map((each) => [each.chat.id, {
    wire: each.chat,
    members: each.members,
    topics: each.topics,
    messages: new Map(each.messages.map((message) => [message.message_id, message])),
  }]));
  view.place ??= groups()[0]?.wire.id ?? DIRECT;
  view.speaker ??= speakers()[0];
  showPresence(state.polled);
}

/** Give the three roles the names of the page's language, unless somebody named them otherwise. */
async function nameRoles() {
  for (const [index, id] of speakers().entries()) {
    const user = world.users.get(id);
    const name = text.roles[index];
    if (!knownNames.has(user.first_name) || user.first_name === name) continue;
    await ask("people", { user_id: id, first_name: name, language_code: language.toLowerCase() });
    user.first_name = name;
  }
}

// --- drawing ---

function drawChats() {
  const tabs = groups().map((each) => [each.wire.id, each.wire.title, "👥", lastWords(each)]);
  const direct = world.chats.get(view.speaker);
  tabs.push([DIRECT, text.direct, "🤖", direct?.messages.size ? lastWords(direct) : text.directHint(speakerName())]);
  byId("chats").replaceChildren(...tabs.map(([place, title, face, hint]) => {
    const selected = place === view.place;
    const tab = make("button", {
      type: "button", role: "tab", class: "chat", "data-place": place, "aria-selected": String(selected),
      tabindex: selected ? "0" : "-1", "aria-controls": "talk",
    }, make("span", { class: "face", "aria-hidden": "true" }, face),
      make("span", { class: "chat-words" }, make("strong", {}, title), make("small", {}, hint)));
    const unread = view.unread.get(place);
    if (unread) tab.append(make("b", { class: "unread" }, String(unread)));
    tab.addEventListener("click", () => goToChat(place));
    return tab;
  }));
}

const speakerName = () => world.users.get(view.speaker)?.first_name ?? "";

function lastWords(each) {
  const last = [...each.messages.values()].at(-1);
  return last ? `${last.from.first_name}: ${summary(last)}` : text.empty;
}

function goToChat(place) {
  view.place = place;
  view.unread.delete(place);
  stopQuoting();
  draw();
  box.focus({ preventScroll: true });
}

function draw() {
  drawChats();
  drawSpeakers();
  drawLog();
  showTyping(null);
}

function drawSpeakers() {
  const legend = byId("speakers").querySelector("legend");
  byId("speakers").replaceChildren(legend, ...speakers().map((id) => {
    const user = world.users.get(id);
    const input = make("input", { type: "radio", name: "speaker", value: id });
    input.checked = id === view.speaker;
    input.addEventListener("change", () => {
      view.speaker = id;
      draw();
      byId("speakers").querySelector(`input[value="${id}"]`).focus();
    });
    return make("label", { "data-hue": hueOf(user) }, input,
      make("i", {}), make("span", {}, user.first_name));
  }));
}

function drawHead() {
  const current = chat();
  const direct = view.place === DIRECT;
  byId("title").textContent = direct ? world.bot.first_name : current.wire.title;
  byId("head-face").textContent = direct ? "🤖" : "👥";
  const calm = direct ? text.directHint(speakerName()) : text.members(current.members.length);
  byId("subtitle").textContent = view.typing ? `${text.typing(world.bot.first_name)}…` : calm;
  byId("subtitle").classList.toggle("live", Boolean(view.typing));
}

function drawLog() {
  const messages = [...chat().messages.values()];
  log.replaceChildren();
  if (!messages.length) {
    log.append(make("li", { class: "empty" }, make("span", { "aria-hidden": "true" }, "💬"),
      make("strong", {}, text.empty), make("span", {}, text.emptyHint)));
  }
  let before = null;
  for (const message of messages) {
    addMessage(message, before);
    before = message;
  }
  showExample();
  log.scrollTop = log.scrollHeight;
}

function addMessage(message, before) {
  if (!message.text && !message.caption && !message.document) return;
  if (!before || showDay(before.date) !== showDay(message.date)) {
    log.append(make("li", { class: "day" }, make("span", {}, showDay(message.date))));
  }
  log.append(drawMessage(message, before));
}

function drawMessage(message, before) {
  const mine = message.from.id === view.speaker;
  const follows = before?.from.id === message.from.id && message.date - before.date < SAME_SPEAKER_SECONDS;
  return renderMessage(message, {
    mine,
    showName: !mine && !follows && view.place !== DIRECT,
    showFace: !follows,
    hue: hueOf(message.from),
    hooks: { command: fillBox, reply: startQuoting, press, goTo },
  });
}

function showExample() {
  byId("try").hidden = [...chat().messages.values()].some((each) => !each.from.is_bot) || box.value !== "";
}

// --- what the server tells ---

function placeOf(id) {
  return world.chats.get(id)?.wire.type === "private" ? DIRECT : id;
}

function onMessage(message) {
  const there = world.chats.get(message.chat.id);
  if (!there) return reload();
  const before = [...there.messages.values()].at(-1);
  there.messages.set(message.message_id, message);
  if (message.chat.id === chatId()) {
    const atEnd = isAtEnd();
    log.querySelector(".empty")?.remove();
    if (message.from.is_bot) showTyping(null);
    addMessage(message, before);
    if (atEnd || message.from.id === view.speaker) log.scrollTop = log.scrollHeight;
    showExample();
    showNewest();
  } else if (placeOf(message.chat.id) !== view.place && message.from.is_bot) {
    const place = placeOf(message.chat.id);
    view.unread.set(place, (view.unread.get(place) ?? 0) + 1);
  }
  drawChats();
}

function onEdited(message) {
  const there = world.chats.get(message.chat.id);
  if (!there) return reload();
  there.messages.set(message.message_id, message);
  const old = message.chat.id === chatId() && itemOf(message.message_id);
  if (!old) return;
  const atEnd = isAtEnd();
  const messages = [...there.messages.values()];
  const index = messages.findIndex((each) => each.message_id === message.message_id);
  old.replaceWith(drawMessage(message, messages[index - 1]));
  if (atEnd) log.scrollTop = log.scrollHeight;
  drawChats();
}

function onDeleted({ chat_id: id, message_id: messageId }) {
  world.chats.get(id)?.messages.delete(messageId);
  if (id === chatId()) itemOf(messageId)?.remove();
  drawChats();
}

function onTyping(event) {
  if (event.chat_id === chatId()) showTyping(event);
}

function showTyping(event) {
  clearTimeout(view.typing);
  view.typing = event && setTimeout(() => showTyping(null), TYPING_MS);
  log.querySelector(".typing")?.remove();
  drawHead();
  if (!event) return;
  const atEnd = isAtEnd();
  log.append(make("li", { class: "message typing first", "data-hue": "bot", "aria-hidden": "true" },
    make("span", { class: "face" }, "🤖"), make("div", { class: "bubble" }, make("i"), make("i"), make("i"))));
  if (atEnd) log.scrollTop = log.scrollHeight;
}

function onAnswered({ text: words }) {
  if (!words) return;
  clearTimeout(view.toast);
  byId("toast").textContent = words;
  byId("toast").hidden = false;
  view.toast = setTimeout(() => { byId("toast").hidden = true; }, TOAST_MS);
}

function showPresence(polled) {
  view.polled = polled;
  clearTimeout(view.presence);
  const show = () => {
    byId("presence").textContent = view.polled ? text.online : text.offline;
    byId("presence").className = view.polled ? "presence on" : "presence off";
  };
  // Between two polls the bot is away for a moment; only a longer absence is one.
  if (polled || !byId("presence").textContent) show();
  else view.presence = setTimeout(show, OFFLINE_AFTER_MS);
}

// --- what the person does ---

async function say(words) {
  if (!words.trim()) return;
  const body = { chat_id: chatId(), user_id: view.speaker, text: words };
  if (view.quoting) body.reply_to = view.quoting.message_id;
  try {
    await ask("say", body);
  } catch (error) {
    showTrouble(error.message);
    return;
  }
  showTrouble("");
  stopQuoting();
  box.value = "";
  onInput();
}

async function press(message, data) {
  try {
    await ask("press", { chat_id: message.chat.id, message_id: message.message_id, callback_data: data,
      user_id: view.speaker });
  } catch (error) {
    showTrouble(error.message);
  }
}

function fillBox(words) {
  box.value = `${words} `;
  box.focus();
  onInput();
}

function startQuoting(message) {
  view.quoting = message;
  byId("quoting-name").textContent = `${text.reply} ${message.from.first_name}`;
  byId("quoting-text").textContent = summary(message);
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

// --- the command menu ---

const menu = byId("menu");
let chosen = 0;

async function onInput() {
  box.style.height = "auto";
  box.style.height = `${Math.min(box.scrollHeight + 2, 160)}px`;
  box.style.overflowY = box.scrollHeight > 158 ? "auto" : "hidden";
  showExample();
  const typed = /^\/([a-z0-9_]*)$/i.exec(box.value);
  if (!typed) return closeMenu();
  const { commands } = await ask(`menu?chat=${chatId()}&user=${view.speaker}`);
  if (!box.value.startsWith("/")) return closeMenu();
  const fitting = commands.filter((each) => each.command.startsWith(typed[1].toLowerCase()));
  menu.replaceChildren(...fitting.map((each, index) => {
    const option = make("li", { role: "option", id: `command-${index}` },
      make("strong", {}, `/${each.command}`), make("span", {}, each.description));
    option.addEventListener("mousedown", (event) => { event.preventDefault(); fillBox(`/${each.command}`); });
    return option;
  }));
  menu.hidden = !fitting.length;
  choose(0);
}

function closeMenu() {
  menu.hidden = true;
  box.removeAttribute("aria-activedescendant");
}

function choose(index) {
  const options = [...menu.children];
  if (!options.length) return;
  chosen = (index + options.length) % options.length;
  for (const [number, option] of options.entries()) option.setAttribute("aria-selected", String(number === chosen));
  options[chosen].scrollIntoView({ block: "nearest" });
  box.setAttribute("aria-activedescendant", options[chosen].id);
}

function onMenuKey(event) {
  const moves = { ArrowDown: 1, ArrowUp: -1 };
  if (event.key in moves) choose(chosen + moves[event.key]);
  else if (event.key === "Escape") closeMenu();
  else if (event.key === "Tab" || event.key === "Enter") fillBox(menu.children[chosen].querySelector("strong").textContent);
  else return false;
  event.preventDefault();
  return true;
}

function onKey(event) {
  if (event.isComposing) return;
  if (!menu.hidden && onMenuKey(event)) return;
  if (event.key === "Enter" && !event.shiftKey) {
    event.preventDefault();
    say(box.value);
  } else if (event.key === "Escape") stopQuoting();
}

// --- life ---

async function reload() {
  const state = await ask("state");
  takeState(state);
  draw();
  showRoad(state.recent);
  showFaults(state.faults);
}

function listen() {
  const events = new EventSource("/simulator/events");
  const heard = {
    message: onMessage, edited: onEdited, deleted: onDeleted, typing: onTyping, answered: onAnswered, call: showCall, faults: showFaults,
    presence: ({ polled }) => showPresence(polled), reload,
  };
  for (const [kind, hear] of Object.entries(heard)) {
    events.addEventListener(kind, (event) => hear(JSON.parse(event.data)));
  }
  let lost = false;
  events.addEventListener("open", () => {
    if (!lost) return;
    lost = false;
    showTrouble("");
    reload();
  });
  events.addEventListener("error", () => { lost = true; showTrouble(text.unreachable); });
}

function togglePanel(open) {
  document.body.classList.toggle("panel-open", open);
  byId("open-panel").setAttribute("aria-expanded", String(open));
  byId(open ? "close-panel" : "open-panel").focus();
}

function onTabKey(event) {
  const tabs = [...byId("chats").children];
  const move = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
  if (!move) return;
  event.preventDefault();
  const next = (tabs.findIndex((tab) => tab.tabIndex === 0) + move + tabs.length) % tabs.length;
  tabs[next].click();
  byId("chats").children[next].focus();
}

function wire() {
  byId("composer").addEventListener("submit", (event) => { event.preventDefault(); say(box.value); });
  byId("try").addEventListener("click", () => say(text.example));
  byId("quoting-off").addEventListener("click", stopQuoting);
  byId("newest").addEventListener("click", () => log.scrollTo({ top: log.scrollHeight, behavior: "smooth" }));
  byId("open-panel").addEventListener("click", () => togglePanel(!document.body.classList.contains("panel-open")));
  byId("close-panel").addEventListener("click", () => togglePanel(false));
  byId("chats").addEventListener("keydown", onTabKey);
  box.addEventListener("input", onInput);
  box.addEventListener("keydown", onKey);
  box.addEventListener("blur", closeMenu);
  log.addEventListener("scroll", () => { view.atEnd = isAtEnd(); showNewest(); }, { passive: true });
  new ResizeObserver(() => { if (view.atEnd) log.scrollTop = log.scrollHeight; }).observe(log);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && document.body.classList.contains("panel-open")) togglePanel(false);
  });
}

async function start() {
  fillWords();
  wire();
  listen();
  const state = await ask("state");
  takeState(state);
  await nameRoles();
  draw();
  openPanel(state.recent, state.faults);
  document.body.dataset.ready = "true";
}

start();
