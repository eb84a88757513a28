// What calls fal from Node beside the program's own thread; prints the status of each answer.
import { execFileSync, execSync, fork, spawn, spawnSync } from "child_process";
import { get } from "https";
import { connect } from "net";
import { fileURLToPath } from "url";
import { SHARE_ENV, Worker } from "worker_threads";

const URL = "https://queue.fal.run/fal-ai/kling-video";
const ASK = `require("https").get("${URL}", (answer) => answer.resume() && tell(answer.statusCode)).on("error", (error) => tell(String(error)));`;
const IN_WORKER = `const tell = (said) => require("worker_threads").parentPort.postMessage(said); ${ASK}`;
const IN_CHILD = `const tell = console.log; ${ASK}`;
const own = { PATH: process.env.PATH };
const child = [process.execPath, ["-e", IN_CHILD], { env: own, encoding: "utf8" }];

const worker = (options) =>
  new Promise((resolve, reject) => new Worker(IN_WORKER, { eval: true, ...options }).on("message", resolve).on("error", reject));
const output = (started) =>
  new Promise((resolve) => {
    let said = "";
    started.stdout.on("data", (part) => (said += part)).on("end", () => resolve(Number(said)));
  });
const named = (host) =>
  new Promise((resolve, reject) => {
    const socket = connect(80, host, () => socket.write("GET /fal-ai/kling-video HTTP/1.1\r\nHost: queue.fal.run\r\n\r\n"));
    socket.on("error", reject).on("data", (answer) => {
      resolve(Number(String(answer).split(" ")[1]));
      socket.destroy();
    });
  });

if (process.argv[2] === "forked") {
  get(URL, (answer) => process.send(answer.statusCode, () => process.exit()));
} else {
  const seen = {
    worker: await worker({}),
    "worker with an empty environment": await worker({ env: {} }),
    "worker with options of its own": await worker({ env: { NODE_OPTIONS: "--no-warnings" } }),
    "worker with the shared environment": await worker({ env: SHARE_ENV }),
    "worker without arguments": await worker({ execArgv: [], env: {} }),
    spawn: await output(spawn(...child)),
    "spawn with options of its own": await output(
      spawn(child[0], child[1], { env: { ...own, NODE_OPTIONS: "--no-warnings" } }),
    ),
    "spawn with empty options": await output(spawn(child[0], child[1], { env: { ...own, NODE_OPTIONS: "" } })),
    fork: await new Promise((resolve) => fork(fileURLToPath(import.meta.url), ["forked"], { env: own }).on("message", resolve)),
    spawnSync: Number(spawnSync(...child).stdout),
    execFileSync: Number(execFileSync(...child)),
    execSync: Number(execSync(`"${process.execPath}" -e '${IN_CHILD}'`, { env: own })),
    "capitals and a dot": await named("QUEUE.fal.run."),
    "other letters": await named("queue\u3002fal\u3002\uff52\uff55\uff4e"),
  };
  console.log(JSON.stringify(seen));
}
