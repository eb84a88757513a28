// Preloaded into Node by NODE_OPTIONS: TLS connections to fal's hosts end at the emulator.
// One seam serves fetch, https, axios and undici, because all of them connect by tls.connect.
"use strict";

const tls = require("tls");
const { syncBuiltinESMExports } = require("module");

const port = Number(process.env.FAKEFAL_RUN_TLS_PORT);
const domains = (process.env.FAKEFAL_RUN_DOMAINS || "").split(",").filter(Boolean);
const real = tls.connect;

function isFal(host) {
  const name = String(host || "").toLowerCase().replace(/\.$/, "");
  return domains.some((domain) => name === domain || name.endsWith("." + domain));
}

function connect(...args) {
  // (options), (port, host, options), (port, options), each with an optional callback
  const listener = typeof args[args.length - 1] === "function" ? args.pop() : undefined;
  const options = {};
  for (const [index, arg] of args.entries()) {
    if (arg !== null && typeof arg === "object") Object.assign(options, arg);
    else if (index === 0) options.port = arg;
    else if (typeof arg === "string") options.host = arg;
  }
  const name = options.servername || options.host || options.hostname;
  if (!port || options.socket || !(isFal(options.host || options.hostname) || isFal(name))) {
    return Reflect.apply(real, this, listener ? [...args, listener] : args);
  }
  const here = { ...options, host: "127.0.0.1", port, servername: name };
  delete here.hostname;
  delete here.path;
  delete here.lookup;
  delete here.session;
  return Reflect.apply(real, this, listener ? [here, listener] : [here]);
}

tls.connect = connect;
syncBuiltinESMExports();
