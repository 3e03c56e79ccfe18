//! `emit-metric`: add to a counter on the metrics page.

mod dimension;
mod name;

use dimension::Dimension;
use policy_pairs::Pairs;
use tollgate_sdk::{
    ConfigError, Dynamic, LastError, Policy, Request, Response, Verdict, configuration, log, metrics, policy,
};

/// Which counter, and how much is added to it.
#[configuration]
pub struct Config {
    /// The metric's name.
    #[schema(length(min = 1))]
    name: String,
    /// What stands before the name, to tell metrics of the same name apart.
    #[serde(default)]
    #[schema(length(min = 1))]
    namespace: Option<String>,
    /// What is added; by default 1.
    #[serde(default = "one")]
    value: Dynamic<f64>,
    /// What tells the metric's series apart: a mapping from names to values, or a list of names with values.
    #[serde(default)]
    dimensions: Pairs,
}

fn one() -> Dynamic<f64> {
    Dynamic::from(1.0)
}

/// The statement, with its names as the metrics page writes them.
#[derive(Debug)]
pub struct Statement {
    name: String,
    value: Dynamic<f64>,
    dimensions: Vec<Dimension>,
}

/// Adds to a counter on the metrics page.
#[policy(sections(inbound, backend, outbound, on_error), scopes(global, product, api, operation))]
impl Policy for Statement {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, ConfigError> {
        let Config { name, namespace, value, dimensions } = config;
        if value.literal().is_some_and(|value| !value.is_finite() || *value < 0.0) {
            return Err(ConfigError::new("/value", "a counter takes no negative value"));
        }
        let name = name::of_metric(namespace.as_deref(), &name)?;
        Ok(Self { name, value, dimensions: dimension::all(&dimensions)? })
    }

    fn on_request(&self, _: &mut Request) -> Result<(), Verdict> {
        self.count()
    }

    fn on_response(&self, _: &Request, _: &mut Response) -> Result<(), Verdict> {
        self.count()
    }

    fn on_error(&self, _: &Request, _: &mut Response, _: &LastError) -> Result<(), Verdict> {
        self.count()
    }
}

impl Statement {
    fn count(&self) -> Result<(), Verdict> {
        let value = *self.value.get()?;
        let mut labels = Vec::with_capacity(self.dimensions.len());
        for dimension in &self.dimensions {
            labels.push((dimension.label(), dimension.value()?));
        }
        let labels: Vec<(&str, &str)> = labels.iter().map(|(name, value)| (*name, value.as_str())).collect();
        if let Err(error) = metrics::count(&self.name, value, &labels) {
            log::warn!("`{}` was not counted: {error:?}", self.name);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
