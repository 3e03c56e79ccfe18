;; Adds lines of 8 KiB to a request header until that is refused, then goes on: what was taken is within the limit.
(import "@messages" "[method]request.append-header"
  (func $append-header (param $request i32) (param i32 i32) (param i32 i32) (param $result i32)))
(data (i32.const 16384) "x-flood")
(func (export "@on-request") (param $request i32) (result i32)
  (memory.fill (i32.const 32768) (i32.const 0x78) (i32.const 8192))
  (loop $more
    (call $append-header (local.get $request)
      (i32.const 16384) (i32.const 7) (i32.const 32768) (i32.const 8192) (i32.const 128))
    (br_if $more (i32.eqz (i32.load8_u (i32.const 128)))))
  (call $drop-request (local.get $request))
  (call $next))
