// Preloaded into Node by NODE_OPTIONS, and into Bun by BUN_OPTIONS: connections to fal's hosts end at the emulator.
// One seam serves fetch, http, https, http2, axios and undici: all of them connect a net.Socket.
"use strict";

const children = require("child_process");
const net = require("net");
const { syncBuiltinESMExports } = require("module");
const { domainToASCII } = require("url");
const workers = require("worker_threads");

const run = null;
const real = net.Socket.prototype.connect;

function isFal(host) {
  const name = domainToASCII(String(host || "")).toLowerCase().replace(/\.+$/, "");
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

// Workers and children that are given an environment of their own must be led, too.
function led(own) {
  if (own === null || typeof own !== "object") return own;
  const environ = { ...run.environ, ...own };
  for (const [name, separator] of Object.entries(run.prepended)) {
    const ours = run.environ[name];
    if (!own[name]) environ[name] = ours;
    else if (ours && !own[name].includes(ours)) environ[name] = ours + separator + own[name];
  }
  return environ;
}

workers.Worker = class Worker extends workers.Worker {
  constructor(file, options = {}) {
    super(file, { ...options, env: led(options.env) });
  }
};

const spawn = children.ChildProcess.prototype.spawn;
children.ChildProcess.prototype.spawn = function (options) {
  const own = (options.envPairs || []).map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]);
  const envPairs = Object.entries(led(Object.fromEntries(own))).map(([name, value]) => `${name}=${value}`);
  return Reflect.apply(spawn, this, [{ ...options, envPairs }]);
};
for (const name of ["spawnSync", "execSync", "execFileSync"]) {
  const start = children[name];
  const withEnviron = (given) => (given?.env && !Array.isArray(given) ? { ...given, env: led(given.env) } : given);
  children[name] = (...args) => start(...args.map(withEnviron));
}
syncBuiltinESMExports();
