;; Loops for ever in `on-request`.
(func (export "@on-request") (param i32) (result i32)
  (loop $for-ever (br $for-ever))
  unreachable)
