// Every way in which Node can call fal's hosts.  Prints which emulator answered, as JSON.
import http from "node:http";
import https from "node:https";
import net from "node:net";
import tls from "node:tls";
import { Worker, isMainThread, parentPort } from "node:worker_threads";

const path = "/fal-ai/kling-video/requests/unknown/status";
const text = async (response) => {
  let body = "";
  for await (const part of response) body += part;
  return body;
};
const get = (library, url) =>
  new Promise((resolve, reject) => library.get(url, (response) => resolve(text(response))).on("error", reject));

async function roads() {
  const seen = {};
  seen.fetch = await (await fetch(`https://queue.fal.run${path}`)).text();
  seen.fetchPlain = await (await fetch(`http://queue.fal.run${path}`)).text();
  seen.dot = await get(http, `http://queue.fal.run.${path}`);
  seen.https = await get(https, `https://QUEUE.fal.run${path}`);
  seen.http = await get(http, `http://queue.fal.run${path}`);
  seen.unknown = await get(https, "https://auth.fal.ai/x");
  seen.sockets = await new Promise((resolve, reject) => {
    const socket = net.connect(443, "queue.fal.run", () => {
      const secure = tls.connect({ socket, servername: "queue.fal.run" }, () =>
        secure.write(`GET ${path} HTTP/1.1\r\nHost: queue.fal.run\r\nConnection: close\r\n\r\n`),
      );
      text(secure).then(resolve, reject);
    });
    socket.on("error", reject);
  });
  return seen;
}

if (isMainThread) {
  const seen = await roads();
  const worker = new Worker(new URL(import.meta.url), { env: { NODE_EXTRA_CA_CERTS: process.env.NODE_EXTRA_CA_CERTS } });
  seen.worker = await new Promise((resolve, reject) => worker.on("message", resolve).on("error", reject));
  console.log(JSON.stringify(seen));
} else {
  parentPort.postMessage(await roads());
}
