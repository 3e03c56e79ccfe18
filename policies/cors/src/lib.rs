//! `cors`: let pages of other origins call, and tell their browsers so.

mod config;
mod decision;
mod origin;

pub use config::Config;
use decision::{Call, Fields};
use tollgate_sdk::{ConfigError, Policy, Reply, Request, Verdict, context, policy};

/// The statement.
#[derive(Debug)]
pub struct Statement(Config);

/// Lets pages of other origins call, and tells their browsers so.
#[policy(sections(inbound), once)]
impl Policy for Statement {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, ConfigError> {
        config.check().map(Self)
    }

    fn on_request(&self, request: &mut Request) -> Result<(), Verdict> {
        let (fields, is_preflight) = match decision::call(request) {
            Call::Plain => return Ok(()),
            Call::Actual(origin) => (decision::actual(&self.0, origin.as_deref())?, false),
            Call::Preflight(origin, wish) => (decision::preflight(&self.0, origin.as_deref(), &wish)?, true),
        };
        match fields {
            Some(fields) if is_preflight => Err(answer(fields).into()),
            Some(fields) => stage(fields),
            None if *self.0.terminate_unmatched_request.get()? => Err(answer(Fields::new()).into()),
            None => stage(Fields::new()),
        }
    }
}

/// An empty 200. Caches are told that other origins may be answered differently.
fn answer(fields: Fields) -> Reply {
    let reply = fields.into_iter().fold(Reply::new(200), |reply, (name, value)| reply.header(name, value));
    reply.header("vary", "Origin")
}

/// What tells a browser that a page may read a response.
const PERMISSIONS: [&str; 3] =
    ["access-control-allow-origin", "access-control-allow-credentials", "access-control-expose-headers"];

/// The same for the response that somebody else will make, whatever the origin allows by itself.
fn stage(fields: Fields) -> Result<(), Verdict> {
    for name in PERMISSIONS.into_iter().filter(|name| !fields.iter().any(|(given, _)| given == name)) {
        context::remove_response_header(name)?;
    }
    for (name, value) in fields {
        context::stage_response_header(name, value)?;
    }
    Ok(context::append_response_header("vary", "Origin")?)
}

#[cfg(test)]
mod tests;
