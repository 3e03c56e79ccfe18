//! What a shared cache may store of a response (RFC 9111 §3), and a response that is stored.
//!
//! Stricter than the RFC in three things: a response that sets cookies is stored only without them, and only if it says
//! itself that they don't belong to it; one that says nothing of being cached isn't stored unless heuristics are
//! wanted; and partial responses (206) never are.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, StatusCode};
use tollgate_core::message::ResponseHead;

use crate::answer::answer;
use crate::directives::{Qualified, RequestDirectives, ResponseDirectives};
use crate::freshness::{Freshness, Lifetime, Timing, initial_age, lifetime};
use crate::validation::is_conditional;
use crate::vary::{Selection, Vary};

/// What an operator may say beyond what responses say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Guess how long a response is fresh that doesn't say it.
    pub heuristics: bool,
    /// `stale-while-revalidate` of responses that have none.
    pub stale_while_revalidate: Duration,
    /// `stale-if-error` of responses that have none.
    pub stale_if_error: Duration,
}

/// The request that a response answers.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'r> {
    /// As it was sent to the origin.
    pub method: &'r Method,
    /// As they were sent to the origin, but for conditions.
    pub headers: &'r HeaderMap,
    /// There was an `Authorization`, from the client or towards the origin.
    pub is_authorized: bool,
    /// See [`RequestDirectives`].
    pub directives: &'r RequestDirectives,
}

/// Why a response isn't stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unstorable {
    /// Of another method than `GET`.
    Method,
    /// Of a status that isn't stored.
    Status,
    /// The request or the response says `no-store`.
    NoStore,
    /// It is for one user.
    Private,
    /// Its request had credentials, and nothing says that others may have it.
    Authorization,
    /// It sets cookies.
    SetCookie,
    /// It varies by everything, or by more than is looked at.
    Vary,
    /// Nothing says that it may be stored, or that it would ever be used.
    NotExplicit,
}

/// A response that may be stored, before its body is there.
#[derive(Clone, Debug)]
pub struct Storable {
    head: ResponseHead,
    directives: ResponseDirectives,
    freshness: Freshness,
    stale_while_revalidate: Duration,
    stale_if_error: Duration,
    vary: Vary,
    selection: Selection,
    requested: Instant,
}

/// A stored response.
#[derive(Clone, Debug)]
pub struct Stored {
    storable: Storable,
    body: Bytes,
}

impl Storable {
    /// A response to be stored, or why it isn't. `head` is without fields of the connection.
    pub fn of(asked: &Asked<'_>, head: &ResponseHead, timing: &Timing, rules: &Rules) -> Result<Storable, Unstorable> {
        let directives = ResponseDirectives::of(&head.headers);
        check(asked, head, &directives)?;
        let vary = Vary::of(&head.headers).ok_or(Unstorable::Vary)?;
        let selection = vary.selection(asked.headers).ok_or(Unstorable::Vary)?;
        let lifetime = lifetime(head.status, &head.headers, &directives, timing.received_at, rules.heuristics);
        let has_validator = [header::ETAG, header::LAST_MODIFIED].iter().any(|name| head.headers.contains_key(name));
        let is_explicit =
            matches!(lifetime, Lifetime::Explicit(_)) || directives.public || directives.no_cache != Qualified::Absent;
        let is_wanted = is_explicit || matches!(lifetime, Lifetime::Heuristic(_));
        let lifetime = if directives.no_cache.is_whole() { Duration::ZERO } else { lifetime.duration() };
        let allows_stale = directives.allows_stale();
        let seconds = |said: Option<u64>, otherwise: Duration| match allows_stale {
            true => said.map_or(otherwise, Duration::from_secs),
            false => Duration::ZERO,
        };
        let stale_while_revalidate = seconds(directives.stale_while_revalidate, rules.stale_while_revalidate);
        let stale_if_error = seconds(directives.stale_if_error, rules.stale_if_error);
        let is_useful = has_validator || !(lifetime + stale_while_revalidate + stale_if_error).is_zero();
        if !(is_wanted && is_useful) {
            return Err(Unstorable::NotExplicit);
        }
        let freshness =
            Freshness { lifetime, initial_age: initial_age(&head.headers, timing), received: timing.received };
        Ok(Storable {
            head: kept(head, &directives, timing),
            directives,
            freshness,
            stale_while_revalidate,
            stale_if_error,
            vary,
            selection,
            requested: timing.requested,
        })
    }

    /// With its body, which has arrived whole.
    pub fn with_body(self, body: Bytes) -> Stored {
        Stored { storable: self, body }
    }

    /// May it be used for other requests without asking the origin, at least for a moment?
    pub fn is_shareable(&self) -> bool {
        !self.freshness.left(self.freshness.received).is_zero()
    }

    /// When it was made, or received if it doesn't say so.
    pub fn date(&self) -> Option<&HeaderValue> {
        self.head.headers.get(header::DATE)
    }

    /// What a client gets that has it already, by the conditions in its request; none if it hasn't.
    pub fn not_modified(&self, request: &HeaderMap, now: Instant) -> Option<ResponseHead> {
        if !is_conditional(request) {
            return None;
        }
        let stored = self.clone().with_body(Bytes::new());
        let (head, _) = answer(&stored, &Method::GET, request, now);
        (head.status == StatusCode::NOT_MODIFIED).then_some(head)
    }
}

/// The conditions of RFC 9111 §3 but for those on freshness.
fn check(asked: &Asked<'_>, head: &ResponseHead, directives: &ResponseDirectives) -> Result<(), Unstorable> {
    if *asked.method != Method::GET {
        return Err(Unstorable::Method);
    }
    if !is_stored_status(head.status) || (directives.must_understand && !is_understood(head.status)) {
        return Err(Unstorable::Status);
    }
    if head.headers.contains_key(header::CONTENT_RANGE) {
        return Err(Unstorable::Status);
    }
    if asked.directives.no_store || (directives.no_store && !directives.must_understand) {
        return Err(Unstorable::NoStore);
    }
    if directives.private.is_whole() {
        return Err(Unstorable::Private);
    }
    let allows_authorized = directives.must_revalidate || directives.public || directives.s_maxage.is_some();
    if asked.is_authorized && !allows_authorized {
        return Err(Unstorable::Authorization);
    }
    let is_left_out = directives.private.fields().contains(&header::SET_COOKIE)
        || directives.no_cache.fields().contains(&header::SET_COOKIE);
    if head.headers.contains_key(header::SET_COOKIE) && !is_left_out {
        return Err(Unstorable::SetCookie);
    }
    Ok(())
}

/// Final statuses but for parts of bodies, answers to conditions, and those that RFC 6585 forbids to store.
fn is_stored_status(status: StatusCode) -> bool {
    (200..600).contains(&status.as_u16()) && !matches!(status.as_u16(), 206 | 304 | 428 | 429 | 431 | 511)
}

/// Statuses whose rules about caches are kept here, for `must-understand`.
fn is_understood(status: StatusCode) -> bool {
    matches!(status.as_u16(), 200 | 203 | 204 | 300 | 301 | 302 | 303 | 307 | 308 | 404 | 405 | 410 | 414 | 501)
}

/// The head as it is stored: without fields that aren't for others, and with a date (RFC 9110 §6.6.1).
fn kept(head: &ResponseHead, directives: &ResponseDirectives, timing: &Timing) -> ResponseHead {
    let mut head = head.clone();
    for name in directives.private.fields().iter().chain(directives.no_cache.fields()) {
        head.headers.remove(name);
    }
    // It is written anew each time, from what was computed.
    head.headers.remove(header::AGE);
    if !head.headers.contains_key(header::DATE)
        && let Ok(date) = HeaderValue::try_from(httpdate::fmt_http_date(timing.received_at))
    {
        head.headers.insert(header::DATE, date);
    }
    head
}

impl Stored {
    /// As it was stored, without `Age`.
    pub fn head(&self) -> &ResponseHead {
        &self.storable.head
    }

    /// The whole body.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// What it says of being cached.
    pub fn directives(&self) -> &ResponseDirectives {
        &self.storable.directives
    }

    /// See [`Freshness`].
    pub fn freshness(&self) -> &Freshness {
        &self.storable.freshness
    }

    /// For how long it may be used while it is being validated.
    pub fn stale_while_revalidate(&self) -> Duration {
        self.storable.stale_while_revalidate
    }

    /// For how long it may be used if the origin fails.
    pub fn stale_if_error(&self) -> Duration {
        self.storable.stale_if_error
    }

    /// What it varies by.
    pub fn vary(&self) -> &Vary {
        &self.storable.vary
    }

    /// When its request was sent: what has changed since then it can't know.
    pub fn requested(&self) -> Instant {
        self.storable.requested
    }

    /// Is it an answer to a request with these fields (RFC 9111 §4.1)?
    pub fn fits(&self, request: &HeaderMap) -> bool {
        self.storable.vary.is_empty()
            || self.storable.vary.selection(request).is_some_and(|selection| selection == self.storable.selection)
    }

    /// Would both be chosen for the same requests?
    pub fn replaces(&self, other: &Stored) -> bool {
        self.storable.vary == other.storable.vary && self.storable.selection == other.storable.selection
    }

    /// Bytes that it takes, about.
    pub fn weight(&self) -> usize {
        let fields = self.head().headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 64);
        let names = self.vary().names().iter().map(|name| name.as_str().len() + 32);
        self.body.len() + self.storable.selection.len() + fields.sum::<usize>() + names.sum::<usize>()
    }

    /// With the fields of a 304 or of a response to `HEAD` that confirms it (RFC 9111 §3.2, §4.3.4). It answers this
    /// request either way; whether it may still be stored comes with it.
    pub fn updated(
        &self,
        asked: &Asked<'_>,
        fields: &HeaderMap,
        timing: &Timing,
        rules: &Rules,
    ) -> (Stored, Result<(), Unstorable>) {
        let mut head = self.head().clone();
        for name in fields.keys().filter(|name| is_updated(name)) {
            head.headers.remove(name);
            for value in fields.get_all(name) {
                head.headers.append(name, value.clone());
            }
        }
        let asked = Asked { method: &Method::GET, ..*asked };
        let (storable, may_be_stored) = match Storable::of(&asked, &head, timing, rules) {
            Ok(storable) => (storable, Ok(())),
            Err(why) => {
                let freshness =
                    Freshness { lifetime: Duration::ZERO, initial_age: Duration::ZERO, received: timing.received };
                (Storable { head, freshness, ..self.storable.clone() }, Err(why))
            }
        };
        (storable.with_body(self.body.clone()), may_be_stored)
    }
}

/// All but what belongs to the body that stays (RFC 9111 §3.2).
fn is_updated(name: &header::HeaderName) -> bool {
    !matches!(name.as_str(), "content-length" | "content-encoding" | "content-range" | "content-md5" | "etag")
}

#[cfg(test)]
mod tests;
