declare module 'tollgate:events/events@0.1.0' {
  /**
   * Append one record to the event log `log`. The gateway adds time, request id and statement. Never waits.
   */
  export function emit(log: string, partitionKey: string | undefined, message: string): void;
  export type EventError = EventErrorUnknownLog | EventErrorTooLarge | EventErrorBusy | EventErrorOther;
  /**
   * The document has no event log with this id.
   */
  export interface EventErrorUnknownLog {
    tag: 'unknown-log',
    val: string,
  }
  /**
   * Larger than 200 KiB.
   */
  export interface EventErrorTooLarge {
    tag: 'too-large',
  }
  /**
   * The gateway writes more slowly than events come. Nothing was kept.
   */
  export interface EventErrorBusy {
    tag: 'busy',
  }
  /**
   * Something else, in words.
   */
  export interface EventErrorOther {
    tag: 'other',
    val: string,
  }
}
