//! `#[configuration]`: serde and schemars with our conventions.

use proc_macro2::TokenStream;
use quote::quote;
use syn::punctuated::Punctuated;
use syn::{Data, DeriveInput, Error, Meta, Result, Token};

pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    if !arguments.is_empty() {
        return Err(Error::new_spanned(arguments, "`#[configuration]` takes no arguments; use `#[serde(…)]`"));
    }
    let input: DeriveInput = syn::parse2(item)?;
    let chosen = serde_arguments(&input)?;
    let has = |names: &[&str]| names.iter().any(|name| chosen.iter().any(|argument| argument == name));
    let mut defaults = Vec::new();
    // A transparent or converted type has no names of its own.
    if !has(&["rename_all", "transparent", "from", "try_from"]) {
        defaults.push(quote!(rename_all = "kebab-case"));
    }
    let open = ["deny_unknown_fields", "transparent", "from", "try_from"];
    let mut schema_defaults = Vec::new();
    if matches!(input.data, Data::Struct(_)) && !has(&open) {
        // serde can't tell unknown members from those of a flattened field; the schema, which comes first, can.
        let closed = if flattens(&input) { &mut schema_defaults } else { &mut defaults };
        closed.push(quote!(deny_unknown_fields));
    }
    Ok(quote! {
        #[derive(::tollgate_sdk::serde::Deserialize, ::tollgate_sdk::schemars::JsonSchema)]
        #[serde(crate = "::tollgate_sdk::serde", #(#defaults),*)]
        #[schemars(crate = "::tollgate_sdk::schemars", #(#schema_defaults),*)]
        #input
    })
}

/// The names of what the author says to serde about the whole type.
fn serde_arguments(input: &DeriveInput) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for attribute in input.attrs.iter().filter(|attribute| attribute.path().is_ident("serde")) {
        for meta in attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated)? {
            names.extend(meta.path().get_ident().map(ToString::to_string));
        }
    }
    Ok(names)
}

fn flattens(input: &DeriveInput) -> bool {
    let Data::Struct(data) = &input.data else { return false };
    let attributes = data.fields.iter().flat_map(|field| &field.attrs);
    attributes.filter(|attribute| attribute.path().is_ident("serde")).any(|attribute| {
        let Meta::List(list) = &attribute.meta else { return false };
        list.tokens.to_string().split(',').any(|argument| argument.trim() == "flatten")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(item: TokenStream) -> String {
        expand(TokenStream::new(), item).unwrap().to_string()
    }

    #[test]
    fn a_struct_is_closed_and_in_kebab_case() {
        let text = expanded(quote!(struct Config { a_b: u64 }));
        assert!(text.contains("rename_all = \"kebab-case\" , deny_unknown_fields"), "{text}");
    }

    #[test]
    fn what_the_author_says_wins() {
        let text = expanded(quote!(#[serde(rename_all = "snake_case", default)] struct Config { a_b: u64 }));
        assert!(!text.contains("kebab-case"), "{text}");
        let flattened = expanded(quote!(struct Config { #[serde(default, flatten)] more: More }));
        assert!(flattened.contains("schemars\" , deny_unknown_fields"), "{flattened}");
        assert!(!flattened.contains("kebab-case\" , deny_unknown_fields"), "{flattened}");
        assert!(!expanded(quote!(#[serde(transparent)] struct Config(u64);)).contains("deny_unknown"));
        assert!(!expanded(quote!(enum Action { Allow })).contains("deny_unknown"));
    }

    #[test]
    fn arguments_belong_to_serde() {
        assert!(expand(quote!(default), quote!(struct Config;)).is_err());
    }
}
