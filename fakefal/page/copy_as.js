// A job as text to paste elsewhere: a command, a program, a test, a rule.
import { useState } from "./vendor/hooks.mjs";
import { Code, html } from "./ui.js";

const shellQuoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
const jsonOf = (value) => JSON.stringify(value, null, 2);

/** A JSON value as Python writes it. */
export function python(value, indent = "") {
  const inner = `${indent}    `;
  if (value === null) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (Array.isArray(value)) {
    return value.length ? `[\n${value.map((one) => `${inner}${python(one, inner)},\n`).join("")}${indent}]` : "[]";
  }
  if (typeof value === "object") {
    const pairs = Object.entries(value).map(([name, one]) => `${inner}${JSON.stringify(name)}: ${python(one, inner)},\n`);
    return pairs.length ? `{\n${pairs.join("")}${indent}}` : "{}";
  }
  return JSON.stringify(value);
}

const curl = ({ id, args, key }) => `curl ${shellQuoted(`${location.origin}/queue/${id}`)} \\
  --header ${shellQuoted(`Authorization: Key ${key}:any-secret`)} \\
  --header 'Content-Type: application/json' \\
  --data-raw ${shellQuoted(jsonOf(args))}`;

const program = ({ id, args }) => `# app.py: run it with  fakefal run -- python app.py
import fal_client

result = fal_client.subscribe(
    ${JSON.stringify(id)},
    arguments=${python(args, "    ")},
    with_logs=True,
)
print(result)`;

const javascript = ({ id, args }) => `// app.mjs: run it with  fakefal run -- node app.mjs
import { fal } from "@fal-ai/client";

const { data } = await fal.subscribe(${JSON.stringify(id)}, {
  input: ${jsonOf(args).replaceAll("\n", "\n  ")},
});
console.log(data);`;

function pytest({ id, args, job }) {
  const call = (indent) => `fal_client.subscribe(
${indent}    ${JSON.stringify(id)},
${indent}    arguments=${python(args, `${indent}    `)},
${indent})`;
  if (job.state === "completed") {
    const billed = job.usd === null ? "" : `\n    fakefal.assert_billed("${job.usd}")`;
    return `import fal_client


def test_it_is_accepted(fakefal):
    result = ${call("    ")}
    assert result${billed}
    fakefal.assert_no_duplicates()`;
  }
  const match = job.problems[0]?.type;
  const effect = effectOf(job);
  const mark = effect && job.state !== "refused" ? `@pytest.mark.fakefal(effects=[${JSON.stringify(effect)}])\n` : "";
  return `import fal_client
import pytest


${mark}def test_it_is_refused(fakefal):
    with pytest.raises(fal_client.FalClientHTTPError${match ? `, match=${JSON.stringify(match)}` : ""}):
        ${call("        ")}`;
}

/** The effect that a job had, by the call that submitted it. */
export const effectOf = (job) => job.calls.findLast((call) => call.method === "POST")?.effect ?? "";

const WORDS_OF_PROMPT = 40;

function rule({ id, args, job }) {
  const prompt = typeof args?.prompt === "string" ? args.prompt.slice(0, WORDS_OF_PROMPT) : "";
  const name = effectOf(job) || "content_policy_violation";
  return `${name} when endpoint=${id}${prompt ? ` and prompt=${JSON.stringify(prompt)}` : ""}`;
}

const check = ({ id, args }) => `fakefal check ${shellQuoted(id)} - <<'JSON'
${jsonOf(args)}
JSON`;

const FORMS = { curl, Python: program, JavaScript: javascript, pytest, "Effect rule": rule, "fakefal check": check };

export function CopyAs({ job }) {
  const [form, setForm] = useState("curl");
  const { endpoint_id: id, arguments: args, key } = job.request;
  return html`<section aria-label="Copy as">
    <h3>Copy as</h3>
    <div class="tabs" role="group" aria-label="Form">${Object.keys(FORMS).map((name) => html`
      <button type="button" aria-pressed=${name === form} onClick=${() => setForm(name)}>${name}</button>`)}</div>
    <${Code} text=${FORMS[form]({ id, args, key, job })} label=${form} />
  </section>`;
}
