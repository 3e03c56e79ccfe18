;; What a guest need not write itself: parts, each after a line `;;; name`. Imports come before the guest's text,
;; because WebAssembly wants them first; everything else comes after it.
;;
;; Memory: 0–1023 results of exports and of host calls, 1024–16383 the manifest, 16384–65535 the guest's own data,
;; from 65536 on what the host puts in.

;;; import request
(import "@messages" "[resource-drop]request" (func $drop-request (param i32)))

;;; import response
(import "@messages" "[resource-drop]response" (func $drop-response (param i32)))

;;; always
(data (i32.const 1024) "{manifest}")

;; The verdict `next`, at 64. A verdict is its case at 0, then from 4 on:
;; `respond`: inline or staged at 4; then status at 8, reason at 12 (some?), 16, 20, headers at 24, 28, body at 32, 36.
;; `reject`: status at 4, reason at 8, 12, message at 16, 20, headers at 24, 28.
(func $next (result i32)
  (i32.store8 (i32.const 64) (i32.const 0))
  (i32.const 64))

;;; memory
(memory (export "memory") 2)

;;; realloc
(global $heap (mut i32) (i32.const 65536))
(func (export "cabi_realloc") (param $old i32) (param $old-size i32) (param $align i32) (param $size i32) (result i32)
  (local $start i32)
  (local.set $start
    (i32.and
      (i32.add (global.get $heap) (i32.sub (local.get $align) (i32.const 1)))
      (i32.sub (i32.const 0) (local.get $align))))
  (global.set $heap (i32.add (local.get $start) (local.get $size)))
  (block $fits
    (loop $grow
      (br_if $fits
        (i32.le_u (global.get $heap) (i32.mul (memory.size) (i32.const 65536))))
      (br_if $grow (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))
      unreachable))
  (memory.copy (local.get $start) (local.get $old) (local.get $old-size))
  (local.get $start))

;;; describe
(func (export "@describe") (result i32)
  (i32.store (i32.const 16) (i32.const 1024))
  (i32.store (i32.const 20) (i32.const {manifest-length}))
  (i32.const 16))

;;; configure
(func (export "@configure") (param i32 i32) (result i32)
  (i32.store8 (i32.const 32) (i32.const 0))
  (i32.const 32))

;;; on-request
(func (export "@on-request") (param $request i32) (result i32)
  (call $drop-request (local.get $request))
  (call $next))

;;; on-response
(func (export "@on-response") (param $request i32) (param $response i32) (result i32)
  (call $drop-request (local.get $request))
  (call $drop-response (local.get $response))
  (call $next))

;;; on-error
(func (export "@on-error")
  (param $request i32) (param $response i32) (param i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
  (call $drop-request (local.get $request))
  (call $drop-response (local.get $response))
  (call $next))

;;; body-gate
(func (export "@wants-request-body") (param $request i32) (result i32)
  (call $drop-request (local.get $request))
  (i32.const 1))
(func (export "@wants-response-body") (param $request i32) (param $response i32) (result i32)
  (call $drop-request (local.get $request))
  (call $drop-response (local.get $response))
  (i32.const 1))
