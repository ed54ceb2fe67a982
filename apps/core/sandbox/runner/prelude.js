// Evaluated once in the zygote; every job is a copy of the result. It keeps its own references to what it needs,
// because code may replace anything on the global object. The host's four functions are gone from it afterwards.
(() => {
  "use strict";
  const { __write: write, __done: done, __ask: ask, __file: keep } = globalThis;
  for (const name of ["__write", "__done", "__ask", "__file"]) delete globalThis[name];

  const { stringify, parse } = JSON;
  const { Error, Map, Object, Promise, Set, String, Uint8Array, Math, Number, Date, Array, ArrayBuffer } = globalThis;
  const bind = (method) => Function.prototype.call.bind(method);
  const then = bind(Promise.prototype.then);
  const wellFormed = bind(String.prototype.toWellFormed);
  const replaceAll = bind(String.prototype.replaceAll);
  const toBase64 = bind(Uint8Array.prototype.toBase64);
  const fromBase64 = Uint8Array.fromBase64.bind(Uint8Array);
  const resolve = Promise.resolve.bind(Promise);
  const evaluate = globalThis.eval;

  // text that may cross to the host: it takes neither lone surrogates nor NUL
  const plain = (text) => replaceAll(wellFormed(text), "\0", "\ufffd");
  const show = (value) => {
    try {
      return String(value);
    } catch {
      return "(not printable)";
    }
  };
  const inspect = (value) => {
    if (typeof value === "string") return value;
    if (typeof value !== "object" || value === null) return show(value);
    if (value instanceof Error) return show(value.stack ? `${value}\n${value.stack}` : value);
    try {
      return stringify(value) ?? show(value);
    } catch {
      return show(value);
    }
  };

  const printer = (kind) => (...values) => {
    let text = "";
    for (let i = 0; i < values.length; i++) text += (i ? " " : "") + inspect(values[i]);
    write(kind, plain(text + "\n"));
  };
  const out = printer("o");
  const err = printer("e");
  globalThis.console = { log: out, info: out, debug: out, trace: out, dir: out, warn: err, error: err };

  // the engine's call sites hand out the functions of every frame, ours too
  Error.prepareStackTrace = (error, sites) => {
    delete Object.getPrototypeOf(sites[0]).getFunction;
  };
  new Error("").stack;
  Error.prepareStackTrace = undefined;

  // sfc32: the engine's own generator was seeded before the fork and would give every job the same numbers
  let [a, b, c, d] = [1, 2, 3, 4];
  const next = () => {
    const t = (((a + b) | 0) + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + t) | 0;
    return t >>> 0;
  };
  Math.random = () => (next() * 2097152 + (next() >>> 11)) / 9007199254740992;

  const cloneInto = (value, seen) => {
    if (typeof value === "function" || typeof value === "symbol") throw new Error("This value can't be cloned.");
    if (typeof value !== "object" || value === null) return value;
    if (seen.has(value)) return seen.get(value);
    if (value instanceof Date) return new Date(value.getTime());
    if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return value.slice();
    if (value instanceof RegExp) return new RegExp(value.source, value.flags);
    const copy = Array.isArray(value) ? [] : value instanceof Map ? new Map() : value instanceof Set ? new Set() : {};
    seen.set(value, copy);
    if (value instanceof Map) value.forEach((v, k) => copy.set(cloneInto(k, seen), cloneInto(v, seen)));
    else if (value instanceof Set) value.forEach((v) => copy.add(cloneInto(v, seen)));
    else for (const key of Object.keys(value)) copy[key] = cloneInto(value[key], seen);
    return copy;
  };
  globalThis.structuredClone = (value) => cloneInto(value, new Map());

  globalThis.TextEncoder = class TextEncoder {
    get encoding() {
      return "utf-8";
    }
    encode(text = "") {
      const bytes = unescape(encodeURIComponent(wellFormed(`${text}`)));
      return Uint8Array.from(bytes, (letter) => letter.charCodeAt(0));
    }
  };
  globalThis.TextDecoder = class TextDecoder {
    get encoding() {
      return "utf-8";
    }
    decode(data = new Uint8Array()) {
      const bytes = data instanceof ArrayBuffer ? new Uint8Array(data) : new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      let escaped = "";
      for (const byte of bytes) escaped += "%" + (byte + 256).toString(16).slice(1);
      try {
        return decodeURIComponent(escaped);
      } catch {
        return unescape(escaped);
      }
    }
  };

  let timers = [];
  let lastTimer = 0;
  const schedule = (callback, delay, args, every) => {
    const timer = { id: ++lastTimer, at: Date.now() + Math.max(Number(delay) || 0, 0), callback, args, every };
    timers.push(timer);
    return timer.id;
  };
  const cancel = (id) => {
    timers = timers.filter((timer) => timer.id !== id);
  };
  globalThis.setTimeout = (callback, delay, ...args) => schedule(callback, delay, args);
  globalThis.setInterval = (callback, delay, ...args) => schedule(callback, delay, args, Math.max(Number(delay) || 0, 1));
  globalThis.clearTimeout = globalThis.clearInterval = cancel;
  const wait = () => (timers.length ? Math.max(0, Math.min(...timers.map((timer) => timer.at)) - Date.now()) : -1);
  // one at a time: what a timer resolves runs before the next timer, however late both are
  const fire = () => {
    const now = Date.now();
    const due = timers.filter((timer) => timer.at <= now).sort((one, two) => one.at - two.at || one.id - two.id);
    if (!due.length) return;
    const [timer] = due;
    if (timer.every) timer.at = now + timer.every;
    else cancel(timer.id);
    timer.callback(...timer.args);
  };

  const files = {};
  const give = (text) => {
    for (const [name, content] of Object.entries(parse(text))) files[name] = fromBase64(content);
    globalThis.files = files;
    globalThis.readText = (name) => {
      if (!Object.hasOwn(files, name)) throw new Error(`There is no file ${name}.`);
      return new globalThis.TextDecoder().decode(files[name]);
    };
    globalThis.writeFile = (name, content) => {
      const bytes = typeof content === "string" ? new globalThis.TextEncoder().encode(content) : new Uint8Array(content);
      const refused = keep(plain(`${name}`), toBase64(bytes));
      if (refused) throw new Error(refused);
      files[name] = bytes;
    };
  };

  const connect = () => {
    globalThis.http_request = (method, url, headers = {}, body = "") => {
      const bytes = typeof body === "string" ? new globalThis.TextEncoder().encode(body) : new Uint8Array(body);
      const answer = parse(ask(plain(stringify({ method: `${method}`, url: `${url}`, headers, body: toBase64(bytes) }))));
      if (answer.error) throw new Error(answer.error);
      const content = fromBase64(answer.body);
      const text = () => new globalThis.TextDecoder().decode(content);
      return { status: answer.status, headers: answer.headers, body: content, text, json: () => parse(text()) };
    };
  };

  const fail = (error) => {
    let [name, message, stack] = ["Error", show(error), ""];
    try {
      if (error instanceof Error) [name, message, stack] = [show(error.name), show(error.message), show(error.stack ?? "")];
    } catch {
      // an error whose parts can't be read is told by what could be
    }
    done("e", plain(name), plain(message), plain(stack));
  };
  const succeed = (value) => {
    let text;
    try {
      text = value === undefined ? "null" : stringify(value);
    } catch (error) {
      return done("n", "", plain(show(error && error.message)), "");
    }
    if (typeof text !== "string") return done("n", "", "a function or symbol", "");
    done("r", plain(text), "", "");
  };

  const sandboxCall = (entry, inputs) => {
    const main = evaluate(`typeof ${entry} === "function" ? ${entry} : undefined`);
    if (!main) return done("e", "ReferenceError", `The code must define a function ${entry}(inputs).`, "");
    const given = parse(inputs);
    // Coze writes main({ params }): the same object answers to both, and JSON and spreading don't see the extra name
    if (!Object.hasOwn(given, "params")) Object.defineProperty(given, "params", { value: given, writable: true });
    const value = main(given);
    const waits = value && typeof value === "object" && (value instanceof Promise || typeof value.then === "function");
    if (waits) then(resolve(value), succeed, fail);
    else succeed(value);
  };

  return (what, one, two) => {
    try {
      if (what === "call") sandboxCall(one, two);
      else if (what === "seed") [a, b, c, d] = parse(one);
      else if (what === "files") give(one);
      else if (what === "network") connect();
      else if (what === "wait") return wait();
      else if (what === "fire") fire();
    } catch (error) {
      fail(error);
    }
    return -1;
  };
})();
