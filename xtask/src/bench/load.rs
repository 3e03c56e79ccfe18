//! Load by wrk, or by h2load for HTTP/2, and what they say of it.

use super::client::Client;
use super::process::{Core, on};
use crate::step;
use anyhow::{Context, Result};
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

/// Requests of one shape.
#[derive(Clone, Copy)]
pub(super) struct Load {
    pub(super) requests: Requests,
    pub(super) connections: usize,
    /// Connections beside those, which have made a request and then rest.
    pub(super) idle: usize,
    pub(super) over: Over,
}

#[derive(Clone, Copy)]
pub(super) enum Requests {
    /// GET of this path, all alike.
    Alike(&'static str),
    /// No two have a tenant and a path in common, so that policies which read them are entered each time.
    AllNew,
    /// As many tenants, at random.
    Tenants(usize),
    /// As many tenants, one after the other, so that each has been there.
    EachTenant(usize),
    /// As many operations, at random.
    Operations(usize),
    /// POST of so many bytes of JSON, no two alike.
    Json(usize),
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Over {
    Cleartext,
    Tls,
    /// TLS, and a connection for each request, which resumes the session of the one before.
    ResumedTls,
    /// TLS, and a connection with a whole handshake for each request.
    NewTls,
    /// HTTP/2 in cleartext, with so many streams at a time on each connection.
    Http2(usize),
}

/// What a run of load has seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Seen {
    /// Answered with a status below 400.
    pub(super) answered: u64,
    pub(super) failed: u64,
    pub(super) seconds: f64,
    /// Microseconds that half, 99 % and 99.9 % of the requests took at most.
    pub(super) percentiles: [f64; 3],
}

const PERCENTILES: [f64; 3] = [50.0, 99.0, 99.9];

impl Load {
    pub(super) const fn of(requests: Requests, connections: usize) -> Self {
        Self { requests, connections, idle: 0, over: Over::Cleartext }
    }

    /// Open the connections that rest.
    pub(super) fn rest(&self, address: SocketAddr) -> Result<Vec<Client>> {
        (0..self.idle).map(|_| resting(address)).collect()
    }

    /// Send requests to `address` for so many seconds; `folder` takes what the tools read and write.
    pub(super) fn run(&self, address: SocketAddr, seconds: u64, folder: &Path) -> Result<Seen> {
        match self.over {
            Over::Http2(streams) => self.http2(streams, address, seconds, folder),
            Over::NewTls => self.handshakes(address, seconds, folder),
            _ => self.wrk(address, seconds, folder),
        }
    }

    fn wrk(&self, address: SocketAddr, seconds: u64, folder: &Path) -> Result<Seen> {
        let script = folder.join(format!("load-{}.lua", address.port()));
        std::fs::write(&script, self.requests.script() + DONE)?;
        let scheme = if self.over == Over::Cleartext { "http" } else { "https" };
        let mut wrk = on(Core::Load, "wrk");
        wrk.args(["-t1", "-H", "x-tenant: acme"]);
        if self.over == Over::ResumedTls {
            wrk.args(["-H", "connection: close"]);
        }
        wrk.arg(format!("-c{}", self.connections)).arg(format!("-d{seconds}s")).arg("-s").arg(script);
        let said = step::output(wrk.arg(format!("{scheme}://{address}{}", self.requests.path())))?;
        said_by_wrk(&said).with_context(|| format!("wrk said: {said}"))
    }

    fn http2(&self, streams: usize, address: SocketAddr, seconds: u64, folder: &Path) -> Result<Seen> {
        let how = [format!("-c{}", self.connections), format!("-m{streams}"), format!("-D{seconds}")];
        let log = h2load(&how, &format!("http://{address}{}", self.requests.path()), folder)?;
        said_by_h2load(&log, seconds as f64).context("h2load's log has a line of another kind")
    }

    /// h2load opens all connections at once and ends when each has had its request: as often as there is time for.
    fn handshakes(&self, address: SocketAddr, seconds: u64, folder: &Path) -> Result<Seen> {
        let how = ["--h1".to_owned(), format!("-c{}", self.connections), format!("-n{}", self.connections)];
        let url = format!("https://{address}{}", self.requests.path());
        let (begin, mut log) = (Instant::now(), String::new());
        while begin.elapsed() < Duration::from_secs(seconds) {
            log += &h2load(&how, &url, folder)?;
        }
        said_by_h2load(&log, begin.elapsed().as_secs_f64()).context("h2load's log has a line of another kind")
    }
}

/// A connection that has made a request.
pub(super) fn resting(address: SocketAddr) -> Result<Client> {
    let mut client = Client::connect(&address.to_string())?;
    client.send(format!("GET / HTTP/1.1\r\nhost: {address}\r\n\r\n").as_bytes())?;
    Ok(client)
}

/// Run it, and return what it has written of each request.
fn h2load(how: &[String], url: &str, folder: &Path) -> Result<String> {
    // The gateways' ports tell runs apart, and it adds to a log that is there.
    let log = folder.join(format!("load-{}.log", url.replace(['/', ':'], "-")));
    drop(std::fs::remove_file(&log));
    let mut h2load = on(Core::Load, "h2load");
    h2load.arg("-t1").args(how).arg("--log-file").arg(&log).args(["-H", "x-tenant: acme"]);
    step::output(h2load.arg(url))?;
    std::fs::read_to_string(&log).context("h2load wrote no log")
}

/// What wrk is to say at its end.
const DONE: &str = "
function done(summary, latency, requests)
    local e = summary.errors
    local failed = e.connect + e.read + e.write + e.status + e.timeout
    print('seen', summary.requests, failed, summary.duration,
        latency:percentile(50), latency:percentile(99), latency:percentile(99.9))
end
";

impl Requests {
    fn path(self) -> &'static str {
        match self {
            Self::Alike(path) => path,
            _ => "/",
        }
    }

    /// In Lua, as wrk calls it for each request.
    fn script(self) -> String {
        let tenant = |number: &str| {
            format!(
                "math.randomseed(os.time())\nlocal number = 0\n\
                 function request()\n    number = number + 1\n    wrk.headers['x-tenant'] = 'tenant-' .. {number}\n\
                 {spaces}return wrk.format('GET', '/')\nend\n",
                spaces = "    "
            )
        };
        match self {
            Self::Alike(_) => String::new(),
            Self::AllNew => tenant("number").replace("'/'", "'/items/' .. number"),
            Self::Tenants(count) => tenant(&format!("math.random({count})")),
            Self::EachTenant(count) => tenant(&format!("number % {count}")),
            Self::Operations(count) => format!(
                "math.randomseed(os.time())\n\
                 function request() return wrk.format('GET', '/items-' .. math.random({count}) .. '/7') end\n"
            ),
            Self::Json(bytes) => {
                let line = r#"{"sku":"a-1234","count":3,"note":"handle with care, fragile","price":12.5}"#;
                format!(
                    "local lines = {{}}\nfor i = 1, {} do lines[i] = '{line}' end\n\
                     local rest = ',\"lines\":[' .. table.concat(lines, ',') .. ']}}'\nlocal number = 0\n\
                     wrk.headers['content-type'] = 'application/json'\n\
                     function request()\n    number = number + 1\n\
                     \x20   return wrk.format('POST', '/', nil, '{{\"order\":' .. number .. rest)\nend\n",
                    (bytes / (line.len() + 1)).max(1)
                )
            }
        }
    }
}

fn said_by_wrk(said: &str) -> Option<Seen> {
    let line = said.lines().find_map(|line| line.strip_prefix("seen"))?;
    let figures: Vec<f64> = line.split_whitespace().map(str::parse).collect::<Result<_, _>>().ok()?;
    let &[requests, failed, micros, median, p99, p999] = figures.as_slice() else {
        return None;
    };
    let (requests, failed) = (requests as u64, failed as u64);
    let percentiles = [median, p99, p999];
    Some(Seen { answered: requests.saturating_sub(failed), failed, seconds: micros / 1e6, percentiles })
}

/// A line for each request: when it began, its status, the microseconds that it took.
fn said_by_h2load(log: &str, seconds: f64) -> Option<Seen> {
    let mut times = Vec::new();
    let mut failed = 0;
    for line in log.lines() {
        let mut fields = line.split('\t').skip(1);
        let (status, micros) = (fields.next()?.parse::<i32>().ok()?, fields.next()?.parse::<u64>().ok()?);
        match status {
            200..400 => times.push(micros),
            _ => failed += 1,
        }
    }
    times.sort_unstable();
    let at = |percent: f64| {
        let place = (times.len() as f64 * percent / 100.0) as usize;
        times.get(place.min(times.len().saturating_sub(1))).map_or(0.0, |&micros| micros as f64)
    };
    let percentiles = PERCENTILES.map(at);
    Some(Seen { answered: times.len() as u64, failed, seconds, percentiles })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_wrk_says_is_read() {
        let said = "Running 2s test @ http://127.0.0.1:1/\nseen\t1000\t10\t2000000\t650\t1200.5\t9000\n";
        let seen = Seen { answered: 990, failed: 10, seconds: 2.0, percentiles: [650.0, 1200.5, 9000.0] };
        assert_eq!(said_by_wrk(said), Some(seen));
        assert_eq!(said_by_wrk("unable to connect"), None);
    }

    #[test]
    fn percentiles_of_http2_are_those_of_the_answered_requests() {
        let log: String = (1..=1000).map(|micros| format!("1700000000000000\t200\t{micros}\n")).collect();
        let seen = said_by_h2load(&(log + "1700000000000000\t503\t5\n"), 2.0).unwrap();
        assert_eq!((seen.answered, seen.failed), (1000, 1));
        assert_eq!(seen.percentiles, [501.0, 991.0, 1000.0]);
        assert_eq!(said_by_h2load("neither\tnor\n", 2.0), None);
    }
}
