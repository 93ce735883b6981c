// Elements are made here and nowhere else: words enter the page as text nodes only, never as HTML.

/** An element with attributes and children; a string among the children becomes text. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

export const byId = (id) => document.getElementById(id);

/** A file as the control API takes it. */
export async function sendable(file) {
  const url = await new Promise((done, failed) => {
    const reader = new FileReader();
    reader.onload = () => done(reader.result);
    reader.onerror = () => failed(reader.error);
    reader.readAsDataURL(file);
  });
  return { name: file.name, media_type: file.type || "application/octet-stream", data: url.slice(url.indexOf(",") + 1) };
}

/** Ask the control API; the JSON of its answer. Throws an Error with its words when it refuses. */
export async function ask(path, body) {
  const response = await fetch(`/simulator/${path}`, body === undefined ? {} : {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error);
  return answer;
}
