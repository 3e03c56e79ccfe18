;; Imports an interface that no gateway offers.
;;! import: acme:crimes/crimes@0.1.0
(import "acme:crimes/crimes@0.1.0" "commit" (func $commit))
(func (export "@on-request") (param $request i32) (result i32)
  (call $commit)
  (call $drop-request (local.get $request))
  (call $next))
