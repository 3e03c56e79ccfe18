//! Components that misbehave, for the suites. One file of `wat/` is one guest; its prefix is its suite.
//!
//! A file holds only the misbehaviour; `prelude.wat` supplies whatever else the contract wants. The text is put
//! together in `module`, the WIT in `contract`, and here, in one place, both become a component.
//!
//! What a guest's file may say beside WebAssembly text:
//!
//! - its first comment line is the manifest's summary;
//! - `;;! key: value` directives: `phases` (words, or `none`; else the phases that it exports, else `on-request`),
//!   `manifest` (the text that `describe` returns), `contract` (a version other than that of `wit/`), `import` and
//!   `export` (an interface of `wit/` beside this folder that no gateway has), `encoding` (`latin1+utf16`), `verbatim` (`module`, `bytes` or
//!   `truncated`: no component on purpose);
//! - `"@log"` for `"tollgate:log/log@0.1.0"`, `"@on-request"` for the export's long name, and so on.

#![allow(clippy::panic, clippy::expect_used, reason = "test support: a guest that can't be made is a failing test")]

mod caller;
mod contract;
mod module;
mod random;
mod source;

use source::{Source, Verbatim};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};

macro_rules! guests {
    ($($name:literal),* $(,)?) => {
        /// Every guest's name. A suite proves that none is left untested.
        pub const ALL: &[&str] = &[$($name),*];

        fn text(name: &str) -> Option<&'static str> {
            match name {
                $($name => Some(include_str!(concat!("../wat/", $name, ".wat"))),)*
                _ => None,
            }
        }
    };
}

guests![
    "faults_bad_verdict",
    "faults_drop_request_twice",
    "faults_edit_then_next",
    "faults_edit_then_reject",
    "faults_edit_then_trap",
    "faults_forged_handle",
    "faults_host_call_in_configure",
    "faults_host_call_in_describe",
    "faults_host_call_in_realloc",
    "faults_keep_borrow",
    "faults_kept_handle",
    "faults_misaligned_utf16",
    "faults_reject_bad_status_high",
    "faults_reject_bad_status_low",
    "faults_reply_bad_header",
    "faults_reply_bad_reason",
    "faults_reply_bad_utf8",
    "faults_reply_framing",
    "faults_respond_staged_without_stage",
    "faults_set_framing",
    "faults_string_of_4_gib",
    "faults_trap_after_sharing",
    "faults_trap_if_asked",
    "faults_trap_in_body_gate",
    "faults_trap_in_configure",
    "faults_trap_in_describe",
    "faults_trap_in_on_error",
    "faults_trap_in_on_request",
    "faults_trap_in_on_response",
    "faults_trap_in_start",
    "faults_use_after_drop",
    "limits_bad_list",
    "limits_big_manifest",
    "limits_big_reply",
    "limits_body_flood",
    "limits_digest_flood",
    "limits_handle_flood",
    "limits_header_edits_until_refused",
    "limits_host_call_flood",
    "limits_huge_header_edit",
    "limits_log_control_chars",
    "limits_log_flood",
    "limits_long_list",
    "limits_loop_in_configure",
    "limits_loop_in_describe",
    "limits_loop_in_destructor",
    "limits_loop_in_on_error",
    "limits_loop_in_on_request",
    "limits_loop_in_on_response",
    "limits_loop_in_post_return",
    "limits_loop_in_realloc",
    "limits_loop_in_realloc_later",
    "limits_loop_in_start",
    "limits_many_edits",
    "limits_many_headers",
    "limits_memory_at_once",
    "limits_memory_fill",
    "limits_memory_growth",
    "limits_memory_growth_in_configure",
    "limits_memory_growth_in_start",
    "limits_recursion",
    "limits_slow_instructions",
    "limits_table_fill",
    "limits_table_growth",
    "limits_variable_flood",
    "load_bad_manifest_missing_id",
    "load_bad_manifest_not_json",
    "load_bad_manifest_unknown_body",
    "load_config_refused",
    "load_core_module",
    "load_garbage",
    "load_huge_table",
    "load_no_phase",
    "load_table_of_64_bits",
    "load_truncated",
    "load_two_memories",
    "load_ungranted_import",
    "load_unknown_import",
    "load_wasi_import",
    "load_wrong_version",
    "state_configuration_in_memory",
    "state_counter_in_memory",
    "state_version_one",
    "state_version_two",
];

/// The guest `name`, as a component; or, for the few that are none, as the bytes that someone might mistake for one.
///
/// # Panics
///
/// If there is no such guest.
pub fn component(name: &str) -> Vec<u8> {
    let text = text(name).unwrap_or_else(|| panic!("there is no guest `{name}`"));
    let source = Source::parse(name, text);
    match source.verbatim {
        Some(Verbatim::Bytes) => source.text.into_bytes(),
        Some(Verbatim::Module) => core_module(name, &source.text),
        Some(Verbatim::Truncated) => {
            let mut whole = componentize(name, &source);
            whole.truncate(whole.len() / 2);
            whole
        }
        None => componentize(name, &source),
    }
}

/// A valid component with a function of so many instructions of one byte each, which take a compiler some hundred
/// times as much memory.
pub fn bomb(instructions: usize) -> Vec<u8> {
    let text = format!(
        ";; Takes much to compile.\n(func $bomb (param $x i64) (result i64)\n(local.get $x) {} )\n\
         (func (export \"@on-request\") (param $request i32) (result i32)\n\
         (drop (call $bomb (i64.extend_i32_u (local.get $request))))\n\
         (call $drop-request (local.get $request)) (call $next))\n",
        "i64.popcnt ".repeat(instructions)
    );
    componentize("bomb", &Source::parse("bomb", &text))
}

/// A component that calls itself with frames of `locals` words each, which it needs again after the call: with many, one
/// frame reaches beyond the guard page of a stack.
pub fn deep(locals: usize) -> Vec<u8> {
    let each = |piece: &dyn Fn(usize) -> String| (1..=locals).map(piece).collect::<String>();
    let text = format!(
        ";; Calls itself with huge frames.\n(func $deeper (param $depth i64) (result i64)\n(local {})\n{}\n\
         (call $deeper (i64.add (local.get $depth) (i64.const 1)))\n{})\n\
         (func (export \"@on-request\") (param $request i32) (result i32)\n(drop (call $deeper (i64.const 0)))\n\
         (call $drop-request (local.get $request)) (call $next))\n",
        "i64 ".repeat(locals),
        each(&|local| format!(
            "(local.set {local} (i64.load (i32.and (i32.wrap_i64 (local.get $depth)) (i32.const {}))))\n",
            local % 4096
        )),
        each(&|local| format!("(i64.xor (local.get {local}))\n")),
    );
    componentize("deep", &Source::parse("deep", &text))
}

/// A valid component of random functions: the same for the same seed.
pub fn random(seed: u64) -> Vec<u8> {
    componentize("random", &Source::parse("random", &random::text(seed)))
}

/// A component that calls every import of the contract as the request's body says: for each call a step of 136 bytes,
/// the function's number in the first one and from the ninth on sixteen words, its arguments as they are.
pub fn caller() -> Vec<u8> {
    let plain = Source::parse("caller", ";;! phases: on-request\n");
    componentize("caller", &Source::parse("caller", &caller::text(&plain)))
}

fn core_module(name: &str, text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap_or_else(|error| panic!("guest `{name}`: {error}"))
}

fn componentize(name: &str, source: &Source) -> Vec<u8> {
    let mut bytes = core_module(name, &module::assemble(source));
    let (resolve, world) = contract::world(source);
    let encoding = if source.is_utf16 { StringEncoding::CompactUTF16 } else { StringEncoding::UTF8 };
    embed_component_metadata(&mut bytes, &resolve, world, encoding, false)
        .unwrap_or_else(|error| panic!("guest `{name}`: {error:#}"));
    let mut encoder = ComponentEncoder::default();
    let encoded = encoder.validate(true).module(&bytes).and_then(|encoder| encoder.encode());
    encoded.unwrap_or_else(|error| panic!("guest `{name}`: {error:#}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::path::Path;
    use wit_component::DecodedWasm;

    /// Names of what a component imports and exports.
    fn seams(name: &str) -> (Vec<String>, Vec<String>) {
        let DecodedWasm::Component(resolve, world) = wit_component::decode(&component(name)).unwrap() else {
            panic!("`{name}` is no component");
        };
        let world = &resolve.worlds[world];
        let names =
            |keys: Vec<&wit_parser::WorldKey>| keys.into_iter().map(|key| resolve.name_world_key(key)).collect();
        (names(world.imports.keys().collect()), names(world.exports.keys().collect()))
    }

    #[test]
    fn every_guest_is_listed() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("wat");
        let files: BTreeSet<String> = folder
            .read_dir()
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
            .collect();
        let listed: BTreeSet<String> = ALL.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(files, listed);
    }

    #[test]
    fn every_guest_builds_and_is_a_component_unless_it_says_otherwise() {
        for name in ALL {
            let bytes = component(name);
            let source = Source::parse(name, text(name).unwrap());
            let whole = source.verbatim.is_none();
            let is_component = bytes.starts_with(b"\0asm\x0d\0\x01\0")
                && matches!(wit_component::decode(&bytes), Ok(DecodedWasm::Component(..)));
            assert_eq!(is_component, whole, "{name}");
        }
    }

    #[test]
    fn every_seed_makes_a_component_of_its_own() {
        let components: BTreeSet<Vec<u8>> = (0..50).map(random).collect();
        assert_eq!(components.len(), 50);
    }

    #[test]
    fn the_caller_imports_everything() {
        let DecodedWasm::Component(resolve, world) = wit_component::decode(&caller()).unwrap() else {
            panic!("it is no component");
        };
        let imports = &resolve.worlds[world].imports;
        assert!(imports.len() >= 14, "{}", imports.len());
    }

    #[test]
    fn a_guest_imports_what_it_uses_and_exports_its_phases() {
        let messages = "tollgate:policy/messages@0.1.0";
        let verdicts = "tollgate:policy/verdicts@0.1.0";
        let lifecycle = "tollgate:policy/lifecycle@0.1.0";
        let on_request = "tollgate:policy/on-request@0.1.0";
        let (imports, exports) = seams("state_counter_in_memory");
        assert_eq!(imports, [messages, verdicts]);
        assert_eq!(exports, [lifecycle, on_request]);

        let (imports, _) = seams("load_ungranted_import");
        assert!(imports.contains(&"tollgate:limiter/limiter@0.1.0".to_owned()));
        let (imports, _) = seams("load_unknown_import");
        assert!(imports.contains(&"acme:crimes/crimes@0.1.0".to_owned()));
        let (imports, _) = seams("load_wasi_import");
        assert!(imports.contains(&"wasi:cli/environment@0.3.0".to_owned()));
        let (_, exports) = seams("load_no_phase");
        assert_eq!(exports, [lifecycle]);
        let (_, exports) = seams("load_wrong_version");
        assert_eq!(exports, [lifecycle.replace("0.1", "0.2"), on_request.replace("0.1", "0.2")]);
    }
}
