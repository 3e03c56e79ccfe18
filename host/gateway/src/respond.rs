//! What clients are told. The only file that chooses a status.
//!
//! Everywhere else a cause is named, here it becomes a status, a reason phrase, a sentence and headers (`apim.md`
//! §1.9). Details never reach the client. What hyper refuses before there is a request (unparsable heads: 400, 414,
//! 431) bypasses this file and has no body.

/// Which kind of fault of an origin it was.
mod proxy_status;

use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use hyper::ext::ReasonPhrase;
use tollgate_core::fault::Blame;
use tollgate_core::verdict::Failure;
use tollgate_runtime::EXPRESSION_FAILED;

use crate::body::{Body, BodyError};
use crate::json;
use crate::serve::RequestId;
use crate::upstream::UpstreamError;

pub use proxy_status::{OriginFault, PROXY_STATUS};

/// The header that names a request in the answer and in every log.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Seconds after which a client may try again when the gateway is overloaded: long enough for a burst to pass.
pub const OVERLOAD_RETRY_SECONDS: u32 = 1;

/// How a client shows a subscription key, for `WWW-Authenticate`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyChallenge {
    /// The API's public URL.
    pub realm: String,
    /// The name of the header that takes the key.
    pub header: String,
}

/// Why a request was not answered by its origin or by a policy: one variant per cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// No `Host`, several, or one that isn't a host.
    MalformedHost,
    /// A request target that isn't a path.
    MalformedTarget,
    /// A path that servers read differently (`tollgate_core::path`).
    MalformedPath,
    /// A transfer coding list that isn't a single `chunked`, or a body whose framing broke.
    MalformedBody,
    /// The request target is longer than it may be.
    UriTooLong,
    /// The header section is larger than it may be.
    HeadersTooLarge,
    /// The body is larger than it may be.
    BodyTooLarge,
    /// The client began a head and didn't end it in time.
    HeaderTimeout,
    /// The client sent its body too slowly.
    BodyTimeout,
    /// A header name with an underscore, and the operator refuses those.
    UnderscoreInHeader,
    /// The request's host has another certificate than the one that the connection was opened with.
    Misdirected,
    /// CONNECT or TRACE, which no API can have.
    MethodNotAllowed,
    /// A method that nobody has defined, and that the API doesn't name.
    MethodUnknown,
    /// A transfer coding that the gateway doesn't know.
    NotImplemented,
    /// An expectation other than `100-continue`.
    ExpectationFailed,
    /// No API or operation matches.
    OperationNotFound,
    /// The API needs a key and there was none.
    SubscriptionKeyMissing(Box<KeyChallenge>),
    /// There was a key, and it opens nothing here.
    SubscriptionKeyInvalid(Box<KeyChallenge>),
    /// Several keys in one place.
    SubscriptionKeyAmbiguous,
    /// The client has tried out too many keys; seconds until it may show another.
    TooManyKeyGuesses(u64),
    /// A policy failed, and it fails closed.
    PolicyFault,
    /// An expression of the document failed.
    ExpressionFailed,
    /// More are within a `limit-concurrency` than it lets in.
    ConcurrencyExceeded,
    /// The client wanted a stored response, and there is none.
    NotCached,
    /// The origin couldn't be reached or gave no proper response.
    OriginFailed(OriginFault),
    /// The origin took too long.
    OriginTimeout(OriginFault),
    /// The circuit breaker of every origin that could be asked is open.
    OriginUnavailable {
        /// Until the first of them closes, or is asked whether it can.
        retry_seconds: u32,
    },
    /// The whole exchange took too long.
    TotalTimeout,
    /// The gateway has too much to do.
    Overloaded,
    /// A bug of the gateway.
    GatewayPanicked,
}

/// A cause's row: status, `last-error` source and reason, blame, sentence.
struct Row(StatusCode, &'static str, &'static str, Blame, &'static str);

impl Rejection {
    fn row(&self) -> Row {
        use Blame::{Client, Guest, Host, Operator, Origin};
        use Rejection as R;
        use StatusCode as S;
        match self {
            R::MalformedHost => Row(S::BAD_REQUEST, "gateway", "MalformedHost", Client, "Bad request"),
            R::MalformedTarget => Row(S::BAD_REQUEST, "gateway", "MalformedTarget", Client, "Bad request"),
            R::MalformedPath => Row(S::BAD_REQUEST, "gateway", "MalformedPath", Client, "Bad request"),
            R::MalformedBody => Row(S::BAD_REQUEST, "gateway", "MalformedBody", Client, "Bad request"),
            R::UriTooLong => Row(S::URI_TOO_LONG, "gateway", "UriTooLong", Client, "URI too long"),
            R::HeadersTooLarge => Row(
                S::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "gateway",
                "HeadersTooLarge",
                Client,
                "Request header fields too large",
            ),
            R::BodyTooLarge => Row(S::PAYLOAD_TOO_LARGE, "gateway", "BodyTooLarge", Client, "Request body too large"),
            R::HeaderTimeout => Row(S::REQUEST_TIMEOUT, "gateway", "HeaderTimeout", Client, "Request timeout"),
            R::UnderscoreInHeader => Row(S::BAD_REQUEST, "gateway", "UnderscoreInHeader", Client, "Bad request"),
            R::Misdirected => Row(S::MISDIRECTED_REQUEST, "gateway", "Misdirected", Client, "Misdirected request"),
            R::BodyTimeout => Row(S::REQUEST_TIMEOUT, "gateway", "BodyTimeout", Client, "Request timeout"),
            R::MethodNotAllowed => {
                Row(S::METHOD_NOT_ALLOWED, "gateway", "MethodNotAllowed", Client, "Method not allowed")
            }
            R::MethodUnknown => Row(S::NOT_IMPLEMENTED, "gateway", "MethodUnknown", Client, "Not implemented"),
            R::NotImplemented => Row(S::NOT_IMPLEMENTED, "gateway", "TransferCodingUnknown", Client, "Not implemented"),
            R::ExpectationFailed => {
                Row(S::EXPECTATION_FAILED, "gateway", "ExpectationFailed", Client, "Expectation failed")
            }
            R::OperationNotFound => {
                Row(S::NOT_FOUND, "configuration", "OperationNotFound", Client, "Resource not found")
            }
            R::SubscriptionKeyMissing(_) => Row(
                S::UNAUTHORIZED,
                "authorization",
                "SubscriptionKeyNotFound",
                Client,
                "Access denied due to missing subscription key. Make sure to include subscription key when making \
                 requests to an API.",
            ),
            R::SubscriptionKeyInvalid(_) => Row(
                S::UNAUTHORIZED,
                "authorization",
                "SubscriptionKeyInvalid",
                Client,
                "Access denied due to invalid subscription key. Make sure to provide a valid key for an active \
                 subscription.",
            ),
            R::SubscriptionKeyAmbiguous => {
                Row(S::BAD_REQUEST, "authorization", "SubscriptionKeyAmbiguous", Client, "Bad request")
            }
            R::TooManyKeyGuesses(_) => Row(
                S::TOO_MANY_REQUESTS,
                "authorization",
                "TooManyKeyGuesses",
                Client,
                "Too many invalid subscription keys. Try again later.",
            ),
            R::PolicyFault => Row(S::INTERNAL_SERVER_ERROR, "policy", "PolicyFault", Guest, "Internal server error"),
            R::ExpressionFailed => {
                Row(S::INTERNAL_SERVER_ERROR, "policy", EXPRESSION_FAILED, Operator, "Internal server error")
            }
            R::ConcurrencyExceeded => Row(
                S::TOO_MANY_REQUESTS,
                "limit-concurrency",
                "ConcurrencyLimitExceeded",
                Client,
                "Too many concurrent requests. Try again later.",
            ),
            R::NotCached => Row(S::GATEWAY_TIMEOUT, "forward-request", "NotCached", Client, "Gateway timeout"),
            R::OriginFailed(_) => {
                Row(S::BAD_GATEWAY, "forward-request", "BackendConnectionFailure", Origin, "Bad gateway")
            }
            R::OriginTimeout(_) => Row(S::GATEWAY_TIMEOUT, "forward-request", "Timeout", Origin, "Gateway timeout"),
            R::OriginUnavailable { .. } => Row(
                S::SERVICE_UNAVAILABLE,
                "forward-request",
                "CircuitBreakerOpen",
                Origin,
                "Service temporarily unavailable",
            ),
            R::TotalTimeout => Row(S::GATEWAY_TIMEOUT, "gateway", "Timeout", Host, "Gateway timeout"),
            R::Overloaded => {
                Row(S::SERVICE_UNAVAILABLE, "gateway", "Overloaded", Host, "Service temporarily unavailable")
            }
            R::GatewayPanicked => {
                Row(S::INTERNAL_SERVER_ERROR, "gateway", "InternalError", Host, "Internal server error")
            }
        }
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.row().0
    }

    /// Which part refused: `Source` of `last-error`.
    pub fn source(&self) -> &'static str {
        self.row().1
    }

    /// The cause in a word: `Reason` of `last-error`.
    pub fn reason(&self) -> &'static str {
        self.row().2
    }

    /// Whose fault it is.
    pub fn blame(&self) -> Blame {
        self.row().3
    }

    /// The sentence for the client.
    pub fn message(&self) -> &'static str {
        self.row().4
    }

    /// The reason phrase, where it isn't the usual one.
    pub fn phrase(&self) -> Option<&'static str> {
        match self {
            Rejection::SubscriptionKeyMissing(_) | Rejection::SubscriptionKeyInvalid(_) => Some("Access Denied"),
            _ => None,
        }
    }

    /// Is the connection in doubt after this, so that it must be closed?
    pub fn closes(&self) -> bool {
        use Rejection as R;
        matches!(
            self,
            R::MalformedHost
                | R::MalformedTarget
                | R::MalformedBody
                | R::UriTooLong
                | R::HeadersTooLarge
                | R::BodyTooLarge
                | R::BodyTimeout
                | R::HeaderTimeout
                | R::NotImplemented
                | R::ExpectationFailed
                | R::MethodNotAllowed
                | R::GatewayPanicked
        )
    }

    /// What a HTTP/1 client gets before there is a request to answer: the bytes, and the connection ends with them.
    pub fn early_response(&self, request_id: &RequestId) -> Vec<u8> {
        let body = error_body(self.status(), self.message());
        let mut bytes = format!(
            "HTTP/1.1 {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n{X_REQUEST_ID}: {request_id}\r\n\
             connection: close\r\n\r\n",
            self.status(),
            body.len()
        )
        .into_bytes();
        bytes.extend_from_slice(&body);
        bytes
    }

    /// What the client gets.
    pub fn response(&self) -> Response<Body> {
        let mut response = error_response(self.status(), self.message());
        if self.phrase().is_some() {
            response.extensions_mut().insert(ReasonPhrase::from_static(b"Access Denied"));
        }
        let headers = response.headers_mut();
        match self {
            Rejection::SubscriptionKeyMissing(challenge) | Rejection::SubscriptionKeyInvalid(challenge) => {
                if let Some(value) = challenge.value() {
                    headers.insert(header::WWW_AUTHENTICATE, value);
                }
            }
            Rejection::Overloaded | Rejection::ConcurrencyExceeded => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from(OVERLOAD_RETRY_SECONDS));
            }
            Rejection::OriginFailed(fault) | Rejection::OriginTimeout(fault) => {
                headers.insert(PROXY_STATUS, fault.proxy_status());
            }
            Rejection::OriginUnavailable { retry_seconds } => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from(*retry_seconds));
                headers.insert(PROXY_STATUS, OriginFault::DestinationUnavailable.proxy_status());
            }
            Rejection::TooManyKeyGuesses(seconds) => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from(*seconds));
            }
            // RFC 9110 §15.5.6 wants `Allow`; an empty one says that the resource takes no method at all, so the
            // truth for a target that wasn't even routed is to name none.
            Rejection::MethodNotAllowed => {
                headers.insert(header::ALLOW, HeaderValue::from_static(""));
            }
            _ => {}
        }
        if self.closes() {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

impl KeyChallenge {
    fn value(&self) -> Option<HeaderValue> {
        let mut text = String::with_capacity(64 + self.realm.len() + self.header.len());
        text.push_str("AzureApiManagementKey realm=\"");
        push_quoted(&mut text, &self.realm);
        text.push_str("\",name=\"");
        push_quoted(&mut text, &self.header);
        text.push_str("\",type=\"header\"");
        HeaderValue::try_from(text).ok()
    }
}

/// RFC 9110 §5.6.4: within a quoted string, a quote and a backslash are escaped.
fn push_quoted(out: &mut String, text: &str) {
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
}

impl From<&UpstreamError> for Rejection {
    fn from(error: &UpstreamError) -> Rejection {
        match (error, OriginFault::of(error)) {
            (UpstreamError::ConnectTimeout | UpstreamError::ResponseHeaderTimeout, Some(fault)) => {
                Rejection::OriginTimeout(fault)
            }
            (_, Some(fault)) => Rejection::OriginFailed(fault),
            (UpstreamError::RequestBody(error), None) => Rejection::from(*error),
            (_, None) => Rejection::OriginFailed(OriginFault::HttpProtocolError),
        }
    }
}

impl Rejection {
    /// Of a response's body that was to be had whole before anything was sent.
    pub(crate) fn of_response_body(error: BodyError) -> Rejection {
        match error {
            BodyError::Timeout => Rejection::OriginTimeout(OriginFault::HttpResponseTimeout),
            BodyError::TooLarge { .. } => Rejection::OriginFailed(OriginFault::HttpResponseBodySize),
            BodyError::Broken => Rejection::OriginFailed(OriginFault::HttpResponseIncomplete),
            BodyError::NoMemory => Rejection::Overloaded,
        }
    }
}

/// Of a request's body. A response's body fails after the status was sent.
impl From<BodyError> for Rejection {
    fn from(error: BodyError) -> Rejection {
        match error {
            BodyError::TooLarge { .. } => Rejection::BodyTooLarge,
            BodyError::Timeout => Rejection::BodyTimeout,
            BodyError::Broken => Rejection::MalformedBody,
            BodyError::NoMemory => Rejection::Overloaded,
        }
    }
}

/// What the client gets when a policy refuses.
pub fn refused(failure: Failure) -> Response<Body> {
    let mut response = error_response(failure.status, &failure.message);
    for (name, value) in failure.headers {
        if !tollgate_core::field::is_framing(&name) {
            response.headers_mut().append(name, value);
        }
    }
    response
}

/// A response with the body that every error has.
pub fn error_response(status: StatusCode, message: &str) -> Response<Body> {
    let mut response = Response::new(Body::full(error_body(status, message)));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// `{ "statusCode": N, "message": "…" }`, to the space as API management writes it.
fn error_body(status: StatusCode, message: &str) -> Bytes {
    let mut text = Vec::with_capacity(48 + message.len());
    text.extend_from_slice(b"{ \"statusCode\": ");
    text.extend_from_slice(status.as_str().as_bytes());
    text.extend_from_slice(b", \"message\": ");
    json::push_string(&mut text, message.as_bytes());
    text.extend_from_slice(b" }");
    Bytes::from(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn challenge() -> Box<KeyChallenge> {
        Box::new(KeyChallenge { realm: "https://host/apiPath".into(), header: "Ocp-Apim-Subscription-Key".into() })
    }

    #[test]
    fn a_missing_key_is_answered_byte_for_byte_as_api_management_does() {
        let response = Rejection::SubscriptionKeyMissing(challenge()).response();
        assert_eq!(response.status(), 401);
        assert_eq!(response.extensions().get::<ReasonPhrase>().unwrap().as_bytes(), b"Access Denied");
        assert_eq!(
            response.headers()["www-authenticate"],
            "AzureApiManagementKey realm=\"https://host/apiPath\",name=\"Ocp-Apim-Subscription-Key\",type=\"header\""
        );
        assert_eq!(response.headers()["content-type"], "application/json");
        let body = response.into_body().in_memory().unwrap();
        assert_eq!(
            body,
            "{ \"statusCode\": 401, \"message\": \"Access denied due to missing subscription key. Make sure to include \
             subscription key when making requests to an API.\" }"
        );
        assert_eq!(body.len(), 152);
    }

    #[test]
    fn the_other_bodies_have_the_same_shape() {
        let invalid = Rejection::SubscriptionKeyInvalid(challenge()).response().into_body().in_memory().unwrap();
        assert_eq!(
            invalid,
            "{ \"statusCode\": 401, \"message\": \"Access denied due to invalid subscription key. Make sure to provide a \
             valid key for an active subscription.\" }"
        );
        let missing = Rejection::OperationNotFound.response().into_body().in_memory().unwrap();
        assert_eq!(missing, "{ \"statusCode\": 404, \"message\": \"Resource not found\" }");
    }

    #[test]
    fn hostile_text_stays_within_its_quotes() {
        let value = KeyChallenge { realm: "https://a\"b\\c/".into(), header: "k".into() }.value().unwrap();
        assert_eq!(value, "AzureApiManagementKey realm=\"https://a\\\"b\\\\c/\",name=\"k\",type=\"header\"");
        let response = error_response(StatusCode::FORBIDDEN, "no \"entry\"\n");
        assert_eq!(
            response.into_body().in_memory().unwrap(),
            "{ \"statusCode\": 403, \"message\": \"no \\\"entry\\\"\\n\" }"
        );
    }

    #[test]
    fn a_policy_cannot_reframe_the_response() {
        let failure = Failure {
            status: StatusCode::TOO_MANY_REQUESTS,
            reason: "RateLimitExceeded".into(),
            message: "Rate limit is exceeded. Try again in 3 seconds.".into(),
            headers: vec![
                (header::RETRY_AFTER, HeaderValue::from_static("3")),
                (header::TRANSFER_ENCODING, HeaderValue::from_static("chunked")),
            ],
        };
        let response = refused(failure);
        assert_eq!(response.headers()["retry-after"], "3");
        assert!(!response.headers().contains_key("transfer-encoding"));
    }

    #[test]
    fn overload_says_when_to_come_back() {
        let response = Rejection::Overloaded.response();
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()["retry-after"], "1");
    }
}
