// One job: what came out, its time, its arguments with what is wrong with them, its log, and the wire.
import { get, post } from "./api.js";
import { CopyAs } from "./copy_as.js";
import { Waterfall } from "./waterfall.js";
import { Act, Code, Copy, Failure, Media, State, Tags, asJson, clockTime, dateTime, dollars, html, seconds, shortModel, useLoad } from "./ui.js";

const OVER = new Set(["completed", "refused", "failed", "cancelled", "timed_out"]);

/** Whether fal would charge for it, in words. */
function charge({ request, state, maybe_usd: maybe }) {
  if (request.charge === "may_be_charged") return `may be charged ${dollars(maybe)}`;
  if (request.charge === "not_charged") return "not charged";
  if (request.charge === "charged") return OVER.has(state) ? "charged" : "charged at its end";
  return "";
}

function Actions({ job, link, reload }) {
  const { request, webhook } = job;
  const at = `requests/${request.request_id}`;
  const over = OVER.has(job.state);
  const then = (act) => async () => { await act(); reload(); };
  return html`<div class="actions" role="group" aria-label="Actions">
    <${Act} disabled=${job.state !== "queued"} act=${then(() => post(`${at}/advance`, { to: "start" }))}>To its start<//>
    <${Act} disabled=${over} act=${then(() => post(`${at}/advance`, { to: "end" }))}>To its end<//>
    <${Act} disabled=${over} act=${then(() => post(`${at}/cancel`))}>Cancel<//>
    ${webhook && html`<${Act} act=${then(() => post(`webhooks/${request.request_id}/replay`))}
      done="Webhook sent again">Replay webhook<//>`}
    <a class="button" ...${link({ view: "control", job: "", model: request.endpoint_id })}>Inject an effect</a>
  </div>`;
}

const isMedia = (file) => /^(video|audio|image)\//.test(file.content_type);

function Results({ files }) {
  if (!files.length) return null;
  return html`<section class="results" aria-label="Result">
    ${files.map((file) => html`<figure key=${file.href}>
      <${Media} file=${file} />
      <figcaption><a href=${file.href} target="_blank" rel="noreferrer">${file.name}</a></figcaption>
    </figure>`)}
  </section>`;
}

const shown = (value) => (typeof value === "string" ? value : asJson(value));
const fieldOf = (problem) => (problem.loc[0] === "body" ? problem.loc.slice(1) : problem.loc);

const Problem = ({ problem }) => html`<div class="problem">
  <p><b>${fieldOf(problem).slice(1).join(".")}</b> ${problem.msg} <code>${problem.type}</code></p>
  ${problem.hint && html`<p class="hint">${problem.hint}</p>`}
  ${problem.rule && html`<p class="muted"><code>${problem.rule}</code></p>`}
</div>`;

function Arguments({ job }) {
  const given = job.request.arguments;
  const fields = given && typeof given === "object" && !Array.isArray(given) ? given : { "": given };
  const names = new Set([...Object.keys(fields), ...job.problems.map((one) => fieldOf(one)[0]).filter(Boolean)]);
  const whole = job.problems.filter((one) => fieldOf(one).length === 0);
  return html`<section aria-label="Arguments">
    <h3>Arguments</h3>
    ${whole.map((problem) => html`<${Problem} problem=${problem} />`)}
    <dl class="fields">${[...names].map((name) => {
      const broken = job.problems.filter((one) => String(fieldOf(one)[0]) === name);
      const files = job.media.filter((file) => file.role === "argument" && isMedia(file) && String(file.loc[0]) === name);
      return html`<div key=${name} class=${broken.length ? "field broken" : "field"}>
        <dt><code>${name || "body"}</code></dt>
        <dd>
          ${Object.hasOwn(fields, name) ? html`<div class="value" dir="auto">${shown(fields[name])}</div>` : html`<div class="muted">missing</div>`}
          ${files.length > 0 && html`<div class="thumbs">${files.map((file) => html`
            <a href=${file.href} target="_blank" rel="noreferrer"><${Media} file=${file} small=${true} /></a>`)}</div>`}
          ${broken.map((problem) => html`<${Problem} problem=${problem} />`)}
        </dd>
      </div>`;
    })}</dl>
  </section>`;
}

function Log({ job }) {
  const start = job.request.submitted_at;
  return html`<section aria-label="Log">
    <h3>Log</h3>
    ${job.log.length ? html`<ol class="log">${job.log.map((line) => html`<li><time>+${seconds(line.at - start)}</time>
      <span dir="auto">${line.text}</span></li>`)}</ol>` : html`<p class="muted">Nothing yet.</p>`}
  </section>`;
}

const wireText = (message) => [
  message.line,
  ...Object.entries(message.headers).map(([name, value]) => `${name}: ${value}`),
  "",
  typeof message.body === "string" ? message.body : asJson(message.body),
].join("\n");

function Wire({ job }) {
  return html`<section aria-label="HTTP messages">
    <h3>HTTP messages</h3>
    ${job.exchange.map((message, at) => html`<details key=${at} open=${at === job.exchange.length - 1}>
      <summary><code>${message.line}</code></summary>
      <${Code} text=${wireText(message)} label=${message.line} /></details>`)}
    ${job.calls.length > 0 && html`<details><summary>${job.calls_kept} ${job.calls_kept === 1 ? "call" : "calls"} about it</summary>
      <table class="calls"><thead><tr><th>Time</th><th>Call</th><th>Status</th><th>Took</th><th>By</th><th>Effect</th></tr></thead>
        <tbody>${job.calls.map((call) => html`<tr><td>${clockTime(call.at)}</td><td><code>${call.method} ${call.path}</code></td>
          <td>${call.status ?? "none"}</td><td>${call.milliseconds === null ? "" : `${call.milliseconds.toFixed(1)} ms`}</td>
          <td><code>${call.agent}</code></td><td>${call.effect}</td></tr>`)}</tbody></table></details>`}
  </section>`;
}

export function Job({ id, link, now, list }) {
  const { data: job, error, reload } = useLoad(() => get(`requests/${encodeURIComponent(id)}/details`), [id]);
  const close = html`<a class="close" ...${link({ job: "" })} aria-label="Close the job">✕</a>`;
  if (!job) return html`<article class="job" aria-label="Job">${close}<${Failure} error=${error} /></article>`;
  const { request } = job;
  const twin = list.data?.jobs.find((one) => one.request_id === id)?.duplicate_of;
  const results = job.media.filter((file) => file.role === "result");
  return html`<article class="job" aria-label="Job">
    <header>
      ${close}
      <h2><code>${shortModel(request.endpoint_id)}</code></h2>
      <p class="facts"><${State} state=${job.state} /> <b>${dollars(job.usd)}</b>
        <span class=${request.charge === "may_be_charged" ? "charge maybe" : "charge"}>${charge(job)}</span> <span>key <code>${request.key}</code></span> <time>${dateTime(request.submitted_at)}</time></p>
      <p class="facts"><code class="id">${request.request_id}</code> <${Copy} text=${request.request_id} label="Copy id" /></p>
      <${Tags} tags=${request.tags} link=${link} />
      ${twin && html`<p class="failure">Repeats <a ...${link({ job: twin })}>${twin.slice(-8)}</a>: the same key, model and arguments within a minute.</p>`}
      ${request.hint && !job.problems.length && html`<p class="hint">${request.hint}</p>`}
      <${Actions} job=${job} link=${link} reload=${() => { reload(); list.reload(); }} />
      <${Failure} error=${error} />
    </header>
    <${Results} files=${results} />
    <${Waterfall} job=${job} now=${now} />
    <${Arguments} job=${job} />
    <${Log} job=${job} />
    <${CopyAs} job=${job} />
    <${Wire} job=${job} />
  </article>`;
}
