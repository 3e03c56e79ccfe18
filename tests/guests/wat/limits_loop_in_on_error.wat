;; Loops for ever in `on-error`.
(func (export "@on-error") (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
  (loop $for-ever (br $for-ever))
  unreachable)
