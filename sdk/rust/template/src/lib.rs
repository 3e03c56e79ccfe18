//! A first policy.

use tollgate_sdk::{ConfigError, Policy, Reply, Request, Verdict, configuration, policy};

/// What the operator writes.
#[configuration]
pub struct Config {
    /// How it greets.
    pub greeting: Option<String>,
}

pub struct Hello {
    greeting: String,
}

/// Greets whoever asks for /hello, and lets every other request pass.
#[policy]
impl Policy for Hello {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, ConfigError> {
        Ok(Self { greeting: config.greeting.unwrap_or_else(|| "Hello".to_owned()) })
    }

    fn on_request(&self, request: &mut Request) -> Result<(), Verdict> {
        match request.path().as_str() {
            "/hello" => Err(Reply::new(200).body(format!("{} from a policy!\n", self.greeting)).into()),
            _ => Ok(()),
        }
    }
}
