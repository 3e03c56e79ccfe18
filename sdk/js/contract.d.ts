// The contract as TypeScript sees it, which generate.mjs makes of wit/, and what the engine has beside the language.

/// <reference path="./contract/policy.d.ts" />
/// <reference lib="esnext.disposable" />

declare var console: { debug(...data: unknown[]): void; log(...data: unknown[]): void; info(...data: unknown[]): void; warn(...data: unknown[]): void; error(...data: unknown[]): void };

declare class TextEncoder {
  encode(text?: string): Uint8Array;
}

declare class TextDecoder {
  constructor(label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean });
  decode(bytes?: ArrayBufferView | ArrayBuffer): string;
}
