//! `send-request`: ask somebody else, and put the response into a variable.

mod answer;

use policy_credentials::Basic;
use policy_outgoing::{Mode, Outgoing, Parts, Phase, SetBody, SetHeaders};
use tollgate_sdk::http_client::{self, HttpError};
use tollgate_sdk::serde_json::Value;
use tollgate_sdk::{
    ConfigError, Dynamic, Failure, LastError, Policy, Request, Response, Verdict, configuration, log, policy, variables,
};

/// The request, and what becomes of its response.
#[configuration]
pub struct Config {
    /// What the request begins with.
    #[serde(default)]
    mode: Dynamic<Mode>,
    /// The variable that gets the response.
    #[schema(length(min = 1))]
    response_variable_name: String,
    /// For how many seconds the response is waited for.
    #[serde(default)]
    timeout: Option<Dynamic<f64>>,
    /// The same in milliseconds.
    #[serde(default)]
    timeout_ms: Option<Dynamic<u64>>,
    /// Whether the request goes on without a response; the variable is null then.
    #[serde(default)]
    ignore_error: bool,
    /// Whether a response with status 400 or above is an error.
    #[serde(default)]
    fail_on_error_status_code: bool,
    /// Without effect: the response is always there as a whole.
    #[serde(default = "yes")]
    #[allow(dead_code, reason = "there is nothing to choose")]
    buffer_response: bool,
    /// The absolute URL.
    #[serde(default)]
    set_url: Option<Dynamic<String>>,
    /// The method; by default GET, or that of the request which is copied.
    #[serde(default)]
    set_method: Option<Dynamic<String>>,
    /// One header or a list of them, edited in order.
    #[serde(default)]
    set_header: Option<SetHeaders>,
    /// The body, or a Liquid template for it.
    #[serde(default)]
    set_body: Option<SetBody>,
    /// A user name and a password for whoever is asked.
    #[serde(default)]
    authentication_basic: Option<Basic>,
}

fn yes() -> bool {
    true
}

/// The statement.
#[derive(Debug)]
pub struct Statement {
    outgoing: Outgoing,
    variable: String,
    ignore_error: bool,
    fail_on_error_status: bool,
}

/// Asks somebody else and puts the response into a variable.
#[policy(
    sections(inbound, backend, outbound, on_error),
    scopes(global, product, api, operation),
    rejects(
        500 = "BackendConnectionFailure",
        500 = "Timeout",
        500 = "ErrorStatusCode",
        400 = "JsonInvalid",
        400 = "XmlInvalid",
        415 = "ContentEncodingUnsupported",
        502 = "JsonInvalid",
        502 = "XmlInvalid",
        502 = "ContentEncodingUnsupported"
    ),
    buffer(on_request = "16MiB", on_response = "4MiB", on_error = "4MiB")
)]
impl Policy for Statement {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, ConfigError> {
        Ok(Self {
            outgoing: Outgoing::new(Parts {
                mode: config.mode,
                timeout: config.timeout,
                timeout_ms: config.timeout_ms,
                set_url: config.set_url,
                set_method: config.set_method,
                set_header: config.set_header,
                set_body: config.set_body,
                authentication_basic: config.authentication_basic,
            })?,
            variable: config.response_variable_name,
            ignore_error: config.ignore_error,
            fail_on_error_status: config.fail_on_error_status_code,
        })
    }

    fn wants_request_body(&self, request: &Request) -> bool {
        self.outgoing.wants_request_body(request)
    }

    fn wants_response_body(&self, request: &Request, response: &Response) -> bool {
        self.outgoing.wants_response_body(request, response)
    }

    fn on_request(&self, request: &mut Request) -> Result<(), Verdict> {
        self.ask(Phase::Request(request))
    }

    fn on_response(&self, request: &Request, response: &mut Response) -> Result<(), Verdict> {
        self.ask(Phase::Response(request, response))
    }

    fn on_error(&self, request: &Request, response: &mut Response, error: &LastError) -> Result<(), Verdict> {
        self.ask(Phase::Error(request, response, error))
    }
}

impl Statement {
    fn ask(&self, phase: Phase<'_>) -> Result<(), Verdict> {
        let answer = http_client::send(&self.outgoing.make(phase)?);
        match answer {
            Ok(answer) if self.fail_on_error_status && answer.status >= 400 => {
                self.failed("ErrorStatusCode", &format!("the answer's status was {}", answer.status))
            }
            Ok(answer) => match variables::set(&self.variable, &answer::variable(answer)) {
                Err(error) if self.ignore_error => {
                    log::warn!("the answer doesn't fit into `{}`: {error:?}", self.variable);
                    Ok(variables::set(&self.variable, &Value::Null)?)
                }
                stored => Ok(stored?),
            },
            Err(HttpError::Timeout) => self.failed("Timeout", "there was no whole answer in time"),
            Err(error) => self.failed("BackendConnectionFailure", &error.to_string()),
        }
    }

    /// What went wrong is for the operator; the client learns no more than that something did.
    fn failed(&self, reason: &str, why: &str) -> Result<(), Verdict> {
        if self.ignore_error {
            log::info!("`{}` is null: {why}", self.variable);
            return Ok(variables::set(&self.variable, &Value::Null)?);
        }
        log::error!("no answer for `{}`: {why}", self.variable);
        Err(Failure::new(500, reason, "Internal server error.").into())
    }
}

#[cfg(test)]
mod tests;
