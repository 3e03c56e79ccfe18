;; Has a table of 2⁶⁰ elements.
(table $table i64 0x1000000000000000 funcref)
(func (export "@on-request") (param $request i32) (result i32)
  (drop (table.grow $table (ref.null func) (i64.const 1)))
  (call $drop-request (local.get $request))
  (call $next))
