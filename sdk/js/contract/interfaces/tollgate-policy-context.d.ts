/// <reference path="./tollgate-policy-messages.d.ts" />
declare module 'tollgate:policy/context@0.1.0' {
  /**
   * The request's id, the one that the client gets as `x-request-id`.
   */
  export function requestId(): string;
  /**
   * The client's address as trusted proxies tell it, IPv4-mapped IPv6 written as IPv4. Example: `192.0.2.7`.
   */
  export function clientIp(): string;
  /**
   * Path and query as the client asked for them, whatever statements have made of them since. Example: `/shop/orders?x=1`.
   */
  export function originalTarget(): string;
  /**
   * The client as counters take it: `client-ip`, but of an IPv6 address only the network, because one client has as
   * many addresses of it as it likes. How long its prefix is says `limits: client-ipv6-prefix` in the document.
   * Examples: `192.0.2.7`, `2001:db8:0:1::/64`.
   */
  export function clientNetwork(): string;
  /**
   * The id of the API that was matched.
   */
  export function apiId(): string;
  /**
   * The id of the operation that was matched; none in an API without operations.
   */
  export function operationId(): string | undefined;
  /**
   * The API's public path, without a slash at either end; empty for the root. Example: `shop/orders`.
   */
  export function apiPath(): string;
  /**
   * What the document says of the operation that was matched, as JSON text (`docs/configuration.md`, "Operations"):
   * `{ "id", "method", "url", "parameters": {…}, "request": {…}, "responses": […] }`; none in an API without
   * operations. The same text for every request to the same operation of a plan.
   */
  export function operationDefinition(): string | undefined;
  /**
   * The product in whose context the request runs, if any.
   */
  export function productId(): string | undefined;
  /**
   * The subscription, if a key was used.
   */
  export function subscription(): SubscriptionInfo | undefined;
  /**
   * Which statement is running: its `id`, or its place. Example: `apis/orders/inbound/1`.
   */
  export function statementId(): string;
  /**
   * Microseconds since the request's head was read.
   */
  export function elapsedUs(): bigint;
  /**
   * Set a header on the response that the client will get, whoever makes that response: the origin, the
   * cache, a later statement or the gateway itself. For statements that run before there is a response.
   * 
   * Recorded like an edit, but kept after `respond` and `reject` too. Outbound statements see it.
   */
  export function stageResponseHeader(name: string, value: Uint8Array): void;
  /**
   * Like `stage-response-header`, but adds a line to those that the response has already. Example: `vary: origin`.
   */
  export function appendResponseHeader(name: string, value: Uint8Array): void;
  /**
   * Like `stage-response-header`, but takes a header away that the origin, the cache or an earlier statement has given.
   * Example: `access-control-allow-credentials`.
   */
  export function removeResponseHeader(name: string): void;
  /**
   * What statements have said so far of a header of whatever response comes: the last value that was staged; none if
   * there is none, or if it was taken away since. What the origin will say is not in it.
   */
  export function stagedResponseHeader(name: string): Uint8Array | undefined;
  export type HeaderError = import('tollgate:policy/messages@0.1.0').HeaderError;
  /**
   * The subscription whose key admitted the request.
   */
  export interface SubscriptionInfo {
    /**
     * Its id in the document. Example: `acme`.
     */
    id: string,
    /**
     * When it began, in milliseconds since 1970-01-01T00:00:00Z: the anchor of its quota periods.
     */
    startUnixMs: bigint,
  }
}
