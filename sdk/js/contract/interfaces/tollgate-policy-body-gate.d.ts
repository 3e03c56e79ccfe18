/// <reference path="./tollgate-policy-messages.d.ts" />
declare module 'tollgate:policy/body-gate@0.1.0' {
  /**
   * Does `on-request` need this request's body?
   */
  export function wantsRequestBody(request: Request): boolean;
  /**
   * Do `on-response` and `on-error` need this response's body?
   */
  export function wantsResponseBody(request: Request, response: Response): boolean;
  export type Request = import('tollgate:policy/messages@0.1.0').Request;
  export type Response = import('tollgate:policy/messages@0.1.0').Response;
}
