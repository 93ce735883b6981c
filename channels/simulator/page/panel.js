// The side panel: switches for faults, and the road of recent calls.

import { ask, byId, make } from "./dom.js";
import { showSecond, text } from "./text.js";

const CALLS_SHOWN = 80;
const TELEGRAM = [
  { word: "rate_limit", kind: "rate_limit", target: "sendMessage", seconds: 5 },
  { word: "server_error", kind: "server_error", target: "sendMessage" },
  { word: "lose_answer", kind: "lose_answer", target: "sendMessage" },
  { word: "delay", kind: "delay", target: "sendMessage", seconds: 3 },
  { word: "disconnect", kind: "disconnect", target: "*" },
  { word: "limits", kind: "limits" },
];
const DISCORD = [
  { word: "discord_rate_limit", kind: "rate_limit", target: "createMessage", seconds: 5 },
  { word: "discord_server_error", kind: "server_error", target: "createMessage" },
  { word: "discord_lose_answer", kind: "lose_answer", target: "createMessage" },
  { word: "discord_late", kind: "delay", target: "interactionCallback", seconds: 4 },
  { word: "discord_disconnect", kind: "disconnect", target: "*" },
  { word: "discord_limits", kind: "limits" },
];
const GATEWAY = ["reconnect", "invalidate", "cut"];
const MODEL = [
  { word: "overloaded", kind: "refuse", target: "*", reason: "engine_overloaded" },
  { word: "quota", kind: "refuse", target: "*", reason: "quota" },
  { word: "model_error", kind: "refuse", target: "*", reason: "server_error" },
  { word: "filtered", kind: "refuse", target: "*", reason: "content_filter" },
  { word: "model_delay", kind: "delay", target: "*", seconds: 10 },
  { word: "model_cut", kind: "lose_answer", target: "*" },
  { word: "not_json", kind: "not_json", target: "*" },
];
const COUNTS = { once: 1, thrice: 3, always: null };

let often = "once";
const switches = [];

export function openPanel(calls, faults) {
  for (const name of Object.keys(COUNTS)) byId("often").append(oftenChoice(name));
  for (const fault of TELEGRAM) byId("telegram-faults").append(faultSwitch("telegram", fault));
  for (const fault of DISCORD) byId("discord-faults").append(faultSwitch("discord", fault));
  for (const word of GATEWAY) byId("discord-gateway").append(gatewayButton(word));
  for (const fault of MODEL) byId("model-faults").append(faultSwitch("model", fault));
  byId("all-off").addEventListener("click", async () => {
    await ask("faults", { platform: "telegram", on: false });
    await ask("faults", { platform: "discord", on: false });
    showFaults(await ask("faults", { platform: "model", on: false }));
  });
  showRoad(calls);
  showFaults(faults);
}

export function showRoad(calls) {
  byId("road").replaceChildren(make("li", { class: "none" }, text.roadEmpty));
  for (const call of [...calls].sort((a, b) => a.at - b.at)) showCall(call);
}

/** Put one call on the road. A poll that went well is no news. */
export async function showCall(call) {
  if (call.note) showFaults(await ask("faults"));
  if (call.method === "getUpdates" && call.status === 200) return;
  const road = byId("road");
  road.querySelector(".none")?.remove();
  const good = call.status >= 200 && call.status < 300;
  const row = make("li", { class: good ? "good" : "bad" },
    make("time", {}, showSecond(call.at)),
    make("code", {}, call.method),
    make("b", {}, call.status ? String(call.status) : text.dropped),
    make("span", {}, `${call.milliseconds} ms`));
  if (call.note) row.append(make("small", {}, inWords(call)));
  road.prepend(row);
  while (road.children.length > CALLS_SHOWN) road.lastElementChild.remove();
}

/** The faults that hit a call, by their names on its platform's switches; what a refusal said stays as it is. */
const inWords = (call) => call.note.split(", ").map((kind) => {
  const [found, ...others] = switches.filter((each) => each.platform === call.platform && each.fault.kind === kind);
  return found && !others.length ? text.fault[found.fault.word][0] : kind;
}).join(", ");

export function showFaults(faults) {
  let any = faults.limits.telegram || faults.limits.discord;
  for (const { input, left, platform, fault } of switches) {
    const active = faults[platform].find((each) => sameFault(each, fault));
    input.checked = fault.kind === "limits" ? faults.limits[platform] : Boolean(active);
    left.textContent = active?.remaining ? text.left(active.remaining) : "";
    any ||= input.checked;
  }
  byId("all-off").hidden = !any;
  byId("open-panel").classList.toggle("alert", any);
}

const sameFault = (active, fault) =>
  active.kind === fault.kind && active.target === fault.target && (active.reason || undefined) === fault.reason;

function oftenChoice(name) {
  const input = make("input", { type: "radio", name: "often", value: name });
  input.checked = name === often;
  input.addEventListener("change", () => { often = name; });
  return make("label", {}, input, make("span", {}, text[name]));
}

function gatewayButton(word) {
  const button = make("button", { type: "button", "data-gateway": word }, text[word]);
  button.addEventListener("click", () => ask("discord/gateway", { do: word }));
  return button;
}

function faultSwitch(platform, fault) {
  const [title, hint] = text.fault[fault.word];
  const input = make("input", { type: "checkbox", role: "switch", "data-fault": fault.word });
  const left = make("em", {});
  input.addEventListener("change", async () => {
    const { word, ...rest } = fault;
    const count = input.checked && fault.kind !== "limits" ? COUNTS[often] : null;
    showFaults(await ask("faults", { platform, ...rest, on: input.checked, count }));
  });
  switches.push({ input, left, platform, fault });
  return make("li", {},
    make("label", {}, make("span", {}, make("strong", {}, title, " ", left), make("small", {}, hint)), input));
}
