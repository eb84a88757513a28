// What the control API can do to the whole server: effects, webhooks, the key that signs, reset.
import { useState } from "./vendor/hooks.mjs";
import { get, post, remove } from "./api.js";
import { Act, Failure, clockTime, html, useLoad } from "./ui.js";

function Effects({ model, setModel }) {
  const known = useLoad(() => get("effects"), [], { live: false });
  const rules = useLoad(() => get("scenarios"), []);
  const [effect, setEffect] = useState("content_policy_violation");
  const [when, setWhen] = useState({ key: "", prompt: "", probability: "1" });
  const change = (name) => (event) => setWhen({ ...when, [name]: event.target.value });
  const takes = known.data?.find((one) => one.name === effect.split("(")[0].trim())?.takes ?? [];
  const add = async () => {
    const body = { effect, endpoint: model, prompt: when.prompt, probability: Number(when.probability) };
    await post("scenarios", when.key ? { ...body, key: when.key } : body);
    rules.reload();
  };
  const clear = async () => { await remove("scenarios"); rules.reload(); };
  return html`<section aria-label="Effects">
    <h2>Effects</h2>
    <p class="muted">A rule changes what matching requests get from now on. The newest rule that matches wins.</p>
    <form class="rule" onSubmit=${(event) => event.preventDefault()}>
      <label>Effect <input list="effects" value=${effect} spellcheck=${false} onInput=${(event) => setEffect(event.target.value)} />
        <span class="muted">${takes.length ? `takes ${takes.join(", ")}` : "takes no arguments"}</span></label>
      <datalist id="effects">${(known.data ?? []).map((one) => html`<option value=${one.name} />`)}</datalist>
      <label>Model ends with <input value=${model} placeholder="any" spellcheck=${false} onInput=${(event) => setModel(event.target.value)} /></label>
      <label>Key <input value=${when.key} placeholder="any" spellcheck=${false} onInput=${change("key")} /></label>
      <label>Prompt has <input value=${when.prompt} placeholder="any" onInput=${change("prompt")} /></label>
      <label>Probability <input type="number" min="0" max="1" step="0.05" value=${when.probability} onInput=${change("probability")} /></label>
      <${Act} class="primary" act=${add} done="Added">Inject<//>
    </form>
    <${Failure} error=${rules.error} />
    ${rules.data?.length > 0 && html`<ul class="rules">${rules.data.map((rule) => html`<li><code>${rule.effect}</code> <span class="muted">${conditions(rule)}</span></li>`)}</ul>
      <${Act} act=${clear} done="Removed">Remove all rules<//>`}
    ${rules.data?.length === 0 && html`<p class="none">No rules.</p>`}
  </section>`;
}

function conditions(rule) {
  const said = ["endpoint", "key", "prompt", "nth"].filter((name) => rule[name]).map((name) => `${name}=${rule[name]}`);
  if (rule.probability < 1) said.push(`probability=${rule.probability}`);
  return said.length ? `when ${said.join(" and ")}` : "for every request";
}

function Webhooks({ link }) {
  const { data, error, reload } = useLoad(() => get("webhooks"), []);
  const replay = (id) => async () => { await post(`webhooks/${id}/replay`); reload(); };
  return html`<section aria-label="Webhooks">
    <h2>Webhooks</h2>
    <${Failure} error=${error} />
    ${data?.length === 0 && html`<p class="none">No webhooks yet.</p>`}
    ${data?.length > 0 && html`<div class="scroll"><table><thead><tr><th>Job</th><th>To</th><th>Fate</th><th>Tries</th><th>Last</th><th></th></tr></thead>
      <tbody>${data.slice(0, 100).map((one) => {
        const last = one.attempts.at(-1);
        return html`<tr key=${one.request_id}><td><a ...${link({ view: "jobs", job: one.request_id })}><code>${one.request_id.slice(-8)}</code></a></td>
          <td><code>${one.url}</code></td><td>${one.fate}</td><td>${one.attempts.length}</td>
          <td>${last ? `${clockTime(last.at)} ${last.status ?? last.error}` : ""}</td>
          <td><${Act} act=${replay(one.request_id)} done="Sent again">Replay<//></td></tr>`;
      })}</tbody></table></div>`}
    <p><${Act} act=${() => post("webhooks/rotate")} done="Webhooks are signed with a new key">Rotate the signing key<//></p>
  </section>`;
}

function Reset({ list, go }) {
  const [sure, setSure] = useState(false);
  const reset = async () => { await post("reset"); setSure(false); list.reload(); go({ view: "jobs", job: "", before: "" }); };
  return html`<section aria-label="Reset">
    <h2>Reset</h2>
    <p class="muted">Deletes all jobs, files, calls and added rules. The clock keeps its time.</p>
    ${sure
      ? html`<${Act} class="danger" act=${reset} done="Everything is deleted">Yes, delete everything<//>
        <button type="button" onClick=${() => setSure(false)}>Keep it</button>`
      : html`<button type="button" onClick=${() => setSure(true)}>Reset</button>`}
  </section>`;
}

export function Control({ place, go, link, list }) {
  const [model, setModel] = useState(place.model);
  return html`<main id="main" class="control">
    <h1>Control</h1>
    <${Effects} model=${model} setModel=${setModel} />
    <${Webhooks} link=${link} />
    <${Reset} list=${list} go=${go} />
  </main>`;
}
