declare module 'tollgate:http-client/http-client@0.1.0' {
  /**
   * Send a request and wait for the whole response, whatever its status.
   */
  export function send(request: OutgoingRequest): IncomingResponse;
  /**
   * Send requests at the same time and wait for all of them. Results are in the order of the requests; at most 16.
   */
  export function sendAll(requests: Array<OutgoingRequest>): Array<Result<IncomingResponse, HttpError>>;
  /**
   * Send a request and don't wait. An error is one of the request; what comes of it afterwards is only logged.
   * When too many are under way already it is dropped, with `other`.
   */
  export function sendOneWay(request: OutgoingRequest): void;
  /**
   * One line of a header section.
   */
  export interface Field {
    name: string,
    value: Uint8Array,
  }
  export interface OutgoingRequest {
    method: string,
    /**
     * Absolute, `http` or `https`. Example: `https://login.example/token`.
     */
    url: string,
    /**
     * `host`, `content-length` and other framing fields are the gateway's: one that is given here is refused.
     */
    headers: Array<Field>,
    body: Uint8Array,
    /**
     * For the whole of it, from the connection to the last byte of the body. At most 240,000; 0 is refused.
     */
    timeoutMs: number,
  }
  export interface IncomingResponse {
    status: number,
    /**
     * The reason phrase, if the origin sent one.
     */
    reason?: string,
    /**
     * Lower-case names, in the order in which they came.
     */
    headers: Array<Field>,
    /**
     * The whole body. At most the statement's `body-bytes` limit.
     */
    body: Uint8Array,
  }
  export type HttpError = HttpErrorInvalidRequest | HttpErrorNotGranted | HttpErrorConnect | HttpErrorTimeout | HttpErrorBroken | HttpErrorTooLarge | HttpErrorOther;
  /**
   * The URL, the method or a header isn't one, or there are more calls than the statement's `callouts` limit allows.
   */
  export interface HttpErrorInvalidRequest {
    tag: 'invalid-request',
    val: string,
  }
  /**
   * The origin isn't granted.
   */
  export interface HttpErrorNotGranted {
    tag: 'not-granted',
    val: string,
  }
  /**
   * There was no connection.
   */
  export interface HttpErrorConnect {
    tag: 'connect',
    val: string,
  }
  /**
   * There was no whole response in time.
   */
  export interface HttpErrorTimeout {
    tag: 'timeout',
  }
  /**
   * The connection broke, or the response can't be understood.
   */
  export interface HttpErrorBroken {
    tag: 'broken',
    val: string,
  }
  /**
   * The response's body is larger than the statement may hold.
   */
  export interface HttpErrorTooLarge {
    tag: 'too-large',
  }
  /**
   * Something else, in words.
   */
  export interface HttpErrorOther {
    tag: 'other',
    val: string,
  }
  export type Result<T, E> = { tag: 'ok', val: T } | { tag: 'err', val: E };
}
