//! What a member is in XML, by its name and the configuration. Worked out once for each name of a document.

use tollgate_xml::{Fault, Scope};

use crate::config::Config;
use crate::name;

/// What a member becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Element,
    /// Text of the element around it.
    Text,
    Attribute,
    /// A declaration of the namespace with this prefix, empty for the default one.
    Namespace(String),
    /// An object of attributes.
    Attributes,
    /// An object of declarations.
    Namespaces,
}

/// A member's name in XML.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    pub(crate) role: Role,
    /// In a block of attributes, the prefix that it declares instead of being one.
    pub(crate) declares: Option<String>,
    /// The name, where no part of it is a declared prefix.
    pub(crate) plain: String,
    /// The name, where the part before the separator is.
    pub(crate) prefixed: Option<Prefixed>,
}

#[derive(Clone, Debug)]
pub(crate) struct Prefixed {
    /// The prefix by its number in the scope.
    pub(crate) prefix: u32,
    /// `prefix:local`.
    pub(crate) text: String,
    /// Where the local part begins.
    pub(crate) local: usize,
}

impl Named {
    /// An element whose name is one already.
    pub(crate) fn element(plain: &str) -> Named {
        Named { role: Role::Element, declares: None, plain: plain.to_owned(), prefixed: None }
    }

    pub(crate) fn of(member: &str, config: &Config, scope: &mut Scope<'_>) -> Result<Named, Fault> {
        let (role, name) = role(member, config);
        let replacement = config.invalid_character_replacement.as_deref();
        let separator = config.namespace_separator.as_str();
        let mut prefixed = None;
        if let Some((prefix, local)) = name.split_once(separator)
            && name::is_ncname(prefix)
            && !local.is_empty()
        {
            let text = format!("{prefix}:{}", name::encode(local, replacement));
            prefixed =
                Some(Prefixed { prefix: scope.prefix(prefix.to_owned().into())?, text, local: prefix.len() + 1 });
        }
        let plain = name::encode(name, replacement);
        if plain.len() > MAX_NAME {
            return Err(Fault::malformed_at("a name is longer than 64 KiB in XML", None));
        }
        let declares = match &role {
            Role::Namespace(prefix) => Some(prefix.clone()),
            _ => declared(name, "xmlns", config).map(str::to_owned),
        };
        Ok(Named { role, declares, plain, prefixed })
    }
}

/// The longest name that an XML reader of ours takes.
const MAX_NAME: usize = 64 << 10;

/// What a member is, and the part of its name that names it.
fn role<'m>(member: &'m str, config: &Config) -> (Role, &'m str) {
    // No XML name begins like these, and xml-to-json writes them.
    if member == "#text" || member == "$text" {
        return (Role::Text, member);
    }
    let is = |name: &Option<String>| name.as_deref() == Some(member);
    if is(&config.attribute_block_name) {
        return (Role::Attributes, member);
    }
    if is(&config.namespace_block_name) {
        return (Role::Namespaces, member);
    }
    if let Some(xmlns) = config.namespace_prefix.as_deref()
        && let Some(prefix) = declared(member, xmlns, config)
    {
        return (Role::Namespace(prefix.to_owned()), member);
    }
    if let Some(mark) = config.attribute_prefix.as_deref()
        && let Some(name) = member.strip_prefix(mark).filter(|name| !name.is_empty())
    {
        return match declared(name, "xmlns", config) {
            Some(prefix) => (Role::Namespace(prefix.to_owned()), name),
            None => (Role::Attribute, name),
        };
    }
    (Role::Element, member)
}

/// The prefix that `xmlns` or `xmlns` + separator + prefix declares.
fn declared<'m>(name: &'m str, xmlns: &str, config: &Config) -> Option<&'m str> {
    let rest = name.strip_prefix(xmlns)?;
    if rest.is_empty() {
        return Some(rest);
    }
    rest.strip_prefix(config.namespace_separator.as_str()).filter(|prefix| !prefix.is_empty())
}
