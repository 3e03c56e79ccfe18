declare module 'tollgate:log/log@0.1.0' {
  /**
   * Would a line of this level be kept? Ask before formatting something expensive.
   */
  export function enabled(level: Level): boolean;
  /**
   * Write one line. Never waits and never fails.
   */
  export function write(level: Level, message: string): void;
  /**
   * One line for the trace of this exchange, if somebody traces it, and for the operator's log if the level is kept.
   */
  export function trace(source: string, level: Level, message: string, metadata: Array<[string, string]>): void;
  /**
   * # Variants
   * 
   * ## `"debug"`
   * 
   * ## `"info"`
   * 
   * ## `"warn"`
   * 
   * ## `"error"`
   */
  export type Level = 'debug' | 'info' | 'warn' | 'error';
}
