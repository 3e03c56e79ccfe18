declare module 'tollgate:backend/backend@0.1.0' {
  /**
   * Forward to this base URL instead of the API's. Applied after the verdict `next`. Example: `https://b.example/v2`.
   */
  export function setBaseUrl(url: string): void;
  /**
   * Forward to this entry of the document's `backends`.
   */
  export function setBackendId(id: string): void;
  /**
   * Tell whoever gets the request that it is for this host, instead of the backend's own: `host` of RFC 9110 §7.2. Where
   * the request goes, and whose certificate is asked for, stays as it is. Applied after the verdict `next`; afterwards
   * the request's header `host` reads so, too. Example: `shop.example:8443`.
   */
  export function setHost(host: string): void;
  /**
   * The base URL that the request goes, or went, to: the API's, or what a statement has chosen.
   */
  export function baseUrl(): string;
  export type BackendError = BackendErrorInvalidUrl | BackendErrorUnknownBackend | BackendErrorChosenById | BackendErrorInvalidHost | BackendErrorOther;
  /**
   * No absolute `http` or `https` URL without query and fragment.
   */
  export interface BackendErrorInvalidUrl {
    tag: 'invalid-url',
    val: string,
  }
  /**
   * The document has no backend with this id.
   */
  export interface BackendErrorUnknownBackend {
    tag: 'unknown-backend',
    val: string,
  }
  /**
   * A statement of a broader scope has chosen a backend by its id, so only another id may replace it.
   */
  export interface BackendErrorChosenById {
    tag: 'chosen-by-id',
  }
  /**
   * No host with perhaps a port.
   */
  export interface BackendErrorInvalidHost {
    tag: 'invalid-host',
    val: string,
  }
  /**
   * Something else, in words.
   */
  export interface BackendErrorOther {
    tag: 'other',
    val: string,
  }
}
