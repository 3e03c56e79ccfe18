//! Origins: where requests go, and how they are trusted.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use tollgate_core::base_url::BaseUrl;

use crate::diagnostics::Mark;

/// An entry of `backends`: an origin with a name, or several of them.
#[derive(Clone, Debug)]
pub struct Backend {
    /// Example: `v2`.
    pub id: String,
    /// One, its `url`; or those of its `pool`, in the order of the file.
    pub members: Vec<Member>,
    /// `ejection` of a pool: when a member that fails is passed over for a while; none if `off`, and for a single origin.
    pub ejection: Option<BreakerRule>,
    /// Where it begins in the file.
    pub mark: Mark,
}

/// An origin of a backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its `url`.
    pub origin: BaseUrl,
    /// How the origin is trusted.
    pub tls: OriginTls,
    /// Its share of what is sent to origins of its priority.
    pub weight: u32,
    /// Origins of a higher number are asked only if none of a lower one can be.
    pub priority: u32,
    /// `circuit-breaker`, its rules; none without one.
    pub breaker: Vec<BreakerRule>,
    /// Members of the same name share one circuit breaker: the id of the backend that they refer to, or a name of their
    /// own.
    pub breaker_name: String,
}

/// A rule of a circuit breaker: when it opens, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BreakerRule {
    /// `name`, for the log.
    pub name: String,
    /// How many failures are too many.
    pub threshold: Threshold,
    /// Within which time.
    pub interval: Duration,
    /// `status-code-ranges`: statuses that are failures.
    pub statuses: Vec<RangeInclusive<u16>>,
    /// `error-reasons`: failures without a response.
    pub reasons: Vec<FailureReason>,
    /// `trip-duration`: how long nothing is sent.
    pub trip_duration: Duration,
    /// `accept-retry-after`: the origin's own `Retry-After` says how long.
    pub accept_retry_after: bool,
}

/// How many failures are too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threshold {
    /// `count`: so many within the interval.
    Count(u32),
    /// `percentage` of all requests within the interval, once there were enough of them to tell.
    Percentage {
        /// 1 to 100.
        percent: u32,
        /// `minimum-requests`
        minimum: u32,
    },
    /// So many one after the other, whatever time it takes.
    InARow(u32),
}

/// Why there was no response, as `last-error` calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureReason {
    /// `BackendConnectionFailure`
    Connection,
    /// `Timeout`
    Timeout,
}

/// `tls` of an API or a backend: how an `https` origin is trusted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OriginTls {
    /// `ca-file`, joined to the document's folder: the only authorities that are trusted; none for the usual ones.
    pub ca_file: Option<PathBuf>,
    /// False to take every certificate for every name. Dangerous: whoever is between gateway and origin reads and
    /// changes everything.
    pub verify: bool,
}

impl Default for OriginTls {
    fn default() -> OriginTls {
        OriginTls { ca_file: None, verify: true }
    }
}
