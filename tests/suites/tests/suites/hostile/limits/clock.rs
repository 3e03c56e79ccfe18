//! The wall clock steps while the gateway runs: a library put before it adds what a file says to `CLOCK_REALTIME`.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::quiet;
use crate::policies::{number, open_api};
use tollgate_harness::{Gateway, Origin};

/// The C compiler is one of the two things that building the gateway needs anyway.
const STEPPER: &str = r#"
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
static volatile long *step;
__attribute__((constructor)) static void begin(void) {
    const char *file = getenv("CLOCK_STEP_FILE");
    int fd = file ? open(file, O_RDONLY) : -1;
    void *seen = fd < 0 ? MAP_FAILED : mmap(0, sizeof(long), PROT_READ, MAP_SHARED, fd, 0);
    if (seen != MAP_FAILED) step = seen;
}
int clock_gettime(clockid_t clock, struct timespec *now) {
    long failed = syscall(SYS_clock_gettime, clock, now);
    if (!failed && clock == CLOCK_REALTIME && step) now->tv_sec += *step;
    return (int)failed;
}
"#;

/// A gateway whose clock can be stepped.
struct Stepped {
    gateway: Gateway,
    file: PathBuf,
    _folder: tempfile::TempDir,
    _origin: Origin,
}

impl Stepped {
    fn start(policies: &str) -> Stepped {
        let folder = tempfile::tempdir().unwrap();
        let (source, library) = (folder.path().join("step.c"), folder.path().join("step.so"));
        let file = folder.path().join("step");
        std::fs::write(&source, STEPPER).unwrap();
        std::fs::write(&file, 0i64.to_ne_bytes()).unwrap();
        compile(&source, &library);
        let origin = quiet();
        let gateway = Gateway::with(&open_api(policies))
            .origin(&origin)
            .env("LD_PRELOAD", library.to_str().unwrap())
            .env("CLOCK_STEP_FILE", file.to_str().unwrap())
            .start();
        Stepped { gateway, file, _folder: folder, _origin: origin }
    }

    /// The clock is so many seconds off from now on.
    fn step(&self, seconds: i64) {
        use std::os::unix::fs::FileExt;
        let file = std::fs::File::options().write(true).open(&self.file).unwrap();
        file.write_all_at(&seconds.to_ne_bytes(), 0).unwrap();
    }

    fn statuses<const N: usize>(&self) -> [u16; N] {
        [(); N].map(|()| self.gateway.get("/").status)
    }
}

fn compile(source: &Path, library: &Path) {
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".into());
    let made =
        Command::new(compiler).args(["-shared", "-fPIC", "-O1", "-o"]).arg(library).arg(source).status().unwrap();
    assert!(made.success(), "the C compiler makes a library");
}

const HOUR: i64 = 3600;

#[test]
fn row_47_rates_are_counted_by_a_clock_that_nobody_steps() {
    let one = "inbound: [ { rate-limit-by-key: { calls: 2, renewal-period: 300, counter-key: client-ip } } ]";
    let stepped = Stepped::start(one);
    assert_eq!(stepped.statuses(), [200, 200, 429]);
    for step in [HOUR, -HOUR, 31 * 24 * HOUR, -31 * 24 * HOUR] {
        stepped.step(step);
        assert_eq!(stepped.statuses(), [429, 429], "{step} s");
    }
}

#[test]
fn row_47_a_wall_clock_that_steps_refunds_no_quota() {
    let two = "inbound: [ { quota-by-key: { calls: 2, renewal-period: 86400, counter-key: client-ip } } ]";
    let stepped = Stepped::start(two);
    assert_eq!(stepped.statuses(), [200, 200, 403]);
    stepped.step(-24 * HOUR);
    assert_eq!(stepped.statuses(), [403, 403], "a day back: yesterday is over");
    let refused = stepped.gateway.get("/");
    assert!((86_400..=2 * 86_400).contains(&number(&refused, "retry-after")), "{refused:?}");
    stepped.step(24 * HOUR);
    assert_eq!(stepped.statuses(), [200, 200, 403], "a day ahead: a day that was not given yet");
    stepped.step(0);
    assert_eq!(stepped.statuses(), [403, 403], "and back: it isn't given twice");
    stepped.step(24 * HOUR);
    assert_eq!(stepped.statuses(), [403, 403]);
}
