// Every file of results, and every upload.
import { get } from "./api.js";
import { Failure, Media, html, shortModel, useLoad } from "./ui.js";

function Files({ title, files, link }) {
  if (!files.length) return null;
  return html`<section aria-label=${title}>
    <h2>${title} <span class="muted">${files.length}</span></h2>
    <ul class="tiles">${files.map((file) => html`<li key=${file.href + file.request_id}>
      <a class="tile" href=${file.href} target="_blank" rel="noreferrer"><${Media} file=${file} small=${true} /></a>
      <p>${file.request_id
        ? html`<a ...${link({ view: "jobs", job: file.request_id })}><code>${shortModel(file.endpoint_id)}</code></a>`
        : html`<code dir="auto">${file.name}</code>`}</p>
    </li>`)}</ul>
  </section>`;
}

export function Gallery({ link }) {
  const { data, error } = useLoad(() => get("media"), []);
  const of = (role) => (data ?? []).filter((file) => file.role === role);
  return html`<main id="main" class="gallery">
    <h1>Gallery</h1>
    <${Failure} error=${error} />
    ${data && !data.length && html`<p class="none">No results and no uploads yet.</p>`}
    <${Files} title="Results" files=${of("result")} link=${link} />
    <${Files} title="Uploads" files=${of("upload")} link=${link} />
  </main>`;
}
