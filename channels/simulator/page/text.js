// The page's own words. The browser's language decides: Chinese readers get Traditional Chinese, all others English.

const ZH = {
  simulator: "模擬器",
  promise: "這裡的一切都留在這台電腦，不會送到真正的聊天室",
  skip: "跳到輸入框",
  chats: "聊天室",
  direct: "與機器人私聊",
  directHint: (name) => `${name}的私人對話`,
  members: (count) => `${count} 位成員、1 個機器人`,
  messages: "訊息",
  newest: "到最新的訊息",
  write: "訊息",
  placeholder: "寫訊息，或輸入 / 看指令",
  send: "送出",
  attach: "傳送檔案或圖片",
  photo: "照片",
  speakAs: "以誰的身分說話",
  roles: ["我", "同事", "新同事"],
  try: "試試看",
  example: "Kimi：寫一個 Python 的費波那契函數，包含單元測試",
  commands: "機器人的指令",
  reply: "回覆",
  stopReply: "不回覆了",
  copy: "複製",
  copied: "已複製",
  reveal: "顯示隱藏的文字",
  more: "展開",
  less: "收合",
  edited: "已編輯",
  typing: (name) => `${name} 正在輸入`,
  online: "機器人已連線",
  offline: "機器人未連線，訊息會等它",
  unreachable: "連不到模擬器，正在重試…",
  thread: "開討論串",
  threadIn: (name) => `# ${name} 的討論串`,
  forum: "論壇：每個貼文一個討論串",
  forumPlaceholder: "寫下新貼文，第一行是標題",
  forumHint: "在這裡寫的每一則訊息都會開一個新貼文。",
  discordHint: "用 @Javis、Kimi：或 / 指令跟機器人說話。",
  thinking: (name) => `${name} 正在思考…`,
  used: (name, command) => `${name} 使用了 /${command}`,
  onlyYou: "👁 只有你看得到這則訊息",
  sending: "正在送出指令…",
  noResponse: (name) => `${name} 沒有回應（超過 3 秒）`,
  neverAnswered: (name) => `${name} 沒有回應（超過 15 分鐘）`,
  noArgument: (name) => `/${name} 後面不需要文字`,
  gateway: "閘道",
  reconnect: "要求重連",
  invalidate: "讓工作階段失效",
  cut: "切斷連線",
  empty: "還沒有訊息",
  emptyHint: "在這裡扮演群組裡的每一個人，看機器人怎麼回答。",
  today: "今天",
  panel: "故障與呼叫",
  close: "關閉",
  faults: "故障",
  faultsHint: "打開開關，看看機器人怎麼面對壞掉的網路。",
  allOff: "全部關閉",
  howOften: "發生幾次",
  once: "下一次",
  thrice: "接下來 3 次",
  always: "直到關閉",
  left: (count) => `還有 ${count} 次`,
  model: "模型",
  road: "最近的呼叫",
  roadHint: "機器人對平台與模型做了什麼，最新的在上面。",
  roadEmpty: "還沒有呼叫。",
  dropped: "斷線",
  fault: {
    rate_limit: ["太多訊息（429）", "Telegram 要機器人等 5 秒再送"],
    server_error: ["Telegram 出錯（500）", "訊息沒有被收下"],
    lose_answer: ["回覆遺失", "訊息已經收下，但機器人聽不到答覆"],
    delay: ["反應很慢", "每個呼叫晚 3 秒才得到答覆"],
    disconnect: ["斷線", "所有連線都會中斷"],
    limits: ["真實的速限", "同一個聊天室每秒只收一則訊息"],
    discord_rate_limit: ["太多訊息（429）", "Discord 要機器人等 5 秒再送"],
    discord_server_error: ["Discord 出錯（500）", "訊息沒有被收下"],
    discord_lose_answer: ["回覆遺失", "訊息已經收下，但機器人聽不到答覆"],
    discord_late: ["反應很慢", "第一個回應晚 4 秒，超過 Discord 的 3 秒"],
    discord_disconnect: ["斷線", "REST 與閘道的連線都會中斷"],
    discord_limits: ["真實的速限", "每個頻道 5 秒 5 則，附 X-RateLimit 標頭"],
    overloaded: ["模型過載（429）", "請稍後再試"],
    quota: ["餘額用完（429）", "等待沒有幫助，需要儲值"],
    model_error: ["模型出錯（500）", "伺服器內部錯誤"],
    filtered: ["內容被拒（400）", "內容過濾器不接受這個問題"],
    model_delay: ["想很久", "模型晚 10 秒才回答"],
    model_cut: ["說到一半斷線", "已經開始回答，連線卻中斷"],
    not_json: ["胡言亂語", "回答不是 JSON"],
  },
};

const EN = {
  simulator: "Simulator",
  promise: "Everything stays on this computer; nothing reaches a real chat",
  skip: "Skip to the message box",
  chats: "Chats",
  direct: "Direct chat",
  directHint: (name) => `Private, as “${name}”`,
  members: (count) => `${count} members, 1 bot`,
  messages: "Messages",
  newest: "Go to the newest message",
  write: "Message",
  placeholder: "Write a message, or / for commands",
  send: "Send",
  attach: "Send a file or a picture",
  photo: "Photo",
  speakAs: "Speak as",
  roles: ["Me", "Colleague", "New colleague"],
  try: "Try this",
  example: "Kimi：寫一個 Python 的費波那契函數，包含單元測試",
  commands: "The bot's commands",
  reply: "Reply",
  stopReply: "Do not reply to it",
  copy: "Copy",
  copied: "Copied",
  reveal: "Show the hidden text",
  more: "Show more",
  less: "Show less",
  edited: "edited",
  typing: (name) => `${name} is typing`,
  online: "Bot connected",
  offline: "Bot offline",
  unreachable: "The simulator does not answer, trying again…",
  thread: "Start a thread",
  threadIn: (name) => `Thread in # ${name}`,
  forum: "Forum: one thread for each post",
  forumPlaceholder: "Write a new post; its first line is the title",
  forumHint: "Every message that you write here opens a new post.",
  discordHint: "Talk to the bot with @Javis, Kimi: or a / command.",
  thinking: (name) => `${name} is thinking…`,
  used: (name, command) => `${name} used /${command}`,
  onlyYou: "👁 Only you can see this",
  sending: "Sending the command…",
  noResponse: (name) => `${name} did not respond (3 seconds are over)`,
  neverAnswered: (name) => `${name} did not answer (15 minutes are over)`,
  noArgument: (name) => `/${name} takes no words`,
  gateway: "Gateway",
  reconnect: "Ask to reconnect",
  invalidate: "End the session",
  cut: "Cut the connection",
  empty: "No messages yet",
  emptyHint: "Play everyone in the group, and see how the bot answers.",
  today: "Today",
  panel: "Faults and calls",
  close: "Close",
  faults: "Faults",
  faultsHint: "Switch one on and see how the bot copes with a broken network.",
  allOff: "All off",
  howOften: "How often",
  once: "Next call",
  thrice: "Next 3",
  always: "Until off",
  left: (count) => `${count} to go`,
  model: "Model",
  road: "Recent calls",
  roadHint: "What the bot asked of the platform and the model, newest first.",
  roadEmpty: "No calls yet.",
  dropped: "cut",
  fault: {
    rate_limit: ["Too many messages (429)", "Telegram tells the bot to wait 5 seconds"],
    server_error: ["Telegram fails (500)", "The message is not taken"],
    lose_answer: ["Answer gets lost", "The message is taken, but the bot never hears so"],
    delay: ["Slow", "Every call is answered 3 seconds late"],
    disconnect: ["Connection down", "Every connection is cut"],
    limits: ["Real rate limits", "One message a second in each chat"],
    discord_rate_limit: ["Too many messages (429)", "Discord tells the bot to wait 5 seconds"],
    discord_server_error: ["Discord fails (500)", "The message is not taken"],
    discord_lose_answer: ["Answer gets lost", "The message is taken, but the bot never hears so"],
    discord_late: ["Slow", "The first response is 4 seconds late; Discord waits 3"],
    discord_disconnect: ["Connection down", "REST and gateway are cut"],
    discord_limits: ["Real rate limits", "5 messages in 5 seconds a channel, told in the headers"],
    overloaded: ["Model overloaded (429)", "Try again later"],
    quota: ["Out of credit (429)", "Waiting does not help, paying does"],
    model_error: ["Model fails (500)", "Internal server error"],
    filtered: ["Question refused (400)", "The content filter says no"],
    model_delay: ["Thinks long", "The model answers 10 seconds late"],
    model_cut: ["Cut off", "The connection breaks while it answers"],
    not_json: ["Nonsense", "The answer is not JSON"],
  },
};

const chinese = navigator.language.toLowerCase().startsWith("zh");

export const language = chinese ? "zh-Hant" : "en";
export const text = chinese ? ZH : EN;
/** Words in one line, short enough for a list. */
export const inOneLine = (words) => words.replace(/\s+/g, " ").slice(0, 120);
export const knownNames = new Set([...ZH.roles, ...EN.roles]);

/** Fill every element that names one of the words. */
export function fillWords() {
  document.documentElement.lang = language;
  document.title = `Javis ${text.simulator}`;
  for (const element of document.querySelectorAll("[data-text]")) element.textContent = text[element.dataset.text];
  for (const element of document.querySelectorAll("[data-label]")) {
    element.setAttribute("aria-label", text[element.dataset.label]);
    if (element.matches("button")) element.title = text[element.dataset.label];
  }
  for (const element of document.querySelectorAll("[data-placeholder]")) {
    element.placeholder = text[element.dataset.placeholder];
  }
}

const clock = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const second = new Intl.DateTimeFormat(language, {
  hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
});
const day = new Intl.DateTimeFormat(language, { month: "long", day: "numeric" });

export const showTime = (unixSeconds) => clock.format(new Date(unixSeconds * 1000));
export const showSecond = (unixMilliseconds) => second.format(new Date(unixMilliseconds));

/** The day of a message, in words. */
export function showDay(unixSeconds) {
  const then = new Date(unixSeconds * 1000);
  return then.toDateString() === new Date().toDateString() ? text.today : day.format(then);
}
