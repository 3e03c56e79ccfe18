;; Fills a table of 10,000 elements over and over: much work for one instruction.
(table $table 10000 funcref)
(func (export "@on-request") (param $request i32) (result i32)
  (loop $for-ever
    (table.fill $table (i32.const 0) (ref.null func) (i32.const 10000))
    (br $for-ever))
  unreachable)
