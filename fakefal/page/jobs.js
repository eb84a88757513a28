// The live list, and beside it the job that is open.
import { useEffect, useRef, useState } from "./vendor/hooks.mjs";
import { Job } from "./job.js";
import { Start } from "./start.js";
import { Failure, State, Tags, age, dollars, html, plural, shortModel, useTick } from "./ui.js";

const STATES = ["queued", "running", "completed", "refused", "failed", "cancelled", "timed_out"];
const TYPING_PAUSE = 150;

function Filters({ place, go, data }) {
  const [text, setText] = useState(place.q);
  const timer = useRef(0);
  useEffect(() => setText(place.q), [place.q]);
  const type = (event) => {
    setText(event.target.value);
    clearTimeout(timer.current);
    const q = event.target.value;
    timer.current = setTimeout(() => go({ q, before: "" }, { replace: true }), TYPING_PAUSE);
  };
  const pick = (name) => (event) => go({ [name]: event.target.value, before: "" });
  const toggle = (state) => () => {
    const on = place.states.includes(state);
    go({ states: on ? place.states.filter((one) => one !== state) : [...place.states, state], before: "" });
  };
  const options = (all, chosen) => [...new Set([...all, ...(chosen ? [chosen] : [])])];
  return html`<form class="filters" role="search" onSubmit=${(event) => event.preventDefault()}>
    <input type="search" data-search placeholder="Search prompt, id, model, key   /" aria-label="Search jobs"
      value=${text} onInput=${type} />
    <select aria-label="Key" value=${place.key} onChange=${pick("key")}>
      <option value="">all keys</option>
      ${options(data.keys, place.key).map((key) => html`<option value=${key}>${key}</option>`)}</select>
    <select aria-label="Model" value=${place.model} onChange=${pick("model")}>
      <option value="">all models</option>
      ${options(data.endpoints, place.model).map((id) => html`<option value=${id}>${shortModel(id)}</option>`)}</select>
    <div class="chips" role="group" aria-label="State">${STATES.map((state) => html`
      <button type="button" class="chip" aria-pressed=${place.states.includes(state)} onClick=${toggle(state)}>
        <${State} state=${state} /></button>`)}
      ${place.tags.map((tag) => html`<button type="button" class="chip tag" aria-label=${`Do not filter by ${tag}`}
        onClick=${() => go({ tags: place.tags.filter((one) => one !== tag), before: "" })}>${tag} ✕</button>`)}</div>
  </form>`;
}

function Row({ job, open, link, now }) {
  const { href, onClick } = link({ job: job.request_id });
  const place = job.queue_position === null ? "" : ` #${job.queue_position}`;
  return html`<tr data-job=${job.request_id} class=${open ? "open" : ""} onClick=${onClick}>
    <td class="in-state"><${State} state=${job.state} />${place && html`<span class="muted">${place}</span>`}</td>
    <td class="what"><a href=${href} aria-current=${open ? "true" : undefined}>
      <span class="prompt" dir="auto">${job.prompt || "no prompt"}</span></a>
      <code class="model">${shortModel(job.endpoint_id)}</code><${Tags} tags=${job.tags} /></td>
    <td class="of-key"><code>${job.key}</code></td>
    <td class="price">${dollars(job.usd)}${job.duplicate_of && html`<span class="twice" title="repeats an equal request within a minute">repeated</span>`}
      ${job.charge === "may_be_charged" && html`<span class="maybe" title="fal may charge this refusal">maybe ${dollars(job.maybe_usd)}</span>`}</td>
    <td class="age">${age(now() - job.submitted_at)}</td>
  </tr>`;
}

export function Jobs({ place, go, link, list, now }) {
  useTick(1000);
  const { data } = list;
  if (!data) return html`<main id="main" class="jobs"><${Failure} error=${list.error} /></main>`;
  if (!data.stored && !place.job && !place.key) return html`<${Start} link=${link} />`;
  const filtered = place.q || place.key || place.model || place.states.length || place.tags.length;
  return html`<main id="main" class=${place.job ? "jobs split" : "jobs"}>
    <h1 class="unseen">Jobs</h1>
    <section class="list" aria-label="Jobs">
      <${Filters} place=${place} go=${go} data=${data} />
      <${Failure} error=${list.error} />
      <table>
        <thead><tr><th>State</th><th>Prompt and model</th><th class="of-key">Key</th><th class="price">Price</th>
          <th class="age">Age</th></tr></thead>
        <tbody>${data.jobs.map((job) => html`<${Row} key=${job.request_id} job=${job} link=${link} now=${now}
          open=${job.request_id === place.job} />`)}</tbody>
      </table>
      ${!data.jobs.length && html`<p class="none">No job matches. <button type="button" class="quiet"
        onClick=${() => go({ q: "", key: "", model: "", states: [], tags: [], before: "" })}>Show all</button></p>`}
      <footer class="pages muted">
        <span>${filtered ? `${data.found} of ${plural(data.stored, "job")}` : plural(data.stored, "job")}</span>
        ${place.before && html`<a ...${link({ before: "" })}>Newest</a>`}
        ${data.next && html`<a ...${link({ before: data.next })}>Older</a>`}
      </footer>
    </section>
    ${place.job && html`<${Job} key=${place.job} id=${place.job} link=${link} go=${go} now=${now} list=${list} />`}
  </main>`;
}
