;; A core module, which is no component.
;;! verbatim: module
(module
  (memory (export "memory") 1)
  (func (export "on-request") (param i32) (result i32) (i32.const 0)))
