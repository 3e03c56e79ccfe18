;; Returns a verdict with a case that the contract doesn't have.
(func (export "@on-request") (param $request i32) (result i32)
  (call $drop-request (local.get $request))
  (i32.store8 (i32.const 64) (i32.const 17))
  (i32.const 64))
