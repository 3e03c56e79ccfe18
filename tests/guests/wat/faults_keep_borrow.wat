;; Keeps the borrowed request beyond the call.
(func (export "@on-request") (param $request i32) (result i32)
  (call $next))
