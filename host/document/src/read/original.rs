//! Statements that operators know from API Management (`apim.md` §1) and look for here.

use crate::nearest::plain;

/// What is said of names that the original has. The words follow a colon.
const KNOWN: [(&[&str], &str); 16] = [
    (&["log-to-eventhub"], "here it is `log-event`"),
    (&["validate-azure-ad-token"], "`validate-jwt` does it, with the tenant's address in `openid-config`"),
    (&["cache-value"], "here it is `cache-lookup-value`, and `cache-store-value` for what wasn't there"),
    (
        &["set-url"],
        "it stands within `send-request`; `rewrite-uri` and `set-backend-service` change where a request goes",
    ),
    (&["when", "otherwise"], "it stands within `choose`"),
    (
        &[
            "authentication-managed-identity",
            "authentication-token",
            "authentication-token-store",
            "get-authorization-context",
        ],
        "there is none, for the identities are Azure's; `send-request` can fetch a token",
    ),
    (&["authentication-certificate"], "there is none: the gateway shows no certificate to origins"),
    (&["validate-client-certificate"], "there is none: the gateway asks clients for no certificate"),
    (&["proxy"], "there is none: the gateway calls origins without a proxy"),
    (&["publish-to-dapr", "invoke-dapr-binding"], "there is none for Dapr; `send-request` can call its HTTP API"),
    (
        &["send-service-bus-message"],
        "there is none, for Service Bus is Azure's; `send-request` can call its HTTP API, `log-event` writes to a file",
    ),
    (&["xsl-transform"], "there is none; `set-body` with `template: liquid` makes other text of XML"),
    (&["cross-domain"], "there is none, for no browser asks any more; `cors` is for pages of other origins"),
    (
        &[
            "validate-graphql-request",
            "sql-data-source",
            "cosmosdb-data-source",
            "http-data-source",
            "graphql-data-source",
            "publish-event",
        ],
        "there is none for GraphQL",
    ),
    (&["validate-odata-request"], "there is none for OData; `validate-parameters` checks a query"),
    (
        &["llm-token-limit", "azure-openai-token-limit"],
        "there is none; `rate-limit-by-key` can count tokens with `increment-count`",
    ),
];

/// How names begin that are all about language models, and of which there are none.
const OF_LANGUAGE_MODELS: [&str; 2] = ["llm", "azureopenai"];

/// What to say of a name that API Management has and that is no statement here, however its words are joined.
pub(super) fn said_of(name: &str) -> Option<&'static str> {
    let name = plain(name);
    let known = KNOWN.iter().find(|(names, _)| names.iter().any(|known| plain(known) == name));
    let of_models = || OF_LANGUAGE_MODELS.iter().any(|begin| name.starts_with(begin));
    known.map(|(_, words)| *words).or_else(|| of_models().then_some("there is none for language models"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_original_are_known_however_they_are_written() {
        for name in ["log-to-eventhub", "logToEventhub", "log_to_eventhub", "LogToEventHub"] {
            assert_eq!(said_of(name), Some("here it is `log-event`"), "{name}");
        }
        assert_eq!(said_of("llm-content-safety"), Some("there is none for language models"));
        assert!(said_of("llm-token-limit").unwrap().contains("`rate-limit-by-key`"));
        for name in ["rate-limit", "log-to", ""] {
            assert_eq!(said_of(name), None, "{name}");
        }
    }
}
