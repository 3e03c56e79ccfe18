//! Where a statement may stand, and how it may refuse: the arguments `sections`, `scopes`, `once` and `rejects`.

use syn::meta::ParseNestedMeta;
use syn::{LitInt, LitStr, Result, Token, parenthesized};

const SECTIONS: [&str; 4] = ["inbound", "backend", "outbound", "on_error"];
const SCOPES: [&str; 4] = ["global", "product", "api", "operation"];

#[derive(Debug, Default)]
pub(crate) struct Standing {
    sections: Vec<String>,
    scopes: Vec<String>,
    once: bool,
    rejections: Vec<(Option<u16>, String)>,
}

impl Standing {
    /// Take an argument, if it is one of these.
    pub(crate) fn take(&mut self, meta: &ParseNestedMeta<'_>) -> Result<bool> {
        match () {
            () if meta.path.is_ident("sections") => self.sections = names(meta, &SECTIONS)?,
            () if meta.path.is_ident("scopes") => self.scopes = names(meta, &SCOPES)?,
            () if meta.path.is_ident("once") => self.once = true,
            () if meta.path.is_ident("rejects") => self.rejections.extend(rejections(meta)?),
            () => return Ok(false),
        }
        Ok(true)
    }

    pub(crate) fn sections(&self) -> impl Iterator<Item = &str> {
        self.sections.iter().map(String::as_str)
    }

    /// The members of the manifest, each with a comma before it. Written here, so that they add no code to a component.
    ///
    /// All words are letters, digits and hyphens, so that none needs an escape.
    pub(crate) fn manifest(&self) -> String {
        let mut text = String::new();
        for (name, words) in [("sections", &self.sections), ("scopes", &self.scopes)] {
            if !words.is_empty() {
                let words: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
                text.push_str(&format!(",\"{name}\":[{}]", words.join(",")));
            }
        }
        if self.once {
            text.push_str(",\"once\":true");
        }
        let rejection = |(status, reason): &(Option<u16>, String)| {
            let status = status.map_or("null".into(), |status| status.to_string());
            format!("{{\"status\":{status},\"reason\":\"{reason}\"}}")
        };
        if !self.rejections.is_empty() {
            let rejections: Vec<String> = self.rejections.iter().map(rejection).collect();
            text.push_str(&format!(",\"rejections\":[{}]", rejections.join(",")));
        }
        text
    }
}

/// `(inbound, on_error)`, as the manifest writes them.
fn names(meta: &ParseNestedMeta<'_>, known: &[&str]) -> Result<Vec<String>> {
    let mut names = Vec::new();
    meta.parse_nested_meta(|inner| {
        let name = known.iter().find(|name| inner.path.is_ident(name));
        let name = name.ok_or_else(|| inner.error(format!("expected one of {}", known.join(", "))))?.replace('_', "-");
        if names.contains(&name) {
            return Err(inner.error("this is said twice"));
        }
        names.push(name);
        Ok(())
    })?;
    Ok(names)
}

/// `(429 = "RateLimitExceeded", configured = "HeaderNotFound")`.
fn rejections(meta: &ParseNestedMeta<'_>) -> Result<Vec<(Option<u16>, String)>> {
    let inner;
    parenthesized!(inner in meta.input);
    let mut rejections = Vec::new();
    while !inner.is_empty() {
        let status = match inner.peek(LitInt) {
            true => {
                let literal = inner.parse::<LitInt>()?;
                match literal.base10_parse::<u16>() {
                    Ok(status @ 400..=599) => Some(status),
                    _ => return Err(syn::Error::new(literal.span(), "a refusal's status is 400 to 599")),
                }
            }
            false => {
                let word = inner.parse::<syn::Ident>()?;
                if word != "configured" {
                    return Err(syn::Error::new(word.span(), "expected a status, or `configured`"));
                }
                None
            }
        };
        inner.parse::<Token![=]>()?;
        let reason = inner.parse::<LitStr>()?;
        if !reason.value().starts_with(|first: char| first.is_ascii_uppercase())
            || !reason.value().bytes().all(|byte| byte.is_ascii_alphanumeric())
            || reason.value().len() > 64
        {
            return Err(syn::Error::new(reason.span(), "a reason is a word of at most 64 letters in upper camel case"));
        }
        rejections.push((status, reason.value()));
        if !inner.is_empty() {
            inner.parse::<Token![,]>()?;
        }
    }
    Ok(rejections)
}

#[cfg(test)]
mod tests {
    use crate::arguments::Arguments;
    use quote::quote;

    #[test]
    fn places_and_refusals_are_written_for_the_manifest() {
        let arguments = Arguments::parse(quote!(
            sections(inbound, on_error),
            scopes(product, api),
            once,
            rejects(429 = "RateLimitExceeded", configured = "HeaderNotFound"),
            id = "a"
        ))
        .unwrap();
        assert_eq!(
            arguments.standing.manifest(),
            r#","sections":["inbound","on-error"],"scopes":["product","api"],"once":true,"rejections":[{"status":429,"reason":"RateLimitExceeded"},{"status":null,"reason":"HeaderNotFound"}]"#
        );
        assert_eq!(Arguments::parse(quote!(id = "a")).unwrap().standing.manifest(), "");
    }

    #[test]
    fn what_can_not_be_meant_is_refused_with_the_reason() {
        let refused = |tokens| Arguments::parse(tokens).err().unwrap().to_string();
        assert!(refused(quote!(sections(request))).contains("expected one of inbound"));
        assert!(refused(quote!(sections())).contains("expected"), "none at all is no place");
        assert!(refused(quote!(scopes(api, api))).contains("twice"));
        assert!(refused(quote!(rejects(200 = "Fine"))).contains("400 to 599"));
        assert!(refused(quote!(rejects(status = "No"))).contains("`configured`"));
        assert!(refused(quote!(rejects(400 = "not a word"))).contains("upper camel case"));
        assert!(refused(quote!(twice)).contains("`once`"));
    }
}
