//! One JSON line for each request, on standard output or standard error.
//!
//! A worker writes lines into its own buffer and hands it over whole; one thread writes. No worker ever waits for
//! that: when the reader of the log is too slow, lines are dropped, counted, and the log says how many. What stands in
//! a line is the caller's choice; secrets must be gone before.

use std::cell::{Cell, RefCell};
use std::io::{self, Write};
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use tollgate_core::fault::Blame;

use super::time::push_time;
use crate::forwarded::address_text;
use crate::json::{push_number, push_string};

/// A buffer is handed over when it holds this much: a few hundred lines.
const BATCH_BYTES: usize = 32 << 10;

/// Or after this long, so that somebody who follows the log sees what happens.
const BATCH_TIME: Duration = Duration::from_millis(200);

/// Buffers that wait for the writer: together 2 MiB.
const BATCHES: usize = 64;

/// The most of a text that clients choose. Enough for any path that is served.
const TEXT_BYTES: usize = 8 << 10;

/// How long the end of the process waits for a slow reader of the log.
const FINISH_TIME: Duration = Duration::from_secs(2);

/// Where lines go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Nowhere.
    Off,
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// What a cache did for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cache {
    /// Wasn't asked.
    None,
    /// Had the response.
    Hit,
    /// Hadn't.
    Miss,
}

/// Why a request failed.
#[derive(Clone, Copy, Debug)]
pub struct ErrorOf<'l> {
    /// The statement or the part of the gateway that refused.
    pub source: &'l str,
    /// The cause in a word.
    pub reason: &'l str,
    /// Whose fault it is.
    pub blame: Blame,
}

/// One request.
#[derive(Clone, Copy, Debug)]
pub struct Line<'l> {
    /// When it arrived.
    pub time: SystemTime,
    /// Its `x-request-id`.
    pub request_id: &'l str,
    /// Its trace's id and its span's.
    pub trace: Option<(&'l str, &'l str)>,
    /// Who sent it.
    pub client_ip: IpAddr,
    /// Its method.
    pub method: &'l str,
    /// Its path, without the query.
    pub path: &'l str,
    /// Its query, without secrets.
    pub query: Option<&'l str>,
    /// The host that it addressed.
    pub host: &'l [u8],
    /// The response's status.
    pub status: u16,
    /// The API's id.
    pub api: Option<&'l str>,
    /// The operation's id.
    pub operation: Option<&'l str>,
    /// The product's id.
    pub product: Option<&'l str>,
    /// The subscription's id.
    pub subscription: Option<&'l str>,
    /// From its first byte to the last of the response.
    pub duration: Duration,
    /// From sending it to the origin to the head of the origin's response.
    pub origin: Option<Duration>,
    /// Bytes of its body that were read.
    pub request_bytes: u64,
    /// Bytes of the response's body that were handed over.
    pub response_bytes: u64,
    /// What the cache did.
    pub cache: Cache,
    /// Why it failed.
    pub error: Option<ErrorOf<'l>>,
    /// Its `user-agent`.
    pub user_agent: Option<&'l [u8]>,
}

/// The log and its writer.
pub struct AccessLog {
    shared: Option<Shared>,
    writer: Option<JoinHandle<()>>,
}

#[derive(Clone)]
struct Shared {
    batches: SyncSender<Vec<u8>>,
    dropped: Arc<AtomicU64>,
}

impl AccessLog {
    /// Start the writer.
    pub fn start(target: Target) -> io::Result<AccessLog> {
        match target {
            Target::Off => Ok(AccessLog { shared: None, writer: None }),
            Target::Stdout => AccessLog::start_on(io::stdout()),
            Target::Stderr => AccessLog::start_on(io::stderr()),
        }
    }

    /// Start a writer that writes somewhere else.
    pub fn start_on(mut writer: impl Write + Send + 'static) -> io::Result<AccessLog> {
        let (batches, received) = mpsc::sync_channel(BATCHES);
        let dropped = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&dropped);
        let thread = std::thread::Builder::new().name("access-log".into());
        let writer = thread.spawn(move || write_all(&mut writer, &received, &counter))?;
        Ok(AccessLog { shared: Some(Shared { batches, dropped }), writer: Some(writer) })
    }

    /// A worker's end of the log.
    pub fn worker(&self) -> WorkerLog {
        let buffer = RefCell::new(Vec::new());
        WorkerLog { inner: Rc::new(Inner { shared: self.shared.clone(), buffer, lines: Cell::new(0) }) }
    }

    /// Lines that were dropped since the start.
    pub fn dropped(&self) -> u64 {
        self.shared.as_ref().map_or(0, |shared| shared.dropped.load(Ordering::Relaxed))
    }

    /// Write what was handed over. Workers must be gone; waits for a slow reader, but not long.
    pub fn finish(self) {
        drop(self.shared);
        let Some(writer) = self.writer else { return };
        let give_up = Instant::now() + FINISH_TIME;
        while !writer.is_finished() && Instant::now() < give_up {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

fn write_all(writer: &mut impl Write, received: &Receiver<Vec<u8>>, dropped: &AtomicU64) {
    let mut reported = 0;
    while let Ok(batch) = received.recv() {
        // A log that nobody reads any more is no reason to stop serving.
        let _ = writer.write_all(&batch);
        let now = dropped.load(Ordering::Relaxed);
        if now != reported {
            let _ = writer.write_all(&dropped_line(now - reported));
            reported = now;
        }
        let _ = writer.flush();
    }
}

fn dropped_line(lines: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(96);
    out.extend_from_slice(b"{\"time\":\"");
    push_time(&mut out, SystemTime::now());
    out.extend_from_slice(b"\",\"event\":\"access-log-dropped\",\"lines\":");
    push_number(&mut out, lines);
    out.extend_from_slice(b"}\n");
    out
}

/// A worker's end of the log. The last clone hands over what is left when it is dropped.
#[derive(Clone)]
pub struct WorkerLog {
    inner: Rc<Inner>,
}

struct Inner {
    shared: Option<Shared>,
    buffer: RefCell<Vec<u8>>,
    lines: Cell<u64>,
}

impl WorkerLog {
    /// False if lines go nowhere, so that none need be put together.
    pub fn is_on(&self) -> bool {
        self.inner.shared.is_some()
    }

    /// Write a line.
    pub fn write(&self, line: &Line<'_>) {
        if !self.is_on() {
            return;
        }
        let full = {
            let mut buffer = self.inner.buffer.borrow_mut();
            if buffer.capacity() == 0 {
                buffer.reserve(BATCH_BYTES + (4 << 10));
            }
            push_line(&mut buffer, line);
            buffer.len() >= BATCH_BYTES
        };
        self.inner.lines.set(self.inner.lines.get() + 1);
        if full {
            self.inner.hand_over(false);
        }
    }

    /// Hand over what is there.
    pub fn flush(&self) {
        self.inner.hand_over(false);
    }

    /// Hand over what is there, regularly. Runs until it is dropped.
    pub async fn flush_regularly(&self) {
        loop {
            tokio::time::sleep(BATCH_TIME).await;
            self.flush();
        }
    }
}

impl Inner {
    fn hand_over(&self, may_wait: bool) {
        let (Some(shared), mut buffer) = (&self.shared, self.buffer.borrow_mut()) else { return };
        if buffer.is_empty() {
            return;
        }
        let lines = self.lines.take();
        let mut batch = std::mem::take(&mut *buffer);
        let give_up = Instant::now() + FINISH_TIME;
        loop {
            match shared.batches.try_send(batch) {
                Ok(()) => return,
                Err(TrySendError::Full(again)) if may_wait && Instant::now() < give_up => {
                    std::thread::sleep(Duration::from_millis(5));
                    batch = again;
                }
                Err(TrySendError::Full(mut unsent) | TrySendError::Disconnected(mut unsent)) => {
                    shared.dropped.fetch_add(lines, Ordering::Relaxed);
                    unsent.clear();
                    *buffer = unsent;
                    return;
                }
            }
        }
    }
}

impl Drop for Inner {
    /// The worker is done, and has the time to wait for the writer.
    fn drop(&mut self) {
        self.hand_over(true);
    }
}

fn push_line(out: &mut Vec<u8>, line: &Line<'_>) {
    out.extend_from_slice(b"{\"time\":\"");
    push_time(out, line.time);
    out.extend_from_slice(b"\",\"request_id\":");
    push_string(out, line.request_id.as_bytes());
    if let Some((trace_id, span_id)) = line.trace {
        out.extend_from_slice(b",\"trace_id\":");
        push_string(out, trace_id.as_bytes());
        out.extend_from_slice(b",\"span_id\":");
        push_string(out, span_id.as_bytes());
    }
    out.extend_from_slice(b",\"client_ip\":\"");
    out.extend_from_slice(&address_text(line.client_ip));
    out.extend_from_slice(b"\",\"method\":");
    push_text(out, line.method.as_bytes());
    out.extend_from_slice(b",\"path\":");
    push_text(out, line.path.as_bytes());
    push_optional(out, b",\"query\":", line.query.map(str::as_bytes));
    out.extend_from_slice(b",\"host\":");
    push_text(out, line.host);
    out.extend_from_slice(b",\"status\":");
    push_number(out, u64::from(line.status));
    push_optional(out, b",\"api\":", line.api.map(str::as_bytes));
    push_optional(out, b",\"operation\":", line.operation.map(str::as_bytes));
    push_optional(out, b",\"product\":", line.product.map(str::as_bytes));
    push_optional(out, b",\"subscription\":", line.subscription.map(str::as_bytes));
    out.extend_from_slice(b",\"duration_us\":");
    push_micros(out, line.duration);
    if let Some(origin) = line.origin {
        out.extend_from_slice(b",\"origin_us\":");
        push_micros(out, origin);
    }
    out.extend_from_slice(b",\"request_bytes\":");
    push_number(out, line.request_bytes);
    out.extend_from_slice(b",\"response_bytes\":");
    push_number(out, line.response_bytes);
    out.extend_from_slice(match line.cache {
        Cache::None => b",\"cache\":\"none\"",
        Cache::Hit => b",\"cache\":\"hit\"",
        Cache::Miss => b",\"cache\":\"miss\"",
    });
    if let Some(error) = line.error {
        out.extend_from_slice(b",\"error\":{\"source\":");
        push_text(out, error.source.as_bytes());
        out.extend_from_slice(b",\"reason\":");
        push_text(out, error.reason.as_bytes());
        out.extend_from_slice(b",\"blame\":");
        push_string(out, error.blame.name().as_bytes());
        out.push(b'}');
    }
    push_optional(out, b",\"user_agent\":", line.user_agent);
    out.extend_from_slice(b"}\n");
}

fn push_optional(out: &mut Vec<u8>, key: &[u8], text: Option<&[u8]>) {
    if let Some(text) = text {
        out.extend_from_slice(key);
        push_text(out, text);
    }
}

fn push_text(out: &mut Vec<u8>, text: &[u8]) {
    push_string(out, &text[..text.len().min(TEXT_BYTES)]);
}

fn push_micros(out: &mut Vec<u8>, duration: Duration) {
    push_number(out, u64::try_from(duration.as_micros()).unwrap_or(u64::MAX));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;
    use std::time::UNIX_EPOCH;

    #[derive(Clone, Default)]
    struct Shelf(Arc<Mutex<Vec<u8>>>);

    impl Write for Shelf {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn line() -> Line<'static> {
        Line {
            time: UNIX_EPOCH + Duration::from_millis(1_763_935_621_042),
            request_id: "0123",
            trace: Some(("abc", "def")),
            client_ip: "192.0.2.1".parse().unwrap(),
            method: "GET",
            path: "/orders/7",
            query: None,
            host: b"a.example",
            status: 200,
            api: Some("orders"),
            operation: None,
            product: None,
            subscription: None,
            duration: Duration::from_micros(1234),
            origin: Some(Duration::from_micros(1000)),
            request_bytes: 0,
            response_bytes: 12,
            cache: Cache::Miss,
            error: None,
            user_agent: None,
        }
    }

    #[test]
    fn a_line_is_json_whatever_a_client_sends() {
        let mut out = Vec::new();
        push_line(&mut out, &line());
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "{\"time\":\"2025-11-23T22:07:01.042Z\",\"request_id\":\"0123\",\"trace_id\":\"abc\",\
             \"span_id\":\"def\",\"client_ip\":\"192.0.2.1\",\"method\":\"GET\",\
             \"path\":\"/orders/7\",\"host\":\"a.example\",\"status\":200,\"api\":\"orders\",\"duration_us\":1234,\
             \"origin_us\":1000,\"request_bytes\":0,\"response_bytes\":12,\"cache\":\"miss\"}\n"
        );
        let hostile = b"\"}\n{\"status\":500,\"x\":\"\x1b[2J\xff\0";
        let error = ErrorOf { source: "rate-limit", reason: "RateLimitExceeded", blame: Blame::Client };
        let mut out = Vec::new();
        push_line(
            &mut out,
            &Line { host: hostile, user_agent: Some(hostile), query: Some("a=\"\n"), error: Some(error), ..line() },
        );
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.lines().count(), 1);
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["host"], "\"}\n{\"status\":500,\"x\":\"\u{1b}[2J\u{fffd}\0");
        assert_eq!(value["error"]["blame"], "client");
        assert_eq!(value["query"], "a=\"\n");
    }

    #[test]
    fn a_text_that_is_too_long_is_cut() {
        let agent = vec![b'a'; 3 * TEXT_BYTES];
        let mut out = Vec::new();
        push_line(&mut out, &Line { user_agent: Some(&agent), ..line() });
        assert!(out.len() < 2 * TEXT_BYTES);
    }

    #[test]
    fn lines_of_all_workers_are_written_by_the_end() {
        let shelf = Shelf::default();
        let log = AccessLog::start_on(shelf.clone()).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let worker = log.worker();
                    for _ in 0..1000 {
                        worker.write(&line());
                    }
                });
            }
        });
        log.finish();
        let text = String::from_utf8(shelf.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.lines().count(), 2000);
        assert!(text.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()));
    }

    /// A writer that waits until it is let go.
    struct Stuck(Receiver<()>, Shelf);

    impl Write for Stuck {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.0.recv();
            self.1.write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_is_too_slow_costs_lines_and_no_time() {
        let shelf = Shelf::default();
        let (go, stuck) = mpsc::channel();
        let log = AccessLog::start_on(Stuck(stuck, shelf.clone())).unwrap();
        let worker = log.worker();
        let mut written = 0u64;
        while log.dropped() == 0 {
            worker.write(&line());
            written += 1;
            assert!(written < 100_000);
        }
        let dropped = log.dropped();
        drop(go);
        drop(worker);
        log.finish();
        let text = String::from_utf8(shelf.0.lock().unwrap().clone()).unwrap();
        let said = format!("\"event\":\"access-log-dropped\",\"lines\":{dropped}}}");
        assert!(text.lines().any(|line| line.ends_with(&said)), "{said}");
        assert_eq!(text.lines().count() as u64, written - dropped + 1);
    }

    #[test]
    fn an_access_log_that_is_off_costs_nothing() {
        let log = AccessLog::start(Target::Off).unwrap();
        let worker = log.worker();
        worker.write(&line());
        assert!(!worker.is_on());
        assert_eq!(log.dropped(), 0);
        log.finish();
    }
}
