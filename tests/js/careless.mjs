// Small programs that make each mistake that a verdict finds, and their careful twins, as careless.py does.
// Cases come as JSON on standard input: the key that calls, which mistake, and whether the program is careful.
import { createHash, createPublicKey, verify } from "node:crypto";
import http from "node:http";
import { buffer, text } from "node:stream/consumers";

const ENDPOINT = "fal-ai/kling-video/o1/reference-to-video";
const SUBMIT = `https://queue.fal.run/${ENDPOINT}`;
const LIST = `https://api.fal.ai/v1/models/requests/by-endpoint?endpoint_id=${ENDPOINT}`;
const PROMPT = { prompt: "x" };
const WRONG = { prompt: "x", duration: 5 };
const PAUSE = 300;
const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

class Caller {
  constructor(key) {
    this.headers = { Authorization: `Key ${key}:secret`, "Content-Type": "application/json" };
  }
  get = (url) => fetch(url, { headers: this.headers });
  put = (url) => fetch(url, { method: "PUT", headers: this.headers });
  submit = (body, url = SUBMIT) => fetch(url, { method: "POST", headers: this.headers, body: JSON.stringify(body) });
  started = async (body, url) => (await this.submit(body, url)).json();
  ended = async ({ status_url }) => {
    while ((await this.get(status_url)).status === 202) await pause(PAUSE);
  };
  finish = async (job) => {
    await this.ended(job);
    return this.get(job.response_url);
  };
}

async function sentAgain(fal, careful) {
  try {
    await fal.submit(PROMPT);
  } catch {
    const found = careful ? (await (await fal.get(LIST)).json()).items : [];
    if (!found.length) await fal.finish(await fal.started(PROMPT));
    for (const { request_id } of found) {
      const url = `https://queue.fal.run/fal-ai/kling-video/requests/${request_id}`;
      await fal.finish({ status_url: `${url}/status`, response_url: url });
    }
  }
}

// The public recipe of fal's documentation.
async function isFals(fal, headers, body) {
  const { keys } = await (await fal.get("https://rest.fal.ai/.well-known/jwks.json")).json();
  const digest = createHash("sha256").update(body).digest("hex");
  const signed = ["request-id", "user-id", "timestamp"].map((name) => headers[`x-fal-webhook-${name}`]);
  const message = Buffer.from([...signed, digest].join("\n"));
  const signature = Buffer.from(headers["x-fal-webhook-signature"], "hex");
  return keys.some((jwk) =>
    verify(null, message, createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: jwk.x }, format: "jwk" }), signature),
  );
}

const MISTAKES = {
  paid_twice: sentAgain,
  resubmitted_unknown: sentAgain,
  async retried_refusal(fal, careful) {
    for (let number = 0; number < 3; number++) {
      const answer = await fal.finish(await fal.started(WRONG));
      if (careful && answer.status === 422) return;
    }
  },
  async ignored_retry_after(fal, careful) {
    const refused = await fal.submit(PROMPT);
    await pause(careful ? Number(refused.headers.get("retry-after")) * 1000 + PAUSE : PAUSE);
    await fal.finish(await fal.started(PROMPT));
  },
  async no_backoff(fal, careful) {
    for (let number = 0; number < (careful ? 3 : 20); number++) {
      await fal.submit(PROMPT);
      if (careful) await pause(PAUSE);
    }
  },
  async went_on_when_locked(fal, careful) {
    for (let number = 0; number < 3; number++) {
      if ((await fal.submit({ prompt: String(number) })).status === 403 && careful) return;
    }
  },
  async result_never_fetched(fal, careful) {
    const job = await fal.started(PROMPT);
    await (careful ? fal.finish(job) : fal.ended(job));
  },
  async never_cancelled(fal, careful) {
    const job = await fal.started(PROMPT);
    await fal.get(job.status_url);
    if (careful) await fal.put(job.cancel_url);
  },
  async short_timeout(fal, careful) {
    const job = await fal.started(PROMPT);
    if (careful) await fal.finish(job);
    else await fal.get(job.status_url);
  },
  async wrong_address(fal, careful) {
    const job = await fal.started(PROMPT);
    if (!careful) await fal.get(`${SUBMIT}/requests/${job.request_id}/status`);
    await fal.finish(job);
  },
  unverified_webhook: (fal, careful) =>
    new Promise((done) => {
      let taken = 0;
      const server = http.createServer(async (request, response) => {
        const refused = careful && !(await isFals(fal, request.headers, await buffer(request)));
        response.writeHead(refused ? 401 : 200).end();
        taken += refused ? 0 : 1;
        if (taken === (careful ? 1 : 2)) server.close(done);
      });
      server.listen(0, "127.0.0.1", () =>
        fal.submit(PROMPT, `${SUBMIT}?fal_webhook=${encodeURIComponent(`http://127.0.0.1:${server.address().port}/`)}`),
      );
    }),
};

const cases = JSON.parse(await text(process.stdin));
await Promise.all(cases.map(({ key, mistake, careful }) => MISTAKES[mistake](new Caller(key), careful)));
