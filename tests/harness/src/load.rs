//! Steady traffic in the background, while a test does something to the gateway.

use crate::client::Client;
use crate::message::Request;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// No load goes on for longer, whatever the test forgets.
const LONGEST: Duration = Duration::from_secs(120);

/// Clients that send one request after the other until `stop`.
#[derive(Debug)]
pub struct Load {
    stop: Arc<AtomicBool>,
    done: Arc<AtomicU64>,
    clients: Vec<JoinHandle<Tally>>,
}

/// What became of a load's requests.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Responses by status.
    pub statuses: BTreeMap<u16, u64>,
    /// Requests without a whole response, in words.
    pub errors: Vec<String>,
}

impl Load {
    pub fn start(address: SocketAddr, clients: usize, request: impl Fn() -> Request + Send + Sync + 'static) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let done = Arc::new(AtomicU64::new(0));
        let request = Arc::new(request);
        let client = |_| {
            let (stop, done, request) = (stop.clone(), done.clone(), request.clone());
            std::thread::spawn(move || {
                let mut tally = Tally::default();
                let mut client = Client::new(address);
                let start = Instant::now();
                while !stop.load(Ordering::Relaxed) && start.elapsed() < LONGEST {
                    match client.try_send(&request()) {
                        Ok(response) => *tally.statuses.entry(response.status).or_default() += 1,
                        Err(error) => tally.errors.push(error.to_string()),
                    }
                    done.fetch_add(1, Ordering::Relaxed);
                }
                tally
            })
        };
        let clients = (0..clients).map(client).collect();
        Self { stop, done, clients }
    }

    /// How many requests have ended so far.
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// Wait until `more` further requests have ended, or the load has.
    pub fn wait_for(&self, more: u64) {
        let target = self.done() + more;
        while self.done() < target && !self.clients.iter().all(JoinHandle::is_finished) {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Stop, let every client end its request, and add up.
    pub fn stop(mut self) -> Tally {
        self.stop.store(true, Ordering::Relaxed);
        let mut sum = Tally::default();
        for client in std::mem::take(&mut self.clients) {
            let tally = client.join().expect("a load's client ends well");
            for (status, count) in tally.statuses {
                *sum.statuses.entry(status).or_default() += count;
            }
            sum.errors.extend(tally.errors);
        }
        sum
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}
