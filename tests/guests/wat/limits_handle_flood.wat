;; Makes resources of its own without end and keeps their handles, which lie in the host's memory.
;;! phases: on-request
;;! export: acme:things/things@0.1.0
(import "[export]acme:things/things@0.1.0" "[resource-new]thing" (func $new (param i32) (result i32)))
(func (export "acme:things/things@0.1.0#[constructor]thing") (result i32)
  (call $new (i32.const 1)))
(func (export "@on-request") (param $request i32) (result i32)
  (loop $for-ever
    (drop (call $new (i32.const 7)))
    (br $for-ever))
  unreachable)
