// The catalogue, and a form to try a model out on the fake.
import { useEffect, useState } from "./vendor/hooks.mjs";
import { get } from "./api.js";
import { Form } from "./form.js";
import { Failure, html, plural, shortModel, useLoad } from "./ui.js";

const TYPING_PAUSE = 150;

export function Models({ place, go, link }) {
  const [text, setText] = useState(place.q);
  const [category, setCategory] = useState("");
  useEffect(() => {
    const timer = setTimeout(() => { if (text !== place.q) go({ q: text }, { replace: true }); }, TYPING_PAUSE);
    return () => clearTimeout(timer);
  }, [text]);
  const { data, error } = useLoad(() => get("models", { q: place.q, category }), [place.q, category], { live: false });
  return html`<main id="main" class=${place.model ? "models split" : "models"}>
    <h1 class="unseen">Models</h1>
    <section class="list" aria-label="Models">
      <form class="filters" role="search" onSubmit=${(event) => event.preventDefault()}>
        <input type="search" data-search aria-label="Search models" placeholder="Search 1,500 models   /" value=${text}
          onInput=${(event) => setText(event.target.value)} />
        <select aria-label="Category" value=${category} onChange=${(event) => setCategory(event.target.value)}>
          <option value="">all categories</option>
          ${(data?.categories ?? []).map((one) => html`<option value=${one}>${one}</option>`)}</select>
      </form>
      <${Failure} error=${error} />
      <ul class="found">${(data?.models ?? []).map((model) => html`<li key=${model.endpoint_id}>
        <a ...${link({ model: model.endpoint_id })} aria-current=${model.endpoint_id === place.model ? "true" : undefined}>
          <code>${shortModel(model.endpoint_id)}</code> <span class="muted">${model.category}</span></a></li>`)}</ul>
      ${data && html`<footer class="pages muted">${data.models.length < data.found
        ? `the first ${data.models.length} of ${data.found}` : plural(data.found, "model")}</footer>`}
    </section>
    ${place.model && html`<${Form} key=${place.model} id=${place.model} link=${link} go=${go} />`}
  </main>`;
}
