// Preloaded into Node by NODE_OPTIONS, and into Bun by BUN_OPTIONS: connections to fal's hosts end at the emulator.
// One seam serves fetch, http, https, http2, axios and undici: all of them connect a net.Socket.
// The npm package fakefal loads it, too, into a process that runs already.
"use strict";

const children = require("child_process");
const diagnostics = require("diagnostics_channel");
const { readFileSync } = require("fs");
const http = require("http");
const net = require("net");
const { syncBuiltinESMExports } = require("module");
const tls = require("tls");
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

// A process that started before the authority was there does not trust it: NODE_EXTRA_CA_CERTS is read at the start.
const secured = tls.connect;
const isOptions = (given) => given !== null && typeof given === "object";
function connectSecurely(...args) {
  const options = args.find(isOptions) || {};
  if (isFal(options.servername || options.host || args[1])) {
    const trusting = { ...options, ca: run.authority, secureContext: undefined };
    if (args.some(isOptions)) args[args.findIndex(isOptions)] = trusting;
    else args.splice(args.filter((given) => typeof given !== "function").length, 0, trusting);
  }
  return secured(...args);
}

// A test has a key of its own, which takes the place of any well-formed key that its program sends to fal.  The key of
// the test that runs stands in a file, so that a server which was started before the test has it, too.
exports.enter = () => {}; // the npm package sees there that the file is right
exports.caller = process.env.FAKEFAL_CALLER; // the npm package sets it, too
function asCaller(host, value) {
  if (!exports.caller || !isFal(host) || !/^Key [^:\s]+:\S+$/i.test(value)) return value;
  exports.enter();
  return `Key ${readFileSync(exports.caller, "utf8")}`;
}
const isAuthorization = (name) => String(name).toLowerCase() === "authorization";
const setHeader = http.ClientRequest.prototype.setHeader;
function setHeaderAsCaller(name, value) {
  const proxied = /^https?:\/\/([^/:]+)/i.exec(this.path || ""); // the path as an HTTP proxy gets it
  const sent = isAuthorization(name) ? asCaller(proxied ? proxied[1] : this.host, value) : value;
  return Reflect.apply(setHeader, this, [name, sent]);
}
const fetched = diagnostics.channel("undici:request:create"); // fetch, and the package undici
function fetchAsCaller({ request: { origin, headers } }) {
  exports.enter(); // wherever it goes: a server there may call fal
  if (!Array.isArray(headers)) return;
  const at = headers.findIndex((name, index) => index % 2 === 0 && isAuthorization(name));
  if (at >= 0) headers[at + 1] = asCaller(new URL(origin).hostname, headers[at + 1]);
}
if (!process.versions.bun) {
  tls.connect = connectSecurely;
  http.ClientRequest.prototype.setHeader = setHeaderAsCaller;
  fetched.subscribe(fetchAsCaller);
}

// Workers and children that are given an environment of their own must be led, too.
function led(own) {
  const { FAL_KEY } = process.env;
  exports.enter();
  if (own === null || typeof own !== "object") return own;
  if (own[run.ledBy] && own[run.ledBy] !== run.environ[run.ledBy]) return own; // a run within this one leads it
  const environ = { ...run.environ, ...own };
  if (exports.caller) environ.FAKEFAL_CALLER = exports.caller;
  if (own.FAL_KEY && own.FAL_KEY === FAL_KEY) environ.FAL_KEY = process.env.FAL_KEY;
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
  children[name] = (...args) => {
    exports.enter(); // it may change this process's environment, which the child inherits
    return start(...args.map(withEnviron));
  };
}
syncBuiltinESMExports();
net.Socket[Symbol.for("fakefal.preload")] = __filename;
