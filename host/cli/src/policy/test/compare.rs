//! What came of an exchange, beside what was expected.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::HeaderMap;
use serde_json::Value;
use tollgate_core::place::Phase;
use tollgate_core::verdict::{Reply, Verdict};

use super::super::cases::{Expect, Message, OneOrMany};
use super::super::rehearsal::Outcome;

/// One thing that isn't as it was expected.
pub(super) struct Difference {
    pub(super) place: String,
    pub(super) expected: String,
    pub(super) found: String,
}

/// Everything that isn't as it was expected.
#[derive(Default)]
pub(super) struct Differences(Vec<Difference>);

/// An answer to the client.
struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Bytes,
    reason: String,
    message: String,
}

impl Differences {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Difference> {
        self.0.iter()
    }

    pub(super) fn add(&mut self, place: &str, expected: &str, found: &str) {
        let (place, expected, found) = (place.to_owned(), expected.to_owned(), found.to_owned());
        self.0.push(Difference { place, expected, found });
    }

    fn equal<T: PartialEq + ToString>(&mut self, place: &str, expected: Option<&T>, found: &T) {
        if let Some(expected) = expected.filter(|expected| *expected != found) {
            self.add(place, &expected.to_string(), &found.to_string());
        }
    }

    /// Hold an outcome against what is expected of it.
    pub(super) fn compare(&mut self, at: &str, expect: &Expect, outcome: &Outcome, lines: &[String]) {
        let at = |what: &str| format!("{at}{what}");
        let verdict = match &outcome.called {
            Ok(called) => called.verdict.label().to_owned(),
            Err(_) => "fail".to_owned(),
        };
        let expected = expect.verdict.clone().unwrap_or_else(|| implied(expect).unwrap_or("").to_owned());
        if !expected.is_empty() && expected != verdict {
            let detail = match &outcome.called {
                Err(fault) => format!("{verdict}: {fault}"),
                Ok(called) => format!("{verdict} {}", brief(&called.verdict)),
            };
            self.add(&at("verdict"), &expected, detail.trim());
        }
        if let Some(answer) = answer(outcome) {
            self.equal(&at("status"), expect.status.as_ref(), &answer.status);
            self.equal(&at("reason"), expect.reason.as_ref(), &answer.reason);
            self.equal(&at("message"), expect.message.as_ref(), &answer.message);
            self.headers(&at("header"), &expect.headers, &answer.headers);
            self.body(&at("body"), expect.body.as_ref(), &answer.body);
        } else if let Some(status) = expect.status {
            self.add(&at("status"), &status.to_string(), &format!("no answer: {verdict}"));
        }
        if let (Err(fault), Some(message)) = (&outcome.called, &expect.message)
            && !fault.to_string().contains(message.as_str())
        {
            self.add(&at("message"), message, &fault.to_string());
        }
        self.messages(&at, expect, outcome);
        self.variables(&at("variable"), expect, outcome);
        self.log(&at("log"), expect.log.as_deref(), lines);
        self.limiter(&at("limiter"), expect, outcome);
    }

    fn messages(&mut self, at: &impl Fn(&str) -> String, expect: &Expect, outcome: &Outcome) {
        if let Some(Message { method, path, headers, body, .. }) = &expect.request {
            let request = &outcome.exchange.request;
            self.equal(&at("request method"), method.as_ref(), &request.method.to_string());
            self.equal(&at("request path"), path.as_ref(), &request.target.to_string());
            self.headers(&at("request header"), headers, &request.headers);
            self.body(&at("request body"), body.as_ref(), &outcome.request_body);
        }
        let Some(Message { status, headers, body, .. }) = &expect.response else { return };
        match &outcome.exchange.response {
            Some(response) => {
                let mut all = response.headers.clone();
                for staged in &outcome.exchange.staged_headers {
                    staged.clone().place(&mut all);
                }
                self.equal(&at("response status"), status.as_ref(), &response.status.as_u16());
                self.headers(&at("response header"), headers, &all);
                self.body(&at("response body"), body.as_ref(), &outcome.response_body);
            }
            None => self.add(&at("response"), "a response", "none: the step has no `response`"),
        }
    }

    /// The last word of the limiter on each counter.
    fn limiter(&mut self, place: &str, expect: &Expect, outcome: &Outcome) {
        let asked = outcome.exchange.counted.as_deref().unwrap_or_default();
        for (key, expected) in &expect.limiter {
            let place = format!("{place} {key}");
            match (expected, asked.iter().rfind(|counted| counted.key == *key)) {
                (None, None) => {}
                (None, Some(_)) => self.add(&place, "not asked", "asked"),
                (Some(_), None) => {
                    let others: Vec<&str> = asked.iter().map(|counted| counted.key.as_str()).collect();
                    self.add(&place, "asked", &format!("not asked; asked: {}", others.join(", ")));
                }
                (Some(expected), Some(found)) => {
                    self.equal(&format!("{place} admitted"), expected.admitted.as_ref(), &found.admitted);
                    self.equal(
                        &format!("{place} remaining"),
                        expected.remaining.as_ref(),
                        &found.remaining.unwrap_or_default(),
                    );
                }
            }
        }
    }

    fn headers(&mut self, place: &str, expected: &BTreeMap<String, Option<OneOrMany>>, found: &HeaderMap) {
        for (name, expected) in expected {
            let found: Vec<String> = found
                .get_all(name.as_str())
                .iter()
                .map(|v| String::from_utf8_lossy(v.as_bytes()).into_owned())
                .collect();
            let expected = expected.as_ref().map(|expected| expected.values().to_vec()).unwrap_or_default();
            if found != expected {
                let told = |values: &[String]| if values.is_empty() { "(absent)".into() } else { values.join("\n") };
                self.add(&format!("{place} {name}"), &told(&expected), &told(&found));
            }
        }
    }

    fn body(&mut self, place: &str, expected: Option<&Value>, found: &[u8]) {
        let Some(expected) = expected else { return };
        let text = String::from_utf8_lossy(found).into_owned();
        match expected {
            Value::String(expected) => self.equal(place, Some(expected), &text),
            Value::Null => self.equal(place, Some(&String::new()), &text),
            document => {
                let found = serde_json::from_slice::<Value>(found);
                if !found.as_ref().is_ok_and(|found| found == document) {
                    let found = found.map(|found| format!("{found:#}")).unwrap_or(text);
                    self.add(place, &format!("{document:#}"), &found);
                }
            }
        }
    }

    fn variables(&mut self, place: &str, expect: &Expect, outcome: &Outcome) {
        for (name, expected) in &expect.variables {
            let found = outcome.exchange.variables.get(name).map(|value| value.to_json_text());
            let found: Value = found.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
            self.equal(&format!("{place} {name}"), Some(expected), &found);
        }
    }

    fn log(&mut self, place: &str, expected: Option<&[String]>, lines: &[String]) {
        let Some(expected) = expected else { return };
        let mut rest = lines.iter();
        let all_in_order = expected.iter().all(|wanted| rest.any(|line| line.contains(wanted.as_str())));
        if !all_in_order || expected.is_empty() && !lines.is_empty() {
            self.add(place, &expected.join("\n"), &lines.join("\n"));
        }
    }
}

/// The verdict that an expectation can only mean.
fn implied(expect: &Expect) -> Option<&'static str> {
    match expect {
        Expect { reason: Some(_), .. } => Some("reject"),
        Expect { status: Some(_), .. } => None,
        Expect { request: Some(_), .. } | Expect { response: Some(_), .. } => Some("next"),
        _ => None,
    }
}

fn brief(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Next => String::new(),
        Verdict::Respond(Reply::Inline(reply)) => reply.head.status.to_string(),
        Verdict::Respond(Reply::Staged) => "(stored response)".into(),
        Verdict::Reject(failure) => format!("{} {}: {}", failure.status.as_u16(), failure.reason, failure.message),
    }
}

fn answer(outcome: &Outcome) -> Option<Answer> {
    let text = String::new;
    match &outcome.called.as_ref().ok()?.verdict {
        Verdict::Respond(Reply::Inline(reply)) => Some(Answer {
            status: reply.head.status.as_u16(),
            headers: reply.head.headers.clone(),
            body: reply.body.clone(),
            reason: text(),
            message: text(),
        }),
        Verdict::Reject(failure) => Some(Answer {
            status: failure.status.as_u16(),
            headers: failure.headers.iter().cloned().collect(),
            body: Bytes::new(),
            reason: failure.reason.clone(),
            message: failure.message.clone(),
        }),
        // Nothing was expected of an answer where the exchange goes on; what goes on is the message of the phase.
        Verdict::Next if outcome.phase != Phase::OnRequest => outcome.exchange.response.as_ref().map(|head| Answer {
            status: head.status.as_u16(),
            headers: head.headers.clone(),
            body: outcome.response_body.clone(),
            reason: text(),
            message: text(),
        }),
        Verdict::Respond(Reply::Staged) | Verdict::Next => None,
    }
}
