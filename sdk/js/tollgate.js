/**
 * Policies for the Tollgate gateway.
 *
 * A policy is an object with a manifest and a function for each phase. `policy` turns it into what a component exports.
 *
 * @module tollgate
 */
import * as context from "tollgate:policy/context@0.1.0";
import * as expressions from "tollgate:expression/expression@0.1.0";
import * as variableStore from "tollgate:policy/variables@0.1.0";
import { write } from "tollgate:log/log@0.1.0";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** @typedef {string | Uint8Array} Text Text, which becomes UTF-8, or bytes as they are. */
/** @typedef {Record<string, Text> | [string, Text][]} Headers */

/** @import * as contract from "tollgate:policy/messages@0.1.0" */
/** @import { LastError } from "tollgate:policy/on-error@0.1.0" */
/** @typedef {import("tollgate:policy/verdicts@0.1.0").Verdict} Verdict What a phase decides; `reply` and its sisters make them. */

/** A capability or a message said no. `code` is the case of its interface, such as `forbidden`. */
export class TollgateError extends Error {
  /** @param {string} doing @param {string} code @param {unknown} [detail] */
  constructor(doing, code, detail) {
    super(`${doing}: ${code}${detail === undefined ? "" : ` (${detail})`}`);
    this.name = "TollgateError";
    this.code = code;
    this.detail = detail;
  }
}

/** Thrown by `configure`: the configuration is refused, at a JSON Pointer below the statement. */
export class ConfigError extends Error {
  /** @param {string} pointer Example: `/keys/0` @param {string} message One lower-case sentence without a full stop. */
  constructor(pointer, message) {
    super(message);
    this.name = "ConfigError";
    this.pointer = pointer;
  }
}

/**
 * Call a function of the gateway; what it refuses with becomes a `TollgateError`.
 *
 * @template T @param {string} doing @param {() => T} call @returns {T}
 */
export function asking(doing, call) {
  try {
    return call();
  } catch (error) {
    const payload = /** @type {any} */ (error)?.payload;
    if (payload === undefined) throw error;
    if (typeof payload === "string") throw new TollgateError(doing, payload);
    throw new TollgateError(doing, payload.tag ?? String(payload), payload.val);
  }
}

/**
 * Bytes as they are, text as UTF-8. Bytes that come from the gateway are of another realm, so `instanceof` doesn't know them.
 *
 * @param {Text | ArrayBufferView} value @returns {Uint8Array}
 */
export function bytesOf(value) {
  if (!ArrayBuffer.isView(value)) return encoder.encode(String(value));
  return value instanceof Uint8Array ? value : new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
}

/** @param {Uint8Array} bytes @returns {string} UTF-8; what isn't becomes U+FFFD. */
export function textOf(bytes) {
  return decoder.decode(bytes);
}

/** @type {contract.Field} */
const JSON_TYPE = { name: "content-type", value: encoder.encode("application/json") };

/** @param {Headers} headers @returns {contract.Field[]} */
function fields(headers) {
  // By index and by key: taking pairs apart asks an iterator each time, and there is no compiler below that would see through it.
  if (Array.isArray(headers)) return headers.map((pair) => ({ name: pair[0], value: bytesOf(pair[1]) }));
  return Object.keys(headers ?? {}).map((name) => ({ name, value: bytesOf(headers[name]) }));
}

/**
 * What requests and responses have alike: headers and a body.
 *
 * @template {contract.Request | contract.Response} H
 */
class Message {
  /** @param {H} handle The gateway's own. */
  constructor(handle) {
    this.handle = handle;
  }

  /** The first value of a header as text; undefined if it is absent. @param {string} name @returns {string | undefined} */
  header(name) {
    const value = this.handle.header(name);
    return value === undefined ? undefined : textOf(value);
  }

  /** All values of a header. @param {string} name @returns {string[]} */
  headerValues(name) {
    return this.handle.headerValues(name).map(textOf);
  }

  /** All headers in order. @returns {[string, string][]} */
  get headers() {
    return this.handle.headers().map((field) => [field.name, textOf(field.value)]);
  }

  /** @param {string} name @param {Text} value */
  setHeader(name, value) {
    asking(`set the header ${name}`, () => this.handle.setHeader(name, bytesOf(value)));
  }

  /** @param {string} name @param {Text} value */
  appendHeader(name, value) {
    asking(`append the header ${name}`, () => this.handle.appendHeader(name, bytesOf(value)));
  }

  /** @param {string} name */
  removeHeader(name) {
    asking(`remove the header ${name}`, () => this.handle.removeHeader(name));
  }

  /** The whole body. The phase needs `bodies: { "on-request": { buffer: { "max-bytes": N } } }`. @returns {Uint8Array} */
  bytes() {
    return bytesOf(asking("read the body", () => this.handle.body()));
  }

  /** The whole body as text. @returns {string} */
  text() {
    return textOf(this.bytes());
  }

  /** The whole body as JSON; throws a `SyntaxError` if it isn't. @returns {any} */
  json() {
    return JSON.parse(this.text());
  }

  /** @param {Text} body */
  setBody(body) {
    asking("set the body", () => this.handle.setBody(bytesOf(body)));
  }
}

/** The request as it will be forwarded. @extends {Message<contract.Request>} */
export class Request extends Message {
  /** @returns {string} */
  get method() {
    return this.handle.method();
  }
  set method(method) {
    asking("set the method", () => this.handle.setMethod(method));
  }

  /** `http` or `https`. @returns {string} */
  get scheme() {
    return this.handle.scheme();
  }

  /** Host and port that the client addressed. @returns {string} */
  get authority() {
    return this.handle.authority();
  }

  /** The normalised path, the API's own included. @returns {string} */
  get path() {
    return this.handle.path();
  }

  /** The query without its `?`. @returns {string | undefined} */
  get query() {
    return this.handle.query();
  }
  set query(query) {
    asking("set the query", () => this.handle.setQuery(query));
  }

  /** The values of a query parameter, decoded. @param {string} name @returns {string[]} */
  queryValues(name) {
    return this.handle.queryValues(name);
  }

  /** A parameter of the operation's URL template. @param {string} name @returns {string | undefined} */
  parameter(name) {
    return this.handle.parameter(name);
  }

  /** Path and query, relative to the API. @param {string} pathAndQuery */
  setTarget(pathAndQuery) {
    asking("set the target", () => this.handle.setTarget(pathAndQuery));
  }
}

/** The response as it will be returned. @extends {Message<contract.Response>} */
export class Response extends Message {
  /** @returns {number} */
  get status() {
    return this.handle.status();
  }
  set status(status) {
    if (!this.handle.setStatus(status)) throw new TollgateError("set the status", "invalid", status);
  }
}

/** Go on with the next statement. So does a phase that returns nothing. @type {Verdict} */
export const next = { tag: "next" };

/**
 * Stop, and answer the client.
 *
 * @param {number} status @param {Text} [body] @param {Headers} [headers] @returns {Verdict}
 */
export function reply(status, body = "", headers = {}) {
  return inline(status, body, fields(headers));
}

/** @param {number} status @param {Text} body @param {contract.Field[]} headers @returns {Verdict} */
function inline(status, body, headers) {
  return { tag: "respond", val: { tag: "inline", val: { status, reason: undefined, headers, body: bytesOf(body) } } };
}

/**
 * Stop, and answer with a JSON document, as `application/json` unless `headers` have another type.
 *
 * @param {number} status @param {unknown} value @param {Headers} [headers] @returns {Verdict}
 */
export function json(status, value, headers = {}) {
  const given = fields(headers);
  if (!given.some((field) => field.name.toLowerCase() === "content-type")) given.unshift(JSON_TYPE);
  return inline(status, JSON.stringify(value), given);
}

/** Answer with what a capability has put ready, such as `cache.lookup` after a hit. @type {Verdict} */
export const staged = { tag: "respond", val: { tag: "staged" } };

/**
 * Stop, and refuse: the on-error section runs.
 *
 * @param {number} status 400–599 @param {string} reason A word. Example: `TenantUnknown`
 * @param {string} message One sentence for the client. @param {Headers} [headers] @returns {Verdict}
 */
export function reject(status, reason, message, headers = {}) {
  return { tag: "reject", val: { status, reason, message, headers: fields(headers) } };
}

/** @param {import("tollgate:log/log@0.1.0").Level} level */
const writer = (level) => (/** @type {unknown} */ message) => write(level, String(message));

/** Lines for the operator. `console` may be used as well. */
export const log = Object.freeze({
  debug: writer("debug"),
  info: writer("info"),
  warn: writer("warn"),
  error: writer("error"),
});

/** The gateway's view of this exchange: `requestId()`, `clientIp()`, `apiId()`, `operationId()`, `subscription()`, … */
export { context };

/** What statements pass to one another: JSON values by name. */
export const variables = Object.freeze({
  /** @param {string} name @returns {any} undefined if there is none */
  get(name) {
    const text = variableStore.get(name);
    return text === undefined ? undefined : JSON.parse(text);
  },
  /** @param {string} name @param {unknown} value */
  set(name, value) {
    asking(`set the variable ${name}`, () => variableStore.set(name, JSON.stringify(value)));
  },
});

/**
 * The value that a member of the configuration has now: where the operator wrote `"${…}"`, it is computed for this exchange.
 *
 * @param {any} value A member of the configuration. @returns {any}
 */
export function valueOf(value) {
  const number = value?.["$expression"];
  if (number === undefined) return value;
  const found = asking("evaluate an expression", () => expressions.evaluate(number));
  if (found.tag === "null") return null;
  if (found.tag === "json") return JSON.parse(found.val);
  return typeof found.val === "bigint" ? Number(found.val) : found.val;
}

/**
 * @template S
 * @typedef {object} Policy
 * @property {string} id Lower-case words joined by hyphens.
 * @property {string} version
 * @property {string} [summary]
 * @property {object} [configuration] A JSON Schema of the configuration.
 * @property {object} [bodies] Example: `{ "on-request": { buffer: { "max-bytes": 65536 } } }`
 * @property {string[]} [sections]
 * @property {string[]} [scopes]
 * @property {boolean} [once]
 * @property {{ status: number | null, reason: string }[]} [rejections]
 * @property {(configuration: any) => S} [configure] Takes the configuration, once; what it returns is handed to each phase.
 * @property {(request: Request, settings: S) => Verdict | void} [onRequest]
 * @property {(request: Request, response: Response, settings: S) => Verdict | void} [onResponse]
 * @property {(request: Request, response: Response, error: LastError, settings: S) => Verdict | void} [onError]
 */

/**
 * What a component exports, as the contract has it.
 *
 * @typedef {object} Exports
 * @property {typeof import("tollgate:policy/lifecycle@0.1.0")} lifecycle
 * @property {typeof import("tollgate:policy/on-request@0.1.0")} onRequest
 * @property {typeof import("tollgate:policy/on-response@0.1.0")} onResponse
 * @property {typeof import("tollgate:policy/on-error@0.1.0")} onError
 */

/**
 * Make a component's exports of a policy: `export const { lifecycle, onRequest } = policy({ … })`.
 *
 * @template S @param {Policy<S>} policy
 * @returns {Exports} Phases that the policy has.
 */
export function policy(policy) {
  const { configure = (configuration) => configuration, onRequest, onResponse, onError, ...manifest } = policy;
  /** @type {S} */
  let settings;
  /** @type {Exports["lifecycle"]} */
  const lifecycle = {
    describe: () => JSON.stringify(manifest),
    configure(text) {
      try {
        settings = configure(JSON.parse(text));
      } catch (thrown) {
        const error = /** @type {any} */ (thrown);
        // An object is the contract's own error; anything else would be a trap without a place.
        throw { pointer: error?.pointer ?? "", message: String(error?.message ?? error) };
      }
    },
  };
  const exports = /** @type {Exports} */ ({ lifecycle });
  if (onRequest) {
    exports.onRequest = { onRequest: (request) => onRequest(new Request(request), settings) ?? next };
  }
  if (onResponse) {
    exports.onResponse = {
      onResponse: (request, response) => onResponse(new Request(request), new Response(response), settings) ?? next,
    };
  }
  if (onError) {
    exports.onError = {
      onError: (request, response, error) =>
        onError(new Request(request), new Response(response), error, settings) ?? next,
    };
  }
  return exports;
}
