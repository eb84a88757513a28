// Preloaded into Node by NODE_OPTIONS: connections to fal's hosts end at the emulator.
// One seam serves fetch, http, https, http2, axios and undici: all of them connect a net.Socket.
"use strict";

const net = require("net");
const { syncBuiltinESMExports } = require("module");
const workers = require("worker_threads");

const run = null;
const real = net.Socket.prototype.connect;

function isFal(host) {
  const name = String(host || "").toLowerCase().replace(/\.+$/, "");
  return run.domains.some((domain) => name === domain || name.endsWith("." + domain));
}

function redirected(options) {
  if (!isFal(options.host)) return options;
  const port = Number(options.port) === 80 ? run.plainPort : run.tlsPort;
  const { lookup, path, ...kept } = options;
  return { ...kept, host: "127.0.0.1", port };
}

net.Socket.prototype.connect = function connect(...args) {
  const [first, second] = args;
  if (Array.isArray(first)) {
    first[0] = redirected(first[0]); // as net.connect hands it on: [options, callback]
  } else if (first !== null && typeof first === "object") {
    args[0] = redirected(first);
  } else if (typeof second === "string") {
    const { host, port } = redirected({ port: first, host: second });
    args.splice(0, 2, port, host);
  }
  return Reflect.apply(real, this, args);
};

// A worker that is given an environment of its own must be led, too.
workers.Worker = class Worker extends workers.Worker {
  constructor(file, options = {}) {
    const { env } = options;
    const led = env !== null && typeof env === "object" ? { NODE_OPTIONS: process.env.NODE_OPTIONS, ...env } : env;
    super(file, { ...options, env: led });
  }
};
syncBuiltinESMExports();
