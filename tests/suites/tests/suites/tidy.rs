//! The house rules that a machine can keep: who depends on whom, what every file begins with, what pages promise.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every Rust file below these folders, relative to the root. What a build makes is left out.
fn rust_files(folders: &[&str]) -> Vec<PathBuf> {
    let root = root();
    let mut files = Vec::new();
    let mut left: Vec<PathBuf> = folders.iter().map(|folder| root.join(folder)).collect();
    while let Some(folder) = left.pop() {
        for entry in std::fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            let (path, name) = (entry.path(), entry.file_name());
            if path.is_dir() && name != "target" {
                left.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path.strip_prefix(&root).unwrap().to_owned());
            }
        }
    }
    files.sort();
    assert!(!files.is_empty());
    files
}

#[test]
fn every_guest_is_in_a_suite() {
    let sources: String = rust_files(&["tests/suites/tests"]).iter().map(read).collect();
    let missing: Vec<_> =
        tollgate_guests::ALL.iter().filter(|guest| !sources.contains(&format!("\"{guest}\""))).collect();
    assert!(missing.is_empty(), "guests that nobody tests: {missing:?}");
}

/// The names in a manifest's `[dependencies]`.
fn dependencies(package: &str) -> BTreeSet<String> {
    let text = read(format!("{package}/Cargo.toml"));
    let table = text.split("\n[dependencies]\n").nth(1).unwrap_or_default();
    let lines = table.lines().take_while(|line| !line.starts_with('['));
    lines
        .filter_map(|line| line.split(['.', ' ', '=']).next())
        .filter(|name| !name.is_empty() && *name != "#")
        .map(str::to_owned)
        .collect()
}

#[test]
fn crates_depend_on_one_another_in_one_direction() {
    let allowed: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("host/core", [].as_slice()),
        ("host/compiled", &[]),
        ("host/bindings", &["core"]),
        ("host/expression", &[]),
        ("host/caching", &["core"]),
        ("host/capabilities", &["bindings", "caching", "core", "expression"]),
        ("host/document", &["core", "expression"]),
        ("host/runtime", &["bindings", "capabilities", "compiled", "core", "expression"]),
        ("host/gateway", &["caching", "core", "document", "expression", "runtime"]),
        ("host/cli", &["core", "document", "gateway", "runtime"]),
        ("sdk/rust/macros", &[]),
        ("sdk/rust", &["sdk-macros"]),
        ("tests/guests", &[]),
        ("tests/harness", &[]),
        ("xtask", &[]),
    ]);
    for folder in std::fs::read_dir(root().join("host")).unwrap().map(|entry| entry.unwrap().file_name()) {
        let package = format!("host/{}", folder.to_str().unwrap());
        assert!(
            allowed.contains_key(package.as_str()),
            "{package} has no arrows yet: add them here, and to the design"
        );
    }
    for (package, allowed) in allowed {
        for dependency in dependencies(package) {
            if let Some(name) = dependency.strip_prefix("tollgate-") {
                assert!(allowed.contains(&name), "{package} may not depend on {dependency}");
            }
        }
    }
}

#[test]
fn policies_depend_on_the_sdk_and_on_one_another_and_never_on_the_host() {
    for entry in std::fs::read_dir(root().join("policies")).unwrap().map(Result::unwrap).filter(|e| e.path().is_dir()) {
        let package = format!("policies/{}", entry.file_name().to_str().unwrap());
        for dependency in dependencies(&package) {
            let is_own = root().join("policies").join(dependency.trim_start_matches("tollgate-")).is_dir();
            let is_hosts = dependency.starts_with("tollgate-") && dependency != "tollgate-sdk" && !is_own;
            assert!(!is_hosts, "{package} may not depend on {dependency}");
        }
    }
}

#[test]
fn wasm_and_http_stay_where_they_belong() {
    let named = |package: &str, name: &str| dependencies(package).iter().any(|found| found.starts_with(name));
    for package in ["host/core", "host/document", "host/gateway", "host/cli", "sdk/rust"] {
        assert!(!named(package, "wasmtime"), "{package} names wasmtime");
    }
    for package in ["host/core", "host/document", "host/bindings", "host/capabilities", "host/compiled", "host/runtime"]
    {
        for name in ["hyper", "tokio"] {
            // A count that is on the disk, and the end of a call beside its worker, are told through channels of tokio's, which
            // need no event loop.
            let is_channel = ["host/capabilities", "host/runtime"].contains(&package) && name == "tokio";
            assert!(is_channel || !named(package, name), "{package} names {name}");
        }
    }
}

#[test]
fn every_rust_file_begins_with_what_it_is() {
    let files = rust_files(&["host", "sdk", "policies", "xtask", "tests"]);
    let silent: Vec<_> = files.iter().filter(|path| !read(path).starts_with("//!")).collect();
    assert!(silent.is_empty(), "files that don't begin with `//!`: {silent:#?}");
}

/// `unsafe` as code: a block, a function, an implementation.
fn has_unsafe_code(text: &str) -> bool {
    let word = concat!("un", "safe");
    let code = text.lines().map(|line| line.split("//").next().unwrap_or_default());
    code.into_iter().any(|line| {
        ["{", "fn ", "impl ", "extern ", "trait "].iter().any(|next| line.contains(&format!("{word} {next}")))
    })
}

#[test]
fn unsafe_code_is_in_one_crate() {
    for path in rust_files(&["host", "sdk", "policies", "xtask", "tests", "examples"]) {
        let text = read(&path);
        if !path.starts_with("host/compiled") {
            assert!(!has_unsafe_code(&text), "{} has code that the compiler can't check", path.display());
        }
        // The SDK's bindings are generated from `wit/`, and so are the exports that its macro writes.
        let is_generated = path.ends_with("sdk/rust/src/lib.rs") || path.ends_with("sdk/rust/macros/src/policy.rs");
        let allows = text.contains(concat!("allow(un", "safe_code"));
        assert!(!allows || is_generated, "{} allows unsafe code", path.display());
    }
    for path in ["host/compiled", "sdk/rust"] {
        assert!(
            !read(format!("{path}/Cargo.toml")).contains("[lints]\nworkspace = true"),
            "{path} needs its own lints"
        );
    }
}

#[test]
fn no_line_of_the_host_lets_a_lint_pass_without_a_reason() {
    for path in rust_files(&["host", "sdk", "policies"]) {
        let text = read(&path);
        for attribute in ["#[allow(", "#![allow(", "#[expect(", "#![expect("] {
            for rest in text.split(attribute).skip(1) {
                let list = rest.split(")]").next().unwrap_or_default();
                assert!(list.contains("reason"), "{}: `{attribute}{list})]` has no reason", path.display());
            }
        }
    }
}

/// What stands between backticks in a page and looks like a path in this repository, a folder or a file.
fn paths_named(text: &str) -> BTreeSet<String> {
    let tops = ["host/", "sdk/", "policies/", "tests/", "wit/", "examples/", "xtask/", "docs/", ".ci/"];
    let in_code = text.split('`').skip(1).step_by(2).flat_map(|code| code.split([' ', '\n', '(', ')', ',']));
    let in_links = text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
    in_code
        .chain(in_links)
        .map(|path| path.trim_end_matches(['.', ':', ';']))
        .filter(|path| tops.iter().any(|top| path.starts_with(top)))
        .filter(|path| !path.contains(['<', '*', '…']))
        .map(str::to_owned)
        .collect()
}

/// `{a,b}` in a path stands for both.
fn expanded(path: &str) -> Vec<String> {
    match path.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?))) {
        Some((before, (names, after))) => names.split(',').map(|name| format!("{before}{name}{after}")).collect(),
        None => vec![path.to_owned()],
    }
}

#[test]
fn every_path_that_a_page_names_exists() {
    for page in ["ARCHITECTURE.md", "README.md", "docs/configuration.md"] {
        let folder = Path::new(page).parent().unwrap().to_owned();
        let named = paths_named(&read(page));
        assert!(page != "ARCHITECTURE.md" || named.len() > 10, "ARCHITECTURE.md names next to nothing: {named:?}");
        for path in named.iter().flat_map(|path| expanded(path)) {
            let exists = root().join(&path).exists() || root().join(&folder).join(&path).exists();
            assert!(exists, "{page} names {path}, which doesn't exist");
        }
    }
}

#[test]
fn the_readmes_first_policy_is_the_example() {
    let readme = read("README.md");
    let first = readme.split("```rust\n").nth(1).and_then(|rest| rest.split("```").next());
    assert_eq!(first.expect("README.md shows Rust"), read("examples/hello/src/lib.rs"));
}

#[test]
fn nothing_that_is_built_is_in_the_repository() {
    let listed = Command::new("git").args(["ls-files"]).current_dir(root()).output().expect("git runs");
    assert!(listed.status.success());
    let listed = String::from_utf8(listed.stdout).unwrap();
    let built = |path: &&str| [".wasm", ".cwasm", ".so", ".o", ".rlib"].iter().any(|end| path.ends_with(end));
    // Frozen components are the point of that folder.
    let built: Vec<_> = listed.lines().filter(built).filter(|path| !path.starts_with("tests/compat/")).collect();
    assert!(built.is_empty(), "{built:?}");
}

#[test]
fn every_built_in_statement_has_a_page() {
    for name in read("docs/configuration.md").split("../policies/").skip(1).filter_map(|rest| rest.split('/').next()) {
        let page = format!("policies/{name}/README.md");
        assert!(root().join(&page).is_file(), "{page} is missing");
    }
}
