;; Sets 40,000 request headers of different names, whatever the host answers, and goes on.
(import "@messages" "[method]request.append-header"
  (func $append-header (param $request i32) (param i32 i32) (param i32 i32) (param $result i32)))
(func (export "@on-request") (param $request i32) (result i32)
  (local $number i32)
  (loop $more
    (i32.store (i32.const 16384)
      (i32.add (i32.const 0x61616161)
        (i32.or
          (i32.or (i32.and (local.get $number) (i32.const 15))
            (i32.shl (i32.and (local.get $number) (i32.const 0xf0)) (i32.const 4)))
          (i32.or (i32.shl (i32.and (local.get $number) (i32.const 0xf00)) (i32.const 8))
            (i32.shl (i32.and (local.get $number) (i32.const 0xf000)) (i32.const 12))))))
    (call $append-header (local.get $request)
      (i32.const 16384) (i32.const 4) (i32.const 16384) (i32.const 0) (i32.const 128))
    (local.set $number (i32.add (local.get $number) (i32.const 1)))
    (br_if $more (i32.lt_u (local.get $number) (i32.const 40000))))
  (call $drop-request (local.get $request))
  (call $next))
