//! Where a statement may stand, and how it may refuse: the arguments `sections`, `scopes`, `once` and `rejects`.

use proc_macro2::TokenStream;
use quote::quote;
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

    /// The members of `Identity`.
    pub(crate) fn members(&self) -> TokenStream {
        let Self { sections, scopes, once, rejections } = self;
        let rejections = rejections.iter().map(|(status, reason)| {
            let status = match status {
                Some(status) => quote!(::core::option::Option::Some(#status)),
                None => quote!(::core::option::Option::None),
            };
            quote!((#status, #reason))
        });
        quote! {
            sections: &[#(#sections),*],
            scopes: &[#(#scopes),*],
            once: #once,
            rejections: &[#(#rejections),*],
        }
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
        {
            return Err(syn::Error::new(reason.span(), "a reason is a word in upper camel case"));
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
        let standing = arguments.standing;
        assert_eq!(standing.sections, ["inbound", "on-error"]);
        assert_eq!(standing.scopes, ["product", "api"]);
        assert!(standing.once);
        let expected = [(Some(429), "RateLimitExceeded".to_owned()), (None, "HeaderNotFound".to_owned())];
        assert_eq!(standing.rejections, expected);
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
