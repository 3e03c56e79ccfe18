//! `validate-jwt`: let a request pass only with a token that is signed by somebody known and claims what it should.

mod claims;
mod config;
mod denial;
mod key;
mod openid;
mod output;
mod refusal;
mod signature;
mod source;
mod token;
mod verified;

use claims::Rules;
use config::Config;
use denial::Denial;
use refusal::Refusal;
use signature::Keys;
use source::Source;
use tollgate_sdk::{ConfigError, Dynamic, Failure, Policy, Request, Verdict, clock, log, policy, variables};

/// The statement.
#[derive(Debug)]
pub struct Statement {
    source: Source,
    keys: Keys,
    rules: Rules,
    status: Dynamic<u16>,
    message: Option<Dynamic<String>>,
    variable: Option<String>,
}

/// Lets requests pass only with a valid JSON Web Token.
#[policy(
    sections(inbound),
    rejects(
        configured = "TokenNotPresent",
        configured = "TokenSignatureInvalid",
        configured = "TokenSignatureKeyNotFound",
        configured = "TokenAudienceNotAllowed",
        configured = "TokenIssuerNotAllowed",
        configured = "TokenExpired",
        configured = "TokenClaimNotFound",
        configured = "TokenClaimValueNotAllowed",
        configured = "JwtInvalid"
    )
)]
impl Policy for Statement {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, ConfigError> {
        Ok(Self {
            source: config.source()?,
            keys: config.keys()?,
            rules: config.rules()?,
            status: config.failed_validation_httpcode,
            message: config.failed_validation_error_message,
            variable: config.output_token_variable_name,
        })
    }

    fn on_request(&self, request: &mut Request) -> Result<(), Verdict> {
        match self.validate(request) {
            Ok(()) => Ok(()),
            Err(Refusal::Denied(denial)) => Err(self.deny(denial)),
            Err(Refusal::Failed(verdict)) => Err(verdict),
        }
    }
}

impl Statement {
    fn validate(&self, request: &Request) -> Result<(), Refusal> {
        let text = self.source.token(request)?;
        let now_ms = clock::unix_ms();
        let genuine = self.keys.verify(text, now_ms)?;
        self.rules.check(&genuine, now_ms)?;
        if let Some(name) = &self.variable {
            let set = variables::set(name, &output::variable(&genuine.token));
            set.map_err(|error| Refusal::Failed(error.into()))?;
        }
        Ok(())
    }

    /// 401 has to say how to do better (RFC 9110 §11.6.1): with a token, or with another one (RFC 6750 §3).
    fn challenged(&self, failure: Failure, reason: &str) -> Failure {
        if failure.status() != 401 {
            return failure;
        }
        let scheme = self.source.scheme();
        failure.header(
            "www-authenticate",
            match reason {
                "TokenNotPresent" => scheme.to_owned(),
                _ => format!("{scheme} error=\"invalid_token\""),
            },
        )
    }

    fn deny(&self, denial: Denial) -> Verdict {
        log::debug!("{}: {}", denial.reason, denial.detail);
        let told = match &self.message {
            Some(message) => message.get().map(|message| message.into_owned()),
            None => Ok(denial.message),
        };
        match (self.status.get(), told) {
            (Ok(status), Ok(message)) if (400..=599).contains(&*status) => {
                self.challenged(Failure::new(*status, denial.reason, message), denial.reason).into()
            }
            (Ok(status), Ok(_)) => {
                refusal::impossible("failed-validation-httpcode", &format!("{status} is no failing status"))
            }
            (Err(error), _) | (_, Err(error)) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests;
