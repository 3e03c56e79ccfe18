//! `send-one-way-request`: tell somebody else, and don't wait.

use policy_credentials::Basic;
use policy_outgoing::{Mode, Outgoing, Parts, Phase, SetBody, SetHeaders};
use tollgate_sdk::{
    ConfigError, Dynamic, LastError, Policy, Request, Response, Verdict, configuration, http_client, log, policy,
};

/// The request.
#[configuration]
pub struct Config {
    /// What the request begins with.
    #[serde(default)]
    mode: Dynamic<Mode>,
    /// After how many seconds the request is given up.
    #[serde(default)]
    timeout: Option<Dynamic<f64>>,
    /// The same in milliseconds.
    #[serde(default)]
    timeout_ms: Option<Dynamic<u64>>,
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
    /// A user name and a password for whoever is told.
    #[serde(default)]
    authentication_basic: Option<Basic>,
}

/// The statement.
#[derive(Debug)]
pub struct Statement(Outgoing);

/// Tells somebody else and doesn't wait.
#[policy(
    sections(inbound, backend, outbound, on_error),
    scopes(global, product, api, operation),
    rejects(
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
        Outgoing::new(Parts {
            mode: config.mode,
            timeout: config.timeout,
            timeout_ms: config.timeout_ms,
            set_url: config.set_url,
            set_method: config.set_method,
            set_header: config.set_header,
            set_body: config.set_body,
            authentication_basic: config.authentication_basic,
        })
        .map(Self)
    }

    fn wants_request_body(&self, request: &Request) -> bool {
        self.0.wants_request_body(request)
    }

    fn wants_response_body(&self, request: &Request, response: &Response) -> bool {
        self.0.wants_response_body(request, response)
    }

    fn on_request(&self, request: &mut Request) -> Result<(), Verdict> {
        self.tell(Phase::Request(request))
    }

    fn on_response(&self, request: &Request, response: &mut Response) -> Result<(), Verdict> {
        self.tell(Phase::Response(request, response))
    }

    fn on_error(&self, request: &Request, response: &mut Response, error: &LastError) -> Result<(), Verdict> {
        self.tell(Phase::Error(request, response, error))
    }
}

impl Statement {
    fn tell(&self, phase: Phase<'_>) -> Result<(), Verdict> {
        if let Err(error) = http_client::send_one_way(&self.0.make(phase)?) {
            log::error!("a request was not sent: {error}");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
