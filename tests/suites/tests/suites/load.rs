//! What is wrong with a component or a document is said before anything is served: one sentence, with its place.

use crate::scene::{OPEN_API, greeter, place_of};
use std::path::{Path, PathBuf};
use std::process::Command;
use tollgate_harness::{Gateway, Outcome, Setup, binary};

/// A document whose line and column numbers are those of the file: nothing is put before it.
fn document(statement: &str, component: &str) -> String {
    format!(
        "listen: 127.0.0.1:0\nadmin: 127.0.0.1:0\npolicies:\n  inbound: [ {statement} ]\n\
         apis: [ {{ id: all, path: '', backend: http://127.0.0.1:9, subscription-required: false }} ]\n\
         components:\n  guest: {{ {component} }}\n"
    )
}

fn setup(yaml: &str, guest: &str) -> Setup {
    Gateway::with(yaml).file("guest.wasm", tollgate_guests::component(guest))
}

/// The errors of a document that `check` and `run` refuse alike, without the folder.
fn errors(setup: &Setup) -> Vec<String> {
    let of = |outcome: Outcome| {
        assert_eq!(outcome.code, 2, "{outcome:#?}");
        let lines: Vec<&str> = outcome.stderr.lines().filter(|line| !line.starts_with('{')).collect();
        let folder = lines.first().and_then(|line| line.split_once("tollgate.yaml:")).map_or("", |(folder, _)| folder);
        lines.iter().map(|line| line.replace(folder, "")).collect::<Vec<_>>()
    };
    let (check, run) = (of(setup.clone().check()), of(setup.clone().refused()));
    assert_eq!(check, run, "`check` and `run` say the same");
    check
}

/// The only error, whose place is that of `at`.
fn error_at(yaml: &str, guest: &str, at: &str) -> String {
    let errors = errors(&setup(yaml, guest));
    assert_eq!(errors.len(), 1, "{guest}: one error of one line: {errors:#?}");
    let place = place_of(yaml, at);
    let sentence =
        errors[0].strip_prefix(&place).unwrap_or_else(|| panic!("`{}` doesn't begin with `{place}`", errors[0]));
    sentence.to_owned()
}

/// A component that is refused wherever it stands, at its `file`.
fn refused(guest: &str, words: &[&str]) {
    let yaml = document("guest: {}", "file: ./guest.wasm");
    let sentence = error_at(&yaml, guest, "./guest.wasm");
    assert!(sentence.contains("component `guest`, ") && sentence.contains("guest.wasm: "), "{sentence}");
    for word in words {
        assert!(sentence.contains(word), "`{word}` is missing in: {sentence}");
    }
}

/// A component that can't take its configuration, at its statement.
fn unconfigurable(guest: &str, words: &[&str]) {
    let yaml = document("guest: { a: 1 }", "file: ./guest.wasm");
    let sentence = error_at(&yaml, guest, "{ a: 1 }");
    for word in words {
        assert!(sentence.contains(word), "`{word}` is missing in: {sentence}");
    }
}

macro_rules! refusals {
    ($refuse:ident: $($fact:ident: $guest:literal says $words:expr;)*) => {
        $(#[test] fn $fact() { $refuse($guest, &$words); })*
    };
}

refusals! { refused:
    a_core_module_is_refused_with_the_command_that_helps: "load_core_module" says ["core WebAssembly module", "wasm-tools component new"];
    garbage_is_refused: "load_garbage" says ["no WebAssembly component"];
    half_a_component_is_refused: "load_truncated" says ["not valid"];
    another_version_of_the_contract_is_refused: "load_wrong_version" says ["@0.2.0", "tollgate 0.1", "rebuild"];
    an_import_that_nobody_offers_is_refused: "load_unknown_import" says ["`acme:crimes/crimes@0.1.0`", "doesn't offer", "rebuild it without"];
    wasi_that_is_not_offered_is_refused: "load_wasi_import" says ["`wasi:cli/environment@0.3.0`", "of 0.2", "tollgate policy build"];
    a_component_without_a_phase_is_refused: "load_no_phase" says ["no phase", "on-request", "tollgate policy build"];
    a_manifest_without_an_id_is_refused: "load_bad_manifest_missing_id" says ["manifest", "missing field `id`", "it is what `describe` returns"];
    a_manifest_in_prose_is_refused: "load_bad_manifest_not_json" says ["the manifest can't be read"];
    a_manifest_with_an_unheard_of_body_is_refused: "load_bad_manifest_unknown_body" says ["manifest", "telepathy"];
    a_manifest_of_a_mebibyte_is_refused: "limits_big_manifest" says ["1048576 bytes", "262144"];
    a_trap_in_describe_is_refused: "faults_trap_in_describe" says ["`describe`", "trap"];
    a_trap_at_the_start_is_refused: "faults_trap_in_start" says ["trap"];
    a_host_call_in_describe_is_refused: "faults_host_call_in_describe" says ["`describe`", "can't be called from"];
    a_loop_in_describe_is_refused: "limits_loop_in_describe" says ["`describe`", "fuel"];
    a_loop_at_the_start_is_refused: "limits_loop_in_start" says ["fuel"];
    memory_growth_at_the_start_is_refused: "limits_memory_growth_in_start" says ["memory"];
    four_gibibytes_from_the_beginning_are_refused: "limits_memory_at_once" says ["4294967296 bytes of memory", "268435456"];
}

refusals! { unconfigurable:
    a_trap_in_configure_is_refused: "faults_trap_in_configure" says ["taking its configuration", "trap"];
    a_host_call_in_configure_is_refused: "faults_host_call_in_configure" says ["can't be called from"];
    a_loop_in_configure_is_refused: "limits_loop_in_configure" says ["taking its configuration", "its limit is `fuel`, "];
    a_loop_while_the_configuration_is_handed_over_is_refused: "limits_loop_in_realloc" says ["taking its configuration", "fuel"];
    memory_growth_in_configure_is_refused: "limits_memory_growth_in_configure" says ["taking its configuration", "memory", "its limit is `memory-bytes`, "];
}

#[test]
fn an_import_that_is_not_granted_is_refused_with_the_line_that_grants_it() {
    let yaml = document("guest: {}", "file: ./guest.wasm");
    let sentence = error_at(&yaml, "load_ungranted_import", "./guest.wasm");
    assert!(sentence.contains("`tollgate:limiter/limiter`"), "{sentence}");
    assert!(sentence.contains("write `grants: { limiter: true }` under `components: guest:`"), "{sentence}");

    // The line, as it was told, helps.
    let granted = document("guest: {}", "file: ./guest.wasm, grants: { limiter: true }");
    let granted = granted.replace("http://127.0.0.1:9", "{origin}");
    let gateway = setup(&granted, "load_ungranted_import").origin(greeter()).start();
    assert_eq!(gateway.get("/x").text(), "hello");
}

#[test]
fn a_configuration_that_the_guest_refuses_is_an_error_at_the_guests_pointer() {
    let yaml = document("guest: { addresses: [ one, two, three ] }", "file: ./guest.wasm");
    let sentence = error_at(&yaml, "load_config_refused", "three");
    assert!(sentence.contains("a value that nobody likes"), "{sentence}");
}

#[test]
fn a_configuration_against_the_schema_is_an_error_at_its_key() {
    let yaml = document("rate-limit: { calls: 3, renewal-perod: 10 }", "file: ./guest.wasm");
    let found = errors(&setup(&yaml, "state_counter_in_memory"));
    let nearest = format!(
        "{}`rate-limit`: unknown key `renewal-perod`; did you mean `renewal-period`?",
        place_of(&yaml, "renewal-perod")
    );
    assert!(found.contains(&nearest), "{found:#?}");
}

#[test]
fn a_statement_in_a_section_without_its_phase_is_refused() {
    let yaml = document("guest: {}", "file: ./guest.wasm");
    let sentence = error_at(&yaml, "faults_trap_in_on_response", "guest: {}");
    assert!(
        sentence.contains("can't stand in the section `inbound`") && sentence.contains("on-response"),
        "{sentence}"
    );
}

#[test]
fn another_digest_is_refused_at_the_digest() {
    let digest = format!("sha256:{}", "0".repeat(64));
    let yaml = document("guest: {}", &format!("file: ./guest.wasm, digest: '{digest}'"));
    let sentence = error_at(&yaml, "state_counter_in_memory", &format!("'{digest}'"));
    assert!(sentence.contains(&format!("expects {digest}")), "{sentence}");
}

#[test]
fn a_missing_file_is_refused_by_its_path() {
    let yaml = document("guest: {}", "file: ./lost.wasm");
    let sentence = error_at(&yaml, "state_counter_in_memory", "./lost.wasm");
    assert!(sentence.contains("lost.wasm can't be read"), "{sentence}");
}

#[test]
fn all_errors_of_a_file_are_told_at_once_in_the_order_of_the_file() {
    let yaml = "listen: 127.0.0.1:0\nadmin: 127.0.0.1:0\npolicies:\n  inbound: [ { set-heder: {} }, { guest: {} } ]\n\
                apis:\n  - { id: a, path: a }\n  - { id: b, path: b, backend: http://127.0.0.1:9, workrs: 1 }\n\
                products:\n  - { id: p, apis: [ bb ] }\ncomponents:\n  guest: { file: ./guest.wasm }\n\
                  lost: { file: ./lost.wasm }\n";
    let yaml = yaml.replace("\nlost", "\n  lost");
    let found = errors(&setup(&yaml, "load_garbage"));
    let expected = [
        (place_of(&yaml, "set-heder"), "did you mean `set-header`?"),
        (place_of(&yaml, "{ id: a, path: a }"), "missing key `backend`"),
        (place_of(&yaml, "workrs"), "unknown key `workrs`"),
        (place_of(&yaml, "bb ]"), "unknown API `bb`"),
        (place_of(&yaml, "./guest.wasm"), "no WebAssembly component"),
        (place_of(&yaml, "./lost.wasm"), "can't be read"),
    ];
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (line, (place, words)) in found.iter().zip(expected) {
        assert!(line.starts_with(&place) && line.contains(words), "`{line}` isn't `{place}…{words}…`");
    }
}

#[test]
fn a_good_file_is_said_to_be_good() {
    let outcome = Gateway::with(OPEN_API).origin(greeter()).check();
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""));
    assert!(outcome.stdout.contains("good (1 APIs, 0 statements, 0 subscriptions)"), "{}", outcome.stdout);
}

#[test]
fn a_file_that_is_not_there_is_refused() {
    let outcome = Outcome::of(Command::new(binary()).args(["check", "/nowhere/tollgate.yaml"]));
    assert_eq!(outcome.code, 2);
    assert!(outcome.stderr.contains("/nowhere/tollgate.yaml can't be read"), "{}", outcome.stderr);
}

fn laid_out(guest: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{guest}.wasm"));
    std::fs::write(&path, tollgate_guests::component(guest)).unwrap();
    path
}

#[test]
fn inspect_shows_what_a_component_is_and_needs() {
    let outcome = tollgate_harness::inspect(&laid_out("load_ungranted_import"));
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""));
    for line in [
        "load-ungranted-import 0.1.0 — Imports the limiter, which needs a grant; with it, goes on whatever the limiter says.",
        "phase    on-request, body: none",
        "import   tollgate:limiter/limiter@0.1.0",
        "grants   grants: { limiter: true }",
    ] {
        assert!(outcome.stdout.lines().any(|found| found == line), "`{line}` is missing in:\n{}", outcome.stdout);
    }
    assert!(outcome.stdout.contains("digest   sha256:"));
}

#[test]
fn inspect_speaks_json_to_other_programs() {
    let path = laid_out("state_counter_in_memory");
    let outcome = Outcome::of(Command::new(binary()).args(["inspect", "--json"]).arg(&path));
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let shown: serde_json::Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    assert_eq!(shown["id"], "state-counter-in-memory");
    assert_eq!(shown["bytes"], std::fs::metadata(&path).unwrap().len());
    assert_eq!(shown["phases"], serde_json::json!([{ "phase": "on-request", "body": "none" }]));
    assert_eq!(shown["grants"], serde_json::json!([]));
    assert_eq!(shown["digest"].as_str().map(str::len), Some("sha256:".len() + 64));
}

#[test]
fn inspect_refuses_what_is_no_component() {
    for guest in ["load_garbage", "load_core_module", "load_wasi_import", "limits_loop_in_describe"] {
        let outcome = tollgate_harness::inspect(&laid_out(guest));
        assert_eq!((outcome.code, outcome.stdout.as_str()), (2, ""), "{guest}");
        assert_eq!(outcome.stderr.lines().count(), 1, "{guest}: {}", outcome.stderr);
    }
}

#[test]
fn where_a_key_is_named_only_what_it_has_signed_is_served() {
    use ring::signature::{Ed25519KeyPair, KeyPair};
    let key = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let other = Ed25519KeyPair::from_seed_unchecked(&[8; 32]).unwrap();
    let hex =
        |key: &Ed25519KeyPair| -> String { key.public_key().as_ref().iter().map(|b| format!("{b:02x}")).collect() };
    let wasm = tollgate_guests::component("state_counter_in_memory");
    let signature = key.sign(&wasm).as_ref().to_vec();
    let yaml = |key: &str| {
        let signature = format!("signature: {{ key: '{key}' }}");
        document("guest: {}", &format!("file: ./guest.wasm, {signature}"))
    };
    let trusted = format!("ed25519:{}", hex(&key));

    let good = yaml(&trusted).replace("http://127.0.0.1:9", "{origin}");
    let setup_with =
        |yaml: &str, signature: &[u8]| setup(yaml, "state_counter_in_memory").file("guest.wasm.sig", signature);
    let gateway = setup_with(&good, &signature).origin(greeter()).start();
    assert_eq!(gateway.get("/x").status, 200);

    let mut damaged = signature.clone();
    damaged[5] ^= 1;
    for (yaml, signature, sentence) in [
        (yaml(&trusted), damaged.as_slice(), "is no signature of"),
        (yaml(&format!("ed25519:{}", hex(&other))), &signature, "is no signature of"),
        (yaml(&trusted), &signature[..63], "has 63 bytes, and an Ed25519 signature has 64"),
        (yaml("ed25519:00"), &signature, "expected an Ed25519 public key"),
    ] {
        let errors = errors(&setup_with(&yaml, signature));
        assert!(errors.len() == 1 && errors[0].contains(sentence), "{errors:#?}");
    }
    let missing = errors(&setup(&yaml(&trusted), "state_counter_in_memory"));
    assert!(missing.len() == 1 && missing[0].contains("guest.wasm.sig can't be read"), "{missing:#?}");
}
