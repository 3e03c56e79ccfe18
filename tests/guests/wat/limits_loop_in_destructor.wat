;; Makes a resource of its own and drops it, and its destructor loops for ever.
;;! phases: on-request
;;! export: acme:things/things@0.1.0
(import "[export]acme:things/things@0.1.0" "[resource-new]thing" (func $new (param i32) (result i32)))
(import "[export]acme:things/things@0.1.0" "[resource-drop]thing" (func $drop (param i32)))
(func (export "acme:things/things@0.1.0#[constructor]thing") (result i32)
  (call $new (i32.const 1)))
(func (export "acme:things/things@0.1.0#[dtor]thing") (param i32)
  (loop $for-ever (br $for-ever)))
(func (export "@on-request") (param $request i32) (result i32)
  (call $drop-request (local.get $request))
  (call $drop (call $new (i32.const 7)))
  (call $next))
