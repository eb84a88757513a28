// One server for all test files of a run, and the redirection of this process to it.
import { spawnSync } from "node:child_process";
import { existsSync, lstatSync, mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { Socket } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { isMainThread, threadId } from "node:worker_threads";
import { current } from "./control.js";

const require = createRequire(import.meta.url);
const PRELOAD = Symbol.for("fakefal.preload");
const STARTER = fileURLToPath(new URL("starter.js", import.meta.url));

/**
 * Send the calls of this process to fal to the emulator: that of `fakefal run`, or of this run of tests.
 *
 * All of it happens synchronously, so that modules which are imported next find FAL_KEY and are redirected.
 *
 * @returns {{ enter: () => unknown }} the preload's exports
 */
export function lead() {
  const led = /** @type {Record<symbol, string | undefined>} */ (/** @type {unknown} */ (Socket))[PRELOAD];
  const preload = led ?? startedServer();
  current.url = String(process.env.FAKEFAL_URL);
  current.file = join(dirname(preload), `caller-${process.pid}-${threadId}`);
  process.env.FAKEFAL_CALLER = current.file; // for children
  return Object.assign(require(preload), { caller: current.file });
}

/** Take the environment of the shared server; returns what leads this process to it. */
function startedServer() {
  const { changes, preload } = sharedServer(owner());
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) delete process.env[name];
    else process.env[name] = value;
  }
  return preload;
}

/** The process with which the run of tests ends: Vitest and `node --test` start one for each file. */
function owner() {
  const started = process.connected || process.env.NODE_TEST_CONTEXT?.startsWith("child");
  return isMainThread && started ? process.ppid : process.pid;
}

/**
 * @param {number} ownerId
 * @returns {Shared}
 */
function sharedServer(ownerId) {
  const file = join(privateFolder(), `${ownerId}.json`);
  const running = readShared(file);
  if (running) return running;
  const started = spawnSync(process.execPath, [STARTER, String(ownerId), file], { encoding: "utf8" });
  const shared = readShared(file);
  if (started.status !== 0 || !shared) throw new Error(started.stderr.trim() || `fakefal: no server: ${started.error}`);
  return shared;
}

/** A folder that only this user can write to, because its content is executed. */
function privateFolder() {
  const user = process.getuid?.();
  const folder = join(tmpdir(), `fakefal-node-${user}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const found = lstatSync(folder);
  if (!found.isDirectory() || found.uid !== user || found.mode & 0o077) {
    throw new Error(`fakefal: ${folder} must be a folder that only you can read: remove it`);
  }
  return folder;
}

/**
 * @typedef {object} Shared
 * @property {number} keeper the process that ends with the server
 * @property {string} preload what leads Node
 * @property {Record<string, string | null>} changes how the environment differs under `fakefal run`
 */

/**
 * What a starter wrote, if its server still runs.
 *
 * @param {string} file
 * @returns {Shared | undefined}
 */
export function readShared(file) {
  try {
    const shared = JSON.parse(readFileSync(file, "utf8"));
    return isAlive(shared.keeper) && existsSync(shared.preload) ? shared : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || /** @type {NodeJS.ErrnoException} */ (error).code === "ENOENT") return undefined;
    throw error;
  }
}

/** @param {number} processId */
export function isAlive(processId) {
  try {
    return process.kill(processId, 0);
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === "EPERM";
  }
}
