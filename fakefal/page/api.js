// Calls of the control API, and the news that make the page load again.
const BASE = "/_fakefal";

export class ApiError extends Error {
  constructor(status, message, hint) {
    super(message);
    this.status = status;
    this.hint = hint;
  }
}

let onToken = () => {};
/** Say what is to happen when the server asks for its token. */
export const whenTokenIsNeeded = (act) => { onToken = act; };

async function answerOf(response) {
  const text = await response.text();
  let body = text;
  try { body = JSON.parse(text); } catch { /* a text */ }
  if (response.ok) return body;
  const said = body && typeof body === "object" ? body.detail ?? body.status : body;
  const message = typeof said === "string" ? said : JSON.stringify(said ?? response.statusText);
  throw new ApiError(response.status, message, response.headers.get("x-fakefal-hint") ?? "");
}

function address(path, params = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    for (const one of [value].flat()) if (one !== undefined && one !== null && one !== "") query.append(name, one);
  }
  const text = query.toString();
  return `${BASE}/${path}${text ? `?${text}` : ""}`;
}

async function call(method, path, params, body) {
  const headers = body === undefined ? {} : { "content-type": "application/json" };
  const sent = { method, headers, body: body === undefined ? undefined : JSON.stringify(body) };
  try {
    return await answerOf(await fetch(address(path, params), sent));
  } catch (error) {
    if (error.status === 401 && path !== "session") onToken();
    throw error;
  }
}

export const get = (path, params) => call("GET", path, params);
export const post = (path, body, params) => call("POST", path, params, body);
export const remove = (path, params) => call("DELETE", path, params);

/** Submit to the fake as any client does; the key is what the user typed. */
export async function submit(endpoint, args, key) {
  const headers = { "content-type": "application/json", authorization: `Key ${key}` };
  const path = endpoint.split("/").map(encodeURIComponent).join("/");
  return answerOf(await fetch(`/queue/${path}`, { method: "POST", headers, body: JSON.stringify(args) }));
}

const listeners = new Set();
const POLL_SECONDS = 2;
let source = null;

function tell() { if (!document.hidden) for (const one of listeners) one(); }

function connect() {
  source = new EventSource(address("events"));
  source.onopen = tell;
  for (const kind of EVENT_KINDS) source.addEventListener(kind, tell);
  source.onerror = () => {
    if (source.readyState !== EventSource.CLOSED) return;  // it tries again by itself
    source = null;
    setTimeout(() => { tell(); if (listeners.size) connect(); }, POLL_SECONDS * 1000);
  };
}

const EVENT_KINDS = ["message"];

/** Call back whenever something may have changed; returns what ends that. */
export function onNews(act) {
  listeners.add(act);
  if (source === null) connect();
  return () => listeners.delete(act);
}

document.addEventListener("visibilitychange", tell);
