//! What the operator wrote below `json-to-xml`.

use tollgate_sdk::{ConfigError, configuration};
use tollgate_xml::{first_illegal, is_name_char};

/// How JSON bodies become XML.
#[configuration]
#[derive(Clone, Debug)]
pub struct Config {
    /// Which bodies are converted.
    pub apply: Apply,
    /// Convert a response only for a client whose `accept` takes XML, and likes it no less than JSON.
    #[serde(default = "yes")]
    pub consider_accept_header: bool,
    /// Write `/Date(1198908717056)/` as `2007-12-29T06:11:57.056Z`.
    #[serde(default = "yes")]
    pub parse_date: bool,
    /// What stands between a namespace's prefix and a local name in member names.
    #[serde(default = "underscore")]
    #[schemars(length(min = 1, max = 64))]
    pub namespace_separator: String,
    /// Members of this name, or of this name, the separator and a prefix, declare namespaces. Usually `xmlns`.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    pub namespace_prefix: Option<String>,
    /// An object of this name holds namespaces by prefix; `$default` is the default one.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    pub namespace_block_name: Option<String>,
    /// An object of this name holds the attributes of the element around it.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    pub attribute_block_name: Option<String>,
    /// Members whose name begins with this are attributes of the element around them.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    pub attribute_prefix: Option<String>,
    /// Stands for each character that XML can't hold. Without it, names are escaped and such texts refused.
    #[serde(default)]
    #[schemars(length(max = 64))]
    pub invalid_character_replacement: Option<String>,
    /// What is written for `null`; without it, an element that says `xsi:nil="true"`.
    #[serde(default)]
    #[schemars(length(max = 1024))]
    pub null_values: Option<String>,
    /// What `""` becomes: an empty element, or what `null` does.
    #[serde(default)]
    pub empty_values: EmptyValues,
    /// Take white space off both ends of strings.
    #[serde(default)]
    pub trim_values: bool,
}

/// See `Config::apply`.
#[configuration]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Apply {
    /// Every body.
    Always,
    /// A body whose `content-type` says that it is JSON.
    ContentTypeJson,
}

/// See `Config::empty_values`.
#[configuration]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EmptyValues {
    /// Stays empty.
    #[default]
    Preserve,
    /// Is a null.
    AsNull,
}

impl Config {
    /// Check what a schema can't say.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        if let Some(replacement) = &self.invalid_character_replacement
            && !replacement.chars().all(is_name_char)
        {
            let message = "must consist of characters that XML allows in names";
            return Err(ConfigError::new("/invalid-character-replacement", message));
        }
        if self.null_values.as_deref().is_some_and(|text| first_illegal(text).is_some()) {
            return Err(ConfigError::new("/null-values", "must consist of characters that XML allows"));
        }
        if self.attribute_block_name.is_some() && self.attribute_block_name == self.namespace_block_name {
            return Err(ConfigError::new("/namespace-block-name", "must differ from attribute-block-name"));
        }
        Ok(())
    }
}

fn yes() -> bool {
    true
}

fn underscore() -> String {
    "_".to_owned()
}
