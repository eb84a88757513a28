// The frame of the page: where you are stands in the address, so that every view can be shared.
import { render } from "./vendor/preact.mjs";
import { useEffect, useRef, useState } from "./vendor/hooks.mjs";
import { get, post, whenTokenIsNeeded } from "./api.js";
import { Control } from "./control.js";
import { Gallery } from "./gallery.js";
import { Jobs } from "./jobs.js";
import { Models } from "./models.js";
import { ClockBar, MoneyBar } from "./top.js";
import { Toasts, html, useLoad } from "./ui.js";

const VIEWS = { jobs: ["Jobs", Jobs], gallery: ["Gallery", Gallery], models: ["Models", Models], control: ["Control", Control] };

function read() {
  const query = new URLSearchParams(location.search);
  const view = query.get("view");
  return {
    view: Object.hasOwn(VIEWS, view ?? "") ? view : "jobs",
    job: query.get("job") ?? "",
    q: query.get("q") ?? "",
    key: query.get("key") ?? "",
    model: query.get("model") ?? "",
    states: query.getAll("state"),
    tags: query.getAll("tag"),
    before: query.get("before") ?? "",
  };
}

function write(place) {
  const query = new URLSearchParams();
  if (place.view !== "jobs") query.set("view", place.view);
  for (const name of ["q", "key", "model", "before", "job"]) if (place[name]) query.set(name, place[name]);
  for (const state of place.states) query.append("state", state);
  for (const tag of place.tags) query.append("tag", tag);
  const text = query.toString();
  return text ? `/?${text}` : "/";
}

function usePlace() {
  const [place, set] = useState(read);
  useEffect(() => {
    const follow = () => set(read());
    addEventListener("popstate", follow);
    return () => removeEventListener("popstate", follow);
  }, []);
  /** Go somewhere; while somebody types, the last step is replaced instead of adding one. */
  const go = (change, { replace = false } = {}) => {
    const next = { ...read(), ...change };
    history[replace ? "replaceState" : "pushState"](null, "", write(next));
    set(next);
  };
  return [place, go];
}

/** What a link does: the address for a new tab, and no reload in this one. */
const linkTo = (place, go) => (change) => ({
  href: write({ ...place, ...change }),
  onClick: (event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
    event.preventDefault();
    go(change);
  },
});

const ELSEWHERE = { job: "", q: "", key: "", model: "", states: [], tags: [], before: "" };

function TokenForm({ onDone }) {
  const [token, setToken] = useState("");
  const [wrong, setWrong] = useState("");
  const send = async (event) => {
    event.preventDefault();
    try {
      await post("session", { token });
      onDone();
    } catch (error) {
      setWrong(error.message);
    }
  };
  return html`<main class="token">
    <h1>fakefal</h1>
    <form onSubmit=${send}>
      <label>Control token
        <input type="password" autocomplete="off" required autofocus value=${token}
          onInput=${(event) => setToken(event.target.value)} /></label>
      <button class="primary">Open</button>
      ${wrong && html`<p class="failure" role="alert">${wrong}</p>`}
    </form>
    <p class="muted">The server is bound beyond this machine. The token is what FAKEFAL_CONTROL_TOKEN was set to
      where it was started; without that, it printed one when it started. The browser keeps a cookie that stands for it.</p>
  </main>`;
}

const KEYS = [
  ["/", "search"], ["j  k", "next and previous job"], ["Esc", "close the job"], ["1 2 3 4", "Jobs, Gallery, Models, Control"],
  ["f", "freeze or run the clock"], ["?", "this list"],
];

function Keys({ open, onClose }) {
  const dialog = useRef(null);
  useEffect(() => { if (open) dialog.current.showModal(); else dialog.current.close(); }, [open]);
  return html`<dialog ref=${dialog} onClose=${onClose} aria-labelledby="keys">
    <h2 id="keys">Keyboard</h2>
    <dl class="keys">${KEYS.map(([key, does]) => html`<dt><kbd>${key}</kbd></dt><dd>${does}</dd>`)}</dl>
    <form method="dialog"><button autofocus>Close</button></form>
  </dialog>`;
}

function App() {
  const [place, go] = usePlace();
  const [locked, setLocked] = useState(false);
  const [keys, setKeys] = useState(false);
  whenTokenIsNeeded(() => setLocked(true));
  const list = useLoad(() => get("jobs", {
    q: place.q, key: place.key, endpoint: place.model, state: place.states, tag: place.tags, before: place.before,
  }), [place.q, place.key, place.model, place.states.join(), place.tags.join(), place.before, locked]);
  const clock = useRef({ now: 0, at: 0, speed: 1 });
  if (list.data && list.data !== clock.current.of) {
    clock.current = { of: list.data, now: list.data.now, at: performance.now(), speed: list.data.speed };
  }
  /** The emulated time of this moment. */
  const now = () => clock.current.now + ((performance.now() - clock.current.at) / 1000) * clock.current.speed;

  useEffect(() => {
    const press = (event) => {
      const typing = event.target.closest?.("input, textarea, select, dialog[open]");
      if (event.key === "Escape" && !event.target.closest?.("dialog[open]")) {
        if (typing) event.target.blur(); else if (read().job) go({ job: "" });
        return;
      }
      if (typing || event.metaKey || event.ctrlKey || event.altKey) return;
      const view = Object.keys(VIEWS)[Number(event.key) - 1];
      if (view) go({ ...ELSEWHERE, view });
      else if (event.key === "?") setKeys(true);
      else if (event.key === "/") { event.preventDefault(); document.querySelector("[data-search]")?.focus(); }
      else if (event.key === "f") document.querySelector("[data-freeze]")?.click();
      else if (event.key === "j" || event.key === "k") step(event.key === "j" ? 1 : -1);
    };
    const step = (by) => {
      const ids = [...document.querySelectorAll("[data-job]")].map((row) => row.dataset.job);
      const at = ids.indexOf(read().job);
      const job = ids[at < 0 ? 0 : Math.min(ids.length - 1, Math.max(0, at + by))];
      if (job) go({ job }, { replace: at >= 0 });
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, []);

  const running = list.data?.jobs.filter((job) => job.state === "running").length ?? 0;
  useEffect(() => { document.title = running ? `(${running}) fakefal` : "fakefal"; }, [running]);

  if (locked) return html`<${TokenForm} onDone=${() => setLocked(false)} />`;
  const link = linkTo(place, go);
  const View = VIEWS[place.view][1];
  return html`
    <a class="skip" href="#main">Skip to the content</a>
    <header class="top">
      <div class="brand"><img src="/_fakefal/page/icon.svg" alt="" width="20" height="20" /> fakefal</div>
      <nav aria-label="Views">${Object.entries(VIEWS).map(([view, [name]]) => html`
        <a ...${link({ ...ELSEWHERE, view })} aria-current=${view === place.view ? "page" : undefined}>${name}</a>`)}</nav>
      <${MoneyBar} list=${list} account=${place.key} link=${link} />
      <${ClockBar} list=${list} now=${now} />
      <button type="button" class="quiet" aria-label="Keyboard" onClick=${() => setKeys(true)}>?</button>
    </header>
    <${View} place=${place} go=${go} link=${link} list=${list} now=${now} />
    <${Keys} open=${keys} onClose=${() => setKeys(false)} />
    <${Toasts} />`;
}

render(html`<${App} />`, document.getElementById("app"));
