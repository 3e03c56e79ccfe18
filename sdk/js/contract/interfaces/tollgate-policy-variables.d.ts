declare module 'tollgate:policy/variables@0.1.0' {
  /**
   * A variable as JSON text; none if it was never set. Example: `"gold"` with its quotes.
   */
  export function get(name: string): string | undefined;
  /**
   * Set a variable to a JSON text. Later statements see it after every verdict; a failed call sets nothing.
   */
  export function set(name: string, json: string): void;
  /**
   * Why a variable was not set.
   */
  export type VariableError = VariableErrorInvalidJson | VariableErrorTooLarge | VariableErrorOther;
  /**
   * The value is no JSON text.
   */
  export interface VariableErrorInvalidJson {
    tag: 'invalid-json',
  }
  /**
   * Name or value would pass the statement's `variable-bytes` limit.
   */
  export interface VariableErrorTooLarge {
    tag: 'too-large',
  }
  /**
   * Something else, in words.
   */
  export interface VariableErrorOther {
    tag: 'other',
    val: string,
  }
}
