//! `cargo xtask`: the project's commands. Each does all the set-up it needs, on a bare machine too.
//!
//! There is one profile, release, for everything that runs here, so that wasmtime compiles once; `dist` is for shipping.

mod bench;
mod components;
mod debian;
mod demo;
mod dist;
mod docs;
mod fuzz;
mod guests;
mod host;
mod languages;
mod lint;
mod servers;
mod setup;
mod step;
mod test;
mod workspace;

use anyhow::{Result, bail};
use std::process::ExitCode;
use step::Steps;
use workspace::Workspace;

const HELP: &str = "\
usage: cargo xtask COMMAND

  setup                        make sure that policies can be built and benchmarks counted: Rust for WebAssembly, the tools of C, Go,
                               JavaScript and Python, servers for tests, valgrind
  components                   every policy component, into target/components
  build [--release]            the components, then target/release/tollgate with them inside
  build --dist                 what is shipped, target/dist/tollgate: built, watched under the loads of `bench macro`, and built again for what
                               it does then. Twenty minutes on two cores
  demo [ARGS…]                 build, then run `tollgate demo ARGS…`
  test [--quick] [FILTER…]     build, then every test; --quick: unit tests only, and no binary
  fuzz [TARGET] [--seconds N]  build, then feed every target of tests/fuzz, or one, for so long each (10 s); a crash's input
                               goes to its corpus. --seed N; TARGET --replay FILE
  bench [--accept] [NAME…]     build, then count the instructions of a request of each benchmark of bench/micro.yaml, or of those
                               whose name has NAME in it, beside bench/instructions.txt; --accept: these are the figures now
  bench macro [--rounds N] [--seconds N] [--dist] [NAME…]
                               build, then measure the gateway beside nginx, nginx + Lua, Envoy, Caddy and bare hyper, as far as they are there:
                               N rounds (3) of N seconds (2); all rows, or those whose name has NAME in it. --dist: the
                               gateway as it is shipped (`build --dist` first). --quick: only look whether each does its work
  bench growth [NAME…]         build, then measure how costs grow: with statements, operations, APIs, keys, bytes, connections, workers
  bench criterion [ARGS…]      build, then time what can be called without a server; ARGS are criterion's
  docs [--check]               build, then write docs/policies out of the components' manifests; or only compare
  lint                         rustfmt and clippy, as CI runs them

There is one profile, release, with or without --release, beside what is shipped.";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut steps = Steps::new();
    match run(&arguments, &mut steps) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String], steps: &mut Steps) -> Result<()> {
    let (command, rest) = match arguments.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => ("help", arguments),
    };
    if matches!(command, "help" | "--help" | "-h") {
        println!("{HELP}");
        return Ok(());
    }
    let workspace = Workspace::find()?;
    match command {
        "setup" => {
            expect_none(rest)?;
            setup::toolchain(&workspace, steps, setup::Retry::Yes)?;
            languages::ensure(&workspace, steps)?;
            servers::ensure(&workspace, steps)?;
            bench::ensure(steps)
        }
        "components" => {
            expect_none(rest)?;
            guests::build(&workspace, steps)
        }
        "build" if rest == ["--dist"] => dist::build(&workspace, steps),
        "build" => {
            expect_none(rest.strip_prefix(&["--release".to_owned()]).unwrap_or(rest))?;
            host::build(&workspace, steps)
        }
        "bench" => bench::run(&workspace, steps, rest),
        "demo" => demo::run(&workspace, steps, rest),
        "test" => test::run(&workspace, steps, rest),
        "fuzz" => fuzz::run(&workspace, steps, rest),
        "docs" => {
            let mode = docs::Mode::of(rest)?;
            host::build_with_tests(&workspace, steps)?;
            docs::run(&workspace, steps, mode)
        }
        "lint" => {
            expect_none(rest)?;
            lint::run(&workspace, steps)
        }
        other => bail!("unknown command `{other}`\n\n{HELP}"),
    }
}

fn expect_none(arguments: &[String]) -> Result<()> {
    match arguments.first() {
        None => Ok(()),
        Some(argument) => bail!("unexpected argument `{argument}`\n\n{HELP}"),
    }
}
