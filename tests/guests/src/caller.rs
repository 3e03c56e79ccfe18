//! A guest that calls every import of the contract with whatever arguments a program gives it.

use crate::contract;
use crate::source::Source;
use std::fmt::Write;
use wit_parser::abi::{AbiVariant, WasmType};
use wit_parser::{Function, Resolve, WorldItem};

/// A step of a program: a byte for the function and seven of padding, then this many words of eight bytes.
const WORDS: u32 = 16;

/// A word whose upper half is this is the request's handle.
const HANDLE: u32 = 0x5151_5151;

/// The guest's text, to be finished by the prelude. Steps call function number `first byte % functions`.
pub(crate) fn text(version: &Source) -> String {
    let (resolve, world) = contract::world(version);
    let mut imports = String::new();
    let mut steps = String::new();
    let mut count = 0u32;
    for (key, item) in &resolve.worlds[world].imports {
        let WorldItem::Interface { id, .. } = item else { continue };
        for function in resolve.interfaces[*id].functions.values() {
            let module = resolve.name_world_key(key);
            push(&resolve, &module, function, count, &mut imports, &mut steps);
            count += 1;
        }
    }
    let elements: String = (0..count).map(|number| format!(" $step-{number}")).collect();
    format!(
        ";; Calls what its program says.\n;;! phases: on-request\n\
         ;;! manifest: {{\"id\":\"caller\",\"version\":\"0.1.0\",\"summary\":\"Calls\",\"bodies\":{{\"on-request\":{{\"buffer\":{{\"max-bytes\":65536}}}}}},\"configuration\":{{}}}}\n\
         {imports}\n\
         (global $request (mut i32) (i32.const 0))\n\
         (type $step (func (param i32)))\n\
         (table {count} funcref)\n(elem (i32.const 0){elements})\n\
         (func $word (param $at i32) (result i64)\n  (local $word i64)\n\
         \x20 (local.set $word (i64.load (local.get $at)))\n\
         \x20 (if (result i64) (i64.eq (i64.shr_u (local.get $word) (i64.const 32)) (i64.const {HANDLE}))\n\
         \x20   (then (i64.extend_i32_u (global.get $request))) (else (local.get $word))))\n\
         {steps}\n\
         (func (export \"@on-request\") (param $request i32) (result i32)\n\
         \x20 (local $at i32) (local $end i32)\n\
         \x20 (global.set $request (local.get $request))\n\
         \x20 (call $body (local.get $request) (i32.const 512))\n\
         \x20 (local.set $at (i32.load (i32.const 516)))\n\
         \x20 (local.set $end (i32.add (local.get $at) (i32.load (i32.const 520))))\n\
         \x20 (block $done (loop $more\n\
         \x20   (br_if $done (i32.gt_u (i32.add (local.get $at) (i32.const {})) (local.get $end)))\n\
         \x20   (call_indirect (type $step) (i32.add (local.get $at) (i32.const 8)) (i32.rem_u (i32.load8_u (local.get $at)) (i32.const {count})))\n\
         \x20   (local.set $at (i32.add (local.get $at) (i32.const {})))\n\
         \x20   (br $more)))\n\
         \x20 (call $drop-request (local.get $request))\n  (call $next))\n",
        8 + 8 * WORDS,
        8 + 8 * WORDS,
    )
}

/// The import of one function, and the step that calls it.
fn push(resolve: &Resolve, module: &str, function: &Function, number: u32, imports: &mut String, steps: &mut String) {
    let signature = resolve.wasm_signature(AbiVariant::GuestImport, function);
    let kinds = |kinds: &[WasmType]| kinds.iter().map(|kind| format!(" {}", name(*kind))).collect::<String>();
    assert!(signature.params.len() <= WORDS as usize, "{} has too many parameters", function.name);
    let body = if function.name == "[method]request.body" { "$body".to_owned() } else { format!("$import-{number}") };
    let _ = writeln!(
        imports,
        "(import \"{module}\" \"{}\" (func {body} (param{}) (result{})))",
        function.name,
        kinds(&signature.params),
        kinds(&signature.results)
    );
    let arguments: String = signature
        .params
        .iter()
        .enumerate()
        .map(|(at, kind)| {
            let word = format!("(call $word (i32.add (local.get $at) (i32.const {})))", 8 * at);
            match name(*kind) {
                "i32" => format!(" (i32.wrap_i64 {word})"),
                "i64" => format!(" {word}"),
                "f32" => format!(" (f32.reinterpret_i32 (i32.wrap_i64 {word}))"),
                _ => format!(" (f64.reinterpret_i64 {word})"),
            }
        })
        .collect();
    let drops = " (drop)".repeat(signature.results.len());
    let _ = writeln!(steps, "(func $step-{number} (param $at i32) (call {body}{arguments}){drops})");
}

fn name(kind: WasmType) -> &'static str {
    match kind {
        WasmType::I32 | WasmType::Pointer | WasmType::Length => "i32",
        WasmType::I64 | WasmType::PointerOrI64 => "i64",
        WasmType::F32 => "f32",
        WasmType::F64 => "f64",
    }
}
