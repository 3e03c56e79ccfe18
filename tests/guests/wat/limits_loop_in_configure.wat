;; Loops for ever in `configure`.
(func (export "@configure") (param i32 i32) (result i32)
  (loop $for-ever (br $for-ever))
  unreachable)
