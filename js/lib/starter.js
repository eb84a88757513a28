// A program: starts the server of a run of tests, unless another test file does so already.
// Arguments: the process with which the server ends, and the file that tells of the server.
import { spawn, spawnSync } from "node:child_process";
import { accessSync, closeSync, constants, existsSync, linkSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { isAlive, readShared } from "./server.js";

const KEEPER = fileURLToPath(new URL("keeper.js", import.meta.url));
// A folder ./fakefal, such as a clone, is a package, too, but has no __main__.
const FIND = "import importlib.util as u, sys; sys.exit(u.find_spec('fakefal.__main__') is None)";
const INSTALL = `fakefal: the command fakefal was not found. It is a Python program; install it with
  pip install "fakefal @ git+https://github.com/OWNER/fakefal"
or say where it is: FAKEFAL_COMMAND=.venv/bin/fakefal`;

/** @returns {string[]} the program and its first arguments */
function command() {
  const given = process.env.FAKEFAL_COMMAND;
  if (given) return existsSync(given) ? [given] : given.split(/\s+/);
  if ((process.env.PATH ?? "").split(delimiter).some((folder) => isProgram(join(folder, "fakefal")))) return ["fakefal"];
  const python = ["python3", "python"].find((name) => spawnSync(name, ["-c", FIND]).status === 0);
  if (!python) throw new Error(INSTALL);
  return [python, "-m", "fakefal"];
}

/** @param {string} path */
function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Start the server, and write how a process is redirected to it.
 *
 * @param {string} owner
 * @param {string} file
 */
async function start(owner, file) {
  const [program, ...first] = command();
  const environ = { FAKEFAL_PROFILE: "instant", ...process.env };
  const log = `${file}.log`;
  const errors = openSync(log, "w", 0o600);
  const keeper = ["--", process.execPath, KEEPER, owner, file, log];
  const child = spawn(program, [...first, "run", "--quiet", ...keeper], {
    env: environ,
    detached: true, // Ctrl-C reaches the tests first
    stdio: ["ignore", "pipe", errors],
  });
  closeSync(errors);
  try {
    let said = "";
    child.on("error", (error) => (said = `${program}: ${error.message}`));
    for await (const part of /** @type {import("node:stream").Readable} */ (child.stdout).setEncoding("utf8")) {
      said += part;
      if (said.endsWith("\n")) break;
    }
    if (!said.endsWith("\n")) throw new Error(said || readFileSync(log, "utf8").trim());
    const { preload, keeper, environ: led } = JSON.parse(said);
    const names = [...new Set([...Object.keys(process.env), ...Object.keys(led)])];
    const changed = names.filter((name) => led[name] !== process.env[name]);
    const changes = Object.fromEntries(changed.map((name) => [name, led[name] ?? null]));
    writeFileSync(`${file}.new`, JSON.stringify({ keeper, preload, changes }), { mode: 0o600 });
    renameSync(`${file}.new`, file);
  } catch (error) {
    rmSync(log, { force: true });
    const why = error instanceof Error ? error.message : error;
    throw new Error(`fakefal: no server could be started by ${[program, ...first].join(" ")}: ${why}`);
  }
  child.unref();
}

/**
 * Whether this process is the one that starts the server.
 *
 * @param {string} lock
 */
function isFirst(lock) {
  const own = `${lock}.${process.pid}`;
  writeFileSync(own, String(process.pid), { mode: 0o600 });
  try {
    linkSync(own, lock); // a lock always names its process
    return true;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== "EEXIST") throw error;
  } finally {
    rmSync(own, { force: true });
  }
  const starter = lockedBy(lock);
  if (starter && !isAlive(starter)) rmSync(lock, { force: true });
  return false;
}

/** @param {string} lock */
function lockedBy(lock) {
  try {
    return Number(readFileSync(lock, "utf8"));
  } catch {
    return 0; // it is removed already
  }
}

const [owner, file] = process.argv.slice(2);
const lock = `${file}.lock`;
try {
  while (!readShared(file)) {
    if (!isFirst(lock)) {
      await sleep(20);
      continue;
    }
    try {
      if (!readShared(file)) await start(owner, file);
    } finally {
      rmSync(lock, { force: true });
    }
  }
  process.exit(0);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`, () => process.exit(1));
}
