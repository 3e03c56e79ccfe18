//! Files of granted directories: what may be read, and that nothing else may.

use crate::authors::{policy, root};
use crate::scene::greeter;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use tempfile::TempDir;
use tollgate_harness::{Gateway, Request, Setup};

const GREETINGS: &str = "Good morning\nGood evening\n";

/// A policy in C that does with files what a request tells it to, built once.
fn component() -> &'static [u8] {
    static COMPONENT: OnceLock<Vec<u8>> = OnceLock::new();
    COMPONENT.get_or_init(|| {
        let (source, folder) = (root().join("tests/policies/reads-files"), tempfile::tempdir().unwrap());
        for file in ["policy.yaml", "policy.c"] {
            fs::copy(source.join(file), folder.path().join(file)).unwrap();
        }
        let built = policy(folder.path(), &["build", "."]);
        assert_eq!(built.code, 0, "{built:#?}");
        assert!(built.stdout.contains("wasi:filesystem/preopens"), "{built:#?}");
        fs::read(folder.path().join("build/reads-files.wasm")).unwrap()
    })
}

/// A directory with `greetings.txt` in `data/`, and `secret.txt` beside that.
fn data() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("data/below")).unwrap();
    fs::write(folder.path().join("data/greetings.txt"), GREETINGS).unwrap();
    fs::write(folder.path().join("secret.txt"), "secret").unwrap();
    folder
}

fn document(configuration: &str, beside: &str, grants: &str) -> String {
    format!(
        "workers: 1\n\
         apis: [ {{ id: all, path: '', backend: {{origin}}, subscription-required: false, policies: {{ inbound: \
         [ {{ reads-files: {{ {configuration} }} {beside} }} ] }} }} ]\n\
         components: {{ reads-files: {{ file: ./reads-files.wasm, grants: {{ {grants} }} }} }}\n"
    )
}

fn gateway(folder: &Path, configuration: &str, beside: &str) -> Setup {
    let yaml = document(configuration, beside, "files: [ { directory: '{data}', at: /data } ]");
    Gateway::with(&yaml)
        .file("reads-files.wasm", component())
        .value("data", folder.join("data").to_str().unwrap())
        .origin(greeter())
}

fn told(gateway: &Gateway, to_do: &str, path: &str) -> String {
    gateway.send(&Request::get(path).header("x-do", to_do)).text().to_owned()
}

/// The policy opens this below the granted directory, as it is: wasi-libc looks at no part of it.
fn opened(gateway: &Gateway, path: &str) -> String {
    gateway.send(&Request::get("/").header("x-do", "raw").header("x-path", path)).text().to_owned()
}

#[test]
fn cases_of_policies_grant_directories_beside_them() {
    let (source, folder) = (root().join("tests/policies/reads-files"), tempfile::tempdir().unwrap());
    let copied = Command::new("cp").arg("-r").arg(&source).arg(folder.path().join("policy")).status().unwrap();
    assert!(copied.success());
    let tested = policy(folder.path(), &["test", "policy"]);
    assert!(tested.code == 0 && tested.stdout.contains("2 passed, 0 failed"), "{tested:#?}");
}

#[test]
fn a_granted_directory_is_read_while_a_policy_is_configured_and_for_requests() {
    let data = data();
    let gateway = gateway(data.path(), "file: /data/greetings.txt", "").start();
    assert_eq!(told(&gateway, "first-line", "/"), "Good morning\n");
    assert_eq!(told(&gateway, "read", "/data/greetings.txt"), format!("26 bytes: {GREETINGS}"));
    assert_eq!(told(&gateway, "read", "/data/below/../greetings.txt"), format!("26 bytes: {GREETINGS}"));
    assert_eq!(told(&gateway, "next-line", "/"), "Good evening\n", "what `configure` opened is open");
    assert_eq!(told(&gateway, "next-line", "/"), "the end", "a warm instance keeps it");
    assert_eq!(told(&gateway, "read", "/data/nothing"), "error: No such file or directory");
    assert_eq!(told(&gateway, "read", "/data/below"), "error: Bad file descriptor", "a directory");
    let listed = told(&gateway, "list", "/data");
    assert!(listed.starts_with("4 entries, "), "with `.` and `..`: {listed}");
}

#[test]
fn fresh_instances_open_anew_what_configure_opens() {
    let data = data();
    let gateway = gateway(data.path(), "file: /data/greetings.txt", ", isolation: fresh").start();
    for _ in 0..3 {
        assert_eq!(told(&gateway, "next-line", "/"), "Good evening\n");
    }
}

#[test]
fn without_a_grant_there_are_no_files() {
    let gateway = Gateway::with(&document("", "", "")).file("reads-files.wasm", component()).origin(greeter()).start();
    for path in ["/data/greetings.txt", "/etc/hostname", "/"] {
        assert_eq!(told(&gateway, "read", path), "error: Capabilities insufficient", "{path}");
    }
}

#[test]
fn no_path_leads_out_of_a_granted_directory() {
    let data = data();
    let inside = data.path().join("data");
    let secret = data.path().join("secret.txt");
    symlink("../secret.txt", inside.join("relative-link")).unwrap();
    symlink(&secret, inside.join("absolute-link")).unwrap();
    symlink("..", inside.join("link-to-above")).unwrap();
    symlink("greetings.txt", inside.join("link-within")).unwrap();
    symlink("itself", inside.join("itself")).unwrap();
    let gateway = gateway(data.path(), "", "").start();
    for path in [
        "../secret.txt",
        "below/../../secret.txt",
        "..",
        secret.to_str().unwrap(),
        "/",
        "relative-link",
        "absolute-link",
        "link-to-above",
        "link-to-above/secret.txt",
    ] {
        assert_eq!(opened(&gateway, path), "error: Operation not permitted", "{path}");
    }
    assert_eq!(opened(&gateway, "itself"), "error: Symbolic link loop");
    assert_eq!(opened(&gateway, &"x/".repeat(3000)), "error: Filename too long");
    for path in ["greetings.txt", "link-within", "below/../greetings.txt", "below", "."] {
        assert_eq!(opened(&gateway, path), "opened", "{path}");
    }
}

#[test]
fn nothing_can_be_written_below_a_granted_directory() {
    let data = data();
    let gateway = gateway(data.path(), "", "").start();
    for (to_do, path) in [
        ("write", "/data/greetings.txt"),
        ("truncate", "/data/greetings.txt"),
        ("create", "/data/new"),
        ("unlink", "/data/greetings.txt"),
        ("mkdir", "/data/new"),
        ("rmdir", "/data/below"),
        ("rename", "/data/greetings.txt"),
        ("link", "/data/greetings.txt"),
        ("symlink", "/data/new"),
        ("touch", "/data/greetings.txt"),
    ] {
        assert_eq!(told(&gateway, to_do, path), "error: Read-only file system", "{to_do} {path}");
    }
    assert_eq!(fs::read_to_string(data.path().join("data/greetings.txt")).unwrap(), GREETINGS);
    assert_eq!(fs::read_dir(data.path().join("data")).unwrap().count(), 2);
}

#[test]
fn what_could_block_a_worker_is_not_opened() {
    let data = data();
    let pipe = data.path().join("data/pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let _socket = std::os::unix::net::UnixListener::bind(data.path().join("data/socket")).unwrap();
    let gateway = gateway(data.path(), "", "").start();
    for path in ["pipe", "socket"] {
        assert_eq!(opened(&gateway, path), "error: Operation not permitted", "{path}");
    }
    assert_eq!(opened(&gateway, "greetings.txt"), "opened");
}

#[test]
fn a_huge_file_ends_at_the_limit_of_host_bytes() {
    let data = data();
    let huge = fs::File::create(data.path().join("data/huge")).unwrap();
    huge.set_len(1 << 40).unwrap();
    let gateway = gateway(data.path(), "", ", limits: { deadline-ms: 20000 }").start();
    let before = gateway.rss_bytes();
    let response = gateway.send(&Request::get("/data/huge").header("x-do", "read"));
    assert_eq!(response.status, 500);
    assert!(gateway.wait_for_log("a policy failed").contains("is over the limit `host-bytes`"));
    assert!(gateway.rss_bytes() < before + (32 << 20), "none of it stays");
    assert_eq!(opened(&gateway, "huge"), "opened", "it serves on");
}

#[test]
fn a_long_listing_counts_for_limits_as_well() {
    let data = data();
    for number in 0..3000 {
        fs::write(data.path().join(format!("data/{number}")), "").unwrap();
    }
    let limits = ", limits: { host-bytes: 100000, host-calls: 100000, deadline-ms: 20000 }";
    let gateway = gateway(data.path(), "", limits).start();
    let response = gateway.send(&Request::get("/data").header("x-do", "list"));
    assert_eq!(response.status, 500);
    assert!(gateway.wait_for_log("a policy failed").contains("is over the limit `host-bytes`"));
}

#[test]
fn ten_thousand_files_are_not_held_open() {
    let data = data();
    let gateway = gateway(data.path(), "", ", limits: { host-calls: 1000000, deadline-ms: 20000 }").start();
    // A gateway that has answered has open what it needs itself.
    assert_eq!(told(&gateway, "many-closed", "/data/greetings.txt"), "done");
    let before = gateway.open_files();
    let said = told(&gateway, "many", "/data/greetings.txt");
    assert!(said.starts_with("opened ") && said.ends_with(": Out of memory"), "{said}");
    assert!(gateway.open_files() <= before + 70, "{} after {before}: {said}", gateway.open_files());
    assert_eq!(told(&gateway, "read", "/data/greetings.txt"), "error: Out of memory", "its own instance has no room");
    gateway.sighup();
    gateway.wait_for_log("reloaded");
    assert_eq!(told(&gateway, "many-closed", "/data/greetings.txt"), "done", "what is closed makes room");
    assert!(gateway.open_files() <= before + 70, "{} after {before}", gateway.open_files());
}

#[test]
fn a_reload_reads_files_anew_and_follows_the_grant() {
    let data = data();
    let gateway = gateway(data.path(), "file: /data/greetings.txt", "").start();
    assert_eq!(told(&gateway, "first-line", "/"), "Good morning\n");
    fs::write(data.path().join("data/greetings.txt"), "Good night\n").unwrap();
    assert_eq!(told(&gateway, "first-line", "/"), "Good morning\n", "an instance keeps what it has read");
    gateway.sighup();
    gateway.wait_for_log("reloaded");
    assert_eq!(told(&gateway, "first-line", "/"), "Good night\n");

    let other = self::data();
    let granted = format!("files: [ {{ directory: '{}', at: /data }} ]", other.path().join("data").display());
    gateway.reload(&document("file: /data/greetings.txt", "", &granted));
    assert_eq!(told(&gateway, "first-line", "/"), "Good morning\n", "another directory");
    let kept =
        gateway.reload(&document("file: /data/greetings.txt", "", "files: [ { directory: ./gone, at: /data } ]"));
    assert!(format!("{kept:?}").contains("Kept"), "{kept:?}");
    assert_eq!(told(&gateway, "first-line", "/"), "Good morning\n");
}

#[test]
fn a_directory_that_is_not_there_is_told_with_its_place() {
    let told = |grants: &str| {
        let yaml = document("", "", grants);
        let checked = Gateway::with(&yaml).file("reads-files.wasm", component()).origin(greeter()).check();
        assert_eq!(checked.code, 2, "{checked:#?}");
        assert_eq!(checked.stderr.lines().count(), 1, "{checked:#?}");
        checked.stderr
    };
    for (grants, says) in [
        (
            "files: [ { directory: ./gone, at: /data } ]",
            "gone can't be opened as a directory: No such file or directory",
        ),
        ("files: [ { directory: reads-files.wasm, at: /data } ]", "can't be opened as a directory: Not a directory"),
        ("files: true", "expected a list of the directories that may be read"),
        ("files: [ { directory: ., at: data } ]", "expected an absolute path without `.`, `..` and empty parts"),
        ("files: [ { directory: . } ]", "missing key `at` in a directory that may be read"),
        ("files: [ . ]", "expected a mapping such as `{ directory: ./data, at: /data }`"),
        ("files: [ { directory: ., at: /a }, { directory: ., at: /a } ]", "duplicate `at` of a directory"),
    ] {
        let said = told(grants);
        assert!(said.contains("tollgate.yaml:5:") && said.contains(says), "{grants}: {said}");
    }
}
