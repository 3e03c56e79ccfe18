//! The command `tollgate`: parse, plan, serve, drain.

mod built_ins;
mod check;
mod compile;
mod demo;
mod explain;
mod inspect;
mod load;
mod log;
mod policy;
mod run;
mod takeover;
mod trace;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

// The allocator of every proxy that was measured against: frees across threads stay cheap.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// An API gateway whose every policy statement is a WebAssembly component.
#[derive(Debug, Parser)]
#[command(name = "tollgate", version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve what FILE describes. SIGHUP or a changed file reloads, SIGTERM drains.
    Run {
        /// The configuration, such as tollgate.yaml.
        file: PathBuf,
        /// Take over from the gateway that runs with the same state directory: its listening sockets, and the connections
        /// that wait there. If there is none, start as ever.
        #[arg(long)]
        takeover: bool,
    },
    /// Check everything that `run` would, and print every error with its place.
    Check {
        /// The configuration, such as tollgate.yaml.
        file: PathBuf,
    },
    /// Show what a request would meet: its route and its effective chain, each entry with the line it came from.
    Explain {
        /// The configuration, such as tollgate.yaml.
        file: PathBuf,
        /// Example: GET
        method: String,
        /// Path and query, as a client would send them. Example: /orders/7
        path: String,
        /// A subscription key.
        #[arg(long)]
        key: Option<String>,
    },
    /// Show a traced request step by step; without ID, hand out a debug token and list the traces that there are.
    Trace {
        /// What the response header `tollgate-trace-id` said.
        id: Option<String>,
        /// The admin address.
        #[arg(long, default_value = "127.0.0.1:9901")]
        admin: std::net::SocketAddr,
    },
    /// Start an origin and a gateway with a commented configuration, and print the curl lines to try.
    Demo {
        /// The gateway's address.
        #[arg(long, default_value = "127.0.0.1:8080")]
        listen: std::net::SocketAddr,
        /// The admin address.
        #[arg(long, default_value = "127.0.0.1:9901")]
        admin: std::net::SocketAddr,
    },
    /// Show a policy component: manifest, phases, imports and the grants they need, size, digest.
    Inspect {
        /// The component.
        file: PathBuf,
        /// As JSON, for other programs.
        #[arg(long)]
        json: bool,
    },
    /// Write policies: new, build, test, bench, push.
    Policy {
        #[command(subcommand)]
        command: policy::PolicyCommand,
    },
    /// The gateway's own: a process that compiles one component within limits.
    #[command(name = compile::NAME, hide = true)]
    CompileComponent,
}

/// Exit code for a bad configuration or component.
const BAD_INPUT: u8 = 2;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // What an author measures is no gateway that somebody operates.
    let _log = log::start(if matches!(arguments.command, Command::Policy { .. }) { "warn" } else { "info" });
    let done = match arguments.command {
        Command::Run { file, takeover } => run::run(&file, takeover),
        Command::Check { file } => check::check(&file),
        Command::Explain { file, method, path, key } => explain::explain(&file, &method, &path, key.as_deref()),
        Command::Trace { id, admin } => trace::trace(id.as_deref(), admin),
        Command::Demo { listen, admin } => demo::demo(listen, admin),
        Command::Inspect { file, json } => inspect::inspect(&file, json),
        Command::Policy { command } => policy::policy(command),
        Command::CompileComponent => compile::compile(),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            log::say_error(&error);
            ExitCode::FAILURE
        }
    }
}
