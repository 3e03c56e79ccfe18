use tollgate_sdk::{Reply, Request, Verdict, policy};

/// Greets whoever asks for /hello, and lets every other request pass.
#[policy]
fn on_request(request: &mut Request) -> Verdict {
    match request.path().as_str() {
        "/hello" => Reply::new(200).body("Hello from a policy!\n").into(),
        _ => Verdict::next(),
    }
}
