declare module 'tollgate:policy/messages@0.1.0' {
  /**
   * One line of a header section.
   */
  export interface Field {
    /**
     * A token of RFC 9110 §5.1. Example: `content-type`.
     */
    name: string,
    /**
     * Without CR, LF and NUL.
     */
    value: Uint8Array,
  }
  /**
   * Why an edit of a header was refused. The message is unchanged by a refused edit.
   */
  export type HeaderError = HeaderErrorInvalidName | HeaderErrorInvalidValue | HeaderErrorForbidden | HeaderErrorTooLarge | HeaderErrorOther;
  /**
   * The name is no token.
   */
  export interface HeaderErrorInvalidName {
    tag: 'invalid-name',
  }
  /**
   * The value holds CR, LF, NUL or another byte that no field value may hold.
   */
  export interface HeaderErrorInvalidValue {
    tag: 'invalid-value',
  }
  /**
   * The field belongs to the gateway: `connection`, `content-length`, `keep-alive`,
   * `proxy-connection`, `te`, `trailer`, `transfer-encoding`, `upgrade`; and `host` on a request, which
   * `tollgate:backend` sets.
   */
  export interface HeaderErrorForbidden {
    tag: 'forbidden',
  }
  /**
   * This call's edits would pass the statement's `header-bytes` limit.
   */
  export interface HeaderErrorTooLarge {
    tag: 'too-large',
  }
  /**
   * Something else, in words.
   */
  export interface HeaderErrorOther {
    tag: 'other',
    val: string,
  }
  /**
   * Why a body can't be had.
   */
  export type BodyError = BodyErrorNotBuffered | BodyErrorTooLarge | BodyErrorOther;
  /**
   * The manifest asks for no buffer in this phase, or the body gate declined it.
   */
  export interface BodyErrorNotBuffered {
    tag: 'not-buffered',
  }
  /**
   * The new body would pass the statement's `body-bytes` limit.
   */
  export interface BodyErrorTooLarge {
    tag: 'too-large',
  }
  /**
   * Something else, in words.
   */
  export interface BodyErrorOther {
    tag: 'other',
    val: string,
  }
  /**
   * Why a request line was refused.
   */
  export type TargetError = TargetErrorInvalid | TargetErrorOther;
  /**
   * The method is no token, or the target no path with an optional query.
   */
  export interface TargetErrorInvalid {
    tag: 'invalid',
  }
  /**
   * Something else, in words.
   */
  export interface TargetErrorOther {
    tag: 'other',
    val: string,
  }
  
  export class Request implements Disposable {
    /**
     * This type does not have a public constructor.
     */
    private constructor();
    /**
    * The method, as sent. Example: `GET`.
    */
    method(): string;
    /**
    * `http` or `https`: how the client reached the gateway, or what a trusted proxy says of it.
    */
    scheme(): string;
    /**
    * Host and port that the client addressed. Example: `api.example:8443`.
    */
    authority(): string;
    /**
    * The one normalised path (RFC 3986 §6.2.2) that routing, policies, keys and cache see, the API's own path included.
    */
    path(): string;
    /**
    * The query without its `?`; none if the target has no `?`.
    */
    query(): string | undefined;
    /**
    * The values of a query parameter in order, percent- and plus-decoded. Empty if it is absent.
    */
    queryValues(name: string): Array<string>;
    /**
    * A parameter of the operation's URL template, percent-decoded. Example: `orderId`.
    */
    parameter(name: string): string | undefined;
    /**
    * Replace the method. Allowed until the request is forwarded.
    */
    setMethod(method: string): void;
    /**
    * Replace path and query by ones that are relative to the API: the origin gets its base URL and then these.
    * The route stays as matched. Example: `/v2/items?x=1`.
    */
    setTarget(pathAndQuery: string): void;
    /**
    * Replace the query alone, as it is to be sent; none for no `?`. The path stays what it is. Example: `a=1&b=%20`.
    */
    setQuery(query: string | undefined): void;
    /**
    * The first value of a header. `host` is the `authority` unless a statement has set another one.
    */
    header(name: string): Uint8Array | undefined;
    /**
    * All values of a header, in order. Empty if it is absent.
    */
    headerValues(name: string): Array<Uint8Array>;
    /**
    * All headers, in order within a name.
    */
    headers(): Array<Field>;
    /**
    * Make `value` the header's only value.
    */
    setHeader(name: string, value: Uint8Array): void;
    /**
    * Add one more line to a header.
    */
    appendHeader(name: string, value: Uint8Array): void;
    /**
    * Take a header away. Fine if it is absent.
    */
    removeHeader(name: string): void;
    /**
    * The whole body, copied into the guest. Only for a phase whose manifest entry says `buffer`.
    */
    body(): Uint8Array;
    /**
    * Replace the body; `content-length` follows by itself. Needs no buffering.
    */
    setBody(body: Uint8Array): void;
    [Symbol.dispose](): void;
  }
  
  export class Response implements Disposable {
    /**
     * This type does not have a public constructor.
     */
    private constructor();
    /**
    * 200–599.
    */
    status(): number;
    /**
    * Replace the status. A value outside 200–599 is refused with `false`.
    */
    setStatus(status: number): boolean;
    /**
    * Replace the status and the reason phrase of HTTP/1.1; none for the usual one. A phrase with control characters
    * is refused with `false`, too.
    */
    setStatusWithReason(status: number, reason: string | undefined): boolean;
    /**
    * The first value of a header.
    */
    header(name: string): Uint8Array | undefined;
    /**
    * All values of a header, in order. Empty if it is absent.
    */
    headerValues(name: string): Array<Uint8Array>;
    /**
    * All headers, in order within a name.
    */
    headers(): Array<Field>;
    /**
    * Make `value` the header's only value.
    */
    setHeader(name: string, value: Uint8Array): void;
    /**
    * Add one more line to a header.
    */
    appendHeader(name: string, value: Uint8Array): void;
    /**
    * Take a header away. Fine if it is absent.
    */
    removeHeader(name: string): void;
    /**
    * The whole body, copied into the guest. Only for a phase whose manifest entry says `buffer`.
    */
    body(): Uint8Array;
    /**
    * Replace the body; `content-length` follows by itself. Needs no buffering.
    */
    setBody(body: Uint8Array): void;
    [Symbol.dispose](): void;
  }
}
