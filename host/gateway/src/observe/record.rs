//! What is remembered of a request until its line can be written. Shares what the request holds and copies nothing.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use http::header::{self, HeaderMap, HeaderValue};
use http::uri::PathAndQuery;
use http::{Method, StatusCode, Uri};
use tollgate_core::fault::Blame;
use tollgate_runtime::{LookedUp, RouteFacts, SubscriptionFacts};

use super::access_log::{Cache, ErrorOf, Line, WorkerLog};
use crate::overload::InProgress;
use crate::serve::{Arrival, RequestId};
use crate::trace_context::TraceContext;

/// A request, as far as the log is concerned.
pub(crate) struct Record {
    time: SystemTime,
    began: Instant,
    request_id: RequestId,
    /// The peer until trusted proxies have been asked.
    pub(crate) client_ip: IpAddr,
    method: Method,
    uri: Uri,
    /// Known once the key, which is nobody's business, has been taken out of the query.
    target: Option<PathAndQuery>,
    pub(crate) host: Option<HeaderValue>,
    user_agent: Option<HeaderValue>,
    route: Option<Arc<RouteFacts>>,
    subscription: Option<Arc<SubscriptionFacts>>,
    /// From sending the request to the origin to the head of its response.
    pub(crate) origin: Option<Duration>,
    /// What the cache said, if it was asked.
    pub(crate) cache: Option<LookedUp>,
    error: Option<Failure>,
    /// Its place in a trace.
    pub(crate) trace: Option<TraceContext>,
    /// It counts among those in progress as long as it is remembered.
    pub(crate) in_progress: Option<InProgress>,
}

#[derive(Debug)]
struct Failure {
    source: String,
    reason: String,
    blame: Blame,
}

impl Record {
    /// A request that has just arrived.
    pub(crate) fn new(method: &Method, uri: &Uri, headers: &HeaderMap, arrival: &Arrival) -> Record {
        Record {
            time: SystemTime::now(),
            began: arrival.at,
            request_id: arrival.request_id,
            client_ip: arrival.peer.ip().to_canonical(),
            method: method.clone(),
            uri: uri.clone(),
            target: None,
            host: headers.get(header::HOST).cloned(),
            user_agent: headers.get(header::USER_AGENT).cloned(),
            route: None,
            subscription: None,
            origin: None,
            cache: None,
            error: None,
            trace: None,
            in_progress: None,
        }
    }

    /// Where it goes, on whose behalf, and its target without the key.
    pub(crate) fn routed(
        &mut self,
        route: &Arc<RouteFacts>,
        subscription: Option<&Arc<SubscriptionFacts>>,
        target: &PathAndQuery,
    ) {
        self.route = Some(Arc::clone(route));
        self.subscription = subscription.cloned();
        self.target = Some(target.clone());
    }

    /// It failed. The first cause is the one that is told.
    pub(crate) fn fail(&mut self, source: &str, reason: &str, blame: Blame) {
        if self.error.is_none() {
            self.error = Some(Failure { source: source.to_owned(), reason: reason.to_owned(), blame });
        }
    }

    /// How long ago it arrived.
    pub(crate) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Write its line.
    pub(crate) fn write(&self, log: &WorkerLog, status: StatusCode, request_bytes: u64, response_bytes: u64) {
        if !log.is_on() {
            return;
        }
        let route = self.route.as_deref();
        log.write(&Line {
            time: self.time,
            request_id: self.request_id.as_str(),
            trace: self.trace.as_ref().map(|trace| (trace.trace_id(), trace.span_id())),
            client_ip: self.client_ip,
            method: self.method.as_str(),
            path: self.target.as_ref().map_or(self.uri.path(), PathAndQuery::path),
            query: self.target.as_ref().and_then(PathAndQuery::query),
            host: self.host.as_ref().map_or(b"".as_slice(), HeaderValue::as_bytes),
            status: status.as_u16(),
            api: route.map(|route| route.api.as_str()),
            operation: route.and_then(|route| route.operation.as_ref()).map(|operation| operation.id.as_str()),
            product: route.and_then(|route| route.product.as_deref()),
            subscription: self.subscription.as_ref().map(|subscription| subscription.id.as_str()),
            duration: self.elapsed(),
            origin: self.origin,
            request_bytes,
            response_bytes,
            cache: match self.cache {
                None => Cache::None,
                Some(LookedUp::Hit) => Cache::Hit,
                Some(LookedUp::Miss) => Cache::Miss,
            },
            error: self.error.as_ref().map(|e| ErrorOf { source: &e.source, reason: &e.reason, blame: e.blame }),
            user_agent: self.user_agent.as_ref().map(HeaderValue::as_bytes),
        });
    }
}
