;; Sets ever more variables of 8 KiB without end, whatever the host answers.
(import "@variables" "set" (func $set (param i32 i32) (param i32 i32) (param $result i32)))
(func (export "@on-request") (param $request i32) (result i32)
  (local $number i32)
  ;; The value is a JSON string of 8 KiB. The name is a letter and eight hexadecimal digits, written below.
  (memory.fill (i32.const 32768) (i32.const 0x78) (i32.const 8192))
  (i32.store8 (i32.const 32768) (i32.const 0x22))
  (i32.store8 (i32.const 40959) (i32.const 0x22))
  (loop $for-ever
    (call $write-name (local.get $number))
    (call $set (i32.const 16384) (i32.const 9) (i32.const 32768) (i32.const 8192) (i32.const 128))
    (local.set $number (i32.add (local.get $number) (i32.const 1)))
    (br $for-ever))
  unreachable)
(func $write-name (param $number i32)
  (local $at i32)
  (i32.store8 (i32.const 16384) (i32.const 0x76))
  (local.set $at (i32.const 16392))
  (loop $digit
    (i32.store8 (local.get $at)
      (i32.add (i32.const 0x61) (i32.and (local.get $number) (i32.const 15))))
    (local.set $number (i32.shr_u (local.get $number) (i32.const 4)))
    (local.set $at (i32.sub (local.get $at) (i32.const 1)))
    (br_if $digit (i32.gt_u (local.get $at) (i32.const 16384)))))
