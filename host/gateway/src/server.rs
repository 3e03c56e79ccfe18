//! The gateway as a whole: one thread and one event loop per worker, a plan that all of them read, and an end.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use tokio::sync::watch;
use tollgate_runtime::{Leases, Runtime, Turns};

use crate::aside::Companion;
use crate::callout;
use crate::deadline::Alarms;
use crate::guesses::KeyGuesses;
use crate::handle::Gate;
use crate::listen::{self, Accepting, BindError, Inherited, Listeners, Sockets};
use crate::observe::access_log::{AccessLog, Target, WorkerLog};
use crate::observe::admin::{self, Admin, Readiness, Stage};
use crate::observe::metrics::{self, Traffic};
use crate::observe::otlp::{Exporter, OtlpSettings, Sent, Spans};
use crate::observe::tracing::TraceDesk;
use crate::overload::{Doorkeeper, Overload, OverloadSettings};
use crate::plan::Plan;
use crate::retry_budget::RetryBudget;
use crate::serve::{self, Server};
use crate::trace_context::TraceSettings;
use crate::tunnel::Places;
use crate::upstream::{self, Upstream};

/// What a gateway is started with. A reload changes none of it.
#[derive(Clone, Debug)]
pub struct ServerSettings {
    /// Where clients connect in cleartext.
    pub listen: Vec<SocketAddr>,
    /// Where clients connect by TLS, served with the certificates of the plan.
    pub listen_tls: Vec<SocketAddr>,
    /// Where the operator looks; none for nowhere.
    pub admin: Option<SocketAddr>,
    /// How many workers.
    pub workers: usize,
    /// What clients may do.
    pub serve: serve::Settings,
    /// Connections that speak another protocol after an upgrade.
    pub upgrades: usize,
    /// What each worker keeps of origins.
    pub upstream: upstream::Settings,
    /// Of the requests to origins, how many percent may be sent a second time.
    pub retry_percent: u32,
    /// Retries in ten seconds that are allowed however few requests there are.
    pub retry_floor: u32,
    /// What is too much at once.
    pub overload: OverloadSettings,
    /// What is done about trace contexts.
    pub trace_context: TraceSettings,
    /// Where access is logged.
    pub access_log: LogTarget,
    /// Where traces and metrics are sent; none for nowhere.
    pub otlp: Option<OtlpSettings>,
}

/// Where access is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogTarget {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// Nowhere.
    Off,
}

impl From<LogTarget> for Target {
    fn from(target: LogTarget) -> Target {
        match target {
            LogTarget::Stdout => Target::Stdout,
            LogTarget::Stderr => Target::Stderr,
            LogTarget::Off => Target::Off,
        }
    }
}

/// Why a gateway can't start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// A thread or an event loop.
    #[error("a worker can't be started: {0}")]
    Worker(io::Error),
    /// The admin address.
    #[error("can't listen on the admin address {0}: {1}")]
    Admin(SocketAddr, io::Error),
}

/// A running gateway.
pub struct Gateway {
    addresses: Vec<SocketAddr>,
    tls_addresses: Vec<SocketAddr>,
    plan: Arc<ArcSwap<Plan>>,
    swapped: watch::Sender<u64>,
    accepting: watch::Sender<Accepting>,
    /// The listening sockets once more, for a successor.
    sockets: Vec<Inherited>,
    workers: Vec<JoinHandle<()>>,
    readiness: Readiness,
    admin: Option<Admin>,
    access_log: Arc<AccessLog>,
    exporter: Option<Exporter>,
    runtime: Arc<Runtime>,
}

/// What one worker is made of.
struct Seat {
    number: usize,
    sockets: Sockets,
    plan: Arc<ArcSwap<Plan>>,
    swapped: watch::Receiver<u64>,
    accepting: watch::Receiver<Accepting>,
    runtime: Arc<Runtime>,
    access_log: Arc<AccessLog>,
    otlp: Option<Spans>,
    traffic: Arc<Traffic>,
    traces: Arc<TraceDesk>,
    budget: Arc<RetryBudget>,
    overload: Arc<Overload>,
    guesses: Arc<KeyGuesses>,
    settings: ServerSettings,
}

impl Gateway {
    /// Bind, and serve `plan` from now on. Sockets of a process that went before are gone on with: `inherited` where
    /// clients connect, `admin` where the operator looks.
    pub fn start(
        settings: ServerSettings,
        plan: Plan,
        runtime: Arc<Runtime>,
        inherited: Vec<Inherited>,
        admin: Option<Inherited>,
    ) -> Result<Gateway, StartError> {
        let (inherited_tls, inherited) = inherited.into_iter().partition(|it| it.is_tls);
        let listeners = Listeners::inherit(&settings.listen, settings.workers, inherited)?;
        let tls_listeners = Listeners::inherit(&settings.listen_tls, settings.workers, inherited_tls)?;
        let mut sockets = listeners.copies(false).map_err(StartError::Worker)?;
        sockets.extend(tls_listeners.copies(true).map_err(StartError::Worker)?);
        let (addresses, tls_addresses) = (listeners.addresses().to_vec(), tls_listeners.addresses().to_vec());
        let plan = Arc::new(ArcSwap::from_pointee(plan));
        let (swapped, _) = watch::channel(0);
        let (accepting, _) = watch::channel(Accepting::Yes);
        let readiness = Readiness::new();
        let traffic = Arc::new(Traffic::new(settings.workers));
        let budget = Arc::new(RetryBudget::new(settings.retry_percent, settings.retry_floor, settings.workers));
        let overload = Overload::start(&settings.overload).map_err(StartError::Worker)?;
        let access_log = Arc::new(AccessLog::start(settings.access_log.into()).map_err(StartError::Worker)?);
        let sent = Arc::new(Sent::default());
        let page = {
            let (plan, runtime, traffic) = (Arc::clone(&plan), Arc::clone(&runtime), Arc::clone(&traffic));
            let (access_log, budget) = (Arc::clone(&access_log), Arc::clone(&budget));
            let (overload, sent) = (Arc::clone(&overload), Arc::clone(&sent));
            Arc::new(move |out: &mut String| {
                metrics::write(out, &plan.load(), &runtime, &traffic, access_log.dropped());
                metrics::write_protection(out, &budget, &overload);
                metrics::write_sent(out, &sent);
            })
        };
        let exporter = match settings.otlp.clone() {
            Some(otlp) => {
                let page = Arc::clone(&page);
                let exporter = Exporter::start(otlp, sent, move |out: &mut String| page(out));
                Some(exporter.map_err(StartError::Worker)?)
            }
            None => None,
        };
        let traces = Arc::new(TraceDesk::default());
        let guesses = Arc::new(KeyGuesses::new());
        let admin = match settings.admin {
            Some(address) => Some(
                admin::start(address, admin, readiness.clone(), Arc::clone(&traces), move |out: &mut String| page(out))
                    .map_err(|error| StartError::Admin(address, error))?,
            ),
            None => None,
        };
        let mut workers = Vec::with_capacity(settings.workers);
        let of_workers = listeners.into_workers().into_iter().zip(tls_listeners.into_workers());
        for (number, (plain, tls)) in of_workers.enumerate() {
            let seat = Seat {
                number,
                sockets: Sockets { plain, tls },
                plan: Arc::clone(&plan),
                swapped: swapped.subscribe(),
                accepting: accepting.subscribe(),
                runtime: Arc::clone(&runtime),
                access_log: Arc::clone(&access_log),
                otlp: exporter.as_ref().map(Exporter::seat),
                traffic: Arc::clone(&traffic),
                traces: Arc::clone(&traces),
                budget: Arc::clone(&budget),
                overload: Arc::clone(&overload),
                guesses: Arc::clone(&guesses),
                settings: settings.clone(),
            };
            let thread = std::thread::Builder::new().name(format!("worker-{number}"));
            workers.push(thread.spawn(move || work(seat)).map_err(StartError::Worker)?);
        }
        readiness.set(Stage::Serving);
        Ok(Gateway {
            addresses,
            tls_addresses,
            plan,
            swapped,
            accepting,
            sockets,
            workers,
            readiness,
            admin,
            access_log,
            exporter,
            runtime,
        })
    }

    /// Where clients are served, with the ports that were chosen.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Where clients are served by TLS.
    pub fn tls_addresses(&self) -> &[SocketAddr] {
        &self.tls_addresses
    }

    /// Where the operator looks.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin.as_ref().map(Admin::address)
    }

    /// Serve another plan. Requests under way finish on the one that they began with.
    pub fn swap(&self, plan: Plan) {
        let generation = plan.generation;
        self.plan.store(Arc::new(plan));
        self.swapped.send_replace(generation);
    }

    /// Stop accepting, let go of the quotas' file, and give copies of the sockets where clients connect, and of the one
    /// where the operator looks: what a successor needs. Connections that come meanwhile wait in the sockets. Followed by
    /// [`Self::resume`] if nothing comes of it, or else by [`Self::drain`].
    pub fn hand_over(&self) -> (&[Inherited], Option<&Inherited>) {
        self.accepting.send_replace(Accepting::Paused);
        self.runtime.services().quotas.close();
        (&self.sockets, self.admin.as_ref().map(Admin::socket))
    }

    /// Go on after [`Self::hand_over`].
    pub fn resume(&self) {
        if let Err(error) = self.runtime.services().quotas.reopen() {
            tracing::error!(%error, "quotas aren't written any more; restart the gateway");
        }
        self.accepting.send_replace(Accepting::Yes);
    }

    /// The operator is answered by a successor.
    pub fn close_admin(&mut self) {
        self.admin = None;
    }

    /// Stop accepting, finish what was begun, write what is to be kept. False if `patience` was not enough.
    pub fn drain(self, patience: Duration) -> bool {
        self.readiness.set(Stage::Draining);
        drop(self.sockets);
        self.accepting.send_replace(Accepting::Over);
        tracing::info!(patience_s = patience.as_secs(), "draining");
        let give_up = Instant::now() + patience;
        let mut workers = self.workers;
        while !workers.is_empty() && Instant::now() < give_up {
            workers.retain(|worker| !worker.is_finished());
            std::thread::sleep(Duration::from_millis(5));
        }
        self.runtime.services().quotas.flush();
        drop(self.admin);
        // It reads what the access log counts.
        if let Some(exporter) = self.exporter {
            exporter.finish();
        }
        if let Some(access_log) = Arc::into_inner(self.access_log) {
            access_log.finish();
        }
        workers.is_empty()
    }
}

/// A worker's thread, from its first connection to its last.
fn work(seat: Seat) {
    let number = seat.number;
    let event_loop = tokio::runtime::Builder::new_current_thread().enable_all().build_local(Default::default());
    let ended = event_loop.and_then(|event_loop| event_loop.block_on(serve_all(seat)));
    if let Err(error) = ended {
        tracing::error!(worker = number, %error, "a worker has ended");
    }
}

async fn serve_all(seat: Seat) -> io::Result<()> {
    let (client, callouts) = callout::channel();
    // The event loop looks for what has arrived before it goes on with a task that yields this way; one that only woke
    // itself would keep it from looking.
    let turns: Turns = || Box::pin(tokio::task::yield_now());
    let leases = Leases::new(seat.runtime, seat.number, Some(Arc::new(client)), Some(turns));
    let leases = Rc::new(leases.beside(Box::new(Companion::of(seat.number))));
    let upstream = Upstream::new(seat.settings.upstream, seat.budget, seat.number);
    tokio::task::spawn_local(callouts.serve(upstream.clone()));
    let access_log: WorkerLog = seat.access_log.worker();
    drop(seat.access_log);
    let spans = seat.otlp.map(Spans::worker).unwrap_or_default();
    let gate = Gate {
        plan: Arc::clone(&seat.plan),
        leases: Rc::clone(&leases),
        upstream: upstream.clone(),
        access_log: access_log.clone(),
        spans: spans.clone(),
        traffic: seat.traffic,
        traces: seat.traces,
        trace_context: seat.settings.trace_context,
        door: Doorkeeper::new(seat.overload, &seat.settings.overload, seat.settings.workers),
        guesses: seat.guesses,
        worker: seat.number,
        tunnels: Places::new(seat.settings.upgrades.div_ceil(seat.settings.workers.max(1))),
        alarms: Alarms::default(),
    };
    tokio::task::spawn_local(async move { upstream.maintain().await });
    tokio::task::spawn_local(forget_old_units(seat.plan, leases, seat.swapped));
    tokio::task::spawn_local(async move { access_log.flush_regularly().await });
    tokio::task::spawn_local(async move { spans.flush_regularly().await });
    let mut settings = seat.settings.serve.clone();
    settings.connections = settings.connections.div_ceil(seat.settings.workers.max(1));
    listen::accept(seat.sockets, Server::new(gate, settings), seat.accepting).await
}

/// After each swap: instances whose unit the new plan doesn't have are let go.
async fn forget_old_units(plan: Arc<ArcSwap<Plan>>, leases: Rc<Leases>, mut swapped: watch::Receiver<u64>) {
    while swapped.changed().await.is_ok() {
        let used: std::collections::HashSet<u64> = plan.load().statements.iter().map(|s| s.unit.id()).collect();
        leases.keep_only(|unit| used.contains(&unit));
    }
}
