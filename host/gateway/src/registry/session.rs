//! Requests to one registry: who asks is told only when it wants to know, and only to whom it names.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, LOCATION, USER_AGENT, WWW_AUTHENTICATE};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri};
use serde_json::Value;
use tollgate_core::base_url::BaseUrl;
use tollgate_core::image::{self, ImageReference};
use tollgate_core::message::Scheme;

use super::RegistryError;
use super::credentials::{self, Credentials};
use super::manifest::{self, Layer, MANIFEST};
use crate::body::{Body, collect};
use crate::retry_budget::RetryBudget;
use crate::upstream::{Origin, Settings, Timeouts, Upstream};

/// OCI distribution specification 1.1: no manifest need be larger.
const MAX_MANIFEST_BYTES: usize = 4 << 20;

/// Answers that say how it went.
const MAX_ANSWER_BYTES: usize = 64 << 10;

/// From a registry to the store behind it.
const MAX_REDIRECTS: usize = 3;

pub(super) struct Session {
    upstream: Upstream,
    registry: String,
    repository: String,
    base: BaseUrl,
    credentials: Option<Credentials>,
    /// What it wanted to see.
    authorization: Option<HeaderValue>,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

/// A request, as often as it must be sent.
struct Asked<'a> {
    method: Method,
    headers: &'a [(http::HeaderName, &'a str)],
    body: Bytes,
    max: usize,
}

impl Asked<'_> {
    fn get(max: usize) -> Asked<'static> {
        Asked { method: Method::GET, headers: &[], body: Bytes::new(), max }
    }
}

/// A URL in its parts.
#[derive(Clone)]
struct Place {
    base: BaseUrl,
    target: PathAndQuery,
}

impl Session {
    pub(super) fn new(image: &ImageReference) -> Result<Session, RegistryError> {
        let base = image.base_url().map_err(|problem| RegistryError::Here(format!("{image}: {problem}")))?;
        Ok(Session {
            upstream: Upstream::new(Settings::default(), Arc::new(RetryBudget::new(0, 0, 1)), 0),
            registry: image.registry.clone(),
            repository: image.repository.clone(),
            base,
            credentials: Credentials::of(&image.registry),
            authorization: None,
        })
    }

    /// The manifest with this digest, as it came.
    pub(super) async fn manifest(&mut self, digest: &str) -> Result<Bytes, RegistryError> {
        let place = self.place(&format!("manifests/sha256:{digest}"))?;
        let asked = Asked { headers: &[(ACCEPT, MANIFEST)], ..Asked::get(MAX_MANIFEST_BYTES) };
        let answer = self.send(&place, &asked).await?;
        self.expect(answer, &asked.method, &place, StatusCode::OK, "manifest").map(|answer| answer.body)
    }

    /// A component, from wherever the registry keeps it.
    pub(super) async fn blob(&mut self, layer: &Layer) -> Result<Bytes, RegistryError> {
        let mut place = self.place(&format!("blobs/sha256:{}", layer.digest))?;
        let asked = Asked::get(usize::try_from(layer.size).unwrap_or(usize::MAX));
        let mut answer = self.send(&place, &asked).await?;
        for _ in 0..MAX_REDIRECTS {
            if !answer.status.is_redirection() {
                break;
            }
            place = self.next(&place, &answer)?;
            // Whoever it is, it isn't the registry: it gets no password.
            answer = self.exchange(&place, &asked, None).await?;
        }
        self.expect(answer, &asked.method, &place, StatusCode::OK, "component").map(|answer| answer.body)
    }

    /// Bytes, unless it has them already.
    pub(super) async fn upload(&mut self, bytes: Bytes) -> Result<(), RegistryError> {
        let digest = manifest::digest_of(&bytes);
        let place = self.place(&format!("blobs/sha256:{digest}"))?;
        let there = self.send(&place, &Asked { method: Method::HEAD, ..Asked::get(MAX_ANSWER_BYTES) }).await?;
        if there.status == StatusCode::OK {
            return Ok(());
        }
        let begin = self.place("blobs/uploads/")?;
        let asked = Asked { method: Method::POST, ..Asked::get(MAX_ANSWER_BYTES) };
        let answer = self.send(&begin, &asked).await?;
        let answer = self.expect(answer, &asked.method, &begin, StatusCode::ACCEPTED, "repository")?;
        let mut place = self.next(&begin, &answer)?;
        let joint = if place.target.query().is_some() { '&' } else { '?' };
        place.target = self.target(&format!("{}{joint}digest=sha256:{digest}", place.target))?;
        let kind = [(CONTENT_TYPE, "application/octet-stream")];
        let asked = Asked { method: Method::PUT, headers: &kind, body: bytes, max: MAX_ANSWER_BYTES };
        let answer = self.send(&place, &asked).await?;
        self.expect(answer, &asked.method, &place, StatusCode::CREATED, "upload").map(drop)
    }

    /// A manifest under a tag or its digest.
    pub(super) async fn put_manifest(&mut self, name: &str, manifest: Bytes) -> Result<(), RegistryError> {
        let place = self.place(&format!("manifests/{name}"))?;
        let kind = [(CONTENT_TYPE, MANIFEST)];
        let asked = Asked { method: Method::PUT, headers: &kind, body: manifest, max: MAX_ANSWER_BYTES };
        let answer = self.send(&place, &asked).await?;
        self.expect(answer, &asked.method, &place, StatusCode::CREATED, "repository").map(drop)
    }

    fn place(&self, path: &str) -> Result<Place, RegistryError> {
        let target = self.target(&format!("/v2/{}/{path}", self.repository))?;
        Ok(Place { base: self.base.clone(), target })
    }

    fn target(&self, text: &str) -> Result<PathAndQuery, RegistryError> {
        text.parse().map_err(|_| self.unclear("it leads to what is no URL"))
    }

    fn unclear(&self, problem: impl Into<String>) -> RegistryError {
        RegistryError::Unclear(self.registry.clone(), problem.into())
    }

    /// Where an answer leads to.
    fn next(&self, from: &Place, answer: &Answer) -> Result<Place, RegistryError> {
        let location = answer.headers.get(LOCATION).and_then(|value| value.to_str().ok());
        let location = location.ok_or_else(|| self.unclear("it names no `Location`"))?;
        if location.starts_with('/') && !location.starts_with("//") {
            return Ok(Place { base: from.base.clone(), target: self.target(location)? });
        }
        self.url(location)
    }

    /// A URL that the registry names.
    fn url(&self, text: &str) -> Result<Place, RegistryError> {
        let uri: Uri = text.parse().map_err(|_| self.unclear("it leads to what is no URL"))?;
        let (scheme, authority) = (uri.scheme_str().unwrap_or_default(), uri.authority().map_or("", |a| a.as_str()));
        let base = BaseUrl::parse(&format!("{scheme}://{authority}"));
        let base = base.map_err(|problem| self.unclear(format!("it leads elsewhere, and {problem}")))?;
        if base.scheme == Scheme::Http && !image::is_loopback(&base.host) {
            return Err(self.unclear("it leads to a place without TLS"));
        }
        Ok(Place { base, target: uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/")) })
    }

    fn expect(
        &self,
        answer: Answer,
        method: &Method,
        place: &Place,
        expected: StatusCode,
        what: &str,
    ) -> Result<Answer, RegistryError> {
        let registry = self.registry.clone();
        match answer.status {
            status if status == expected => Ok(answer),
            StatusCode::NOT_FOUND => {
                Err(RegistryError::Absent(registry, format!("such {what} ({method} {})", place.target.path())))
            }
            status => {
                Err(RegistryError::Status(registry, status.as_u16(), format!("{method} {}", place.target.path())))
            }
        }
    }

    /// Send something to the registry, and once more with what it wants to see first.
    async fn send(&mut self, place: &Place, asked: &Asked<'_>) -> Result<Answer, RegistryError> {
        let answer = self.exchange(place, asked, self.authorization_for(place)).await?;
        if answer.status != StatusCode::UNAUTHORIZED {
            return self.allowed(answer);
        }
        self.authorization = Some(self.introduced(&answer).await?);
        let answer = self.exchange(place, asked, self.authorization_for(place)).await?;
        self.allowed(answer)
    }

    fn authorization_for(&self, place: &Place) -> Option<HeaderValue> {
        self.authorization.clone().filter(|_| place.base == self.base)
    }

    fn allowed(&self, answer: Answer) -> Result<Answer, RegistryError> {
        match answer.status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(self.denied()),
            _ => Ok(answer),
        }
    }

    fn denied(&self) -> RegistryError {
        let registry = self.registry.clone();
        match self.credentials {
            Some(_) => RegistryError::Refused(registry, credentials::place()),
            None => {
                let why = credentials::why_there_are_none(&registry);
                RegistryError::NoCredentials(registry, why)
            }
        }
    }

    /// What a 401 asks for: `Basic`, or a token from whom it names.
    async fn introduced(&self, answer: &Answer) -> Result<HeaderValue, RegistryError> {
        let challenge = answer.headers.get(WWW_AUTHENTICATE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let (scheme, parameters) = challenge.split_once(' ').unwrap_or((challenge, ""));
        if !scheme.eq_ignore_ascii_case("bearer") {
            return self.credentials.as_ref().map(Credentials::basic).ok_or_else(|| self.denied());
        }
        let realm = parameter(parameters, "realm").ok_or_else(|| self.unclear("it names nobody who gives tokens"))?;
        let mut place = self.url(&realm)?;
        let mut query = form_urlencoded::Serializer::new(place.target.query().unwrap_or_default().to_owned());
        for name in ["service", "scope"] {
            if let Some(value) = parameter(parameters, name) {
                query.append_pair(name, &value);
            }
        }
        let query = query.finish();
        place.target = self.target(&format!("{}?{query}", place.target.path()))?;
        let basic = self.credentials.as_ref().map(Credentials::basic);
        let answer = self.exchange(&place, &Asked::get(MAX_ANSWER_BYTES), basic).await?;
        if !answer.status.is_success() {
            return Err(self.denied());
        }
        let said: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let token = said["token"].as_str().or_else(|| said["access_token"].as_str());
        let value = token.and_then(|token| HeaderValue::from_str(&format!("Bearer {token}")).ok());
        let mut value = value.ok_or_else(|| self.unclear("whoever gives its tokens gave none"))?;
        value.set_sensitive(true);
        Ok(value)
    }

    async fn exchange(
        &self,
        place: &Place,
        asked: &Asked<'_>,
        authorization: Option<HeaderValue>,
    ) -> Result<Answer, RegistryError> {
        let origin = Origin::of(&place.base, None).map_err(|error| self.unclear(error.to_string()))?;
        let mut request = Request::new(Body::full(asked.body.clone()));
        *request.method_mut() = asked.method.clone();
        *request.uri_mut() = place.target.clone().into();
        let headers = request.headers_mut();
        headers.insert(HOST, origin.authority().clone());
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("tollgate/", env!("CARGO_PKG_VERSION"))));
        for (name, value) in asked.headers {
            headers.insert(name, HeaderValue::from_str(value).map_err(|error| self.unclear(error.to_string()))?);
        }
        if let Some(value) = authorization {
            headers.insert(AUTHORIZATION, value);
        }
        let answer = self.upstream.send(&origin, request, Timeouts::default()).await;
        let answer = answer.map_err(|error| RegistryError::Unreachable(place.base.authority(), error))?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        // What an error says isn't shown: it is a stranger's.
        let max = if status.is_success() { asked.max } else { MAX_ANSWER_BYTES };
        let body = collect(answer.into_body(), max).await.map_err(|error| self.unclear(error.to_string()))?;
        Ok(Answer { status, headers, body })
    }
}

/// A parameter of a challenge (RFC 9110 §11.2), quoted or not.
fn parameter(parameters: &str, name: &str) -> Option<String> {
    let mut rest = parameters;
    while let Some((key, after)) = rest.split_once('=') {
        let (value, behind) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => after.split_at(after.find(',').unwrap_or(after.len())),
        };
        if key.trim_matches([' ', ',']).eq_ignore_ascii_case(name) {
            return Some(value.trim().to_owned());
        }
        rest = behind;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_names_who_gives_tokens() {
        let parameters =
            r#"realm="https://auth.example/token?a=b",service=registry.example, scope="repository:a/b:pull,push""#;
        assert_eq!(parameter(parameters, "realm").unwrap(), "https://auth.example/token?a=b");
        assert_eq!(parameter(parameters, "service").unwrap(), "registry.example");
        assert_eq!(parameter(parameters, "Scope").unwrap(), "repository:a/b:pull,push");
        assert_eq!(parameter(parameters, "error"), None);
        assert_eq!(parameter("realm=\"open", "realm"), None);
    }
}
