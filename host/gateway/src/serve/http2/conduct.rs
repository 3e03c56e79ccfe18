//! What a HTTP/2 client does with its connection, and since when.
//!
//! Streams limit their own waiting (`body::client`, `body::outflow`). Here is what concerns the connection: a client
//! that is silent, that doesn't read, that sends a head without end, or that sends frames which cost it nothing.
//!
//! **Control frames.** SETTINGS, PING, PRIORITY, WINDOW_UPDATE, RST_STREAM, CONTINUATION, empty DATA and unknown
//! frames are each work for the gateway and nothing for the client. A bucket of `control_frames` of them refills within
//! ten seconds; every answered request and every few KiB that the client reads add to it, because both are what such
//! frames are for. A reset counts as ten: it throws away a request's work (RFC 9113 §10.5).

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use tokio::time::Instant;

use super::super::Settings;
use super::frames::Frame;

/// In which time an empty bucket is full again.
const REFILL: Duration = Duration::from_secs(10);

/// What an answered request adds: its WINDOW_UPDATEs, a PING, a PRIORITY, and some.
const PER_REQUEST: f64 = 10.0;

/// Bytes for which clients send a WINDOW_UPDATE at most: a quarter of a frame of the usual size.
const BYTES_PER_FRAME: f64 = 4096.0;

/// What a RST_STREAM costs.
const RESET: f64 = 10.0;

/// How long a client may take to hear that the connection is closed, and to answer.
const LEAVING: Duration = Duration::from_secs(2);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Overdue {
    /// Nothing can be hoped for any more.
    Connection,
    /// There was no request for too long.
    Idle,
    /// It is time to ask whether anybody is there.
    Sign,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leaving {
    No,
    /// Streams that are open may end.
    WhenDone,
    /// Nothing is open.
    Since(Instant),
}

pub(super) struct Conduct {
    settings: Rc<Settings>,
    streams: Cell<usize>,
    /// Since when there is no stream.
    idle_since: Cell<Instant>,
    /// When the client was last heard.
    heard: Cell<Instant>,
    asked: Cell<bool>,
    /// Since when a frame or a head has begun that isn't complete.
    head_since: Cell<Option<Instant>>,
    /// Since when the client hasn't taken what is to be written.
    write_waits: Cell<Option<Instant>>,
    leaving: Cell<Leaving>,
    frames_left: Cell<f64>,
    refilled: Cell<Instant>,
    flooded: Cell<bool>,
}

impl Conduct {
    pub(super) fn new(settings: Rc<Settings>) -> Conduct {
        let now = Instant::now();
        Conduct {
            streams: Cell::new(0),
            idle_since: Cell::new(now),
            heard: Cell::new(now),
            asked: Cell::new(false),
            head_since: Cell::new(None),
            write_waits: Cell::new(None),
            leaving: Cell::new(Leaving::No),
            frames_left: Cell::new(f64::from(settings.http2.control_frames)),
            refilled: Cell::new(now),
            flooded: Cell::new(false),
            settings,
        }
    }

    pub(super) fn stream_began(&self) {
        self.streams.set(self.streams.get() + 1);
    }

    pub(super) fn stream_ended(&self) {
        let left = self.streams.get().saturating_sub(1);
        self.streams.set(left);
        if left == 0 {
            let now = Instant::now();
            self.idle_since.set(now);
            if self.leaving.get() == Leaving::WhenDone {
                self.leaving.set(Leaving::Since(now));
            }
        }
    }

    /// A request has its whole answer.
    pub(super) fn answered(&self) {
        self.add(PER_REQUEST);
    }

    /// A frame's head has passed.
    pub(super) fn frame(&self, frame: Frame) {
        let cost = match frame {
            Frame::Data { is_empty: false } => 0.0,
            // What a request costs, its stream and its budget of resets limit.
            Frame::Headers => 0.0,
            Frame::Reset => RESET,
            Frame::Data { is_empty: true } | Frame::Other => 1.0,
        };
        if cost == 0.0 || self.flooded.get() {
            return;
        }
        if self.frames_left.get() < cost {
            let now = Instant::now();
            let full = f64::from(self.settings.http2.control_frames);
            let elapsed = now.duration_since(self.refilled.get()).as_secs_f64();
            self.add(full * elapsed / REFILL.as_secs_f64());
            self.refilled.set(now);
        }
        let left = self.frames_left.get() - cost;
        self.frames_left.set(left);
        if left < 0.0 {
            self.flooded.set(true);
        }
    }

    fn add(&self, frames: f64) {
        let full = f64::from(self.settings.http2.control_frames);
        self.frames_left.set((self.frames_left.get() + frames).min(full));
    }

    pub(super) fn is_flooded(&self) -> bool {
        self.flooded.get()
    }

    /// Bytes came. `is_whole` says that no frame and no head is left unfinished.
    pub(super) fn read(&self, is_whole: bool) {
        let now = Instant::now();
        self.heard.set(now);
        self.asked.set(false);
        match (is_whole, self.head_since.get()) {
            (true, _) => self.head_since.set(None),
            (false, None) => self.head_since.set(Some(now)),
            (false, Some(_)) => {}
        }
    }

    /// The socket took bytes, or took none.
    pub(super) fn wrote(&self, bytes: Option<usize>) {
        match (bytes, self.write_waits.get()) {
            (None, None) => self.write_waits.set(Some(Instant::now())),
            (Some(_), Some(_)) => self.write_waits.set(None),
            _ => {}
        }
        if let Some(bytes) = bytes {
            self.add(bytes as f64 / BYTES_PER_FRAME);
        }
    }

    /// No more requests are taken. What is open may end.
    pub(super) fn leave(&self) {
        let is_busy = self.streams.get() > 0;
        self.leaving.set(if is_busy { Leaving::WhenDone } else { Leaving::Since(Instant::now()) });
    }

    /// The connection is closed on our side.
    pub(super) fn closed(&self) {
        self.leaving.set(Leaving::Since(Instant::now()));
    }

    pub(super) fn is_leaving(&self) -> bool {
        self.leaving.get() != Leaving::No
    }

    pub(super) fn asked_for_a_sign(&self) {
        self.asked.set(true);
    }

    /// When something will have taken too long.
    pub(super) fn deadline(&self) -> Option<Instant> {
        Some(self.next().0)
    }

    /// What has taken too long.
    pub(super) fn overdue(&self) -> Option<Overdue> {
        let (deadline, what) = self.next();
        (deadline <= Instant::now()).then_some(what)
    }

    fn next(&self) -> (Instant, Overdue) {
        let keep_alive = self.settings.http2.keep_alive;
        let head = self.head_since.get().map(|since| (since + self.settings.header_timeout, Overdue::Connection));
        let write = self.write_waits.get().map(|since| (since + self.settings.write_timeout, Overdue::Connection));
        let rest = match (self.leaving.get(), self.streams.get()) {
            (Leaving::Since(since), _) => (since + LEAVING, Overdue::Connection),
            (_, 0) => (self.idle_since.get() + self.settings.keep_alive_timeout, Overdue::Idle),
            _ if self.asked.get() => (self.heard.get() + keep_alive * 2, Overdue::Connection),
            _ => (self.heard.get() + keep_alive, Overdue::Sign),
        };
        [head, write].into_iter().flatten().fold(rest, |a, b| if b.0 < a.0 { b } else { a })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conduct() -> Conduct {
        Conduct::new(Rc::new(Settings::default()))
    }

    fn until_flooded(conduct: &Conduct, frame: Frame) -> u32 {
        (1..=100_000)
            .find(|_| {
                conduct.frame(frame);
                conduct.is_flooded()
            })
            .unwrap_or(u32::MAX)
    }

    #[tokio::test(start_paused = true)]
    async fn frames_that_cost_nothing_have_a_budget() {
        assert_eq!(until_flooded(&conduct(), Frame::Other), 1_001);
        assert_eq!(until_flooded(&conduct(), Frame::Data { is_empty: true }), 1_001);
        assert_eq!(until_flooded(&conduct(), Frame::Reset), 101);
        assert_eq!(until_flooded(&conduct(), Frame::Data { is_empty: false }), u32::MAX);
    }

    #[tokio::test(start_paused = true)]
    async fn the_budget_comes_back_with_time_with_answers_and_with_what_is_read() {
        let spent = || {
            let conduct = conduct();
            (0..1_000).for_each(|_| conduct.frame(Frame::Other));
            assert!(!conduct.is_flooded());
            conduct
        };
        let conduct = spent();
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(until_flooded(&conduct, Frame::Other), 501);
        let conduct = spent();
        conduct.answered();
        assert_eq!(until_flooded(&conduct, Frame::Other), 11);
        let conduct = spent();
        conduct.wrote(Some(40_960));
        assert_eq!(until_flooded(&conduct, Frame::Other), 11);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_with_streams_is_asked_for_a_sign_and_one_without_may_be_idle_for_a_while() {
        let conduct = conduct();
        assert_eq!(conduct.next().1, Overdue::Idle);
        conduct.stream_began();
        tokio::time::advance(Duration::from_secs(30)).await;
        assert_eq!(conduct.overdue(), Some(Overdue::Sign));
        conduct.asked_for_a_sign();
        assert_eq!(conduct.overdue(), None);
        tokio::time::advance(Duration::from_secs(30)).await;
        assert_eq!(conduct.overdue(), Some(Overdue::Connection));
        conduct.read(true);
        assert_eq!(conduct.overdue(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn half_a_frame_and_a_socket_that_takes_nothing_are_waited_for_as_long_as_a_head_and_a_response() {
        let conduct = conduct();
        conduct.stream_began();
        conduct.read(false);
        tokio::time::advance(Duration::from_secs(9)).await;
        conduct.read(false);
        assert_eq!(conduct.overdue(), None);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(conduct.overdue(), Some(Overdue::Connection));
        conduct.read(true);
        assert_eq!(conduct.overdue(), None);
        conduct.wrote(None);
        (0..6).for_each(|_| conduct.read(true));
        assert_eq!(conduct.next().0, Instant::now() + Duration::from_secs(30));
    }
}
