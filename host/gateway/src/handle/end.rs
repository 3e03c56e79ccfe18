//! The end of an exchange.

use std::rc::Rc;
use std::sync::Arc;

use http::StatusCode;

use crate::body::Flow;
use crate::chain::Walk;
use crate::observe::access_log::WorkerLog;
use crate::observe::metrics::Traffic;
use crate::observe::otlp::WorkerSpans;
use crate::observe::record::Record;

/// Ends an exchange when its response has been sent or abandoned: settles what it held, and logs it.
pub(super) struct EndOfExchange {
    pub(super) log: WorkerLog,
    pub(super) spans: WorkerSpans,
    pub(super) traffic: Arc<Traffic>,
    pub(super) worker: usize,
    pub(super) record: Box<Record>,
    pub(super) status: StatusCode,
    pub(super) walk: Option<Box<Walk>>,
    pub(super) request_flow: Rc<Flow>,
    pub(super) response_flow: Rc<Flow>,
}

impl Drop for EndOfExchange {
    fn drop(&mut self) {
        let (request_bytes, response_bytes) = (self.request_flow.bytes(), self.response_flow.bytes());
        if let Some(exchange) = self.walk.as_deref_mut().and_then(Walk::exchange_mut) {
            exchange.holds.settle(request_bytes.saturating_add(response_bytes));
        }
        self.traffic.count(self.worker, self.status, self.record.elapsed());
        self.traffic.count_lookup(self.worker, self.record.cache);
        self.record.write(&self.log, &self.spans, self.status, request_bytes, response_bytes);
    }
}
