//! What becomes of an error.

use tollgate_sdk::configuration;
use tollgate_sdk::dynamic::Scalar;
use tollgate_sdk::expression::Value;

/// What becomes of an error.
#[configuration]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It isn't looked for.
    Ignore,
    /// The message is refused.
    Prevent,
    /// It is only recorded in the variable.
    Detect,
}

impl Scalar for Action {
    fn from_value(value: Value) -> Result<Self, String> {
        match String::from_value(value)?.as_str() {
            "ignore" => Ok(Self::Ignore),
            "prevent" => Ok(Self::Prevent),
            "detect" => Ok(Self::Detect),
            _ => Err("expected `ignore`, `prevent` or `detect`, found something else".into()),
        }
    }
}

impl Action {
    /// As records say it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ignore => "ignore",
            Self::Prevent => "prevent",
            Self::Detect => "detect",
        }
    }
}
