//! What tells a metric's series apart.

use crate::name;
use policy_pairs::Pairs;
use tollgate_sdk::dynamic::Text;
use tollgate_sdk::{ConfigError, Dynamic, ExpressionError, context};

/// The most labels that the metrics page takes.
const MOST: usize = 10;
/// The longest value of a label, in bytes.
const LONGEST: usize = 128;

/// A label and where its value comes from.
#[derive(Debug)]
pub(crate) struct Dimension {
    label: String,
    source: Source,
}

#[derive(Debug)]
enum Source {
    Given(Dynamic<Text>),
    Known(Fact),
}

/// What the gateway knows by its name.
#[derive(Clone, Copy, Debug)]
enum Fact {
    Api,
    Operation,
    Product,
    Subscription,
    /// There are no users, no locations and no names of gateways yet.
    Nothing,
}

/// By the names that they have as labels.
const FACTS: [(&str, Fact); 7] = [
    ("api_id", Fact::Api),
    ("operation_id", Fact::Operation),
    ("product_id", Fact::Product),
    ("user_id", Fact::Nothing),
    ("subscription_id", Fact::Subscription),
    ("location", Fact::Nothing),
    ("gateway_id", Fact::Nothing),
];

/// All of a statement's dimensions.
pub(crate) fn all(pairs: &Pairs) -> Result<Vec<Dimension>, ConfigError> {
    if pairs.len() > MOST {
        let message = format!("{} dimensions; the metrics page takes at most {MOST}", pairs.len());
        return Err(ConfigError::new("/dimensions", message));
    }
    let mut dimensions: Vec<Dimension> = Vec::with_capacity(pairs.len());
    for (index, pair) in pairs.iter().enumerate() {
        let refused = |message: String| ConfigError::new(format!("/dimensions{}", pairs.pointer(index)), message);
        let label = name::of_label(&pair.name).map_err(refused)?;
        if dimensions.iter().any(|known| known.label == label) {
            return Err(refused(format!("another dimension is called `{label}` already")));
        }
        let known = || FACTS.iter().find(|(name, _)| *name == label).map(|(_, fact)| Source::Known(*fact));
        let source = pair.value.clone().map(Source::Given).or_else(known);
        let source = source.ok_or_else(|| {
            refused(format!(
                "`{}` needs a value; only API ID, Operation ID, Product ID, User ID, Subscription ID, Location and \
                 Gateway ID need none",
                pair.name
            ))
        })?;
        dimensions.push(Dimension { label, source });
    }
    Ok(dimensions)
}

impl Dimension {
    pub(crate) fn label(&self) -> &str {
        &self.label
    }

    /// The label's value; empty for what this request doesn't have.
    pub(crate) fn value(&self) -> Result<String, ExpressionError> {
        let mut value = match &self.source {
            Source::Given(value) => value.get()?.into_owned().into(),
            Source::Known(Fact::Api) => context::api_id(),
            Source::Known(Fact::Operation) => context::operation_id().unwrap_or_default(),
            Source::Known(Fact::Product) => context::product_id().unwrap_or_default(),
            Source::Known(Fact::Subscription) => context::subscription().map(|found| found.id).unwrap_or_default(),
            Source::Known(Fact::Nothing) => String::new(),
        };
        value.truncate(value.floor_char_boundary(LONGEST));
        Ok(value)
    }
}
