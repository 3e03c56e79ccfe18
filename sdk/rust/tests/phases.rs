//! What authors rely on, seen from outside: macros, phases, verdicts, edits and capabilities on the fakes.
#![allow(clippy::unwrap_used, reason = "clippy.toml allows it in test functions, not in what they share")]

use serde_json::json;
use std::time::Duration;
use tollgate_sdk::limiter::{self, Counter};
use tollgate_sdk::testing::{self, Exchange, Gateway, World};
use tollgate_sdk::{
    BodyError, ConfigError, Failure, HeaderError, LastError, Policy, Reply, Request, Response, Verdict, cache, clock,
    configuration, context, log, metrics, policy, variables,
};

fn error() -> LastError {
    LastError {
        source: "rate-limit".into(),
        reason: "RateLimitExceeded".into(),
        message: "Rate limit is exceeded.".into(),
        statement_id: Some("burst".into()),
    }
}

mod functions {
    use super::*;

    #[configuration]
    struct Config {
        /// What to say.
        word: String,
    }

    /// Says a word to the origin.
    ///
    /// More about it.
    #[policy]
    fn on_request(request: &mut Request, config: &Config) -> Result<(), Verdict> {
        if config.word == "stop" {
            return Err(Failure::new(400, "Stopped", "Stop.").into());
        }
        Ok(request.set_header("x-word", &config.word)?)
    }

    #[test]
    fn a_function_is_a_policy_with_a_type_to_test_it_by() {
        let gateway = Gateway::<OnRequest>::with(json!({ "word": "hi" })).unwrap();
        let outcome = gateway.request(testing::Request::get("/"));
        assert_eq!(outcome.verdict, Verdict::Next);
        assert_eq!(outcome.request.header_str("X-Word"), Some("hi"));
        let stop = Gateway::<OnRequest>::with(json!({ "word": "stop" })).unwrap();
        assert_eq!(stop.request(testing::Request::get("/")).failure().unwrap().reason(), "Stopped");
    }

    #[test]
    fn a_phase_that_is_not_written_passes_everything() {
        let gateway = Gateway::<OnRequest>::with(json!({ "word": "stop" })).unwrap();
        let outcome = gateway.response(testing::Request::get("/"), testing::Response::new(200));
        assert_eq!(outcome.verdict, Verdict::Next);
        assert_eq!(
            gateway.error(testing::Request::get("/"), testing::Response::new(500), error()).verdict,
            Verdict::Next
        );
    }

    #[test]
    fn crate_and_documentation_become_the_manifest() {
        let manifest = Gateway::<OnRequest>::manifest();
        assert_eq!(manifest["id"], "tollgate-sdk");
        assert_eq!(manifest["summary"], "Says a word to the origin");
        assert_eq!(manifest["configuration"]["properties"]["word"]["description"], "What to say.");
        assert_eq!(manifest["bodies"], json!({ "on-request": "none" }));
    }
}

mod functions_of_other_phases {
    use super::*;

    #[policy]
    fn on_response(request: &Request, response: &mut Response) -> Result<(), HeaderError> {
        response.set_header("x-path", request.path())
    }

    mod errors {
        use super::*;

        #[policy(id = "teapot")]
        fn on_error(_: &Request, response: &mut Response, error: &LastError) -> Reply {
            Reply::new(418).json(&json!({ "was": response.status(), "because": error.reason }))
        }

        #[test]
        fn an_error_can_be_answered() {
            let gateway = Gateway::<OnError>::with(json!(null)).unwrap();
            let outcome = gateway.error(testing::Request::get("/"), testing::Response::new(429), error());
            assert_eq!(outcome.response().status(), 418);
            assert_eq!(outcome.response().header_str("content-type"), Some("application/json"));
            assert_eq!(outcome.response().body_str(), Some(r#"{"was":429,"because":"RateLimitExceeded"}"#));
        }
    }

    #[test]
    fn a_response_can_be_edited() {
        let gateway = Gateway::<OnResponse>::with(json!({})).unwrap();
        let outcome = gateway.response(testing::Request::get("/a?b"), testing::Response::new(200));
        assert_eq!(outcome.response().header_str("x-path"), Some("/a"));
    }
}

/// Does one thing after another, as its configuration says.
#[derive(Debug)]
struct Scripted(Script);

#[configuration]
#[derive(Debug)]
struct Script {
    #[serde(default)]
    end: End,
}

#[configuration]
#[derive(Debug, Default)]
enum End {
    #[default]
    Next,
    Respond,
    Reject,
    Fail,
    NoStatus,
    NothingStaged,
}

#[policy(id = "scripted")]
impl Policy for Scripted {
    type Config = Script;

    fn configure(config: Script) -> Result<Self, ConfigError> {
        Ok(Self(config))
    }

    fn on_request(&self, request: &mut Request) -> Result<Verdict, Verdict> {
        request.set_header("x-edited", "yes")?;
        request.set_target("/edited?x=1")?;
        request.set_body("edited")?;
        assert_eq!(request.header_str("x-edited").as_deref(), Some("yes"), "a policy sees its own edits");
        assert_eq!(request.query_value("x").as_deref(), Some("1"));
        context::stage_response_header("x-staged", "yes")?;
        variables::set("kept", &vec![1, 2])?;
        limiter::admit(&Counter::of_statement("k"), 1, limiter::Rule::sliding_window(1, 1000))?;
        Ok(match self.0.end {
            End::Next => Verdict::next(),
            End::Respond => Reply::new(203).reason("Fine").body("own").into(),
            End::Reject => Failure::new(403, "No", "No.").header("x-more", "1").into(),
            End::Fail => Verdict::fail("tired"),
            End::NoStatus => Reply::new(99).into(),
            End::NothingStaged => Reply::staged().into(),
        })
    }
}

fn ended(end: &str) -> testing::Outcome {
    let gateway = Gateway::<Scripted>::with(json!({ "end": end })).unwrap();
    gateway.request(testing::Request::post("/").with_body("sent"))
}

#[test]
fn edits_count_only_after_next() {
    let next = ended("next");
    assert_eq!((next.request.target().as_str(), next.request.body()), ("/edited?x=1", &b"edited"[..]));
    for end in ["respond", "reject", "fail", "no-status", "nothing-staged"] {
        let other = ended(end);
        assert_eq!((other.request.target().as_str(), other.request.body()), ("/", &b"sent"[..]), "{end}");
        assert_eq!(other.request.header("x-edited"), None, "{end}");
    }
}

#[test]
fn variables_and_staged_headers_stay_after_every_verdict_but_not_after_a_failed_call() {
    for (end, stays) in [("next", true), ("respond", true), ("reject", true), ("fail", false), ("no-status", false)] {
        let outcome = ended(end);
        assert_eq!(outcome.variables.get("kept").cloned(), stays.then(|| json!([1, 2])), "{end}");
        assert_eq!(outcome.staged_header("x-staged").is_some(), stays, "{end}");
    }
}

#[test]
fn verdicts_make_the_response_that_the_client_gets() {
    let replied = ended("respond");
    assert_eq!((replied.response().status(), replied.response().reason()), (203, Some("Fine")));
    assert_eq!(replied.response().header_str("x-staged"), Some("yes"));
    let refused = ended("reject");
    assert_eq!(refused.response().body_str(), Some(r#"{"statusCode":403,"message":"No."}"#));
    assert_eq!(refused.response().header_str("x-more"), Some("1"));
    assert_eq!(refused.response().header_str("x-staged"), Some("yes"));
}

#[test]
fn what_is_no_verdict_is_a_failure_of_the_statement() {
    for end in ["no-status", "nothing-staged"] {
        assert!(matches!(ended(end).verdict, Verdict::Fail(_)), "{end}");
    }
    assert_eq!(ended("fail").verdict, Verdict::Fail("tired".into()));
}

#[test]
fn errors_of_capabilities_fail_the_statement() {
    let gateway = Gateway::<Scripted>::with(json!({})).unwrap();
    gateway.world().break_state("gone");
    let verdict = gateway.request(testing::Request::get("/")).verdict.clone();
    assert!(matches!(&verdict, Verdict::Fail(why) if why.contains("gone")), "{verdict:?}");
}

/// Reads bodies, but only of JSON.
#[derive(Default)]
struct Bodies;

#[policy(buffer(on_request = 16, on_response = "1KiB"))]
impl Policy for Bodies {
    fn wants_request_body(&self, request: &Request) -> bool {
        request.header_str("content-type").as_deref() == Some("application/json")
    }

    fn on_request(&self, request: &mut Request) -> Result<(), Verdict> {
        match request.body_json::<Vec<u64>>() {
            Ok(numbers) => Ok(request.set_body(numbers.iter().sum::<u64>().to_string())?),
            Err(BodyError::NotBuffered) => Ok(()),
            Err(other) => Err(Failure::new(400, "BadBody", format!("{other:?}")).into()),
        }
    }

    fn on_response(&self, request: &Request, response: &mut Response) -> Result<(), Verdict> {
        assert_eq!(request.body(), Err(BodyError::NotBuffered));
        let body = response.body()?;
        if !response.set_status(201) {
            return Err(Verdict::fail("201 is a status"));
        }
        Ok(response.set_body(body.to_ascii_uppercase())?)
    }
}

#[test]
fn bodies_are_there_if_asked_for_and_not_too_large() {
    let gateway = Gateway::<Bodies>::with(json!({})).unwrap();
    let json = |body: &str| {
        gateway.request(testing::Request::post("/").with_header("content-type", "application/json").with_body(body))
    };
    assert_eq!(json("[1, 2, 3]").request.body(), b"6");
    assert_eq!(json("[1, 2").failure().unwrap().status(), 400);
    assert!(matches!(json("[1, 2, 3, 4, 5, 6]").verdict, Verdict::Fail(_)));

    let outcome = gateway.request(testing::Request::post("/").with_body("a text as long as it likes to be"));
    assert_eq!(outcome.verdict, Verdict::Next, "the gate declined it");
    assert_eq!(outcome.request.body(), b"a text as long as it likes to be");

    let outcome = gateway.response(testing::Request::get("/"), testing::Response::new(200).with_body("abc"));
    assert_eq!((outcome.response().status(), outcome.response().body()), (201, &b"ABC"[..]));
}

/// Asks for everything there is.
struct Curious;

#[policy(summary = "asks")]
impl Policy for Curious {
    type Config = tollgate_sdk::NoConfig;

    fn configure(_: Self::Config) -> Result<Self, ConfigError> {
        Ok(Self)
    }

    fn on_request(&self, request: &mut Request) -> Result<(), Verdict> {
        log::info!("{} from {}", request.method(), context::client_ip());
        log::debug("plain");
        metrics::count("asked", 1.0, &[("api", &context::api_id())])?;
        assert!(metrics::count("Bad-Name", 1.0, &[]).is_err());
        let times = cache::get("times")?.map_or(0, |times| times[0]);
        cache::put("times", &[times + 1], 1000)?;
        variables::set("times", &times)?;
        variables::set("now", &clock::unix_ms())?;
        variables::set("who", &context::subscription().map(|subscription| subscription.id))?;
        assert_eq!(variables::get::<u8>("times"), Some(times));
        assert_eq!(variables::get::<String>("times"), None);
        assert_eq!(variables::get_json("never"), None);
        assert!(variables::set_json("bad", "{").is_err());
        Ok(())
    }
}

#[test]
fn capabilities_answer_as_the_world_is() {
    let gateway = Gateway::<Curious>::with(json!({})).unwrap();
    let ask = || gateway.request(testing::Request::get("/").with_subscription("acme").matched("orders", None, None));
    assert_eq!(ask().variables["times"], 0);
    let second = ask();
    assert_eq!(second.variables["times"], 1);
    assert_eq!(second.variables["who"], "acme");
    assert_eq!(second.variables["now"], 1_767_225_600_000u64);
    gateway.advance(Duration::from_secs(1));
    assert_eq!(ask().variables["times"], 0, "the value has expired");
    assert_eq!(gateway.world().count("asked", &[("api", "orders")]), 3.0);
    let log = gateway.world().log();
    assert_eq!(log[0], (log::Level::Info, "GET from 192.0.2.1".to_owned()));
    assert_eq!(log[1], (log::Level::Debug, "plain".to_owned()));
}

#[test]
fn log_lines_below_the_level_are_not_kept() {
    let gateway = Gateway::<Curious>::with(json!({})).unwrap();
    gateway.world().keep_log_from(log::Level::Info);
    drop(gateway.request(testing::Request::get("/")));
    assert_eq!(gateway.world().log().len(), 1);
}

/// Takes one of two permits.
#[derive(Default)]
struct Permit;

#[policy]
impl Policy for Permit {
    fn on_request(&self, _: &mut Request) -> Result<(), Verdict> {
        match limiter::acquire(&Counter::of_gateway("all"), 2)? {
            true => Ok(()),
            false => Err(Failure::new(429, "Busy", "Busy.").into()),
        }
    }
}

#[test]
fn permits_are_given_back_when_the_exchange_ends() {
    let world = World::new();
    let gateway = Gateway::<Permit>::within(&world, json!(null)).unwrap();
    let mut running: Vec<Exchange> = Vec::new();
    for _ in 0..2 {
        let outcome = gateway.request(testing::Request::get("/"));
        assert_eq!(outcome.verdict, Verdict::Next);
        running.push(outcome.into_exchange());
    }
    assert!(gateway.request(testing::Request::get("/")).failure().is_some());
    running.pop();
    assert_eq!(gateway.request(testing::Request::get("/")).verdict, Verdict::Next);
}

#[test]
fn a_configuration_is_checked_by_the_schema_first() {
    let refused = Gateway::<Scripted>::with(json!({ "end": "never" })).unwrap_err();
    assert_eq!(refused.pointer, "/end");
    assert!(refused.message.contains("is not one of"), "{refused}");
    assert!(Gateway::<Permit>::with(json!({ "any": 1 })).is_err());
    assert!(Gateway::<Permit>::with(json!(5)).is_err());
}
