// The bar at the top: money and clock.
import { useEffect, useState } from "./vendor/hooks.mjs";
import { get, post } from "./api.js";
import { Act, Failure, clockTime, dollars, html, plural, seconds, shortModel, useLoad, useTick } from "./ui.js";

/** What jobs would have cost; `account` is the key whose money is asked for, or "" for all. */
export function MoneyBar({ list: { data: list, reload }, account, link }) {
  const [open, setOpen] = useState("");
  const verdict = useVerdict(account);
  const toggle = (name) => () => setOpen(open === name ? "" : name);
  if (!list) return html`<div class="money" aria-hidden="true"></div>`;
  const { money } = list;
  return html`<div class="money">
    <span class="sum"><b>${dollars(money.usd)}</b> not spent</span>
    <a ...${link({ view: "jobs", states: ["refused", "failed"], before: "", job: "" })}><b>${money.refused}</b> refused</a>
    ${money.billed_refusals > 0 && html`<span title="refusals that fal charges"><b>${money.billed_refusals}</b> of them charged</span>`}
    ${money.maybe_billed > 0 && html`<span class="maybe" title="refusals that fal may charge"><b>${money.maybe_billed}</b> may be charged, ${dollars(money.maybe_usd)}</span>`}
    <span title="jobs whose price fakefal does not know"><b>${money.unpriced}</b> price unknown</span>
    ${list.balance !== null && html`<${Balance} fresh=${list.balance} account=${account} reload=${reload}
      open=${open === "balance"} toggle=${toggle("balance")} />`}
    ${list.twins.length > 0 && html`<button type="button" class="warn" aria-expanded=${open === "twins"}
      onClick=${toggle("twins")}><b>${money.duplicates}</b> repeated</button>`}
    ${verdict?.findings.length > 0 && html`<button type="button" class="warn" aria-expanded=${open === "findings"}
      onClick=${toggle("findings")}><b>${verdict.proven + verdict.possible}</b> ${verdict.proven + verdict.possible === 1 ? "finding" : "findings"}</button>`}
    ${open === "twins" && html`<${Twins} twins=${list.twins} link=${link} onClose=${toggle("twins")} />`}
    ${open === "findings" && verdict && html`<${Findings} verdict=${verdict} link=${link} onClose=${toggle("findings")} />`}
  </div>`;
}

const MOST_SHOWN = 50;
const AGAIN_SECONDS = 2;

/** The verdict; what it judges as if the program ended now passes without news, so that is asked for again. */
function useVerdict(account) {
  const { data, reload } = useLoad(() => get("verdict", { limit: MOST_SHOWN, key: account }), [account]);
  const passing = Boolean(data?.findings.some((one) => one.at_end));
  useEffect(() => {
    if (!passing) return undefined;
    const timer = setInterval(() => { if (!document.hidden) reload(); }, AGAIN_SECONDS * 1000);
    return () => clearInterval(timer);
  }, [passing]);
  return data;
}

const DOLLARS_ADDED = 10;

/** What the accounts have left, and a way to pay in. */
function Balance({ fresh, account, reload, open, toggle }) {
  const { data, error, reload: again } = useLoad(() => get("balance", { key: account }), [account, fresh]);
  const [add, setAdd] = useState(String(DOLLARS_ADDED));
  const topUp = (key) => async () => { await post("balance", { add: Number(add) }, { key }); again(); reload(); };
  const accounts = data ?? [];
  const locked = accounts.length ? accounts.filter((one) => one.locked).length : Number(fresh <= 0);
  const least = Math.min(...accounts.map((one) => one.usd), accounts.length ? Infinity : fresh);
  return html`<button type="button" class=${locked ? "warn" : "left"} aria-expanded=${open} onClick=${toggle}>
      <b>${dollars(least)}</b> left${accounts.length > 1 && " at least"}${locked > 0 && ` · ${locked > 1 ? `${locked} ` : ""}locked`}</button>
    ${open && html`<section class="panel" aria-label="Balance">
      <header><h2>Balance</h2>
        <p class="muted">A job is charged at its end. At zero or below, the account is locked: its submits are refused with 403.</p>
        <button type="button" class="quiet" onClick=${toggle}>Close</button></header>
      <${Failure} error=${error} />
      <p class="paying"><label>Dollars <input type="number" min="0.01" max="1000000" step="any" value=${add}
          onInput=${(event) => setAdd(event.target.value)} /></label>
        <${Act} class="primary" act=${topUp(account)} done="Topped up">Top up${account ? "" : " all keys"}<//></p>
      ${accounts.length > 0 && html`<table><thead><tr><th>Key</th><th class="price">Left</th><th></th><th></th></tr></thead>
        <tbody>${accounts.map((one) => html`<tr key=${one.key}><td><code>${one.key}</code></td><td class="price">${dollars(one.usd)}</td>
          <td>${one.locked && html`<span class="failure">locked</span>`}</td>
          <td><${Act} act=${topUp(one.key)} done="Topped up" aria-label=${`Top up ${one.key}`}>Top up<//></td></tr>`)}</tbody></table>`}
    </section>`}`;
}
const words = (name) => name.replaceAll("_", " ");

/** What the programs would have done with real money, with the calls that prove it. */
function Findings({ verdict, link, onClose }) {
  return html`<section class="panel" aria-label="Findings">
    <header><h2>Findings</h2>
      <p class="muted">What these calls would have done at fal: ${dollars(verdict.usd)} spent for nothing, proven.</p>
      <button type="button" class="quiet" onClick=${onClose}>Close</button></header>
    <ul>${verdict.kinds.map((kind) => html`<li key=${kind.kind + kind.grade}>
      <p><b>${words(kind.kind)}</b> ${kind.count} × ${kind.grade}${kind.usd !== null && ` · ${dollars(kind.usd)}`}</p>
      <p class="muted">${kind.rule}</p><p class="hint">${kind.advice}</p>
      ${verdict.findings.filter((one) => one.kind === kind.kind && one.grade === kind.grade).map((one) => html`<div class="twin">
        <p dir="auto">${one.evidence}</p>
        <p class="muted">${one.request_ids.map((id) => html`<a ...${link({ view: "jobs", job: id })}><code>${id.slice(-8)}</code></a> `)}
          ${one.at_end && "judged as if the program ended now"}</p>
      </div>`)}
    </li>`)}</ul>
  </section>`;
}

function Twins({ twins, link, onClose }) {
  return html`<section class="panel" aria-label="Repeated requests">
    <header><h2>Repeated requests</h2>
      <p class="muted">Same key, model and arguments within a minute: at fal both would cost. The findings say which were paid twice by mistake.</p>
      <button type="button" class="quiet" onClick=${onClose}>Close</button></header>
    <ul>${twins.map(([first, second]) => html`<li key=${second.request_id}>
      <p><code>${shortModel(second.endpoint_id)}</code> <span dir="auto">${second.prompt}</span></p>
      <div class="pair">${[first, second].map((job) => html`<${Twin} job=${job} first=${first} link=${link} />`)}</div>
    </li>`)}</ul>
  </section>`;
}

/** One of a pair, with the call that sent it. */
function Twin({ job, first, link }) {
  const { data, error } = useLoad(() => get(`requests/${job.request_id}/details`), [job.request_id], { live: false });
  const call = data?.calls.findLast((one) => one.method === "POST");
  const gap = job.submitted_at - first.submitted_at;
  return html`<div class="twin">
    <p><a ...${link({ view: "jobs", job: job.request_id })}><code>${job.request_id.slice(-8)}</code></a>
      ${" "}${clockTime(job.submitted_at)}${gap > 0 && ` (${seconds(gap)} later)`} · ${dollars(job.usd)}</p>
    ${call && html`<p class="muted"><code>${call.method} ${call.host}${call.path}</code></p>
      <p class="muted">key <code>${call.key}</code>, answered ${call.status ?? "never"}${call.agent && html`, by <code>${call.agent}</code>`}
        ${call.effect && html`, effect <code>${call.effect}</code>`}</p>`}
    ${data && !call && html`<p class="muted">The journal no longer has calls of this job.</p>`}
    <${Failure} error=${error} />
  </div>`;
}

const FAST = 60;

export function ClockBar({ list, now }) {
  useTick(250, Boolean(list.data));
  if (!list.data) return null;
  const { speed } = list.data;
  const move = (body) => async () => { await post("clock", body); list.reload(); };
  const word = speed === 0 ? "frozen" : speed === 1 ? "" : `×${speed}`;
  return html`<div class="clock" role="group" aria-label="Clock">
    <time title="emulated time">${clockTime(now())}</time>${word && html`<span class="speed">${word}</span>`}
    <${Act} data-freeze act=${move({ speed: speed === 0 ? 1 : 0 })}>${speed === 0 ? "Run" : "Freeze"}<//>
    <${Act} aria-pressed=${speed === FAST} act=${move({ speed: speed === FAST ? 1 : FAST })}>×${FAST}<//>
    <${Act} act=${move({ advance: 60 })} done=${`${plural(1, "minute")} passed`}>+1 min<//>
  </div>`;
}
