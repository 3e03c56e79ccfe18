//! The arguments of `#[policy(…)]`.

use crate::standing::Standing;
use proc_macro2::TokenStream;
use syn::meta::ParseNestedMeta;
use syn::parse::Parser;
use syn::{Attribute, Expr, ExprLit, Lit, LitStr, Meta, Result};

#[derive(Default)]
pub(crate) struct Arguments {
    pub(crate) id: Option<String>,
    pub(crate) summary: Option<String>,
    pub(crate) buffer_request: Option<u64>,
    pub(crate) buffer_response: Option<u64>,
    pub(crate) buffer_error: Option<u64>,
    pub(crate) standing: Standing,
}

impl Arguments {
    pub(crate) fn parse(tokens: TokenStream) -> Result<Self> {
        let mut arguments = Self::default();
        let parser = syn::meta::parser(|meta| arguments.take(&meta));
        parser.parse2(tokens)?;
        Ok(arguments)
    }

    fn take(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        if meta.path.is_ident("id") {
            self.id = Some(meta.value()?.parse::<LitStr>()?.value());
            return Ok(());
        }
        if meta.path.is_ident("summary") {
            self.summary = Some(meta.value()?.parse::<LitStr>()?.value());
            return Ok(());
        }
        if meta.path.is_ident("buffer") {
            return meta.parse_nested_meta(|phase| {
                let slot = if phase.path.is_ident("on_request") {
                    &mut self.buffer_request
                } else if phase.path.is_ident("on_response") {
                    &mut self.buffer_response
                } else if phase.path.is_ident("on_error") {
                    &mut self.buffer_error
                } else {
                    return Err(phase.error("expected `on_request`, `on_response` or `on_error`"));
                };
                *slot = Some(bytes(&phase.value()?.parse::<Lit>()?)?);
                Ok(())
            });
        }
        if self.standing.take(meta)? {
            return Ok(());
        }
        Err(meta.error("expected `id`, `summary`, `buffer`, `sections`, `scopes`, `once` or `rejects`"))
    }
}

/// The first sentence of the documentation comment, without its full stop.
pub(crate) fn first_sentence(attributes: &[Attribute]) -> Option<String> {
    let mut text = String::new();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("doc")) {
        let Meta::NameValue(doc) = &attribute.meta else { continue };
        let Expr::Lit(ExprLit { lit: Lit::Str(line), .. }) = &doc.value else { continue };
        let line = line.value();
        if line.trim().is_empty() {
            break;
        }
        text.push(' ');
        text.push_str(line.trim());
    }
    let text = text.trim();
    let sentence = text.split_once(". ").map_or(text, |(sentence, _)| sentence);
    let sentence = sentence.strip_suffix('.').unwrap_or(sentence);
    (!sentence.is_empty()).then(|| sentence.to_owned())
}

/// A size such as `65536`, `"64KiB"` or `"4MiB"`.
fn bytes(literal: &Lit) -> Result<u64> {
    let size = match literal {
        Lit::Int(number) => number.base10_parse().ok(),
        Lit::Str(text) => size(&text.value()),
        _ => None,
    };
    match size {
        Some(0) => Err(syn::Error::new(literal.span(), "0 bytes are no buffer; leave the phase out")),
        Some(size) => Ok(size),
        None => Err(syn::Error::new(literal.span(), "expected bytes, such as 65536, \"64KiB\" or \"4MiB\"")),
    }
}

fn size(text: &str) -> Option<u64> {
    let (number, unit) = match (text.strip_suffix("KiB"), text.strip_suffix("MiB")) {
        (Some(number), _) => (number, 1 << 10),
        (_, Some(number)) => (number, 1 << 20),
        _ => (text, 1),
    };
    number.trim().parse::<u64>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use quote::quote;
    use syn::parse_quote;

    #[test]
    fn sizes_have_units() {
        assert_eq!(size("17"), Some(17));
        assert_eq!(size("64KiB"), Some(65536));
        assert_eq!(size("4 MiB"), Some(4 << 20));
        assert_eq!(size("4MB"), None);
        assert_eq!(size("99999999999999999MiB"), None);
    }

    #[test]
    fn the_summary_is_the_first_sentence() {
        let attributes: Vec<Attribute> = vec![
            parse_quote!(#[doc = " Refuses requests"]),
            parse_quote!(#[doc = " without a key. Always."]),
            parse_quote!(#[doc = ""]),
            parse_quote!(#[doc = " More"]),
        ];
        assert_eq!(first_sentence(&attributes).unwrap(), "Refuses requests without a key");
        assert_eq!(first_sentence(&[]), None);
    }

    #[test]
    fn what_is_unknown_is_refused() {
        let parsed = Arguments::parse(quote!(id = "a", buffer(on_request = "1KiB"))).unwrap();
        assert_eq!((parsed.id.as_deref(), parsed.buffer_request), (Some("a"), Some(1024)));
        for wrong in
            [quote!(name = "a"), quote!(buffer(on_configure = 1)), quote!(buffer(on_request = 0)), quote!(id = 1)]
        {
            assert!(Arguments::parse(wrong).is_err());
        }
    }
}
