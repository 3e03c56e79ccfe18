//! What the operator wrote below `xml-to-json`.

use tollgate_sdk::configuration;

/// How XML bodies become JSON.
#[configuration]
#[derive(Clone, Debug)]
pub struct Config {
    /// The mapping: names to use from JavaScript, or the document's structure as it is.
    pub kind: Kind,
    /// Which bodies are converted.
    pub apply: Apply,
    /// Convert a response only for a client whose `accept` takes JSON, and likes it no less than XML.
    #[serde(default = "yes")]
    pub consider_accept_header: bool,
    /// Make an array of every child element, even of one that stands alone.
    #[serde(default)]
    pub always_array_child_elements: bool,
    /// Keep text between elements that is white space only.
    #[serde(default)]
    pub preserve_whitespace_nodes: bool,
    /// What an element or attribute without text becomes.
    #[serde(default)]
    pub empty_values: EmptyValues,
    /// Take white space off both ends of texts and attributes.
    #[serde(default)]
    pub trim_values: bool,
}

/// See `Config::kind`.
#[configuration]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `{"order":{"id":"7","line":["a","b"]}}`, attributes and elements alike, prefixes left out.
    JavascriptFriendly,
    /// `{"o:order":{"@xmlns:o":"urn:o","@id":"7","#text":"x"}}`.
    Direct,
}

/// See `Config::apply`.
#[configuration]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Apply {
    /// Every body.
    Always,
    /// A body whose `content-type` says that it is XML.
    ContentTypeXml,
}

/// See `Config::empty_values`.
#[configuration]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EmptyValues {
    /// `""`.
    #[default]
    Preserve,
    /// `null`.
    AsNull,
}

fn yes() -> bool {
    true
}
