;; Traps in `on-error`.
(func (export "@on-error") (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
  unreachable)
