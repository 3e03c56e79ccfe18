;; Answers with the staged response although nothing was put ready.
(func (export "@on-request") (param $request i32) (result i32)
  (call $drop-request (local.get $request))
  (i32.store8 (i32.const 64) (i32.const 1))
  (i32.store8 (i32.const 68) (i32.const 1))
  (i32.const 64))
