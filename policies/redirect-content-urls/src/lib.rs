//! `redirect-content-urls`: links in bodies lead through the gateway instead of around it.

mod swap;

use policy_headers::{body_was_replaced, is_announced_empty, is_encoded};
use swap::{Base, swapped};
use tollgate_sdk::{Headers, Policy, Request, Response, Verdict, backend, context, log, policy};

/// The statement. It has no configuration.
#[derive(Debug, Default)]
pub struct Statement;

/// Makes links in bodies lead through the gateway.
#[policy(sections(inbound, outbound), once, buffer(on_request = "4MiB", on_response = "4MiB"))]
impl Policy for Statement {
    fn wants_request_body(&self, request: &Request) -> bool {
        is_textual(request) && !is_encoded(request)
    }

    fn wants_response_body(&self, request: &Request, response: &Response) -> bool {
        has_body(request, response) && is_textual(response) && !is_encoded(response)
    }

    fn on_request(&self, request: &mut Request) -> Result<(), Verdict> {
        if !is_textual(request) || passes_encoded(request) {
            return Ok(());
        }
        let (gateway, backend) = bases(request)?;
        if let Some(body) = swapped(&request.body()?, &gateway, &backend) {
            request.set_body(body)?;
            body_was_replaced(request)?;
        }
        Ok(())
    }

    fn on_response(&self, request: &Request, response: &mut Response) -> Result<(), Verdict> {
        if !has_body(request, response) || !is_textual(response) || passes_encoded(response) {
            return Ok(());
        }
        let (gateway, backend) = bases(request)?;
        if let Some(body) = swapped(&response.body()?, &backend, &gateway) {
            response.set_body(body)?;
            body_was_replaced(response)?;
        }
        Ok(())
    }
}

/// The API as the client addresses it, and the backend.
fn bases(request: &Request) -> Result<(Base, Base), Verdict> {
    let gateway = Base::new(&request.scheme(), &request.authority(), &context::api_path());
    let url = backend::base_url();
    let backend = Base::parse(&url).ok_or_else(|| Verdict::fail("the backend has no base URL"))?;
    Ok((gateway, backend))
}

/// Whether there is a body of a type that people or their programs read as text.
fn is_textual(message: &impl Headers) -> bool {
    if is_announced_empty(message) {
        return false;
    }
    let value = message.header("content-type").unwrap_or_default();
    let end = value.iter().position(|byte| *byte == b';').unwrap_or(value.len());
    let media_type = value[..end].trim_ascii().to_ascii_lowercase();
    let ends = |suffix: &[u8]| media_type.ends_with(suffix);
    media_type.starts_with(b"text/")
        || ends(b"+json")
        || ends(b"+xml")
        || [&b"json"[..], b"xml", b"javascript", b"x-javascript", b"x-ndjson", b"yaml"]
            .iter()
            .any(|subtype| media_type.strip_prefix(b"application/") == Some(subtype))
}

fn passes_encoded(message: &impl Headers) -> bool {
    let encoded = is_encoded(message);
    if encoded {
        log::warn!("a body is encoded, and links in it stay as they are");
    }
    encoded
}

/// What is left of a part of a body would no longer be that part.
fn has_body(request: &Request, response: &Response) -> bool {
    !matches!(response.status(), 204..=206 | 304) && request.method() != "HEAD"
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_sdk::serde_json::json;
    use tollgate_sdk::testing::{Backend, Exchange, Gateway, Request, Response, World};

    fn exchange(request: Request) -> (Gateway<Statement>, Exchange) {
        let world = World::new();
        let gateway = Gateway::within(&world, json!(null)).unwrap();
        let mut exchange = Exchange::new(&world, request.with_api_path("orders"));
        exchange.choose_backend(Backend::BaseUrl("http://b.example/v2".into()));
        (gateway, exchange)
    }

    fn json_response(body: &str) -> Response {
        Response::new(200).with_header("content-type", "application/json").with_body(body)
    }

    #[test]
    fn a_response_leads_through_the_gateway() {
        let (gateway, mut exchange) = exchange(Request::get("/orders/1"));
        exchange.answer(json_response(r#"{"next":"http://b.example/v2/1?x"}"#).with_header("digest", "x"));
        assert_eq!(gateway.on_response(&mut exchange), Verdict::Next);
        assert_eq!(exchange.response().body_str(), Some(r#"{"next":"https://api.example/orders/1?x"}"#));
        assert_eq!(exchange.response().header("digest"), None);
    }

    #[test]
    fn a_request_leads_to_the_backend() {
        let request = Request::post("/orders/1").with_header("content-type", "text/plain; charset=utf-8");
        let (gateway, mut exchange) = exchange(request.with_body("see https://api.example/orders."));
        assert_eq!(gateway.on_request(&mut exchange), Verdict::Next);
        assert_eq!(exchange.request.body_str(), Some("see http://b.example/v2."));
    }

    #[test]
    fn what_is_no_text_or_encoded_passes() {
        let body = "http://b.example/v2";
        for response in [
            Response::new(200).with_header("content-type", "application/octet-stream").with_body(body),
            Response::new(200).with_body(body),
            json_response(body).with_header("content-encoding", "gzip"),
        ] {
            let (gateway, mut exchange) = exchange(Request::get("/"));
            exchange.answer(response.clone());
            assert_eq!(gateway.on_response(&mut exchange), Verdict::Next);
            assert_eq!(*exchange.response(), response);
        }
    }
}
