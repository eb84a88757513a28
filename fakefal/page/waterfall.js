// Where a job's time went: queue, attempts and webhook tries, on emulated time.
import { html, seconds, useTick } from "./ui.js";

const NAMES = { queue: "Queue", attempt: "Attempt", webhook: "Webhook" };
const OVER = new Set(["completed", "refused", "failed", "cancelled", "timed_out"]);

export function Waterfall({ job, now }) {
  const over = OVER.has(job.state);
  useTick(200, !over);
  const begin = job.spans[0].begin;
  const present = Math.max(now(), job.now);
  const ends = job.spans.map((span) => span.end ?? present);
  const whole = Math.max(0.001, Math.max(...ends) - begin);
  const percent = (moment) => `${Math.min(100, Math.max(0, ((moment - begin) / whole) * 100))}%`;
  const attempts = job.spans.filter((span) => span.kind === "attempt").length;
  return html`<section aria-label="Timeline">
    <h3>Timeline</h3>
    <div class="waterfall">
      ${job.spans.map((span) => {
        const end = span.end ?? present;
        const one = span.kind === "attempt" && attempts === 1 ? "Run" : NAMES[span.kind];
        const name = span.kind === "queue" || one === "Run" ? one : `${one} ${span.number}`;
        const words = span.kind === "webhook" ? `+${seconds(span.begin - begin)} ${span.outcome}` : seconds(end - span.begin);
        return html`<div class="span" key=${`${span.kind}${span.number}`}>
          <span class="name">${name}</span>
          <span class="track"><span class=${`bar ${span.kind} ${span.outcome.split(" ")[0]}`}
            style=${{ left: percent(span.begin), width: span.kind === "webhook" ? undefined : `calc(${percent(end)} - ${percent(span.begin)})` }}></span></span>
          <span class="took" title=${span.outcome}>${words}</span>
        </div>`;
      })}
      <div class="span axis" aria-hidden="true"><span class="name"></span>
        <span class="track"><span>0</span><span>${seconds(whole / 2)}</span><span>${seconds(whole)}</span></span>
        <span class="took"></span></div>
    </div>
  </section>`;
}
