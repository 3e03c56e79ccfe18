;; Calls itself until the stack ends.
(func $deeper (param $depth i64) (result i64)
  (i64.add (i64.const 1) (call $deeper (i64.add (local.get $depth) (i64.const 1)))))
(func (export "@on-request") (param $request i32) (result i32)
  (drop (call $deeper (i64.const 0)))
  (call $drop-request (local.get $request))
  (call $next))
