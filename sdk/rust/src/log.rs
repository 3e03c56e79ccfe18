//! Lines for the operator. The gateway adds time, statement and request id, and escapes control characters.
//!
//! The macros format only if the line would be kept.

use crate::bindings::imports::tollgate::log::log as wit;
use crate::host::log as host;

pub use wit::Level;

/// Would a line of this level be kept?
pub fn enabled(level: Level) -> bool {
    host::enabled(level)
}

/// Write one line. Never waits and never fails.
pub fn write(level: Level, message: &str) {
    host::write(level, message);
}

/// Write one line for the trace of this exchange, if somebody traces it, and for the operator's log if the level is kept.
///
/// `source` says who speaks; `metadata` are names and values that go with the line.
pub fn trace(source: &str, level: Level, message: &str, metadata: &[(&str, &str)]) {
    let metadata: Vec<(String, String)> =
        metadata.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
    host::trace(source, level, message, &metadata);
}

/// Each level as a function for plain text.
macro_rules! level {
    ($function:ident, $level:ident, $of:literal) => {
        #[doc = concat!("Write one line of level ", $of, ".")]
        pub fn $function(message: &str) {
            write(Level::$level, message);
        }
    };
}

level!(debug, Debug, "debug");
level!(info, Info, "info");
level!(warn, Warn, "warn");
level!(error, Error, "error");

#[doc(hidden)]
pub fn write_format(level: Level, message: std::fmt::Arguments<'_>) {
    if !enabled(level) {
        return;
    }
    match message.as_str() {
        Some(text) => write(level, text),
        None => write(level, &message.to_string()),
    }
}

/// `log::debug!("took {} ms", ms)`: formatted only if debug lines are kept.
#[doc(inline)]
pub use crate::__log_debug as debug;
/// `log::error!("…")`: formatted only if error lines are kept.
#[doc(inline)]
pub use crate::__log_error as error;
/// `log::info!("…")`: formatted only if info lines are kept.
#[doc(inline)]
pub use crate::__log_info as info;
/// `log::warn!("…")`: formatted only if warn lines are kept.
#[doc(inline)]
pub use crate::__log_warn as warn;

#[doc(hidden)]
#[macro_export]
macro_rules! __log_debug {
    ($($arg:tt)+) => { $crate::log::write_format($crate::log::Level::Debug, ::std::format_args!($($arg)+)) };
}
#[doc(hidden)]
#[macro_export]
macro_rules! __log_info {
    ($($arg:tt)+) => { $crate::log::write_format($crate::log::Level::Info, ::std::format_args!($($arg)+)) };
}
#[doc(hidden)]
#[macro_export]
macro_rules! __log_warn {
    ($($arg:tt)+) => { $crate::log::write_format($crate::log::Level::Warn, ::std::format_args!($($arg)+)) };
}
#[doc(hidden)]
#[macro_export]
macro_rules! __log_error {
    ($($arg:tt)+) => { $crate::log::write_format($crate::log::Level::Error, ::std::format_args!($($arg)+)) };
}
