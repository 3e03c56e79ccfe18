//! The registry that others use: `docker-registry` (distribution 2.8) of Debian's package, on loopback, with a password.

use crate::PATIENCE;
use crate::command::tools;
use crate::process::{Process, Stream};
use std::process::Command;

/// A registry that lets in `robot` with the password `secret`. It stops when it is dropped.
pub struct DockerRegistry {
    process: Process,
    name: String,
    /// What it keeps.
    _folder: tempfile::TempDir,
}

/// What `htpasswd -nbB robot secret` prints; it takes bcrypt alone.
const PASSWORDS: &str = "robot:$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n";

const LISTENING: &str = "listening on ";

impl DockerRegistry {
    /// Start one on a free port.
    ///
    /// # Panics
    ///
    /// If it isn't there, or doesn't start.
    pub fn start() -> Self {
        let program = tools().join("docker-registry/usr/bin/docker-registry");
        assert!(program.is_file(), "there is no {}: run `cargo xtask setup`", program.display());
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name).to_str().expect("paths of tests are text").to_owned();
        let settings = format!(
            "version: 0.1\nlog: {{ level: info }}\nstorage: {{ filesystem: {{ rootdirectory: '{}' }} }}\n\
             http: {{ addr: '127.0.0.1:0' }}\nauth: {{ htpasswd: {{ realm: acme, path: '{}' }} }}\n",
            at("kept"),
            at("passwords")
        );
        std::fs::write(at("passwords"), PASSWORDS).expect("a file");
        std::fs::write(at("settings.yml"), settings).expect("a file");
        let process = Process::start(Command::new(program).arg("serve").arg(at("settings.yml")));
        let name = process.wait_for(0, PATIENCE, |lines| {
            lines.iter().find_map(|(_, line)| Some(line.split_once(LISTENING)?.1.split('"').next()?.to_owned()))
        });
        let name = name.expect("a registry listens");
        Self { process, name, _folder: folder }
    }

    /// Host and port.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Requests that it has answered: method, path and status, such as `PUT /v2/acme/x/manifests/1.0 201`.
    pub fn answered(&self) -> Vec<String> {
        // Its access log has the Common Log Format: host ident user [time] "METHOD TARGET HTTP/1.1" STATUS BYTES …
        let line = |line: String| {
            let mut quoted = line.split('"');
            let mut request = quoted.nth(1)?.split(' ');
            let (method, target) = (request.next()?, request.next()?);
            let status = quoted.next()?.split(' ').nth(1)?;
            Some(format!("{method} {} {status}", target.split('?').next()?))
        };
        self.process
            .lines(Stream::Stdout)
            .into_iter()
            .filter(|line| line.contains(" HTTP/1.1\" "))
            .filter_map(line)
            .collect()
    }
}
