//! What one call of one statement may use up, and how often it may fail. Every limit has a default; none can be left out.

/// Fuel for a call that reads no body: about 10 ms of a present core, a thousand times what a header policy uses.
pub const FUEL: u64 = 10_000_000;

/// Additional fuel for each byte of a body that was buffered for the call. Measured: XML to JSON takes 216 a byte of a
/// typical document, JSON to XML 259, dense markup up to 540.
pub const FUEL_PER_BODY_BYTE: u64 = 600;

/// Wall-clock time for a call. Fuel ends a busy guest first; this ends one that is slow for another reason.
pub const DEADLINE_MS: u64 = 500;

/// Linear memory of an instance. Holds a 4 MiB body, its conversion and an allocator's slack.
pub const MEMORY_BYTES: usize = 32 << 20;

/// Table elements of an instance: indirect calls of a large Rust component need under 2,000.
pub const TABLE_ELEMENTS: usize = 10_000;

/// Host calls of one call: more than 10,000 header reads for one request is a flood.
pub const HOST_CALLS: u32 = 10_000;

/// Bytes that host functions may work on for one call: what they copy from or to the guest in bulk, search or digest. Fuel
/// doesn't see that work. A body of the largest size can be read and written once, and there is as much for everything else.
pub const HOST_BYTES: usize = 64 << 20;

/// Bytes of header names and values that one call may record.
pub const HEADER_BYTES: usize = 32 << 10;

/// Header fields that one call may set or give, whatever their size: a section has room for no more than 32,768 names.
pub const HEADER_FIELDS: usize = 1_000;

/// Bytes of variable names and values that one call may record. A whole response of another service is one
/// variable; more than this would take more than the default fuel to write.
pub const VARIABLE_BYTES: usize = 256 << 10;

/// Bytes of a body that one call may give, and of one that is buffered for it whatever its manifest asks.
pub const BODY_BYTES: usize = 16 << 20;

/// Log lines that one call may write.
pub const LOG_LINES: u32 = 64;

/// Log bytes that one call may write.
pub const LOG_BYTES: usize = 8 << 10;

/// Requests of its own that one call may make: a token, a few look-ups, and some tries again.
pub const CALLOUTS: u32 = 16;

/// Calls of a statement that may be under way at once, of all workers together: a quarter of the stacks that there are, so
/// that one whose callouts hang leaves the others theirs.
pub const CONCURRENT_CALLS: u32 = 250;

/// Failures in a row after which a statement is left out for a while. A client whose requests a policy can't stand
/// reaches it only if nobody else's pass between them.
pub const QUARANTINE_AFTER: u32 = 20;

/// Milliseconds that calls failing one after another may compute before their statement is left out for a while: twice the
/// usual deadline.
pub const QUARANTINE_AFTER_MS: u64 = 2 * DEADLINE_MS;

/// How long a statement is left out the first time; each time that it fails again, twice as long.
pub const QUARANTINE_MS: u64 = 1_000;

/// What [`Class::Interpreter`] has in place of [`FUEL`]: Python takes a hundred times as many instructions for the same line.
pub const INTERPRETER_FUEL: u64 = 1_000_000_000;

/// What [`Class::Interpreter`] has in place of [`FUEL_PER_BODY_BYTE`].
pub const INTERPRETER_FUEL_PER_BODY_BYTE: u64 = 20_000;

/// What [`Class::Interpreter`] has in place of [`DEADLINE_MS`]: its first call also starts the interpreter.
pub const INTERPRETER_DEADLINE_MS: u64 = 2_000;

/// What [`Class::Interpreter`] has in place of [`MEMORY_BYTES`]: CPython with its library begins at about 40 MiB.
pub const INTERPRETER_MEMORY_BYTES: usize = 128 << 20;

/// What [`Class::Interpreter`] has in place of [`TABLE_ELEMENTS`].
pub const INTERPRETER_TABLE_ELEMENTS: usize = 50_000;

/// The pool class of a component. It decides about the limits that nobody has written down, and about how many
/// instances there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Class {
    /// Compiled to WebAssembly, as Rust and C are.
    #[default]
    Compact,
    /// Brings the runtime of its language along, as Python, JavaScript and Go do. Told by its imports of WASI, or by the
    /// memory that it begins with.
    Interpreter,
}

impl Class {
    /// The word for people.
    pub fn name(self) -> &'static str {
        match self {
            Class::Compact => "compact",
            Class::Interpreter => "interpreter",
        }
    }
}

/// What one call may use up, and what comes of failing too often.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Limits {
    /// Instructions, about; see [`FUEL`].
    pub fuel: u64,
    /// See [`FUEL_PER_BODY_BYTE`].
    pub fuel_per_body_byte: u64,
    /// See [`DEADLINE_MS`].
    pub deadline_ms: u64,
    /// See [`MEMORY_BYTES`].
    pub memory_bytes: usize,
    /// See [`TABLE_ELEMENTS`].
    pub table_elements: usize,
    /// See [`HOST_CALLS`].
    pub host_calls: u32,
    /// See [`HOST_BYTES`].
    pub host_bytes: usize,
    /// See [`HEADER_BYTES`].
    pub header_bytes: usize,
    /// See [`VARIABLE_BYTES`].
    pub variable_bytes: usize,
    /// See [`BODY_BYTES`].
    pub body_bytes: usize,
    /// See [`LOG_LINES`].
    pub log_lines: u32,
    /// See [`LOG_BYTES`].
    pub log_bytes: usize,
    /// See [`CALLOUTS`].
    pub callouts: u32,
    /// See [`CONCURRENT_CALLS`].
    pub concurrent_calls: u32,
    /// See [`QUARANTINE_AFTER`].
    pub quarantine_after: u32,
    /// See [`QUARANTINE_AFTER_MS`].
    pub quarantine_after_ms: u64,
    /// See [`QUARANTINE_MS`].
    pub quarantine_ms: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            fuel: FUEL,
            fuel_per_body_byte: FUEL_PER_BODY_BYTE,
            deadline_ms: DEADLINE_MS,
            memory_bytes: MEMORY_BYTES,
            table_elements: TABLE_ELEMENTS,
            host_calls: HOST_CALLS,
            host_bytes: HOST_BYTES,
            header_bytes: HEADER_BYTES,
            variable_bytes: VARIABLE_BYTES,
            body_bytes: BODY_BYTES,
            log_lines: LOG_LINES,
            log_bytes: LOG_BYTES,
            callouts: CALLOUTS,
            concurrent_calls: CONCURRENT_CALLS,
            quarantine_after: QUARANTINE_AFTER,
            quarantine_after_ms: QUARANTINE_AFTER_MS,
            quarantine_ms: QUARANTINE_MS,
        }
    }
}

impl Limits {
    /// The defaults of a class.
    pub fn of(class: Class) -> Limits {
        match class {
            Class::Compact => Limits::default(),
            Class::Interpreter => Limits {
                fuel: INTERPRETER_FUEL,
                fuel_per_body_byte: INTERPRETER_FUEL_PER_BODY_BYTE,
                deadline_ms: INTERPRETER_DEADLINE_MS,
                memory_bytes: INTERPRETER_MEMORY_BYTES,
                table_elements: INTERPRETER_TABLE_ELEMENTS,
                quarantine_after_ms: 2 * INTERPRETER_DEADLINE_MS,
                ..Limits::default()
            },
        }
    }
}

/// The limits that an operator has written beside a statement. The others are those of the component's class, which is
/// known only when the component has been loaded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WrittenLimits(Vec<(&'static str, u64)>);

impl WrittenLimits {
    /// Write a limit down; the caller has checked it against the field's `max`.
    pub fn write(&mut self, field: &LimitField, value: u64) {
        self.0.push((field.key, value));
    }

    /// These, and the defaults of a class for the others.
    pub fn over(&self, class: Class) -> Limits {
        let mut limits = Limits::of(class);
        for field in FIELDS {
            for (_, value) in self.0.iter().filter(|(key, _)| *key == field.key) {
                (field.set)(&mut limits, *value);
            }
        }
        limits
    }
}

/// One limit that an operator can set on a statement.
#[derive(Clone, Copy, Debug)]
pub struct LimitField {
    /// The key below `limits`.
    pub key: &'static str,
    /// The largest value that is taken. The smallest is 1.
    pub max: u64,
    /// Writes the value; the caller has checked it against `max`.
    pub set: fn(&mut Limits, u64),
}

/// The largest linear memory that an operator can allow: what a slot of the instance pool can hold.
pub const MAX_MEMORY_BYTES: u64 = 256 << 20;

/// Every limit that an operator can set, by its key in a document.
pub const FIELDS: [LimitField; 17] = [
    LimitField { key: "fuel", max: 1_000_000_000_000, set: |l, v| l.fuel = v },
    LimitField { key: "fuel-per-body-byte", max: 1_000_000, set: |l, v| l.fuel_per_body_byte = v },
    LimitField { key: "deadline-ms", max: 60_000, set: |l, v| l.deadline_ms = v },
    LimitField { key: "memory-bytes", max: MAX_MEMORY_BYTES, set: |l, v| l.memory_bytes = v as usize },
    LimitField { key: "table-elements", max: 100_000, set: |l, v| l.table_elements = v as usize },
    LimitField { key: "host-calls", max: 10_000_000, set: |l, v| l.host_calls = v as u32 },
    LimitField { key: "host-bytes", max: 16 << 30, set: |l, v| l.host_bytes = v as usize },
    LimitField { key: "header-bytes", max: 1 << 20, set: |l, v| l.header_bytes = v as usize },
    LimitField { key: "variable-bytes", max: 16 << 20, set: |l, v| l.variable_bytes = v as usize },
    LimitField { key: "body-bytes", max: 64 << 20, set: |l, v| l.body_bytes = v as usize },
    LimitField { key: "log-lines", max: 10_000, set: |l, v| l.log_lines = v as u32 },
    LimitField { key: "log-bytes", max: 1 << 20, set: |l, v| l.log_bytes = v as usize },
    LimitField { key: "callouts", max: 1_000, set: |l, v| l.callouts = v as u32 },
    LimitField { key: "concurrent-calls", max: 1_000, set: |l, v| l.concurrent_calls = v as u32 },
    LimitField { key: "quarantine-after", max: 1_000_000_000, set: |l, v| l.quarantine_after = v as u32 },
    LimitField { key: "quarantine-after-ms", max: 3_600_000, set: |l, v| l.quarantine_after_ms = v },
    LimitField { key: "quarantine-ms", max: 60_000, set: |l, v| l.quarantine_ms = v },
];
