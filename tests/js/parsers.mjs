// The parsers of fal's own JavaScript client, unmodified, over recorded answers.
// Usage: node parsers.mjs ANSWERS.json, a list of {status, headers, body}.  Prints what each became as JSON.
import fs from "node:fs";
import { createRequire } from "node:module";
import { ApiError, ValidationError, isCompletedQueueStatus, isQueueStatus, isRetryableError } from "@fal-ai/client";

// the client does not export its response handlers: without them, its retries would take minutes here
const load = createRequire(import.meta.url);
const { resultResponseHandler } = load("./node_modules/@fal-ai/client/src/response.js");
const { DEFAULT_RETRYABLE_STATUS_CODES } = load("./node_modules/@fal-ai/client/src/retry.js");

async function parse({ status, headers, body }) {
  try {
    const { data, requestId } = await resultResponseHandler(new Response(body, { status, headers }));
    return { kind: "result", requestId, data, queue: Boolean(isQueueStatus(data)), done: Boolean(isCompletedQueueStatus(data)) };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return {
      kind: error instanceof ValidationError ? "ValidationError" : "ApiError",
      requestId: error.requestId,
      status: error.status,
      body: error.body,
      fields: error instanceof ValidationError ? error.fieldErrors : null,
      userTimeout: error.isUserTimeout,
      retryable: isRetryableError(error, DEFAULT_RETRYABLE_STATUS_CODES),
    };
  }
}

const answers = JSON.parse(fs.readFileSync(process.argv[2], "utf8"));
console.log(JSON.stringify(await Promise.all(answers.map(parse))));
