// The small parts that all views are made of.  Text from outside only ever becomes text.
import { h } from "./vendor/preact.mjs";
import { useCallback, useEffect, useRef, useState } from "./vendor/hooks.mjs";
import htm from "./vendor/htm.mjs";
import { onNews } from "./api.js";

export const html = htm.bind(h);

// -- formats ----------------------------------------------------------------------------------

export function dollars(usd) {
  if (usd === null || usd === undefined) return "unknown";
  const exact = Math.abs(usd).toFixed(9).replace(/0{1,7}$/, ""); // as `dollars` of fakefal_contracts.price
  return `${usd < 0 ? "-" : ""}$${exact}`;
}

export function seconds(value) {
  if (value < 0.0005) return "0 s";
  if (value < 0.01) return `${(value * 1000).toFixed(0)} ms`;
  if (value < 10) return `${value.toFixed(value < 1 ? 2 : 1)} s`;
  if (value < 120) return `${value.toFixed(0)} s`;
  if (value < 7200) return `${Math.floor(value / 60)} min ${Math.floor(value % 60)} s`;
  return `${Math.floor(value / 3600)} h ${Math.floor((value % 3600) / 60)} min`;
}

export function age(value) {
  if (value < 60) return `${Math.max(0, Math.floor(value))} s`;
  if (value < 3600) return `${Math.floor(value / 60)} min`;
  if (value < 86400) return `${Math.floor(value / 3600)} h`;
  return `${Math.floor(value / 86400)} d`;
}

export const clockTime = (moment) => new Date(moment * 1000).toLocaleTimeString("en-GB");
export const dateTime = (moment) => new Date(moment * 1000).toISOString().replace("T", " ").replace(/\.\d+Z/, " UTC");
export const shortModel = (id) => id.replace(/^fal-ai\//, "");
export const plural = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;

// -- hooks ------------------------------------------------------------------------------------

const SHORTEST_PAUSE = 250;
const PAUSE_PER_WORK = 9;

/** Load now, when `deps` change, and when there is news: never twice at once, and seldom where loading takes long. */
export function useLoad(load, deps, { live = true } = {}) {
  const [state, setState] = useState({ data: null, error: null });
  const latest = useRef(load);
  latest.current = load;
  const work = useRef({ running: false, again: false, timer: 0, round: 0 });

  const run = useCallback(async () => {
    const now = work.current;
    if (now.running) { now.again = true; return; }
    now.running = true;
    now.again = false;
    const began = performance.now();
    const round = now.round;
    try {
      const data = await latest.current();
      if (round === now.round) setState({ data, error: null });
    } catch (error) {
      if (round === now.round) setState((old) => ({ ...old, error }));
    }
    const pause = Math.max(SHORTEST_PAUSE, PAUSE_PER_WORK * (performance.now() - began));
    clearTimeout(now.timer);
    if (round !== now.round) { now.running = false; run(); return; }
    now.timer = setTimeout(() => { now.running = false; if (now.again) run(); }, pause);
  }, []);

  useEffect(() => {
    work.current.round += 1;
    run();
  }, deps);
  useEffect(() => (live ? onNews(run) : undefined), [live]);
  useEffect(() => () => clearTimeout(work.current.timer), []);
  return { ...state, reload: run };
}

/** A number that grows every so often, so that what depends on time is drawn again. */
export function useTick(milliseconds, on = true) {
  const [, set] = useState(0);
  useEffect(() => {
    if (!on) return undefined;
    const timer = setInterval(() => { if (!document.hidden) set((count) => count + 1); }, milliseconds);
    return () => clearInterval(timer);
  }, [milliseconds, on]);
}

// -- parts ------------------------------------------------------------------------------------

export const State = ({ state }) => html`<span class=${`state ${state}`}>${state.replace("_", " ")}</span>`;

/** A caller's own labels; with `link`, each leads to the jobs that have it. */
export function Tags({ tags, link }) {
  const said = Object.entries(tags).map(([key, value]) => `${key}=${value}`);
  if (!said.length) return null;
  return html`<span class="tags" role=${link && "group"} aria-label=${link && "Tags"}>${said.map((tag) => (link
    ? html`<a class="tag" title="only jobs with this tag" ...${link({ tags: [tag], before: "" })}>${tag}</a>`
    : html`<span class="tag">${tag}</span>`))}</span>`;
}

export const Text = ({ children, of = "span", ...rest }) => h(of, { dir: "auto", ...rest }, children);

let say = () => {};
export const toast = (text, bad = false) => say(text, bad);

export function Toasts() {
  const [shown, setShown] = useState(null);
  const timer = useRef(0);
  say = (text, bad) => {
    setShown({ text, bad });
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setShown(null), bad ? 8000 : 2500);
  };
  return html`<div class="toasts" role="status" aria-live="polite">
    ${shown && html`<div class=${shown.bad ? "toast bad" : "toast"}>${shown.text}</div>`}
  </div>`;
}

/** A button for something that the server does; its error is told, and it cannot be pressed twice at once. */
export function Act({ act, done, children, ...rest }) {
  const [busy, setBusy] = useState(false);
  const run = async () => {
    setBusy(true);
    try {
      await act();
      if (done) toast(done);
    } catch (error) {
      toast(error.hint ? `${error.message}: ${error.hint}` : error.message, true);
    }
    setBusy(false);
  };
  return html`<button type="button" onClick=${run} aria-busy=${busy} disabled=${busy || rest.disabled} ...${rest}>
    ${children}
  </button>`;
}

async function toClipboard(text) {
  if (navigator.clipboard && window.isSecureContext) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");  // plain http beyond loopback
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
  return undefined;
}

export const Copy = ({ text, label = "Copy", ...rest }) => html`<${Act}
  class="quiet" act=${() => toClipboard(text)} done="Copied" ...${rest}>${label}<//>`;

const LONGEST_SHOWN = 20000;

export function Code({ text, label }) {
  const [whole, setWhole] = useState(false);
  const cut = !whole && text.length > LONGEST_SHOWN;
  return html`<div class="code">
    <pre tabindex="0" role="region" aria-label=${label}>${cut ? text.slice(0, LONGEST_SHOWN) : text}</pre>
    ${cut && html`<button type="button" class="quiet" onClick=${() => setWhole(true)}>
      Show all ${text.length.toLocaleString("en")} characters</button>`}
    <${Copy} text=${text} aria-label=${`Copy ${label}`} />
  </div>`;
}

export const asJson = (value) => JSON.stringify(value, null, 2) ?? "";

export const Failure = ({ error }) => error && error.status !== 401 && html`<p class="failure" role="alert">
  ${error.message || "The server does not answer"}${error.hint ? `: ${error.hint}` : ""}</p>`;

const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/** The file itself: playing, shown, or to be opened. */
export function Media({ file, small = false }) {
  const kind = file.content_type.split("/")[0];
  const name = file.name;
  if (kind === "video") {
    return small
      ? html`<video src=${file.href} muted playsinline preload="metadata" aria-label=${name}></video>`
      : html`<video src=${file.href} controls muted autoplay=${!still()} loop playsinline aria-label=${name}></video>`;
  }
  if (kind === "audio" && !small) return html`<audio src=${file.href} controls preload="metadata" aria-label=${name}></audio>`;
  if (kind === "image") return html`<img src=${file.href} alt=${name} loading="lazy" />`;
  return html`<span class="file">${(name.split(".").pop() || "file").slice(0, 8)}</span>`;
}
