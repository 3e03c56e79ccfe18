//! One policy under test: configured once, called as often as the test likes.

use crate::configuration;
use crate::manifest::{Component, Phase, describe};
use crate::messages::{Request as RequestHandle, Response as ResponseHandle};
use crate::policy::{ConfigError, LastError};
use crate::testing::call::{Call, buffered};
use crate::testing::exchange::{Exchange, Outcome};
use crate::testing::host;
use crate::testing::message::{Request, Response};
use crate::testing::services::take_out_expressions;
use crate::testing::world::World;
use crate::verdict::Verdict;
use serde_json::Value;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

/// A statement with its policy, and the world it runs in.
pub struct Gateway<P> {
    policy: P,
    world: World,
    statement: String,
    expressions: Rc<[String]>,
}

/// The policy need not be `Debug`, so that `unwrap_err` works with any.
impl<P> fmt::Debug for Gateway<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway").field("statement", &self.statement).finish_non_exhaustive()
    }
}

impl<P: Component> Gateway<P> {
    /// Configure the policy, in a world of its own.
    pub fn with(config: Value) -> Result<Self, ConfigError> {
        Self::within(&World::new(), config)
    }

    /// Configure the policy in a world that it shares with others.
    pub fn within(world: &World, mut config: Value) -> Result<Self, ConfigError> {
        let expressions = take_out_expressions(&mut config).into();
        check(&Self::manifest()["configuration"], &config)?;
        let policy = configuration::parse(&config.to_string()).and_then(P::configure)?;
        let place = {
            let mut state = world.state();
            state.statements += 1;
            state.statements
        };
        let statement = format!("global/inbound/{place}");
        Ok(Self { policy, world: world.clone(), statement, expressions })
    }

    /// The manifest.
    pub fn manifest() -> Value {
        serde_json::from_str(&describe::<P>()).unwrap_or_else(|error| panic!("the manifest is no JSON text: {error}"))
    }

    /// The world that the policy runs in.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// What an expression evaluates to from now on, as [`World::expression`] says.
    pub fn expression(&self, text: &str, value: impl Into<Value>) {
        self.world.expression(text, value);
    }

    /// Let time pass.
    pub fn advance(&self, by: Duration) {
        self.world.advance(by);
    }

    /// The inbound phase on a new exchange.
    pub fn request(&self, request: Request) -> Outcome {
        let mut exchange = Exchange::new(&self.world, request);
        let verdict = self.on_request(&mut exchange);
        Outcome { verdict, exchange }
    }

    /// The outbound phase on a new exchange.
    pub fn response(&self, request: Request, response: Response) -> Outcome {
        let mut exchange = Exchange::new(&self.world, request);
        exchange.answer(response);
        let verdict = self.on_response(&mut exchange);
        Outcome { verdict, exchange }
    }

    /// The on-error phase on a new exchange.
    pub fn error(&self, request: Request, response: Response, error: LastError) -> Outcome {
        let mut exchange = Exchange::new(&self.world, request);
        exchange.answer(response);
        let verdict = self.on_error(&mut exchange, &error);
        Outcome { verdict, exchange }
    }

    /// The inbound phase. A policy without it passes every request.
    pub fn on_request(&self, exchange: &mut Exchange) -> Verdict {
        self.call(exchange, Phase::OnRequest, |policy, request, _| policy.on_request(request).into())
    }

    /// The outbound phase. A policy without it passes every response.
    pub fn on_response(&self, exchange: &mut Exchange) -> Verdict {
        exchange.response();
        self.call(exchange, Phase::OnResponse, |policy, request, response| policy.on_response(request, response).into())
    }

    /// The outbound section ends, as [`Exchange::finish`] says.
    pub fn finish(&self, exchange: &mut Exchange) {
        exchange.finish();
    }

    /// The on-error phase. A policy without it lets the failure be.
    pub fn on_error(&self, exchange: &mut Exchange, error: &LastError) -> Verdict {
        exchange.response();
        self.call(exchange, Phase::OnError, |policy, request, response| {
            policy.on_error(request, response, error).into()
        })
    }

    fn call(
        &self,
        exchange: &mut Exchange,
        phase: Phase,
        run: impl FnOnce(&P, &mut RequestHandle, &mut ResponseHandle) -> Verdict,
    ) -> Verdict {
        if !P::IDENTITY.phases.contains(&phase) {
            return Verdict::Next;
        }
        let (request, response) = host::handles();
        let (mut request, mut response) = (RequestHandle::new(&request), ResponseHandle::new(&response));
        let call = Call::new(&self.world, exchange, P::IDENTITY.id, &self.statement, &self.expressions);
        let (verdict, call) = call.run(|| match self.buffer(exchange, phase, &request, &response) {
            Ok(()) => run(&self.policy, &mut request, &mut response),
            Err(failed) => failed,
        });
        call.apply(exchange, phase, verdict)
    }

    /// Buffer what the manifest says and the body gate doesn't decline.
    fn buffer(
        &self,
        exchange: &Exchange,
        phase: Phase,
        request: &RequestHandle,
        response: &ResponseHandle,
    ) -> Result<(), Verdict> {
        let gate = P::IDENTITY.body_gate;
        let (max, wanted, bytes) = match phase {
            Phase::OnRequest => (
                P::IDENTITY.buffer_request,
                !gate || self.policy.wants_request_body(request),
                exchange.request.body.len(),
            ),
            Phase::OnResponse | Phase::OnError => (
                match phase {
                    Phase::OnError => P::IDENTITY.buffer_error,
                    _ => P::IDENTITY.buffer_response,
                },
                !gate || self.policy.wants_response_body(request, response),
                exchange.response().body.len(),
            ),
        };
        match max {
            Some(max) if wanted && bytes as u64 > max => {
                Err(Verdict::fail(format!("the body is larger than {max} bytes, which is all that is buffered")))
            }
            Some(_) if wanted => {
                buffered(phase);
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

/// The gateway checks a configuration against the manifest's schema before the policy sees it.
fn check(schema: &Value, config: &Value) -> Result<(), ConfigError> {
    let validator = jsonschema::validator_for(schema)
        .map_err(|error| ConfigError::new("", format!("the manifest's schema is none: {error}")))?;
    validator.validate(config).map_err(|error| ConfigError::new(error.instance_path().to_string(), error.to_string()))
}
