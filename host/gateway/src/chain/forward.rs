//! `forward-request`: the request goes to its origin, and the response comes back (`apim.md` §1.4).

use std::sync::Arc;
use std::time::Instant;

use http::header;
use http::uri::PathAndQuery;
use http::{Method, Request, Response, StatusCode, Uri};
use http_body::Body as _;
use serde_json::json;
use tollgate_core::base_url::BaseUrl;
use tollgate_core::message::ResponseHead;
use tollgate_document::HttpVersion;

use super::{Failing, StepFailure, Stop, Walk, in_memory};
use crate::balance::{Tried, Unavailable};
use crate::body::Body;
use crate::hop;
use crate::plan::Forward;
use crate::respond::Rejection;
use crate::upstream::{Origin, Target, Timeouts, Unsent, UpstreamError};

/// Redirects that are followed for one request.
const MAX_REDIRECTS: usize = 5;

/// Where a request goes and what it is, but for its body.
struct Head {
    target: Arc<Target>,
    method: Method,
    uri: Uri,
    headers: http::HeaderMap,
}

/// How a request is sent.
struct Way<'f> {
    forward: &'f Forward,
    timeouts: Timeouts,
    follows: bool,
}

impl Walk {
    pub(super) async fn forward(&mut self, forward: &Arc<Forward>) -> Result<(), Stop> {
        match self.chain.caching.clone() {
            None => self.fetch(forward).await?,
            // Boxed, as everything below that few requests need: nobody else holds room for it.
            Some(caching) => Box::pin(self.fetch_cached(forward, &caching)).await?,
        }
        let response = self.exchange().and_then(|exchange| exchange.response.as_ref());
        if forward.fail_on_error_status_code && response.is_some_and(|response| response.status.as_u16() >= 400) {
            return Err(Stop::Failed(Box::new(StepFailure {
                source: forward.own.name.into(),
                statement: None,
                at: Some(Arc::clone(&forward.own.position)),
                rejection: None,
                detail: None,
            })));
        }
        Ok(())
    }

    /// Have the origin answer.
    pub(super) async fn fetch(&mut self, forward: &Forward) -> Result<(), Stop> {
        let settings = self.forward_settings(forward).map_err(|failing| self.failed(&forward.own, failing))?;
        let (timeouts, follows) = settings;
        let keeps = forward.buffer_request_body || follows || self.chain.keeps_request_body;
        if keeps {
            let read = in_memory(&mut self.request_body).await;
            read.map_err(|error| self.failed(&forward.own, Failing::Rejected(Rejection::from(error))))?;
        }
        let way = Way { forward, timeouts, follows };
        let sent = Instant::now();
        let (mut head, mut response) = self.ask_backend(&way).await?;
        let mut redirects = 0;
        while follows && redirects < MAX_REDIRECTS {
            let Some(next) = redirected(&head, &response) else { break };
            if next.method == Method::GET && head.method != Method::GET {
                self.request_body = Body::empty();
            }
            head = next;
            redirects += 1;
            response = Box::pin(self.ask_redirected(&way, &head)).await?;
        }
        let elapsed = sent.elapsed();
        self.origin_time = Some(self.origin_time.unwrap_or_default() + elapsed);
        let is_head = head.method == Method::HEAD;
        let trailers = &self.chain.forwarding.trailers;
        let (mut response_head, body) = parts_of(response);
        let body = body.with_trailers(trailers);
        // A body of a known length has none.
        let may_have_trailers = body.size_hint().exact().is_none();
        let announced = may_have_trailers.then(|| trailers.announced(&response_head.headers)).flatten();
        hop::clean_response(&mut response_head.headers, is_head);
        if let Some(announced) = announced {
            response_head.headers.insert(header::TRAILER, announced);
        }
        let status = response_head.status;
        let us = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
        self.trace_own(&forward.own, || {
            json!({
                "origin": head.target.origin.name(),
                "method": head.method.as_str(),
                "target": head.uri.to_string(),
                "status": status.as_u16(),
                "redirects": redirects,
                "us": us,
            })
        });
        self.answer(response_head, body);
        Ok(())
    }

    fn forward_settings(&self, forward: &Forward) -> Result<(Timeouts, bool), Failing> {
        let api = &self.chain.forwarding;
        let exchange = self.exchange().ok_or(Failing::Rejected(Rejection::PolicyFault))?;
        let response_header = match &forward.timeout {
            Some(timeout) => timeout.get(exchange)?,
            None => api.timeouts.response_header,
        };
        let follows = forward.follow_redirects.get(exchange)?;
        Ok((Timeouts { response_header, ..api.timeouts }, follows))
    }

    /// Method and headers as they go out; target and path are the chosen origin's.
    fn head(&mut self) -> Result<(Method, http::HeaderMap), Rejection> {
        let is_seen_again = self.chain.reads_request_later;
        let (version, announced) = (self.received.version, self.received.trailers.clone());
        let trace = self.received.trace;
        let exchange = self.exchange_mut().ok_or(Rejection::PolicyFault)?;
        let mut headers = match is_seen_again {
            true => exchange.request.headers.clone(),
            false => std::mem::take(&mut exchange.request.headers),
        };
        let method = exchange.request.method.clone();
        if let Some(via) = &self.chain.forwarding.via {
            via.sign(&mut headers, version);
        }
        if let Some(trace) = trace {
            trace.tell(&mut headers);
        }
        if let Some(announced) = announced {
            headers.insert(header::TRAILER, announced);
        }
        Ok((method, headers))
    }

    /// The path at an origin.
    fn uri(&self, target: &Target) -> Result<Uri, Rejection> {
        let exchange = self.exchange().ok_or(Rejection::PolicyFault)?;
        let path = self.chain.forwarding.path_at_origin(target, &exchange.request.target, exchange.is_rewritten);
        path.map(Uri::from).ok_or(Rejection::MalformedPath)
    }

    /// A body in memory is shared and can be sent again; one that streams is gone after this.
    fn body(&mut self) -> Body {
        match self.request_body.in_memory() {
            Some(bytes) => Body::full(bytes),
            None => std::mem::take(&mut self.request_body),
        }
    }

    /// Send the request to an origin of its backend; to another one if there is no connection to the first, and the
    /// budget for retries allows it: nothing was sent then. The head that was sent comes back, without headers unless
    /// redirects are followed.
    async fn ask_backend(&mut self, way: &Way<'_>) -> Result<(Head, Response<Body>), Stop> {
        let own = &way.forward.own;
        let failed = |walk: &mut Walk, rejection: Rejection| walk.failed(own, Failing::Rejected(rejection));
        let backend = match self.exchange() {
            Some(exchange) => self.chain.forwarding.backend(exchange),
            None => Err(Rejection::PolicyFault),
        };
        let backend = backend.map_err(|rejection| failed(self, rejection))?;
        let mut tried = Tried::new();
        let mut leave = backend.choose(&tried).map_err(|unavailable| self.unavailable(way.forward, unavailable))?;
        let (method, headers) = self.head().map_err(|rejection| failed(self, rejection))?;
        let kept = if way.follows { headers.clone() } else { http::HeaderMap::new() };
        // A name that the origin is called by is the request's own if a policy gave it one, and otherwise each origin's.
        let has_host = headers.contains_key(header::HOST);
        let mut request: Unsent = Some(request_of(method.clone(), headers, self.body()));
        loop {
            let target = leave.target().cloned().ok_or_else(|| failed(self, Rejection::PolicyFault))?;
            let uri = self.uri(&target).map_err(|rejection| failed(self, rejection))?;
            if let Some(request) = &mut request {
                *request.uri_mut() = uri.clone();
                if !has_host {
                    hop::set_host(request.headers_mut(), &target.origin);
                }
            }
            let error = match self.send(way, &target.origin, &mut request).await {
                Ok(response) => {
                    leave.responded(response.status().as_u16(), response.headers());
                    return Ok((Head { target, method, uri, headers: kept }, response));
                }
                Err(error) => error,
            };
            tried.push(leave.number());
            leave.failed(&Rejection::from(&error));
            let stop = self.unanswered(way.forward, &target.origin, &error);
            if request.is_none() {
                return Err(stop);
            }
            let Ok(next) = backend.choose(&tried) else { return Err(stop) };
            if !self.upstream.may_retry() {
                return Err(stop);
            }
            leave = next;
        }
    }

    /// Send a request to one origin.
    async fn send(
        &mut self,
        way: &Way<'_>,
        origin: &Origin,
        request: &mut Unsent,
    ) -> Result<Response<Body>, UpstreamError> {
        let version = way.forward.http_version;
        let timeouts = way.timeouts;
        match self.upgrade.take() {
            None if version == HttpVersion::Http1 => self.upstream.try_send(origin, request, timeouts).await,
            None => Box::pin(self.upstream.try_send_by(version, origin, request, timeouts)).await,
            Some(wanted) => match request.take() {
                Some(request) => Box::pin(self.upstream.upgrade(origin, request, timeouts, wanted)).await,
                None => Err(UpstreamError::Broken),
            },
        }
    }

    /// Nobody can be asked.
    fn unavailable(&mut self, forward: &Forward, unavailable: Unavailable) -> Stop {
        self.trace_own(&forward.own, || json!({ "failed": "circuit-breaker" }));
        self.failed(&forward.own, Failing::Rejected(Rejection::from(unavailable)))
    }

    /// Follow a redirect.
    async fn ask_redirected(&mut self, way: &Way<'_>, head: &Head) -> Result<Response<Body>, Stop> {
        let mut request = request_of(head.method.clone(), head.headers.clone(), self.body());
        *request.uri_mut() = head.uri.clone();
        let origin = &head.target.origin;
        hop::set_missing_host(request.headers_mut(), origin);
        let answered = self.send(way, origin, &mut Some(request)).await;
        answered.map_err(|error| self.unanswered(way.forward, origin, &error))
    }

    fn unanswered(&mut self, forward: &Forward, origin: &Origin, error: &UpstreamError) -> Stop {
        let rejection = Rejection::from(error);
        let (origin, blame) = (origin.name(), rejection.blame().name());
        let request_id = self.exchange().map(|exchange| &*exchange.facts.request_id).unwrap_or_default();
        tracing::warn!(origin, request_id, %error, "error.type" = error.name(), "error.blame" = blame,
            "there is no response from the origin");
        self.trace_own(&forward.own, || json!({ "origin": origin, "failed": error.name() }));
        Stop::Failed(Box::new(StepFailure::of_step(&forward.own, rejection)))
    }
}

/// A request to nowhere yet.
fn request_of(method: Method, headers: http::HeaderMap, body: Body) -> Request<Body> {
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.headers_mut() = headers;
    request
}

/// Status, reason and headers apart from the body.
pub(crate) fn parts_of(response: Response<Body>) -> (ResponseHead, Body) {
    let (parts, body) = response.into_parts();
    let reason = parts.extensions.get::<hyper::ext::ReasonPhrase>();
    let reason = reason.and_then(|phrase| std::str::from_utf8(phrase.as_bytes()).ok()).map(Box::from);
    (ResponseHead { status: parts.status, reason, headers: parts.headers }, body)
}

/// The request that a redirect asks for; none if it asks for none that can be followed (RFC 9110 §15.4).
fn redirected(head: &Head, response: &Response<Body>) -> Option<Head> {
    let status = response.status();
    let changes_method = match status {
        StatusCode::SEE_OTHER => head.method != Method::HEAD,
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => head.method == Method::POST,
        StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT => false,
        _ => return None,
    };
    let location = response.headers().get(header::LOCATION)?.to_str().ok()?;
    let location = location.split('#').next()?;
    let (target, path) = located(&head.target, &head.uri, location)?;
    let mut headers = head.headers.clone();
    if target.origin != head.target.origin {
        // What proves who the caller is was meant for the first origin, and so was the name that it is called by.
        headers.remove(header::AUTHORIZATION);
        headers.remove(header::COOKIE);
        headers.remove(header::HOST);
    }
    let method = if changes_method { Method::GET } else { head.method.clone() };
    if changes_method {
        headers.remove(header::CONTENT_TYPE);
    }
    Some(Head { target, method, uri: Uri::from(path), headers })
}

/// Where a `Location` points, seen from a request that was sent (RFC 3986 §5.2, without dot segments).
fn located(from: &Arc<Target>, uri: &Uri, location: &str) -> Option<(Arc<Target>, PathAndQuery)> {
    if location.contains("://") {
        let absolute: Uri = location.parse().ok()?;
        let path = absolute.path_and_query()?.clone();
        let base = location.split('?').next()?;
        let base = BaseUrl::parse(base).ok()?;
        // A redirect to elsewhere must not become a way into the private network of the gateway.
        let origin = Origin::of(&BaseUrl { base: String::new(), ..base }, None).ok()?;
        let origin = if origin == from.origin { from.origin.clone() } else { origin.public_only() };
        return Some((Arc::new(Target { origin, base: String::new() }), path));
    }
    let path = match location.strip_prefix('/') {
        Some(_) if location.starts_with("//") => return None,
        Some(_) => location.to_owned(),
        None if location.starts_with('?') => format!("{}{location}", uri.path()),
        None => {
            let folder = uri.path().rsplit_once('/').map_or("", |(folder, _)| folder);
            format!("{folder}/{location}")
        }
    };
    Some((from.clone(), PathAndQuery::try_from(path).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target() -> Arc<Target> {
        let url = BaseUrl::parse("http://a.example:81").unwrap();
        Arc::new(Target { origin: Origin::of(&url, None).unwrap(), base: String::new() })
    }

    #[test]
    fn a_location_is_read_from_where_the_request_was_sent() {
        let uri: Uri = "/v1/items/7?x=1".parse().unwrap();
        for (location, origin, path) in [
            ("/b?c", "a.example:81", "/b?c"),
            ("8", "a.example:81", "/v1/items/8"),
            ("?y=2", "a.example:81", "/v1/items/7?y=2"),
            ("http://b.example/z", "b.example:80", "/z"),
            ("http://a.example:81/z", "a.example:81", "/z"),
        ] {
            let (target, at) = located(&target(), &uri, location).unwrap();
            assert_eq!((target.origin.name(), at.as_str()), (origin, path), "{location}");
        }
        for location in ["//b.example/x", "ftp://b.example/x", "http://u:p@b.example/"] {
            assert!(located(&target(), &uri, location).is_none(), "{location}");
        }
    }
}
