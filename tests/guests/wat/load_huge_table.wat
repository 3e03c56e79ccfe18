;; Has a table of four million elements.
(table $table 4000000 funcref)
(func (export "@on-request") (param $request i32) (result i32)
  (table.fill $table (i32.const 0) (ref.null func) (i32.const 4000000))
  (call $drop-request (local.get $request))
  (call $next))
