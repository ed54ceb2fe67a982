"""Hostile JavaScript. `breach` in the result, again, says what the program got away with."""

from __future__ import annotations

from typing import Any

from tests.sandbox.attacks.model import (
    CPU,
    CRASHED,
    DEEP,
    FAILED,
    LARGE,
    MEMORY,
    NOT_JSON,
    OK,
    OUTPUT,
    WALL,
    Attack,
    javascript,
)

SPIN: dict[str, Any] = {"cpu_s": 1, "wall_s": 0.6}
SMALL: dict[str, Any] = {"memory_mb": 32, "cpu_s": 5, "wall_s": 30}  # on a busy machine, too
TOO_LONG = (CPU, WALL)

# Every name that a bare engine has; anything else in the global object is the host's.
_STANDARD = (
    "Object Function Error EvalError RangeError ReferenceError SyntaxError TypeError URIError InternalError AggregateError SuppressedError Array Number "
    "Boolean String Symbol Map Set WeakMap WeakSet WeakRef FinalizationRegistry ArrayBuffer SharedArrayBuffer Uint8ClampedArray Int8Array "
    "Uint8Array Int16Array Uint16Array Int32Array Uint32Array BigInt64Array BigUint64Array Float16Array Float32Array Float64Array DataView "
    "Atomics Promise Proxy Reflect Math JSON Date RegExp BigInt Iterator parseInt parseFloat isNaN isFinite decodeURI decodeURIComponent "
    "encodeURI encodeURIComponent escape unescape eval globalThis undefined NaN Infinity queueMicrotask performance navigator DOMException "
    "console structuredClone btoa atob main DisposableStack AsyncDisposableStack Callsite CallSite Generator setTimeout clearTimeout setInterval "
    "clearInterval Symbol(Symbol.toStringTag) URL URLSearchParams TextEncoder TextDecoder http_request httpRequest"
)

ATTACKS: list[Attack] = [
    javascript(
        "host names in the global object",
        "const known = new Set('"
        + _STANDARD
        + "'.split(' '));\nfunction main() { return {breach: Reflect.ownKeys(globalThis).map(String).filter(n => !known.has(n)).join() || null} }",
        OK,
    ),
    javascript(
        "require, process, std, os",
        "function main() { return {breach: ['require', 'process', 'std', 'os', 'bjson', 'scriptArgs', 'load', 'loadScript', 'print', 'Deno', 'Bun', 'WebAssembly', 'fetch', 'Worker', 'XMLHttpRequest', '__r', '__w', '__d', '__e', '__loadScript', '__date_clock'].filter(n => { try { return typeof eval(n) !== 'undefined' } catch (e) { return false } }).join() || null} }",
        OK,
    ),
    javascript(
        "dynamic import of a file",
        "async function main() { try { const m = await import('/etc/passwd'); return {breach: String(m)} } catch (e) { return {breach: null} } }",
    ),
    javascript(
        "dynamic import of a host module",
        "async function main() { for (const n of ['std', 'os', 'qjs:std', 'qjs:os', 'node:fs', 'file:///etc/passwd', 'data:text/javascript,1']) { try { await import(n); return {breach: n} } catch (e) {} } return {breach: null} }",
    ),
    javascript(
        "import statement",
        "import * as std from 'std';\nfunction main() { return {breach: Object.keys(std).join()} }",
        FAILED,
    ),
    javascript(
        "the function constructor",
        "function main() { const g = Function('return this')(); return {breach: g.process || g.std || g.require ? 'host' : null} }",
        OK,
    ),
    javascript(
        "constructors of host functions",
        "function main() { const F = console.log.constructor; const g = F('return this')(); const own = Reflect.ownKeys(console.log).map(String).filter(n => !['length', 'name', 'prototype', 'arguments', 'caller'].includes(n)); return {breach: g !== globalThis ? 'another realm' : own.join() || null} }",
    ),
    javascript(
        "callers of main",
        "function main() { try { return {breach: main.caller ? String(main.caller) : null} } catch (e) { return {breach: null} } }",
        OK,
    ),
    javascript(
        "arguments.callee.caller",
        "function main() { try { const c = arguments.callee.caller; return {breach: c ? String(c) : null} } catch (e) { return {breach: null} } }",
        OK,
    ),
    javascript(
        "the stack shows the host",
        "function main({host_root}) { const s = new Error('x').stack; return {breach: s.includes(host_root) || s.includes('.py') || s.includes('site-packages') ? s : null} }",
        OK,
    ),
    javascript(
        "prepareStackTrace",
        "function main() { const seen = []; Error.prepareStackTrace = (e, frames) => { for (const f of frames || []) { try { const t = f.getThis && f.getThis(); const fn = f.getFunction && f.getFunction(); if (fn && fn !== main) seen.push(String(fn).slice(0, 80)) } catch (x) {} } return '' }; const s = new Error('x').stack; Error.prepareStackTrace = undefined; return {breach: seen.length ? seen : null, s: String(s)} }",
        OK,
        FAILED,
    ),
    javascript(
        "an Error with a forged stack",
        "function main() { const e = new Error('x'); Object.defineProperty(e, 'stack', {get() { throw new Error('again') }}); throw e }",
        FAILED,
    ),
    javascript(
        "throw a hostile object",
        "function main() { throw {get message() { for (;;); }, toString() { for (;;); }} }",
        FAILED,
        *TOO_LONG,
        limits=SPIN,
    ),
    javascript("throw undefined, null, a symbol", "function main() { throw Symbol('x') }", FAILED),
    javascript(
        "throw a proxy",
        "function main() { throw new Proxy({}, {get() { throw new Proxy({}, {get() { throw 1 }}) }}) }",
        FAILED,
        CRASHED,
    ),
    javascript(
        "throw an infrastructure failure",
        "function main() { const e = new Error('try again'); e.name = 'SandboxUnavailable'; e.code = 'sandbox_unavailable'; e.retryable = true; throw e }",
        FAILED,
    ),
    javascript(
        "pollute Object.prototype",
        "Object.prototype.toJSON = () => ({forged: 1}); Object.prototype.POISON = 1; Object.prototype.ok = true; Object.prototype.then = function (r) { r({forged: 2}) };\nfunction main() { return {a: 1} }",
        OK,
        FAILED,
        NOT_JSON,
        *TOO_LONG,
        limits=SPIN,
    ),
    javascript(
        "pollute Array.prototype",
        "Array.prototype.toJSON = () => 'forged'; Array.prototype[Symbol.iterator] = function* () { for (;;) yield 1 };\nfunction main() { console.log(1, 2); return {a: [1]} }",
        OK,
        FAILED,
        *TOO_LONG,
        NOT_JSON,
        limits=SPIN,
    ),
    javascript(
        "pollute String.prototype",
        "String.prototype.toJSON = () => 5; String.prototype.toWellFormed = () => '\\ud800'; String.prototype.toString = () => { throw 1 };\nfunction main() { console.log('x'); return {a: 'x'} }",
        OK,
        FAILED,
        NOT_JSON,
    ),
    javascript(
        "replace JSON",
        "JSON.stringify = () => '{\"forged\": 1}'; JSON.parse = () => ({forged: 1}); globalThis.JSON = null;\nfunction main(i) { return {a: 1} }",
        OK,
        FAILED,
    ),
    javascript(
        "replace Promise.prototype.then",
        "Promise.prototype.then = function (f) { f({forged: 1}); f({forged: 2}) };\nasync function main() { return {a: 1} }",
        OK,
        FAILED,
        NOT_JSON,
        WALL,
        limits={"wall_s": 1},
    ),
    javascript(
        "a then that settles twice",
        "function main() { return {then(a, b) { a({x: 1}); a({x: 2}); b(new Error('no')) }} }",
        OK,
        FAILED,
        NOT_JSON,
    ),
    javascript(
        "a then that never settles",
        "function main() { return {then() {}} }",
        FAILED,
        NOT_JSON,
        *TOO_LONG,
        limits=SPIN,
    ),
    javascript(
        "a then that throws", "function main() { return {get then() { throw new Error('x') }} }", FAILED
    ),
    javascript(
        "replace console",
        "globalThis.console = {log() { throw 1 }}; function main() { console.log(1) }",
        FAILED,
    ),
    javascript(
        "console with a symbol",
        "function main() { console.log(Symbol('x'), Symbol.iterator, null, undefined, 1n, () => 1); return {a: 1} }",
        OK,
    ),
    javascript(
        "console with a spinning object",
        "function main() { console.log({toJSON() { for (;;); }}) }",
        *TOO_LONG,
        limits=SPIN,
    ),
    javascript(
        "console with a throwing object",
        "function main() { console.log({toJSON() { throw 1 }, toString() { throw 2 }, [Symbol.toPrimitive]() { throw 3 }}); console.log(new Proxy({}, {get() { throw 1 }, ownKeys() { throw 2 }})); return {a: 1} }",
        OK,
        FAILED,
    ),
    javascript(
        "console with lone surrogates and NUL",
        "function main() { console.log('\\ud800\\0', '\\udfff'); return {a: 1} }",
        OK,
    ),
    javascript(
        "console without end",
        "function main() { for (;;) console.log('x'.repeat(1000)) }",
        OUTPUT,
        limits=SMALL,
    ),
    javascript(
        "console through every method",
        "function main() { for (;;) for (const m of Object.keys(console)) try { console[m]('x'.repeat(5000)) } catch (e) {} }",
        OUTPUT,
        *TOO_LONG,
        limits=SMALL,
    ),
    javascript(
        "console with a gigantic text",
        "function main() { console.log('x'.repeat(20000000)); return {} }",
        OUTPUT,
        MEMORY,
        FAILED,
        limits={"memory_mb": 128, "cpu_s": 5, "wall_s": 30},
    ),
    javascript(
        "call the host with wrong arguments",
        "function main() { for (const f of Object.values(console)) for (const a of [[], [{}], [1, 2, 3], [null], [Symbol()]]) try { f.apply(null, a); Reflect.apply(f, {}, a); new f(...a) } catch (e) { if (/python|traceback|site-packages|\\.py/i.test(String(e) + e.stack)) return {breach: String(e) + e.stack} } return {breach: null} }",
    ),
    javascript("a loop without end", "function main() { for (;;); }", *TOO_LONG, limits=SPIN),
    javascript("a loop while loading", "for (;;);\nfunction main() { return {} }", *TOO_LONG, limits=SPIN),
    javascript(
        "microtasks without end",
        "async function main() { const f = () => Promise.resolve().then(f); await f() }",
        *TOO_LONG,
        MEMORY,
        FAILED,
        limits=SPIN,
    ),
    javascript(
        "a promise that never settles",
        "function main() { return new Promise(() => {}) }",
        FAILED,
        *TOO_LONG,
        limits=SPIN,
    ),
    javascript(
        "rejections nobody handles",
        "function main() { for (let i = 0; i < 1000; i++) Promise.reject(new Error('x')); return {a: 1} }",
        OK,
        FAILED,
    ),
    javascript(
        "regular expression backtracking",
        "function main() { return {m: /^(a+)+$/.test('a'.repeat(60) + 'b')} }",
        *TOO_LONG,
        FAILED,
        limits=SPIN,
    ),
    javascript(
        "memory: arrays",
        "function main() { const a = []; for (;;) a.push(new Array(1e6).fill(1)) }",
        MEMORY,
        FAILED,
        limits=SMALL,
    ),
    javascript(
        "memory: strings", "function main() { let s = 'x'; for (;;) s += s }", MEMORY, FAILED, limits=SMALL
    ),
    javascript(
        "memory: repeat",
        "function main() { return {s: 'x'.repeat(2 ** 30 - 1)} }",
        MEMORY,
        FAILED,
        limits=SMALL,
    ),
    javascript(
        "memory: a buffer",
        "function main() { return {n: new ArrayBuffer(2 ** 40).byteLength} }",
        MEMORY,
        FAILED,
        limits=SMALL,
    ),
    javascript(
        "memory: many buffers, errors swallowed",
        "function main() { const a = []; for (;;) try { a.push(new Uint8Array(1 << 20).fill(1)) } catch (e) {} }",
        MEMORY,
        FAILED,
        *TOO_LONG,
        limits=SPIN | {"memory_mb": 32},
    ),
    javascript(
        "memory: a shared buffer and a wait",
        "function main() { Atomics.wait(new Int32Array(new SharedArrayBuffer(8)), 0, 0); return {} }",
        FAILED,
        *TOO_LONG,
        limits=SPIN,
    ),
    javascript(
        "memory: symbols and maps",
        "function main() { const m = new Map(); for (let i = 0; ; i++) m.set(Symbol(i), {i}) }",
        MEMORY,
        FAILED,
        *TOO_LONG,
        limits=SMALL,
    ),
    javascript(
        "big integers",
        "function main() { let n = 9n; for (;;) n = n ** 9n }",
        FAILED,
        MEMORY,
        *TOO_LONG,
        limits=SPIN,
    ),
    javascript("a big integer in the result", "function main() { return {a: 1n} }", FAILED, NOT_JSON),
    javascript("recursion", "function main() { return main() }", FAILED, CRASHED),
    javascript(
        "recursion through toJSON",
        "function main() { const o = {toJSON() { return {o} }}; return o }",
        FAILED,
        NOT_JSON,
        CRASHED,
        *TOO_LONG,
        MEMORY,
        DEEP,
        limits=SPIN,
    ),
    javascript(
        "recursion through a proxy",
        "function main() { let p = {}; for (let i = 0; i < 1e5; i++) p = new Proxy(p, {}); return {a: p.x, k: Object.keys(p)} }",
        FAILED,
        CRASHED,
        MEMORY,
        OK,
        *TOO_LONG,
        limits=SMALL,
    ),
    javascript(
        "recursion in the parser",
        "const s = '('.repeat(1e5) + ')'.repeat(1e5);\nfunction main() { return {x: eval(s)} }",
        FAILED,
        CRASHED,
        MEMORY,
    ),
    javascript(
        "recursion in a pattern",
        "function main() { return {r: new RegExp('('.repeat(1e5) + ')'.repeat(1e5)).test('a')} }",
        FAILED,
        CRASHED,
        MEMORY,
        OK,
        limits=SMALL,
    ),
    javascript(
        "a deep JSON text",
        "function main() { return {a: JSON.parse('['.repeat(1e6) + ']'.repeat(1e6))} }",
        FAILED,
        DEEP,
        CRASHED,
        MEMORY,
        NOT_JSON,
        limits=SMALL,
    ),
    javascript(
        "a deep result",
        "function main() { let d = []; for (let i = 0; i < 100; i++) d = [d]; return {d} }",
        DEEP,
    ),
    javascript(
        "a result that holds itself", "function main() { const d = {}; d.d = d; return d }", FAILED, NOT_JSON
    ),
    javascript(
        "a large result",
        "function main() { return {d: 'x'.repeat(3000000)} }",
        LARGE,
        limits={"result_kb": 64},
    ),
    javascript(
        "a result with odd numbers",
        "function main() { return {a: NaN, b: Infinity, c: -0, d: 1e308 * 10} }",
        OK,
        FAILED,
        NOT_JSON,
    ),
    javascript(
        "a result with lone surrogates and NUL",
        "function main() { return {a: '\\ud800', ['\\udfff']: '\\0'} }",
        OK,
        FAILED,
        NOT_JSON,
    ),
    javascript("a result that is a function", "function main() { return () => 1 }", FAILED, NOT_JSON),
    javascript(
        "a result that is a proxy",
        "function main() { return new Proxy({}, {ownKeys() { return Array.from({length: 1e6}, (_, i) => 'k' + i) }, getOwnPropertyDescriptor() { return {value: 1, enumerable: true, configurable: true} }, get() { return 1 }}) }",
        OK,
        FAILED,
        LARGE,
        MEMORY,
        *TOO_LONG,
        NOT_JSON,
        limits=SMALL,
    ),
    javascript(
        "a result whose getters spin",
        "function main() { return {get a() { for (;;); }} }",
        *TOO_LONG,
        limits=SPIN,
    ),
    javascript("no main", "const x = 1", FAILED),
    javascript(
        "main is a getter",
        "Object.defineProperty(globalThis, 'main', {get() { throw new Error('no') }, configurable: true})",
        FAILED,
    ),
    javascript(
        "main changes while it is read",
        "let n = 0; Object.defineProperty(globalThis, 'main', {get() { return n++ ? 5 : () => ({a: 1}) }})",
        OK,
        FAILED,
    ),
    javascript(
        "code that leaves its wrapper",
        "}); globalThis.escaped = 1; (function () {\nfunction main() { return {breach: globalThis.escaped} }",
        FAILED,
    ),
    javascript("code with a comment at its end", "function main() { return {a: 1} } /*", FAILED),
    javascript("code with odd line ends", "function main() { return {a: 1} }\u2028\u2029//", OK, FAILED),
    javascript("code with NUL", "function main() { return {a: 1} }\0", OK, FAILED),
    javascript(
        "poison what the next job sees",
        "globalThis.POISON = 1; Math.max = () => 666; Array.prototype.map = null; Date.now = () => 0; JSON.POISON = 1;\nfunction main() { return {a: 1} }",
        OK,
        FAILED,
    ),
    javascript(
        "finalizers",
        "const r = new FinalizationRegistry(() => { for (;;); });\nfunction main() { for (let i = 0; i < 1e4; i++) r.register({}, i); return {a: 1} }",
        OK,
        FAILED,
        *TOO_LONG,
        limits=SPIN,
    ),
    javascript(
        "sorting that lies",
        "function main() { const a = Array.from({length: 1e5}, (_, i) => i); for (;;) a.sort(() => Math.random() - 0.5) }",
        *TOO_LONG,
        limits=SPIN,
    ),
    javascript(
        "typed arrays resized under an iteration",
        "function main() { const b = new ArrayBuffer(1 << 16, {maxByteLength: 1 << 20}); const u = new Uint8Array(b); let n = 0; u.forEach((v, i) => { if (i === 10) b.resize(8); n++ }); for (const x of [[], u]) Array.prototype.splice.call(x, 0, 1); return {n} }",
        OK,
        FAILED,
        CRASHED,
    ),
    javascript(
        "arrays changed under an iteration",
        "function main() { const a = [1, 2, 3]; a.sort(() => { a.length = 0; return 1 }); const b = Array.from({length: 1000}, () => ({})); b.concat(new Proxy([], {get(t, k) { b.length = 0; return k === 'length' ? 2 ** 32 : t[k] }})); return {a} }",
        OK,
        FAILED,
        CRASHED,
        MEMORY,
        *TOO_LONG,
        limits=SPIN,
    ),
    javascript(
        "the inputs cannot be reached before",
        "const early = typeof globalThis.inputs;\nfunction main(i) { return {breach: early === 'undefined' ? null : early} }",
        OK,
    ),
]
