;; Traps in `on-request`.
(func (export "@on-request") (param i32) (result i32)
  unreachable)
