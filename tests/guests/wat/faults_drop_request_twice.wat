;; Drops the request's handle twice.
(func (export "@on-request") (param $request i32) (result i32)
  (call $drop-request (local.get $request))
  (call $drop-request (local.get $request))
  (call $next))
