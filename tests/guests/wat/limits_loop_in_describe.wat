;; Loops for ever in `describe`.
(func (export "@describe") (result i32)
  (loop $for-ever (br $for-ever))
  unreachable)
