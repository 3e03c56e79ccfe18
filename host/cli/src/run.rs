//! `tollgate run`: serve, reload, drain.

use std::collections::HashSet;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use sha2::{Digest, Sha256};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tollgate_document::{AccessLog, Document, Otlp, TraceContextMode};
use tollgate_gateway::serve::Patience;
use tollgate_gateway::{
    Gateway, LogTarget, OtlpSettings, OverloadSettings, PlanBuilder, ServerSettings, TraceMode, TraceSettings, serve,
    upstream,
};
use tollgate_runtime::{Runtime, RuntimeSettings};

use crate::takeover::{self, Door, Taken};
use crate::{BAD_INPUT, compile, load, log};

/// Editors write a file in several steps; a change is looked at when it has been quiet for this long.
const SETTLE: Duration = Duration::from_millis(100);

pub(crate) fn run(file: &Path, takes_over: bool) -> anyhow::Result<ExitCode> {
    let text = match load::read(file) {
        Ok(text) => text,
        Err(error) => {
            log::say_error(&error);
            return Ok(ExitCode::from(BAD_INPUT));
        }
    };
    let taken = match takes_over {
        true => match takeover::take(file, &text)? {
            Ok(taken) => taken,
            Err(diagnostics) => {
                load::say(&diagnostics);
                return Ok(ExitCode::from(BAD_INPUT));
            }
        },
        false => None,
    };
    match start(file, &text, taken)? {
        Some(serving) => serving.until_told_to_stop(),
        None => Ok(ExitCode::from(BAD_INPUT)),
    }
}

/// A gateway and what is needed to reload it.
pub(crate) struct Serving {
    file: PathBuf,
    text: String,
    document: Document,
    /// What the certificates' files held when they were last good.
    certificates: Option<[u8; 32]>,
    builder: PlanBuilder,
    gateway: Gateway,
    /// Where a successor knocks.
    door: Option<Door>,
    /// Where it was taken over from; told when clients are served.
    taken: Option<Taken>,
}

/// Why a gateway ends.
enum End {
    /// It was told to.
    Told,
    /// A successor serves.
    Succeeded,
}

/// Start serving a document; none if the document is bad, which has been said.
///
/// State settings are needed before components can be checked, so the document is read twice: once for its
/// settings, once with everything.
pub(crate) fn start(file: &Path, text: &str, mut taken: Option<Taken>) -> anyhow::Result<Option<Serving>> {
    let names = load::built_in_names();
    let known = tollgate_document::Known { built_ins: &names };
    let (document, diagnostics) = Document::parse(file, text, &known, &|name| std::env::var(name).ok());
    let Some(document) = document.filter(|_| diagnostics.is_empty()) else {
        // Components may be wrong too: all errors are told at once.
        if let Err(diagnostics) = load::plan(&load::builder(load::runtime_for_checking()?), file, text) {
            load::say(&diagnostics);
        }
        return Ok(None);
    };
    let directory = load::state_directory(file, &document.state);
    let workers = load::workers(&document);
    let runtime = Runtime::new(RuntimeSettings {
        compile_cache: Some(load::compile_cache(&directory)),
        compiler: compile::compiler(),
        workers,
        services: Arc::new(load::services(&document.state, &directory)?),
    })?;
    let builder = load::builder(Arc::new(runtime));
    let (document, plan) = match load::plan(&builder, file, text) {
        Ok(made) => made,
        Err(diagnostics) => {
            load::say(&diagnostics);
            return Ok(None);
        }
    };
    load::event_logs(&document, builder.runtime().services())?;
    let (sockets, admin) = taken.as_mut().map(Taken::sockets).unwrap_or_default();
    let settings = settings(&document, workers);
    let gateway = Gateway::start(settings, plan, Arc::clone(builder.runtime()), sockets, admin)?;
    let certificates = digest_of_certificates(&document);
    let door = Some(Door::at(&directory));
    let (file, text) = (file.to_owned(), text.to_owned());
    Ok(Some(Serving { file, text, document, certificates, builder, gateway, door, taken }))
}

fn settings(document: &Document, workers: usize) -> ServerSettings {
    let limits = &document.limits;
    ServerSettings {
        listen: document.listen.clone(),
        listen_tls: tls_addresses(document).unwrap_or_default().to_vec(),
        admin: document.admin,
        workers,
        serve: serve::Settings {
            header_timeout: limits.request_header_timeout,
            keep_alive_timeout: limits.idle_timeout,
            header_bytes: limits.header_bytes,
            header_lines: limits.headers,
            uri_bytes: limits.uri_bytes,
            body_bytes: limits.request_body_bytes,
            body_patience: Patience { idle: limits.request_body_timeout, bytes_per_second: limits.request_body_rate },
            write_timeout: limits.response_write_timeout,
            handshake_timeout: limits.tls_handshake_timeout,
            http2: serve::Http2Settings {
                streams: limits.http2.streams,
                window: limits.http2.window,
                control_frames: limits.http2.control_frames,
                keep_alive: limits.http2.keep_alive,
            },
            upgrade_idle_timeout: limits.upgrades.idle_timeout,
            connections: limits.connections,
            ..serve::Settings::default()
        },
        upgrades: limits.upgrades.connections,
        upstream: upstream::Settings {
            idle_per_origin: limits.origin_idle_connections,
            idle_timeout: limits.origin_idle_timeout,
            http2_streams: limits.origin_http2_streams,
            ..upstream::Settings::default()
        },
        retry_percent: u32::try_from(limits.retry_percent).unwrap_or(u32::MAX),
        retry_floor: u32::try_from(limits.retry_floor).unwrap_or(u32::MAX),
        overload: OverloadSettings {
            requests: limits.concurrent_requests,
            memory_bytes: limits.memory_bytes,
            memory_percent: u32::try_from(limits.memory_percent).unwrap_or(100),
        },
        trace_context: TraceSettings {
            mode: match document.trace_context.mode {
                TraceContextMode::Continue => TraceMode::Continue,
                TraceContextMode::Restart => TraceMode::Restart,
                TraceContextMode::Off => TraceMode::Off,
            },
            sample_percent: document.trace_context.sample_percent,
        },
        // What is wrong with it was found when the plan was made.
        otlp: document.otlp.as_ref().and_then(|otlp| OtlpSettings::of(otlp).ok()),
        access_log: match document.access_log {
            AccessLog::Stdout => LogTarget::Stdout,
            AccessLog::Stderr => LogTarget::Stderr,
            AccessLog::Off => LogTarget::Off,
        },
    }
}

/// Do both say the same, wherever it stands?
fn is_same(old: Option<&Otlp>, new: Option<&Otlp>) -> bool {
    let moved = |otlp: &Otlp| old.map(|old| Otlp { mark: old.mark, ..otlp.clone() });
    old.cloned() == new.and_then(moved).or(new.cloned())
}

fn tls_addresses(document: &Document) -> Option<&[std::net::SocketAddr]> {
    document.tls.as_ref().map(|tls| tls.listen.as_slice())
}

/// The files of the document's certificates.
fn certificate_files(document: &Document) -> impl Iterator<Item = &Path> {
    let files = document.tls.iter().flat_map(|tls| &tls.certificates);
    files.flat_map(|files| [files.certificate.as_path(), files.key.as_path()])
}

/// What those files hold. One that can't be read counts as empty: the plan's maker says what is wrong.
fn digest_of_certificates(document: &Document) -> Option<[u8; 32]> {
    document.tls.as_ref()?;
    let mut digest = Sha256::new();
    for file in certificate_files(document) {
        digest.update(std::fs::read(file).unwrap_or_default());
        digest.update([0]);
    }
    Some(digest.finalize().into())
}

/// Which text a log line is about.
fn digest_of(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    let short: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{short}")
}

impl Serving {
    /// Where clients are served.
    pub(crate) fn addresses(&self) -> &[std::net::SocketAddr] {
        self.gateway.addresses()
    }

    /// Reload and at last drain as signals and the file say.
    pub(crate) fn until_told_to_stop(mut self) -> anyhow::Result<ExitCode> {
        let event_loop = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        if let End::Succeeded = event_loop.block_on(self.follow())? {
            self.gateway.close_admin();
        }
        let patience = self.document.limits.drain_timeout;
        let began = Instant::now();
        let finished = self.gateway.drain(patience);
        tracing::info!(seconds = began.elapsed().as_secs_f64(), finished, "drained");
        Ok(ExitCode::SUCCESS)
    }

    fn say_addresses(&self) -> io::Result<()> {
        let mut out = io::stdout().lock();
        if let Some(admin) = self.gateway.admin_address() {
            writeln!(out, "admin listening on {admin}")?;
        }
        for address in self.gateway.addresses() {
            writeln!(out, "listening on {address}")?;
        }
        for address in self.gateway.tls_addresses() {
            writeln!(out, "listening on {address} (TLS)")?;
        }
        out.flush()
    }

    async fn follow(&mut self) -> anyhow::Result<End> {
        let mut hang_up = signal(SignalKind::hangup())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let (changed, mut changes) = mpsc::channel(1);
        let mut _watcher = self.watch(changed.clone());
        // Who is ready hears signals and changes, also one that came after the file was read.
        self.say_addresses()?;
        let _ = changed.try_send(());
        let mut door = self.door.take();
        if let Some(taken) = self.taken.take() {
            taken.say_serving()?;
        }
        let mut opened = door.as_mut().and_then(Door::open);
        loop {
            let is_told = tokio::select! {
                _ = terminate.recv() => return Ok(End::Told),
                _ = interrupt.recv() => return Ok(End::Told),
                Some(successor) = takeover::knock(&mut opened) => {
                    if takeover::hand_over(&successor, &self.gateway).await {
                        return Ok(End::Succeeded);
                    }
                    continue;
                }
                _ = hang_up.recv() => true,
                Some(()) = changes.recv() => {
                    tokio::time::sleep(SETTLE).await;
                    while changes.try_recv().is_ok() {}
                    false
                }
            };
            let before: Vec<PathBuf> = certificate_files(&self.document).map(Path::to_owned).collect();
            self.reload(is_told);
            if !certificate_files(&self.document).eq(before.iter().map(PathBuf::as_path)) {
                _watcher = self.watch(changed.clone());
            }
        }
    }

    /// Watch the folders of the document and of its certificates: editors replace files, and a watch on a file that is
    /// gone says nothing more.
    fn watch(&self, changed: mpsc::Sender<()>) -> Option<RecommendedWatcher> {
        let folder_of = |file: &Path| match file.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
            _ => PathBuf::from("."),
        };
        let files: Vec<&Path> = std::iter::once(self.file.as_path()).chain(certificate_files(&self.document)).collect();
        let names: HashSet<OsString> = files.iter().filter_map(|file| file.file_name()).map(OsString::from).collect();
        let folders: HashSet<PathBuf> = files.iter().map(|file| folder_of(file)).collect();
        let seen = move |event: notify::Result<notify::Event>| {
            // Container platforms replace all files of a folder at once, by turning a link that is called `..data`.
            let is_one = |path: &PathBuf| path.file_name().is_some_and(|name| names.contains(name) || name == "..data");
            if event.is_ok_and(|event| !event.kind.is_access() && event.paths.iter().any(is_one)) {
                // Full means that a look is due already.
                let _ = changed.try_send(());
            }
        };
        let watching = notify::recommended_watcher(seen).and_then(|mut watcher| {
            folders.iter().try_for_each(|folder| watcher.watch(folder, RecursiveMode::NonRecursive))?;
            Ok(watcher)
        });
        watching.inspect_err(|error| tracing::warn!(%error, "files aren't watched; SIGHUP reloads them")).ok()
    }

    /// Read the file again. The plan at hand stays if the new one is bad.
    fn reload(&mut self, even_unchanged: bool) {
        let began = Instant::now();
        let text = match load::read(&self.file).context("the last good plan is kept") {
            Ok(text) => text,
            Err(error) => {
                tracing::error!(error = format!("{error:#}"), "reload failed: kept the last good plan");
                return;
            }
        };
        if text == self.text && !even_unchanged && digest_of_certificates(&self.document) == self.certificates {
            return;
        }
        let digest = digest_of(&text);
        match load::plan(&self.builder, &self.file, &text) {
            Ok((document, plan)) => {
                if let Err(error) = load::event_logs(&document, self.builder.runtime().services()) {
                    tracing::error!(error = format!("{error:#}"), "reload failed: kept the last good plan");
                    return;
                }
                self.warn_of_what_needs_a_restart(&document);
                let (apis, statements) = (plan.apis(), plan.statements());
                self.gateway.swap(plan);
                self.text = text;
                if let (Some(tls), Some(new)) = (&mut self.document.tls, document.tls) {
                    tls.certificates = new.certificates;
                }
                self.certificates = digest_of_certificates(&self.document);
                let seconds = began.elapsed().as_secs_f64();
                tracing::info!(document = digest, apis, statements, seconds, "reloaded");
            }
            Err(diagnostics) => {
                for problem in diagnostics.to_string().lines() {
                    tracing::error!("{problem}");
                }
                tracing::error!(
                    document = digest,
                    errors = diagnostics.len(),
                    "reload failed: kept the last good plan"
                );
            }
        }
    }

    fn warn_of_what_needs_a_restart(&self, new: &Document) {
        let old = &self.document;
        let changed = [
            ("listen", old.listen != new.listen),
            ("tls", tls_addresses(old) != tls_addresses(new)),
            ("admin", old.admin != new.admin),
            ("workers", old.workers != new.workers),
            ("access-log", old.access_log != new.access_log),
            ("trace-context", old.trace_context != new.trace_context),
            ("otlp", !is_same(old.otlp.as_ref(), new.otlp.as_ref())),
            ("limits", old.limits != new.limits),
            ("state", old.state != new.state),
        ];
        for (key, _) in changed.into_iter().filter(|(_, changed)| *changed) {
            tracing::warn!(key, "this setting has changed; it takes effect after a restart");
        }
    }
}
