//! What the operator writes.

use policy_validation::{Action, Adjustment, Schema, essence};
use tollgate_sdk::serde_json::Value;
use tollgate_sdk::{ConfigError, Dynamic, configuration};

/// What becomes of bodies that are not as the operation has them.
#[configuration]
#[derive(Debug)]
pub struct Config {
    /// What becomes of a body of a media type that the operation doesn't have.
    pub(crate) unspecified_content_type_action: Dynamic<Action>,
    /// How many bytes a body may have.
    #[schema(range(min = 0, max = 4194304))]
    pub(crate) max_size: u64,
    /// What becomes of a body that has more.
    pub(crate) size_exceeded_action: Dynamic<Action>,
    /// The variable that gets the errors.
    #[serde(default)]
    #[schema(length(min = 1))]
    pub(crate) errors_variable_name: Option<String>,
    /// Media types that are taken for others.
    #[serde(default)]
    pub(crate) content_type_map: ContentTypeMap,
    /// How bodies are looked at, by media type; the first that fits counts.
    #[serde(default)]
    content: Vec<Content>,
}

/// Media types that are taken for others.
#[configuration]
#[derive(Debug, Default)]
pub(crate) struct ContentTypeMap {
    /// What every body is taken for that none of `types` fits.
    #[serde(default)]
    pub(crate) any_content_type_value: Option<String>,
    /// What a body without a media type is taken for.
    #[serde(default)]
    pub(crate) missing_content_type_value: Option<String>,
    /// Single ones; the first that fits counts.
    #[serde(default)]
    pub(crate) types: Vec<Mapping>,
}

/// A media type that is taken for another: one that is named, or any if a condition holds.
#[configuration]
#[derive(Debug)]
pub(crate) struct Mapping {
    /// The media type of the message.
    #[serde(default)]
    pub(crate) from: Option<String>,
    /// A condition in its place.
    #[serde(default)]
    pub(crate) when: Option<Dynamic<bool>>,
    /// What it is taken for.
    pub(crate) to: String,
}

/// How a body is looked at.
#[configuration]
#[derive(Debug)]
struct Content {
    /// The media type; without one, every media type that the operation has.
    #[serde(default)]
    r#type: Option<String>,
    /// What a body has to be.
    validate_as: Form,
    /// What becomes of errors.
    action: Dynamic<Action>,
    /// A JSON Schema, instead of the operation's; or `schema-id`, the name of one of the document's.
    #[serde(default)]
    schema: Option<Value>,
    /// The part of `schema` that counts. Example: `#/components/schemas/order`.
    #[serde(default)]
    schema_ref: Option<String>,
    /// Whether objects may have properties that their schema doesn't list, whatever it says of that.
    #[serde(default)]
    allow_additional_properties: Option<bool>,
    /// Whether the case of properties' names is ignored.
    #[serde(default)]
    case_insensitive_property_names: bool,
}

/// What a body has to be.
#[configuration]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// JSON that fits the schema, if there is one.
    Json,
    /// XML that is well-formed.
    Xml,
}

/// How a body is looked at, ready to be done.
#[derive(Debug)]
pub(crate) struct Rule {
    /// A media type as `essence` writes it.
    pub(crate) content_type: Option<String>,
    pub(crate) form: Form,
    pub(crate) action: Dynamic<Action>,
    /// None to go by the operation's; never an error.
    pub(crate) schema: Option<Result<Schema, String>>,
    pub(crate) adjustment: Adjustment,
}

impl Config {
    /// Check what the schema can't say, and make the rules.
    pub(crate) fn take_rules(&mut self) -> Result<Vec<Rule>, ConfigError> {
        for (index, mapping) in self.content_type_map.types.iter().enumerate() {
            if mapping.from.is_some() == mapping.when.is_some() {
                let pointer = format!("/content-type-map/types/{index}");
                return Err(ConfigError::new(pointer, "expected `from` or `when`, and not both"));
            }
        }
        let contents = std::mem::take(&mut self.content).into_iter().enumerate();
        contents.map(|(index, content)| content.rule(&format!("/content/{index}"))).collect()
    }
}

impl Content {
    fn rule(self, pointer: &str) -> Result<Rule, ConfigError> {
        let at = |member: &str, why: &str| ConfigError::new(format!("{pointer}/{member}"), why);
        let adjustment = Adjustment {
            additional_properties: self.allow_additional_properties,
            ignores_case: self.case_insensitive_property_names,
        };
        let has_schema = self.schema.is_some() || self.schema_ref.is_some();
        let is_adjusted = adjustment != Adjustment::default();
        if self.validate_as == Form::Xml && (has_schema || is_adjusted) {
            let why = "a body of XML is only looked at for being well-formed, so schemas and what is said of them are for JSON";
            return Err(at("validate-as", why));
        }
        let schema = match (self.schema, self.schema_ref) {
            (None, Some(_)) => return Err(at("schema-ref", "it is a part of `schema`, which is missing")),
            (None, None) => None,
            (Some(schema), None) => Some(schema),
            (Some(Value::Object(mut schema)), Some(reference)) => {
                schema.insert("$ref".into(), reference.into());
                Some(Value::Object(schema))
            }
            (Some(_), Some(_)) => return Err(at("schema", "this has no parts")),
        };
        let compiled = schema.map(|schema| Schema::adjusted(&schema, adjustment)).transpose();
        Ok(Rule {
            content_type: self.r#type.as_deref().map(essence),
            form: self.validate_as,
            action: self.action,
            schema: compiled.map_err(|why| at("schema", &why))?.map(Ok),
            adjustment,
        })
    }
}
