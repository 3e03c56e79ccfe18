//! `set-body`: another body, as it is written or as a Liquid template makes it of what is there.

use policy_bodies::{NewBody, Phase, SetBody, may_have_body};
use policy_headers::body_was_replaced;
use tollgate_sdk::{ConfigError, LastError, Policy, Request, Response, Verdict, policy};

/// The statement.
#[derive(Debug)]
pub struct Statement(NewBody);

/// Replaces the body by a text or by what a Liquid template makes of it.
#[policy(
    sections(inbound, backend, outbound, on_error),
    buffer(on_request = "4MiB", on_response = "4MiB", on_error = "4MiB"),
    rejects(
        400 = "JsonInvalid",
        400 = "XmlInvalid",
        415 = "ContentEncodingUnsupported",
        502 = "JsonInvalid",
        502 = "XmlInvalid",
        502 = "ContentEncodingUnsupported"
    )
)]
impl Policy for Statement {
    type Config = SetBody;

    fn configure(config: SetBody) -> Result<Self, ConfigError> {
        NewBody::new(config).map(Self)
    }

    fn wants_request_body(&self, request: &Request) -> bool {
        self.0.reads(request)
    }

    fn wants_response_body(&self, request: &Request, response: &Response) -> bool {
        may_have_body(request, response) && self.0.reads(response)
    }

    fn on_request(&self, request: &mut Request) -> Result<(), Verdict> {
        let new = self.0.make(Phase::Request(request))?;
        request.set_body(new)?;
        Ok(body_was_replaced(request)?)
    }

    fn on_response(&self, request: &Request, response: &mut Response) -> Result<(), Verdict> {
        // There is nothing to replace where no body may stand.
        if !may_have_body(request, response) {
            return Ok(());
        }
        let new = self.0.make(Phase::Response(request, response))?;
        response.set_body(new)?;
        Ok(body_was_replaced(response)?)
    }

    fn on_error(&self, request: &Request, response: &mut Response, error: &LastError) -> Result<(), Verdict> {
        if !may_have_body(request, response) {
            return Ok(());
        }
        let new = self.0.make(Phase::Error(request, response, error))?;
        response.set_body(new)?;
        Ok(body_was_replaced(response)?)
    }
}

#[cfg(test)]
mod tests;
