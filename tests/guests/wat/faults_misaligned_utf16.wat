;; Refuses with a message of UTF-16 units that begins at an odd place.
;;! encoding: latin1+utf16
(func (export "@on-request") (param $request i32) (result i32)
  (call $drop-request (local.get $request))
  (i32.store8 (i32.const 64) (i32.const 2))
  (i32.store16 (i32.const 68) (i32.const 400))
  (i32.store (i32.const 72) (i32.const 16384))
  (i32.store (i32.const 76) (i32.const 0))
  (i32.store (i32.const 80) (i32.const 16385))
  (i32.store (i32.const 84) (i32.const 0x80000004))
  (i32.store (i32.const 88) (i32.const 0))
  (i32.store (i32.const 92) (i32.const 0))
  (i32.const 64))
