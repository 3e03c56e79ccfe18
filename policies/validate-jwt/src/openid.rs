//! An issuer's keys, by its OpenID Connect metadata: pulled when they are needed, kept in the gateway's cache so that
//! all instances of the statement share them, and in the instance so that most requests need neither.

use crate::key::{Jwk, SigningKey};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;
use tollgate_sdk::serde::{Deserialize, Serialize};
use tollgate_sdk::serde_json::{self, Value};
use tollgate_sdk::{cache, http_client, log};

const SECOND: u64 = 1000;
/// Keys are pulled anew when they are this old.
const FRESH_MS: u64 = 3600 * SECOND;
/// If they can't be, they are still good until they are this old.
const USABLE_MS: u64 = 24 * 3600 * SECOND;
/// How long to wait before pulling again, whether because it failed or because a token names a key that isn't known.
const PAUSE_MS: u64 = 300 * SECOND;
/// For each of the two requests of a pull.
const TIMEOUT: Duration = Duration::from_secs(10);
/// A longer document isn't read: reading one of megabytes takes more than a call may use up, and a call that is ended can't
/// tell the others that it has tried.
const LONGEST: usize = 256 * 1024;
/// More keys of one issuer aren't looked at.
const MOST_KEYS: usize = 64;

/// One entry of `openid-config`.
#[derive(Debug)]
pub(crate) struct OpenId {
    url: String,
    cache_key: String,
    known: RefCell<Known>,
}

/// What an issuer says of itself.
#[derive(Debug)]
pub(crate) struct KeySet {
    pub(crate) issuer: Rc<str>,
    pub(crate) keys: Vec<SigningKey>,
}

/// What this instance knows.
#[derive(Debug, Default)]
struct Known {
    record: Record,
    set: Option<Rc<KeySet>>,
    /// The cache's bytes that `record` was last read from.
    read: Vec<u8>,
    /// Counts the sets that there have been.
    generation: u64,
}

/// What instances tell each other.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(crate = "tollgate_sdk::serde")]
struct Record {
    /// When the last pull began, in milliseconds since 1970; 0 for never.
    tried_ms: u64,
    /// When the last pull that succeeded began.
    pulled_ms: u64,
    issuer: String,
    keys: Vec<Jwk>,
}

impl OpenId {
    pub(crate) fn new(url: String) -> Self {
        Self { cache_key: format!("issuer/{url}"), url, known: RefCell::default() }
    }

    /// The keys, pulled if they are old. None if there are none, or only ones that are too old.
    pub(crate) fn current(&self, now_ms: u64) -> Option<Rc<KeySet>> {
        let mut known = self.known.borrow_mut();
        if !known.is_fresh(now_ms) {
            self.look(&mut known);
            if !known.is_fresh(now_ms) && known.may_pull(now_ms) {
                self.pull(&mut known, now_ms);
            }
        }
        if known.set.is_some() && now_ms.saturating_sub(known.record.pulled_ms) > USABLE_MS {
            known.set = None;
            known.generation += 1;
        }
        known.set.clone()
    }

    /// A token names a key that isn't known: perhaps the issuer has a new one.
    pub(crate) fn refresh(&self, now_ms: u64) {
        let mut known = self.known.borrow_mut();
        self.look(&mut known);
        if known.may_pull(now_ms) {
            self.pull(&mut known, now_ms);
        }
    }

    /// Another number whenever `current` gives other keys than before.
    pub(crate) fn generation(&self) -> u64 {
        self.known.borrow().generation
    }

    /// Perhaps another instance knows more.
    fn look(&self, known: &mut Known) {
        let Ok(Some(bytes)) = cache::get(&self.cache_key) else { return };
        if bytes == known.read {
            return;
        }
        if let Ok(record) = serde_json::from_slice::<Record>(&bytes)
            && record.tried_ms >= known.record.tried_ms
        {
            known.adopt(record);
        }
        known.read = bytes;
    }

    fn pull(&self, known: &mut Known, now_ms: u64) {
        known.record.tried_ms = now_ms;
        if known.set.is_some() {
            // Others go on with what there is meanwhile, and needn't pull as well.
            self.tell(known);
        }
        match fetch(&self.url) {
            Ok((issuer, keys)) => known.adopt(Record { tried_ms: now_ms, pulled_ms: now_ms, issuer, keys }),
            Err(why) => log::warn!("the keys of {} can't be had: {why}", self.url),
        }
        self.tell(known);
    }

    fn tell(&self, known: &mut Known) {
        let Ok(bytes) = serde_json::to_vec(&known.record) else { return };
        if let Err(error) = cache::put(&self.cache_key, &bytes, USABLE_MS) {
            log::debug!("the keys of {} are known to this instance only: {error:?}", self.url);
        }
        known.read = bytes;
    }
}

impl Known {
    fn is_fresh(&self, now_ms: u64) -> bool {
        self.set.is_some() && now_ms.saturating_sub(self.record.pulled_ms) < FRESH_MS
    }

    fn may_pull(&self, now_ms: u64) -> bool {
        self.record.tried_ms == 0 || now_ms.saturating_sub(self.record.tried_ms) >= PAUSE_MS
    }

    fn adopt(&mut self, record: Record) {
        let same = record.issuer == self.record.issuer && record.keys == self.record.keys;
        if record.pulled_ms > 0 && !(same && self.set.is_some()) {
            let keys = record.keys.iter().filter_map(|key| SigningKey::of_jwk(key).ok()).collect();
            self.set = Some(Rc::new(KeySet { issuer: record.issuer.as_str().into(), keys }));
            self.generation += 1;
        }
        self.record = record;
    }
}

/// The issuer's name and keys, of which those are left out that can't be used here.
fn fetch(url: &str) -> Result<(String, Vec<Jwk>), String> {
    let metadata = get(url)?;
    let member = |name: &str| {
        let text = metadata.get(name).and_then(Value::as_str);
        text.map(str::to_owned).ok_or_else(|| format!("the metadata has no `{name}`"))
    };
    let (issuer, keys_url) = (member("issuer")?, member("jwks_uri")?);
    if is_secure(url) && !is_secure(&keys_url) {
        return Err(format!("the metadata came by https, but the keys would not: {keys_url}"));
    }
    let mut set = get(&keys_url)?;
    let Some(Value::Array(keys)) = set.get_mut("keys").map(Value::take) else {
        return Err(format!("{keys_url} has no list `keys`"));
    };
    let read = keys.into_iter().filter_map(|key| serde_json::from_value::<Jwk>(key).ok());
    let usable = read.filter(|key| SigningKey::of_jwk(key).is_ok());
    Ok((issuer, usable.take(MOST_KEYS).collect()))
}

fn is_secure(url: &str) -> bool {
    url.get(..8).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://"))
}

fn get(url: &str) -> Result<Value, String> {
    let request = http_client::Request::get(url).header("accept", "application/json").timeout(TIMEOUT);
    let response = http_client::send(&request).map_err(|error| format!("{url}: {error}"))?;
    match response.status {
        200 if response.body.len() > LONGEST => Err(format!("{url}: the answer is longer than {LONGEST} bytes")),
        200 => serde_json::from_slice(&response.body).map_err(|error| format!("{url}: the answer is no JSON: {error}")),
        status => Err(format!("{url}: status {status}")),
    }
}
