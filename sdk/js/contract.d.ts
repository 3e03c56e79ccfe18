// What the SDK's own types stand on. Functions of the contract that the SDK has no wrapper for have the type `any`:
// wit/ says what they take and give, and ComponentizeJS how that looks in JavaScript.

declare module "tollgate:policy/context@0.1.0" {
  export function requestId(): string;
  export function clientIp(): string;
  export function clientNetwork(): string;
  /** Path and query as the client sent them. */
  export function originalTarget(): string;
  export function apiId(): string;
  export function apiPath(): string;
  export function operationId(): string | undefined;
  export function operationDefinition(): string | undefined;
  export function productId(): string | undefined;
  export function subscription(): { id: string; startUnixMs: bigint } | undefined;
  export function statementId(): string;
  export function elapsedUs(): bigint;
  export function stageResponseHeader(name: string, value: Uint8Array): void;
  export function appendResponseHeader(name: string, value: Uint8Array): void;
  export function removeResponseHeader(name: string): void;
  export function stagedResponseHeader(name: string): Uint8Array | undefined;
}

declare module "tollgate:*";

declare var console: { debug(...data: unknown[]): void; log(...data: unknown[]): void; info(...data: unknown[]): void; warn(...data: unknown[]): void; error(...data: unknown[]): void };

declare class TextEncoder {
  encode(text?: string): Uint8Array;
}

declare class TextDecoder {
  constructor(label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean });
  decode(bytes?: ArrayBufferView | ArrayBuffer): string;
}
