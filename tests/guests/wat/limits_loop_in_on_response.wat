;; Loops for ever in `on-response`.
(func (export "@on-response") (param i32 i32) (result i32)
  (loop $for-ever (br $for-ever))
  unreachable)
