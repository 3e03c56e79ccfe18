//! The host's own flow: `forward-request`, `choose`, `retry`, `wait`, `limit-concurrency`, `set-variable`.

use std::sync::Arc;
use std::time::Duration;

use tollgate_core::place::Section;

use super::Reader;
use super::dynamic::{Found, Takes};
use super::fields::Fields;
use super::policies::{List, Named};
use super::settings::MAX_SECONDS;
use crate::policy::{
    Branch, Choose, Entry, ForwardRequest, HttpVersion, LimitConcurrency, Placed, Retry, SetVariable, Setting, Wait,
    WaitFor,
};
use crate::yaml::{Content, Node, Scalar};

/// Sends the request to the origin.
pub(super) const FORWARD_REQUEST: &str = "forward-request";

/// Runs entries at the same time.
pub(super) const WAIT: &str = "wait";

/// Puts a fragment's entries in.
pub(super) const INCLUDE_FRAGMENT: &str = "include-fragment";

const CHOOSE: &str = "choose";
const RETRY: &str = "retry";
const LIMIT_CONCURRENCY: &str = "limit-concurrency";
const SET_VARIABLE: &str = "set-variable";

/// What the gateway does itself, beside `base`.
pub(super) const FLOW: [&str; 7] =
    [CHOOSE, RETRY, WAIT, LIMIT_CONCURRENCY, INCLUDE_FRAGMENT, SET_VARIABLE, FORWARD_REQUEST];

/// The deepest nesting of flow, fragments included: nobody understands more, and the gateway's stack is finite.
const MAX_DEPTH: usize = 16;

/// The most runs beside the first that a `retry` may ask for (`apim.md` §1.8).
const MAX_RETRIES: u64 = 50;

/// The most that `limit-concurrency` may let in: as many as the gateway may have connections.
const MAX_CONCURRENCY: u64 = 1_000_000;

impl Reader<'_> {
    /// One of [`FLOW`].
    pub(super) fn flow(
        &mut self,
        named: &Named<'_>,
        name: &'static str,
        placed: Placed,
        list: &List<'_>,
    ) -> Option<Entry> {
        self.only_reserved(named, &["id", "when"]);
        if list.around.len() >= MAX_DEPTH {
            self.error(named.mark, format!("flow is nested deeper than {MAX_DEPTH} levels"));
            return None;
        }
        match name {
            CHOOSE => self.choose(named, placed, list),
            RETRY => self.retry(named, placed, list),
            WAIT => self.wait(named, placed, list),
            LIMIT_CONCURRENCY => self.limit_concurrency(named, placed, list),
            INCLUDE_FRAGMENT => self.include(named, placed, list),
            SET_VARIABLE => self.set_variable(named, placed),
            _ => self.forward_request(named, placed, list),
        }
    }

    /// The configuration of a statement that needs a mapping.
    fn mapping<'n>(&mut self, named: &Named<'n>, expected: &str) -> Option<&'n Arc<Node>> {
        let config = self.config(named)?;
        if !matches!(config.content, Content::Mapping(_)) {
            self.expected(expected, config);
            return None;
        }
        Some(config)
    }

    /// The configuration of a statement that needs one.
    pub(super) fn config<'n>(&mut self, named: &Named<'n>) -> Option<&'n Arc<Node>> {
        let config = named.config.filter(|config| !config.is_null());
        if config.is_none() {
            self.error(named.mark, format!("expected a configuration of `{}`, found nothing", named.name));
        }
        config
    }

    fn forward_request(&mut self, named: &Named<'_>, placed: Placed, list: &List<'_>) -> Option<Entry> {
        const KEYS: [&str; 7] = [
            "timeout",
            "timeout-ms",
            "follow-redirects",
            "buffer-request-body",
            "buffer-response",
            "fail-on-error-status-code",
            "http-version",
        ];
        let stands = self.check_forward(named, list);
        let mut forward = ForwardRequest {
            placed,
            timeout: None,
            follow_redirects: Setting::Literal(false),
            buffer_request_body: false,
            buffer_response: true,
            fail_on_error_status_code: false,
            http_version: HttpVersion::default(),
        };
        if let Some(config) = named.config.filter(|config| !config.is_null()) {
            let fields = self.fields(config, "a mapping with keys such as `timeout`", &KEYS);
            forward.timeout = self.forward_timeout(&fields);
            forward.follow_redirects = self.flag_setting(&fields, "follow-redirects");
            forward.buffer_request_body = self.flag(&fields, "buffer-request-body", false);
            forward.buffer_response = self.flag(&fields, "buffer-response", true);
            forward.fail_on_error_status_code = self.flag(&fields, "fail-on-error-status-code", false);
            forward.http_version = self.http_version(fields.get("http-version"));
        }
        stands.then_some(Entry::ForwardRequest(forward))
    }

    fn check_forward(&mut self, named: &Named<'_>, list: &List<'_>) -> bool {
        if list.is_in(WAIT) {
            self.error(named.mark, format!("`{FORWARD_REQUEST}` can't stand inside of `{WAIT}`"));
            return false;
        }
        let section = list.section.filter(|section| *section != Section::Backend);
        if let Some(section) = section {
            let message = format!("`{FORWARD_REQUEST}` stands in the section `backend`, not in `{section}`");
            self.error(named.mark, message);
        }
        section.is_none()
    }

    fn forward_timeout(&mut self, fields: &Fields<'_>) -> Option<Setting<Duration>> {
        let seconds = fields.get("timeout");
        let timeout = seconds.and_then(|node| {
            self.setting(node, "/timeout", &Takes::SECONDS, |reader, node| reader.seconds(node, false, MAX_SECONDS))
        });
        let Some((key, node)) = fields.entry("timeout-ms") else {
            return timeout;
        };
        if seconds.is_some() {
            self.error(key.mark, "expected `timeout` or `timeout-ms`, found both");
        }
        let ms = self.integer(node, 1, MAX_SECONDS * 1_000)?;
        Some(Setting::Literal(Duration::from_millis(ms)))
    }

    /// A version is no word, but plain `1` and `2` look like numbers.
    fn http_version(&mut self, node: Option<&Arc<Node>>) -> HttpVersion {
        let Some(node) = node else { return HttpVersion::default() };
        match node.scalar().map(Scalar::text) {
            Some("1") => HttpVersion::Http1,
            Some("2") => HttpVersion::Http2,
            Some("2or1") => HttpVersion::Http2Or1,
            _ => {
                self.expected("one of `1`, `2`, `2or1`", node);
                HttpVersion::default()
            }
        }
    }

    fn flag_setting(&mut self, fields: &Fields<'_>, key: &str) -> Setting<bool> {
        let node = fields.get(key);
        let pointer = format!("/{key}");
        let literal = |reader: &mut Self, node: &Node| reader.boolean(node);
        let setting = node.and_then(|node| self.setting(node, &pointer, &Takes::FLAG, literal));
        setting.unwrap_or(Setting::Literal(false))
    }

    fn choose(&mut self, named: &Named<'_>, placed: Placed, list: &List<'_>) -> Option<Entry> {
        const EXPECTED: &str = "a list of `when: …` with `policies: […]`, and `otherwise: […]` at its end";
        let config = self.config(named)?;
        let items = self.list(config, EXPECTED)?;
        let mut choose = Choose { placed, branches: Vec::new(), otherwise: Vec::new() };
        let mut is_empty = true;
        for (at, item) in items.iter().enumerate() {
            let Some((key, node)) = item.entry("otherwise") else {
                is_empty = false;
                let branch = self.branch(item, at, &choose.placed, list);
                choose.branches.extend(branch);
                continue;
            };
            self.fields(item, "a mapping", &["otherwise"]);
            if at + 1 < items.len() {
                self.error(key.mark, "expected `otherwise` once, as the last of its `choose`");
            }
            let inner = list.inside(CHOOSE, &choose.placed, "/otherwise", &format!("otherwise[{}]/", at + 1));
            choose.otherwise = self.entries(node, &inner).unwrap_or_default();
        }
        if is_empty {
            self.error(config.mark, "expected at least one `when` in `choose`");
        }
        Some(Entry::Choose(choose))
    }

    fn branch(&mut self, node: &Node, at: usize, placed: &Placed, list: &List<'_>) -> Option<Branch> {
        let fields =
            self.fields(node, "a mapping with the key `when` or `otherwise`", &["when", "condition", "policies"]);
        if !matches!(node.content, Content::Mapping(_)) {
            return None;
        }
        let condition = match (fields.entry("when"), fields.entry("condition")) {
            (Some(_), Some((key, _))) => {
                self.error(key.mark, "expected `when` or `condition`, found both");
                None
            }
            (None, Some((_, node))) => Some(node),
            _ => self.required(&fields, "when", "a branch of `choose`"),
        };
        let condition = condition.and_then(|node| self.condition(node)).or_else(|| Self::no_condition(node));
        let inner = list.inside(CHOOSE, placed, &format!("/when/{at}"), &format!("when[{}]/", at + 1));
        let entries = self.inner_entries(&fields, "a branch of `choose`", &inner);
        Some(Branch { condition: condition?, entries })
    }

    /// The required key `policies` of a flow statement.
    fn inner_entries(&mut self, fields: &Fields<'_>, what: &str, inner: &List<'_>) -> Vec<Entry> {
        let node = self.required(fields, "policies", what);
        node.and_then(|node| self.entries(node, inner)).unwrap_or_default()
    }

    fn retry(&mut self, named: &Named<'_>, placed: Placed, list: &List<'_>) -> Option<Entry> {
        const KEYS: [&str; 7] =
            ["condition", "count", "interval", "max-interval", "delta", "first-fast-retry", "policies"];
        const WHAT: &str = "`retry`";
        let config = self.mapping(named, "a mapping with keys such as `condition`")?;
        let fields = self.fields(config, "a mapping with keys such as `condition`", &KEYS);
        let condition = self.required(&fields, "condition", WHAT).and_then(|node| self.condition(node));
        let count = self.required(&fields, "count", WHAT).and_then(|node| {
            let literal = |reader: &mut Self, node: &Node| reader.integer(node, 1, MAX_RETRIES).map(|n| n as u32);
            self.setting(node, "/count", &Takes::COUNT, literal)
        });
        self.required(&fields, "interval", WHAT);
        let interval = self.seconds_setting(&fields, "interval");
        let max_interval = self.seconds_setting(&fields, "max-interval");
        let delta = self.seconds_setting(&fields, "delta");
        let first_fast_retry = self.flag_setting(&fields, "first-fast-retry");
        let entries = self.inner_entries(&fields, WHAT, &list.inside(RETRY, &placed, "", ""));
        Some(Entry::Retry(Retry {
            placed,
            condition: condition?,
            count: count?,
            interval: interval?,
            max_interval,
            delta,
            first_fast_retry,
            entries,
        }))
    }

    fn seconds_setting(&mut self, fields: &Fields<'_>, key: &str) -> Option<Setting<Duration>> {
        let literal = |reader: &mut Self, node: &Node| reader.seconds(node, true, MAX_SECONDS);
        self.setting(fields.get(key)?, &format!("/{key}"), &Takes::SECONDS, literal)
    }

    fn wait(&mut self, named: &Named<'_>, placed: Placed, list: &List<'_>) -> Option<Entry> {
        let mut stands = true;
        if list.section == Some(Section::OnError) {
            self.error(named.mark, format!("`{WAIT}` can't stand in the section `on-error`"));
            stands = false;
        }
        if list.is_in(RETRY) {
            self.error(named.mark, format!("`{WAIT}` can't stand inside of `{RETRY}`"));
            stands = false;
        }
        let config = self.mapping(named, "a mapping with the keys `for` and `policies`")?;
        let fields = self.fields(config, "a mapping with the keys `for` and `policies`", &["for", "policies"]);
        let words = [("all", WaitFor::All), ("any", WaitFor::Any)];
        let wait_for = fields
            .get("for")
            .and_then(|node| self.setting(node, "/for", &Takes::WORD, |reader, node| reader.choice(node, &words)))
            .unwrap_or(Setting::Literal(WaitFor::All));
        let entries = self.inner_entries(&fields, "`wait`", &list.inside(WAIT, &placed, "", ""));
        stands.then_some(Entry::Wait(Wait { placed, wait_for, entries }))
    }

    fn limit_concurrency(&mut self, named: &Named<'_>, placed: Placed, list: &List<'_>) -> Option<Entry> {
        const WHAT: &str = "`limit-concurrency`";
        const EXPECTED_KEY: &str = "a text that isn't empty";
        let config = self.mapping(named, "a mapping with keys such as `key`")?;
        let fields = self.fields(config, "a mapping with keys such as `key`", &["key", "max-count", "policies"]);
        let key = self.required(&fields, "key", WHAT).and_then(|node| {
            self.setting(node, "/key", &Takes::ANYTHING, |reader, node| reader.literal_text(node, EXPECTED_KEY))
        });
        let max_count = self.required(&fields, "max-count", WHAT);
        let max_count = max_count.and_then(|node| self.integer(node, 1, MAX_CONCURRENCY)).map(|count| count as u32);
        let entries = self.inner_entries(&fields, WHAT, &list.inside(LIMIT_CONCURRENCY, &placed, "", ""));
        Some(Entry::LimitConcurrency(LimitConcurrency { placed, key: key?, max_count: max_count?, entries }))
    }

    fn set_variable(&mut self, named: &Named<'_>, placed: Placed) -> Option<Entry> {
        const WHAT: &str = "`set-variable`";
        let config = self.mapping(named, "a mapping with the keys `name` and `value`")?;
        let fields = self.fields(config, "a mapping with the keys `name` and `value`", &["name", "value"]);
        let name = self.required(&fields, "name", WHAT);
        let name = name.and_then(|node| self.literal_text(node, "the name of a variable"));
        let value = self.required(&fields, "value", WHAT).and_then(|node| {
            self.setting(node, "/value", &Takes::ANYTHING, |reader, node| {
                let mut found = Found::default();
                let value = reader.json(node, &mut String::new(), &mut found);
                for located in found.expressions {
                    let message = "an expression can't stand inside of a list or a mapping here; \
                                   make the whole value one expression";
                    reader.error(located.mark, message);
                }
                Some(value)
            })
        });
        Some(Entry::SetVariable(SetVariable { placed, name: name?, value: value? }))
    }
}
