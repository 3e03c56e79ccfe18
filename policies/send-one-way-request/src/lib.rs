//! `send-one-way-request`: tell somebody else, and don't wait.

use policy_credentials::Basic;
use policy_outgoing::{ClientsBody, Mode, Outgoing, Parts, SetHeaders};
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
    /// The body.
    #[serde(default)]
    set_body: Option<Dynamic<Vec<u8>>>,
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
    buffer(on_request = "16MiB")
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

    fn wants_request_body(&self, _: &Request) -> bool {
        self.0.wants_body()
    }

    fn on_request(&self, request: &mut Request) -> Result<(), Verdict> {
        self.tell(request, ClientsBody::Here)
    }

    fn on_response(&self, request: &Request, _: &mut Response) -> Result<(), Verdict> {
        self.tell(request, ClientsBody::Gone)
    }

    fn on_error(&self, request: &Request, _: &mut Response, _: &LastError) -> Result<(), Verdict> {
        self.tell(request, ClientsBody::Gone)
    }
}

impl Statement {
    fn tell(&self, request: &Request, body: ClientsBody) -> Result<(), Verdict> {
        if let Err(error) = http_client::send_one_way(&self.0.make(request, body)?) {
            log::error!("a request was not sent: {error}");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
