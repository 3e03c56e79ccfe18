;; Writes a log line that tries to look like two, to recolour the terminal and to turn the text's direction.
(import "@log" "write" (func $write (param $level i32) (param i32 i32)))
(data (i32.const 16384) "before\0d\0a{\22level\22:\22error\22,\22forged\22:true}\0a\1b[31mred\00\07\7f\e2\80\ae\c2\85after")
(func (export "@on-request") (param $request i32) (result i32)
  (call $write (i32.const 3) (i32.const 16384) (i32.const 61))
  (call $drop-request (local.get $request))
  (call $next))
