;; Traps in `on-response`.
(func (export "@on-response") (param i32 i32) (result i32)
  unreachable)
