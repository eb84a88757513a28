// A form made from a model's input schema.  It asks the server while you type what fal would say.
import { useEffect, useRef, useState } from "./vendor/hooks.mjs";
import { get, post, submit } from "./api.js";
import { Act, Failure, asJson, dollars, html, plural, shortModel, useLoad } from "./ui.js";

const TYPING_PAUSE = 200;

/** A schema without references; of several branches the first that is not null. */
function resolved(schema, schemas) {
  for (let depth = 0; depth < 10; depth += 1) {
    if (schema.$ref) schema = { ...schemas[schema.$ref.split("/").pop()], ...schema, $ref: undefined };
    const inner = schema.anyOf ?? schema.oneOf ?? schema.allOf;
    if (!inner || schema.type) return schema;
    schema = { ...schema, anyOf: undefined, oneOf: undefined, allOf: undefined, ...(inner.find((one) => one.type !== "null") ?? {}) };
  }
  return schema;
}

const isPlain = (schema) => ["string", "integer", "number", "boolean"].includes(schema.type) || schema.enum;

/** One value as text in a JSON field; text that is no JSON yet is kept as it is typed. */
function JsonField({ id, value, onValue, label }) {
  const [text, setText] = useState(value === undefined ? "" : asJson(value));
  const [wrong, setWrong] = useState(false);
  const sent = useRef(value);
  useEffect(() => { if (value !== sent.current) { setText(value === undefined ? "" : asJson(value)); setWrong(false); } }, [value]);
  const type = (event) => {
    setText(event.target.value);
    try {
      sent.current = event.target.value.trim() ? JSON.parse(event.target.value) : undefined;
      setWrong(false);
      onValue(sent.current);
    } catch {
      setWrong(true);
    }
  };
  return html`<textarea id=${id} aria-label=${label} rows=${Math.min(16, Math.max(2, text.split("\n").length))} spellcheck=${false}
      class="json" value=${text} onInput=${type} aria-invalid=${wrong}></textarea>
    ${wrong && html`<p class="failure">This is not JSON yet.</p>`}`;
}

function Input({ id, name, schema, value, onValue }) {
  if (!isPlain(schema)) return html`<${JsonField} id=${id} value=${value} onValue=${onValue} />`;
  const text = value === undefined ? "" : String(value);
  const given = (raw) => onValue(raw === "" ? undefined : raw);
  if (schema.enum) {
    return html`<select id=${id} value=${text} onChange=${(event) => given(schema.enum.find((one) => String(one) === event.target.value) ?? "")}>
      <option value="">${schema.default === undefined ? "leave out" : `default: ${schema.default}`}</option>
      ${schema.enum.map((one) => html`<option value=${String(one)}>${String(one)}</option>`)}</select>`;
  }
  if (schema.type === "boolean") {
    const read = { true: true, false: false };
    return html`<select id=${id} value=${text} onChange=${(event) => given(read[event.target.value] ?? "")}>
      <option value="">${schema.default === undefined ? "leave out" : `default: ${schema.default}`}</option>
      <option value="true">true</option><option value="false">false</option></select>`;
  }
  if (schema.type !== "string") {
    return html`<input id=${id} type="number" step="any" value=${text} placeholder=${schema.default ?? ""}
      onInput=${(event) => given(event.target.value === "" ? "" : Number(event.target.value))} />`;
  }
  const long = /prompt|text|lyrics|script/.test(name);
  const type = (event) => given(event.target.value);
  return long
    ? html`<textarea id=${id} rows="3" dir="auto" value=${text} onInput=${type}></textarea>`
    : html`<input id=${id} value=${text} placeholder=${schema.default ?? ""} onInput=${type} />`;
}

function Field({ name, schema, required, value, onValue, problems }) {
  const id = `field-${name}`;
  return html`<div class=${problems.length ? "field broken" : "field"}>
    <label for=${id}><code>${name}</code>${required && html`<span class="needed"> needed</span>`}</label>
    <div>
      <${Input} id=${id} name=${name} schema=${schema} value=${value} onValue=${onValue} />
      ${problems.map((one) => html`<div class="problem"><p>${one.loc.slice(2).join(".")} ${one.msg}</p>
        ${one.hint && html`<p class="hint">${one.hint}</p>`}</div>`)}
      ${schema.description && html`<p class="muted about">${schema.description}</p>`}
    </div>
  </div>`;
}

function Verdict({ report, price }) {
  if (!report) return html`<p class="verdict muted">Checking</p>`;
  if (!report.ok) return html`<p class="verdict refused" role="status">fal would refuse this: ${plural(report.errors.length, "problem")}</p>`;
  const cost = report.cost ? dollars(report.cost.usd) : price ? `price: ${price}` : "price unknown";
  return html`<p class="verdict valid" role="status">Valid · <b>${cost}</b>${report.warnings.length > 0 && ` · ${plural(report.warnings.length, "warning")}`}</p>`;
}

export function Form({ id, link, go }) {
  const { data: model, error } = useLoad(() => get("models/form", { id }), [id], { live: false });
  const health = useLoad(() => get("health"), [], { live: false });
  const [args, setArgs] = useState(null);
  const [report, setReport] = useState(null);
  const [raw, setRaw] = useState(false);
  const [key, setKey] = useState("page:fakefal");
  useEffect(() => { if (model) setArgs(model.example); }, [model]);
  useEffect(() => {
    if (!args) return undefined;
    let left = false;
    const timer = setTimeout(async () => {
      try {
        const said = await post("check", { endpoint_id: id, arguments: args });
        if (!left) setReport(said);
      } catch (wrong) {
        if (!left) setReport(null);
      }
    }, TYPING_PAUSE);
    return () => { left = true; clearTimeout(timer); };
  }, [args]);
  const close = html`<a class="close" ...${link({ model: "" })} aria-label="Close the model">✕</a>`;
  if (!model || !args) return html`<article class="form" aria-label="Model">${close}<${Failure} error=${error} /></article>`;

  const root = model.schemas[model.input] ?? {};
  const order = root["x-fal-order-properties"] ?? Object.keys(root.properties ?? {});
  const set = (name) => (value) => setArgs((old) => {
    const next = { ...old, [name]: value };
    if (value === undefined) delete next[name];
    return next;
  });
  const problems = report?.errors ?? [];
  const own = (name) => problems.filter((one) => String(one.loc[1]) === name);
  const rest = problems.filter((one) => !order.includes(String(one.loc[1])));
  const send = async () => {
    const accepted = await submit(id, args, key);
    go({ view: "jobs", model: "", q: "", job: accepted.request_id });
  };
  return html`<article class="form" aria-label="Model">
    <header>
      ${close}
      <h2><code>${shortModel(model.endpoint_id)}</code></h2>
      <p>${model.title} <span class="muted">${model.category}</span></p>
      ${model.about && html`<p class="muted">${model.about}</p>`}
      <p class="muted">checked against ${model.checked_against}${model.price && ` · ${model.price}`}</p>
    </header>
    <div class="sending">
      <${Verdict} report=${report} price=${model.price} />
      <label>Key <input value=${key} autocomplete="off" spellcheck=${false} onInput=${(event) => setKey(event.target.value)}
        aria-describedby="about-key" /></label>
      <${Act} class="primary" act=${send}>Submit to the emulator<//>
      <button type="button" onClick=${() => setRaw(!raw)} aria-pressed=${raw}>JSON</button>
      <button type="button" onClick=${() => setArgs({ ...model.example })}>Example</button>
      ${health.data && !health.data.any_key && html`<p id="about-key" class="muted">This server accepts only its configured keys: id:secret.</p>`}
    </div>
    ${rest.map((one) => html`<div class="problem"><p><code>${one.loc.slice(1).join(".")}</code> ${one.msg}</p><p class="hint">${one.hint}</p></div>`)}
    ${(report?.warnings ?? []).map((one) => html`<p class="hint"><code>${one.loc.slice(1).join(".")}</code> ${one.msg}: ${one.hint}</p>`)}
    ${raw
      ? html`<${JsonField} id="field-json" label="Arguments as JSON" value=${args} onValue=${(value) => { if (value && typeof value === "object") setArgs(value); }} />`
      : html`<div class="fields">${order.map((name) => html`<${Field} key=${name} name=${name}
          schema=${resolved(root.properties[name] ?? {}, model.schemas)} required=${(root.required ?? []).includes(name)}
          value=${args[name]} onValue=${set(name)} problems=${own(name)} />`)}</div>`}
  </article>`;
}
