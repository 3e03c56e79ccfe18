;; Calls the clock in `describe`, where capabilities may not be called.
(import "@clock" "unix-ms" (func $unix-ms (result i64)))
(func (export "@describe") (result i32)
  (drop (call $unix-ms))
  (i32.store (i32.const 16) (i32.const 1024))
  (i32.store (i32.const 20) (i32.const {manifest-length}))
  (i32.const 16))
