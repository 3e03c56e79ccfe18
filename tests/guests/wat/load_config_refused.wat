;; Refuses every configuration, and says where.
(data (i32.const 16384) "/addresses/2a value that nobody likes")
(func (export "@configure") (param i32 i32) (result i32)
  (i32.store8 (i32.const 32) (i32.const 1))
  (i32.store (i32.const 36) (i32.const 16384))
  (i32.store (i32.const 40) (i32.const 12))
  (i32.store (i32.const 44) (i32.const 16396))
  (i32.store (i32.const 48) (i32.const 25))
  (i32.const 32))
