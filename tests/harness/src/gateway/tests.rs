//! The harness against a script that behaves like the gateway's process.

use super::*;
use crate::origin::Origin;

/// Listens nowhere, but says that it does, at `$LISTEN`; answers signals as the gateway would.
const SCRIPT: &str = r#"
file=$2
trap 'echo "kept the last plan: sha256:$(sha256sum <$file | cut -c1-12)" >&2' HUP
trap 'echo drained >&2; exit 3' TERM
grep -q refuse $file && { echo "$file:1:1: no such thing" >&2; exit 2; }
echo "starting" >&2
echo "listening on $LISTEN"
echo "admin listening on $LISTEN"
echo '{"path":"/reloaded","status":200}'
while :; do sleep 0.01; done
"#;

fn fake(yaml: &str, origin: &Origin) -> Setup {
    Setup::new(yaml)
        .origin(origin)
        .file("script", SCRIPT)
        .program(&[Path::new("/bin/sh"), Path::new("./script")])
        .env("LISTEN", &origin.address().to_string())
}

#[test]
fn a_gateway_is_started_reloaded_and_ended() {
    let origin = Origin::start(|request| match request.target.as_str() {
        "/metrics" => Response::new(200).body("up 1\n"),
        _ => Response::new(204),
    });
    let gateway = fake("backend: '{origin}'\n", &origin).start();
    assert_eq!(gateway.get("/").status, 204);
    assert_eq!(gateway.metrics().sum("up", &[]), 1.0);
    assert_eq!(gateway.wait_for_access_log(1)[0]["status"], 200);
    assert_eq!(gateway.wait_for_log("start"), "starting");
    assert!(std::fs::read_to_string(gateway.document()).unwrap().contains(&origin.url()));
    assert!(gateway.rss_bytes() > 100_000 && gateway.peak_rss_bytes() >= gateway.rss_bytes() / 2);
    assert!(gateway.open_files() >= 3);

    for yaml in ["a: 1\n", "a: 2\n"] {
        let Reload::Kept(said) = gateway.reload(yaml) else {
            panic!("the script keeps its plan");
        };
        assert!(said.starts_with("kept the last plan"), "{said}");
    }
    assert!(gateway.is_running());
    gateway.sigterm();
    assert_eq!(gateway.wait().code(), Some(3));
    assert_eq!(gateway.stderr().last().map(String::as_str), Some("drained"));
}

#[test]
fn a_refusal_is_an_outcome() {
    let origin = Origin::refusing();
    let outcome = fake("refuse: me\n", &origin).refused();
    assert_eq!(outcome.code, 2);
    assert!(outcome.stderr.ends_with("tollgate.yaml:1:1: no such thing"), "{}", outcome.stderr);
    let outcome = fake("refuse: me\n", &origin).check();
    assert_eq!(outcome.code, 2);
}

#[test]
fn only_lines_about_this_document_count() {
    let said = |log: &[&str]| reload_said(log, "0123456789abcdef");
    let kept = |text: &str| Some(Reload::Kept(text.to_owned()));
    assert_eq!(said(&["checking", "reloaded plan 2"]), Some(Reload::Applied));
    assert_eq!(said(&["reloaded sha256:ffff456789", "reloaded sha256:0123456789"]), Some(Reload::Applied));
    assert_eq!(said(&["reloaded sha256:ffff456789"]), None);
    assert_eq!(said(&["line 3: no", "kept the plan", "more"]), kept("line 3: no\nkept the plan"));
    assert_eq!(said(&[r#"{"path":"/kept"}"#, "listening"]), None);
}
