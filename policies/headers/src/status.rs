//! Statuses of responses.

use tollgate_sdk::dynamic::Scalar;
use tollgate_sdk::expression::Value;
use tollgate_sdk::schema::{Node, Schema};
use tollgate_sdk::serde::{Deserialize, Deserializer};

/// The status of a response: 200–599.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status(u16);

/// The status of a refusal: 400–599.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FailureStatus(u16);

impl Status {
    /// Whether a response with this status never has a body.
    pub fn is_bodiless(self) -> bool {
        matches!(self.0, 204 | 205 | 304)
    }
}

macro_rules! status {
    ($status:ident, $least:literal, $most:literal) => {
        impl $status {
            /// The number; none if it is out of range.
            pub fn new(number: u16) -> Option<Self> {
                ($least..=$most).contains(&number).then_some(Self(number))
            }

            /// The number.
            pub fn number(self) -> u16 {
                self.0
            }
        }

        impl Scalar for $status {
            fn from_value(value: Value) -> Result<Self, String> {
                let number = u16::from_value(value)?;
                Self::new(number)
                    .ok_or_else(|| concat!("expected a status, found a number outside ", $least, "–", $most).to_owned())
            }
        }

        impl<'de> Deserialize<'de> for $status {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                u16::deserialize(deserializer).map(Self)
            }
        }

        impl Schema for $status {
            const SCHEMA: Node = Node::integer().at_least($least).at_most($most);
        }
    };
}

status!(Status, 200, 599);
status!(FailureStatus, 400, 599);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_in_its_range() {
        assert_eq!(Status::from_value(Value::Text("204".into())).map(Status::number), Ok(204));
        assert!(Status::from_value(Value::Integer(199)).unwrap_err().contains("200–599"));
        assert!(FailureStatus::from_value(Value::Integer(399)).unwrap_err().contains("400–599"));
        assert!(Status(304).is_bodiless() && !Status(200).is_bodiless());
    }
}
