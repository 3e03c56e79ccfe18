//! A running gateway: the real binary, and what a test asks of it.

use crate::PATIENCE;
use crate::client::{Client, Connection, burst};
use crate::command::Outcome;
use crate::load::Load;
use crate::message::{Request, Response};
use crate::metrics::Metrics;
use crate::process::{Process, Stream};
use crate::setup::{self, Setup};
use rustix::process::Signal;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// A gateway that listens. It is killed when it is dropped.
#[derive(Debug)]
pub struct Gateway {
    // Before the folder, so that the process is gone when the folder goes.
    process: Process,
    address: SocketAddr,
    admin: Option<SocketAddr>,
    setup: Setup,
    folder: Arc<TempDir>,
}

/// What a gateway did with a changed document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reload {
    Applied,
    /// It kept its last good plan; and what it said from the change up to that line.
    Kept(String),
}

impl Gateway {
    /// Begin with a document; `Setup` says what else there can be.
    pub fn with(yaml: &str) -> Setup {
        Setup::new(yaml)
    }

    /// Start a gateway with nothing but a document.
    pub fn start(yaml: &str) -> Self {
        Self::with(yaml).start()
    }

    pub(crate) fn launch(setup: Setup) -> Result<Self, Outcome> {
        let folder = Arc::new(setup.lay_out(setup.yaml()));
        Self::run(setup, folder, &[])
    }

    /// Another process that takes over from this one, in its folder.
    ///
    /// # Panics
    ///
    /// If it doesn't come up.
    pub fn successor(&self) -> Self {
        self.try_successor().unwrap_or_else(|outcome| panic!("the successor did not come up: {outcome:#?}"))
    }

    /// As `successor`; if it ends instead of listening, how.
    pub fn try_successor(&self) -> Result<Self, Outcome> {
        Self::run(self.setup.clone(), self.folder.clone(), &["--takeover"])
    }

    fn run(setup: Setup, folder: Arc<TempDir>, options: &[&str]) -> Result<Self, Outcome> {
        let process = Process::start(setup.command("run", &folder).args(options));
        let ready = process.wait_for(0, PATIENCE, |lines| {
            let stdout = || lines.iter().filter(|(stream, _)| *stream == Stream::Stdout).map(|(_, line)| line);
            let after = |prefix: &str| stdout().find_map(|line| line.strip_prefix(prefix)?.trim().parse().ok());
            let admin = after("admin listening on ");
            let tls = || stdout().find_map(|line| line.strip_prefix("listening on ")?.split(' ').next()?.parse().ok());
            // A gateway without cleartext has only TLS.
            (admin.is_some() || !setup.has_admin()).then_some((after("listening on ").or_else(tls)?, admin))
        });
        match ready {
            Some((address, admin)) => Ok(Self { process, address, admin, setup, folder }),
            None => {
                // It ended, or it says nothing: then it is ended now.
                let status = process.wait(Duration::from_millis(500)).and_then(|status| status.code());
                let text = |stream| process.lines(stream).join("\n");
                Err(Outcome { code: status.unwrap_or(-1), stdout: text(Stream::Stdout), stderr: text(Stream::Stderr) })
            }
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it is served by TLS.
    ///
    /// # Panics
    ///
    /// If the document has no `tls`.
    pub fn tls_address(&self) -> SocketAddr {
        let found = self.process.wait_for(0, PATIENCE, |lines| {
            let lines = lines.iter().filter(|(stream, _)| *stream == Stream::Stdout);
            let address = |line: &str| line.strip_prefix("listening on ")?.strip_suffix(" (TLS)")?.parse().ok();
            lines.into_iter().find_map(|(_, line)| address(line))
        });
        found.expect("the document has TLS addresses")
    }

    /// # Panics
    ///
    /// If the document says `admin: off`.
    pub fn admin_address(&self) -> SocketAddr {
        self.admin.expect("the document has an admin address")
    }

    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// The folder with the document, where the gateway runs.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The document's path.
    pub fn document(&self) -> PathBuf {
        setup::document_path(self.folder())
    }

    // === requests ===

    /// One request on a connection of its own.
    pub fn get(&self, target: &str) -> Response {
        self.send(&Request::get(target))
    }

    /// One request on a connection of its own.
    pub fn send(&self, request: &Request) -> Response {
        self.client().send(request)
    }

    /// A client that keeps its connection.
    pub fn client(&self) -> Client {
        Client::new(self.address)
    }

    /// A bare connection.
    pub fn connect(&self) -> Connection {
        Connection::open(self.address).expect("a gateway that listens accepts")
    }

    /// Many requests at the same moment; their statuses.
    pub fn burst(&self, clients: usize, request: impl Fn() -> Request + Sync) -> Vec<u16> {
        burst(self.address, clients, request)
    }

    /// Steady traffic from `clients` connections, until it is stopped.
    pub fn load(&self, clients: usize, request: impl Fn() -> Request + Send + Sync + 'static) -> Load {
        Load::start(self.address, clients, request)
    }

    // === what it says ===

    /// A page of the admin address.
    pub fn admin_get(&self, target: &str) -> Response {
        Client::new(self.admin_address()).get(target)
    }

    pub fn metrics(&self) -> Metrics {
        let response = self.admin_get("/metrics");
        assert_eq!(response.status, 200, "the metrics page: {response:?}");
        Metrics { text: response.text().to_owned() }
    }

    pub fn stdout(&self) -> Vec<String> {
        self.process.lines(Stream::Stdout)
    }

    pub fn stderr(&self) -> Vec<String> {
        self.process.lines(Stream::Stderr)
    }

    /// The lines of the access log so far.
    pub fn access_log(&self) -> Vec<Value> {
        self.stdout().iter().filter_map(|line| access_entry(line)).collect()
    }

    /// Wait until the access log has `count` lines, and return them all.
    ///
    /// # Panics
    ///
    /// If they don't come.
    pub fn wait_for_access_log(&self, count: usize) -> Vec<Value> {
        let found = self.process.wait_for(0, PATIENCE, |lines| {
            let stdout = lines.iter().filter(|(stream, _)| *stream == Stream::Stdout);
            let entries: Vec<Value> = stdout.filter_map(|(_, line)| access_entry(line)).collect();
            (entries.len() >= count).then_some(entries)
        });
        found.unwrap_or_else(|| panic!("the access log has {} of {count} lines", self.access_log().len()))
    }

    /// Wait until a line of stderr contains `text`, and return the line.
    ///
    /// # Panics
    ///
    /// If none comes.
    pub fn wait_for_log(&self, text: &str) -> String {
        let found = self.process.wait_for(0, PATIENCE, |lines| {
            let matching = |(stream, line): &&(Stream, String)| *stream == Stream::Stderr && line.contains(text);
            lines.iter().find(matching).map(|(_, line)| line.clone())
        });
        found.unwrap_or_else(|| panic!("no line of the log contains `{text}`"))
    }

    // === changes ===

    /// Replace the document, send SIGHUP, and wait for what the gateway makes of it.
    pub fn reload(&self, yaml: &str) -> Reload {
        self.replace(yaml, true)
    }

    /// Replace the document without a signal, and wait until the gateway notices by itself.
    pub fn rewrite(&self, yaml: &str) -> Reload {
        self.replace(yaml, false)
    }

    fn replace(&self, yaml: &str, signal: bool) -> Reload {
        let document = self.setup.document(yaml);
        let mark = self.process.mark();
        setup::write(&self.document(), document.as_bytes());
        if signal {
            self.process.signal(Signal::HUP);
        }
        let digest: String = Sha256::digest(document.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        let said = self.process.wait_for(mark, PATIENCE, |lines| {
            let stderr = lines.iter().filter(|(stream, _)| *stream == Stream::Stderr);
            let log: Vec<&str> = stderr.map(|(_, line)| line.as_str()).collect();
            reload_said(&log, &digest)
        });
        said.unwrap_or_else(|| panic!("the gateway said neither `reloaded` nor `kept`"))
    }

    /// A document as this gateway would get it: with its addresses and its values.
    pub fn completed(&self, yaml: &str) -> String {
        self.setup.document(yaml)
    }

    /// Lay a file beside the document, or replace it.
    pub fn write_file(&self, name: &str, content: &[u8]) {
        setup::write(&self.folder().join(name), content);
    }

    // === the process ===

    pub fn sigterm(&self) {
        self.process.signal(Signal::TERM);
    }

    pub fn sighup(&self) {
        self.process.signal(Signal::HUP);
    }

    /// End it without any warning, as `kill -9` does.
    pub fn sigkill(&self) {
        self.process.signal(Signal::KILL);
    }

    /// Wait for its end.
    ///
    /// # Panics
    ///
    /// If it doesn't end.
    pub fn wait(&self) -> ExitStatus {
        self.process.wait(PATIENCE).expect("the gateway ends")
    }

    /// Is it still running?
    pub fn is_running(&self) -> bool {
        self.process.wait(Duration::ZERO).is_none()
    }

    /// Resident memory.
    pub fn rss_bytes(&self) -> u64 {
        self.process.status_bytes("VmRSS")
    }

    /// The most resident memory that it ever had.
    pub fn peak_rss_bytes(&self) -> u64 {
        self.process.status_bytes("VmHWM")
    }

    /// Processor time that it has used so far, in ticks of 10 ms.
    pub fn cpu_ticks(&self) -> u64 {
        self.process.cpu_ticks()
    }

    /// Let it have no more files and sockets open than this.
    pub fn limit_open_files(&self, files: u64) {
        self.process.limit_open_files(files);
    }

    /// How many files and sockets it has open.
    pub fn open_files(&self) -> usize {
        self.process.open_files()
    }
}

fn access_entry(line: &str) -> Option<Value> {
    if !line.starts_with('{') {
        return None;
    }
    Some(serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in the access log line {line:?}")))
}

/// Find the line that ends a reload. If it names a document by digest, that must be the one that was written last:
/// a signal and a watched file may each cause a reload, and the second one's line may come during the next test step.
fn reload_said(log: &[&str], digest: &str) -> Option<Reload> {
    let of_this = |line: &str| match line.split_once("sha256:") {
        Some((_, rest)) => {
            let length = rest.bytes().take_while(u8::is_ascii_hexdigit).count();
            length >= 8 && digest.starts_with(&rest[..length])
        }
        None => true,
    };
    // The access log may be here too, and its paths may hold any word.
    let is_access = |line: &str| line.starts_with('{') && line.contains("\"path\"");
    let ends = |line: &str| line.contains("reloaded") || line.contains("kept");
    let end = log.iter().position(|line| ends(line) && of_this(line) && !is_access(line))?;
    match log[end].contains("reloaded") {
        true => Some(Reload::Applied),
        false => Some(Reload::Kept(log[..=end].join("\n"))),
    }
}

#[cfg(test)]
#[path = "gateway/tests.rs"]
mod tests;
