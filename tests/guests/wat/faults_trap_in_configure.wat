;; Traps in `configure`.
(func (export "@configure") (param i32 i32) (result i32)
  unreachable)
