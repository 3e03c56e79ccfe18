//! Traces and metrics for a collector, by OTLP over HTTP in JSON (OpenTelemetry Protocol, "OTLP/HTTP").
//!
//! A worker writes the spans of sampled requests into its own buffer and hands it over whole; one thread sends. No worker
//! ever waits for that: when the collector is too slow or away, spans are dropped and counted. Metrics are those of the
//! admin address' page, under the same names. JSON, which every collector takes, because the crates that write the
//! binary form bring an SDK with them that would count everything a second time.

mod metrics;
mod span;

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, StatusCode, Uri};
use serde_json::{Value, json};
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::time::MissedTickBehavior;
use tollgate_document::Otlp;

use super::access_log::Line;
use crate::body::{Body, collect};
use crate::retry_budget::RetryBudget;
use crate::serve::request_id::RequestIds;
use crate::upstream::{Settings, Target, Timeouts, Upstream};

/// A buffer is handed over when it holds this much: some thirty spans.
const BATCH_BYTES: usize = 32 << 10;

/// Or after this long.
const BATCH_TIME: Duration = Duration::from_secs(1);

/// Buffers that wait for the sender: together 2 MiB.
const BATCHES: usize = 64;

/// So many buffers go in one request.
const BATCHES_AT_ONCE: usize = 16;

/// Pauses before what could not be sent is sent again.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(3)];

/// The most of a collector's answer that is read.
const ANSWER_BYTES: usize = 64 << 10;

/// How long the end of the process waits for the collector.
const FINISH_TIME: Duration = Duration::from_secs(3);

/// Where to send what.
#[derive(Clone, Debug)]
pub struct OtlpSettings {
    /// The collector; its `base` stands before `/v1/traces` and `/v1/metrics`.
    pub collector: Target,
    /// Fields of every request.
    pub headers: HeaderMap,
    /// `service.name`.
    pub service_name: String,
    /// Are traces sent?
    pub traces: bool,
    /// Are metrics sent?
    pub metrics: bool,
    /// How often.
    pub metrics_interval: Duration,
    /// For one request.
    pub timeout: Duration,
}

impl OtlpSettings {
    /// As a document says. An `Err` is a sentence for whoever wrote it.
    pub fn of(otlp: &Otlp) -> Result<OtlpSettings, String> {
        let mut headers = HeaderMap::new();
        for (name, value) in &otlp.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| format!("`{name}` is no header's name"))?;
            let mut value =
                HeaderValue::from_str(value.reveal()).map_err(|_| format!("the value of `{name}` is none"))?;
            value.set_sensitive(true);
            headers.append(name, value);
        }
        Ok(OtlpSettings {
            collector: Target::of(&otlp.endpoint, &otlp.tls)?,
            headers,
            service_name: otlp.service_name.clone(),
            traces: otlp.traces,
            metrics: otlp.metrics,
            metrics_interval: otlp.metrics_interval,
            timeout: otlp.timeout,
        })
    }
}

/// What became of it.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    dropped_spans: AtomicU64,
    failed_requests: AtomicU64,
    is_failing: AtomicBool,
}

impl Sent {
    /// Spans that nobody took.
    pub(crate) fn dropped_spans(&self) -> u64 {
        self.dropped_spans.load(Ordering::Relaxed)
    }

    /// Requests to the collector that came to nothing, repeated ones included.
    pub(crate) fn failed_requests(&self) -> u64 {
        self.failed_requests.load(Ordering::Relaxed)
    }
}

/// Spans as a list of JSON without brackets.
struct Batch {
    spans: Vec<u8>,
    count: u64,
}

/// The sender.
pub(crate) struct Exporter {
    batches: Sender<Batch>,
    traces: bool,
    sent: Arc<Sent>,
    thread: JoinHandle<()>,
}

impl Exporter {
    /// Start it. `page` writes the metrics.
    pub(crate) fn start(
        settings: OtlpSettings,
        sent: Arc<Sent>,
        page: impl Fn(&mut String) + Send + 'static,
    ) -> io::Result<Exporter> {
        let (batches, received) = mpsc::channel(BATCHES);
        let (traces, counts) = (settings.traces, Arc::clone(&sent));
        let thread = std::thread::Builder::new().name("otlp".into());
        let thread = thread.spawn(move || {
            let event_loop = tokio::runtime::Builder::new_current_thread().enable_all().build_local(Default::default());
            match event_loop {
                Ok(event_loop) => event_loop.block_on(run(settings, received, page, counts)),
                Err(error) => tracing::error!(%error, "nothing is sent by OTLP"),
            }
        })?;
        Ok(Exporter { batches, traces, sent, thread })
    }

    /// What a worker makes its end of.
    pub(crate) fn seat(&self) -> Spans {
        Spans { batches: self.traces.then(|| self.batches.clone()), sent: Arc::clone(&self.sent) }
    }

    /// Send what was handed over. Workers must be gone; waits for a slow collector, but not long.
    pub(crate) fn finish(self) {
        drop(self.batches);
        let give_up = Instant::now() + FINISH_TIME;
        while !self.thread.is_finished() && Instant::now() < give_up {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// A worker's end, before it has a thread.
pub(crate) struct Spans {
    batches: Option<Sender<Batch>>,
    sent: Arc<Sent>,
}

impl Spans {
    pub(crate) fn worker(self) -> WorkerSpans {
        let Spans { batches, sent } = self;
        let inner = |batches| Inner { batches, sent, buffer: RefCell::default(), count: Cell::new(0) };
        WorkerSpans(batches.map(inner).map(Rc::new))
    }
}

/// A worker's spans. The last clone hands over what is left when it is dropped.
#[derive(Clone, Default)]
pub(crate) struct WorkerSpans(Option<Rc<Inner>>);

struct Inner {
    batches: Sender<Batch>,
    sent: Arc<Sent>,
    buffer: RefCell<Vec<u8>>,
    count: Cell<u64>,
}

impl WorkerSpans {
    /// False if spans go nowhere, so that none need be put together.
    pub(crate) fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Write the span of a request, if its trace is sampled.
    pub(crate) fn write(&self, line: &Line<'_>) {
        let (Some(inner), Some(trace)) = (&self.0, &line.trace) else { return };
        if !trace.is_sampled {
            return;
        }
        let is_full = {
            let mut buffer = inner.buffer.borrow_mut();
            if !buffer.is_empty() {
                buffer.push(b',');
            }
            span::push(&mut buffer, line, trace);
            buffer.len() >= BATCH_BYTES
        };
        inner.count.set(inner.count.get() + 1);
        if is_full {
            inner.hand_over();
        }
    }

    /// Hand over what is there, regularly. Runs until it is dropped.
    pub(crate) async fn flush_regularly(&self) {
        let Some(inner) = &self.0 else { return };
        loop {
            tokio::time::sleep(BATCH_TIME).await;
            inner.hand_over();
        }
    }
}

impl Inner {
    fn hand_over(&self) {
        let spans = std::mem::take(&mut *self.buffer.borrow_mut());
        let count = self.count.take();
        if count > 0 && self.batches.try_send(Batch { spans, count }).is_err() {
            self.sent.dropped_spans.fetch_add(count, Ordering::Relaxed);
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.hand_over();
    }
}

/// Send until every worker and the gateway are gone.
async fn run(settings: OtlpSettings, mut received: Receiver<Batch>, page: impl Fn(&mut String), sent: Arc<Sent>) {
    let upstream = Upstream::new(Settings::default(), Arc::new(RetryBudget::new(0, 0, 1)), 0);
    let maintained = upstream.clone();
    tokio::task::spawn_local(async move { maintained.maintain().await });
    let (resource, began) = (resource(&settings.service_name), SystemTime::now());
    let collector = Collector { settings: &settings, upstream, sent: &sent };
    let send_metrics = async || {
        let mut text = String::new();
        page(&mut text);
        let body = metrics::request(&text, &resource, began, SystemTime::now());
        collector.send("/v1/metrics", body.to_string().into_bytes()).await;
    };
    let mut clock = tokio::time::interval(settings.metrics_interval);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    clock.reset();
    loop {
        tokio::select! {
            batch = received.recv() => {
                let Some(mut batch) = batch else { break };
                for _ in 1..BATCHES_AT_ONCE {
                    let Ok(more) = received.try_recv() else { break };
                    batch.spans.push(b',');
                    batch.spans.extend_from_slice(&more.spans);
                    batch.count += more.count;
                }
                if !collector.send("/v1/traces", span::request(&batch.spans, &resource)).await {
                    sent.dropped_spans.fetch_add(batch.count, Ordering::Relaxed);
                }
            }
            _ = clock.tick(), if settings.metrics => send_metrics().await,
        }
    }
    if settings.metrics {
        send_metrics().await;
    }
}

/// Who all this is about (semantic conventions, "Service").
fn resource(service_name: &str) -> Value {
    let instance = RequestIds::new().next();
    json!({ "attributes": [
        attribute("service.name", service_name),
        attribute("service.version", env!("CARGO_PKG_VERSION")),
        attribute("service.instance.id", instance.as_str()),
    ] })
}

fn scope() -> Value {
    json!({ "name": "tollgate", "version": env!("CARGO_PKG_VERSION") })
}

fn attribute(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": { "stringValue": value } })
}

/// Nanoseconds since 1970, as JSON has 64-bit integers: in quotes.
fn nanos(time: SystemTime) -> String {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos().to_string()
}

struct Collector<'s> {
    settings: &'s OtlpSettings,
    upstream: Upstream,
    sent: &'s Sent,
}

impl Collector<'_> {
    /// Send something, and again if there is hope. False if it was not taken.
    async fn send(&self, path: &str, body: Vec<u8>) -> bool {
        let body = Bytes::from(body);
        let mut pauses = PAUSES.iter();
        loop {
            let problem = match self.post(path, body.clone()).await {
                Ok(()) => {
                    if self.sent.is_failing.swap(false, Ordering::Relaxed) {
                        tracing::info!(collector = self.settings.collector.origin.name(), "OTLP is taken again");
                    }
                    return true;
                }
                Err(problem) => problem,
            };
            self.sent.failed_requests.fetch_add(1, Ordering::Relaxed);
            if !self.sent.is_failing.swap(true, Ordering::Relaxed) {
                let collector = self.settings.collector.origin.name();
                tracing::warn!(collector, path, problem = problem.text, "what was sent by OTLP was not taken");
            }
            match pauses.next() {
                Some(pause) if problem.may_pass => tokio::time::sleep(*pause).await,
                _ => return false,
            }
        }
    }

    async fn post(&self, path: &str, body: Bytes) -> Result<(), Problem> {
        let lasting = |text: String| Problem { text, may_pass: false };
        let passing = |text: String| Problem { text, may_pass: true };
        let uri = format!("{}{path}", self.settings.collector.base);
        let uri = uri.parse::<Uri>().map_err(|error| lasting(error.to_string()))?;
        let mut request = Request::new(Body::full(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri;
        *request.headers_mut() = self.settings.headers.clone();
        let headers = request.headers_mut();
        headers.insert(header::HOST, self.settings.collector.origin.authority().clone());
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers
            .entry(header::USER_AGENT)
            .or_insert(HeaderValue::from_static(concat!("tollgate/", env!("CARGO_PKG_VERSION"))));
        let exchange = async {
            let answer = self.upstream.send(&self.settings.collector.origin, request, Timeouts::default()).await;
            let answer = answer.map_err(|error| passing(error.to_string()))?;
            let status = answer.status();
            let text = collect(answer.into_body(), ANSWER_BYTES).await.unwrap_or_default();
            // OTLP/HTTP, "Failures": these are worth another try.
            let may_pass = matches!(
                status,
                StatusCode::TOO_MANY_REQUESTS
                    | StatusCode::BAD_GATEWAY
                    | StatusCode::SERVICE_UNAVAILABLE
                    | StatusCode::GATEWAY_TIMEOUT
            );
            if !status.is_success() {
                return Err(Problem { text: format!("the collector answers {status}"), may_pass });
            }
            self.count_rejected(&text);
            Ok(())
        };
        let timed = tokio::time::timeout(self.settings.timeout, exchange).await;
        timed.unwrap_or_else(|_| Err(passing("the collector doesn't answer in time".into())))
    }

    /// What a collector took only in part ("Partial Success").
    fn count_rejected(&self, answer: &[u8]) {
        let Ok(answer) = serde_json::from_slice::<Value>(answer) else { return };
        let rejected = &answer["partialSuccess"]["rejectedSpans"];
        let rejected = rejected.as_u64().or_else(|| rejected.as_str()?.parse().ok()).unwrap_or(0);
        if rejected > 0 {
            self.sent.dropped_spans.fetch_add(rejected, Ordering::Relaxed);
            let problem = answer["partialSuccess"]["errorMessage"].as_str().unwrap_or_default();
            tracing::warn!(rejected, problem, "a collector has rejected spans");
        }
    }
}

/// Why something was not taken.
struct Problem {
    text: String,
    /// Another try may do better.
    may_pass: bool,
}
