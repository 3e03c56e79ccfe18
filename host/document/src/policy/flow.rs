//! The host's own flow (`apim.md` §1.1, §1.4, §1.6 and §1.8).

use std::time::Duration;

use serde_json::Value;

use super::{Condition, Entry, Placed, Setting};

/// `forward-request`: the request goes to the origin.
#[derive(Clone, Debug)]
pub struct ForwardRequest {
    /// Who and where.
    pub placed: Placed,
    /// `timeout` in seconds or `timeout-ms`: until the response's head, instead of the API's own time-out.
    pub timeout: Option<Setting<Duration>>,
    /// `follow-redirects`, off by default.
    pub follow_redirects: Setting<bool>,
    /// `buffer-request-body`, off by default: the body is kept, so that it can be sent again.
    pub buffer_request_body: bool,
    /// `buffer-response`, on by default and without effect: chunks of a response are passed on as they come.
    pub buffer_response: bool,
    /// `fail-on-error-status-code`, off by default: a response of 400 or more is an error.
    pub fail_on_error_status_code: bool,
    /// `http-version`.
    pub http_version: HttpVersion,
}

/// `http-version`: what is spoken with the origin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum HttpVersion {
    /// `1`: HTTP/1.1.
    #[default]
    Http1,
    /// `2`: HTTP/2 and nothing else; in cleartext without asking whether the origin speaks it.
    Http2,
    /// `2or1`: HTTP/2 if the origin offers it in its TLS handshake.
    Http2Or1,
}

/// `choose`: the first branch whose condition holds runs, or else what is behind `otherwise`.
#[derive(Clone, Debug)]
pub struct Choose {
    /// Who and where.
    pub placed: Placed,
    /// At least one.
    pub branches: Vec<Branch>,
    /// Runs if no branch does; may be empty.
    pub otherwise: Vec<Entry>,
}

/// One branch of a `choose`.
#[derive(Clone, Debug)]
pub struct Branch {
    /// Its `when`.
    pub condition: Condition,
    /// Its `policies`.
    pub entries: Vec<Entry>,
}

/// `retry`: the entries run, and again while the condition holds.
#[derive(Clone, Debug)]
pub struct Retry {
    /// Who and where.
    pub placed: Placed,
    /// Looked at after each run: if it holds, there is another.
    pub condition: Condition,
    /// How many further runs at most, 1 to 50.
    pub count: Setting<u32>,
    /// Seconds between two runs, or what they begin with.
    pub interval: Setting<Duration>,
    /// The longest time between two runs.
    pub max_interval: Option<Setting<Duration>>,
    /// By how much the time between runs grows.
    pub delta: Option<Setting<Duration>>,
    /// The second run follows the first at once. Off by default.
    pub first_fast_retry: Setting<bool>,
    /// What runs. There is no `wait` in it.
    pub entries: Vec<Entry>,
}

/// `wait`: the entries run at the same time.
#[derive(Clone, Debug)]
pub struct Wait {
    /// Who and where.
    pub placed: Placed,
    /// `for`: what is waited for.
    pub wait_for: Setting<WaitFor>,
    /// Only `send-request`, `cache-lookup-value` and `choose`.
    pub entries: Vec<Entry>,
}

/// `for` of a `wait`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum WaitFor {
    /// `all`: every entry.
    #[default]
    All,
    /// `any`: the first one; the rest is given up.
    Any,
}

/// `limit-concurrency`: the entries run for so many exchanges at once; further ones are answered 429.
#[derive(Clone, Debug)]
pub struct LimitConcurrency {
    /// Who and where.
    pub placed: Placed,
    /// What is counted.
    pub key: Setting<String>,
    /// How many may be in the entries with one key, 1 to 1,000,000.
    pub max_count: u32,
    /// What is limited.
    pub entries: Vec<Entry>,
}

/// `set-variable`: a variable gets a value.
#[derive(Clone, Debug)]
pub struct SetVariable {
    /// Who and where.
    pub placed: Placed,
    /// The variable; not empty.
    pub name: String,
    /// Its value: any JSON, or what an expression gives.
    pub value: Setting<Value>,
}

/// `include-fragment`: the entries of a fragment, parameters filled in.
#[derive(Clone, Debug)]
pub struct Fragment {
    /// Who and where: of the include and not of the fragment.
    pub placed: Placed,
    /// Which fragment.
    pub fragment_id: String,
    /// Its entries. Their places are below that of the include; their marks are where the fragment is written.
    pub entries: Vec<Entry>,
}
