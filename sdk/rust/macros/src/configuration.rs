//! `#[configuration]`: serde with our conventions, and a schema that agrees with it.

use crate::attributes::{Container, Field, take_off_ours};
use crate::schema;
use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Result};

pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    if !arguments.is_empty() {
        return Err(Error::new_spanned(arguments, "`#[configuration]` takes no arguments; use `#[serde(…)]`"));
    }
    let mut input: DeriveInput = syn::parse2(item)?;
    let chosen = Container::of(&input)?;
    let has_names = !chosen.transparent && chosen.read_as.is_none();
    let mut defaults = Vec::new();
    if has_names && !chosen.has_rename_all() {
        defaults.push(quote!(rename_all = "kebab-case"));
    }
    let closed = has_names && matches!(input.data, Data::Struct(_));
    // serde can't tell unknown members from those of a flattened field; the schema, which comes first, can.
    if closed && !chosen.closed && !flattens(&input)? {
        defaults.push(quote!(deny_unknown_fields));
    }
    let schema = schema::expand(&input, &chosen.with_defaults(closed))?;
    take_off_ours(&mut input)?;
    Ok(quote! {
        #[derive(::tollgate_sdk::serde::Deserialize)]
        #[serde(crate = "::tollgate_sdk::serde", #(#defaults),*)]
        #input

        #schema
    })
}

fn flattens(input: &DeriveInput) -> Result<bool> {
    let Data::Struct(data) = &input.data else { return Ok(false) };
    let mut fields = data.fields.iter().map(|field| Field::of(&field.attrs));
    fields.try_fold(false, |flattens, field| Ok(flattens || field?.flatten))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(item: TokenStream) -> String {
        expand(TokenStream::new(), item).unwrap().to_string()
    }

    fn refused(item: TokenStream) -> String {
        expand(TokenStream::new(), item).unwrap_err().to_string()
    }

    #[test]
    fn a_struct_is_closed_and_in_kebab_case() {
        let text = expanded(quote!(
            struct Config {
                a_b: u64,
            }
        ));
        assert!(text.contains("rename_all = \"kebab-case\" , deny_unknown_fields"), "{text}");
        assert!(text.contains("name : \"a-b\""), "{text}");
        assert!(text.contains("Unknown :: Refused"), "{text}");
    }

    #[test]
    fn what_the_author_says_wins() {
        let text = expanded(quote!(
            #[serde(rename_all = "snake_case", default)]
            struct Config {
                a_b: u64,
            }
        ));
        assert!(!text.contains("kebab-case"), "{text}");
        assert!(text.contains("name : \"a_b\" , required : false"), "{text}");
        let flattened = expanded(quote!(
            struct Config {
                #[serde(default, flatten)]
                more: More,
            }
        ));
        assert!(!flattened.contains("deny_unknown_fields"), "{flattened}");
        assert!(flattened.contains("Unknown :: Refused"), "{flattened}");
        assert!(
            !expanded(quote!(
                #[serde(transparent)]
                struct Config(u64);
            ))
            .contains("deny_unknown")
        );
        assert!(
            !expanded(quote!(
                enum Action {
                    Allow,
                }
            ))
            .contains("deny_unknown")
        );
        let converted = expanded(quote!(
            #[serde(try_from = "String")]
            struct Config {
                a: u64,
            }
        ));
        assert!(converted.contains("< String as"), "{converted}");
    }

    #[test]
    fn our_attribute_is_gone_when_serde_looks() {
        let text = expanded(quote!(
            struct Config {
                #[schema(range(min = -1, max = 5))]
                a: i64,
            }
        ));
        assert!(!text.contains("range"), "{text}");
        assert!(text.contains("Some (- 1i64)") && text.contains("Some (5i64)"), "{text}");
    }

    #[test]
    fn what_has_no_schema_is_refused_with_the_reason() {
        assert!(
            expand(
                quote!(default),
                quote!(
                    struct Config;
                )
            )
            .is_err()
        );
        assert!(
            refused(quote!(
                struct Config<T> {
                    a: T,
                }
            ))
            .contains("generic")
        );
        assert!(
            refused(quote!(
                struct Config(u8, u8);
            ))
            .contains("wraps one value")
        );
        assert!(
            refused(quote!(
                #[serde(tag = "type")]
                enum Config {
                    A { a: u8 },
                }
            ))
            .contains("by hand")
        );
        assert!(
            refused(quote!(
                struct Config {
                    #[schema(ranged(min = 1))]
                    a: u8,
                }
            ))
            .contains("expected `range")
        );
    }
}
