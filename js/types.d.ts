/** A request as the emulator accepted it. Times are emulated seconds since 1970. */
export interface EmulatedRequest {
  requestId: string;
  endpointId: string;
  /** The JSON body; a `data:` URI is replaced by the URL of its file. */
  arguments: any;
  /** The id part of the caller's key. */
  key: string;
  /** fal calls a refused request COMPLETED, too: see `resultStatus`. */
  status: "IN_QUEUE" | "IN_PROGRESS" | "COMPLETED";
  queuePosition: number | null;
  /** The HTTP status of the result, after the request has ended. */
  resultStatus: number | null;
  billableUnits: number | null;
  charge: Charge | null;
  submittedAt: number;
  startedAt: number | null;
  endedAt: number | null;
  /** Whether the arguments were checked; a request in the queue may not be yet. */
  judged: boolean;
  /** Why the request ended early. */
  cut: "cancelled" | "timed out" | null;
  tags: Record<string, string>;
  logs: string[];
  /** What to change, if the request was refused. */
  hint: string;
}

/** Whether fal charges for a job: it may charge for a refusal. */
export type Charge = "charged" | "may_be_charged" | "not_charged";

/** A job and what it would have cost. */
export interface LedgerJob {
  requestId: string;
  endpointId: string;
  key: string;
  submittedAt: number;
  status: number | null;
  units: number;
  /** US dollars; null if the price is unknown. */
  usd: number | null;
  charge: Charge;
  maybeUsd: number | null;
  /** The job that this one probably repeats: same endpoint and body within a minute. */
  duplicateOf: string | null;
  pending: boolean;
  tags: Record<string, string>;
}

/** What a test would have cost at fal, in US dollars. */
export interface Ledger {
  usd: number;
  /** What fal may charge for refusals in addition. */
  maybeUsd: number;
  /** Oldest first. */
  jobs: LedgerJob[];
}

/** The requests that a rule applies to; a condition that is left out matches all. */
export interface When {
  /** The end of the endpoint's id. */
  endpoint?: string;
  /** A part of the prompt. */
  prompt?: string;
  /** Only this call of the test, counted from 1. */
  nth?: number;
  probability?: number;
}

/** Your own answer: at most one of `result`, `text`, `video` and `events`. */
export interface Answer extends When {
  /** The JSON of the result. */
  result?: unknown;
  /** The text of the result, if it is not JSON. */
  text?: string;
  /** An http URL for the file of the model's usual result. */
  video?: string;
  /** The events of `/stream`, evenly over the run; the last one is the result of all other calls. */
  events?: unknown[];
  /** The HTTP status of the result; the queue tries 503 and 504 again. */
  status?: number;
  /** How long the job runs, in emulated seconds. */
  seconds?: number;
  /** The log lines of the run. */
  logs?: string[];
  /** After how many failed attempts the job succeeds; for a `status` of 503 or 504. */
  attempts?: number;
  /** Whether the refusal is charged; for a `status` of 400 to 499. */
  billed?: boolean;
}

/** A kind of finding of the verdict. */
export type FindingKind =
  | "paid_twice"
  | "resubmitted_unknown"
  | "retried_refusal"
  | "ignored_retry_after"
  | "no_backoff"
  | "went_on_when_locked"
  | "result_never_fetched"
  | "never_cancelled"
  | "short_timeout"
  | "wrong_address"
  | "unverified_webhook";

/** A request: its id, one of `requests()`, or what `fal.queue.submit` returned. */
export type Named = string | { requestId: string } | { request_id: string };

/** The emulator for the running test. Each test has its own key, so it does not see jobs of other tests. */
export interface Fakefal {
  /** The base URL of the emulator, for clients that take one, and for its page in a browser. */
  readonly url: string;
  /** The `FAL_KEY` of the running test. */
  readonly key: string;
  /** Every accepted request of this test, oldest first. */
  requests(): Promise<EmulatedRequest[]>;
  /** What this test would have cost. */
  ledger(): Promise<Ledger>;
  /** Add an effect, such as `"content_policy_violation when nth=2"`. The newest rule that matches wins. */
  inject(rule: string, when?: When): Promise<void>;
  /** Answer requests with your own result. */
  respond(answer: Answer): Promise<void>;
  /** Move emulated time for this test; resolves after everything due has happened, including webhooks. */
  advance(seconds: number): Promise<void>;
  /** Advance one request by emulated seconds, to its start, or to its end. */
  advance(how: number | "start" | "end", request: Named): Promise<void>;
  /**
   * Fail if the program made a mistake that costs real money; the message shows the calls that prove it.
   * `allow` ignores kinds of findings.
   */
  assertCareful(options?: { allow?: FindingKind[] }): Promise<void>;
}
