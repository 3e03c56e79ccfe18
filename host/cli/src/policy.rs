//! `tollgate policy`: the author's loop, in every language that there is an SDK for.

mod bench;
mod build;
mod cases;
mod new;
mod project;
mod push;
mod rehearsal;
mod sdk;
mod test;
mod tools;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;
use project::Language;

use crate::{BAD_INPUT, log};

#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Make a folder NAME with a policy that builds and passes its own test.
    New {
        /// Lower-case words joined by hyphens: the statement's name.
        name: String,
        /// What it is written in.
        #[arg(long, value_enum)]
        lang: Language,
    },
    /// Build the component with the language's own tools, check it as the gateway would, and show what it is.
    Build {
        /// The policy's folder.
        #[arg(default_value = ".")]
        folder: PathBuf,
    },
    /// Run the cases of tests/*.yaml against the component.
    Test {
        /// The policy's folder.
        #[arg(default_value = ".")]
        folder: PathBuf,
        /// Test this component as it is, and build nothing.
        #[arg(long)]
        component: Option<PathBuf>,
        /// Build and test again whenever a file changes.
        #[arg(long)]
        watch: bool,
    },
    /// Measure fuel, time and memory of the first case of each file in tests/, warm and fresh.
    Bench {
        /// The policy's folder.
        #[arg(default_value = ".")]
        folder: PathBuf,
        /// Measure this component as it is, and build nothing.
        #[arg(long)]
        component: Option<PathBuf>,
        /// Keep the numbers as the baseline that later runs are compared with.
        #[arg(long)]
        save: bool,
    },
    /// Put the component into an OCI registry, and print what `components` calls it.
    Push {
        /// Example: oci://registry.example/acme/greets:0.1.0
        to: String,
        /// The policy's folder.
        #[arg(default_value = ".")]
        folder: PathBuf,
        /// Push this component as it is, and build nothing.
        #[arg(long)]
        component: Option<PathBuf>,
    },
}

pub(crate) fn policy(command: PolicyCommand) -> anyhow::Result<ExitCode> {
    let done = match command {
        PolicyCommand::New { name, lang } => new::new(&name, lang),
        PolicyCommand::Build { folder } => build::build(&folder),
        PolicyCommand::Test { folder, component, watch: false } => test::test(&folder, component.as_deref()),
        PolicyCommand::Test { folder, component, watch: true } => test::watch(&folder, component.as_deref()),
        PolicyCommand::Bench { folder, component, save } => bench::bench(&folder, component.as_deref(), save),
        PolicyCommand::Push { to, folder, component } => push::push(&to, &folder, component.as_deref()),
    };
    // What is wrong with a policy is its author's to mend.
    done.or_else(|error| {
        log::say_error(&error);
        Ok(ExitCode::from(BAD_INPUT))
    })
}
